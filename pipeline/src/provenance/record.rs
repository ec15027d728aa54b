//! What /provenance of every file holds.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::report::provenance::InputFile;
use crate::report::resources::Resources;
use crate::store::{CisReader, DepthReader, ProteinsReader, ResultsReader, StoreError};

/// A command as /provenance tells it.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// The subcommand.
    pub command: &'static str,
    /// All that follows `norna`: flags of the command line and of --config, files by their names without folders.
    pub arguments: Vec<String>,
    /// The same with whole paths, where they are to be kept.
    pub with_paths: Option<Vec<String>>,
    /// Whether inputs are read whole for their checksums.
    pub full_checksums: bool,
}

/// Seconds that the stages of a run took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stages {
    /// The slowest rank's computing.
    pub computing: f64,
    /// Writing the file.
    pub writing: f64,
    /// All, from the start.
    pub whole: f64,
}

impl Recorded {
    /// What every command's provenance has. `configuration`: flags by name; `files`: inputs by role; `hosts`: of the ranks, in
    /// order; `mpi`: what carried their messages.
    ///
    /// # Errors
    /// An input cannot be read any more.
    pub fn provenance(
        &self,
        configuration: &Value,
        files: &[(&'static str, PathBuf)],
        (hosts, mpi): (&[String], &str),
        stages: Stages,
    ) -> Result<Map<String, Value>> {
        let inputs = files.iter().map(|(role, path)| self.describe(role, path)).collect::<Result<Vec<_>>>()?;
        let mut distinct = hosts.to_vec();
        distinct.sort();
        distinct.dedup();
        let whole = json!({
            "command": self.command,
            "arguments": self.arguments,
            "configuration": configuration,
            "inputs": inputs,
            "norna_version": crate::report::provenance::version(),
            "numeric_version": norna_kernels::NUMERIC_VERSION,
            "hdf5_version": crate::store::hdf5_version(),
            "mpi": mpi,
            "isa": norna_kernels::isa().name(),
            "machine": { "architecture": std::env::consts::ARCH, "cpu": cpu_model() },
            "slurm_job_id": std::env::var("SLURM_JOB_ID").ok(),
            "n_ranks": hosts.len().max(1),
            "nodes": distinct.len().max(1),
            "wall_seconds": stages.whole,
            "timings": {
                "opening_seconds": (stages.whole - stages.computing - stages.writing).max(0.0),
                "computing_seconds": stages.computing,
                "writing_seconds": stages.writing,
            },
            "peak_memory_bytes": Resources::now().peak_memory,
        });
        let Value::Object(mut parts) = whole else { return Ok(Map::new()) };
        if let Some(arguments) = &self.with_paths {
            let folder = std::env::current_dir().context("the working folder")?;
            parts.insert("paths".to_owned(), json!({ "arguments": arguments, "folder": folder }));
            parts.insert("user".to_owned(), json!(std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok()));
            parts.insert("hosts".to_owned(), json!(distinct));
        }
        Ok(parts)
    }

    fn describe(&self, role: &'static str, path: &Path) -> Result<InputFile> {
        let file = InputFile::describe(role, path).with_context(|| path.display().to_string())?;
        if self.full_checksums {
            file.with_whole_digest(path).with_context(|| path.display().to_string())
        } else {
            Ok(file)
        }
    }
}

/// "Open MPI v4.1.4" of "2 ranks over Open MPI v4.1.4"; "none" of a single process.
pub fn mpi_of(described: &str) -> &str {
    described.split_once(" over ").map_or("none", |(_, library)| library)
}

/// The machine's name; empty where the system does not tell.
pub fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").map_or_else(|_| String::new(), |name| name.trim().to_owned())
}

/// The provenance that a file of norna holds.
///
/// # Errors
/// It is no such file, or damaged.
pub fn kept_in(path: &Path) -> Result<Value, StoreError> {
    if DepthReader::is_depth(path) {
        DepthReader::open(path)?.provenance()
    } else if CisReader::is_cis(path) {
        CisReader::open(path)?.provenance()
    } else if ProteinsReader::is_proteins(path) {
        ProteinsReader::open(path)?.provenance()
    } else {
        ResultsReader::open(path)?.provenance()
    }
}

fn cpu_model() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(String::new, |(_, name)| name.trim().to_owned())
}
