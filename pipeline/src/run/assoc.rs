//! The main job: every rank opens the same inputs, computes the shards it claims, and all of them make results.h5: its
//! configuration, and its way up to the first shard.
//!
//! Between two collectives no rank returns: what fails there goes through `consensus` first.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use norna_kernels::MissingPolicy;

use super::begin::begin;
use super::compute::Run;
use super::estimate::Estimate;
use super::finalise;
use super::stop::{Phase, Stop};
use super::study::{Study, open_input};
use super::workdir::{self, Claimed, Manner, Workdir};
use super::{Incomplete, Stopped, UsageError, time_limit, worker};
use crate::cohort::CohortConfig;
use crate::comm::{self, Communicator, broadcast, consensus};
use crate::plan::StudySize;
use crate::report::logger;
use crate::report::words::{count, with_causes};
use crate::source::{Input, InputOptions};
use crate::store::{Bins, Store};

/// A validated `norna assoc`.
#[derive(Debug)]
pub struct AssocConfig {
    /// Genotype files, field, filters.
    pub input: InputOptions,
    /// Samples, traits, covariates.
    pub cohort: CohortConfig,
    /// Samples without a genotype.
    pub missing: MissingPolicy,
    /// Results file.
    pub out: PathBuf,
    /// How the run comes to it.
    pub manner: Manner,
    /// What is kept of the pairs.
    pub store: Store,
    /// −log10 of the hit threshold.
    pub hit_log10p: f64,
    /// Threads per rank; the cores it is bound to otherwise.
    pub threads: Option<usize>,
    /// Input bytes of a shard; from the input's size otherwise.
    pub shard_bytes: Option<u64>,
    /// When to have stopped at the latest, from the start.
    pub time_limit: Option<Duration>,
    /// Where jobs work side by side: how long one without a sign of life keeps what it has claimed.
    pub lease: Duration,
    /// Only make results.h5 of what is finished.
    pub merge_only: bool,
    /// Only estimate.
    pub dry_run: bool,
    /// Print the estimate as JSON.
    pub json: bool,
    /// What standard error shows.
    pub log_level: log::LevelFilter,
    /// Input files by role, for provenance.
    pub files: Vec<(&'static str, PathBuf)>,
    /// The resolved flags, for provenance.
    pub resolved: serde_json::Value,
    /// All flags as given, for who goes on with the run.
    pub command: serde_json::Value,
}

/// Runs the main job on this rank.
///
/// # Errors
/// One line where no ranks could be joined; [`Stopped`], [`Incomplete`]; else an empty one, since rank 0 has logged it.
pub fn run(config: &AssocConfig) -> Result<()> {
    // A write beyond a file-size limit is then an error of that write instead of the end of the process.
    let over_limit = Arc::default();
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, over_limit).context("signals")?;
    let stop = if config.dry_run { Stop::new() } else { Stop::watch().context("signals")? };
    worker::keep_panics();
    let comm = comm::join()?;
    let level = if comm.rank() == 0 { config.log_level } else { log::LevelFilter::Off };
    logger::start(level);
    let mut workdir = None;
    let ended = run_rank(config, &*comm, &stop, &mut workdir);
    stop.enter(Phase::Done);
    let Err(error) = ended else { return Ok(()) };
    if config.manner.join && !error.is::<Stopped>() && !error.is::<Incomplete>() && is_taken_away(&config.out) {
        log::info!("another job has written the results");
        return Ok(());
    }
    if error.is::<Stopped>() || error.is::<Incomplete>() {
        return Err(error);
    }
    // Said before MPI ends: a launcher may kill the other ranks as soon as one has exited.
    log::error!("{}", with_causes(&error));
    if workdir.as_ref().is_some_and(Workdir::has_shards) {
        log::info!("finished shards are kept: the same command goes on with them");
    }
    Err(if error.is::<UsageError>() { UsageError(String::new()).into() } else { anyhow!("") })
}

/// Opens a study and counts what it holds, as `--dry-run` does, for who plans a job of it: standard input and an output are
/// not looked at.
///
/// # Errors
/// One line.
pub fn study_size(config: &AssocConfig) -> Result<StudySize> {
    let input = Input::open(&config.input)?;
    let study = Study::open(config, input, false)?;
    Ok(Estimate::new(&study, bound_cores(), config).size())
}

fn run_rank(
    config: &AssocConfig,
    comm: &dyn Communicator,
    stop: &Arc<Stop>,
    workdir: &mut Option<Workdir>,
) -> Result<()> {
    let start = Instant::now();
    let threads = config.threads.unwrap_or_else(bound_cores);
    let claimed = consensus(comm, claim_output(config, comm))?;
    let busy = if let Some(Claimed::Busy(why)) = &claimed { why.as_bytes().to_vec() } else { Vec::new() };
    let busy = broadcast(comm, busy);
    if !busy.is_empty() {
        log::warn!("{}", String::from_utf8_lossy(&busy));
        return Err(Stopped.into());
    }
    if let Some(Claimed::Ours(ours)) = claimed {
        *workdir = Some(ours);
    }
    // First, since a log is known by how it starts.
    let per_rank = count(threads as u64, "thread");
    log::info!("norna {}, {}, {per_rank} per rank", crate::report::provenance::version(), comm.describe());
    if threads > bound_cores() {
        log::warn!(
            "{threads} threads on the {} cores that this rank is bound to: more threads than cores",
            bound_cores()
        );
    }
    let isa = consensus(comm, norna_kernels::isa_checked())?;
    log::info!("kernels: {}", isa.name());
    if comm.rank() == 0 && !config.dry_run {
        set_limit(config, stop);
    }

    let input = open_input(config, comm)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = consensus(comm, pool.map_err(|e| format!("starting {threads} threads: {e}; give fewer --threads")))?;
    let is_root = comm.rank() == 0;
    let study = consensus(comm, pool.install(|| Study::open(config, input, is_root)))?;
    let estimate = Estimate::new(&study, threads, config);
    if config.dry_run {
        return if comm.rank() == 0 { estimate.print(config.json) } else { Ok(()) };
    }
    log::info!("{estimate}");

    if config.manner.join && !study.plan.streams.is_empty() {
        let why = "--join needs genotypes that can be cut: bgzip files, not gzip or standard input";
        return Err(UsageError(why.to_owned()).into());
    }
    let Some(begun) = begin(config, comm, &study, workdir.as_mut(), (stop, threads))? else {
        log::info!("{}: holds the results of this run already", config.out.display());
        if let Some(workdir) = workdir {
            workdir.remove_if_empty();
        }
        return Ok(());
    };
    let header = finalise::header(
        study.models.base(),
        &study.trait_names,
        &study.trait_moments,
        (config.store, config.hit_log10p),
    );
    let bins = Bins::new(&header.traits);
    let orders = begun.orders.clone();
    let run = Run { config, comm, stop, header: &header, bins: &bins, pool: &pool, orders: &orders, start };
    if config.manner.join {
        let spool = Arc::clone(&begun.spool);
        let done = run.side_by_side(study, begun, &estimate, workdir);
        if done.as_ref().is_err_and(|error| !error.is::<Stopped>()) {
            // What it has claimed is for others; a full disk may not even take that.
            let _ = spool.lock().unwrap_or_else(PoisonError::into_inner).stop("failed");
        }
        done
    } else {
        run.alone(study, begun, &estimate, workdir)
    }
}

/// Whether another job has written the results of `out` and removes, or has removed, the folder that jobs share.
fn is_taken_away(out: &std::path::Path) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(2) {
        if out.exists() && !workdir::folder_of(out).exists() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// Cores that this process may run on.
pub(super) fn bound_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The time limit that was given and what Slurm leaves, whichever is shorter.
fn set_limit(config: &AssocConfig, stop: &Stop) {
    let by_slurm = time_limit::left_by_slurm();
    stop.note_left_by_slurm(by_slurm);
    if let Some(left) = config.time_limit.into_iter().chain(by_slurm).min() {
        log::info!("time limit: {} left", indicatif::HumanDuration(left));
        stop.set_limit(left);
    }
}

fn claim_output(config: &AssocConfig, comm: &dyn Communicator) -> Result<Option<Claimed>> {
    if comm.rank() != 0 {
        if config.manner.join && comm.size() > 1 {
            return Err(anyhow!("--join is for single processes side by side: start it without an MPI launcher"));
        }
        return Ok(None);
    }
    if config.dry_run {
        if !config.out.as_os_str().is_empty() {
            workdir::check_output(&config.out, config.manner.force)?;
        }
        return Ok(None);
    }
    let claimed = Workdir::claim(&config.out, config.manner)?;
    if let Claimed::Ours(workdir) = &claimed {
        let log = workdir::log_of(&config.out);
        let goes_on = config.manner.join || workdir.has_record();
        logger::tee(&log, goes_on).map_err(|e| anyhow!("{}: {e}", log.display()))?;
    }
    Ok(Some(claimed))
}
