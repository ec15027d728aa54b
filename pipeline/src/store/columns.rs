//! /variants: one dataset a column, filled and read in bands of rows.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, Group, H5Type};
use norna_kernels::Status;

use super::error::{Place, StoreError};
use super::file;
use super::heap::{REFERENCE, Strings};
use super::text::{TextPiece, TextRef, references};
use crate::sink::rows::VariantRow;

/// The bytes of the strings, a dataset for each band of rows.
const TEXT: &str = "/variants/text";

/// The columns of /variants, open.
pub(super) struct VariantColumns {
    chrom: Dataset,
    pos: Dataset,
    id: Dataset,
    reference: Dataset,
    alternate: Dataset,
    a1_freq: Dataset,
    n: Dataset,
    mac: Dataset,
    missing: Dataset,
    status: Dataset,
}

/// Rows on their way to the columns.
#[derive(Default)]
pub(super) struct VariantBand {
    piece: TextPiece,
    /// CHROM, ID, REF, ALT.
    texts: [Vec<TextRef>; 4],
    pos: Vec<u32>,
    a1_freq: Vec<f64>,
    n: Vec<u32>,
    mac: Vec<f64>,
    missing: Vec<u32>,
    status: Vec<u8>,
}

impl VariantBand {
    pub(super) fn len(&self) -> usize {
        self.pos.len()
    }

    pub(super) fn push(&mut self, row: &VariantRow) {
        let texts = [(&row.chrom, true), (&row.id, false), (&row.reference, false), (&row.alternate, false)];
        for (column, (text, often)) in self.texts.iter_mut().zip(texts) {
            column.push(self.piece.put(text, often));
        }
        self.pos.push(row.pos);
        self.a1_freq.push(row.a1_freq);
        self.n.push(row.n);
        self.mac.push(row.mac);
        self.missing.push(row.missing);
        self.status.push(row.status);
    }
}

impl VariantColumns {
    pub(super) fn create(place: &Place, root: &Group, n_variants: usize) -> Result<Self, StoreError> {
        let group = &file::group(place, root, "variants")?;
        let text = |name| file::placed_column::<VarLenUnicode>(place, group, name, n_variants);
        let columns = Self {
            chrom: text("chrom")?,
            pos: file::column::<u32>(place, group, "pos", n_variants)?,
            id: text("id")?,
            reference: text("ref")?,
            alternate: text("alt")?,
            a1_freq: file::column::<f64>(place, group, "a1_freq", n_variants)?,
            n: file::column::<u32>(place, group, "n", n_variants)?,
            mac: file::column::<f64>(place, group, "mac", n_variants)?,
            missing: file::column::<u32>(place, group, "missing", n_variants)?,
            status: file::column::<u8>(place, group, "status", n_variants)?,
        };
        set_code_names(place, &columns.status)?;
        file::group(place, root, TEXT)?;
        Ok(columns)
    }

    /// Opens the columns and gives their length, which all share.
    pub(super) fn open(place: &Place, root: &Group) -> Result<(Self, usize), StoreError> {
        let mut n_variants = None;
        let mut open = |name: &str| -> Result<Dataset, StoreError> {
            let object = format!("/variants/{name}");
            let dataset = place.h5(&object, root.dataset(&object))?;
            match (dataset.shape()[..].first(), dataset.ndim()) {
                (Some(&n), 1) if *n_variants.get_or_insert(n) == n => Ok(dataset),
                _ => Err(place.malformed(&object, format!("shape {:?} differs from /variants/chrom", dataset.shape()))),
            }
        };
        let columns = Self {
            chrom: open("chrom")?,
            pos: open("pos")?,
            id: open("id")?,
            reference: open("ref")?,
            alternate: open("alt")?,
            a1_freq: open("a1_freq")?,
            n: open("n")?,
            mac: open("mac")?,
            missing: open("missing")?,
            status: open("status")?,
        };
        Ok((columns, n_variants.unwrap_or(0)))
    }

    /// Writes a band from row `start` on and begins the next. `raw` is the file beside the library's handle on it, for the
    /// strings.
    pub(super) fn write(
        &self,
        place: &Place,
        (root, raw): (&Group, &File),
        start: usize,
        band: &mut VariantBand,
    ) -> Result<(), StoreError> {
        fn put<T: H5Type>(
            place: &Place,
            dataset: &Dataset,
            start: usize,
            values: &mut Vec<T>,
        ) -> Result<(), StoreError> {
            let written = dataset.write_slice(&values[..], start..start + values.len());
            values.clear();
            place.h5(&dataset.name(), written)
        }
        self.write_texts(place, (root, raw), start, band)?;
        put(place, &self.pos, start, &mut band.pos)?;
        put(place, &self.a1_freq, start, &mut band.a1_freq)?;
        put(place, &self.n, start, &mut band.n)?;
        put(place, &self.mac, start, &mut band.mac)?;
        put(place, &self.missing, start, &mut band.missing)?;
        put(place, &self.status, start, &mut band.status)
    }

    /// The strings of a band, in a piece of their own.
    fn write_texts(
        &self,
        place: &Place,
        (root, raw): (&Group, &File),
        start: usize,
        band: &mut VariantBand,
    ) -> Result<(), StoreError> {
        let address = match band.piece.take() {
            bytes if bytes.is_empty() => 0,
            bytes => {
                let name = format!("{TEXT}/{start}");
                let dataset = file::placed_column::<u8>(place, root, &name, bytes.len())?;
                let address = file::address(place, &name, &dataset)?;
                raw.write_all_at(&bytes, address).map_err(|error| place.io("cannot write", error))?;
                address
            }
        };
        let columns = [&self.chrom, &self.id, &self.reference, &self.alternate];
        for (dataset, texts) in columns.into_iter().zip(&mut band.texts) {
            let at = file::address(place, &dataset.name(), dataset)? + (start * REFERENCE) as u64;
            let written = raw.write_all_at(&references(texts, address), at);
            written.map_err(|error| place.io("cannot write", error))?;
            texts.clear();
        }
        Ok(())
    }

    /// Reads a range of rows, which the caller has checked.
    pub(super) fn read(
        &self,
        place: &Place,
        strings: &Strings,
        rows: Range<usize>,
    ) -> Result<Vec<VariantRow>, StoreError> {
        let texts = |dataset: &Dataset| strings.read(place, &dataset.name(), dataset, rows.clone()).map(Vec::into_iter);
        let (mut chrom, mut id) = (texts(&self.chrom)?, texts(&self.id)?);
        let (mut reference, mut alternate) = (texts(&self.reference)?, texts(&self.alternate)?);
        let pos = slice::<u32>(place, &self.pos, rows.clone())?;
        let a1_freq = slice::<f64>(place, &self.a1_freq, rows.clone())?;
        let n = slice::<u32>(place, &self.n, rows.clone())?;
        let mac = slice::<f64>(place, &self.mac, rows.clone())?;
        let missing = slice::<u32>(place, &self.missing, rows.clone())?;
        let status = slice::<u8>(place, &self.status, rows.clone())?;
        let row = |i: usize| VariantRow {
            chrom: chrom.next().unwrap_or_default(),
            pos: pos[i],
            id: id.next().unwrap_or_default(),
            reference: reference.next().unwrap_or_default(),
            alternate: alternate.next().unwrap_or_default(),
            a1_freq: a1_freq[i],
            n: n[i],
            mac: mac[i],
            missing: missing[i],
            status: status[i],
        };
        Ok((0..rows.len()).map(row).collect())
    }
}

impl VariantColumns {
    /// The chromosomes of a range of rows.
    pub(super) fn chroms(
        &self,
        place: &Place,
        strings: &Strings,
        rows: Range<usize>,
    ) -> Result<Vec<String>, StoreError> {
        strings.read(place, "/variants/chrom", &self.chrom, rows)
    }

    /// The positions of a range of rows.
    pub(super) fn positions(&self, place: &Place, rows: Range<usize>) -> Result<Vec<u32>, StoreError> {
        slice(place, &self.pos, rows)
    }

    /// Samples without a call of a range of rows.
    pub(super) fn missing(&self, place: &Place, rows: Range<usize>) -> Result<Vec<u32>, StoreError> {
        slice(place, &self.missing, rows)
    }

    /// The statuses of a range of rows.
    pub(super) fn statuses(&self, place: &Place, rows: Range<usize>) -> Result<Vec<u8>, StoreError> {
        slice(place, &self.status, rows)
    }
}

/// Attribute `codes` of a status column: the name of code i at place i.
pub(super) fn set_code_names(place: &Place, dataset: &Dataset) -> Result<(), StoreError> {
    let names: Vec<&str> = (0..=u8::MAX).map_while(Status::from_code).map(Status::name).collect();
    file::set_texts(place, dataset, "codes", &names)
}

/// Reads a range of a one-dimensional dataset.
pub(super) fn slice<T: H5Type>(place: &Place, dataset: &Dataset, rows: Range<usize>) -> Result<Vec<T>, StoreError> {
    let values = place.h5(&dataset.name(), dataset.read_slice_1d::<T, _>(rows))?;
    Ok(values.into_raw_vec_and_offset().0)
}
