//! `norna merge`: makes results.h5 of what jobs side by side have finished.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::assoc::AssocArgs;
use crate::run::run_record::RunRecord;
use crate::run::workdir::folder_of;
use crate::store::ResultsReader;

/// Flags of `norna merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The results file that jobs with `norna assoc --join` work on
    pub out: PathBuf,
    /// Threads [default: the cores this process is bound to]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Only warnings and errors
    #[arg(long, short, conflicts_with = "verbose")]
    pub quiet: bool,
    /// More about what is being done
    #[arg(long, short)]
    pub verbose: bool,
}

/// Runs `norna merge`.
///
/// # Errors
/// As the main job; what is not finished is told, and ends with the code of a run that was stopped.
pub fn run(args: &MergeArgs) -> Result<()> {
    let out = std::path::absolute(&args.out).with_context(|| format!("{}", args.out.display()))?;
    let dir = folder_of(&out);
    let Some(record) = RunRecord::read(&dir) else {
        if out.is_file() {
            ResultsReader::open(&out)?;
            eprintln!("{}: the results are written already", args.out.display());
            return Ok(());
        }
        bail!(
            "{}: no jobs have worked on this results file: there is no record in {}",
            args.out.display(),
            dir.display()
        );
    };
    let command: Result<AssocArgs, _> = serde_json::from_value(record.command);
    let mut command = command.with_context(|| format!("{}: the record of the run does not read", dir.display()))?;
    // Its files were named from there.
    std::env::set_current_dir(&record.folder)
        .with_context(|| format!("{}: the folder that the jobs were started in", record.folder.display()))?;
    command.out = Some(out);
    command.join = true;
    command.threads = args.threads.or(command.threads);
    (command.quiet, command.verbose) = (args.quiet, args.verbose);
    let mut config = command.validate()?;
    config.merge_only = true;
    crate::run::assoc::run(&config)
}
