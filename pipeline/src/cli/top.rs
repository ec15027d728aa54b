//! `norna top`: the best pairs of a results file.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::export::ExportError;
use crate::export::hits::hits_only;
use crate::export::output::{Output, is_closed_pipe};
use crate::export::pair::{TEST_COLUMNS, push_real, push_stats};
use crate::export::places::PlaceColumns;
use crate::export::replace::Replace;
use crate::export::select::{failed_shards, perfect_fits, select_traits};
use crate::export::top::{TopPair, best_pairs};
use crate::proteins::Protein;
use crate::store::{CisReader, ResultsReader, TraitInfo};

/// Most pairs that are listed; more is what export is for.
const MAX_PAIRS: u64 = 1_000_000;

/// List the pairs with the smallest p; of a cis.h5 the phenotypes with the smallest p_beta (pairs that fit perfectly have none: their number is told on standard error).
#[derive(Debug, Clone, clap::Args)]
pub struct TopArgs {
    /// Results file.
    pub file: PathBuf,
    /// How many pairs.
    #[arg(short, long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u64).range(..=MAX_PAIRS))]
    pub n: u64,
    /// Only these traits: a name, or a glob such as 'IL*'. Repeatable.
    #[arg(long = "trait", value_name = "NAME|GLOB")]
    pub traits: Vec<String>,
    /// Of proteins: bases on either side of the TSS of the gene within which a pair is told as cis [default: those that the file
    /// leaves out, else 1000000].
    #[arg(long, value_name = "BASES")]
    pub cis_window: Option<u32>,
    /// As JSON: a list of objects with the columns' names.
    #[arg(long)]
    pub json: bool,
}

/// Runs `norna top`.
pub fn run(args: &TopArgs) -> anyhow::Result<()> {
    super::info_proteins::refuse(&args.file)?;
    if CisReader::is_cis(&args.file) {
        return super::top_cis::run(args);
    }
    let reader = ResultsReader::open(&args.file)?;
    let infos = &reader.header().traits;
    let traits = match args.traits.is_empty() {
        true => (0..infos.len()).collect(),
        false => select_traits(infos, &args.traits)?,
    };
    let pairs = best_pairs(&reader, usize::try_from(args.n)?, &traits)?;
    let mut output = Output::create(Path::new("-"), Replace::Nothing)?;
    let places = PlaceColumns::new(&reader, args.cis_window).map(|columns| (columns, &reader.header().proteins[..]));
    let written = write_top(&pairs, (infos, places), args.json, &mut output).and_then(|()| output.finish());
    match written {
        Err(error) if !is_closed_pipe(&error) => return Err(error.into()),
        _ => {}
    }
    if let Some(warning) = failed_shards(&reader)? {
        eprintln!("warning: {warning}");
    }
    let all_there = (pairs.len() as u64 >= args.n).then_some(f64::INFINITY);
    if let Some(note) = hits_only(&reader, all_there) {
        eprintln!("note: {note}");
    }
    if let Some(note) = perfect_fits(&reader, &traits)? {
        eprintln!("note: {note}");
    }
    Ok(())
}

/// Columns of genes, and the proteins by trait, where traits are proteins.
type Places<'a> = Option<(PlaceColumns, &'a [Protein])>;

/// Prints a text; nobody who reads it any more is an end, not a failure.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut output = Output::create(Path::new("-"), Replace::Nothing)?;
    let written = output.write_all(text.as_bytes());
    let written = written.map_err(|cause| ExportError::Write { path: PathBuf::from("-"), cause });
    match written.and_then(|()| output.finish()) {
        Err(error) if !is_closed_pipe(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes the list: JSON, or a table with columns aligned when a person looks at it and tab-separated when not.
pub fn write_top(
    pairs: &[TopPair],
    traits: (&[TraitInfo], Places<'_>),
    as_json: bool,
    out: &mut impl Write,
) -> Result<(), ExportError> {
    let text = if as_json { json_text(pairs, traits) } else { pairs_table(pairs, traits) };
    let failed = |cause| ExportError::Write { path: PathBuf::from("-"), cause };
    out.write_all(text.as_bytes()).map_err(failed)
}

fn pairs_table(pairs: &[TopPair], (traits, places): (&[TraitInfo], Places<'_>)) -> String {
    let columns = ["#CHROM", "POS", "ID", "REF", "ALT", "A1", "TRAIT", "A1_FREQ"].into_iter().chain(TEST_COLUMNS);
    let columns = columns.chain(places.iter().flat_map(|(columns, _)| columns.names()));
    let mut rows: Vec<Vec<String>> = vec![columns.map(str::to_owned).collect()];
    rows.extend(pairs.iter().map(|pair| {
        let mut row = cells(pair, &traits[pair.trait_idx].name);
        if let Some((columns, proteins)) = places {
            row.extend(columns.cells(&proteins[pair.trait_idx], &pair.variant, pair.consequence));
        }
        row
    }));
    table(&rows)
}

/// Rows as text: columns aligned when a person looks at it, tab-separated when not.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let aligned = io::stdout().is_terminal();
    let mut widths = vec![0; rows[0].len()];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &Vec<String>| match aligned {
        true => {
            let padded = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        }
        false => row.join("\t") + "\n",
    };
    rows.iter().map(line).collect()
}

fn cells(pair: &TopPair, trait_name: &str) -> Vec<String> {
    let variant = &pair.variant;
    let mut freq = Vec::new();
    push_real(&mut freq, variant.a1_freq as f32);
    let mut stats = Vec::new();
    push_stats(&mut stats, &pair.stats);
    let (freq, stats) = (String::from_utf8_lossy(&freq), String::from_utf8_lossy(&stats));
    let pos = variant.pos.to_string();
    let (reference, alternate) = (variant.reference.as_str(), variant.alternate.as_str());
    let front = [&variant.chrom, &pos, &variant.id, reference, alternate, alternate, trait_name, &freq];
    front.into_iter().chain(stats.trim_end().split('\t')).map(str::to_owned).collect()
}

fn json_text(pairs: &[TopPair], (traits, places): (&[TraitInfo], Places<'_>)) -> String {
    let row = |pair: &TopPair| {
        let (variant, stats) = (&pair.variant, &pair.stats);
        let mut object = json!({
            "CHROM": variant.chrom, "POS": variant.pos, "ID": variant.id, "REF": variant.reference,
            "ALT": variant.alternate, "A1": variant.alternate, "TRAIT": traits[pair.trait_idx].name,
            "A1_FREQ": variant.a1_freq, "OBS_CT": stats.n_observed, "BETA": stats.beta, "SE": stats.se,
            "T_STAT": stats.t, "LOG10_P": stats.log10p,
        });
        if let Some((columns, proteins)) = places {
            columns.add_json(&mut object, &proteins[pair.trait_idx], variant, pair.consequence);
        }
        object
    };
    format!("{:#}\n", serde_json::Value::Array(pairs.iter().map(row).collect()))
}
