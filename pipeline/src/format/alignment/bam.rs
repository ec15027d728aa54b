//! BAM by region: blocks inflated one by one, records copied into the caller's memory.
//!
//! SAM specification, section 4.2.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::format::bgzf::VirtualOffset;
use crate::format::bgzf_reader::BgzfReader;
use crate::format::index::{OffsetRange, VariantIndex};

use super::error::AlignmentError;
use super::header::{AlignmentHeader, ReadGroups};
use super::index::{IndexSummary, WholeIndex, not_covering};
use super::record::{AlignmentRecord, CORE_LEN, Core};

/// Longest record: the longest reads known, with their signals, take a tenth of it.
const MAX_RECORD_LEN: usize = 1 << 28;

pub(super) struct BamReader {
    source: BgzfReader<File>,
    header: Arc<AlignmentHeader>,
    summary: IndexSummary,
    /// The index of one reference.
    index: Option<(usize, VariantIndex)>,
    /// All of it, once a reference was asked for whose place in it is not kept.
    whole: Option<WholeIndex>,
    groups: ReadGroups,
    reference_idx: usize,
    range: Range<u32>,
    /// Parts of the file that are still to be read, the current one last.
    chunks: Vec<OffsetRange>,
    last_start: u32,
    /// Whether no record was read yet at the place that the index gave last.
    is_at_start: bool,
}

/// Refuses an index that ends before the last placed record; `source` is at the first record.
pub(super) fn check_coverage(
    source: &mut BgzfReader<File>,
    summary: &IndexSummary,
    n_references: usize,
) -> Result<(), AlignmentError> {
    if let Some(end) = summary.end {
        source.seek(end).map_err(unfit)?;
    }
    let mut record = Vec::new();
    loop {
        match read_record(source, &mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(Failure::Io(error)) => return Err(unfit(error)),
            Err(Failure::Bad(_)) => return Err(AlignmentError::Unfit("record")),
        }
        let core = Core::of(&record);
        match usize::try_from(core.reference_idx) {
            Err(_) if core.reference_idx == -1 => return Ok(()),
            Ok(idx) if idx < n_references => {}
            _ => return Err(AlignmentError::Unfit("record")),
        }
        // A record of a reference without a position is in no query.
        if core.start >= 0 {
            return Err(not_covering());
        }
    }
}

/// What a failure at a place that the index gave tells.
fn unfit(error: io::Error) -> AlignmentError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => AlignmentError::Unfit("block"),
        _ => error.into(),
    }
}

impl BamReader {
    pub(super) fn open(
        path: &Path,
        header: Arc<AlignmentHeader>,
        summary: IndexSummary,
    ) -> Result<Self, AlignmentError> {
        let source = BgzfReader::new(File::open(path)?);
        let groups = ReadGroups::of(&header);
        Ok(Self {
            source,
            header,
            summary,
            index: None,
            whole: None,
            groups,
            reference_idx: 0,
            range: 0..0,
            chunks: Vec::new(),
            last_start: 0,
            is_at_start: false,
        })
    }

    pub(super) fn look_for_read_groups(&mut self, yes: bool) {
        self.groups.look = yes;
    }

    pub(super) fn query(&mut self, reference_idx: usize, range: Range<u32>) -> Result<(), AlignmentError> {
        if self.index.as_ref().is_none_or(|(of, _)| *of != reference_idx) {
            self.index = Some((reference_idx, self.load(reference_idx)?));
        }
        self.chunks.clear();
        if let Some((_, index)) = self.index.as_ref()
            && range.start < range.end
        {
            self.chunks = index.query(0, range.start + 1, range.end);
            self.chunks.reverse();
        }
        self.start_chunk(VirtualOffset::default())?;
        (self.reference_idx, self.range, self.last_start) = (reference_idx, range, 0);
        Ok(())
    }

    fn load(&mut self, reference_idx: usize) -> Result<VariantIndex, AlignmentError> {
        if self.summary.is_major(reference_idx) {
            return self.summary.load(reference_idx);
        }
        let whole = match self.whole.take() {
            Some(whole) => whole,
            None => self.summary.load_whole()?,
        };
        self.whole.insert(whole).of(reference_idx)
    }

    pub(super) fn skip_to(&mut self, position: u32) -> Result<(), AlignmentError> {
        self.range.start = self.range.start.max(position);
        let Some((_, index)) = &self.index else { return Ok(()) };
        let lowest = index.lowest(0, position);
        if lowest.compressed() <= self.source.address().compressed() {
            return Ok(());
        }
        while self.chunks.last().is_some_and(|chunk| chunk.1 <= lowest) {
            self.chunks.pop();
        }
        self.start_chunk(lowest)
    }

    /// Goes to the start of the next part of the file, or to `lowest` within it.
    fn start_chunk(&mut self, lowest: VirtualOffset) -> Result<(), AlignmentError> {
        if let Some(chunk) = self.chunks.last() {
            self.source.seek(chunk.0.max(lowest)).map_err(unfit)?;
            self.is_at_start = true;
        }
        Ok(())
    }

    pub(super) fn next(&mut self, record: &mut AlignmentRecord) -> Result<bool, AlignmentError> {
        while self.is_within_chunk()? {
            let read = read_record(&mut self.source, &mut record.bytes);
            if !read.map_err(|failure| self.failed(failure))? {
                self.chunks.clear();
                break;
            }
            let core = Core::of(&record.bytes);
            let reference = usize::try_from(core.reference_idx).unwrap_or(usize::MAX);
            let start = u32::try_from(core.start).unwrap_or(0);
            if std::mem::take(&mut self.is_at_start) && reference > self.reference_idx {
                return Err(AlignmentError::Unfit("record of the reference"));
            }
            if reference != self.reference_idx {
                if core.reference_idx < -1 || (core.reference_idx >= 0 && reference >= self.header.references.len()) {
                    return Err(self.bad("it is on a reference that the header lacks"));
                }
                if reference > self.reference_idx {
                    self.chunks.clear();
                    break;
                }
                continue;
            }
            if start < self.last_start {
                return Err(self.unsorted(start));
            }
            self.last_start = start;
            if start >= self.range.end {
                self.chunks.clear();
                break;
            }
            record.parse().map_err(|problem| self.bad(problem))?;
            if record.end > self.range.start {
                self.groups.find(record);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Goes on to the next part of the file where the current one ends; false after the last.
    fn is_within_chunk(&mut self) -> Result<bool, AlignmentError> {
        while let Some(chunk) = self.chunks.last() {
            if self.source.address() < chunk.1 {
                return Ok(true);
            }
            self.chunks.pop();
            self.start_chunk(VirtualOffset::default())?;
        }
        Ok(false)
    }

    fn place(&self) -> String {
        let name = self.header.references.get(self.reference_idx).map_or("?", |r| r.name.as_str());
        format!("{name}:{}", u64::from(self.last_start.max(self.range.start)) + 1)
    }

    fn bad(&self, problem: &str) -> AlignmentError {
        AlignmentError::Record { place: self.place(), problem: problem.to_owned() }
    }

    fn failed(&self, failure: Failure) -> AlignmentError {
        match failure {
            Failure::Io(error) if self.is_at_start => unfit(error),
            Failure::Bad(_) if self.is_at_start => AlignmentError::Unfit("record"),
            Failure::Io(error) => {
                AlignmentError::Io(io::Error::new(error.kind(), format!("near {}: {error}", self.place())))
            }
            Failure::Bad(problem) => self.bad(problem),
        }
    }

    fn unsorted(&self, start: u32) -> AlignmentError {
        AlignmentError::Unsorted(format!("a record at {} comes after one at {}", u64::from(start) + 1, self.place()))
    }
}

/// Why no record could be read.
enum Failure {
    Io(io::Error),
    Bad(&'static str),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The bytes of the next record without their length; false at the end of the file. Memory grows only as bytes arrive.
fn read_record<R: io::Read>(source: &mut BgzfReader<R>, record: &mut Vec<u8>) -> Result<bool, Failure> {
    record.clear();
    let held = source.fill()?;
    if held.is_empty() {
        return Ok(false);
    }
    if let Some((len, rest)) = held.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        if let Some(bytes) = rest.get(..len)
            && len >= CORE_LEN
        {
            record.extend_from_slice(bytes);
            source.consume(4 + len);
            return Ok(true);
        }
    }
    take(source, 4, record)?;
    let len = record.first_chunk().map_or(0, |len| u32::from_le_bytes(*len)) as usize;
    if !(CORE_LEN..=MAX_RECORD_LEN).contains(&len) {
        return Err(Failure::Bad("a length that no record has"));
    }
    record.clear();
    take(source, len, record)?;
    Ok(true)
}

/// Appends `n` bytes, over as many blocks as hold them.
fn take<R: io::Read>(source: &mut BgzfReader<R>, n: usize, bytes: &mut Vec<u8>) -> Result<(), Failure> {
    let end = bytes.len() + n;
    while bytes.len() < end {
        let held = source.fill()?;
        if held.is_empty() {
            return Err(Failure::Bad("the file ends within it"));
        }
        let take = held.len().min(end - bytes.len());
        bytes.extend_from_slice(&held[..take]);
        source.consume(take);
    }
    Ok(())
}
