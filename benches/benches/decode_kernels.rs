//! From a file's bytes to genotypes: inflating, and the sample columns of a record of 10,000 samples. Bytes of throughput
//! are those of the text (inflated) or of the BCF values.

use std::hint::black_box;
use std::io::{Cursor, Write};

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use norna::format::bgzf_reader::BgzfReader;
use norna::format::bgzip::BgzipWriter;
use norna::format::vcf_call::SampleMap;
use norna::format::vcf_genotypes::Column;
use norna::format::vcf_scan::{Scratch, plain_calls, plain_dosages, plain_probabilities};
use norna_kernels::scan::int8_calls;

const N: usize = 10_000;

/// Picks below `n`, the same in every run.
fn picks(n: u64) -> impl Iterator<Item = u64> {
    let mut state = 7_u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    })
}

fn joined(sample: impl FnMut(u64) -> String) -> Vec<u8> {
    picks(1000).take(N).map(sample).collect::<Vec<_>>().join("\t").into_bytes()
}

/// A call by a pick of a thousand: a twentieth carriers, and so many missing.
fn call(pick: u64, n_missing: u64) -> &'static str {
    match pick {
        0..25 => "0|1",
        25..50 => "1|0",
        50..53 => "1|1",
        _ if pick >= 1000 - n_missing => "./.",
        _ => "0|0",
    }
}

fn calls(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, bytes: &[u8], gt_only: bool, samples: &SampleMap) {
    let (mut scratch, mut out) = (Scratch::default(), vec![0; samples.len()]);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| assert!(plain_calls(black_box(bytes), gt_only, samples, &mut scratch, &mut out)));
    });
}

fn decode(criterion: &mut Criterion) {
    let all = SampleMap::new(N, None).unwrap_or_else(|| unreachable!());
    let third = SampleMap::new(N, Some((0..N as u32).step_by(3).collect())).unwrap_or_else(|| unreachable!());
    let mut group = criterion.benchmark_group("decode");
    let text = joined(|pick| call(pick, 0).to_owned());
    calls(&mut group, "GT text", &text, true, &all);
    calls(&mut group, "GT text, a third of the samples", &text, true, &third);
    calls(&mut group, "GT text, 1 % missing", &joined(|pick| call(pick, 10).to_owned()), true, &all);
    let wide = joined(|pick| {
        format!("{}:{},{}:{}:{}:0,{},{}", call(pick, 10), pick % 40, pick % 7, pick % 40, pick % 99, pick, 9 * pick)
    });
    calls(&mut group, "GT of GT:AD:DP:GQ:PL", &wide, false, &all);

    let pairs: Vec<u8> =
        picks(1000).take(N).flat_map(|pick| [2 | u8::from(pick < 30), 3 + 2 * u8::from(pick < 20)]).collect();
    let mut out = vec![0; N];
    group.throughput(Throughput::Bytes(pairs.len() as u64));
    group.bench_function("GT BCF", |bencher| bencher.iter(|| assert!(int8_calls(black_box(&pairs), &mut out))));

    let sure = |pick: u64| pick < 700;
    let dosages = joined(|pick| match sure(pick) {
        true => "0|0:0:1,0,0".to_owned(),
        false => format!("0|1:0.{pick:03}:0.{:03},0.{pick:03},0", 1000 - pick),
    });
    let (mut scratch, mut out) = (Scratch::default(), vec![0.0; N]);
    group.throughput(Throughput::Bytes(dosages.len() as u64));
    group.bench_function("DS of GT:DS:GP", |bencher| {
        let column = Column { bytes: &dosages, has_samples: true, key: "DS", idx: 1 };
        bencher.iter(|| assert_eq!(plain_dosages(black_box(column), true, &all, &mut scratch, &mut out), Some(0)));
    });
    group.bench_function("GP of GT:DS:GP", |bencher| {
        let column = Column { bytes: &dosages, has_samples: true, key: "GP", idx: 2 };
        bencher
            .iter(|| assert_eq!(plain_probabilities(black_box(column), true, &all, &mut scratch, &mut out), Some(0)));
    });
    group.finish();
    inflate(criterion, "GT text", &text);
    inflate(criterion, "GT:DS:GP", &dosages);
}

fn inflate(criterion: &mut Criterion, name: &str, line: &[u8]) {
    let mut writer = BgzipWriter::new(Vec::new());
    for _ in 0..20 {
        assert!(writer.write_all(line).is_ok());
    }
    let bytes = writer.finish().unwrap_or_default();
    let mut group = criterion.benchmark_group("inflate");
    group.throughput(Throughput::Bytes(20 * line.len() as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let mut reader = BgzfReader::new(Cursor::new(black_box(&bytes)));
            let mut n = 0;
            while let Some(len) = reader.fill().ok().map(<[u8]>::len).filter(|&len| len > 0) {
                reader.consume(len);
                n += len;
            }
            assert_eq!(n, 20 * line.len());
        });
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
