//! Inner products of many vectors of one length: the Gram matrix behind the correlation of traits, by the same tiles and
//! in the same order of sums as the score product.

use crate::arch::{GemmTile, Kernels, SUM_BLOCK, isa};

/// Vectors of a panel.
const WIDTH: usize = 32;
/// Elements packed at once: a multiple of [`SUM_BLOCK`].
const STRIP: usize = 4 * SUM_BLOCK;

/// Vectors of `length` f32 each, in panels of 32, [panel][element][vector].
#[derive(Debug, Clone)]
pub struct VectorSet {
    length: usize,
    n_vectors: usize,
    panels: Vec<Vec<f32>>,
}

impl VectorSet {
    /// `n_vectors` zero vectors of `length` elements.
    #[must_use]
    pub fn new(n_vectors: usize, length: usize) -> Self {
        let panels = vec![vec![0f32; length * WIDTH]; n_vectors.div_ceil(WIDTH)];
        Self { length, n_vectors, panels }
    }

    /// Vectors.
    #[must_use]
    pub fn n_vectors(&self) -> usize {
        self.n_vectors
    }

    /// Sets one element.
    pub fn set(&mut self, vector_idx: usize, element_idx: usize, value: f32) {
        self.panels[vector_idx / WIDTH][element_idx * WIDTH + vector_idx % WIDTH] = value;
    }

    /// Products of each vector in `rows` with vectors 0 to `rows.end`: rows.len() × the returned width, row-major, the width
    /// being `rows.end` rounded up to a whole panel. f32 products summed over 256 elements, these sums in f64.
    #[must_use]
    pub fn products(&self, rows: std::ops::Range<usize>) -> (Vec<f64>, usize) {
        let kernels = Kernels::new(isa()).unwrap_or_else(Kernels::portable);
        let panels = &self.panels[..rows.end.div_ceil(WIDTH)];
        let stride = panels.len() * WIDTH;
        let tiles = rows.len().div_ceil(kernels.tile);
        let mut products = vec![0f64; tiles * kernels.tile * stride];
        let mut packed = vec![0f32; kernels.tile * STRIP];
        for (start, tile) in (0..self.length).step_by(STRIP).flat_map(|start| (0..tiles).map(move |tile| (start, tile)))
        {
            let end = self.length.min(start + STRIP);
            let first = rows.start + tile * kernels.tile;
            let g = &mut packed[..kernels.tile * (end - start)];
            self.pack(first..rows.end.min(first + kernels.tile), start, kernels.tile, g);
            let out = &mut products[tile * kernels.tile * stride..];
            for (p, panel) in panels.iter().enumerate() {
                let y = &panel[start * WIDTH..end * WIDTH];
                (kernels.gemm)(GemmTile { g, y, width: WIDTH, stride, fused: true }, &mut out[p * WIDTH..]);
            }
        }
        products.truncate(rows.len() * stride);
        (products, stride)
    }

    /// Elements from `start` on of some vectors as [element][tile], the rest of the tile 0.
    fn pack(&self, vectors: std::ops::Range<usize>, start: usize, tile: usize, out: &mut [f32]) {
        out.fill(0.0);
        for (row, v) in vectors.enumerate() {
            let column = self.panels[v / WIDTH][start * WIDTH + v % WIDTH..].iter().step_by(WIDTH);
            out.iter_mut().skip(row).step_by(tile).zip(column).for_each(|(out, &value)| *out = value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_any_rows_are_those_of_the_vectors() {
        let (n_vectors, length) = (70, 1500);
        let value = |v: usize, e: usize| ((v * 31 + e * 17) % 23) as f32 - 11.0;
        let mut set = VectorSet::new(n_vectors, length);
        for v in 0..n_vectors {
            (0..length).for_each(|e| set.set(v, e, value(v, e)));
        }
        for rows in [0..70, 0..1, 37..52, 64..70] {
            let (products, width) = set.products(rows.clone());
            for (row, v) in products.chunks_exact(width).zip(rows.clone()) {
                for (w, &got) in row.iter().enumerate().take(rows.end) {
                    let want: f64 = (0..length).map(|e| f64::from(value(v, e) * value(w, e))).sum();
                    assert_eq!(got, want, "{v} {w}");
                }
            }
        }
    }
}
