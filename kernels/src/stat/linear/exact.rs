//! Pairs whose sums cancel (r² near 1, a trait that lives in the missing samples, a variant nearly collinear with the
//! covariates), from the residuals themselves, in f64, sample by sample.

use super::fit::{MaskFit, PairFit, Variant, failed};
use super::scratch::PairScratch;
use crate::block::GenotypeKind;
use crate::null_model::TraitModel;
use crate::null_model::mask::Mask;
use crate::small_matrix::{add_scaled, dot, solve_lower, solve_lower_transposed};
use crate::status::Status;

/// Stored residuals are right to this share of their length, with a margin of ten.
const TRAIT_NOISE: f64 = 1e-12;
/// Residualising leaves this share of the trait's length before it, and of a genotype's, with a margin of ten.
const ROUNDING: f64 = 1e-14;
/// Dosages are f32: twice a half unit in the last place of 1.
const DOSAGE_NOISE: f64 = 1.2e-7;

impl Variant<'_> {
    /// g̃ by sample, projected out twice, and d from it.
    pub(super) fn set_residual(&mut self, mask: &Mask, fit: &mut MaskFit) {
        let basis = self.test.null.basis();
        let n = basis.n_samples() as u32;
        let mut residual = std::mem::take(&mut self.pair.residual);
        for (i, residual) in (0..n).zip(&mut residual) {
            *residual = if self.is_used(mask, i) { self.genotype(i) } else { 0.0 };
        }
        for _ in 0..2 {
            self.pair.full.fill(0.0);
            for (i, &g) in residual.iter().enumerate().filter(|(_, g)| **g != 0.0) {
                add_scaled(g, basis.row(i), &mut self.pair.full);
            }
            let PairScratch { full, u, factor, coefficients, .. } = &mut *self.pair;
            mask.to_mask(full, u);
            if fit.n_missing > 0 {
                solve_lower(factor, mask.k, &mut u[..mask.k]);
                solve_lower_transposed(factor, mask.k, &mut u[..mask.k]);
            }
            mask.to_full(&u[..mask.k], coefficients);
            for (i, residual) in (0..n).zip(&mut residual) {
                if self.is_used(mask, i) {
                    *residual -= dot(basis.row(i as usize), &self.pair.coefficients[..basis.n_covariates()]);
                }
            }
        }
        fit.d = dot(&residual, &residual);
        fit.has_residual = true;
        self.exact_d = Some(fit.d);
        self.pair.residual = residual;
    }

    /// The fit of a pair from its residuals.
    pub(super) fn fit_exactly(&mut self, mask: &Mask, fit: &mut MaskFit, t: usize, model: &TraitModel) -> PairFit {
        self.set_trait_coefficients(mask, fit, t);
        if !fit.has_residual {
            match self.exact_d {
                Some(d) => (fit.d, fit.has_residual) = (d, true),
                None => self.set_residual(mask, fit),
            }
        }
        let (s, yy, _) = self.residual_sums(mask, fit, t, 0.0);
        if yy <= TRAIT_NOISE * TRAIT_NOISE * model.yy + ROUNDING * ROUNDING * model.raw_yy {
            return failed(Status::ConstantTrait);
        }
        let beta = s / fit.d;
        let (_, _, rss) = self.residual_sums(mask, fit, t, beta);
        let g_noise = match self.block.kind() {
            GenotypeKind::Calls => ROUNDING * ROUNDING * fit.gg,
            GenotypeKind::Dosages => DOSAGE_NOISE * DOSAGE_NOISE * mask.n_observed as f64,
        };
        let noise = TRAIT_NOISE * TRAIT_NOISE * model.yy + ROUNDING * ROUNDING * model.raw_yy + beta * beta * g_noise;
        if rss <= noise {
            return PairFit { status: Status::PerfectFit, score: s, beta, se: f64::NAN };
        }
        PairFit { status: Status::Ok, score: s, beta, se: (rss / (fit.d * fit.df)).sqrt() }
    }

    /// P·A⁻¹·Q_Mᵀỹ_M into `trait_coefficients`: what dropping M adds to the residuals of the rest.
    fn set_trait_coefficients(&mut self, mask: &Mask, fit: &MaskFit, t: usize) {
        if fit.n_missing == 0 {
            return;
        }
        self.sums.projection(t, &mut self.pair.full);
        let PairScratch { full, u, factor, trait_coefficients, .. } = &mut *self.pair;
        mask.to_mask(full, u);
        solve_lower(factor, mask.k, &mut u[..mask.k]);
        solve_lower_transposed(factor, mask.k, &mut u[..mask.k]);
        mask.to_full(&u[..mask.k], trait_coefficients);
    }

    /// (g̃ᵀỹ, ỹᵀỹ, ‖ỹ − β·g̃‖²) over the samples used.
    fn residual_sums(&self, mask: &Mask, fit: &MaskFit, t: usize, beta: f64) -> (f64, f64, f64) {
        let null = self.test.null;
        let coefficients = &self.pair.trait_coefficients[..null.basis().n_covariates()];
        let (mut s, mut yy, mut rss) = (0f64, 0f64, 0f64);
        for (i, (y, &g)) in null.panels().residuals(t).zip(&self.pair.residual).enumerate() {
            if !self.is_used(mask, i as u32) {
                continue;
            }
            let moved = if fit.n_missing > 0 { dot(null.basis().row(i), coefficients) } else { 0.0 };
            let y = y + moved;
            s += g * y;
            yy += y * y;
            rss += (y - beta * g) * (y - beta * g);
        }
        (s, yy, rss)
    }
}
