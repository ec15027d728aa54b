//! The covariates on the samples that a variant leaves. Where they lose rank (sex on chrY, a batch without a call) least
//! squares goes on with the rest, as it would if the trait had been analysed on those samples alone.

use super::fit::Variant;
use super::scratch::PairScratch;
use crate::null_model::mask::Mask;
use crate::small_matrix::{add_outer_lower, add_scaled, cholesky_passing_over, dot, solve_lower_transposed};
use crate::status::Status;

/// Pivots of I − Q_MᵀQ_M (each a share of a covariate's squared length that is left) below this are a lost rank or cannot
/// be told from one: rounding leaves 1e-15 to 1e-13.
const RANK_LOST: f64 = 1e-10;
/// A column is lost if the rest of it outside the others is at most this share of its squared length, summed sample by
/// sample: this has no cancellation, and rounding leaves under 1e-24.
const NOTHING_LEFT: f64 = 1e-18;

impl Variant<'_> {
    /// Cholesky factor of A = I − Q_MᵀQ_M in the mask's basis, M the missing samples that the mask observes, and the
    /// number of ranks lost. RankLost where a column keeps so little that it is neither lost nor determined.
    pub(super) fn factor(&mut self, mask: &Mask, mask_idx: usize) -> Result<usize, Status> {
        let k = mask.k;
        let (basis, kernels) = (self.test.null.basis(), self.test.kernels());
        let (padded, on_side) = (basis.padded(), self.by_mask.on_side(mask_idx));
        let PairScratch { factor, row, full_row, gram, .. } = &mut *self.pair;
        let factor = &mut factor[..k * k];
        if mask.is_full() {
            mask.gram_to_mask(kernels, (&self.sums.gram, padded), factor, (full_row, row));
        } else if mask.is_well_conditioned {
            let sign = if mask.side_is_missing { -1.0 } else { 1.0 };
            if mask.side_is_missing {
                gram.copy_from_slice(&self.sums.gram);
            } else {
                gram.fill(0.0);
            }
            for &i in on_side {
                let q = basis.row(i as usize);
                for (&x, gram) in q.iter().zip(gram.chunks_exact_mut(padded)) {
                    add_scaled(sign * x, q, gram);
                }
            }
            mask.gram_to_mask(kernels, (gram, padded), factor, (full_row, row));
        } else {
            factor.fill(0.0);
            for &i in self.missing.iter().filter(|&&i| mask.has(i)) {
                mask.to_mask(basis.row(i as usize), row);
                add_outer_lower(&row[..k], factor);
            }
        }
        factor.iter_mut().for_each(|x| *x = -*x);
        (0..k).for_each(|j| factor[j * k + j] += 1.0);
        let n_lost = cholesky_passing_over(factor, k, RANK_LOST);
        if n_lost > 0
            && (0..k).any(|j| self.pair.factor[j * k + j].is_infinite() && self.square_left(mask, j) > NOTHING_LEFT)
        {
            return Err(Status::RankLost);
        }
        Ok(n_lost)
    }

    /// ‖q_j − Q_J·A_J⁻¹·A_Jj‖² over the samples used, J the columns before j that stand.
    fn square_left(&mut self, mask: &Mask, j: usize) -> f64 {
        let (k, basis) = (mask.k, self.test.null.basis());
        let PairScratch { factor, u, coefficients, .. } = &mut *self.pair;
        u.fill(0.0);
        u[..j].copy_from_slice(&factor[j * k..j * k + j]);
        solve_lower_transposed(factor, k, &mut u[..k]);
        u.iter_mut().for_each(|x| *x = -*x);
        u[j] = 1.0;
        mask.to_full(&u[..k], coefficients);
        let coefficients = &self.pair.coefficients[..basis.n_covariates()];
        let used = (0..basis.n_samples() as u32).filter(|&i| self.is_used(mask, i));
        used.map(|i| dot(basis.row(i as usize), coefficients)).map(|rest| rest * rest).sum()
    }
}
