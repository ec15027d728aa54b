//! Where the finished rows lie, in the order of the results: every rank reads what it needs of any spool.

use std::ops::Range;
use std::path::Path;

use super::bytes::{Cursor, DecodeError};
use super::codec::decode_rows;
use super::frame::{FrameKind, HEADER_LEN};
use super::index::{EndFrame, Part, Sums, take_end, take_parts};
use super::rows::{MatrixShape, RowBatch};
use super::spool::{ShardEnd, SpoolError};
use super::spool_reader::{SpoolReader, read_error};

/// The finished rows of all ranks in the order of the results.
#[derive(Debug)]
pub struct SpoolIndex {
    spools: SpoolReader,
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
        let spools = SpoolReader::new(dir, names);
        let mut numbers = ends.iter().map(|end| end.spool).chain(parts.iter().map(|part| part.spool));
        if numbers.any(|spool| !spools.has(spool)) {
            return Err(damaged(DecodeError));
        }
        let mut before = vec![(0, 0)];
        let (mut all, mut full) = (0, 0);
        for part in &parts {
            all += u64::from(part.rows.all);
            full += u64::from(part.rows.full);
            before.push((all, full));
        }
        Ok(Self { spools, ends, parts, before })
    }

    /// Adds up the ends of the shards in `range` of their order.
    ///
    /// # Errors
    /// [`SpoolError::Read`] for a frame that does not verify.
    pub fn sum(&self, range: Range<usize>, sums: &mut Sums) -> Result<(), SpoolError> {
        let mut payload = Vec::new();
        for end in &self.ends[range] {
            let len = self.spools.read_frame((end.spool, end.offset), FrameKind::End, &mut payload)?;
            let mut r = Cursor::new(&payload[..len]);
            let added = ShardEnd::decode(&mut r).and_then(|_| sums.add_from(r));
            added.map_err(|e| self.spools.error((end.spool, end.offset), &e))?;
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
            let len = self.spools.read_frame(at, FrameKind::Rows, &mut payload)?;
            decode_rows(&payload[..len], &mut batch).map_err(|e| self.spools.error(at, &e))?;
            if batch.counts() != part.rows {
                return Err(self.spools.error(at, &"rows are missing").into());
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
            let len = self.spools.read_frame(at, kind, payload)?;
            if n_rows.checked_mul(4 * shape.columns) != Some(len) {
                return Err(self.spools.error(at, &"cells are missing"));
            }
            let (start, end) = (rows.start.max(first), rows.end.min(first + n_rows as u64));
            let bytes = |row: u64| (row - first) as usize * shape.columns * 4;
            each(start, &payload[bytes(start)..bytes(end)]);
        }
        Ok(())
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
