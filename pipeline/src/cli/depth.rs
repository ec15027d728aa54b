//! `norna depth`: flags as users of mosdepth, samtools and bcftools know them.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::reads_args::parse_flags;
use super::recorded::recorded;
use super::run_args::RunArgs;
use crate::depth::{ReadRules, STRETCH};
use crate::format::chromosome::parse_list;
use crate::run::UsageError;
use crate::run::depth::{By, DepthConfig};
use crate::run::workdir::OutputKind;
use crate::source::reads::ReadsOptions;

/// Most thresholds.
const MAX_THRESHOLDS: usize = 64;

/// Flags of `norna depth`.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "Example:
  norna depth --bam-list bams.txt --by 500 --out depth.h5
  norna depth --bam-list bams.txt --by exons.bed -Q 20 --thresholds 1,10,20,30 --out depth.h5")]
pub struct DepthArgs {
    /// BAM (or CRAM) files, one a line, each with its index beside it; samples by the SM of their read groups, or
    /// SAMPLE<TAB>PATH on the line
    #[arg(long, value_name = "FILE")]
    pub bam_list: PathBuf,
    /// Width of windows in bases, or a BED file of regions
    #[arg(long, value_name = "N|BED")]
    pub by: String,
    /// HDF5 file to write
    #[arg(long, short, value_name = "FILE", help_heading = "Output and run")]
    pub out: PathBuf,

    /// Reference sequences with a .fai, for CRAM
    #[arg(long, short = 'f', value_name = "FILE", help_heading = "Reads")]
    pub fasta: Option<PathBuf>,
    /// Read CRAM as well, from sources that you trust
    #[arg(long, help_heading = "Reads")]
    pub allow_cram: bool,
    /// Go on although the reference is not the one that the headers of the files name (lengths)
    #[arg(long, help_heading = "Reads")]
    pub allow_reference_mismatch: bool,
    /// Least mapping quality
    #[arg(long = "min-MQ", short = 'Q', alias = "mapq", value_name = "N", default_value_t = 0, help_heading = "Reads")]
    #[serde(rename = "min-MQ")]
    pub min_mapq: u8,
    /// Leave out reads with any of these flags: a number, or names (UNMAP,SECONDARY,QCFAIL,DUP)
    #[arg(long, alias = "flag", short = 'F', value_name = "FLAGS", default_value = "1796", help_heading = "Reads")]
    pub excl_flags: String,
    /// Count a read from its first to its last base, deletions and introns included, and both mates where they overlap
    #[arg(long, short = 'x', alias = "fast-mode", help_heading = "Reads")]
    pub fast: bool,

    /// Chromosomes to look at: 1-22,X [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Windows")]
    pub chr: Vec<String>,
    /// Count the bases of each window that are at least so deep: 1,10,20,30
    #[arg(long, short = 'T', value_name = "LIST", value_delimiter = ',', help_heading = "Windows")]
    pub thresholds: Vec<u32>,

    /// Keep folders, user and hosts in /provenance too, so that norna rerun prints a command that works as it stands
    #[arg(long, help_heading = "Output and run")]
    pub provenance_paths: bool,
    /// Read inputs whole for their checksums in /provenance, not their first MiB alone
    #[arg(long, help_heading = "Output and run")]
    pub full_checksums: bool,
    /// Tell in JSON what was done
    #[arg(long, help_heading = "Output and run")]
    #[serde(skip)]
    pub json: bool,
    /// Positions counted at once, for tests: changes no depth
    #[arg(long, value_name = "N", hide = true)]
    #[serde(skip)]
    pub stretch: Option<u32>,
    #[command(flatten)]
    #[serde(flatten)]
    run: RunArgs,
}

/// Runs `norna depth`.
///
/// # Errors
/// One line that says what was wrong.
pub fn run(args: &DepthArgs) -> Result<()> {
    crate::run::depth::run(&args.validate()?)
}

impl DepthArgs {
    fn validate(&self) -> Result<DepthConfig> {
        let by = by(&self.by)?;
        let mut files = vec![("bam-list", self.bam_list.clone())];
        if let By::Bed(path) = &by {
            files.push(("by", path.clone()));
        }
        files.extend(self.fasta.iter().map(|path| ("fasta", path.clone())));
        if self.allow_cram && self.fasta.is_none() {
            return Err(
                UsageError("--allow-cram needs --fasta: the reference that the reads were aligned to".into()).into()
            );
        }
        let exclude_flags = parse_flags(&self.excl_flags)
            .map_err(|problem| UsageError(format!("--excl-flags {}: {problem}", self.excl_flags)))?;
        let mut run = self.run.options(&self.out, OutputKind::Hdf5, serde_json::to_value(self)?, files)?;
        run.recorded = recorded("depth", &run.command, &run.files);
        Ok(DepthConfig {
            run,
            input: ReadsOptions {
                list: self.bam_list.clone(),
                allow_cram: self.allow_cram,
                fasta: self.fasta.clone(),
                allow_reference_mismatch: self.allow_reference_mismatch,
                ..ReadsOptions::default()
            },
            by,
            chroms: parse_list(&self.chr).map_err(|problem| UsageError(format!("--chr: {problem}")))?,
            thresholds: thresholds(&self.thresholds)?,
            rules: ReadRules { exclude_flags, min_mapq: self.min_mapq, fast: self.fast },
            stretch: self.stretch.unwrap_or(STRETCH).max(1),
            json: self.json,
        })
    }
}

fn by(text: &str) -> Result<By, UsageError> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(By::Bed(PathBuf::from(text)));
    }
    match text.parse() {
        Ok(width @ 1..) => Ok(By::Width(width)),
        _ => Err(UsageError(format!(
            "--by '{text}': a width is a number of bases from 1 to {}; a BED file's name has letters",
            u32::MAX
        ))),
    }
}

fn thresholds(given: &[u32]) -> Result<Vec<u32>, UsageError> {
    let mut thresholds = given.to_vec();
    thresholds.sort_unstable();
    thresholds.dedup();
    if thresholds.first() == Some(&0) {
        return Err(UsageError("--thresholds: every base is at least 0 deep; give numbers from 1".to_owned()));
    }
    if thresholds.len() > MAX_THRESHOLDS {
        return Err(UsageError(format!("--thresholds: {} of them, {MAX_THRESHOLDS} are the most", thresholds.len())));
    }
    Ok(thresholds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_told_from_files() {
        assert_eq!(by("500").unwrap(), By::Width(500));
        assert_eq!(by("a.bed").unwrap(), By::Bed("a.bed".into()));
        assert!(by("0").is_err() && by("99999999999").is_err() && by("").is_err());
    }
}
