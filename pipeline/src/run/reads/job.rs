//! The grid of shards of sites × batches of samples.

use std::os::unix::fs::MetadataExt;

use sha2::{Digest, Sha256};

use super::super::grid::{Cells, GridJob, Out};
use super::super::run_record::InputStamp;
use super::{cells, pieces};
use crate::shard::ShardPlan;
use crate::source::reads::{PileupScratch, ReadCount, ReadInput, ReadLedger, Site, SiteInput, SiteReads};

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
        self.sites.read(&self.plan.shards[chunk], sites).map_err(|e| e.to_string())?;
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
        Ok(ledger.to_vec())
    }
}

impl LikelihoodJob<'_> {
    /// What became of the reads at the sites, in words.
    pub fn ledger(&self, cells: &Cells) -> String {
        let mut ledger = ReadLedger::default();
        let (n_chunks, n_batches) = self.shape();
        for cell in (0..n_chunks).flat_map(|chunk| (0..n_batches).map(move |batch| (chunk, batch))) {
            ReadLedger::from_slice(cells.counts(cell.0, cell.1)).iter().for_each(|counts| ledger.merge(counts));
        }
        let counts = ReadCount::ALL.into_iter().map(|what| (what.name(), ledger.count(what))).filter(|(_, n)| *n > 0);
        let counts: Vec<String> = counts.map(|(name, n)| format!("{n} {name}")).collect();
        if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
    }

    /// The samples of a batch.
    pub fn samples(&self, batch: usize) -> std::ops::Range<usize> {
        let first = batch * self.batch;
        first..(first + self.batch).min(self.reads.samples().len())
    }
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
