//! AVX2 with FMA: 6 variants × 16 traits in twelve accumulators.

use std::arch::x86_64::{
    __m128i, __m256, _CMP_NEQ_OQ, _mm_loadl_epi64, _mm_set1_epi8, _mm_unpackhi_epi8, _mm_unpackhi_epi64,
    _mm_unpacklo_epi8, _mm256_add_pd, _mm256_and_ps, _mm256_castps256_ps128, _mm256_cmp_ps, _mm256_cmpeq_epi8,
    _mm256_cvtepi32_ps, _mm256_cvtepu8_epi32, _mm256_cvtps_pd, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_loadu_pd,
    _mm256_loadu_ps, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_storeu_pd, _mm256_storeu_ps, _mm256_sub_ps,
};

use super::carriers::{CallList, CarrierTile, Carriers, END, last_of_block, project_carriers_body};
use super::covariates::{MissingTile, TakeOff, dot_columns_body, gram_body, missing_sums_body, take_off_body};
use super::lanes::Avx2Lanes;
use super::pairs::{PairColumns, PairTile, fit_pairs_body};
use super::permuted::{RaiseTile, raise_body};
use super::portable::{list_calls_from, pack_calls_from, project_body};
use super::traits::{project_traits_body, residuals_body, square_traits_body};
use super::{GemmTile, Matrix, PackTile, ProjectTile, SUM_BLOCK, stamp};
use crate::block::MISSING_CALL;

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

stamp!("avx2,fma", Avx2Lanes);

/// See [`super::Kernels::pack_calls`].
pub(crate) fn pack_calls(tile: PackTile<'_>, out: &mut [f32]) {
    // SAFETY: as in `gemm`.
    unsafe { pack_calls_avx2(tile, out) }
}

/// See [`super::Kernels::list_calls`].
pub(crate) fn list_calls(calls: &[u8], list: CallList, out: &mut Vec<u32>) {
    // SAFETY: as in `gemm`.
    unsafe { list_calls_avx2(calls, list, out) }
}

/// See [`super::Kernels::gemm_carriers`].
pub(crate) fn gemm_carriers(tile: CarrierTile<'_>, acc: &mut [f64]) {
    // SAFETY: as in `gemm`.
    unsafe { gemm_carriers_avx2(tile, acc) }
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
        fold(sums, &mut acc[r * stride + column..]);
    }
}

/// Adds f32 sums to the first of `acc`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn fold<const REGS: usize>(sums: &[__m256; REGS], acc: &mut [f64]) {
    let row = &mut acc[..8 * REGS];
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

#[target_feature(enable = "avx2,fma")]
fn gemm_carriers_avx2(tile: CarrierTile<'_>, acc: &mut [f64]) {
    match tile.width {
        32 => carriers::<4>(tile, acc),
        16 => carriers::<2>(tile, acc),
        _ => carriers::<1>(tile, acc),
    }
}

/// Carriers × 8·`REGS` traits (the whole panel).
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn carriers<const REGS: usize>(tile: CarrierTile<'_>, acc: &mut [f64]) {
    let Carriers { samples, values, starts } = tile.carriers;
    for (v, &start) in starts.iter().enumerate() {
        let mut at = start as usize;
        while samples[at] != END {
            let (last, mut sums) = (last_of_block(samples[at]), [_mm256_setzero_ps(); REGS]);
            while samples[at] <= last {
                let y = &tile.y[samples[at] as usize * 8 * REGS..][..8 * REGS];
                let g = _mm256_set1_ps(values[at]);
                for (c, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: `y` has 8·REGS values (sliced above) and c < REGS.
                    let y = unsafe { _mm256_loadu_ps(y.as_ptr().add(8 * c)) };
                    *sum = _mm256_fmadd_ps(g, y, *sum);
                }
                at += 1;
            }
            fold(&sums, &mut acc[v * tile.stride..]);
        }
    }
}

#[target_feature(enable = "avx2,fma")]
fn list_calls_avx2(calls: &[u8], list: CallList, out: &mut Vec<u32>) {
    let [a, b] = list.values.map(|value| _mm256_set1_epi8(value as i8));
    let flip = if list.equal { 0 } else { u32::MAX };
    let (chunks, mut len) = (calls.as_chunks::<32>().0, out.len());
    out.resize(len + 32 * chunks.len(), 0);
    for (chunk, first) in chunks.iter().zip((list.first..).step_by(32)) {
        // SAFETY: `chunk` has 32 bytes.
        let calls = unsafe { _mm256_loadu_si256(chunk.as_ptr().cast()) };
        let equal = _mm256_or_si256(_mm256_cmpeq_epi8(calls, a), _mm256_cmpeq_epi8(calls, b));
        let mut wanted = _mm256_movemask_epi8(equal) as u32 ^ flip;
        while wanted != 0 {
            out[len] = first + wanted.trailing_zeros();
            len += 1;
            wanted &= wanted - 1;
        }
    }
    out.truncate(len);
    list_calls_from(calls, list, 32 * chunks.len(), out);
}

#[target_feature(enable = "avx2,fma")]
fn pack_calls_avx2(tile: PackTile<'_>, out: &mut [f32]) {
    let n = tile.calls.first().map_or(0, |calls| calls.len());
    let mut shifts = [0f32; 8];
    shifts.iter_mut().zip(tile.shifts).for_each(|(out, shift)| *out = *shift);
    // SAFETY: eight values.
    let shifts = unsafe { _mm256_loadu_ps(shifts.as_ptr()) };
    let missing = _mm256_set1_ps(f32::from(MISSING_CALL));
    for first in (0..n / 8 * 8).step_by(8) {
        let mut rows = [_mm_set1_epi8(MISSING_CALL as i8); 8];
        for (row, calls) in rows.iter_mut().zip(tile.calls) {
            let calls = &calls[first..first + 8];
            // SAFETY: eight bytes (sliced above).
            *row = unsafe { _mm_loadl_epi64(calls.as_ptr().cast()) };
        }
        let columns = transpose(rows);
        for (pair, &two) in columns.iter().enumerate() {
            for (half, one) in [two, _mm_unpackhi_epi64(two, two)].into_iter().enumerate() {
                let calls = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(one));
                let called = _mm256_cmp_ps::<_CMP_NEQ_OQ>(calls, missing);
                let values = _mm256_and_ps(called, _mm256_sub_ps(calls, shifts));
                let out = &mut out[(first + 2 * pair + half) * TILE..][..8];
                // SAFETY: eight values (sliced above).
                unsafe { _mm256_storeu_ps(out.as_mut_ptr(), values) };
            }
        }
    }
    pack_calls_from::<TILE>(tile, n / 8 * 8, out);
}

/// 8 × 8 bytes, the rows in low halves, transposed into pairs of rows.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose(rows: [__m128i; 8]) -> [__m128i; 4] {
    let mut r: [__m128i; 4] = std::array::from_fn(|i| _mm_unpacklo_epi8(rows[i], rows[i + 4]));
    for _ in 0..2 {
        r = [
            _mm_unpacklo_epi8(r[0], r[2]),
            _mm_unpackhi_epi8(r[0], r[2]),
            _mm_unpacklo_epi8(r[1], r[3]),
            _mm_unpackhi_epi8(r[1], r[3]),
        ];
    }
    r
}
