//! `norna report`: a results file as a folder that people look at in a browser.

use std::path::PathBuf;

use anyhow::bail;

use crate::page::{ReportOptions, write_report};
use crate::report::export_select::{failed_shards, select_traits};
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
    /// Largest p of a lead variant.
    #[arg(long, value_name = "P", default_value_t = 5e-8, value_parser = probability)]
    pub clump_p: f64,
    /// Distance from a lead, in kb, within which variants are its own.
    #[arg(long, value_name = "KB", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub clump_kb: u32,
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
    let options = ReportOptions {
        file,
        traits,
        replace: args.force,
        lead_p: args.clump_p,
        lead_bases: args.clump_kb * 1000,
        cis_window: args.cis_window,
        quiet: args.quiet,
    };
    let summary = write_report(&reader, &args.out, &options)?;
    if let Some(warning) = failed_shards(&reader)? {
        eprintln!("warning: {warning}");
    }
    if args.json {
        super::top::print(&format!("{:#}\n", serde_json::to_value(&summary)?))?;
    } else if !args.quiet {
        eprintln!(
            "{}: {} of {} variants, {} hits; {} files, {:.1} MB; open index.html in a browser",
            args.out.display(),
            count(summary.n_traits as u64, "trait"),
            summary.n_variants,
            summary.n_hits,
            summary.n_files,
            summary.bytes as f64 / 1e6
        );
    }
    Ok(())
}
