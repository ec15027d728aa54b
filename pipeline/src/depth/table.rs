//! From the cells of the grid to the rows of the table: batch by batch, chunk by chunk, each row when its last base is in.

use std::ops::Range;

use super::job::DepthJob;
use super::partial::{self, Partial};
use super::plan::Interval;
use super::summary::Summaries;
use crate::sink::bytes::DecodeError;
use crate::store::{DepthWriter, StoreError};

/// Rows written together, a multiple of what a chunk of the file has.
const BAND_ROWS: usize = 1 << 15;

/// Puts the rows of one batch of samples together. Memory: sums of the windows of a chunk, and of those between the first
/// one that is not whole and where the chunk ends.
pub struct TableMaker<'a> {
    job: &'a DepthJob<'a>,
    writer: &'a DepthWriter,
    summaries: &'a mut Summaries,
    columns: Range<usize>,
    /// Row of the first sum.
    base: usize,
    /// Rows × columns.
    sums: Vec<u64>,
    /// Rows × columns × thresholds.
    at_least: Vec<u32>,
    partial: Partial,
    mean: Vec<f32>,
}

/// Why rows cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A payload does not decode.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The file cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<'a> TableMaker<'a> {
    /// Begins with the first row of the samples `columns`.
    pub fn new(
        job: &'a DepthJob<'a>,
        writer: &'a DepthWriter,
        summaries: &'a mut Summaries,
        columns: Range<usize>,
    ) -> Self {
        Self {
            job,
            writer,
            summaries,
            columns,
            base: 0,
            sums: Vec::new(),
            at_least: Vec::new(),
            partial: Partial::default(),
            mean: Vec::new(),
        }
    }

    /// Takes a payload of the cell of this batch and `chunk`. Chunks come in order.
    ///
    /// # Errors
    /// [`TableError::Decode`] where it is none of that cell.
    pub fn take(&mut self, chunk: usize, payload: &[u8]) -> Result<(), TableError> {
        let mut partial = std::mem::take(&mut self.partial);
        let parts = &self.job.cuts.chunks[chunk];
        let n_thresholds = self.job.thresholds.len();
        let done = partial::for_each(payload, n_thresholds, &mut partial, |partial| self.add(parts, partial));
        self.partial = partial;
        done
    }

    fn add(&mut self, parts: &[Interval], partial: &Partial) -> Result<(), TableError> {
        let (width, n_thresholds) = (self.columns.len(), self.job.thresholds.len());
        let part = parts.get(partial.interval as usize).ok_or(DecodeError)?;
        let column = Some(partial.sample as usize).filter(|&column| column < width).ok_or(DecodeError)?;
        let place = (part.chromosome, self.columns.start + column);
        self.summaries.add(place, &partial.positions, &partial.windows);
        let rows = self.job.windows.overlapping(part.chromosome, &part.range);
        let (first, n) = (partial.first as usize, partial.sums.len());
        if n == 0 {
            return Ok(());
        }
        if first < rows.start.max(self.base) || first + n > rows.end {
            return Err(DecodeError.into());
        }
        let needed = first + n - self.base;
        if self.sums.len() < needed * width {
            self.sums.resize(needed * width, 0);
            self.at_least.resize(needed * width * n_thresholds, 0);
        }
        for (row, &sum) in (first - self.base..).zip(&partial.sums) {
            self.sums[row * width + column] += sum;
        }
        if n_thresholds > 0 {
            for (row, counts) in (first - self.base..).zip(partial.at_least.chunks_exact(n_thresholds)) {
                let cells = &mut self.at_least[(row * width + column) * n_thresholds..][..n_thresholds];
                cells.iter_mut().zip(counts).for_each(|(cell, &count)| *cell += count);
            }
        }
        Ok(())
    }

    /// Writes the rows that are whole after `chunk`, all of whose payloads were taken.
    ///
    /// # Errors
    /// [`TableError::Store`].
    pub fn end_chunk(&mut self, chunk: usize) -> Result<(), TableError> {
        let is_last = chunk + 1 == self.job.cuts.chunks.len();
        let Some(part) = self.job.cuts.chunks[chunk].last() else { return Ok(()) };
        let windows = self.job.windows;
        let rows = windows.of(part.chromosome);
        let is_whole = |row: usize| row < rows.start || windows.span(part.chromosome, row).end <= part.range.end;
        let end = if is_last { windows.len() } else { rows.end };
        let mut whole = self.base;
        while whole < end && (is_last || is_whole(whole)) {
            whole += 1;
        }
        let whole = if is_last { whole } else { whole / BAND_ROWS * BAND_ROWS };
        while self.base < whole {
            self.write_band(whole)?;
        }
        Ok(())
    }

    /// Writes the next rows before `end`.
    fn write_band(&mut self, end: usize) -> Result<(), TableError> {
        let (width, n_thresholds) = (self.columns.len(), self.job.thresholds.len());
        let rows = self.base..end.min((self.base / BAND_ROWS + 1) * BAND_ROWS);
        let n = rows.len() * width;
        // No chunk met them: there is no base that they share with one.
        self.sums.resize(self.sums.len().max(n), 0);
        self.at_least.resize(self.at_least.len().max(n * n_thresholds), 0);
        self.mean.clear();
        let mut chromosome = 0;
        for (row, sums) in rows.clone().zip(self.sums.chunks_exact(width)) {
            while !self.job.windows.of(chromosome).contains(&row) {
                chromosome += 1;
            }
            let length = self.job.windows.span(chromosome, row).len() as f64;
            self.mean.extend(sums.iter().map(|&sum| (sum as f64 / length) as f32));
        }
        self.writer.write(rows.clone(), self.columns.clone(), &self.mean, &self.at_least[..n * n_thresholds])?;
        self.sums.drain(..n);
        self.at_least.drain(..n * n_thresholds);
        self.base = rows.end;
        Ok(())
    }
}
