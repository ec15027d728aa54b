//! p-value of the best variant of a cis window (Ongen et al. 2016): the smallest p of each permutation follows a beta
//! distribution, whose tail then reaches beyond the number of permutations.
//!
//! The variants of a window are correlated and the residuals not quite normal, so that the degrees of freedom of the nominal
//! p are fitted too: those at which the moments of the smallest p give a first shape of 1. At these the shapes a and b
//! are of maximum likelihood, and the p-value of the best variant is I_p(a, b) of its nominal p.

mod incomplete_beta;
mod likelihood;

use std::f64::consts::LN_10;

use super::student::{TailsAt, ln_p};
use incomplete_beta::ln_incomplete_beta;
use likelihood::{LogSums, maximum_likelihood};

/// Fewer permutations than this fit nothing.
pub const MIN_PERMUTATIONS: usize = 10;

/// Nearest to 1 that a p is taken for.
const LARGEST_LN_P: f64 = -1e-8;
/// Degrees of freedom are looked for from this share of the true ones to this multiple.
const DF_RANGE: (f64, f64) = (1.0 / 64.0, 64.0);
/// First step of the search, as a logarithm; it doubles until the shape passes 1.
const FIRST_STEP: f64 = 0.125;
const DF_TOLERANCE: f64 = 1e-9;
const MAX_STEPS: usize = 100;

/// The distribution of the smallest p of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BetaFit {
    /// Degrees of freedom at which nominal p-values are taken.
    pub df: f64,
    /// First shape.
    pub shape1: f64,
    /// Second shape: about the number of independent variants.
    pub shape2: f64,
}

/// Shapes beyond these stand for no smallest p of a window (FastQTL has such bounds too); one variant alone has 1 and 1.
const SHAPE1: std::ops::RangeInclusive<f64> = 0.1..=10.0;
const SHAPE2: std::ops::RangeInclusive<f64> = 0.1..=1e6;

/// Fits the distribution to the best r² of each permutation; `true_df`: n − covariates − 1, the intercept counted as a
/// covariate. `None` where there is nothing to fit: fewer than [`MIN_PERMUTATIONS`], one that is not in [0, 1), all the same,
/// or `true_df` not positive; or where the shapes come out beyond all sense (few samples, two values). Where no degrees of freedom bring the first shape to 1, the true ones stand.
#[must_use]
pub fn fit(best_r2: &[f64], true_df: f64) -> Option<BetaFit> {
    let in_range = best_r2.iter().all(|r2| (0.0..1.0).contains(r2));
    let varies = best_r2.iter().any(|&r2| r2 != best_r2[0]);
    let usable = in_range && varies && true_df > 0.0 && true_df.is_finite();
    if best_r2.len() < MIN_PERMUTATIONS || !usable {
        return None;
    }
    let mut ln_p = vec![0f64; best_r2.len()];
    let df = learned_df(best_r2, true_df, &mut ln_p).unwrap_or(true_df);
    set_ln_p(best_r2, df, &mut ln_p);
    let start = moment_shapes(&ln_p)?;
    let (shape1, shape2) = maximum_likelihood(&LogSums::of(&ln_p), start)?;
    (SHAPE1.contains(&shape1) && SHAPE2.contains(&shape2)).then_some(BetaFit { df, shape1, shape2 })
}

/// −log10 of the p-value of a best variant with this r², right where p itself underflows; NaN for NaN, ∞ for r² ≥ 1.
#[must_use]
pub fn log10_p(fit: &BetaFit, r2: f64) -> f64 {
    -ln_incomplete_beta(ln_p_of_r2(r2, fit.df), fit.shape1, fit.shape2) / LN_10
}

/// −log10 of the nominal p of an r² with `df` degrees of freedom.
#[must_use]
pub fn nominal_log10_p(r2: f64, df: f64) -> f64 {
    -ln_p_of_r2(r2, df) / LN_10
}

fn ln_p_of_r2(r2: f64, df: f64) -> f64 {
    if r2 >= 1.0 {
        return f64::NEG_INFINITY;
    }
    ln_p((r2 / (1.0 - r2) * df).sqrt(), df)
}

fn set_ln_p(best_r2: &[f64], df: f64, out: &mut [f64]) {
    let squares: Vec<f64> = best_r2.iter().map(|r2| r2 / (1.0 - r2) * df).collect();
    TailsAt::new(df, squares.iter().copied().fold(f64::INFINITY, f64::min)).ln_p(&squares, out);
    out.iter_mut().for_each(|ln_p| *ln_p = ln_p.min(LARGEST_LN_P));
}

/// Shapes by the moments of p; `None` where p does not vary.
fn moment_shapes(ln_p: &[f64]) -> Option<(f64, f64)> {
    let n = ln_p.len() as f64;
    let p = || ln_p.iter().map(|&ln_p| libm::exp(ln_p));
    let mean = p().sum::<f64>() / n;
    let variance = p().map(|p| (p - mean) * (p - mean)).sum::<f64>() / (n - 1.0);
    let shape1 = mean * (mean * (1.0 - mean) / variance - 1.0);
    let shape2 = shape1 * (1.0 / mean - 1.0);
    let usable = |shape: f64| shape.is_finite() && shape > 0.0;
    (variance > 0.0 && usable(shape1) && usable(shape2)).then_some((shape1, shape2))
}

/// The degrees of freedom at which the first shape is 1, by the Illinois method on their logarithm: the shape falls as they
/// rise, since ln p is nearly proportional to them.
fn learned_df(best_r2: &[f64], true_df: f64, ln_p: &mut [f64]) -> Option<f64> {
    let mut excess = |ln_df: f64| {
        set_ln_p(best_r2, libm::exp(ln_df), ln_p);
        moment_shapes(ln_p).map(|(shape1, _)| libm::log(shape1))
    };
    let start = libm::log(true_df);
    let at_start = excess(start)?;
    if at_start == 0.0 {
        return Some(true_df);
    }
    let (mut near, mut far, mut step) = ((start, at_start), (start, at_start), FIRST_STEP.copysign(at_start));
    while far.1 * at_start > 0.0 {
        near = far;
        far.0 += step;
        step *= 2.0;
        let offset = far.0 - start;
        if offset < libm::log(DF_RANGE.0) || offset > libm::log(DF_RANGE.1) {
            return None;
        }
        far.1 = excess(far.0)?;
    }
    for _ in 0..MAX_STEPS {
        let middle = (near.0 * far.1 - far.0 * near.1) / (far.1 - near.1);
        let value = excess(middle)?;
        if value.abs() <= DF_TOLERANCE || (near.0 - far.0).abs() <= DF_TOLERANCE {
            return Some(libm::exp(middle));
        }
        if value * far.1 < 0.0 {
            near = far;
        } else {
            near.1 *= 0.5;
        }
        far = (middle, value);
    }
    Some(libm::exp(far.0))
}

#[cfg(test)]
mod tests;
