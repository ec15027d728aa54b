//! Who is analysed and who is not, by reason. The counts of samples add up to the genotyped ones.

use serde::{Deserialize, Serialize};

/// Rows of one file against the genotyped samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLedger {
    /// The option that named the file, without dashes: "pheno", "proteins", "covar", "keep", "remove", "sex".
    pub role: String,
    /// The file as named by the user.
    pub path: String,
    /// Samples in the file.
    pub n_samples: usize,
    /// Of these, genotyped.
    pub n_genotyped: usize,
}

impl FileLedger {
    /// Samples in the file that are not genotyped.
    pub fn n_not_genotyped(&self) -> usize {
        self.n_samples - self.n_genotyped
    }
}

/// What is particular about a trait. Such a trait stays in the results, with NaN and a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraitNote {
    /// Nothing.
    None,
    /// No analysed sample has a value.
    AllMissing,
    /// One or two analysed samples have a value.
    TooFewObserved,
    /// All values are equal.
    Constant,
    /// Two values, tested linearly on request.
    Binary,
    /// Two values, tested by the logistic model's score.
    TwoValued,
}

/// One trait over the analysed samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraitLedger {
    /// Its name.
    pub name: String,
    /// Analysed samples with a value.
    pub n_observed: usize,
    /// Analysed samples with a value but no LOCO prediction, counted as missing.
    pub n_without_prediction: usize,
    /// What is particular about it.
    pub note: TraitNote,
}

/// The account of samples and traits. `n_genotyped` is the sum of the reasons and `n_analysed`; a sample counts for the
/// first reason that holds, in the order of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CohortLedger {
    /// Samples of the genotype files.
    pub n_genotyped: usize,
    /// Not in the list to keep.
    pub n_not_in_keep: usize,
    /// In the list to remove.
    pub n_in_remove: usize,
    /// Without a column in the file of proteins; `None` without such a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_not_in_proteins: Option<usize>,
    /// Without a row in some table of covariates.
    pub n_no_covariate_row: usize,
    /// With a covariate missing.
    pub n_missing_covariate: usize,
    /// Analysed.
    pub n_analysed: usize,
    /// Of the analysed, those without a value of any trait (they still count for allele frequencies).
    pub n_without_any_trait: usize,
    /// Each file against the genotyped samples.
    pub files: Vec<FileLedger>,
    /// Every trait, in the order of the results.
    pub traits: Vec<TraitLedger>,
    /// Categorical covariates that have one level among the analysed samples, left out.
    pub covariates_of_one_level: Vec<String>,
}

impl CohortLedger {
    /// Whether the counts add up.
    pub fn adds_up(&self) -> bool {
        let listed = self.n_not_in_keep + self.n_in_remove + self.n_not_in_proteins.unwrap_or(0);
        self.n_genotyped == listed + self.n_no_covariate_row + self.n_missing_covariate + self.n_analysed
    }

    /// The account of samples in one line.
    pub fn account(&self) -> String {
        let proteins = self.n_not_in_proteins.map_or_else(String::new, |n| format!("{n} not in --proteins, "));
        format!(
            "{} genotyped, {} not in --keep, {} in --remove, {proteins}{} without a row of covariates, {} with a covariate missing, \
             {} analysed",
            self.n_genotyped,
            self.n_not_in_keep,
            self.n_in_remove,
            self.n_no_covariate_row,
            self.n_missing_covariate,
            self.n_analysed
        )
    }
}
