//! A process's part in a run, from joining the other ranks to the one line that says why it failed: what every long command
//! does in the same way, whatever it computes.
//!
//! Between two collectives no rank returns: what fails there goes through `consensus` first.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rayon::ThreadPool;
use serde_json::{Map, Value};

use super::options::RunOptions;
use super::stop::{Phase, Stop};
use super::workdir::{self, Claimed, Workdir};
use super::{Incomplete, Stopped, UsageError, time_limit, worker};
use crate::comm::{self, Communicator, broadcast, consensus, gather};
use crate::provenance::{Stages, host, mpi_of};
use crate::report::logger;
use crate::report::words::{count, with_causes};

/// What a run has at hand on a rank.
pub(super) struct Session<'a> {
    pub(super) options: &'a RunOptions,
    pub(super) comm: &'a dyn Communicator,
    pub(super) stop: &'a Arc<Stop>,
    pub(super) pool: &'a ThreadPool,
    pub(super) start: Instant,
    /// Host of each rank, on rank 0 alone.
    pub(super) hosts: Vec<String>,
}

impl Session<'_> {
    /// What /provenance has of every run, on rank 0. `writing`: when writing began.
    ///
    /// # Errors
    /// An input cannot be read any more.
    pub(super) fn provenance(&self, computing: Duration, writing: Instant) -> Result<Map<String, Value>> {
        let stages = Stages {
            computing: computing.as_secs_f64(),
            writing: writing.elapsed().as_secs_f64(),
            whole: self.start.elapsed().as_secs_f64(),
        };
        let (options, described) = (self.options, self.comm.describe());
        let carried = (&self.hosts[..], mpi_of(&described));
        options.recorded.provenance(&options.resolved, &options.files, carried, stages)
    }

    /// Threads of this rank.
    pub(super) fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Whether this is the rank that writes.
    pub(super) fn is_root(&self) -> bool {
        self.comm.rank() == 0
    }

    /// Whether progress is shown here.
    pub(super) fn shows_progress(&self) -> bool {
        self.is_root() && self.options.log_level >= log::LevelFilter::Info
    }
}

/// Runs `body` as this rank's part, which is given the working folder on rank 0.
///
/// # Errors
/// One line where no ranks could be joined; [`Stopped`], [`Incomplete`]; else an empty one, since rank 0 has logged it.
pub(super) fn run(
    options: &RunOptions,
    body: impl FnOnce(&Session<'_>, &mut Option<Workdir>) -> Result<()>,
) -> Result<()> {
    // A write beyond a file-size limit is then an error of that write instead of the end of the process.
    let over_limit = Arc::default();
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, over_limit).context("signals")?;
    let stop = if options.dry_run { Stop::new() } else { Stop::watch().context("signals")? };
    worker::keep_panics();
    let comm = comm::join()?;
    let level = if comm.rank() == 0 { options.log_level } else { log::LevelFilter::Off };
    logger::start(level);
    let mut workdir = None;
    let ended = run_rank(options, &*comm, &stop, &mut workdir, body);
    stop.enter(Phase::Done);
    let Err(error) = ended else { return Ok(()) };
    if options.manner.join && !error.is::<Stopped>() && !error.is::<Incomplete>() && is_taken_away(&options.out) {
        log::info!("another job has written the results");
        return Ok(());
    }
    if error.is::<Stopped>() || error.is::<Incomplete>() {
        return Err(error);
    }
    // Said before MPI ends: a launcher may kill the other ranks as soon as one has exited.
    let why = with_causes(&error);
    log::error!("{why}");
    let is_of_others = why.contains("--fresh to start over");
    if !is_of_others && workdir.as_ref().is_some_and(Workdir::has_shards) {
        log::info!("finished shards are kept: the same command goes on with them");
    }
    Err(if error.is::<UsageError>() { UsageError(String::new()).into() } else { anyhow!("") })
}

fn run_rank(
    options: &RunOptions,
    comm: &dyn Communicator,
    stop: &Arc<Stop>,
    workdir: &mut Option<Workdir>,
    body: impl FnOnce(&Session<'_>, &mut Option<Workdir>) -> Result<()>,
) -> Result<()> {
    let start = Instant::now();
    let threads = options.threads.unwrap_or_else(bound_cores);
    let claimed = consensus(comm, claim_output(options, comm))?;
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
    if comm.rank() == 0 && !options.dry_run {
        set_limit(options, stop);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = consensus(comm, pool.map_err(|e| format!("starting {threads} threads: {e}; give fewer --threads")))?;
    let hosts = gather(comm, host().as_bytes());
    let hosts = hosts.iter().map(|host| String::from_utf8_lossy(host).into_owned()).collect();
    body(&Session { options, comm, stop, pool: &pool, start, hosts }, workdir)
}

/// Whether another job has written the results of `out` and removes, or has removed, the folder that jobs share.
fn is_taken_away(out: &Path) -> bool {
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
fn set_limit(options: &RunOptions, stop: &Stop) {
    let by_slurm = time_limit::left_by_slurm();
    stop.note_left_by_slurm(by_slurm);
    if let Some(left) = options.time_limit.into_iter().chain(by_slurm).min() {
        log::info!("time limit: {} left", indicatif::HumanDuration(left));
        stop.set_limit(left);
    }
}

fn claim_output(options: &RunOptions, comm: &dyn Communicator) -> Result<Option<Claimed>> {
    if comm.rank() != 0 {
        if options.manner.join && comm.size() > 1 {
            return Err(anyhow!("--join is for single processes side by side: start it without an MPI launcher"));
        }
        return Ok(None);
    }
    if options.dry_run {
        if !options.out.as_os_str().is_empty() {
            workdir::check_output(&options.out, options.kind, options.manner.force)?;
        }
        return Ok(None);
    }
    let claimed = Workdir::claim(&options.out, options.kind, options.manner)?;
    if let Claimed::Ours(workdir) = &claimed {
        let log = workdir::log_of(&options.out);
        let goes_on = options.manner.join || workdir.has_record();
        logger::tee(&log, goes_on).map_err(|e| anyhow!("{}: {e}", log.display()))?;
    }
    Ok(Some(claimed))
}
