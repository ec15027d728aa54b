//! `norna verify`: whether a file of results, cis results, depths or proteins is whole and sound.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde_json::json;

use super::{EXIT_FAILED, EXIT_INCOMPLETE};
use crate::export::ExportError;
use crate::export::output::{Output, is_closed_pipe};
use crate::export::replace::Replace;
use crate::report::words::count;
use crate::store::{
    CIS_FORMAT, CisReader, CisVerification, DEPTH_FORMAT, DepthReader, DepthVerification, Findings, PROTEINS_FORMAT,
    ProteinsReader, ProteinsVerification, StoreError, Verification, VerifyProgress, verify, verify_cis, verify_depth,
    verify_proteins,
};

/// Time between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(100);
/// Time to the first line where no terminal is, then doubled.
const FIRST_LINE: Duration = Duration::from_secs(10);

/// Check a results file, a cis.h5, a depth.h5 or a proteins.h5: checksums, shapes, numbers, sums.
///
/// Reads everything. Exit code 0: sound; 1: something is wrong, a line each; 3: sound, but shards of the run failed.
#[derive(Debug, Clone, clap::Args)]
pub struct VerifyArgs {
    /// Results file, or what norna qtl, norna depth or norna proteins wrote.
    pub file: PathBuf,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
    /// Threads; the cores of this process otherwise.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Show no progress.
    #[arg(short, long)]
    pub quiet: bool,
}

/// What was found.
enum Found {
    Results(Verification),
    Depth(DepthVerification),
    Cis(CisVerification),
    Proteins(ProteinsVerification),
}

impl Found {
    fn of(path: &Path, progress: &VerifyProgress) -> Result<Self, StoreError> {
        if DepthReader::is_depth(path) {
            verify_depth(path, progress).map(Self::Depth)
        } else if CisReader::is_cis(path) {
            verify_cis(path, progress).map(Self::Cis)
        } else if ProteinsReader::is_proteins(path) {
            verify_proteins(path, progress).map(Self::Proteins)
        } else {
            verify(path, progress).map(Self::Results)
        }
    }

    fn findings(&self) -> &Findings {
        match self {
            Self::Results(found) => &found.findings,
            Self::Depth(found) => &found.findings,
            Self::Cis(found) => &found.findings,
            Self::Proteins(found) => &found.findings,
        }
    }

    fn failed_regions(&self) -> &[String] {
        match self {
            Self::Results(found) => &found.failed_regions,
            Self::Depth(_) | Self::Cis(_) | Self::Proteins(_) => &[],
        }
    }

    /// What the file holds, and its bytes.
    fn contents(&self) -> (String, u64) {
        let parts = match self {
            Self::Results(found) => {
                let size = format!(
                    "{} × {}, {}, store {}",
                    count(found.n_variants as u64, "variant"),
                    count(found.n_traits as u64, "trait"),
                    count(found.n_hits as u64, "hit"),
                    found.store.name(),
                );
                (size, found.n_datasets, found.file_bytes)
            }
            Self::Depth(found) => {
                let windows = count(found.n_windows as u64, "window");
                let size = format!("depths of {windows} × {}", count(found.n_samples as u64, "sample"));
                (size, found.n_datasets, found.file_bytes)
            }
            Self::Cis(found) => {
                let size = format!(
                    "cis results of {}, {}, {}",
                    count(found.n_phenotypes as u64, "phenotype"),
                    count(found.n_pairs as u64, "nominal pair"),
                    count(found.n_signals as u64, "signal"),
                );
                (size, found.n_datasets, found.file_bytes)
            }
            Self::Proteins(found) => {
                let sizes = [(found.n_proteins, "protein"), (found.n_samples, "sample")];
                let [proteins, samples] = sizes.map(|(n, what)| count(n as u64, what));
                let size = format!("{proteins} × {samples}, {}", count(found.n_covariates as u64, "covariate"));
                (size, found.n_datasets, found.file_bytes)
            }
        };
        (format!("{}, {} datasets", parts.0, parts.1), parts.2)
    }
}

/// Runs `norna verify`; the exit code.
pub fn run(args: &VerifyArgs) -> anyhow::Result<u8> {
    let start = Instant::now();
    if std::fs::metadata(&args.file).is_ok_and(|meta| !meta.is_file() && !meta.is_dir()) {
        anyhow::bail!("{}: is no regular file", args.file.display());
    }
    let threads = args.threads.map_or(0, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let (progress, ended) = (VerifyProgress::default(), AtomicBool::new(false));
    let found = std::thread::scope(|scope| {
        let shown = (!args.quiet).then(|| scope.spawn(|| show(&progress, &ended)));
        let found = pool.install(|| Found::of(&args.file, &progress));
        ended.store(true, Ordering::Relaxed);
        if let Some(shown) = shown {
            shown.thread().unpark();
        }
        found
    })?;
    let text = match args.json {
        true => format!("{:#}\n", json_report(&args.file, &found, start.elapsed())),
        false => text_report(&args.file, &found, start.elapsed()),
    };
    let mut output = Output::create(Path::new("-"), Replace::Nothing)?;
    let written = output.write_all(text.as_bytes());
    let written = written.map_err(|cause| ExportError::Write { path: PathBuf::from("-"), cause });
    match written.and_then(|()| output.finish()) {
        Err(error) if !is_closed_pipe(&error) => return Err(error.into()),
        _ => {}
    }
    Ok(match (found.findings().is_empty(), found.failed_regions().is_empty()) {
        (false, _) => EXIT_FAILED,
        (true, false) => EXIT_INCOMPLETE,
        (true, true) => 0,
    })
}

/// A bar on a terminal, plain lines now and then elsewhere, until `ended`.
fn show(progress: &VerifyProgress, ended: &AtomicBool) {
    let bar = io::stderr().is_terminal().then(|| ProgressBar::new(0));
    if let (Some(bar), Ok(style)) =
        (&bar, ProgressStyle::with_template("verifying {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left"))
    {
        bar.set_style(style);
    }
    let (start, mut next) = (Instant::now(), FIRST_LINE);
    while !ended.load(Ordering::Relaxed) {
        std::thread::park_timeout(LOOK);
        let (done, total) = (progress.done.load(Ordering::Relaxed), progress.total.load(Ordering::Relaxed));
        match &bar {
            Some(bar) => {
                bar.set_length(total);
                bar.set_position(done.min(total));
            }
            None if start.elapsed() >= next => {
                next *= 2;
                eprintln!("verifying: {} of {}", HumanBytes(done), HumanBytes(total));
            }
            None => {}
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

/// "sound", "incomplete" or "damaged".
fn verdict(found: &Found) -> &'static str {
    match (found.findings().is_empty(), found.failed_regions().is_empty()) {
        (false, _) => "damaged",
        (true, false) => "incomplete",
        (true, true) => "sound",
    }
}

fn text_report(path: &Path, found: &Found, elapsed: Duration) -> String {
    let mut text = String::new();
    for kind in &found.findings().kinds {
        kind.first.iter().for_each(|finding| text += &format!("{finding}\n"));
        match kind.n - kind.first.len() as u64 {
            0 => {}
            more => text += &format!("{}: and {more} more\n", kind.object),
        }
    }
    if let Found::Results(Verification { has_checksums: false, norna_version: version, .. }) = found {
        text +=
            &format!("no checksums: written by norna {version}, before they were made; everything else is checked\n");
    }
    if !found.failed_regions().is_empty() {
        let shards = count(found.failed_regions().len() as u64, "shard");
        text += &format!("incomplete: {shards} failed: {}\n", regions(found.failed_regions()));
    }
    let seconds = elapsed.as_secs_f64();
    let (contents, bytes) = found.contents();
    text += &format!(
        "checked: {contents}, {} in {seconds:.1} s ({}/s)\n",
        HumanBytes(bytes),
        HumanBytes((bytes as f64 / seconds.max(1e-9)) as u64)
    );
    let result = match found.findings().n() {
        0 => verdict(found).to_owned(),
        n => format!("{}: {}", verdict(found), count(n, "finding")),
    };
    text + &format!("{}: {result}\n", path.display())
}

/// The first of them.
fn regions(failed: &[String]) -> String {
    const SHOWN: usize = 20;
    let first = failed.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match failed.len().saturating_sub(SHOWN) {
        0 => format!("regions {first}"),
        more => format!("regions {first} and {more} more"),
    }
}

fn json_report(path: &Path, found: &Found, elapsed: Duration) -> serde_json::Value {
    let kinds = found.findings().kinds.iter().map(|kind| {
        let first = kind.first.iter().map(|finding| json!({ "object": finding.object, "problem": finding.problem }));
        json!({ "kind": kind.name, "object": kind.object, "n": kind.n, "first": first.collect::<Vec<_>>() })
    });
    let mut report = json!({
        "file": path.display().to_string(),
        "result": verdict(found),
        "findings": kinds.collect::<Vec<_>>(),
        "failed_regions": found.failed_regions(),
        "wall_seconds": elapsed.as_secs_f64(),
    });
    let more = match found {
        Found::Results(found) => json!({
            "checksums": found.has_checksums,
            "norna_version": found.norna_version,
            "store": found.store.name(),
            "variants": found.n_variants,
            "traits": found.n_traits,
            "hits": found.n_hits,
            "datasets": found.n_datasets,
            "file_bytes": found.file_bytes,
        }),
        Found::Depth(found) => json!({
            "format": DEPTH_FORMAT,
            "checksums": true,
            "norna_version": found.norna_version,
            "samples": found.n_samples,
            "windows": found.n_windows,
            "datasets": found.n_datasets,
            "file_bytes": found.file_bytes,
        }),
        Found::Cis(found) => json!({
            "format": CIS_FORMAT,
            "checksums": true,
            "norna_version": found.norna_version,
            "phenotypes": found.n_phenotypes,
            "variants": found.n_variants,
            "nominal_pairs": found.n_pairs,
            "signals": found.n_signals,
            "datasets": found.n_datasets,
            "file_bytes": found.file_bytes,
        }),
        Found::Proteins(found) => json!({
            "format": PROTEINS_FORMAT,
            "checksums": true,
            "norna_version": found.norna_version,
            "samples": found.n_samples,
            "proteins": found.n_proteins,
            "covariates": found.n_covariates,
            "datasets": found.n_datasets,
            "file_bytes": found.file_bytes,
        }),
    };
    if let (Some(report), serde_json::Value::Object(more)) = (report.as_object_mut(), more) {
        report.extend(more);
    }
    report
}
