//! What is looked at before a job is made: where files lie, and flags that will not do what they say.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::{Study, SubmitArgs};
use crate::run::UsageError;
use crate::slurm::choice::Choice;
use crate::slurm::profile::Profile;
use crate::slurm::{memory_fs, node_local};

/// Refuses an output that the jobs could not make, or nobody could read afterwards.
pub(super) fn check_output(profile: &Profile, study: &Study, folder: &Path) -> Result<()> {
    let out = &study.out;
    let value = |name: &str| std::env::var_os(name);
    if let Some(place) = node_local::place_of(&folder.join(out), &profile.scratch.node_local, &value) {
        bail!(UsageError(format!(
            "--out {}: lies on {place}, which on {} only the job's own node sees and which goes with the job; choose a \
             folder that all nodes see",
            out.display(),
            profile.name
        )));
    }
    if let Some(place) = memory_fs::memory_of(&folder.join(out)) {
        bail!(UsageError(format!(
            "--out {}: lies on {place}, which is memory of this machine; choose a folder on a file system that all nodes see",
            out.display()
        )));
    }
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.is_dir() {
        bail!("--out {}: the folder {} is not there", out.display(), parent.display());
    }
    if out.exists() && !study.args.force {
        bail!("--out {}: exists; --force (after --) replaces it", out.display());
    }
    Ok(())
}

/// A line for each input that the job's nodes will not see.
pub(super) fn local_inputs(profile: &Profile, files: &[(&'static str, PathBuf)], folder: &Path) -> Vec<String> {
    let value = |name: &str| std::env::var_os(name);
    let line = |(role, path): &(&'static str, PathBuf)| {
        let place = node_local::place_of(&folder.join(path), &profile.scratch.node_local, &value)?;
        let path = path.display();
        Some(format!("--{role} {path}: lies on {place}, which the job's nodes may not see as it is here"))
    };
    files.iter().filter_map(line).collect()
}

/// A line for each flag that will not do what it says.
pub(super) fn doubtful_flags(args: &SubmitArgs, choice: &Choice) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(time) = args.time.filter(|time| time.0 % 60 != 0) {
        lines.push(format!("--time {time}: Slurm counts whole minutes and rounds up: {}", time.whole_minutes()));
    }
    if let (Some(mem_mb), Some(predicted)) = (args.mem, choice.memory_beyond()) {
        lines.push(format!(
            "--mem {mem_mb}M: below the {predicted} MB a node that norna may need: Slurm may kill the job for it; leave \
             --mem out, or give less threads or ranks"
        ));
    }
    if let Some(norna) = args.norna.as_ref().filter(|path| !is_program(path)) {
        lines.push(format!("--norna {}: is no file here: it must be there on the nodes", norna.display()));
    }
    lines
}

/// Whether `path` is a file, or a bare name of one on the search path.
fn is_program(path: &Path) -> bool {
    let is_bare = path.components().count() == 1 && !path.as_os_str().as_encoded_bytes().contains(&b'/');
    let folders = std::env::var_os("PATH").filter(|_| is_bare);
    match folders {
        Some(folders) => std::env::split_paths(&folders).any(|folder| folder.join(path).is_file()),
        None => path.is_file(),
    }
}
