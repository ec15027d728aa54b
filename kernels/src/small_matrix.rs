//! Dense f64 algebra of covariate size (k up to some hundreds), with one order of sums. Plain loops without fused
//! multiply-add, so that every instruction set gives the same bits.

/// Σ aᵢbᵢ in eight lanes along the vector, lanes summed in order.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0f64; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    for ((lane, x), y) in lanes.iter_mut().zip(a8.remainder()).zip(b8.remainder()) {
        *lane = x * y;
    }
    for (x, y) in a8.zip(b8) {
        for l in 0..8 {
            lanes[l] += x[l] * y[l];
        }
    }
    lanes.iter().sum()
}

/// y += a·x.
pub(crate) fn add_scaled(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// Adds the lower triangle of x·xᵀ to `m` (k × k, row-major).
pub(crate) fn add_outer_lower(x: &[f64], m: &mut [f64]) {
    let k = x.len();
    for (i, &xi) in x.iter().enumerate() {
        add_scaled(xi, &x[..=i], &mut m[i * k..=i * k + i]);
    }
}

/// How well a Cholesky factorisation went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pivots {
    /// The smallest pivot; not positive where the factor is unusable.
    pub(crate) smallest: f64,
    /// The smallest ratio of a pivot to its diagonal entry.
    pub(crate) ratio: f64,
}

/// Cholesky factor L of a symmetric k × k matrix, over its lower triangle in place.
pub(crate) fn cholesky(m: &mut [f64], k: usize) -> Pivots {
    let mut pivots = Pivots { smallest: f64::INFINITY, ratio: f64::INFINITY };
    for j in 0..k {
        let diagonal = m[j * k + j];
        let pivot = diagonal - dot(&m[j * k..j * k + j], &m[j * k..j * k + j]);
        if pivot.is_nan() || pivot <= 0.0 {
            return Pivots { smallest: 0.0, ratio: 0.0 };
        }
        pivots.smallest = pivots.smallest.min(pivot);
        pivots.ratio = pivots.ratio.min(pivot / diagonal);
        let root = pivot.sqrt();
        m[j * k + j] = root;
        for i in j + 1..k {
            let (upper, lower) = m.split_at_mut(i * k);
            let sum = dot(&lower[..j], &upper[j * k..j * k + j]);
            lower[j] = (lower[j] - sum) / root;
        }
    }
    pivots
}

/// Solves L·w = b in place.
pub(crate) fn solve_lower(l: &[f64], k: usize, b: &mut [f64]) {
    for i in 0..k {
        let sum = dot(&l[i * k..i * k + i], &b[..i]);
        b[i] = (b[i] - sum) / l[i * k + i];
    }
}

/// Solves Lᵀ·w = b in place.
pub(crate) fn solve_lower_transposed(l: &[f64], k: usize, b: &mut [f64]) {
    for i in (0..k).rev() {
        b[i] /= l[i * k + i];
        let bi = b[i];
        add_scaled(-bi, &l[i * k..i * k + i], &mut b[..i]);
    }
}

/// Inverse of a lower triangular k × k matrix.
pub(crate) fn invert_lower(l: &[f64], k: usize) -> Vec<f64> {
    let mut inverse = vec![0f64; k * k];
    let mut column = vec![0f64; k];
    for j in 0..k {
        column.fill(0.0);
        column[j] = 1.0;
        solve_lower(l, k, &mut column);
        for i in j..k {
            inverse[i * k + j] = column[i];
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cholesky_solves() {
        let a = [4.0, 2.0, 0.6, 2.0, 5.0, 1.0, 0.6, 1.0, 3.0];
        let mut l = a;
        assert!(cholesky(&mut l, 3).ratio > 0.5);
        let mut x = [1.0, -2.0, 0.5];
        solve_lower(&l, 3, &mut x);
        solve_lower_transposed(&l, 3, &mut x);
        for (i, expected) in [1.0, -2.0, 0.5].iter().enumerate() {
            assert!((dot(&a[i * 3..i * 3 + 3], &x) - expected).abs() < 1e-14);
        }
        let inverse = invert_lower(&l, 3);
        let mut y = [1.0, -2.0, 0.5];
        solve_lower(&l, 3, &mut y);
        for i in 0..3 {
            assert!((dot(&inverse[i * 3..i * 3 + 3], &[1.0, -2.0, 0.5]) - y[i]).abs() < 1e-14);
        }
        assert_eq!(cholesky(&mut [1.0, 1.0, 1.0, 1.0], 2).smallest, 0.0);
    }
}
