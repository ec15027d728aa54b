//! `norna export --format gwas-ssf`: files with their metadata, and what to know before they are handed in.

use std::fs;

use anyhow::{Context, bail};

use super::export::{ExportArgs, usage};
use super::export_folder::{about, file_names};
use crate::disclosure::Cases;
use crate::export::ExportPlan;
use crate::export::folder::Folder;
use crate::export::gate::Gate;
use crate::export::gwas_ssf::{GwasSsf, MIN_ROWS};
use crate::export::layout::Layout;
use crate::export::order::Order;
use crate::export::per_trait::{FileOptions, TraitFile, write_by_trait};
use crate::export::study::{FileFacts, Study, metadata};
use crate::report::words::count;
use crate::slurm::date;
use crate::store::{ResultsReader, TraitInfo};

/// Writes the folder; gives rows and files.
pub(super) fn run(
    args: &ExportArgs,
    (reader, plan): (&ResultsReader, &ExportPlan),
    gate: &mut Gate<'_>,
) -> anyhow::Result<(u64, u64)> {
    let study = args.study.as_deref().map(Study::read).transpose()?.unwrap_or_default();
    let Some(assembly) = args.genome_assembly.clone().or_else(|| study.genome_assembly.clone()) else {
        return Err(usage(
            "--format gwas-ssf: which genome are positions of? give --genome-assembly GRCh37 or GRCh38, or the file of --study"
                .to_owned(),
        ));
    };
    let infos = &reader.header().traits;
    if let Some(name) = study.traits.keys().find(|name| !infos.iter().any(|info| info.name == **name)) {
        bail!("--study: [traits] has {name:?}, and the results do not");
    }
    let data = file_names(args, (reader, plan), |stem, name| format!("{stem}.{name}.tsv.gz"))?;
    let folder = Folder::create(&args.out, args.force)?;
    let layout = GwasSsf { neg_log10: args.neg_log10_p };
    let options = FileOptions { compress: true, md5: true };
    let (made, order) = write_by_trait((reader, plan), &layout, gate, folder.place(), &data, options)?;
    let case_counts = reader.qc()?.case_counts;
    let covariates = covariates(reader)?;
    let mut files = data;
    for file in &made {
        let info = &infos[file.trait_idx];
        let facts = FileFacts {
            file: file.file.clone(),
            md5: file.md5.clone(),
            trait_name: info.name.clone(),
            n: info.n,
            n_cases: n_cases(info, case_counts.as_ref().map(|counts| counts[file.trait_idx])),
            is_sorted: order.is_by_number(),
            covariates: covariates.clone(),
            software: format!("norna {}", reader.norna_version()),
            notes: notes(&layout, file, gate, info.n < reader.header().n_samples),
        };
        let name = format!("{}-meta.yaml", file.file);
        let text = metadata(&study, &facts, &assembly, &today());
        fs::write(folder.place().join(&name), text).with_context(|| format!("{}: cannot write", args.out.display()))?;
        files.push(name);
    }
    folder.finish(about(reader, args, &made, gate), &files)?;
    tell_unfit(&layout, &made);
    tell_validation(&made, &order);
    Ok((made.iter().map(|file| file.n_rows).sum(), files.len() as u64))
}

/// Cases of a trait of two values: as counted by the run, or as its mean and standard deviation tell.
fn n_cases(info: &TraitInfo, counted: Option<u32>) -> Option<u32> {
    let counted = counted.filter(|&n| n > 0 && n < info.n);
    Cases::of(info, counted).map(|cases| cases.n_cases)
}

fn covariates(reader: &ResultsReader) -> anyhow::Result<Vec<String>> {
    let provenance = reader.provenance()?;
    let names = provenance["covariates"].as_array().cloned().unwrap_or_default();
    Ok(names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
}

/// What a file does not have, and whose its frequencies are, for its metadata.
fn notes(layout: &impl Layout, file: &TraitFile, gate: &Gate<'_>, has_missing: bool) -> Vec<String> {
    let unfit = layout.unfit_reasons().iter().zip(&file.unfit).filter(|&(_, &n)| n > 0);
    let mut notes: Vec<String> =
        unfit.map(|(reason, &n)| format!("{} left out ({reason})", count(n, "variant"))).collect();
    if has_missing {
        notes.push(
            "effect_allele_frequency is of all analysed samples with a call, also of those without a value of the trait"
                .to_owned(),
        );
    }
    notes.extend(gate.lines(Some(file.trait_idx)).into_iter().map(|line| format!("disclosure policy: {line}")));
    notes
}

fn tell_unfit(layout: &impl Layout, made: &[TraitFile]) {
    for (reason_idx, reason) in layout.unfit_reasons().iter().enumerate() {
        let n: u64 = made.iter().map(|file| file.unfit[reason_idx]).sum();
        if n > 0 {
            eprintln!("note: {} left out that GWAS-SSF has no room for ({reason})", count(n, "pair"));
        }
    }
}

/// Says where `gwas-ssf validate` will refuse.
fn tell_validation(made: &[TraitFile], order: &Order) {
    let n_short = made.iter().filter(|file| file.n_rows < MIN_ROWS).count() as u64;
    if n_short > 0 {
        let (files, have) = (count(n_short, "file"), if n_short == 1 { "has" } else { "have" });
        eprintln!(
            "note: gwas-ssf validate wants {MIN_ROWS} rows and every variant that was tested: {files} of {} {have} fewer rows (hits, filters and policies take rows away)",
            made.len()
        );
    }
    let missing: Vec<String> = order.missing_autosomes().iter().map(u8::to_string).collect();
    if !missing.is_empty() {
        eprintln!("note: gwas-ssf validate wants chromosomes 1 to 22: there is no row on {}", missing.join(", "));
    }
}

/// Today as YYYY-MM-DD.
fn today() -> String {
    let today = date::today();
    let month = date::month(today);
    let first = date::day(&format!("{month}-01")).unwrap_or(today);
    format!("{month}-{:02}", today - first + 1)
}
