//! What a study costs before it is run: from its size, the rates of a machine and how it is laid out on nodes.
//!
//! Pure arithmetic: opens no file, knows no cluster.

pub mod application;
mod cis;
mod memory;
mod predict;
mod rates;
mod spectrum;
mod work;

pub use cis::{CisForecast, CisSize};
pub use memory::{MAX_CORRELATION_ORDER, MemoryShape, block_variants};
pub use predict::{Forecast, forecast, predict};
pub use rates::Rates;
pub use spectrum::Spectrum;
pub use work::Work;

use norna_kernels::GenotypeKind;

use crate::store::Store;

/// What the genotypes come as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GenotypeFormat {
    /// VCF, bgzipped: GT.
    Vcf,
    /// VCF, bgzipped: DS or GP.
    VcfDosage,
    /// BCF: GT.
    Bcf,
    /// BCF: DS or GP.
    BcfDosage,
}

impl GenotypeFormat {
    /// What a genotype is held as.
    pub fn kind(self) -> GenotypeKind {
        match self {
            Self::Vcf | Self::Bcf => GenotypeKind::Calls,
            Self::VcfDosage | Self::BcfDosage => GenotypeKind::Dosages,
        }
    }
}

/// The size of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct StudySize {
    /// Analysed samples.
    pub n_samples: u64,
    /// Rows to test.
    pub n_variants: u64,
    /// Traits.
    pub n_traits: u64,
    /// Distinct patterns of missing trait values, at least 1.
    pub n_masks: u64,
    /// Covariates with the intercept.
    pub n_covariates: u64,
    /// What the genotypes come as.
    pub format: GenotypeFormat,
    /// Bytes of the genotype files, where they are known.
    pub input_bytes: Option<u64>,
    /// What is kept of the pairs.
    pub store: Store,
    /// The hit threshold.
    pub hit_p: f64,
    /// Whether samples without a genotype are dropped (`--missing-genotype drop`).
    pub drops_missing: bool,
}

/// What a plan cannot see in a study's size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assumptions {
    /// Least minor allele frequency of the variants; 0 for all that there are.
    pub min_frequency: f64,
    /// Genotypes that are missing, as a share.
    pub missing_genotypes: f64,
    /// Values of each trait that are missing, as a share, where traits have patterns of their own.
    pub missing_traits: f64,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self { min_frequency: 0.0, missing_genotypes: 0.0, missing_traits: 0.05 }
    }
}

/// How a job lies on nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeLayout {
    /// Nodes.
    pub nodes: u32,
    /// Ranks on each.
    pub ranks_per_node: u32,
    /// Threads of a rank.
    pub threads_per_rank: u32,
}

/// A number and what it may turn out to be.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Range {
    /// Best guess.
    pub expected: f64,
    /// Least.
    pub least: f64,
    /// Most.
    pub most: f64,
}

impl Range {
    /// A guess that may be `times` too high or too low.
    pub fn within(expected: f64, times: f64) -> Self {
        Self { expected, least: expected / times, most: expected * times }
    }

    /// The same in another unit.
    pub fn scaled(self, factor: f64) -> Self {
        Self { expected: self.expected * factor, least: self.least * factor, most: self.most * factor }
    }
}

/// What a study costs in one layout.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Prediction {
    /// User and system time of all ranks, seconds.
    pub cpu_seconds: Range,
    /// From start to end, seconds.
    pub wall_seconds: Range,
    /// Peak memory of a rank, bytes.
    pub memory_per_rank_bytes: Range,
    /// Genotype files, bytes.
    pub input_bytes: Range,
    /// results.h5, bytes.
    pub output_bytes: Range,
    /// Spools together, bytes, until results.h5 is made.
    pub spool_bytes: Range,
    /// Files at most while it runs.
    pub files: u64,
}
