//! `norna report`: a results file as a folder that people look at in a browser.

use std::path::PathBuf;

use anyhow::bail;

use crate::clump::{LdMethod, Linkage};
use crate::export::select::{failed_shards, select_traits};
use crate::format::genes;
use crate::page::{ReportOptions, write_report};
use crate::report::words::count;
use crate::store::{CisReader, DepthReader, ResultsReader};

/// Make a folder that shows a results file in any browser, offline: open index.html.
#[derive(Debug, Clone, clap::Args)]
pub struct ReportArgs {
    /// Results file.
    pub file: PathBuf,
    /// Folder to make.
    #[arg(short, long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Only these traits: a name, or a glob such as 'IL*'. Repeatable.
    #[arg(long = "trait", value_name = "NAME|GLOB")]
    pub traits: Vec<String>,
    /// Genotypes (VCF or BCF with an index) for linkage: leads are then clumped by it too, and regions coloured.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub vcf: Vec<PathBuf>,
    /// Genes to draw in regions: a GTF, or a table of genes, as norna proteins reads them.
    #[arg(long, value_name = "FILE")]
    pub annotation: Option<PathBuf>,
    /// Largest p of a lead variant.
    #[arg(long, value_name = "P", default_value_t = 5e-8, value_parser = probability)]
    pub clump_p: f64,
    /// Distance from a lead, in kb, within which variants are its own.
    #[arg(long, value_name = "KB", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub clump_kb: u32,
    /// With --vcf: smallest r² with a lead of variants that are its own.
    #[arg(long, value_name = "R2", default_value_t = 0.1, value_parser = share, requires = "vcf")]
    pub clump_r2: f64,
    /// Of proteins: bases on either side of the TSS of the gene within which a pair is told as cis [default: those that the file
    /// leaves out, else 1000000].
    #[arg(long, value_name = "BASES")]
    pub cis_window: Option<u32>,
    /// Replace a report that exists; nothing else is ever replaced.
    #[arg(long)]
    pub force: bool,
    /// What was read and written as JSON.
    #[arg(long)]
    pub json: bool,
    /// No progress and no summary.
    #[arg(short, long)]
    pub quiet: bool,
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(p) if p > 0.0 && p <= 1.0 => Ok(p),
        _ => Err("a p above 0 and at most 1 is meant".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a number from 0 to 1 is meant".to_owned()),
    }
}

/// Runs `norna report`.
pub fn run(args: &ReportArgs) -> anyhow::Result<()> {
    super::info_proteins::refuse(&args.file)?;
    if CisReader::is_cis(&args.file) {
        bail!(
            "{}: a file of variants near genes, of which there is no report yet: norna top and norna export list it; \
             norna report takes what norna assoc or norna qtl --trans wrote",
            args.file.display()
        );
    }
    if DepthReader::is_depth(&args.file) {
        bail!("{}: a file of depths, not of results; see norna info", args.file.display());
    }
    let reader = ResultsReader::open(&args.file)?;
    let infos = &reader.header().traits;
    let traits = match args.traits.is_empty() {
        true => (0..infos.len()).collect(),
        false => select_traits(infos, &args.traits)?,
    };
    let file = args.file.file_name().unwrap_or(args.file.as_os_str()).to_string_lossy().into_owned();
    let linkage = match args.vcf.is_empty() {
        true => None,
        false => Some(Linkage::open(&args.vcf, None, None, LdMethod::Genotypes)?),
    };
    for warning in linkage.iter().flat_map(Linkage::warnings) {
        eprintln!("warning: {warning}");
    }
    let genes = match &args.annotation {
        Some(path) => genes::read(path)?.genes,
        None => Vec::new(),
    };
    let options = ReportOptions {
        file,
        traits,
        replace: args.force,
        lead_p: args.clump_p,
        lead_bases: args.clump_kb * 1000,
        lead_r2: args.clump_r2,
        linkage: linkage.as_ref(),
        genes: &genes,
        cis_window: args.cis_window,
        quiet: args.quiet,
    };
    if args.cis_window.is_some() && reader.header().proteins.is_empty() {
        eprintln!("note: --cis-window does nothing here: the traits of {} are no proteins", args.file.display());
    }
    let summary = write_report(&reader, &args.out, &options)?;
    if let Some(warning) = failed_shards(&reader)? {
        eprintln!("warning: {warning}");
    }
    if args.json {
        super::top::print(&format!("{:#}\n", serde_json::to_value(&summary)?))?;
    } else if !args.quiet {
        eprintln!(
            "{}: {} of {} variants, {} hits, {} leads, {} regions{}; {} files, {:.1} MB; open index.html in a browser",
            args.out.display(),
            count(summary.n_traits as u64, "trait"),
            summary.n_variants,
            summary.n_hits,
            summary.n_leads,
            summary.n_regions,
            match summary.n_thinned {
                0 => String::new(),
                n => format!(", {n} pairs under stronger ones not drawn"),
            },
            summary.n_files,
            summary.bytes as f64 / 1e6
        );
    }
    Ok(())
}
