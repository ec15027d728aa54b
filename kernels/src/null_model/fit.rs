//! Fits the traits of a panel, eight at a time. A trait's numbers are the same whatever stands beside it.

use super::TraitModel;
use super::basis::CovariateBasis;
use super::mask::Mask;
use super::panels::Panel;
use crate::arch::Kernels;
use crate::status::Status;

/// A trait whose residual is at most this share of its length is constant, or a combination of the covariates: f64
/// residualisation leaves about 1e-15.
const CONSTANT_SHARE: f64 = 1e-13;

/// Residual standard deviations whose β and SE are normal f32 (1.2e-38 to 3.4e38). With n up to 1e8 samples, SE is at
/// least sd·√(1 − r²)/√n, and √(1 − r²) over 1e-12 (else the fit is perfect): 1e-16 sd. |β| is at most sd·√(n/d), where d is
/// 1e-22 in the extreme (one dosage of 1e-6, all but 1e-10 of it explained by covariates): 1e15 sd.
const SD_RANGE: std::ops::RangeInclusive<f64> = 1e-22..=1e22;

/// Traits that are fitted together.
const GROUP: usize = 8;

/// A trait before its fit: values, what is subtracted from them, and its mask.
#[derive(Clone, Copy)]
pub(super) struct TraitInput<'a> {
    pub(super) values: &'a [f64],
    pub(super) offset: Option<&'a [f64]>,
    pub(super) mask: &'a Mask,
    pub(super) mask_idx: u32,
}

/// Residualises the traits of a panel and stores them in it; for each its model and what rounding to f32 took away along the
/// covariates of its mask (nothing where it has no model).
pub(super) fn fit_panel(
    kernels: &Kernels,
    basis: &CovariateBasis,
    traits: &[TraitInput<'_>],
    panel: &mut Panel,
) -> Vec<(TraitModel, Vec<f64>)> {
    let mut out = Vec::with_capacity(traits.len());
    let mut group = Group::new(basis);
    for (g, traits) in traits.chunks(GROUP).enumerate() {
        let models = group.fit(kernels, traits);
        group.store(panel, g * GROUP);
        let rounding = group.project(kernels, traits);
        out.extend(models.into_iter().zip(rounding));
    }
    out
}

/// Eight traits at work.
struct Group<'a> {
    basis: &'a CovariateBasis,
    /// [sample][8]; 0 where missing, and for a trait that has failed.
    y: Vec<f64>,
    /// [sample]: bit t where trait t is observed.
    observed: Vec<u8>,
}

impl<'a> Group<'a> {
    fn new(basis: &'a CovariateBasis) -> Self {
        Self { basis, y: vec![0.0; basis.n_samples() * GROUP], observed: vec![0; basis.n_samples()] }
    }

    /// Residualises the traits and scales them to a root mean square in [1, 2).
    fn fit(&mut self, kernels: &Kernels, traits: &[TraitInput<'_>]) -> Vec<TraitModel> {
        self.load(traits);
        let mut models: Vec<TraitModel> = traits.iter().map(|t| TraitModel::new(t.mask_idx)).collect();
        let largest = self.each(|largest: f64, y| largest.max(y.abs()), 0.0);
        let mut pre_scale = [1f64; GROUP];
        for (t, model) in models.iter_mut().enumerate() {
            if traits[t].mask.n_observed < traits[t].mask.k + 2 {
                model.status = Status::TooFewSamples;
            } else if largest[t] == 0.0 {
                model.status = Status::ConstantTrait;
            }
            pre_scale[t] = if model.status == Status::Ok { power_of_two_for(largest[t]) } else { 0.0 };
        }
        self.scale(&pre_scale);
        let raw_yy = self.squares(kernels);
        let mut mean = self.each(|sum, y| sum + y, 0.0);
        mean.iter_mut().zip(traits).for_each(|(mean, t)| *mean /= t.mask.n_observed as f64);
        for (y, &observed) in self.y.as_chunks_mut::<GROUP>().0.iter_mut().zip(&self.observed) {
            for (t, (y, mean)) in y.iter_mut().zip(mean).enumerate() {
                *y = if observed >> t & 1 == 1 { *y - mean } else { 0.0 };
            }
        }
        let k = self.basis.n_covariates();
        let (mut coefficients, mut one) = (vec![0f64; k * GROUP], vec![0f64; k]);
        for _ in 0..2 {
            for (t, z) in self.project(kernels, traits).iter().enumerate() {
                traits[t].mask.to_full(z, &mut one);
                coefficients.iter_mut().skip(t).step_by(GROUP).zip(&one).for_each(|(all, &one)| *all = one);
            }
            let q = (self.basis.rows(), self.basis.padded());
            (kernels.residuals)(&mut self.y, &self.observed, q, &coefficients);
        }
        let yy = self.squares(kernels);
        let mut scale = [1f64; GROUP];
        for (t, model) in models.iter_mut().enumerate() {
            let n = traits[t].mask.n_observed as f64;
            let rms = (yy[t] / n).sqrt();
            if model.status == Status::Ok && rms <= CONSTANT_SHARE * (raw_yy[t] / n).sqrt() {
                model.status = Status::ConstantTrait;
            }
            scale[t] = if model.status == Status::Ok { power_of_two_for(rms) } else { 0.0 };
        }
        self.scale(&scale);
        let yy = self.squares(kernels);
        let mut keep = [1f64; GROUP];
        for (t, model) in models.iter_mut().enumerate().filter(|(_, model)| model.status == Status::Ok) {
            let mask = traits[t].mask;
            model.unit = 1.0 / scale[t] / pre_scale[t];
            model.yy = yy[t];
            model.raw_yy = raw_yy[t] * scale[t] * scale[t];
            if !SD_RANGE.contains(&(model.unit * (yy[t] / (mask.n_observed as f64 - mask.k as f64)).sqrt())) {
                *model = TraitModel { status: Status::OutOfRange, ..TraitModel::new(model.mask) };
                keep[t] = 0.0;
            }
        }
        self.scale(&keep);
        for (t, _) in models.iter().enumerate().filter(|(_, model)| model.status != Status::Ok) {
            self.observed.iter_mut().for_each(|bits| *bits &= !(1 << t));
        }
        models
    }

    fn load(&mut self, traits: &[TraitInput<'_>]) {
        self.y.fill(0.0);
        self.observed.fill(0);
        for (t, input) in traits.iter().enumerate() {
            let rows = self.y.as_chunks_mut::<GROUP>().0.iter_mut().zip(&mut self.observed);
            for (i, ((y, observed), &value)) in rows.zip(input.values).enumerate() {
                if input.mask.has(i as u32) {
                    y[t] = input.offset.map_or(value, |offset| value - offset[i]);
                    *observed |= 1 << t;
                }
            }
        }
    }

    /// A fold over the samples of each trait, in order.
    fn each(&self, fold: impl Fn(f64, f64) -> f64, first: f64) -> [f64; GROUP] {
        let mut out = [first; GROUP];
        for y in self.y.as_chunks::<GROUP>().0 {
            out.iter_mut().zip(y).for_each(|(out, &y)| *out = fold(*out, y));
        }
        out
    }

    fn scale(&mut self, by: &[f64; GROUP]) {
        for y in self.y.as_chunks_mut::<GROUP>().0 {
            y.iter_mut().zip(by).for_each(|(y, by)| *y *= by);
        }
    }

    fn squares(&self, kernels: &Kernels) -> [f64; GROUP] {
        let mut out = [0f64; GROUP];
        (kernels.square_traits)(&self.y, &mut out);
        out
    }

    /// Q_mᵀy of each trait on its mask.
    fn project(&self, kernels: &Kernels, traits: &[TraitInput<'_>]) -> Vec<Vec<f64>> {
        let padded = self.basis.padded();
        let mut x = vec![0f64; padded * GROUP];
        (kernels.project_traits)(&self.y, (self.basis.rows(), padded), &mut x);
        let of_mask = |(t, input): (usize, &TraitInput<'_>)| {
            let one: Vec<f64> = x.iter().skip(t).step_by(GROUP).copied().collect();
            let mut z = vec![0f64; input.mask.k];
            input.mask.to_mask(&one, &mut z);
            z
        };
        traits.iter().enumerate().map(of_mask).collect()
    }

    /// Stores the residuals in the panel, dithered, and leaves in `y` what rounding took away: y + dither − hi.
    fn store(&mut self, panel: &mut Panel, column: usize) {
        for (i, (y, &observed)) in self.y.as_chunks_mut::<GROUP>().0.iter_mut().zip(&self.observed).enumerate() {
            let at = i * panel.width + column;
            let (hi, lo) = (&mut panel.hi[at..at + GROUP], &mut panel.lo[at..at + GROUP]);
            let dither = self.basis.dither(i);
            for (t, y) in y.iter_mut().enumerate() {
                if observed >> t & 1 == 1 {
                    let moved = *y + dither;
                    hi[t] = moved as f32;
                    lo[t] = (*y - f64::from(hi[t])) as f32;
                    *y = moved - f64::from(hi[t]);
                }
            }
        }
    }
}

/// 2^e with |x|·2^e in [1, 2), for normal x within 2^±1000.
fn power_of_two_for(x: f64) -> f64 {
    let exponent = libm::ilogb(x).clamp(-1000, 1000);
    libm::ldexp(1.0, -exponent)
}
