//! What is simulated, checked before anything is made.

use std::path::PathBuf;

use super::reads::ReadsConfig;

/// Longest contig: the last base that a TBI can name.
pub const MAX_CONTIG_LEN: u32 = 1 << 29;
/// Most samples: haplotypes and the tree's nodes are numbered in 32 bits.
pub const MAX_SAMPLES: usize = 500_000_000;

/// A validated `norna simulate`.
#[derive(Debug, Clone)]
pub struct SimulateConfig {
    /// The file of genotypes.
    pub out: PathBuf,
    /// Its format.
    pub format: OutputFormat,
    /// Level of BGZF.
    pub compression_level: u8,
    /// Replace files that this command made before.
    pub force: bool,
    /// Worker threads.
    pub threads: usize,
    /// What standard error shows.
    pub log_level: log::LevelFilter,
    /// Seed of all streams.
    pub seed: u64,
    /// Diploid samples.
    pub n_samples: usize,
    /// Contigs with their variants.
    pub contigs: Vec<Contig>,
    /// FORMAT fields.
    pub fields: Fields,
    /// Share of calls that are missing.
    pub missing_genotypes: f64,
    /// Diploid individuals of the population.
    pub population_size: f64,
    /// Per base and generation.
    pub recombination_rate: f64,
    /// Traits and covariates.
    pub traits: TraitsConfig,
    /// Reads of the samples, if they are wanted.
    pub reads: Option<ReadsConfig>,
    /// One line of parameters that marks the outputs.
    pub mark: String,
}

/// How genotypes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// Text.
    Vcf,
    /// Text in BGZF, with a TBI.
    VcfGz,
    /// BCF 2.2 in BGZF, with a CSI.
    Bcf,
}

/// FORMAT fields, written in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fields {
    /// Phased calls.
    pub gt: bool,
    /// ALT dosage.
    pub ds: bool,
    /// Genotype probabilities.
    pub gp: bool,
}

impl Fields {
    /// Whether genotypes are imputed.
    pub fn imputed(self) -> bool {
        self.ds || self.gp
    }

    /// As in a FORMAT column.
    pub fn names(self) -> String {
        let all = [("GT", self.gt), ("DS", self.ds), ("GP", self.gp)];
        all.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect::<Vec<_>>().join(":")
    }
}

/// A contig and the variants on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contig {
    /// Its name.
    pub name: String,
    /// Its length in bases, at least `n_variants`.
    pub length: u32,
    /// Variants on it.
    pub n_variants: u64,
}

/// Traits and covariates.
#[derive(Debug, Clone, Copy)]
pub struct TraitsConfig {
    /// Quantitative traits with planted effects.
    pub n_quantitative: usize,
    /// Quantitative traits without.
    pub n_null: usize,
    /// Two-valued traits with planted effects on a liability.
    pub n_binary: usize,
    /// Share of cases.
    pub prevalence: f64,
    /// Planted variants per trait.
    pub n_causal: usize,
    /// Share of variance that planted variants explain.
    pub heritability: f64,
    /// Least minor allele frequency of a planted variant.
    pub min_causal_maf: f64,
    /// Share of values that are missing.
    pub missing: f64,
    /// All traits are missing in the same samples.
    pub missing_shared: bool,
    /// Covariates.
    pub n_covariates: usize,
}
