//! What a spool holds, whoever wrote it and however that ended: frames that verify count, anything else is passed over to the
//! next frame, and costs the shard that it belonged to.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use memchr::memmem;

use super::bytes::{Cursor, DecodeError};
use super::frame::{FrameError, FrameHeader, FrameKind, HEADER_LEN, MAGIC};
use super::index::{EndFrame, FinishedShard, Part};
use super::spool::{ShardEnd, SpoolError, Writer, hint};
use crate::shard::ShardId;

/// Bytes without a sound frame after which the rest of a file is given up: many times the longest frame that a block makes.
const MAX_GAP: u64 = 1 << 30;
/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// What is read of a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every byte: all checksums are verified, each part of a shard has this many matrices, of a cell none.
    Verify {
        /// Matrices of the store.
        n_matrices: usize,
    },
    /// Headers and ends of shards: for who only wants to know how far a run is.
    Headers,
}

/// What a spool holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpoolContents {
    /// Who has written, in order.
    pub writers: Vec<Writer>,
    /// Why the last of them stopped (seconds since 1970, reason), if it said so.
    pub stop: Option<(f64, String)>,
    /// Finished shards by id; of one that is there twice, the first.
    pub shards: BTreeMap<u64, FinishedShard>,
    /// Stretches that are no sound frames.
    pub n_damaged: u64,
    /// Bytes of the file.
    pub len: u64,
}

impl SpoolContents {
    /// Whether the last writer said that it stops.
    pub fn has_stopped(&self) -> bool {
        self.stop.is_some()
    }
}

/// Reads the spool at `path`, which is number `spool` of its run. Memory: the list of shards and one end of a shard.
///
/// # Errors
/// [`SpoolError::Read`] where the file cannot be read.
pub fn scan(path: &Path, spool: u32, depth: Depth) -> Result<SpoolContents, SpoolError> {
    let fail = |offset: u64, e: &dyn std::fmt::Display| SpoolError::Read {
        path: path.to_owned(),
        offset,
        what: e.to_string(),
    };
    let open = || File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (len, file) = open().map_err(|e| fail(0, &format!("{e}{}", hint(&e))))?;
    let mut scan = Scan {
        file,
        spool,
        depth,
        found: SpoolContents { len, ..SpoolContents::default() },
        open: BTreeMap::new(),
        current: None,
        buffer: Vec::new(),
    };
    let mut offset = 0;
    while offset < len {
        match scan.frame(offset) {
            Ok(next) => offset = next,
            Err(FrameError::Io(e)) => return Err(fail(offset, &e)),
            Err(_) => {
                scan.end_part(None);
                scan.found.n_damaged += 1;
                offset = scan.resync(offset + 1).map_err(|e| fail(offset, &e))?;
            }
        }
    }
    Ok(scan.found)
}

struct Scan {
    file: File,
    spool: u32,
    depth: Depth,
    found: SpoolContents,
    /// Parts of shards that have not ended.
    open: BTreeMap<u64, Vec<Part>>,
    /// Shard, part and matrices seen of the part whose matrices may follow.
    current: Option<(u64, u32, usize)>,
    buffer: Vec<u8>,
}

impl Scan {
    /// Takes in the frame at `offset`; where the next one is.
    fn frame(&mut self, offset: u64) -> Result<u64, FrameError> {
        let header = self.header(offset)?;
        let payload = offset + HEADER_LEN as u64..offset + HEADER_LEN as u64 + header.len;
        let verify = matches!(self.depth, Depth::Verify { .. });
        let is_bulk = matches!(header.kind, FrameKind::Rows | FrameKind::Cells(_));
        if (verify || !is_bulk) && !self.verifies(&header, payload.clone())? {
            return Err(FrameError::Corrupt);
        }
        if let FrameKind::Cells(matrix) = header.kind {
            match &mut self.current {
                Some((shard, part, seen))
                    if (*shard, *part, *seen) == (header.shard, header.part, usize::from(matrix)) =>
                {
                    *seen += 1;
                }
                _ => self.end_part(None),
            }
            return Ok(payload.end);
        }
        self.end_part(Some(()));
        match header.kind {
            FrameKind::Rows => self.begin_part(&header, offset),
            FrameKind::End => {
                let parts = self.open.remove(&header.shard).unwrap_or_default();
                let bytes = self.read(payload.clone())?;
                let end = EndFrame { spool: self.spool, offset, len: header.len };
                match finished(&bytes, parts, end, header.part) {
                    Ok(Some(shard)) => drop(self.found.shards.entry(header.shard).or_insert(shard)),
                    Ok(None) => self.found.n_damaged += 1,
                    Err(DecodeError) => return Err(FrameError::Corrupt),
                }
            }
            FrameKind::Begin => {
                let bytes = self.read(payload.clone())?;
                self.found.writers.push(Writer::decode(&bytes).map_err(|DecodeError| FrameError::Foreign)?);
                self.found.stop = None;
            }
            FrameKind::Stop => {
                let bytes = self.read(payload.clone())?;
                let mut r = Cursor::new(&bytes);
                let stop = r.f64().and_then(|when| Ok((when, r.text()?.to_owned())));
                self.found.stop = Some(stop.map_err(|DecodeError| FrameError::Foreign)?);
            }
            FrameKind::Beat | FrameKind::Cells(_) => {}
        }
        Ok(payload.end)
    }

    fn header(&self, offset: u64) -> Result<FrameHeader, FrameError> {
        let mut raw = [0; HEADER_LEN];
        let start = offset + HEADER_LEN as u64;
        if start > self.found.len {
            return Err(FrameError::Torn);
        }
        self.file.read_exact_at(&mut raw, offset)?;
        let header = FrameHeader::parse(&raw)?;
        if header.len > self.found.len - start { Err(FrameError::Torn) } else { Ok(header) }
    }

    fn verifies(&mut self, header: &FrameHeader, payload: Range<u64>) -> Result<bool, FrameError> {
        let mut hasher = header.hasher();
        let mut at = payload.start;
        while at < payload.end {
            let n = CHUNK.min((payload.end - at) as usize);
            self.buffer.resize(n.max(self.buffer.len()), 0);
            self.file.read_exact_at(&mut self.buffer[..n], at)?;
            hasher.update(&self.buffer[..n]);
            at += n as u64;
        }
        Ok(hasher.finalize() == header.crc)
    }

    fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        self.file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes)
    }

    fn begin_part(&mut self, header: &FrameHeader, offset: u64) {
        let parts = self.open.entry(header.shard).or_default();
        if header.part == 0 {
            // Somebody begins the shard anew.
            parts.clear();
        }
        if header.part as usize == parts.len() {
            parts.push(Part { spool: self.spool, offset, rows_len: header.len, rows: Default::default() });
            self.current = Some((header.shard, header.part, 0));
        } else {
            self.open.remove(&header.shard);
        }
    }

    /// The matrices of the current part end: `whole` if a sound frame follows them.
    fn end_part(&mut self, whole: Option<()>) {
        let Some((shard, _, seen)) = self.current.take() else { return };
        let complete = match self.depth {
            Depth::Verify { n_matrices } => seen == if ShardId(shard).is_cell() { 0 } else { n_matrices },
            Depth::Headers => whole.is_some(),
        };
        if !complete {
            self.open.remove(&shard);
        }
    }

    /// The first place from `offset` on where a frame may begin; the end of the file without one nearby.
    fn resync(&mut self, mut offset: u64) -> io::Result<u64> {
        let begin = offset;
        let finder = memmem::Finder::new(&MAGIC);
        while offset < self.found.len && offset - begin < MAX_GAP {
            let n = CHUNK.min((self.found.len - offset) as usize);
            self.buffer.resize(n.max(self.buffer.len()), 0);
            self.file.read_exact_at(&mut self.buffer[..n], offset)?;
            if let Some(at) = finder.find(&self.buffer[..n]) {
                return Ok(offset + at as u64);
            }
            // The mark may lie across the border of two chunks.
            offset += (n - n.min(MAGIC.len() - 1)).max(1) as u64;
        }
        Ok(self.found.len)
    }
}

/// The shard that an end frame with this payload ends; none if its parts are not all there.
fn finished(
    payload: &[u8],
    mut parts: Vec<Part>,
    end: EndFrame,
    n_parts: u32,
) -> Result<Option<FinishedShard>, DecodeError> {
    let told = ShardEnd::decode(&mut Cursor::new(payload))?;
    if parts.len() != n_parts as usize || told.parts.len() != parts.len() {
        return Ok(None);
    }
    for (part, &rows) in parts.iter_mut().zip(&told.parts) {
        part.rows = rows;
    }
    Ok(Some(FinishedShard::new(parts, end, told)))
}

/// Whether the last frame of the spool at `path` says that its writer has stopped. Reads the end of the file only.
pub fn ends_with_stop(path: &Path) -> bool {
    let read = || {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let n = len.min(LONGEST_STOP);
        let mut bytes = vec![0; n as usize];
        file.read_exact_at(&mut bytes, len - n)?;
        Ok::<_, io::Error>(bytes)
    };
    let bytes = read().unwrap_or_default();
    memmem::rfind_iter(&bytes, &MAGIC).any(|at| {
        let Some((head, payload)) = bytes[at..].split_first_chunk::<HEADER_LEN>() else { return false };
        FrameHeader::parse(head).is_ok_and(|header| header.kind == FrameKind::Stop && header.matches(payload))
    })
}

/// Bytes of a frame that says why a writer has stopped, at most.
const LONGEST_STOP: u64 = 4096;
