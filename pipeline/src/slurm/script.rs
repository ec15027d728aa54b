//! The text of a batch script: bash, and shellcheck finds nothing in it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::quote::{bash_text, bash_word};
use super::time::SlurmTime;

/// How every script begins, by which one is known from other files.
pub const HEAD: &str = "#!/bin/bash\n# norna job script: ";

/// How ranks are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Launch {
    /// By srun and its flags: Slurm signals the ranks itself.
    Srun(Vec<String>),
    /// By another program, or as it is where no words are given: the script passes signals on.
    Forward(Vec<String>),
}

/// What a script does, beside its #SBATCH lines.
#[derive(Debug, Clone)]
pub struct Script<'a> {
    /// One line for people.
    pub about: &'a str,
    /// More comment lines.
    pub notes: &'a [String],
    /// `--option=value` of each #SBATCH line.
    pub options: &'a [String],
    /// Modules to load.
    pub modules: &'a [String],
    /// Variables to set.
    pub env: Vec<(String, String)>,
    /// CPUs of a task, in the cluster's unit.
    pub cpus_per_task: u32,
    /// What starts the command.
    pub launch: &'a Launch,
    /// norna and its arguments.
    pub command: &'a [OsString],
    /// Whether the first attempt starts over.
    pub fresh: bool,
    /// How often a job that was stopped puts itself back into the queue; 0 for never.
    pub max_requeue: u32,
}

/// Seconds before the limit at which Slurm should warn: five minutes, less of short jobs.
pub fn signal_seconds(time: SlurmTime) -> u64 {
    (time.0 / 6).clamp(10, 300)
}

impl Script<'_> {
    /// The script.
    pub fn text(&self) -> Vec<u8> {
        let mut text = format!("{HEAD}{}\n", self.about).into_bytes();
        for note in self.notes {
            text.extend(format!("# {note}\n").bytes());
        }
        for option in self.options {
            text.extend(format!("#SBATCH {option}\n").bytes());
        }
        text.extend(START.bytes());
        if !self.modules.is_empty() {
            let words: Vec<String> = self.modules.iter().map(|module| bash_text(module)).collect();
            text.extend(b"# Modules may use variables that are not set.\nset +u\n");
            text.extend(words.iter().flat_map(|word| format!("module load {word}\n").into_bytes()));
            text.extend(b"set -u\n");
        }
        for (name, value) in &self.env {
            text.extend(format!("export {name}={}\n", bash_text(value)).bytes());
        }
        if matches!(self.launch, Launch::Srun(_)) {
            text.extend(b"# srun does not take this over from sbatch since Slurm 22.05.\n");
            text.extend(
                format!("export SRUN_CPUS_PER_TASK=${{SLURM_CPUS_PER_TASK:-{}}}\n", self.cpus_per_task).bytes(),
            );
        }
        text.extend(self.command_lines());
        if self.fresh {
            text.extend(FRESH.bytes());
        }
        text.extend(match self.launch {
            Launch::Srun(_) => RUN.bytes(),
            Launch::Forward(_) => RUN_AND_FORWARD.bytes(),
        });
        if self.max_requeue > 0 {
            text.extend(REQUEUE.replace("@MAX@", &self.max_requeue.to_string()).bytes());
        }
        text.extend(b"exit \"$code\"\n");
        text
    }

    /// The command as a bash array, a line for each flag.
    fn command_lines(&self) -> Vec<u8> {
        let launcher: Vec<OsString> = match self.launch {
            Launch::Srun(flags) => {
                std::iter::once("srun").chain(flags.iter().map(String::as_str)).map(Into::into).collect()
            }
            Launch::Forward(words) => words.iter().map(Into::into).collect(),
        };
        let mut text = b"\ncommand=(".to_vec();
        let mut line = |words: &[OsString]| {
            for (i, word) in words.iter().enumerate() {
                let starts = i == 0 || word.as_bytes().starts_with(b"-");
                text.extend(if starts { b"\n  ".as_slice() } else { b" ".as_slice() });
                text.extend(bash_word(OsStr::new(word)));
            }
        };
        line(&launcher);
        line(self.command);
        text.extend(b"\n)\n");
        text
    }
}

const START: &str = r#"
set -euo pipefail

restart=${SLURM_RESTART_COUNT:-0}
echo "norna: job ${SLURM_JOB_ID:-none}, attempt $((restart + 1)), $(date -u '+%Y-%m-%d %H:%M:%S UTC'), on ${SLURM_JOB_NODELIST:-this host}"

"#;

const RUN: &str = r#"
# Slurm signals the ranks itself; this script outlives them.
trap : USR1 TERM
code=0
"${command[@]}" || code=$?
"#;

const RUN_AND_FORWARD: &str = r#"
# Slurm signals this script alone: the signal is passed on, and the wait that it ends is begun again.
child=
signalled=0
trap 'signalled=1; kill -USR1 "$child" 2>/dev/null || true' USR1 TERM
"${command[@]}" &
child=$!
while true; do
  signalled=0
  code=0
  wait "$child" || code=$?
  [[ $signalled -eq 1 ]] || break
done
"#;

const FRESH: &str = r#"
# Only the first attempt starts over.
if [[ $restart -eq 0 ]]; then
  command+=(--fresh)
fi
"#;

const REQUEUE: &str = r#"
# 75: stopped in order, and the same command goes on. A cancelled job is ending by then, and stays away.
if [[ $code -eq 75 && -n ${SLURM_JOB_ID:-} ]]; then
  id=$SLURM_JOB_ID
  if [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then
    id=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
  fi
  state=$(scontrol show job --oneliner "$id" || true)
  if [[ $state != *" JobState=RUNNING "* && $state != *" Reason=TimeLimit "* ]]; then
    echo "norna: job $id stopped in order and is ending; where it was requeued it begins again by itself, else submit it again to go on" >&2
  elif [[ $restart -ge @MAX@ ]]; then
    echo "norna: job $id was requeued $restart times; submit it again to go on" >&2
  else
    echo "norna: job $id stopped in order and goes back into the queue"
    scontrol requeue "$id" || echo "norna: job $id cannot be requeued; submit it again to go on" >&2
  fi
fi
"#;

#[cfg(test)]
mod tests {
    use super::*;

    /// What `echo` gets in an attempt, from a script that starts over once.
    fn words(restart: &str) -> String {
        let command: Vec<OsString> = ["echo", "a b"].map(Into::into).into();
        let script = Script {
            about: "test",
            notes: &[],
            options: &[],
            modules: &[],
            env: vec![("A".into(), "it's".into())],
            cpus_per_task: 1,
            launch: &Launch::Forward(Vec::new()),
            command: &command,
            fresh: true,
            max_requeue: 1,
        };
        let mut bash = std::process::Command::new("bash");
        bash.arg("-c").arg(OsStr::from_bytes(&script.text())).env("SLURM_RESTART_COUNT", restart);
        let said = String::from_utf8(bash.output().unwrap().stdout).unwrap();
        said.lines().last().unwrap().to_owned()
    }

    #[test]
    fn only_the_first_attempt_starts_over() {
        assert_eq!([words("0"), words("1")], ["a b --fresh", "a b"]);
    }

    #[test]
    fn the_warning_comes_early_but_not_before_anything_is_done() {
        for (time, seconds) in [(60, 10), (600, 100), (1800, 300), (172_800, 300)] {
            assert_eq!(signal_seconds(SlurmTime(time)), seconds);
        }
    }
}
