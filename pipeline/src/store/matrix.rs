//! The matrices of /assoc: laid out when the file is made, filled by whoever has the rows.
//!
//! A matrix of known size without a filter, whose room is taken at once, has HDF5's implicit chunk index: all chunks lie in
//! one stretch, row of chunks by row of chunks (File Format Specification 3.0, VII.A). So a band of rows is one stretch of
//! bytes at a known place, and threads and ranks write bands with plain writes, no library between. Large stretches start
//! at a page and a band of more than one is made of whole pages: two hosts never write to one page, which a network file
//! system would not bear.

use std::fs::{File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use hdf5::plist::dataset_create::{AllocTime, FillTime};
use hdf5::{Dataset, Group};

use super::error::{Place, StoreError};
use super::schema::chunk_shape;
use crate::sink::bytes::{Cursor, DecodeError, put_u64};
use crate::sink::rows::MatrixShape;

/// A matrix and its place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatrixPlace {
    /// What a row is.
    pub shape: MatrixShape,
    /// Rows in all.
    pub n_rows: u64,
    /// Rows and columns of a chunk.
    chunk: (usize, usize),
    /// Of the first byte.
    address: u64,
}

impl MatrixPlace {
    /// Creates a matrix of f32 and finds its place. Nothing is written to it.
    pub(super) fn create(
        place: &Place,
        root: &Group,
        (name, shape): (&str, MatrixShape),
        n_rows: u64,
    ) -> Result<Self, StoreError> {
        let n = usize::try_from(n_rows).map_err(|_| place.argument("more variants than memory"))?;
        let chunk = chunk_shape(n, shape.columns);
        let builder = root.new_dataset::<f32>().fill_value(f32::NAN).fill_time(FillTime::Never);
        let builder = builder.alloc_time(Some(AllocTime::Early)).chunk(chunk).shape((n, shape.columns));
        let dataset = place.h5(name, builder.create(name))?;
        let mut matrix = Self { shape, n_rows, chunk, address: 0 };
        let n_chunks = matrix.n_bands() as usize * matrix.blocks();
        let Some(last) = n_chunks.checked_sub(1) else { return Ok(matrix) };
        let at = |idx| dataset.chunk_info(idx).map(|info| (info.addr, info.offset));
        let (first, last) = (at(0), at(last));
        let expected = |address: u64| {
            let bytes = matrix.chunk_bytes() as u64 * (n_chunks as u64 - 1);
            let row = (matrix.n_bands() - 1) * chunk.0 as u64;
            (address + bytes, vec![row, ((matrix.blocks() - 1) * chunk.1) as u64])
        };
        match (first, last) {
            (Some((address, _)), Some(last)) if last == expected(address) => matrix.address = address,
            _ => {
                let version = super::file::hdf5_version();
                return Err(place.argument(format!("HDF5 {version} does not lay {name} out in one stretch")));
            }
        }
        Ok(matrix)
    }

    /// Finds a matrix in a file of `length` bytes, laid out as [`create`](Self::create) does.
    pub(super) fn open(
        place: &Place,
        (name, shape): (&str, MatrixShape),
        dataset: &Dataset,
        length: u64,
    ) -> Result<Self, StoreError> {
        let [n_rows, columns] = dataset.shape()[..] else { return Err(place.malformed(name, "it is no matrix")) };
        let chunk = chunk_shape(n_rows, shape.columns);
        if columns != shape.columns || dataset.chunk().is_none_or(|found| found != [chunk.0, chunk.1]) {
            return Err(place.malformed(name, "its chunks are not those that norna makes"));
        }
        let mut matrix = Self { shape, n_rows: n_rows as u64, chunk, address: 0 };
        if n_rows == 0 {
            return Ok(matrix);
        }
        let first = dataset.chunk_info(0).ok_or_else(|| place.malformed(name, "it has no place in the file"))?;
        matrix.address = first.addr;
        if matrix.stretch().end > length {
            return Err(place.malformed(name, "it ends after the file"));
        }
        Ok(matrix)
    }

    /// Bands of a chunk's height.
    pub fn n_bands(&self) -> u64 {
        self.n_rows.div_ceil(self.chunk.0 as u64)
    }

    /// Rows of a band.
    pub fn rows(&self, band: u64) -> Range<u64> {
        let height = self.chunk.0 as u64;
        band * height..((band + 1) * height).min(self.n_rows)
    }

    /// Where all bands lie in the file.
    pub(super) fn stretch(&self) -> Range<u64> {
        let bytes = self.n_bands().saturating_mul(self.band_bytes() as u64);
        self.address..self.address.saturating_add(bytes)
    }

    /// Bytes of a band in the file.
    pub fn band_bytes(&self) -> usize {
        self.chunk_bytes() * self.blocks()
    }

    fn blocks(&self) -> usize {
        self.shape.columns.div_ceil(self.chunk.1)
    }

    fn chunk_bytes(&self) -> usize {
        4 * self.chunk.0 * self.chunk.1
    }

    /// Makes `band` one of no numbers: NaN, little-endian.
    pub fn clear(&self, band: &mut Vec<u8>) {
        band.clear();
        band.resize(self.band_bytes(), 0);
        band.as_chunks_mut().0.fill(f32::NAN.to_le_bytes());
    }

    /// Puts whole rows (f32, little-endian) into a band, from its row `first` on.
    pub fn put(&self, band: &mut [u8], first: usize, rows: &[u8]) {
        let width = 4 * self.chunk.1;
        for (row, cells) in (first..).zip(rows.chunks_exact(4 * self.shape.columns)) {
            for (chunk, cells) in band.chunks_exact_mut(self.chunk_bytes()).zip(cells.chunks(width)) {
                chunk[row * width..row * width + cells.len()].copy_from_slice(cells);
            }
        }
    }
}

/// The matrices of a file, for ranks that did not make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// In the order of the store.
    pub matrices: Vec<MatrixPlace>,
}

impl Layout {
    /// As a message.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, self.matrices.len() as u64);
        for m in &self.matrices {
            let numbers =
                [m.shape.columns as u64, u64::from(m.shape.full), m.n_rows, m.chunk.0 as u64, m.chunk.1 as u64];
            numbers.into_iter().chain([m.address]).for_each(|number| put_u64(&mut out, number));
        }
        out
    }

    /// From a message.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Cursor::new(bytes);
        let size = |r: &mut Cursor<'_>| usize::try_from(r.u64()?).map_err(|_| DecodeError);
        let matrices = (0..r.count(48)?).map(|_| {
            let shape = MatrixShape { columns: size(&mut r)?, full: r.u64()? != 0 };
            let n_rows = r.u64()?;
            let chunk = (size(&mut r)?, size(&mut r)?);
            Ok(MatrixPlace { shape, n_rows, chunk, address: r.u64()? })
        });
        Ok(Self { matrices: matrices.collect::<Result<_, _>>()? })
    }
}

/// Writes bands into a file that was laid out.
#[derive(Debug)]
pub struct BandWriter {
    place: Place,
    file: File,
}

impl BandWriter {
    /// Opens the file.
    ///
    /// # Errors
    /// As for all methods here, what the file system says.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let place = Place::new(path);
        let file = OpenOptions::new().write(true).open(path).map_err(|error| place.io("cannot open", error))?;
        Ok(Self { place, file })
    }

    /// Writes a band, which is spent, and gives the CRC-32 of what is in the file then.
    pub fn write(&self, matrix: &MatrixPlace, band: u64, cells: &mut [u8]) -> Result<u32, StoreError> {
        if cfg!(target_endian = "big") {
            // The matrix has the host's order.
            cells.as_chunks_mut::<4>().0.iter_mut().for_each(|cell| cell.reverse());
        }
        let address = matrix.address + band * cells.len() as u64;
        let sum = crc32fast::hash(cells);
        self.file.write_all_at(cells, address).map_err(|error| self.place.io("cannot write", error))?;
        Ok(sum)
    }

    /// Makes sure that what was written is on the disk.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|error| self.place.io("cannot sync", error))
    }
}
