//! /windows of depth.h5: one dataset a column, filled in bands of rows.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, Group};

use super::columns::slice;
use super::depth::DepthWindow;
use super::error::{Place, StoreError};
use super::file;
use super::heap::{REFERENCE, Strings};
use super::text::{TextPiece, TextRef, references};

/// Rows written together.
const BAND_ROWS: usize = 1 << 15;
/// The bytes of the strings, a dataset for each band.
const TEXT: &str = "/windows/text";

/// The columns, open.
pub(super) struct WindowColumns {
    chrom: Dataset,
    start: Dataset,
    end: Dataset,
    name: Option<Dataset>,
}

/// A window as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredWindow {
    /// Name of its chromosome.
    pub chrom: String,
    /// First position, 0-based.
    pub start: u32,
    /// Behind the last one.
    pub end: u32,
    /// Its own name, where windows have some.
    pub name: Option<String>,
}

impl WindowColumns {
    pub(super) fn create(place: &Place, root: &Group, n: usize, has_names: bool) -> Result<Self, StoreError> {
        let group = &file::group(place, root, "windows")?;
        let text = |name| file::placed_column::<VarLenUnicode>(place, group, name, n);
        let columns = Self {
            chrom: text("chrom")?,
            start: file::column::<u32>(place, group, "start", n)?,
            end: file::column::<u32>(place, group, "end", n)?,
            name: has_names.then(|| text("name")).transpose()?,
        };
        file::group(place, root, TEXT)?;
        Ok(columns)
    }

    /// Opens the columns and gives their length.
    pub(super) fn open(place: &Place, root: &Group) -> Result<(Self, usize), StoreError> {
        let ([chrom, start, end], n) =
            super::checked::list(place, root, ["/windows/chrom", "/windows/start", "/windows/end"])?;
        let has_names = root.link_exists("windows/name");
        let name = has_names.then(|| super::checked::dataset(place, root, "/windows/name", &[n])).transpose()?;
        Ok((Self { chrom, start, end, name }, n))
    }

    /// Writes all rows. `raw` is the file beside the library's handle on it, for the strings.
    pub(super) fn write<'a>(
        &self,
        place: &Place,
        at: (&Group, &File),
        mut windows: impl Iterator<Item = DepthWindow<'a>>,
    ) -> Result<(), StoreError> {
        let n = self.start.size();
        for first in (0..n).step_by(BAND_ROWS) {
            let rows = first..n.min(first + BAND_ROWS);
            self.write_band(place, at, rows, &mut windows)?;
        }
        match windows.next() {
            None => Ok(()),
            Some(_) => Err(place.argument(format!("more windows than the {n} that the file was made for"))),
        }
    }

    fn write_band<'a>(
        &self,
        place: &Place,
        (root, raw): (&Group, &File),
        rows: Range<usize>,
        windows: &mut impl Iterator<Item = DepthWindow<'a>>,
    ) -> Result<(), StoreError> {
        let mut piece = TextPiece::default();
        let (mut chroms, mut names) = (Vec::new(), Vec::new());
        let (mut starts, mut ends) = (Vec::new(), Vec::new());
        for window in windows.take(rows.len()) {
            chroms.push(piece.put(window.chrom, true));
            names.push(piece.put(window.name, false));
            starts.push(window.start);
            ends.push(window.end);
        }
        if starts.len() != rows.len() {
            return Err(place.argument("fewer windows than the file was made for"));
        }
        let bytes = piece.take();
        let mut address = 0;
        if !bytes.is_empty() {
            let name = format!("{TEXT}/{}", rows.start);
            let dataset = file::placed_column::<u8>(place, root, &name, bytes.len())?;
            address = file::address(place, &name, &dataset)?;
            raw.write_all_at(&bytes, address).map_err(|error| place.io("cannot write", error))?;
        }
        let put = |dataset: &Dataset, texts: &[TextRef]| {
            let at = file::address(place, &dataset.name(), dataset)? + (rows.start * REFERENCE) as u64;
            raw.write_all_at(&references(texts, address), at).map_err(|error| place.io("cannot write", error))
        };
        put(&self.chrom, &chroms)?;
        if let Some(dataset) = &self.name {
            put(dataset, &names)?;
        }
        place.h5("/windows/start", self.start.write_slice(&starts[..], rows.clone()))?;
        place.h5("/windows/end", self.end.write_slice(&ends[..], rows))
    }

    /// Reads a range of rows, which the caller has checked.
    pub(super) fn read(
        &self,
        place: &Place,
        strings: &Strings,
        rows: Range<usize>,
    ) -> Result<Vec<StoredWindow>, StoreError> {
        let chroms = strings.read(place, "/windows/chrom", &self.chrom, rows.clone())?;
        let names = self.name.as_ref().map(|name| strings.read(place, "/windows/name", name, rows.clone()));
        let mut names = names.transpose()?.map(Vec::into_iter);
        let starts = slice::<u32>(place, &self.start, rows.clone())?;
        let ends = slice::<u32>(place, &self.end, rows)?;
        let window = |((chrom, start), end)| {
            let name = names.as_mut().map(|names| names.next().unwrap_or_default());
            StoredWindow { chrom, start, end, name }
        };
        Ok(chroms.into_iter().zip(starts).zip(ends).map(window).collect())
    }
}
