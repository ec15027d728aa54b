//! One thread's work: claim a shard, read its blocks, test them, spool the rows.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use norna_kernels::{LinearRows, LinearScratch, LinearTest, MissingPolicy};

use super::null_models::NullModels;
use super::rows::{Keeper, KeeperScratch};
use super::schedule::{Claimer, Shared, Work};
use crate::plan::block_variants;
use crate::shard::{ShardId, ShardPlan};
use crate::sink::rows::RowBatch;
use crate::sink::spool::{Frames, SpoolWriter};
use crate::sink::tally::encode_tally;
use crate::source::{Input, VariantBlock};
use crate::store::{Bins, TALLY_BINS};

/// What the workers of a rank share.
pub struct Job<'a> {
    /// The genotype files.
    pub input: &'a Input,
    /// The shards of those that can be cut.
    pub plan: &'a ShardPlan,
    /// The null models.
    pub models: &'a NullModels,
    /// The test of the model that chromosomes without one of their own share.
    pub base_test: LinearTest<'a>,
    /// What happens to samples without a genotype.
    pub missing: MissingPolicy,
    /// Hits are rows with −log10 p of at least this.
    pub hit_log10p: f64,
    /// What is kept of the tests.
    pub keeper: &'a Keeper,
    /// The bins that pairs are counted in.
    pub bins: &'a Bins,
    /// Chromosomes whose null model this rank's spool has.
    pub models_told: &'a Mutex<BTreeSet<String>>,
    /// This rank's spool.
    pub spool: &'a Mutex<SpoolWriter>,
    /// Stop flag and row count.
    pub shared: &'a Shared,
    /// Shards finished by this rank.
    pub shards_done: &'a AtomicU64,
}

struct Buffers {
    block: VariantBlock,
    rows: LinearRows,
    scratch: LinearScratch,
    batch: RowBatch,
    keeper: KeeperScratch,
    /// Traits × bins: the pairs of the shard.
    tally: Vec<u32>,
    frames: Frames,
}

impl Job<'_> {
    /// Works until there is no more or a rank has failed.
    pub fn work(&self, claimer: Claimer) {
        let mut buffers = None;
        let mut result = Ok(());
        while let Some(work) = claimer.claim() {
            let attempt = catch_unwind(AssertUnwindSafe(|| {
                let buffers = buffers.get_or_insert_with(|| self.buffers());
                self.shard(work, buffers)
            }));
            result = attempt.unwrap_or_else(|_| Err("a shard ended in a panic: this is a defect of norna".to_owned()));
            if result.is_err() {
                break;
            }
        }
        claimer.end(result);
    }

    fn buffers(&self) -> Buffers {
        let (kind, n_samples) = (self.input.kind(), self.models.base().n_samples());
        Buffers {
            block: VariantBlock::new(kind, n_samples, block_variants(kind, n_samples)),
            rows: LinearRows::default(),
            scratch: LinearScratch::new(&self.base_test),
            batch: RowBatch::default(),
            keeper: KeeperScratch::default(),
            tally: self.bins.tally(),
            frames: Frames::default(),
        }
    }

    fn shard(&self, work: Work, buffers: &mut Buffers) -> Result<(), String> {
        let (id, mut source) = match work {
            Work::Shard(idx) => {
                let shard = &self.plan.shards[idx];
                (shard.id.0, self.input.reader(shard).map_err(|e| e.to_string())?)
            }
            Work::Batch(batch) => {
                (ShardId::new(batch.file_idx, batch.seq).0, self.input.batch_reader(batch).map_err(|e| e.to_string())?)
            }
        };
        let mut parts = Vec::new();
        buffers.tally.fill(0);
        loop {
            if self.shared.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let n = source.read_block(&mut buffers.block).map_err(|e| e.to_string())?;
            if n == 0 {
                break;
            }
            self.test(buffers)?;
            let Buffers { frames, batch, .. } = buffers;
            self.spool(frames.rows(id, parts.len() as u32, batch, self.keeper.n_matrices()))?;
            parts.push(batch.counts());
            self.shared.rows.fetch_add(n as u64, Ordering::Relaxed);
        }
        let Buffers { frames, tally, .. } = buffers;
        let tally = |out: &mut Vec<u8>| encode_tally(tally, TALLY_BINS, out);
        self.spool(frames.end(id, &parts, &source.ledger().to_vec(), tally))?;
        self.shards_done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn spool(&self, frames: &[u8]) -> Result<(), String> {
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        spool.append(frames).map_err(|e| e.to_string())
    }

    /// Tests a block, whose variants are of one chromosome.
    fn test(&self, buffers: &mut Buffers) -> Result<(), String> {
        let Buffers { block, rows, scratch, batch, keeper, tally, frames } = buffers;
        let chrom = &block.variants[0].chrom;
        let own = self.models.of_chromosome(chrom).map_err(|e| e.to_string())?;
        let own_test = own.as_deref().map(|model| LinearTest::new(model, self.missing, self.hit_log10p));
        let own_test = own_test.map(|test| if self.keeper.wants_scores() { test.with_scores() } else { test });
        let test = own_test.as_ref().unwrap_or(&self.base_test);
        test.test_block(&block.genotypes, &block.counts, scratch, rows);
        self.bins.count(&rows.beta, &rows.se, tally);
        self.keeper.fill(test.null(), block, rows, batch, keeper);
        if own_test.is_some() && self.keeper.wants_scores() {
            let mut told = self.models_told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.insert(chrom.to_string()) {
                let squares: Vec<f64> = (0..test.null().n_traits()).map(|t| test.null().residual_square(t)).collect();
                self.spool(frames.model(chrom, &squares))?;
            }
        }
        Ok(())
    }
}
