//! The spool: a rank's finished rows, append-only, so that what was computed outlives the process.
//!
//! One file a rank. A shard counts once its end frame and all the parts it announces are there.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::codec::{decode_counts, decode_rows, encode_counts, encode_rows};
use super::frame::{FrameError, FrameHeader, FrameKind, HEADER_LEN};
use super::rows::RowBatch;

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
fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => "; the folder of --out must be on a file system that all ranks share",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room (--dry-run tells how much is needed) and start again"
        }
        _ => "",
    }
}

/// Appends frames to one rank's spool.
#[derive(Debug)]
pub struct SpoolWriter {
    path: PathBuf,
    file: File,
    last_sync: Instant,
    payload: Vec<u8>,
    frame: Vec<u8>,
}

impl SpoolWriter {
    /// Creates the spool of `rank` in `dir`, which exists.
    ///
    /// # Errors
    /// [`SpoolError::Write`].
    pub fn create(dir: &Path, rank: usize) -> Result<Self, SpoolError> {
        let path = dir.join(format!("rank-{rank}.spool"));
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)
            .map_err(|source| SpoolError::Write { path: path.clone(), source })?;
        Ok(Self { path, file, last_sync: Instant::now(), payload: Vec::new(), frame: Vec::new() })
    }

    /// Appends part `part` of a shard.
    ///
    /// # Errors
    /// [`SpoolError::Write`].
    pub fn rows(&mut self, shard: u64, part: u32, batch: &RowBatch) -> Result<(), SpoolError> {
        self.payload.clear();
        encode_rows(batch, &mut self.payload);
        self.append(FrameKind::Rows, shard, part)
    }

    /// Ends a shard of `n_parts` parts and `n_rows` rows, with what was read and dropped.
    ///
    /// # Errors
    /// [`SpoolError::Write`].
    pub fn end(&mut self, shard: u64, n_parts: u32, n_rows: u64, counts: &[u64]) -> Result<(), SpoolError> {
        self.payload.clear();
        encode_counts(&[n_rows], &mut self.payload);
        encode_counts(counts, &mut self.payload);
        self.append(FrameKind::End, shard, n_parts)
    }

    fn append(&mut self, kind: FrameKind, shard: u64, part: u32) -> Result<(), SpoolError> {
        FrameHeader::encode(kind, shard, part, &self.payload, &mut self.frame);
        let due = self.last_sync.elapsed() >= SYNC_INTERVAL;
        let written = self.file.write_all(&self.frame).and_then(|()| if due { self.file.sync_data() } else { Ok(()) });
        if due {
            self.last_sync = Instant::now();
        }
        written.map_err(|source| SpoolError::Write { path: self.path.clone(), source })
    }
}

/// Where a shard's frames lie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShardEntry {
    /// Rows in all parts.
    pub n_rows: u64,
    /// What was read and dropped, as the source counts it.
    pub counts: Vec<u64>,
    /// (spool, offset) of each part.
    parts: Vec<(u32, u64)>,
}

/// The finished shards of all spools of a run, by shard id.
#[derive(Debug)]
pub struct SpoolIndex {
    paths: Vec<PathBuf>,
    /// Finished shards; the order of their ids is the order of the results.
    pub shards: BTreeMap<u64, ShardEntry>,
}

impl SpoolIndex {
    /// Scans the spools of `n_ranks` ranks in `dir`, headers only.
    ///
    /// # Errors
    /// [`SpoolError::Read`] where a frame is torn, foreign, or a shard's parts are not all there.
    pub fn scan(dir: &Path, n_ranks: usize) -> Result<Self, SpoolError> {
        let paths: Vec<_> = (0..n_ranks).map(|rank| dir.join(format!("rank-{rank}.spool"))).collect();
        let mut shards = BTreeMap::new();
        for (spool_idx, path) in paths.iter().enumerate() {
            scan_one(path, spool_idx as u32, &mut shards)?;
        }
        Ok(Self { paths, shards })
    }

    /// Rows in all shards.
    pub fn n_rows(&self) -> u64 {
        self.shards.values().map(|s| s.n_rows).sum()
    }

    /// Hands every batch to `each`, in shard and part order.
    ///
    /// # Errors
    /// What `each` returns, or [`SpoolError::Read`] for a frame that does not verify.
    pub fn for_each<E: From<SpoolError>>(&self, mut each: impl FnMut(&RowBatch) -> Result<(), E>) -> Result<(), E> {
        let mut open: Option<(u32, File)> = None;
        for entry in self.shards.values() {
            for &(spool_idx, offset) in &entry.parts {
                let path = &self.paths[spool_idx as usize];
                let file = match open.take() {
                    Some((idx, file)) if idx == spool_idx => file,
                    _ => File::open(path).map_err(|e| read_error(path, offset, &e))?,
                };
                let (_, file) = open.insert((spool_idx, file));
                each(&read_rows(path, file, offset)?)?;
            }
        }
        Ok(())
    }
}

fn read_error(path: &Path, offset: u64, what: &dyn std::fmt::Display) -> SpoolError {
    SpoolError::Read { path: path.to_owned(), offset, what: what.to_string() }
}

fn scan_one(path: &Path, spool_idx: u32, shards: &mut BTreeMap<u64, ShardEntry>) -> Result<(), SpoolError> {
    let shared = |e: io::Error| read_error(path, 0, &format!("{e}{}", hint(&e)));
    let file = File::open(path).map_err(shared)?;
    let mut reader = BufReader::new(file);
    let mut offset = 0;
    let mut open: BTreeMap<u64, Vec<(u32, u64)>> = BTreeMap::new();
    while let Some(header) = FrameHeader::read(&mut reader).map_err(|e| read_error(path, offset, &e))? {
        match header.kind {
            FrameKind::Rows => {
                open.entry(header.shard).or_default().push((spool_idx, offset));
                reader.seek_relative(header.len as i64).map_err(|e| read_error(path, offset, &e))?;
            }
            FrameKind::End => {
                let payload = read_payload(&mut reader, &header).map_err(|e| read_error(path, offset, &e))?;
                let counts = decode_counts(&payload).map_err(|e| read_error(path, offset, &e))?;
                let parts = open.remove(&header.shard).unwrap_or_default();
                let (&n_rows, counts) = counts.split_first().unwrap_or((&0, &[]));
                if parts.len() != header.part as usize {
                    return Err(read_error(path, offset, &"a shard's parts are not all there"));
                }
                shards.insert(header.shard, ShardEntry { n_rows, counts: counts.to_vec(), parts });
            }
        }
        offset += HEADER_LEN as u64 + header.len;
    }
    Ok(())
}

fn read_payload(reader: &mut impl Read, header: &FrameHeader) -> Result<Vec<u8>, FrameError> {
    let mut payload = Vec::new();
    reader.take(header.len).read_to_end(&mut payload)?;
    if (payload.len() as u64) < header.len {
        return Err(FrameError::Torn);
    }
    if header.matches(&payload) { Ok(payload) } else { Err(FrameError::Corrupt) }
}

fn read_rows(path: &Path, file: &mut File, offset: u64) -> Result<RowBatch, SpoolError> {
    let fail = |what: &dyn std::fmt::Display| read_error(path, offset, what);
    file.seek(SeekFrom::Start(offset)).map_err(|e| fail(&e))?;
    let header = FrameHeader::read(file).map_err(|e| fail(&e))?.ok_or_else(|| fail(&FrameError::Torn))?;
    let payload = read_payload(file, &header).map_err(|e| fail(&e))?;
    decode_rows(&payload).map_err(|e| fail(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(n: u32) -> RowBatch {
        RowBatch { n_traits: 1, n_missing: vec![(n, 0, 0)], ..RowBatch::default() }
    }

    #[test]
    fn shards_come_back_in_order_whichever_rank_wrote_them() {
        let dir = tempfile::tempdir().unwrap();
        let mut spools = [0, 1].map(|r| SpoolWriter::create(dir.path(), r).unwrap());
        spools[1].rows(0, 0, &batch(0)).unwrap();
        spools[0].rows(1, 0, &batch(2)).unwrap();
        spools[1].rows(0, 1, &batch(1)).unwrap();
        spools[0].end(1, 1, 5, &[7]).unwrap();
        spools[1].end(0, 2, 6, &[8]).unwrap();
        let index = SpoolIndex::scan(dir.path(), 2).unwrap();
        assert_eq!(index.n_rows(), 11);
        let mut seen = Vec::new();
        index
            .for_each(|b| {
                seen.push(b.n_missing[0].0);
                Ok::<_, SpoolError>(())
            })
            .unwrap();
        assert_eq!(seen, [0, 1, 2]);
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = SpoolWriter::create(dir.path(), 0).unwrap();
        spool.rows(0, 0, &batch(0)).unwrap();
        spool.end(0, 1, 1, &[]).unwrap();
        let path = dir.path().join("rank-0.spool");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[HEADER_LEN + 3] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let index = SpoolIndex::scan(dir.path(), 1).unwrap();
        let error = index.for_each(|_| Ok::<_, SpoolError>(())).unwrap_err();
        assert!(error.to_string().contains("checksum"), "{error}");
    }
}
