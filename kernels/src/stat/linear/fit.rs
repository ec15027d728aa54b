//! From the sums of one variant to β and SE: once per mask what belongs to (variant, mask), then every trait of the mask.

use super::mask_sums::MaskSums;
use super::missing::{MissingByMask, MissingSums};
use super::rows::{LinearHit, LinearRows};
use super::scratch::{PairScratch, VariantPlan};
use super::{LinearTest, MissingPolicy};
use crate::arch::pairs::{Dropped, HIGH_R2, LITTLE_LEFT, Missing, PairColumns, PairTile, frailty};
use crate::block::GenotypeBlock;
use crate::gemm::{ScoreChunk, shifted};
use crate::null_model::TraitModel;
use crate::null_model::mask::Mask;
use crate::small_matrix::{add_scaled, dot, solve_lower};
use crate::stat::student;
use crate::status::Status;

/// A variant with d ≤ this share of gᵀg is a combination of the covariates. plink2 stops at a variance inflation of 50.
pub(crate) const COLLINEAR: f64 = 1e-10;
/// Below this share of gᵀg, d may be 0 up to rounding: the genotypes are looked at.
const SUSPICIOUS: f64 = 1e-6;
/// gᵀg of which taking a mask's missing samples off has left less than this share is summed anew.
const CANCELLED: f64 = 1e-4;
/// Above this gᵀg/d the f32 score is not good enough for any trait.
pub(crate) const ILL_CONDITIONED: f64 = 64.0;

/// One variant at work.
pub(super) struct Variant<'w> {
    pub(super) test: &'w LinearTest<'w>,
    pub(super) block: &'w GenotypeBlock,
    pub(super) v: usize,
    pub(super) row: usize,
    pub(super) plan: VariantPlan,
    pub(super) missing: &'w [u32],
    pub(super) chunk: &'w ScoreChunk,
    pub(super) by_mask: &'w MissingByMask,
    pub(super) sums: &'w MissingSums,
    pub(super) mask_sums: &'w MaskSums,
    pub(super) fits: &'w mut PairColumns,
    pub(super) pair: &'w mut PairScratch,
    /// d of the mask at work from its residuals, once these are in the scratch.
    pub(super) exact_d: Option<f64>,
}

/// What belongs to (variant, mask).
#[derive(Debug, Clone, Copy)]
pub(super) struct MaskFit {
    /// Samples that the mask observes and the variant does not call.
    pub(super) n_missing: usize,
    /// Ranks that the covariates lose with those samples.
    pub(super) n_lost: usize,
    /// n − k − 1, k the rank that is left.
    pub(super) df: f64,
    /// gᵀg over the samples used.
    pub(super) gg: f64,
    /// Σ g·dither over the samples used: to be taken off every score.
    pub(super) dither: f64,
    /// g̃ᵀg̃.
    pub(super) d: f64,
    /// Whether `residual` in the scratch holds g̃.
    pub(super) has_residual: bool,
}

/// The fit of one pair, in the scaled unit of the stored residuals.
#[derive(Debug, Clone, Copy)]
pub(super) struct PairFit {
    pub(super) status: Status,
    pub(super) score: f64,
    pub(super) beta: f64,
    pub(super) se: f64,
}

/// No number, and why.
pub(super) fn failed(status: Status) -> PairFit {
    PairFit { status, score: f64::NAN, beta: f64::NAN, se: f64::NAN }
}

/// Whether β and SE keep their digits as f32. A trait's scale is judged before; a variant whose missing genotypes leave
/// next to nothing of the trait may still be beyond.
fn is_storable(pair: PairFit, unit: f64) -> bool {
    ((pair.se * unit) as f32).is_normal() && ((pair.beta * unit) as f32).is_finite()
}

impl Variant<'_> {
    /// Tests all traits of a mask.
    pub(super) fn test_mask(&mut self, mask_idx: usize, out: &mut LinearRows) {
        let null = self.test.null;
        let mask = &null.masks()[mask_idx];
        self.exact_d = None;
        let fit = match self.fit_mask(mask, mask_idx) {
            Ok(fit) => fit,
            Err(status) => {
                let traits = mask.runs.iter().flat_map(|&(first, n)| first..first + n);
                let tested = traits.filter(|&t| null.models()[t as usize].status == Status::Ok);
                out.pair_status.extend(tested.map(|t| (self.v as u32, t, status)));
                return;
            }
        };
        if fit.n_lost > 0 {
            out.covariates_lost.push((self.v as u32, mask_idx as u32, fit.n_lost as u32));
        }
        if self.test.with_scores {
            out.d[self.v * null.n_masks() + mask_idx] = fit.d as f32;
        }
        for &(first, n) in &mask.runs {
            self.test_run(mask, mask_idx, fit, (first as usize, n as usize), out);
        }
    }

    /// Tests consecutive traits: all at once, then one by one those that are out of the ordinary.
    fn test_run(
        &mut self,
        mask: &Mask,
        mask_idx: usize,
        fit: MaskFit,
        (first, n): (usize, usize),
        out: &mut LinearRows,
    ) {
        let null = self.test.null;
        let missing = if fit.n_missing > 0 {
            Missing::Dropped(Dropped {
                projections: &self.sums.projections,
                squares: &self.sums.squares,
                to_mask: mask.projection(),
                k_all: null.basis().n_covariates(),
                factor: &self.pair.factor,
                w: &self.pair.w[..mask.k],
            })
        } else if self.test.missing == MissingPolicy::Mean && !self.missing.is_empty() {
            Missing::Filled(self.plan.fill, &self.sums.sums)
        } else {
            Missing::Nothing
        };
        let tile = PairTile {
            first,
            n,
            models: null.pairs(),
            scores: self.chunk.scores(self.row),
            z: &self.pair.z[..mask.k],
            dither: fit.dither,
            d: fit.d,
            frailty: frailty(fit.gg, fit.d),
            df: fit.df,
            hit_t2: self.test.hit_t2[mask_idx],
            missing,
        };
        (self.test.kernels().fit_pairs)(&tile, self.fits);
        let at = self.v * null.n_traits() + first;
        out.beta[at..at + n].copy_from_slice(&self.fits.beta[..n]);
        out.se[at..at + n].copy_from_slice(&self.fits.se[..n]);
        if self.test.with_scores {
            let scores = self.fits.score.iter().zip(&null.pairs().unit[first..]);
            out.score[at..at + n].iter_mut().zip(scores).for_each(|(out, (s, unit))| *out = (s * unit) as f32);
        }
        for group in 0..n.div_ceil(8) {
            let mut special = if fit.has_residual { u8::MAX } else { self.fits.special[group] };
            while special != 0 {
                let i = 8 * group + special.trailing_zeros() as usize;
                if i < n {
                    let sums = (self.fits.score[i], self.fits.yy[i]);
                    self.test_pair(mask, mask_idx, fit, (first + i, sums), out);
                }
                special &= special - 1;
            }
        }
    }

    /// Tests one trait, of which (score, ỹᵀỹ) are known.
    fn test_pair(
        &mut self,
        mask: &Mask,
        mask_idx: usize,
        mut fit: MaskFit,
        (t, sums): (usize, (f64, f64)),
        out: &mut LinearRows,
    ) {
        let null = self.test.null;
        let model = &null.models()[t];
        let pair = match model.status {
            Status::Ok => self.fit_pair(mask, &mut fit, (t, sums), model),
            status => failed(status),
        };
        let pair = match pair.status {
            Status::Ok if !is_storable(pair, model.unit) => failed(Status::OutOfRange),
            _ => pair,
        };
        if pair.status != Status::Ok && model.status == Status::Ok {
            out.pair_status.push((self.v as u32, t as u32, pair.status));
        }
        let (beta, se) = (pair.beta * model.unit, pair.se * model.unit);
        let at = self.v * null.n_traits() + t;
        out.beta[at] = beta as f32;
        out.se[at] = se as f32;
        if self.test.with_scores {
            out.score[at] = (pair.score * model.unit) as f32;
        }
        let t_statistic = pair.beta / pair.se;
        if t_statistic * t_statistic >= self.test.hit_t2[mask_idx] {
            let log10p = student::log10_p(t_statistic, fit.df);
            if log10p >= self.test.hit_log10p {
                out.hits.push(LinearHit { variant_idx: self.v as u32, trait_idx: t as u32, beta, se, log10p });
            }
        }
    }

    /// The value of a sample's genotype: shifted; a missing one is 0 (drop) or the mean.
    pub(super) fn genotype(&self, sample: u32) -> f64 {
        match (shifted(self.block, self.v, sample as usize, self.plan.shift), self.test.missing) {
            (Some(g), _) => g,
            (None, MissingPolicy::Mean) => self.plan.fill,
            (None, MissingPolicy::Drop) => 0.0,
        }
    }

    /// Whether a sample takes part: observed by the mask and not dropped.
    pub(super) fn is_used(&self, mask: &Mask, sample: u32) -> bool {
        mask.has(sample)
            && (self.missing.is_empty()
                || self.test.missing == MissingPolicy::Mean
                || self.missing.binary_search(&sample).is_err())
    }

    /// Leaves z (Qᵀg in the mask's basis), w = L⁻¹z and L in the scratch.
    fn fit_mask(&mut self, mask: &Mask, mask_idx: usize) -> Result<MaskFit, Status> {
        let dropped = self.test.missing == MissingPolicy::Drop && !self.missing.is_empty();
        let n_missing = if dropped { self.by_mask.n_observed(mask, mask_idx) } else { 0 };
        let n_used = mask.n_observed - n_missing;
        let n_lost = if n_missing > 0 && n_used > 2 { self.factor(mask, mask_idx)? } else { 0 };
        let rank = mask.k - n_lost;
        if n_used < rank + 2 {
            return Err(Status::TooFewSamples);
        }
        let df = (n_used - rank - 1) as f64;
        let sums = self.mask_sums.of(mask, mask_idx, &mut self.pair.full);
        if sums.is_zero {
            return Err(Status::Monomorphic);
        }
        let gg = if sums.gg > CANCELLED * sums.everywhere { sums.gg } else { self.sum_anew(mask) };
        let dither = self.pair.full[self.test.null.basis().n_covariates()];
        mask.to_mask_with(self.test.kernels(), &self.pair.full, &mut self.pair.z);
        self.pair.w[..mask.k].copy_from_slice(&self.pair.z[..mask.k]);
        if n_missing > 0 {
            solve_lower(&self.pair.factor, mask.k, &mut self.pair.w[..mask.k]);
        }
        let w = &self.pair.w[..mask.k];
        let mut fit = MaskFit { n_missing, n_lost, df, gg, dither, d: gg - dot(w, w), has_residual: false };
        if fit.d.is_nan() || fit.d <= SUSPICIOUS * gg {
            if self.is_constant(mask) {
                return Err(Status::Monomorphic);
            }
            if fit.d.is_nan() || fit.d <= COLLINEAR * gg {
                return Err(Status::CollinearWithCovariates);
            }
        }
        if gg > ILL_CONDITIONED * fit.d {
            self.set_residual(mask, &mut fit);
        }
        Ok(fit)
    }

    /// Qᵀg and Σ g·dither over the mask into `full`, sample by sample; returns gᵀg.
    fn sum_anew(&mut self, mask: &Mask) -> f64 {
        let basis = self.test.null.basis();
        self.pair.full.fill(0.0);
        let mut gg = 0.0;
        for i in (0..basis.n_samples() as u32).filter(|&i| mask.has(i)) {
            let g = self.genotype(i);
            if g != 0.0 {
                add_scaled(g, basis.row_and_dither(i as usize), &mut self.pair.full);
                gg += g * g;
            }
        }
        gg
    }

    fn is_constant(&self, mask: &Mask) -> bool {
        let n = self.test.null.n_samples() as u32;
        let mut values = (0..n).filter(|&i| self.is_used(mask, i)).map(|i| self.genotype(i));
        values.next().is_none_or(|first| values.all(|g| g == first))
    }

    fn fit_pair(
        &mut self,
        mask: &Mask,
        fit: &mut MaskFit,
        (t, (s, yy)): (usize, (f64, f64)),
        model: &TraitModel,
    ) -> PairFit {
        let explained = s * s / fit.d;
        let rss = yy - explained;
        let good = !fit.has_residual
            && !self.test.exactly
            && yy > LITTLE_LEFT * model.yy
            && explained <= HIGH_R2 * yy
            && frailty(fit.gg, fit.d) * explained * model.yy <= rss * rss;
        if !good {
            return self.fit_exactly(mask, fit, t, model);
        }
        let se = (rss / (fit.d * fit.df)).sqrt();
        PairFit { status: Status::Ok, score: s, beta: s / fit.d, se }
    }
}
