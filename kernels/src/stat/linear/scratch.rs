//! Memory of a linear test, sized once from the null model, so that the block loop allocates nothing.

use super::LinearTest;
use super::mask_sums::MaskSums;
use super::missing::{MissingByMask, MissingSums};
use crate::arch::pairs::PairColumns;
use crate::gemm::{Path, ScoreChunk};
use crate::status::Status;

/// One variant of a chunk before the sums.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct VariantPlan {
    /// Subtracted from every genotype (see docs/statistics.md).
    pub(super) shift: f32,
    /// Value of a missing genotype less the shift, for the mean policy.
    pub(super) fill: f64,
    /// Verdict on the variant as a whole.
    pub(super) status: Status,
    /// Its missing samples in [`LinearScratch::missing`].
    pub(super) missing: (usize, usize),
}

/// Scratch memory for [`LinearTest::test_block`]; one per thread.
#[derive(Debug, Clone)]
pub struct LinearScratch {
    pub(super) chunk: ScoreChunk,
    pub(super) plans: Vec<VariantPlan>,
    /// What the score product needs of the plans.
    pub(super) paths: Vec<(f32, Path)>,
    /// Missing samples of the chunk's variants, ascending within each.
    pub(super) missing: Vec<u32>,
    pub(super) by_mask: MissingByMask,
    pub(super) sums: MissingSums,
    pub(super) mask_sums: MaskSums,
    pub(super) fits: PairColumns,
    pub(super) pair: PairScratch,
}

/// Vectors of covariate and sample size for one (variant, mask) at a time.
#[derive(Debug, Clone)]
pub(super) struct PairScratch {
    /// Full-basis vector (k values and the dither's), padded.
    pub(super) full: Vec<f64>,
    /// Another one.
    pub(super) full_row: Vec<f64>,
    /// A symmetric matrix in the full basis, [padded][padded].
    pub(super) gram: Vec<f64>,
    /// Qᵀg on the mask, in the mask's basis, padded.
    pub(super) z: Vec<f64>,
    /// L⁻¹z.
    pub(super) w: Vec<f64>,
    /// A trait's vector in the mask's basis.
    pub(super) u: Vec<f64>,
    /// A mask-basis row of a missing sample, padded.
    pub(super) row: Vec<f64>,
    /// Cholesky factor of A, k × k.
    pub(super) factor: Vec<f64>,
    /// g̃ by sample, 0 where unobserved or missing.
    pub(super) residual: Vec<f64>,
    /// A variant's coefficients in the full basis.
    pub(super) coefficients: Vec<f64>,
    /// A trait's coefficients in the full basis.
    pub(super) trait_coefficients: Vec<f64>,
}

impl LinearScratch {
    /// Scratch for `test`.
    #[must_use]
    pub fn new(test: &LinearTest<'_>) -> Self {
        let null = test.null();
        let (padded, k) = (null.basis().padded(), null.basis().n_covariates());
        let chunk = ScoreChunk::new(test.kernels(), null.panels().columns(), padded);
        let (capacity, _) = chunk.capacity();
        let longest = null.masks().iter().flat_map(|mask| &mask.runs).map(|run| run.1).max().unwrap_or(0);
        Self {
            chunk,
            plans: Vec::with_capacity(capacity),
            paths: Vec::with_capacity(capacity),
            missing: Vec::with_capacity(null.n_samples()),
            by_mask: MissingByMask::default(),
            sums: MissingSums::new(null),
            mask_sums: MaskSums::new(null),
            fits: PairColumns::new(longest as usize, k),
            pair: PairScratch {
                full: vec![0.0; padded],
                full_row: vec![0.0; padded],
                gram: vec![0.0; padded * padded],
                z: vec![0.0; padded],
                w: vec![0.0; k],
                u: vec![0.0; k],
                row: vec![0.0; padded],
                factor: vec![0.0; k * k],
                residual: vec![0.0; null.n_samples()],
                coefficients: vec![0.0; k],
                trait_coefficients: vec![0.0; k],
            },
        }
    }
}
