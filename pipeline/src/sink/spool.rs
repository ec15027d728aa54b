//! The spool: a rank's finished rows, append-only, so that what was computed outlives the process.
//!
//! One file a rank. A shard counts once its end frame and all the parts it announces are there. A part is a frame of rows
//! and, right after it, one for each matrix of the store, so that who writes a matrix reads nothing else.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::bytes::{put_f64, put_text, put_u32, put_u64};
use super::codec::{encode_cells, encode_rows};
use super::frame::{FrameHeader, FrameKind};
use super::rows::{RowBatch, RowCounts};

/// Longest time between two syncs of a spool that is written to.
const SYNC_INTERVAL: Duration = Duration::from_secs(30);

/// A spool could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Writing failed: most often the disk is full.
    #[error("{path}: writing finished rows: {source}{}", hint(source))]
    Write {
        /// The spool.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Reading failed.
    #[error("{path}: byte {offset}: {what}; the finished rows there cannot be used")]
    Read {
        /// The spool.
        path: PathBuf,
        /// Where the frame starts.
        offset: u64,
        /// Why.
        what: String,
    },
}

/// What to do about an error of writing.
pub(super) fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => "; the folder of --out must be on a file system that all ranks share",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room (--dry-run tells how much is needed) and start again"
        }
        _ => "",
    }
}

/// The spool of `rank` in `dir`.
pub fn path_of(dir: &Path, rank: usize) -> PathBuf {
    dir.join(format!("rank-{rank}.spool"))
}

/// Frames on their way to a spool, made without holding it.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    /// Part `part` of a shard, with the first `n_matrices` matrices of the batch.
    pub fn rows(&mut self, shard: u64, part: u32, batch: &RowBatch, n_matrices: usize) -> &[u8] {
        self.bytes.clear();
        FrameHeader::append(FrameKind::Rows, shard, part, &mut self.bytes, |out| encode_rows(batch, out));
        for (m, cells) in (0..).zip(&batch.matrices[..n_matrices]) {
            FrameHeader::append(FrameKind::Cells(m), shard, part, &mut self.bytes, |out| encode_cells(cells, out));
        }
        &self.bytes
    }

    /// Ends a shard: the rows of its parts, what was read and dropped, its histograms as
    /// [`encode_tally`](super::tally::encode_tally) writes them.
    pub fn end(&mut self, shard: u64, parts: &[RowCounts], counts: &[u64], tally: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        self.bytes.clear();
        FrameHeader::append(FrameKind::End, shard, parts.len() as u32, &mut self.bytes, |out| {
            put_u64(out, parts.len() as u64);
            for rows in parts {
                put_u32(out, rows.all);
                put_u32(out, rows.full);
            }
            put_u64(out, counts.len() as u64);
            counts.iter().for_each(|&count| put_u64(out, count));
            tally(out);
        });
        &self.bytes
    }

    /// A chromosome's own null model: ỹᵀỹ by trait.
    pub fn model(&mut self, chrom: &str, residual_squares: &[f64]) -> &[u8] {
        self.bytes.clear();
        FrameHeader::append(FrameKind::Model, 0, 0, &mut self.bytes, |out| {
            put_text(out, chrom);
            residual_squares.iter().for_each(|&square| put_f64(out, square));
        });
        &self.bytes
    }
}

/// Appends frames to one rank's spool.
#[derive(Debug)]
pub struct SpoolWriter {
    path: PathBuf,
    file: File,
    last_sync: Instant,
}

impl SpoolWriter {
    /// Creates the spool of `rank` in `dir`, which exists.
    ///
    /// # Errors
    /// [`SpoolError::Write`].
    pub fn create(dir: &Path, rank: usize) -> Result<Self, SpoolError> {
        let path = path_of(dir, rank);
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)
            .map_err(|source| SpoolError::Write { path: path.clone(), source })?;
        Ok(Self { path, file, last_sync: Instant::now() })
    }

    /// Appends whole frames.
    ///
    /// # Errors
    /// [`SpoolError::Write`].
    pub fn append(&mut self, frames: &[u8]) -> Result<(), SpoolError> {
        let due = self.last_sync.elapsed() >= SYNC_INTERVAL;
        let written = self.file.write_all(frames).and_then(|()| if due { self.file.sync_data() } else { Ok(()) });
        if due {
            self.last_sync = Instant::now();
        }
        written.map_err(|source| SpoolError::Write { path: self.path.clone(), source })
    }
}
