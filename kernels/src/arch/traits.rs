//! Traits residualised on the covariates, eight at a time, [sample][8].

use super::Matrix;
use super::lanes::{LANES, Lanes, sum_as_dot};

/// See [`super::Kernels::project_traits`].
#[inline(always)]
pub(super) fn project_traits_body<L: Lanes>(y: &[f64], (q, width): Matrix<'_>, out: &mut [f64]) {
    for first in (0..width).step_by(8) {
        let mut sums = [L::splat(0.0); 8];
        for (y, q) in y.chunks_exact(LANES).zip(q.chunks_exact(width)) {
            let (y, q) = (L::load(y), &q[first..first + 8]);
            for j in 0..8 {
                sums[j] = sums[j].add(L::splat(q[j]).mul(y));
            }
        }
        for (sum, out) in sums.into_iter().zip(out[first * LANES..].chunks_exact_mut(LANES)) {
            sum.store(out);
        }
    }
}

/// See [`super::Kernels::residuals`].
#[inline(always)]
pub(super) fn residuals_body<L: Lanes>(y: &mut [f64], observed: &[u8], (q, width): Matrix<'_>, coefficients: &[f64]) {
    let k = coefficients.len() / LANES;
    for ((y, &observed), q) in y.chunks_exact_mut(LANES).zip(observed).zip(q.chunks_exact(width)) {
        let fitted = sum_as_dot(k, |j| L::splat(q[j]).mul(L::load(&coefficients[j * LANES..])));
        L::load(y).sub(fitted).keep(observed).store(y);
    }
}

/// See [`super::Kernels::square_traits`].
#[inline(always)]
pub(super) fn square_traits_body<L: Lanes>(y: &[f64], out: &mut [f64]) {
    let blocks = y.chunks_exact(LANES * LANES);
    let mut sums = [L::splat(0.0); LANES];
    for (sum, y) in sums.iter_mut().zip(blocks.remainder().chunks_exact(LANES)) {
        *sum = L::load(y).mul(L::load(y));
    }
    for block in blocks {
        for (sum, y) in sums.iter_mut().zip(block.chunks_exact(LANES)) {
            *sum = sum.add(L::load(y).mul(L::load(y)));
        }
    }
    let [mut total, rest @ ..] = sums;
    for sum in rest {
        total = total.add(sum);
    }
    total.store(out);
}
