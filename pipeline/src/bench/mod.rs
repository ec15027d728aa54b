//! What a machine does, measured with the product's own code: the stages of a run, and the machine's limits beside them.

pub mod card;
pub mod chart;
mod cohort;
pub mod compare;
mod file_system;
mod memory;
pub mod messages;
mod opening;
pub mod output;
mod products;
mod reading;
pub mod scaling;
mod table;
mod timer;
mod whole_runs;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use norna_kernels::{GenotypeKind, Isa};

use crate::plan::Rates;
use crate::simulate::OutputFormat;
use card::{Card, FORMAT, FORMAT_VERSION, Machine, Stage, today};
use cohort::{Cohort, Scratch, Spec};
use products::{Genotypes, Sizes};
use timer::Effort;

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// Threads of "all threads".
    pub threads: usize,
    /// Ranks that were started.
    pub ranks: usize,
    /// Less of everything: seconds instead of a minute.
    pub quick: bool,
    /// Where simulated data go while they are needed.
    pub dir: PathBuf,
}

/// Sizes of what is measured.
struct Scale {
    effort: Effort,
    /// Samples and variants of files that are read.
    file: (usize, u64),
    blocks: Sizes,
    correlation: usize,
    /// Variants and traits of whole runs.
    run: (u64, usize),
    runs: usize,
}

impl Scale {
    fn new(quick: bool) -> Self {
        let millis = |ms| Duration::from_millis(ms);
        if quick {
            Self {
                effort: Effort { time: millis(40), runs: 2 },
                file: (4000, 1500),
                blocks: Sizes { n_samples: 4096, n_variants: 252, n_traits: 256 },
                correlation: 300,
                run: (20_000, 200),
                runs: 2,
            }
        } else {
            Self {
                effort: Effort { time: millis(500), runs: 3 },
                file: (10_000, 4000),
                blocks: Sizes { n_samples: 10_000, n_variants: 504, n_traits: 512 },
                correlation: 800,
                run: (40_000, 500),
                runs: 3,
            }
        }
    }
}

/// Measures the compute stages on this machine. Tells on the log what it is at.
///
/// # Errors
/// Files cannot be made or read, or a run on simulated data fails.
pub fn measure(options: &BenchOptions) -> Result<Card> {
    let scale = Scale::new(options.quick);
    let scratch = Scratch::new(&options.dir)?;
    let mut rates = Rates { doubt: MEASURED_DOUBT, ..Rates::default() };
    let mut stages = Vec::new();
    log::info!("reading and decoding");
    measure_reading(&scale, &scratch, options.threads, &mut rates, &mut stages)?;
    log::info!("score product and fits");
    let products = products::measure(scale.blocks, scale.effort, &mut rates);
    log::info!("all threads at once");
    let together = crowding(&scale, options.threads);
    rates.crowding = together.max(1.0);
    let threads = options.threads as f64;
    stages.push(Stage {
        all_threads: Some(products.dense_flops * 1e-9 * threads / rates.crowding),
        limit: peak_flops(scale.effort).map(|peak| peak * 1e-9),
        ..stage("score product", "GFLOP/s", products.dense_flops * 1e-9)
    });
    stages.push(stage("test of a common variant, all in all", "GFLOP/s", products.test_flops * 1e-9));
    stages.push(stage("carriers' product", "G (carrier, trait)/s", 1e-9 / rates.carrier_product));
    stages.push(stage("projection on covariates", "GFLOP/s", 2e-9 / rates.dense_project));
    stages.push(stage("fits and histograms", "M pairs/s", 1e-6 / rates.pair));
    log::info!("null models and correlation");
    opening::null_models(scale.blocks.n_samples, scale.blocks.n_traits, scale.effort, &mut rates);
    opening::correlation(scale.blocks.n_samples, scale.correlation, scale.effort, &mut rates);
    stages.push(stage("null model, residuals", "GFLOP/s", 4e-9 / rates.null_product));
    stages.push(stage("traits' correlation", "GFLOP/s", 1e-9 / rates.gram_product));
    stages.push(stage("eigenvalues", "M traits³/s", 1e-6 / rates.eigen));
    log::info!("whole runs");
    measure_runs(&scale, &scratch, options.threads, &mut rates)?;
    stages.push(stage("spool and results", "MB/s", 1e-6 / (rates.spool_byte + rates.result_byte)));
    stages.push(stage("variants into results", "k rows/s", 1e-3 / rates.result_row));
    log::info!("memory");
    let memory = memory::measure(options.threads, options.quick);
    log::info!("file system");
    let file_system = file_system::measure(scratch.path(), if options.quick { 64 << 20 } else { 1 << 30 })?;
    Ok(Card {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        norna_version: crate::report::provenance::version().to_owned(),
        date: today(),
        machine: Machine::here(options.threads, options.ranks),
        stages,
        rates,
        memory: Some(memory),
        file_system: Some(file_system),
        messages: None,
    })
}

/// Times that CPU times may be off where the rates were measured.
const MEASURED_DOUBT: f64 = 1.25;

fn stage(name: &str, unit: &str, one_thread: f64) -> Stage {
    Stage { name: name.to_owned(), unit: unit.to_owned(), one_thread, all_threads: None, limit: None }
}

fn measure_reading(
    scale: &Scale,
    scratch: &Scratch,
    threads: usize,
    rates: &mut Rates,
    stages: &mut Vec<Stage>,
) -> Result<()> {
    let (n_samples, n_variants) = scale.file;
    let of = |name, format, dosages| Spec {
        name,
        format,
        dosages,
        missing: 0.0,
        n_samples,
        n_variants: if dosages { n_variants / 3 } else { n_variants },
        n_traits: 100,
        n_covariates: 5,
    };
    // Hardly any samples: what a line costs however long it is.
    let short = Spec { n_samples: 20, n_variants: 20_000, n_traits: 1, ..of("short", OutputFormat::Bcf, false) };
    let short = Cohort::make(scratch.path(), short, threads)?;
    rates.variant = reading::read(&short, scale.effort)? / short.spec.n_variants as f64;
    for (name, shown, format, dosages) in [
        ("vcf", "VCF GT", OutputFormat::VcfGz, false),
        ("vcf_ds", "VCF DS", OutputFormat::VcfGz, true),
        ("bcf", "BCF GT", OutputFormat::Bcf, false),
        ("bcf_ds", "BCF DS", OutputFormat::Bcf, true),
    ] {
        let cohort = Cohort::make(scratch.path(), of(name, format, dosages), threads)?;
        let seconds = reading::read(&cohort, scale.effort)? - cohort.spec.n_variants as f64 * rates.variant;
        let rate = match (format, dosages) {
            (OutputFormat::Bcf, false) => &mut rates.bcf,
            (OutputFormat::Bcf, true) => &mut rates.bcf_dosage,
            (_, false) => &mut rates.vcf,
            (_, true) => &mut rates.vcf_dosage,
        };
        *rate = products::positive(seconds / cohort.n_genotypes());
        let rate = *rate;
        if format == OutputFormat::VcfGz {
            let (_, inflated) = reading::inflate(&cohort, scale.effort)?;
            stages.push(stage(&format!("inflate {shown}"), "GB/s of text", inflated * 1e-9));
        }
        stages.push(stage(&format!("read and decode {shown}"), "M genotypes/s", 1e-6 / rate));
        if name == "vcf" {
            rates.table_cell = opening::tables(&cohort, scale.effort)?;
            let gaps = Spec { missing: 0.01, ..of("gaps", format, false) };
            let gaps = reading::read(&Cohort::make(scratch.path(), gaps, threads)?, scale.effort)?;
            rates.gaps = (gaps / (rates.vcf * cohort.n_genotypes())).max(1.0);
        }
    }
    stages.push(stage("read tables", "M cells/s", 1e-6 / rates.table_cell));
    Ok(())
}

fn measure_runs(scale: &Scale, scratch: &Scratch, threads: usize, rates: &mut Rates) -> Result<()> {
    let (n_variants, n_traits) = scale.run;
    let of = |name, n_variants, n_traits| Spec {
        name,
        format: OutputFormat::Bcf,
        dosages: false,
        missing: 0.0,
        n_samples: 100,
        n_variants,
        n_traits,
        n_covariates: 1,
    };
    let tiny = Cohort::make(scratch.path(), of("tiny", 100, 1), threads)?;
    let long = Cohort::make(scratch.path(), of("long", n_variants, n_traits), threads)?;
    let reading = reading::read(&long, scale.effort)?;
    whole_runs::measure(scratch.path(), (&tiny, &long), reading, scale.runs, rates)
}

/// Times that the same work takes on every thread at once over on one.
fn crowding(scale: &Scale, threads: usize) -> f64 {
    let Sizes { n_samples, n_variants, n_traits } = scale.blocks;
    let null = products::null_model(n_samples, n_traits, 10, 0.0);
    let genotypes = Genotypes::new(GenotypeKind::Calls, (n_samples, n_variants / 2), 0.2, 0.0);
    let one = || {
        let mut bench = products::Bench::new(&null);
        scale.effort.least(|| bench.run(&genotypes))
    };
    let alone = one();
    let together: f64 = std::thread::scope(|scope| {
        let others: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        others.into_iter().map(|other| other.join().unwrap_or(alone)).sum()
    });
    together / threads.max(1) as f64 / alone
}

/// Clock × width × two fused operations in flight: what a core with two units for them does at most, f32.
fn peak_flops(effort: Effort) -> Option<f64> {
    let lanes = match norna_kernels::isa() {
        Isa::Avx512 => 16.0,
        Isa::Avx2 => 8.0,
        Isa::Scalar => return None,
    };
    Some(clock(effort) * lanes * 2.0 * 2.0)
}

/// Cycles a second: a chain of multiplications of which each waits for the last takes three cycles each on x86 CPUs of the
/// last fifteen years.
fn clock(effort: Effort) -> f64 {
    const ROUNDS: u64 = 1 << 18;
    const CYCLES: f64 = 3.0;
    let mut x = std::hint::black_box(3_u64);
    let seconds = effort.least(|| {
        for _ in 0..ROUNDS {
            // Sixteen in a row, so that counting rounds hides behind them.
            x = x.wrapping_mul(x).wrapping_mul(x).wrapping_mul(x).wrapping_mul(x);
            x = x.wrapping_mul(x).wrapping_mul(x).wrapping_mul(x).wrapping_mul(x);
            x = x.wrapping_mul(x).wrapping_mul(x).wrapping_mul(x).wrapping_mul(x);
            x = x.wrapping_mul(x).wrapping_mul(x).wrapping_mul(x).wrapping_mul(x);
        }
        x = std::hint::black_box(x | 1);
    });
    CYCLES * 16.0 * ROUNDS as f64 / seconds
}
