//! The null model: traits residualised on the covariates, each on its own observed samples, in the layout that the score
//! product reads. Made once per run, or per chromosome where there are LOCO offsets.

pub(crate) mod basis;
mod fit;
pub(crate) mod logistic;
pub(crate) mod mask;
pub(crate) mod panels;
pub(crate) mod sides;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::arch::pairs::PairModels;
use crate::arch::{Kernels, isa};
use crate::status::Status;
use basis::{CovariateBasis, DroppedColumn};
use fit::{TraitInput, fit_panel};
use mask::Mask;
use panels::{PANEL_WIDTH, Panel, Panels};
use sides::Sides;

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
}

impl TraitModel {
    fn new(mask: u32) -> Self {
        Self { mask, status: Status::Ok, unit: 1.0, yy: 0.0, raw_yy: 0.0 }
    }
}

/// Runs a function for every number under a count, in any order and on any threads.
pub type ForEach<'a> = &'a dyn Fn(usize, &(dyn Fn(usize) + Sync));

/// Traits residualised on the covariates: n_samples × n_traits.
#[derive(Debug, Clone)]
pub struct NullModel {
    basis: Arc<CovariateBasis>,
    masks: Vec<Mask>,
    sides: Sides,
    traits: Vec<TraitModel>,
    pairs: PairModels,
    panels: Panels,
}

impl NullModel {
    /// Residualises `traits` (each n_samples values in the order of `basis`; NaN and infinite values are missing) on the
    /// covariates, each over its own observed samples. `offsets` (same shape) are subtracted first: LOCO predictions.
    /// No number of a trait depends on the other traits.
    #[must_use]
    pub fn fit(basis: &Arc<CovariateBasis>, traits: &[&[f64]], offsets: Option<&[&[f64]]>) -> Self {
        Self::fit_with(basis, traits, offsets, &|n, one| (0..n).for_each(one))
    }

    /// As [`Self::fit`], masks and panels of traits by `for_each`, whose order and threads change no bit. Each call takes
    /// memory for eight traits beside the model.
    #[must_use]
    pub fn fit_with(
        basis: &Arc<CovariateBasis>,
        traits: &[&[f64]],
        offsets: Option<&[&[f64]]>,
        for_each: ForEach<'_>,
    ) -> Self {
        let kernels = Kernels::new(isa()).unwrap_or_else(Kernels::portable);
        let offset = |t: usize| offsets.and_then(|offsets| offsets.get(t)).copied();
        let (mask_of, patterns) =
            number_patterns(collect(for_each, traits.len(), |t| observed_bits(traits[t], offset(t))));
        let mut masks = collect(for_each, patterns.len(), |m| Mask::new(basis, patterns[m].clone()));
        mask_of.iter().enumerate().for_each(|(t, &m)| masks[m].push_trait(t));
        let width_of = |p: usize| Panels::width_of(traits.len() - p * PANEL_WIDTH);
        let fitted = collect(for_each, traits.len().div_ceil(PANEL_WIDTH), |p| {
            let mut panel = Panel::new(basis.n_samples(), width_of(p), p * PANEL_WIDTH);
            let inputs: Vec<TraitInput<'_>> = (panel.first..traits.len().min(panel.first + panel.width))
                .map(|t| {
                    let (values, offset, mask_idx) = (traits[t], offset(t), mask_of[t] as u32);
                    TraitInput { values, offset, mask: &masks[mask_of[t]], mask_idx }
                })
                .collect();
            let models = fit_panel(&kernels, basis, &inputs, &mut panel);
            (panel, models)
        });
        let (panels, models): (Vec<Panel>, Vec<_>) = fitted.into_iter().unzip();
        let panels = Panels::new(panels);
        let (traits, pairs) = join(models.into_iter().flatten(), basis.n_covariates(), panels.stride());
        let sides = Sides::new(&masks, basis.n_samples());
        Self { basis: Arc::clone(basis), masks, sides, traits, pairs, panels }
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

    /// Entries of the masks' lists: of each mask the samples that it misses, or those that it observes if fewer.
    #[must_use]
    pub fn n_mask_entries(&self) -> usize {
        self.masks.iter().map(|mask| mask.side.len()).sum()
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

    pub(crate) fn sides(&self) -> &Sides {
        &self.sides
    }

    pub(crate) fn pairs(&self) -> &PairModels {
        &self.pairs
    }

    pub(crate) fn models(&self) -> &[TraitModel] {
        &self.traits
    }

    pub(crate) fn panels(&self) -> &Panels {
        &self.panels
    }
}

/// The results of `one`, in order.
fn collect<T: Send + Sync>(for_each: ForEach<'_>, n: usize, one: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let slots: Vec<OnceLock<T>> = (0..n).map(|_| OnceLock::new()).collect();
    for_each(n, &|i| {
        slots[i].get_or_init(|| one(i));
    });
    slots.into_iter().enumerate().map(|(i, slot)| slot.into_inner().unwrap_or_else(|| one(i))).collect()
}

fn observed_bits(y: &[f64], offset: Option<&[f64]>) -> Vec<u64> {
    let observed = |i: usize| offset.map_or(y[i], |offset| y[i] - offset[i]).is_finite();
    let word =
        |first: usize| (first..y.len().min(first + 64)).fold(0, |word, i| word | u64::from(observed(i)) << (i - first));
    (0..y.len()).step_by(64).map(word).collect()
}

/// Each trait's pattern and the patterns, numbered by first appearance.
fn number_patterns(bits: Vec<Vec<u64>>) -> (Vec<usize>, Vec<Vec<u64>>) {
    let (mut number_of, mut first_of): (BTreeMap<&[u64], usize>, Vec<usize>) = (BTreeMap::new(), Vec::new());
    let mut pattern_of = Vec::with_capacity(bits.len());
    for (t, bits) in bits.iter().enumerate() {
        let number = *number_of.entry(bits).or_insert(first_of.len());
        if number == first_of.len() {
            first_of.push(t);
        }
        pattern_of.push(number);
    }
    let patterns = first_of.iter().map(|&t| bits[t].clone()).collect();
    (pattern_of, patterns)
}

/// What the fits of pairs need, by trait.
fn join(
    models: impl Iterator<Item = (TraitModel, Vec<f64>)>,
    k: usize,
    stride: usize,
) -> (Vec<TraitModel>, PairModels) {
    let mut traits = Vec::new();
    let mut pairs =
        PairModels { stride, rounding: vec![0.0; k * stride], yy: vec![0.0; stride], unit: vec![0.0; stride] };
    for (t, (model, rounding)) in models.enumerate() {
        if model.status == Status::Ok {
            (pairs.yy[t], pairs.unit[t]) = (model.yy, model.unit);
            rounding.iter().enumerate().for_each(|(j, &x)| pairs.rounding[j * stride + t] = x);
        }
        traits.push(model);
    }
    (traits, pairs)
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
    fn any_order_of_work_gives_the_same_bits() {
        let n = 70;
        let value = |t: u32, i: u32| {
            if (i * 7 + t / 3).is_multiple_of(11) { f64::NAN } else { f64::from(i * (t + 3) % 23).sqrt() }
        };
        let columns: Vec<Vec<f64>> = (0..75).map(|t| (0..n).map(|i| value(t, i)).collect()).collect();
        let traits: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let age: Vec<f64> = (0..n).map(|i| f64::from(i * i % 7)).collect();
        let basis = Arc::new(CovariateBasis::new(n as usize, &[&age]).0);
        let forth = NullModel::fit(&basis, &traits, None);
        let back = NullModel::fit_with(&basis, &traits, None, &|n, one| (0..n).rev().for_each(one));
        let alone = NullModel::fit(&basis, &traits[41..42], None);
        let residuals = |null: &NullModel, t| null.panels().residuals(t).map(f64::to_bits).collect::<Vec<_>>();
        for t in 0..traits.len() {
            assert_eq!(residuals(&forth, t), residuals(&back, t));
            assert_eq!(forth.residual_sd(t).to_bits(), back.residual_sd(t).to_bits());
        }
        assert_eq!(forth.pairs().rounding, back.pairs().rounding);
        assert_eq!(residuals(&alone, 0), residuals(&forth, 41));
        assert_eq!(alone.pairs().rounding[alone.pairs().stride], forth.pairs().rounding[forth.pairs().stride + 41]);
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
