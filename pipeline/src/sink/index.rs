//! Where the finished rows lie: each process knows what it wrote or has scanned, rank 0 puts the shards in order, every rank
//! reads what it needs of any spool.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::bytes::{Cursor, DecodeError, put_f64, put_text, put_u32, put_u64};
use super::codec::decode_rows;
use super::frame::{FrameError, FrameHeader, FrameKind, HEADER_LEN};
use super::rows::{MatrixShape, RowBatch, RowCounts};
use super::spool::{ShardEnd, SpoolError, hint};
use super::tally::{add_tally, encode_tally};

/// A part of a shard in a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Number of the spool in its run.
    pub spool: u32,
    /// Where its frame of rows starts.
    pub offset: u64,
    /// Payload bytes of that frame.
    pub rows_len: u64,
    /// Its rows.
    pub rows: RowCounts,
}

/// Where the frame that ends a shard lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndFrame {
    /// Number of the spool in its run.
    pub spool: u32,
    /// Where the frame starts.
    pub offset: u64,
    /// Payload bytes.
    pub len: u64,
}

/// A finished shard.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FinishedShard {
    parts: Vec<Part>,
    end: EndFrame,
    /// What was read and dropped, as the source counts it.
    counts: Vec<u64>,
    /// The run that it belongs to.
    pub stamp: u64,
    /// CRC-32 of the batch of a stream.
    pub batch_crc: u32,
    /// Wall time of one thread.
    pub seconds: f64,
    /// When it ended, seconds since 1970.
    pub ended: f64,
}

impl FinishedShard {
    /// From its parts, whose rows are known, and what its end tells.
    pub fn new(parts: Vec<Part>, end: EndFrame, told: ShardEnd) -> Self {
        let ShardEnd { stamp, seconds, ended, batch_crc, counts, .. } = told;
        Self { parts, end, counts, stamp, batch_crc, seconds, ended }
    }

    /// Rows of /variants.
    pub fn n_rows(&self) -> u64 {
        self.parts.iter().map(|part| u64::from(part.rows.all)).sum()
    }
}

/// Rows of all parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TotalRows {
    /// Rows of /variants.
    pub all: u64,
    /// Full ones among them.
    pub full: u64,
}

/// The finished shards that a process, or all of them, know of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Finished {
    shards: BTreeMap<u64, FinishedShard>,
}

impl Finished {
    /// Shards.
    pub fn n_shards(&self) -> usize {
        self.shards.len()
    }

    /// By id.
    pub fn shards(&self) -> &BTreeMap<u64, FinishedShard> {
        &self.shards
    }

    /// Adds a shard, unless it is there: who computes a shard again gets the same rows.
    pub fn add(&mut self, id: u64, shard: FinishedShard) {
        if let Entry::Vacant(place) = self.shards.entry(id) {
            place.insert(shard);
        }
    }

    /// Rows of all shards: in all, and full ones.
    pub fn n_rows(&self) -> TotalRows {
        let parts = self.shards.values().flat_map(|shard| &shard.parts);
        parts.fold(TotalRows::default(), |sum, part| TotalRows {
            all: sum.all + u64::from(part.rows.all),
            full: sum.full + u64::from(part.rows.full),
        })
    }

    /// What each shard read and dropped, in order.
    pub fn counts(&self) -> impl Iterator<Item = &[u64]> {
        self.shards.values().map(|shard| shard.counts.as_slice())
    }

    /// As a message.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, self.shards.len() as u64);
        for (&id, shard) in &self.shards {
            put_u64(&mut out, id);
            put_u64(&mut out, shard.stamp);
            put_u32(&mut out, shard.batch_crc);
            put_f64(&mut out, shard.seconds);
            put_f64(&mut out, shard.ended);
            put_u64(&mut out, shard.counts.len() as u64);
            shard.counts.iter().for_each(|&count| put_u64(&mut out, count));
            put_end(&shard.end, &mut out);
            put_parts(&shard.parts, &mut out);
        }
        out
    }

    /// Adds what another process's [`to_bytes`](Self::to_bytes) says.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn add_bytes(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut r = Cursor::new(bytes);
        for _ in 0..r.count(72)? {
            let (id, stamp, batch_crc, seconds, ended) = (r.u64()?, r.u64()?, r.u32()?, r.f64()?, r.f64()?);
            let counts = (0..r.count(8)?).map(|_| r.u64()).collect::<Result<_, _>>()?;
            let (end, parts) = (take_end(&mut r)?, take_parts(&mut r)?);
            self.add(id, FinishedShard { parts, end, counts, stamp, batch_crc, seconds, ended });
        }
        Ok(())
    }

    /// Ends and parts in the order of the results, as a message for [`SpoolIndex::open`].
    pub fn index(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, self.shards.len() as u64);
        self.shards.values().for_each(|shard| put_end(&shard.end, &mut out));
        let parts: Vec<Part> = self.shards.values().flat_map(|shard| &shard.parts).copied().collect();
        put_parts(&parts, &mut out);
        out
    }
}

/// What ends of shards add up to.
#[derive(Debug, Clone, PartialEq)]
pub struct Sums {
    n_bins: usize,
    /// Traits × bins: histograms.
    pub tally: Vec<u64>,
    /// ỹᵀỹ by trait of the chromosomes with a null model of their own.
    pub models: BTreeMap<String, Vec<f64>>,
}

impl Sums {
    /// Nothing yet, of `n_traits` traits with histograms of `n_bins` bins.
    pub fn new(n_traits: usize, n_bins: usize) -> Self {
        Self { n_bins, tally: vec![0; n_traits * n_bins], models: BTreeMap::new() }
    }

    /// Adds the rest of an end frame after its [`ShardEnd`], or of a [`to_bytes`](Self::to_bytes).
    fn add_from(&mut self, mut r: Cursor<'_>) -> Result<(), DecodeError> {
        for _ in 0..r.count(16)? {
            let chrom = r.text()?.to_owned();
            let squares = (0..r.count(8)?).map(|_| r.f64()).collect::<Result<Vec<_>, _>>()?;
            if squares.len() * self.n_bins != self.tally.len() {
                return Err(DecodeError);
            }
            self.models.insert(chrom, squares);
        }
        add_tally(r.rest(), self.n_bins, &mut self.tally)
    }

    /// As a message.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, self.models.len() as u64);
        for (chrom, squares) in &self.models {
            put_text(&mut out, chrom);
            put_u64(&mut out, squares.len() as u64);
            squares.iter().for_each(|&square| put_f64(&mut out, square));
        }
        encode_tally(&self.tally, self.n_bins, &mut out);
        out
    }

    /// Adds what another process's [`to_bytes`](Self::to_bytes) says.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.add_from(Cursor::new(bytes))
    }
}

fn put_end(end: &EndFrame, out: &mut Vec<u8>) {
    put_u32(out, end.spool);
    put_u64(out, end.offset);
    put_u64(out, end.len);
}

fn take_end(r: &mut Cursor<'_>) -> Result<EndFrame, DecodeError> {
    Ok(EndFrame { spool: r.u32()?, offset: r.u64()?, len: r.u64()? })
}

fn put_parts(parts: &[Part], out: &mut Vec<u8>) {
    put_u64(out, parts.len() as u64);
    for part in parts {
        put_u32(out, part.spool);
        put_u64(out, part.offset);
        put_u64(out, part.rows_len);
        put_u32(out, part.rows.all);
        put_u32(out, part.rows.full);
    }
}

fn take_parts(r: &mut Cursor<'_>) -> Result<Vec<Part>, DecodeError> {
    (0..r.count(28)?)
        .map(|_| {
            let (spool, offset, rows_len) = (r.u32()?, r.u64()?, r.u64()?);
            Ok(Part { spool, offset, rows_len, rows: RowCounts { all: r.u32()?, full: r.u32()? } })
        })
        .collect()
}

/// Spools that a rank has open at a time: thousands of ranks have thousands of spools.
const MAX_OPEN: usize = 64;

/// The finished rows of all ranks in the order of the results.
#[derive(Debug)]
pub struct SpoolIndex {
    spools: Vec<PathBuf>,
    /// The spools that were read last, by number.
    open: Mutex<VecDeque<(u32, Arc<File>)>>,
    ends: Vec<EndFrame>,
    parts: Vec<Part>,
    /// Rows before each part, and after the last: in all and full ones.
    before: Vec<(u64, u64)>,
}

impl SpoolIndex {
    /// From [`Finished::index`]; `names`: the spools of the run in `dir`, by number. They are opened as they are read.
    ///
    /// # Errors
    /// [`SpoolError::Read`].
    pub fn open(dir: &Path, names: &[String], index: &[u8]) -> Result<Self, SpoolError> {
        let damaged = |e: DecodeError| read_error(dir, 0, &e);
        let mut r = Cursor::new(index);
        let n_ends = r.count(20).map_err(damaged)?;
        let ends = (0..n_ends).map(|_| take_end(&mut r)).collect::<Result<Vec<_>, _>>().map_err(damaged)?;
        let parts = take_parts(&mut r).map_err(damaged)?;
        let spools: Vec<PathBuf> = names.iter().map(|name| dir.join(name)).collect();
        let mut numbers = ends.iter().map(|end| end.spool).chain(parts.iter().map(|part| part.spool));
        if numbers.any(|spool| spool as usize >= spools.len()) {
            return Err(damaged(DecodeError));
        }
        let mut before = vec![(0, 0)];
        let (mut all, mut full) = (0, 0);
        for part in &parts {
            all += u64::from(part.rows.all);
            full += u64::from(part.rows.full);
            before.push((all, full));
        }
        Ok(Self { spools, open: Mutex::default(), ends, parts, before })
    }

    /// Adds up the ends of the shards in `range` of their order.
    ///
    /// # Errors
    /// [`SpoolError::Read`] for a frame that does not verify.
    pub fn sum(&self, range: Range<usize>, sums: &mut Sums) -> Result<(), SpoolError> {
        let mut payload = Vec::new();
        for end in &self.ends[range] {
            let len = self.read_frame((end.spool, end.offset), FrameKind::End, &mut payload)?;
            let mut r = Cursor::new(&payload[..len]);
            let added = ShardEnd::decode(&mut r).and_then(|_| sums.add_from(r));
            added.map_err(|e| self.error((end.spool, end.offset), &e))?;
        }
        Ok(())
    }

    /// Shards.
    pub fn n_shards(&self) -> usize {
        self.ends.len()
    }

    /// Rows of a matrix before each part.
    fn before(&self, part: usize, shape: MatrixShape) -> u64 {
        let (all, full) = self.before[part];
        if shape.full { full } else { all - full }
    }

    /// Hands the rows of every part, without matrices, to `each` in order.
    ///
    /// # Errors
    /// What `each` returns, or [`SpoolError::Read`] for a frame that does not verify.
    pub fn for_each<E: From<SpoolError>>(&self, mut each: impl FnMut(&RowBatch) -> Result<(), E>) -> Result<(), E> {
        let (mut payload, mut batch) = (Vec::new(), RowBatch::default());
        for part in &self.parts {
            let at = (part.spool, part.offset);
            let len = self.read_frame(at, FrameKind::Rows, &mut payload)?;
            decode_rows(&payload[..len], &mut batch).map_err(|e| self.error(at, &e))?;
            if batch.counts() != part.rows {
                return Err(self.error(at, &"rows are missing").into());
            }
            each(&batch)?;
        }
        Ok(())
    }

    /// Hands the cells of `rows` of a matrix to `each`, as (first row, whole rows of cells: f32, little-endian), in order.
    /// `shapes`: the matrices of the store. `payload`: scratch.
    ///
    /// # Errors
    /// [`SpoolError::Read`] for a frame that does not verify.
    pub fn read_matrix(
        &self,
        shapes: &[MatrixShape],
        matrix: usize,
        rows: Range<u64>,
        payload: &mut Vec<u8>,
        mut each: impl FnMut(u64, &[u8]),
    ) -> Result<(), SpoolError> {
        let shape = shapes[matrix];
        let mut idx = partition(self.parts.len(), |part| self.before(part + 1, shape) <= rows.start);
        while idx < self.parts.len() && self.before(idx, shape) < rows.end {
            let part = &self.parts[idx];
            let (first, n_rows) = (self.before(idx, shape), part.rows.in_matrix(shape) as usize);
            idx += 1;
            if n_rows == 0 {
                continue;
            }
            let at = (part.spool, cells_offset(part, shapes, matrix));
            let kind = FrameKind::Cells(matrix as u8);
            let len = self.read_frame(at, kind, payload)?;
            if n_rows.checked_mul(4 * shape.columns) != Some(len) {
                return Err(self.error(at, &"cells are missing"));
            }
            let (start, end) = (rows.start.max(first), rows.end.min(first + n_rows as u64));
            let bytes = |row: u64| (row - first) as usize * shape.columns * 4;
            each(start, &payload[bytes(start)..bytes(end)]);
        }
        Ok(())
    }

    /// Reads and verifies a frame into `payload`, which only grows; its length.
    fn read_frame(
        &self,
        (spool, offset): (u32, u64),
        kind: FrameKind,
        payload: &mut Vec<u8>,
    ) -> Result<usize, SpoolError> {
        let fail = |what: &dyn std::fmt::Display| self.error((spool, offset), what);
        let file = self.file(spool).map_err(|e| fail(&format!("{e}{}", hint(&e))))?;
        let mut head = [0; HEADER_LEN];
        file.read_exact_at(&mut head, offset).map_err(|e| fail(&torn(e)))?;
        let header = FrameHeader::parse(&head).map_err(|e| fail(&e))?;
        let at = offset + HEADER_LEN as u64;
        let inside = file.metadata().is_ok_and(|meta| meta.len() >= at.saturating_add(header.len));
        if header.kind != kind || !inside {
            return Err(fail(if inside { &FrameError::Foreign } else { &FrameError::Torn }));
        }
        let len = header.len as usize;
        if payload.len() < len {
            payload.resize(len, 0);
        }
        file.read_exact_at(&mut payload[..len], at).map_err(|e| fail(&torn(e)))?;
        if header.matches(&payload[..len]) { Ok(len) } else { Err(fail(&FrameError::Corrupt)) }
    }

    /// The spool, opened if it is not one of the last [`MAX_OPEN`].
    fn file(&self, spool: u32) -> io::Result<Arc<File>> {
        let find = |open: &VecDeque<(u32, Arc<File>)>| {
            open.iter().find(|(number, _)| *number == spool).map(|(_, file)| Arc::clone(file))
        };
        if let Some(file) = find(&self.open.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(file);
        }
        let file = Arc::new(File::open(&self.spools[spool as usize])?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_OPEN {
            open.pop_front();
        }
        open.push_back((spool, Arc::clone(&file)));
        Ok(file)
    }

    fn error(&self, (spool, offset): (u32, u64), what: &dyn std::fmt::Display) -> SpoolError {
        read_error(&self.spools[spool as usize], offset, what)
    }
}

/// Where a part's frame of a matrix starts: they follow its frame of rows.
fn cells_offset(part: &Part, shapes: &[MatrixShape], matrix: usize) -> u64 {
    let header = HEADER_LEN as u64;
    let frame = |shape: &MatrixShape| header + 4 * u64::from(part.rows.in_matrix(*shape)) * shape.columns as u64;
    part.offset + header + part.rows_len + shapes[..matrix].iter().map(frame).sum::<u64>()
}

/// The first of 0..n for which `is_before` does not hold; it holds for none after.
fn partition(n: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low.midpoint(high);
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn torn(error: io::Error) -> FrameError {
    if error.kind() == io::ErrorKind::UnexpectedEof { FrameError::Torn } else { FrameError::Io(error) }
}

fn read_error(path: &Path, offset: u64, what: &dyn std::fmt::Display) -> SpoolError {
    SpoolError::Read { path: path.to_owned(), offset, what: what.to_string() }
}

#[cfg(test)]
mod tests;
