//! Permutations of one trait against the variants of its cis window (Ongen et al. 2016): the largest squared partial
//! correlation of each permutation.
//!
//! The residual of the trait is permuted among its observed samples, projected off the covariates there again and scaled
//! to norm 1; then r² = s²/d with s = gᵀỹ and d = gᵀg − ‖Qᵀg‖², as in the linear test.

mod chunk;
mod permuted;

use std::ops::Range;

use crate::arch::{Isa, Kernels, isa};
use crate::block::GenotypeBlock;
use crate::counts::AlleleCounts;
use crate::null_model::NullModel;
use crate::null_model::panels::Panels;
use crate::status::Status;
use permuted::TraitSamples;

pub use chunk::PermutationScratch;

/// Two r² closer than this share are ties: what the f32 sums of a score may differ by, where permutations that are the
/// same to a variant take its samples in another order.
pub const TIE: f64 = 1e-6;

/// Permutations of one trait: n_observed × n_permutations residuals of norm 1, in f32.
#[derive(Debug, Clone)]
pub struct PermutedTrait {
    kernels: Kernels,
    status: Status,
    n_permutations: usize,
    samples: TraitSamples,
    permuted: Panels,
    /// The trait itself, not permuted.
    observed: Panels,
}

impl PermutedTrait {
    /// Permutes the residual of trait `trait_idx` of `null`. `fill(p, order)` writes permutation `p`: sample j of the
    /// trait's [`NullModel::n_observed`] samples, in the order of the cohort, gets the residual of its sample `order[j]`.
    /// It is called once for each p, ascending. Takes n_observed × n_permutations × 4 bytes: where that is too much, some
    /// permutations at a time give the same numbers.
    pub fn new(
        null: &NullModel,
        trait_idx: usize,
        n_permutations: usize,
        fill: &mut dyn FnMut(usize, &mut [u32]),
    ) -> Self {
        let samples = TraitSamples::new(null, trait_idx);
        let residual = samples.residual(null, trait_idx);
        let kernels = Kernels::new(isa()).unwrap_or_else(Kernels::portable);
        Self::of(kernels, null.trait_status(trait_idx), samples, &residual, n_permutations, fill)
    }

    /// As [`Self::new`], with the trait's `values` (n_samples, in the order of the cohort) permuted instead of its residual, and
    /// the covariates taken off afterwards, as FastQTL and tensorQTL do. What the covariates explain of the trait is then
    /// noise to the permutations: where that is much or has outliers, they are another null distribution.
    pub fn of_values(
        null: &NullModel,
        trait_idx: usize,
        values: &[f64],
        n_permutations: usize,
        fill: &mut dyn FnMut(usize, &mut [u32]),
    ) -> Self {
        let samples = TraitSamples::new(null, trait_idx);
        let values = samples.centred(values);
        let kernels = Kernels::new(isa()).unwrap_or_else(Kernels::portable);
        Self::of(kernels, null.trait_status(trait_idx), samples, &values, n_permutations, fill)
    }

    /// As [`Self::new`] on a given instruction set; `None` where the CPU lacks it. The results are the same bits.
    pub fn with_isa(
        null: &NullModel,
        trait_idx: usize,
        n_permutations: usize,
        fill: &mut dyn FnMut(usize, &mut [u32]),
        isa: Isa,
    ) -> Option<Self> {
        let (kernels, samples) = (Kernels::new(isa)?, TraitSamples::new(null, trait_idx));
        let residual = samples.residual(null, trait_idx);
        Some(Self::of(kernels, null.trait_status(trait_idx), samples, &residual, n_permutations, fill))
    }

    /// `y`: what is permuted, by sample that takes part.
    fn of(
        kernels: Kernels,
        status: Status,
        samples: TraitSamples,
        y: &[f64],
        n_permutations: usize,
        fill: &mut dyn FnMut(usize, &mut [u32]),
    ) -> Self {
        let permuted = samples.permute(&kernels, y, n_permutations, fill);
        let mut identity = |_: usize, order: &mut [u32]| order.iter_mut().zip(0..).for_each(|(out, i)| *out = i);
        let observed = samples.permute(&kernels, y, 1, &mut identity);
        Self { kernels, status, n_permutations, samples, permuted, observed }
    }

    /// Permutations.
    #[must_use]
    pub fn n_permutations(&self) -> usize {
        self.n_permutations
    }

    /// Samples that are permuted.
    #[must_use]
    pub fn n_observed(&self) -> usize {
        self.samples.n()
    }

    /// That of the null model; without Ok no variant wins.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Raises `best[p]` to the largest r² of permutation p over `variants` of the block. `counts`:
    /// [`crate::allele_counts`] of each variant of the block. A missing genotype is the variant's mean over analysed samples
    /// with a call. Variants without a call, those that are constant on the trait's samples, and those that the covariates
    /// explain there raise nothing. No variant's r² depends on the others.
    pub fn max_r2(
        &self,
        block: &GenotypeBlock,
        counts: &[AlleleCounts],
        variants: Range<usize>,
        scratch: &mut PermutationScratch,
        best: &mut [f64],
    ) {
        if self.status == Status::Ok {
            scratch.raise(&self.kernels, (&self.samples, &self.permuted), (block, counts), variants, best);
        }
    }

    /// r² of one variant and the trait itself in the arithmetic of [`Self::max_r2`], with which its results are to be
    /// compared; 0 for a variant that never wins.
    #[must_use]
    pub fn r2(
        &self,
        block: &GenotypeBlock,
        counts: &[AlleleCounts],
        variant_idx: usize,
        scratch: &mut PermutationScratch,
    ) -> f64 {
        let mut best = [0f64];
        if self.status == Status::Ok {
            let variants = variant_idx..variant_idx + 1;
            scratch.raise(&self.kernels, (&self.samples, &self.observed), (block, counts), variants, &mut best);
        }
        best[0]
    }
}

/// Permutations whose best r² is at least `r2`, ties ([`TIE`]) counted.
#[must_use]
pub fn n_at_least(best: &[f64], r2: f64) -> usize {
    let from = r2 * (1.0 - TIE);
    best.iter().filter(|&&best| best >= from).count()
}
