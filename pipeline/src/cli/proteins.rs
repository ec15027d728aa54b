//! `norna proteins`: a laboratory's file → steps → proteins.h5.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

use super::assoc_config::without_folders;
use super::proteins_args::ProteinsArgs;
use super::simulate::{refuse_ranks, stop_on_signals};
use crate::proteins::{Genes, ProcessOptions, Processed, ProteinsError, RawTable, Step, process};
use crate::report::export_output::refuse_input;
use crate::report::provenance::InputFile;
use crate::report::resources::{Resources, human_bytes};
use crate::report::words::count;
use crate::report::{logger, stdout};
use crate::run::UsageError;
use crate::run::workdir::{OutputKind, check_output, resolve_links};
use crate::store::{ProteinsWriter, publish};

/// Runs `norna proteins`.
///
/// # Errors
/// One line that says what was wrong; nothing is left then.
pub fn run(args: &ProteinsArgs) -> Result<()> {
    refuse_ranks("proteins")?;
    let options = args.options()?;
    for (role, file) in args.files() {
        refuse_input(&file, &args.out).map_err(|error| UsageError(format!("{error} ({role})")))?;
    }
    let out = resolve_links(&args.out);
    check_output(&out, OutputKind::Hdf5, args.force)?;
    let stop = stop_on_signals().context("signals")?;
    logger::start(if args.quiet { log::LevelFilter::Warn } else { log::LevelFilter::Info });
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads.map_or(0, usize::from)).build()?;
    pool.install(|| make(args, &options, &out, &stop))
}

fn make(args: &ProteinsArgs, options: &ProcessOptions, out: &Path, stop: &Arc<AtomicBool>) -> Result<()> {
    let start = Instant::now();
    let genes = Genes::read(options)?;
    let table = read(args)?;
    go_on(stop)?;
    let mut tell = |step: &Step| {
        step.notes.iter().for_each(|note| log::info!("{note}"));
        log::info!("{}", step.line());
        go_on(stop).map_err(|error| ProteinsError::Refused(error.to_string()))
    };
    let processed = process(table, genes, options, &mut tell)?;
    let temporary = Temporary::beside(out);
    let writer = ProteinsWriter::create(&temporary.0, &processed.matrix)?;
    let steps: Vec<Value> = processed.steps.iter().map(Step::json).collect();
    writer.seal(&json!(steps), &provenance(args, start)?)?;
    go_on(stop)?;
    // Once more: another run may have made it meanwhile.
    check_output(out, OutputKind::Hdf5, args.force)?;
    publish(&temporary.0, out)?;
    finish(args, &processed, steps, start)
}

/// The table of all inputs.
fn read(args: &ProteinsArgs) -> Result<RawTable, ProteinsError> {
    Ok(crate::format::proteins::read(&args.input, &args.read_options())?)
}

fn go_on(stop: &AtomicBool) -> Result<()> {
    if stop.load(Ordering::Relaxed) { Err(anyhow!("interrupted; nothing was left")) } else { Ok(()) }
}

/// A file in the making; gone when this is dropped, unless it has its name by then.
struct Temporary(PathBuf);

impl Temporary {
    fn beside(out: &Path) -> Self {
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(out.file_name().unwrap_or_default());
        hidden.push(format!(".{}.tmp", std::process::id()));
        Self(out.with_file_name(hidden))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // It is gone already where it was published.
        let _ = fs::remove_file(&self.0);
    }
}

fn provenance(args: &ProteinsArgs, start: Instant) -> Result<Value> {
    let describe = |(role, path): (&'static str, PathBuf)| {
        InputFile::describe(role, &path).map_err(|error| anyhow!("{}: {error}", path.display()))
    };
    let inputs = args.files().into_iter().map(describe).collect::<Result<Vec<_>>>()?;
    Ok(json!({
        "command": "proteins",
        "configuration": configuration(args)?,
        "inputs": inputs,
        "norna_version": crate::report::provenance::version(),
        "hdf5_version": crate::store::hdf5_version(),
        "wall_seconds": start.elapsed().as_secs_f64(),
        "peak_memory_bytes": Resources::now().peak_memory,
    }))
}

/// The flags that were given, paths cut to file names.
fn configuration(args: &ProteinsArgs) -> Result<Value> {
    let mut flags = without_folders(serde_json::to_value(args)?);
    let cut = |value: &mut Value| {
        let name =
            value.as_str().and_then(|path| Path::new(path).file_name()).map(|name| name.to_string_lossy().into_owned());
        if let Some(name) = name {
            *value = Value::String(name);
        }
    };
    for flag in ["input", "out", "sample-map", "keep", "remove", "annotation", "uniprot-map"] {
        match flags.get_mut(flag) {
            Some(Value::Array(list)) => list.iter_mut().for_each(cut),
            Some(value) => cut(value),
            None => {}
        }
    }
    if let Some(build) = args.build {
        flags["build"] = json!(build.name());
    }
    Ok(flags)
}

/// The last lines of the log, and what a machine reads.
fn finish(args: &ProteinsArgs, processed: &Processed, steps: Vec<Value>, start: Instant) -> Result<()> {
    let matrix = &processed.matrix;
    let bytes = fs::metadata(&args.out).map_or(0, |metadata| metadata.len());
    log::info!(
        "written: {} ({} × {}, {}, {})",
        args.out.display(),
        count(matrix.proteins.len() as u64, "protein"),
        count(matrix.samples.len() as u64, "sample"),
        count(matrix.covariates.len() as u64, "covariate"),
        human_bytes(bytes)
    );
    let used = Resources::now();
    log::info!(
        "used: {:.1} s wall, {:.1} s CPU, {} peak memory",
        start.elapsed().as_secs_f64(),
        used.cpu_seconds,
        human_bytes(used.peak_memory)
    );
    if args.json {
        let told = json!({
            "out": args.out,
            "bytes": bytes,
            "samples": matrix.samples.len(),
            "proteins": matrix.proteins.len(),
            "with_gene": matrix.proteins.iter().filter(|protein| protein.gene.is_some()).count(),
            "covariates": matrix.covariates.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "genome_build": matrix.build.map(|build| build.name()),
            "steps": steps,
            "wall_seconds": start.elapsed().as_secs_f64(),
        });
        stdout::print(&format!("{told:#}\n"))?;
    }
    Ok(())
}
