//! norna under a real Slurm: two nodes on this machine, each with an address, a name and processes of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

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

/// slurm/norna.sbatch with its marked lines changed as its reader would: ranks over both nodes.
fn plain_script(study: &Study, folder: &Path, args: &[&str]) -> PathBuf {
    let text = std::fs::read_to_string(workspace().join("slurm/norna.sbatch")).unwrap();
    let flags: Vec<String> =
        study.assoc_args("", &[]).iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let end = flags.iter().position(|flag| flag == "--out").unwrap();
    let own = flags.into_iter().take(end).chain(args.iter().map(|arg| (*arg).to_owned())).collect::<Vec<_>>().join(" ");
    let changes = [
        ("#SBATCH --account=PROJECT ", "# no account: "),
        ("--partition=PARTITION", "--partition=main"),
        ("--nodes=1 ", "--nodes=2 "),
        ("--ntasks-per-node=8 ", "--ntasks-per-node=2 "),
        ("--cpus-per-task=2 ", "--cpus-per-task=1 "),
        ("--time=02:00:00", "--time=00:05:00"),
        ("--vcf cohort.vcf.gz --pheno traits.tsv --covar covars.tsv --out results.h5", &own),
    ];
    let changed = changes.iter().fold(text, |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "norna.sbatch has no one {from:?}");
        text.replace(from, to)
    });
    let path = folder.join("norna.sbatch");
    std::fs::write(&path, changed).unwrap();
    path
}

#[test]
fn plain_script_over_two_nodes_equals_a_plain_run() {
    need!(Need::H5py, Need::Bgzip, Need::Mpirun);
    let Some(lab) = shared() else { return };
    let Reference { study, bits: expected, shard_bytes } = reference();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results.h5");
    let script = plain_script(
        study,
        folder.path(),
        &["--out", out.to_str().unwrap(), "--p-threshold", "1e-3", "--shard-bytes", shard_bytes],
    );
    let id = lab.sbatch(folder.path(), [&script]);
    let job = lab.wait_done(&id, &folder.path().join(format!("norna-{id}.log")), LIMIT);
    assert_eq!(job.field("NodeList"), "node[1-2]");
    bits::assert_equal("4 ranks on 2 nodes", expected, &bits::everything(&out));
    let shards = bits::rank_shards(&out);
    assert_eq!(shards.len(), 4, "{shards:?}");
    assert!(shards.iter().all(|&n| n > 0), "a rank computed nothing: {shards:?}");
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
