//! `norna plan`: what a study would cost, before anybody asks for time.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::assoc::StoreArg;
use crate::bench::card::Card;
use crate::plan::{Assumptions, GenotypeFormat, NodeLayout, Rates, StudySize};
use crate::report::plan::{Options, Pricing, Report};
use crate::run::UsageError;
use crate::slurm::profile::{NodeKind, Partition, Profile};
use crate::slurm::profiles;
use crate::store::Store;

/// Flags of `norna plan`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:
  norna bench --out card.json
  norna plan --samples 50000 --variants 20e6 --traits 3000 --format bcf --covariates 10 --card card.json")]
pub struct PlanArgs {
    /// Analysed samples
    #[arg(long, value_name = "N", value_parser = whole)]
    pub samples: u64,
    /// Variants (rows: a record with two ALT alleles is two); 20e6 is understood
    #[arg(long, value_name = "N", value_parser = whole)]
    pub variants: u64,
    /// Traits
    #[arg(long, value_name = "N", value_parser = whole)]
    pub traits: u64,
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

    /// What `norna bench --out` measured there [default: a Zen 5 EPYC core with AVX-512]
    #[arg(long, value_name = "FILE", help_heading = "Machine")]
    pub card: Option<PathBuf>,
    /// Cluster: a name of norna profile list, or a .toml file
    #[arg(long, value_name = "NAME", help_heading = "Machine")]
    pub profile: Option<String>,
    /// Partition of the profile [default: its first that has whole nodes, else its first]
    #[arg(long, value_name = "NAME", requires = "profile", help_heading = "Machine")]
    pub partition: Option<String>,
    /// Cores of a node [default: the profile's, else 128]
    #[arg(long, value_name = "N", help_heading = "Machine")]
    pub cores_per_node: Option<u32>,
    /// Threads of a rank [default: the cores of a socket as the profile has it, else half a node's]
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
/// Flags that cannot be meant, or a card that does not read.
pub fn run(args: &PlanArgs) -> Result<()> {
    args.check()?;
    let card = args.card.as_deref().map(Card::read).transpose()?;
    let machine = args.machine()?;
    let options = Options {
        size: args.size(),
        assumed: Assumptions {
            min_frequency: args.maf,
            missing_genotypes: args.missing_rate,
            missing_traits: args.missing_traits.unwrap_or(Assumptions::default().missing_traits),
        },
        rates: card.as_ref().map_or_else(Rates::default, |card| card.plan_rates()),
        rates_of: card.map(|card| format!("{} ({}, {})", card.machine.cpu, card.machine.isa, card.date)),
        layouts: machine.layouts,
        pricing: machine.pricing,
        remarks: machine.remarks,
        price: args.price_per_core_hour.map(|price| (price, args.currency.clone())),
        n_inputs: args.input_files,
    };
    let report = Report::new(&options);
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{:#}", report.json())?
    } else {
        write!(out, "{report}")?
    }
    Ok(())
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
        if self.price_per_core_hour.is_some_and(|price| !(price.is_finite() && price >= 0.0)) {
            return Err(UsageError("--price-per-core-hour: a number of at least 0 is meant".to_owned()));
        }
        let counts = [self.cores_per_node.map(|n| ("--cores-per-node", n)), self.threads.map(|n| ("--threads", n))];
        let nodes = self.nodes.iter().map(|&n| ("--nodes", n));
        if let Some((flag, _)) = counts.into_iter().flatten().chain(nodes).find(|&(_, n)| !(1..=100_000).contains(&n)) {
            return Err(UsageError(format!("{flag}: must lie between 1 and 100000")));
        }
        Ok(())
    }

    fn size(&self) -> StudySize {
        let own = if self.missing_traits.is_some_and(|share| share > 0.0) { self.traits } else { 1 };
        StudySize {
            n_samples: self.samples,
            n_variants: self.variants,
            n_traits: self.traits,
            n_masks: self.masks.unwrap_or(own).min(self.traits),
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

    /// The nodes that the plan is for.
    fn machine(&self) -> Result<Machine> {
        let found = self.profile.as_deref().map(profiles::find).transpose()?.map(|(profile, _)| profile);
        let place = found.as_ref().map(|profile| self.place(profile)).transpose()?;
        let (partition, kind) = place.unwrap_or_default();
        let known = kind.and_then(|kind| kind.cores_per_node);
        let cores_per_node = self.cores_per_node.or(known).unwrap_or(CORES);
        let sockets = kind.and_then(|kind| kind.sockets).unwrap_or(2);
        let threads_per_rank = self.threads.unwrap_or((cores_per_node / sockets).max(1));
        if threads_per_rank > cores_per_node {
            return Err(UsageError(format!("--threads: more than the {cores_per_node} cores of a node")).into());
        }
        let most = partition.and_then(|partition| partition.max_nodes).unwrap_or(u32::MAX);
        let layouts: Vec<NodeLayout> = self
            .nodes
            .iter()
            .filter(|&&nodes| nodes <= most)
            .map(|&nodes| NodeLayout { nodes, ranks_per_node: cores_per_node / threads_per_rank, threads_per_rank })
            .collect();
        if layouts.is_empty() {
            return Err(UsageError(format!("--nodes: the partition has jobs of up to {most}")).into());
        }
        let rule = partition.and_then(|partition| partition.charge.clone());
        let rule = rule.or_else(|| found.as_ref().and_then(|profile| profile.charge.clone()));
        let mut remarks = Vec::new();
        if let Some(profile) = &found {
            let place = partition.map_or_else(String::new, |partition| format!(", partition {}", partition.name));
            let facts = if profile.verified { "" } else { ", not verified by a run" };
            remarks.push(format!("{}{place}: facts of {}{facts}", profile.title, profile.source_date));
            if known.is_none() && self.cores_per_node.is_none() {
                remarks.push(format!("cores of a node are not in the profile: {CORES} assumed; give --cores-per-node"));
            }
            if rule.is_none() {
                remarks.push("the charging rule is not in the profile: cores × hours assumed".to_owned());
            }
            if layouts.len() < self.nodes.len() {
                remarks.push(format!("the partition has jobs of up to {most} nodes: larger ones are left out"));
            }
        }
        Ok(Machine { layouts, pricing: Pricing { rule, cores_per_node }, remarks })
    }

    /// The partition and its first kind of node.
    fn place<'p>(&self, profile: &'p Profile) -> Result<(Option<&'p Partition>, Option<&'p NodeKind>), UsageError> {
        let partition = match &self.partition {
            None => profile.partitions.iter().find(|part| part.exclusive).or(profile.partitions.first()),
            Some(name) => {
                let found = profile.partitions.iter().find(|part| part.name == *name);
                let names = profile.partitions.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(", ");
                let unknown = || UsageError(format!("--partition {name}: {} has {names}", profile.name));
                Some(found.ok_or_else(unknown)?)
            }
        };
        let name = partition.and_then(|partition| partition.nodes.first());
        let kind = match name {
            Some(name) => profile.nodes.iter().find(|kind| kind.name == *name),
            None => profile.nodes.first(),
        };
        Ok((partition, kind))
    }
}

/// Cores of a node where nothing says how many.
const CORES: u32 = 128;

/// What jobs run on.
struct Machine {
    layouts: Vec<NodeLayout>,
    pricing: Pricing,
    remarks: Vec<String>,
}
