//! Scores: S = G·Ỹ, together with Qᵀg and gᵀg, over one chunk of variants. Samples are taken a strip at a time: the strip's
//! genotypes are packed into tiles once, or its carriers listed for variants that have few, then every panel of traits and
//! the covariates go over them. Both ways give the same bits; which one a variant takes depends on the variant alone.

use crate::arch::carriers::{CallList, CarrierTile, Carriers, END};
use crate::arch::dosages::DosageScans;
use crate::arch::{GemmTile, Kernels, PACK_SLACK, PackTile, ProjectTile, SUM_BLOCK};
use crate::block::{GenotypeBlock, GenotypeKind, MISSING_CALL};
use crate::null_model::basis::CovariateBasis;
use crate::null_model::panels::Panels;

/// Samples of a strip: a multiple of [`SUM_BLOCK`], so that it does not change a sum.
pub(crate) const STRIP: usize = 4 * SUM_BLOCK;
/// Dense variants of a chunk, at most and about: packed, a strip of them stays in cache.
pub(crate) const DENSE: usize = 126;
/// Variants of a chunk, at most: many, so that the traits are read once for many of them.
const CHUNK: usize = 512;
/// Sums of a chunk, at most and about, but for the [`DENSE`] variants that it always takes.
const SUMS: usize = 1 << 20;
/// Variants of which fewer than one sample in so many differs from the shift are summed over those samples alone.
const DENSE_FROM: usize = 4;

/// How a variant's sums are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Path {
    /// They are not.
    #[default]
    Skip,
    /// From the samples whose genotype is not the shift.
    Carriers,
    /// From all samples, in tiles.
    Dense,
}

impl Path {
    /// The faster way for a variant of which `n_carriers` of `n_samples` differ from the shift.
    pub(crate) fn of(n_carriers: usize, n_samples: usize) -> Self {
        if n_carriers * DENSE_FROM < n_samples { Path::Carriers } else { Path::Dense }
    }
}

/// Sums of one chunk of variants, and the memory to make them.
#[derive(Debug, Clone)]
pub(crate) struct ScoreChunk {
    tile: usize,
    columns: usize,
    padded: usize,
    n_dense: usize,
    n_variants: usize,
    /// By variant: its row of the sums.
    slots: Vec<usize>,
    dense: Vec<usize>,
    sparse: Vec<usize>,
    packed: Vec<f32>,
    carriers: CarrierStrip,
    /// [slot][column], and eight values more: Σ g·hi, samples without a call left out.
    scores: Vec<f64>,
    /// [slot][padded]: Qᵀg likewise.
    projections: Vec<f64>,
    /// [slot]: gᵀg likewise.
    squares: Vec<f64>,
}

impl ScoreChunk {
    /// Memory for chunks against `columns` trait columns and `padded` covariates.
    pub(crate) fn new(kernels: &Kernels, columns: usize, padded: usize) -> Self {
        let tile = kernels.tile;
        let n_dense = DENSE.next_multiple_of(tile);
        let n_variants = (SUMS / columns.max(1)).clamp(n_dense, CHUNK);
        let slots = n_variants + tile;
        Self {
            tile,
            columns,
            padded,
            n_dense,
            n_variants,
            slots: Vec::with_capacity(n_variants),
            dense: Vec::with_capacity(n_dense),
            sparse: Vec::with_capacity(n_variants),
            packed: vec![0f32; n_dense * STRIP + PACK_SLACK],
            carriers: CarrierStrip::default(),
            scores: vec![0f64; slots * columns + 8],
            projections: vec![0f64; slots * padded],
            squares: vec![0f64; slots],
        }
    }

    /// Variants that one [`Self::compute`] takes, all in all and on the dense path.
    pub(crate) fn capacity(&self) -> (usize, usize) {
        (self.n_variants, self.n_dense)
    }

    /// Sums of variants `first..first + plans.len()` of the block, genotype less shift.
    pub(crate) fn compute(
        &mut self,
        kernels: &Kernels,
        block: &GenotypeBlock,
        first: usize,
        plans: &[(f32, Path)],
        (basis, panels): (&CovariateBasis, &Panels),
    ) {
        let (tiles, used) = self.assign(plans);
        self.scores[..used * self.columns].fill(0.0);
        self.projections[..used * self.padded].fill(0.0);
        self.squares[..used].fill(0.0);
        let (n, sparse) = (block.n_samples(), tiles * self.tile);
        let fused = block.kind() == GenotypeKind::Dosages;
        for start in (0..n).step_by(STRIP) {
            let end = n.min(start + STRIP);
            self.pack(kernels, block, first, plans, start..end);
            self.carriers.clear();
            for &v in &self.sparse {
                self.carriers.list(kernels, block, first + v, plans[v].0, start..end);
            }
            let (carriers, tile_size) = (self.carriers.view(), self.tile * (end - start));
            let tile = |t: usize| &self.packed[t * tile_size..(t + 1) * tile_size];
            for panel in panels.iter() {
                let (width, stride) = (panel.width, self.columns);
                let y = &panel.hi[start * width..end * width];
                for t in 0..tiles {
                    let out = &mut self.scores[t * self.tile * stride + panel.first..];
                    (kernels.gemm)(GemmTile { g: tile(t), y, width, stride, fused }, out);
                }
                let out = &mut self.scores[sparse * stride + panel.first..];
                (kernels.gemm_carriers)(CarrierTile { carriers, y, width, stride, fused }, out);
            }
            let q = &basis.rows()[start * self.padded..end * self.padded];
            let (dense_x, sparse_x) = self.projections.split_at_mut(sparse * self.padded);
            let (dense_gg, sparse_gg) = self.squares.split_at_mut(sparse);
            let outs = dense_x.chunks_exact_mut(self.tile * self.padded).zip(dense_gg.chunks_exact_mut(self.tile));
            for (t, (x, gg)) in outs.enumerate() {
                (kernels.project)(ProjectTile { g: tile(t), q, width: self.padded }, x, gg);
            }
            (kernels.project_carriers)(carriers, (q, self.padded), sparse_x, sparse_gg);
        }
    }

    /// Gives every variant a row of the sums, the dense ones first; returns their tiles, and the rows used.
    fn assign(&mut self, plans: &[(f32, Path)]) -> (usize, usize) {
        self.dense.clear();
        self.sparse.clear();
        self.slots.clear();
        for (v, (_, path)) in plans.iter().enumerate() {
            match path {
                Path::Skip => {}
                Path::Carriers => self.sparse.push(v),
                Path::Dense => self.dense.push(v),
            }
        }
        let tiles = self.dense.len().div_ceil(self.tile);
        self.slots.resize(plans.len(), 0);
        for (slot, &v) in self.dense.iter().enumerate() {
            self.slots[v] = slot;
        }
        for (slot, &v) in (tiles * self.tile..).zip(&self.sparse) {
            self.slots[v] = slot;
        }
        (tiles, tiles * self.tile + self.sparse.len())
    }

    /// Σ g·hi of a variant of the chunk, by column, and at least eight values more.
    pub(crate) fn scores(&self, row: usize) -> &[f64] {
        &self.scores[self.slots[row] * self.columns..]
    }

    /// Qᵀg of a variant of the chunk, padded.
    pub(crate) fn projection(&self, row: usize) -> &[f64] {
        &self.projections[self.slots[row] * self.padded..][..self.padded]
    }

    /// gᵀg of a variant of the chunk.
    pub(crate) fn square(&self, row: usize) -> f64 {
        self.squares[self.slots[row]]
    }

    /// Packs a strip of the dense variants into tiles [sample][variant], shifted; 0 where missing.
    fn pack(
        &mut self,
        kernels: &Kernels,
        block: &GenotypeBlock,
        first: usize,
        plans: &[(f32, Path)],
        samples: std::ops::Range<usize>,
    ) {
        let tile_size = self.tile * samples.len();
        for (t, variants) in self.dense.chunks(self.tile).enumerate() {
            let (mut shifts, mut calls, mut dosages) = ([0f32; MAX_TILE], [&[][..]; MAX_TILE], [&[][..]; MAX_TILE]);
            for (r, &v) in variants.iter().enumerate() {
                shifts[r] = plans[v].0;
                match block.kind() {
                    GenotypeKind::Calls => calls[r] = &block.calls(first + v)[samples.clone()],
                    GenotypeKind::Dosages => dosages[r] = &block.dosages(first + v)[samples.clone()],
                }
            }
            let (shifts, n) = (&shifts[..variants.len()], variants.len());
            let out = &mut self.packed[t * tile_size..(t + 1) * tile_size + PACK_SLACK];
            match block.kind() {
                GenotypeKind::Calls => (kernels.pack_calls)(PackTile { calls: &calls[..n], shifts }, out),
                GenotypeKind::Dosages => pack_dosages(&dosages[..n], shifts, self.tile, &mut out[..tile_size]),
            }
        }
    }
}

/// No instruction set has a larger tile.
pub(crate) const MAX_TILE: usize = 16;

/// As [`Kernels::pack_calls`], of dosages. A few samples at a time, so that what is written stays in the nearest cache.
pub(crate) fn pack_dosages(dosages: &[&[f32]], shifts: &[f32], tile: usize, out: &mut [f32]) {
    for (first, out) in (0..).step_by(SUM_BLOCK / 4).zip(out.chunks_mut(SUM_BLOCK / 4 * tile)) {
        for r in 0..tile {
            let out = out.iter_mut().skip(r).step_by(tile);
            match dosages.get(r).zip(shifts.get(r)) {
                None => out.for_each(|out| *out = 0.0),
                Some((dosages, shift)) => out.zip(&dosages[first..]).for_each(|(out, &g)| {
                    let g = g - shift;
                    *out = if g.is_nan() { 0.0 } else { g };
                }),
            }
        }
    }
}

/// Carriers of some variants over a strip.
#[derive(Debug, Clone, Default)]
pub(crate) struct CarrierStrip {
    samples: Vec<u32>,
    values: Vec<f32>,
    starts: Vec<u32>,
}

impl CarrierStrip {
    pub(crate) fn clear(&mut self) {
        self.samples.clear();
        self.values.clear();
        self.starts.clear();
    }

    /// Appends a variant, missing samples left out.
    fn list(
        &mut self,
        kernels: &Kernels,
        block: &GenotypeBlock,
        v: usize,
        shift: f32,
        samples: std::ops::Range<usize>,
    ) {
        self.list_filled(kernels, block, v, (shift, 0.0), samples);
    }

    /// Appends a variant, a missing genotype less the shift being `fill`.
    pub(crate) fn list_filled(
        &mut self,
        kernels: &Kernels,
        block: &GenotypeBlock,
        v: usize,
        (shift, fill): (f32, f32),
        samples: std::ops::Range<usize>,
    ) {
        let from = self.samples.len();
        self.starts.push(from as u32);
        match block.kind() {
            GenotypeKind::Calls => {
                let calls = &block.calls(v)[samples];
                let passed_over = if fill == 0.0 { MISSING_CALL } else { shift as u8 };
                let list = CallList { values: [shift as u8, passed_over], equal: false, first: 0 };
                (kernels.list_calls)(calls, list, &mut self.samples);
                let values = [-shift, 1.0 - shift, 2.0 - shift, fill];
                let listed = self.samples[from..].iter();
                self.values.extend(listed.map(|&i| values[usize::from(calls[i as usize] & 3)]));
            }
            GenotypeKind::Dosages if fill == 0.0 => {
                let list = DosageScans::of(kernels.isa).list;
                list(&block.dosages(v)[samples], shift, &mut self.samples, &mut self.values);
            }
            GenotypeKind::Dosages => {
                for (i, &g) in (0u32..).zip(&block.dosages(v)[samples]) {
                    let g = if g.is_nan() { fill } else { g - shift };
                    if g != 0.0 {
                        self.samples.push(i);
                        self.values.push(g);
                    }
                }
            }
        }
        self.samples.push(END);
        self.values.push(0.0);
    }

    pub(crate) fn view(&self) -> Carriers<'_> {
        Carriers { samples: &self.samples, values: &self.values, starts: &self.starts }
    }
}

/// The genotype of one sample less the shift, exactly (a score's has the rounding of f32); `None` where missing.
pub(crate) fn shifted(block: &GenotypeBlock, v: usize, sample: usize, shift: f32) -> Option<f64> {
    let shift = f64::from(shift);
    match block.kind() {
        GenotypeKind::Calls => match block.calls(v)[sample] {
            MISSING_CALL => None,
            call => Some(f64::from(call) - shift),
        },
        GenotypeKind::Dosages => {
            let g = block.dosages(v)[sample];
            if g.is_nan() { None } else { Some(f64::from(g) - shift) }
        }
    }
}
