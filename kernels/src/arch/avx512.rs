//! AVX-512F: 14 variants × 32 traits in 28 accumulators.

use std::arch::x86_64::{
    _mm512_add_pd, _mm512_castpd_ps, _mm512_castps_pd, _mm512_castps512_ps256, _mm512_cvtps_pd, _mm512_fmadd_ps,
    _mm512_loadu_pd, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_shuffle_f64x2, _mm512_storeu_pd,
};

use super::portable::project_body;
use super::{GemmTile, ProjectTile, SUM_BLOCK, avx2};

/// Variants in a tile.
pub(crate) const TILE: usize = 14;

/// See [`super::Kernels::gemm`].
pub(crate) fn gemm(tile: GemmTile<'_>, acc: &mut [f64]) {
    // SAFETY: this function is reached through `Kernels::new` alone, which has asked the CPU for AVX-512F.
    unsafe { gemm_avx512(tile, acc) }
}

/// See [`super::Kernels::project`].
pub(crate) fn project(tile: ProjectTile<'_>, x: &mut [f64], gg: &mut [f64]) {
    // SAFETY: as in `gemm`.
    unsafe { project_avx512(tile, x, gg) }
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn gemm_avx512(tile: GemmTile<'_>, acc: &mut [f64]) {
    for (g, y) in tile.g.chunks(SUM_BLOCK * TILE).zip(tile.y.chunks(SUM_BLOCK * tile.width)) {
        match tile.width {
            32 => block::<2>(g, y, tile.stride, acc),
            16 => block::<1>(g, y, tile.stride, acc),
            width => {
                for column in (0..width).step_by(8) {
                    avx2::block::<TILE, 1>(g, y, width, column, tile.stride, acc);
                }
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn project_avx512(tile: ProjectTile<'_>, x: &mut [f64], gg: &mut [f64]) {
    project_body::<TILE, 7>(tile, x, gg);
}

/// `TILE` variants × 16·`REGS` traits (the whole panel) over one block of samples, folded into `acc`.
#[inline]
#[target_feature(enable = "avx512f")]
fn block<const REGS: usize>(g: &[f32], y: &[f32], stride: usize, acc: &mut [f64]) {
    let mut sums = [[_mm512_setzero_ps(); REGS]; TILE];
    for (g, y) in g.as_chunks::<TILE>().0.iter().zip(y.chunks_exact(16 * REGS)) {
        let mut lanes = [_mm512_setzero_ps(); REGS];
        for (c, lane) in lanes.iter_mut().enumerate() {
            // SAFETY: `y` has 16·REGS values (chunks_exact) and c < REGS.
            *lane = unsafe { _mm512_loadu_ps(y.as_ptr().add(16 * c)) };
        }
        for r in 0..TILE {
            let g = _mm512_set1_ps(g[r]);
            for c in 0..REGS {
                sums[r][c] = _mm512_fmadd_ps(g, lanes[c], sums[r][c]);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        let row = &mut acc[r * stride..r * stride + 16 * REGS];
        for (c, &sum) in sums.iter().enumerate() {
            let wide = _mm512_castps_pd(sum);
            let upper = _mm512_castpd_ps(_mm512_shuffle_f64x2::<0b1110>(wide, wide));
            for (h, half) in [_mm512_castps512_ps256(sum), _mm512_castps512_ps256(upper)].into_iter().enumerate() {
                // SAFETY: `row` has 16·REGS values (sliced above) and 16c + 8h + 8 ≤ 16·REGS.
                let at = unsafe { row.as_mut_ptr().add(16 * c + 8 * h) };
                // SAFETY: eight values lie at `at`, as said above.
                let old = unsafe { _mm512_loadu_pd(at) };
                // SAFETY: as for the load.
                unsafe { _mm512_storeu_pd(at, _mm512_add_pd(old, _mm512_cvtps_pd(half))) };
            }
        }
    }
}
