//! What every rank does before its first shard, and the traits' correlation.

use std::sync::Arc;

use anyhow::Result;
use norna_kernels::{CovariateBasis, NullModel};

use super::cohort::Cohort;
use super::products::{columns, positive};
use super::timer::Effort;
use crate::cohort::{self, CohortConfig};
use crate::plan::Rates;
use crate::run::trait_correlation::TraitGram;
use crate::source::{Input, InputOptions};

/// CPU seconds a cell of reading tables.
///
/// # Errors
/// They do not read.
pub fn tables(cohort: &Cohort, effort: Effort) -> Result<f64> {
    let paths = vec![cohort.genotypes.clone()];
    let input = Input::open(&InputOptions { paths, ..InputOptions::default() })?;
    let config = CohortConfig {
        pheno: vec![cohort.traits.clone()],
        covar: vec![cohort.covariates.clone()],
        ..CohortConfig::default()
    };
    let seconds = effort.try_least(|| cohort::Cohort::load(&config, input.samples()).map(drop))?;
    let cells = cohort.spec.n_samples * (cohort.spec.n_traits + cohort.spec.n_covariates);
    Ok(seconds / cells as f64)
}

/// Null models with few and with many covariates.
pub fn null_models(n_samples: usize, n_traits: usize, effort: Effort, rates: &mut Rates) {
    let traits = columns(n_samples, n_traits, 0.0, 2);
    let traits: Vec<&[f64]> = traits.iter().map(Vec::as_slice).collect();
    let fit = |n_covariates: usize| {
        let covariates = columns(n_samples, n_covariates, 0.0, 1);
        let covariates: Vec<&[f64]> = covariates.iter().map(Vec::as_slice).collect();
        let basis = Arc::new(CovariateBasis::new(n_samples, &covariates).0);
        effort.least(|| drop(NullModel::fit(&basis, &traits, None)))
    };
    // 8 and 32 columns with padding.
    let (few, many) = (fit(3), fit(27));
    let values = (n_samples * n_traits) as f64;
    rates.null_product = positive((many - few) / (values * 24.0));
    rates.null_value = positive(few / values - 8.0 * rates.null_product);
}

/// The Gram matrix of random traits and its eigenvalues.
pub fn correlation(n_samples: usize, n_traits: usize, effort: Effort, rates: &mut Rates) {
    let traits = columns(n_samples, n_traits, 0.0, 2);
    let traits: Vec<&[f64]> = traits.iter().map(Vec::as_slice).collect();
    let Ok(alone) = rayon::ThreadPoolBuilder::new().num_threads(1).build() else { return };
    let (mut gram_seconds, mut eigen_seconds) = (f64::INFINITY, f64::INFINITY);
    alone.install(|| {
        gram_seconds = effort.least(|| drop(TraitGram::new(&traits)));
        let once = Effort { time: std::time::Duration::ZERO, runs: 1 };
        for _ in 0..effort.runs.min(2) {
            let Some(gram) = TraitGram::new(&traits) else { return };
            let mut gram = Some(gram);
            eigen_seconds = eigen_seconds.min(once.least(|| drop(gram.take().map(TraitGram::eigenvalues))));
        }
    });
    let t = n_traits as f64;
    rates.gram_product = positive(gram_seconds / (n_samples as f64 * t * t));
    rates.eigen = positive(eigen_seconds / t.powi(3));
}
