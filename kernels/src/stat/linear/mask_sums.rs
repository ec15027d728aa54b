//! Qᵀg, Σ g·dither and gᵀg of one variant over each mask: the sums over all samples less those that the mask misses (or the
//! observed ones' alone, where these are fewer), found through the variant's nonzero genotypes.

use super::MissingPolicy;
use super::scratch::VariantPlan;
use crate::arch::Kernels;
use crate::arch::carriers::CallList;
use crate::arch::covariates::TakeOff;
use crate::block::{GenotypeBlock, GenotypeKind, MISSING_CALL};
use crate::null_model::NullModel;
use crate::null_model::mask::Mask;
use crate::small_matrix::add_scaled;

/// Samples whose carriers are listed at a time.
const PIECE: usize = 4096;

/// Sums of one variant, [padded]: Qᵀg, the dither's, gᵀg, and minus the nonzero genotypes taken off.
#[derive(Debug, Clone)]
pub(crate) struct MaskSums {
    k: usize,
    /// Over all samples.
    everywhere: Vec<f64>,
    /// By mask, [mask][padded]; minus the sums where the observed samples are listed. Empty where all masks are full.
    by_mask: Vec<f64>,
    /// Nonzero genotypes over all samples.
    n_nonzero: f64,
    samples: Vec<u32>,
    values: Vec<f64>,
}

/// What a mask's sums say of a variant beside the vector.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnMask {
    /// gᵀg.
    pub(super) gg: f64,
    /// gᵀg over all samples.
    pub(super) everywhere: f64,
    /// Whether every genotype is 0 there.
    pub(super) is_zero: bool,
}

impl MaskSums {
    pub(super) fn new(null: &NullModel) -> Self {
        let padded = null.basis().padded();
        let n_masks = if null.sides().is_empty() { 0 } else { null.n_masks() };
        Self {
            k: null.basis().n_covariates(),
            everywhere: vec![0.0; padded],
            by_mask: vec![0.0; n_masks * padded],
            n_nonzero: 0.0,
            samples: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Takes the sums over all samples, in which missing genotypes are 0; fills them in where that is the policy.
    pub(super) fn set_everywhere(
        &mut self,
        null: &NullModel,
        (projection, square): (&[f64], f64),
        filled: Option<(f64, &[u32])>,
    ) {
        self.everywhere.copy_from_slice(projection);
        let mut gg = square;
        if let Some((fill, missing)) = filled {
            for &i in missing {
                add_scaled(fill, null.basis().row_and_dither(i as usize), &mut self.everywhere);
                gg += fill * fill;
            }
        }
        self.everywhere[self.k + 1] = gg;
    }

    /// Makes the sums of every mask.
    pub(super) fn take_off(
        &mut self,
        kernels: &Kernels,
        null: &NullModel,
        policy: MissingPolicy,
        (block, v, plan): (&GenotypeBlock, usize, VariantPlan),
    ) {
        let padded = self.everywhere.len();
        for (mask, sums) in null.masks().iter().zip(self.by_mask.chunks_exact_mut(padded)) {
            if mask.side_is_missing {
                sums.copy_from_slice(&self.everywhere);
            } else {
                sums.fill(0.0);
            }
        }
        self.n_nonzero = 0.0;
        let fill = if policy == MissingPolicy::Mean { plan.fill } else { 0.0 };
        let (starts, masks) = null.sides().slices();
        for start in (0..block.n_samples()).step_by(PIECE) {
            let end = block.n_samples().min(start + PIECE);
            self.list(kernels, (block, v), f64::from(plan.shift), fill, start..end);
            self.n_nonzero += self.samples.len() as f64;
            let tile = TakeOff {
                samples: &self.samples,
                values: &self.values,
                rows: null.basis().rows(),
                width: padded,
                squares: self.k + 1,
                starts,
                masks,
            };
            (kernels.take_off)(tile, &mut self.by_mask);
        }
    }

    /// Lists nonzero genotypes.
    fn list(
        &mut self,
        kernels: &Kernels,
        (block, v): (&GenotypeBlock, usize),
        shift: f64,
        fill: f64,
        samples: std::ops::Range<usize>,
    ) {
        self.samples.clear();
        self.values.clear();
        match block.kind() {
            GenotypeKind::Calls => {
                let calls = block.calls(v);
                let zero = if fill == 0.0 { MISSING_CALL } else { shift as u8 };
                let list = CallList { values: [shift as u8, zero], equal: false, first: samples.start as u32 };
                (kernels.list_calls)(&calls[samples], list, &mut self.samples);
                let values = [-shift, 1.0 - shift, 2.0 - shift, fill];
                self.values.extend(self.samples.iter().map(|&i| values[usize::from(calls[i as usize] & 3)]));
            }
            GenotypeKind::Dosages => {
                for (i, &g) in (samples.start as u32..).zip(&block.dosages(v)[samples]) {
                    let g = if g.is_nan() { fill } else { f64::from(g - shift as f32) };
                    if g != 0.0 {
                        self.samples.push(i);
                        self.values.push(g);
                    }
                }
            }
        }
    }

    /// The sums of a mask into `out`, padded.
    pub(super) fn of(&self, mask: &Mask, mask_idx: usize, out: &mut [f64]) -> OnMask {
        let everywhere = self.everywhere[self.k + 1];
        if mask.is_full() {
            out.copy_from_slice(&self.everywhere);
            return OnMask { gg: everywhere, everywhere, is_zero: false };
        }
        let sums = &self.by_mask[mask_idx * out.len()..(mask_idx + 1) * out.len()];
        let n_taken_off = -sums[self.k + 2];
        if mask.side_is_missing {
            out.copy_from_slice(sums);
            OnMask { gg: out[self.k + 1], everywhere, is_zero: n_taken_off == self.n_nonzero }
        } else {
            out.iter_mut().zip(sums).for_each(|(out, sum)| *out = 0.0 - sum);
            // Nothing is taken off, so that nothing cancels.
            OnMask { gg: out[self.k + 1], everywhere: out[self.k + 1], is_zero: n_taken_off == 0.0 }
        }
    }
}
