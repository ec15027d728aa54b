//! The samples of one trait, and its residual permuted among them, in the layout of the score product.

use crate::arch::Kernels;
use crate::null_model::NullModel;
use crate::null_model::panels::{PANEL_WIDTH, Panel, Panels};
use crate::status::Status;

/// Permutations that are projected together.
const GROUP: usize = 8;
/// A permuted residual of which the covariates leave at most this share of its length is nothing.
const NOTHING_LEFT: f64 = 1e-10;

/// The samples that take part in a trait's tests, and the orthonormal basis of the covariates on them.
#[derive(Debug, Clone)]
pub(super) struct TraitSamples {
    n: usize,
    /// Ascending; `None` where all analysed samples take part.
    listed: Option<Vec<u32>>,
    k: usize,
    /// [sample][padded]: k values and zeros.
    q: Vec<f64>,
    padded: usize,
}

impl TraitSamples {
    pub(super) fn new(null: &NullModel, trait_idx: usize) -> Self {
        let mask = &null.masks()[null.mask_of(trait_idx) as usize];
        let samples = || (0..null.n_samples() as u32).filter(|&i| mask.has(i));
        let (n, padded) = (mask.n_observed, mask.k_padded());
        let mut q = vec![0f64; n * padded];
        for (row, i) in q.chunks_exact_mut(padded.max(1)).zip(samples()) {
            mask.to_mask(null.basis().row(i as usize), &mut row[..mask.k]);
        }
        let listed = if mask.is_full() { None } else { Some(samples().collect()) };
        Self { n, listed, k: mask.k, q, padded }
    }

    pub(super) fn n(&self) -> usize {
        self.n
    }

    /// Those that take part, where not all do.
    pub(super) fn listed(&self) -> Option<&[u32]> {
        self.listed.as_deref()
    }

    /// Covariates, the intercept included.
    pub(super) fn k(&self) -> usize {
        self.k
    }

    /// The basis, [sample][width], and its width.
    pub(super) fn basis(&self) -> (&[f64], usize) {
        (&self.q, self.padded)
    }

    /// The trait's residual by sample; zeros for a trait without one.
    pub(super) fn residual(&self, null: &NullModel, trait_idx: usize) -> Vec<f64> {
        if null.trait_status(trait_idx) != Status::Ok {
            return vec![0.0; self.n];
        }
        let all = null.panels().residuals(trait_idx);
        match &self.listed {
            None => all.collect(),
            Some(listed) => {
                let all: Vec<f64> = all.collect();
                listed.iter().map(|&i| all[i as usize]).collect()
            }
        }
    }

    /// Values of the cohort's samples on those that take part, less their mean and of size 1.
    pub(super) fn centred(&self, values: &[f64]) -> Vec<f64> {
        let mut out: Vec<f64> = match &self.listed {
            None => values.to_vec(),
            Some(listed) => listed.iter().map(|&i| values[i as usize]).collect(),
        };
        let largest = out.iter().fold(0f64, |largest, y| largest.max(y.abs()));
        out.iter_mut().for_each(|y| *y /= if largest > 0.0 { largest } else { 1.0 });
        let mean = out.iter().sum::<f64>() / out.len().max(1) as f64;
        out.iter_mut().for_each(|y| *y -= mean);
        out
    }

    /// The residual in each order that `fill` gives, projected off the covariates and of norm 1.
    pub(super) fn permute(
        &self,
        kernels: &Kernels,
        residual: &[f64],
        n_permutations: usize,
        fill: &mut dyn FnMut(usize, &mut [u32]),
    ) -> Panels {
        let (mut y, mut order) = (vec![0f64; self.n * GROUP], vec![0u32; self.n]);
        let (mut coefficients, everyone) = (vec![0f64; self.padded * GROUP], vec![u8::MAX; self.n]);
        let panel = |first: usize| {
            let mut panel = Panel::single(self.n, Panels::width_of(n_permutations - first), first);
            let end = n_permutations.min(first + panel.width);
            for start in (first..end).step_by(GROUP) {
                let group = start..end.min(start + GROUP);
                if group.len() < GROUP {
                    y.fill(0.0);
                }
                for p in group {
                    fill(p, &mut order);
                    let column = y.iter_mut().skip(p - start).step_by(GROUP);
                    column.zip(&order).for_each(|(y, &i)| *y = residual[i as usize]);
                }
                (kernels.project_traits)(&y, self.basis(), &mut coefficients);
                let before = squares(kernels, &y);
                (kernels.residuals)(&mut y, &everyone, self.basis(), &coefficients[..self.k * GROUP]);
                let scale = scales(before, squares(kernels, &y));
                store(&y, scale, &mut panel, start - first);
            }
            panel
        };
        Panels::new((0..n_permutations).step_by(PANEL_WIDTH).map(panel).collect())
    }
}

fn squares(kernels: &Kernels, y: &[f64]) -> [f64; GROUP] {
    let mut out = [0f64; GROUP];
    (kernels.square_traits)(y, &mut out);
    out
}

/// What brings residuals to norm 1, given their squares before and after the projection.
fn scales(before: [f64; GROUP], after: [f64; GROUP]) -> [f64; GROUP] {
    let nothing = |t: usize| after[t] <= NOTHING_LEFT * NOTHING_LEFT * before[t];
    std::array::from_fn(|t| if nothing(t) { 0.0 } else { 1.0 / after[t].sqrt() })
}

fn store(y: &[f64], scale: [f64; GROUP], panel: &mut Panel, column: usize) {
    let rows = panel.hi.chunks_exact_mut(panel.width);
    for (y, row) in y.as_chunks::<GROUP>().0.iter().zip(rows) {
        let row = &mut row[column..column + GROUP];
        row.iter_mut().zip(y).zip(scale).for_each(|((out, y), scale)| *out = (y * scale) as f32);
    }
}
