//! Jobs without MPI on one folder: they share the work, join late, die freely, and the last writes the same results; what
//! norna status and norna merge make of it; and disks that are full or cannot be written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::interrupt::{Reference, finish, kill_all, reference, signal, wait_for_bytes};
use support::need;
use support::simulate::SplitMix;
use support::tools::{self, Need, Run};

const JOIN: [&str; 3] = ["--join", "--lease", "2"];

fn join(reference: &Reference, out: &str) -> Child {
    reference.start(1, out, &JOIN)
}

fn status(path: &Path) -> serde_json::Value {
    let run = tools::run(tools::norna(["status", "--json"]).arg(path)).ok();
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn jobs_share_the_work_and_the_last_writes_the_results() {
    need!(Need::Bgzip, Need::H5py);
    let reference = reference();
    let out = "shared.h5";
    let mut jobs = vec![join(reference, out), join(reference, out)];
    wait_for_bytes(&mut jobs[0], &reference.folder(out), 300_000);
    let mid = status(&reference.folder(out));
    assert_eq!(mid["state"], "running", "{mid:#}");
    assert_eq!(mid["attempts"].as_array().unwrap().len(), 2, "{mid:#}");
    assert!(mid["shards_done"].as_u64() > Some(0) && mid["shards"].as_u64() > mid["shards_done"].as_u64(), "{mid:#}");
    // One comes late, one dies, one is told to stop.
    jobs.push(join(reference, out));
    std::thread::sleep(Duration::from_millis(300));
    jobs[0].kill().unwrap();
    signal(jobs[1].id(), "USR1");
    let codes: Vec<i32> = jobs.into_iter().map(|job| finish(job, Duration::from_secs(60)).code).collect();
    assert_eq!(codes, [-1, 75, 0]);
    reference.compare(out);
    let done = status(&reference.study.path(out));
    assert_eq!((done["state"].as_str(), &done["shards"]), (Some("done"), &done["shards_done"]));
    // Who comes after that finds nothing to do.
    let late = finish(join(reference, out), Duration::from_secs(60));
    assert!(late.code == 0 && late.stderr.contains("already"), "{}", late.stderr);
    reference.compare(out);
}

#[test]
fn jobs_that_die_at_random_moments_are_taken_over() {
    need!(Need::Bgzip, Need::H5py);
    let reference = reference();
    let out = "dying.h5";
    let mut rng = SplitMix::new(79);
    let begin = Instant::now();
    let mut jobs: Vec<Child> = Vec::new();
    for _ in 0..12 {
        jobs.push(join(reference, out));
        std::thread::sleep(Duration::from_millis(100 + rng.next() % 200));
        let victim = (rng.next() % jobs.len() as u64) as usize;
        jobs[victim].kill().unwrap();
    }
    jobs.into_iter().for_each(|mut job| assert!(job.wait().is_ok()));
    while !reference.study.path(out).exists() {
        assert!(begin.elapsed() < Duration::from_secs(120));
        let run = finish(join(reference, out), Duration::from_secs(60));
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    reference.compare(out);
}

#[test]
fn merge_writes_what_is_finished_and_refuses_what_is_not() {
    need!(Need::Bgzip, Need::H5py);
    let reference = reference();
    let out = "merged.h5";
    let merge = || tools::run(tools::norna(["merge"]).arg(reference.study.path(out)));
    let none = merge();
    assert!(none.code == 1 && none.stderr.contains("no jobs have worked"), "{}", none.stderr);
    let mut job = join(reference, out);
    wait_for_bytes(&mut job, &reference.folder(out), 300_000);
    kill_all(&mut job, &reference.folder(out));
    let early = merge();
    assert!(early.code == 75 && early.stderr.contains("are not finished"), "{}", early.stderr);
    // The job that ends the work is killed while it writes the results, or just before.
    let mut job = join(reference, out);
    let total = status(&reference.folder(out))["shards"].as_u64().unwrap();
    while status(&reference.folder(out))["shards_done"].as_u64().unwrap() + 3 < total {
        std::thread::sleep(Duration::from_millis(20));
        assert!(job.try_wait().unwrap().is_none());
    }
    std::thread::sleep(Duration::from_millis(150));
    kill_all(&mut job, &reference.folder(out));
    if !reference.study.path(out).exists() {
        let ended = finish(join(reference, out), Duration::from_secs(60));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    reference.compare(out);
    assert_eq!(merge().code, 0, "what is written is written");
}

#[test]
fn other_flags_and_streams_cannot_join() {
    need!(Need::Bgzip);
    let reference = reference();
    let out = "others.h5";
    let mut job = join(reference, out);
    wait_for_bytes(&mut job, &reference.folder(out), 100_000);
    let run = reference.study.try_assoc(out, &["--join", "--maf", "0.1"]);
    assert!(run.code == 1 && run.stderr.contains("--maf"), "{}", run.stderr);
    let run = reference.study.try_assoc(out, &[]);
    assert!(run.code == 75 && run.stderr.contains("stands back"), "{}", run.stderr);
    assert_eq!(reference.study.try_assoc(out, &["--join", "--fresh"]).code, 2);
    kill_all(&mut job, &reference.folder(out));
    let mut args = reference.study.assoc_args("stream.h5", &JOIN);
    args[2] = reference.study.path("cohort.vcf").into();
    args[2] = "-".into();
    let mut command = tools::norna(args);
    let run = tools::run(command.stdin(std::fs::File::open(reference.study.path("cohort.vcf")).unwrap()));
    assert!(run.code == 2 && run.stderr.contains("--join"), "{}", run.stderr);
}

#[test]
fn status_says_what_is_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = tools::run(tools::norna(["status"]).arg(folder.path().join("r.h5")));
    assert!(run.code == 1 && run.stderr.contains("neither"), "{}", run.stderr);
}

/// A file system in memory; none where this user may not mount one.
struct Tmpfs(PathBuf, #[allow(dead_code)] tempfile::TempDir);

impl Tmpfs {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_path_buf();
        let mounted = mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"], &path);
        if !mounted {
            tools::say("SKIPPED a test of full disks: no right to mount a tmpfs");
        }
        mounted.then_some(Self(path, folder))
    }

    fn remount(&self, option: &str) {
        assert!(mount(&["-o", &format!("remount,{option}")], &self.0));
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(args: &[&str], at: &Path) -> bool {
    Command::new("mount").args(args).arg(at).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn run_at(reference: &Reference, ranks: usize, out: &Path) -> Run {
    let mut args = reference.study.assoc_args("x.h5", &[]);
    let at = args.iter().position(|arg| arg == "--out").unwrap();
    args[at + 1] = out.into();
    tools::run(&mut if ranks == 1 { tools::norna(args) } else { tools::mpirun(ranks, args) })
}

#[test]
fn a_full_disk_loses_nothing_and_the_run_goes_on_once_there_is_room() {
    need!(Need::Bgzip, Need::H5py, Need::Mpirun);
    let reference = reference();
    let whole = std::fs::metadata(reference.study.path("reference.h5")).unwrap().len();
    // Room for half the spools; for the spools and not the results.
    for (room, ranks) in [(whole / 2, 2), (whole * 3 / 2, 1)] {
        let Some(disk) = Tmpfs::mount(&room.to_string()) else { return };
        let out = disk.0.join("r.h5");
        let run = run_at(reference, ranks, &out);
        let errors: Vec<&str> = run.stderr.lines().filter(|line| line.contains("error:")).collect();
        assert!(run.code == 1 && errors.len() == 1, "{}", run.stderr);
        assert!(errors[0].to_lowercase().contains("no space left") && !out.exists(), "{}", errors[0]);
        assert!(run.stderr.contains("the same command goes on"), "{}", run.stderr);
        disk.remount("size=200m");
        let again = run_at(reference, 3 - ranks, &out).ok();
        assert!(again.stderr.contains("going on from"), "{}", again.stderr);
        support::bits::assert_equal("a full disk", &reference.bits, &support::bits::everything(&out));
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_one_clear_line() {
    need!(Need::Bgzip);
    let reference = reference();
    let Some(disk) = Tmpfs::mount("10m") else { return };
    disk.remount("ro");
    let run = run_at(reference, 1, &disk.0.join("r.h5"));
    let errors: Vec<&str> = run.stderr.lines().filter(|line| line.contains("error:")).collect();
    assert!(run.code == 1 && errors.len() == 1 && errors[0].contains("Read-only"), "{}", run.stderr);
}
