//! One phenotype's cis window: permuting, the largest r² of each permutation, the beta fit, and all of it.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use norna_benches::CpuTime;
use norna_kernels::{
    AlleleCounts, CovariateBasis, GenotypeBlock, GenotypeKind, MISSING_CALL, NullModel, PermutationScratch,
    PermutedTrait, allele_counts, beta_approximation,
};

/// GEUVADIS with three genotype and nine expression components.
const N_SAMPLES: usize = 358;
const N_COVARIATES: usize = 12;
const N_VARIANTS: usize = 5_000;
const N_PERMUTATIONS: usize = 1_000;
const TRUE_DF: f64 = (N_SAMPLES - N_COVARIATES - 2) as f64;

fn bits(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut x = *state;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// splitmix64 to a number in [0, 1).
fn uniform(state: &mut u64) -> f64 {
    (bits(state) >> 11) as f64 / (1u64 << 53) as f64
}

/// Twelve covariates and a trait of which a share is missing.
fn null_model(n_samples: usize, missing: f64) -> NullModel {
    let mut state = 1;
    let columns: Vec<Vec<f64>> =
        (0..N_COVARIATES).map(|_| (0..n_samples).map(|_| uniform(&mut state)).collect()).collect();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let value = |state: &mut u64| if uniform(state) < missing { f64::NAN } else { uniform(state) + uniform(state) };
    let y: Vec<f64> = (0..n_samples).map(|_| value(&mut state)).collect();
    NullModel::fit(&Arc::new(CovariateBasis::new(n_samples, &columns).0), &[&y], None)
}

/// Frequencies as those of GEUVADIS: 5 % and more, half of them under 21 %, so that a third of the variants have few carriers.
fn window(n_samples: usize, missing: f64) -> (GenotypeBlock, Vec<AlleleCounts>) {
    let mut state = 2;
    let mut block = GenotypeBlock::new(GenotypeKind::Calls, n_samples, N_VARIANTS);
    for _ in 0..N_VARIANTS {
        let f = 0.05 + 0.45 * uniform(&mut state).powf(1.5);
        for call in block.push_calls() {
            let (u, lost) = (uniform(&mut state), missing > 0.0 && uniform(&mut state) < missing);
            *call = if lost { MISSING_CALL } else { u8::from(u < f * (2.0 - f)) + u8::from(u < f * f) };
        }
    }
    let counts = (0..block.len()).map(|v| allele_counts(&block, v, None)).collect();
    (block, counts)
}

fn permuted(null: &NullModel) -> PermutedTrait {
    let mut state = 3;
    let mut fill = |_: usize, order: &mut [u32]| {
        order.iter_mut().zip(0..).for_each(|(out, i)| *out = i);
        for i in (1..order.len()).rev() {
            order.swap(i, (((bits(&mut state) >> 32) * (i as u64 + 1)) >> 32) as usize);
        }
    };
    PermutedTrait::new(null, 0, N_PERMUTATIONS, &mut fill)
}

fn best_r2(
    permuted: &PermutedTrait,
    window: &(GenotypeBlock, Vec<AlleleCounts>),
    to: &mut PermutationScratch,
) -> Vec<f64> {
    let mut best = vec![0.0; permuted.n_permutations()];
    permuted.max_r2(&window.0, &window.1, 0..window.0.len(), to, &mut best);
    best
}

fn cis(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("cis, 1,000 permutations, 5,000 variants");
    group.sample_size(10).measurement_time(Duration::from_secs(4)).warm_up_time(Duration::from_secs(1));
    let mut scratch = PermutationScratch::default();
    let null = null_model(N_SAMPLES, 0.0);
    group.bench_function("permuting and projecting", |bencher| bencher.iter(|| permuted(&null)));
    let best = best_r2(&permuted(&null), &window(N_SAMPLES, 0.0), &mut scratch);
    group.bench_function("beta fit", |bencher| bencher.iter(|| beta_approximation::fit(&best, TRUE_DF)));
    for (n_samples, of_trait, of_calls) in
        [(N_SAMPLES, 0.0, 0.0), (N_SAMPLES, 0.05, 0.0), (N_SAMPLES, 0.0, 0.02), (5_000, 0.0, 0.0)]
    {
        let (null, window) = (null_model(n_samples, of_trait), window(n_samples, of_calls));
        let permuted = permuted(&null);
        // Two operations a (variant, sample, permutation): FLOP/s, as if all variants went through the dense tiles.
        group.throughput(Throughput::Elements((2 * N_VARIANTS * n_samples * N_PERMUTATIONS) as u64));
        let name = format!("largest r2, {n_samples} samples, {of_trait} of the trait missing, {of_calls} of calls");
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| best_r2(&permuted, &window, &mut scratch));
        });
    }
    let (null, window) = (null_model(N_SAMPLES, 0.0), window(N_SAMPLES, 0.0));
    group.throughput(Throughput::Elements(1));
    group.bench_function("a gene, all in", |bencher| {
        bencher.iter(|| beta_approximation::fit(&best_r2(&permuted(&null), &window, &mut scratch), TRUE_DF));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = cis
}
criterion_main!(benches);
