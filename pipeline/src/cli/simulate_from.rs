//! `norna simulate --genotypes FILE --reads DIR`: reads of the people of a VCF or BCF, whose calls are read as `norna assoc`
//! reads them.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use norna_kernels::{GenotypeKind, MISSING_CALL};

use super::simulate::SimulateArgs;
use crate::format::sample_list::read_sample_list;
use crate::run::UsageError;
use crate::simulate::reads::{self, Collector, Phase, ReadsConfig, ReadsSummary, SiteRecord};
use crate::simulate::{MARK, SimulateError};
use crate::source::{Field, Input, InputOptions, SampleSelection, Variant, VariantBlock, VariantSource};

/// Bytes of file in a shard: what is decoded is never more than a block of it.
const SHARD_BYTES: u64 = 1 << 24;
/// Cells of a block.
const BLOCK_CELLS: usize = 1 << 22;

/// What was read of the genotypes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Rows that are no SNP of two alleles.
    pub n_skipped: u64,
    /// Calls that are missing, for which the reads have REF.
    pub n_missing: u64,
}

/// Simulates reads of the people of `--genotypes`.
///
/// # Errors
/// One line that says what was wrong.
pub fn run(
    args: &SimulateArgs,
    config: &ReadsConfig,
    threads: usize,
    stop: &AtomicBool,
) -> Result<(Taken, ReadsSummary)> {
    let _lock = reads::lock(config, args.force)?;
    let paths = args.reads.genotypes.iter().cloned().collect();
    let options = InputOptions {
        paths,
        field: Some(Field::Gt),
        chroms: args.reads.chr.clone(),
        regions: args.reads.region.clone(),
        ..InputOptions::default()
    };
    let mut input = Input::open(&options)?;
    input.warnings().iter().for_each(|warning| log::warn!("{warning}"));
    let samples = select(args, &mut input)?;
    let collector = Collector::new(config, &[], samples)?;
    let mut taker = Taker::new(collector, args.seed);
    let plan = input.plan(SHARD_BYTES)?;
    for shard in &plan.shards {
        taker.take_all(input.reader(shard)?, stop)?;
    }
    for &file_idx in &plan.streams {
        let mut stream = input.stream(file_idx)?;
        while let Some(batch) = stream.next_batch(SHARD_BYTES)? {
            taker.take_all(input.batch_reader(batch)?, stop)?;
        }
    }
    let (collector, taken) = taker.finish()?;
    let mark = format!(
        "{MARK} {}; simulated reads, genotypes of a file; --seed {}{}",
        env!("CARGO_PKG_VERSION"),
        args.seed,
        args.reads.mark()
    );
    let run = reads::Run {
        config,
        seed: args.seed,
        threads,
        level: args.compression_level,
        mark: &mark,
        quiet: args.quiet,
        stop,
    };
    let (folder, summary) = collector.make(&run)?;
    folder.publish()?;
    Ok((taken, summary))
}

/// Selects the samples of `--keep`, or all; their IDs.
fn select(args: &SimulateArgs, input: &mut Input) -> Result<Vec<String>> {
    let Some(path) = &args.reads.keep else { return Ok(input.samples().to_vec()) };
    let wanted = read_sample_list(path).context("--keep")?;
    let place: HashMap<&str, u32> = (0..).zip(input.samples()).map(|(i, name)| (name.as_str(), i)).collect();
    let found: HashSet<u32> = wanted.iter().filter_map(|key| place.get(key.iid.as_str()).copied()).collect();
    if found.is_empty() {
        let path = path.display();
        return Err(UsageError(format!("--keep {path}: none of its {} samples has genotypes", wanted.len())).into());
    }
    let mut analysed: Vec<u32> = found.into_iter().collect();
    analysed.sort_unstable();
    let samples = analysed.iter().map(|&i| input.samples()[i as usize].clone()).collect();
    input.select(SampleSelection { analysed, sex: None })?;
    Ok(samples)
}

/// A row that waits until it is known to be alone at its position.
struct Waiting {
    contig_idx: usize,
    variant: Variant,
    carriers: Vec<u64>,
    n_carriers: u32,
    n_alleles: u32,
    n_missing: u64,
}

/// Takes rows to the collector: SNPs of two alleles, alone at their position.
struct Taker {
    collector: Collector,
    phase: Phase,
    contigs: HashMap<String, usize>,
    here: Option<(usize, u32)>,
    waiting: Option<Waiting>,
    taken: Taken,
}

impl Taker {
    fn new(collector: Collector, seed: u64) -> Self {
        let phase = Phase::new(seed);
        Self { collector, phase, contigs: HashMap::new(), here: None, waiting: None, taken: Taken::default() }
    }

    fn take_all(&mut self, mut source: Box<dyn VariantSource + Send>, stop: &AtomicBool) -> Result<()> {
        let n_samples = self.collector.n_samples();
        let mut block =
            VariantBlock::new(GenotypeKind::Calls, n_samples, (BLOCK_CELLS / n_samples.max(1)).clamp(1, 512));
        while source.read_block(&mut block)? > 0 {
            if stop.load(Ordering::Relaxed) {
                return Err(SimulateError::Interrupted.into());
            }
            for (i, variant) in block.variants.iter().enumerate() {
                self.take(variant, block.genotypes.calls(i))?;
            }
        }
        Ok(())
    }

    fn take(&mut self, variant: &Variant, calls: &[u8]) -> Result<()> {
        // A telomere.
        if variant.pos == 0 {
            self.taken.n_skipped += 1;
            return Ok(());
        }
        let contig_idx = self.enter(variant)?;
        self.collector.fix(contig_idx, variant.pos, variant.reference.as_bytes());
        let together = self.here == Some((contig_idx, variant.pos));
        if together {
            self.taken.n_skipped += 1 + u64::from(self.waiting.take().is_some());
            return Ok(());
        }
        self.release()?;
        self.here = Some((contig_idx, variant.pos));
        let base = |allele: &str| allele.len() == 1 && b"ACGT".contains(&allele.as_bytes()[0]);
        if !base(&variant.reference) || !base(&variant.alternate) {
            self.taken.n_skipped += 1;
            return Ok(());
        }
        let mut carriers = vec![0; calls.len().div_ceil(32)];
        let (mut n_carriers, mut n_missing) = (0, 0);
        for (i, &call) in calls.iter().enumerate() {
            let bits = match call {
                MISSING_CALL => {
                    n_missing += 1;
                    0
                }
                call => self.phase.bits(call),
            };
            n_carriers += bits.count_ones();
            carriers[i / 32] |= bits << (2 * (i % 32));
        }
        let n_alleles = 2 * (calls.len() as u64 - n_missing) as u32;
        let variant = variant.clone();
        self.waiting = Some(Waiting { contig_idx, variant, carriers, n_carriers, n_alleles, n_missing });
        Ok(())
    }

    /// The contig's number; positions must ascend and contigs come in one piece.
    fn enter(&mut self, variant: &Variant) -> Result<usize> {
        let known = self.contigs.get(&*variant.chrom).copied();
        match (known, self.here) {
            (Some(contig_idx), Some((here, pos))) if contig_idx == here && variant.pos >= pos => Ok(contig_idx),
            (None, _) => {
                let contig_idx = self.collector.add_contig(&variant.chrom);
                self.contigs.insert(variant.chrom.to_string(), contig_idx);
                Ok(contig_idx)
            }
            _ => {
                let (chrom, pos) = (&variant.chrom, variant.pos);
                Err(UsageError(format!("--genotypes: {chrom}:{pos}: records are not sorted: bcftools sort does it"))
                    .into())
            }
        }
    }

    fn release(&mut self) -> Result<()> {
        let Some(waiting) = self.waiting.take() else { return Ok(()) };
        let variant = &waiting.variant;
        let record = SiteRecord {
            chrom: &variant.chrom,
            pos: variant.pos,
            id: &variant.id,
            reference: variant.reference.as_bytes()[0],
            alternate: variant.alternate.as_bytes()[0],
            n_carriers: waiting.n_carriers,
            n_alleles: waiting.n_alleles,
        };
        self.taken.n_missing += waiting.n_missing;
        Ok(self.collector.push(waiting.contig_idx, &record, &waiting.carriers)?)
    }

    fn finish(mut self) -> Result<(Collector, Taken)> {
        self.release()?;
        Ok((self.collector, self.taken))
    }
}
