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
        eliminate(m, k, j, pivot.sqrt());
    }
    pivots
}

/// As [`cholesky`], of a matrix that may have lost rank: a column whose pivot is under `floor` is passed over. Its diagonal
/// is +∞, so that the solves give 0 there: right where the right-hand side is in the range of the matrix. Returns how many.
pub(crate) fn cholesky_passing_over(m: &mut [f64], k: usize, floor: f64) -> usize {
    let mut n_lost = 0;
    for j in 0..k {
        let pivot = m[j * k + j] - dot(&m[j * k..j * k + j], &m[j * k..j * k + j]);
        let lost = pivot.is_nan() || pivot < floor;
        n_lost += usize::from(lost);
        eliminate(m, k, j, if lost { f64::INFINITY } else { pivot.sqrt() });
    }
    n_lost
}

/// Column j of the factor, whose diagonal is `root`.
fn eliminate(m: &mut [f64], k: usize, j: usize, root: f64) {
    m[j * k + j] = root;
    for i in j + 1..k {
        let (upper, lower) = m.split_at_mut(i * k);
        let sum = dot(&lower[..j], &upper[j * k..j * k + j]);
        lower[j] = (lower[j] - sum) / root;
    }
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

    #[test]
    fn cholesky_passes_over_dependent_columns() {
        // Columns a, b, 2a − b, c, a + c: rank 3.
        let columns = [[1.0, 2.0, 0.0, 1.0], [0.0, 1.0, 3.0, -1.0], [2.0, 3.0, -3.0, 3.0], [1.0, 0.0, 1.0, 4.0]];
        let columns = [columns[0], columns[1], columns[2], columns[3], [2.0, 2.0, 1.0, 5.0]];
        let gram: Vec<f64> = columns.iter().flat_map(|a| columns.iter().map(|b| dot(a, b))).collect();
        let mut l = gram.clone();
        assert_eq!(cholesky_passing_over(&mut l, 5, 1e-10), 2);
        assert!(l[2 * 5 + 2].is_infinite() && l[4 * 5 + 4].is_infinite());
        let y = [0.3, -1.0, 2.0, 0.7];
        let b: Vec<f64> = columns.iter().map(|a| dot(a, &y)).collect();
        let mut x = b.clone();
        solve_lower(&l, 5, &mut x);
        solve_lower_transposed(&l, 5, &mut x);
        assert_eq!((x[2], x[4]), (0.0, 0.0));
        for (i, b) in b.iter().enumerate() {
            assert!((dot(&gram[i * 5..i * 5 + 5], &x) - b).abs() < 1e-12);
        }
        let (mut skipping, mut plain) = (vec![4.0, 2.0, 2.0, 5.0], vec![4.0, 2.0, 2.0, 5.0]);
        cholesky(&mut plain, 2);
        assert_eq!((cholesky_passing_over(&mut skipping, 2, 1e-10), skipping), (0, plain));
    }
}
