//! What every long command is given: where its output goes, what it is made from, and how the run is conducted.

use std::path::PathBuf;
use std::time::Duration;

use super::workdir::{Manner, OutputKind};
use crate::provenance::Recorded;

/// How a run is conducted, and what tells it from others.
#[derive(Debug)]
pub struct RunOptions {
    /// The output.
    pub out: PathBuf,
    /// What it is, so that `--force` replaces nothing else.
    pub kind: OutputKind,
    /// How the run comes to it.
    pub manner: Manner,
    /// Threads per rank; the cores it is bound to otherwise.
    pub threads: Option<usize>,
    /// When to have stopped at the latest, from the start.
    pub time_limit: Option<Duration>,
    /// Only estimate.
    pub dry_run: bool,
    /// What standard error shows.
    pub log_level: log::LevelFilter,
    /// Input files by role, for provenance.
    pub files: Vec<(&'static str, PathBuf)>,
    /// The resolved flags, for provenance.
    pub resolved: serde_json::Value,
    /// All flags as given, for who goes on with the run.
    pub command: serde_json::Value,
    /// The command line as the provenance tells it.
    pub recorded: Recorded,
}
