//! The orthonormal basis of the covariates over all analysed samples, made once per run. Masks derive theirs from it.

use crate::small_matrix::{add_scaled, dot};

/// A covariate whose part that earlier columns do not explain is at most this share of its (centred) length is dropped:
/// the tolerance of R's lm. In f64 the basis is then good to about 1e-9.
pub(super) const COLLINEAR_SHARE: f64 = 1e-7;
/// A covariate whose centred length is at most this share of its length is constant up to rounding.
const CONSTANT_SHARE: f64 = 1e-13;

/// Why a covariate was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// The same value in all samples.
    Constant,
    /// A combination of the intercept and earlier covariates.
    Collinear,
}

/// A dropped covariate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DroppedColumn {
    /// Column as given (the intercept is not counted).
    pub column_idx: usize,
    /// Why.
    pub reason: DropReason,
}

/// Q: n_samples × k orthonormal columns, the first the intercept, in f64.
#[derive(Debug, Clone)]
pub struct CovariateBasis {
    n_samples: usize,
    k: usize,
    /// Sample-major: k values, the sample's [`dither`], at least two zeros up to [`Self::padded`].
    q: Vec<f64>,
    /// k × k upper triangle, row-major: the kept, scaled columns are Q·R.
    r: Vec<f64>,
    /// The covariate of each column of Q but the first.
    columns: Vec<usize>,
}

impl CovariateBasis {
    /// Orthonormalises an intercept and `columns` (each n_samples values, no NaN) in the order given, by Gram–Schmidt
    /// done twice (Giraud, Langou and Rozložník 2005: as good as Householder). Columns that are constant or, to a share
    /// of 1e-7 of their length, combinations of earlier ones are left out and returned.
    #[must_use]
    pub fn new(n_samples: usize, columns: &[&[f64]]) -> (Self, Vec<DroppedColumn>) {
        let mut basis = vec![vec![1.0 / (n_samples as f64).sqrt(); n_samples]];
        let mut r_columns = vec![vec![(n_samples as f64).sqrt()]];
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for (column_idx, column) in columns.iter().enumerate() {
            match orthogonal_part(&basis, column) {
                Ok((unit, r)) => {
                    basis.push(unit);
                    r_columns.push(r);
                    kept.push(column_idx);
                }
                Err(reason) => dropped.push(DroppedColumn { column_idx, reason }),
            }
        }
        let k = basis.len();
        let padded = (k + 3).next_multiple_of(8);
        let mut q = vec![0f64; n_samples * padded];
        for (sample, row) in q.chunks_exact_mut(padded).enumerate() {
            row[k] = dither(sample);
        }
        for (j, column) in basis.iter().enumerate() {
            for (row, &value) in q.chunks_exact_mut(padded).zip(column) {
                row[j] = value;
            }
        }
        let mut r = vec![0f64; k * k];
        for (j, column) in r_columns.iter().enumerate() {
            for (i, &value) in column.iter().enumerate() {
                r[i * k + j] = value;
            }
        }
        (Self { n_samples, k, q, r, columns: kept }, dropped)
    }

    /// Analysed samples.
    #[must_use]
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Columns, the intercept included.
    #[must_use]
    pub fn n_covariates(&self) -> usize {
        self.k
    }

    /// Values in a stored row: k + 3 padded to a multiple of 8.
    pub(crate) fn padded(&self) -> usize {
        self.q.len() / self.n_samples.max(1)
    }

    /// All rows, [sample][padded].
    pub(crate) fn rows(&self) -> &[f64] {
        &self.q
    }

    /// The k values of a sample.
    pub(crate) fn row(&self, sample: usize) -> &[f64] {
        let padded = self.padded();
        &self.q[sample * padded..sample * padded + self.k]
    }

    /// The k values and the [`dither`] of a sample.
    pub(crate) fn row_and_dither(&self, sample: usize) -> &[f64] {
        let padded = self.padded();
        &self.q[sample * padded..=sample * padded + self.k]
    }

    /// See [`dither`].
    pub(super) fn dither(&self, sample: usize) -> f64 {
        self.q[sample * self.padded() + self.k]
    }

    /// Entry (i, j) of R.
    pub(super) fn r(&self, i: usize, j: usize) -> f64 {
        self.r[i * self.k + j]
    }

    /// The covariate behind column j ≥ 1 of Q.
    pub(super) fn column_of(&self, j: usize) -> usize {
        self.columns[j - 1]
    }
}

/// A number in ±2⁻¹⁸ that depends on the sample alone and is added to every trait's residual (whose root mean square lies
/// in [1, 2)) in the f32 score product, and taken off the score again as Σ g·dither in f64. Without it a trait of few
/// values rounds the same way again and again in the f32 sums, and the error grows with n where the standard error grows
/// with √n; moving each value by about one unit of a partial sum's last place makes these errors independent.
fn dither(sample: usize) -> f64 {
    let mut x = (sample as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    ((x >> 11) as f64 / (1u64 << 52) as f64 - 1.0) / f64::from(1u32 << 18)
}

/// The unit vector along the part of `column` outside `basis`, and the column of R.
fn orthogonal_part(basis: &[Vec<f64>], column: &[f64]) -> Result<(Vec<f64>, Vec<f64>), DropReason> {
    let n = column.len() as f64;
    let largest = column.iter().fold(0f64, |max, x| max.max(x.abs()));
    if largest == 0.0 {
        return Err(DropReason::Constant);
    }
    let mut rest: Vec<f64> = column.iter().map(|x| x / largest).collect();
    let length = dot(&rest, &rest).sqrt();
    let mean = rest.iter().sum::<f64>() / n;
    rest.iter_mut().for_each(|x| *x -= mean);
    let centred = dot(&rest, &rest).sqrt();
    if centred <= CONSTANT_SHARE * length {
        return Err(DropReason::Constant);
    }
    let mut r = vec![0f64; basis.len() + 1];
    r[0] = mean * n.sqrt();
    for _ in 0..2 {
        for (r, q) in r.iter_mut().zip(basis) {
            let part = dot(q, &rest);
            *r += part;
            add_scaled(-part, q, &mut rest);
        }
    }
    let norm = dot(&rest, &rest).sqrt();
    if norm <= COLLINEAR_SHARE * centred {
        return Err(DropReason::Collinear);
    }
    rest.iter_mut().for_each(|x| *x /= norm);
    r[basis.len()] = norm;
    Ok((rest, r))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_and_collinear_columns_are_dropped_by_name() {
        let n = 50;
        let a: Vec<f64> = (0..n).map(|i| f64::from(i * i % 17)).collect();
        let b: Vec<f64> = a.iter().map(|x| 3.0 - 0.1 * x).collect();
        let c = vec![0.1; 50];
        let d: Vec<f64> = (0..n).map(|i| 1e6 + f64::from(i * 7 % 11)).collect();
        let (basis, dropped) = CovariateBasis::new(50, &[&a, &b, &c, &d]);
        assert_eq!(basis.n_covariates(), 3);
        assert_eq!(
            dropped,
            [
                DroppedColumn { column_idx: 1, reason: DropReason::Collinear },
                DroppedColumn { column_idx: 2, reason: DropReason::Constant },
            ]
        );
        for i in 0..3 {
            for j in 0..3 {
                let product: f64 = (0..50).map(|s| basis.row(s)[i] * basis.row(s)[j]).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-14);
            }
        }
        assert_eq!((basis.column_of(1), basis.column_of(2)), (0, 3));
    }
}
