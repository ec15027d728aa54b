//! Jobs that do not get to the end in one go: the result is that of a plain run all the same.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::plain::plain_script;
use super::support::bits;
use super::support::need;
use super::support::slurm::{Job, Lab, logs};
use super::support::study::Study;
use super::support::tools::{self, Need};
use super::{LIMIT, Reference, SLOW, alone, job_folder, shared, submit};

/// A study of many seconds in few bytes: every trait and every variant misses values of its own.
fn long() -> &'static Reference {
    static STUDY: OnceLock<Reference> = OnceLock::new();
    STUDY.get_or_init(|| {
        let mut study = Study::of_files(Path::new(""), Path::new(""), None);
        study.vcf = study.path("cohort.vcf.gz");
        study.pheno = study.path("cohort.pheno.tsv");
        study.covar = Some(study.path("cohort.covar.tsv"));
        let sizes = ["--n-samples", "1000", "--n-variants", "10000", "--n-traits", "600"];
        let missing = ["--missing-genotypes", "0.1", "--missing-traits", "0.05", "--seed", "704"];
        tools::run(tools::norna(["simulate", "-q", "--out"]).arg(&study.vcf).args(sizes).args(missing)).ok();
        Reference::of(study, 150)
    })
}

/// A job in a folder of its own, and where its results go.
struct Sent {
    folder: tempfile::TempDir,
    id: String,
}

impl Sent {
    fn plain(lab: &Lab, reference: &Reference, options: &[&str], extra: &[&str]) -> Self {
        let folder = job_folder();
        let (script, _) = plain_script(reference, folder.path(), extra);
        let mut command = lab.command("sbatch");
        command.env(SLOW.0, SLOW.1).current_dir(folder.path()).arg("--parsable").args(options).arg(script);
        let id = tools::run(&mut command).ok().stdout.trim().to_owned();
        Self { folder, id }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("results.h5")
    }

    fn wait_until(&self, lab: &Lab, when: impl Fn(&Job) -> bool) -> Job {
        lab.wait_until(&self.id, self.folder.path(), LIMIT, when)
    }

    /// Waits until the job runs for the `n`-th time again and has finished more shards than there were.
    fn wait_for_progress(&self, lab: &Lab, n: u32) {
        let before = spool_bytes(&self.out());
        self.wait_until(lab, |job| job.state() == "RUNNING" && job.restarts() == n);
        self.wait_until(lab, |job| {
            assert!(!job.is_over(), "too fast to be stopped: {job:?}");
            spool_bytes(&self.out()) > before + 400_000
        });
        assert!(!self.out().exists(), "results before the end");
    }

    #[track_caller]
    fn assert_done(&self, lab: &Lab, reference: &Reference) -> (Job, String) {
        let job = lab.wait_done(&self.id, self.folder.path(), LIMIT);
        bits::assert_equal(&format!("job {}", self.id), &reference.bits, &bits::everything(&self.out()));
        assert!(!working_folder(&self.out()).exists(), "the working folder was left");
        (job, logs(self.folder.path()))
    }
}

fn working_folder(out: &Path) -> PathBuf {
    PathBuf::from(format!("{}.norna", out.display()))
}

fn spool_bytes(out: &Path) -> u64 {
    let entries = std::fs::read_dir(working_folder(out)).into_iter().flatten().flatten();
    let spools = entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "spool"));
    spools.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

/// Slurm's early warning reaches the ranks through the script, each time on another number of nodes.
#[test]
fn a_signalled_job_goes_back_into_the_queue_until_done() {
    need!(Need::H5py, Need::Mpirun);
    let Some(lab) = shared() else { return };
    let sent = Sent::plain(&lab, long(), &["--nodes=2", "--ntasks-per-node=1"], &[]);
    for n in 0..2 {
        sent.wait_for_progress(&lab, n);
        lab.ask("scancel", ["--signal=USR1", "--batch", &sent.id]);
        sent.wait_until(&lab, |job| job.restarts() == n + 1);
    }
    let (job, log) = sent.assert_done(&lab, long());
    assert_eq!(job.restarts(), 2, "{log}");
    assert_eq!(log.matches("back into the queue").count(), 2, "{log}");
}

/// Slurm's limits are whole minutes, and it looks every half: the limit is one minute, the warning may come 55 seconds before
/// it, and the ranks stand still until it is there.
#[test]
fn a_job_that_reaches_its_time_limit_goes_back_into_the_queue_until_done() {
    need!(Need::H5py, Need::Mpirun);
    let Some(lab) = shared() else { return };
    let options = ["--nodes=1", "--ntasks-per-node=1", "--time=1", "--signal=B:USR1@55"];
    let sent = Sent::plain(&lab, long(), &options, &[]);
    sent.wait_for_progress(&lab, 0);
    let ranks = ranks_of(&lab, &sent.id);
    assert_eq!(ranks.len(), 1, "{ranks:?}");
    tools::run(tools::command("kill").arg("-STOP").args(&ranks)).ok();
    sent.wait_until(&lab, |_| logs(sent.folder.path()).contains("norna.sbatch: time to stop"));
    tools::run(tools::command("kill").arg("-CONT").args(&ranks)).ok();
    let (job, log) = sent.assert_done(&lab, long());
    assert!(job.restarts() >= 1, "never stopped: {log}");
}

/// Processes of norna in a job.
fn ranks_of(lab: &Lab, id: &str) -> Vec<String> {
    let of_job = |folder: &Path| {
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        let environment = read("environ");
        let mut values = environment.split('\0');
        read("comm") == "norna\n"
            && values.clone().any(|value| value == format!("SLURM_JOB_ID={id}"))
            && values.any(|value| value.starts_with("SLURM_CONF=") && value.contains(lab.folder().to_str().unwrap()))
    };
    let folders = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let found = folders.filter(|folder| of_job(folder));
    found.map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_cancelled_job_stays_away_and_goes_on_when_submitted_again() {
    need!(Need::H5py, Need::Mpirun);
    let Some(lab) = shared() else { return };
    let first = Sent::plain(&lab, long(), &["--nodes=2", "--ntasks-per-node=1"], &[]);
    first.wait_for_progress(&lab, 0);
    lab.ask("scancel", [&first.id]);
    let job = first.wait_until(&lab, Job::is_over);
    let kept = spool_bytes(&first.out());
    assert!(kept > 400_000, "{kept} bytes kept");
    std::thread::sleep(Duration::from_secs(2));
    let later = lab.job(&first.id);
    assert_eq!((job.state(), later.state(), later.restarts()), ("CANCELLED", "CANCELLED", 0));
    let id = lab.sbatch(first.folder.path(), ["--nodes=1", "--ntasks-per-node=2", "norna.sbatch"]);
    let again = Sent { folder: first.folder, id };
    let (_, log) = again.assert_done(&lab, long());
    assert!(log.contains("going on from"), "does not say that it goes on: {log}");
}

#[test]
fn a_lost_node_costs_only_its_shards_in_hand() {
    need!(Need::H5py, Need::Mpirun);
    let Some(lab) = alone() else { return };
    let sent = Sent::plain(&lab, long(), &["--nodes=2", "--ntasks-per-node=1"], &[]);
    sent.wait_for_progress(&lab, 0);
    lab.lose("node2");
    lab.ask("scontrol", ["update", "NodeName=node2", "State=DOWN", "Reason=lost"]);
    let kept = spool_bytes(&sent.out());
    sent.wait_until(&lab, |job| job.restarts() == 1);
    lab.restore("node2");
    let (job, log) = sent.assert_done(&lab, long());
    assert_eq!(job.restarts(), 1, "{log}");
    assert!(kept > 400_000 && log.contains("going on from"), "{kept} bytes kept: {log}");
}

/// The same through `norna submit`: the script that it writes passes a cancelled and a signalled job on like the plain one.
#[test]
fn a_submitted_job_is_signalled_cancelled_and_submitted_again() {
    need!(Need::H5py, Need::Mpirun);
    let Some(lab) = shared() else { return };
    let reference = long();
    let folder = job_folder();
    let flags = ["--nodes", "2", "--ranks-per-node", "1", "--threads", "1"];
    let (ids, out) = submit(&lab, reference, folder.path(), &flags);
    let wait = |when: &dyn Fn(&Job) -> bool| lab.wait_until(&ids[0], folder.path(), LIMIT, when);
    for n in 0..2 {
        let before = spool_bytes(&out);
        wait(&|job| {
            assert!(!job.is_over(), "too fast to be stopped: {job:?}");
            job.state() == "RUNNING" && job.restarts() == n && spool_bytes(&out) > before + 400_000
        });
        if n == 0 {
            lab.ask("scancel", ["--signal=USR1", &ids[0]]);
            wait(&|job| job.restarts() == 1);
        }
    }
    lab.ask("scancel", [&ids[0]]);
    wait(&Job::is_over);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(lab.job(&ids[0]).state(), "CANCELLED", "a cancelled job came back: {}", logs(folder.path()));
    let (again, _) = submit(&lab, reference, folder.path(), &flags);
    lab.wait_done(&again[0], folder.path(), LIMIT);
    bits::assert_equal("submitted twice", &reference.bits, &bits::everything(&out));
}

/// Jobs of an array that are cancelled stay away too; one that is killed alone leaves its work to the others.
#[test]
fn an_array_is_cancelled_submitted_again_and_loses_a_job() {
    need!(Need::H5py);
    let Some(lab) = shared() else { return };
    let folder = job_folder();
    let flags = ["--array", "2", "--threads", "1"];
    let progress = |out: &Path, id: &str| {
        let before = spool_bytes(out);
        lab.wait_until(id, folder.path(), LIMIT, |_| spool_bytes(out) > before + 400_000);
    };
    let (ids, out) = submit(&lab, long(), folder.path(), &flags);
    progress(&out, &ids[0]);
    lab.ask("scancel", &ids);
    lab.wait_until(&ids[0], folder.path(), LIMIT, |_| lab.jobs(&ids[0]).iter().all(Job::is_over));
    std::thread::sleep(Duration::from_secs(2));
    let later: Vec<_> = lab.jobs(&ids[0]).iter().map(|job| (job.state().to_owned(), job.restarts())).collect();
    assert_eq!(later, vec![("CANCELLED".to_owned(), 0); 2], "{}", logs(folder.path()));
    let (ids, _) = submit(&lab, long(), folder.path(), &flags);
    progress(&out, &ids[0]);
    lab.ask("scancel", ["--signal=KILL", &format!("{}_1", ids[0])]);
    lab.wait_done(ids.last().unwrap(), folder.path(), LIMIT);
    bits::assert_equal("an array that lost a job", &long().bits, &bits::everything(&out));
}
