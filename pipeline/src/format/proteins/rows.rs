//! Rows of a long table, of text or Parquet, as their readers want them: a few cells by role.

use super::error::ProteinFileError;
use super::number;

/// Most text cells that a reader asks for.
pub(super) const MAX_TEXTS: usize = 13;
/// Most number cells that a reader asks for.
pub(super) const MAX_NUMBERS: usize = 4;

/// A number that is read where it is needed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Num<'a> {
    Text(&'a [u8]),
    Value(f64),
}

impl Num<'_> {
    /// NaN where it is missing; or what is wrong with it.
    #[inline]
    pub fn value(self) -> Result<f64, String> {
        match self {
            Self::Text(cell) => number::value(cell),
            Self::Value(value) if value.is_infinite() => Err("the value is infinite".into()),
            Self::Value(value) => Ok(value),
        }
    }
}

/// One row.
#[derive(Debug)]
pub(super) struct LongRow<'a> {
    pub texts: [&'a [u8]; MAX_TEXTS],
    pub numbers: [Num<'a>; MAX_NUMBERS],
}

impl LongRow<'_> {
    pub fn empty() -> Self {
        Self { texts: [&[]; MAX_TEXTS], numbers: [Num::Value(f64::NAN); MAX_NUMBERS] }
    }
}

/// Where the cells of a row are in the file; `None` where the file has no such column.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    pub texts: [Option<usize>; MAX_TEXTS],
    pub numbers: [Option<usize>; MAX_NUMBERS],
}

/// What takes rows. An error is what is wrong with the row, without its place.
pub(super) trait TakeRow {
    fn row(&mut self, row: &LongRow) -> Result<(), String>;
}

/// What gives rows.
pub(super) trait LongInput {
    /// File as named by the user.
    fn path(&self) -> &str;
    /// Names of columns.
    fn header(&self) -> &[String];
    /// Hands every row to `reader`; how many there were.
    fn rows(&mut self, wanted: &Wanted, reader: &mut dyn TakeRow) -> Result<u64, ProteinFileError>;
}
