//! What is read and what is kept, as the command line says it.

use std::path::PathBuf;

use crate::format::chromosome::Build;

use super::error::SourceError;

/// The FORMAT field that genotypes are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Hard calls.
    Gt,
    /// ALT dosages.
    Ds,
    /// Genotype probabilities, turned into dosages.
    Gp,
}

impl Field {
    /// Its key.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gt => "GT",
            Self::Ds => "DS",
            Self::Gp => "GP",
        }
    }
}

/// What a call with one of two alleles missing (`./1`) is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HalfCall {
    /// Missing.
    #[default]
    Missing,
    /// The missing allele is REF.
    Reference,
    /// A haploid call of the other allele.
    Haploid,
    /// An error.
    Error,
}

/// How a male's single ALT on X outside the pseudo-autosomal regions counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MaleX {
    /// 0 or 2: as two copies (the default; plink2's `--xchr-model 2`).
    #[default]
    TwoCopies,
    /// 0 or 1 (plink2's `--xchr-model 1`).
    OneCopy,
}

/// Genotype input: files, field, ploidy policy and filters. Every bound is inclusive on the side that is kept.
#[derive(Debug, Clone, Default)]
pub struct InputOptions {
    /// VCF or BCF files, `-` for standard input; see [`super::expand_paths`] for list files.
    pub paths: Vec<PathBuf>,
    /// Field; by default DS where the files have it, else GT.
    pub field: Option<Field>,
    /// Half calls.
    pub half_call: HalfCall,
    /// Build, for the pseudo-autosomal regions; by default told from the header's length of X.
    pub build: Option<Build>,
    /// Pseudo-autosomal regions of X from a file, instead of a build's.
    pub par_file: Option<PathBuf>,
    /// Males on X.
    pub male_x: MaleX,
    /// Chromosomes that are kept: lists and ranges (`1-22,X`); all if empty.
    pub chroms: Vec<String>,
    /// Regions that are kept, by POS (`22:17000000-18000000`); all if empty and there is no file of regions.
    pub regions: Vec<String>,
    /// Regions in a file, together with `regions`.
    pub regions_file: Option<PathBuf>,
    /// Stretches of the files will be read by their indices ([`super::Input::part`]).
    pub in_parts: bool,
    /// Keeps FILTER `PASS` and `.` only.
    pub pass_only: bool,
    /// Keeps the IDs, or CHROM:POS:REF:ALT, in the first column of this file.
    pub extract: Option<PathBuf>,
    /// Drops those.
    pub exclude: Option<PathBuf>,
    /// Lowest INFO, R2 or DR2.
    pub min_info: Option<f64>,
    /// Lowest minor allele frequency.
    pub maf: Option<f64>,
    /// Highest minor allele frequency.
    pub max_maf: Option<f64>,
    /// Lowest minor allele count.
    pub mac: Option<f64>,
    /// Highest minor allele count.
    pub max_mac: Option<f64>,
    /// Highest share of samples without a call.
    pub geno: Option<f64>,
    /// Lowest exact Hardy-Weinberg p (on X over females only; not on Y and MT).
    pub hwe: Option<f64>,
}

/// What is said of an opened input.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remarks {
    /// What was chosen.
    pub(crate) messages: Vec<String>,
    /// What is likely to be a mistake.
    pub(crate) warnings: Vec<String>,
}

impl InputOptions {
    /// Checks the numbers.
    pub(crate) fn check(&self) -> Result<(), SourceError> {
        if self.paths.is_empty() {
            return Err(SourceError::option("--vcf", "no file is given"));
        }
        if self.paths.iter().filter(|p| p.as_os_str() == "-").count() > 1 {
            return Err(SourceError::option("--vcf", "- (standard input) is given twice"));
        }
        let bounds = [
            ("--maf", self.maf, 0.5),
            ("--max-maf", self.max_maf, 0.5),
            ("--geno", self.geno, 1.0),
            ("--hwe", self.hwe, 1.0),
            ("--min-info", self.min_info, f64::MAX),
            ("--mac", self.mac, f64::MAX),
            ("--max-mac", self.max_mac, f64::MAX),
        ];
        for (option, value, highest) in bounds {
            if let Some(value) = value
                && !(0.0..=highest).contains(&value)
            {
                let to = if highest == f64::MAX { "up".to_owned() } else { format!("to {highest}") };
                return Err(SourceError::option(option, format!("{value} is out of bounds; give 0 {to}")));
            }
        }
        for (option, lowest, highest_option, highest) in
            [("--maf", self.maf, "--max-maf", self.max_maf), ("--mac", self.mac, "--max-mac", self.max_mac)]
        {
            if let (Some(lowest), Some(highest)) = (lowest, highest)
                && lowest > highest
            {
                let problem = format!("{lowest} is over {highest_option} {highest}: no variant would be kept");
                return Err(SourceError::option(option, problem));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_checked() {
        let good = InputOptions { paths: vec!["a.vcf".into()], maf: Some(0.5), ..Default::default() };
        assert!(good.check().is_ok());
        for bad in [
            InputOptions { maf: Some(0.6), ..good.clone() },
            InputOptions { hwe: Some(f64::NAN), ..good.clone() },
            InputOptions { mac: Some(-1.0), ..good.clone() },
            InputOptions { max_maf: Some(0.1), ..good.clone() },
            InputOptions { mac: Some(5.0), max_mac: Some(4.0), ..good.clone() },
            InputOptions { paths: vec![], ..good.clone() },
            InputOptions { paths: vec!["-".into(), "-".into()], ..good.clone() },
        ] {
            assert!(bad.check().unwrap_err().is_usage());
        }
    }
}
