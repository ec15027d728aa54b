//! The main job: every rank opens the same inputs, computes the shards it claims, and all of them make results.h5.
//!
//! Between two collectives no rank returns: what fails there goes through `consensus` first.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use norna_kernels::{LinearTest, MissingPolicy};
use rayon::ThreadPool;

use super::begin::{Begun, Orders, begin};
use super::estimate::Estimate;
use super::finalise::{self, Finalised, Plan, Root};
use super::join::{self, Claims, JoinQueue};
use super::rows::Keeper;
use super::schedule::{Dealer, Shared};
use super::stop::{Phase, Stop};
use super::study::{Study, open_input};
use super::summary::{self, RankReport};
use super::work_queue::Supply;
use super::workdir::{self, Claimed, Manner, Workdir};
use super::worker::{self, FailedShard, Job};
use super::{Incomplete, Stopped, UsageError, time_limit};
use crate::cohort::CohortConfig;
use crate::comm::{self, Communicator, broadcast, consensus, gather, gather_each};
use crate::plan::StudySize;
use crate::report::progress::Progress;
use crate::report::provenance::InputFile;
use crate::report::words::count;
use crate::report::{logger, resources::Resources};
use crate::sink::index::{Finished, SpoolIndex};
use crate::sink::spool::SpoolWriter;
use crate::source::{Input, InputOptions};
use crate::store::{Bins, Layout, Qc, ResultsHeader, Store};

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
    if error.is::<Stopped>() || error.is::<Incomplete>() {
        return Err(error);
    }
    // Said before MPI ends: a launcher may kill the other ranks as soon as one has exited.
    log::error!("{error:#}");
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
    log::info!("norna {}, {}, {threads} threads per rank", crate::report::provenance::version(), comm.describe());
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
        let done = run.side_by_side(study, begun, &estimate, workdir);
        if done.is_err() && !workdir::folder_of(&config.out).exists() && config.out.exists() {
            log::info!("another job has written the results");
            return Ok(());
        }
        done
    } else {
        run.alone(study, begun, &estimate, workdir)
    }
}

/// Cores that this process may run on.
pub(super) fn bound_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The time limit that was given and what Slurm leaves, whichever is shorter.
fn set_limit(config: &AssocConfig, stop: &Stop) {
    let by_slurm = time_limit::left_by_slurm();
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
        logger::tee(&log, goes_on).with_context(|| format!("{}", log.display()))?;
    }
    Ok(Some(claimed))
}

/// What came of computing, on every rank.
struct Computed {
    /// Every rank's account, at rank 0.
    reports: Vec<RankReport>,
    /// Finished shards of this rank.
    finished: Finished,
    /// Pieces of work that there are; rank 0 only.
    n_pieces: usize,
    /// Why all ranks were asked to stop.
    stopped: Option<String>,
}

/// Where work comes from.
enum Queue<'a> {
    Supply(Supply),
    Join(JoinQueue<'a>),
}

/// What a run has at hand on a rank.
struct Run<'a> {
    config: &'a AssocConfig,
    comm: &'a dyn Communicator,
    stop: &'a Arc<Stop>,
    header: &'a ResultsHeader,
    bins: &'a Bins,
    pool: &'a ThreadPool,
    orders: &'a Orders,
    start: Instant,
}

impl Run<'_> {
    /// One run over all ranks: goes on from what is finished, computes the rest, makes results.h5.
    fn alone(&self, mut study: Study, begun: Begun, estimate: &Estimate, workdir: &mut Option<Workdir>) -> Result<()> {
        let mut finished =
            if self.orders.goes_on { self.finished_before(&self.orders.spools)? } else { Finished::default() };
        let supply = Supply::new(&study.plan, &finished);
        let computed = self.compute(&study, &begun, Queue::Supply(supply), estimate, &finished)?;
        let added = gather_each(self.comm, &computed.finished.to_bytes(), |bytes| finished.add_bytes(bytes));
        consensus(self.comm, added)?;
        if let Some(why) = &computed.stopped {
            self.end_spool(&begun, why)?;
            let (n, of) = (finished.n_shards(), computed.n_pieces.max(study.plan.shards.len()));
            log::warn!(
                "{why}: {n} of {} are finished and kept; the same command goes on from there",
                count(of as u64, "shard")
            );
            return Err(Stopped.into());
        }
        self.stop.enter(Phase::Writing);
        consensus(self.comm, study.end_solving())?;
        let failed = computed.failed();
        self.finish(&study, (&finished, &self.orders.spools), (&computed, &failed), workdir)?;
        drop(begun);
        self.conclude(&failed, workdir)
    }

    /// One of several jobs that share a folder: computes what it gets hold of, and makes results.h5 if it is the last.
    fn side_by_side(
        &self,
        mut study: Study,
        begun: Begun,
        estimate: &Estimate,
        workdir: &mut Option<Workdir>,
    ) -> Result<()> {
        let dir = workdir::folder_of(&self.config.out);
        let mut claims = Claims::new(&dir, &begun.spool_name, self.config.lease);
        let mut failed = Vec::new();
        if !self.config.merge_only {
            let queue = JoinQueue::new(&study.plan, &mut claims)?;
            let computed = self.compute(&study, &begun, Queue::Join(queue), estimate, &Finished::default())?;
            failed = computed.failed();
            if let Some(why) = &computed.stopped {
                self.end_spool(&begun, why)?;
                log::warn!("{why}: finished shards are kept; any job that joins goes on from there");
                return Err(Stopped.into());
            }
        }
        let there = join::finished_ids(&dir)?;
        let is_open = |id: u64| !there.contains(&id) && !failed.iter().any(|shard| shard.id == id);
        let n_open = study.plan.shards.iter().filter(|shard| is_open(shard.id.0)).count();
        if n_open > 0 {
            self.end_spool(&begun, "nothing left to claim")?;
            let of = count(study.plan.shards.len() as u64, "shard");
            if self.config.merge_only {
                log::warn!("{n_open} of {of} are not finished: norna assoc --join with the same flags computes them");
                return Err(Stopped.into());
            }
            log::info!("{n_open} of {of} are in the hands of other jobs; the last of them writes the results");
            return Ok(());
        }
        if !claims.take_final()? {
            log::info!("another job writes the results");
            return Ok(());
        }
        let spools = crate::sink::spool::spool_names(&dir)?;
        let finished = self.finished_before(&spools)?;
        let supply = Supply::new(&study.plan, &finished).without(&failed, &study.plan);
        let again = self.compute(&study, &begun.renumbered(&spools), Queue::Supply(supply), estimate, &finished)?;
        let mut all = finished;
        all.add_bytes(&again.finished.to_bytes())?;
        if let Some(why) = &again.stopped {
            self.end_spool(&begun, why)?;
            return Err(Stopped.into());
        }
        failed.extend(again.failed());
        self.stop.enter(Phase::Writing);
        study.end_solving()?;
        let computed = Computed { n_pieces: study.plan.shards.len(), ..again };
        self.finish(&study, (&all, &spools), (&computed, &failed), workdir)?;
        drop(begun);
        self.conclude(&failed, workdir)
    }

    /// What the spools hold that were there before, at rank 0.
    fn finished_before(&self, spools: &[String]) -> Result<Finished> {
        let (dir, ranks) = (workdir::folder_of(&self.config.out), (self.comm.rank(), self.comm.size()));
        log::info!("verifying what is finished ({})", count(spools.len() as u64, "spool"));
        let n_matrices = self.header.matrix_shapes().len();
        let scanned = self.pool.install(|| finalise::scan_share(&dir, spools, ranks, n_matrices));
        let scanned = consensus(self.comm, scanned)?;
        let mut finished = Finished::default();
        let added = gather_each(self.comm, &scanned.finished.to_bytes(), |share| finished.add_bytes(share));
        consensus(self.comm, added)?;
        let damaged = gather(self.comm, &scanned.n_damaged.to_le_bytes());
        let n_damaged: u64 = damaged.iter().filter_map(|b| b.first_chunk()).map(|b| u64::from_le_bytes(*b)).sum();
        if n_damaged > 0 {
            log::warn!(
                "{} of the spools are torn or damaged: shards without a sound copy are computed again",
                count(n_damaged, "stretch")
            );
        }
        if self.comm.rank() == 0 {
            log::info!(
                "going on from {} with {}",
                count(finished.n_shards() as u64, "finished shard"),
                count(finished.n_rows().all, "variant")
            );
        }
        Ok(finished)
    }

    fn end_spool(&self, begun: &Begun, why: &str) -> Result<()> {
        Ok(consensus(self.comm, lock(&begun.spool).stop(why))?)
    }

    /// Computes what `queue` of rank 0 has to give.
    fn compute(
        &self,
        study: &Study,
        begun: &Begun,
        queue: Queue<'_>,
        estimate: &Estimate,
        before: &Finished,
    ) -> Result<Computed> {
        let (config, comm) = (self.config, self.comm);
        let keeper = Keeper::new(self.header, config.missing);
        let base_test = LinearTest::new(study.models.base(), config.missing, config.hit_log10p);
        let (finished, failed) = (Mutex::default(), Mutex::default());
        let (shared, shards_done) = (Shared::new(Arc::clone(self.stop)), AtomicU64::new(0));
        let job = Job {
            input: &study.input,
            plan: &study.plan,
            models: &study.models,
            base_test: if keeper.wants_scores() { base_test.with_scores() } else { base_test },
            missing: config.missing,
            hit_log10p: config.hit_log10p,
            keeper: &keeper,
            bins: self.bins,
            spool: (&begun.spool, begun.spool_number, self.orders.stamp),
            shared: &shared,
            finished: &finished,
            failed: &failed,
            shards_done: &shards_done,
        };
        let start = Instant::now();
        let quiet = comm.rank() != 0 || config.log_level < log::LevelFilter::Info;
        let expected = estimate.rows.map(|rows| rows.saturating_sub(before.n_rows().all));
        let mut progress = Progress::start("testing", expected, quiet);
        self.stop.enter(Phase::Computing);
        let n_threads = self.pool.current_num_threads();
        let mut queue = queue;
        let dealt = std::thread::scope(|readers| {
            let mut dealer = Dealer::new();
            if let (0, Queue::Supply(supply)) = (comm.rank(), &mut queue) {
                supply.read_streams(readers, &study.input, &study.plan, study.batch_bytes, dealer.waker());
            }
            let claimers: Vec<_> = (0..n_threads).map(|_| dealer.claimer()).collect();
            let dealt = self.pool.in_place_scope(|scope| {
                for claimer in claimers {
                    let job = &job;
                    scope.spawn(move |_| job.work(claimer));
                }
                let mut report = |rows| progress.update(rows);
                match &mut queue {
                    Queue::Supply(supply) => dealer.deal(comm, &shared, supply, &mut report),
                    Queue::Join(claims) => dealer.deal(comm, &shared, claims, &mut report),
                }
            });
            if let Queue::Supply(supply) = &mut queue {
                supply.stop_reading();
            }
            dealt
        });
        progress.finish();
        consensus(comm, dealt)?;
        let stopped = self.stop.reason().map_or_else(String::new, |(why, _)| why);
        let stopped = String::from_utf8_lossy(&broadcast(comm, stopped.into_bytes())).into_owned();
        let report = RankReport {
            shards: shards_done.load(Ordering::Relaxed),
            rows: shared.rows.load(Ordering::Relaxed),
            failed: into_inner(failed),
            threads: n_threads as u64,
            compute_seconds: start.elapsed().as_secs_f64(),
            resources: Resources::now(),
        };
        let reports: Result<_, _> =
            gather(comm, &report.to_bytes()).iter().map(|bytes| RankReport::from_bytes(bytes)).collect();
        Ok(Computed {
            reports: consensus(comm, reports)?,
            finished: into_inner(finished),
            n_pieces: if let Queue::Supply(supply) = &queue { supply.n_pieces } else { study.plan.shards.len() },
            stopped: (!stopped.is_empty()).then_some(stopped),
        })
    }

    /// Makes results.h5 of `finished` (rank 0's), all ranks together.
    fn finish(
        &self,
        study: &Study,
        (finished, spools): (&Finished, &[String]),
        (computed, failed): (&Computed, &[FailedShard]),
        workdir: &mut Option<Workdir>,
    ) -> Result<()> {
        let (config, comm) = (self.config, self.comm);
        let reports = &computed.reports;
        for (rank, report) in reports.iter().enumerate() {
            log::debug!(
                "rank {rank}: {} shards, {} variants in {:.1} s, {:.1} s CPU",
                report.shards,
                report.rows,
                report.compute_seconds,
                report.resources.cpu_seconds
            );
        }
        log::info!("writing results");
        let writing = Instant::now();
        let (dir, ranks) = (workdir::folder_of(&config.out), (comm.rank(), comm.size()));
        let threads = self.pool.current_num_threads();
        let index = broadcast(comm, finished.index());
        let index = consensus(comm, SpoolIndex::open(&dir, spools, &index))?;
        let share = consensus(comm, finalise::sum_share(&index, ranks.0, ranks.1, self.header.traits.len()))?;
        let mut sums = finalise::no_sums(self.header.traits.len());
        let added = gather_each(comm, &share.to_bytes(), |share| sums.add(share));
        drop(share);
        consensus(comm, added)?;
        let n_shards = computed.n_pieces - failed.len();
        let root = workdir.as_ref().map(|workdir| {
            let files = config.files.iter().map(|(role, path)| describe(role, path)).collect::<Result<Vec<_>>>()?;
            let root = Root::begin(workdir, (finished, sums), n_shards, self.header, study.models.base())?;
            Ok::<_, anyhow::Error>((files, root))
        });
        let mut root = consensus(comm, root.transpose())?;
        let layout = broadcast(comm, root.as_ref().map_or_else(Vec::new, |(_, root)| root.layout()));
        let layout = consensus(comm, Layout::from_bytes(&layout))?;
        let plan = Plan { index, layout };
        let path = workdir::unfinished_in(&dir);
        let written = match &mut root {
            None => finalise::write(&plan, &path, ranks, threads, None),
            Some((_, root)) => {
                let ledger = summary::ledger(study, root.ledger());
                let failed_regions = failed.iter().map(|shard| shard.region.clone()).collect();
                let qc = Qc { ledger, eigenvalues: study.eigenvalues.clone(), case_counts: None, failed_regions };
                finalise::write(&plan, &path, ranks, threads, Some((root, self.bins, &qc)))
            }
        };
        let sums = gather(comm, &consensus(comm, written)?);
        // Ranks other than 0 wait here, so that a failure to publish is everybody's.
        let provenance = |files: &[InputFile]| {
            summary::provenance(config, study, (reports, self.orders, n_shards), files, self.start.elapsed())
        };
        let published = root.map(|(files, root)| root.publish(&sums, &provenance(&files)));
        let finalised: Option<Finalised> = consensus(comm, published.transpose())?;
        self.stop.enter(Phase::Done);
        log::debug!("results written in {:.2} s", writing.elapsed().as_secs_f64());
        if let Some(finalised) = finalised {
            summary::log(study, &finalised, reports, &config.out, self.start.elapsed());
        }
        Ok(())
    }

    /// Clears up after results were written, and says which shards are not among them.
    fn conclude(&self, failed: &[FailedShard], workdir: &mut Option<Workdir>) -> Result<()> {
        let n_failed = broadcast(self.comm, (failed.len() as u64).to_le_bytes().to_vec());
        if n_failed == 0u64.to_le_bytes() {
            if let Some(workdir) = workdir {
                workdir.remove();
            }
            return Ok(());
        }
        for shard in failed {
            log::error!("a shard ended in a panic: {}: {}; this is a defect of norna", shard.region, shard.cause);
        }
        log::warn!(
            "{} not in the results; the others are kept: the same command with --force tries again what failed",
            if failed.len() == 1 { "1 shard is".to_owned() } else { format!("{} shards are", failed.len()) }
        );
        Err(Incomplete.into())
    }
}

impl Computed {
    /// Shards of all ranks that ended in a panic, in order; at rank 0.
    fn failed(&self) -> Vec<FailedShard> {
        let mut failed: Vec<FailedShard> = self.reports.iter().flat_map(|report| report.failed.clone()).collect();
        failed.sort_by_key(|shard| shard.id);
        failed.dedup_by_key(|shard| shard.id);
        failed
    }
}

fn lock(spool: &Mutex<SpoolWriter>) -> std::sync::MutexGuard<'_, SpoolWriter> {
    spool.lock().unwrap_or_else(PoisonError::into_inner)
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn describe(role: &'static str, path: &std::path::Path) -> Result<InputFile> {
    InputFile::describe(role, path).with_context(|| format!("{}", path.display()))
}
