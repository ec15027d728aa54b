//! The linear test from a block of calls to β and SE, the score product's rate, and the null model's fit.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use norna_benches::CpuTime;
use norna_kernels::{
    CovariateBasis, GenotypeBlock, GenotypeKind, LinearRows, LinearScratch, LinearTest, MISSING_CALL, MissingPolicy,
    NullModel, allele_counts,
};

const N_SAMPLES: usize = 10_000;
const N_VARIANTS: usize = 448;

/// splitmix64 to a number in [0, 1).
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut x = *state;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Ten covariates and traits.
fn cohort(n_traits: usize, missing: f64) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let mut state = 1;
    let mut column = || (0..N_SAMPLES).map(|_| uniform(&mut state)).collect::<Vec<f64>>();
    let covariates: Vec<Vec<f64>> = (0..10).map(|_| column()).collect();
    let mut traits: Vec<Vec<f64>> = (0..n_traits).map(|_| column()).collect();
    let mut state = 2;
    traits.iter_mut().flatten().filter(|_| uniform(&mut state) < missing).for_each(|y| *y = f64::NAN);
    (covariates, traits)
}

fn null_model(n_traits: usize, missing: f64) -> NullModel {
    let (covariates, traits) = cohort(n_traits, missing);
    let columns: Vec<&[f64]> = covariates.iter().map(Vec::as_slice).collect();
    let traits: Vec<&[f64]> = traits.iter().map(Vec::as_slice).collect();
    NullModel::fit(&Arc::new(CovariateBasis::new(N_SAMPLES, &columns).0), &traits, None)
}

/// Genotypes of given allele frequencies.
fn block_of(frequencies: &[f64], missing: f64) -> GenotypeBlock {
    let mut state = 3;
    let mut block = GenotypeBlock::new(GenotypeKind::Calls, N_SAMPLES, frequencies.len());
    for &f in frequencies {
        for call in block.push_calls() {
            let (u, lost) = (uniform(&mut state), missing > 0.0 && uniform(&mut state) < missing);
            *call = if lost { MISSING_CALL } else { u8::from(u < f * (2.0 - f)) + u8::from(u < f * f) };
        }
    }
    block
}

/// Allele frequencies as in a cohort: more than half under 1 %.
fn block(missing: f64) -> GenotypeBlock {
    let mut state = 4;
    let frequencies: Vec<f64> = (0..N_VARIANTS).map(|_| 0.5 * uniform(&mut state).powi(6).max(1e-4)).collect();
    block_of(&frequencies, missing)
}

fn bench_block(group: &mut BenchmarkGroup<'_, CpuTime>, name: String, null: &NullModel, block: &GenotypeBlock) {
    let test = LinearTest::new(null, MissingPolicy::Drop, 7.3);
    let counts: Vec<_> = (0..block.len()).map(|v| allele_counts(block, v, None)).collect();
    let (mut scratch, mut rows) = (LinearScratch::new(&test), LinearRows::new());
    // Two operations a (variant, sample, trait): elements per second are FLOP/s of the dense score product.
    group.throughput(Throughput::Elements((2 * block.len() * N_SAMPLES * null.n_traits()) as u64));
    group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
        bencher.iter(|| test.test_block(block, &counts, &mut scratch, &mut rows));
    });
}

/// Whole blocks: traits, share of trait values missing (each trait its own), share of calls missing.
fn linear(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("linear");
    group.sample_size(10).measurement_time(Duration::from_secs(4)).warm_up_time(Duration::from_secs(1));
    for (n_traits, trait_missing, call_missing) in [
        (1, 0.0, 0.0),
        (32, 0.0, 0.0),
        (1000, 0.0, 0.0),
        (100, 0.05, 0.0),
        (1, 0.0, 0.01),
        (100, 0.0, 0.01),
        (100, 0.05, 0.01),
    ] {
        let name = format!("{n_traits} traits, {trait_missing} missing, {call_missing} of calls");
        bench_block(&mut group, name, &null_model(n_traits, trait_missing), &block(call_missing));
    }
    group.finish();
}

/// Variants of one frequency each: from carriers alone to dense tiles. At 0.5 the block is dense and its rate that of the
/// score product with packing, to be held against sgemm.
fn frequencies(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("frequency");
    group.sample_size(10).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    for n_traits in [1, 32, 1000] {
        let null = null_model(n_traits, 0.0);
        for f in [0.0001, 0.001, 0.01, 0.05, 0.1, 0.15, 0.5] {
            bench_block(&mut group, format!("{n_traits} traits, {f}"), &null, &block_of(&[f; 128], 0.0));
        }
    }
    group.finish();
}

fn null_models(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("null model");
    group.sample_size(10).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_millis(500));
    for (n_traits, missing) in [(1, 0.0), (320, 0.0), (320, 0.05)] {
        let (columns, traits) = cohort(n_traits, missing);
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let traits: Vec<&[f64]> = traits.iter().map(Vec::as_slice).collect();
        let basis = Arc::new(CovariateBasis::new(N_SAMPLES, &columns).0);
        group.throughput(Throughput::Elements((N_SAMPLES * n_traits) as u64));
        group.bench_function(BenchmarkId::from_parameter(format!("{n_traits} traits, {missing} missing")), |bencher| {
            bencher.iter(|| NullModel::fit(&basis, &traits, None));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = linear, frequencies, null_models
}
criterion_main!(benches);
