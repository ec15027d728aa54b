//! `norna export` in formats that write a folder.

use std::path::Path;

use serde_json::{Value, json};

use super::export::{ExportArgs, ExportFormat, tell, usage};
use crate::export::ExportPlan;
use crate::export::file_names::safe_names;
use crate::export::folder::Folder;
use crate::export::gate::Gate;
use crate::export::layout::Layout;
use crate::export::per_trait::{FileOptions, TraitFile, write_by_trait};
use crate::export::plink::Plink;
use crate::export::regenie::Regenie;
use crate::report::words::count;
use crate::store::ResultsReader;

pub(super) fn run(
    args: &ExportArgs,
    (reader, plan): (&ResultsReader, &ExportPlan),
    format: ExportFormat,
    gate: &mut Gate<'_>,
) -> anyhow::Result<()> {
    if args.out == Path::new("-") {
        return Err(usage("--out: this format writes a folder: give its name with -o".to_owned()));
    }
    let (n_rows, n_files) = match format {
        ExportFormat::GwasSsf => super::export_ssf::run(args, (reader, plan), gate)?,
        ExportFormat::Parquet => run_parquet(args, (reader, plan), gate)?,
        ExportFormat::Plink => {
            let layout = Plink { with_freq: args.a1_freq };
            let file = |stem: &str, name: &str| format!("{stem}.{name}.glm.linear");
            run_by_trait(args, (reader, plan), &layout, gate, file)?
        }
        _ => run_by_trait(args, (reader, plan), &Regenie, gate, |stem, name| format!("{stem}_{name}.regenie"))?,
    };
    let (rows, files) = (count(n_rows, "row"), count(n_files, "file"));
    eprintln!("{}: {rows} of {} in {files}", args.out.display(), count(plan.traits.len() as u64, "trait"));
    tell((reader, plan), gate, n_rows)
}

/// Rows and files.
type Counts = (u64, u64);

fn run_by_trait(
    args: &ExportArgs,
    (reader, plan): (&ResultsReader, &ExportPlan),
    layout: &impl Layout,
    gate: &mut Gate<'_>,
    file: impl Fn(&str, &str) -> String,
) -> anyhow::Result<Counts> {
    let files = file_names(args, (reader, plan), file)?;
    let folder = Folder::create(&args.out, args.force)?;
    let options = FileOptions::default();
    let (made, _) = write_by_trait((reader, plan), layout, gate, folder.place(), &files, options)?;
    folder.finish(about(reader, args, &made, gate), &files)?;
    Ok((made.iter().map(|file| file.n_rows).sum(), files.len() as u64))
}

#[cfg(feature = "parquet")]
fn run_parquet(
    args: &ExportArgs,
    (reader, plan): (&ResultsReader, &ExportPlan),
    gate: &mut Gate<'_>,
) -> anyhow::Result<Counts> {
    let folder = Folder::create(&args.out, args.force)?;
    let provenance = reader.provenance()?;
    let mut pairs = vec![
        ("norna.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("norna.results_version".to_owned(), reader.norna_version().to_owned()),
        ("norna.store".to_owned(), reader.header().store.name().to_owned()),
    ];
    if gate.is_kept() {
        pairs.push(("norna.policy".to_owned(), gate.policy().to_owned()));
    }
    if let Some(digest) = provenance["run_digest"].as_str() {
        pairs.push(("norna.run_digest".to_owned(), digest.to_owned()));
    }
    let (n_rows, files) = crate::export::parquet::write_parquet(reader, plan, gate, folder.place(), &pairs)?;
    folder.finish(about(reader, args, &[], gate), &files)?;
    Ok((n_rows, files.len() as u64))
}

#[cfg(not(feature = "parquet"))]
fn run_parquet(_: &ExportArgs, _: (&ResultsReader, &ExportPlan), _: &mut Gate<'_>) -> anyhow::Result<Counts> {
    anyhow::bail!("--format parquet: this norna was built without Parquet: build it with the feature parquet")
}

/// The file of each trait.
pub(super) fn file_names(
    args: &ExportArgs,
    (reader, plan): (&ResultsReader, &ExportPlan),
    file: impl Fn(&str, &str) -> String,
) -> anyhow::Result<Vec<String>> {
    let stem = stem(&args.file);
    Ok(safe_names(&trait_names(reader, plan))?.iter().map(|name| file(&stem, name)).collect())
}

fn trait_names<'a>(reader: &'a ResultsReader, plan: &ExportPlan) -> Vec<&'a str> {
    plan.traits.iter().map(|&idx| reader.header().traits[idx].name.as_str()).collect()
}

/// The results' name without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().map_or("results".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

pub(super) fn about(reader: &ResultsReader, args: &ExportArgs, made: &[TraitFile], gate: &Gate<'_>) -> Value {
    let traits = &reader.header().traits;
    let of = |file: &TraitFile| json!({ "trait": traits[file.trait_idx].name, "file": file.file, "rows": file.n_rows });
    let mut about = json!({
        "format": args.format,
        "norna": env!("CARGO_PKG_VERSION"),
        "traits": made.iter().map(of).collect::<Vec<_>>(),
    });
    if gate.is_kept() {
        about["policy"] = json!({ "name": gate.policy(), "kept_back": gate.lines(None) });
    }
    about
}
