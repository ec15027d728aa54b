//! The spool: a process's finished rows, append-only, so that what was computed outlives it.
//!
//! One file a process. A shard counts once its end frame and all the parts it announces are there. A part is a frame of rows
//! and, right after it, one for each matrix of the store, so that who writes a matrix reads nothing else. A spool that is
//! gone on with is appended to; what was torn off at its end stays there and is passed over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::bytes::{Cursor, DecodeError, put_f64, put_text, put_u32, put_u64};
use super::codec::{encode_cells, encode_rows};
use super::frame::{FrameHeader, FrameKind};
use super::rows::{RowBatch, RowCounts};

/// Longest time between two syncs of a spool that is written to.
pub const SYNC_INTERVAL: Duration = Duration::from_secs(30);
/// Raised when frames change, so that older spools are refused.
pub const SPOOL_VERSION: u32 = 3;

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
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room and give the same command again",
        _ => "",
    }
}

/// The name of a rank's spool.
pub fn rank_spool(rank: usize) -> String {
    format!("rank-{rank:05}.spool")
}

/// Names of the spools of `dir`, in order: regular files alone.
///
/// # Errors
/// The folder cannot be read.
pub fn spool_names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && name.ends_with(".spool")
            && fs::metadata(entry.path()).is_ok_and(|meta| meta.is_file())
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Seconds since 1970.
pub fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Who writes a spool.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Writer {
    /// The run whose shards these are: its digest's first 8 bytes.
    pub stamp: u64,
    /// How often the run was begun, this time included; 0 for jobs that work side by side.
    pub attempt: u32,
    /// Rank.
    pub rank: u32,
    /// Ranks.
    pub n_ranks: u32,
    /// Threads of this rank.
    pub threads: u32,
    /// When it began, seconds since 1970.
    pub began: f64,
    /// The batch system's name of the job; empty without one.
    pub job: String,
}

impl Writer {
    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, SPOOL_VERSION);
        put_u64(out, self.stamp);
        for number in [self.attempt, self.rank, self.n_ranks, self.threads] {
            put_u32(out, number);
        }
        put_f64(out, self.began);
        put_text(out, &self.job);
    }

    /// From the payload of a frame.
    ///
    /// # Errors
    /// [`DecodeError`], another version of spools among its causes.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Cursor::new(payload);
        if r.u32()? != SPOOL_VERSION {
            return Err(DecodeError);
        }
        Ok(Self {
            stamp: r.u64()?,
            attempt: r.u32()?,
            rank: r.u32()?,
            n_ranks: r.u32()?,
            threads: r.u32()?,
            began: r.f64()?,
            job: r.text()?.to_owned(),
        })
    }
}

/// What ends a shard, apart from its histograms.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShardEnd {
    /// The run, as in [`Writer::stamp`].
    pub stamp: u64,
    /// Wall time that one thread took for it.
    pub seconds: f64,
    /// When it ended, seconds since 1970.
    pub ended: f64,
    /// CRC-32 of the batch of a stream; 0 for a shard of a file that is cut.
    pub batch_crc: u32,
    /// Rows of its parts.
    pub parts: Vec<RowCounts>,
    /// What was read and dropped.
    pub counts: Vec<u64>,
}

impl ShardEnd {
    fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.stamp);
        put_f64(out, self.seconds);
        put_f64(out, self.ended);
        put_u32(out, self.batch_crc);
        put_u64(out, self.parts.len() as u64);
        for rows in &self.parts {
            put_u32(out, rows.all);
            put_u32(out, rows.full);
        }
        put_u64(out, self.counts.len() as u64);
        self.counts.iter().for_each(|&count| put_u64(out, count));
    }

    /// From the start of a payload; what follows are models and histograms.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(r: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        let (stamp, seconds, ended, batch_crc) = (r.u64()?, r.f64()?, r.f64()?, r.u32()?);
        let parts =
            (0..r.count(8)?).map(|_| Ok(RowCounts { all: r.u32()?, full: r.u32()? })).collect::<Result<_, _>>()?;
        let counts = (0..r.count(8)?).map(|_| r.u64()).collect::<Result<_, _>>()?;
        Ok(Self { stamp, seconds, ended, batch_crc, parts, counts })
    }
}

/// Frames on their way to a spool, made without holding it.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    /// Part `part` of a shard, with the first `n_matrices` matrices of the batch; and the payload bytes of its frame of rows.
    pub fn rows(&mut self, shard: u64, part: u32, batch: &RowBatch, n_matrices: usize) -> (&[u8], u64) {
        self.bytes.clear();
        let mut rows_len = 0;
        FrameHeader::append(FrameKind::Rows, shard, part, &mut self.bytes, |out| {
            let before = out.len();
            encode_rows(batch, out);
            rows_len = (out.len() - before) as u64;
        });
        for (m, cells) in (0..).zip(&batch.matrices[..n_matrices]) {
            FrameHeader::append(FrameKind::Cells(m), shard, part, &mut self.bytes, |out| encode_cells(cells, out));
        }
        (&self.bytes, rows_len)
    }

    /// Part `part` of a cell: any bytes.
    pub fn payload(&mut self, cell: u64, part: u32, payload: &[u8]) -> &[u8] {
        self.bytes.clear();
        FrameHeader::append(FrameKind::Rows, cell, part, &mut self.bytes, |out| out.extend_from_slice(payload));
        &self.bytes
    }

    /// Ends a shard. `models`: ỹᵀỹ by trait of the null models that its chromosomes have of their own. `tally` appends its
    /// histograms as [`encode_tally`](super::tally::encode_tally) does.
    pub fn end(
        &mut self,
        shard: u64,
        end: &ShardEnd,
        models: &[(String, Vec<f64>)],
        tally: impl FnOnce(&mut Vec<u8>),
    ) -> &[u8] {
        self.bytes.clear();
        FrameHeader::append(FrameKind::End, shard, end.parts.len() as u32, &mut self.bytes, |out| {
            end.encode(out);
            put_u64(out, models.len() as u64);
            for (chrom, squares) in models {
                put_text(out, chrom);
                put_u64(out, squares.len() as u64);
                squares.iter().for_each(|&square| put_f64(out, square));
            }
            tally(out);
        });
        &self.bytes
    }
}

/// Appends frames to one process's spool.
#[derive(Debug)]
pub struct SpoolWriter {
    path: PathBuf,
    file: File,
    len: u64,
    last_sync: Instant,
}

impl SpoolWriter {
    /// Goes on with the spool `name` of `dir`, or makes it.
    ///
    /// # Errors
    /// [`SpoolError::Write`].
    pub fn open(dir: &Path, name: &str, writer: &Writer) -> Result<Self, SpoolError> {
        Self::with(dir.join(name), OpenOptions::new().append(true).create(true), writer)
    }

    /// Makes the spool `name` of `dir`, which nobody else has made; none if somebody has.
    ///
    /// # Errors
    /// [`SpoolError::Write`].
    pub fn create(dir: &Path, name: &str, writer: &Writer) -> Result<Option<Self>, SpoolError> {
        match Self::with(dir.join(name), OpenOptions::new().append(true).create_new(true), writer) {
            Err(SpoolError::Write { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            made => made.map(Some),
        }
    }

    fn with(path: PathBuf, options: &OpenOptions, writer: &Writer) -> Result<Self, SpoolError> {
        let open = || {
            let file = options.open(&path)?;
            let len = file.metadata()?.len();
            Ok((file, len))
        };
        let (file, len) = open().map_err(|source| SpoolError::Write { path: path.clone(), source })?;
        let mut spool = Self { path, file, len, last_sync: Instant::now() };
        spool.append_frame(FrameKind::Begin, |out| writer.encode(out))?;
        Ok(spool)
    }

    /// Appends whole frames; where they begin.
    ///
    /// # Errors
    /// [`SpoolError::Write`].
    pub fn append(&mut self, frames: &[u8]) -> Result<u64, SpoolError> {
        let offset = self.len;
        if let Err(source) = self.file.write_all(frames) {
            self.len = self.file.metadata().map_or(self.len, |meta| meta.len());
            return Err(self.error(source));
        }
        self.len += frames.len() as u64;
        if self.last_sync.elapsed() >= SYNC_INTERVAL {
            self.sync()?;
        }
        Ok(offset)
    }

    fn append_frame(&mut self, kind: FrameKind, payload: impl FnOnce(&mut Vec<u8>)) -> Result<u64, SpoolError> {
        let mut bytes = Vec::new();
        FrameHeader::append(kind, 0, 0, &mut bytes, payload);
        self.append(&bytes)
    }

    /// Appends a sign of life.
    ///
    /// # Errors
    /// [`SpoolError::Write`].
    pub fn beat(&mut self) -> Result<(), SpoolError> {
        self.append_frame(FrameKind::Beat, |_| ()).map(drop)
    }

    /// Appends why the process stops.
    ///
    /// # Errors
    /// [`SpoolError::Write`].
    pub fn stop(&mut self, why: &str) -> Result<(), SpoolError> {
        self.append_frame(FrameKind::Stop, |out| {
            put_f64(out, unix_seconds());
            put_text(out, why);
        })?;
        self.sync()
    }

    /// Brings everything to the disk.
    ///
    /// # Errors
    /// [`SpoolError::Write`].
    pub fn sync(&mut self) -> Result<(), SpoolError> {
        self.last_sync = Instant::now();
        self.file.sync_data().map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> SpoolError {
        SpoolError::Write { path: self.path.clone(), source }
    }
}
