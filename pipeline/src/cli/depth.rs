//! `norna depth`: flags as users of mosdepth, samtools and bcftools know them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::depth::{ReadRules, STRETCH};
use crate::format::chromosome::parse_list;
use crate::run::UsageError;
use crate::run::depth::{By, DepthConfig};
use crate::run::options::RunOptions;
use crate::run::workdir::{Manner, OutputKind, resolve_links};
use crate::slurm::time::SlurmTime;
use crate::source::reads::ReadsOptions;

/// Most threads of a rank.
const MAX_THREADS: usize = 1024;
/// Most thresholds.
const MAX_THRESHOLDS: usize = 64;
/// Flags that name files, whose folders are nobody's business in an output.
const PATH_FLAGS: [&str; 5] = ["bam-list", "by", "out", "fasta", "config"];

/// Flags of `norna depth`.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "Example:
  norna depth --bam-list bams.txt --by 500 --out depth.h5
  norna depth --bam-list bams.txt --by exons.bed -q 20 --thresholds 1,10,20,30 --out depth.h5")]
pub struct DepthArgs {
    /// BAM (or CRAM) files, one a line, each with its index beside it; samples by the SM of their read groups, or
    /// SAMPLE<TAB>PATH on the line
    #[arg(long, short = 'b', value_name = "FILE")]
    pub bam_list: PathBuf,
    /// Width of windows in bases, or a BED file of regions
    #[arg(long, value_name = "N|BED")]
    pub by: String,
    /// HDF5 file to write
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,

    /// Reference sequences with a .fai, for CRAM
    #[arg(long, short = 'f', value_name = "FILE", help_heading = "Reads")]
    pub fasta: Option<PathBuf>,
    /// Read CRAM as well, from sources that you trust
    #[arg(long, help_heading = "Reads")]
    pub allow_cram: bool,
    /// Least mapping quality
    #[arg(long = "min-MQ", short = 'q', alias = "mapq", value_name = "N", default_value_t = 0, help_heading = "Reads")]
    #[serde(rename = "min-MQ")]
    pub min_mapq: u8,
    /// Leave out reads with any of these flags: a number, or names (UNMAP,SECONDARY,QCFAIL,DUP)
    #[arg(long, alias = "flag", short = 'F', value_name = "FLAGS", default_value = "1796", help_heading = "Reads")]
    pub excl_flags: String,
    /// Count a read from its first to its last base, deletions and introns included, and both mates where they overlap
    #[arg(long, short = 'x', alias = "fast-mode", help_heading = "Reads")]
    pub fast: bool,

    /// Chromosomes to look at: 1-22,X [default: all]
    #[arg(long, short = 'c', value_name = "LIST", help_heading = "Windows")]
    pub chr: Vec<String>,
    /// Count the bases of each window that are at least so deep: 1,10,20,30
    #[arg(long, short = 'T', value_name = "LIST", value_delimiter = ',', help_heading = "Windows")]
    pub thresholds: Vec<u32>,

    /// Threads per rank; changes no depth [default: the cores that the rank is bound to]
    #[arg(long, short = 't', value_name = "N", help_heading = "Run")]
    pub threads: Option<usize>,
    /// Stop in good order after this time (Slurm's formats), to go on later
    #[arg(long, value_name = "TIME", help_heading = "Run")]
    pub time_limit: Option<String>,
    /// Replace an output that is there
    #[arg(long, help_heading = "Run")]
    #[serde(skip)]
    pub force: bool,
    /// Drop what an earlier attempt has finished
    #[arg(long, help_heading = "Run")]
    #[serde(skip)]
    pub fresh: bool,
    /// Tell in JSON what was done
    #[arg(long, help_heading = "Run")]
    #[serde(skip)]
    pub json: bool,
    /// Only warnings and errors
    #[arg(long, help_heading = "Run")]
    #[serde(skip)]
    pub quiet: bool,
    /// Positions counted at once, for tests: changes no depth
    #[arg(long, value_name = "N", hide = true)]
    #[serde(skip)]
    pub stretch: Option<u32>,
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
        if let Some(threads) = self.threads.filter(|n| !(1..=MAX_THREADS).contains(n)) {
            return Err(UsageError(format!("--threads {threads}: must lie between 1 and {MAX_THREADS}")).into());
        }
        let limit = self.time_limit.as_deref().map(str::parse::<SlurmTime>).transpose();
        let limit = limit.map_err(|problem| UsageError(format!("--time-limit: {problem}")))?;
        let by = by(&self.by)?;
        let mut files = vec![("bam-list", self.bam_list.clone())];
        if let By::Bed(path) = &by {
            files.push(("by", path.clone()));
        }
        files.extend(self.fasta.iter().map(|path| ("fasta", path.clone())));
        let command = serde_json::to_value(self)?;
        Ok(DepthConfig {
            run: RunOptions {
                out: resolve_links(&self.out),
                kind: OutputKind::Hdf5,
                manner: Manner { force: self.force, fresh: self.fresh, join: false, requeued: false },
                threads: self.threads,
                time_limit: limit.map(|limit| std::time::Duration::from_secs(limit.0)),
                dry_run: false,
                log_level: if self.quiet { log::LevelFilter::Warn } else { log::LevelFilter::Info },
                files,
                resolved: resolved(command.clone()),
                command,
            },
            input: ReadsOptions {
                list: self.bam_list.clone(),
                allow_cram: self.allow_cram,
                fasta: self.fasta.clone(),
                ..ReadsOptions::default()
            },
            by,
            chroms: parse_list(&self.chr).map_err(|problem| UsageError(format!("--chr: {problem}")))?,
            thresholds: thresholds(&self.thresholds)?,
            rules: ReadRules { exclude_flags: flags(&self.excl_flags)?, min_mapq: self.min_mapq, fast: self.fast },
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
            "--by '{text}': a width is a number of bases from 1; a BED file's name has letters"
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

/// Names of flags as samtools has them.
const FLAG_NAMES: [&str; 12] = [
    "PAIRED",
    "PROPER_PAIR",
    "UNMAP",
    "MUNMAP",
    "REVERSE",
    "MREVERSE",
    "READ1",
    "READ2",
    "SECONDARY",
    "QCFAIL",
    "DUP",
    "SUPPLEMENTARY",
];

/// Flags as a number (decimal, 0x or octal as in C) or names between commas.
fn flags(text: &str) -> Result<u16, UsageError> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    if let Some(number) = number {
        return Ok(number);
    }
    let mut flags = 0;
    for name in text.split(',') {
        let bit = FLAG_NAMES.iter().position(|known| known.eq_ignore_ascii_case(name.trim()));
        let bit = bit.ok_or_else(|| {
            UsageError(format!("--excl-flags '{name}': neither a number nor one of {}", FLAG_NAMES.join(", ")))
        })?;
        flags |= 1 << bit;
    }
    Ok(flags)
}

/// The flags that decide depths, for the output: without folders, and without those that were not given.
fn resolved(mut flags: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    if let Value::Object(map) = &mut flags {
        map.retain(|_, value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Array(list) => !list.is_empty(),
            _ => true,
        });
        for flag in PATH_FLAGS {
            if let Some(Value::String(path)) = map.get_mut(flag)
                && let Some(name) = Path::new(path.as_str()).file_name()
            {
                *path = name.to_string_lossy().into_owned();
            }
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_numbers_or_names() {
        assert_eq!(flags("1796").unwrap(), 1796);
        assert_eq!(flags("0x704").unwrap(), 1796);
        assert_eq!(flags("UNMAP,SECONDARY,qcfail,DUP").unwrap(), 1796);
        assert_eq!(flags("0").unwrap(), 0);
        assert!(flags("99999").is_err() && flags("UNMAPPED").is_err() && flags("").is_err());
    }

    #[test]
    fn widths_are_told_from_files() {
        assert_eq!(by("500").unwrap(), By::Width(500));
        assert_eq!(by("a.bed").unwrap(), By::Bed("a.bed".into()));
        assert!(by("0").is_err() && by("99999999999").is_err() && by("").is_err());
    }
}
