//! What is done once a variant or once a hit: allele counts, HWE, log10 p.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use norna_kernels::{GenotypeBlock, GenotypeKind, allele_counts, hwe_exact_p, student};

fn small(criterion: &mut Criterion) {
    let n_samples = 50_000;
    let mut block = GenotypeBlock::new(GenotypeKind::Calls, n_samples, 1);
    for (i, call) in block.push_calls().iter_mut().enumerate() {
        *call = (i % 3) as u8;
    }
    let mut group = criterion.benchmark_group("counts");
    group.throughput(Throughput::Bytes(n_samples as u64));
    group.bench_function("calls", |bencher| bencher.iter(|| allele_counts(black_box(&block), 0, None)));
    group.finish();
    let mut group = criterion.benchmark_group("hwe");
    for (hom_ref, het, hom_alt) in
        [(9000, 950, 50), (2450, 5300, 2250), (490_000, 9900, 100), (125_000, 250_000, 125_000)]
    {
        group.bench_function(format!("{hom_ref} {het} {hom_alt}"), |bencher| {
            bencher.iter(|| hwe_exact_p(black_box(hom_ref), het, hom_alt));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("student");
    for (t, df) in [(1.0, 500.0), (6.0, 500.0), (6.0, 5e5), (100.0, 5e5)] {
        group.bench_function(format!("t {t}, df {df}"), |bencher| bencher.iter(|| student::log10_p(black_box(t), df)));
    }
    group
        .bench_function("t at 7.3, df 9988", |bencher| bencher.iter(|| student::t_for_log10_p(black_box(7.3), 9988.0)));
    group.finish();
}

criterion_group!(benches, small);
criterion_main!(benches);
