//! Simulated cohorts: genotypes from a coalescent with recombination, traits with planted effects, all from one seed.
//!
//! Variants are drawn in order by one thread at a time, and turned into text or BCF and compressed by all; a block of them
//! a thread is all that is held. Traits follow from the carriers of the causal variants, which are kept.

mod claim;
mod config;
mod effects;
mod genotypes;
mod imputation;
mod memory;
mod node_order;
mod output;
mod prefix_sums;
mod random;
pub mod reads;
mod sites;
mod tables;
mod traits;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

pub use claim::all_names as output_names;
pub use config::{Contig, Fields, MAX_CONTIG_LEN, MAX_SAMPLES, OutputFormat, SimulateConfig, TraitsConfig};
pub use output::{MARK, SimulateError};
pub use traits::COVARIATE_SHARE;

use crate::in_order;
use crate::report::progress::Progress;
use claim::Claim;
use effects::{Family, Planting};
use genotypes::{Encoded, GenotypeWriter, Renderer};
use output::NewFile;
use reads::{Collector, ReadsConfig, ReadsSummary, SiteRecord};
use sites::{SiteBlock, SiteStream};
use tables::TableRows;
use traits::{TraitBlock, TraitModel};

/// What was made.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Variants.
    pub n_variants: u64,
    /// Those with a minor allele frequency under 1 %.
    pub n_rare: u64,
    /// Sum over variants of 2 p (1 − p).
    pub heterozygosity: f64,
    /// Calls that are missing.
    pub n_missing: u64,
    /// Effects.
    pub n_planted: usize,
    /// Effects without a variant that is common enough.
    pub n_not_planted: usize,
    /// Two-valued traits of which all values are the same.
    pub one_valued: Vec<String>,
    /// Reads, where they were wanted.
    pub reads: Option<ReadsSummary>,
    /// Outputs and their bytes.
    pub files: Vec<(PathBuf, u64)>,
    /// Files of an earlier cohort of this name that were removed.
    pub removed: Vec<PathBuf>,
}

/// The mean sum of branches over haplotypes of `n_samples`, in units of 2N generations.
pub fn mean_tree_length(n_samples: usize) -> f64 {
    tree::Tree::mean_length(2 * n_samples as u32)
}

/// The outputs of a run.
struct Outputs {
    genotypes: PathBuf,
    index: Option<PathBuf>,
    traits: PathBuf,
    covariates: Option<PathBuf>,
    truth: PathBuf,
}

impl Outputs {
    fn of(config: &SimulateConfig) -> Self {
        let name = file_name(&config.out);
        let stem = claim::stem_of(&config.out);
        let beside = |end: &str| config.out.with_file_name(format!("{stem}.{end}"));
        let index = match config.format {
            OutputFormat::Vcf => None,
            OutputFormat::VcfGz => Some("tbi"),
            OutputFormat::Bcf => Some("csi"),
        };
        Self {
            genotypes: config.out.clone(),
            index: index.map(|end| config.out.with_file_name(format!("{name}.{end}"))),
            traits: beside("pheno.tsv"),
            covariates: (config.traits.n_covariates > 0).then(|| beside("covar.tsv")),
            truth: beside("truth.tsv"),
        }
    }

    fn all(&self) -> Vec<PathBuf> {
        let all = [Some(&self.genotypes), self.index.as_ref(), Some(&self.traits), self.covariates.as_ref()];
        all.into_iter().flatten().chain([&self.truth]).cloned().collect()
    }

    /// Refuses what must not be replaced; what an earlier cohort would leave beside the new one.
    fn check(&self, force: bool) -> Result<Vec<PathBuf>, SimulateError> {
        let all = self.all();
        output::check(&all, force, |path| Some(path) != self.index.as_deref())?;
        let stale = claim::stale(&self.genotypes, &all);
        match stale.first() {
            Some(first) if !force => Err(SimulateError::Exists(first.clone())),
            _ => Ok(stale),
        }
    }
}

/// Simulates and writes all outputs, which get their names at the end. Stops between blocks once `stop` is set.
///
/// # Errors
/// [`SimulateError`]; no output is left then, but those that had their names already.
pub fn run(config: &SimulateConfig, stop: &AtomicBool) -> Result<Summary, SimulateError> {
    let outputs = Outputs::of(config);
    outputs.check(config.force)?;
    check_reads(config)?;
    memory::check(config)?;
    let _claim = Claim::take(&config.out)?;
    let _reads_claim = claim_of_reads(config)?;
    // Once more under the lock: the run that held it may just have published.
    let stale = outputs.check(config.force)?;
    check_reads(config)?;
    claim::clear_leftovers(&config.out);
    let n_variants = config.contigs.iter().map(|contig| contig.n_variants).sum();
    let planting = Planting::new(&config.traits, config.seed, n_variants, config.n_samples);
    let mut summary = Summary { n_variants, ..Summary::default() };
    let mut collector = config.reads.as_ref().map(|reads| collector(config, reads)).transpose()?;
    let collecting = collector.as_mut().map(|(_, collector)| collector);
    let (mut files, planting) = write_genotypes(config, &outputs, planting, &mut summary, collecting, stop)?;
    files.extend(write_tables(config, &outputs, &planting, &mut summary, stop)?);
    let mut folder = None;
    if let Some((reads, collector)) = collector {
        let (made, told) = collector.make(&reads_run(config, reads, stop))?;
        (folder, summary.reads) = (Some(made), Some(told));
    }
    for file in &mut files {
        file.seal()?;
    }
    go_on(stop)?;
    for path in stale {
        std::fs::remove_file(&path).map_err(|error| SimulateError::Io { path: path.clone(), error })?;
        summary.removed.push(path);
    }
    if let Some(folder) = folder {
        folder.publish()?;
    }
    // Genotypes last: where they are, all is.
    for file in files.into_iter().rev() {
        let (path, n_bytes) = (file.path().to_owned(), file.n_bytes());
        file.publish()?;
        summary.files.insert(0, (path, n_bytes));
    }
    Ok(summary)
}

fn check_reads(config: &SimulateConfig) -> Result<(), SimulateError> {
    config.reads.as_ref().map_or(Ok(()), |reads| reads::check(reads, config.force))
}

/// The lock of the folder of reads, where it is not that of the genotypes too.
fn claim_of_reads(config: &SimulateConfig) -> Result<Option<Claim>, SimulateError> {
    let Some(reads) = &config.reads else { return Ok(None) };
    let folder = |path: &Path| path.parent().and_then(|parent| std::path::absolute(parent).ok());
    let shared =
        claim::stem_of(&config.out) == claim::stem_of(&reads.folder) && folder(&config.out) == folder(&reads.folder);
    let claim = if shared { None } else { Some(Claim::take(&reads.folder)?) };
    reads::clear_leftovers(&reads.folder);
    Ok(claim)
}

fn collector<'a>(
    config: &SimulateConfig,
    reads: &'a ReadsConfig,
) -> Result<(&'a ReadsConfig, Collector), SimulateError> {
    let samples = (0..config.n_samples).map(tables::sample_name).collect();
    Ok((reads, Collector::new(reads, &config.contigs, samples)?))
}

fn reads_run<'a>(config: &'a SimulateConfig, reads: &'a ReadsConfig, stop: &'a AtomicBool) -> reads::Run<'a> {
    reads::Run {
        config: reads,
        seed: config.seed,
        threads: config.threads,
        level: config.compression_level,
        mark: &config.mark,
        quiet: config.log_level < log::LevelFilter::Info,
        stop,
    }
}

fn go_on(stop: &AtomicBool) -> Result<(), SimulateError> {
    if stop.load(Ordering::Relaxed) { Err(SimulateError::Interrupted) } else { Ok(()) }
}

fn write_genotypes(
    config: &SimulateConfig,
    outputs: &Outputs,
    mut planting: Planting,
    summary: &mut Summary,
    mut collector: Option<&mut Collector>,
    stop: &AtomicBool,
) -> Result<(Vec<NewFile>, Planting), SimulateError> {
    let renderer = Renderer::new(config);
    let rates = (config.population_size, config.recombination_rate);
    let mut stream = SiteStream::new(&config.contigs, config.n_samples, renderer.block_len(), config.seed, rates);
    let mut writer = GenotypeWriter::create(config, &outputs.genotypes)?;
    let quiet = config.log_level < log::LevelFilter::Info;
    let mut progress = Progress::start(("simulating", "variants"), Some(summary.n_variants), quiet);
    let n_haplotypes = 2.0 * config.n_samples as f64;
    let (mut n_rare, mut heterozygosity, mut n_done, mut n_missing) = (0, 0.0, 0, 0);
    let mut collected = Ok(());
    let spare = Mutex::new(Vec::<SiteBlock>::new());
    let lock = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    let make = || {
        let mut block = lock().pop().unwrap_or_default();
        if !stream.next_block(&mut block) {
            return None;
        }
        for (i, site) in block.sites.iter().enumerate() {
            planting.pass(site, block.carriers(i));
            let p = f64::from(site.n_carriers) / n_haplotypes;
            n_rare += u64::from(p.min(1.0 - p) < 0.01);
            heterozygosity += 2.0 * p * (1.0 - p);
        }
        collected = collector.as_mut().map_or(Ok(()), |collector| collect(config, &block, collector));
        collected.is_ok().then_some(block)
    };
    let work = |scratch: &mut genotypes::Scratch, block: SiteBlock| {
        let encoded = renderer.encode(scratch, &block);
        lock().push(block);
        encoded.map_err(|error| SimulateError::Io { path: outputs.genotypes.clone(), error })
    };
    let write = |encoded: Encoded| {
        go_on(stop)?;
        n_done += encoded.places.len() as u64;
        n_missing += encoded.n_missing;
        writer.push(&encoded)?;
        progress.update(n_done);
        Ok(())
    };
    let result = in_order::run(config.threads, make, work, write);
    progress.finish();
    result.and(collected)?;
    (summary.n_rare, summary.heterozygosity, summary.n_missing) = (n_rare, heterozygosity, n_missing);
    summary.n_not_planted = planting.finish();
    summary.n_planted = planting.planted().len();
    let files = writer.finish(&config.contigs, outputs.index.as_deref())?;
    Ok((files, planting))
}

/// Has the sites of a block in the reads.
fn collect(config: &SimulateConfig, block: &SiteBlock, collector: &mut Collector) -> Result<(), SimulateError> {
    for (i, site) in block.sites.iter().enumerate() {
        let record = SiteRecord {
            chrom: &config.contigs[site.contig_idx].name,
            pos: site.pos,
            id: &tables::variant_id(site.variant_idx),
            reference: site.reference,
            alternate: site.alternate,
            n_carriers: site.n_carriers,
            n_alleles: 2 * config.n_samples as u32,
        };
        collector.push(site.contig_idx, &record, block.carriers(i))?;
    }
    Ok(())
}

/// Tables of traits and covariates, and the truth.
fn write_tables(
    config: &SimulateConfig,
    outputs: &Outputs,
    planting: &Planting,
    summary: &mut Summary,
    stop: &AtomicBool,
) -> Result<Vec<NewFile>, SimulateError> {
    let model = TraitModel::new(&config.traits, config.seed, config.n_samples, planting);
    let ids = model.ids();
    let mut traits = NewFile::create(&outputs.traits)?;
    traits.write(tables::header(&config.mark, ids.iter().map(|id| id.name())).as_bytes())?;
    let mut covariates = outputs.covariates.as_deref().map(NewFile::create).transpose()?;
    if let Some(file) = &mut covariates {
        let names = (1..=config.traits.n_covariates).map(|i| format!("c{i}"));
        file.write(tables::header(&config.mark, names).as_bytes())?;
    }
    let mut blocks = 0..model.n_blocks();
    let work = |block: &mut TraitBlock, block_idx| {
        model.compute(block_idx, block);
        Ok(tables::rows(block, ids))
    };
    let mut seen = vec![0; ids.len()];
    let write = |rows: TableRows| {
        go_on(stop)?;
        seen.iter_mut().zip(&rows.seen).for_each(|(all, one)| *all |= one);
        traits.write(&rows.traits)?;
        covariates.as_mut().map_or(Ok(()), |file| file.write(&rows.covariates))
    };
    in_order::run(config.threads, || blocks.next(), work, write)?;
    let one_valued = ids.iter().zip(seen).filter(|(id, seen)| id.family == Family::Binary && *seen != 3);
    summary.one_valued = one_valued.map(|(id, _)| id.name()).collect();
    let mut truth = NewFile::create(&outputs.truth)?;
    truth.write(tables::truth(&config.mark, planting.planted(), ids, &config.contigs).as_bytes())?;
    Ok([Some(traits), covariates, Some(truth)].into_iter().flatten().collect())
}

/// The name of a file without its folders.
pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
