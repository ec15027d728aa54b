//! Residuals in the score product's layout: panels of traits, [panel][sample][width] f32, so that vector lanes lie along
//! traits. `hi`, dithered, goes into the product; `lo` is the rest, so that hi + lo is the f64 residual to 1e-13.

use super::basis::CovariateBasis;
use super::mask::Mask;

/// Traits of a panel, but for the last.
pub(crate) const PANEL_WIDTH: usize = 32;
/// One panel.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    /// Traits stored: 8, 16 or 32, the last ones padding.
    pub(crate) width: usize,
    /// First trait.
    pub(crate) first: usize,
    /// [sample][width]; 0 where missing or padding.
    pub(crate) hi: Vec<f32>,
    /// [sample][width].
    pub(crate) lo: Vec<f32>,
}

/// All panels. Trait t is column t of the product: panels before the last are full.
#[derive(Debug, Clone)]
pub(crate) struct Panels {
    panels: Vec<Panel>,
    columns: usize,
}

impl Panels {
    /// Zeros for `n_traits` traits of `n_samples` samples.
    pub(crate) fn new(n_samples: usize, n_traits: usize) -> Self {
        let mut panels = Vec::new();
        for first in (0..n_traits).step_by(PANEL_WIDTH) {
            let width = match n_traits - first {
                0..=8 => 8,
                9..=16 => 16,
                _ => PANEL_WIDTH,
            };
            let size = n_samples * width;
            panels.push(Panel { width, first, hi: vec![0f32; size], lo: vec![0f32; size] });
        }
        let columns = panels.iter().map(|panel| panel.width).sum();
        Self { panels, columns }
    }

    /// The panels in the order of traits.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Panel> {
        self.panels.iter()
    }

    /// Columns with padding.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Stores the scaled residuals `y` of a trait over the observed samples, dithered, and leaves in `y` what rounding
    /// took away: y + dither − hi.
    pub(crate) fn store(&mut self, basis: &CovariateBasis, mask: &Mask, trait_idx: usize, y: &mut [f64]) {
        let panel = &mut self.panels[trait_idx / PANEL_WIDTH];
        let column = trait_idx % PANEL_WIDTH;
        for (i, y) in y.iter_mut().enumerate().filter(|(i, _)| mask.has(*i as u32)) {
            let moved = *y + basis.dither(i);
            let hi = moved as f32;
            panel.hi[i * panel.width + column] = hi;
            panel.lo[i * panel.width + column] = (*y - f64::from(hi)) as f32;
            *y = moved - f64::from(hi);
        }
    }

    /// The f64 residuals of a trait, sample by sample.
    pub(crate) fn residuals(&self, trait_idx: usize) -> impl Iterator<Item = f64> + '_ {
        let panel = &self.panels[trait_idx / PANEL_WIDTH];
        let column = trait_idx % PANEL_WIDTH;
        let pairs = panel.hi.chunks_exact(panel.width).zip(panel.lo.chunks_exact(panel.width));
        pairs.map(move |(hi, lo)| f64::from(hi[column]) + f64::from(lo[column]))
    }
}
