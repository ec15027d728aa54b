//! CRAM by region, decoded by noodles a slice at a time and handed on in BAM's layout.
//!
//! Containers are walked before the decoder sees them, and its panics are caught: a damaged file is one line of an error.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use noodles::sam::alignment::io::Write as _;
use noodles::{bam, cram, fasta, sam};

use crate::format::caught::caught;
use crate::format::fasta::Fasta;

use super::container::{FILE_DEFINITION_LEN, Holds, damaged, has_eof_container, read_container, read_head};
use super::error::AlignmentError;
use super::header::{AlignmentHeader, ReadGroups};
use super::index::{inflated, not_covering};
use super::record::{AlignmentRecord, Core, UNMAPPED};

/// A container of reads of several references.
const SEVERAL: i32 = -2;

/// Where a slice is: its container, and its landmark within it.
type Place = (u64, u64);

/// A slice, by the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CramSlice {
    reference_idx: u32,
    /// Bases, from 0.
    range: Range<u32>,
    /// Of its container.
    offset: u64,
    /// Within the container.
    landmark: u64,
    bytes: u64,
}

/// What is kept of a CRAM file.
#[derive(Debug, Clone)]
pub(super) struct CramFile {
    path: PathBuf,
    index_path: PathBuf,
    len: u64,
    fasta: Arc<Fasta>,
    /// Bytes of reads of each reference that has any.
    bytes: Vec<(u32, u64)>,
}

impl CramFile {
    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Checks the file and reads its header; gives whether it has no reads.
    pub(super) fn open(
        path: &Path,
        index_path: PathBuf,
        fasta: Arc<Fasta>,
    ) -> Result<(Self, AlignmentHeader, bool), AlignmentError> {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut definition = [0; 6];
        file.read_exact(&mut definition).map_err(|_| AlignmentError::Truncated)?;
        let [.., major, minor] = definition;
        if major != 3 || minor > 1 {
            return Err(AlignmentError::CramVersion(major, minor));
        }
        if !has_eof_container(&mut file, len)? {
            return Err(AlignmentError::Truncated);
        }
        let (header, first) = read_header(&mut file, len)?;
        let mut text = sam::io::Writer::new(Vec::new());
        text.write_header(&header)?;
        let header = AlignmentHeader::parse_text(text.get_ref())?;
        let (slices, last) = read_index(&index_path, len)?;
        check_coverage(&mut file, first, last, len)?;
        let n_references = header.references.len();
        if slices.iter().any(|s| s.reference_idx as usize >= n_references) {
            return Err(AlignmentError::Index(format!("it has more references than the {n_references} of the file")));
        }
        let mut bytes: Vec<(u32, u64)> = Vec::new();
        for slice in &slices {
            match bytes.iter_mut().find(|(idx, _)| *idx == slice.reference_idx) {
                Some(of) => of.1 = of.1.saturating_add(slice.bytes),
                None => bytes.push((slice.reference_idx, slice.bytes)),
            }
        }
        let is_empty = first + 38 >= len;
        Ok((Self { path: path.to_owned(), index_path, len, fasta, bytes }, header, is_empty))
    }

    /// About the bytes of a part of a reference of `length` bases.
    pub(super) fn bytes(&self, reference_idx: usize, range: &Range<u32>, length: u32) -> u64 {
        let all = self.bytes.iter().find(|(idx, _)| *idx as usize == reference_idx).map_or(0, |of| of.1);
        let bases = u64::from(range.end.min(length).saturating_sub(range.start));
        u64::try_from(u128::from(all) * u128::from(bases) / u128::from(length.max(1))).unwrap_or(u64::MAX)
    }
}

/// The header, and where the first container after it begins.
fn read_header(file: &mut File, len: u64) -> Result<(sam::Header, u64), AlignmentError> {
    let bad = |problem: String| AlignmentError::Header(format!("{problem}; the file is damaged"));
    let container =
        read_head(file, FILE_DEFINITION_LEN, len).and_then(|head| read_container(file, head, Holds::Header));
    let container = container.map_err(|e| bad(e.to_string()))?;
    let first = FILE_DEFINITION_LEN + container.bytes.len() as u64;
    let mut bytes = vec![0; FILE_DEFINITION_LEN as usize];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut bytes)?;
    bytes.extend_from_slice(&container.bytes);
    let header = quietly(|| cram::io::Reader::new(&bytes[..]).read_header());
    Ok((header.map_err(|e| bad(e.to_string()))?, first))
}

/// Refuses an index after whose last slice there are placed reads. `first`: behind the file's header.
fn check_coverage(file: &mut File, first: u64, last: Option<Place>, len: u64) -> Result<(), AlignmentError> {
    let mut at = first;
    if let Some((offset, landmark)) = last {
        let head = read_head(file, offset, len).map_err(unfit)?;
        // In a container of several references the rest may be reads without a place.
        if head.reference_idx >= 0 && head.landmarks.last().is_some_and(|&at| at > landmark) {
            return Err(not_covering());
        }
        at = head.end();
    }
    loop {
        let head = read_head(file, at, len).map_err(AlignmentError::from)?;
        if head.is_eof(len) {
            return Ok(());
        }
        if head.reference_idx != -1 {
            return Err(not_covering());
        }
        at = head.end();
    }
}

/// What a failure at a place that the index gave tells.
fn unfit(error: io::Error) -> AlignmentError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => AlignmentError::Unfit("container"),
        _ => error.into(),
    }
}

/// The slices of mapped reads that an index tells, in its order, and the last slice of all. CRAM specification,
/// section 12.
fn read_index(path: &Path, file_len: u64) -> Result<(Vec<CramSlice>, Option<Place>), AlignmentError> {
    let bad = |problem: &str| AlignmentError::Index(problem.to_owned());
    let (bytes, _) = inflated(path, u64::MAX)?;
    let text = String::from_utf8(bytes).map_err(|_| bad("it is no text"))?;
    let mut slices = Vec::new();
    let mut last = None;
    for line in text.lines() {
        let numbers: Option<Vec<i64>> = line.split('\t').map(|field| field.parse().ok()).collect();
        let Some(&[reference_idx, start, span, offset, landmark, bytes]) = numbers.as_deref() else {
            return Err(bad("a line that is not six numbers"));
        };
        let numbers = (u64::try_from(offset), u64::try_from(landmark), u64::try_from(bytes));
        let (Ok(offset), Ok(landmark), Ok(bytes)) = numbers else { return Err(bad("a negative number")) };
        if offset >= file_len {
            return Err(bad("it points beyond the end of the file"));
        }
        last = last.max(Some((offset, landmark)));
        let Ok(reference_idx) = u32::try_from(reference_idx) else { continue };
        let from = u32::try_from(start.saturating_sub(1)).unwrap_or(0);
        let end = from.saturating_add(u32::try_from(span).unwrap_or(u32::MAX));
        slices.push(CramSlice { reference_idx, range: from..end, offset, landmark, bytes });
    }
    Ok((slices, last))
}

pub(super) struct CramReader {
    file: File,
    of: CramFile,
    header: Arc<AlignmentHeader>,
    sam_header: sam::Header,
    slices: Vec<CramSlice>,
    groups: ReadGroups,
    reference_idx: usize,
    range: Range<u32>,
    /// Slices that are still to be decoded, the next one last.
    ahead: Vec<CramSlice>,
    /// Records of a slice in BAM's layout, and where the next one begins.
    records: Vec<u8>,
    at: usize,
    last_start: u32,
}

impl CramReader {
    pub(super) fn open(of: CramFile, header: Arc<AlignmentHeader>) -> Result<Self, AlignmentError> {
        let mut file = File::open(&of.path)?;
        let (sam_header, _) = read_header(&mut file, of.len)?;
        let (slices, _) = read_index(&of.index_path, of.len)?;
        let groups = ReadGroups::of(&header);
        Ok(Self {
            file,
            of,
            header,
            sam_header,
            slices,
            groups,
            reference_idx: 0,
            range: 0..0,
            ahead: Vec::new(),
            records: Vec::new(),
            at: 0,
            last_start: 0,
        })
    }

    pub(super) fn look_for_read_groups(&mut self, yes: bool) {
        self.groups.look = yes;
    }

    pub(super) fn query(&mut self, reference_idx: usize, range: Range<u32>) {
        let overlaps = |slice: &&CramSlice| {
            slice.reference_idx as usize == reference_idx
                && slice.range.start < range.end
                && range.start < slice.range.end
        };
        self.ahead = self.slices.iter().filter(overlaps).cloned().collect();
        self.ahead.sort_by_key(|slice| std::cmp::Reverse((slice.offset, slice.landmark)));
        self.records.clear();
        (self.at, self.reference_idx, self.range, self.last_start) = (0, reference_idx, range, 0);
    }

    pub(super) fn skip_to(&mut self, position: u32) {
        self.range.start = self.range.start.max(position);
        self.ahead.retain(|slice| slice.range.end > position);
    }

    pub(super) fn next(&mut self, record: &mut AlignmentRecord) -> Result<bool, AlignmentError> {
        loop {
            let Some(bytes) = self.next_bytes() else {
                let Some(slice) = self.ahead.pop() else { return Ok(false) };
                self.decode(&slice)?;
                continue;
            };
            record.bytes.clear();
            record.bytes.extend_from_slice(bytes);
            let core = Core::of(&record.bytes);
            if usize::try_from(core.reference_idx) != Ok(self.reference_idx) {
                continue;
            }
            let start = u32::try_from(core.start).unwrap_or(0);
            if start < self.last_start {
                let place = self.place(start);
                return Err(AlignmentError::Unsorted(format!("a record at {place} comes after a later one")));
            }
            self.last_start = start;
            if start >= self.range.end {
                self.ahead.clear();
                self.records.clear();
                return Ok(false);
            }
            record.parse().map_err(|problem| self.failed(start, problem))?;
            if record.flags & UNMAPPED != 0 {
                // Not stored of such reads; samtools too says 0.
                record.mapq = 0;
            }
            if record.end > self.range.start {
                self.groups.find(record);
                return Ok(true);
            }
        }
    }

    fn next_bytes(&mut self) -> Option<&[u8]> {
        let (len, rest) = self.records.get(self.at..)?.split_first_chunk::<4>()?;
        let len = u32::from_le_bytes(*len) as usize;
        self.at += 4 + len;
        rest.get(..len)
    }

    fn decode(&mut self, slice: &CramSlice) -> Result<(), AlignmentError> {
        let name = self.header.references.get(self.reference_idx).map_or("?", |r| r.name.as_str());
        let sequences = self.of.fasta.whole(name)?;
        let place = slice.range.start;
        let head = read_head(&mut self.file, slice.offset, self.of.len).map_err(unfit)?;
        if head.reference_idx != SEVERAL && u32::try_from(head.reference_idx) != Ok(slice.reference_idx) {
            return Err(AlignmentError::Unfit("container of the reference"));
        }
        let container = read_container(&mut self.file, head, Holds::Slices);
        let container = container.map_err(|e| self.failed(place, &e.to_string()))?;
        let slice_idx = container.landmarks.iter().position(|&at| at == slice.landmark);
        let slice_idx = slice_idx.ok_or(AlignmentError::Unfit("slice"))?;
        let decoded = quietly(|| decode_slice(&container.bytes, slice_idx, &self.sam_header, sequences));
        self.records = decoded.map_err(|e| self.failed(place, &e.to_string()))?;
        self.at = 0;
        Ok(())
    }

    fn place(&self, start: u32) -> String {
        let name = self.header.references.get(self.reference_idx).map_or("?", |r| r.name.as_str());
        format!("{name}:{}", u64::from(start) + 1)
    }

    fn failed(&self, start: u32, problem: &str) -> AlignmentError {
        let problem = if problem.contains("reference sequence checksum mismatch") {
            let path = self.of.fasta.path().display();
            format!("it was made with other bases than {path} has; give the FASTA that the reads were aligned to")
        } else {
            format!("{problem}; the file is damaged, or not as noodles reads it: samtools view -b makes a BAM of it")
        };
        AlignmentError::Cram { place: self.place(start), problem }
    }
}

/// Records of a slice of a container, in BAM's layout.
fn decode_slice(
    container: &[u8],
    slice_idx: usize,
    header: &sam::Header,
    sequences: fasta::Repository,
) -> io::Result<Vec<u8>> {
    let mut reader = cram::io::Reader::new(container);
    let mut container = cram::io::reader::Container::default();
    reader.read_container(&mut container)?;
    let compression = container.compression_header()?;
    let slice = container.slices().nth(slice_idx).ok_or_else(|| damaged("a slice is missing"))??;
    let (core, external) = slice.decode_blocks()?;
    let records = slice.records(sequences, header, &compression, &core, &external)?;
    let mut writer = bam::io::Writer::from(Vec::new());
    for record in &records {
        writer.write_alignment_record(header, record)?;
    }
    Ok(writer.into_inner())
}

/// Runs a decoder; a panic becomes an error and is not printed.
fn quietly<T>(decode: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    caught(decode).unwrap_or_else(|| Err(damaged("bytes that cannot be decoded")))
}
