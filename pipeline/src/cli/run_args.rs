//! Flags that say how a run is conducted, shared by the commands that read many alignment files.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::assoc_config::{MAX_THREADS, parse_limit, without_folders};
use crate::export::output::refuse_input;
use crate::provenance::Recorded;
use crate::run::UsageError;
use crate::run::options::RunOptions;
use crate::run::workdir::{Manner, OutputKind, resolve_links};

/// How a run is conducted.
#[derive(Debug, Clone, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunArgs {
    /// Replace an existing output of this kind
    #[arg(long, help_heading = "Output and run")]
    #[serde(skip)]
    pub force: bool,
    /// Threads per rank [default: the cores this rank is bound to]
    #[arg(long, value_name = "N", help_heading = "Output and run")]
    pub threads: Option<usize>,
    /// Go on from finished shards of an earlier attempt, with any number of ranks (the default)
    #[arg(long, conflicts_with = "fresh", help_heading = "Output and run")]
    #[serde(skip)]
    pub resume: bool,
    /// Drop finished shards of an earlier attempt and start over
    #[arg(long, help_heading = "Output and run")]
    #[serde(skip)]
    pub fresh: bool,
    /// Stop at a shard's end before this time is over: minutes, MM:SS, HH:MM:SS or D-HH:MM:SS [default: what Slurm leaves]
    #[arg(long, value_name = "TIME", help_heading = "Output and run")]
    pub time_limit: Option<String>,
    /// Only warnings and errors
    #[arg(long, short, conflicts_with = "verbose", help_heading = "Output and run")]
    #[serde(skip)]
    pub quiet: bool,
    /// More about what is being done
    #[arg(long, short, help_heading = "Output and run")]
    #[serde(skip)]
    pub verbose: bool,
}

impl RunArgs {
    /// Checks the flags. `command`: all flags of the command; `files`: its inputs by role.
    ///
    /// # Errors
    /// One line that names the flag.
    pub fn options(
        &self,
        out: &Path,
        kind: OutputKind,
        command: serde_json::Value,
        files: Vec<(&'static str, PathBuf)>,
    ) -> Result<RunOptions, UsageError> {
        if let Some(threads) = self.threads.filter(|n| !(1..=MAX_THREADS).contains(n)) {
            return Err(UsageError(format!("--threads {threads}: must lie between 1 and {MAX_THREADS}")));
        }
        for (flag, file) in &files {
            refuse_input(file, out).map_err(|e| UsageError(format!("{e} (--{flag})")))?;
        }
        Ok(RunOptions {
            out: resolve_links(out),
            kind,
            manner: Manner { force: self.force, fresh: self.fresh, join: false, requeued: is_requeued() },
            threads: self.threads,
            time_limit: self.time_limit.as_deref().map(parse_limit).transpose()?,
            dry_run: false,
            log_level: match (self.quiet, self.verbose) {
                (true, _) => log::LevelFilter::Warn,
                (_, true) => log::LevelFilter::Debug,
                _ => log::LevelFilter::Info,
            },
            recorded: Recorded::default(),
            files,
            resolved: without_folders(command.clone()),
            command,
        })
    }
}

/// Whether the batch system has begun this job again.
pub(super) fn is_requeued() -> bool {
    std::env::var("SLURM_RESTART_COUNT").is_ok_and(|n| n.parse::<u32>().is_ok_and(|n| n > 0))
}
