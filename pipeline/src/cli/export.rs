//! `norna export`: pairs of a results file as a table.

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use clap::ValueEnum;

use crate::disclosure::{self, Filter, Policy};
use crate::export::cis::CisTable;
use crate::export::gate::{Gate, refused_lines};
use crate::export::hits::hits_only;
use crate::export::indexed::IndexedTable;
use crate::export::output::{Output, can_be_indexed, is_closed_pipe, refuse_input};
use crate::export::places::PlaceColumns;
use crate::export::replace::Replace;
use crate::export::select::{Region, check_regions, failed_shards, perfect_fits, select_traits};
use crate::export::study::{ASSEMBLIES, is_assembly};
use crate::export::tsv::write_table;
use crate::export::{ExportError, ExportPlan};
use crate::run::UsageError;
use crate::store::{CisReader, ResultsReader};

/// Write results of some traits as a table with plink2's column names; of a cis.h5 its phenotypes, pairs or signals.
#[derive(Debug, Clone, clap::Args)]
pub struct ExportArgs {
    /// Results file.
    pub file: PathBuf,
    /// Trait to write: a name, or a glob such as 'IL*'. Repeatable; may be left out if the file has one trait, and for all of a
    /// cis.h5.
    #[arg(long = "trait", value_name = "NAME|GLOB")]
    pub traits: Vec<String>,
    /// Of a cis.h5: which table; phenotypes with their best variants otherwise.
    #[arg(long, value_enum, value_name = "TABLE")]
    pub what: Option<CisTable>,
    /// plink: add the column A1_FREQ, named as by plink2's cols=+a1freq. It is the frequency in all analysed samples with a call,
    /// where plink2 takes those that have a value of the trait.
    #[arg(long)]
    pub a1_freq: bool,
    /// Format.
    #[arg(long, value_enum, default_value_t = ExportFormat::Tsv)]
    pub format: ExportFormat,
    /// Output. A table: '-' is standard output, a name that ends in .gz is compressed with bgzip, and FILE.tbi is its
    /// tabix index (FILE.csi where positions are beyond 2^29; none, with a warning, where the results are not sorted). Of the formats
    /// that write several files the folder.
    #[arg(short, long, default_value = "-", value_name = "FILE")]
    pub out: PathBuf,
    /// Leave out or mask what this policy does not let go: "default", or a TOML file (norna disclose --print-policy).
    #[arg(long, value_name = "NAME|FILE")]
    pub policy: Option<String>,
    /// gwas-ssf: the genome that positions are of, GRCh36, GRCh37 or GRCh38; or in the file of --study.
    #[arg(long, value_name = "NAME", value_parser = assembly)]
    pub genome_assembly: Option<String>,
    /// gwas-ssf: facts of the study for the metadata, a TOML file (docs/export.md).
    #[arg(long, value_name = "FILE")]
    pub study: Option<PathBuf>,
    /// gwas-ssf: the column neg_log_10_p_value instead of p_value.
    #[arg(long)]
    pub neg_log10_p: bool,
    /// Replace an output that exists.
    #[arg(long)]
    pub force: bool,
    /// Chromosomes to write.
    #[arg(long, value_name = "CHROM", value_delimiter = ',')]
    pub chr: Vec<Region>,
    /// Stretches to write, by POS, both ends included.
    #[arg(long, value_name = "CHROM:START-END")]
    pub region: Vec<Region>,
    /// Only pairs with a p at or under this; pairs that fit perfectly have none.
    #[arg(long, value_name = "P", conflicts_with = "log10p", value_parser = probability)]
    pub p: Option<f64>,
    /// Only pairs with a −log10 p at or over this.
    #[arg(long, value_name = "X", value_parser = log10_probability)]
    pub log10p: Option<f64>,
    /// Of proteins: bases on either side of the TSS of the gene within which a pair is told as cis [default: those that the file
    /// leaves out, else 1000000].
    #[arg(long, value_name = "BASES")]
    pub cis_window: Option<u32>,
}

/// Formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// One table of all pairs, tab-separated, with plink2's column names.
    Tsv,
    /// A folder with plink2's NAME.TRAIT.glm.linear for each trait.
    Plink,
    /// A folder with regenie's NAME_TRAIT.regenie (step 2) for each trait.
    Regenie,
    /// A folder with NAME.TRAIT.tsv.gz and its metadata (…-meta.yaml) for each trait, as the GWAS Catalog takes them.
    GwasSsf,
    /// A folder of Parquet, a part for each chromosome (chrom=22/part-0.parquet), with all pairs.
    Parquet,
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(p) if p > 0.0 && p <= 1.0 => Ok(p),
        _ => Err("a p above 0 and at most 1 is meant".to_owned()),
    }
}

fn assembly(text: &str) -> Result<String, String> {
    match is_assembly(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("{} is meant", ASSEMBLIES.join(", "))),
    }
}

fn log10_probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(log10p) if log10p >= 0.0 && log10p.is_finite() => Ok(log10p),
        _ => Err("a number of 0 or more is meant".to_owned()),
    }
}

/// Runs `norna export`.
pub fn run(args: &ExportArgs) -> anyhow::Result<()> {
    super::info_proteins::refuse(&args.file)?;
    if CisReader::is_cis(&args.file) {
        return super::export_cis::run(args);
    }
    let reader = ResultsReader::open(&args.file)?;
    if args.what.is_some() {
        return Err(usage(format!("--what: {} is no cis.h5: leave it out", args.file.display())));
    }
    refuse_strange_flags(args)?;
    let mut plan = plan(args, &reader)?;
    let read = args.policy.iter().map(PathBuf::from).chain(args.study.clone());
    for input in std::iter::once(args.file.clone()).chain(read) {
        refuse_input(&input, &args.out)?;
    }
    let mut judge = args.policy.as_ref().map(|policy| disclosure::open(policy, &reader)).transpose()?;
    let mut name = String::new();
    if let Some(judge) = &judge {
        warn_beyond_pairs(&reader, judge.policy())?;
        name.clone_from(&judge.policy().name);
    }
    let mut gate = Gate::new(judge.as_mut().map(|judge| judge as &mut dyn Filter)).of_policy(&name);
    if !reader.has_every_pair() {
        gate = gate.of_hits();
    }
    let refused = gate.refuse_traits(&mut plan.traits);
    for line in refused_lines(&refused, &reader.header().traits) {
        eprintln!("policy: {line}");
    }
    if plan.traits.is_empty() {
        bail!("{}: the policy lets none of these traits go: norna disclose tells why", args.file.display());
    }
    match args.format {
        ExportFormat::Tsv => run_table(args, &reader, &plan, &mut gate)?,
        format => super::export_folder::run(args, (&reader, &plan), format, &mut gate)?,
    }
    if gate.is_kept() {
        let lines = gate.lines(None);
        let told = if lines.is_empty() { vec!["no pair was kept back".to_owned()] } else { lines };
        told.iter().for_each(|line| eprintln!("policy: {line}"));
    }
    Ok(())
}

/// Warns of what speaks against the file and is in an export whatever pairs it leaves out.
fn warn_beyond_pairs(reader: &ResultsReader, policy: &Policy) -> anyhow::Result<()> {
    for finding in disclosure::beyond_pairs(reader, policy)? {
        let (rule, verdict) = (finding.rule, finding.verdict.name());
        eprintln!(
            "warning: policy: {rule} says {verdict}: {}; leaving pairs out does not mend this: norna disclose tells more",
            finding.measured
        );
    }
    Ok(())
}

/// Refuses flags of one format beside another.
pub(super) fn refuse_strange_flags(args: &ExportArgs) -> anyhow::Result<()> {
    let of_ssf = [
        ("--genome-assembly", args.genome_assembly.is_some()),
        ("--study", args.study.is_some()),
        ("--neg-log10-p", args.neg_log10_p),
    ];
    if let Some((flag, _)) = of_ssf.iter().find(|(_, given)| *given && args.format != ExportFormat::GwasSsf) {
        return Err(usage(format!("{flag}: goes with --format gwas-ssf alone")));
    }
    if args.a1_freq && args.format != ExportFormat::Plink {
        return Err(usage("--a1-freq: goes with --format plink alone".to_owned()));
    }
    Ok(())
}

pub(super) fn usage(text: String) -> anyhow::Error {
    UsageError(text).into()
}

fn plan(args: &ExportArgs, reader: &ResultsReader) -> anyhow::Result<ExportPlan> {
    let n_traits = reader.header().traits.len();
    let traits = match (args.traits.is_empty(), n_traits) {
        (true, 1) => vec![0],
        (true, _) => {
            let file = args.file.display();
            return Err(usage(format!("{file}: {n_traits} traits: choose with --trait NAME, or --trait '*'")));
        }
        (false, _) => select_traits(&reader.header().traits, &args.traits)?,
    };
    let regions: Vec<Region> = args.chr.iter().chain(&args.region).cloned().collect();
    let min_log10p = args.log10p.or(args.p.map(|p| -p.log10()));
    check_regions(reader, &regions)?;
    let places = PlaceColumns::new(reader, args.cis_window);
    Ok(ExportPlan { with_trait: traits.len() > 1, traits, regions, min_log10p, places })
}

fn run_table(args: &ExportArgs, reader: &ResultsReader, plan: &ExportPlan, gate: &mut Gate<'_>) -> anyhow::Result<()> {
    if can_be_indexed(&args.out) {
        let mut table = IndexedTable::create(&args.out, Replace::Table.only_with(args.force))?;
        let n_rows = write_table(reader, plan, gate, &mut |made| table.push(made))?;
        if let Some(why) = table.finish()? {
            eprintln!(
                "warning: {}: no tabix index: the results are not sorted by position ({why})",
                args.out.display()
            );
        }
        return tell((reader, plan), gate, n_rows);
    }
    let mut output = Output::create(&args.out, Replace::Table.only_with(args.force))?;
    let written = write_table(reader, plan, gate, &mut |made| {
        output.write_all(&made.text).map_err(|cause| ExportError::Write { path: args.out.clone(), cause })
    });
    match written.and_then(|n| output.finish().map(|()| n)) {
        Ok(n_rows) => tell((reader, plan), gate, n_rows),
        Err(error) if is_closed_pipe(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What to know of an export, on standard error.
pub(super) fn tell((reader, plan): (&ResultsReader, &ExportPlan), gate: &Gate<'_>, n_rows: u64) -> anyhow::Result<()> {
    if let Some(warning) = failed_shards(reader)? {
        eprintln!("warning: {warning}");
    }
    if let Some(note) = hits_only(reader, plan.min_log10p) {
        eprintln!("note: {note}");
    }
    if n_rows == 0 {
        let by = if gate.is_kept() { "the policy and the filters" } else { "the filters" };
        eprintln!("warning: no pair is left by {by}: the table has no rows");
    }
    if let Some(note) = plan.min_log10p.and(perfect_fits(reader, &plan.traits)?) {
        eprintln!("note: {note}");
    }
    Ok(())
}
