//! Indices of alignment files: BAI and CSI for BAM, CRAI for CRAM.
//!
//! Whole indices of thousands of files would not fit into memory: of each file a summary is kept, and the part of one
//! reference is read when it is asked for. SAM specification, section 5.2; CSIv1; CRAM specification, section 12.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::format::bgzf::{Compression, VirtualOffset};
use crate::format::bgzf_source::ByteSource;
use crate::format::index::{IndexError, ReferencePart, VariantIndex};

use super::error::AlignmentError;

/// Largest index, inflated.
const MAX_INDEX_LEN: usize = 1 << 30;
/// References of which more than the sum over the rest is kept.
const MAX_MAJOR: usize = 64;

/// What is kept of a file's index.
#[derive(Debug, Clone, Default)]
pub(super) struct IndexSummary {
    pub(super) path: PathBuf,
    /// Whether the index is as it stands in the file, so that a part can be read from its place.
    is_plain: bool,
    /// The references with most bytes, by number.
    major: Vec<Major>,
    rest_bytes: u64,
    rest_length: u64,
    /// Behind the last record that it knows of; none if it knows of none.
    pub(super) end: Option<VirtualOffset>,
}

/// The refusal of an index after whose last place reads follow.
pub(super) fn not_covering() -> AlignmentError {
    let problem = "it does not cover the file (it is of another, an earlier or a partial file)";
    AlignmentError::Index(problem.to_owned())
}

#[derive(Debug, Clone)]
struct Major {
    reference_idx: u32,
    /// Compressed bytes of its reads.
    bytes: u64,
    /// Where the inflated index speaks of it.
    at: Range<u64>,
}

/// The index beside `path`: `x.bam.bai`, `x.bai`, `x.bam.csi` or `x.csi`; for CRAM `x.cram.crai` or `x.crai`.
pub(super) fn beside(path: &Path, extensions: &[&str]) -> Option<PathBuf> {
    extensions.iter().find_map(|extension| {
        let mut appended = path.as_os_str().to_owned();
        appended.push(".");
        appended.push(extension);
        [PathBuf::from(appended), path.with_extension(extension)].into_iter().find(|p| p.is_file())
    })
}

/// The inflated bytes of an index, the first `limit` at least.
pub(super) fn inflated(path: &Path, limit: u64) -> Result<(Vec<u8>, bool), AlignmentError> {
    let failed = |error: io::Error| AlignmentError::Index(error.to_string());
    let mut file = File::open(path).map_err(failed)?;
    let mut head = Vec::new();
    Read::take(&mut file, 18).read_to_end(&mut head).map_err(failed)?;
    let compression = Compression::of(&head);
    let mut source = ByteSource::open(file, compression).map_err(failed)?;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < limit {
        let part = source.fill().map_err(failed)?;
        if part.is_empty() {
            break;
        }
        bytes.extend_from_slice(part);
        let n = part.len();
        source.consume(n);
        if bytes.len() > MAX_INDEX_LEN {
            return Err(AlignmentError::Index("it is larger than 1 GiB".to_owned()));
        }
    }
    Ok((bytes, compression == Compression::Plain))
}

impl From<IndexError> for AlignmentError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Io(error) => Self::Index(error.to_string()),
            IndexError::Damaged(what) => Self::Index(format!("damaged ({what})")),
            IndexError::OtherFile => Self::Index("it points beyond the end of the file".to_owned()),
        }
    }
}

impl IndexSummary {
    /// Reads the index of a BAM of `file_len` bytes whose references have these lengths, and checks it as a whole.
    pub(super) fn open(path: PathBuf, file_len: u64, lengths: &[u32]) -> Result<Self, AlignmentError> {
        let (bytes, is_plain) = inflated(&path, u64::MAX)?;
        let parts = VariantIndex::parts(&bytes)?;
        if parts.len() != lengths.len() {
            let problem = format!("it has {} references, the file {}", parts.len(), lengths.len());
            return Err(AlignmentError::Index(problem));
        }
        if parts.iter().any(|part| part.end.compressed() > file_len) {
            return Err(IndexError::OtherFile.into());
        }
        let bytes_of = |part: &ReferencePart| part.end.compressed().saturating_sub(part.start.compressed()).max(1);
        let mut order: Vec<usize> = (0..parts.len()).filter(|&i| parts[i].start < parts[i].end).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(bytes_of(&parts[i])));
        let rest = order.split_off(order.len().min(MAX_MAJOR));
        order.sort_unstable();
        let major = order.into_iter().map(|i| Major {
            reference_idx: u32::try_from(i).unwrap_or(u32::MAX),
            bytes: bytes_of(&parts[i]),
            at: parts[i].at.start as u64..parts[i].at.end as u64,
        });
        Ok(Self {
            path,
            is_plain,
            major: major.collect(),
            rest_bytes: rest.iter().map(|&i| bytes_of(&parts[i])).sum(),
            rest_length: rest.iter().map(|&i| u64::from(lengths[i])).sum(),
            end: parts.iter().map(|part| part.end).max().filter(|end| end.0 > 0),
        })
    }

    fn major(&self, reference_idx: usize) -> Option<&Major> {
        let found = self.major.binary_search_by_key(&reference_idx, |m| m.reference_idx as usize);
        found.ok().map(|i| &self.major[i])
    }

    /// Whether the place of what speaks of a reference is kept.
    pub(super) fn is_major(&self, reference_idx: usize) -> bool {
        self.major(reference_idx).is_some()
    }

    /// The whole index.
    pub(super) fn load_whole(&self) -> Result<WholeIndex, AlignmentError> {
        let (bytes, _) = inflated(&self.path, u64::MAX)?;
        Ok(WholeIndex { parts: VariantIndex::parts(&bytes)?, bytes })
    }

    /// About the compressed bytes of a part of a reference of `length` bases.
    pub(super) fn bytes(&self, reference_idx: usize, range: &Range<u32>, length: u32) -> u64 {
        let bases = u64::from(range.end.min(length).saturating_sub(range.start));
        let (bytes, length) = match self.major(reference_idx) {
            Some(major) => (major.bytes, u64::from(length)),
            None => (self.rest_bytes, self.rest_length),
        };
        let scaled = u128::from(bytes) * u128::from(bases) / u128::from(length.max(1));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }

    /// The part of the index that speaks of one reference, as an index whose only reference it is.
    pub(super) fn load(&self, reference_idx: usize) -> Result<VariantIndex, AlignmentError> {
        match self.major(reference_idx) {
            Some(major) if self.is_plain => {
                let mut file = File::open(&self.path)?;
                file.seek(SeekFrom::Start(major.at.start))?;
                let mut bytes = Vec::new();
                file.take(major.at.end - major.at.start).read_to_end(&mut bytes)?;
                Ok(VariantIndex::of_bai_reference(&bytes)?)
            }
            major => {
                let limit = major.map_or(u64::MAX, |m| m.at.end);
                let (bytes, _) = inflated(&self.path, limit)?;
                Ok(VariantIndex::of_reference(&bytes, reference_idx)?)
            }
        }
    }
}

/// An index in memory, for who asks for one small reference after the other.
pub(super) struct WholeIndex {
    bytes: Vec<u8>,
    parts: Vec<ReferencePart>,
}

impl WholeIndex {
    /// As [`IndexSummary::load`].
    pub(super) fn of(&self, reference_idx: usize) -> Result<VariantIndex, AlignmentError> {
        match self.parts.get(reference_idx) {
            Some(part) if part.start >= part.end => Ok(VariantIndex::default()),
            Some(part) if self.bytes.starts_with(b"BAI\x01") => {
                Ok(VariantIndex::of_bai_reference(&self.bytes[part.at.clone()])?)
            }
            _ => Ok(VariantIndex::of_reference(&self.bytes, reference_idx)?),
        }
    }
}

/// Whether the index at `index` was written before the file at `path`.
pub(super) fn is_older(index: &Path, path: &Path) -> io::Result<bool> {
    let modified = |path: &Path| std::fs::metadata(path)?.modified();
    Ok(modified(index)? < modified(path)?)
}
