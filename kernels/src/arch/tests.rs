//! Every instruction set against the portable kernels, bit for bit.

use proptest::prelude::*;

use super::*;

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

macro_rules! equals_scalar {
    ($name:ident, $isa:expr) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(48))]
            #[test]
            fn $name(seed: u64, n in 1usize..1200, width in prop::sample::select(vec![8usize, 16, 32]), calls: bool) {
                check($isa, seed, n, width, calls);
            }
        }
    };
}

equals_scalar!(prop_avx2_equals_scalar, Isa::Avx2);
equals_scalar!(prop_avx512_equals_scalar, Isa::Avx512);

#[test]
fn unknown_isa_is_refused_by_name() {
    assert!(parse_isa("neon").is_err_and(|message| message.contains("scalar, avx2 or avx512")));
    assert_eq!(parse_isa("scalar"), Ok(Isa::Scalar));
}
