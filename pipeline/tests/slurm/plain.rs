//! slurm/norna.sbatch, with its marked lines changed as its reader would.

use std::path::{Path, PathBuf};

use super::support::bits;
use super::support::need;
use super::support::places::workspace;
use super::support::tools::Need;
use super::{LIMIT, Reference, assoc_args, job_folder, reference, shared};

/// Writes the script for ranks over both nodes; it and where the results go.
pub(crate) fn plain_script(reference: &Reference, folder: &Path, extra: &[&str]) -> (PathBuf, PathBuf) {
    let text = std::fs::read_to_string(workspace().join("slurm/norna.sbatch")).unwrap();
    let (args, out) = assoc_args(reference, folder, extra);
    let changes = [
        ("#SBATCH --account=PROJECT ", "# no account: "),
        ("--partition=PARTITION", "--partition=main"),
        ("--nodes=1 ", "--nodes=2 "),
        ("--ntasks-per-node=8 ", "--ntasks-per-node=2 "),
        ("--mem=16G ", "--mem=1G "),
        ("--cpus-per-task=2 ", "--cpus-per-task=1 "),
        ("--time=02:00:00", "--time=00:05:00"),
        ("--vcf cohort.vcf.gz --pheno traits.tsv --covar covars.tsv --out results.h5", &args[1..].join(" ")),
    ];
    let changed = changes.iter().fold(text, |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "norna.sbatch has no one {from:?}");
        text.replace(from, to)
    });
    let path = folder.join("norna.sbatch");
    std::fs::write(&path, changed).unwrap();
    (path, out)
}

#[test]
fn plain_script_over_two_nodes_equals_a_plain_run() {
    need!(Need::H5py, Need::Bgzip, Need::Mpirun);
    let Some(lab) = shared() else { return };
    let folder = job_folder();
    let (script, out) = plain_script(reference(), folder.path(), &[]);
    let id = lab.sbatch(folder.path(), [&script]);
    let job = lab.wait_done(&id, folder.path(), LIMIT);
    assert_eq!(job.field("NodeList"), "node[1-2]");
    bits::assert_equal("4 ranks on 2 nodes", &reference().bits, &bits::everything(&out));
    let shards = bits::rank_shards(&out);
    assert_eq!(shards.len(), 4, "{shards:?}");
    assert!(shards.iter().all(|&n| n > 0), "a rank computed nothing: {shards:?}");
}
