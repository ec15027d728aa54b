//! Where the finished rows lie: each rank scans its own spool, rank 0 puts the shards in order, every rank reads what it
//! needs of any spool.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::bytes::{Cursor, DecodeError, put_f64, put_text, put_u32, put_u64};
use super::codec::decode_rows;
use super::frame::{FrameError, FrameHeader, FrameKind, HEADER_LEN};
use super::rows::{MatrixShape, RowBatch, RowCounts};
use super::spool::{SpoolError, hint, path_of};
use super::tally::{add_tally, encode_tally};

/// A part of a shard in a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    spool: u32,
    /// Where its frame of rows starts.
    offset: u64,
    /// Payload bytes of that frame.
    rows_len: u64,
    rows: RowCounts,
}

/// A finished shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shard {
    parts: Vec<Part>,
    /// What was read and dropped, as the source counts it.
    counts: Vec<u64>,
}

/// Rows of all parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TotalRows {
    /// Rows of /variants.
    pub all: u64,
    /// Full ones among them.
    pub full: u64,
}

/// What a spool, or all of them, hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    n_bins: usize,
    shards: BTreeMap<u64, Shard>,
    /// Traits × bins: the histograms of all shards.
    pub tally: Vec<u64>,
    /// ỹᵀỹ by trait of the chromosomes with a null model of their own.
    pub models: BTreeMap<String, Vec<f64>>,
}

impl Finished {
    /// Nothing yet, of `n_traits` traits with histograms of `n_bins` bins.
    pub fn new(n_traits: usize, n_bins: usize) -> Self {
        Self { n_bins, shards: BTreeMap::new(), tally: vec![0; n_traits * n_bins], models: BTreeMap::new() }
    }

    fn n_traits(&self) -> usize {
        self.tally.len() / self.n_bins.max(1)
    }

    /// Shards.
    pub fn n_shards(&self) -> usize {
        self.shards.len()
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

    /// Adds the spool of `rank` in `dir`: headers and ends of shards.
    ///
    /// # Errors
    /// [`SpoolError::Read`] where a frame is torn or foreign, or a shard's parts are not all there.
    pub fn scan(&mut self, dir: &Path, rank: usize) -> Result<(), SpoolError> {
        let path = path_of(dir, rank);
        let file = File::open(&path).map_err(|e| read_error(&path, 0, &format!("{e}{}", hint(&e))))?;
        let mut reader = BufReader::new(file);
        let mut open: BTreeMap<u64, Vec<Part>> = BTreeMap::new();
        let mut offset = 0;
        loop {
            let fail = |what: &dyn std::fmt::Display| read_error(&path, offset, what);
            let Some(header) = FrameHeader::read(&mut reader).map_err(|e| fail(&e))? else { break };
            match header.kind {
                FrameKind::Rows => {
                    let (spool, rows) = (rank as u32, RowCounts::default());
                    let part = Part { spool, offset, rows_len: header.len, rows };
                    open.entry(header.shard).or_default().push(part);
                    reader.seek_relative(header.len as i64).map_err(|e| fail(&e))?;
                }
                FrameKind::Cells(_) => reader.seek_relative(header.len as i64).map_err(|e| fail(&e))?,
                FrameKind::End | FrameKind::Model => {
                    let payload = read_payload(&mut reader, &header).map_err(|e| fail(&e))?;
                    let parts = open.remove(&header.shard).unwrap_or_default();
                    match header.kind {
                        FrameKind::Model => self.add_model(&payload).map_err(|e| fail(&e))?,
                        _ if parts.len() != header.part as usize => {
                            return Err(fail(&"a shard's parts are not all there"));
                        }
                        _ => self.add_end(header.shard, parts, &payload).map_err(|e| fail(&e))?,
                    }
                }
            }
            offset += HEADER_LEN as u64 + header.len;
        }
        Ok(())
    }

    fn add_end(&mut self, shard: u64, mut parts: Vec<Part>, payload: &[u8]) -> Result<(), DecodeError> {
        let mut r = Cursor::new(payload);
        if r.count(8)? != parts.len() {
            return Err(DecodeError);
        }
        for part in &mut parts {
            part.rows = RowCounts { all: r.u32()?, full: r.u32()? };
        }
        let counts = (0..r.count(8)?).map(|_| r.u64()).collect::<Result<_, _>>()?;
        add_tally(r.rest(), self.n_bins, &mut self.tally)?;
        self.shards.insert(shard, Shard { parts, counts });
        Ok(())
    }

    fn add_model(&mut self, payload: &[u8]) -> Result<(), DecodeError> {
        let (mut r, n_traits) = (Cursor::new(payload), self.n_traits());
        let chrom = r.text()?.to_owned();
        let squares = (0..n_traits).map(|_| r.f64()).collect::<Result<_, _>>()?;
        self.models.insert(chrom, squares);
        Ok(())
    }

    /// As a message.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, self.shards.len() as u64);
        for (&id, shard) in &self.shards {
            put_u64(&mut out, id);
            put_u64(&mut out, shard.counts.len() as u64);
            shard.counts.iter().for_each(|&count| put_u64(&mut out, count));
            put_parts(&shard.parts, &mut out);
        }
        put_u64(&mut out, self.models.len() as u64);
        for (chrom, squares) in &self.models {
            put_text(&mut out, chrom);
            squares.iter().for_each(|&square| put_f64(&mut out, square));
        }
        encode_tally(&self.tally, self.n_bins, &mut out);
        out
    }

    /// Adds what another rank's [`to_bytes`](Self::to_bytes) says.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut r = Cursor::new(bytes);
        for _ in 0..r.count(24)? {
            let id = r.u64()?;
            let counts = (0..r.count(8)?).map(|_| r.u64()).collect::<Result<_, _>>()?;
            self.shards.insert(id, Shard { counts, parts: take_parts(&mut r)? });
        }
        let n_traits = self.n_traits();
        for _ in 0..r.count(8)? {
            let chrom = r.text()?.to_owned();
            let squares = (0..n_traits).map(|_| r.f64()).collect::<Result<_, _>>()?;
            self.models.insert(chrom, squares);
        }
        add_tally(r.rest(), self.n_bins, &mut self.tally)
    }

    /// The parts in the order of the results, as a message for [`SpoolIndex::open`].
    pub fn index(&self) -> Vec<u8> {
        let parts: Vec<Part> = self.shards.values().flat_map(|shard| &shard.parts).copied().collect();
        let mut out = Vec::new();
        put_parts(&parts, &mut out);
        out
    }
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

/// The finished rows of all ranks in the order of the results.
#[derive(Debug)]
pub struct SpoolIndex {
    spools: Vec<(PathBuf, Option<File>)>,
    parts: Vec<Part>,
    /// Rows before each part, and after the last: in all and full ones.
    before: Vec<(u64, u64)>,
}

impl SpoolIndex {
    /// From [`Finished::index`]. Opens the spools that it names.
    ///
    /// # Errors
    /// [`SpoolError::Read`].
    pub fn open(dir: &Path, n_ranks: usize, index: &[u8]) -> Result<Self, SpoolError> {
        let damaged = |e: DecodeError| read_error(dir, 0, &e);
        let parts = take_parts(&mut Cursor::new(index)).map_err(damaged)?;
        let mut spools: Vec<(PathBuf, Option<File>)> = (0..n_ranks).map(|rank| (path_of(dir, rank), None)).collect();
        let mut before = vec![(0, 0)];
        let (mut all, mut full) = (0, 0);
        for part in &parts {
            let (path, file) = spools.get_mut(part.spool as usize).ok_or(DecodeError).map_err(damaged)?;
            if file.is_none() {
                *file = Some(File::open(&*path).map_err(|e| read_error(path, 0, &format!("{e}{}", hint(&e))))?);
            }
            all += u64::from(part.rows.all);
            full += u64::from(part.rows.full);
            before.push((all, full));
        }
        Ok(Self { spools, parts, before })
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
            let len = self.read_frame(part, part.offset, FrameKind::Rows, &mut payload)?;
            decode_rows(&payload[..len], &mut batch).map_err(|e| self.error(part, part.offset, &e))?;
            if batch.counts() != part.rows {
                return Err(self.error(part, part.offset, &"rows are missing").into());
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
            let offset = cells_offset(part, shapes, matrix);
            let kind = FrameKind::Cells(matrix as u8);
            let len = self.read_frame(part, offset, kind, payload)?;
            if n_rows.checked_mul(4 * shape.columns) != Some(len) {
                return Err(self.error(part, offset, &"cells are missing"));
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
        part: &Part,
        offset: u64,
        kind: FrameKind,
        payload: &mut Vec<u8>,
    ) -> Result<usize, SpoolError> {
        let fail = |what: &dyn std::fmt::Display| self.error(part, offset, what);
        let (_, Some(file)) = &self.spools[part.spool as usize] else { return Err(fail(&"the spool is not open")) };
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

    fn error(&self, part: &Part, offset: u64, what: &dyn std::fmt::Display) -> SpoolError {
        read_error(&self.spools[part.spool as usize].0, offset, what)
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

fn read_payload(reader: &mut impl Read, header: &FrameHeader) -> Result<Vec<u8>, FrameError> {
    let mut payload = Vec::new();
    reader.take(header.len).read_to_end(&mut payload)?;
    if (payload.len() as u64) < header.len {
        return Err(FrameError::Torn);
    }
    if header.matches(&payload) { Ok(payload) } else { Err(FrameError::Corrupt) }
}

#[cfg(test)]
mod tests;
