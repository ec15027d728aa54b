//! The null model of two-valued traits: logistic regression of each on the covariates, over its own observed samples, by
//! Newton's steps (iteratively reweighted least squares) in f64.

use std::sync::Arc;

use super::basis::{CovariateBasis, DroppedColumn};
use super::mask::Mask;
use super::{ForEach, collect, number_patterns, observed_bits};
use crate::small_matrix::{add_scaled, cholesky, dot, solve_lower, solve_lower_transposed};
use crate::status::Status;

/// Cases, or controls, under which a trait is not tested: the normal approximation of its scores fails.
const FEWEST: u32 = 10;
/// A step that moves no sample's log-odds by more is the last one.
const LAST_STEP: f64 = 1e-7;
/// Where some log-odds have no bound, Newton's steps move them by about 1 for ever.
const MAX_STEPS: usize = 60;
/// A step may lower the log-likelihood by this share of it, which is rounding.
const ROUNDING: f64 = 1e-12;

/// One trait's fit.
#[derive(Debug, Clone)]
struct LogisticTrait {
    mask: u32,
    status: Status,
    n_cases: u32,
    /// Residual y − μ by sample, 0 where missing; empty without a fit.
    residuals: Vec<f64>,
    /// W = μ(1−μ) likewise.
    weights: Vec<f64>,
    /// Cholesky factor of XᵀWX, X the mask's orthonormal covariates, k × k.
    factor: Vec<f64>,
}

/// Two-valued traits fitted to the covariates: n_samples × n_traits.
#[derive(Debug, Clone)]
pub struct LogisticNull {
    basis: Arc<CovariateBasis>,
    masks: Vec<Mask>,
    traits: Vec<LogisticTrait>,
}

impl LogisticNull {
    /// Fits `traits` (each n_samples values in the order of `basis`: 0 is a control, 1 a case, NaN missing). No number of a
    /// trait depends on the other traits.
    #[must_use]
    pub fn fit(basis: &Arc<CovariateBasis>, traits: &[&[f64]]) -> Self {
        Self::fit_with(basis, traits, &|n, one| (0..n).for_each(one))
    }

    /// As [`Self::fit`], masks and traits by `for_each`, whose order and threads change no bit.
    #[must_use]
    pub fn fit_with(basis: &Arc<CovariateBasis>, traits: &[&[f64]], for_each: ForEach<'_>) -> Self {
        let (mask_of, patterns) = number_patterns(collect(for_each, traits.len(), |t| observed_bits(traits[t], None)));
        let masks = collect(for_each, patterns.len(), |m| Mask::new(basis, patterns[m].clone()));
        let traits = collect(for_each, traits.len(), |t| {
            let mask = &masks[mask_of[t]];
            let rows = Rows::new(basis, mask, traits[t]);
            let n_cases = rows.y.iter().filter(|&&y| y == 1.0).count() as u32;
            let status = rows.status(n_cases);
            let mut fitted = LogisticTrait {
                mask: mask_of[t] as u32,
                status,
                n_cases,
                residuals: Vec::new(),
                weights: Vec::new(),
                factor: Vec::new(),
            };
            if status == Status::Ok {
                match rows.fit() {
                    Some(fit) => rows.spread(fit, basis.n_samples(), &mut fitted),
                    None => fitted.status = Status::Separation,
                }
            }
            fitted
        });
        Self { basis: Arc::clone(basis), masks, traits }
    }

    /// Traits.
    #[must_use]
    pub fn n_traits(&self) -> usize {
        self.traits.len()
    }

    /// Analysed samples.
    #[must_use]
    pub fn n_samples(&self) -> usize {
        self.basis.n_samples()
    }

    /// Distinct patterns of missing trait values.
    #[must_use]
    pub fn n_masks(&self) -> usize {
        self.masks.len()
    }

    /// The mask of a trait, numbered by first appearance.
    #[must_use]
    pub fn mask_of(&self, trait_idx: usize) -> u32 {
        self.traits[trait_idx].mask
    }

    /// Samples that take part in a trait's tests, cases and controls.
    #[must_use]
    pub fn n_observed(&self, trait_idx: usize) -> u32 {
        self.mask(trait_idx).n_observed as u32
    }

    /// Cases among them.
    #[must_use]
    pub fn n_cases(&self, trait_idx: usize) -> u32 {
        self.traits[trait_idx].n_cases
    }

    /// Samples left out of a mask because a covariate is constant but for them.
    #[must_use]
    pub fn n_singled_out(&self, mask: u32) -> u32 {
        self.masks[mask as usize].singled_out
    }

    /// Rank of the covariates on a mask, the intercept included.
    #[must_use]
    pub fn n_covariates(&self, mask: u32) -> u32 {
        self.masks[mask as usize].k as u32
    }

    /// Covariates that a mask loses beyond those that the basis dropped, by their column as given to the basis.
    #[must_use]
    pub fn dropped_columns(&self, mask: u32) -> &[DroppedColumn] {
        &self.masks[mask as usize].dropped
    }

    /// [`Status::Ok`], [`Status::NotTwoValued`], [`Status::NoCases`], [`Status::NoControls`], [`Status::TooFewCases`],
    /// [`Status::TooFewSamples`] or [`Status::Separation`]; without Ok all rows of the trait are NaN.
    #[must_use]
    pub fn trait_status(&self, trait_idx: usize) -> Status {
        self.traits[trait_idx].status
    }

    /// y − μ by sample, 0 where missing; empty where the trait cannot be tested.
    #[must_use]
    pub fn residuals(&self, trait_idx: usize) -> &[f64] {
        &self.traits[trait_idx].residuals
    }

    /// μ(1−μ) by sample, likewise.
    #[must_use]
    pub fn weights(&self, trait_idx: usize) -> &[f64] {
        &self.traits[trait_idx].weights
    }

    pub(crate) fn mask(&self, trait_idx: usize) -> &Mask {
        &self.masks[self.traits[trait_idx].mask as usize]
    }

    /// L⁻¹ of a sample's covariates into `out` (k values), XᵀWX = LLᵀ: Σ (this·W·g)² is (gᵀWX)(XᵀWX)⁻¹(XᵀWg).
    pub(crate) fn whitened(&self, trait_idx: usize, sample: usize, out: &mut [f64]) {
        let k = self.mask(trait_idx).k;
        self.mask(trait_idx).to_mask(self.basis.row(sample), out);
        solve_lower(&self.traits[trait_idx].factor, k, &mut out[..k]);
    }
}

/// The observed samples of one trait.
struct Rows {
    k: usize,
    samples: Vec<u32>,
    y: Vec<f64>,
    /// [sample][k]: orthonormal covariates.
    x: Vec<f64>,
}

/// A fit: fitted values, weights by observed sample, and the factor.
struct Fit {
    residuals: Vec<f64>,
    weights: Vec<f64>,
    factor: Vec<f64>,
}

impl Rows {
    fn new(basis: &CovariateBasis, mask: &Mask, values: &[f64]) -> Self {
        let samples: Vec<u32> = (0..basis.n_samples() as u32).filter(|&i| mask.has(i)).collect();
        let mut x = vec![0f64; samples.len() * mask.k];
        for (&i, x) in samples.iter().zip(x.chunks_exact_mut(mask.k.max(1))) {
            mask.to_mask(basis.row(i as usize), x);
        }
        let y = samples.iter().map(|&i| values[i as usize]).collect();
        Self { k: mask.k, samples, y, x }
    }

    fn status(&self, n_cases: u32) -> Status {
        let n_controls = self.y.len() as u32 - n_cases;
        if self.y.iter().any(|&y| y != 0.0 && y != 1.0) {
            Status::NotTwoValued
        } else if self.y.len() < self.k + 2 {
            Status::TooFewSamples
        } else if n_cases == 0 {
            Status::NoCases
        } else if n_controls == 0 {
            Status::NoControls
        } else if n_cases.min(n_controls) < FEWEST {
            Status::TooFewCases
        } else {
            Status::Ok
        }
    }

    fn rows(&self) -> std::slice::ChunksExact<'_, f64> {
        self.x.chunks_exact(self.k)
    }

    /// Log-odds by sample.
    fn log_odds(&self, coefficients: &[f64], eta: &mut [f64]) {
        eta.iter_mut().zip(self.rows()).for_each(|(eta, x)| *eta = dot(x, coefficients));
    }

    fn log_likelihood(&self, eta: &[f64]) -> f64 {
        let of = |(&y, &eta): (&f64, &f64)| y * eta - eta.max(0.0) - libm::log1p(libm::exp(-eta.abs()));
        self.y.iter().zip(eta).map(of).sum()
    }

    /// Residuals, weights and the factor of XᵀWX at given log-odds, with Xᵀ(y − μ); `None` where it is singular.
    fn at(&self, eta: &[f64]) -> Option<(Fit, Vec<f64>)> {
        let (mut residuals, mut weights) = (vec![0f64; eta.len()], vec![0f64; eta.len()]);
        let (mut factor, mut gradient) = (vec![0f64; self.k * self.k], vec![0f64; self.k]);
        for (i, x) in self.rows().enumerate() {
            // Of the smaller of μ and 1 − μ, so that neither cancels.
            let odds = libm::exp(-eta[i].abs());
            let smaller = odds / (1.0 + odds);
            let mean = if eta[i] > 0.0 { 1.0 - smaller } else { smaller };
            weights[i] = smaller / (1.0 + odds);
            residuals[i] = self.y[i] - mean;
            add_scaled(residuals[i], x, &mut gradient);
            for (j, &xj) in x.iter().enumerate() {
                add_scaled(weights[i] * xj, &x[..=j], &mut factor[j * self.k..=j * self.k + j]);
            }
        }
        (cholesky(&mut factor, self.k).smallest > 0.0).then_some((Fit { residuals, weights, factor }, gradient))
    }

    /// Newton's method, steps halved where they would go downhill; `None` where there is no maximum.
    fn fit(&self) -> Option<Fit> {
        let (mut coefficients, mut eta) = (vec![0f64; self.k], vec![0f64; self.y.len()]);
        let (mut next, mut next_eta) = (coefficients.clone(), eta.clone());
        let mut likelihood = self.log_likelihood(&eta);
        for _ in 0..MAX_STEPS {
            let (fit, mut step) = self.at(&eta)?;
            solve_lower(&fit.factor, self.k, &mut step);
            solve_lower_transposed(&fit.factor, self.k, &mut step);
            let mut share = 1.0;
            loop {
                next.copy_from_slice(&coefficients);
                add_scaled(share, &step, &mut next);
                self.log_odds(&next, &mut next_eta);
                let there = self.log_likelihood(&next_eta);
                if there >= likelihood + ROUNDING * likelihood || share < 1e-6 {
                    likelihood = there;
                    break;
                }
                share *= 0.5;
            }
            let moved = eta.iter().zip(&next_eta).fold(0f64, |most, (a, b)| most.max((a - b).abs()));
            std::mem::swap(&mut coefficients, &mut next);
            std::mem::swap(&mut eta, &mut next_eta);
            if moved <= LAST_STEP {
                return self.at(&eta).map(|(fit, _)| fit);
            }
        }
        None
    }

    /// Puts a fit in the order of all samples.
    fn spread(&self, fit: Fit, n_samples: usize, out: &mut LogisticTrait) {
        (out.residuals, out.weights) = (vec![0.0; n_samples], vec![0.0; n_samples]);
        for ((&i, r), w) in self.samples.iter().zip(fit.residuals).zip(fit.weights) {
            (out.residuals[i as usize], out.weights[i as usize]) = (r, w);
        }
        out.factor = fit.factor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(covariates: &[&[f64]], y: &[f64]) -> LogisticNull {
        LogisticNull::fit(&Arc::new(CovariateBasis::new(y.len(), covariates).0), &[y])
    }

    /// 40 samples, cases in a pattern that no covariate tells.
    fn pattern(n: usize) -> Vec<f64> {
        (0..n).map(|i| f64::from(u8::from(i * 7 % 5 < 2))).collect()
    }

    #[test]
    fn the_intercept_alone_fits_the_share_of_cases() {
        let null = fit(&[], &pattern(40));
        assert_eq!((null.trait_status(0), null.n_cases(0), null.n_observed(0)), (Status::Ok, 16, 40));
        assert!(null.weights(0).iter().all(|w| (w - 0.24).abs() < 1e-14));
        assert!(null.residuals(0).iter().zip(pattern(40)).all(|(r, y)| (r - (y - 0.4)).abs() < 1e-14));
    }

    #[test]
    fn residuals_are_orthogonal_to_the_covariates() {
        let age: Vec<f64> = (0..60).map(|i| f64::from(i * i % 23)).collect();
        let mut y = pattern(60);
        y[7] = f64::NAN;
        let null = fit(&[&age], &y);
        let r = null.residuals(0);
        assert!(dot(r, &age).abs() < 1e-9 && r.iter().sum::<f64>().abs() < 1e-11 && r[7] == 0.0);
        assert_eq!(null.n_observed(0), 59);
    }

    #[test]
    fn what_cannot_be_fitted_says_why() {
        let y = pattern(60);
        let statuses = |y: &[f64], covariates: &[&[f64]]| fit(covariates, y).trait_status(0);
        assert_eq!(statuses(&[0.0; 60], &[]), Status::NoCases);
        assert_eq!(statuses(&[1.0; 60], &[]), Status::NoControls);
        assert_eq!(statuses(&[f64::NAN; 60], &[]), Status::TooFewSamples);
        let mut few = vec![0.0; 60];
        few[..9].fill(1.0);
        assert_eq!(statuses(&few, &[]), Status::TooFewCases);
        few[9] = 1.0;
        assert_eq!(statuses(&few, &[]), Status::Ok);
        let mut coded = y.clone();
        coded[3] = 2.0;
        assert_eq!(statuses(&coded, &[]), Status::NotTwoValued);
        // All cases told from controls; then one batch without a case.
        let told: Vec<f64> = y.iter().enumerate().map(|(i, y)| 10.0 * y + (i % 7) as f64).collect();
        assert_eq!(statuses(&y, &[&told]), Status::Separation);
        let batch: Vec<f64> = (0..60).map(|i| f64::from(u8::from(i < 15))).collect();
        let healthy: Vec<f64> = y.iter().enumerate().map(|(i, &y)| if i < 15 { 0.0 } else { y }).collect();
        assert_eq!(statuses(&healthy, &[&batch]), Status::Separation);
        assert_eq!(statuses(&y, &[&batch]), Status::Ok);
        // A covariate with one wild value separates nothing.
        let mut wild: Vec<f64> = (0..60).map(|i| f64::from(i * i % 23)).collect();
        wild[5] = 4000.0;
        assert_eq!(statuses(&y, &[&wild]), Status::Ok);
    }
}
