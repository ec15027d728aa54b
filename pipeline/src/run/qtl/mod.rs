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
        let groups = groups(&cohort.proteins, config.window, config.group);
        let n_placed: usize = groups.iter().map(|group| group.phenotypes.len()).sum();
        let n = cohort.traits.len();
        if n_placed == 0 {
            bail!(
                "none of the {n} phenotypes has a gene with a place: norna proteins --annotation gives them, or a BED"
            );
        }
        if n_placed < n {
            log::warn!("{} of {n} phenotypes have no gene with a place, and so no window", n - n_placed);
        }
        Ok(Self { input, cohort, basis: Arc::new(basis), covariate_names, groups })
    }
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
        return Ok(());
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
