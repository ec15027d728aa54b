//! A Slurm of the tests' own (slurm/lab/run): started in a temporary folder, stopped when the guard is dropped or the test
//! process ends in whatever way, since the script stops with its standard input and takes all its processes with it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::places::workspace;
use super::tools::{self, Run, say};

/// Exit code of slurm/lab/run where a machine does not permit what it needs.
const NOT_POSSIBLE: i32 = 77;
const PROGRAMS: [&str; 5] = ["slurmctld", "slurmd", "sbatch", "munged", "ip"];

/// A running cluster.
#[derive(Debug)]
pub struct Lab {
    child: Child,
    talk: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
    folder: PathBuf,
}

/// What Slurm says of a job.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: String,
    fields: BTreeMap<String, String>,
}

impl Job {
    /// The word of Slurm for `name`, such as JobState, Restarts, ExitCode.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    pub fn state(&self) -> &str {
        self.field("JobState")
    }

    pub fn restarts(&self) -> u32 {
        self.field("Restarts").parse().unwrap()
    }

    /// Whether it will not run again.
    pub fn is_over(&self) -> bool {
        !["PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "REQUEUED"].contains(&self.state())
    }
}

impl Lab {
    /// Two nodes of two CPUs in one partition; none where this machine cannot, which is said aloud.
    pub fn start() -> Option<Self> {
        Self::run(None)
    }

    /// A controller alone that takes the nodes and partitions in the file `shapes` for real ones.
    pub fn of_shapes(shapes: &Path) -> Option<Self> {
        Self::run(Some(shapes))
    }

    fn run(shapes: Option<&Path>) -> Option<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        if !have_programs() {
            return None;
        }
        let count = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("norna-lab-{}-{count}", std::process::id()));
        let mut command = tools::command(workspace().join("slurm/lab/run"));
        command.arg(&folder).arg("--temporary").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(shapes) = shapes {
            command.arg("--shapes").arg(shapes);
        }
        let mut child = command.spawn().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        let talk = Mutex::new(Some((child.stdin.take().unwrap(), answers)));
        if answer != "ready\n" {
            let output = child.wait_with_output().unwrap();
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(NOT_POSSIBLE), "no cluster: {words}");
            say(&format!("SKIPPED {}: {}", test_name(), words.trim_end()));
            return None;
        }
        Some(Self { child, talk, folder })
    }

    /// Where the cluster keeps its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A command that talks to this cluster, and finds this norna on its path.
    pub fn command(&self, program: &str) -> Command {
        let mut command = tools::command(program);
        let norna = Path::new(env!("CARGO_BIN_EXE_norna")).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("SLURM_CONF", self.folder.join("slurm.conf"))
            .env("PATH", format!("{}:{path}:/usr/sbin", norna.display()))
            .env("OMPI_MCA_mpi_yield_when_idle", "1");
        command
    }

    /// Runs `program`, which must work; its standard output.
    #[track_caller]
    pub fn ask<S: AsRef<std::ffi::OsStr>>(&self, program: &str, args: impl IntoIterator<Item = S>) -> String {
        tools::run(self.command(program).args(args)).ok().stdout
    }

    /// Runs `sbatch` in `folder`, which must work; the job's number.
    #[track_caller]
    pub fn sbatch<S: AsRef<std::ffi::OsStr>>(&self, folder: &Path, args: impl IntoIterator<Item = S>) -> String {
        let run: Run = tools::run(self.command("sbatch").current_dir(folder).arg("--parsable").args(args)).ok();
        run.stdout.trim().to_owned()
    }

    /// The job as it is now; of an array, its first task in Slurm's list.
    pub fn job(&self, id: &str) -> Job {
        self.jobs(id).swap_remove(0)
    }

    /// The job, or the tasks of an array.
    pub fn jobs(&self, id: &str) -> Vec<Job> {
        let text = self.ask("scontrol", ["show", "job", "-o", id]);
        let job = |line: &str| {
            let pairs = line.split(' ').filter_map(|pair| pair.split_once('='));
            let fields = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            Job { id: id.to_owned(), fields }
        };
        text.lines().map(job).collect()
    }

    /// Waits until `when` holds of the job; panics with the job and the logs in `folder` past `limit`.
    #[track_caller]
    pub fn wait_until(&self, id: &str, folder: &Path, limit: Duration, when: impl Fn(&Job) -> bool) -> Job {
        let begin = Instant::now();
        loop {
            let job = self.job(id);
            if when(&job) {
                return job;
            }
            assert!(begin.elapsed() < limit, "after {limit:?} still {job:#?}\n{}", logs(folder));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until the job is over, which must be with state COMPLETED and exit code 0.
    #[track_caller]
    pub fn wait_done(&self, id: &str, folder: &Path, limit: Duration) -> Job {
        let job = self.wait_until(id, folder, limit, Job::is_over);
        assert_eq!(
            (job.state(), job.field("ExitCode")),
            ("COMPLETED", "0:0"),
            "{job:#?}\n{}\n{}",
            logs(folder),
            logs(&self.folder.join("log"))
        );
        job
    }

    /// Kills a node: its slurmd and every process on it.
    pub fn lose(&self, node: &str) {
        self.tell(&format!("lose {node}"), &format!("lost {node}"));
    }

    /// Starts a lost node again, and waits until it is idle.
    pub fn restore(&self, node: &str) {
        self.tell(&format!("return {node}"), &format!("back {node}"));
    }

    fn tell(&self, order: &str, expected: &str) {
        let mut talk = self.talk.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (orders, answers) = talk.as_mut().expect("open until dropped");
        writeln!(orders, "{order}").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        assert_eq!(answer.trim_end(), expected);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Ok(mut talk) = self.talk.lock() {
            talk.take();
        }
        let begin = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begin.elapsed() > Duration::from_secs(20) {
                // The kernel ends what the script started.
                drop(self.child.kill());
                drop(self.child.wait());
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What all jobs have said in a folder.
pub fn logs(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "log"));
    let mut paths: Vec<PathBuf> = paths.collect();
    paths.sort();
    paths
        .iter()
        .map(|path| format!("{}:\n{}\n", path.display(), std::fs::read_to_string(path).unwrap_or_default()))
        .collect()
}

fn test_name() -> String {
    std::thread::current().name().unwrap_or("a test").to_owned()
}

fn have_programs() -> bool {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let there = |program: &&str| std::env::split_paths(&path).any(|folder| folder.join(program).exists());
    let missing: Vec<&str> = PROGRAMS.into_iter().filter(|program| !there(program)).collect();
    if missing.is_empty() {
        return true;
    }
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!in_ci, "{missing:?} are missing, and in CI nothing may be (make deps)");
    say(&format!("SKIPPED {}: {missing:?} are missing (make deps)", test_name()));
    false
}
