//! Reads of one file along one contig, in the order of their starts: fragments begin at the points of a Poisson process,
//! and their reads wait in a heap until no later fragment can begin before them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::random::Stream;
use super::bases::{BaseModel, error_rate};
use super::config::{MIN_FRAGMENT, ReadsConfig};
use super::genome::Strip;
use super::panel::PanelContig;
use crate::format::bam_write::BamRecord;

/// MAPQ of a read whose place is sure.
const GOOD_MAPQ: u8 = 60;
/// MAPQ of others is below.
const LOW_MAPQ: u64 = 30;
/// Most bases that are clipped.
const MAX_CLIP: u32 = 30;

const PAIRED: u16 = 0x1;
const PROPER: u16 = 0x2;
const UNMAPPED: u16 = 0x4;
const MATE_UNMAPPED: u16 = 0x8;
const REVERSE: u16 = 0x10;
const MATE_REVERSE: u16 = 0x20;
const FIRST: u16 = 0x40;
const SECOND: u16 = 0x80;
const SECONDARY: u16 = 0x100;
const DUPLICATE: u16 = 0x400;

/// What a file's reads on a contig are drawn from.
pub struct Source<'a> {
    /// Number of the file, from 1.
    pub file_number: u64,
    /// What is asked.
    pub config: &'a ReadsConfig,
    /// Base qualities.
    pub model: &'a BaseModel,
    /// The contig.
    pub contig: &'a PanelContig,
    /// Its number.
    pub contig_idx: usize,
    /// Haplotypes of the person, as [`super::panel::Panel::haplotypes`] gives them.
    pub own: &'a [u8],
    /// Haplotypes of who is mixed in, with the share of fragments.
    pub other: Option<(&'a [u8], f64)>,
    /// Mean depth.
    pub depth: f64,
}

/// A read that waits: ordered by start, then by age.
struct Waiting {
    order: (u32, u64),
    record: BamRecord,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}

/// Where a fragment lies and what it is.
#[derive(Clone, Copy)]
struct Fragment {
    start: u32,
    length: u32,
    mapq: u8,
    /// Its bases are from elsewhere.
    misplaced: bool,
    from_other: bool,
    second_haplotype: bool,
    duplicate: bool,
}

/// Draws the reads.
pub struct Reads<'a> {
    source: Source<'a>,
    stream: Stream,
    strip: Strip<'a>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    spare: Vec<BamRecord>,
    n_waited: u64,
    /// Fragments of the file so far.
    pub n_fragments: u64,
}

impl<'a> Reads<'a> {
    /// `n_fragments`: those of the file so far; names go on from there.
    pub fn new(source: Source<'a>, strip: Strip<'a>, stream: Stream, n_fragments: u64) -> Self {
        Self { source, stream, strip, waiting: BinaryHeap::new(), spare: Vec::new(), n_waited: 0, n_fragments }
    }

    /// Calls `out` with every read in the order of starts.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn draw<E>(&mut self, mut out: impl FnMut(&BamRecord) -> Result<(), E>) -> Result<(), E> {
        let config = self.source.config;
        let contig = self.source.contig;
        let (Some(first), Some(last)) = (contig.sites.first(), contig.sites.last()) else { return Ok(()) };
        let end = last.pos + 1;
        let rate = self.source.depth / config.bases_per_fragment();
        if rate <= 0.0 {
            return Ok(());
        }
        let mut at = f64::from(first.pos.saturating_sub(config.max_fragment()));
        loop {
            at += self.stream.exponential() / rate;
            if at >= f64::from(end) {
                break;
            }
            let fragment = self.fragment(at as u32);
            if fragment.length < MIN_FRAGMENT || fragment.start + fragment.length <= first.pos {
                continue;
            }
            self.release(fragment.start, &mut out)?;
            self.strip.advance(fragment.start);
            self.read(fragment);
            if self.chance(config.duplicates) {
                self.read(Fragment { duplicate: true, ..fragment });
            }
        }
        self.release(u32::MAX, &mut out)
    }

    fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && self.stream.uniform() < share
    }

    /// Gives out the reads that start before `start`.
    fn release<E>(&mut self, start: u32, out: &mut impl FnMut(&BamRecord) -> Result<(), E>) -> Result<(), E> {
        while self.waiting.peek().is_some_and(|waiting| waiting.0.order.0 < start) {
            let Some(Reverse(waiting)) = self.waiting.pop() else { break };
            out(&waiting.record)?;
            self.spare.push(waiting.record);
        }
        Ok(())
    }

    fn fragment(&mut self, start: u32) -> Fragment {
        let config = self.source.config;
        let drawn = match config.paired {
            true => config.fragment_mean + config.fragment_sd * self.stream.normal_pair().0,
            false => f64::from(config.read_length),
        };
        let length = (drawn as u32).clamp(MIN_FRAGMENT, config.max_fragment()).min(self.source.contig.length - start);
        let low = self.chance(config.low_mapq);
        let mapq = if low { self.stream.below(LOW_MAPQ) as u8 } else { GOOD_MAPQ };
        let share = self.source.other.map_or(0.0, |(_, share)| share);
        Fragment {
            start,
            length,
            mapq,
            misplaced: self.chance(error_rate(mapq)),
            from_other: self.chance(share),
            second_haplotype: self.stream.bits32() & 1 == 1,
            duplicate: false,
        }
    }

    /// Reads a fragment from its ends.
    fn read(&mut self, fragment: Fragment) {
        let config = self.source.config;
        let length = config.read_length.min(fragment.length);
        let mut left = self.one_read(&fragment, fragment.start, length);
        if !config.paired {
            if self.stream.bits32() & 1 == 1 {
                left.flags |= REVERSE;
            }
            self.wait(left);
        } else {
            let mut right = self.one_read(&fragment, fragment.start + fragment.length - length, length);
            left.flags |= PAIRED | MATE_REVERSE;
            right.flags |= PAIRED | REVERSE;
            let drawn = self.stream.bits32();
            let (first, second) = if drawn & 1 == 0 { (&mut left, &mut right) } else { (&mut right, &mut left) };
            first.flags |= FIRST;
            second.flags |= SECOND;
            if self.chance(config.unmapped_mates) {
                let (mapped, lost) = if drawn & 2 == 0 { (&mut left, &mut right) } else { (&mut right, &mut left) };
                part(mapped, lost);
            } else {
                join(&mut left, &mut right);
            }
            // Of two that start together the left one comes first.
            self.wait(left);
            self.wait(right);
        }
        self.n_fragments += 1;
    }

    /// A read of `length` bases whose first one, before clipping, lies at `start`.
    fn one_read(&mut self, fragment: &Fragment, start: u32, length: u32) -> BamRecord {
        let source = &self.source;
        let mut record = self.spare.pop().unwrap_or_default();
        record.name.clear();
        // The file's number keeps the pairs of merged files apart.
        for (letter, number) in [(b's', source.file_number), (b'f', self.n_fragments + 1)] {
            record.name.push(letter);
            record.name.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        }
        record.flags = if fragment.duplicate { DUPLICATE } else { 0 };
        record.reference_idx = source.contig_idx;
        record.mapq = fragment.mapq;
        (record.mate_start, record.template_length) = (None, 0);
        record.bases.clear();
        if fragment.misplaced {
            record.bases.resize(length as usize, 0);
            scramble(&mut self.stream, &mut record.bases);
        } else {
            record.bases.extend_from_slice(self.strip.bases(start, start + length));
            let haplotypes = source.other.filter(|_| fragment.from_other).map_or(source.own, |(other, _)| other);
            lay(source.contig, haplotypes, fragment.second_haplotype, start, &mut record.bases);
        }
        let mut clips = [0; 2];
        if self.chance(source.config.clipped) {
            let n = 1 + self.stream.below(u64::from(MAX_CLIP.min(length / 3).max(1))) as u32;
            let side = (self.stream.bits32() & 1) as usize;
            clips[side] = n;
            let bases = &mut record.bases;
            let from = if side == 0 { 0 } else { (length - n) as usize };
            scramble(&mut self.stream, &mut bases[from..from + n as usize]);
        }
        record.start = start + clips[0];
        record.cigar = [clips[0], length - clips[0] - clips[1], clips[1]];
        self.source.model.read(&mut self.stream, &mut record.bases, &mut record.qualities);
        record
    }

    fn wait(&mut self, record: BamRecord) {
        if record.flags & UNMAPPED == 0 && self.chance(self.source.config.secondary) {
            self.wait_for_secondary(&record);
        }
        self.n_waited += 1;
        self.waiting.push(Reverse(Waiting { order: (record.start, self.n_waited), record }));
    }

    /// The same read once more, a bit further on.
    fn wait_for_secondary(&mut self, record: &BamRecord) {
        let start = record.start + 1 + self.stream.below(1000) as u32;
        if start + record.cigar[1] > self.source.contig.length {
            return;
        }
        let flags = (record.flags | SECONDARY) & !PROPER;
        let record = BamRecord { flags, start, mapq: 0, template_length: 0, ..record.clone() };
        self.n_waited += 1;
        self.waiting.push(Reverse(Waiting { order: (record.start, self.n_waited), record }));
    }
}

/// Random bases.
fn scramble(stream: &mut Stream, bases: &mut [u8]) {
    bases.iter_mut().for_each(|base| *base = b"ACGT"[(stream.bits32() & 3) as usize]);
}

/// Puts ALT where the haplotype has it.
fn lay(contig: &PanelContig, haplotypes: &[u8], second: bool, start: u32, bases: &mut [u8]) {
    let end = start + bases.len() as u32;
    let from = contig.sites.partition_point(|site| site.pos < start);
    for (i, site) in contig.sites[from..].iter().take_while(|site| site.pos < end).enumerate() {
        let site_idx = from + i;
        let bit = 2 * (site_idx % 4) + usize::from(second);
        if haplotypes[site_idx / 4] >> bit & 1 == 1 {
            bases[(site.pos - start) as usize] = site.alternate;
        }
    }
}

/// Makes two reads a proper pair. TLEN is the distance of their outer ends, as samtools has it: from the first aligned base
/// of the left read to the last one of the right read.
fn join(left: &mut BamRecord, right: &mut BamRecord) {
    left.flags |= PROPER;
    right.flags |= PROPER;
    left.mate_start = Some(right.start);
    right.mate_start = Some(left.start);
    let length = (right.start + right.cigar[1]) as i32 - left.start as i32;
    (left.template_length, right.template_length) = (length, -length);
}

/// Makes one read of a pair unmapped; it goes where its mate is.
fn part(mapped: &mut BamRecord, lost: &mut BamRecord) {
    mapped.flags |= MATE_UNMAPPED;
    mapped.flags &= !MATE_REVERSE;
    lost.flags |= UNMAPPED;
    let mate_is_reverse = mapped.flags & REVERSE != 0;
    lost.flags = (lost.flags & !(REVERSE | MATE_REVERSE)) | if mate_is_reverse { MATE_REVERSE } else { 0 };
    lost.start = mapped.start;
    lost.cigar = [0; 3];
    lost.mapq = 0;
    (mapped.mate_start, lost.mate_start) = (Some(mapped.start), Some(mapped.start));
}
