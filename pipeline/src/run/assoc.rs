//! The main job: every rank opens the same inputs, computes the shards it claims, and all of them make results.h5: its
//! configuration, and its way up to the first shard.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::{Result, anyhow};
use norna_kernels::MissingPolicy;

use super::begin::{begin, input_stamps};
use super::compute::Run;
use super::estimate::Estimate;
use super::finalise;
use super::genotypes::Genotypes;
use super::identity::{self, IdentityOptions};
use super::options::RunOptions;
use super::reads::{check_bases, reads_stamp};
use super::run_record::{PlanStamp, RunRecord};
use super::session::{self, Session, bound_cores};
use super::study::{Study, open_alone, open_genotypes};
use super::tester::{Method, ReadsMethod};
use super::workdir::Workdir;
use super::{Stopped, UsageError};
use crate::cohort::CohortConfig;
use crate::comm::{broadcast, consensus};
use crate::format::loco::read_pred_list;
use crate::plan::StudySize;
use crate::source::InputOptions;
use crate::source::reads::{ReadInput, ReadsOptions};
use crate::store::{Bins, Store};

/// A validated `norna assoc`.
#[derive(Debug)]
pub struct AssocConfig {
    /// Genotype files, field, filters.
    pub input: InputOptions,
    /// Reads in the place of genotypes: `input` then names the sites.
    pub reads: Option<ReadsConfig>,
    /// Whose the reads are is looked at first.
    pub gate: Option<GateConfig>,
    /// Samples, traits, covariates.
    pub cohort: CohortConfig,
    /// Samples without a genotype.
    pub missing: MissingPolicy,
    /// Results file, and how the run comes to it.
    pub run: RunOptions,
    /// What is kept of the pairs.
    pub store: Store,
    /// −log10 of the hit threshold.
    pub hit_log10p: f64,
    /// Input bytes of a shard; from the input's size otherwise.
    pub shard_bytes: Option<u64>,
    /// Where jobs work side by side: how long one without a sign of life keeps what it has claimed.
    pub lease: Duration,
    /// Only pairs of variants and proteins that are far from each other.
    pub trans: Option<TransConfig>,
    /// Only make results.h5 of what is finished.
    pub merge_only: bool,
    /// Print the estimate as JSON.
    pub json: bool,
}

/// A search for distant effects: pairs within the window of the protein's TSS are neither hits nor counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransConfig {
    /// Bases on either side of the TSS.
    pub window: u32,
}

/// Genotypes from reads.
#[derive(Debug)]
pub struct ReadsConfig {
    /// Alignment files and filters.
    pub options: ReadsOptions,
    /// What is made of genotypes that the reads leave open.
    pub method: ReadsMethod,
    /// Samples whose files are read at a time by a thread; from their number otherwise.
    pub batch: Option<usize>,
}

/// The question whose the reads are, before anything is made of them.
#[derive(Debug)]
pub struct GateConfig {
    /// Its table, and how it is made.
    pub run: RunOptions,
    /// Alignment files and filters.
    pub reads: ReadsOptions,
    /// People and thresholds.
    pub options: IdentityOptions,
    /// Whether the run goes on where reads are not those of the person named.
    pub allow_swaps: bool,
}

/// Under so many samples the score test of reads is not calibrated far out in its tail.
const FEW_SAMPLES: usize = 100;

/// Runs the main job on this rank.
///
/// # Errors
/// As [`session::run`].
pub fn run(config: &AssocConfig) -> Result<()> {
    session::run(&config.run, |session, workdir| run_rank(config, session, workdir))
}

/// Opens a study and counts what it holds, as `--dry-run` does, for who plans a job of it: standard input and an output are
/// not looked at.
///
/// # Errors
/// One line.
pub fn study_size(config: &AssocConfig) -> Result<StudySize> {
    let study = Study::open(config, open_alone(config)?, false)?;
    Ok(Estimate::new(&study, bound_cores(), config).size())
}

fn run_rank(config: &AssocConfig, session: &Session<'_>, workdir: &mut Option<Workdir>) -> Result<()> {
    let (comm, is_root) = (session.comm, session.is_root());
    let genotypes = open_genotypes(config, comm)?;
    if let Genotypes::Reads(study) = &genotypes {
        workdir.iter().for_each(Workdir::make_private);
        check_bases(session, &study.reads, &study.sites)?;
    }
    let study = consensus(comm, session.pool.install(|| Study::open(config, genotypes, is_root)))?;
    if let Some(gate) = config.gate.as_ref().filter(|_| !config.run.dry_run) {
        let has_passed = broadcast(comm, vec![u8::from(workdir.as_ref().is_some_and(Workdir::has_shards))]) == [1];
        if has_passed {
            log::info!("whose the reads are was looked at before");
        } else {
            pass(gate, session, &study)?;
        }
    }
    let estimate = Estimate::new(&study, session.threads(), config);
    if config.run.dry_run {
        return if is_root { estimate.print(config.json) } else { Ok(()) };
    }
    log::info!("{estimate}");
    let n_samples = study.models.base().n_samples();
    if config.reads.as_ref().is_some_and(|reads| reads.method == ReadsMethod::Score) && n_samples < FEW_SAMPLES {
        log::warn!(
            "the score test of reads is for large samples: with {n_samples} small p come too often at low depth \
             (docs/statistics.md, Limits)"
        );
    }

    if config.run.manner.join && config.reads.is_some() {
        let why = "--join is for files of genotypes: use ranks (mpirun, srun) for reads, or norna reads first";
        return Err(UsageError(why.to_owned()).into());
    }
    if config.run.manner.join && !study.plan.streams.is_empty() {
        let why = "--join needs genotypes that can be cut: bgzip files, not gzip or standard input";
        return Err(UsageError(why.to_owned()).into());
    }
    let Some(begun) = begin(session, workdir.as_mut(), || record(config, &study))? else {
        log::info!("{}: holds the results of this run already", config.run.out.display());
        if let Some(workdir) = workdir {
            workdir.remove_if_empty();
        }
        return Ok(());
    };
    let mut header = finalise::header(
        study.models.base(),
        &study.trait_names,
        &study.trait_moments,
        (config.store, config.hit_log10p),
        Method::is_normal(config.reads.as_ref().map(|reads| reads.method), config.cohort.two_valued),
    );
    if let Some(logistic) = study.models.logistic() {
        for (t, info) in header.traits.iter_mut().enumerate() {
            info.status = logistic.trait_status(t).code();
        }
    }
    header.proteins.clone_from(&study.cohort.proteins);
    header.left_out_window = config.trans.map(|trans| trans.window);
    let bins = Bins::new(&header.traits);
    let orders = begun.orders.clone();
    let run = Run { config, session, header: &header, bins: &bins, orders: &orders };
    if config.run.manner.join {
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

/// Asks whose the reads of the analysed samples are.
fn pass(gate: &GateConfig, session: &Session<'_>, study: &Study) -> Result<()> {
    log::info!("looking whose the reads are");
    let opened;
    let reads = match &study.genotypes {
        Genotypes::Reads(study) => &study.reads,
        Genotypes::Files(_) => {
            opened = consensus(session.comm, ReadInput::open(&gate.reads))?;
            &opened
        }
    };
    let names = study.genotypes.samples();
    let analysed: HashSet<String> = study.cohort.analysed.iter().map(|&idx| names[idx as usize].clone()).collect();
    // Names of the VCF are not those of the reads where a table tells them apart.
    let by_name = gate.options.pairs.is_none() || matches!(study.genotypes, Genotypes::Reads(_));
    let verdict = identity::gate(session, &gate.run, reads, &gate.options, by_name.then_some(&analysed))?;
    let n_told = verdict.n_samples - verdict.n_absent - verdict.n_low_coverage;
    for (n, what) in [
        (verdict.n_mixture, "have reads of a second person"),
        (verdict.n_low_coverage, "have too few reads to tell whose they are"),
        (verdict.n_absent, "have reads and are not in the VCF: nobody to compare them with"),
        (verdict.vcf_without_reads, "are in the VCF and have no reads: not looked at"),
    ] {
        if n > 0 {
            log::warn!("{n} of the analysed samples {what}");
        }
    }
    let nothing = "of no sample is it known whose the reads are: names in the list and in the VCF may differ (--pairs)";
    let refusal = verdict.refusal.or_else(|| (n_told == 0).then(|| nothing.to_owned()));
    match refusal {
        Some(refusal) if !gate.allow_swaps => Err(anyhow!(
            "{refusal}; put list, table or samples (--remove) right, or go on all the same with --allow-swaps"
        )),
        Some(refusal) => {
            log::warn!("{refusal}; going on all the same");
            Ok(())
        }
        None => Ok(()),
    }
}

/// What makes this run the one that it is.
fn record(config: &AssocConfig, study: &Study) -> Result<RunRecord> {
    let mut inputs = input_stamps(&config.run.files)?;
    if let Some(list) = &config.cohort.pred {
        let files: Vec<_> = read_pred_list(list)?.into_iter().map(|entry| ("loco", entry.path)).collect();
        inputs.extend(input_stamps(&files)?);
    }
    let mut plan = PlanStamp::of(&study.plan, study.batch_bytes);
    if let Genotypes::Reads(reads) = &study.genotypes {
        inputs.push(reads_stamp(&reads.reads)?);
        let n_batches = reads.reads.samples().len().div_ceil(reads.batch);
        let cells = PlanStamp::of_grid(&study.plan, reads.batch, n_batches);
        plan = PlanStamp { n_shards: plan.n_shards + cells.n_shards, ..cells };
    }
    let mut run = RunRecord::new(&config.run.resolved, inputs, plan);
    run.rows_expected = study.estimate.records;
    Ok(run)
}
