//! The main job: every rank opens the same inputs, computes the shards it claims, and rank 0 makes results.h5.
//!
//! Between two collectives no rank returns: what fails there goes through `consensus` first.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use norna_kernels::{CovariateBasis, DropReason, LinearTest, MissingPolicy};

use super::UsageError;
use super::estimate::Estimate;
use super::finalise::{self, Finalised, Plan, Root};
use super::null_models::NullModels;
use super::rows::Keeper;
use super::schedule::{Dealer, Shared};
use super::summary::{self, RankReport};
use super::trait_correlation::TraitGram;
use super::work_queue::Supply;
use super::workdir::{self, Workdir};
use super::worker::Job;
use rayon::ThreadPool;

use crate::cohort::transform::mean_and_sd;
use crate::cohort::{Cohort, CohortConfig};
use crate::comm::{self, Communicator, broadcast, consensus, gather};
use crate::plan::StudySize;
use crate::report::progress::Progress;
use crate::report::provenance::InputFile;
use crate::report::words::count;
use crate::report::{logger, resources::Resources};
use crate::shard::ShardPlan;
use crate::sink::spool::SpoolWriter;
use crate::source::{self, Input, InputOptions, SampleSelection, SourceError, StreamHeader};
use crate::store::{Bins, Qc, ResultsHeader, Store};

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
    /// Replace it.
    pub force: bool,
    /// What is kept of the pairs.
    pub store: Store,
    /// −log10 of the hit threshold.
    pub hit_log10p: f64,
    /// Threads per rank; the cores it is bound to otherwise.
    pub threads: Option<usize>,
    /// Input bytes of a shard; from the input's size otherwise.
    pub shard_bytes: Option<u64>,
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
}

/// Runs the main job on this rank.
///
/// # Errors
/// One line where no ranks could be joined; else an empty one, since rank 0 has logged it.
pub fn run(config: &AssocConfig) -> Result<()> {
    // A write beyond a file-size limit is then an error of that write instead of the end of the process.
    let over_limit = std::sync::Arc::default();
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, over_limit).context("signals")?;
    let comm = comm::join()?;
    let level = if comm.rank() == 0 { config.log_level } else { log::LevelFilter::Off };
    logger::start(level);
    // Said before MPI ends: a launcher may kill the other ranks as soon as one has exited.
    run_rank(config, &*comm).map_err(|e| {
        log::error!("{e:#}");
        if e.is::<UsageError>() { UsageError(String::new()).into() } else { anyhow!("") }
    })
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

fn run_rank(config: &AssocConfig, comm: &dyn Communicator) -> Result<()> {
    let start = Instant::now();
    let threads = config.threads.unwrap_or_else(bound_cores);
    let workdir = consensus(comm, claim_output(config, comm))?;
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

    let input = open_input(config, comm)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = consensus(comm, pool.map_err(|e| format!("starting {threads} threads: {e}; give fewer --threads")))?;
    let is_root = comm.rank() == 0;
    let mut study = consensus(comm, pool.install(|| Study::open(config, input, is_root)))?;
    let estimate = Estimate::new(&study, threads, config);
    if config.dry_run {
        return if comm.rank() == 0 { estimate.print(config.json) } else { Ok(()) };
    }
    log::info!("{estimate}");

    let header = finalise::header(
        study.models.base(),
        &study.trait_names,
        &study.trait_moments,
        (config.store, config.hit_log10p),
    );
    let bins = Bins::new(&header.traits);
    let reports = compute(config, comm, &study, (workdir.as_ref(), &header, &bins), &pool, &estimate)?;
    consensus(comm, study.end_solving())?;
    let finalised = finish(config, comm, &study, (workdir.as_ref(), &header, &bins), (&reports, threads, start))?;
    if let Some(finalised) = finalised {
        summary::log(&study, &finalised, &reports, &config.out, start.elapsed());
    }
    Ok(())
}

/// Cores that this process may run on.
fn bound_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn claim_output(config: &AssocConfig, comm: &dyn Communicator) -> Result<Option<Workdir>> {
    if comm.rank() != 0 {
        return Ok(None);
    }
    if config.dry_run {
        if !config.out.as_os_str().is_empty() {
            workdir::check_output(&config.out, config.force)?;
        }
        return Ok(None);
    }
    let workdir = Workdir::claim(&config.out, config.force)?;
    let log = workdir::log_of(&config.out);
    logger::tee(&log).with_context(|| format!("{}", log.display()))?;
    Ok(Some(workdir))
}

/// Opens the genotype files; standard input is read by rank 0, which tells the others its header.
fn open_input(config: &AssocConfig, comm: &dyn Communicator) -> Result<Input> {
    log::info!("opening {}", count(config.input.paths.len() as u64, "genotype file"));
    if !config.input.paths.iter().any(|path| path.as_os_str() == "-") {
        let input = Input::open(&config.input);
        let is_usage = input.as_ref().is_err_and(SourceError::is_usage);
        return consensus(comm, input)
            .map_err(|e| if is_usage { UsageError(e.to_string()).into() } else { anyhow::Error::from(e) });
    }
    let at_root = if comm.rank() == 0 { Some(Input::open(&config.input)) } else { None };
    let at_root = consensus(comm, at_root.transpose())?;
    let told = at_root.as_ref().and_then(Input::stream_header).map(StreamHeader::to_bytes);
    let told = StreamHeader::from_bytes(&broadcast(comm, told.unwrap_or_default()));
    let input = match (at_root, told) {
        (Some(input), _) => Ok(input),
        (None, Some(told)) => Input::open_beside(&config.input, &told).map_err(anyhow::Error::from),
        (None, None) => Err(anyhow!("-: rank 0 told no header")),
    };
    Ok(consensus(comm, input)?)
}

/// Everything that is known before the first shard.
pub(super) struct Study {
    pub(super) input: Input,
    pub(super) plan: ShardPlan,
    pub(super) cohort: Cohort,
    pub(super) models: NullModels,
    pub(super) trait_names: Vec<String>,
    pub(super) trait_moments: Vec<(f64, f64)>,
    pub(super) eigenvalues: Vec<f64>,
    /// What makes `eigenvalues` on rank 0 while the shards are computed.
    solving: Option<JoinHandle<Vec<f64>>>,
    pub(super) covariate_names: Vec<String>,
    pub(super) estimate: source::Estimate,
    pub(super) shard_bytes: u64,
    /// Inflated bytes of a stream's batch.
    pub(super) batch_bytes: u64,
}

impl Study {
    /// `is_root`: rank 0, which alone writes what only /qc needs.
    fn open(config: &AssocConfig, mut input: Input, is_root: bool) -> Result<Self> {
        let mut cohort = Cohort::load(&config.cohort, input.samples())?;
        cohort.messages.iter().for_each(|m| log::info!("{m}"));
        input.select(SampleSelection { analysed: cohort.analysed.clone(), sex: cohort.sex.clone() })?;
        input.messages().iter().for_each(|m| log::info!("{m}"));
        input.warnings().iter().for_each(|m| log::warn!("{m}"));

        let columns: Vec<&[f64]> = cohort.covariates.iter().map(|c| c.values.as_slice()).collect();
        let (basis, dropped) = CovariateBasis::new(cohort.analysed.len(), &columns);
        let mut covariate_names: Vec<String> = cohort.covariates.iter().map(|c| c.name.clone()).collect();
        for column in dropped.iter().rev() {
            let why = match column.reason {
                DropReason::Constant => "is constant",
                DropReason::Collinear => "is a combination of earlier covariates",
            };
            log::warn!("covariate {} {why} and was dropped", covariate_names.remove(column.column_idx));
        }
        if cohort.traits.is_empty() {
            bail!("no trait is chosen: see --pheno and --pheno-name");
        }
        let trait_names: Vec<String> = cohort.traits.iter().map(|t| t.name.clone()).collect();
        let values: Vec<&[f64]> = cohort.traits.iter().map(|t| t.values.as_slice()).collect();
        let trait_moments = values.iter().map(|v| mean_and_sd(v)).collect();
        let gram = if is_root && !config.dry_run { TraitGram::new(&values) } else { None };
        let solving = gram.map(|gram| std::thread::spawn(|| gram.eigenvalues()));
        let models = NullModels::fit(basis, &mut cohort);
        models.remarks(&trait_names).iter().for_each(|m| log::warn!("{m}"));

        let estimate = input.estimate()?;
        let shard_bytes = config.shard_bytes.unwrap_or_else(|| default_shard_bytes(estimate.bytes));
        let plan = input.plan(shard_bytes)?;
        let batch_bytes = config.shard_bytes.unwrap_or(shard_bytes.max(BATCH_BYTES));
        log::debug!("shards of about {shard_bytes} bytes");
        Ok(Self {
            input,
            plan,
            cohort,
            models,
            trait_names,
            trait_moments,
            eigenvalues: Vec::new(),
            solving,
            covariate_names,
            estimate,
            shard_bytes,
            batch_bytes,
        })
    }

    /// Waits for the eigenvalues.
    fn end_solving(&mut self) -> Result<()> {
        if let Some(solving) = self.solving.take() {
            self.eigenvalues = solving.join().map_err(|_| anyhow!("eigenvalues failed: this is a defect of norna"))?;
        }
        Ok(())
    }
}

/// Of a stream's batch at least, unless chosen otherwise: inflated bytes, so that it must be larger than a shard to be worth
/// as much.
const BATCH_BYTES: u64 = 2 << 20;

/// Some five hundred shards, within what is worth a claim and what a thread can hold. Never from the number of ranks.
fn default_shard_bytes(input_bytes: u64) -> u64 {
    (input_bytes / 512).clamp(512 << 10, 8 << 20)
}

/// Computes all shards; every rank's report at rank 0.
fn compute(
    config: &AssocConfig,
    comm: &dyn Communicator,
    study: &Study,
    (workdir, header, bins): (Option<&Workdir>, &ResultsHeader, &Bins),
    pool: &ThreadPool,
    estimate: &Estimate,
) -> Result<Vec<RankReport>> {
    let dir = workdir.map_or_else(|| workdir::folder_of(&config.out), |w| w.dir().to_owned());
    let spool = consensus(comm, SpoolWriter::create(&dir, comm.rank()))?;
    let (keeper, models_told) = (Keeper::new(header, config.missing), Mutex::default());
    let base_test = LinearTest::new(study.models.base(), config.missing, config.hit_log10p);
    let (spool, shared, shards_done) = (Mutex::new(spool), Shared::default(), AtomicU64::new(0));
    let job = Job {
        input: &study.input,
        plan: &study.plan,
        models: &study.models,
        base_test: if keeper.wants_scores() { base_test.with_scores() } else { base_test },
        missing: config.missing,
        hit_log10p: config.hit_log10p,
        keeper: &keeper,
        bins,
        models_told: &models_told,
        spool: &spool,
        shared: &shared,
        shards_done: &shards_done,
    };
    let start = Instant::now();
    let quiet = comm.rank() != 0 || config.log_level < log::LevelFilter::Info;
    let mut progress = Progress::start("testing", estimate.rows, quiet);
    let mut supply = Supply::new(&study.plan);
    let dealt = std::thread::scope(|readers| {
        let mut dealer = Dealer::new();
        if comm.rank() == 0 {
            supply.read_streams(readers, &study.input, &study.plan, study.batch_bytes, dealer.waker());
        }
        let claimers: Vec<_> = (0..pool.current_num_threads()).map(|_| dealer.claimer()).collect();
        let dealt = pool.in_place_scope(|scope| {
            for claimer in claimers {
                let job = &job;
                scope.spawn(move |_| job.work(claimer));
            }
            dealer.deal(comm, &shared, &mut supply, &mut |rows| progress.update(rows))
        });
        supply.stop_reading();
        dealt
    });
    progress.finish();
    consensus(comm, dealt)?;
    let report = RankReport {
        shards: shards_done.load(Ordering::Relaxed),
        rows: shared.rows.load(Ordering::Relaxed),
        given: supply.n_given as u64,
        threads: pool.current_num_threads() as u64,
        compute_seconds: start.elapsed().as_secs_f64(),
        resources: Resources::now(),
    };
    let reports: Result<_, _> =
        gather(comm, &report.to_bytes()).iter().map(|bytes| RankReport::from_bytes(bytes)).collect();
    consensus(comm, reports).map_err(Into::into)
}

/// Makes results.h5, all ranks together; what went into it at rank 0.
fn finish(
    config: &AssocConfig,
    comm: &dyn Communicator,
    study: &Study,
    (workdir, header, bins): (Option<&Workdir>, &ResultsHeader, &Bins),
    (reports, threads, start): (&[RankReport], usize, Instant),
) -> Result<Option<Finalised>> {
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
    let mine = consensus(comm, finalise::scan(&dir, ranks.0, header.traits.len()))?;
    let spools = gather(comm, &mine.to_bytes());
    drop(mine);
    let root = workdir.map(|workdir| {
        let files = config.files.iter().map(|(role, path)| describe(role, path)).collect::<Result<Vec<_>>>()?;
        let n_shards = reports.first().map_or(0, |report| report.given as usize);
        Ok::<_, anyhow::Error>((files, Root::begin(workdir, &spools, n_shards, header, study.models.base())?))
    });
    drop(spools);
    let mut root = consensus(comm, root.transpose())?;
    let plan = broadcast(comm, root.as_ref().map_or_else(Vec::new, |(_, root)| root.plan()));
    let plan = consensus(comm, Plan::from_bytes(&plan, &dir, ranks.1))?;
    let path = workdir::unfinished_in(&dir);
    let written = match &mut root {
        None => finalise::write(&plan, &path, ranks, threads, None),
        Some((_, root)) => {
            let ledger = summary::ledger(study, &root.ledger());
            let qc =
                Qc { ledger, eigenvalues: study.eigenvalues.clone(), case_counts: None, failed_regions: Vec::new() };
            finalise::write(&plan, &path, ranks, threads, Some((root, bins, &qc)))
        }
    };
    let sums = gather(comm, &consensus(comm, written)?);
    // Ranks other than 0 wait here, so that a failure to publish is everybody's.
    let published = root.map(|(files, root)| {
        root.publish(&sums, &summary::provenance(config, study, reports, &files, start.elapsed()))
    });
    let finalised = consensus(comm, published.transpose())?;
    log::debug!("results written in {:.2} s", writing.elapsed().as_secs_f64());
    Ok(finalised)
}

fn describe(role: &'static str, path: &std::path::Path) -> Result<InputFile> {
    InputFile::describe(role, path).with_context(|| format!("{}", path.display()))
}
