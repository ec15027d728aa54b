//! Null models, keyed by chromosome: LOCO predictions make a trait another one on each chromosome.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use norna_kernels::{CovariateBasis, NullModel};

use crate::cohort::{Cohort, CohortError, Loco};

/// Models kept at a time: shards in flight rarely span more than two chromosomes.
const KEPT: usize = 2;

/// The traits residualised on the covariates, per chromosome where predictions are given.
pub struct NullModels {
    base: Arc<NullModel>,
    loco: Option<PerChromosome>,
}

struct PerChromosome {
    basis: Arc<CovariateBasis>,
    traits: Vec<Vec<f64>>,
    loco: Loco,
    recent: Mutex<VecDeque<(String, Arc<NullModel>)>>,
}

impl NullModels {
    /// Fits the model that all chromosomes share; with predictions, others follow as chromosomes are met.
    pub fn fit(basis: CovariateBasis, cohort: &mut Cohort) -> Self {
        let traits: Vec<Vec<f64>> = cohort.traits.iter_mut().map(|t| std::mem::take(&mut t.values)).collect();
        let basis = Arc::new(basis);
        let base = Arc::new(fit(&basis, &traits, None));
        let loco = cohort.loco.take().map(|loco| PerChromosome {
            basis,
            traits,
            loco,
            recent: Mutex::default(),
        });
        Self { base, loco }
    }

    /// The model without predictions: what it says of masks and counts holds on every chromosome.
    pub fn base(&self) -> &NullModel {
        &self.base
    }

    /// Whether a chromosome has a model of its own.
    pub fn by_chromosome(&self) -> bool {
        self.loco.is_some()
    }

    /// The model for variants of `chrom`.
    ///
    /// # Errors
    /// The predictions do not cover the chromosome.
    pub fn of(&self, chrom: &str) -> Result<Arc<NullModel>, CohortError> {
        let Some(per) = &self.loco else {
            return Ok(self.base.clone());
        };
        let mut recent = per.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, model)) = recent.iter().find(|(name, _)| name == chrom) {
            return Ok(model.clone());
        }
        let model = Arc::new(fit(&per.basis, &per.traits, Some(&per.loco.offsets(chrom)?)));
        recent.truncate(KEPT - 1);
        recent.push_front((chrom.to_owned(), model.clone()));
        Ok(model)
    }
}

fn fit(basis: &Arc<CovariateBasis>, traits: &[Vec<f64>], offsets: Option<&[Vec<f64>]>) -> NullModel {
    let traits: Vec<&[f64]> = traits.iter().map(Vec::as_slice).collect();
    let offsets: Option<Vec<&[f64]>> = offsets.map(|o| o.iter().map(Vec::as_slice).collect());
    NullModel::fit(basis, &traits, offsets.as_deref())
}
