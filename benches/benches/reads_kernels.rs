//! From genotype likelihoods to β and SE: allele frequency and posteriors, then the score tests.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use norna_benches::CpuTime;
use norna_kernels::{
    CovariateBasis, Genotypes, LikelihoodBlock, LinearRows, LogisticNull, LogisticScratch, LogisticTest, NullModel,
    Posteriors, ReadsScratch, ReadsTest,
};

const N_SITES: usize = 256;

/// splitmix64 to a number in [0, 1).
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut x = *state;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Likelihoods at about 4×: half of the sites rarer than 5 %, bases of quality 30, one in ten samples without reads.
fn block(n_samples: usize) -> LikelihoodBlock {
    let mut state = 1;
    let mut block = LikelihoodBlock::new(n_samples, N_SITES);
    for v in 0..N_SITES {
        let f = if v % 2 == 0 { 0.5 * uniform(&mut state) } else { 0.05 * uniform(&mut state) };
        for ln in block.push() {
            let alt = f64::from(u8::from(uniform(&mut state) < f) + u8::from(uniform(&mut state) < f)) / 2.0;
            let depth = (uniform(&mut state) * 9.0) as usize;
            let n_alt = (0..depth).filter(|_| uniform(&mut state) < alt * 0.999 + (1.0 - alt) * 0.001).count() as f32;
            let n_ref = depth as f32 - n_alt;
            let sum = [
                n_ref * 0.999f32.ln() + n_alt * 0.001f32.ln(),
                depth as f32 * 0.5f32.ln(),
                n_ref * 0.001f32.ln() + n_alt * 0.999f32.ln(),
            ];
            let largest = sum[0].max(sum[1]).max(sum[2]);
            *ln = sum.map(|x| x - largest);
        }
    }
    block
}

/// Five covariates and traits, as values or as cases.
fn cohort(n_samples: usize, n_traits: usize, cases: bool) -> (Arc<CovariateBasis>, Vec<Vec<f64>>) {
    let mut state = 2;
    let mut column = || (0..n_samples).map(|_| uniform(&mut state)).collect::<Vec<f64>>();
    let covariates: Vec<Vec<f64>> = (0..5).map(|_| column()).collect();
    let columns: Vec<&[f64]> = covariates.iter().map(Vec::as_slice).collect();
    let mut traits: Vec<Vec<f64>> = (0..n_traits).map(|_| column()).collect();
    if cases {
        traits.iter_mut().flatten().for_each(|y| *y = y.round());
    }
    (Arc::new(CovariateBasis::new(n_samples, &columns).0), traits)
}

fn posteriors(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("posteriors");
    group.sample_size(10).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    group.throughput(Throughput::Elements(N_SITES as u64));
    for n_samples in [40, 500, 5000] {
        let (block, mut posteriors) = (block(n_samples), Posteriors::new(n_samples, N_SITES));
        group.bench_function(BenchmarkId::from_parameter(format!("{n_samples} samples")), |bencher| {
            bencher.iter(|| posteriors.set(&block));
        });
    }
    group.finish();
}

/// Elements are sites; posteriors are made before.
fn score_tests(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("score test");
    group.sample_size(10).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    group.throughput(Throughput::Elements(N_SITES as u64));
    for n_samples in [40, 500, 5000] {
        let mut posteriors = Posteriors::new(n_samples, N_SITES);
        posteriors.set(&block(n_samples));
        for n_traits in [1, 100, 1000] {
            let (basis, traits) = cohort(n_samples, n_traits, false);
            let traits: Vec<&[f64]> = traits.iter().map(Vec::as_slice).collect();
            let null = NullModel::fit(&basis, &traits, None);
            let test = ReadsTest::new(&null, 7.3);
            let (mut scratch, mut rows) = (ReadsScratch::new(&test), LinearRows::new());
            let name = format!("{n_samples} samples, {n_traits} quantitative");
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter(|| test.test_block(&posteriors, &mut scratch, &mut rows));
            });
        }
        for n_traits in [1, 100] {
            let (basis, traits) = cohort(n_samples, n_traits, true);
            let traits: Vec<&[f64]> = traits.iter().map(Vec::as_slice).collect();
            let null = LogisticNull::fit(&basis, &traits);
            let test = LogisticTest::new(&null, Genotypes::Uncertain, 7.3);
            let (mut scratch, mut rows) = (LogisticScratch::new(&test), LinearRows::new());
            let name = format!("{n_samples} samples, {n_traits} two-valued");
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter(|| test.test_block(&posteriors, &mut scratch, &mut rows));
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = posteriors, score_tests
}
criterion_main!(benches);
