//! `norna proteins`: a laboratory's file → steps → proteins.h5.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use serde_json::{Value, json};

use super::assoc_config::without_folders;
use super::proteins_args::ProteinsArgs;
use super::recorded::recorded;
use super::simulate::{refuse_ranks, stop_on_signals};
use crate::export::output::refuse_input;
use crate::proteins::{Genes, ProcessOptions, Processed, ProteinsError, RawTable, Step, process};
use crate::provenance::{Stages, host};
use crate::report::resources::{Resources, human_bytes};
use crate::report::words::count;
use crate::report::{logger, stdout};
use crate::run::UsageError;
use crate::run::workdir::{OutputKind, check_output, resolve_links};
use crate::store::{ProteinsReader, ProteinsWriter, publish};

/// Names that a line of -v has.
const SHOWN: usize = 10;
/// A file in the making that nobody has written to for this long is no living process's, on whatever machine.
const STALE: Duration = Duration::from_secs(600);

/// Runs `norna proteins`.
///
/// # Errors
/// One line that says what was wrong; nothing is left then.
pub fn run(args: &ProteinsArgs) -> Result<()> {
    refuse_ranks("proteins")?;
    let options = args.options()?;
    for (role, file) in args.files() {
        let is_input = |_| UsageError(format!("{}: --out is an input ({role}); choose another", args.out.display()));
        refuse_input(&file, &args.out).map_err(is_input)?;
    }
    let out = resolve_links(&args.out);
    check_replaced(&out, args.force)?;
    let stop = stop_on_signals().context("signals")?;
    // A write beyond a file-size limit is then an error of that write instead of the end of the process.
    let over_limit = Arc::default();
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, over_limit).context("signals")?;
    logger::start(args.log_level());
    clear_leftovers(&out);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads.map_or(0, usize::from)).build()?;
    pool.install(|| make(args, &options, &out, &stop))
}

/// As [`check_output`], and replaces files of proteins alone.
fn check_replaced(out: &Path, force: bool) -> Result<()> {
    check_output(out, OutputKind::Hdf5, force)?;
    let is_there = fs::metadata(out).is_ok_and(|metadata| metadata.len() > 0);
    if is_there && !ProteinsReader::is_proteins(out) {
        let out = out.display();
        return Err(anyhow!(
            "{out}: exists and is no file of norna proteins: --force replaces such files only; choose another --out"
        ));
    }
    Ok(())
}

fn make(args: &ProteinsArgs, options: &ProcessOptions, out: &Path, stop: &Arc<AtomicBool>) -> Result<()> {
    let start = Instant::now();
    let genes = Genes::read(options)?;
    let table = read(args)?;
    go_on(stop)?;
    let mut tell = |step: &Step| {
        step.notes.iter().for_each(|note| log::info!("{note}"));
        log::info!("{}", step.line());
        for (what, names) in step.lists.iter().filter(|(_, names)| !names.is_empty()) {
            let more = if names.len() > SHOWN { ", ..." } else { "" };
            log::debug!("{}: {what}: {}{more}", step.name, names[..names.len().min(SHOWN)].join(", "));
        }
        step.warnings.iter().for_each(|warning| log::warn!("{warning}"));
        go_on(stop).map_err(|error| ProteinsError::Refused(error.to_string()))
    };
    let processed = process(table, genes, options, &mut tell)?;
    let temporary = Temporary::beside(out);
    let writer = ProteinsWriter::create(&temporary.0, &processed.matrix)?;
    let steps: Vec<Value> = processed.steps.iter().map(Step::json).collect();
    writer.seal(&json!(steps), &provenance(args, start)?)?;
    go_on(stop)?;
    // Once more: another run may have made it meanwhile.
    check_replaced(out, args.force)?;
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

/// Removes what runs that were killed have left beside the output, since it has people's values, or names it.
fn clear_leftovers(out: &Path) {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let found = entry.file_name().to_string_lossy().into_owned();
        let process = found.strip_prefix(&format!(".{name}.")).and_then(|rest| rest.strip_suffix(".tmp"));
        let Some(process) = process.and_then(|process| process.parse::<u32>().ok()) else { continue };
        if Path::new("/proc").join(process.to_string()).exists() {
            continue;
        }
        let age = entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
        let is_removed = age.is_some_and(|age| age >= STALE) && fs::remove_file(entry.path()).is_ok();
        match is_removed {
            true => log::info!("removed {found}, which a run that was killed had left"),
            false => log::warn!("{found} is there: remove it if it is of a run that was killed"),
        }
    }
}

fn provenance(args: &ProteinsArgs, start: Instant) -> Result<Value> {
    let (whole, files) = (start.elapsed().as_secs_f64(), args.files());
    let stages = Stages { computing: whole, writing: 0.0, whole };
    let mut recorded = recorded("proteins", &flags(args)?, &files);
    recorded.full_checksums = args.full_checksums;
    let hosts = [host()];
    Ok(recorded.provenance(&configuration(args)?, &files, (&hosts, "none"), stages)?.into())
}

/// The flags as given, and whether folders are to be kept.
fn flags(args: &ProteinsArgs) -> Result<Value> {
    let mut flags = serde_json::to_value(args)?;
    let chosen = [("format", name_of(args.format)), ("samples-in", name_of(args.samples_in))];
    for (flag, name) in chosen {
        if let Some(name) = name {
            flags[flag] = json!(name);
        }
    }
    if let Some(build) = args.build {
        flags["build"] = json!(build.name());
    }
    flags["provenance-paths"] = json!(args.provenance_paths);
    Ok(flags)
}

fn name_of<T: ValueEnum>(choice: Option<T>) -> Option<String> {
    Some(choice?.to_possible_value()?.get_name().to_owned())
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
        let whole = || format!("standard output (--json; {} is whole)", args.out.display());
        stdout::print(&format!("{told:#}\n")).with_context(whole)?;
    }
    Ok(())
}
