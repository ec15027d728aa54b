//! Sums over a variant's missing samples, for all traits at once: what is taken off (drop) or added (mean). Residuals are
//! 0 where a trait is missing, so that each sum is over the samples that the trait observes.

use super::MissingPolicy;
use crate::null_model::NullModel;
use crate::null_model::panels::PANEL_WIDTH;

/// Sums over the missing samples M of one variant, by column of the panels.
#[derive(Debug, Clone)]
pub(crate) struct MissingSums {
    columns: usize,
    /// [covariate][column]: Q_Mᵀỹ_M.
    projections: Vec<f64>,
    /// [column]: ỹ_Mᵀỹ_M.
    squares: Vec<f64>,
    /// [column]: Σ ỹ_M, of the f32 values that the score product takes.
    sums: Vec<f64>,
}

impl MissingSums {
    pub(super) fn new(columns: usize, k: usize) -> Self {
        Self { columns, projections: vec![0.0; k * columns], squares: vec![0.0; columns], sums: vec![0.0; columns] }
    }

    /// Makes the sums that `policy` needs, samples in ascending order.
    pub(super) fn collect(&mut self, policy: MissingPolicy, null: &NullModel, missing: &[u32]) {
        match policy {
            MissingPolicy::Drop => self.collect_projections(null, missing),
            MissingPolicy::Mean => self.collect_sums(null, missing),
        }
    }

    fn collect_projections(&mut self, null: &NullModel, missing: &[u32]) {
        self.projections.fill(0.0);
        self.squares.fill(0.0);
        let mut y = [0f64; PANEL_WIDTH];
        for panel in null.panels().iter() {
            for &sample in missing {
                let row = sample as usize * panel.width..(sample as usize + 1) * panel.width;
                let y = &mut y[..panel.width];
                for ((y, &hi), &lo) in y.iter_mut().zip(&panel.hi[row.clone()]).zip(&panel.lo[row]) {
                    *y = f64::from(hi) + f64::from(lo);
                }
                let squares = &mut self.squares[panel.first..panel.first + panel.width];
                squares.iter_mut().zip(&*y).for_each(|(square, y)| *square += y * y);
                let q = null.basis().row(sample as usize);
                for (&q, sums) in q.iter().zip(self.projections.chunks_exact_mut(self.columns)) {
                    let sums = &mut sums[panel.first..panel.first + panel.width];
                    sums.iter_mut().zip(&*y).for_each(|(sum, y)| *sum += q * y);
                }
            }
        }
    }

    fn collect_sums(&mut self, null: &NullModel, missing: &[u32]) {
        self.sums.fill(0.0);
        for panel in null.panels().iter() {
            let sums = &mut self.sums[panel.first..panel.first + panel.width];
            for &sample in missing {
                let row = sample as usize * panel.width..(sample as usize + 1) * panel.width;
                sums.iter_mut().zip(&panel.hi[row]).for_each(|(sum, &hi)| *sum += f64::from(hi));
            }
        }
    }

    /// Q_Mᵀỹ_M of a trait.
    pub(super) fn projection(&self, trait_idx: usize, out: &mut [f64]) {
        for (out, sums) in out.iter_mut().zip(self.projections.chunks_exact(self.columns.max(1))) {
            *out = sums[trait_idx];
        }
    }

    /// ỹ_Mᵀỹ_M of a trait.
    pub(super) fn square(&self, trait_idx: usize) -> f64 {
        self.squares[trait_idx]
    }

    /// Σ ỹ_M of a trait.
    pub(super) fn sum(&self, trait_idx: usize) -> f64 {
        self.sums[trait_idx]
    }
}
