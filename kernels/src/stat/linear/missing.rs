//! Sums over a variant's missing samples, for all traits at once: what is taken off (drop) or added (mean). Residuals are
//! 0 where a trait is missing, so that each sum is over the samples that the trait observes.

use super::MissingPolicy;
use crate::arch::Kernels;
use crate::arch::covariates::MissingTile;
use crate::null_model::NullModel;
use crate::null_model::mask::Mask;
use crate::null_model::sides::Sides;

/// Sums over the missing samples M of one variant, by column of the panels, and eight columns more.
#[derive(Debug, Clone)]
pub(crate) struct MissingSums {
    stride: usize,
    /// [covariate][stride]: Q_Mᵀỹ_M.
    pub(super) projections: Vec<f64>,
    /// [column]: ỹ_Mᵀỹ_M.
    pub(super) squares: Vec<f64>,
    /// [column]: Σ ỹ_M, of the f32 values that the score product takes.
    pub(super) sums: Vec<f64>,
    /// Q_MᵀQ_M, [padded][padded].
    pub(super) gram: Vec<f64>,
}

impl MissingSums {
    pub(super) fn new(null: &NullModel) -> Self {
        let (stride, basis) = (null.panels().stride(), null.basis());
        Self {
            stride,
            projections: vec![0.0; basis.n_covariates() * stride],
            squares: vec![0.0; stride],
            sums: vec![0.0; stride],
            gram: vec![0.0; basis.padded() * basis.padded()],
        }
    }

    /// Makes the sums that `policy` needs, samples in ascending order.
    pub(super) fn collect(&mut self, kernels: &Kernels, policy: MissingPolicy, null: &NullModel, missing: &[u32]) {
        match policy {
            MissingPolicy::Drop => self.collect_projections(kernels, null, missing),
            MissingPolicy::Mean => self.collect_sums(null, missing),
        }
    }

    fn collect_projections(&mut self, kernels: &Kernels, null: &NullModel, missing: &[u32]) {
        let basis = null.basis();
        (kernels.gram)(missing, (basis.rows(), basis.padded()), &mut self.gram);
        for panel in null.panels().iter() {
            let tile = MissingTile {
                samples: missing,
                hi: &panel.hi,
                lo: &panel.lo,
                width: panel.width,
                q: basis.rows(),
                q_width: basis.padded(),
                k: basis.n_covariates(),
                stride: self.stride,
            };
            (kernels.missing_sums)(tile, &mut self.projections[panel.first..], &mut self.squares[panel.first..]);
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
        for (out, sums) in out.iter_mut().zip(self.projections.chunks_exact(self.stride)) {
            *out = sums[trait_idx];
        }
    }
}

/// A variant's missing samples by the masks that list them.
#[derive(Debug, Clone, Default)]
pub(crate) struct MissingByMask {
    n_missing: usize,
    /// [mask]: where its samples end; one more than masks, the first 0. Empty where no mask lists any.
    ends: Vec<usize>,
    samples: Vec<u32>,
}

impl MissingByMask {
    /// Sorts the missing samples (ascending) by mask.
    pub(super) fn collect(&mut self, sides: &Sides, n_masks: usize, missing: &[u32]) {
        self.n_missing = missing.len();
        self.ends.clear();
        if sides.is_empty() || missing.is_empty() {
            return;
        }
        self.ends.resize(n_masks + 1, 0);
        // First the starts, one place further on; filling moves each start to its end.
        let mut total = 0;
        for &i in missing {
            let masks = sides.of(i);
            masks.iter().for_each(|&m| self.ends[m as usize + 1] += 1);
            total += masks.len();
        }
        let mut start = 0;
        for end in &mut self.ends[1..] {
            start += std::mem::replace(end, start);
        }
        self.samples.resize(total, 0);
        for &i in missing {
            for &m in sides.of(i) {
                let end = &mut self.ends[m as usize + 1];
                self.samples[*end] = i;
                *end += 1;
            }
        }
    }

    /// Missing samples in the mask's `side`, ascending.
    pub(super) fn on_side(&self, mask_idx: usize) -> &[u32] {
        self.ends.get(mask_idx..mask_idx + 2).map_or(&[], |ends| &self.samples[ends[0]..ends[1]])
    }

    /// Missing samples that the mask observes.
    pub(super) fn n_observed(&self, mask: &Mask, mask_idx: usize) -> usize {
        let on_side = self.on_side(mask_idx).len();
        if mask.side_is_missing { self.n_missing - on_side } else { on_side }
    }
}
