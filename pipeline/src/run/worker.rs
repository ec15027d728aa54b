//! One thread's work: claim a shard, read its blocks, test them, spool the rows.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use norna_kernels::LinearRows;

use super::genotypes::Genotypes;
use super::grid::Cells;
use super::null_models::NullModels;
use super::reads::LikelihoodReader;
use super::rows::{Keeper, KeeperScratch};
use super::schedule::{Claimer, Shared, Work};
use super::tester::{Method, Tester, TesterScratch};
use crate::plan::block_variants;
use crate::qtl::CisPairs;
use crate::qtl::cis_pairs::ChromosomePairs;
use crate::shard::{Shard, ShardId, ShardPlan};
use crate::sink::index::{EndFrame, Finished, FinishedShard, Part};
use crate::sink::rows::RowBatch;
use crate::sink::spool::{Frames, ShardEnd, SpoolError, SpoolWriter, unix_seconds};
use crate::sink::tally::encode_tally;
use crate::source::{SourceError, VariantBlock, VariantSource};
use crate::store::{Bins, TALLY_BINS};

/// A shard that ended in a panic.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FailedShard {
    /// Its id.
    pub id: u64,
    /// Where it lies, as far as it was read.
    pub region: String,
    /// What the panic said, and where in the program.
    pub cause: String,
}

/// What the workers of a rank share.
pub struct Job<'a> {
    /// Where genotypes come from.
    pub(super) genotypes: &'a Genotypes,
    /// What the reads show, where they come from reads.
    pub cells: Option<&'a Cells>,
    /// The shards of those that can be cut.
    pub plan: &'a ShardPlan,
    /// The null models.
    pub models: &'a NullModels,
    /// The test of the model that chromosomes without one of their own share.
    pub(super) base_test: Tester<'a>,
    /// How models are tested.
    pub(super) method: Method,
    /// Pairs that are left out.
    pub left_out: Option<&'a CisPairs>,
    /// What is kept of the tests.
    pub keeper: &'a Keeper,
    /// The bins that pairs are counted in.
    pub bins: &'a Bins,
    /// This rank's spool, its number in the run, and the run.
    pub spool: (&'a Mutex<SpoolWriter>, u32, u64),
    /// Stop flags and row count.
    pub shared: &'a Shared,
    /// Shards finished by this rank.
    pub finished: &'a Mutex<Finished>,
    /// Shards of this rank that ended in a panic.
    pub failed: &'a Mutex<Vec<FailedShard>>,
    /// Shards finished by this rank.
    pub shards_done: &'a AtomicU64,
}

struct Buffers {
    block: VariantBlock,
    rows: LinearRows,
    scratch: TesterScratch,
    batch: RowBatch,
    keeper: KeeperScratch,
    /// Traits × bins: the pairs of the shard.
    tally: Vec<u32>,
    /// Null models that chromosomes of the shard have of their own: ỹᵀỹ by trait.
    models: Vec<(String, Vec<f64>)>,
    frames: Frames,
}

impl Job<'_> {
    /// Works until there is no more, or until a rank has failed.
    pub fn work(&self, claimer: Claimer) {
        claim_all(
            claimer,
            &mut None,
            |work| self.place(work),
            |buffers, work| self.shard(work, buffers.get_or_insert_with(|| self.buffers())),
            |buffers: &mut Option<Buffers>, place, panic| {
                // Whatever the panic left in them is of no use.
                let block = buffers.take().map(|buffers| buffers.block);
                self.fail(place, block.as_ref(), panic);
            },
        );
    }

    /// A shard's id and where it lies in its file.
    fn place(&self, work: &Work) -> (u64, String) {
        match work {
            Work::Shard(idx) => {
                let shard = &self.plan.shards[*idx];
                let (start, end) = (shard.start.offset(), shard.end.offset());
                (shard.id.0, format!("{}, bytes {start} to {end}", self.genotypes.input().name_of(shard.file_idx)))
            }
            Work::Batch(batch) => {
                let name = self.genotypes.input().name_of(batch.file_idx);
                (ShardId::new(batch.file_idx, batch.seq).0, format!("{name}, after record {}", batch.n_before))
            }
        }
    }

    fn fail(&self, (id, place): (u64, String), block: Option<&VariantBlock>, cause: String) {
        let variants = block.map_or(&[][..], |block| &block.variants);
        let region = match (variants.first(), variants.last()) {
            (Some(first), Some(last)) => format!("{place}, near {}:{}-{}", first.chrom, first.pos, last.pos),
            _ => place,
        };
        lock(self.failed).push(FailedShard { id, region, cause });
    }

    fn buffers(&self) -> Buffers {
        let (kind, n_samples) = (self.genotypes.kind(), self.models.base().n_samples());
        Buffers {
            block: VariantBlock::new(kind, n_samples, block_variants(kind, n_samples)),
            rows: LinearRows::default(),
            scratch: self.base_test.scratch(),
            batch: RowBatch::default(),
            keeper: KeeperScratch::default(),
            tally: self.bins.tally(),
            models: Vec::new(),
            frames: Frames::default(),
        }
    }

    fn shard(&self, work: Work, buffers: &mut Buffers) -> Result<(), String> {
        let start = Instant::now();
        let (id, batch_crc, mut source) = match work {
            Work::Shard(idx) => {
                let shard = &self.plan.shards[idx];
                (shard.id.0, 0, self.reader(idx, shard).map_err(|e| e.to_string())?)
            }
            Work::Batch(batch) => {
                let (id, crc) = (ShardId::new(batch.file_idx, batch.seq).0, crc32fast::hash(&batch.bytes));
                let reader = self.genotypes.input().batch_reader(batch).map_err(|e| e.to_string())?;
                (id, crc, reader as Box<dyn VariantSource>)
            }
        };
        let (mut parts, mut rows) = (Vec::new(), Vec::new());
        buffers.tally.fill(0);
        buffers.models.clear();
        loop {
            if self.shared.must_drop() {
                return Ok(());
            }
            let n = source.read_block(&mut buffers.block).map_err(|e| e.to_string())?;
            if n == 0 {
                break;
            }
            super::fault::panic_at(&buffers.block);
            self.test(buffers)?;
            let Buffers { frames, batch, .. } = buffers;
            let (bytes, rows_len) = frames.rows(id, parts.len() as u32, batch, self.keeper.n_matrices());
            let offset = self.spool(bytes)?;
            parts.push(Part { spool: self.spool.1, offset, rows_len, rows: batch.counts() });
            rows.push(batch.counts());
            self.shared.rows.fetch_add(n as u64, Ordering::Relaxed);
        }
        let seconds = start.elapsed().as_secs_f64();
        let (stamp, counts) = (self.spool.2, source.ledger().to_vec());
        self.bins.close(&mut buffers.tally);
        let told = ShardEnd { stamp, seconds, ended: unix_seconds(), batch_crc, parts: rows, counts };
        let Buffers { frames, tally, models, .. } = buffers;
        let bytes = frames.end(id, &told, models, |out| encode_tally(tally, TALLY_BINS, out));
        let offset = self.spool(bytes)?;
        let end = EndFrame { spool: self.spool.1, offset, len: (bytes.len() - crate::sink::frame::HEADER_LEN) as u64 };
        let shard = FinishedShard::new(parts, end, told);
        log::debug!("shard {id}: {} variants in {seconds:.3} s", shard.n_rows());
        lock(self.finished).add(id, shard);
        self.shared.stop.note_shard(seconds);
        self.shards_done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn reader(&self, idx: usize, shard: &Shard) -> Result<Box<dyn VariantSource + '_>, SourceError> {
        Ok(match (self.genotypes, self.cells) {
            (Genotypes::Reads(study), Some(cells)) => Box::new(LikelihoodReader::new(study, cells, idx, shard)?),
            (genotypes, _) => genotypes.input().reader(shard)?,
        })
    }

    fn spool(&self, frames: &[u8]) -> Result<u64, String> {
        lock(self.spool.0).append(frames).map_err(|e: SpoolError| e.to_string())
    }

    /// Tests a block, whose variants are of one chromosome.
    fn test(&self, buffers: &mut Buffers) -> Result<(), String> {
        let Buffers { block, rows, scratch, batch, keeper, tally, models, .. } = buffers;
        let chrom = &block.variants[0].chrom;
        let own = self.models.of_chromosome(chrom).map_err(|e| e.to_string())?;
        let own_test = own.as_deref().map(|model| Tester::new(model, self.method));
        let (test, null) = match (&own_test, &own) {
            (Some(test), Some(null)) => (test, &**null),
            _ => (&self.base_test, self.models.base()),
        };
        test.test(block, scratch, rows);
        if let Some(pairs) = self.left_out {
            leave_out(pairs.on(chrom), block, rows, self.models.base().n_traits());
        }
        self.bins.count(&rows.beta, &rows.se, tally);
        self.keeper.fill(null, block, rows, batch, keeper);
        if own_test.is_some() && self.keeper.wants_scores() && !models.iter().any(|(told, _)| **told == **chrom) {
            models.push((chrom.to_string(), (0..null.n_traits()).map(|t| null.residual_square(t)).collect()));
        }
        Ok(())
    }
}

/// Takes from the tests of a block, whose variants are of one chromosome, the pairs that are near each other.
fn leave_out(pairs: ChromosomePairs<'_>, block: &VariantBlock, rows: &mut LinearRows, n_traits: usize) {
    if pairs.is_empty() {
        return;
    }
    for (row, variant) in block.variants.iter().enumerate() {
        for &(_, trait_idx) in pairs.around(variant.pos) {
            let at = row * n_traits + trait_idx as usize;
            (rows.beta[at], rows.se[at]) = (f32::NAN, f32::NAN);
        }
    }
    let is_near = |row: u32, trait_idx: u32| {
        let near = pairs.around(block.variants[row as usize].pos);
        near.iter().any(|&(_, near)| near == trait_idx)
    };
    rows.hits.retain(|hit| !is_near(hit.variant_idx, hit.trait_idx));
    rows.pair_status.retain(|&(row, trait_idx, _)| !is_near(row, trait_idx));
}

/// Hands claimed pieces to `compute` until there are no more or a rank has failed. What panics is told to `failed`, with its
/// `place`.
pub(super) fn claim_all<State, Place>(
    claimer: Claimer,
    state: &mut State,
    place: impl Fn(&Work) -> Place,
    compute: impl Fn(&mut State, Work) -> Result<(), String>,
    failed: impl Fn(&mut State, Place, String),
) {
    let (mut result, mut last) = (Ok(()), None);
    while let Some(work) = claimer.claim(last) {
        last = Some(work.key());
        let place = place(&work);
        PANIC.set(Some(String::new()));
        let attempt = catch_unwind(AssertUnwindSafe(|| compute(state, work)));
        let panic = PANIC.take().unwrap_or_default();
        match attempt {
            Ok(done) => result = done,
            Err(_) => failed(state, place, panic),
        }
        if result.is_err() {
            break;
        }
    }
    claimer.end(result);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// What a panic of this thread said, while it computes a shard.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on a panic within a shard is kept for who reports the shard instead of being printed.
pub fn keep_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let kept = PANIC.with_borrow_mut(|kept| {
            let Some(kept) = kept else { return false };
            let said = info.payload_as_str().and_then(|text| text.lines().next()).unwrap_or("a panic");
            let place = info.location().map_or_else(String::new, |at| format!(" ({}:{})", at.file(), at.line()));
            *kept = format!("{said}{place}");
            true
        });
        if !kept {
            print(info);
        }
    }));
}
