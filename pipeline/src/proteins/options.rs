//! What processing is asked to do.

use std::path::PathBuf;

use serde::Serialize;

use crate::format::chromosome::Build;

/// What judgements of the laboratory lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum QcRule {
    /// Everything stays.
    Keep,
    /// What failed becomes missing.
    #[default]
    DropFail,
    /// What failed or was warned of becomes missing.
    DropWarn,
}

/// What becomes of values below the limit of detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LodRule {
    /// They stay.
    #[default]
    Keep,
    /// They become missing.
    Nan,
    /// They become LOD/√2 in amounts: LOD − 1/2 on the log2 scale.
    Sqrt2,
}

/// Logarithm to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogRule {
    /// By the kind of file.
    #[default]
    Auto,
    /// None.
    None,
    /// Base 2.
    Log2,
    /// Base 10.
    Log10,
    /// Base e.
    Ln,
}

/// What becomes of several measurements of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepeatsRule {
    /// Refused.
    #[default]
    Error,
    /// Mean of what was measured, protein by protein.
    Mean,
    /// Median, likewise.
    Median,
    /// The first.
    First,
    /// The last.
    Last,
    /// The one with the fewest missing values, the first of these.
    LeastMissing,
}

/// What becomes of samples that lie far off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutlierRule {
    /// Nobody looks.
    Keep,
    /// They are counted.
    #[default]
    Flag,
    /// They are left out.
    Drop,
}

/// Transform of each protein over its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transform {
    /// None.
    #[default]
    None,
    /// Rank-based inverse normal.
    Rint,
    /// Mean 0, standard deviation 1.
    Standardize,
}

/// Every choice, in the order of the steps.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessOptions {
    /// IDs in the protein files and in the genotypes.
    pub sample_map: Option<PathBuf>,
    /// Samples to keep.
    pub keep: Vec<PathBuf>,
    /// Samples to leave out.
    pub remove: Vec<PathBuf>,
    /// Judgements of samples, and of samples on panels.
    pub sample_qc: QcRule,
    /// Judgements of assays, and of assays on plates.
    pub assay_qc: QcRule,
    /// Values below the limit of detection.
    pub lod: LodRule,
    /// Greatest share of a protein's values that may lie below it.
    pub max_below_lod: Option<f64>,
    /// Logarithm.
    pub log: LogRule,
    /// Several measurements of a sample.
    pub repeats: RepeatsRule,
    /// Samples that lie far off.
    pub outliers: OutlierRule,
    /// How far, in standard deviations.
    pub outlier_sd: f64,
    /// Greatest share of samples that a protein may miss.
    pub max_missing_protein: Option<f64>,
    /// Greatest share of proteins that a sample may miss.
    pub max_missing_sample: Option<f64>,
    /// Transform.
    pub transform: Transform,
    /// Terms of plates as covariates.
    pub plate_covariates: bool,
    /// Terms of batches as covariates: these, or all where the list is empty.
    pub batch_covariates: Option<Vec<String>>,
    /// Principal components as covariates.
    pub n_components: usize,
    /// Where genes are.
    pub annotation: Option<PathBuf>,
    /// UniProt accessions to genes.
    pub uniprot_map: Option<PathBuf>,
    /// Genome build of places.
    pub build: Option<Build>,
}

impl Default for ProcessOptions {
    fn default() -> Self {
        Self {
            sample_map: None,
            keep: Vec::new(),
            remove: Vec::new(),
            sample_qc: QcRule::default(),
            assay_qc: QcRule::default(),
            lod: LodRule::default(),
            max_below_lod: None,
            log: LogRule::default(),
            repeats: RepeatsRule::default(),
            outliers: OutlierRule::default(),
            outlier_sd: 5.0,
            max_missing_protein: None,
            max_missing_sample: None,
            transform: Transform::default(),
            plate_covariates: false,
            batch_covariates: None,
            n_components: 0,
            annotation: None,
            uniprot_map: None,
            build: None,
        }
    }
}
