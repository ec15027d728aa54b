//! The oracle: the kernels in plain Rust, in fixed-width lanes that the compiler vectorises for any CPU.

use super::{GemmTile, ProjectTile, SUM_BLOCK};

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
