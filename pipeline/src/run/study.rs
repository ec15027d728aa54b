//! Everything that is known before the first shard: the opened input, the cohort, its null models, the shards.

use std::thread::JoinHandle;

use anyhow::{Result, anyhow, bail};
use norna_kernels::{CovariateBasis, DropReason};

use super::UsageError;
use super::assoc::AssocConfig;
use super::genotypes::Genotypes;
use super::null_models::NullModels;
use super::reads::{ReadsStudy, default_batch, open_sites, piece_sites, site_shard_bytes};
use super::trait_correlation::TraitGram;
use crate::cohort::Cohort;
use crate::cohort::transform::mean_and_sd;
use crate::comm::{Communicator, broadcast, consensus};
use crate::proteins::{Protein, build};
use crate::qtl::CisPairs;
use crate::report::words::count;
use crate::shard::{ShardPlan, default_shard_bytes};
use crate::source::reads::ReadInput;
use crate::source::{self, GenotypeFilters, Input, SampleSelection, SourceError, StreamHeader};

/// Opens the genotypes.
pub(super) fn open_genotypes(config: &AssocConfig, comm: &dyn Communicator) -> Result<Genotypes> {
    if config.reads.is_none() {
        return Ok(Genotypes::Files(Box::new(open_input(config, comm)?)));
    }
    log::info!("opening the files of reads");
    Ok(consensus(comm, open_alone(config))?)
}

/// Opens the genotypes without other ranks.
pub(super) fn open_alone(config: &AssocConfig) -> Result<Genotypes> {
    let Some(reads) = &config.reads else { return Ok(Genotypes::Files(Box::new(Input::open(&config.input)?))) };
    let input = ReadInput::open(&reads.options)?;
    let sites = open_sites(&config.input, &input)?;
    let n_samples = input.samples().len();
    Ok(Genotypes::Reads(Box::new(ReadsStudy {
        reads: input,
        sites,
        batch: reads.batch.unwrap_or_else(|| default_batch(n_samples)),
        piece: piece_sites(n_samples),
        column_of: vec![None; n_samples],
        filters: GenotypeFilters::new(&config.input),
    })))
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

/// A study, as every rank has it.
pub(super) struct Study {
    pub(super) genotypes: Genotypes,
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
    pub(super) fn open(config: &AssocConfig, mut genotypes: Genotypes, is_root: bool) -> Result<Self> {
        let mut cohort = Cohort::load(&config.cohort, genotypes.samples())?;
        cohort.messages.iter().for_each(|m| log::info!("{m}"));
        check_build(config, &cohort, genotypes.input())?;
        genotypes.select(SampleSelection { analysed: cohort.analysed.clone(), sex: cohort.sex.clone() })?;
        let (messages, warnings) = genotypes.remarks();
        messages.iter().for_each(|m| log::info!("{m}"));
        warnings.iter().for_each(|m| log::warn!("{m}"));

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
            bail!("no trait is chosen: see --pheno, --proteins and --pheno-name");
        }
        let trait_names: Vec<String> = cohort.traits.iter().map(|t| t.name.clone()).collect();
        let values: Vec<&[f64]> = cohort.traits.iter().map(|t| t.values.as_slice()).collect();
        let trait_moments = values.iter().map(|v| mean_and_sd(v)).collect();
        let wants_eigenvalues = is_root && !config.run.dry_run && config.trans.is_none();
        let gram = if wants_eigenvalues { TraitGram::new(&values) } else { None };
        let solving = gram.map(|gram| std::thread::spawn(|| gram.eigenvalues()));
        let models = NullModels::fit(basis, &mut cohort, config.cohort.two_valued);
        if let Some(trans) = config.trans {
            say_trans(&cohort.proteins, trans.window);
        }
        models.remarks(&trait_names).iter().for_each(|m| log::warn!("{m}"));

        let estimate = genotypes.estimate()?;
        let shard_bytes = config.shard_bytes.unwrap_or_else(|| match genotypes {
            Genotypes::Files(_) => default_shard_bytes(estimate.bytes),
            Genotypes::Reads(_) => site_shard_bytes(estimate.bytes),
        });
        let plan = genotypes.plan(shard_bytes)?;
        let batch_bytes = config.shard_bytes.unwrap_or(shard_bytes.max(BATCH_BYTES));
        log::debug!("shards of about {shard_bytes} bytes");
        Ok(Self {
            genotypes,
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

    /// Cases of each trait, where traits are of two values.
    pub(super) fn case_counts(&self) -> Option<Vec<u32>> {
        let logistic = self.models.logistic()?;
        Some((0..logistic.n_traits()).map(|t| logistic.n_cases(t)).collect())
    }

    /// Waits for the eigenvalues.
    pub(super) fn end_solving(&mut self) -> Result<()> {
        if let Some(solving) = self.solving.take() {
            self.eigenvalues = solving.join().map_err(|_| anyhow!("eigenvalues failed: this is a defect of norna"))?;
        }
        Ok(())
    }
}

/// Refuses genes and genotypes of two genome builds.
pub(super) fn check_build(config: &AssocConfig, cohort: &Cohort, genotypes: &Input) -> Result<()> {
    let Some(path) = &config.cohort.proteins else { return Ok(()) };
    let places = cohort.proteins.iter().filter_map(|protein| protein.gene.as_ref());
    let places = places.map(|gene| (gene.chrom.as_str(), gene.tss));
    let contigs = genotypes.contig_lengths();
    build::check(cohort.build, places, &contigs).map_err(|problem| anyhow!("{}: {problem}", path.display()))
}

fn say_trans(proteins: &[Protein], window: u32) {
    log::info!("pairs within {window} bases of the TSS of the protein's gene are left out");
    let n_without = CisPairs::new(proteins, window).n_without_place();
    if n_without > 0 {
        let n = count(proteins.len() as u64, "protein");
        log::warn!("{n_without} of {n} have no known gene: nothing is left out for them");
    }
}

/// Of a stream's batch at least, unless chosen otherwise: inflated bytes, so that it must be larger than a shard to be worth
/// as much.
const BATCH_BYTES: u64 = 2 << 20;
