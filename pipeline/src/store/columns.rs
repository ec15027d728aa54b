//! /variants: one dataset a column, filled and read in bands of rows.

use std::ops::Range;

use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, Group, H5Type};
use norna_kernels::Status;

use super::error::{Place, StoreError};
use super::file;
use super::heap::Strings;
use crate::sink::rows::VariantRow;

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

impl VariantColumns {
    pub(super) fn create(place: &Place, root: &Group, n_variants: usize) -> Result<Self, StoreError> {
        let group = &file::group(place, root, "variants")?;
        let text = |name| file::column::<VarLenUnicode>(place, group, name, n_variants);
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

    /// Writes `rows` from row `start` on.
    pub(super) fn write(&self, place: &Place, start: usize, rows: &[VariantRow]) -> Result<(), StoreError> {
        fn put<T: H5Type>(
            place: &Place,
            dataset: &Dataset,
            start: usize,
            values: impl Iterator<Item = T>,
        ) -> Result<(), StoreError> {
            let values: Vec<T> = values.collect();
            place.h5(&dataset.name(), dataset.write_slice(&values[..], start..start + values.len()))
        }
        put(place, &self.chrom, start, rows.iter().map(|row| file::string(&row.chrom)))?;
        put(place, &self.pos, start, rows.iter().map(|row| row.pos))?;
        put(place, &self.id, start, rows.iter().map(|row| file::string(&row.id)))?;
        put(place, &self.reference, start, rows.iter().map(|row| file::string(&row.reference)))?;
        put(place, &self.alternate, start, rows.iter().map(|row| file::string(&row.alternate)))?;
        put(place, &self.a1_freq, start, rows.iter().map(|row| row.a1_freq))?;
        put(place, &self.n, start, rows.iter().map(|row| row.n))?;
        put(place, &self.mac, start, rows.iter().map(|row| row.mac))?;
        put(place, &self.missing, start, rows.iter().map(|row| row.missing))?;
        put(place, &self.status, start, rows.iter().map(|row| row.status))
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
