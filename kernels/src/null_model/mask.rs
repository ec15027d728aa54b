//! A mask is a pattern of missing trait values; traits with the same one share it. All that a mask needs is derived from
//! the basis of all samples, so that per-variant sums are made once and the missing samples' part is taken off.

use super::basis::{COLLINEAR_SHARE, CovariateBasis, DropReason, DroppedColumn};
use crate::arch::{Kernels, Matrix};
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
    /// P, [k_all][k padded to a multiple of 8]; empty for the identity.
    columns: Vec<f64>,
    /// Whether P's entries are small (its Gram matrix was well conditioned), so that sums in the full basis may be taken to the
    /// mask's.
    pub(crate) is_well_conditioned: bool,
    /// Samples that have the trait and are left out, since a covariate is constant but for them.
    pub(crate) singled_out: u32,
    /// Columns lost on this mask.
    pub(crate) dropped: Vec<DroppedColumn>,
    /// Runs of consecutive traits of this mask, ascending: first and number.
    pub(crate) runs: Vec<(u32, u32)>,
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
            columns: Vec::new(),
            is_well_conditioned: true,
            singled_out,
            dropped: Vec::new(),
            runs: Vec::new(),
        };
        if n_observed < n {
            mask.set_projection(basis);
            mask.set_columns(basis.n_covariates());
        }
        mask
    }

    /// Adds a trait that comes after those there are.
    pub(super) fn push_trait(&mut self, trait_idx: usize) {
        match self.runs.last_mut().filter(|(first, n)| (first + *n) as usize == trait_idx) {
            Some((_, n)) => *n += 1,
            None => self.runs.push((trait_idx as u32, 1)),
        }
    }

    fn set_columns(&mut self, k_all: usize) {
        let padded = self.k_padded();
        self.columns = vec![0f64; k_all * padded];
        for (i, row) in self.projection.iter().flat_map(|p| p.chunks_exact(k_all)).enumerate() {
            self.columns.iter_mut().skip(i).step_by(padded).zip(row).for_each(|(out, &p)| *out = p);
        }
    }

    /// Values of a vector in the mask's basis, padded to a multiple of 8.
    pub(crate) fn k_padded(&self) -> usize {
        self.k.next_multiple_of(8)
    }

    /// Pᵀ, k × k_all; `None` is the identity.
    pub(crate) fn projection(&self) -> Option<&[f64]> {
        self.projection.as_deref()
    }

    /// As [`Self::to_mask`] over vector lanes, the same bits: `z` has [`Self::k_padded`] values.
    pub(crate) fn to_mask_with(&self, kernels: &Kernels, x: &[f64], z: &mut [f64]) {
        let padded = self.k_padded();
        if self.columns.is_empty() {
            z[..self.k].copy_from_slice(&x[..self.k]);
        } else {
            (kernels.dot_columns)(&x[..self.columns.len() / padded], (&self.columns, padded), &mut z[..padded]);
        }
    }

    /// Pᵀ·G·P of a symmetric `gram` in the full basis ([k_all][width]), k × k into the start of `out`; `rows`: scratch
    /// of width and k padded to a multiple of 8 values.
    pub(crate) fn gram_to_mask(
        &self,
        kernels: &Kernels,
        (gram, width): Matrix<'_>,
        out: &mut [f64],
        (full, short): (&mut [f64], &mut [f64]),
    ) {
        let (k, padded) = (self.k, self.k_padded());
        let Some(p) = &self.projection else {
            out.chunks_exact_mut(k).zip(gram.chunks_exact(width)).for_each(|(out, g)| out.copy_from_slice(&g[..k]));
            return;
        };
        let k_all = p.len() / k.max(1);
        for (out, p) in out.chunks_exact_mut(k).zip(p.chunks_exact(k_all)) {
            (kernels.dot_columns)(p, (gram, width), full);
            (kernels.dot_columns)(&full[..k_all], (&self.columns, padded), &mut short[..padded]);
            out.copy_from_slice(&short[..k]);
        }
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
            self.is_well_conditioned = false;
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
