//! The score test with genotype uncertainty (Skotte, Korneliussen and Albrechtsen 2012; ANGSD's -doAsso 2) of quantitative
//! traits. The likelihood is Σ ln Σ_g P(y | g, C)·P(reads | g)·P(g | f), the genotype summed out. At no effect, with r the
//! residuals, φ = r'r/(n − k), E and V the mean and the variance of g given the reads:
//!
//! s = Σ r·E/φ    I = (Σ E² − ‖Q'E‖² + Σ V·(1 − r²/φ))/φ − (Σ r·V/φ)² / (2n·f(1−f) − Σ V)
//!
//! by Louis (1982), after the Schur complements of the covariates and of f, which is estimated too. s and the first two terms are
//! the linear test's of E; the sums of V are a second product.

pub(crate) mod columns;
pub(crate) mod two_valued;

use crate::arch::{Isa, Kernels, isa};
use crate::null_model::NullModel;
use crate::reads::posterior::Posteriors;
use crate::stat::linear::rows::{LinearHit, LinearRows};
use crate::stat::linear::scratch::LinearScratch;
use crate::stat::linear::{LinearTest, MissingPolicy};
use crate::stat::student;
use crate::status::Status;
use columns::{Columns, Products, Values};

/// A pair of which the reads leave less than this share of the information that expected genotypes would have has none.
const LITTLE_INFORMATION: f64 = 0.01;
/// A site at which less than this share of the information on f is left says nothing.
const LITTLE_OF_FREQUENCY: f64 = 1e-6;
/// Columns of a trait in the product with V: r/√φ and 1 − r²/φ, 0 where missing.
const PER_TRAIT: usize = 2;

/// The score test with genotype uncertainty of one null model.
#[derive(Debug, Clone)]
pub struct ReadsTest<'a> {
    linear: LinearTest<'a>,
    columns: Columns,
    /// √φ by trait, in the trait's unit.
    sd: Vec<f64>,
    hit: HitThreshold,
    kernels: Kernels,
}

/// Memory of a [`ReadsTest`]; one per thread.
#[derive(Debug, Clone)]
pub struct ReadsScratch {
    linear: LinearScratch,
    products: Products,
}

impl ReadsScratch {
    /// Scratch for `test`.
    #[must_use]
    pub fn new(test: &ReadsTest<'_>) -> Self {
        Self { linear: LinearScratch::new(&test.linear), products: Products::new(&test.kernels, &test.columns) }
    }
}

impl<'a> ReadsTest<'a> {
    /// A test on the process's instruction set. Pairs whose −log10 p is at least `hit_log10p` are listed as hits.
    #[must_use]
    pub fn new(null: &'a NullModel, hit_log10p: f64) -> Self {
        let kernels = Kernels::new(isa()).unwrap_or_else(Kernels::portable);
        let linear = LinearTest::new(null, MissingPolicy::Drop, f64::INFINITY);
        Self::with_kernels(linear, hit_log10p, kernels)
    }

    /// As [`Self::new`] on a given instruction set; `None` where the CPU lacks it. The results are the same bits.
    #[must_use]
    pub fn with_isa(null: &'a NullModel, hit_log10p: f64, isa: Isa) -> Option<Self> {
        let linear = LinearTest::with_isa(null, MissingPolicy::Drop, f64::INFINITY, isa)?;
        Some(Self::with_kernels(linear, hit_log10p, Kernels::new(isa)?))
    }

    fn with_kernels(linear: LinearTest<'a>, hit_log10p: f64, kernels: Kernels) -> Self {
        let null = linear.null();
        let sd: Vec<f64> = (0..null.n_traits()).map(|t| null.residual_sd(t)).collect();
        let mut columns = Columns::new(null.n_samples(), null.n_traits() * PER_TRAIT);
        for (t, model) in null.models().iter().enumerate().filter(|(_, model)| model.status == Status::Ok) {
            let mask = &null.masks()[model.mask as usize];
            let scale = model.unit / sd[t];
            let observed = (0u32..).zip(null.panels().residuals(t)).filter(|&(i, _)| mask.has(i));
            for (i, r) in observed {
                let r = r * scale;
                columns.set(i as usize, t * PER_TRAIT, r);
                columns.set(i as usize, t * PER_TRAIT + 1, 1.0 - r * r);
            }
        }
        Self { linear: linear.with_scores(), columns, sd, hit: HitThreshold::new(hit_log10p), kernels }
    }

    /// The null model.
    #[must_use]
    pub fn null(&self) -> &'a NullModel {
        self.linear.null()
    }

    /// Tests all sites against all traits. `out` is cleared first: β = s/I, SE = 1/√I, so that χ² = (β/SE)² with one degree
    /// of freedom, and p by the normal distribution (df ∞). Scores and missing samples stay empty: a sample without reads takes
    /// part with the prior. A site without reads is [`Status::NoCalls`], one where an allele is absent [`Status::Monomorphic`].
    /// No row depends on the other rows, no column on the other columns.
    pub fn test_block(&self, posteriors: &Posteriors, scratch: &mut ReadsScratch, out: &mut LinearRows) {
        let (dosages, counts) = (posteriors.dosages(), posteriors.counts());
        self.linear.test_block(dosages, counts, &mut scratch.linear, out);
        let (score, d) = (std::mem::take(&mut out.score), std::mem::take(&mut out.d));
        let n_missing = std::mem::take(&mut out.n_missing);
        out.pair_status.retain(|entry| entry.2 != Status::PerfectFit);
        let mut first = 0;
        while first < posteriors.len() {
            let end = posteriors.len().min(first + scratch.products.capacity());
            scratch.products.compute(&self.kernels, &self.columns, (end - first, Values::AsTheyAre), |v| {
                (posteriors.variances(first + v), 0.0)
            });
            for v in first..end {
                let sums = scratch.products.sums(v - first);
                self.test_site(posteriors, v, (sums, &score, &d), out);
            }
            first = end;
        }
        out.pair_status.sort_unstable_by_key(|entry| (entry.0, entry.1));
        (out.score, out.d, out.n_missing) = (score, d, n_missing);
        out.score.clear();
        out.d.clear();
        out.n_missing.clear();
    }

    fn test_site(
        &self,
        posteriors: &Posteriors,
        v: usize,
        (sums, score, d): (&[f64], &[f32], &[f32]),
        out: &mut LinearRows,
    ) {
        let (null, site) = (self.null(), posteriors.site(v));
        let n_traits = null.n_traits();
        if out.status[v] != Status::Ok {
            return;
        }
        for (t, model) in null.models().iter().enumerate().filter(|(_, model)| model.status == Status::Ok) {
            let at = v * n_traits + t;
            let (s, d) = (f64::from(score[at]), f64::from(d[v * null.n_masks() + model.mask as usize]));
            (out.beta[at], out.se[at]) = (f32::NAN, f32::NAN);
            if s.is_nan() || d.is_nan() {
                continue;
            }
            let [moved, louis] = [sums[t * PER_TRAIT], sums[t * PER_TRAIT + 1]];
            match information_left(d, louis, moved, site.information, site.variance) {
                Some(information) => {
                    let (beta, se) = (s / information, self.sd[t] / information.sqrt());
                    self.hit.store((v, t), (beta, se), n_traits, out);
                }
                None => out.pair_status.push((v as u32, t as u32, Status::NoInformation)),
            }
        }
    }
}

/// Information on an effect, all terms in the same unit: that of the expected genotypes `d`, Σ V·(W − r²) (`louis`), and less what
/// the estimate of f takes, where `moved` is Σ r·V and `on_frequency` 2n·f(1−f) − `variance`. `None` where next to none is left.
pub(super) fn information_left(d: f64, louis: f64, moved: f64, on_frequency: f64, variance: f64) -> Option<f64> {
    if on_frequency <= LITTLE_OF_FREQUENCY * (on_frequency + variance) {
        return None;
    }
    let information = d + louis - moved * moved / on_frequency;
    (information > LITTLE_INFORMATION * d).then_some(information)
}

/// What makes a pair a hit, and where pairs with a number go.
#[derive(Debug, Clone, Copy)]
pub(super) struct HitThreshold {
    log10p: f64,
    /// A z² under which no pair reaches it.
    square: f64,
}

impl HitThreshold {
    pub(super) fn new(log10p: f64) -> Self {
        let z = student::t_for_log10_p(log10p.max(0.0), f64::INFINITY);
        Self { log10p, square: z * z * (1.0 - 1e-9) }
    }

    /// Stores β and SE of a pair, and lists it where it is a hit.
    pub(super) fn store(&self, (v, t): (usize, usize), (beta, se): (f64, f64), n_traits: usize, out: &mut LinearRows) {
        if !((se as f32).is_normal() && (beta as f32).is_finite()) {
            out.pair_status.push((v as u32, t as u32, Status::OutOfRange));
            return;
        }
        let at = v * n_traits + t;
        (out.beta[at], out.se[at]) = (beta as f32, se as f32);
        let z = beta / se;
        if z * z >= self.square {
            let log10p = student::log10_p(z, f64::INFINITY);
            if log10p >= self.log10p {
                out.hits.push(LinearHit { variant_idx: v as u32, trait_idx: t as u32, beta, se, log10p });
            }
        }
    }
}
