//! `norna status`: how far a run is.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use indicatif::HumanDuration;

use crate::report::resources::human_bytes;
use crate::report::words::count;
use crate::run::status::{RunStatus, State, status};
use crate::sink::spool::unix_seconds;

/// Attempts that are told one by one.
const ATTEMPTS_SHOWN: usize = 8;

/// Flags of `norna status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// A results file, finished or on its way, or its working folder (results.h5.norna)
    pub path: PathBuf,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Runs `norna status`.
///
/// # Errors
/// One line.
pub fn run(args: &StatusArgs) -> Result<()> {
    super::info_proteins::refuse(&args.path)?;
    let found = status(&args.path)?;
    let text = if args.json { format!("{:#}\n", serde_json::to_value(&found)?) } else { in_words(&found) };
    // A closed pipe has read enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

fn in_words(run: &RunStatus) -> String {
    let now = unix_seconds();
    let mut text = match run.state {
        State::Running => "running",
        State::Stopped => "stopped; the same command goes on",
        State::Silent => "no sign of life lately: killed, or its node is lost; the same command goes on",
        State::Done => "done",
    }
    .to_owned();
    match run.shards {
        Some(n) if n > 0 => {
            let share = 100.0 * run.shards_done as f64 / n as f64;
            let _ = write!(text, "\nshards: {} of {n} ({share:.0} %)", run.shards_done);
        }
        _ => drop(write!(text, "\nshards: {}", run.shards_done)),
    }
    // A search of cis windows goes by phenotypes.
    let by_variants = run.variants_done > 0;
    if by_variants {
        let _ = write!(text, "\nvariants: {}", run.variants_done);
    }
    if let Some(expected) = run.variants_expected.filter(|_| by_variants && run.state != State::Done) {
        let _ = write!(text, " of about {expected}");
    }
    if let (Some(shards), Some(variants)) = (run.shards_per_second, run.variants_per_second) {
        let _ = write!(text, "\nrate: {shards:.2} shards/s");
        if by_variants {
            let _ = write!(text, ", {variants:.0} variants/s");
        }
    }
    if let Some(end) = run.expected_end {
        let _ = write!(text, "\nleft: about {}, then results are written", HumanDuration(seconds(end - now)));
    }
    if let Some([least, median, most]) = run.shard_seconds {
        let _ = write!(text, "\na shard: {median:.2} s of one thread ({least:.2} to {most:.2})");
    }
    let what = if run.state == State::Done { "results" } else { "spools" };
    let _ = write!(text, "\n{what}: {}", human_bytes(run.bytes));
    if run.damaged > 0 {
        let _ = write!(text, ", {} torn or damaged", count(run.damaged, "stretch"));
    }
    let hidden = run.attempts.len().saturating_sub(ATTEMPTS_SHOWN);
    if hidden > 0 {
        let _ = write!(text, "\n{hidden} earlier attempts");
    }
    for attempt in &run.attempts[hidden..] {
        let name = if attempt.attempt > 0 { format!("attempt {}", attempt.attempt) } else { "job".to_owned() };
        let ranks = count(u64::from(attempt.n_ranks), "rank");
        let _ = write!(text, "\n{name}: {ranks} × {}", count(u64::from(attempt.threads), "thread"));
        if !attempt.job.is_empty() {
            let _ = write!(text, ", Slurm job {}", attempt.job);
        }
        let _ = write!(text, ", began {} ago", HumanDuration(seconds(now - attempt.began)));
        if let Some(why) = &attempt.stopped {
            let _ = write!(text, "; {why}");
        }
    }
    text.push('\n');
    text
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
