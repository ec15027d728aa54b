//! Flags that say which reads are read and which of them count, by the long names of samtools and bcftools.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::run::UsageError;
use crate::source::reads::{Overlaps, ReadFilter, ReadsOptions};

/// Alignment files and filters.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReadsArgs {
    /// BAM files, one a line: PATH, or SAMPLE<TAB>PATH; without a name samples are those of the read groups (SM)
    #[arg(long, value_name = "FILE", help_heading = "Reads")]
    pub bam_list: PathBuf,
    /// Reference the reads were aligned to, with its .fai: checked against files and sites, and needed for CRAM
    #[arg(long, short = 'f', value_name = "FILE", help_heading = "Reads")]
    pub fasta: Option<PathBuf>,
    /// Read CRAM files too: their decoders are the most attacked ones, so only from people you trust
    #[arg(long, help_heading = "Reads")]
    pub allow_cram: bool,
    /// Go on although the reference is not the one that the headers of the files name (lengths, checksums)
    #[arg(long, help_heading = "Reads")]
    pub allow_reference_mismatch: bool,
    #[command(flatten)]
    #[serde(flatten)]
    pub filter: ReadFilterArgs,
}

/// Which reads and bases count.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReadFilterArgs {
    /// Lowest mapping quality of a read [default: 20]
    #[arg(long = "min-MQ", value_name = "Q", help_heading = "Reads")]
    #[serde(rename = "min-MQ")]
    pub min_mq: Option<u8>,
    /// Lowest base quality [default: 13]
    #[arg(long = "min-BQ", value_name = "Q", help_heading = "Reads")]
    #[serde(rename = "min-BQ")]
    pub min_bq: Option<u8>,
    /// Leave out reads with any of these flags, a number or names by commas [default: UNMAP,SECONDARY,QCFAIL,DUP,SUPPLEMENTARY]
    #[arg(long, value_name = "FLAGS", help_heading = "Reads")]
    pub excl_flags: Option<String>,
    /// Leave out reads without all of these flags
    #[arg(long, value_name = "FLAGS", help_heading = "Reads")]
    pub incl_flags: Option<String>,
    /// Most bases of a file at a site, 0 for as many as can be counted (65,535) [default: 250]
    #[arg(long, value_name = "N", help_heading = "Reads")]
    pub max_depth: Option<u32>,
    /// Leave out paired reads that are not of a proper pair
    #[arg(long, help_heading = "Reads")]
    pub proper_pairs: bool,
    /// Count bases that both mates of a pair cover twice
    #[arg(long, help_heading = "Reads")]
    pub count_overlaps_twice: bool,
}

impl ReadsArgs {
    /// Checks the flags.
    ///
    /// # Errors
    /// One line that names the flag.
    pub fn options(&self) -> Result<ReadsOptions, UsageError> {
        if self.allow_cram && self.fasta.is_none() {
            return Err(UsageError("--allow-cram needs --fasta: the reference that the reads were aligned to".into()));
        }
        Ok(ReadsOptions {
            list: self.bam_list.clone(),
            allow_cram: self.allow_cram,
            fasta: self.fasta.clone(),
            allow_reference_mismatch: self.allow_reference_mismatch,
            filter: self.filter.filter()?,
        })
    }
}

impl ReadFilterArgs {
    /// Checks the flags.
    ///
    /// # Errors
    /// One line that names the flag.
    pub fn filter(&self) -> Result<ReadFilter, UsageError> {
        let default = ReadFilter::default();
        let flags = |name: &str, text: &Option<String>, default: u16| match text {
            Some(text) => parse_flags(text).map_err(|problem| UsageError(format!("--{name} {text}: {problem}"))),
            None => Ok(default),
        };
        Ok(ReadFilter {
            exclude_flags: flags("excl-flags", &self.excl_flags, default.exclude_flags)?,
            include_flags: flags("incl-flags", &self.incl_flags, default.include_flags)?,
            min_mapq: self.min_mq.unwrap_or(default.min_mapq),
            min_baseq: self.min_bq.unwrap_or(default.min_baseq),
            proper_pairs: self.proper_pairs,
            max_depth: self.max_depth.unwrap_or(default.max_depth),
            overlaps: if self.count_overlaps_twice { Overlaps::Both } else { Overlaps::Once },
        })
    }
}

/// Checks --batch.
///
/// # Errors
/// It is out of bounds.
pub fn check_batch(batch: usize) -> Result<usize, UsageError> {
    if (1..=1 << 16).contains(&batch) {
        Ok(batch)
    } else {
        Err(UsageError(format!("--batch {batch}: give 1 to 65536")))
    }
}

/// Names of flags as samtools has them, lowest bit first.
const FLAGS: [&str; 12] = [
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

/// A number (decimal, 0x...) or names by commas.
pub(super) fn parse_flags(text: &str) -> Result<u16, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    if let Some(number) = number {
        return if number >> FLAGS.len() == 0 { Ok(number) } else { Err("there are flags up to 4095 only".into()) };
    }
    text.split(',').try_fold(0, |flags, name| {
        let bit = FLAGS.iter().position(|known| known.eq_ignore_ascii_case(name.trim()));
        bit.map(|bit| flags | 1 << bit).ok_or_else(|| format!("{name} is none of {}", FLAGS.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_numbers_or_names() {
        assert_eq!(parse_flags("1796"), Ok(1796));
        assert_eq!(parse_flags("0x704"), Ok(1796));
        assert_eq!(parse_flags("UNMAP,SECONDARY,qcfail,DUP"), Ok(1796));
        assert!(parse_flags("4096").is_err() && parse_flags("-1").is_err() && parse_flags("DUPS").is_err());
        assert!(parse_flags("").is_err());
    }
}
