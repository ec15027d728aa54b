//! `norna plan`: what a study would cost, before anybody asks for time.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::{Args, Parser, ValueEnum};

use super::assoc::StoreArg;
use super::plan_machine::Machine;
use super::qtl::QtlStudy;
use super::{Cli, Command};
use crate::bench::card::Card;
use crate::plan::{Assumptions, CisSize, GenotypeFormat, Rates, StudySize};
use crate::report::plan::{Options, Report};
use crate::report::stdout;
use crate::report::words::count;
use crate::run::UsageError;
use crate::store::Store;

/// Flags of `norna plan`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:
  norna bench --out card.json
  norna plan --samples 50000 --variants 20e6 --traits 3000 --format bcf --covariates 10 --card card.json
  norna plan --samples 50000 --variants 20e6 --traits 3000 --store hits --p-threshold 1e-8 --permute 1000
  norna plan --profile lumi-c -- assoc --vcf cohort.bcf --pheno traits.tsv")]
pub struct PlanArgs {
    /// Analysed samples
    #[arg(long, value_name = "N", value_parser = whole, required_unless_present = "command", conflicts_with = "command")]
    pub samples: Option<u64>,
    /// Variants (rows: a record with two ALT alleles is two); 20e6 is understood
    #[arg(long, value_name = "N", value_parser = whole, required_unless_present = "command", conflicts_with = "command")]
    pub variants: Option<u64>,
    /// Traits
    #[arg(long, value_name = "N", value_parser = whole, required_unless_present = "command", conflicts_with = "command")]
    pub traits: Option<u64>,
    /// What the genotypes come as
    #[arg(long, value_enum, default_value_t = FormatArg::Vcf)]
    pub format: FormatArg,
    /// Covariates, without the intercept
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub covariates: u64,
    /// Distinct patterns of missing trait values [default: 1, or as many as traits with --missing-traits]
    #[arg(long, value_name = "N", value_parser = whole)]
    pub masks: Option<u64>,
    /// Share of each trait's values that are missing, where each trait misses others
    #[arg(long, value_name = "SHARE")]
    pub missing_traits: Option<f64>,
    /// Share of genotypes that are missing
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub missing_rate: f64,
    /// Samples missing a genotype: drop or mean, as for norna assoc
    #[arg(long, value_enum, default_value_t = super::assoc::MissingGenotypeArg::Drop)]
    pub missing_genotype: super::assoc::MissingGenotypeArg,
    /// The variants have at least this minor allele frequency (imputed data are often cut at 0.01)
    #[arg(long, value_name = "FREQ", default_value_t = 0.0)]
    pub maf: f64,
    /// Bytes of the genotype files [default: guessed from samples, variants and format]
    #[arg(long, value_name = "BYTES", value_parser = whole)]
    pub input_bytes: Option<u64>,
    /// Genotype files, for the number of files that a form asks for
    #[arg(long, value_name = "N", default_value_t = 22)]
    pub input_files: u64,
    /// What is kept of the pairs
    #[arg(long, value_enum, default_value_t = StoreArg::Full)]
    pub store: StoreArg,
    /// Pairs with p at or under this are kept in /hits
    #[arg(long, value_name = "P", default_value_t = 1e-5)]
    pub p_threshold: f64,

    /// Also what norna qtl takes for cis windows with so many permutations of each trait
    #[arg(long, value_name = "N", value_parser = whole)]
    pub permute: Option<u64>,
    /// With --permute: bases to either side of a gene's transcription start
    #[arg(long, value_name = "BASES", default_value_t = 1_000_000, requires = "permute")]
    pub cis_window: u32,

    /// What `norna bench --out` measured there [default: a Zen 5 EPYC core with AVX-512]
    #[arg(long, value_name = "FILE", help_heading = "Machine")]
    pub card: Option<PathBuf>,
    /// Cluster: a name of norna profile list, or a .toml file
    #[arg(long, value_name = "NAME", help_heading = "Machine")]
    pub profile: Option<String>,
    /// Partition of the profile [default: its first that has whole nodes of a known kind]
    #[arg(long, value_name = "NAME", requires = "profile", help_heading = "Machine")]
    pub partition: Option<String>,
    /// Features of nodes, which choose among the kinds of a partition
    #[arg(long, short = 'C', value_name = "NAME", requires = "profile", help_heading = "Machine")]
    pub constraint: Option<String>,
    /// Cores of a node [default: the profile's; 128 without a profile]
    #[arg(long, value_name = "N", help_heading = "Machine")]
    pub cores_per_node: Option<u32>,
    /// Threads of a rank [default: the cores of a socket as the profile has it, else a node's]
    #[arg(long, value_name = "N", help_heading = "Machine")]
    pub threads: Option<u32>,
    /// Node counts, by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [1, 2, 4, 8, 16, 32, 64], help_heading = "Machine")]
    pub nodes: Vec<u32>,

    /// Price of a core-hour
    #[arg(long, value_name = "PRICE", help_heading = "Output")]
    pub price_per_core_hour: Option<f64>,
    /// What the price is in
    #[arg(long, value_name = "NAME", default_value = "EUR", help_heading = "Output")]
    pub currency: String,
    /// Everything as JSON, with ranges
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// A study whose files are there, instead of sizes: -- assoc --vcf ... --pheno ..., or -- qtl --vcf ... --proteins ...
    #[arg(last = true, value_name = "COMMAND", conflicts_with_all = ["format", "covariates", "masks", "missing_genotype",
          "input_bytes", "store", "p_threshold", "permute"])]
    pub command: Vec<OsString>,
}

/// Genotype formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// VCF.gz with GT
    Vcf,
    /// VCF.gz with DS or GP
    #[value(alias = "vcf-ds")]
    VcfDosage,
    /// BCF with GT
    Bcf,
    /// BCF with DS or GP
    #[value(alias = "bcf-ds")]
    BcfDosage,
}

/// A whole number of at least 1, `2e7` too.
fn whole(text: &str) -> Result<u64, String> {
    let value: f64 = text.replace('_', "").parse().map_err(|_| "a whole number is meant, such as 20000000 or 20e6")?;
    if value.fract() != 0.0 || !(1.0..=1e15).contains(&value) {
        return Err("a whole number between 1 and 1e15 is meant, such as 20000000 or 20e6".to_owned());
    }
    Ok(value as u64)
}

/// Runs `norna plan`.
///
/// # Errors
/// Flags that cannot be meant, a card or a study that does not read; an empty one where no row fits the nodes.
pub fn run(args: &PlanArgs) -> Result<()> {
    args.check()?;
    let card = args.card.as_deref().map(Card::read).transpose()?;
    let machine = Machine::of(args)?;
    let (size, cis) = args.study()?;
    if size.n_samples <= size.n_covariates + 1 {
        return Err(UsageError(format!(
            "{} samples: a model of {} and the intercept takes at least {}",
            size.n_samples,
            count(size.n_covariates - 1, "covariate"),
            size.n_covariates + 2
        ))
        .into());
    }
    let options = Options {
        size,
        cis,
        assumed: Assumptions {
            min_frequency: args.maf,
            missing_genotypes: args.missing_rate,
            missing_traits: args.missing_traits.unwrap_or(Assumptions::default().missing_traits),
        },
        rates: card.as_ref().map_or_else(Rates::default, |card| card.plan_rates()),
        rates_of: card.map(|card| format!("{} ({}, {})", card.machine.cpu, card.machine.isa, card.date)),
        layouts: machine.layouts,
        pricing: machine.pricing,
        limits: machine.limits,
        remarks: machine.remarks,
        price: args.price_per_core_hour.map(|price| (price, args.currency.clone())),
        n_inputs: args.input_files,
    };
    let report = Report::new(&options);
    if !report.is_finite() {
        return Err(
            UsageError("the sizes, or the card's rates, are too large or too small for a plan".to_owned()).into()
        );
    }
    stdout::print(&if args.json { format!("{:#}\n", report.json()) } else { report.to_string() })?;
    // The report says so.
    if report.fits() { Ok(()) } else { Err(anyhow!("")) }
}

/// The study behind `--`, opened and counted.
fn study_of(words: &[OsString]) -> Result<(StudySize, Option<CisSize>)> {
    let parsed = Cli::try_parse_from(std::iter::once(&OsString::from("norna")).chain(words));
    let (mut given, cis) = match parsed.unwrap_or_else(|error| error.exit()).command {
        Command::Assoc(given) => (given.with_config_file()?, None),
        Command::Qtl(given) => {
            let QtlStudy { assoc, cis } = given.study()?;
            (assoc, cis)
        }
        _ => {
            let why = "after -- stands the study that is meant: assoc or qtl and its flags";
            return Err(UsageError(why.to_owned()).into());
        }
    };
    if given.vcf.iter().any(|path| path.as_os_str() == "-") {
        return Err(UsageError("--vcf -: a plan reads files; name one".to_owned()).into());
    }
    if given.bam_list.is_some() {
        let why = "--bam-list: a plan does not know what reading alignment files takes; time a run on one --region";
        return Err(UsageError(why.to_owned()).into());
    }
    // Nothing is written.
    given.dry_run = true;
    let size = crate::run::assoc::study_size(&given.validate()?)?;
    if size.n_variants == 0 {
        let why = "the files do not tell how many variants they hold (no index); give --samples, --variants, --traits";
        return Err(UsageError(why.to_owned()).into());
    }
    let cis = cis.map(|(window, permutations)| CisSize::of(&size, window, permutations.into()));
    Ok((size, cis))
}

impl PlanArgs {
    fn check(&self) -> Result<(), UsageError> {
        let shares = [
            ("--missing-rate", self.missing_rate, 0.99),
            ("--missing-traits", self.missing_traits.unwrap_or(0.0), 0.99),
            ("--maf", self.maf, 0.49),
            ("--p-threshold", self.p_threshold, 1.0),
        ];
        for (flag, value, most) in shares {
            if !(0.0..=most).contains(&value) {
                return Err(UsageError(format!("{flag} {value}: must lie between 0 and {most}")));
            }
        }
        if let Some(price) = self.price_per_core_hour.filter(|price| !(0.0..=1e6).contains(price)) {
            return Err(UsageError(format!("--price-per-core-hour {price}: must lie between 0 and 1000000")));
        }
        let currency = &self.currency;
        if currency.is_empty() || currency.chars().count() > 12 || currency.chars().any(char::is_control) {
            return Err(UsageError(format!("--currency {currency:?}: 1 to 12 characters that print")));
        }
        if self.covariates > 1_000_000 || self.input_files > 1_000_000 {
            return Err(UsageError("--covariates and --input-files: must be 1000000 at most".to_owned()));
        }
        let counts = [self.cores_per_node.map(|n| ("--cores-per-node", n)), self.threads.map(|n| ("--threads", n))];
        let nodes = self.nodes.iter().map(|&n| ("--nodes", n));
        if let Some((flag, _)) = counts.into_iter().flatten().chain(nodes).find(|&(_, n)| !(1..=100_000).contains(&n)) {
            return Err(UsageError(format!("{flag}: must lie between 1 and 100000")));
        }
        Ok(())
    }

    /// Of the flags, or of the files behind `--`.
    fn study(&self) -> Result<(StudySize, Option<CisSize>)> {
        if !self.command.is_empty() {
            return study_of(&self.command);
        }
        let (Some(samples), Some(variants), Some(traits)) = (self.samples, self.variants, self.traits) else {
            return Err(UsageError(
                "--samples, --variants and --traits are required, or -- assoc and its flags".into(),
            )
            .into());
        };
        for (flag, value, most) in
            [("--samples", samples, 1e8), ("--variants", variants, 1e11), ("--traits", traits, 1e6)]
        {
            if value as f64 > most {
                return Err(UsageError(format!("{flag} {value}: must be {most:e} at most")).into());
            }
        }
        let size = self.size(samples, variants, traits);
        let cis = self.permute.map(|permutations| CisSize::of(&size, self.cis_window, permutations));
        Ok((size, cis))
    }

    fn size(&self, n_samples: u64, n_variants: u64, n_traits: u64) -> StudySize {
        let own = if self.missing_traits.is_some_and(|share| share > 0.0) { n_traits } else { 1 };
        StudySize {
            n_samples,
            n_variants,
            n_traits,
            n_masks: self.masks.unwrap_or(own).min(n_traits),
            n_covariates: 1 + self.covariates,
            format: match self.format {
                FormatArg::Vcf => GenotypeFormat::Vcf,
                FormatArg::VcfDosage => GenotypeFormat::VcfDosage,
                FormatArg::Bcf => GenotypeFormat::Bcf,
                FormatArg::BcfDosage => GenotypeFormat::BcfDosage,
            },
            input_bytes: self.input_bytes,
            store: match self.store {
                StoreArg::Full => Store::Full,
                StoreArg::Compact => Store::Compact,
                StoreArg::Hits => Store::Hits,
            },
            hit_p: self.p_threshold,
            drops_missing: self.missing_genotype == super::assoc::MissingGenotypeArg::Drop,
        }
    }
}
