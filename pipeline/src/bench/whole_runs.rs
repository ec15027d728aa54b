//! Whole runs of `norna assoc` as processes of their own: what the parts cost that cannot be taken out of a run, from the
//! differences between runs that differ in one thing.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::cohort::Cohort;
use super::products::positive;
use super::timer::of_children;
use crate::plan::Rates;

/// Variables by which launchers tell a process that it is one of many.
const LAUNCHERS: [&str; 6] = ["OMPI_", "PMI", "SLURM_", "MV2_", "MPI_", "PALS_"];

/// CPU seconds of a run on one thread.
fn run(cohort: &Cohort, folder: &Path, store: &str, n_traits: usize) -> Result<f64> {
    let program = std::env::current_exe().context("where this program is")?;
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if LAUNCHERS.iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
    command.arg("assoc").arg("--vcf").arg(&cohort.genotypes).arg("--pheno").arg(&cohort.traits);
    command.arg("--covar").arg(&cohort.covariates).arg("--out").arg(folder.join("run.h5"));
    command.args(["--threads", "1", "--force", "--quiet", "--store", store, "--p-threshold", "1e-9"]);
    command.arg("--pheno-name").arg(names(n_traits)).stdin(Stdio::null()).stdout(Stdio::null());
    let before = of_children().context("CPU time of child processes is not told by this system")?;
    let output = command.stderr(Stdio::piped()).output().context("norna assoc did not start")?;
    if !output.status.success() {
        bail!("norna assoc on simulated data failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(of_children().unwrap_or(before) - before)
}

/// The first so many of the traits that nothing influences.
fn names(n_traits: usize) -> String {
    (1..=n_traits).map(|i| format!("N{i}")).collect::<Vec<_>>().join(",")
}

fn least(runs: usize, mut run: impl FnMut() -> Result<f64>) -> Result<f64> {
    (0..runs.max(1)).try_fold(f64::INFINITY, |least, _| Ok(least.min(run()?)))
}

/// What starting, rows and matrices cost. `tiny`: hardly any variants. `long`: many variants, few samples, many traits, the
/// reading of which takes `reading` CPU seconds.
///
/// # Errors
/// A run fails.
pub fn measure(
    folder: &Path,
    (tiny, long): (&Cohort, &Cohort),
    reading: f64,
    runs: usize,
    rates: &mut Rates,
) -> Result<()> {
    let tables = |cohort: &Cohort| (cohort.spec.n_samples * cohort.spec.n_traits) as f64 * rates.table_cell;
    rates.start = positive(least(runs, || run(tiny, folder, "hits", 1))? - tables(tiny)).max(1e-3);
    let m = long.spec.n_variants as f64;
    let t = long.spec.n_traits as f64;
    let hits = least(runs, || run(long, folder, "hits", 1))?;
    rates.result_row = positive((hits - rates.start - tables(long) - reading) / m);
    let (full, none) = (
        least(runs, || run(long, folder, "full", long.spec.n_traits))?,
        least(runs, || run(long, folder, "hits", long.spec.n_traits))?,
    );
    // A byte goes through the spool, is read back and written; how the time is shared changes no sum.
    let both = positive((full - none) / (8.0 * m * t));
    rates.spool_byte = 0.4 * both;
    rates.result_byte = 0.6 * both;
    Ok(())
}
