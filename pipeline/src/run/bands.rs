//! Fills the matrices of results.h5: every rank reads the spools' cells of its own bands and writes them where they belong.

use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::finalise::FinaliseError;
use crate::sink::bytes::{Cursor, DecodeError, put_u32};
use crate::sink::rows::MatrixShape;
use crate::sink::spool_index::SpoolIndex;
use crate::store::{BandWriter, Layout};

/// Bytes of bands that a rank has in hand at a time, unless a single one is larger.
const BYTES_IN_HAND: usize = 256 << 20;

/// The bands of one rank.
pub struct Bands<'a> {
    index: &'a SpoolIndex,
    layout: &'a Layout,
    shapes: Vec<MatrixShape>,
    writer: BandWriter,
    /// (matrix, band), in the order of the file.
    todo: Vec<(usize, u64)>,
    /// Checksums of the bands of `todo`.
    sums: Vec<AtomicU32>,
    next: AtomicUsize,
    failed: Mutex<Option<FinaliseError>>,
}

impl<'a> Bands<'a> {
    /// Rank `rank` of `n_ranks` takes a stretch of each matrix of the file at `path`.
    ///
    /// # Errors
    /// The file does not open.
    pub fn open(
        path: &Path,
        layout: &'a Layout,
        index: &'a SpoolIndex,
        (rank, n_ranks): (usize, usize),
    ) -> Result<Self, FinaliseError> {
        let todo = stretches(layout, (rank, n_ranks));
        Ok(Self {
            index,
            layout,
            shapes: layout.matrices.iter().map(|matrix| matrix.shape).collect(),
            writer: BandWriter::open(path)?,
            sums: todo.iter().map(|_| AtomicU32::new(0)).collect(),
            todo,
            next: AtomicUsize::new(0),
            failed: Mutex::new(None),
        })
    }

    /// Threads worth having, of `threads`: as many as their bands leave memory for.
    pub fn threads(&self, threads: usize) -> usize {
        let largest = self.layout.matrices.iter().map(|matrix| matrix.band_bytes()).max().unwrap_or(0);
        threads.min(BYTES_IN_HAND / largest.max(1)).min(self.todo.len()).max(1)
    }

    /// Takes bands and writes them until there are none left or a thread has failed.
    pub fn work(&self) {
        let (mut band, mut payload) = (Vec::new(), Vec::new());
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(&(matrix, idx)) = self.todo.get(at) else { return };
            match self.write(matrix, idx, &mut band, &mut payload) {
                Ok(sum) => self.sums[at].store(sum, Ordering::Relaxed),
                Err(error) => {
                    self.next.store(self.todo.len(), Ordering::Relaxed);
                    let mut failed = self.failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    failed.get_or_insert(error);
                    return;
                }
            }
        }
    }

    fn write(&self, matrix: usize, idx: u64, band: &mut Vec<u8>, payload: &mut Vec<u8>) -> Result<u32, FinaliseError> {
        let place = &self.layout.matrices[matrix];
        let rows = place.rows(idx);
        place.clear(band);
        let put = |first: u64, cells: &[u8]| place.put(band, (first - rows.start) as usize, cells);
        self.index.read_matrix(&self.shapes, matrix, rows.clone(), payload, put)?;
        Ok(self.writer.write(place, idx, band)?)
    }

    /// What came of it, when all threads have ended and everything is on the disk: the bands' checksums, as a message to
    /// rank 0.
    ///
    /// # Errors
    /// The first thing that failed.
    pub fn finish(self) -> Result<Vec<u8>, FinaliseError> {
        if let Some(error) = self.failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return Err(error);
        }
        if !self.todo.is_empty() {
            self.writer.sync()?;
        }
        let mut message = Vec::with_capacity(4 * self.sums.len());
        self.sums.into_iter().for_each(|sum| put_u32(&mut message, sum.into_inner()));
        Ok(message)
    }
}

/// The checksums of all bands, by matrix and band, from the messages of all ranks.
///
/// # Errors
/// The messages are not those of the bands.
pub fn all_sums(layout: &Layout, messages: &[Vec<u8>]) -> Result<Vec<Vec<u32>>, DecodeError> {
    let mut sums = vec![Vec::new(); layout.matrices.len()];
    for (rank, message) in messages.iter().enumerate() {
        let mut cursor = Cursor::new(message);
        for (matrix, _) in stretches(layout, (rank, messages.len())) {
            sums[matrix].push(cursor.u32()?);
        }
        if !cursor.rest().is_empty() {
            return Err(DecodeError);
        }
    }
    Ok(sums)
}

/// The bands of a rank as (matrix, band), in the order of the file.
fn stretches(layout: &Layout, (rank, n_ranks): (usize, usize)) -> Vec<(usize, u64)> {
    let mine = |(matrix, n)| stretch(n, rank, n_ranks).map(move |band| (matrix, band));
    layout.matrices.iter().map(|matrix| matrix.n_bands()).enumerate().flat_map(mine).collect()
}

/// The part of `n` that is a rank's: rank 0 has the first, so that a single band lies with what rank 0 writes beside it.
pub fn stretch(n: u64, rank: usize, n_ranks: usize) -> Range<u64> {
    let start = |rank: usize| (u128::from(n) * rank as u128).div_ceil(n_ranks.max(1) as u128) as u64;
    start(rank)..start(rank + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_cover_everything_once_and_begin_with_rank_0() {
        for n in [0, 1, 2, 7, 1000] {
            for n_ranks in 1..12 {
                let all: Vec<u64> = (0..n_ranks).flat_map(|rank| stretch(n, rank, n_ranks)).collect();
                assert!(all.into_iter().eq(0..n), "{n} bands, {n_ranks} ranks");
                assert!(n == 0 || stretch(n, 0, n_ranks).contains(&0));
            }
        }
    }
}
