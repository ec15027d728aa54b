//! A record of reads: the raw bytes of a BAM record, taken apart when asked.
//!
//! SAM specification, section 4.2. CRAM records are laid out the same way, so that there is one kind. Every length within
//! the bytes is checked when they come in, so that the methods cannot fail.

use std::ops::Range;

/// Bytes before a record's name.
pub(super) const CORE_LEN: usize = 32;

/// Read is one of a pair.
pub const PAIRED: u16 = 0x1;
/// Both mates are placed as the aligner wants pairs to be.
pub const PROPER_PAIR: u16 = 0x2;
/// The read is not placed.
pub const UNMAPPED: u16 = 0x4;
/// The mate is not placed.
pub const MATE_UNMAPPED: u16 = 0x8;
/// The read is on the reverse strand.
pub const REVERSE: u16 = 0x10;
/// First of a pair.
pub const FIRST: u16 = 0x40;
/// Second of a pair.
pub const SECOND: u16 = 0x80;
/// Another placement of the read is the primary one.
pub const SECONDARY: u16 = 0x100;
/// Failed the sequencer's checks.
pub const QC_FAIL: u16 = 0x200;
/// A copy of another read.
pub const DUPLICATE: u16 = 0x400;
/// A part of a split read.
pub const SUPPLEMENTARY: u16 = 0x800;

/// The quality of a base that has none.
pub const NO_QUALITY: u8 = 0xff;

/// What a stretch of a read is to the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CigarKind {
    /// Aligned, equal or not (M).
    Match,
    /// In the read only (I).
    Insertion,
    /// In the reference only (D).
    Deletion,
    /// Passed over in the reference, as an intron (N).
    Skip,
    /// In the read, not aligned (S).
    SoftClip,
    /// Cut off the read (H).
    HardClip,
    /// Padding (P).
    Pad,
    /// Aligned and equal (=).
    SequenceMatch,
    /// Aligned and not equal (X).
    SequenceMismatch,
}

impl CigarKind {
    const ALL: [Self; 9] = [
        Self::Match,
        Self::Insertion,
        Self::Deletion,
        Self::Skip,
        Self::SoftClip,
        Self::HardClip,
        Self::Pad,
        Self::SequenceMatch,
        Self::SequenceMismatch,
    ];

    /// Whether it takes bases of the read.
    pub fn takes_read(self) -> bool {
        self.is_aligned() || matches!(self, Self::Insertion | Self::SoftClip)
    }

    /// Whether it takes bases of the reference.
    pub fn takes_reference(self) -> bool {
        self.is_aligned() || matches!(self, Self::Deletion | Self::Skip)
    }

    /// Whether bases of the read stand on bases of the reference.
    pub fn is_aligned(self) -> bool {
        matches!(self, Self::Match | Self::SequenceMatch | Self::SequenceMismatch)
    }
}

/// A record, its memory used again for the next one.
#[derive(Debug, Clone, Default)]
pub struct AlignmentRecord {
    /// FLAG.
    pub flags: u16,
    /// Number of the reference.
    pub reference_idx: Option<u32>,
    /// First base on the reference, from 0.
    pub start: u32,
    /// Behind the last base on the reference by the CIGAR; `start + 1` where it takes none.
    pub end: u32,
    /// MAPQ; 255 is unknown.
    pub mapq: u8,
    /// Number of the mate's reference.
    pub mate_reference_idx: Option<u32>,
    /// The mate's first base, from 0.
    pub mate_start: u32,
    /// TLEN.
    pub template_length: i32,
    /// Its read group's number in the header, if the reader was told to look for it (see
    /// [`super::AlignmentReader::look_for_read_groups`]); none if it has none or one that the header lacks.
    pub read_group: Option<u16>,
    pub(super) bytes: Vec<u8>,
    name: Range<usize>,
    cigar: Range<usize>,
    sequence: usize,
    qualities: usize,
    read_len: usize,
    tags: usize,
}

/// What can be told of a record before it is copied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Core {
    pub(super) reference_idx: i32,
    pub(super) start: i32,
    pub(super) mapq: u8,
    pub(super) flags: u16,
    name_len: usize,
    n_cigar: usize,
    read_len: usize,
}

impl Core {
    /// Of a record's bytes after its length, [`CORE_LEN`] or more.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            reference_idx: i32_at(bytes, 0),
            start: i32_at(bytes, 4),
            name_len: usize::from(bytes[8]),
            mapq: bytes[9],
            n_cigar: usize::from(u16_at(bytes, 12)),
            flags: u16_at(bytes, 14),
            read_len: u32_at(bytes, 16) as usize,
        }
    }

    fn cigar(&self) -> Range<usize> {
        let start = CORE_LEN + self.name_len;
        start..start + 4 * self.n_cigar
    }

    fn tags(&self) -> usize {
        self.cigar().end.saturating_add(self.read_len.div_ceil(2)).saturating_add(self.read_len)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn i32_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Operations of a CIGAR's bytes, four each.
fn operations(bytes: &[u8]) -> impl Iterator<Item = (u8, u32)> {
    bytes.chunks_exact(4).map(|b| {
        let word = u32_at(b, 0);
        ((word & 0xf) as u8, word >> 4)
    })
}

/// Bases of the reference, and of the read, that a CIGAR takes; none where it has an unknown operation.
fn spans(cigar: &[u8]) -> Option<(u64, u64)> {
    /// By operation, whether it takes (read, reference).
    const TAKES: [(u64, u64); 9] = [(1, 1), (1, 0), (0, 1), (0, 1), (1, 0), (0, 0), (0, 0), (1, 1), (1, 1)];
    let (mut reference, mut read) = (0, 0);
    for (kind, len) in operations(cigar) {
        let &(takes_read, takes_reference) = TAKES.get(usize::from(kind))?;
        reference += takes_reference * u64::from(len);
        read += takes_read * u64::from(len);
    }
    Some((reference, read))
}

impl AlignmentRecord {
    /// Takes `self.bytes` apart. `reference_len` is of its reference, if it has one.
    pub(super) fn parse(&mut self) -> Result<(), &'static str> {
        let bytes = &self.bytes[..];
        if bytes.len() < CORE_LEN {
            return Err("fewer bytes than a record has");
        }
        let core = Core::of(bytes);
        if core.tags() > bytes.len() || core.name_len == 0 {
            return Err("its lengths do not agree");
        }
        self.flags = core.flags;
        self.mapq = core.mapq;
        self.reference_idx = u32::try_from(core.reference_idx).ok();
        self.start = u32::try_from(core.start).unwrap_or(0);
        self.mate_reference_idx = u32::try_from(i32_at(bytes, 20)).ok();
        self.mate_start = u32::try_from(i32_at(bytes, 24)).unwrap_or(0);
        self.template_length = i32_at(bytes, 28);
        self.read_group = None;
        self.name = CORE_LEN..CORE_LEN + core.name_len - 1;
        self.cigar = core.cigar();
        self.sequence = core.cigar().end;
        self.qualities = self.sequence + core.read_len.div_ceil(2);
        self.read_len = core.read_len;
        self.tags = core.tags();
        self.find_long_cigar();
        let Some((span, read)) = spans(&self.bytes[self.cigar.clone()]) else {
            return Err("an unknown CIGAR operation");
        };
        if !self.cigar.is_empty() && core.read_len > 0 && read != core.read_len as u64 {
            return Err("its CIGAR is not of its sequence's length");
        }
        let end = u64::from(self.start) + span.max(1);
        self.end = u32::try_from(end).ok().filter(|&end| end <= 1 << 31).ok_or("it ends beyond any reference")?;
        Ok(())
    }

    /// A CIGAR of more operations than BAM's field holds is in the tag CG, and `kSmN` stands in its place.
    fn find_long_cigar(&mut self) {
        if self.cigar.len() != 8 {
            return;
        }
        let mut held = operations(&self.bytes[self.cigar.clone()]);
        if held.next() != Some((4, u32::try_from(self.read_len).unwrap_or(u32::MAX)))
            || held.next().map(|o| o.0) != Some(3)
        {
            return;
        }
        if let Some((b'B', value)) = self.tag(*b"CG")
            && self.bytes[value.start] == b'I'
        {
            self.cigar = value.start + 5..value.end;
        }
    }

    /// Type and place of a tag's value; for arrays from the type of their elements on.
    fn tag(&self, name: [u8; 2]) -> Option<(u8, Range<usize>)> {
        let bytes = &self.bytes[..];
        let mut at = self.tags;
        loop {
            let head = bytes.get(at..at + 3)?;
            let value = at + 3;
            let len = match head[2] {
                b'A' | b'c' | b'C' => 1,
                b's' | b'S' => 2,
                b'i' | b'I' | b'f' => 4,
                b'Z' | b'H' => memchr::memchr(0, bytes.get(value..)?)? + 1,
                b'B' => {
                    let array = bytes.get(value..value + 5)?;
                    let size = match array[0] {
                        b'c' | b'C' => 1_usize,
                        b's' | b'S' => 2,
                        b'i' | b'I' | b'f' => 4,
                        _ => return None,
                    };
                    size.checked_mul(u32_at(array, 1) as usize)?.checked_add(5)?
                }
                _ => return None,
            };
            let end = value.checked_add(len).filter(|&end| end <= bytes.len())?;
            if head[..2] == name {
                return Some((head[2], value..end));
            }
            at = end;
        }
    }

    /// RG.
    pub(super) fn read_group_id(&self) -> Option<&[u8]> {
        match self.tag(*b"RG")? {
            (b'Z', value) => Some(&self.bytes[value.start..value.end - 1]),
            _ => None,
        }
    }

    /// QNAME.
    pub fn name(&self) -> &[u8] {
        &self.bytes[self.name.clone()]
    }

    /// Operations of the CIGAR with their lengths, in order.
    pub fn cigar(&self) -> impl Iterator<Item = (CigarKind, u32)> + '_ {
        // `parse` has refused other kinds.
        operations(&self.bytes[self.cigar.clone()])
            .map(|(kind, len)| (CigarKind::ALL.get(usize::from(kind)).copied().unwrap_or(CigarKind::Pad), len))
    }

    /// Bases of the read; 0 where they are not stored.
    pub fn read_len(&self) -> usize {
        self.read_len
    }

    /// Base `i` of the read as a set of A (1), C (2), G (4) and T (8): 15 is N, 0 is "equal to the reference".
    pub fn base(&self, i: usize) -> u8 {
        let pair = self.bytes[self.sequence + i / 2];
        if i.is_multiple_of(2) { pair >> 4 } else { pair & 0xf }
    }

    /// Quality of base `i`, [`NO_QUALITY`] where it has none.
    pub fn quality(&self, i: usize) -> u8 {
        self.bytes[self.qualities + i]
    }

    /// Qualities of all bases.
    pub fn qualities(&self) -> &[u8] {
        &self.bytes[self.qualities..self.qualities + self.read_len]
    }
}
