//! Linear regression of every trait on every variant, the covariates projected out: the exact least squares of y on
//! [C, g] by the theorem of Frisch and Waugh (1933) and Lovell (1963).
//!
//! s = gᵀỹ, d = gᵀg − ‖Qᵀg‖², β = s/d, RSS = ỹᵀỹ − s²/d, SE² = RSS/(d·(n−k−1)). Sums come from [`crate::gemm`] once per
//! chunk; a mask's missing samples and a variant's missing calls are taken off in the space of the covariates.

pub(crate) mod compact;
mod exact;
mod fit;
pub(crate) mod mask_sums;
pub(crate) mod missing;
mod rank;
pub(crate) mod rows;
pub(crate) mod scratch;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::arch::carriers::CallList;
use crate::arch::dosages::{Common, DosageScans};
use crate::arch::{Isa, Kernels, isa};
use crate::block::{GenotypeBlock, GenotypeKind, MISSING_CALL};
use crate::counts::AlleleCounts;
use crate::gemm::Path;
use crate::null_model::NullModel;
use crate::null_model::mask::Mask;
use crate::stat::student;
use crate::status::Status;
use fit::Variant;
pub(crate) use fit::{COLLINEAR, ILL_CONDITIONED};
use rows::LinearRows;
use scratch::{LinearScratch, VariantPlan};

/// What a missing genotype means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingPolicy {
    /// The sample is left out for that variant: exact least squares on the rest, as plink2.
    Drop,
    /// The mean dosage over analysed samples with a call, as regenie.
    Mean,
}

/// A dosage variant whose Σ(g−shift)² exceeds its centred sum by more than this factor is centred on its mean instead.
const CENTRE_ABOVE: f64 = 16.0;

/// Samples whose missing calls are listed at a time, which bounds what a list may grow by.
const LISTED_AT_ONCE: usize = 4096;

/// Missing samples of a chunk's variants, beyond which it ends.
const MISSING_AT_ONCE: usize = 1 << 20;

/// The linear test of one null model.
#[derive(Debug, Clone)]
pub struct LinearTest<'a> {
    null: &'a NullModel,
    missing: MissingPolicy,
    hit_log10p: f64,
    with_scores: bool,
    exactly: bool,
    /// By mask: a t² under which no pair reaches `hit_log10p`.
    hit_t2: Vec<f64>,
    kernels: Kernels,
}

impl<'a> LinearTest<'a> {
    /// A test on the process's instruction set. Pairs whose −log10 p is at least `hit_log10p` are listed as hits.
    #[must_use]
    pub fn new(null: &'a NullModel, missing: MissingPolicy, hit_log10p: f64) -> Self {
        let kernels = Kernels::new(isa()).unwrap_or_else(Kernels::portable);
        Self::with_kernels(null, missing, hit_log10p, kernels)
    }

    /// As [`Self::new`] on a given instruction set; `None` where the CPU lacks it. The results are the same bits.
    #[must_use]
    pub fn with_isa(null: &'a NullModel, missing: MissingPolicy, hit_log10p: f64, isa: Isa) -> Option<Self> {
        Some(Self::with_kernels(null, missing, hit_log10p, Kernels::new(isa)?))
    }

    fn with_kernels(null: &'a NullModel, missing: MissingPolicy, hit_log10p: f64, kernels: Kernels) -> Self {
        // A pair has at most its mask's degrees of freedom, and fewer ask for a larger t.
        let mut by_df: BTreeMap<usize, f64> = BTreeMap::new();
        let mut threshold = |mask: &Mask| {
            let df = mask.n_observed.saturating_sub(mask.k + 1).max(1);
            *by_df.entry(df).or_insert_with(|| {
                let t = student::t_for_log10_p(hit_log10p.max(0.0), df as f64);
                t * t * (1.0 - 1e-9)
            })
        };
        let hit_t2 = null.masks().iter().map(&mut threshold).collect();
        Self { null, missing, hit_log10p, with_scores: false, exactly: false, hit_t2, kernels }
    }

    /// Gives [`LinearRows::score`] and [`LinearRows::d`] too.
    #[must_use]
    pub fn with_scores(self) -> Self {
        Self { with_scores: true, ..self }
    }

    /// Takes hits from residuals in f64, sample by sample, rather than from f32 sums: for few pairs of which all digits count.
    #[must_use]
    pub fn exactly(self) -> Self {
        Self { exactly: true, ..self }
    }

    /// The null model.
    #[must_use]
    pub fn null(&self) -> &'a NullModel {
        self.null
    }

    /// The instruction set it runs on.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.kernels.isa
    }

    pub(crate) fn kernels(&self) -> &Kernels {
        &self.kernels
    }

    /// Tests all variants of `block` against all traits. `counts`: [`crate::allele_counts`] of each variant. `out` is
    /// cleared first. No row depends on the other rows, no column on the other columns.
    pub fn test_block(
        &self,
        block: &GenotypeBlock,
        counts: &[AlleleCounts],
        scratch: &mut LinearScratch,
        out: &mut LinearRows,
    ) {
        out.reset(block.len(), self.null.n_traits(), self.with_scores.then(|| self.null.n_masks()));
        let n_variants = block.len().min(counts.len());
        let mut first = 0;
        while first < n_variants {
            plan_chunk(&self.kernels, block, first, &counts[first..n_variants], scratch);
            let null = (self.null.basis(), self.null.panels());
            scratch.chunk.compute(&self.kernels, block, first, &scratch.paths, null);
            for row in 0..scratch.plans.len() {
                self.test_variant(block, first, row, scratch, out);
            }
            first += scratch.plans.len();
        }
    }

    fn test_variant(
        &self,
        block: &GenotypeBlock,
        first: usize,
        row: usize,
        scratch: &mut LinearScratch,
        out: &mut LinearRows,
    ) {
        let plan = scratch.plans[row];
        let v = first + row;
        out.status[v] = plan.status;
        let LinearScratch { chunk, missing, by_mask, sums, mask_sums, fits, pair, .. } = scratch;
        let (null, missing) = (self.null, &missing[plan.missing.0..plan.missing.1]);
        let is_dropped = self.missing == MissingPolicy::Drop && !missing.is_empty();
        if is_dropped {
            by_mask.collect(null.sides(), null.n_masks(), missing);
            for (m, mask) in null.masks().iter().enumerate() {
                let n = by_mask.n_observed(mask, m);
                if n > 0 {
                    out.n_missing.push((v as u32, m as u32, n as u32));
                }
            }
        }
        if plan.status != Status::Ok {
            return;
        }
        if !missing.is_empty() {
            sums.collect(&self.kernels, self.missing, null, missing);
        }
        let filled = (self.missing == MissingPolicy::Mean).then_some((plan.fill, missing));
        mask_sums.set_everywhere(null, (chunk.projection(row), chunk.square(row)), filled);
        if !null.sides().is_empty() {
            mask_sums.take_off(&self.kernels, null, self.missing, (block, v, plan));
        }
        let (first_status, first_hit) = (out.pair_status.len(), out.hits.len());
        let mut variant = Variant {
            test: self,
            block,
            v,
            row,
            plan,
            missing,
            chunk,
            by_mask,
            sums,
            mask_sums,
            fits,
            pair,
            exact_d: None,
        };
        for mask_idx in 0..null.n_masks() {
            variant.test_mask(mask_idx, out);
        }
        out.pair_status[first_status..].sort_unstable_by_key(|entry| entry.1);
        out.hits[first_hit..].sort_unstable_by_key(|hit| hit.trait_idx);
    }
}

/// Decides on each variant, by the variant alone and before any sum, until the chunk is full.
fn plan_chunk(
    kernels: &Kernels,
    block: &GenotypeBlock,
    first: usize,
    counts: &[AlleleCounts],
    scratch: &mut LinearScratch,
) {
    scratch.plans.clear();
    scratch.paths.clear();
    scratch.missing.clear();
    let (n_variants, mut n_dense) = scratch.chunk.capacity();
    for (v, counts) in (first..).zip(counts).take(n_variants) {
        if n_dense == 0 || scratch.missing.len() > MISSING_AT_ONCE {
            break;
        }
        let start = scratch.missing.len();
        if counts.n_missing > 0 {
            list_missing(kernels, block, v, 0..block.n_samples(), &mut scratch.missing);
        }
        let Coding { status, shift, mean, path } = Coding::of(kernels, block, v, counts);
        n_dense -= usize::from(path == Path::Dense);
        let missing = (start, scratch.missing.len());
        scratch.plans.push(VariantPlan { shift, fill: mean - f64::from(shift), status, missing });
        scratch.paths.push((shift, path));
    }
}

/// How a variant's genotypes enter the sums.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coding {
    /// Verdict on the variant as a whole.
    pub(crate) status: Status,
    /// Subtracted from every genotype.
    pub(crate) shift: f32,
    /// Mean dosage over samples with a call.
    pub(crate) mean: f64,
    /// By the samples with a call.
    pub(crate) path: Path,
}

impl Coding {
    /// Decided by the variant alone.
    pub(crate) fn of(kernels: &Kernels, block: &GenotypeBlock, v: usize, counts: &AlleleCounts) -> Self {
        let common = match block.kind() {
            GenotypeKind::Calls => {
                Common { constant: counts.n_by_call.contains(&counts.n_called), candidate: f32::NAN }
            }
            GenotypeKind::Dosages => (DosageScans::of(kernels.isa).common)(block.dosages(v)),
        };
        let status = match (counts.n_called, common.constant) {
            (0, _) => Status::NoCalls,
            (_, true) => Status::Monomorphic,
            _ => Status::Ok,
        };
        let mean = counts.dosage_sum / f64::from(counts.n_called.max(1));
        let (shift, path) = match (status, block.kind()) {
            (Status::Ok, GenotypeKind::Calls) => {
                let shift = nearest_dosage(mean);
                let n_carriers = counts.n_called.saturating_sub(counts.n_by_call[shift as usize]);
                (shift, Path::of(n_carriers as usize, block.n_samples()))
            }
            (Status::Ok, GenotypeKind::Dosages) => {
                let (shift, n_shift) = dosage_shift(kernels.isa, block.dosages(v), common.candidate, counts, mean);
                (shift, Path::of((counts.n_called as usize).saturating_sub(n_shift), block.n_samples()))
            }
            _ => (0.0, Path::Skip),
        };
        Self { status, shift, mean, path }
    }
}

/// Appends the samples without a genotype among `samples`, ascending.
pub(crate) fn list_missing(
    kernels: &Kernels,
    block: &GenotypeBlock,
    v: usize,
    samples: Range<usize>,
    out: &mut Vec<u32>,
) {
    let first = samples.start as u32;
    match block.kind() {
        GenotypeKind::Calls => {
            let pieces = block.calls(v)[samples].chunks(LISTED_AT_ONCE);
            for (calls, first) in pieces.zip((first..).step_by(LISTED_AT_ONCE)) {
                (kernels.list_calls)(calls, CallList { values: [MISSING_CALL; 2], equal: true, first }, out);
            }
        }
        GenotypeKind::Dosages => {
            let dosages = &block.dosages(v)[samples];
            out.extend((first..).zip(dosages).filter(|(_, g)| g.is_nan()).map(|(i, _)| i));
        }
    }
}

/// 0, 1 or 2, whichever is nearest to the mean (1 on a tie, so that swapping REF and ALT only changes signs): Σ(g−shift)²
/// is then near its least, d does not cancel, and rare alleles of either kind stay sparse.
fn nearest_dosage(mean: f64) -> f32 {
    if mean < 0.5 {
        0.0
    } else if mean > 1.5 {
        2.0
    } else {
        1.0
    }
}

/// As [`nearest_dosage`], but the value that most samples share where there is one (it is then 0 and rounds nothing in
/// f32 sums), and the mean for dosages that hardly vary about it (badly imputed variants), where f32 sums of g would
/// drown their differences. With the number of samples at that value. `candidate`: [`Common::candidate`].
fn dosage_shift(isa: Isa, dosages: &[f32], candidate: f32, counts: &AlleleCounts, mean: f64) -> (f32, usize) {
    let spread = |shift| (DosageScans::of(isa).spread)(dosages, mean, shift);
    let mut shift = candidate;
    let mut about = spread(shift);
    if about.n_at_shift * 2 <= counts.n_called as usize {
        shift = nearest_dosage(mean);
        about = spread(shift);
    }
    if about.shifted > CENTRE_ABOVE * about.centred {
        shift = mean as f32;
        about = spread(shift);
    }
    (shift, about.n_at_shift)
}
