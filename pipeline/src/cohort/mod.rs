//! Samples, traits and covariates: who is analysed, in the genotype file's order, and what was left out and why.
//!
//! The analysed samples are those genotyped, kept, not removed, and complete in every covariate. They never depend on
//! the traits, so that a trait alone equals the same trait among thousands.

pub mod columns;
pub mod covariates;
pub mod error;
pub mod explain;
pub mod ids;
pub mod layout;
pub mod ledger;
pub mod lists;
pub mod predictions;
pub mod proteins;
pub mod select;
pub mod traits;
pub mod transform;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::format::chromosome::Build;
use crate::proteins::Protein;
pub use error::CohortError;
pub use ledger::{CohortLedger, FileLedger, TraitLedger, TraitNote};

pub use crate::format::sex::Sex;
pub use crate::format::table_cell::Minus9;
use columns::Targets;
use ids::SampleIndex;
pub use predictions::Loco;
use proteins::ProteinTable;

/// What to read and how.
#[derive(Debug, Clone, Default)]
pub struct CohortConfig {
    /// Tables of traits, joined on samples.
    pub pheno: Vec<PathBuf>,
    /// A file of proteins, whose rows are the traits; not beside `pheno`.
    pub proteins: Option<PathBuf>,
    /// Whether covariates that the file of proteins holds are left out.
    pub no_protein_covariates: bool,
    /// Names and globs of traits; empty for all.
    pub pheno_name: Vec<String>,
    /// Tables of covariates, joined on samples.
    pub covar: Vec<PathBuf>,
    /// Names and globs of covariates; empty for all.
    pub covar_name: Vec<String>,
    /// Names and globs of covariates whose numbers are codes of a category.
    pub covar_cat: Vec<String>,
    /// Samples to analyse; all when absent.
    pub keep: Option<PathBuf>,
    /// Samples not to analyse.
    pub remove: Option<PathBuf>,
    /// Sexes.
    pub sex_file: Option<PathBuf>,
    /// regenie's list of step 1 predictions.
    pub pred: Option<PathBuf>,
    /// Rank-based inverse normal transform of every trait.
    pub rint: bool,
    /// Every trait to mean 0 and standard deviation 1.
    pub standardize: bool,
    /// Traits of two values are tested linearly instead of refused.
    pub linear_on_binary: bool,
    /// All traits are of two values (0 and 1, or 1 and 2 as plink has them); they become 0 and 1.
    pub two_valued: bool,
    /// What −9 means in traits and covariates.
    pub minus9: Minus9,
}

/// A named column over the analysed samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// One value per analysed sample, in the order of [`Cohort::analysed`].
    pub values: Vec<f64>,
}

/// The samples analysed and what is known of them.
#[derive(Debug)]
pub struct Cohort {
    /// Indices into the genotype file's samples, ascending.
    pub analysed: Vec<u32>,
    /// Covariates without NaN, categories expanded to `name=level` indicators; no intercept. May be collinear.
    pub covariates: Vec<Column>,
    /// Traits, transformed; NaN missing.
    pub traits: Vec<Column>,
    /// What is known of the traits, in their order, where they are proteins; empty otherwise.
    pub proteins: Vec<Protein>,
    /// Genome build of the proteins' genes, as far as it is known.
    pub build: Option<Build>,
    /// Sex of each analysed sample, where a file gave sexes.
    pub sex: Option<Vec<Sex>>,
    /// Predictions of regenie's step 1, where a list gave them.
    pub loco: Option<Loco>,
    /// Who and what was left out.
    pub ledger: CohortLedger,
    /// What was chosen and what may surprise, one line each, without sample IDs.
    pub messages: Vec<String>,
}

impl Cohort {
    /// Reads every file of `config` and matches it to `genotype_samples` (IDs in the genotype file's order).
    pub fn load(config: &CohortConfig, genotype_samples: &[String]) -> Result<Self, CohortError> {
        let index = SampleIndex::new(genotype_samples)?;
        let mut ledger = CohortLedger { n_genotyped: index.len(), ..Default::default() };
        let mut messages = Vec::new();
        let mut kept = lists::kept_samples(config, &index, &mut ledger, &mut messages)?;
        let proteins = config.proteins.as_ref();
        let mut proteins =
            proteins.map(|path| ProteinTable::open(path, &index, &mut ledger, &mut messages)).transpose()?;
        if let Some(proteins) = &proteins {
            proteins.keep(&mut kept, &mut ledger);
        }
        if kept.is_empty() {
            return Err(CohortError::NoSamples { account: ledger.account() });
        }
        let of_proteins = proteins.as_mut().filter(|_| !config.no_protein_covariates);
        let own = of_proteins.and_then(|p| p.take_covariates(&Targets::new(index.len(), &kept), &mut messages));
        let covariates = covariates::load(config, &index, (kept, own), &mut ledger, &mut messages)?;
        let targets = Targets::new(index.len(), &covariates.analysed);
        let sex = lists::sexes(config, &index, &targets, &mut ledger, &mut messages)?;
        let build = proteins.as_ref().and_then(ProteinTable::build);
        let (mut raw, proteins) = match proteins {
            Some(proteins) => proteins.into_traits(&config.pheno_name, &targets, &index)?,
            None => (traits::read(config, &index, &targets, &mut ledger, &mut messages)?, Vec::new()),
        };
        let (loco, n_without) = match &config.pred {
            Some(path) => {
                let ids = covariates.analysed.iter().map(|&idx| genotype_samples[idx as usize].as_str()).collect();
                let (loco, n_without) = Loco::open(path, ids, &mut raw, &mut messages)?;
                (Some(loco), n_without)
            }
            None => (None, Vec::new()),
        };
        let mut traits = raw.columns;
        traits::finish(config, &mut traits, &n_without, &mut ledger, &mut messages)?;
        messages.push(format!("samples: {}", ledger.account()));
        let covariates::Covariates { analysed, columns: covariates } = covariates;
        Ok(Self { analysed, covariates, traits, proteins, build, sex, loco, ledger, messages })
    }
}
