//! Writes the scripts beside the output and hands them to sbatch.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::jobs::{After, Job};
use super::script::HEAD;

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
    #[error("{}: sbatch refused it: {message}{cancel}", path.display())]
    Refused {
        /// The script.
        path: PathBuf,
        /// What sbatch said.
        message: String,
        /// How to take back what was submitted before.
        cancel: String,
    },
}

/// Writes every script, then submits them in order; their job ids.
///
/// # Errors
/// Files that cannot be written, and what sbatch refuses. Jobs submitted before stay, waiting for nothing: the message says
/// how to take them back.
pub fn submit(jobs: &[Job], folder: &Path) -> Result<Vec<String>, SubmitError> {
    for job in jobs {
        write(&folder.join(&job.file), &job.script)?;
    }
    let mut ids: Vec<String> = Vec::new();
    for job in jobs {
        let output = Command::new("sbatch").args(flags(job, &ids)).current_dir(folder).output();
        let output = output.map_err(SubmitError::Start)?;
        let said = String::from_utf8_lossy(&output.stdout);
        // "1234" or "1234;cluster", perhaps after a site's greetings.
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("");
        let id = last.split(';').next().unwrap_or("").trim();
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        if !output.status.success() || !is_id {
            let message = String::from_utf8_lossy(&output.stderr);
            let message = if message.trim().is_empty() { said } else { message };
            let cancel = match ids.is_empty() {
                true => String::new(),
                false => format!("; submitted before it: {}; scancel takes them back", ids.join(" ")),
            };
            let message = message.trim().replace('\n', " ");
            return Err(SubmitError::Refused { path: job.file.clone(), message, cancel });
        }
        ids.push(id.to_owned());
    }
    Ok(ids)
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
