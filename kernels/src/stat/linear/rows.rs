//! What a linear test gives back: matrices for the store, and short lists for what is rare.

use crate::status::Status;

/// A pair under the hit threshold, in f64.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearHit {
    /// Variant of the block.
    pub variant_idx: u32,
    /// Trait of the null model.
    pub trait_idx: u32,
    /// Effect of one ALT copy, in the trait's unit.
    pub beta: f64,
    /// Standard error of `beta`.
    pub se: f64,
    /// −log10 of the two-sided p.
    pub log10p: f64,
}

/// Results of one block: n_variants × n_traits, variant-major. Cleared and refilled by every test.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LinearRows {
    /// Effects of one ALT copy, in the trait's unit; NaN where there is none.
    pub beta: Vec<f32>,
    /// Standard errors; NaN where there is none (and for a perfect fit, which has an effect).
    pub se: Vec<f32>,
    /// Scores gᵀỹ in the trait's unit, with [`LinearTest::with_scores`](super::LinearTest::with_scores) only, else empty; NaN
    /// where there is no effect. β = score/d.
    pub score: Vec<f32>,
    /// n_variants × n_masks, beside `score`: d = g̃ᵀg̃ of the residualised genotype on the mask; NaN where there is no test.
    pub d: Vec<f32>,
    /// One a variant: Ok, NoCalls or Monomorphic, over all analysed samples. Without Ok the row is NaN.
    pub status: Vec<Status>,
    /// (variant, mask, n), n > 0: samples that the mask observes and the variant does not call, which the pair's n lacks.
    /// Ordered by variant, then mask. Empty where missing genotypes are replaced by the mean: n does not shrink then.
    pub n_missing: Vec<(u32, u32, u32)>,
    /// (variant, mask, n), n > 0: ranks that the covariates lose with those samples, where there is a number all the same: it
    /// has n degrees of freedom more. Ordered by variant, then mask.
    pub covariates_lost: Vec<(u32, u32, u32)>,
    /// (variant, trait, status) where the pair is not Ok although the variant and the trait are. Ordered.
    pub pair_status: Vec<(u32, u32, Status)>,
    /// Pairs whose −log10 p reaches the threshold. Ordered by variant, then trait.
    pub hits: Vec<LinearHit>,
}

impl LinearRows {
    /// Empty rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for a block, all NaN and Ok, and forgets what was there. `n_masks`: scores are wanted.
    pub(crate) fn reset(&mut self, n_variants: usize, n_traits: usize, n_masks: Option<usize>) {
        for matrix in [&mut self.beta, &mut self.se] {
            matrix.clear();
            matrix.resize(n_variants * n_traits, f32::NAN);
        }
        self.score.clear();
        self.score.resize(n_masks.map_or(0, |_| n_variants * n_traits), f32::NAN);
        self.d.clear();
        self.d.resize(n_masks.map_or(0, |n_masks| n_variants * n_masks), f32::NAN);
        self.status.clear();
        self.status.resize(n_variants, Status::Ok);
        self.n_missing.clear();
        self.covariates_lost.clear();
        self.pair_status.clear();
        self.hits.clear();
    }
}
