//! The null model: traits residualised on the covariates, each on its own observed samples, in the layout that the score
//! product reads. Made once per run, or per chromosome where there are LOCO offsets.

pub(crate) mod basis;
pub(crate) mod mask;
pub(crate) mod panels;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::small_matrix::{add_scaled, dot};
use crate::status::Status;
use basis::{CovariateBasis, DroppedColumn};
use mask::Mask;
use panels::Panels;

/// A trait whose residual is at most this share of its length is constant, or a combination of the covariates: f64
/// residualisation leaves about 1e-15.
const CONSTANT_SHARE: f64 = 1e-13;

/// Residual standard deviations whose β and SE are normal f32 (1.2e-38 to 3.4e38). With n up to 1e8 samples, SE is at
/// least sd·√(1 − r²)/√n, and √(1 − r²) over 1e-12 (else the fit is perfect): 1e-16 sd. |β| is at most sd·√(n/d), where d is
/// 1e-22 in the extreme (one dosage of 1e-6, all but 1e-10 of it explained by covariates): 1e15 sd.
const SD_RANGE: std::ops::RangeInclusive<f64> = 1e-22..=1e22;

/// What the tests need of one trait beside its residuals. Residuals are stored times a power of two, so that their root
/// mean square lies in [1, 2).
#[derive(Debug, Clone)]
pub(crate) struct TraitModel {
    pub(crate) mask: u32,
    pub(crate) status: Status,
    /// Stored residual × `unit` = residual in the trait's unit.
    pub(crate) unit: f64,
    /// ỹᵀỹ of the scaled residuals.
    pub(crate) yy: f64,
    /// Σy² of the observed values before residualising, scaled likewise.
    pub(crate) raw_yy: f64,
    /// Q_mᵀ(ỹ + dither − hi): what rounding to f32 took away along the covariates. k_m values.
    pub(crate) rounding: Vec<f64>,
}

/// Traits residualised on the covariates: n_samples × n_traits.
#[derive(Debug, Clone)]
pub struct NullModel {
    basis: Arc<CovariateBasis>,
    masks: Vec<Mask>,
    traits: Vec<TraitModel>,
    panels: Panels,
}

impl NullModel {
    /// Residualises `traits` (each n_samples values in the order of `basis`; NaN and infinite values are missing) on the
    /// covariates, each over its own observed samples. `offsets` (same shape) are subtracted first: LOCO predictions.
    /// No number of a trait depends on the other traits.
    #[must_use]
    pub fn fit(basis: &Arc<CovariateBasis>, traits: &[&[f64]], offsets: Option<&[&[f64]]>) -> Self {
        let n = basis.n_samples();
        let mut mask_of_bits: BTreeMap<Vec<u64>, usize> = BTreeMap::new();
        let mut masks: Vec<Mask> = Vec::new();
        let mut models = Vec::with_capacity(traits.len());
        let mut panels = Panels::new(n, traits.len());
        let mut y = vec![0f64; n];
        for (t, values) in traits.iter().enumerate() {
            y.copy_from_slice(values);
            if let Some(offset) = offsets.and_then(|offsets| offsets.get(t)) {
                add_scaled(-1.0, offset, &mut y);
            }
            let bits = observed_bits(&y);
            let mask_idx = *mask_of_bits.entry(bits.clone()).or_insert_with(|| {
                masks.push(Mask::new(basis, bits));
                masks.len() - 1
            });
            masks[mask_idx].traits.push(t as u32);
            models.push(fit_trait(basis, &masks[mask_idx], mask_idx as u32, &mut y));
            if let Some(model) = models.last_mut().filter(|model| model.status == Status::Ok) {
                panels.store(basis, &masks[mask_idx], t, &mut y);
                model.rounding = project(basis, &masks[mask_idx], &y);
            }
        }
        Self { basis: Arc::clone(basis), masks, traits: models, panels }
    }

    /// Traits.
    #[must_use]
    pub fn n_traits(&self) -> usize {
        self.traits.len()
    }

    /// Distinct patterns of missing trait values.
    #[must_use]
    pub fn n_masks(&self) -> usize {
        self.masks.len()
    }

    /// Analysed samples.
    #[must_use]
    pub fn n_samples(&self) -> usize {
        self.basis.n_samples()
    }

    /// The mask of a trait, numbered by first appearance.
    #[must_use]
    pub fn mask_of(&self, trait_idx: usize) -> u32 {
        self.traits[trait_idx].mask
    }

    /// Samples that take part in a trait's tests: those in which it is observed, less [`Self::n_singled_out`].
    #[must_use]
    pub fn n_observed(&self, trait_idx: usize) -> u32 {
        self.masks[self.traits[trait_idx].mask as usize].n_observed as u32
    }

    /// Samples left out of a mask because a covariate is constant but for them (as plink2 does): they would be fitted
    /// perfectly and change no estimate.
    #[must_use]
    pub fn n_singled_out(&self, mask: u32) -> u32 {
        self.masks[mask as usize].singled_out
    }

    /// Rank of the covariates on a mask, the intercept included: the test has n − this − 1 degrees of freedom.
    #[must_use]
    pub fn n_covariates(&self, mask: u32) -> u32 {
        self.masks[mask as usize].k as u32
    }

    /// [`Status::Ok`], [`Status::ConstantTrait`], [`Status::TooFewSamples`] or [`Status::OutOfRange`]; without Ok all rows of
    /// the trait are NaN.
    #[must_use]
    pub fn trait_status(&self, trait_idx: usize) -> Status {
        self.traits[trait_idx].status
    }

    /// Covariates that a mask loses beyond those that the basis dropped, by their column as given to the basis.
    #[must_use]
    pub fn dropped_columns(&self, mask: u32) -> &[DroppedColumn] {
        &self.masks[mask as usize].dropped
    }

    /// √(ỹᵀỹ/(n − k)) of a trait's residuals, in the trait's unit; NaN where the trait cannot be tested.
    #[must_use]
    pub fn residual_sd(&self, trait_idx: usize) -> f64 {
        let (model, mask) = (&self.traits[trait_idx], &self.masks[self.traits[trait_idx].mask as usize]);
        if model.status != Status::Ok {
            return f64::NAN;
        }
        model.unit * (model.yy / (mask.n_observed as f64 - mask.k as f64)).sqrt()
    }

    /// ỹᵀỹ of a trait's residuals, in the trait's unit squared; NaN where the trait cannot be tested.
    #[must_use]
    pub fn residual_square(&self, trait_idx: usize) -> f64 {
        let model = &self.traits[trait_idx];
        if model.status == Status::Ok { model.unit * model.unit * model.yy } else { f64::NAN }
    }

    pub(crate) fn basis(&self) -> &CovariateBasis {
        &self.basis
    }

    pub(crate) fn masks(&self) -> &[Mask] {
        &self.masks
    }

    pub(crate) fn models(&self) -> &[TraitModel] {
        &self.traits
    }

    pub(crate) fn panels(&self) -> &Panels {
        &self.panels
    }
}

fn observed_bits(y: &[f64]) -> Vec<u64> {
    let word = |chunk: &[f64]| chunk.iter().enumerate().fold(0, |word, (b, y)| word | u64::from(y.is_finite()) << b);
    y.chunks(64).map(word).collect()
}

/// Residualises `y` in place (0 where missing) and scales it to a root mean square in [1, 2).
fn fit_trait(basis: &CovariateBasis, mask: &Mask, mask_idx: u32, y: &mut [f64]) -> TraitModel {
    let failed = |status| TraitModel { mask: mask_idx, status, unit: 1.0, yy: 0.0, raw_yy: 0.0, rounding: Vec::new() };
    if mask.n_observed < mask.k + 2 {
        return failed(Status::TooFewSamples);
    }
    let n = mask.n_observed as f64;
    y.iter_mut().enumerate().filter(|(i, _)| !mask.has(*i as u32)).for_each(|(_, y)| *y = 0.0);
    let largest = y.iter().fold(0f64, |max, y| max.max(y.abs()));
    if largest == 0.0 {
        return failed(Status::ConstantTrait);
    }
    let pre_scale = power_of_two_for(largest);
    y.iter_mut().for_each(|y| *y *= pre_scale);
    let raw_yy = dot(y, y);
    let mean = y.iter().sum::<f64>() / n;
    for (i, y) in y.iter_mut().enumerate() {
        if mask.has(i as u32) {
            *y -= mean;
        }
    }
    let mut coefficients = vec![0f64; basis.n_covariates()];
    for _ in 0..2 {
        mask.to_full(&project(basis, mask, y), &mut coefficients);
        for (i, y) in y.iter_mut().enumerate().filter(|(i, _)| mask.has(*i as u32)) {
            *y -= dot(basis.row(i), &coefficients);
        }
    }
    let rms = (dot(y, y) / n).sqrt();
    if rms <= CONSTANT_SHARE * (raw_yy / n).sqrt() {
        y.fill(0.0);
        return failed(Status::ConstantTrait);
    }
    let scale = power_of_two_for(rms);
    y.iter_mut().for_each(|y| *y *= scale);
    let (unit, yy) = (1.0 / scale / pre_scale, dot(y, y));
    if !SD_RANGE.contains(&(unit * (yy / (n - mask.k as f64)).sqrt())) {
        y.fill(0.0);
        return failed(Status::OutOfRange);
    }
    TraitModel { mask: mask_idx, status: Status::Ok, unit, yy, raw_yy: raw_yy * scale * scale, rounding: Vec::new() }
}

/// Q_mᵀy for a `y` that is 0 outside the mask.
fn project(basis: &CovariateBasis, mask: &Mask, y: &[f64]) -> Vec<f64> {
    let padded = basis.padded();
    let mut x = vec![0f64; padded];
    for (row, &y) in basis.rows().chunks_exact(padded).zip(y) {
        if y != 0.0 {
            add_scaled(y, row, &mut x);
        }
    }
    let mut z = vec![0f64; mask.k];
    mask.to_mask(&x, &mut z);
    z
}

/// 2^e with |x|·2^e in [1, 2), for normal x within 2^±1000.
fn power_of_two_for(x: f64) -> f64 {
    let exponent = libm::ilogb(x).clamp(-1000, 1000);
    libm::ldexp(1.0, -exponent)
}

#[cfg(test)]
mod tests {
    use super::basis::DropReason;
    use super::*;

    #[test]
    fn offsets_are_subtracted_first() {
        let age: Vec<f64> = (0..9).map(|i| f64::from(i * i % 7)).collect();
        let y: Vec<f64> = (0..9).map(|i| f64::from(i * 5 % 11)).collect();
        let offset: Vec<f64> = (0..9).map(|i| f64::from(i % 4) * 0.25).collect();
        let moved: Vec<f64> = y.iter().zip(&offset).map(|(y, offset)| y - offset).collect();
        let basis = Arc::new(CovariateBasis::new(9, &[&age]).0);
        let with_offset = NullModel::fit(&basis, &[&y], Some(&[&offset]));
        let without = NullModel::fit(&basis, &[&moved], None);
        let residuals = |null: &NullModel| null.panels().residuals(0).collect::<Vec<f64>>();
        assert_eq!(residuals(&with_offset), residuals(&without));
        assert_eq!(with_offset.models()[0].yy, without.models()[0].yy);
    }

    #[test]
    fn a_sample_with_a_covariate_of_its_own_is_left_out() {
        let n = 9;
        let mut own = vec![1.0; n];
        own[4] = 7.0;
        let age: Vec<f64> = (0..9).map(|i| f64::from(i * i % 7)).collect();
        let y: Vec<f64> = (0..9).map(|i| f64::from(i * 5 % 11)).collect();
        let (basis, _) = CovariateBasis::new(n, &[&age, &own]);
        let null = NullModel::fit(&Arc::new(basis), &[&y], None);
        assert_eq!((null.n_observed(0), null.n_covariates(0), null.n_singled_out(0)), (8, 2, 1));
        assert_eq!(null.dropped_columns(0), [DroppedColumn { column_idx: 1, reason: DropReason::Constant }]);
    }

    #[test]
    fn masks_group_traits_and_lose_covariates() {
        let n = 12;
        let batch: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i >= 8))).collect();
        let age: Vec<f64> = (0..n).map(|i| f64::from(i * i % 7)).collect();
        let (basis, dropped) = CovariateBasis::new(12, &[&batch, &age]);
        assert!(dropped.is_empty());
        let full: Vec<f64> = (0..n).map(|i| f64::from(i * 5 % 11)).collect();
        let mut first_batch = full.clone();
        first_batch[8..].fill(f64::NAN);
        let constant = vec![0.3; 12];
        let mut few = vec![f64::NAN; 12];
        few[..3].copy_from_slice(&[1.0, 2.0, 4.0]);
        let null = NullModel::fit(&Arc::new(basis), &[&full, &first_batch, &constant, &few, &first_batch], None);
        assert_eq!((0..5).map(|t| null.mask_of(t)).collect::<Vec<_>>(), [0, 1, 0, 2, 1]);
        assert_eq!((null.n_covariates(0), null.n_covariates(1)), (3, 2));
        assert_eq!(null.dropped_columns(1), [DroppedColumn { column_idx: 0, reason: DropReason::Constant }]);
        assert_eq!(null.n_observed(1), 8);
        let statuses = [0, 1, 2, 3].map(|t| null.trait_status(t));
        assert_eq!(statuses, [Status::Ok, Status::Ok, Status::ConstantTrait, Status::TooFewSamples]);
    }
}
