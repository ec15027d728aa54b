//! Flags of `norna simulate --reads`, and their checks.

use std::path::{Path, PathBuf};

use clap::Args;

use super::simulate_config::shown;
use crate::run::UsageError;
use crate::simulate::reads::{MIN_FRAGMENT, ReadsConfig, SampleDepth};

/// Deepest and longest that reads can be.
const MAX_DEPTH: f64 = 10_000.0;
const MAX_READ_LENGTH: u32 = 10_000;
const MAX_FRAGMENT: f64 = 100_000.0;
/// Highest base quality: what a BAM's text form can show.
const MAX_QUALITY: u8 = 93;

/// Flags on reads.
#[derive(Debug, Clone, Args)]
pub struct ReadsArgs {
    /// Also simulates reads into this folder: a BAM with its index a sample, bams.txt (sample, path), reference.fa, sites.vcf.gz,
    /// truth.tsv (what each file holds)
    #[arg(long, value_name = "DIR", help_heading = "Reads")]
    pub reads: Option<PathBuf>,
    /// Takes the people of this VCF or BCF, by their GT, instead of making a cohort: SNPs of two alleles; a missing call is
    /// taken as REF
    #[arg(long, value_name = "FILE", help_heading = "Reads", conflicts_with_all = [
        "out", "n_samples", "n_variants", "contig", "format_fields", "missing_genotypes", "population_size",
        "recombination_rate", "mutation_rate", "n_traits", "n_null_traits", "n_binary_traits", "prevalence", "n_causal",
        "heritability", "min_causal_maf", "missing_traits", "missing_pattern", "n_covariates"])]
    pub genotypes: Option<PathBuf>,
    /// Of --genotypes, these samples: one ID a line, or FID and IID
    #[arg(long, value_name = "FILE", requires = "genotypes", help_heading = "Reads")]
    pub keep: Option<PathBuf>,
    /// Of --genotypes, these chromosomes: 22 or 1-4,X
    #[arg(long, value_name = "LIST", requires = "genotypes", help_heading = "Reads")]
    pub chr: Vec<String>,
    /// Of --genotypes, these regions: CHR:FROM-TO
    #[arg(long, value_name = "REGION", requires = "genotypes", help_heading = "Reads")]
    pub region: Vec<String>,
    /// Mean depth of every file
    #[arg(long, value_name = "X", default_value_t = 4.0, requires = "reads", help_heading = "Reads")]
    pub depth: f64,
    /// Table of sample and depth, by tab: samples with a depth of their own
    #[arg(long, value_name = "FILE", requires = "reads", help_heading = "Reads")]
    pub depth_file: Option<PathBuf>,
    /// Bases of a read
    #[arg(long, value_name = "N", default_value_t = 150, requires = "reads", help_heading = "Reads")]
    pub read_length: u32,
    /// Mean length of fragments; of those shorter than two reads the mates overlap
    #[arg(long, value_name = "N", default_value_t = 350.0, requires = "reads", help_heading = "Reads")]
    pub fragment_mean: f64,
    /// Standard deviation of the length of fragments
    #[arg(long, value_name = "N", default_value_t = 80.0, requires = "reads", help_heading = "Reads")]
    pub fragment_sd: f64,
    /// Reads without mates
    #[arg(long, requires = "reads", help_heading = "Reads")]
    pub single_end: bool,
    /// Base qualities and their shares; a base is wrong with probability 10^(-quality/10)
    #[arg(
        long,
        value_name = "LIST",
        default_value = "37:0.87,25:0.08,11:0.05",
        requires = "reads",
        help_heading = "Reads"
    )]
    pub base_qualities: String,
    /// Share of fragments that come twice, the second one marked as a duplicate; on top of the depth
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "reads", help_heading = "Reads")]
    pub duplicate_rate: f64,
    /// Share of reads with a secondary alignment; on top of the depth
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "reads", help_heading = "Reads")]
    pub secondary_rate: f64,
    /// Share of fragments with a mapping quality of 0 to 29, else it is 60; a fragment is of another place with probability
    /// 10^(-quality/10)
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "reads", help_heading = "Reads")]
    pub low_mapq_rate: f64,
    /// Share of reads with up to 30 bases soft-clipped at one end
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "reads", help_heading = "Reads")]
    pub clip_rate: f64,
    /// Share of pairs of which one read is unmapped
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "reads", help_heading = "Reads")]
    pub unmapped_mate_rate: f64,
    /// Share of fragments of a contaminated file that are of the next sample
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "reads", help_heading = "Reads")]
    pub contamination: f64,
    /// Contaminated files, drawn by the seed
    #[arg(long, value_name = "N", default_value_t = 1, requires = "contamination", help_heading = "Reads")]
    pub n_contaminated: usize,
    /// Pairs of samples, drawn by the seed, whose files hold each other's reads
    #[arg(long, value_name = "N", default_value_t = 0, requires = "reads", help_heading = "Reads")]
    pub swap: usize,
}

fn usage<T>(text: String) -> Result<T, UsageError> {
    Err(UsageError(text))
}

impl ReadsArgs {
    /// Checks the flags; none without `--reads`.
    ///
    /// # Errors
    /// One line that names the flag.
    pub fn validate(&self) -> Result<Option<ReadsConfig>, UsageError> {
        let Some(folder) = &self.reads else { return Ok(None) };
        if folder.file_name().is_none() {
            return usage(format!("--reads {}: the name of a folder is meant", folder.display()));
        }
        self.check_ranges()?;
        let depths = self.depth_file.as_deref().map(read_depths).transpose()?.unwrap_or_default();
        Ok(Some(ReadsConfig {
            folder: folder.clone(),
            depth: self.depth,
            depths,
            read_length: self.read_length,
            paired: !self.single_end,
            fragment_mean: self.fragment_mean,
            fragment_sd: self.fragment_sd,
            qualities: parse_qualities(&self.base_qualities)?,
            duplicates: self.duplicate_rate,
            secondary: self.secondary_rate,
            low_mapq: self.low_mapq_rate,
            clipped: self.clip_rate,
            unmapped_mates: self.unmapped_mate_rate,
            contamination: self.contamination,
            n_contaminated: if self.contamination > 0.0 { self.n_contaminated } else { 0 },
            n_swaps: self.swap,
        }))
    }

    fn check_ranges(&self) -> Result<(), UsageError> {
        for (flag, value, low, high) in [
            ("--depth", self.depth, 0.0, MAX_DEPTH),
            ("--read-length", f64::from(self.read_length), f64::from(MIN_FRAGMENT), f64::from(MAX_READ_LENGTH)),
            ("--fragment-mean", self.fragment_mean, f64::from(MIN_FRAGMENT), MAX_FRAGMENT),
            ("--fragment-sd", self.fragment_sd, 0.0, MAX_FRAGMENT),
            ("--duplicate-rate", self.duplicate_rate, 0.0, 1.0),
            ("--secondary-rate", self.secondary_rate, 0.0, 1.0),
            ("--low-mapq-rate", self.low_mapq_rate, 0.0, 1.0),
            ("--clip-rate", self.clip_rate, 0.0, 1.0),
            ("--unmapped-mate-rate", self.unmapped_mate_rate, 0.0, 1.0),
            ("--contamination", self.contamination, 0.0, 1.0),
        ] {
            if !(low..=high).contains(&value) {
                let [value, low, high] = [value, low, high].map(shown);
                return usage(format!("{flag} {value}: must lie between {low} and {high}"));
            }
        }
        if self.single_end && self.unmapped_mate_rate > 0.0 {
            return usage("--unmapped-mate-rate: reads have no mates with --single-end".into());
        }
        Ok(())
    }

    /// What the outputs' line of parameters says of reads.
    pub fn mark(&self) -> String {
        if self.reads.is_none() {
            return String::new();
        }
        let rates = [
            ("--depth", self.depth),
            ("--read-length", f64::from(self.read_length)),
            ("--fragment-mean", self.fragment_mean),
            ("--fragment-sd", self.fragment_sd),
            ("--duplicate-rate", self.duplicate_rate),
            ("--secondary-rate", self.secondary_rate),
            ("--low-mapq-rate", self.low_mapq_rate),
            ("--clip-rate", self.clip_rate),
            ("--unmapped-mate-rate", self.unmapped_mate_rate),
            ("--contamination", self.contamination),
        ];
        let rates: String = rates.iter().map(|&(flag, value)| format!(" {flag} {}", shown(value))).collect();
        let own = if self.depth_file.is_some() { " --depth-file" } else { "" };
        let single = if self.single_end { " --single-end" } else { "" };
        format!(
            " --reads{own}{rates}{single} --base-qualities {} --n-contaminated {} --swap {}",
            self.base_qualities, self.n_contaminated, self.swap
        )
    }
}

/// QUALITY:SHARE by commas; the shares sum to 1.
fn parse_qualities(text: &str) -> Result<Vec<(u8, f64)>, UsageError> {
    let mut found: Vec<(u8, f64)> = Vec::new();
    for piece in text.split(',').map(str::trim) {
        let parsed =
            piece.split_once(':').and_then(|(quality, share)| Some((quality.parse().ok()?, share.parse().ok()?)));
        match parsed {
            Some((quality @ 0..=MAX_QUALITY, share)) if (0.0..=1.0).contains(&share) => {
                if found.iter().any(|(other, _)| *other == quality) {
                    return usage(format!("--base-qualities: {quality} twice"));
                }
                found.push((quality, share));
            }
            _ => {
                return usage(format!(
                    "--base-qualities '{piece}': QUALITY:SHARE is meant, a quality of 0 to {MAX_QUALITY} and a share of 0 to 1"
                ));
            }
        }
    }
    let sum: f64 = found.iter().map(|(_, share)| share).sum();
    if (sum - 1.0).abs() > 1e-6 {
        return usage(format!("--base-qualities: the shares sum to {}, not to 1", shown(sum)));
    }
    Ok(found)
}

/// The table of depths. Errors name lines, not samples.
fn read_depths(path: &Path) -> Result<Vec<SampleDepth>, UsageError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| UsageError(format!("--depth-file {}: {error}", path.display())))?;
    let mut seen = std::collections::HashMap::new();
    let mut depths = Vec::new();
    for (line, row) in (1..).zip(text.lines()) {
        let row = row.trim_end_matches('\r');
        if row.trim().is_empty() || row.starts_with('#') {
            continue;
        }
        let at = |problem: &str| UsageError(format!("--depth-file {}: line {line}: {problem}", path.display()));
        let (sample, depth) = row.split_once('\t').ok_or_else(|| at("a sample, a tab and a depth are meant"))?;
        let depth = depth.trim().parse().ok().filter(|depth| (0.0..=MAX_DEPTH).contains(depth));
        let depth = depth.ok_or_else(|| at(&format!("the depth must be a number between 0 and {MAX_DEPTH}")))?;
        if let Some(first) = seen.insert(sample.to_owned(), line) {
            return Err(at(&format!("the sample of line {first} again")));
        }
        depths.push(SampleDepth { line, sample: sample.to_owned(), depth });
    }
    Ok(depths)
}
