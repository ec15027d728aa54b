//! What the benches read: small simulated cohorts in a folder of their own, which goes when they are done.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};

use crate::simulate::{self, Contig, Fields, OutputFormat, SimulateConfig, TraitsConfig};

/// A folder for what is measured.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new folder in `parent`, which exists.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(parent: &Path) -> Result<Self> {
        let path = parent.join(format!("norna-bench-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| {
            format!("{}: cannot make a folder for what is measured; give another --dir", path.display())
        })?;
        Ok(Self(path))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Size and kind of a cohort.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Name of its files.
    pub name: &'static str,
    /// What its genotypes come as.
    pub format: OutputFormat,
    /// Whether there is DS beside GT.
    pub dosages: bool,
    /// Share of calls that are missing.
    pub missing: f64,
    /// People.
    pub n_samples: usize,
    /// Variants.
    pub n_variants: u64,
    /// Traits, none of which anything influences.
    pub n_traits: usize,
    /// Covariates.
    pub n_covariates: usize,
}

/// Files of a cohort.
#[derive(Debug, Clone)]
pub struct Cohort {
    /// Size and kind.
    pub spec: Spec,
    /// Genotypes.
    pub genotypes: PathBuf,
    /// Traits.
    pub traits: PathBuf,
    /// Covariates.
    pub covariates: PathBuf,
}

impl Cohort {
    /// Makes a cohort in `folder`, on `threads` threads.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn make(folder: &Path, spec: Spec, threads: usize) -> Result<Self> {
        let end = match spec.format {
            OutputFormat::Bcf => "bcf",
            OutputFormat::Vcf => "vcf",
            OutputFormat::VcfGz => "vcf.gz",
        };
        let out = folder.join(format!("{}.{end}", spec.name));
        // A variant each 100 bases, about as in a large cohort.
        let length = (spec.n_variants * 100).min(u64::from(simulate::MAX_CONTIG_LEN)) as u32;
        let config = SimulateConfig {
            out: out.clone(),
            format: spec.format,
            compression_level: 1,
            force: true,
            threads,
            log_level: log::LevelFilter::Off,
            seed: 1,
            n_samples: spec.n_samples,
            contigs: vec![Contig { name: "22".to_owned(), length, n_variants: spec.n_variants }],
            fields: Fields { gt: true, ds: spec.dosages, gp: false },
            missing_genotypes: spec.missing,
            population_size: 1e4,
            recombination_rate: 1e-8,
            traits: TraitsConfig {
                n_quantitative: 0,
                n_null: spec.n_traits,
                n_binary: 0,
                prevalence: 0.1,
                n_causal: 0,
                heritability: 0.0,
                min_causal_maf: 0.01,
                missing: 0.0,
                missing_shared: false,
                n_covariates: spec.n_covariates,
            },
            reads: None,
            mark: format!("{} norna bench", simulate::MARK),
        };
        simulate::run(&config, &AtomicBool::new(false))?;
        let beside = |what: &str| folder.join(format!("{}.{what}.tsv", spec.name));
        Ok(Self { spec, genotypes: out, traits: beside("pheno"), covariates: beside("covar") })
    }

    /// A cell for each sample and variant.
    pub fn n_genotypes(&self) -> f64 {
        self.spec.n_samples as f64 * self.spec.n_variants as f64
    }
}
