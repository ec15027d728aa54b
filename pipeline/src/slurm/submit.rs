//! Writes the scripts beside the output and hands them to sbatch.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::jobs::{After, Job};
use super::script::HEAD;
use super::tool::{self, Limits, ToolError};

/// Why jobs were not submitted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// A file that norna submit did not make.
    #[error("{}: exists and is no job script of norna: not replaced; move it away or use another --out", .0.display())]
    Foreign(PathBuf),
    /// The script could not be written.
    #[error("{}: {error}", path.display())]
    Write {
        /// The script.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// sbatch could not be started.
    #[error("sbatch: {0}: is this a login node of a cluster? --dry-run prints the script only")]
    Start(std::io::Error),
    /// sbatch refused.
    #[error("{}: sbatch refused it: {message}; no script was left{before}", path.display())]
    Refused {
        /// The script.
        path: PathBuf,
        /// What sbatch said.
        message: String,
        /// What became of the jobs that were submitted before.
        before: String,
    },
    /// Nobody knows whether there is a job.
    #[error(
        "{}: sbatch: {message}; the job may or may not have been submitted: look with squeue --me before you try again; \
         the scripts were left{before}",
        path.display()
    )]
    Unsure {
        /// The script.
        path: PathBuf,
        /// What went wrong.
        message: String,
        /// What became of the jobs that were submitted before.
        before: String,
    },
}

/// Slurm's programs and how long they are waited for.
#[derive(Debug, Clone, Copy)]
pub struct Slurm<'a> {
    /// Submits a script.
    pub sbatch: &'a str,
    /// Takes jobs back.
    pub scancel: &'a str,
    /// Limits of each call.
    pub limits: Limits,
}

impl Default for Slurm<'_> {
    fn default() -> Self {
        let limits = Limits { time: Duration::from_secs(120), bytes: 1 << 20 };
        Self { sbatch: "sbatch", scancel: "scancel", limits }
    }
}

/// Writes every script, then submits them in order; their job ids.
///
/// # Errors
/// Files that cannot be written, and what sbatch refuses. Jobs submitted before are cancelled then, and the scripts removed
/// unless sbatch may have taken one.
pub fn submit(jobs: &[Job], folder: &Path, slurm: Slurm<'_>) -> Result<Vec<String>, SubmitError> {
    let mut written = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    let result = write_and_send(jobs, folder, slurm, &mut written, &mut ids);
    if !matches!(result, Ok(()) | Err(SubmitError::Unsure { .. })) {
        for path in &written {
            // What cannot be removed does no harm: the next submit replaces it.
            let _ = std::fs::remove_file(path);
        }
    }
    result.map(|()| ids)
}

fn write_and_send(
    jobs: &[Job],
    folder: &Path,
    slurm: Slurm<'_>,
    written: &mut Vec<PathBuf>,
    ids: &mut Vec<String>,
) -> Result<(), SubmitError> {
    for job in jobs {
        let path = folder.join(&job.file);
        write(&path, &job.script)?;
        written.push(path);
    }
    for job in jobs {
        match send(job, folder, slurm, ids) {
            Ok(id) => ids.push(id),
            Err(mut error) => {
                if let SubmitError::Refused { before, .. } | SubmitError::Unsure { before, .. } = &mut error {
                    *before = cancel(ids, slurm);
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Hands one script to sbatch; the job's id.
fn send(job: &Job, folder: &Path, slurm: Slurm<'_>, ids: &[String]) -> Result<String, SubmitError> {
    let (path, before) = (job.file.clone(), String::new());
    let mut command = Command::new(slurm.sbatch);
    let output = match tool::output(command.args(flags(job, ids)).current_dir(folder), slurm.limits) {
        Ok(output) => output,
        Err(ToolError::Start(error)) => return Err(SubmitError::Start(error)),
        Err(error) => return Err(SubmitError::Unsure { path, message: error.to_string(), before }),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        let message = if message.trim().is_empty() { said } else { message };
        return Err(SubmitError::Refused { path, message: one_line(&message), before });
    }
    // "1234" or "1234;cluster", perhaps after a site's greetings.
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("");
    let id = last.split(';').next().unwrap_or("").trim();
    match id.parse::<u64>() {
        Ok(number) if number > 0 && id.bytes().all(|byte| byte.is_ascii_digit()) => Ok(id.to_owned()),
        _ => {
            let message = format!("it ended well, but no job id is in what it said: {:?}", one_line(&said));
            Err(SubmitError::Unsure { path, message, before })
        }
    }
}

/// Takes back what was submitted, and says so.
fn cancel(ids: &[String], slurm: Slurm<'_>) -> String {
    if ids.is_empty() {
        return String::new();
    }
    let names = ids.join(" ");
    let why = match tool::output(Command::new(slurm.scancel).args(ids), slurm.limits) {
        Ok(output) if output.status.success() => return format!("; submitted before it and cancelled: {names}"),
        Ok(output) => one_line(&String::from_utf8_lossy(&output.stderr)),
        Err(error) => error.to_string(),
    };
    format!("; submitted before it and still there: {names} (scancel: {why}); scancel {names} takes them back")
}

fn one_line(text: &str) -> String {
    let short: String = text.trim().chars().take(500).collect();
    short.split(|c: char| c.is_control()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Flags of sbatch: what depends on other jobs' ids cannot stand in the script.
pub fn flags(job: &Job, ids: &[String]) -> Vec<OsString> {
    let mut flags: Vec<OsString> = vec!["--parsable".into()];
    if let Some((after, idx)) = job.after {
        let kind = match after {
            After::Ok => "afterok",
            After::Any => "afterany",
        };
        let id = ids.get(idx).map_or("JOB", String::as_str);
        flags.push(format!("--dependency={kind}:{id}").into());
        flags.push("--kill-on-invalid-dep=yes".into());
    }
    flags.push(job.file.clone().into());
    flags
}

fn write(path: &Path, script: &[u8]) -> Result<(), SubmitError> {
    let failed = |error| SubmitError::Write { path: path.to_owned(), error };
    match std::fs::read(path) {
        Ok(old) if !old.starts_with(HEAD.as_bytes()) => return Err(SubmitError::Foreign(path.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    std::fs::write(path, script).map_err(failed)
}

#[cfg(test)]
mod tests;
