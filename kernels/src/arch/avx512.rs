//! AVX-512F: 14 variants × 32 traits in 28 accumulators.

use std::arch::x86_64::{
    __m128i, __m512, __m512d, _mm_loadu_si128, _mm_set1_epi8, _mm_unpackhi_epi8, _mm_unpacklo_epi8, _mm256_cmpeq_epi8,
    _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm512_add_epi32, _mm512_add_pd,
    _mm512_castpd_ps, _mm512_castps_pd, _mm512_castps512_ps256, _mm512_cmpneq_epi32_mask, _mm512_cvtepi32_ps,
    _mm512_cvtepu8_epi32, _mm512_cvtps_pd, _mm512_fmadd_ps, _mm512_loadu_pd, _mm512_loadu_ps,
    _mm512_maskz_compress_epi32, _mm512_maskz_sub_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setr_epi32,
    _mm512_setzero_ps, _mm512_shuffle_f64x2, _mm512_storeu_epi32, _mm512_storeu_pd, _mm512_storeu_ps,
};

use super::carriers::{CallList, CarrierTile, Carriers, END, last_of_block, project_carriers_body};
use super::covariates::{MissingTile, TakeOff, dot_columns_body, gram_body, missing_sums_body, take_off_body};
use super::lanes::Avx512Lanes;
use super::pairs::{PairColumns, PairTile, fit_pairs_body};
use super::permuted::{RaiseTile, raise_body};
use super::portable::{list_calls_from, pack_calls_from, project_body};
use super::traits::{project_traits_body, residuals_body, square_traits_body};
use super::{GemmTile, Matrix, PackTile, ProjectTile, SUM_BLOCK, avx2, stamp};
use crate::block::MISSING_CALL;

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

stamp!("avx512f,avx2,fma", Avx512Lanes);

/// See [`super::Kernels::pack_calls`].
pub(crate) fn pack_calls(tile: PackTile<'_>, out: &mut [f32]) {
    // SAFETY: as in `gemm`.
    unsafe { pack_calls_avx512(tile, out) }
}

/// See [`super::Kernels::list_calls`].
pub(crate) fn list_calls(calls: &[u8], list: CallList, out: &mut Vec<u32>) {
    // SAFETY: as in `gemm`.
    unsafe { list_calls_avx512(calls, list, out) }
}

/// See [`super::Kernels::gemm_carriers`].
pub(crate) fn gemm_carriers(tile: CarrierTile<'_>, acc: &mut [f64]) {
    // SAFETY: as in `gemm`.
    unsafe { gemm_carriers_avx512(tile, acc) }
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
            for (h, wide) in widened(sum).into_iter().enumerate() {
                // SAFETY: `row` has 16·REGS values (sliced above) and 16c + 8h + 8 ≤ 16·REGS.
                let at = unsafe { row.as_mut_ptr().add(16 * c + 8 * h) };
                // SAFETY: eight values lie at `at`, as said above.
                let old = unsafe { _mm512_loadu_pd(at) };
                // SAFETY: as for the load.
                unsafe { _mm512_storeu_pd(at, _mm512_add_pd(old, wide)) };
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn widened(x: __m512) -> [__m512d; 2] {
    let wide = _mm512_castps_pd(x);
    let upper = _mm512_castpd_ps(_mm512_shuffle_f64x2::<0b1110>(wide, wide));
    [_mm512_cvtps_pd(_mm512_castps512_ps256(x)), _mm512_cvtps_pd(_mm512_castps512_ps256(upper))]
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn gemm_carriers_avx512(tile: CarrierTile<'_>, acc: &mut [f64]) {
    match tile.width {
        32 => carriers::<2>(tile, acc),
        16 => carriers::<1>(tile, acc),
        _ => avx2::carriers::<1>(tile, acc),
    }
}

/// Carriers × 16·`REGS` traits (the whole panel).
#[inline]
#[target_feature(enable = "avx512f")]
fn carriers<const REGS: usize>(tile: CarrierTile<'_>, acc: &mut [f64]) {
    let Carriers { samples, values, starts } = tile.carriers;
    for (v, &start) in starts.iter().enumerate() {
        let mut at = start as usize;
        if samples[at] == END {
            continue;
        }
        let row = &mut acc[v * tile.stride..][..16 * REGS];
        let mut totals = [[_mm512_castps_pd(_mm512_setzero_ps()); 2]; REGS];
        for (c, total) in totals.as_flattened_mut().iter_mut().enumerate() {
            // SAFETY: `row` has 16·REGS values (sliced above) and c < 2·REGS.
            *total = unsafe { _mm512_loadu_pd(row.as_ptr().add(8 * c)) };
        }
        while samples[at] != END {
            let (last, mut sums) = (last_of_block(samples[at]), [_mm512_setzero_ps(); REGS]);
            while samples[at] <= last {
                let y = &tile.y[samples[at] as usize * 16 * REGS..][..16 * REGS];
                let g = _mm512_set1_ps(values[at]);
                for (c, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: `y` has 16·REGS values (sliced above) and c < REGS.
                    let y = unsafe { _mm512_loadu_ps(y.as_ptr().add(16 * c)) };
                    *sum = _mm512_fmadd_ps(g, y, *sum);
                }
                at += 1;
            }
            for (total, &sum) in totals.iter_mut().zip(&sums) {
                let [low, high] = widened(sum);
                *total = [_mm512_add_pd(total[0], low), _mm512_add_pd(total[1], high)];
            }
        }
        for (c, &total) in totals.as_flattened().iter().enumerate() {
            // SAFETY: as for the loads.
            unsafe { _mm512_storeu_pd(row.as_mut_ptr().add(8 * c), total) };
        }
    }
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn pack_calls_avx512(tile: PackTile<'_>, out: &mut [f32]) {
    let n = tile.calls.first().map_or(0, |calls| calls.len());
    let mut shifts = [0f32; 16];
    shifts.iter_mut().zip(tile.shifts).for_each(|(out, shift)| *out = *shift);
    // SAFETY: sixteen values.
    let shifts = unsafe { _mm512_loadu_ps(shifts.as_ptr()) };
    let missing = _mm512_set1_epi32(i32::from(MISSING_CALL));
    for first in (0..n / 16 * 16).step_by(16) {
        let mut rows = [_mm_set1_epi8(MISSING_CALL as i8); 16];
        for (row, calls) in rows.iter_mut().zip(tile.calls) {
            let calls = &calls[first..first + 16];
            // SAFETY: sixteen bytes (sliced above).
            *row = unsafe { _mm_loadu_si128(calls.as_ptr().cast()) };
        }
        for (i, sample) in transpose(rows).into_iter().enumerate() {
            let calls = _mm512_cvtepu8_epi32(sample);
            let called = _mm512_cmpneq_epi32_mask(calls, missing);
            let values = _mm512_maskz_sub_ps(called, _mm512_cvtepi32_ps(calls), shifts);
            let out = &mut out[(first + i) * TILE..][..16];
            // SAFETY: sixteen values (sliced above).
            unsafe { _mm512_storeu_ps(out.as_mut_ptr(), values) };
        }
    }
    pack_calls_from::<TILE>(tile, n / 16 * 16, out);
}

/// Samples that are passed over at once where none is to be listed.
const LISTED: usize = 128;

#[target_feature(enable = "avx512f,avx2,fma,popcnt")]
fn list_calls_avx512(calls: &[u8], list: CallList, out: &mut Vec<u32>) {
    let [a, b] = list.values.map(|value| _mm256_set1_epi8(value as i8));
    let flip = if list.equal { 0 } else { u32::MAX };
    let (chunks, mut len) = (calls.as_chunks::<LISTED>().0, out.len());
    out.resize(len + LISTED * chunks.len(), 0);
    let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (chunk, first) in chunks.iter().zip((list.first..).step_by(LISTED)) {
        let mut wanted = [0u32; LISTED / 32];
        for (wanted, calls) in wanted.iter_mut().zip(chunk.as_chunks::<32>().0) {
            // SAFETY: 32 bytes.
            let calls = unsafe { _mm256_loadu_si256(calls.as_ptr().cast()) };
            let equal = _mm256_or_si256(_mm256_cmpeq_epi8(calls, a), _mm256_cmpeq_epi8(calls, b));
            *wanted = _mm256_movemask_epi8(equal) as u32 ^ flip;
        }
        if wanted == [0; LISTED / 32] {
            continue;
        }
        for (part, first) in (0..LISTED / 16).zip((first..).step_by(16)) {
            let wanted = (wanted[part / 2] >> (16 * (part % 2))) as u16;
            let samples = _mm512_add_epi32(lanes, _mm512_set1_epi32(first as i32));
            // As many values are left as there are samples, so that sixteen fit.
            let out = &mut out[len..len + 16];
            // SAFETY: sixteen values (sliced above).
            unsafe { _mm512_storeu_epi32(out.as_mut_ptr().cast(), _mm512_maskz_compress_epi32(wanted, samples)) };
            len += wanted.count_ones() as usize;
        }
    }
    out.truncate(len);
    list_calls_from(calls, list, LISTED * chunks.len(), out);
}

/// 16 × 16 bytes transposed: four perfect shuffles of the rows.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose(mut rows: [__m128i; 16]) -> [__m128i; 16] {
    for _ in 0..4 {
        let mut next = rows;
        for i in 0..8 {
            next[2 * i] = _mm_unpacklo_epi8(rows[i], rows[i + 8]);
            next[2 * i + 1] = _mm_unpackhi_epi8(rows[i], rows[i + 8]);
        }
        rows = next;
    }
    rows
}
