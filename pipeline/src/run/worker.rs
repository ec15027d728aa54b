//! One thread's work: claim a shard, read its blocks, test them, spool the rows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use norna_kernels::{LinearRows, LinearScratch, LinearTest, MissingPolicy};

use super::null_models::NullModels;
use super::schedule::{Claimer, Shared, Work};
use crate::shard::{ShardId, ShardPlan};
use crate::sink::rows::{HitRow, RowBatch, VariantRow};
use crate::sink::spool::SpoolWriter;
use crate::source::{Input, RawBatch, VariantBlock};

/// Variants in a block: enough to fill the score product's tiles, few enough to stay in cache. Changes no result.
pub const BLOCK_VARIANTS: usize = 128;

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
        let n_traits = self.models.base().n_traits();
        Buffers {
            block: VariantBlock::new(self.input.kind(), self.models.base().n_samples(), BLOCK_VARIANTS),
            rows: LinearRows::default(),
            scratch: LinearScratch::new(&self.base_test),
            batch: RowBatch { n_traits, ..RowBatch::default() },
        }
    }

    fn shard(&self, work: Work, buffers: &mut Buffers) -> Result<(), String> {
        let (id, mut source) = match work {
            Work::Shard(idx) => {
                let shard = &self.plan.shards[idx];
                (shard.id.0, self.input.reader(shard).map_err(|e| e.to_string())?)
            }
            Work::Batch(bytes) => {
                let batch = RawBatch::from_bytes(&bytes).ok_or("a batch of records arrived cut short")?;
                (ShardId::new(batch.file_idx, batch.seq).0, self.input.batch_reader(batch).map_err(|e| e.to_string())?)
            }
        };
        let (mut part, mut n_rows) = (0, 0);
        loop {
            if self.shared.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let n = source.read_block(&mut buffers.block).map_err(|e| e.to_string())?;
            if n == 0 {
                break;
            }
            self.test(buffers)?;
            self.spool(|spool| spool.rows(id, part, &buffers.batch))?;
            part += 1;
            n_rows += n as u64;
            self.shared.rows.fetch_add(n as u64, Ordering::Relaxed);
        }
        self.spool(|spool| spool.end(id, part, n_rows, &source.ledger().to_vec()))?;
        self.shards_done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn spool<E: std::fmt::Display>(&self, write: impl FnOnce(&mut SpoolWriter) -> Result<(), E>) -> Result<(), String> {
        write(&mut self.spool.lock().unwrap_or_else(PoisonError::into_inner)).map_err(|e| e.to_string())
    }

    /// Tests a block, whose variants are of one chromosome.
    fn test(&self, buffers: &mut Buffers) -> Result<(), String> {
        let Buffers { block, rows, scratch, batch } = buffers;
        let own = self.models.of_chromosome(&block.variants[0].chrom).map_err(|e| e.to_string())?;
        let own_test = own.as_deref().map(|model| LinearTest::new(model, self.missing, self.hit_log10p));
        let test = own_test.as_ref().unwrap_or(&self.base_test);
        test.test_block(&block.genotypes, &block.counts, scratch, rows);
        fill(batch, block, rows, test.null().n_traits());
        Ok(())
    }
}

/// Joins what was read with what was computed.
fn fill(batch: &mut RowBatch, block: &VariantBlock, rows: &mut LinearRows, n_traits: usize) {
    batch.n_traits = n_traits;
    batch.variants.clear();
    for ((variant, counts), status) in block.variants.iter().zip(&block.counts).zip(&rows.status) {
        batch.variants.push(VariantRow {
            chrom: variant.chrom.to_string(),
            pos: variant.pos,
            id: variant.id.clone(),
            reference: variant.reference.clone(),
            alternate: variant.alternate.clone(),
            a1_freq: counts.a1_freq(),
            n: counts.n_called,
            mac: counts.mac(),
            missing: counts.n_missing,
            status: status.code(),
        });
    }
    std::mem::swap(&mut batch.beta, &mut rows.beta);
    std::mem::swap(&mut batch.se, &mut rows.se);
    std::mem::swap(&mut batch.n_missing, &mut rows.n_missing);
    std::mem::swap(&mut batch.covariates_lost, &mut rows.covariates_lost);
    batch.statuses.clear();
    batch.statuses.extend(rows.pair_status.iter().map(|&(row, trait_idx, status)| (row, trait_idx, status.code())));
    batch.hits.clear();
    batch.hits.extend(rows.hits.iter().map(|hit| HitRow {
        variant_idx: hit.variant_idx,
        trait_idx: hit.trait_idx,
        beta: hit.beta,
        se: hit.se,
        log10p: hit.log10p,
    }));
}
