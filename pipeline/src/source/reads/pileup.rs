//! What the reads of samples show at sites: depth, depth of each allele, genotype likelihoods.
//!
//! A sample's bases at a site are sorted before anything is added up, so that neither the order of files nor how samples
//! and sites are cut into batches can change a bit.

use std::ops::Range;

use norna_kernels::{Allele, Observation};

use crate::format::alignment::{AlignmentReader, AlignmentRecord};

use super::Site;
use super::error::ReadError;
use super::filter::Overlaps;
use super::input::{ReadFile, ReadInput};
use super::ledger::{ReadCount, ReadLedger};
use super::observe::{Base, bases_at};
use super::overlap::WaitingMates;

/// Records between two looks at whether the work is to be dropped.
const RECORDS_PER_LOOK: u32 = 1 << 14;
/// Bases from a read to the next site from which the index is asked whether reads between them can be passed over.
const FAR: u32 = 1 << 13;

/// What reads show: n_sites × n_samples of a batch, site-major.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SiteReads {
    /// Samples of the batch.
    pub n_samples: usize,
    /// Bases that pass the filters, those of neither allele too.
    pub depth: Vec<u16>,
    /// Bases that are REF.
    pub ref_depth: Vec<u16>,
    /// Bases that are ALT.
    pub alt_depth: Vec<u16>,
    /// ln P(reads | g) for g = 0, 1, 2 ALT copies, less the largest of the three; zeros without reads.
    pub likelihoods: Vec<[f32; 3]>,
    /// What became of the reads at the sites.
    pub ledger: ReadLedger,
}

impl SiteReads {
    fn reset(&mut self, n_sites: usize, n_samples: usize) {
        let n = n_sites * n_samples;
        self.n_samples = n_samples;
        for depths in [&mut self.depth, &mut self.ref_depth, &mut self.alt_depth] {
            depths.clear();
            depths.resize(n, 0);
        }
        self.likelihoods.clear();
        self.likelihoods.resize(n, [0.0; 3]);
        self.ledger = ReadLedger::default();
    }
}

/// Memory of one thread, used again from call to call.
#[derive(Debug, Default)]
pub struct PileupScratch {
    record: AlignmentRecord,
    /// Positions of the sites of a run, from 0.
    positions: Vec<u32>,
    /// Bases of a sample, file after file.
    bases: Vec<Base>,
    /// Bases of one read.
    of_read: Vec<Base>,
    /// Bases of the current file at each site.
    depth_in_file: Vec<u32>,
    waiting: WaitingMates,
    /// Site and observation, to be sorted.
    keys: Vec<(u32, Observation)>,
    observations: Vec<Observation>,
}

/// One sample's reads of one file at sites of one chromosome.
struct FilePile<'a> {
    input: &'a ReadInput,
    file: &'a ReadFile,
    sample_idx: usize,
    ledger: &'a mut ReadLedger,
}

impl ReadInput {
    /// Piles up the reads of `samples` (by number, see [`ReadInput::samples`]) at `sites`. Sites of a chromosome are best
    /// given together and in ascending order. False, with `out` undefined, where `must_drop` became true.
    pub fn pile_up(
        &self,
        samples: Range<usize>,
        sites: &[Site],
        scratch: &mut PileupScratch,
        out: &mut SiteReads,
        must_drop: &dyn Fn() -> bool,
    ) -> Result<bool, ReadError> {
        out.reset(sites.len(), samples.len());
        let mut first = 0;
        for run in sites.chunk_by(|a, b| a.chrom == b.chrom && a.pos <= b.pos) {
            self.reference_of(&run[0])?;
            let reference_idx = self.reference_of(&run[run.len() - 1])?;
            scratch.positions.clear();
            scratch.positions.extend(run.iter().map(|site| site.pos.saturating_sub(1)));
            for sample_idx in samples.clone() {
                scratch.bases.clear();
                for &file_idx in self.files_of(sample_idx) {
                    if must_drop() {
                        return Ok(false);
                    }
                    let file = self.file(file_idx as usize);
                    let mut pile = FilePile { input: self, file, sample_idx, ledger: &mut out.ledger };
                    if !pile.read(reference_idx, scratch, must_drop)? {
                        return Ok(false);
                    }
                }
                self.settle(run, scratch, out, |site| (first + site) * samples.len() + sample_idx - samples.start);
            }
            first += run.len();
        }
        Ok(true)
    }

    /// Counts and likelihoods of one sample's bases. `place`: of a site in `out`.
    fn settle(&self, run: &[Site], scratch: &mut PileupScratch, out: &mut SiteReads, place: impl Fn(usize) -> usize) {
        let PileupScratch { bases, keys, observations, .. } = scratch;
        keys.clear();
        keys.extend(bases.iter().map(|base| {
            let allele = allele_of(base.code, &run[base.site as usize]);
            (base.site, Observation::new(allele, base.quality))
        }));
        keys.sort_unstable();
        for at_site in keys.chunk_by(|a, b| a.0 == b.0) {
            observations.clear();
            observations.extend(at_site.iter().map(|key| key.1));
            let n_of = |allele| {
                let n = observations.iter().filter(|o| o.allele() == allele).count();
                u16::try_from(n).unwrap_or(u16::MAX)
            };
            let at = place(at_site[0].0 as usize);
            out.depth[at] = u16::try_from(observations.len()).unwrap_or(u16::MAX);
            out.ref_depth[at] = n_of(Allele::Reference);
            out.alt_depth[at] = n_of(Allele::Alternate);
            out.likelihoods[at] = self.table.likelihoods(observations);
        }
    }
}

fn allele_of(code: u8, site: &Site) -> Allele {
    let letter = match code {
        0 => return Allele::Reference,
        1 => b'A',
        2 => b'C',
        4 => b'G',
        8 => b'T',
        _ => return Allele::Other,
    };
    if letter == site.reference {
        Allele::Reference
    } else if letter == site.alternate {
        Allele::Alternate
    } else {
        Allele::Other
    }
}

impl FilePile<'_> {
    /// Appends the file's bases at the sites to `scratch.bases`; false where the work is to be dropped.
    fn read(
        &mut self,
        reference_idx: usize,
        scratch: &mut PileupScratch,
        must_drop: &dyn Fn() -> bool,
    ) -> Result<bool, ReadError> {
        let (Some(&first), Some(&last)) = (scratch.positions.first(), scratch.positions.last()) else {
            return Ok(true);
        };
        scratch.waiting.clear();
        scratch.depth_in_file.clear();
        scratch.depth_in_file.resize(scratch.positions.len(), 0);
        let failed = |source| self.file.refuse(source);
        let mut reader = self.file.alignment.reader().map_err(failed)?;
        reader.look_for_read_groups(self.file.samples_by_group().is_some());
        reader.query(reference_idx, first..last + 1).map_err(failed)?;
        let mut from = 0;
        let mut record = std::mem::take(&mut scratch.record);
        let mut n_left = RECORDS_PER_LOOK;
        while next(&mut reader, &mut record, &scratch.positions, &mut from).map_err(|e| self.file.refuse(e))? {
            self.take(&record, from, scratch);
            n_left -= 1;
            if n_left == 0 {
                if must_drop() {
                    return Ok(false);
                }
                n_left = RECORDS_PER_LOOK;
            }
        }
        scratch.record = record;
        Ok(true)
    }

    /// Takes the bases of a read at the sites it covers, of which `from` is the first.
    fn take(&mut self, record: &AlignmentRecord, from: usize, scratch: &mut PileupScratch) {
        let covered = scratch.positions[from..].iter().take_while(|&&p| p < record.end).count() as u64;
        match self.owner_reason(record) {
            Some(None) => return,
            Some(Some(reason)) => return self.ledger.add(reason, covered),
            None => {}
        }
        let filter = &self.input.filter;
        if let Some(reason) = filter.reason(record) {
            return self.ledger.add(reason, covered);
        }
        let PileupScratch { positions, bases, of_read, depth_in_file, waiting, .. } = scratch;
        of_read.clear();
        let n_without = bases_at(record, positions, from, of_read);
        self.ledger.add(ReadCount::NoBase, n_without);
        let once = filter.overlaps == Overlaps::Once;
        let came = if once { waiting.take_mate(record) } else { None };
        let waits = once && came.is_none();
        let mut mate = came.unwrap_or(0..0);
        let is_first = record.flags & crate::format::alignment::FIRST != 0;
        let own = bases.len();
        for &base in of_read.iter() {
            if let Some(reason) = filter.base_reason(base.stated) {
                self.ledger.add(reason, 1);
                continue;
            }
            while mate.start < mate.end && bases[mate.start].site < base.site {
                mate.start += 1;
            }
            if mate.start < mate.end && bases[mate.start].site == base.site {
                bases[mate.start].join(base, is_first);
                self.ledger.add(ReadCount::MateOverlap, 1);
                continue;
            }
            let depth = &mut depth_in_file[base.site as usize];
            let most = if filter.max_depth == 0 { u32::from(u16::MAX) } else { filter.max_depth };
            if *depth >= most.min(u32::from(u16::MAX)) {
                self.ledger.add(ReadCount::OverDepth, 1);
                continue;
            }
            *depth += 1;
            bases.push(base);
            self.ledger.add(ReadCount::Used, 1);
        }
        if waits {
            waiting.wait(record, own..bases.len());
        }
    }

    /// In a file of several samples: whether the read is not of this one (`Some`), and what it counts as then, if it is no
    /// other's either.
    fn owner_reason(&self, record: &AlignmentRecord) -> Option<Option<ReadCount>> {
        let samples = self.file.samples_by_group()?;
        let owner = record.read_group.and_then(|group| samples.get(usize::from(group)).copied().flatten());
        match owner {
            Some(owner) if owner as usize == self.sample_idx => None,
            Some(_) => Some(None),
            // Counted once, with the first of the file's samples.
            None => Some(
                (samples.iter().flatten().min().map(|&s| s as usize) == Some(self.sample_idx))
                    .then_some(ReadCount::NoSample),
            ),
        }
    }
}

/// The next read that covers a site, and the first site that it covers; false after the last.
fn next(
    reader: &mut AlignmentReader,
    record: &mut AlignmentRecord,
    positions: &[u32],
    from: &mut usize,
) -> Result<bool, crate::format::alignment::AlignmentError> {
    let mut skipped_to = 0;
    while reader.next(record)? {
        while positions.get(*from).is_some_and(|&p| p < record.start) {
            *from += 1;
        }
        let Some(&position) = positions.get(*from) else { return Ok(false) };
        if position < record.end {
            return Ok(true);
        }
        if position - record.start > FAR && position != skipped_to {
            reader.skip_to(position)?;
            skipped_to = position;
        }
    }
    Ok(false)
}
