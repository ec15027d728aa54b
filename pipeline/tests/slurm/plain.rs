//! slurm/norna.sbatch, with its marked lines changed as its reader would.

use std::path::{Path, PathBuf};

use super::support::bits;
use super::support::need;
use super::support::places::workspace;
use super::support::study::Study;
use super::support::tools::Need;
use super::{LIMIT, Reference, reference, shared};

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

