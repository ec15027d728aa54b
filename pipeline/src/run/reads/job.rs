//! The grid of shards of sites × batches of samples.

use std::os::unix::fs::MetadataExt;

use sha2::{Digest, Sha256};

use super::super::grid::{Cells, GridJob, Out};
use super::super::run_record::InputStamp;
use super::{cells, pieces};
use crate::shard::ShardPlan;
use crate::source::DropReason;
use crate::source::reads::{
    PileupScratch, ReadCount, ReadInput, ReadLedger, Site, SiteInput, SiteLedger, SiteReads, SkippedSite,
};

/// Piles up every batch of samples at every shard of sites.
pub struct LikelihoodJob<'a> {
    /// Alignment files.
    pub reads: &'a ReadInput,
    /// Sites.
    pub sites: &'a SiteInput,
    /// Shards of sites.
    pub plan: &'a ShardPlan,
    /// Samples of a batch.
    pub batch: usize,
    /// Sites of a payload at most.
    pub piece: usize,
}

/// Sites that are piled up in one sweep over the files of a batch, at most.
const SWEEP: usize = 8192;

/// Memory of a thread.
#[derive(Default)]
pub struct LikelihoodScratch {
    sites: Vec<Site>,
    pileup: PileupScratch,
    reads: SiteReads,
    payload: Vec<u8>,
}

impl GridJob for LikelihoodJob<'_> {
    type Scratch = LikelihoodScratch;

    fn shape(&self) -> (usize, usize) {
        (self.plan.shards.len(), self.reads.samples().len().div_ceil(self.batch))
    }

    fn weight(&self, chunk: usize, batch: usize) -> u64 {
        let samples = self.samples(batch);
        self.plan.shards[chunk].bytes * samples.map(|sample| self.reads.files_of(sample).len() as u64).sum::<u64>()
    }

    fn name(&self, chunk: usize, batch: usize) -> String {
        let (shard, samples) = (&self.plan.shards[chunk], self.samples(batch));
        let (start, end) = (shard.start.offset(), shard.end.offset());
        format!("sites of bytes {start} to {end}, samples {} to {}", samples.start + 1, samples.end)
    }

    fn scratch(&self) -> LikelihoodScratch {
        LikelihoodScratch::default()
    }

    fn compute(
        &self,
        (chunk, batch): (usize, usize),
        scratch: &mut LikelihoodScratch,
        out: &mut Out<'_>,
        must_drop: &dyn Fn() -> bool,
    ) -> Result<Vec<u64>, String> {
        let LikelihoodScratch { sites, pileup, reads, payload } = scratch;
        sites.clear();
        let of_sites = self.sites.read(&self.plan.shards[chunk], sites).map_err(|e| e.to_string())?;
        let mut ledger = ReadLedger::default();
        let sweep = (SWEEP / self.piece).max(1) * self.piece;
        for run in pieces(sites, sweep) {
            let run = &sites[run];
            let whole = self.reads.pile_up(self.samples(batch), run, pileup, reads, must_drop);
            if !whole.map_err(|e| e.to_string())? {
                break;
            }
            ledger.merge(&reads.ledger);
            for piece in pieces(run, self.piece) {
                payload.clear();
                let n_sites = piece.len() as u32;
                cells::encode(reads, piece, payload);
                out(payload, n_sites)?;
            }
        }
        let mut counts = ledger.to_vec();
        counts.extend(of_sites.to_vec());
        Ok(counts)
    }
}

impl LikelihoodJob<'_> {
    /// Says what became of the sites, and of the reads at them.
    pub fn log(&self, cells: &Cells) {
        let (mut reads, mut sites) = (ReadLedger::default(), SiteLedger::default());
        let (n_chunks, n_batches) = self.shape();
        for cell in (0..n_chunks).flat_map(|chunk| (0..n_batches).map(move |batch| (chunk, batch))) {
            let (of_reads, of_sites) =
                cells.counts(cell.0, cell.1).split_at_checked(ReadCount::ALL.len()).unwrap_or_default();
            ReadLedger::from_slice(of_reads).iter().for_each(|counts| reads.merge(counts));
            // Every batch reads the same sites.
            SiteLedger::from_slice(of_sites).iter().filter(|_| cell.1 == 0).for_each(|counts| sites.merge(counts));
        }
        let skipped = SkippedSite::ALL.map(|why| (why.name(), sites.skipped(why)));
        let dropped = DropReason::ALL.map(|why| (why.name(), sites.variants.dropped(why)));
        let left_out = in_words(skipped.into_iter().chain(dropped));
        let kept = sites.variants.kept;
        let but = if left_out.is_empty() { String::new() } else { format!(" − {left_out}") };
        log::info!("sites: {} rows{but} = {kept} used ({} records)", sites.rows(), sites.variants.records);
        let counts = in_words(ReadCount::ALL.map(|what| (what.name(), reads.count(what))).into_iter());
        log::info!("reads at sites: {}", if counts.is_empty() { "none" } else { &counts });
        if kept == 0 {
            log::warn!("no site is left: see --sites, --chr, --region, --extract");
        } else if reads.count(ReadCount::Used) == 0 {
            log::warn!(
                "no base of any read is used at any site: see --min-MQ, --min-BQ, --excl-flags, and the sites' names and places"
            );
        }
    }

    /// The samples of a batch.
    pub fn samples(&self, batch: usize) -> std::ops::Range<usize> {
        let first = batch * self.batch;
        first..(first + self.batch).min(self.reads.samples().len())
    }
}

fn in_words(counts: impl Iterator<Item = (&'static str, u64)>) -> String {
    let counts: Vec<String> = counts.filter(|(_, n)| *n > 0).map(|(name, n)| format!("{n} {name}")).collect();
    counts.join(", ")
}

/// What tells the alignment files from others: sizes and times, whatever their order and names, which are samples' IDs.
pub fn reads_stamp(reads: &ReadInput) -> std::io::Result<InputStamp> {
    let mut each = Vec::with_capacity(reads.n_files());
    let mut bytes = 0;
    for file in reads.files() {
        let meta = std::fs::metadata(file.alignment.path())?;
        bytes += meta.len();
        each.push((file.samples(), meta.len(), meta.mtime(), meta.mtime_nsec()));
    }
    each.sort();
    let mut hasher = Sha256::new();
    reads.samples().iter().for_each(|sample| hasher.update(sample.as_bytes()));
    each.iter().for_each(|file| hasher.update(format!("{file:?}")));
    Ok(InputStamp {
        role: "reads".into(),
        name: format!("{} files", reads.n_files()),
        bytes: Some(bytes),
        modified: None,
        sha256_head: Some(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect()),
    })
}
