//! AVX2 with FMA: 6 variants × 16 traits in twelve accumulators.

use std::arch::x86_64::{
    _mm256_add_pd, _mm256_castps256_ps128, _mm256_cvtps_pd, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_loadu_pd,
    _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_pd,
};

use super::portable::project_body;
use super::{GemmTile, ProjectTile, SUM_BLOCK};

/// Variants in a tile.
pub(crate) const TILE: usize = 6;

/// See [`super::Kernels::gemm`].
pub(crate) fn gemm(tile: GemmTile<'_>, acc: &mut [f64]) {
    // SAFETY: this function is reached through `Kernels::new` alone, which has asked the CPU for AVX2 and FMA.
    unsafe { gemm_avx2(tile, acc) }
}

/// See [`super::Kernels::project`].
pub(crate) fn project(tile: ProjectTile<'_>, x: &mut [f64], gg: &mut [f64]) {
    // SAFETY: as in `gemm`.
    unsafe { project_avx2(tile, x, gg) }
}

#[target_feature(enable = "avx2,fma")]
fn gemm_avx2(tile: GemmTile<'_>, acc: &mut [f64]) {
    for (g, y) in tile.g.chunks(SUM_BLOCK * TILE).zip(tile.y.chunks(SUM_BLOCK * tile.width)) {
        let mut column = 0;
        while column + 16 <= tile.width {
            block::<TILE, 2>(g, y, tile.width, column, tile.stride, acc);
            column += 16;
        }
        if column < tile.width {
            block::<TILE, 1>(g, y, tile.width, column, tile.stride, acc);
        }
    }
}

#[target_feature(enable = "avx2,fma")]
fn project_avx2(tile: ProjectTile<'_>, x: &mut [f64], gg: &mut [f64]) {
    project_body::<TILE, 3>(tile, x, gg);
}

/// `ROWS` variants × 8·`REGS` traits over one block of samples, folded into `acc`.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn block<const ROWS: usize, const REGS: usize>(
    g: &[f32],
    y: &[f32],
    width: usize,
    column: usize,
    stride: usize,
    acc: &mut [f64],
) {
    let mut sums = [[_mm256_setzero_ps(); REGS]; ROWS];
    for (g, y) in g.as_chunks::<ROWS>().0.iter().zip(y.chunks_exact(width)) {
        let y = &y[column..column + 8 * REGS];
        let mut lanes = [_mm256_setzero_ps(); REGS];
        for (c, lane) in lanes.iter_mut().enumerate() {
            // SAFETY: `y` has 8·REGS values (sliced above) and c < REGS.
            *lane = unsafe { _mm256_loadu_ps(y.as_ptr().add(8 * c)) };
        }
        for r in 0..ROWS {
            let g = _mm256_set1_ps(g[r]);
            for c in 0..REGS {
                sums[r][c] = _mm256_fmadd_ps(g, lanes[c], sums[r][c]);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        let row = &mut acc[r * stride + column..r * stride + column + 8 * REGS];
        for (c, &sum) in sums.iter().enumerate() {
            let halves = [_mm256_castps256_ps128(sum), _mm256_extractf128_ps::<1>(sum)];
            for (h, &half) in halves.iter().enumerate() {
                // SAFETY: `row` has 8·REGS values (sliced above) and 8c + 4h + 4 ≤ 8·REGS.
                let at = unsafe { row.as_mut_ptr().add(8 * c + 4 * h) };
                // SAFETY: four values lie at `at`, as said above.
                let old = unsafe { _mm256_loadu_pd(at) };
                // SAFETY: as for the load.
                unsafe { _mm256_storeu_pd(at, _mm256_add_pd(old, _mm256_cvtps_pd(half))) };
            }
        }
    }
}
