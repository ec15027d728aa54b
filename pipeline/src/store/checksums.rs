//! Checksums of every byte of a results file, in the group /checksums.
//!
//! The matrices are too large to be read again when the file is sealed: whoever writes a band sums it (`bands`: CRC-32 of
//! each band, matrix by matrix in the order of the store). Everything else, HDF5's own bytes too, is read once at the end:
//! what is left of the file without the stretches of the matrices and without the table itself, cut into pieces of 64 KiB
//! (`rest`: CRC-32 of each piece, zeros to spare, and as the last number the CRC-32 of the numbers before it).

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use hdf5::{Dataset, Group};
use rayon::prelude::*;

use super::error::{Place, StoreError};
use super::file;
use super::matrix::Layout;
use super::schema::CHECKSUMS;

/// Sums of the bands: u32, matrix by matrix.
pub(super) const BANDS: &str = "/checksums/bands";
/// Sums of the rest: u32.
pub(super) const REST: &str = "/checksums/rest";
/// Bytes of a piece of the rest.
pub(super) const PIECE: u64 = 1 << 16;
/// Bytes that the file may grow by between the making of the table and its end.
pub(super) const MARGIN: u64 = 1 << 22;
/// Bytes of the superblock, versions 2 and 3, at which the file's own account of its length stands.
const LENGTH_AT: u64 = 28;

/// A file in pieces, without the stretches that are left out.
#[derive(Debug)]
pub(super) struct Rest {
    /// Stretches that count: where each starts among all that count, and where in the file it lies.
    kept: Vec<(u64, Range<u64>)>,
    /// Bytes that count.
    length: u64,
}

impl Rest {
    /// `left_out` in any order; `None` where the stretches overlap or leave the file.
    pub(super) fn new(file_length: u64, mut left_out: Vec<Range<u64>>) -> Option<Self> {
        left_out.retain(|range| range.start != range.end);
        left_out.sort_by_key(|range| range.start);
        let mut rest = Self { kept: Vec::new(), length: 0 };
        let mut from = 0;
        for range in left_out {
            if range.start < from || range.end < range.start || range.end > file_length {
                return None;
            }
            rest.keep(from..range.start);
            from = range.end;
        }
        rest.keep(from..file_length);
        Some(rest)
    }

    fn keep(&mut self, range: Range<u64>) {
        if range.start < range.end {
            self.kept.push((self.length, range.clone()));
            self.length += range.end - range.start;
        }
    }

    pub(super) fn n_pieces(&self) -> u64 {
        self.length.div_ceil(PIECE)
    }

    /// Where a piece lies in the file.
    pub(super) fn piece(&self, piece: u64) -> impl Iterator<Item = Range<u64>> + '_ {
        let (start, end) = (piece * PIECE, self.length.min((piece + 1) * PIECE));
        let first = self.kept.partition_point(|(at, range)| at + (range.end - range.start) <= start);
        self.kept[first..].iter().take_while(move |(at, _)| *at < end).map(move |(at, range)| {
            let from = range.start + start.saturating_sub(*at);
            from..range.end.min(range.start + (end - at))
        })
    }

    /// The sum of a piece.
    pub(super) fn sum(&self, file: &File, piece: u64, buffer: &mut Vec<u8>) -> io::Result<u32> {
        let mut hasher = crc32fast::Hasher::new();
        for range in self.piece(piece) {
            buffer.resize((range.end - range.start) as usize, 0);
            file.read_exact_at(buffer, range.start)?;
            hasher.update(buffer);
        }
        Ok(hasher.finalize())
    }

    /// The sums of all pieces, on all threads.
    fn sums(&self, file: &File) -> io::Result<Vec<u32>> {
        let sum = |buffer: &mut Vec<u8>, piece| self.sum(file, piece as u64, buffer);
        (0..self.n_pieces() as usize).into_par_iter().with_min_len(16).map_init(Vec::new, sum).collect()
    }
}

/// The table of the rest, in a file that is not closed yet.
pub(super) struct RestTable {
    dataset: Dataset,
    address: u64,
    n: usize,
}

/// A place for the table, when the library has let go of the file.
pub(super) struct RestPlace {
    left_out: Vec<Range<u64>>,
    address: u64,
    n: usize,
}

/// Writes the sums of the bands, and makes room for those of the rest.
pub(super) fn create(
    place: &Place,
    root: &hdf5::File,
    layout: &Layout,
    bands: &[Vec<u32>],
) -> Result<RestTable, StoreError> {
    let n_bands = layout.matrices.iter().map(|matrix| matrix.n_bands() as usize);
    if !n_bands.eq(bands.iter().map(Vec::len)) {
        return Err(place.argument("the checksums of the bands are not one a band"));
    }
    let group: &Group = &file::group(place, root, CHECKSUMS)?;
    file::table_column(place, group, BANDS, &bands.concat())?;
    place.h5("cannot flush", root.flush())?;
    let matrices: u64 = layout.matrices.iter().map(|matrix| matrix.stretch().end - matrix.stretch().start).sum();
    let n = (root.size().saturating_sub(matrices) + MARGIN).div_ceil(PIECE) as usize + 1;
    let dataset = file::placed_column::<u32>(place, group, REST, n)?;
    let address = file::address(place, REST, &dataset)?;
    Ok(RestTable { dataset, address, n })
}

impl RestTable {
    /// Lets go of the library.
    pub(super) fn release(self, layout: &Layout) -> RestPlace {
        drop(self.dataset);
        let left_out = layout.matrices.iter().map(|matrix| matrix.stretch()).collect();
        RestPlace { left_out, address: self.address, n: self.n }
    }
}

impl RestPlace {
    /// Sums the rest of the file, which is closed, and fills the table in.
    pub(super) fn fill(mut self, place: &Place) -> Result<(), StoreError> {
        let failed = |error| place.io("cannot write", error);
        let file = OpenOptions::new().read(true).write(true).open(&place.path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        self.left_out.push(self.address..self.address + 4 * self.n as u64);
        let rest = Rest::new(length, self.left_out);
        let rest = rest.ok_or_else(|| place.argument("HDF5 laid matrices over one another"))?;
        let mut sums = rest.sums(&file).map_err(failed)?;
        if sums.len() >= self.n {
            return Err(place.argument(format!("{} pieces and a table of {}", sums.len(), self.n)));
        }
        sums.resize(self.n - 1, 0);
        sums.push(own_sum(&sums));
        let bytes: Vec<u8> = sums.iter().flat_map(|sum| host(*sum)).collect();
        file.write_all_at(&bytes, self.address).map_err(failed)
    }
}

/// As HDF5 has u32 of this host.
fn host(number: u32) -> [u8; 4] {
    number.to_ne_bytes()
}

/// The sum of the table's numbers before the last.
pub(super) fn own_sum(sums: &[u32]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    sums.iter().for_each(|sum| hasher.update(&sum.to_le_bytes()));
    hasher.finalize()
}

/// How long the file says that it is.
pub(super) fn told_length(file: &File) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, LENGTH_AT)?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_every_kept_byte_once_and_in_order() {
        let left_out = vec![PIECE * 3..PIECE * 5 + 7, 0..0, 10..20, 20..25];
        let rest = Rest::new(PIECE * 9 + 3, left_out.clone()).unwrap();
        let kept: Vec<u64> = (0..PIECE * 9 + 3).filter(|at| !left_out.iter().any(|out| out.contains(at))).collect();
        let found: Vec<u64> = (0..rest.n_pieces()).flat_map(|piece| rest.piece(piece).flatten()).collect();
        assert_eq!(found, kept);
        assert!((0..rest.n_pieces() - 1).all(|piece| rest.piece(piece).map(|r| r.end - r.start).sum::<u64>() == PIECE));
        assert_eq!(Rest::new(0, Vec::new()).unwrap().n_pieces(), 0);
    }

    #[test]
    fn stretches_that_overlap_or_leave_the_file_are_refused() {
        for left_out in [[0..10, 9..12], [0..10, 90..101], [0..10, Range { start: 20, end: 12 }]] {
            assert!(Rest::new(100, left_out.to_vec()).is_none());
        }
    }
}
