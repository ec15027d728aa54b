//! Files that cannot be cut: one rank reads them and deals out batches of whole raw records, which any rank decodes.

use std::path::PathBuf;

use crate::format::bgzf_source::{ByteSource, MAX_RECORD_LEN, too_long};

use super::error::SourceError;

/// Whole records of a stream, inflated but not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawBatch {
    /// Which file of the input.
    pub file_idx: usize,
    /// Number within the stream, from 0.
    pub seq: u64,
    /// Lines (of text, the header's included) or records (of BCF) before the batch.
    pub n_before: u64,
    /// The records as they stand in the file.
    pub bytes: Vec<u8>,
}

impl RawBatch {
    /// Bytes for another rank.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24 + self.bytes.len());
        for number in [self.file_idx as u64, self.seq, self.n_before] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.bytes);
        out
    }

    /// The batch of such bytes; none if they are too few.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, bytes) = bytes.split_at_checked(24)?;
        let number = |i: usize| head[i..].first_chunk().map(|b| u64::from_le_bytes(*b));
        Some(Self {
            file_idx: usize::try_from(number(0)?).ok()?,
            seq: number(8)?,
            n_before: number(16)?,
            bytes: bytes.to_vec(),
        })
    }
}

/// How a stream's records are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Lines,
    Bcf,
}

/// A file read once from its first record to its end.
pub struct RawStream {
    path: PathBuf,
    file_idx: usize,
    source: ByteSource,
    framing: Framing,
    n_before: u64,
    seq: u64,
    /// Bytes of the last batch.
    last_len: usize,
    /// A batch that was looked at and not yet given.
    held: Option<RawBatch>,
}

impl RawStream {
    /// `source` stands at the first record, after `n_before` lines or records.
    pub(crate) fn new(path: PathBuf, file_idx: usize, source: ByteSource, framing: Framing, n_before: u64) -> Self {
        Self { path, file_idx, source, framing, n_before, seq: 0, last_len: 0, held: None }
    }

    /// Lines or records before the next batch.
    pub(crate) fn n_before(&self) -> u64 {
        self.n_before
    }

    /// Offset in the file (in the inflated bytes, where that cannot be told).
    pub(crate) fn offset(&self) -> u64 {
        self.source.address().compressed()
    }

    /// The next batch, held back so that it comes again.
    pub(crate) fn peek(&mut self, target_bytes: u64) -> Result<Option<&RawBatch>, SourceError> {
        if self.held.is_none() {
            self.held = self.read(target_bytes)?;
        }
        Ok(self.held.as_ref())
    }

    /// About `target_bytes` (inflated) of whole records, at least one; none at the end.
    pub fn next_batch(&mut self, target_bytes: u64) -> Result<Option<RawBatch>, SourceError> {
        match self.held.take() {
            Some(batch) => Ok(Some(batch)),
            None => self.read(target_bytes),
        }
    }

    fn read(&mut self, target_bytes: u64) -> Result<Option<RawBatch>, SourceError> {
        let target = usize::try_from(target_bytes).unwrap_or(usize::MAX).clamp(1, MAX_RECORD_LEN);
        // About what the last one took, so that it is not copied as it grows.
        let mut bytes = Vec::with_capacity(self.last_len);
        let mut n_records = 0;
        let read = match self.framing {
            Framing::Lines => self.source.read_lines(target, &mut bytes, &mut n_records),
            Framing::Bcf => self.read_records(target, &mut bytes, &mut n_records),
        };
        read.map_err(|source| SourceError::RecordIo {
            path: self.path.display().to_string(),
            place: match self.framing {
                Framing::Lines => format!("after line {}", self.n_before + n_records),
                Framing::Bcf => format!("after record {}", self.n_before + n_records),
            },
            source,
        })?;
        if n_records == 0 {
            return Ok(None);
        }
        self.last_len = bytes.len();
        let batch = RawBatch { file_idx: self.file_idx, seq: self.seq, n_before: self.n_before, bytes };
        self.n_before += n_records;
        self.seq += 1;
        Ok(Some(batch))
    }

    fn read_records(&mut self, target: usize, bytes: &mut Vec<u8>, n_records: &mut u64) -> std::io::Result<()> {
        while bytes.len() < target && self.read_bcf(bytes)? {
            *n_records += 1;
        }
        Ok(())
    }

    fn read_bcf(&mut self, bytes: &mut Vec<u8>) -> std::io::Result<bool> {
        let at = bytes.len();
        if !self.source.read_exactly(8, bytes)? {
            return Ok(false);
        }
        let len = |i: usize| {
            let b = &bytes[at + i..at + i + 4];
            u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize
        };
        let len = len(0).saturating_add(len(4));
        if len > MAX_RECORD_LEN {
            return Err(too_long("record"));
        }
        if len > 0 && !self.source.read_exactly(len, bytes)? {
            return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the input ends within a record"));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_travel_as_bytes() {
        let batch = RawBatch { file_idx: 3, seq: 7, n_before: 12, bytes: b"abc\n".to_vec() };
        assert_eq!(RawBatch::from_bytes(&batch.to_bytes()), Some(batch));
        assert_eq!(RawBatch::from_bytes(&[0; 23]), None);
    }

    #[test]
    fn lines_are_dealt_out_whole() {
        let text = b"a\nbb\n\nccc\nd".to_vec();
        for target in 1..12 {
            let source = ByteSource::Memory(text.clone(), 0);
            let mut stream = RawStream::new("-".into(), 0, source, Framing::Lines, 5);
            let mut all = Vec::new();
            let mut lines = 5;
            stream.peek(target).unwrap();
            while let Some(batch) = stream.next_batch(target).unwrap() {
                assert_eq!(batch.n_before, lines);
                lines += batch.bytes.iter().filter(|&&b| b == b'\n').count() as u64;
                all.extend(batch.bytes);
            }
            assert_eq!(all, b"a\nbb\n\nccc\nd\n");
        }
    }
}
