//! norna under a real Slurm: two nodes on this machine, each with an address, a name and processes of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod plain;
mod profiles;
mod stops;
mod submitted;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use support::bits;
use support::simulate;
use support::slurm::Lab;
use support::study::Study;
use support::tools;

/// Time for a job that has to wait for others' CPUs.
const LIMIT: Duration = Duration::from_secs(180);
/// Kernels without vector instructions take longer, and have the same bits.
const SLOW: (&str, &str) = ("NORNA_ISA", "scalar");

/// The cluster that all tests share: most use it side by side, one that takes a node away has it alone.
fn cluster() -> Option<&'static RwLock<Lab>> {
    static LAB: OnceLock<Option<RwLock<Lab>>> = OnceLock::new();
    LAB.get_or_init(|| Lab::start().map(RwLock::new)).as_ref()
}

fn shared() -> Option<RwLockReadGuard<'static, Lab>> {
    cluster_or_say().map(|lab| lab.read().unwrap_or_else(PoisonError::into_inner))
}

fn alone() -> Option<RwLockWriteGuard<'static, Lab>> {
    cluster_or_say().map(|lab| lab.write().unwrap_or_else(PoisonError::into_inner))
}

fn cluster_or_say() -> Option<&'static RwLock<Lab>> {
    let lab = cluster();
    if lab.is_none() {
        tools::say(&format!("SKIPPED {}: no cluster", std::thread::current().name().unwrap_or("a test")));
    }
    lab
}

/// A study and the bits of its plain run, without Slurm and in one process.
struct Reference {
    study: Study,
    bits: BTreeMap<String, String>,
}

impl Reference {
    /// Runs the study plainly, in about so many shards.
    fn of(mut study: Study, n_shards: u64) -> Self {
        let shard_bytes = (std::fs::metadata(&study.vcf).unwrap().len() / n_shards).to_string();
        study.flags.extend(["--p-threshold", "1e-3", "--shard-bytes", &shard_bytes].map(str::to_owned));
        let bits = bits::everything(&study.assoc("reference.h5", &["--threads", "1"]));
        Self { study, bits }
    }
}

/// 300 people, 3,000 variants with missing calls, 200 traits of which every tenth has its own missing values.
fn reference() -> &'static Reference {
    static STUDY: OnceLock<Reference> = OnceLock::new();
    STUDY.get_or_init(|| {
        let genotypes = simulate::calls(701, 300, 3000, 0.05);
        let covariates = simulate::covariates(702, &genotypes.samples, 4);
        let rate = |k: usize| if k.is_multiple_of(10) { 0.05 } else { 0.0 };
        let traits = simulate::traits(703, &genotypes, &covariates, 200, rate);
        let mut study = Study::write(&genotypes, &traits, Some(&covariates));
        study.bgzip();
        Reference::of(study, 40)
    })
}

/// A folder for a job, on a disk: an output in memory is refused, and /tmp may be that.
fn job_folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Arguments of the main job with its output in `folder`.
fn assoc_args(reference: &Reference, folder: &Path, extra: &[&str]) -> (Vec<String>, PathBuf) {
    let out = folder.join("results.h5");
    let args = reference.study.assoc_args("results.h5", extra);
    let mut args: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let at = args.iter().position(|arg| arg == "--out").unwrap() + 1;
    args[at] = out.display().to_string();
    (args, out)
}

/// `norna submit --profile local` from `folder`, slow kernels: the jobs' numbers and where the results go.
fn submit(lab: &Lab, reference: &Reference, folder: &Path, flags: &[&str]) -> (Vec<String>, PathBuf) {
    submit_by(lab, "local", reference, folder, flags)
}

fn submit_by(lab: &Lab, profile: &str, reference: &Reference, folder: &Path, flags: &[&str]) -> (Vec<String>, PathBuf) {
    let (args, out) = assoc_args(reference, folder, &[]);
    let mut command = lab.command(env!("CARGO_BIN_EXE_norna"));
    command.env(SLOW.0, SLOW.1).current_dir(folder).args(["submit", "--profile", profile, "--json"]);
    let said = tools::run(command.args(flags).arg("--").args(args)).ok().stdout;
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let ids = said["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned());
    (ids.collect(), out)
}

/// A cluster that is stopped leaves no process, network link or folder; two of them do not meet.
#[test]
fn a_stopped_cluster_leaves_nothing() {
    let Some(first) = shared() else { return };
    let second = Lab::start().expect("the first one worked");
    let folder = second.folder().to_path_buf();
    let script = folder.join("sleep.sh");
    std::fs::write(&script, "#!/bin/sh\nsrun --overlap sleep 300\n").unwrap();
    let id = second.sbatch(&folder, ["--nodes=2", script.to_str().unwrap()]);
    second.wait_until(&id, &folder, LIMIT, |job| job.state() == "RUNNING");
    let mine = folder.file_name().unwrap().to_string_lossy().into_owned();
    assert!(!processes(&mine).is_empty(), "nothing runs in {mine}");
    let links = network_links();
    drop(second);
    assert_eq!(processes(&mine), Vec::<String>::new());
    assert!(!folder.exists(), "{} is left", folder.display());
    let gone: Vec<_> = links.difference(&network_links()).cloned().collect();
    assert!(gone.iter().any(|link| link.starts_with("norna-lab")), "no link went: {links:?}");
    assert_eq!(first.ask("sinfo", ["-h", "-N", "-o", "%n"]), "node1\nnode2\n");
}

/// Command lines and environments of all processes that name `folder`.
fn processes(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        if entry.path().join("cmdline").exists() {
            let read = |name: &str| {
                let bytes = std::fs::read(entry.path().join(name)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).replace('\0', " ")
            };
            if (read("cmdline") + &read("environ")).contains(folder) {
                found.push(read("cmdline"));
            }
        }
    }
    found
}

fn network_links() -> std::collections::BTreeSet<String> {
    let names = std::fs::read_dir("/sys/class/net").unwrap().flatten();
    names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
