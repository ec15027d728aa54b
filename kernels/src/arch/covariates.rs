//! Sums in the space of the covariates: over a variant's missing samples, over a mask's.

use super::Matrix;
use super::lanes::{LANES, Lanes, sum_as_dot};

/// Sums over the missing samples of a variant against one panel of residuals y = hi + lo: Σ qⱼy into [covariate][stride]
/// and Σ y² into [width], in the order of the samples.
#[derive(Clone, Copy)]
pub(crate) struct MissingTile<'a> {
    /// Missing samples, ascending.
    pub(crate) samples: &'a [u32],
    /// [sample][width].
    pub(crate) hi: &'a [f32],
    /// [sample][width].
    pub(crate) lo: &'a [f32],
    /// Traits of the panel: 8, 16 or 32.
    pub(crate) width: usize,
    /// Orthonormal covariates, [sample][q_width].
    pub(crate) q: &'a [f64],
    /// Padded number of covariates, a multiple of 8, at least `k` + 3.
    pub(crate) q_width: usize,
    /// Covariates.
    pub(crate) k: usize,
    /// Distance between two covariates' rows of the output.
    pub(crate) stride: usize,
}

/// Adds −g·row of each listed sample to the sums, [mask][width], of every mask that lists the sample; to column `squares`
/// goes −g² and to `squares` + 1 goes −1 (the rows are 0 there).
#[derive(Clone, Copy)]
pub(crate) struct TakeOff<'a> {
    /// Samples, ascending, and their genotypes.
    pub(crate) samples: &'a [u32],
    /// Genotypes, none of them 0.
    pub(crate) values: &'a [f64],
    /// [sample][width].
    pub(crate) rows: &'a [f64],
    /// A multiple of 8.
    pub(crate) width: usize,
    /// See above.
    pub(crate) squares: usize,
    /// [sample]: where its masks start; one more than samples.
    pub(crate) starts: &'a [usize],
    /// Masks that list a sample.
    pub(crate) masks: &'a [u32],
}

/// See [`super::Kernels::dot_columns`].
#[inline(always)]
pub(super) fn dot_columns_body<L: Lanes>(x: &[f64], (m, stride): Matrix<'_>, out: &mut [f64]) {
    for (c, out) in out.chunks_exact_mut(LANES).enumerate() {
        sum_as_dot(x.len(), |i| L::splat(x[i]).mul(L::load(&m[i * stride + c * LANES..]))).store(out);
    }
}

/// See [`super::Kernels::gram`].
#[inline(always)]
pub(super) fn gram_body<L: Lanes>(samples: &[u32], (m, width): Matrix<'_>, out: &mut [f64]) {
    for column in (0..width).step_by(LANES) {
        for first in (0..width).step_by(8) {
            let mut sums = [L::splat(0.0); 8];
            for &i in samples {
                let row = &m[i as usize * width..][..width];
                let x = L::load(&row[column..]);
                let factors = &row[first..first + 8];
                for j in 0..8 {
                    sums[j] = sums[j].add(L::splat(factors[j]).mul(x));
                }
            }
            for (j, sum) in sums.into_iter().enumerate() {
                sum.store(&mut out[(first + j) * width + column..]);
            }
        }
    }
}

/// See [`MissingTile`].
#[inline(always)]
pub(super) fn missing_sums_body<L: Lanes>(tile: MissingTile<'_>, projections: &mut [f64], squares: &mut [f64]) {
    for column in (0..tile.width).step_by(LANES) {
        let mut first = 0;
        while first < tile.k {
            let square = match tile.k - first {
                0..=4 => missing_rows::<L, 4>(tile, column, &mut first, projections),
                5..=8 => missing_rows::<L, 8>(tile, column, &mut first, projections),
                _ => missing_rows::<L, 12>(tile, column, &mut first, projections),
            };
            square.store(&mut squares[column..]);
        }
    }
}

/// Up to `N` covariates; returns Σ y².
#[inline(always)]
fn missing_rows<L: Lanes, const N: usize>(
    tile: MissingTile<'_>,
    column: usize,
    first: &mut usize,
    out: &mut [f64],
) -> L {
    let (mut sums, mut square) = ([L::splat(0.0); N], L::splat(0.0));
    for &i in tile.samples {
        let at = i as usize * tile.width + column;
        let y = L::load_f32(&tile.hi[at..]).add(L::load_f32(&tile.lo[at..]));
        square = square.add(y.mul(y));
        let q = &tile.q[i as usize * tile.q_width..][..tile.q_width];
        let q = &q[*first..*first + N];
        for j in 0..N {
            sums[j] = sums[j].add(L::splat(q[j]).mul(y));
        }
    }
    for (j, sum) in (*first..tile.k).zip(sums) {
        sum.store(&mut out[j * tile.stride + column..]);
    }
    *first += N;
    square
}

/// See [`TakeOff`].
#[inline(always)]
pub(super) fn take_off_body<L: Lanes>(tile: TakeOff<'_>, sums: &mut [f64]) {
    let mut column = 0;
    while column + 2 * LANES <= tile.width {
        take_off_columns::<L, 2>(tile, column, sums);
        column += 2 * LANES;
    }
    if column < tile.width {
        take_off_columns::<L, 1>(tile, column, sums);
    }
}

#[inline(always)]
fn take_off_columns<L: Lanes, const N: usize>(tile: TakeOff<'_>, column: usize, sums: &mut [f64]) {
    let square_unit = unit::<L, N>(tile.squares, column);
    let count_unit = unit::<L, N>(tile.squares + 1, column);
    for (&i, &g) in tile.samples.iter().zip(tile.values) {
        let masks = &tile.masks[tile.starts[i as usize]..tile.starts[i as usize + 1]];
        if masks.is_empty() {
            continue;
        }
        let row = &tile.rows[i as usize * tile.width + column..][..N * LANES];
        let (minus_g, square) = (L::splat(-g), L::splat(g * g));
        let mut part = [minus_g; N];
        for c in 0..N {
            let row = L::load(&row[c * LANES..]);
            part[c] = minus_g.mul(row).sub(square_unit[c].mul(square)).sub(count_unit[c]);
        }
        for &m in masks {
            let sums = &mut sums[m as usize * tile.width + column..][..N * LANES];
            for c in 0..N {
                L::load(&sums[c * LANES..]).add(part[c]).store(&mut sums[c * LANES..]);
            }
        }
    }
}

/// Columns `column..` of the unit vector of column `at`.
#[inline(always)]
fn unit<L: Lanes, const N: usize>(at: usize, column: usize) -> [L; N] {
    let mut lanes = [L::splat(0.0); N];
    if column <= at && at < column + N * LANES {
        let mut values = [0f64; LANES];
        values[(at - column) % LANES] = 1.0;
        lanes[(at - column) / LANES] = L::load(&values);
    }
    lanes
}
