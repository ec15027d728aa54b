//! Score tests of two-valued traits against a logistic null model, with the genotypes' uncertainty or on expected genotypes.
//! With μ fitted on the covariates X, r = y − μ, W = μ(1−μ):
//!
//! s = Σ r·E    I = Σ W·E² − (E'WX)(X'WX)⁻¹(X'WE) + Σ V·(W − r²) − (Σ r·V)² / (2n·f(1−f) − Σ V)
//!
//! the last two terms being what the genotypes' uncertainty takes (see the module above). All sums are products of E, E² and V with
//! columns of the traits: r, W and W·X·L⁻ᵀ with X'WX = LL'.

use super::columns::{Columns, Products, Values};
use super::{HitThreshold, information_left};
use crate::arch::{Isa, Kernels, isa};
use crate::null_model::logistic::LogisticNull;
use crate::reads::posterior::Posteriors;
use crate::stat::linear::rows::LinearRows;
use crate::status::Status;

/// A site of whose Σ W·E² the covariates leave no more than this share is a combination of them: the sums are f32's.
const COLLINEAR: f64 = 1e-5;

/// What is made of the genotypes' uncertainty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Genotypes {
    /// The score test with genotype uncertainty.
    Uncertain,
    /// Expected genotypes as if they were known: the logistic score test on dosages.
    Expected,
}

/// The score test of two-valued traits.
#[derive(Debug, Clone)]
pub struct LogisticTest<'a> {
    null: &'a LogisticNull,
    genotypes: Genotypes,
    /// r and the k columns W·X·L⁻ᵀ of each trait, to be multiplied with E.
    on_mean: Columns,
    /// By trait: its first column there.
    starts: Vec<usize>,
    /// W of each trait: with E².
    on_square: Columns,
    /// r and W − r² of each trait: with V.
    on_variance: Columns,
    hit: HitThreshold,
    kernels: Kernels,
}

/// Memory of a [`LogisticTest`]; one per thread.
#[derive(Debug, Clone)]
pub struct LogisticScratch {
    mean: Products,
    square: Products,
    variance: Products,
}

impl LogisticScratch {
    /// Scratch for `test`.
    #[must_use]
    pub fn new(test: &LogisticTest<'_>) -> Self {
        let products = |columns| Products::new(&test.kernels, columns);
        Self { mean: products(&test.on_mean), square: products(&test.on_square), variance: products(&test.on_variance) }
    }

    fn capacity(&self) -> usize {
        self.mean.capacity().min(self.square.capacity()).min(self.variance.capacity())
    }
}

impl<'a> LogisticTest<'a> {
    /// A test on the process's instruction set. Pairs whose −log10 p is at least `hit_log10p` are listed as hits.
    #[must_use]
    pub fn new(null: &'a LogisticNull, genotypes: Genotypes, hit_log10p: f64) -> Self {
        Self::with_kernels(null, genotypes, hit_log10p, Kernels::new(isa()).unwrap_or_else(Kernels::portable))
    }

    /// As [`Self::new`] on a given instruction set; `None` where the CPU lacks it. The results are the same bits.
    #[must_use]
    pub fn with_isa(null: &'a LogisticNull, genotypes: Genotypes, hit_log10p: f64, isa: Isa) -> Option<Self> {
        Some(Self::with_kernels(null, genotypes, hit_log10p, Kernels::new(isa)?))
    }

    fn with_kernels(null: &'a LogisticNull, genotypes: Genotypes, hit_log10p: f64, kernels: Kernels) -> Self {
        let (n, n_traits) = (null.n_samples(), null.n_traits());
        let mut starts = Vec::with_capacity(n_traits);
        let mut n_columns = 0;
        for t in 0..n_traits {
            starts.push(n_columns);
            n_columns += if null.trait_status(t) == Status::Ok { 1 + null.mask(t).k } else { 0 };
        }
        let mut on_mean = Columns::new(n, n_columns);
        let (mut on_square, mut on_variance) = (Columns::new(n, n_traits), Columns::new(n, 2 * n_traits));
        let mut white = Vec::new();
        for t in (0..n_traits).filter(|&t| null.trait_status(t) == Status::Ok) {
            let mask = null.mask(t);
            white.resize(mask.k, 0.0);
            for i in (0..n).filter(|&i| mask.has(i as u32)) {
                let (r, w) = (null.residuals(t)[i], null.weights(t)[i]);
                on_mean.set(i, starts[t], r);
                null.whitened(t, i, &mut white);
                (1..).zip(&white).for_each(|(j, x)| on_mean.set(i, starts[t] + j, w * x));
                on_square.set(i, t, w);
                on_variance.set(i, 2 * t, r);
                on_variance.set(i, 2 * t + 1, w - r * r);
            }
        }
        Self { null, genotypes, on_mean, starts, on_square, on_variance, hit: HitThreshold::new(hit_log10p), kernels }
    }

    /// The null model.
    #[must_use]
    pub fn null(&self) -> &'a LogisticNull {
        self.null
    }

    /// Tests all sites against all traits. `out` is cleared first: β = s/I, the log of the odds ratio of one ALT copy in one step
    /// from 0, and SE = 1/√I; p by the normal distribution (df ∞). Statuses as [`super::ReadsTest::test_block`]. No row
    /// depends on the other rows, no column on the other columns.
    pub fn test_block(&self, posteriors: &Posteriors, scratch: &mut LogisticScratch, out: &mut LinearRows) {
        out.reset(posteriors.len(), self.null.n_traits(), None);
        let mut first = 0;
        while first < posteriors.len() {
            let n_sites = scratch.capacity().min(posteriors.len() - first);
            self.multiply(posteriors, (first, n_sites), scratch);
            for v in first..first + n_sites {
                self.test_site(posteriors, v, v - first, scratch, out);
            }
            first += n_sites;
        }
    }

    fn multiply(&self, posteriors: &Posteriors, (first, n_sites): (usize, usize), scratch: &mut LogisticScratch) {
        // Less 0, 1 or 2, whichever is nearest to the mean, so that Σ W·E² does not cancel.
        let shift = |v: usize| match posteriors.site(v).alt {
            f if f < 0.25 => 0.0,
            f if f > 0.75 => 2.0,
            _ => 1.0,
        };
        let mean = |v: usize| (posteriors.dosages().dosages(first + v), shift(first + v));
        scratch.mean.compute(&self.kernels, &self.on_mean, (n_sites, Values::AsTheyAre), mean);
        scratch.square.compute(&self.kernels, &self.on_square, (n_sites, Values::Squared), mean);
        if self.genotypes == Genotypes::Uncertain {
            let variance = |v: usize| (posteriors.variances(first + v), 0.0);
            scratch.variance.compute(&self.kernels, &self.on_variance, (n_sites, Values::AsTheyAre), variance);
        }
    }

    fn test_site(
        &self,
        posteriors: &Posteriors,
        v: usize,
        row: usize,
        scratch: &LogisticScratch,
        out: &mut LinearRows,
    ) {
        let site = posteriors.site(v);
        if site.alt.is_nan() || site.alt == 0.0 || site.alt == 1.0 {
            out.status[v] = if site.alt.is_nan() { Status::NoCalls } else { Status::Monomorphic };
            return;
        }
        for t in (0..self.null.n_traits()).filter(|&t| self.null.trait_status(t) == Status::Ok) {
            let sums = &scratch.mean.sums(row)[self.starts[t]..][..=self.null.mask(t).k];
            let square = scratch.square.sums(row)[t];
            let (s, d) = (sums[0], square - sums[1..].iter().map(|x| x * x).sum::<f64>());
            let information = match self.genotypes {
                _ if d.is_nan() || d <= COLLINEAR * square => Err(Status::CollinearWithCovariates),
                Genotypes::Expected => Ok(d),
                Genotypes::Uncertain => {
                    let sums = scratch.variance.sums(row);
                    information_left(d, sums[2 * t + 1], sums[2 * t], site.information, site.variance)
                        .ok_or(Status::NoInformation)
                }
            };
            match information {
                Ok(information) => {
                    let pair = (s / information, 1.0 / information.sqrt());
                    self.hit.store((v, t), pair, self.null.n_traits(), out);
                }
                Err(status) => out.pair_status.push((v as u32, t as u32, status)),
            }
        }
    }
}
