//! Every instruction set against the portable kernels, bit for bit.

use proptest::prelude::*;

use super::carriers::END;
use super::*;
use crate::block::MISSING_CALL;
use crate::small_matrix::dot;

fn values(seed: u64, n: usize) -> Vec<f64> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    std::iter::repeat_with(next).take(n).collect()
}

/// One variant × `width` through a kernel: the variant sits at row `row` of the tile, other rows hold other values.
fn gemm_row(kernels: &Kernels, g: &[f32], y: &[f32], width: usize, fused: bool) -> Vec<u64> {
    let row = kernels.tile - 1;
    let packed: Vec<f32> =
        g.iter().flat_map(|&g| (0..kernels.tile).map(move |r| if r == row { g } else { g + 1.0 })).collect();
    let mut acc = vec![0.25; kernels.tile * width];
    (kernels.gemm)(GemmTile { g: &packed, y, width, stride: width, fused }, &mut acc);
    acc[row * width..].iter().map(|x| x.to_bits()).collect()
}

fn project_row(kernels: &Kernels, g: &[f32], q: &[f64], width: usize) -> Vec<u64> {
    let row = kernels.tile - 1;
    let packed: Vec<f32> =
        g.iter().flat_map(|&g| (0..kernels.tile).map(move |r| if r == row { g } else { g + 1.0 })).collect();
    let (mut x, mut gg) = (vec![0.25; kernels.tile * width], vec![0.0; kernels.tile]);
    (kernels.project)(ProjectTile { g: &packed, q, width }, &mut x, &mut gg);
    x[row * width..].iter().chain(&gg[row..]).map(|x| x.to_bits()).collect()
}

fn check(isa: Isa, seed: u64, n: usize, width: usize, calls: bool) {
    let Some(kernels) = Kernels::new(isa) else { return };
    let oracle = Kernels::portable();
    let g: Vec<f32> = values(seed, n)
        .iter()
        .map(|u| if calls { ((u + 0.5) * 3.0).floor() as f32 - 1.0 } else { 2.0 * *u as f32 })
        .collect();
    let y: Vec<f32> = values(seed ^ 77, n * width).iter().map(|&u| u as f32 * 4.0).collect();
    assert_eq!(gemm_row(&kernels, &g, &y, width, !calls), gemm_row(&oracle, &g, &y, width, !calls));
    assert_eq!(gemm_row(&kernels, &g, &y, width, true), gemm_row(&oracle, &g, &y, width, true));
    let q = values(seed ^ 99, n * width);
    assert_eq!(project_row(&kernels, &g, &q, width), project_row(&oracle, &g, &q, width));
}

/// Genotypes as the dense kernels take them, for a variant of some sparsity.
fn sparse(seed: u64, n: usize, rate: f64, calls: bool) -> Vec<f32> {
    let (chosen, size) = (values(seed, n), values(seed ^ 5, n));
    let value = |u: f64| if calls { if u < 0.2 { 1.0 } else { -1.0 } } else { 2.0 * u as f32 };
    chosen.iter().zip(size).map(|(c, u)| if c + 0.5 < rate { value(u) } else { 0.0 }).collect()
}

struct Listed {
    samples: Vec<u32>,
    values: Vec<f32>,
    starts: Vec<u32>,
}

/// A variant without carriers, then the given one.
fn listed(g: &[f32]) -> Listed {
    let mut out = Listed { samples: vec![END], values: vec![0.0], starts: vec![0, 1] };
    for (i, &g) in (0u32..).zip(g).filter(|(_, g)| **g != 0.0) {
        out.samples.push(i);
        out.values.push(g);
    }
    out.samples.push(END);
    out.values.push(0.0);
    out
}

/// The carriers' sums against the dense ones of the portable kernels.
fn check_carriers(isa: Isa, seed: u64, n: usize, width: usize, rate: f64, calls: bool) {
    let Some(kernels) = Kernels::new(isa) else { return };
    let oracle = Kernels::portable();
    let g = sparse(seed, n, rate, calls);
    let y: Vec<f32> = values(seed ^ 77, n * width).iter().map(|&u| u as f32 * 4.0).collect();
    let Listed { samples, values: of, starts } = listed(&g);
    let carriers = Carriers { samples: &samples, values: &of, starts: &starts };
    let mut acc = vec![0.25; 2 * width];
    (kernels.gemm_carriers)(CarrierTile { carriers, y: &y, width, stride: width, fused: !calls }, &mut acc);
    assert!(acc[..width].iter().all(|&x| x == 0.25));
    assert_eq!(bits(&acc[width..]), gemm_row(&oracle, &g, &y, width, !calls));
    let q = values(seed ^ 99, n * width);
    let (mut x, mut gg) = (vec![0.25; 2 * width], vec![0.0; 2]);
    (kernels.project_carriers)(carriers, (&q, width), &mut x, &mut gg);
    let sums: Vec<f64> = x[width..].iter().chain(&gg[1..]).copied().collect();
    assert_eq!(bits(&sums), project_row(&oracle, &g, &q, width));
}

fn bits(x: &[f64]) -> Vec<u64> {
    x.iter().map(|x| x.to_bits()).collect()
}

fn calls(seed: u64, n: usize, rate: f64) -> Vec<u8> {
    let call = |u: f64| if u + 0.5 < rate { [1, 2, MISSING_CALL][(u.abs() * 1e6) as usize % 3] } else { 0 };
    values(seed, n).into_iter().map(call).collect()
}

fn check_calls(isa: Isa, seed: u64, n: usize, rate: f64, equal: bool) {
    let Some(kernels) = Kernels::new(isa) else { return };
    let (calls_0, calls_1) = (calls(seed, n, rate), calls(seed ^ 3, n, 1.0));
    let list = CallList { values: [(seed % 3) as u8, MISSING_CALL], equal, first: 7 };
    let wanted = |(_, call): &(u32, &u8)| list.values.contains(call) == equal;
    let mut out = vec![3];
    (kernels.list_calls)(&calls_0, list, &mut out);
    let naive: Vec<u32> = (7..).zip(&calls_0).filter(wanted).map(|(i, _)| i).collect();
    assert_eq!((out[0], &out[1..]), (3, &naive[..]));
    let shifts = [1.0, 2.0];
    let mut packed = vec![9.0; n * kernels.tile + PACK_SLACK];
    (kernels.pack_calls)(PackTile { calls: &[&calls_0, &calls_1], shifts: &shifts }, &mut packed);
    for (i, row) in packed.chunks_exact(kernels.tile).take(n).enumerate() {
        for (r, &value) in row.iter().enumerate() {
            let call = [&calls_0, &calls_1].get(r).map_or(MISSING_CALL, |calls| calls[i]);
            let naive = if call == MISSING_CALL { 0.0 } else { f32::from(call) - shifts[r] };
            assert_eq!(value, naive, "sample {i}, row {r}");
        }
    }
}

/// What is made of covariates: vectors of lanes against the same kernels over plain numbers, and those against `dot`.
fn check_covariates(isa: Isa, seed: u64, n: usize, k: usize) {
    let (Some(kernels), oracle) = (Kernels::new(isa), Kernels::portable()) else { return };
    let width = (k + 3).next_multiple_of(8);
    let mut q = values(seed, n * width);
    q.chunks_exact_mut(width).for_each(|row| row[k + 1..].fill(0.0));
    let samples: Vec<u32> = (0..n as u32).filter(|i| (seed >> (i % 60)) & 1 == 1).collect();
    let both = |run: &dyn Fn(&Kernels) -> Vec<f64>| {
        let (a, b) = (run(&kernels), run(&oracle));
        assert_eq!(bits(&a), bits(&b));
        a
    };
    let x = &q[..k.min(n)];
    let columns = both(&|kernels| {
        let mut out = vec![0.0; width];
        (kernels.dot_columns)(x, (&q, width), &mut out);
        out
    });
    let column: Vec<f64> = q.iter().step_by(width).take(x.len()).copied().collect();
    assert_eq!(columns[0].to_bits(), dot(x, &column).to_bits());
    both(&|kernels| {
        let mut out = vec![0.0; width * width];
        (kernels.gram)(&samples, (&q, width), &mut out);
        out
    });
    let y: Vec<f32> = values(seed ^ 1, n * 16).iter().map(|&y| y as f32).collect();
    let lo: Vec<f32> = y.iter().map(|y| y * 1e-8).collect();
    both(&|kernels| {
        let (mut out, mut squares) = (vec![0.0; k * 16 + 16], vec![0.0; 16]);
        let (samples, hi, lo, q) = (&samples[..], &y[..], &lo[..], &q[..]);
        let tile = MissingTile { samples, hi, lo, width: 16, q, q_width: width, k, stride: 16 };
        (kernels.missing_sums)(tile, &mut out, &mut squares);
        out.extend(squares);
        out
    });
    let starts: Vec<usize> = (0..=n).map(|i| i.div_ceil(2)).collect();
    let masks: Vec<u32> = (0..n.div_ceil(2) as u32).map(|i| i % 3).collect();
    let of = values(seed ^ 2, samples.len());
    let sums = both(&|kernels| {
        let mut sums = values(seed ^ 4, 3 * width);
        let (samples, values, starts, masks) = (&samples[..], &of[..], &starts[..], &masks[..]);
        let tile = TakeOff { samples, values, rows: &q, width, squares: k + 1, starts, masks };
        (kernels.take_off)(tile, &mut sums);
        sums
    });
    let mut naive = values(seed ^ 4, 3 * width);
    for (&i, &g) in samples.iter().zip(&of).filter(|(i, _)| *i % 2 == 0) {
        let sums = &mut naive[(i as usize / 2 % 3) * width..][..width];
        sums.iter_mut().zip(&q[i as usize * width..]).take(k + 1).for_each(|(sum, q)| *sum += -g * q);
        sums[k + 1] -= g * g;
        sums[k + 2] -= 1.0;
    }
    assert_eq!(bits(&sums), bits(&naive));
    let y8 = values(seed ^ 6, n * 8);
    let squares = both(&|kernels| {
        let mut out = vec![0.0; 8];
        (kernels.square_traits)(&y8, &mut out);
        out
    });
    let third: Vec<f64> = y8.iter().skip(3).step_by(8).copied().collect();
    assert_eq!(squares[3].to_bits(), dot(&third, &third).to_bits());
    let projected = both(&|kernels| {
        let mut out = vec![0.0; width * 8];
        (kernels.project_traits)(&y8, (&q, width), &mut out);
        out
    });
    let observed: Vec<u8> = (0..n).map(|i| (seed >> (i % 50)) as u8).collect();
    both(&|kernels| {
        let mut y = y8.clone();
        (kernels.residuals)(&mut y, &observed, (&q, width), &projected[..k * 8]);
        y
    });
}

/// The largest r²: lanes against plain numbers, and a score that is no number raises nothing.
fn check_raise(isa: Isa, seed: u64, n: usize, width: usize) {
    let Some(kernels) = Kernels::new(isa) else { return };
    let (mut scores, inverse) = (values(seed, n * width), values(seed ^ 8, n));
    scores[seed as usize % (n * width)] = f64::NAN;
    let mut naive = values(seed ^ 9, width);
    let mut best = naive.clone();
    for (scores, inverse) in scores.chunks_exact(width).zip(&inverse) {
        let raise = |(best, s): (&mut f64, &f64)| *best = if s * s * inverse > *best { s * s * inverse } else { *best };
        naive.iter_mut().zip(scores).for_each(raise);
    }
    (kernels.raise)(RaiseTile { scores: &scores, inverse: &inverse, width }, &mut best);
    assert_eq!(bits(&best), bits(&naive));
}

macro_rules! equals_scalar {
    ($name:ident, $isa:expr) => {
        mod $name {
            use super::*;

            proptest! {
            #![proptest_config(ProptestConfig::with_cases(48))]
            #[test]
            fn dense(seed: u64, n in 1usize..1200, width in prop::sample::select(vec![8usize, 16, 32]), calls: bool) {
                check($isa, seed, n, width, calls);
            }

            #[test]
            fn carriers(
                seed: u64,
                n in 1usize..1200,
                width in prop::sample::select(vec![8usize, 16, 32]),
                rate in prop::sample::select(vec![0.0, 0.002, 0.05, 0.6, 1.0]),
                calls: bool,
            ) {
                check_carriers($isa, seed, n, width, rate, calls);
            }

            #[test]
            fn calls_listed_and_packed(
                seed: u64,
                n in 1usize..600,
                rate in prop::sample::select(vec![0.0, 0.002, 0.05, 1.0]),
                equal: bool,
            ) {
                check_calls($isa, seed, n, rate, equal);
            }

            #[test]
            fn covariates(seed: u64, n in 1usize..300, k in 1usize..30) {
                check_covariates($isa, seed, n, k);
            }

            #[test]
            fn raised(seed: u64, n in 1usize..40, width in prop::sample::select(vec![8usize, 16, 32])) {
                check_raise($isa, seed, n, width);
            }
            }
        }
    };
}

equals_scalar!(prop_scalar_equals_dense, Isa::Scalar);
equals_scalar!(prop_avx2_equals_scalar, Isa::Avx2);
equals_scalar!(prop_avx512_equals_scalar, Isa::Avx512);

#[test]
fn unknown_isa_is_refused_by_name() {
    assert!(parse_isa("neon").is_err_and(|message| message.contains("scalar, avx2 or avx512")));
    assert_eq!(parse_isa("scalar"), Ok(Isa::Scalar));
}
