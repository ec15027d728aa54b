//! Which phenotypes count: q-values over all of them, and where that puts the border of each one's nominal p.

use norna_kernels::beta_approximation::{self, BetaFit};
use norna_kernels::{qvalue, student};

use crate::qtl::CisPhenotype;

/// Discoveries among phenotypes.
pub(super) struct Discovery {
    pi0: f64,
    is_pi0_estimated: bool,
    n_with_p: usize,
    q_values: Vec<f64>,
    passes: Vec<bool>,
    /// −log10 of the p_beta on the border between the phenotypes that pass and those that do not.
    border: f64,
    least_log10p: f64,
}

impl Discovery {
    /// Of all phenotypes, in their order.
    pub(super) fn new(found: &[CisPhenotype], fdr: f64) -> Self {
        let log10p = |found: &CisPhenotype| found.permuted.map_or(f64::NAN, |permuted| permuted.log10p_beta);
        let p: Vec<f64> = found.iter().map(|found| libm::exp10(-log10p(found))).collect();
        let told = qvalue::q_values(&p);
        let passes: Vec<bool> = told.q.iter().map(|&q| q <= fdr).collect();
        let of = |wanted: bool| {
            let those = found.iter().zip(&passes).filter(move |(_, passes)| **passes == wanted);
            those.map(|(found, _)| log10p(found)).filter(|log10p| !log10p.is_nan())
        };
        let least_log10p = of(true).fold(f64::INFINITY, f64::min);
        let most_failing = of(false).fold(f64::NEG_INFINITY, f64::max);
        let border = match (least_log10p.is_finite(), most_failing.is_finite()) {
            (false, _) => f64::NAN,
            (true, false) => least_log10p,
            (true, true) => -libm::log10(0.5 * (libm::exp10(-least_log10p) + libm::exp10(-most_failing))),
        };
        let (is_pi0_estimated, n_with_p) = (told.is_pi0_estimated, p.iter().filter(|p| !p.is_nan()).count());
        Self { pi0: told.pi0, is_pi0_estimated, n_with_p, q_values: told.q, passes, border, least_log10p }
    }

    /// Share of phenotypes without any effect, as estimated.
    pub(super) fn pi0(&self) -> f64 {
        self.pi0
    }

    /// Whether it could be estimated; 1 otherwise, and the q-values are Benjamini and Hochberg's.
    pub(super) fn is_pi0_estimated(&self) -> bool {
        self.is_pi0_estimated
    }

    /// Phenotypes with a p_beta.
    pub(super) fn n_with_p(&self) -> usize {
        self.n_with_p
    }

    /// By phenotype; NaN where there is no p_beta.
    pub(super) fn q_values(&self) -> &[f64] {
        &self.q_values
    }

    /// By phenotype: whether its q-value passes.
    pub(super) fn passes(&self) -> &[bool] {
        &self.passes
    }

    /// Phenotypes that pass.
    pub(super) fn n_passing(&self) -> usize {
        self.passes.iter().filter(|passes| **passes).count()
    }

    /// −log10 of the largest p_beta that passes; infinite where none does.
    pub(super) fn least_log10p(&self) -> f64 {
        self.least_log10p
    }

    /// −log10 of the nominal p at which a variant of a phenotype would have the border's p_beta; NaN where there is none.
    pub(super) fn nominal_threshold(&self, found: &CisPhenotype) -> f64 {
        let Some(permuted) = found.permuted.filter(|permuted| !permuted.log10p_beta.is_nan()) else { return f64::NAN };
        if self.border.is_nan() {
            return f64::NAN;
        }
        let fit = BetaFit { df: permuted.df, shape1: permuted.shape1, shape2: permuted.shape2 };
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..200 {
            let r2 = 0.5 * (low + high);
            if beta_approximation::log10_p(&fit, r2) < self.border { low = r2 } else { high = r2 }
        }
        let df = f64::from(found.n) - f64::from(found.n_covariates) - 1.0;
        student::log10_p((high * df / (1.0 - high)).sqrt(), df)
    }
}
