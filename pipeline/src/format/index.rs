//! CSI, TBI and BAI indices: which parts of a file hold a region, and where records are known to start.
//!
//! Read here rather than by noodles, whose readers reserve memory for counts taken from the file unchecked, and do not
//! tell where records start. CSI specification (CSIv1), tabix specification, SAM specification (5.2, BAI).

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::bgzf::{Compression, VirtualOffset};
use super::bgzf_source::ByteSource;

/// Largest index, inflated.
const MAX_INDEX_LEN: usize = 1 << 30;
/// Deepest binning that is read (SAM files of 2^44 bases want 9).
const MAX_DEPTH: u32 = 9;

/// A part of a BGZF file: from the start of a record to the start of another, or the end.
pub type OffsetRange = (VirtualOffset, VirtualOffset);

/// Why an index is refused.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Reading failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It makes no sense.
    #[error("damaged index ({0}); make it again with bcftools index -f")]
    Damaged(&'static str),
    /// It is not of this file.
    #[error("the index points beyond the end of the file; make it again with bcftools index -f")]
    OtherFile,
}

/// The index of one file.
#[derive(Debug, Clone, Default)]
pub struct VariantIndex {
    min_shift: u32,
    depth: u32,
    names: Vec<String>,
    references: Vec<Reference>,
}

#[derive(Debug, Clone, Default)]
struct Reference {
    bins: HashMap<u32, Bin>,
    linear: Vec<VirtualOffset>,
    n_records: Option<u64>,
}

#[derive(Debug, Clone, Default)]
struct Bin {
    first: VirtualOffset,
    chunks: Vec<OffsetRange>,
}

/// What an index of reads says of one reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferencePart {
    /// Where the index speaks of it.
    pub at: Range<usize>,
    /// Place of the first of its records; not before `end` where it has none.
    pub start: VirtualOffset,
    /// Behind the last.
    pub end: VirtualOffset,
}

/// The index beside `path`: `.csi`, else `.tbi`.
pub fn beside(path: &Path) -> Option<PathBuf> {
    ["csi", "tbi"].into_iter().find_map(|extension| {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(extension);
        Some(PathBuf::from(name)).filter(|p| p.is_file())
    })
}

impl VariantIndex {
    /// Reads the index at `path`, of a file of `file_len` bytes.
    pub fn open(path: &Path, file_len: u64) -> Result<Self, IndexError> {
        let mut file = File::open(path)?;
        let mut head = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(&mut file, 18), &mut head)?;
        let mut source = ByteSource::open(file, Compression::of(&head))?;
        let mut bytes = Vec::new();
        loop {
            let part = source.fill()?;
            if part.is_empty() {
                break;
            }
            bytes.extend_from_slice(part);
            let n = part.len();
            source.consume(n);
            if bytes.len() > MAX_INDEX_LEN {
                return Err(IndexError::Damaged("it is larger than 1 GiB"));
            }
        }
        let index = Self::parse(&bytes)?;
        let beyond = index.chunks().any(|(start, end)| start.compressed() >= file_len || end.compressed() > file_len);
        if beyond { Err(IndexError::OtherFile) } else { Ok(index) }
    }

    /// Takes an inflated index apart.
    pub fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        let mut cursor = Cursor { bytes };
        match cursor.take(4)? {
            b"CSI\x01" => Self::parse_csi(cursor),
            b"TBI\x01" => Self::parse_tbi(cursor),
            _ => Err(IndexError::Damaged("neither CSI nor TBI")),
        }
    }

    /// Every reference of a BAI or CSI, the whole index checked.
    pub fn parts(bytes: &[u8]) -> Result<Vec<ReferencePart>, IndexError> {
        let mut cursor = Cursor { bytes };
        let (index, is_bai, n_references) = Self::of_reads(&mut cursor)?;
        let mut parts = Vec::new();
        for _ in 0..n_references {
            let from = bytes.len() - cursor.bytes.len();
            let reference = index.reference(&mut cursor, is_bai)?;
            let chunks = || reference.bins.values().flat_map(|b| b.chunks.iter());
            if chunks().any(|c| c.0 > c.1) {
                return Err(IndexError::Damaged("a part that ends before it starts"));
            }
            parts.push(ReferencePart {
                at: from..bytes.len() - cursor.bytes.len(),
                start: chunks().map(|c| c.0).min().unwrap_or_default(),
                end: chunks().map(|c| c.1).max().unwrap_or_default(),
            });
        }
        Ok(parts)
    }

    /// The index of one reference out of a BAI or CSI, of which the bytes up to its end are enough. It is reference 0 of
    /// what is given.
    pub fn of_reference(bytes: &[u8], reference_idx: usize) -> Result<Self, IndexError> {
        let mut cursor = Cursor { bytes };
        let (mut index, is_bai, n_references) = Self::of_reads(&mut cursor)?;
        if reference_idx < n_references {
            for _ in 0..reference_idx {
                index.reference(&mut cursor, is_bai)?;
            }
            index.references.push(index.reference(&mut cursor, is_bai)?);
        }
        Ok(index)
    }

    /// The index of the reference that `bytes`, a part of a BAI, speak of. It is reference 0 of what is given.
    pub fn of_bai_reference(bytes: &[u8]) -> Result<Self, IndexError> {
        let mut index = Self { min_shift: 14, depth: 5, ..Self::default() };
        index.references.push(index.reference(&mut Cursor { bytes }, true)?);
        Ok(index)
    }

    /// The head of a BAI or CSI: its binning, whether it is a BAI, and how many references follow.
    fn of_reads(cursor: &mut Cursor<'_>) -> Result<(Self, bool, usize), IndexError> {
        match cursor.take(4)? {
            b"BAI\x01" => Ok((Self { min_shift: 14, depth: 5, ..Self::default() }, true, cursor.count()?)),
            b"CSI\x01" => {
                let index = Self::csi_head(cursor)?;
                Ok((index, false, cursor.count()?))
            }
            _ => Err(IndexError::Damaged("neither BAI nor CSI")),
        }
    }

    /// Reads what an index says of one reference.
    fn reference(&self, cursor: &mut Cursor<'_>, is_linear: bool) -> Result<Reference, IndexError> {
        let mut reference = Reference::default();
        for _ in 0..cursor.count()? {
            let id = cursor.u32()?;
            let first = if is_linear { VirtualOffset(0) } else { VirtualOffset(cursor.u64()?) };
            self.take_bin(&mut reference, id, first, cursor.chunks()?);
        }
        if is_linear {
            for _ in 0..cursor.count()? {
                reference.linear.push(VirtualOffset(cursor.u64()?));
            }
        }
        Ok(reference)
    }

    fn csi_head(cursor: &mut Cursor<'_>) -> Result<Self, IndexError> {
        let min_shift = cursor.count()?;
        let depth = cursor.count()?;
        let (Ok(min_shift), Ok(depth)) = (u32::try_from(min_shift), u32::try_from(depth)) else {
            return Err(IndexError::Damaged("depth"));
        };
        if min_shift > 31 || depth > MAX_DEPTH {
            return Err(IndexError::Damaged("depth"));
        }
        let aux_len = cursor.count()?;
        let mut aux = Cursor { bytes: cursor.take(aux_len)? };
        let names = if aux_len >= 28 { names(&mut aux)? } else { Vec::new() };
        Ok(Self { min_shift, depth, names, references: Vec::new() })
    }

    fn parse_csi(mut cursor: Cursor<'_>) -> Result<Self, IndexError> {
        let mut index = Self::csi_head(&mut cursor)?;
        for _ in 0..cursor.count()? {
            index.references.push(index.reference(&mut cursor, false)?);
        }
        Ok(index)
    }

    fn parse_tbi(mut cursor: Cursor<'_>) -> Result<Self, IndexError> {
        let n_references = cursor.count()?;
        let names = names(&mut cursor)?;
        let mut index = Self { min_shift: 14, depth: 5, names, references: Vec::new() };
        for _ in 0..n_references {
            index.references.push(index.reference(&mut cursor, true)?);
        }
        Ok(index)
    }

    fn take_bin(&self, reference: &mut Reference, id: u32, first: VirtualOffset, chunks: Vec<OffsetRange>) {
        // The pseudo-bin's second chunk holds counts of placed and unplaced records.
        if id == first_bin(self.depth + 1) + 1 {
            reference.n_records = chunks.get(1).map(|counts| counts.0.0);
        } else {
            reference.bins.insert(id, Bin { first, chunks });
        }
    }

    /// Names of the references, in order; empty in the index of a BCF, where the header's contigs are meant.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Records in the file, where the index counted them.
    pub fn n_records(&self) -> Option<u64> {
        let with_bins = self.references.iter().filter(|r| !r.bins.is_empty());
        with_bins.map(|r| r.n_records).sum()
    }

    /// Parts that hold every record which overlaps the bases `from` to `to` (1-based, inclusive) of a reference, in file
    /// order, not overlapping; they hold other records too.
    pub fn query(&self, reference_idx: usize, from: u32, to: u32) -> Vec<OffsetRange> {
        let Some(reference) = self.references.get(reference_idx) else { return Vec::new() };
        let (start, end) = (u64::from(from.saturating_sub(1)), u64::from(to).max(u64::from(from)));
        let lowest = self.lowest_offset(reference, start);
        let mut chunks = Vec::new();
        for (&id, bin) in &reference.bins {
            let Some((bin_start, bin_end)) = self.span(id) else { continue };
            if bin_start < end && start < bin_end {
                chunks.extend(bin.chunks.iter().filter(|c| c.1 > lowest).map(|c| (c.0.max(lowest), c.1)));
            }
        }
        merge(chunks)
    }

    /// No record that overlaps base `start` (from 0) of a reference or a later one begins before this offset.
    pub fn lowest(&self, reference_idx: usize, start: u32) -> VirtualOffset {
        let reference = self.references.get(reference_idx);
        reference.map_or_else(VirtualOffset::default, |r| self.lowest_offset(r, u64::from(start)))
    }

    fn lowest_offset(&self, reference: &Reference, start: u64) -> VirtualOffset {
        if let Some(window) = usize::try_from(start >> self.min_shift).ok().filter(|_| !reference.linear.is_empty()) {
            return reference.linear.get(window).copied().unwrap_or_default();
        }
        for level in (0..=self.depth).rev() {
            let shift = self.min_shift + 3 * (self.depth - level);
            let id = u64::from(first_bin(level)) + (start >> shift);
            if let Some(bin) = u32::try_from(id).ok().and_then(|id| reference.bins.get(&id)) {
                return bin.first;
            }
        }
        VirtualOffset::default()
    }

    /// Bases of a bin, from 0, end exclusive.
    fn span(&self, id: u32) -> Option<(u64, u64)> {
        let level = (0..=self.depth).rev().find(|&l| first_bin(l) <= id)?;
        if id >= first_bin(self.depth + 1) {
            return None;
        }
        let shift = self.min_shift + 3 * (self.depth - level);
        let at = u64::from(id - first_bin(level));
        Some((at << shift, (at + 1) << shift))
    }

    /// Behind the last record that it knows of; none if it knows of none.
    pub fn end(&self) -> Option<VirtualOffset> {
        self.chunks().map(|chunk| chunk.1).max()
    }

    /// Places where a record starts, ascending.
    pub fn record_starts(&self) -> Vec<VirtualOffset> {
        let bins = self.references.iter().flat_map(|r| r.bins.values());
        let mut starts: Vec<_> = bins.flat_map(|b| b.chunks.iter().map(|c| c.0)).collect();
        starts.sort_unstable();
        starts.dedup();
        starts
    }

    fn chunks(&self) -> impl Iterator<Item = OffsetRange> + '_ {
        self.references.iter().flat_map(|r| r.bins.values()).flat_map(|b| b.chunks.iter().copied())
    }
}

/// Number of the first bin of a level.
fn first_bin(level: u32) -> u32 {
    ((1_u64 << (3 * level)) / 7) as u32
}

/// Sorts ranges and joins those that touch or overlap.
pub fn merge(mut ranges: Vec<OffsetRange>) -> Vec<OffsetRange> {
    ranges.retain(|(start, end)| start < end);
    ranges.sort_unstable();
    let mut merged: Vec<OffsetRange> = Vec::new();
    for (start, end) in ranges {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// The tabix header: six numbers, then names that each end in NUL.
fn names(cursor: &mut Cursor<'_>) -> Result<Vec<String>, IndexError> {
    cursor.take(24)?;
    let len = cursor.count()?;
    let bytes = cursor.take(len)?;
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(bytes.split(|&b| b == 0).map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], IndexError> {
        let (head, rest) = self.bytes.split_at_checked(n).ok_or(IndexError::Damaged("cut short"))?;
        self.bytes = rest;
        Ok(head)
    }

    fn u32(&mut self) -> Result<u32, IndexError> {
        self.take(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    fn u64(&mut self) -> Result<u64, IndexError> {
        self.take(8).map(|b| u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
    }

    fn count(&mut self) -> Result<usize, IndexError> {
        let n = self.u32()?;
        if n > i32::MAX as u32 { Err(IndexError::Damaged("a negative count")) } else { Ok(n as usize) }
    }

    fn chunks(&mut self) -> Result<Vec<OffsetRange>, IndexError> {
        let n = self.count()?;
        let bytes = self.take(n.checked_mul(16).ok_or(IndexError::Damaged("a count"))?)?;
        let mut cursor = Cursor { bytes };
        (0..n).map(|_| Ok((VirtualOffset(cursor.u64()?), VirtualOffset(cursor.u64()?)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_follow_the_specification() {
        assert_eq!((0..7).map(first_bin).collect::<Vec<_>>(), [0, 1, 9, 73, 585, 4681, 37449]);
        let index = VariantIndex { min_shift: 14, depth: 5, ..Default::default() };
        assert_eq!(index.span(0), Some((0, 1 << 29)));
        assert_eq!(index.span(4681), Some((0, 1 << 14)));
        assert_eq!(index.span(4682), Some((1 << 14, 2 << 14)));
        assert_eq!(index.span(37449), None);
    }

    #[test]
    fn merging_joins_what_touches() {
        let v = VirtualOffset;
        let got = merge(vec![(v(5), v(8)), (v(1), v(2)), (v(8), v(9)), (v(3), v(3)), (v(6), v(7))]);
        assert_eq!(got, [(v(1), v(2)), (v(5), v(9))]);
    }

    #[test]
    fn damaged_indices_are_refused() {
        assert!(VariantIndex::parse(b"").is_err());
        assert!(VariantIndex::parse(b"BAI\x01").is_err());
        let mut csi = b"CSI\x01".to_vec();
        for n in [14, 5, 0, 1, i32::MAX] {
            csi.extend_from_slice(&n.to_le_bytes());
        }
        assert!(VariantIndex::parse(&csi).is_err());
        for len in 0..csi.len() {
            assert!(VariantIndex::parse(&csi[..len]).is_err());
        }
    }
}
