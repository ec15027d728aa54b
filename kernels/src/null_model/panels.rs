//! Residuals in the score product's layout: panels of traits, [panel][sample][width] f32, so that vector lanes lie along
//! traits. `hi` goes into the product; `lo` is what f32 left over, so that hi + lo is the f64 residual to 1e-13.

/// Traits of a panel, but for the last.
pub(crate) const PANEL_WIDTH: usize = 32;
/// The product's values are moved by up to this much (residuals have a root mean square in [1, 2)): see [`dither`].
const DITHER: f64 = 9.5367431640625e-7;

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

    /// Stores the scaled residuals of a trait (0 where missing) and leaves y − hi in `y`.
    pub(crate) fn store<'a>(&mut self, trait_idx: usize, y: &'a mut [f64]) -> &'a [f64] {
        let panel = &mut self.panels[trait_idx / PANEL_WIDTH];
        let column = trait_idx % PANEL_WIDTH;
        for (i, y) in y.iter_mut().enumerate().filter(|(_, y)| **y != 0.0) {
            let hi = (*y + dither(i)) as f32;
            *y -= f64::from(hi);
            panel.hi[i * panel.width + column] = hi;
            panel.lo[i * panel.width + column] = *y as f32;
        }
        y
    }

    /// The f64 residuals of a trait, sample by sample.
    pub(crate) fn residuals(&self, trait_idx: usize) -> impl Iterator<Item = f64> + '_ {
        let panel = &self.panels[trait_idx / PANEL_WIDTH];
        let column = trait_idx % PANEL_WIDTH;
        let pairs = panel.hi.chunks_exact(panel.width).zip(panel.lo.chunks_exact(panel.width));
        pairs.map(move |(hi, lo)| f64::from(hi[column]) + f64::from(lo[column]))
    }
}

/// A number in ±[`DITHER`] that depends on the sample alone. A trait of few values would round the same way again and
/// again in the f32 sums, and the error would grow with n where the standard error grows with √n; moving each value by
/// about one unit of a partial sum's last place makes these errors independent.
fn dither(sample: usize) -> f64 {
    let mut x = (sample as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    ((x >> 11) as f64 / (1u64 << 52) as f64 - 1.0) * DITHER
}
