//! `norna submit --profile local`: one job, an array, a chain.

use super::support::bits;
use super::support::need;
use super::support::tools::Need;
use super::{LIMIT, job_folder, reference, shared, submit, submit_by};

#[test]
fn submitted_ranks_over_two_nodes_equal_a_plain_run() {
    need!(Need::H5py, Need::Bgzip, Need::Mpirun);
    let Some(lab) = shared() else { return };
    let folder = job_folder();
    let flags = ["--nodes", "2", "--ranks-per-node", "2", "--threads", "1"];
    let (ids, out) = submit(&lab, reference(), folder.path(), &flags);
    assert_eq!(ids.len(), 1, "{:?}", ids);
    let job = lab.wait_done(&ids[0], folder.path(), LIMIT);
    assert_eq!(job.field("NodeList"), "node[1-2]");
    bits::assert_equal("submitted", &reference().bits, &bits::everything(&out));
    assert_eq!(bits::rank_shards(&out).len(), 4);
}

#[test]
fn an_array_of_jobs_without_mpi_equals_a_plain_run() {
    need!(Need::H5py, Need::Bgzip);
    let Some(lab) = shared() else { return };
    let folder = job_folder();
    let (ids, out) = submit(&lab, reference(), folder.path(), &["--array", "3"]);
    let last = ids.last().unwrap();
    lab.wait_done(last, folder.path(), LIMIT);
    let tasks = lab.ask("scontrol", ["show", "job", "-o", &ids[0]]);
    let done = tasks.lines().filter(|line| line.contains(" JobState=COMPLETED ")).count();
    assert_eq!((tasks.lines().count(), done), (3, 3), "{tasks}");
    bits::assert_equal("an array of 3", &reference().bits, &bits::everything(&out));
}

#[test]
fn a_chain_checks_runs_and_verifies() {
    need!(Need::H5py, Need::Bgzip, Need::Mpirun);
    let Some(lab) = shared() else { return };
    let folder = job_folder();
    let (ids, out) = submit(&lab, reference(), folder.path(), &["--chain"]);
    assert_eq!(ids.len(), 3, "{:?}", ids);
    for id in &ids {
        lab.wait_done(id, folder.path(), LIMIT);
    }
    let times: Vec<String> = ids.iter().map(|id| lab.job(id).field("StartTime").to_owned()).collect();
    assert!(times.is_sorted(), "{times:?}");
    bits::assert_equal("a chain", &reference().bits, &bits::everything(&out));
}

/// A profile drafted from what this Slurm says is enough for a job of one process.
#[test]
fn a_probed_cluster_takes_a_job() {
    need!(Need::H5py, Need::Bgzip);
    let Some(lab) = shared() else { return };
    let folder = job_folder();
    let draft = lab.ask(env!("CARGO_BIN_EXE_norna"), ["profile", "probe"]);
    let profile = folder.path().join("mine.toml");
    std::fs::write(&profile, draft).unwrap();
    let (ids, out) = submit_by(&lab, profile.to_str().unwrap(), reference(), folder.path(), &["--launcher", "none"]);
    lab.wait_done(&ids[0], folder.path(), LIMIT);
    bits::assert_equal("by a probed profile", &reference().bits, &bits::everything(&out));
}
