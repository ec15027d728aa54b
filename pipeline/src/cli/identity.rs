//! `norna identity`: flags as users of bcftools gtcheck and of the other commands know them.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::assoc::FieldArg;
use super::reads_args::ReadsArgs;
use super::run_args::RunArgs;
use super::{EXIT_FAILED, EXIT_OK};
use crate::identity::{PanelOptions, TABLE_START, Thresholds};
use crate::run::UsageError;
use crate::run::identity::{IdentityConfig, IdentityOptions};
use crate::run::workdir::OutputKind;
use crate::source::{Field, InputOptions, expand_paths};

/// Lowest minor allele frequency unless --maf says otherwise.
const DEFAULT_MAF: f64 = 0.05;
/// Highest share of people without a genotype unless --geno says otherwise.
const DEFAULT_GENO: f64 = 0.1;
/// Sites unless --max-sites says otherwise.
const DEFAULT_SITES: usize = 5000;
/// Most sites: their genotypes are held in memory, 2 bits a person.
const MOST_SITES: usize = 1_000_000;

/// Flags of `norna identity`.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(allow_negative_numbers = true)]
pub struct IdentityArgs {
    /// Reads.
    #[command(flatten)]
    #[serde(flatten)]
    pub reads: ReadsArgs,

    /// People.
    #[command(flatten)]
    #[serde(flatten)]
    pub people: PeopleArgs,

    /// Table of samples, tab-separated and readable by its owner only; a log is written beside it
    #[arg(long, short, value_name = "FILE", help_heading = "Output and run")]
    pub out: PathBuf,
    /// Print summary and samples as JSON, too
    #[arg(long, help_heading = "Output and run")]
    #[serde(skip)]
    pub json: bool,
    /// End with exit code 1 if a sample is a swap or a duplicate, once the table is written
    #[arg(long, help_heading = "Output and run")]
    #[serde(skip)]
    pub check: bool,
    /// How the run is conducted.
    #[command(flatten)]
    #[serde(flatten)]
    pub run: RunArgs,
}

/// Whom reads are held against, and what decides.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PeopleArgs {
    /// VCF or BCF files with the genotypes of the people, or a .list/.txt file of paths, one a line
    #[arg(long, alias = "bcf", value_name = "FILE", num_args = 1.., required = true, help_heading = "People")]
    pub vcf: Vec<PathBuf>,
    /// FORMAT field to read; dosages within 0.1 of a whole number are genotypes [default: DS if there is one, else GT]
    #[arg(long, value_enum, ignore_case = true, help_heading = "People")]
    pub field: Option<FieldArg>,
    /// Which sample of the VCF each sample of the reads is, where names differ: two columns
    #[arg(long, value_name = "FILE", help_heading = "People")]
    pub pairs: Option<PathBuf>,

    /// Lowest minor allele frequency of a site in the VCF [default: 0.05]
    #[arg(long, value_name = "FREQ", help_heading = "Sites")]
    pub maf: Option<f64>,
    /// Highest share of people without a genotype at a site [default: 0.1]
    #[arg(long, value_name = "SHARE", help_heading = "Sites")]
    pub geno: Option<f64>,
    /// Most sites, spread evenly over those that there are [default: 5000]
    #[arg(long, value_name = "N", help_heading = "Sites")]
    pub max_sites: Option<usize>,
    /// Bases between two sites at least [default: 0]
    #[arg(long, value_name = "BP", help_heading = "Sites")]
    pub thin: Option<u32>,
    /// Sites whose FILTER is PASS or "."
    #[arg(long, help_heading = "Sites")]
    pub pass_only: bool,
    /// Chromosomes: 1-22
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Sites")]
    pub chr: Vec<String>,
    /// Regions by POS, 1-based inclusive, several by commas: 22:17000000-18000000
    #[arg(long, value_name = "CHR:FROM-TO", help_heading = "Sites")]
    pub region: Vec<String>,
    /// Regions, CHROM FROM TO, 1-based (BED if it ends in .bed or .bed.gz)
    #[arg(long, value_name = "FILE", help_heading = "Sites")]
    pub regions_file: Option<PathBuf>,
    /// Sites whose ID (or CHROM:POS:REF:ALT) is in this list
    #[arg(long, value_name = "FILE", help_heading = "Sites")]
    pub extract: Option<PathBuf>,
    /// No sites whose ID (or CHROM:POS:REF:ALT) is in this list
    #[arg(long, value_name = "FILE", help_heading = "Sites")]
    pub exclude: Option<PathBuf>,

    /// Share of genotypes in the VCF that are wrong [default: 0.005]
    #[arg(long, value_name = "SHARE", help_heading = "Decisions")]
    pub error_rate: Option<f64>,
    /// Odds (log10) from which something is taken to be so [default: 3]
    #[arg(long, value_name = "LOD", help_heading = "Decisions")]
    pub min_lod: Option<f64>,
    /// Sites with reads from which anything is said [default: 20]
    #[arg(long, value_name = "N", help_heading = "Decisions")]
    pub min_sites: Option<u32>,
    /// Share of foreign reads from which a sample is a mixture [default: 0.03]
    #[arg(long, value_name = "SHARE", help_heading = "Decisions")]
    pub max_contamination: Option<f64>,
}

/// Runs `norna identity` and gives the exit code.
///
/// # Errors
/// One line that says what was wrong; empty where the log has said it.
pub fn run(args: IdentityArgs) -> Result<u8> {
    let check = args.check;
    let is_refused = crate::run::identity::run(&args.validate()?)?;
    Ok(if check && is_refused { EXIT_FAILED } else { EXIT_OK })
}

impl IdentityArgs {
    /// Checks what flags alone can tell and names the inputs.
    ///
    /// # Errors
    /// One line that names the flag.
    pub fn validate(self) -> Result<IdentityConfig> {
        let command = serde_json::to_value(&self)?;
        let reads = self.reads.options()?;
        let options = self.people.options()?;
        let mut files: Vec<(&'static str, PathBuf)> = vec![("bam-list", reads.list.clone())];
        files.extend(reads.fasta.iter().map(|path| ("fasta", path.clone())));
        files.extend(self.people.files(&options));
        let run = self.run.options(&self.out, OutputKind::Table(TABLE_START), command, files)?;
        Ok(IdentityConfig { run, reads, options, json: self.json })
    }
}

impl PeopleArgs {
    /// Checks the flags and names the files of the VCF.
    ///
    /// # Errors
    /// One line that names the flag.
    pub fn options(&self) -> Result<IdentityOptions> {
        let default = Thresholds::default();
        let maf = within("maf", self.maf.unwrap_or(DEFAULT_MAF), 0.0, 0.5)?;
        let geno = within("geno", self.geno.unwrap_or(DEFAULT_GENO), 0.0, 1.0)?;
        let max_sites = self.max_sites.unwrap_or(DEFAULT_SITES);
        if !(1..=MOST_SITES).contains(&max_sites) {
            return Err(UsageError(format!("--max-sites {max_sites}: must lie between 1 and {MOST_SITES}")).into());
        }
        let thresholds = Thresholds {
            error_rate: within("error-rate", self.error_rate.unwrap_or(default.error_rate), 1e-6, 0.2)?,
            min_lod: within("min-lod", self.min_lod.unwrap_or(default.min_lod), 0.0, 1e6)?,
            min_sites: self.min_sites.unwrap_or(default.min_sites),
            max_contamination: within(
                "max-contamination",
                self.max_contamination.unwrap_or(default.max_contamination),
                0.0,
                0.5,
            )?,
        };
        let input = InputOptions {
            paths: expand_paths(&self.vcf)?,
            field: self.field.map(|field| match field {
                FieldArg::Gt => Field::Gt,
                FieldArg::Ds => Field::Ds,
                FieldArg::Gp => Field::Gp,
            }),
            chroms: self.chr.clone(),
            regions: self.region.clone(),
            regions_file: self.regions_file.clone(),
            pass_only: self.pass_only,
            extract: self.extract.clone(),
            exclude: self.exclude.clone(),
            ..InputOptions::default()
        };
        let panel = PanelOptions { input, maf, geno, max_sites, thin: self.thin.unwrap_or(0) };
        Ok(IdentityOptions { panel, pairs: self.pairs.clone(), thresholds })
    }

    /// Input files by role.
    pub fn files(&self, options: &IdentityOptions) -> Vec<(&'static str, PathBuf)> {
        let vcf = options.panel.input.paths.iter().map(|path| ("vcf", path.clone()));
        let others = [
            ("pairs", &self.pairs),
            ("regions-file", &self.regions_file),
            ("extract", &self.extract),
            ("exclude", &self.exclude),
        ];
        vcf.chain(others.into_iter().filter_map(|(role, path)| Some((role, path.clone()?)))).collect()
    }
}

fn within(flag: &str, value: f64, least: f64, most: f64) -> Result<f64, UsageError> {
    match (least..=most).contains(&value) {
        true => Ok(value),
        false => Err(UsageError(format!("--{flag} {value}: must lie between {least} and {most}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_checked_by_their_flag() {
        let good = PeopleArgs { vcf: vec!["a.vcf.gz".into()], ..Default::default() };
        assert!(good.options().is_ok());
        for (bad, flag) in [
            (PeopleArgs { maf: Some(0.6), ..good.clone() }, "--maf"),
            (PeopleArgs { geno: Some(f64::NAN), ..good.clone() }, "--geno"),
            (PeopleArgs { max_sites: Some(0), ..good.clone() }, "--max-sites"),
            (PeopleArgs { error_rate: Some(0.0), ..good.clone() }, "--error-rate"),
            (PeopleArgs { max_contamination: Some(-0.1), ..good.clone() }, "--max-contamination"),
        ] {
            let error = bad.options().err().map(|e| e.to_string()).unwrap_or_default();
            assert!(error.starts_with(flag), "{error}");
        }
    }
}
