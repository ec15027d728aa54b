//! `norna clump`: index variants of each trait, and what is linked with them.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::charts::{Genome, ScanOptions};
use crate::clump::{
    Candidates, Clump, ClumpOptions, ClumpReport, LdMethod, Linkage, candidates, clump, write_json, write_table,
};
use crate::export::ExportError;
use crate::export::output::{Output, is_closed_pipe, refuse_input};
use crate::export::replace::Replace;
use crate::export::select::{failed_shards, select_traits};
use crate::report::words::count;
use crate::run::UsageError;
use crate::source::Field;
use crate::store::{CisReader, ResultsReader};

/// Candidates of traits that are clumped together.
const CANDIDATES_AT_ONCE: usize = 1 << 20;

/// Flags of `norna clump`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  norna clump results.h5 --vcf cohort.vcf.gz --p 5e-8 --r2 0.1 --kb 1000 -o clumps.tsv
  norna clump results.h5 --vcf cohort.bcf --trait 'IL*' --p2 1e-4 --json
  norna clump results.h5 --kb 500                    (without genotypes: by distance alone)")]
pub struct ClumpArgs {
    /// Results file
    pub file: PathBuf,
    /// VCF or BCF files with indices, or lists of them, to take linkage from. Repeatable; without it distance alone decides
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub vcf: Vec<PathBuf>,
    /// Largest p of an index variant
    #[arg(long, alias = "clump-p1", alias = "p1", value_name = "P", default_value_t = 5e-8, value_parser = probability)]
    pub p: f64,
    /// Largest p of a variant that is listed with its index variant (SP2); weaker ones are counted
    #[arg(long, alias = "clump-p2", value_name = "P", default_value_t = 0.01, value_parser = probability)]
    pub p2: f64,
    /// Smallest r² with the index variant
    #[arg(long, alias = "clump-r2", value_name = "R2", default_value_t = 0.1, value_parser = r2)]
    pub r2: f64,
    /// Distance from the index variant, in thousands of bases
    #[arg(long, alias = "clump-kb", value_name = "KB", default_value_t = 1000.0, value_parser = kilobases)]
    pub kb: f64,
    /// What r² is taken of
    #[arg(long, value_enum, default_value_t = LdMethod::Genotypes, requires = "vcf")]
    pub ld: LdMethod,
    /// Samples whose genotypes count: one ID a line, or FID and IID [default: all]
    #[arg(long, value_name = "FILE", requires = "vcf")]
    pub keep: Option<PathBuf>,
    /// Field of the genotypes: GT, DS or GP [default: DS where the files have it, else GT]
    #[arg(long, value_name = "FIELD", requires = "vcf", value_parser = field)]
    pub field: Option<Field>,
    /// Only these traits: a name, or a glob such as 'IL*'. Repeatable
    #[arg(long = "trait", value_name = "NAME|GLOB")]
    pub traits: Vec<String>,
    /// Output; '-' is standard output, a name that ends in .gz is compressed with bgzip
    #[arg(short, long, default_value = "-", value_name = "FILE")]
    pub out: PathBuf,
    /// Replace an output that exists
    #[arg(long)]
    pub force: bool,
    /// As JSON, with effects and every listed variant's p and r²
    #[arg(long)]
    pub json: bool,
    /// Threads; changes no output [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(p) if p > 0.0 && p <= 1.0 => Ok(p),
        _ => Err("a p above 0 and at most 1 is meant".to_owned()),
    }
}

fn r2(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(r2) if (0.0..=1.0).contains(&r2) => Ok(r2),
        _ => Err("a number from 0 to 1 is meant".to_owned()),
    }
}

pub(super) fn kilobases(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(kb) if (0.001..=1e6).contains(&kb) => Ok(kb),
        _ => Err("thousands of bases are meant, from 0.001 to 1000000".to_owned()),
    }
}

pub(super) fn field(text: &str) -> Result<Field, String> {
    let known = [Field::Gt, Field::Ds, Field::Gp];
    known.into_iter().find(|field| field.name().eq_ignore_ascii_case(text)).ok_or_else(|| "GT, DS or GP".to_owned())
}

/// Runs `norna clump`.
///
/// # Errors
/// [`UsageError`], or what keeps a file from being read or written.
pub fn run(args: &ClumpArgs) -> Result<()> {
    super::info_proteins::refuse(&args.file)?;
    if CisReader::is_cis(&args.file) {
        let hint = "its signals are independent already: norna export --what signals";
        return Err(UsageError(format!(
            "{}: a cis.h5 has no pairs along the genome to clump; {hint}",
            args.file.display()
        ))
        .into());
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads.map_or(0, usize::from)).build()?;
    pool.install(|| clump_file(args))
}

fn clump_file(args: &ClumpArgs) -> Result<()> {
    let reader = ResultsReader::open(&args.file)?;
    let infos = &reader.header().traits;
    let traits = match args.traits.is_empty() {
        true => (0..infos.len()).collect(),
        false => select_traits(infos, &args.traits)?,
    };
    for input in [&args.file].into_iter().chain(&args.vcf).chain(&args.keep) {
        refuse_input(input, &args.out)?;
    }
    let linkage = match args.vcf.is_empty() {
        true => None,
        false => Some(Linkage::open(&args.vcf, args.keep.as_deref(), args.field, args.ld)?),
    };
    let mut output = Output::create(&args.out, Replace::Table.only_with(args.force))?;
    let options = ClumpOptions {
        index_log10p: -libm::log10(args.p),
        listed_log10p: -libm::log10(args.p2),
        r2: args.r2,
        bases: (args.kb * 1000.0) as u32,
    };
    let mut job = Job {
        args,
        reader: &reader,
        genome: Genome::read(&reader, ScanOptions::default().n_bins)?,
        linkage: linkage.as_ref(),
        options,
        report: ClumpReport::default(),
        kept: Vec::new(),
        has_header: false,
    };
    let written = job.run(&traits, &mut output).and_then(|()| Ok(output.finish()?));
    match written {
        Err(error) if error.downcast_ref::<ExportError>().is_some_and(is_closed_pipe) => return Ok(()),
        written => written?,
    }
    job.summarise(traits.len())
}

struct Job<'a> {
    args: &'a ClumpArgs,
    reader: &'a ResultsReader,
    genome: Genome,
    linkage: Option<&'a Linkage>,
    options: ClumpOptions,
    report: ClumpReport,
    /// All clumps, where they are written as JSON.
    kept: Vec<Vec<Clump>>,
    has_header: bool,
}

impl Job<'_> {
    fn run(&mut self, traits: &[usize], output: &mut Output) -> Result<()> {
        let (mut waiting, mut n_waiting) = (Vec::new(), 0);
        let study = (self.reader, &self.genome.clone());
        candidates(study, traits, self.options.index_log10p, |one: Candidates| -> Result<()> {
            n_waiting += one.points.len();
            waiting.push(one);
            if n_waiting >= CANDIDATES_AT_ONCE {
                n_waiting = 0;
                self.clump_some(std::mem::take(&mut waiting), output)?;
            }
            Ok(())
        })?;
        self.clump_some(waiting, output)?;
        if self.args.json {
            let linkage = self.linkage.map(|linkage| {
                let method = format!("{:?}", self.args.ld).to_lowercase();
                json!({ "samples": linkage.n_samples(), "field": linkage.field().name(), "r2_of": method })
            });
            let infos = &self.reader.header().traits;
            let written = write_json(&self.kept, infos, (&self.options, &self.report), json!(linkage), output);
            written.map_err(|cause| ExportError::Write { path: self.args.out.clone(), cause })?;
        }
        Ok(())
    }

    fn clump_some(&mut self, traits: Vec<Candidates>, output: &mut Output) -> Result<()> {
        let (clumps, report) = clump((self.reader, &self.genome), traits, self.linkage, &self.options)?;
        self.report.add(report);
        if self.args.json {
            self.kept.extend(clumps);
            return Ok(());
        }
        let infos = &self.reader.header().traits;
        let written = write_table(clumps.iter().flatten(), infos, !self.has_header, output);
        self.has_header = true;
        written.map_err(|cause| ExportError::Write { path: self.args.out.clone(), cause })?;
        Ok(())
    }

    /// Says on standard error what was read, left out and written.
    fn summarise(&self, n_traits: usize) -> Result<()> {
        let report = &self.report;
        let by = match self.linkage {
            Some(linkage) => format!(
                "r2 of {} at or over {} within {} kb ({}, {})",
                format!("{:?}", self.args.ld).to_lowercase(),
                self.args.r2,
                self.args.kb,
                count(linkage.n_samples() as u64, "sample"),
                linkage.field().name()
            ),
            None => format!("distance alone, {} kb (no --vcf: linkage is not known)", self.args.kb),
        };
        let candidates = format!("{} with p at or under {}", count(report.n_candidates, "pair"), self.args.p);
        eprintln!("{}: {candidates}, {}; by {by}", count(n_traits as u64, "trait"), count(report.n_clumps, "clump"));
        if let Some(strongest) = &report.strongest_not_in_files {
            let n = count(report.n_not_in_files, "pair");
            eprintln!(
                "warning: {n} left out, since the variant is not in the files of --vcf; the strongest: {strongest}"
            );
        }
        for warning in self.linkage.iter().flat_map(|linkage| linkage.warnings()) {
            eprintln!("warning: {warning}");
        }
        if let Some(least) = report.nothing_below {
            let what = "its clumps count and list hits alone";
            eprintln!("note: this file holds hits only (--store hits), with LOG10_P of {least} and more: {what}");
        }
        if let Some(warning) = failed_shards(self.reader)? {
            eprintln!("warning: {warning}");
        }
        Ok(())
    }
}
