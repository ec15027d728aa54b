//! Principal components of proteins over samples: the right singular vectors of the standardised matrix, through the Gram
//! matrix of its smaller side.

use nalgebra::DMatrix;
use norna_kernels::VectorSet;
use rayon::prelude::*;

use super::error::ProteinsError;
use super::lanczos;
use crate::cohort::transform::mean_and_sd;

/// Rows of the Gram matrix that one task makes.
const ROWS_AT_ONCE: usize = 112;
/// Largest smaller side: its Gram matrix has 2 GiB.
const MAX_ORDER: usize = 1 << 14;
/// Largest order whose eigenvectors are all computed.
const DENSE_ORDER: usize = 512;

/// Components, largest first.
#[derive(Debug, Default)]
pub struct Components {
    /// By component and sample: scores as prcomp(scale. = TRUE) gives them, of the sign that makes the largest positive.
    pub scores: Vec<Vec<f64>>,
    /// Share of the variance of each.
    pub explained: Vec<f64>,
    /// Values that were missing and taken as their protein's mean.
    pub n_imputed: usize,
}

/// The first `n_components` of `rows` (proteins, each of n samples, NaN missing), fewer where the rank is less. Each protein
/// is scaled to mean 0 and standard deviation 1; missing values lie at its mean. Inner products are f32 products with f64
/// sums; the same bits on every machine.
///
/// # Errors
/// More than 16,384 proteins and samples both.
pub fn of_rows(rows: &[&[f64]], n_components: usize) -> Result<Components, ProteinsError> {
    let (n_rows, n) = (rows.len(), rows.first().map_or(0, |row| row.len()));
    let order = n_rows.min(n);
    if order > MAX_ORDER {
        return Err(ProteinsError::Refused(format!(
            "principal components of {n_rows} proteins × {n} samples: {MAX_ORDER} of either are the most"
        )));
    }
    let n_imputed = rows.iter().map(|row| row.iter().filter(|value| value.is_nan()).count()).sum();
    if order == 0 || n_components == 0 {
        return Ok(Components { n_imputed, ..Components::default() });
    }
    let moments: Vec<(f64, f64)> = rows.iter().map(|row| moments(row)).collect();
    let at = |row: usize, sample: usize| {
        let ((mean, scale), value) = (moments[row], rows[row][sample]);
        if value.is_nan() { 0.0 } else { (value - mean) * scale }
    };
    let by_row = n_rows <= n;
    let gram = gram(order, n_rows.max(n), |i, j| if by_row { at(i, j) } else { at(j, i) });
    let total: f64 = (0..order).map(|i| gram[(i, i)]).sum();
    let pairs = eigenpairs(gram, n_components);
    let mut components = Components { n_imputed, ..Components::default() };
    for (value, vector) in pairs.into_iter().filter(|(value, _)| *value > total * 1e-6) {
        let mut scores = match by_row {
            true => (0..n).into_par_iter().map(|j| (0..n_rows).map(|i| at(i, j) * vector[i]).sum()).collect(),
            false => vector.iter().map(|entry| entry * value.sqrt()).collect::<Vec<f64>>(),
        };
        sign(&mut scores);
        components.scores.push(scores);
        components.explained.push(value / total);
    }
    Ok(components)
}

/// Mean and 1/sd of what is observed; a constant has 0.
fn moments(row: &[f64]) -> (f64, f64) {
    let (mean, sd) = mean_and_sd(row);
    if sd > 0.0 && sd.is_finite() { (mean, 1.0 / sd) } else { (0.0, 0.0) }
}

/// The largest entry, the first of these, is made positive.
fn sign(scores: &mut [f64]) {
    let largest = scores.iter().copied().fold(0.0_f64, |max, score| if score.abs() > max.abs() { score } else { max });
    if largest < 0.0 {
        scores.iter_mut().for_each(|score| *score = -*score);
    }
}

fn gram(order: usize, length: usize, at: impl Fn(usize, usize) -> f64 + Sync) -> DMatrix<f64> {
    let mut vectors = VectorSet::new(order, length);
    for i in 0..order {
        (0..length).for_each(|j| vectors.set(i, j, at(i, j) as f32));
    }
    let starts: Vec<usize> = (0..order).step_by(ROWS_AT_ONCE).collect();
    let bands: Vec<_> =
        starts.par_iter().map(|&start| vectors.products(start..order.min(start + ROWS_AT_ONCE))).collect();
    let at = |i: usize, j: usize| {
        let (products, width) = &bands[i / ROWS_AT_ONCE];
        products[i % ROWS_AT_ONCE * width + j]
    };
    DMatrix::from_fn(order, order, |i, j| at(i.max(j), i.min(j)))
}

/// The largest eigenvalues with their vectors, largest first.
fn eigenpairs(matrix: DMatrix<f64>, n: usize) -> Vec<(f64, Vec<f64>)> {
    if matrix.nrows() > DENSE_ORDER {
        return lanczos::largest(&matrix, n);
    }
    let eigen = matrix.symmetric_eigen();
    let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]).then(a.cmp(&b)));
    let pair = |i: usize| (eigen.eigenvalues[i], eigen.eigenvectors.column(i).iter().copied().collect());
    order.into_iter().take(n).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_of_two_proteins() {
        // prcomp(cbind(c(1,2,3,4), c(2,1,4,3)), scale. = TRUE): r = 0.6, so 0.8 and 0.2 of the variance.
        let (a, b) = ([1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 4.0, 3.0]);
        let found = of_rows(&[&a, &b], 5).unwrap();
        assert_eq!(found.scores.len(), 2);
        assert!((found.explained[0] - 0.8).abs() < 1e-6 && (found.explained[1] - 0.2).abs() < 1e-6);
        let sd = (5.0_f64 / 3.0).sqrt();
        for i in 0..4 {
            let expected = (a[i] - 2.5 + b[i] - 2.5) / sd / 2f64.sqrt();
            assert!((found.scores[0][i].abs() - expected.abs()).abs() < 1e-6, "{:?}", found.scores[0]);
        }
        assert!(found.scores.iter().all(|scores| scores.iter().fold(0f64, |m, s| if s.abs() > m.abs() {
            *s
        } else {
            m
        }) > 0.0));
    }

    #[test]
    fn either_side_gives_the_same_and_missing_values_lie_at_the_mean() {
        let wide = [vec![1.0, 5.0, 2.0, f64::NAN, 7.0], vec![3.0, 1.0, 1.0, 2.0, 9.0], vec![2.0, 2.0, 2.0, 2.0, 2.0]];
        let rows: Vec<&[f64]> = wide.iter().map(Vec::as_slice).collect();
        let found = of_rows(&rows, 2).unwrap();
        let with_mean: Vec<Vec<f64>> =
            (0..4).map(|_| wide[0].clone()).chain([wide[1].clone(), wide[1].clone()]).collect();
        let tall = of_rows(&with_mean.iter().map(Vec::as_slice).collect::<Vec<_>>(), 2).unwrap();
        assert_eq!((found.n_imputed, tall.n_imputed, found.scores.len(), tall.scores.len()), (1, 4, 2, 2));
        assert!(of_rows(&[&wide[2]], 2).unwrap().scores.is_empty());
    }
}
