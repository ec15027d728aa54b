//! Residuals in the score product's layout: panels of traits, [panel][sample][width] f32, so that vector lanes lie along
//! traits. `hi`, dithered, goes into the product; `lo` is the rest, so that hi + lo is the f64 residual to 1e-13.

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
    /// [sample][width]; empty where `hi` is all that is kept.
    pub(crate) lo: Vec<f32>,
}

impl Panel {
    /// Zeros.
    pub(super) fn new(n_samples: usize, width: usize, first: usize) -> Self {
        Self { width, first, hi: vec![0f32; n_samples * width], lo: vec![0f32; n_samples * width] }
    }

    /// As [`Self::new`], for residuals that are kept as f32 alone.
    pub(crate) fn single(n_samples: usize, width: usize, first: usize) -> Self {
        Self { width, first, hi: vec![0f32; n_samples * width], lo: Vec::new() }
    }
}

/// All panels. Trait t is column t of the product: panels before the last are full.
#[derive(Debug, Clone)]
pub(crate) struct Panels {
    panels: Vec<Panel>,
    columns: usize,
}

impl Panels {
    /// Panels of consecutive traits.
    pub(crate) fn new(panels: Vec<Panel>) -> Self {
        let columns = panels.iter().map(|panel| panel.width).sum();
        Self { panels, columns }
    }

    /// The width of a panel where `n_traits` are left.
    pub(crate) fn width_of(n_traits: usize) -> usize {
        match n_traits {
            0..=8 => 8,
            9..=16 => 16,
            _ => PANEL_WIDTH,
        }
    }

    /// The panels in the order of traits.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Panel> {
        self.panels.iter()
    }

    /// Columns with padding.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Columns, and eight more that eight lanes from any trait on may touch.
    pub(crate) fn stride(&self) -> usize {
        self.columns + 8
    }

    /// The f64 residuals of a trait, sample by sample.
    pub(crate) fn residuals(&self, trait_idx: usize) -> impl Iterator<Item = f64> + '_ {
        let panel = &self.panels[trait_idx / PANEL_WIDTH];
        let column = trait_idx % PANEL_WIDTH;
        let pairs = panel.hi.chunks_exact(panel.width).zip(panel.lo.chunks_exact(panel.width));
        pairs.map(move |(hi, lo)| f64::from(hi[column]) + f64::from(lo[column]))
    }
}
