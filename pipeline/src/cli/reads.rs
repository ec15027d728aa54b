//! `norna reads`: genotype likelihoods of many samples at sites.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::reads_args::{ReadsArgs, check_batch};
use super::run_args::RunArgs;
use crate::run::UsageError;
use crate::run::reads::{self, ReadsCommand};
use crate::run::workdir::OutputKind;
use crate::source::{InputOptions, expand_paths};

/// Flags of `norna reads`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "Example:
  norna reads --bam-list bams.txt --sites sites.vcf.gz --fasta ref.fa --out gl.bcf")]
pub struct ReadsCommandArgs {
    #[command(flatten)]
    #[serde(flatten)]
    reads: ReadsArgs,
    /// Sites at which reads are looked at: the biallelic SNPs of these VCF or BCF files, with samples or without
    #[arg(long, value_name = "FILE", num_args = 1.., required = true, help_heading = "Sites")]
    sites: Vec<PathBuf>,
    /// Chromosomes: 1-22,X
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Sites")]
    chr: Vec<String>,
    /// Regions by POS, 1-based inclusive, several by commas: 22:17000000-18000000
    #[arg(long, value_name = "CHR:FROM-TO", help_heading = "Sites")]
    region: Vec<String>,
    /// Regions, CHROM FROM TO, 1-based (BED if it ends in .bed or .bed.gz)
    #[arg(long, value_name = "FILE", help_heading = "Sites")]
    regions_file: Option<PathBuf>,
    /// Keep sites whose ID (or CHROM:POS:REF:ALT) is in this list
    #[arg(long, value_name = "FILE", help_heading = "Sites")]
    extract: Option<PathBuf>,
    /// Drop sites whose ID (or CHROM:POS:REF:ALT) is in this list
    #[arg(long, value_name = "FILE", help_heading = "Sites")]
    exclude: Option<PathBuf>,
    /// Keep sites whose FILTER is PASS or "."
    #[arg(long, help_heading = "Sites")]
    pass_only: bool,
    /// Likelihoods (BCF; PL, GP, DS, AD, DP of every sample); an index (.csi) and a log are written beside it
    #[arg(long, short, value_name = "FILE", help_heading = "Output and run")]
    out: PathBuf,
    /// Level of compression, 1 (fast) to 12
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=12), help_heading = "Output and run")]
    compression_level: u8,
    /// Samples whose files a thread reads in one sweep [default: from their number, 4 to 64]
    #[arg(long, value_name = "N", help_heading = "Output and run")]
    batch: Option<usize>,
    /// Compressed bytes of sites of a shard; changes no result
    #[arg(long, value_name = "BYTES", hide = true, help_heading = "Output and run")]
    shard_bytes: Option<u64>,
    #[command(flatten)]
    #[serde(flatten)]
    run: RunArgs,
}

/// Runs `norna reads`.
///
/// # Errors
/// One line; none where a log line has said it.
pub fn run(args: &ReadsCommandArgs) -> Result<()> {
    if args.out.extension().is_none_or(|end| end != "bcf") {
        return Err(
            UsageError(format!("--out {}: likelihoods are written as BCF: name it .bcf", args.out.display())).into()
        );
    }
    let sites = expand_paths(&args.sites)?;
    let mut files = vec![("bam-list", args.reads.bam_list.clone())];
    files.extend(sites.iter().map(|path| ("sites", path.clone())));
    let single = [
        ("fasta", &args.reads.fasta),
        ("regions-file", &args.regions_file),
        ("extract", &args.extract),
        ("exclude", &args.exclude),
    ];
    files.extend(single.into_iter().filter_map(|(role, path)| Some((role, path.clone()?))));
    let command = ReadsCommand {
        run: args.run.options(&args.out, OutputKind::Likelihoods, serde_json::to_value(args)?, files)?,
        reads: args.reads.options()?,
        sites: InputOptions {
            paths: sites,
            chroms: args.chr.clone(),
            regions: args.region.clone(),
            regions_file: args.regions_file.clone(),
            pass_only: args.pass_only,
            extract: args.extract.clone(),
            exclude: args.exclude.clone(),
            ..InputOptions::default()
        },
        batch: args.batch.map(check_batch).transpose()?,
        shard_bytes: args.shard_bytes.map(|bytes| bytes.max(1)),
        level: args.compression_level,
    };
    reads::run(&command)
}
