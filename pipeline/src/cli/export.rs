//! `norna export`: pairs of a results file as a table.

use std::path::PathBuf;

use anyhow::bail;
use clap::ValueEnum;

use crate::report::export::{ExportPlan, write_pairs};
use crate::report::export_cis::CisTable;
use crate::report::export_hits::hits_only;
use crate::report::export_output::{Output, is_closed_pipe, refuse_input};
use crate::report::export_places::PlaceColumns;
use crate::report::export_select::{Region, check_regions, failed_shards, perfect_fits, select_traits};
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
    /// Format of the table.
    #[arg(long, value_enum, default_value_t = TableFormat::Tsv)]
    pub format: TableFormat,
    /// Output; '-' is standard output, a name that ends in .gz is compressed with bgzip.
    #[arg(short, long, default_value = "-", value_name = "FILE")]
    pub out: PathBuf,
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

/// Formats of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// Tab-separated text.
    Tsv,
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(p) if p > 0.0 && p <= 1.0 => Ok(p),
        _ => Err("a p above 0 and at most 1 is meant".to_owned()),
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
        bail!("--what: {} is no cis.h5: leave it out", args.file.display());
    }
    let n_traits = reader.header().traits.len();
    let traits = match (args.traits.is_empty(), n_traits) {
        (true, 1) => vec![0],
        (true, _) => bail!("{}: {n_traits} traits: choose with --trait NAME, or --trait '*'", args.file.display()),
        (false, _) => select_traits(&reader.header().traits, &args.traits)?,
    };
    let regions: Vec<Region> = args.chr.iter().chain(&args.region).cloned().collect();
    let min_log10p = args.log10p.or(args.p.map(|p| -p.log10()));
    check_regions(&reader, &regions)?;
    refuse_input(&args.file, &args.out)?;
    let places = PlaceColumns::new(&reader, args.cis_window);
    let plan = ExportPlan { with_trait: traits.len() > 1, traits, regions, min_log10p, places };
    let mut output = Output::create(&args.out, args.force)?;
    let written = write_pairs(&reader, &plan, &args.out, &mut output).and_then(|n| output.finish().map(|()| n));
    match written {
        Ok(n_pairs) => {
            if let Some(warning) = failed_shards(&reader)? {
                eprintln!("warning: {warning}");
            }
            if let Some(note) = hits_only(&reader, min_log10p) {
                eprintln!("note: {note}");
            }
            if n_pairs == 0 {
                eprintln!("warning: no pair is left by the filters: the table has no rows");
            }
            if let Some(note) = min_log10p.and(perfect_fits(&reader, &plan.traits)?) {
                eprintln!("note: {note}");
            }
        }
        Err(error) if is_closed_pipe(&error) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
