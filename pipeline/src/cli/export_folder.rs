//! `norna export` in formats that write a folder.

use std::path::Path;

use anyhow::bail;
use serde_json::{Value, json};

use super::export::{ExportArgs, ExportFormat, tell};
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
        bail!("--out: this format writes a folder: give its name with -o");
    }
    let folder = Folder::create(&args.out, args.force)?;
    let n_rows = match format {
        ExportFormat::Plink => {
            let layout = Plink { with_freq: args.a1_freq };
            run_by_trait(args, (reader, plan), &layout, gate, folder, |stem, name| format!("{stem}.{name}.glm.linear"))?
        }
        _ => run_by_trait(args, (reader, plan), &Regenie, gate, folder, |stem, name| format!("{stem}_{name}.regenie"))?,
    };
    tell(reader, plan, n_rows)
}

fn run_by_trait(
    args: &ExportArgs,
    (reader, plan): (&ResultsReader, &ExportPlan),
    layout: &impl Layout,
    gate: &mut Gate<'_>,
    folder: Folder,
    file: impl Fn(&str, &str) -> String,
) -> anyhow::Result<u64> {
    let names = trait_names(reader, plan);
    let stem = stem(&args.file);
    let files: Vec<String> = safe_names(&names)?.iter().map(|name| file(&stem, name)).collect();
    let made = write_by_trait((reader, plan), layout, gate, folder.path(), &files, FileOptions::default())?;
    let about = about(reader, args, &made);
    folder.finish(about, &files)?;
    let n_rows = made.iter().map(|file| file.n_rows).sum();
    eprintln!("{}: {} in {}", args.out.display(), count(n_rows, "row"), count(files.len() as u64, "file"));
    Ok(n_rows)
}

fn trait_names<'a>(reader: &'a ResultsReader, plan: &ExportPlan) -> Vec<&'a str> {
    plan.traits.iter().map(|&idx| reader.header().traits[idx].name.as_str()).collect()
}

/// The results' name without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().map_or("results".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

fn about(reader: &ResultsReader, args: &ExportArgs, made: &[TraitFile]) -> Value {
    let traits = &reader.header().traits;
    let of = |file: &TraitFile| json!({ "trait": traits[file.trait_idx].name, "file": file.file, "rows": file.n_rows });
    json!({
        "format": args.format,
        "norna": env!("CARGO_PKG_VERSION"),
        "traits": made.iter().map(of).collect::<Vec<_>>(),
    })
}
