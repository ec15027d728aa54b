//! How far a run is, from its spools while it writes them, or from its results.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::attempt::{self, Attempt, BEAT};
use super::lock::is_held;
use super::run_record::RunRecord;
use super::workdir::folder_of;
use crate::shard::ShardId;
use crate::sink::scan::{Depth, SpoolContents, scan};
use crate::sink::spool::{SpoolError, spool_names, unix_seconds};
use crate::store::{CisReader, ResultsReader, StoreError};

/// The stretch of time that rates are taken over, seconds.
const WINDOW: f64 = 600.0;

/// There is no telling how far a run is.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// Neither results nor a run.
    #[error("{0}: neither a results file nor the working folder of a run")]
    Nothing(PathBuf),
    /// A spool cannot be read.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The results do not read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its spools grow.
    Running,
    /// It has said that it stops; the same command goes on.
    Stopped,
    /// It gave no sign of life lately and did not say that it stops.
    Silent,
    /// Its results are written.
    Done,
}

/// One attempt at a run, or one of the jobs that work side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttemptStatus {
    /// From 1; 0 for jobs side by side.
    pub attempt: u32,
    /// The batch system's name of the job; empty without one.
    pub job: String,
    /// Ranks.
    pub n_ranks: u32,
    /// Threads of a rank.
    pub threads: u32,
    /// When it began, seconds since 1970.
    pub began: f64,
    /// Why it stopped, if it said so.
    pub stopped: Option<String>,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunStatus {
    /// What it is doing.
    pub state: State,
    /// Finished shards.
    pub shards_done: usize,
    /// All shards; none where streams are read, whose length nobody knows.
    pub shards: Option<usize>,
    /// Rows of finished shards.
    pub variants_done: u64,
    /// Rows expected, where the input could tell.
    pub variants_expected: Option<u64>,
    /// Finished shards a second, lately.
    pub shards_per_second: Option<f64>,
    /// Rows a second, lately.
    pub variants_per_second: Option<f64>,
    /// Thread time of a shard, seconds: least, median, most.
    pub shard_seconds: Option<[f64; 3]>,
    /// When all shards will be finished at this rate, seconds since 1970.
    pub expected_end: Option<f64>,
    /// Bytes of the spools, or of the results.
    pub bytes: u64,
    /// Stretches of spools that do not read.
    pub damaged: u64,
    /// In order.
    pub attempts: Vec<AttemptStatus>,
}

/// Looks at a results file or a working folder.
///
/// # Errors
/// [`StatusError`].
pub fn status(path: &Path) -> Result<RunStatus, StatusError> {
    let is_folder =
        path.is_dir() && (RunRecord::read(path).is_some() || path.extension().is_some_and(|end| end == "norna"));
    let folder = if is_folder { path.to_owned() } else { folder_of(path) };
    // A folder that no run has begun in says nothing.
    let has_begun = RunRecord::read(&folder).is_some() || spool_names(&folder).is_ok_and(|names| !names.is_empty());
    if folder.is_dir() && has_begun {
        return of_folder(&folder);
    }
    if path.is_file() { of_results(path) } else { Err(StatusError::Nothing(path.to_owned())) }
}

fn of_folder(dir: &Path) -> Result<RunStatus, StatusError> {
    let record = RunRecord::read(dir);
    let names = spool_names(dir).map_err(|source| StatusError::Io { path: dir.to_owned(), source })?;
    let mut spools = Vec::new();
    let mut newest: Option<SystemTime> = None;
    for name in &names {
        let path = dir.join(name);
        newest = newest.max(fs::metadata(&path).and_then(|meta| meta.modified()).ok());
        spools.push(scan(&path, 0, Depth::Headers)?);
    }
    let mut shards = BTreeMap::new();
    for (id, shard) in spools.iter().flat_map(|spool| &spool.shards) {
        shards.entry(*id).or_insert(shard);
    }
    let attempts = attempts(&spools);
    let last = attempts.iter().map(|attempt| attempt.began).fold(0.0, f64::max);
    // On the system that the attempt began on the lock tells.
    let here = Attempt::read(dir).is_some_and(|last| last.system == attempt::system());
    let is_dead = here && is_held(dir) == Some(false);
    let is_fresh =
        !is_dead && newest.is_some_and(|at| at.elapsed().unwrap_or_default() < 3 * BEAT + Duration::from_secs(2));
    let state = match (spools.iter().any(|spool| !spool.has_stopped() && began_since(spool, last)), is_fresh) {
        (true, true) => State::Running,
        (true, false) => State::Silent,
        (false, _) => State::Stopped,
    };
    // Cells of a grid are sites × batches of samples, of which many make a variant.
    let tested = || shards.iter().filter(|(id, _)| !ShardId(**id).is_cell()).map(|(_, shard)| shard);
    let now = unix_seconds();
    let from = last.max(now - WINDOW);
    let recent: Vec<_> = shards.values().filter(|shard| shard.ended >= from).collect();
    let per_second = |n: f64| (state == State::Running && !recent.is_empty()).then(|| n / (now - from).max(1e-3));
    let shards_per_second = per_second(recent.len() as f64);
    let plan = record.as_ref().map(|record| &record.plan);
    // A record that has fewer shards than are finished is not that of these spools.
    let total = plan.filter(|plan| plan.n_streams == 0).map(|plan| plan.n_shards).filter(|&n| n >= shards.len());
    let left = total.map(|total| total.saturating_sub(shards.len()) as f64);
    let mut seconds: Vec<f64> = shards.values().map(|shard| shard.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    Ok(RunStatus {
        state,
        shards_done: shards.len(),
        shards: total,
        variants_done: tested().map(|shard| shard.n_rows()).sum(),
        variants_expected: record.and_then(|record| record.rows_expected),
        shards_per_second,
        variants_per_second: per_second(
            tested().filter(|shard| shard.ended >= from).map(|shard| shard.n_rows() as f64).sum(),
        ),
        shard_seconds: (!seconds.is_empty())
            .then(|| [seconds[0], seconds[seconds.len() / 2], seconds[seconds.len() - 1]]),
        expected_end: left.zip(shards_per_second).map(|(left, rate)| now + left / rate),
        bytes: spools.iter().map(|spool| spool.len).sum(),
        damaged: spools.iter().map(|spool| spool.n_damaged).sum(),
        attempts,
    })
}

/// Whether the last writer of a spool belongs to the latest attempt, or to jobs side by side.
fn began_since(spool: &SpoolContents, last: f64) -> bool {
    // Ranks of one attempt begin within moments of one another.
    spool.writers.last().is_some_and(|writer| writer.attempt == 0 || writer.began > last - 120.0)
}

fn attempts(spools: &[SpoolContents]) -> Vec<AttemptStatus> {
    let mut attempts: Vec<AttemptStatus> = Vec::new();
    for spool in spools {
        let n = spool.writers.len();
        for (idx, writer) in spool.writers.iter().enumerate() {
            let stopped = spool.stop.as_ref().filter(|_| idx + 1 == n).map(|(_, why)| why.clone());
            match attempts.iter_mut().find(|other| writer.attempt > 0 && other.attempt == writer.attempt) {
                Some(known) => {
                    known.began = known.began.min(writer.began);
                    known.stopped = known.stopped.take().or(stopped);
                }
                None => attempts.push(AttemptStatus {
                    attempt: writer.attempt,
                    job: writer.job.clone(),
                    n_ranks: writer.n_ranks,
                    threads: writer.threads,
                    began: writer.began,
                    stopped,
                }),
            }
        }
    }
    attempts.sort_by(|a, b| a.began.total_cmp(&b.began));
    attempts
}

fn of_results(path: &Path) -> Result<RunStatus, StatusError> {
    let (provenance, n_variants) = if CisReader::is_cis(path) {
        (CisReader::open(path)?.provenance()?, 0)
    } else {
        let reader = ResultsReader::open(path)?;
        (reader.provenance()?, reader.n_variants() as u64)
    };
    let ranks = provenance.get("ranks").and_then(|ranks| ranks.as_array()).cloned().unwrap_or_default();
    let number = |name: &str| provenance.get(name).and_then(serde_json::Value::as_u64);
    let n_shards = number("shards").unwrap_or(0) as usize;
    let threads = ranks.first().and_then(|rank| rank.get("threads")?.as_u64()).unwrap_or(0);
    let last = AttemptStatus {
        attempt: number("attempt").unwrap_or(0) as u32,
        job: provenance.get("slurm_job_id").and_then(|job| job.as_str()).unwrap_or_default().to_owned(),
        n_ranks: ranks.len() as u32,
        threads: threads as u32,
        began: provenance.get("began").and_then(serde_json::Value::as_f64).unwrap_or(0.0),
        stopped: None,
    };
    Ok(RunStatus {
        state: State::Done,
        shards_done: n_shards,
        shards: Some(n_shards),
        variants_done: n_variants,
        variants_expected: Some(n_variants),
        shards_per_second: None,
        variants_per_second: None,
        shard_seconds: None,
        expected_end: None,
        bytes: fs::metadata(path).map_or(0, |meta| meta.len()),
        damaged: 0,
        attempts: vec![last],
    })
}
