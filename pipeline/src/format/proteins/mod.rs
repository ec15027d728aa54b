//! Tables of proteins as laboratories send them, one layout a file, all into one [`RawTable`].
//!
//! Long tables (a row is a protein in a sample) come through `rows`, of text or Parquet; matrices through `matrix`.

mod adat;
mod cells;
mod columns;
mod diann;
pub mod error;
mod join;
mod long;
mod matrix;
mod maxquant;
mod names;
mod number;
mod olink;
mod olink_table;
mod olink_words;
pub mod options;
#[cfg(feature = "parquet")]
mod parquet_pages;
#[cfg(feature = "parquet")]
mod parquet_rows;
pub mod phenotype_bed;
mod recognise;
mod rows;
mod runs;
mod runs_by_name;
mod text_rows;
mod wide;

use std::path::{Path, PathBuf};

pub use error::ProteinFileError;
pub use options::{Orientation, ReadOptions};

use crate::format::table_text::LineReader;
use crate::proteins::{RawTable, TableLayout};
use rows::LongInput;

/// Reads one file, or several of one layout: proteins are joined by their IDs, and a sample that is measured again is a further
/// measurement. The layout is recognised by the file's content unless `options` name it.
///
/// Memory: 16 bytes a cell of a long table's matrix, and the matrix itself; nothing by the number of rows.
///
/// # Errors
/// [`ProteinFileError`]: file, line or row, column, what is wrong.
pub fn read(paths: &[PathBuf], options: &ReadOptions) -> Result<RawTable, ProteinFileError> {
    let mut inputs = Vec::new();
    for path in paths {
        inputs.push((path, open(path, options)?));
    }
    if inputs.iter().all(|(_, input)| input.layout == TableLayout::OlinkLong) && !inputs.is_empty() {
        let mut olink = olink::Olink::default();
        for (_, input) in &mut inputs {
            olink.read(&mut *input.long()?, options)?;
        }
        return olink.table(&paths[0].display().to_string());
    }
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let tables = inputs.iter_mut().map(|(path, input)| input.table(path, options)).collect::<Result<Vec<_>, _>>()?;
    join::join(&names, tables)
}

/// A file whose layout is known.
struct Input {
    layout: TableLayout,
    path: String,
    rows: Option<Box<dyn LongInput>>,
}

impl Input {
    fn long(&mut self) -> Result<&mut dyn LongInput, ProteinFileError> {
        match &mut self.rows {
            Some(rows) => Ok(rows.as_mut()),
            None => Err(ProteinFileError::file(&self.path, "no long table")),
        }
    }

    fn table(&mut self, path: &Path, options: &ReadOptions) -> Result<RawTable, ProteinFileError> {
        if is_parquet(path)? && !matches!(self.layout, TableLayout::OlinkLong | TableLayout::DiannReport) {
            let problem = "a matrix in Parquet is not read; save it as text between tabs";
            return Err(ProteinFileError::file(&self.path, problem));
        }
        match self.layout {
            TableLayout::OlinkLong => {
                let mut olink = olink::Olink::default();
                olink.read(self.long()?, options)?;
                olink.table(&self.path)
            }
            TableLayout::DiannReport => diann::read_report(self.long()?, options),
            TableLayout::DiannMatrix => diann::read_matrix(path),
            TableLayout::MaxQuant => maxquant::read(path, options),
            TableLayout::Adat => adat::read(path, options),
            TableLayout::Wide => wide::read(path, options),
            TableLayout::Bed => phenotype_bed::read(path),
        }
    }
}

fn open(path: &Path, options: &ReadOptions) -> Result<Input, ProteinFileError> {
    let name = path.display().to_string();
    let rows: Box<dyn LongInput> = if is_parquet(path)? {
        open_parquet(path)?
    } else {
        if options.layout.is_none_or(|layout| layout == TableLayout::Adat) {
            let is_adat = LineReader::open(path)?.next_content_line(false)?.is_some_and(adat::is_first_line);
            if is_adat || options.layout == Some(TableLayout::Adat) {
                return Ok(Input { layout: TableLayout::Adat, path: name, rows: None });
            }
        }
        if matches!(options.layout, Some(TableLayout::Wide | TableLayout::Bed)) || options.orientation.is_some() {
            let layout = options.layout.unwrap_or(TableLayout::Wide);
            return Ok(Input { layout, path: name, rows: None });
        }
        Box::new(text_rows::TextRows::open(path)?)
    };
    let layout = match options.layout {
        Some(layout) => layout,
        None => recognise::recognise(&name, rows.header())?,
    };
    Ok(Input { layout, path: name, rows: Some(rows) })
}

fn is_parquet(path: &Path) -> Result<bool, ProteinFileError> {
    use std::io::Read;
    if !path.is_file() {
        return Ok(false);
    }
    let mut magic = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(4).read_to_end(&mut magic));
    read.map_err(|cause| ProteinFileError::file(&path.display().to_string(), cause.to_string()))?;
    Ok(magic == b"PAR1")
}

#[cfg(feature = "parquet")]
fn open_parquet(path: &Path) -> Result<Box<dyn LongInput>, ProteinFileError> {
    Ok(Box::new(parquet_rows::ParquetRows::open(path)?))
}

#[cfg(not(feature = "parquet"))]
fn open_parquet(path: &Path) -> Result<Box<dyn LongInput>, ProteinFileError> {
    let problem = "a Parquet file: this norna was built without the feature parquet; save the table as CSV";
    Err(ProteinFileError::file(&path.display().to_string(), problem))
}
