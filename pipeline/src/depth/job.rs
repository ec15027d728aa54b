//! The depths of a batch of samples on a chunk of the genome: a cell of the grid.

use std::ops::Range;

use norna_kernels::depth::{DepthStats, count_at_least};

use super::coverage::{Fate, ReadRules, Stretch};
use super::partial::{Partial, PartialWriter};
use super::plan::{Cuts, Interval};
use super::windows::{Chromosome, Windows};
use crate::format::alignment::{AlignmentError, AlignmentReader, AlignmentRecord};
use crate::run::grid::{GridJob, Out};
use crate::source::reads::{ReadFile, ReadInput};

/// Positions that are counted at once: 8 MiB of a thread.
pub const STRETCH: u32 = 1 << 21;
/// Files of a sample that a thread holds open at once.
const MOST_OPEN: usize = 4;
/// Reads between two looks whether to stop.
const READS_AT_ONCE: u64 = 1 << 16;

/// A file with reads of a sample.
#[derive(Debug, Clone)]
pub struct SampleFile<'a> {
    /// The file.
    pub file: &'a ReadFile,
    /// Where it has reads of several samples: which read groups are this one's.
    pub groups: Option<Vec<bool>>,
    /// Read groups of no sample, where this sample's cells count the reads of none: those of the file's first sample.
    pub of_none: Option<Vec<bool>>,
}

/// Whose a read is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The sample's.
    Own,
    /// Nobody's, and to be counted here.
    Nobodys,
    /// Counted elsewhere.
    Others,
}

impl<'a> SampleFile<'a> {
    /// The files of each sample.
    pub fn of(input: &'a ReadInput) -> Vec<Vec<Self>> {
        let of_sample = |sample: usize| {
            let file = |&idx: &u32| {
                let file = input.file(idx as usize);
                let groups_of = |wanted: Option<u32>| -> Option<Vec<bool>> {
                    file.samples_by_group().map(|of| of.iter().map(|&owner| owner == wanted).collect())
                };
                let is_first = file.samples().first() == Some(&sample);
                let of_none = if is_first { groups_of(None) } else { None };
                Self { file, groups: groups_of(Some(sample as u32)), of_none }
            };
            input.files_of(sample).iter().map(file).collect()
        };
        (0..input.samples().len()).map(of_sample).collect()
    }

    fn whose(&self, record: &AlignmentRecord) -> Whose {
        let Some(groups) = &self.groups else { return Whose::Own };
        let is_in = |groups: &[bool], group: u16| groups.get(usize::from(group)).is_none_or(|&is_in| is_in);
        match (record.read_group, &self.of_none) {
            (Some(group), _) if groups.get(usize::from(group)) == Some(&true) => Whose::Own,
            (Some(group), Some(of_none)) if is_in(of_none, group) => Whose::Nobodys,
            (None, Some(_)) => Whose::Nobodys,
            _ => Whose::Others,
        }
    }
}

/// What came of the reads, in the order in which a cell's counts are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadCounts {
    /// Reads on the chromosomes.
    pub read: u64,
    /// Those that count.
    pub used: u64,
    /// Left out for their flags.
    pub flags: u64,
    /// Left out for their mapping quality.
    pub mapq: u64,
    /// Left out of files of several samples: without a read group, or of one without a sample.
    pub no_sample: u64,
}

impl ReadCounts {
    /// From a cell's counts.
    pub fn from_cell(counts: &[u64]) -> Self {
        let at = |i| counts.get(i).copied().unwrap_or(0);
        Self { read: at(0), used: at(1), flags: at(2), mapq: at(3), no_sample: at(4) }
    }

    /// Adds another cell's.
    pub fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.used += other.used;
        self.flags += other.flags;
        self.mapq += other.mapq;
        self.no_sample += other.no_sample;
    }

    fn note(&mut self, fate: Fate) {
        self.read += 1;
        match fate {
            Fate::Used => self.used += 1,
            Fate::Flags => self.flags += 1,
            Fate::Mapq => self.mapq += 1,
        }
    }
}

/// Depths of samples in windows.
#[derive(Debug)]
pub struct DepthJob<'a> {
    /// What is looked at.
    pub chromosomes: &'a [Chromosome],
    /// The rows.
    pub windows: &'a Windows,
    /// For which positions at least so deep are counted.
    pub thresholds: &'a [u32],
    /// Which reads count.
    pub rules: ReadRules,
    /// The grid.
    pub cuts: &'a Cuts,
    /// The files of each sample.
    pub samples: Vec<Vec<SampleFile<'a>>>,
    /// Positions counted at once.
    pub stretch: u32,
}

/// A thread's memory: 4 bytes a position of a stretch, and what waits for mates.
#[derive(Debug, Default)]
pub struct Scratch {
    stretch: Stretch,
    record: AlignmentRecord,
    partial: Partial,
    writer: PartialWriter,
    counts: Vec<u64>,
}

/// The files of the sample in hand: open, unless there are too many.
struct Files<'a> {
    files: &'a [SampleFile<'a>],
    open: Vec<Option<AlignmentReader>>,
}

impl<'a> Files<'a> {
    fn new(files: &'a [SampleFile<'a>]) -> Self {
        Self { files, open: files.iter().map(|_| None).collect() }
    }

    fn reader(&mut self, idx: usize) -> Result<&mut AlignmentReader, AlignmentError> {
        let reader = match self.open[idx].take() {
            Some(reader) => reader,
            None => {
                let mut reader = self.files[idx].file.alignment.reader()?;
                reader.look_for_read_groups(self.files[idx].groups.is_some());
                reader
            }
        };
        Ok(self.open[idx].insert(reader))
    }

    fn is_done_for_now(&mut self, idx: usize) {
        if self.files.len() > MOST_OPEN {
            self.open[idx] = None;
        }
    }
}

impl GridJob for DepthJob<'_> {
    type Scratch = Scratch;

    fn shape(&self) -> (usize, usize) {
        (self.cuts.chunks.len(), self.cuts.batches.len())
    }

    fn weight(&self, chunk: usize, batch: usize) -> u64 {
        let files = self.samples[self.cuts.batches[batch].clone()].iter().flatten();
        let of_file = |file: &SampleFile<'_>| -> u64 {
            let bytes = |part: &Interval| {
                file.file.alignment.reference_bytes(self.chromosomes[part.chromosome].reference_idx, part.range.clone())
            };
            self.cuts.chunks[chunk].iter().map(bytes).sum()
        };
        files.map(of_file).sum()
    }

    fn name(&self, chunk: usize, batch: usize) -> String {
        let samples = &self.cuts.batches[batch];
        let place = match (self.cuts.chunks[chunk].first(), self.cuts.chunks[chunk].last()) {
            (Some(first), Some(last)) => {
                let name = |part: &Interval| &self.chromosomes[part.chromosome].name;
                format!("{}:{} to {}:{}", name(first), first.range.start + 1, name(last), last.range.end)
            }
            _ => "nothing".to_owned(),
        };
        format!("{place}, samples {} to {}", samples.start + 1, samples.end)
    }

    fn scratch(&self) -> Scratch {
        Scratch::default()
    }

    fn compute(
        &self,
        (chunk, batch): (usize, usize),
        scratch: &mut Scratch,
        out: &mut Out<'_>,
        must_drop: &dyn Fn() -> bool,
    ) -> Result<Vec<u64>, String> {
        let mut counts = ReadCounts::default();
        let mut writer = std::mem::take(&mut scratch.writer);
        writer.clear();
        for (number, sample) in (0..).zip(self.cuts.batches[batch].clone()) {
            let mut files = Files::new(&self.samples[sample]);
            for (part_number, part) in (0..).zip(&self.cuts.chunks[chunk]) {
                self.part(&mut files, (number, part_number), part, (scratch, &mut counts), must_drop)?;
                if must_drop() {
                    return Ok(Vec::new());
                }
                writer.put(&scratch.partial, self.thresholds.len(), &mut *out)?;
            }
        }
        writer.flush(&mut *out)?;
        scratch.writer = writer;
        Ok(vec![counts.read, counts.used, counts.flags, counts.mapq, counts.no_sample])
    }
}

impl DepthJob<'_> {
    /// One sample on a part of a chromosome, into `scratch.partial`.
    fn part(
        &self,
        files: &mut Files<'_>,
        number: (u32, u32),
        part: &Interval,
        (scratch, counts): (&mut Scratch, &mut ReadCounts),
        must_drop: &dyn Fn() -> bool,
    ) -> Result<(), String> {
        let rows = self.windows.overlapping(part.chromosome, &part.range);
        scratch.partial.reset(number, (rows.start, rows.len()), self.thresholds.len());
        let mut start = part.range.start;
        while start < part.range.end && !must_drop() {
            let range = start..part.range.end.min(start.saturating_add(self.stretch));
            start = range.end;
            scratch.stretch.begin(range.clone());
            for idx in 0..files.files.len() {
                let read = self.lay_on(files, idx, (part.chromosome, &range), (scratch, counts), must_drop);
                read.map_err(|error| format!("{}: {error}", files.files[idx].file.name()))?;
                files.is_done_for_now(idx);
            }
            self.sum_up(part.chromosome, &range, scratch);
        }
        Ok(())
    }

    /// Lays the reads of a file on the stretch.
    fn lay_on(
        &self,
        files: &mut Files<'_>,
        idx: usize,
        (chromosome, range): (usize, &Range<u32>),
        (scratch, counts): (&mut Scratch, &mut ReadCounts),
        must_drop: &dyn Fn() -> bool,
    ) -> Result<(), AlignmentError> {
        let Scratch { stretch, record, .. } = scratch;
        stretch.next_file();
        let sample = &files.files[idx];
        let reader = files.reader(idx)?;
        reader.query(self.chromosomes[chromosome].reference_idx, range.clone())?;
        let mut n = 0_u64;
        while reader.next(record)? {
            n += 1;
            if n.is_multiple_of(READS_AT_ONCE) && must_drop() {
                break;
            }
            // A read that reaches in from before is counted where it starts.
            let starts_here = record.start >= range.start;
            match sample.whose(record) {
                Whose::Own => {}
                Whose::Nobodys => {
                    counts.read += u64::from(starts_here);
                    counts.no_sample += u64::from(starts_here);
                    continue;
                }
                Whose::Others => continue,
            }
            let fate = self.rules.fate(record);
            if starts_here {
                counts.note(fate);
            }
            if fate == Fate::Used {
                stretch.add(record, &self.rules);
            }
        }
        Ok(())
    }

    /// Adds the depths of a stretch to the sums of what it meets.
    fn sum_up(&self, chromosome: usize, range: &Range<u32>, scratch: &mut Scratch) {
        let Scratch { stretch, partial, counts, .. } = scratch;
        let depths = stretch.depths();
        let first = partial.first as usize;
        let n_thresholds = self.thresholds.len();
        for row in self.windows.overlapping(chromosome, range) {
            let span = self.windows.span(chromosome, row);
            let (from, to) = (span.start.max(range.start), span.end.min(range.end));
            if from >= to {
                continue;
            }
            let inside = (from - range.start) as usize..(to - range.start) as usize;
            let Some(depths) = depths else {
                partial.windows.merge(&DepthStats::uncovered(inside.len()));
                continue;
            };
            let stats = DepthStats::of(&depths[inside.clone()]);
            partial.sums[row - first] += stats.bases;
            partial.windows.merge(&stats);
            if n_thresholds > 0 {
                counts.clear();
                counts.resize(n_thresholds, 0);
                count_at_least(&depths[inside], self.thresholds, counts);
                let cells = &mut partial.at_least[(row - first) * n_thresholds..][..n_thresholds];
                cells.iter_mut().zip(counts.iter()).for_each(|(cell, &count)| *cell += count as u32);
            }
        }
        match depths {
            _ if self.windows.tile() => partial.positions = partial.windows,
            Some(depths) => partial.positions.merge(&DepthStats::of(depths)),
            None => partial.positions.merge(&DepthStats::uncovered(range.len())),
        }
    }
}
