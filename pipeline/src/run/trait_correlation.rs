//! Eigenvalues of the traits' correlation, kept in /qc: a disclosure check needs the number of effective traits.

use nalgebra::DMatrix;
use rayon::prelude::*;

/// Most traits (or samples, whichever are fewer) for which eigenvalues are taken: the work grows with the cube.
pub const MAX_ORDER: usize = 4096;

/// Eigenvalues, largest first, of the correlation matrix of `traits` (each n samples, NaN missing). A missing value
/// counts as the trait's mean, so that the matrix is one of inner products and no eigenvalue is negative beyond
/// rounding. Where samples are fewer than traits, only the first n are given: the others are zero. Empty where the order
/// exceeds [`MAX_ORDER`].
pub fn eigenvalues(traits: &[&[f64]]) -> Vec<f64> {
    let n = traits.first().map_or(0, |t| t.len());
    let order = traits.len().min(n);
    if order == 0 || order > MAX_ORDER {
        return Vec::new();
    }
    let unit: Vec<Vec<f64>> = traits.iter().map(|t| unit_vector(t)).collect();
    let gram = if traits.len() <= n { trait_gram(&unit) } else { sample_gram(&unit, n) };
    let mut values: Vec<f64> = gram.symmetric_eigenvalues().iter().copied().collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

/// The trait centred, missing values 0, scaled to length 1; all zero for a constant trait.
fn unit_vector(values: &[f64]) -> Vec<f64> {
    let observed = values.iter().filter(|v| !v.is_nan());
    let largest = observed.fold(0f64, |max, v| max.max(v.abs()));
    // By a power of two, which changes no digit: squares of 1e300 overflow, those of 1e-300 vanish.
    let exponent = if largest > 0.0 { -libm::ilogb(largest) } else { 0 };
    let values: Vec<f64> = values.iter().map(|&v| libm::ldexp(v, exponent)).collect();
    let observed = values.iter().filter(|v| !v.is_nan());
    let (sum, n) = observed.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
    let mean = sum / n;
    let mut centred: Vec<f64> = values.iter().map(|v| if v.is_nan() { 0.0 } else { v - mean }).collect();
    let norm = dot(&centred, &centred).sqrt();
    let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
    centred.iter_mut().for_each(|v| *v *= scale);
    centred
}

/// uᵢᵀuⱼ, lower triangle, T × T.
fn trait_gram(unit: &[Vec<f64>]) -> DMatrix<f64> {
    let row = |i: usize| unit[..=i].iter().map(|u| dot(&unit[i], u)).collect();
    let rows: Vec<Vec<f64>> = (0..unit.len()).into_par_iter().map(row).collect();
    DMatrix::from_fn(unit.len(), unit.len(), |i, j| if i >= j { rows[i][j] } else { 0.0 })
}

/// Σ over traits of uuᵀ, lower triangle, n × n.
fn sample_gram(unit: &[Vec<f64>], n: usize) -> DMatrix<f64> {
    let mut gram = DMatrix::zeros(n, n);
    for u in unit {
        for j in 0..n {
            let scale = u[j];
            gram.column_mut(j).as_mut_slice()[j..].iter_mut().zip(&u[j..]).for_each(|(g, x)| *g += scale * x);
        }
    }
    gram
}

/// Inner product in eight fixed lanes: the same sum on every machine, and one that the compiler vectorises.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 = a8.remainder().iter().zip(b8.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a8.zip(b8) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f64>() + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_traits_have_equal_eigenvalues_and_copies_share_one() {
        let a = [1.0, -1.0, 1.0, -1.0, 0.0];
        let b = [1.0, 1.0, -1.0, -1.0, f64::NAN];
        let close = |got: Vec<f64>, want: &[f64]| {
            assert_eq!(got.len(), want.len());
            assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-12), "{got:?}");
        };
        close(eigenvalues(&[&a, &b]), &[1.0, 1.0]);
        close(eigenvalues(&[&a, &a, &b]), &[2.0, 1.0, 0.0]);
        close(eigenvalues(&[&[0.0, 1.0], &[1.0, 0.0], &[3.0, 4.0]]), &[3.0, 0.0]);
    }
}
