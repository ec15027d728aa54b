//! Null models, keyed by chromosome: LOCO predictions make a trait another one on each chromosome.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use norna_kernels::{CovariateBasis, ForEach, LogisticNull, NullModel, Status};
use rayon::prelude::*;

use crate::cohort::{Cohort, CohortError, Column, Loco};

/// Models kept at a time: shards in flight rarely span more than two chromosomes.
const KEPT: usize = 2;

/// The traits residualised on the covariates, per chromosome where predictions are given.
pub struct NullModels {
    base: NullModel,
    logistic: Option<LogisticNull>,
    loco: Option<PerChromosome>,
}

struct PerChromosome {
    basis: Arc<CovariateBasis>,
    traits: Vec<Column>,
    residual_sd: Vec<f64>,
    loco: Loco,
    recent: Mutex<VecDeque<(String, Arc<NullModel>)>>,
}

impl NullModels {
    /// Fits the model that all chromosomes share; with predictions, others follow as chromosomes are met.
    /// `two_valued`: a logistic model of each trait too.
    pub fn fit(basis: CovariateBasis, cohort: &mut Cohort, two_valued: bool) -> Self {
        let (basis, traits) = (Arc::new(basis), std::mem::take(&mut cohort.traits));
        let base = fit(&basis, &traits, None, &|n, one| (0..n).into_par_iter().for_each(one));
        let logistic = two_valued.then(|| {
            let values: Vec<&[f64]> = traits.iter().map(|t| t.values.as_slice()).collect();
            LogisticNull::fit_with(&basis, &values, &|n, one| (0..n).into_par_iter().for_each(one))
        });
        let loco = cohort.loco.take().map(|loco| {
            let residual_sd = (0..traits.len()).map(|t| base.residual_sd(t)).collect();
            PerChromosome { basis, traits, residual_sd, loco, recent: Mutex::default() }
        });
        Self { base, logistic, loco }
    }

    /// The model without predictions: what it says of masks and counts holds on every chromosome.
    pub fn base(&self) -> &NullModel {
        &self.base
    }

    /// The logistic models of two-valued traits.
    pub fn logistic(&self) -> Option<&LogisticNull> {
        self.logistic.as_ref()
    }

    /// What the traits' own samples made of the covariates, one line each.
    pub fn remarks(&self, trait_names: &[String]) -> Vec<String> {
        let mut remarks = Vec::new();
        let reduced: Vec<usize> = self.traits_of(|mask| !self.base.dropped_columns(mask).is_empty());
        if let Some(&first) = reduced.first() {
            remarks.push(format!(
                "{} tested without covariates that are constant or collinear on their own samples",
                traits_are(reduced.len(), &trait_names[first])
            ));
        }
        let beyond: Vec<usize> =
            (0..self.base.n_traits()).filter(|&t| self.base.trait_status(t) == Status::OutOfRange).collect();
        if let Some(&first) = beyond.first() {
            remarks.push(format!(
                "{} without numbers: of a scale that lies outside of f32; rescale, or --standardize",
                traits_are(beyond.len(), &trait_names[first])
            ));
        }
        let logistic = self.logistic.as_ref();
        let untested = |t: &usize| logistic.is_some_and(|null| null.trait_status(*t) != Status::Ok);
        let untested: Vec<usize> = (0..self.base.n_traits()).filter(untested).collect();
        if let (Some(&first), Some(null)) = (untested.first(), logistic) {
            let why = null.trait_status(first).name().replace('_', " ");
            remarks.push(format!("{} without results: {why}", traits_are(untested.len(), &trait_names[first])));
        }
        let singled = self.traits_of(|mask| self.base.n_singled_out(mask) > 0);
        if let Some(&first) = singled.first() {
            remarks.push(format!(
                "{} tested without samples that alone differ in a covariate: these say nothing of the variant",
                traits_are(singled.len(), &trait_names[first])
            ));
        }
        remarks
    }

    fn traits_of(&self, holds: impl Fn(u32) -> bool) -> Vec<usize> {
        (0..self.base.n_traits()).filter(|&t| holds(self.base.mask_of(t))).collect()
    }

    /// The model of `chrom`'s own, where predictions are given.
    ///
    /// # Errors
    /// The predictions do not cover the chromosome.
    pub fn of_chromosome(&self, chrom: &str) -> Result<Option<Arc<NullModel>>, CohortError> {
        let Some(per) = &self.loco else {
            return Ok(None);
        };
        let mut recent = per.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, model)) = recent.iter().find(|(name, _)| name == chrom) {
            return Ok(Some(model.clone()));
        }
        let offsets = per.loco.offsets(chrom, &per.traits, &per.residual_sd)?;
        // On this thread alone: one that waited for others could take up another worker's task, which wants the lock.
        let model = Arc::new(fit(&per.basis, &per.traits, Some(&offsets), &|n, one| (0..n).for_each(one)));
        recent.truncate(KEPT - 1);
        recent.push_front((chrom.to_owned(), model.clone()));
        Ok(Some(model))
    }
}

fn fit(
    basis: &Arc<CovariateBasis>,
    traits: &[Column],
    offsets: Option<&[Vec<f64>]>,
    for_each: ForEach<'_>,
) -> NullModel {
    let traits: Vec<&[f64]> = traits.iter().map(|t| t.values.as_slice()).collect();
    let offsets: Option<Vec<&[f64]>> = offsets.map(|o| o.iter().map(Vec::as_slice).collect());
    NullModel::fit_with(basis, &traits, offsets.as_deref(), for_each)
}

/// "1 trait (IL6) is", "2 traits (first: IL6) are".
fn traits_are(n: usize, first: &str) -> String {
    if n == 1 { format!("1 trait ({first}) is") } else { format!("{n} traits (first: {first}) are") }
}
