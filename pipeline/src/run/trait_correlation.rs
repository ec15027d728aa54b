//! Eigenvalues of the traits' correlation, kept in /qc: a disclosure check needs the number of effective traits.

use nalgebra::DMatrix;
use norna_kernels::VectorSet;
use rayon::prelude::*;

use crate::plan::MAX_CORRELATION_ORDER;

/// Rows of the matrix that one task makes.
const ROWS_AT_ONCE: usize = 112;

/// The Gram matrix whose eigenvalues are those of the traits' correlation, lower triangle, min(traits, samples) square.
pub struct TraitGram(DMatrix<f64>);

impl TraitGram {
    /// Of `traits` (each n samples, NaN missing). A missing value counts as the trait's mean, so that the matrix is one of
    /// inner products and no eigenvalue is negative beyond rounding. `None` where the order exceeds [`MAX_CORRELATION_ORDER`].
    ///
    /// Where samples are fewer than traits it is the samples' matrix, which has the same eigenvalues but for zeros. Inner
    /// products are f32 products with f64 sums: good to 1e-6 of the largest eigenvalue.
    pub fn new(traits: &[&[f64]]) -> Option<Self> {
        let n = traits.first().map_or(0, |t| t.len());
        let order = traits.len().min(n);
        if order == 0 || order > MAX_CORRELATION_ORDER {
            return None;
        }
        let by_trait = traits.len() <= n;
        let mut vectors = VectorSet::new(order, traits.len().max(n));
        for (t, values) in traits.iter().enumerate() {
            for (i, value) in unit_vector(values).enumerate() {
                let (vector_idx, element_idx) = if by_trait { (t, i) } else { (i, t) };
                vectors.set(vector_idx, element_idx, value as f32);
            }
        }
        let starts: Vec<usize> = (0..order).step_by(ROWS_AT_ONCE).collect();
        let bands: Vec<_> =
            starts.par_iter().map(|&start| vectors.products(start..order.min(start + ROWS_AT_ONCE))).collect();
        let at = |i: usize, j: usize| {
            let (products, width) = &bands[i / ROWS_AT_ONCE];
            products[i % ROWS_AT_ONCE * width + j]
        };
        Some(Self(DMatrix::from_fn(order, order, |i, j| if i >= j { at(i, j) } else { 0.0 })))
    }

    /// The eigenvalues, largest first. Takes seconds for thousands of traits.
    pub fn eigenvalues(self) -> Vec<f64> {
        let mut values: Vec<f64> = self.0.symmetric_eigenvalues().iter().copied().collect();
        values.sort_by(|a, b| b.total_cmp(a));
        values
    }
}

/// The trait centred, missing values 0, scaled to length 1; all zero for a constant trait.
fn unit_vector(values: &[f64]) -> impl Iterator<Item = f64> + '_ {
    let observed = || values.iter().filter(|v| !v.is_nan());
    let largest = observed().fold(0f64, |max, v| max.max(v.abs()));
    // By a power of two, which changes no digit: squares of 1e300 overflow, those of 1e-300 vanish.
    let scale = if largest > 0.0 { libm::ldexp(1.0, -libm::ilogb(largest).max(-1000)) } else { 1.0 };
    let (sum, n) = observed().fold((0.0, 0.0), |(sum, n), v| (sum + v * scale, n + 1.0));
    let mean = sum / n;
    let centred = move |v: f64| if v.is_nan() { 0.0 } else { v * scale - mean };
    let norm = values.iter().map(|&v| centred(v) * centred(v)).sum::<f64>().sqrt();
    let unit = if norm > 0.0 { 1.0 / norm } else { 0.0 };
    values.iter().map(move |&v| centred(v) * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_traits_have_equal_eigenvalues_and_copies_share_one() {
        let a = [1.0, -1.0, 1.0, -1.0, 0.0];
        let b = [1.0, 1.0, -1.0, -1.0, f64::NAN];
        let eigenvalues = |traits: &[&[f64]]| TraitGram::new(traits).unwrap().eigenvalues();
        let close = |got: Vec<f64>, want: &[f64]| {
            assert_eq!(got.len(), want.len());
            assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-6), "{got:?}");
        };
        close(eigenvalues(&[&a, &b]), &[1.0, 1.0]);
        close(eigenvalues(&[&a, &a, &b]), &[2.0, 1.0, 0.0]);
        close(eigenvalues(&[&[0.0, 1.0], &[1.0, 0.0], &[3.0, 4.0]]), &[3.0, 0.0]);
    }
}
