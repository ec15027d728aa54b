//! The oracle: the kernels in plain Rust, in fixed-width lanes that the compiler vectorises for any CPU.

use super::carriers::{CallList, CarrierTile, Carriers, END, last_of_block, project_carriers_body};
use super::covariates::{MissingTile, TakeOff, dot_columns_body, gram_body, missing_sums_body, take_off_body};
use super::pairs::{PairColumns, PairTile, fit_pairs_body};
use super::permuted::{RaiseTile, raise_body};
use super::traits::{project_traits_body, residuals_body, square_traits_body};
use super::{GemmTile, Matrix, PackTile, ProjectTile, SUM_BLOCK};
use crate::block::MISSING_CALL;

/// Variants in a tile.
pub(crate) const TILE: usize = 4;
const LANES: usize = 8;

/// See [`super::Kernels::gemm`].
pub(crate) fn gemm(tile: GemmTile<'_>, acc: &mut [f64]) {
    for (g, y) in tile.g.chunks(SUM_BLOCK * TILE).zip(tile.y.chunks(SUM_BLOCK * tile.width)) {
        for column in (0..tile.width).step_by(LANES) {
            let sums = if tile.fused {
                block(g, y, tile.width, column, |g, y, sum| g.mul_add(y, sum))
            } else {
                block(g, y, tile.width, column, |g, y, sum| sum + g * y)
            };
            for (row, sums) in sums.iter().enumerate() {
                let start = row * tile.stride + column;
                for (acc, &sum) in acc[start..start + LANES].iter_mut().zip(sums) {
                    *acc += f64::from(sum);
                }
            }
        }
    }
}

#[inline(always)]
fn block(
    g: &[f32],
    y: &[f32],
    width: usize,
    column: usize,
    fma: impl Fn(f32, f32, f32) -> f32,
) -> [[f32; LANES]; TILE] {
    let mut sums = [[0f32; LANES]; TILE];
    for (g, y) in g.as_chunks::<TILE>().0.iter().zip(y.chunks_exact(width)) {
        let Some(y) = y[column..].first_chunk::<LANES>() else { break };
        for (sums, &g) in sums.iter_mut().zip(g) {
            for l in 0..LANES {
                sums[l] = fma(g, y[l], sums[l]);
            }
        }
    }
    sums
}

/// See [`super::Kernels::project`].
pub(crate) fn project(tile: ProjectTile<'_>, x: &mut [f64], gg: &mut [f64]) {
    project_body::<TILE, 2>(tile, x, gg);
}

/// The projection for any tile, `ROWS` variants at a time (a divisor of `TILE`); compiled once per instruction set.
#[inline(always)]
pub(super) fn project_body<const TILE: usize, const ROWS: usize>(tile: ProjectTile<'_>, x: &mut [f64], gg: &mut [f64]) {
    for (g, q) in tile.g.chunks(SUM_BLOCK * TILE).zip(tile.q.chunks(SUM_BLOCK * tile.width)) {
        let g = g.as_chunks::<TILE>().0;
        for column in (0..tile.width).step_by(LANES) {
            for row in (0..TILE).step_by(ROWS) {
                let sums = project_block::<TILE, ROWS>(g, q, tile.width, row, column);
                for (r, sums) in sums.iter().enumerate() {
                    let start = (row + r) * tile.width + column;
                    for (x, sum) in x[start..start + LANES].iter_mut().zip(sums) {
                        *x += sum;
                    }
                }
            }
        }
        let mut squares = [0f64; TILE];
        for g in g {
            for r in 0..TILE {
                squares[r] += f64::from(g[r]) * f64::from(g[r]);
            }
        }
        for (gg, square) in gg.iter_mut().zip(squares) {
            *gg += square;
        }
    }
}

#[inline(always)]
fn project_block<const TILE: usize, const ROWS: usize>(
    g: &[[f32; TILE]],
    q: &[f64],
    width: usize,
    row: usize,
    column: usize,
) -> [[f64; LANES]; ROWS] {
    let mut sums = [[0f64; LANES]; ROWS];
    for (g, q) in g.iter().zip(q.chunks_exact(width)) {
        let Some(g) = g[row..].first_chunk::<ROWS>() else { break };
        let Some(q) = q[column..].first_chunk::<LANES>() else { break };
        for r in 0..ROWS {
            let g = f64::from(g[r]);
            for l in 0..LANES {
                sums[r][l] += g * q[l];
            }
        }
    }
    sums
}

/// See [`super::Kernels::pack_calls`].
pub(crate) fn pack_calls(tile: PackTile<'_>, out: &mut [f32]) {
    pack_calls_from::<TILE>(tile, 0, out);
}

/// Packs samples `first..`.
#[inline(always)]
pub(super) fn pack_calls_from<const TILE: usize>(tile: PackTile<'_>, first: usize, out: &mut [f32]) {
    for r in 0..TILE {
        let Some((calls, shift)) = tile.calls.get(r).zip(tile.shifts.get(r)) else {
            let n = tile.calls.first().map_or(0, |calls| calls.len());
            out[first * TILE..n * TILE].iter_mut().skip(r).step_by(TILE).for_each(|out| *out = 0.0);
            continue;
        };
        let values = [-shift, 1.0 - shift, 2.0 - shift, 0.0];
        for (out, &call) in out[first * TILE..].iter_mut().skip(r).step_by(TILE).zip(&calls[first..]) {
            *out = if call == MISSING_CALL { 0.0 } else { values[usize::from(call & 3)] };
        }
    }
}

/// See [`super::Kernels::list_calls`].
pub(crate) fn list_calls(calls: &[u8], list: CallList, out: &mut Vec<u32>) {
    list_calls_from(calls, list, 0, out);
}

/// Lists from sample `first` of those given.
pub(super) fn list_calls_from(calls: &[u8], list: CallList, first: usize, out: &mut Vec<u32>) {
    let [a, b] = list.values;
    let wanted = calls.iter().enumerate().skip(first).filter(|(_, call)| (**call == a || **call == b) == list.equal);
    out.extend(wanted.map(|(i, _)| list.first + i as u32));
}

/// See [`super::Kernels::gemm_carriers`].
pub(crate) fn gemm_carriers(tile: CarrierTile<'_>, acc: &mut [f64]) {
    if tile.fused {
        carriers_with(tile, acc, |g, y, sum| g.mul_add(y, sum));
    } else {
        carriers_with(tile, acc, |g, y, sum| sum + g * y);
    }
}

#[inline(always)]
fn carriers_with(tile: CarrierTile<'_>, acc: &mut [f64], fma: impl Fn(f32, f32, f32) -> f32) {
    let Carriers { samples, values, starts } = tile.carriers;
    for (v, &start) in starts.iter().enumerate() {
        for column in (0..tile.width).step_by(LANES) {
            let mut at = start as usize;
            while samples[at] != END {
                let (last, mut sums) = (last_of_block(samples[at]), [0f32; LANES]);
                while samples[at] <= last {
                    let y = &tile.y[samples[at] as usize * tile.width + column..][..LANES];
                    for l in 0..LANES {
                        sums[l] = fma(values[at], y[l], sums[l]);
                    }
                    at += 1;
                }
                let acc = &mut acc[v * tile.stride + column..][..LANES];
                acc.iter_mut().zip(sums).for_each(|(acc, sum)| *acc += f64::from(sum));
            }
        }
    }
}

/// See [`super::Kernels::project_carriers`].
pub(crate) fn project_carriers(carriers: Carriers<'_>, q: Matrix<'_>, x: &mut [f64], gg: &mut [f64]) {
    project_carriers_body::<[f64; LANES]>(carriers, q, x, gg);
}

/// See [`super::Kernels::dot_columns`].
pub(crate) fn dot_columns(x: &[f64], m: Matrix<'_>, out: &mut [f64]) {
    dot_columns_body::<[f64; LANES]>(x, m, out);
}

/// See [`super::Kernels::gram`].
pub(crate) fn gram(rows: &[u32], m: Matrix<'_>, out: &mut [f64]) {
    gram_body::<[f64; LANES]>(rows, m, out);
}

/// See [`super::Kernels::missing_sums`].
pub(crate) fn missing_sums(tile: MissingTile<'_>, projections: &mut [f64], squares: &mut [f64]) {
    missing_sums_body::<[f64; LANES]>(tile, projections, squares);
}

/// See [`super::Kernels::take_off`].
pub(crate) fn take_off(tile: TakeOff<'_>, sums: &mut [f64]) {
    take_off_body::<[f64; LANES]>(tile, sums);
}

/// See [`super::Kernels::fit_pairs`].
pub(crate) fn fit_pairs(tile: &PairTile<'_>, out: &mut PairColumns) {
    fit_pairs_body::<[f64; LANES]>(tile, out);
}

/// See [`super::Kernels::project_traits`].
pub(crate) fn project_traits(y: &[f64], q: Matrix<'_>, out: &mut [f64]) {
    project_traits_body::<[f64; LANES]>(y, q, out);
}

/// See [`super::Kernels::residuals`].
pub(crate) fn residuals(y: &mut [f64], observed: &[u8], q: Matrix<'_>, coefficients: &[f64]) {
    residuals_body::<[f64; LANES]>(y, observed, q, coefficients);
}

/// See [`super::Kernels::square_traits`].
pub(crate) fn square_traits(y: &[f64], out: &mut [f64]) {
    square_traits_body::<[f64; LANES]>(y, out);
}

/// See [`super::Kernels::raise`].
pub(crate) fn raise(tile: RaiseTile<'_>, best: &mut [f64]) {
    raise_body::<[f64; LANES]>(tile, best);
}
