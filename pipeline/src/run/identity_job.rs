//! The grid of `norna identity`: chunks of sites, and one of windows that tell the sex, × batches of samples.

use std::ops::Range;

use super::grid::{GridJob, Out};
use crate::format::alignment::AlignmentRecord;
use crate::identity::{SiteObservation, Window};
use crate::source::reads::{PileupScratch, ReadError, ReadInput, ReadLedger, Site, SiteReads};

/// Samples of a batch: a cell opens the files of so many, one after another.
pub(super) const BATCH: usize = 16;
/// Sites of a chunk.
const CHUNK: usize = 1024;
/// About the bytes that are read of a file for a site or a window: a block or two.
const BYTES_PER_PLACE: u64 = 1 << 16;

/// Reads at sites and in windows.
pub(super) struct IdentityJob<'a> {
    pub(super) reads: &'a ReadInput,
    pub(super) sites: &'a [Site],
    pub(super) windows: &'a [Window],
}

/// Memory of a thread.
#[derive(Default)]
pub(super) struct IdentityScratch {
    pileup: PileupScratch,
    reads: SiteReads,
    record: AlignmentRecord,
    payload: Vec<u8>,
}

impl IdentityJob<'_> {
    /// Chunks of sites; the one after them is that of the windows, if there are any.
    pub(super) fn n_site_chunks(&self) -> usize {
        self.sites.len().div_ceil(CHUNK)
    }

    /// Sites of a chunk.
    pub(super) fn sites_of(&self, chunk: usize) -> Range<usize> {
        chunk * CHUNK..((chunk + 1) * CHUNK).min(self.sites.len())
    }

    /// Samples of a batch.
    pub(super) fn samples(&self, batch: usize) -> Range<usize> {
        batch * BATCH..((batch + 1) * BATCH).min(self.reads.samples().len())
    }

    /// Reads of a sample that begin in the windows of autosomes, X and Y. None where the work is to be dropped.
    fn count(
        &self,
        sample_idx: usize,
        record: &mut AlignmentRecord,
        must_drop: &dyn Fn() -> bool,
    ) -> Result<Option<[u64; 3]>, ReadError> {
        let mut counts = [0; 3];
        for &file_idx in self.reads.files_of(sample_idx) {
            let file = self.reads.file(file_idx as usize);
            let failed = |source| ReadError::File { file: file.name(), source, others: String::new() };
            let groups = &file.alignment.header().read_groups;
            let is_shared = file.samples().len() > 1;
            let is_own = |group: Option<u16>| {
                let sample = group.and_then(|group| groups.get(usize::from(group))?.sample.as_deref());
                sample == Some(self.reads.samples()[sample_idx].as_str())
            };
            let mut reader = file.alignment.reader().map_err(failed)?;
            for window in self.windows {
                if must_drop() {
                    return Ok(None);
                }
                reader.query(window.reference_idx, window.range.clone()).map_err(failed)?;
                while reader.next(record).map_err(failed)? {
                    let counts_here = window.range.contains(&record.start)
                        && self.reads.filter().reason(record).is_none()
                        && (!is_shared || is_own(record.read_group));
                    counts[window.copies as usize] += u64::from(counts_here);
                }
            }
        }
        Ok(Some(counts))
    }
}

impl GridJob for IdentityJob<'_> {
    type Scratch = IdentityScratch;

    fn shape(&self) -> (usize, usize) {
        let n_chunks = self.n_site_chunks() + usize::from(!self.windows.is_empty());
        (n_chunks, self.reads.samples().len().div_ceil(BATCH))
    }

    fn weight(&self, chunk: usize, batch: usize) -> u64 {
        let n_places = if chunk < self.n_site_chunks() { self.sites_of(chunk).len() } else { self.windows.len() };
        let n_files: usize = self.samples(batch).map(|sample| self.reads.files_of(sample).len()).sum();
        (n_places * n_files) as u64 * BYTES_PER_PLACE
    }

    fn name(&self, chunk: usize, batch: usize) -> String {
        let samples = self.samples(batch);
        let of = format!("samples {} to {}", samples.start + 1, samples.end);
        if chunk < self.n_site_chunks() {
            let sites = self.sites_of(chunk);
            let (first, last) = (&self.sites[sites.start], &self.sites[sites.end - 1]);
            format!("sites {}:{} to {}:{}, {of}", first.chrom, first.pos, last.chrom, last.pos)
        } else {
            format!("windows for the sex, {of}")
        }
    }

    fn scratch(&self) -> IdentityScratch {
        IdentityScratch::default()
    }

    fn compute(
        &self,
        (chunk, batch): (usize, usize),
        scratch: &mut IdentityScratch,
        out: &mut Out<'_>,
        must_drop: &dyn Fn() -> bool,
    ) -> Result<Vec<u64>, String> {
        let IdentityScratch { pileup, reads, record, payload } = scratch;
        let samples = self.samples(batch);
        payload.clear();
        if chunk < self.n_site_chunks() {
            let sites = &self.sites[self.sites_of(chunk)];
            let is_done = self.reads.pile_up(samples, sites, pileup, reads, must_drop).map_err(|e| e.to_string())?;
            if is_done {
                for at in 0..reads.depth.len() {
                    let observation = SiteObservation {
                        depth: reads.depth[at],
                        n_ref: reads.ref_depth[at],
                        n_alt: reads.alt_depth[at],
                        ln_likelihoods: reads.likelihoods[at],
                    };
                    observation.encode(payload);
                }
                out(payload, sites.len() as u32)?;
            }
            return Ok(reads.ledger.to_vec());
        }
        for sample_idx in samples {
            let Some(counts) = self.count(sample_idx, record, must_drop).map_err(|e| e.to_string())? else {
                return Ok(ReadLedger::default().to_vec());
            };
            counts.iter().for_each(|n| payload.extend_from_slice(&n.to_le_bytes()));
        }
        out(payload, 0)?;
        Ok(ReadLedger::default().to_vec())
    }
}
