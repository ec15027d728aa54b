//! The jobs that one command line becomes: one, an array with the job that makes sure of its end, a chain of three.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::choice::{Choice, Refusal, Wishes, choose};
use super::profile::{Profile, ScratchKind};
use super::quote::sbatch_value;
use super::script::{Launch, Script, signal_seconds};
use super::time::SlurmTime;
use crate::plan::{NodeLayout, Prediction, Range};

/// Bytes a second that a single process reads back at least.
const SLOW_READING: f64 = 50e6;
/// Seconds that a check may take.
const CHECK_SECONDS: u64 = 3600;

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Opens and counts everything, computes nothing.
    Check,
    /// The work.
    Run,
    /// Finalises what an array's jobs have left.
    Merge,
    /// Checks the results file.
    Verify,
}

impl Role {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Role::Check => "check",
            Role::Run => "run",
            Role::Merge => "merge",
            Role::Verify => "verify",
        }
    }
}

/// When a job may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum After {
    /// The other ended well.
    Ok,
    /// The other ended.
    Any,
}

/// A job to submit.
#[derive(Debug, Clone)]
pub struct Job {
    /// What it does.
    pub role: Role,
    /// Where its script goes.
    pub file: PathBuf,
    /// The script.
    pub script: Vec<u8>,
    /// On which earlier job of the list it waits, and how.
    pub after: Option<(After, usize)>,
}

/// What all jobs of a command line share.
#[derive(Debug)]
pub struct Order<'a> {
    /// The cluster.
    pub profile: &'a Profile,
    /// The account that pays.
    pub account: Option<&'a str>,
    /// What starts ranks; `None` for one process.
    pub launcher: Option<Launch>,
    /// Modules to load.
    pub modules: &'a [String],
    /// The program.
    pub norna: &'a Path,
    /// `assoc` and its flags, without --threads.
    pub assoc: &'a [OsString],
    /// The results file as the flags name it.
    pub out: &'a Path,
    /// Where the jobs run.
    pub folder: &'a Path,
    /// Requeues at most.
    pub max_requeue: u32,
    /// Check and verify as jobs of their own.
    pub chain: bool,
}

impl Order<'_> {
    /// The jobs, in the order of their submission.
    ///
    /// # Errors
    /// Paths that a batch script cannot hold, and helping jobs that the cluster cannot.
    pub fn jobs(
        &self,
        choice: &Choice,
        wishes: &Wishes,
        predict: &dyn Fn(&NodeLayout) -> Prediction,
    ) -> Result<Vec<Job>, Refusal> {
        let mut jobs: Vec<Job> = Vec::new();
        let limit = self.profile.partitions.iter().find(|part| part.name == choice.partition);
        let limit = limit.and_then(|part| part.max_time);
        let small = |seconds: u64| -> Result<Choice, Refusal> {
            let time = SlurmTime(limit.map_or(seconds, |limit| seconds.min(limit.0)));
            small_choice(self.profile, choice, wishes, time, predict)
        };
        let bytes = choice.prediction.output_bytes.most;
        let reading = SlurmTime::rounded_up(300.0 + bytes / SLOW_READING).0;
        if self.chain {
            let mut command = self.assoc.to_vec();
            command.push("--dry-run".into());
            jobs.push(self.job(Role::Check, &small(CHECK_SECONDS)?, &command, None)?);
        }
        let mut command = self.assoc.to_vec();
        if choice.array.is_some() {
            command.push("--join".into());
        }
        command.extend(["--threads".into(), choice.threads.to_string().into()]);
        let after = self.chain.then_some((After::Ok, 0));
        jobs.push(self.job(Role::Run, choice, &command, after)?);
        if choice.array.is_some() {
            let command = ["merge".into(), self.out.into()];
            let after = (After::Any, jobs.len() - 1);
            jobs.push(self.job(Role::Merge, &small(3 * reading)?, &command, Some(after))?);
        }
        if self.chain {
            let command = ["verify".into(), self.out.into()];
            let after = (After::Ok, jobs.len() - 1);
            jobs.push(self.job(Role::Verify, &small(reading)?, &command, Some(after))?);
        }
        Ok(jobs)
    }

    fn job(
        &self,
        role: Role,
        choice: &Choice,
        command: &[OsString],
        after: Option<(After, usize)>,
    ) -> Result<Job, Refusal> {
        let alone = role != Role::Run || choice.array.is_some();
        let launch = self.launcher.clone().filter(|_| !alone).unwrap_or(Launch::Forward(Vec::new()));
        let options = self.options(role, choice, &launch).map_err(Refusal)?;
        let about = format!("{} on {}, made by norna submit", role.name(), self.profile.title);
        let mut words: Vec<OsString> = vec![self.norna.into()];
        words.extend(command.iter().cloned());
        let script = Script {
            about: &about,
            notes: &self.notes(),
            options: &options,
            modules: self.modules,
            env: self.profile.env.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            cpus_per_task: choice.cpus_per_task,
            launch: &launch,
            command: &words,
            max_requeue: if role == Role::Run { self.max_requeue } else { 0 },
        };
        let script = script.text();
        Ok(Job { role, file: self.file(role), script, after })
    }

    /// OUT.sbatch, OUT.check.sbatch, ...
    fn file(&self, role: Role) -> PathBuf {
        let mut name = self.out.as_os_str().to_owned();
        if role != Role::Run {
            name.push(format!(".{}", role.name()));
        }
        name.push(".sbatch");
        PathBuf::from(name)
    }

    fn notes(&self) -> Vec<String> {
        let scratch = &self.profile.scratch;
        let name = scratch.variable.as_deref().unwrap_or("scratch");
        let what = match scratch.kind {
            Some(ScratchKind::Disk) => {
                format!("{name} is a disk of the node: norna keeps nothing there, since it goes with the job.")
            }
            Some(ScratchKind::Ram) => format!(
                "{} is memory of the job: norna keeps nothing there.",
                scratch.node_local.first().map_or(name, String::as_str)
            ),
            Some(ScratchKind::Shared) => format!("{name} is seen by all nodes, and purged in time."),
            None => return Vec::new(),
        };
        vec![what]
    }

    /// What stands behind #SBATCH.
    fn options(&self, role: Role, choice: &Choice, launch: &Launch) -> Result<Vec<String>, String> {
        let out = self.out.to_str().ok_or_else(|| {
            format!("--out {}: is not UTF-8, which an #SBATCH line cannot hold; use another name", self.out.display())
        })?;
        let folder =
            self.folder.to_str().ok_or("the working folder's name is not UTF-8, which Slurm cannot be told")?;
        let pattern = if choice.array.is_some() { "%A_%a" } else { "%j" };
        let suffix = if role == Role::Run { String::new() } else { format!(".{}", role.name()) };
        let log = format!("{}{suffix}.slurm-{pattern}.log", out.replace('%', "%%"));
        let name = format!("norna-{}", job_name(self.out));
        let name = if role == Role::Run { name } else { format!("{name}-{}", role.name()) };
        let mut options = vec![("job-name", name)];
        let mut add = |option, value: Option<&str>| options.extend(value.map(|value| (option, value.to_owned())));
        add("account", self.account);
        add("partition", choice.partition_flag.as_deref());
        add("qos", choice.qos.as_deref());
        add("constraint", choice.constraint.as_deref());
        options.push(("nodes", choice.nodes.to_string()));
        options.push(("ntasks-per-node", choice.ranks_per_node.to_string()));
        options.push(("cpus-per-task", choice.cpus_per_task.to_string()));
        if let Some((option, value)) = choice.memory_flag.as_deref().and_then(|flag| flag[2..].split_once('=')) {
            options.push((if option == "mem" { "mem" } else { "mem-per-cpu" }, value.to_owned()));
        }
        options.push(("time", choice.time.to_string()));
        if let Some(jobs) = choice.array {
            options.push(("array", format!("1-{jobs}")));
        }
        options.extend([("chdir", folder.to_owned()), ("output", log), ("open-mode", "append".to_owned())]);
        let mut lines = Vec::new();
        for (option, value) in options {
            lines.push(format!("--{option}={}", sbatch_value(option, &value)?));
        }
        lines.push("--requeue".to_owned());
        if role == Role::Run {
            let to_script = if matches!(launch, Launch::Forward(_)) { "B:" } else { "" };
            lines.push(format!("--signal={to_script}USR1@{}", signal_seconds(choice.time)));
        }
        Ok(lines)
    }
}

/// The letters of the results file's name that no tool stumbles over.
fn job_name(out: &Path) -> String {
    let stem = out.file_stem().map_or("job".into(), |stem| stem.to_string_lossy());
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    stem.chars().map(plain).take(40).collect()
}

/// A job of one process beside the run, in the same place.
fn small_choice(
    profile: &Profile,
    run: &Choice,
    wishes: &Wishes,
    time: SlurmTime,
    predict: &dyn Fn(&NodeLayout) -> Prediction,
) -> Result<Choice, Refusal> {
    let wishes = Wishes {
        partition: wishes.partition.clone().or_else(|| Some(run.partition.clone())),
        qos: run.qos.clone(),
        constraint: run.constraint.clone(),
        time: Some(time),
        size_known: true,
        ..Wishes::default()
    };
    // It does little: the smallest layout is enough.
    let none = Range { expected: 0.0, least: 0.0, most: 0.0 };
    let little = |layout: &NodeLayout| Prediction { wall_seconds: none, cpu_seconds: none, ..predict(layout) };
    choose(profile, &wishes, &little)
}
