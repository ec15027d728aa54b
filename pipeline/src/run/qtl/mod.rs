//! `norna qtl`: every phenotype against the variants near its gene, in groups of windows that any rank may take.

mod codec;
mod conditional;
mod discovery;
mod job;
mod results;
mod search;
mod window;

use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use norna_kernels::{CovariateBasis, DropReason};
use sha2::{Digest, Sha256};

use super::assoc::AssocConfig;
use super::begin::{Begun, begin, input_stamps};
use super::grid::{self, Cells};
use super::run_record::{PlanStamp, RunRecord};
use super::session::{self, Session};
use super::stop::Phase;
use super::study::check_build;
use super::workdir::Workdir;
use crate::cohort::Cohort;
use crate::comm::consensus;
use crate::qtl::windows::{Group, groups};
use crate::report::words::count;
use crate::sink::index::Finished;
use crate::source::{Input, SampleSelection, VariantLedger};
use codec::Part;
use conditional::ConditionalJob;
use discovery::Discovery;
use job::{CisJob, CisStudy};
use results::Results;

/// Fewest permutations to which a beta distribution is fitted.
const MIN_PERMUTATIONS: u32 = 10;
/// Kurtosis from which a phenotype has heavy tails: a normal one has 3, an exponential one 9.
const HEAVY_TAILS: f64 = 9.0;
/// Bytes of genotypes that a thread keeps of a window at most, unless it is read again for every pass.
const WINDOW_BYTES: usize = 1 << 30;

/// A validated search of cis windows.
#[derive(Debug)]
pub struct CisConfig {
    /// Genotypes, cohort, output, and how the run comes to it.
    pub assoc: AssocConfig,
    /// Bases to either side of the TSS.
    pub window: u32,
    /// Permutations of each phenotype; 0 for none.
    pub n_permutations: u32,
    /// Of the permutations.
    pub seed: u64,
    /// Residuals are permuted, rather than phenotypes.
    pub permute_residuals: bool,
    /// All pairs are kept.
    pub nominal: bool,
    /// Independent signals are sought.
    pub conditional: bool,
    /// False discovery rate up to which a phenotype counts.
    pub fdr: f64,
    /// Phenotypes of a group at most, for tests.
    pub group: Option<usize>,
    /// Bytes of genotypes that a thread keeps, for tests.
    pub window_bytes: Option<usize>,
}

/// Runs the search on this rank.
///
/// # Errors
/// As the main job's.
pub fn run(config: &CisConfig) -> Result<()> {
    session::run(&config.assoc.run, |session, workdir| run_rank(config, session, workdir))
}

/// What is known before the first window.
struct Opened {
    input: Input,
    cohort: Cohort,
    basis: Arc<CovariateBasis>,
    covariate_names: Vec<String>,
    groups: Vec<Group>,
}

impl Opened {
    fn open(config: &CisConfig) -> Result<Self> {
        let mut input = Input::open(&config.assoc.input)?;
        input.check_indexed()?;
        let cohort = Cohort::load(&config.assoc.cohort, input.samples())?;
        cohort.messages.iter().for_each(|m| log::info!("{m}"));
        input.select(SampleSelection { analysed: cohort.analysed.clone(), sex: cohort.sex.clone() })?;
        input.messages().iter().for_each(|m| log::info!("{m}"));
        input.warnings().iter().for_each(|m| log::warn!("{m}"));
        check_build(&config.assoc, &cohort, &input)?;
        if cohort.traits.is_empty() {
            bail!("no phenotype is chosen: see --proteins and --pheno-name");
        }
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
        warn_of_shared_chromosomes(&input);
        if config.n_permutations > 0 && !config.permute_residuals {
            warn_of_heavy_tails(&cohort);
        }
        if (1..MIN_PERMUTATIONS).contains(&config.n_permutations) {
            log::warn!(
                "under {MIN_PERMUTATIONS} permutations no beta distribution is fitted: there is no p_beta, q-value or signal"
            );
        }
        let groups = groups(&cohort.proteins, config.window, config.group);
        let n_placed: usize = groups.iter().map(|group| group.phenotypes.len()).sum();
        let n = cohort.traits.len();
        if n_placed == 0 {
            bail!(
                "none of the {n} phenotypes has a gene with a place: norna proteins --annotation gives them, or a BED"
            );
        }
        if n_placed < n {
            let have = if n - n_placed == 1 { "has" } else { "have" };
            log::warn!(
                "{} of {} {have} no gene with a place, and so no window",
                n - n_placed,
                count(n as u64, "phenotype")
            );
        }
        Ok(Self { input, cohort, basis: Arc::new(basis), covariate_names, groups })
    }
}

/// Variants of several files are not held against one another.
fn warn_of_shared_chromosomes(input: &Input) {
    let shared = input.shared_chromosomes();
    if !shared.is_empty() {
        log::warn!(
            "several genotype files have chromosome {}: variants that are in more than one of them are tested as often",
            shared.join(", ")
        );
    }
}

/// Permuted values are no sound null where they have heavy tails and covariates explain much of them (docs/statistics.md).
fn warn_of_heavy_tails(cohort: &Cohort) {
    if cohort.covariates.is_empty() {
        return;
    }
    let n = cohort.traits.iter().filter(|column| kurtosis(&column.values) > HEAVY_TAILS).count();
    if n > 0 {
        log::warn!(
            "{n} of {} have heavy tails (kurtosis above {HEAVY_TAILS}): where covariates explain much of them, p by permuted \
             values are too small; --rint, or --permute-residuals (docs/statistics.md)",
            count(cohort.traits.len() as u64, "phenotype")
        );
    }
}

/// Fourth standardised moment of the values that are there; 3 for a normal distribution, NaN for none.
fn kurtosis(values: &[f64]) -> f64 {
    let there = || values.iter().filter(|value| !value.is_nan());
    let n = there().count() as f64;
    let mean = there().sum::<f64>() / n;
    let moment = |power| there().map(|value| (value - mean).powi(power)).sum::<f64>() / n;
    moment(4) / moment(2).powi(2)
}

fn run_rank(config: &CisConfig, session: &Session<'_>, workdir: &mut Option<Workdir>) -> Result<()> {
    let comm = session.comm;
    log::info!("opening {}", count(config.assoc.input.paths.len() as u64, "genotype file"));
    let opened = consensus(comm, Opened::open(config))?;
    log::info!(
        "searching within {} bases of {} of {}, {}",
        config.window,
        count(opened.groups.iter().map(|group| group.phenotypes.len() as u64).sum(), "gene"),
        count(opened.cohort.analysed.len() as u64, "sample"),
        count(config.n_permutations.into(), "permutation"),
    );
    if config.assoc.run.dry_run {
        return dry_run(config, session, &opened);
    }
    let study = CisStudy {
        input: &opened.input,
        groups: &opened.groups,
        traits: &opened.cohort.traits,
        proteins: &opened.cohort.proteins,
        covariates: &opened.cohort.covariates,
        basis: Arc::clone(&opened.basis),
        width: config.window,
        n_permutations: config.n_permutations as usize,
        seed: config.seed,
        permute_residuals: config.permute_residuals,
        budget: config.window_bytes.unwrap_or(WINDOW_BYTES),
    };
    let begun = begin(session, workdir.as_mut(), || record(config, &opened))?;
    let Some(begun) = begun else {
        log::info!("{}: holds the results of this run already", config.assoc.run.out.display());
        if let Some(workdir) = workdir {
            workdir.remove_if_empty();
        }
        return Ok(());
    };
    let (results, begun) = compute(config, session, &study, begun)?;
    session.stop.enter(Phase::Writing);
    let written = workdir.as_ref().map(|workdir| {
        log::info!("writing results");
        results.write((config, session), (&opened, &study), workdir, &begun.orders)
    });
    let written = consensus(comm, written.transpose())?;
    session.stop.enter(Phase::Done);
    drop(begun);
    if let Some(ledger) = written {
        results.tell(config, session, &opened, &ledger);
    }
    if let Some(workdir) = workdir {
        workdir.remove();
    }
    Ok(())
}

/// What `--dry-run` says: memory and, with permutations, CPU time of them, as `norna plan` guesses them.
fn dry_run(config: &CisConfig, session: &Session<'_>, opened: &Opened) -> Result<()> {
    if !session.is_root() {
        return Ok(());
    }
    let n_samples = opened.cohort.analysed.len() as f64;
    let n_records = opened.input.estimate()?.records.unwrap_or(0) as f64;
    let span: f64 = opened.groups.iter().map(|group| f64::from(group.span.1 - group.span.0.max(group.own_from))).sum();
    let n_phenotypes: usize = opened.groups.iter().map(|group| group.phenotypes.len()).sum();
    let of_window = n_records * (2.0 * f64::from(config.window) / span.max(1.0)).min(1.0);
    let work = n_phenotypes as f64 * of_window * n_samples * f64::from(config.n_permutations);
    let seconds = work * crate::plan::Rates::default().dense_product;
    let phenotypes = 8.0 * n_samples * opened.cohort.traits.len() as f64;
    log::info!(
        "estimate: about {of_window:.0} variants a window, {} shards, {:.0} CPU seconds of permutations (on a Zen 5 core), {} of \
         phenotypes in memory on each rank; nothing was computed",
        opened.groups.len(),
        seconds.ceil(),
        crate::report::resources::human_bytes(phenotypes as u64)
    );
    Ok(())
}

/// Computes both grids.
fn compute(config: &CisConfig, session: &Session<'_>, study: &CisStudy<'_>, begun: Begun) -> Result<(Results, Begun)> {
    let mut before = if begun.orders.goes_on {
        grid::finished_before(session, &begun.orders.spools, 0)?
    } else {
        Finished::default()
    };
    let before_conditional = before.take_grids(1);
    let job = CisJob { study, nominal: config.nominal };
    let cells = grid::compute(session, &begun, &job, ("searching", "phenotypes"), before)?;
    let mut ledger = VariantLedger::default();
    for group in 0..study.groups.len() {
        let counts = VariantLedger::from_slice(cells.counts(group, 0));
        ledger.merge(&consensus(session.comm, counts.ok_or_else(|| anyhow!("the counts of a shard do not decode")))?);
    }
    let found = consensus(session.comm, phenotypes(study, &cells))?;
    let discovery = Discovery::new(&found, config.fdr);
    let conditional = if config.conditional {
        log::info!("seeking independent signals of {}", count(discovery.n_passing() as u64, "phenotype"));
        let least_log10p = discovery.least_log10p();
        let job = ConditionalJob { study, passes: discovery.passes(), least_log10p };
        Some(grid::compute(session, &begun, &job, ("conditioning", "phenotypes"), before_conditional)?)
    } else {
        None
    };
    Ok((Results { found, discovery, cells, conditional, ledger }, begun))
}

/// What was found for every phenotype, in their order.
fn phenotypes(study: &CisStudy<'_>, cells: &Cells) -> Result<Vec<crate::qtl::CisPhenotype>> {
    use crate::qtl::{CisPhenotype, CisStatus};
    let none = |idx| CisPhenotype { phenotype_idx: idx, status: CisStatus::NoGene, ..CisPhenotype::default() };
    let mut all: Vec<CisPhenotype> = (0..study.traits.len() as u32).map(none).collect();
    let mut payload = Vec::new();
    for group in 0..study.groups.len() {
        let part = Part::from_bytes(cells.part((group, 0), 0, &mut payload)?);
        let Ok(Part::Phenotypes(found)) = part else {
            return Err(cells.error((group, 0), 0, &"it holds no phenotypes").into());
        };
        for found in found {
            let place = all.get_mut(found.phenotype_idx as usize);
            *place.ok_or_else(|| cells.error((group, 0), 0, &"a phenotype that there is not"))? = found;
        }
    }
    Ok(all)
}

/// What makes this run the one that it is.
fn record(config: &CisConfig, opened: &Opened) -> Result<RunRecord> {
    let mut hasher = Sha256::new();
    for group in &opened.groups {
        hasher.update(group.chrom.as_bytes());
        hasher.update(group.span.0.to_le_bytes());
        group.phenotypes.iter().for_each(|idx| hasher.update(idx.to_le_bytes()));
    }
    let sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let n_shards = opened.groups.len() * if config.conditional { 2 } else { 1 };
    let plan = PlanStamp { n_shards, n_streams: 0, batch_bytes: 0, sha256 };
    Ok(RunRecord::new(&config.assoc.run.resolved, input_stamps(&config.assoc.run.files)?, plan))
}
