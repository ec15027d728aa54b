//! norna under a real Slurm: two nodes on this machine, each with an address, a name and processes of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod plain;
mod profiles;
mod stops;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use support::bits;
use support::need;
use support::places::workspace;
use support::simulate;
use support::slurm::Lab;
use support::study::Study;
use support::tools::{self, Need};

/// Time for a job that has to wait for others' CPUs.
const LIMIT: Duration = Duration::from_secs(120);

/// The cluster that all tests share: most use it side by side, one that takes a node away has it alone.
fn cluster() -> Option<&'static RwLock<Lab>> {
    static LAB: OnceLock<Option<RwLock<Lab>>> = OnceLock::new();
    LAB.get_or_init(|| Lab::start().map(RwLock::new)).as_ref()
}

fn shared() -> Option<RwLockReadGuard<'static, Lab>> {
    let lab = cluster();
    if lab.is_none() {
        tools::say(&format!("SKIPPED {}: no cluster", std::thread::current().name().unwrap_or("a test")));
    }
    lab.map(|lab| lab.read().unwrap_or_else(PoisonError::into_inner))
}

/// A study and the bits of its plain run, without Slurm and in one process.
struct Reference {
    study: Study,
    bits: BTreeMap<String, String>,
    shard_bytes: String,
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
        study.flags.extend(["--p-threshold", "1e-3"].map(str::to_owned));
        let shard_bytes = (std::fs::metadata(&study.vcf).unwrap().len() / 40).to_string();
        let bits = bits::everything(&study.assoc("reference.h5", &["--threads", "1"]));
        Reference { study, bits, shard_bytes }
    })
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
    second.wait_until(&id, &script, LIMIT, |job| job.state() == "RUNNING");
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
