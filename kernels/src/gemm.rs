//! The dense way to a score: S = G·Ỹ, together with Qᵀg and gᵀg, over one chunk of variants. Samples are taken a strip at
//! a time: the strip's genotypes are packed into tiles once, then every panel of traits and the covariates go over them.

use crate::arch::{GemmTile, Kernels, ProjectTile, SUM_BLOCK};
use crate::block::{GenotypeBlock, GenotypeKind, MISSING_CALL};
use crate::null_model::basis::CovariateBasis;
use crate::null_model::panels::Panels;

/// Samples of a strip: a multiple of [`SUM_BLOCK`], so that it does not change a sum.
const STRIP: usize = 4 * SUM_BLOCK;
/// Variants of a chunk, about.
const CHUNK: usize = 112;

/// Sums of one chunk of variants, and the memory to make them.
#[derive(Debug, Clone)]
pub(crate) struct ScoreChunk {
    tile: usize,
    /// Variants that fit; a multiple of `tile`.
    capacity: usize,
    columns: usize,
    padded: usize,
    packed: Vec<f32>,
    /// [variant][column]: Σ g·hi, samples without a call left out.
    scores: Vec<f64>,
    /// [variant][padded]: Qᵀg likewise.
    projections: Vec<f64>,
    /// [variant]: gᵀg likewise.
    squares: Vec<f64>,
}

impl ScoreChunk {
    /// Memory for chunks against `columns` trait columns and `padded` covariates.
    pub(crate) fn new(kernels: &Kernels, columns: usize, padded: usize) -> Self {
        let capacity = CHUNK.next_multiple_of(kernels.tile);
        Self {
            tile: kernels.tile,
            capacity,
            columns,
            padded,
            packed: vec![0f32; capacity * STRIP],
            scores: vec![0f64; capacity * columns],
            projections: vec![0f64; capacity * padded],
            squares: vec![0f64; capacity],
        }
    }

    /// Variants that one [`Self::compute`] takes.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Sums of variants `first..first + shifts.len()` of the block, genotype less shift.
    pub(crate) fn compute(
        &mut self,
        kernels: &Kernels,
        block: &GenotypeBlock,
        first: usize,
        shifts: &[f32],
        (basis, panels): (&CovariateBasis, &Panels),
    ) {
        let n = block.n_samples();
        let tiles = shifts.len().div_ceil(self.tile);
        let rows = tiles * self.tile;
        self.scores[..rows * self.columns].fill(0.0);
        self.projections[..rows * self.padded].fill(0.0);
        self.squares[..rows].fill(0.0);
        for start in (0..n).step_by(STRIP) {
            let end = n.min(start + STRIP);
            self.pack(block, first, shifts, start..end);
            let tile_size = self.tile * (end - start);
            for panel in panels.iter() {
                let y = &panel.hi[start * panel.width..end * panel.width];
                for (t, g) in self.packed.chunks_exact(tile_size).take(tiles).enumerate() {
                    let fused = block.kind() == GenotypeKind::Dosages;
                    let tile = GemmTile { g, y, width: panel.width, stride: self.columns, fused };
                    (kernels.gemm)(tile, &mut self.scores[t * self.tile * self.columns + panel.first..]);
                }
            }
            let q = &basis.rows()[start * self.padded..end * self.padded];
            for (t, g) in self.packed.chunks_exact(tile_size).take(tiles).enumerate() {
                let x = &mut self.projections[t * self.tile * self.padded..(t + 1) * self.tile * self.padded];
                let gg = &mut self.squares[t * self.tile..(t + 1) * self.tile];
                (kernels.project)(ProjectTile { g, q, width: self.padded }, x, gg);
            }
        }
    }

    /// Σ g·hi of a variant of the chunk, by column.
    pub(crate) fn scores(&self, row: usize) -> &[f64] {
        &self.scores[row * self.columns..(row + 1) * self.columns]
    }

    /// Qᵀg of a variant of the chunk, padded.
    pub(crate) fn projection(&self, row: usize) -> &[f64] {
        &self.projections[row * self.padded..(row + 1) * self.padded]
    }

    /// gᵀg of a variant of the chunk.
    pub(crate) fn square(&self, row: usize) -> f64 {
        self.squares[row]
    }

    /// Packs a strip into tiles [sample][variant], shifted; 0 where missing and for rows without a variant.
    fn pack(&mut self, block: &GenotypeBlock, first: usize, shifts: &[f32], samples: std::ops::Range<usize>) {
        let len = samples.len();
        let rows = shifts.len().next_multiple_of(self.tile);
        for row in 0..rows {
            let tile = &mut self.packed[row / self.tile * self.tile * len..][..self.tile * len];
            let out = tile.iter_mut().skip(row % self.tile).step_by(self.tile);
            match (shifts.get(row), block.kind()) {
                (None, _) => out.for_each(|out| *out = 0.0),
                (Some(&shift), GenotypeKind::Calls) => {
                    let values = [-shift, 1.0 - shift, 2.0 - shift, 0.0];
                    for (out, &call) in out.zip(&block.calls(first + row)[samples.clone()]) {
                        *out = values[usize::from(call.min(3))];
                    }
                }
                (Some(&shift), GenotypeKind::Dosages) => {
                    for (out, &g) in out.zip(&block.dosages(first + row)[samples.clone()]) {
                        *out = if g.is_nan() { 0.0 } else { g - shift };
                    }
                }
            }
        }
    }
}

/// The genotype of one sample as the tests see it: less the shift, `None` where missing.
pub(crate) fn shifted(block: &GenotypeBlock, v: usize, sample: usize, shift: f32) -> Option<f32> {
    match block.kind() {
        GenotypeKind::Calls => match block.calls(v)[sample] {
            MISSING_CALL => None,
            call => Some(f32::from(call) - shift),
        },
        GenotypeKind::Dosages => {
            let g = block.dosages(v)[sample];
            if g.is_nan() { None } else { Some(g - shift) }
        }
    }
}
