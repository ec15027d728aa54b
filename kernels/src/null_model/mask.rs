//! A mask is a pattern of missing trait values; traits with the same one share it. All that a mask needs is derived from
//! the basis of all samples, so that per-variant sums are made once and the missing samples' part is taken off.

use super::basis::{COLLINEAR_SHARE, CovariateBasis, DropReason, DroppedColumn};
use crate::small_matrix::{add_outer_lower, add_scaled, cholesky, dot, invert_lower};

/// Below this ratio of a Cholesky pivot to its diagonal the basis of a mask is made by QR instead.
const WELL_CONDITIONED: f64 = 0.01;
/// Two values of a covariate closer than this share of its centred length are the same value.
const SAME_VALUE: f64 = 1e-9;
/// A covariate whose centred length on the mask is at most this share of its centred length is constant there.
const CONSTANT_SHARE: f64 = 1e-12;

/// A pattern of observed samples and the orthonormal basis of the covariates on it.
#[derive(Debug, Clone)]
pub(crate) struct Mask {
    /// One bit a sample.
    observed: Vec<u64>,
    /// Samples observed.
    pub(crate) n_observed: usize,
    /// The fewer of the missing and the observed samples, ascending.
    pub(crate) side: Vec<u32>,
    /// Whether `side` lists the missing ones.
    pub(crate) side_is_missing: bool,
    /// Rank of the covariates here, the intercept included.
    pub(crate) k: usize,
    /// k × k_all, row-major: Pᵀ, where the mask's orthonormal basis is Q|mask · P. `None` is the identity.
    projection: Option<Vec<f64>>,
    /// Samples that have the trait and are left out, since a covariate is constant but for them.
    pub(crate) singled_out: u32,
    /// Columns lost on this mask.
    pub(crate) dropped: Vec<DroppedColumn>,
    /// Traits of this mask, ascending.
    pub(crate) traits: Vec<u32>,
}

impl Mask {
    /// The mask of a bit set (one bit a sample, ascending). A sample that alone differs in a covariate is fitted
    /// perfectly whatever its trait: it is left out together with that covariate, as plink2 does. This changes n and k
    /// by one each, and no estimate.
    pub(crate) fn new(basis: &CovariateBasis, mut observed: Vec<u64>) -> Self {
        let mut singled_out = 0;
        while let Some(sample) = (1..basis.n_covariates()).find_map(|j| sample_singled_out(basis, &observed, j)) {
            observed[sample / 64] &= !(1 << (sample % 64));
            singled_out += 1;
        }
        let n = basis.n_samples();
        let n_observed = observed.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        let side_is_missing = n_observed * 2 >= n;
        let side = (0..n).filter(|&i| bit(&observed, i) != side_is_missing).map(|i| i as u32).collect();
        let mut mask = Self {
            observed,
            n_observed,
            side,
            side_is_missing,
            k: basis.n_covariates(),
            projection: None,
            singled_out,
            dropped: Vec::new(),
            traits: Vec::new(),
        };
        if n_observed < n {
            mask.set_projection(basis);
        }
        mask
    }

    /// Whether a sample is observed.
    pub(crate) fn has(&self, sample: u32) -> bool {
        bit(&self.observed, sample as usize)
    }

    /// Whether all samples are observed.
    pub(crate) fn is_full(&self) -> bool {
        self.side_is_missing && self.side.is_empty()
    }

    /// z = Pᵀx: from the full basis (k_all values) to the mask's (`self.k` values).
    pub(crate) fn to_mask(&self, x: &[f64], z: &mut [f64]) {
        match &self.projection {
            None => z[..self.k].copy_from_slice(&x[..self.k]),
            Some(p) => {
                let k_all = p.len() / self.k.max(1);
                for (z, p) in z.iter_mut().zip(p.chunks_exact(k_all.max(1))) {
                    *z = dot(p, &x[..k_all]);
                }
            }
        }
    }

    /// x = P·z: coefficients in the mask's basis to coefficients of Q.
    pub(crate) fn to_full(&self, z: &[f64], x: &mut [f64]) {
        match &self.projection {
            None => x[..self.k].copy_from_slice(&z[..self.k]),
            Some(p) => {
                x.fill(0.0);
                let k_all = p.len() / self.k.max(1);
                for (&z, p) in z.iter().zip(p.chunks_exact(k_all.max(1))) {
                    add_scaled(z, p, x);
                }
            }
        }
    }

    /// The Gram matrix of Q|mask is I less that of the missing rows; where that is well conditioned its Cholesky factor
    /// gives the basis (this squares the condition of Q|mask, at most 100, not that of the covariates). Otherwise QR.
    fn set_projection(&mut self, basis: &CovariateBasis) {
        let k = basis.n_covariates();
        let mut gram = vec![0f64; k * k];
        for &i in &self.side {
            add_outer_lower(basis.row(i as usize), &mut gram);
        }
        if self.side_is_missing {
            gram.iter_mut().for_each(|x| *x = -*x);
            (0..k).for_each(|j| gram[j * k + j] += 1.0);
        }
        let smallest = (0..k).fold(f64::INFINITY, |min, j| min.min(gram[j * k + j]));
        let exact_enough = !self.side_is_missing || smallest >= WELL_CONDITIONED;
        if exact_enough && cholesky(&mut gram, k).ratio >= WELL_CONDITIONED {
            self.projection = Some(invert_lower(&gram, k));
        } else {
            self.set_projection_by_qr(basis);
        }
    }

    fn set_projection_by_qr(&mut self, basis: &CovariateBasis) {
        let k = basis.n_covariates();
        let rows: Vec<usize> = (0..basis.n_samples()).filter(|&i| self.has(i as u32)).collect();
        let mut units: Vec<Vec<f64>> = Vec::new();
        let mut kept: Vec<usize> = Vec::new();
        let mut t = vec![0f64; k * k];
        for j in 0..k {
            let mut rest: Vec<f64> = rows.iter().map(|&i| basis.row(i)[j]).collect();
            for _ in 0..2 {
                for (u, unit) in units.iter().enumerate() {
                    let part = dot(unit, &rest);
                    t[u * k + j] += part;
                    add_scaled(-part, unit, &mut rest);
                }
            }
            let norm = dot(&rest, &rest).sqrt();
            match column_loss(basis, &t, units.len(), j, norm) {
                Some(reason) => self.dropped.push(DroppedColumn { column_idx: basis.column_of(j), reason }),
                None if norm > 0.0 => {
                    t[units.len() * k + j] = norm;
                    rest.iter_mut().for_each(|x| *x /= norm);
                    units.push(rest);
                    kept.push(j);
                }
                None => {}
            }
        }
        self.k = kept.len();
        self.projection = Some(transposed_inverse(&t, &kept, k));
    }
}

fn bit(bits: &[u64], i: usize) -> bool {
    bits[i / 64] >> (i % 64) & 1 == 1
}

/// The one observed sample in which the covariate of column j differs from all others, if it is so.
fn sample_singled_out(basis: &CovariateBasis, observed: &[u64], j: usize) -> Option<usize> {
    let length = (1..=j).map(|i| basis.r(i, j) * basis.r(i, j)).sum::<f64>().sqrt();
    let centred = |sample: usize| (1..=j).map(|i| basis.row(sample)[i] * basis.r(i, j)).sum::<f64>();
    let same = |a: f64, b: f64| (a - b).abs() <= SAME_VALUE * length;
    let values = || (0..basis.n_samples()).filter(|&i| bit(observed, i)).map(|i| (i, centred(i)));
    let mut first = values().take(3).map(|(_, value)| value);
    let (a, b, c) = (first.next()?, first.next()?, first.next()?);
    let common = if same(a, b) || same(a, c) { a } else { b };
    if !same(common, b) && !same(common, c) {
        return None;
    }
    let mut others = values().filter(|&(_, value)| !same(value, common));
    let (sample, _) = others.next()?;
    if others.next().is_none() { Some(sample) } else { None }
}

/// Whether covariate j is lost on the mask: judged on the covariate itself, C_j|mask = Q_m·(T·R_j), with T so far known
/// for `rank` rows and `norm` the part of Q_j|mask outside them.
fn column_loss(basis: &CovariateBasis, t: &[f64], rank: usize, j: usize, norm: f64) -> Option<DropReason> {
    if j == 0 {
        return None;
    }
    let k = basis.n_covariates();
    let outside = norm * basis.r(j, j).abs();
    let mut centred = outside * outside;
    for row in 1..rank {
        let part: f64 = (0..=j).map(|i| t[row * k + i] * basis.r(i, j)).sum();
        centred += part * part;
    }
    let everywhere: f64 = (1..=j).map(|i| basis.r(i, j) * basis.r(i, j)).sum();
    if centred.sqrt() <= CONSTANT_SHARE * everywhere.sqrt() {
        Some(DropReason::Constant)
    } else if outside <= COLLINEAR_SHARE * centred.sqrt() {
        Some(DropReason::Collinear)
    } else {
        None
    }
}

/// (T_K⁻¹)ᵀ spread over k columns, T_K the kept columns' upper triangle.
fn transposed_inverse(t: &[f64], kept: &[usize], k: usize) -> Vec<f64> {
    let rank = kept.len();
    let mut lower = vec![0f64; rank * rank];
    for (i, _) in kept.iter().enumerate() {
        for (j, &column) in kept.iter().enumerate().skip(i) {
            lower[j * rank + i] = t[i * k + column];
        }
    }
    let inverse = invert_lower(&lower, rank);
    let mut projection = vec![0f64; rank * k];
    for j in 0..rank {
        for (i, &column) in kept.iter().enumerate() {
            projection[j * k + column] = inverse[j * rank + i];
        }
    }
    projection
}
