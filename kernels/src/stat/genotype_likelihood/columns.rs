//! Products of per-site values with fixed columns of the samples, by the tiles of the score product and in its order of sums.

use crate::arch::{GemmTile, Kernels};
use crate::gemm::{DENSE, MAX_TILE, STRIP, pack_dosages};
use crate::null_model::panels::{PANEL_WIDTH, Panels};

/// Sums of a chunk of sites, at most and about.
const SUMS: usize = 1 << 20;

/// What of a value goes into the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// The value less the shift.
    AsTheyAre,
    /// Its square.
    Squared,
}

/// Columns of n_samples values in panels, [panel][sample][width] f32; a column not set is 0.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    n_samples: usize,
    /// Width and values.
    panels: Vec<(usize, Vec<f32>)>,
    stride: usize,
}

impl Columns {
    pub(crate) fn new(n_samples: usize, n_columns: usize) -> Self {
        let panel = |first| {
            let width = Panels::width_of(n_columns - first);
            (width, vec![0f32; n_samples * width])
        };
        let panels: Vec<_> = (0..n_columns).step_by(PANEL_WIDTH).map(panel).collect();
        let stride = panels.iter().map(|panel| panel.0).sum();
        Self { n_samples, panels, stride }
    }

    pub(crate) fn set(&mut self, sample: usize, column: usize, value: f64) {
        let (width, values) = &mut self.panels[column / PANEL_WIDTH];
        values[sample * *width + column % PANEL_WIDTH] = value as f32;
    }
}

/// Sums of a chunk of sites, and the memory to make them.
#[derive(Debug, Clone)]
pub(crate) struct Products {
    tile: usize,
    capacity: usize,
    stride: usize,
    packed: Vec<f32>,
    /// [site][column].
    sums: Vec<f64>,
}

impl Products {
    pub(crate) fn new(kernels: &Kernels, columns: &Columns) -> Self {
        let tile = kernels.tile;
        let capacity = (SUMS / columns.stride.max(1)).clamp(tile, DENSE.next_multiple_of(tile)) / tile * tile;
        let sums = vec![0f64; capacity * columns.stride];
        Self { tile, capacity, stride: columns.stride, packed: vec![0f32; capacity * STRIP], sums }
    }

    /// Sites that one [`Self::compute`] takes.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Sums over the samples of (value less shift), or of its square, times column, for `n_sites` sites whose values and shift
    /// `site` gives. Missing values (NaN) are 0 after the shift.
    pub(crate) fn compute<'v>(
        &mut self,
        kernels: &Kernels,
        columns: &Columns,
        (n_sites, values_are): (usize, Values),
        site: impl Fn(usize) -> (&'v [f32], f32),
    ) {
        let (tile, tiles, stride) = (self.tile, n_sites.div_ceil(self.tile), self.stride);
        self.sums[..tiles * tile * stride].fill(0.0);
        for start in (0..columns.n_samples).step_by(STRIP) {
            let end = columns.n_samples.min(start + STRIP);
            let size = tile * (end - start);
            for t in 0..tiles {
                let (mut values, mut shifts) = ([&[][..]; MAX_TILE], [0f32; MAX_TILE]);
                let n = tile.min(n_sites - t * tile);
                for r in 0..n {
                    let (row, shift) = site(t * tile + r);
                    (values[r], shifts[r]) = (&row[start..end], shift);
                }
                let packed = &mut self.packed[t * size..(t + 1) * size];
                pack_dosages(&values[..n], &shifts[..n], tile, packed);
                if values_are == Values::Squared {
                    packed.iter_mut().for_each(|x| *x *= *x);
                }
            }
            let mut first = 0;
            for (width, values) in &columns.panels {
                let y = &values[start * width..end * width];
                for t in 0..tiles {
                    let g = &self.packed[t * size..(t + 1) * size];
                    let out = &mut self.sums[t * tile * stride + first..];
                    (kernels.gemm)(GemmTile { g, y, width: *width, stride, fused: true }, out);
                }
                first += width;
            }
        }
    }

    /// Sums of a site of the chunk, by column.
    pub(crate) fn sums(&self, site: usize) -> &[f64] {
        &self.sums[site * self.stride..(site + 1) * self.stride]
    }
}
