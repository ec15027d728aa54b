//! The largest eigenvalues of a large symmetric matrix, by the method of Lanczos with full orthogonalisation (Golub and Van
//! Loan, Matrix Computations, 10.3): a few hundred products with a vector instead of a whole decomposition.

use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

/// Residual at which a pair is taken, relative to the largest eigenvalue.
const TOLERANCE: f64 = 1e-10;
/// Steps between two looks.
const LOOK: usize = 20;

/// The `n` largest eigenvalues with unit vectors, largest first. Fixed start and order of sums: the same bits always.
pub fn largest(matrix: &DMatrix<f64>, n: usize) -> Vec<(f64, Vec<f64>)> {
    let order = matrix.nrows();
    let n = n.min(order);
    let mut basis: Vec<DVector<f64>> = vec![fresh(order, 0, &[])];
    let (mut alpha, mut beta) = (Vec::new(), Vec::new());
    loop {
        let last = &basis[basis.len() - 1];
        let mut next = product(matrix, last);
        alpha.push(next.dot(last));
        // Twice, since once leaves what rounding put there.
        for _ in 0..2 {
            orthogonalise(&mut next, &basis);
        }
        let norm = next.norm();
        let steps = alpha.len();
        let scale = alpha.iter().fold(0f64, |max, a: &f64| max.max(a.abs()));
        let ended = norm <= scale * 1e-13;
        if steps == order || (steps >= 2 * n && steps.is_multiple_of(LOOK)) {
            let pairs = ritz(&alpha, &beta);
            let largest = pairs.first().map_or(0.0, |pair| pair.0.abs());
            let residual = |pair: &(f64, Vec<f64>)| norm * pair.1[steps - 1].abs();
            if steps == order || (!ended && pairs.iter().take(n).all(|pair| residual(pair) <= TOLERANCE * largest)) {
                return pairs.into_iter().take(n).map(|pair| (pair.0, combined(&basis, &pair.1))).collect();
            }
        }
        // An invariant space was found: another start finds what it has not.
        beta.push(if ended { 0.0 } else { norm });
        basis.push(if ended { fresh(order, steps, &basis) } else { next / norm });
    }
}

/// A start that no data are orthogonal to, orthogonal to the basis.
fn fresh(order: usize, seed: usize, basis: &[DVector<f64>]) -> DVector<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed as u64 + 1);
    let mut vector = DVector::from_fn(order, |_, _| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    });
    for _ in 0..2 {
        orthogonalise(&mut vector, basis);
    }
    let norm = vector.norm();
    vector / norm
}

fn orthogonalise(vector: &mut DVector<f64>, basis: &[DVector<f64>]) {
    let products: Vec<f64> = basis.par_iter().map(|other| other.dot(vector)).collect();
    basis.iter().zip(products).for_each(|(other, product)| vector.axpy(-product, other, 1.0));
}

fn product(matrix: &DMatrix<f64>, vector: &DVector<f64>) -> DVector<f64> {
    let rows: Vec<f64> = (0..matrix.ncols()).into_par_iter().map(|j| matrix.column(j).dot(vector)).collect();
    DVector::from_vec(rows)
}

/// Eigenpairs of the tridiagonal matrix, largest first.
fn ritz(alpha: &[f64], beta: &[f64]) -> Vec<(f64, Vec<f64>)> {
    let tridiagonal = DMatrix::from_fn(alpha.len(), alpha.len(), |i, j| match i.abs_diff(j) {
        0 => alpha[i],
        1 => beta[i.min(j)],
        _ => 0.0,
    });
    let eigen = tridiagonal.symmetric_eigen();
    let mut order: Vec<usize> = (0..alpha.len()).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]).then(a.cmp(&b)));
    order.into_iter().map(|i| (eigen.eigenvalues[i], eigen.eigenvectors.column(i).iter().copied().collect())).collect()
}

fn combined(basis: &[DVector<f64>], weights: &[f64]) -> Vec<f64> {
    let mut sum = DVector::zeros(basis[0].len());
    basis.iter().zip(weights).for_each(|(vector, &weight)| sum.axpy(weight, vector, 1.0));
    sum.iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(matrix: &DMatrix<f64>, n: usize) {
        let found = largest(matrix, n);
        let mut all: Vec<f64> = matrix.clone().symmetric_eigenvalues().iter().copied().collect();
        all.sort_by(|a, b| b.total_cmp(a));
        assert_eq!(found.len(), n.min(all.len()));
        for ((value, vector), expected) in found.iter().zip(&all) {
            assert!((value - expected).abs() <= 1e-9 * all[0], "{value} {expected}");
            let vector = DVector::from_column_slice(vector);
            assert!(
                (matrix * &vector - &vector * *value).norm() <= 1e-8 * all[0] && (vector.norm() - 1.0).abs() < 1e-10
            );
        }
    }

    #[test]
    fn equals_the_whole_decomposition() {
        let mut state = 5_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        };
        let data = DMatrix::from_fn(150, 90, |_, _| random());
        same(&(data.transpose() * &data), 5);
        same(&(&data * data.transpose()), 10);
        same(&(data.transpose() * &data), 200);
        same(&DMatrix::identity(30, 30), 3);
        same(&DMatrix::from_diagonal(&DVector::from_vec(vec![3.0, 3.0, 1.0, 0.0])), 4);
    }
}
