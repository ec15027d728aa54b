//! `norna simulate`: flags as users of plink2, bcftools and msprime know them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::simulate_config::shown;
use super::simulate_from;
use super::simulate_reads::ReadsArgs;
use crate::report::{logger, resources::Resources, resources::human_bytes};
use crate::run::UsageError;
use crate::simulate::reads::{ReadsConfig, ReadsSummary};
use crate::simulate::{self, SimulateConfig, Summary};

/// Flags of `norna simulate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:
  norna simulate --n-samples 10000 --n-variants 100000 --n-traits 100 --out cohort.vcf.gz
  norna assoc --vcf cohort.vcf.gz --pheno cohort.pheno.tsv --covar cohort.covar.tsv --out results.h5
With reads, a BAM a sample:
  norna simulate --n-samples 100 --n-variants 2000 --contig 22:1000000 --out cohort.vcf.gz --reads reads --depth 4
  norna simulate --genotypes people.vcf.gz --reads reads --depth 4")]
pub struct SimulateArgs {
    /// Genotypes: .vcf.gz or .vcf.bgz (with a .tbi), .bcf (with a .csi) or .vcf; the other outputs go beside
    #[arg(long, short, value_name = "FILE", required_unless_present = "genotypes")]
    pub out: Option<PathBuf>,
    /// Diploid samples
    #[arg(long, value_name = "N", required_unless_present = "genotypes")]
    pub n_samples: Option<usize>,
    /// Variants, over all contigs
    #[arg(long, value_name = "N", required_unless_present = "genotypes")]
    pub n_variants: Option<u64>,
    /// Seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Contigs, autosomes only, by commas; NAME:LENGTH spreads its variants over so many bases, else the mutation rate says
    /// how many bases they take
    #[arg(long, value_name = "LIST", default_value = "22", help_heading = "Genotypes")]
    pub contig: Vec<String>,
    /// FORMAT: of GT, DS and GP those that are wanted; with DS or GP genotypes are as imputed
    #[arg(long, value_name = "FIELDS", default_value = "GT", help_heading = "Genotypes")]
    pub format_fields: String,
    /// Share of calls that are missing
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, help_heading = "Genotypes")]
    pub missing_genotypes: f64,
    /// Effective population size, diploid individuals
    #[arg(long, value_name = "N", default_value_t = 1e4, help_heading = "Genotypes")]
    pub population_size: f64,
    /// Recombinations per base and generation
    #[arg(long, value_name = "RATE", default_value_t = 1e-8, help_heading = "Genotypes")]
    pub recombination_rate: f64,
    /// Mutations per base and generation; says how many bases the variants of a contig without LENGTH take
    #[arg(long, value_name = "RATE", default_value_t = 1.29e-8, help_heading = "Genotypes")]
    pub mutation_rate: f64,

    /// Quantitative traits with planted effects: T1, T2, ...
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Traits")]
    pub n_traits: usize,
    /// Quantitative traits without planted effects: N1, N2, ...
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Traits")]
    pub n_null_traits: usize,
    /// Two-valued traits (1 control, 2 case) with effects on a liability: B1, B2, ...
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Traits")]
    pub n_binary_traits: usize,
    /// Share of cases in two-valued traits
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, help_heading = "Traits")]
    pub prevalence: f64,
    /// Planted variants per trait
    #[arg(long, value_name = "N", default_value_t = 5, help_heading = "Traits")]
    pub n_causal: usize,
    /// Share of a trait's variance (or liability's) that its planted variants explain; covariates explain 0.1
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, help_heading = "Traits")]
    pub heritability: f64,
    /// Least minor allele frequency of a planted variant
    #[arg(long, value_name = "FREQ", default_value_t = 0.01, help_heading = "Traits")]
    pub min_causal_maf: f64,
    /// Share of each trait's values that are missing
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, help_heading = "Traits")]
    pub missing_traits: f64,
    /// Whether each trait is missing in samples of its own, or all in the same
    #[arg(long, value_enum, default_value_t = PatternArg::Own, help_heading = "Traits")]
    pub missing_pattern: PatternArg,
    /// Covariates: c1 (0 or 1), c2, ... (standard normal); 0 writes no table
    #[arg(long, value_name = "N", default_value_t = 2, help_heading = "Traits")]
    pub n_covariates: usize,

    /// Reads
    #[command(flatten)]
    pub reads: ReadsArgs,

    /// Level of compression, 1 (fast) to 12; bgzip's own is 6: a fifth smaller, two to three times as long
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=12), help_heading = "Run")]
    pub compression_level: u8,
    /// Threads; changes no output [default: all cores]
    #[arg(long, value_name = "N", help_heading = "Run")]
    pub threads: Option<usize>,
    /// Replace outputs that norna simulate made before
    #[arg(long, help_heading = "Run")]
    pub force: bool,
    /// Only warnings and errors
    #[arg(long, short, help_heading = "Run")]
    pub quiet: bool,
}

/// Patterns of missing trait values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PatternArg {
    /// Each trait has its own
    Own,
    /// One for all traits
    Shared,
}

/// Runs `norna simulate`.
///
/// # Errors
/// One line that says what was wrong.
pub fn run(args: &SimulateArgs) -> Result<()> {
    refuse_ranks("simulate")?;
    let stop = || -> Result<_> {
        let stop = stop_on_signals().context("signals")?;
        // A write beyond a file-size limit is then an error of that write instead of the end of the process.
        let over_limit = std::sync::Arc::default();
        signal_hook::flag::register(signal_hook::consts::SIGXFSZ, over_limit).context("signals")?;
        Ok(stop)
    };
    let start = Instant::now();
    if args.reads.genotypes.is_some() {
        let (config, threads) = args.validate_reads()?;
        let stop = stop()?;
        logger::start(args.log_level());
        log::info!("simulating reads of the people of a file, seed {}, {threads} threads", args.seed);
        let (taken, summary) = simulate_from::run(args, &config, threads, &stop)?;
        log::info!(
            "genotypes: {} rows skipped that are no SNP of two alleles, {} missing calls taken as REF",
            taken.n_skipped,
            taken.n_missing
        );
        tell_reads(&config, &summary);
        tell_used(start);
        return Ok(());
    }
    let config = args.validate()?;
    let stop = stop()?;
    logger::start(config.log_level);
    let bases: u64 = config.contigs.iter().map(|contig| u64::from(contig.length)).sum();
    log::info!(
        "simulating {} samples × {} variants over {bases} bases, {} traits, seed {}, {} threads",
        config.n_samples,
        config.contigs.iter().map(|contig| contig.n_variants).sum::<u64>(),
        args.n_traits + args.n_null_traits + args.n_binary_traits,
        config.seed,
        config.threads
    );
    let summary = simulate::run(&config, &stop)?;
    tell(&config, &summary, start);
    Ok(())
}

/// Variables by which launchers tell a process how many of its kind there are.
const SIZE_VARIABLES: [&str; 4] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"];

/// Refuses to be one of several processes.
pub(super) fn refuse_ranks(command: &str) -> Result<(), UsageError> {
    let announced = |name: &str| std::env::var(name).ok()?.trim().parse().ok();
    match SIZE_VARIABLES.into_iter().find_map(announced) {
        Some(n @ 2_usize..) => Err(UsageError(format!(
            "norna {command} was started {n} times by a launcher and is one process: start it without mpirun or srun; \
             --threads has it use several cores"
        ))),
        _ => Ok(()),
    }
}

/// Set by SIGINT, SIGTERM or SIGHUP; a second one ends the process at once.
pub(super) fn stop_on_signals() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

fn tell(config: &SimulateConfig, summary: &Summary, start: Instant) {
    let n = summary.n_variants as f64;
    log::info!(
        "variants: {} ({:.1} % with a minor allele frequency under 1 %, mean heterozygosity {:.4})",
        summary.n_variants,
        100.0 * summary.n_rare as f64 / n,
        summary.heterozygosity / n
    );
    if config.missing_genotypes > 0.0 {
        let share = 100.0 * summary.n_missing as f64 / (n * config.n_samples as f64);
        log::info!("missing genotypes: {} ({share:.2} %)", summary.n_missing);
    }
    log::info!("planted effects: {}", summary.n_planted);
    if summary.n_not_planted > 0 {
        log::warn!(
            "{} effects found no variant with a minor allele frequency of --min-causal-maf {} and were left out",
            summary.n_not_planted,
            shown(config.traits.min_causal_maf)
        );
    }
    if let Some(first) = summary.one_valued.first() {
        let n = summary.one_valued.len();
        log::warn!(
            "two-valued traits with one value only: {n} (the first is {first}): too few samples for --prevalence"
        );
    }
    if let Some((config, reads)) = config.reads.as_ref().zip(summary.reads.as_ref()) {
        tell_reads(config, reads);
    }
    for path in &summary.removed {
        log::info!("removed: {} (of the earlier cohort of this name)", path.display());
    }
    for (path, bytes) in &summary.files {
        log::info!("written: {} ({})", path.display(), human_bytes(*bytes));
    }
    tell_used(start);
}

fn tell_used(start: Instant) {
    let used = Resources::now();
    log::info!(
        "used: {:.1} s wall, {:.1} s CPU, {} peak memory",
        start.elapsed().as_secs_f64(),
        used.cpu_seconds,
        human_bytes(used.peak_memory)
    );
}

fn tell_reads(config: &ReadsConfig, reads: &ReadsSummary) {
    log::info!(
        "reads: {} files of {} records over {} bases, {} sites; {} files swapped, {} contaminated",
        reads.n_files,
        reads.n_records,
        reads.n_bases,
        reads.n_sites,
        reads.n_swapped,
        reads.n_contaminated
    );
    log::info!("written: {}/ ({})", config.folder.display(), human_bytes(reads.n_bytes));
}
