//! Runs that are stopped or killed on purpose: a study that takes seconds in few bytes, its undisturbed bits, and what it takes
//! to interrupt norna at a moment of one's choice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::bits;
use super::simulate;
use super::study::Study;
use super::tools::{self, Run};

/// A study of a few hundred small shards and the bits of its plain run.
pub struct Reference {
    pub study: Study,
    pub bits: BTreeMap<String, String>,
}

pub fn reference() -> &'static Reference {
    static STUDY: OnceLock<Reference> = OnceLock::new();
    STUDY.get_or_init(|| {
        // Every trait and every variant miss values of their own: seconds of work in few bytes.
        let genotypes = simulate::calls(701, 400, 2500, 0.02);
        let covariates = simulate::covariates(702, &genotypes.samples, 8);
        let traits = simulate::traits(703, &genotypes, &covariates, 250, |_| 0.05);
        let mut study = Study::write(&genotypes, &traits, Some(&covariates));
        study.bgzip();
        study.flags.extend(["--shard-bytes", "4000", "--threads", "1"].map(str::to_owned));
        let bits = bits::everything(&study.assoc("reference.h5", &[]));
        Reference { study, bits }
    })
}

impl Reference {
    /// norna on so many ranks, started and not waited for.
    pub fn start(&self, ranks: usize, out: &str, extra: &[&str]) -> Child {
        start(ranks, self.study.assoc_args(out, extra))
    }

    pub fn folder(&self, out: &str) -> PathBuf {
        self.study.path(&format!("{out}.norna"))
    }

    /// Runs to the end and compares.
    #[track_caller]
    pub fn complete(&self, ranks: usize, out: &str, extra: &[&str]) -> Run {
        let run = finish(self.start(ranks, out, extra), Duration::from_secs(120));
        assert_eq!(run.code, 0, "{}", run.stderr);
        self.compare(out);
        run
    }

    #[track_caller]
    pub fn compare(&self, out: &str) {
        bits::assert_equal(out, &self.bits, &bits::everything(&self.study.path(out)));
        assert!(!self.folder(out).exists(), "the working folder was left");
    }

    /// Runs until some shards are finished, then kills everything.
    #[track_caller]
    pub fn killed(&self, ranks: usize, out: &str) {
        let mut child = self.start(ranks, out, &[]);
        wait_for_bytes(&mut child, &self.folder(out), 200_000);
        kill_all(&mut child, &self.folder(out));
        assert!(!self.study.path(out).exists());
    }
}

pub fn start<S: AsRef<std::ffi::OsStr>>(ranks: usize, args: impl IntoIterator<Item = S>) -> Child {
    let mut command = if ranks == 1 { tools::norna(args) } else { tools::mpirun(ranks, args) };
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for the end; kills and panics past `limit`.
#[track_caller]
pub fn finish(mut child: Child, limit: Duration) -> Run {
    let begin = Instant::now();
    let mut stderr = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stderr, &mut text).unwrap();
        text
    });
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if begin.elapsed() > limit => {
                child.kill().unwrap();
                panic!("still ran after {limit:?}: {}", reader.join().unwrap());
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let elapsed = begin.elapsed();
    Run { code: status.code().unwrap_or(-1), stdout: String::new(), stderr: reader.join().unwrap(), elapsed }
}

pub fn wait_for_end(child: &mut Child, limit: Duration) -> Option<std::process::ExitStatus> {
    let begin = Instant::now();
    while begin.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

pub fn spool_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let spools = entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "spool"));
    spools.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

#[track_caller]
pub fn wait_for_bytes(child: &mut Child, folder: &Path, n: u64) {
    let begin = Instant::now();
    while spool_bytes(folder) < n {
        assert!(begin.elapsed() < Duration::from_secs(60), "nothing was spooled");
        if child.try_wait().unwrap().is_some() {
            let mut said = String::new();
            std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut said).unwrap();
            panic!("norna ended early: {said}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Process ids of the ranks that a launcher started, or of the process itself.
pub fn ranks_of(launcher: u32) -> Vec<u32> {
    let path = format!("/proc/{launcher}/task/{launcher}/children");
    let children = std::fs::read_to_string(path).unwrap_or_default();
    let children: Vec<u32> = children.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    if children.is_empty() { vec![launcher] } else { children }
}

pub fn signal(pid: u32, name: &str) {
    // Gone already is as good.
    let _ = Command::new("kill").args([format!("-{name}"), pid.to_string()]).stderr(Stdio::null()).status();
}

/// Kills the launcher and its ranks and waits until nobody has the lock any more.
pub fn kill_all(child: &mut Child, folder: &Path) {
    let ranks = ranks_of(child.id());
    child.kill().unwrap();
    ranks.iter().for_each(|&pid| signal(pid, "KILL"));
    child.wait().unwrap();
    wait_for_lock(folder);
}

pub fn wait_for_lock(folder: &Path) {
    let begin = Instant::now();
    while let Ok(file) = std::fs::File::open(folder.join("lock")) {
        if file.try_lock().is_ok() {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "a killed run still holds the lock");
        std::thread::sleep(Duration::from_millis(10));
    }
}
