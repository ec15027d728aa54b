//! A chunk of variants against all permutations. The largest r² is taken while a panel's scores are in the nearest cache;
//! only where there are more samples than a strip are the scores of all panels kept.

use std::ops::Range;

use super::permuted::TraitSamples;
use crate::arch::carriers::CarrierTile;
use crate::arch::permuted::RaiseTile;
use crate::arch::{GemmTile, Kernels, PACK_SLACK, PackTile, ProjectTile};
use crate::block::{GenotypeBlock, GenotypeKind};
use crate::counts::AlleleCounts;
use crate::gemm::{CarrierStrip, DENSE, MAX_TILE, Path, STRIP, pack_dosages, shifted};
use crate::null_model::panels::{PANEL_WIDTH, Panels};
use crate::small_matrix::{add_scaled, dot};
use crate::stat::linear::{COLLINEAR, Coding, ILL_CONDITIONED, list_missing};
use crate::status::Status;

/// Variants of a chunk that are summed over carriers alone, at most.
const SPARSE: usize = 256;

/// Memory of [`super::PermutedTrait::max_r2`], grown on demand; one per thread, for any trait and block.
#[derive(Debug, Clone, Default)]
pub struct PermutationScratch {
    /// Variants of the chunk on the trait's samples, where these are not all.
    compact: Option<GenotypeBlock>,
    variants: Vec<Planned>,
    /// By slot: the variants of the chunk, first those in tiles.
    dense: Vec<usize>,
    sparse: Vec<usize>,
    packed: Vec<f32>,
    carriers: CarrierStrip,
    missing: Vec<u32>,
    /// [slot][padded].
    projections: Vec<f64>,
    /// [slot]: gᵀg.
    squares: Vec<f64>,
    /// [slot]: 1/d; 0 where the variant raises nothing in the tiles.
    inverse: Vec<f64>,
    /// [slot][width] of one panel, or [panel][slot][width].
    scores: Vec<f64>,
    /// Largest r² by column.
    best: Vec<f64>,
    /// Variants whose residual is tested instead.
    frail: Vec<usize>,
    /// Such a residual by sample.
    residual: Vec<f64>,
}

/// A variant of the chunk.
#[derive(Debug, Clone, Copy)]
struct Planned {
    /// In the block that the chunk is read from.
    idx: usize,
    shift: f32,
    /// A missing genotype less the shift.
    fill: f32,
    has_missing: bool,
    path: Path,
}

/// What a chunk is tested against.
#[derive(Clone, Copy)]
struct Against<'a> {
    kernels: &'a Kernels,
    samples: &'a TraitSamples,
    panels: &'a Panels,
}

impl PermutationScratch {
    /// See [`super::PermutedTrait::max_r2`].
    pub(super) fn raise(
        &mut self,
        kernels: &Kernels,
        (samples, panels): (&TraitSamples, &Panels),
        (block, counts): (&GenotypeBlock, &[AlleleCounts]),
        variants: Range<usize>,
        best: &mut [f64],
    ) {
        let against = Against { kernels, samples, panels };
        self.best.clear();
        self.best.extend_from_slice(best);
        self.best.resize(panels.columns(), 0.0);
        let mut compact = self.compact.take();
        let mut next = variants.start;
        while next < variants.end {
            self.variants.clear();
            let (mut n_dense, mut n_sparse) = (0, 0);
            let first = next;
            while next < variants.end && n_dense < DENSE && n_sparse < SPARSE {
                if let Some(planned) = plan(kernels, block, next, &counts[next]) {
                    n_dense += usize::from(planned.path == Path::Dense);
                    n_sparse += usize::from(planned.path == Path::Carriers);
                    self.variants.push(planned);
                }
                next += 1;
            }
            match samples.listed() {
                None => self.test(against, block),
                Some(listed) => {
                    let fits = |of: &GenotypeBlock| of.kind() == block.kind() && of.n_samples() == listed.len();
                    let of = match compact.take().filter(fits) {
                        Some(of) => compact.insert(of),
                        None => compact.insert(GenotypeBlock::new(block.kind(), listed.len(), next - first)),
                    };
                    of.clear();
                    for planned in &mut self.variants {
                        gather(block, planned.idx, listed, of);
                        planned.idx = of.len() - 1;
                    }
                    self.test(against, of);
                }
            }
        }
        self.compact = compact;
        best.iter_mut().zip(&self.best).for_each(|(best, raised)| *best = raised.min(1.0));
    }

    /// Tests the planned variants of a block of the trait's samples alone.
    fn test(&mut self, against: Against<'_>, block: &GenotypeBlock) {
        let Against { kernels, samples, panels } = against;
        let (tile, (_, padded), n) = (kernels.tile, samples.basis(), samples.n());
        self.assign();
        let n_slots = self.dense.len().next_multiple_of(tile) + self.sparse.len();
        resize(&mut self.projections, n_slots * padded);
        resize(&mut self.squares, n_slots);
        let one_strip = n <= STRIP;
        if !one_strip {
            resize(&mut self.scores, n_slots * panels.columns());
        }
        let fused = block.kind() == GenotypeKind::Dosages || self.variants.iter().any(|v| v.has_missing);
        for start in (0..n).step_by(STRIP) {
            let strip = start..n.min(start + STRIP);
            self.load(against, block, strip.clone());
            self.project(against, strip.clone());
            let is_last = strip.end == n;
            if is_last {
                self.decide(against, block);
            }
            let mut first = 0;
            for panel in panels.iter() {
                if one_strip {
                    first = 0;
                    resize(&mut self.scores, n_slots * panel.width);
                }
                let y = &panel.hi[strip.start * panel.width..strip.end * panel.width];
                let best = is_last.then(|| panel.first..panel.first + panel.width);
                self.multiply(kernels, (y, panel.width), first, fused, best);
                first += n_slots * panel.width;
            }
        }
        for i in 0..self.frail.len().div_ceil(tile) {
            self.test_frail(against, block, i * tile);
        }
    }

    fn assign(&mut self) {
        self.dense.clear();
        self.sparse.clear();
        for (v, planned) in self.variants.iter().enumerate() {
            match planned.path {
                Path::Skip => {}
                Path::Carriers => self.sparse.push(v),
                Path::Dense => self.dense.push(v),
            }
        }
    }

    /// Packs the tiles and lists the carriers of a strip, missing genotypes filled in.
    fn load(&mut self, against: Against<'_>, block: &GenotypeBlock, strip: Range<usize>) {
        let kernels = against.kernels;
        let (tile, length) = (kernels.tile, strip.len());
        let size = self.dense.len().next_multiple_of(tile) * length + PACK_SLACK;
        self.packed.resize(size.max(self.packed.len()), 0.0);
        for (t, variants) in self.dense.chunks(tile).enumerate() {
            let (mut shifts, mut calls, mut dosages) = ([0f32; MAX_TILE], [&[][..]; MAX_TILE], [&[][..]; MAX_TILE]);
            for (r, &v) in variants.iter().enumerate() {
                let planned = self.variants[v];
                shifts[r] = planned.shift;
                match block.kind() {
                    GenotypeKind::Calls => calls[r] = &block.calls(planned.idx)[strip.clone()],
                    GenotypeKind::Dosages => dosages[r] = &block.dosages(planned.idx)[strip.clone()],
                }
            }
            let (used, shifts) = (variants.len(), &shifts[..variants.len()]);
            let out = &mut self.packed[t * tile * length..][..tile * length + PACK_SLACK];
            match block.kind() {
                GenotypeKind::Calls => (kernels.pack_calls)(PackTile { calls: &calls[..used], shifts }, out),
                GenotypeKind::Dosages => pack_dosages(&dosages[..used], shifts, tile, &mut out[..tile * length]),
            }
            for (r, planned) in variants.iter().map(|&v| self.variants[v]).enumerate().filter(|(_, v)| v.has_missing) {
                self.missing.clear();
                list_missing(kernels, block, planned.idx, strip.clone(), &mut self.missing);
                self.missing.iter().for_each(|&i| out[(i as usize - strip.start) * tile + r] = planned.fill);
            }
        }
        self.carriers.clear();
        for planned in self.sparse.iter().map(|&v| self.variants[v]) {
            let fill = if planned.has_missing { planned.fill } else { 0.0 };
            self.carriers.list_filled(kernels, block, planned.idx, (planned.shift, fill), strip.clone());
        }
    }

    /// Adds the strip's part of Qᵀg and gᵀg.
    fn project(&mut self, against: Against<'_>, strip: Range<usize>) {
        let Against { kernels, samples, .. } = against;
        let ((q, width), tile) = (samples.basis(), kernels.tile);
        let q = &q[strip.start * width..strip.end * width];
        let in_tiles = self.dense.len().next_multiple_of(tile);
        let (dense_x, sparse_x) = self.projections.split_at_mut(in_tiles * width);
        let (dense_gg, sparse_gg) = self.squares.split_at_mut(in_tiles);
        let outs = dense_x.chunks_exact_mut(tile * width).zip(dense_gg.chunks_exact_mut(tile));
        for ((x, gg), g) in outs.zip(self.packed.chunks_exact(tile * strip.len())) {
            (kernels.project)(ProjectTile { g, q, width }, x, gg);
        }
        (kernels.project_carriers)(self.carriers.view(), (q, width), sparse_x, sparse_gg);
    }

    /// 1/d of every slot, and which variants are to be tested by their residual.
    fn decide(&mut self, against: Against<'_>, block: &GenotypeBlock) {
        let (tile, (_, padded)) = (against.kernels.tile, against.samples.basis());
        let in_tiles = self.dense.len().next_multiple_of(tile);
        self.inverse.clear();
        self.inverse.resize(self.squares.len(), 0.0);
        self.frail.clear();
        let slots = (0..).zip(&self.dense).chain((in_tiles..).zip(&self.sparse));
        for (slot, &v) in slots {
            let (gg, z) = (self.squares[slot], &self.projections[slot * padded..][..padded]);
            let d = gg - dot(z, z);
            if d * ILL_CONDITIONED >= gg && gg > 0.0 {
                self.inverse[slot] = 1.0 / d;
            } else if gg > 0.0 {
                self.frail.push(v);
            }
        }
        let mut residual = std::mem::take(&mut self.residual);
        let variants = &self.variants;
        self.frail.retain(|&v| set_residual(against.samples, block, variants[v], &mut residual).is_some());
        self.residual = residual;
    }

    /// Adds the product of all slots with a panel to the scores from `first` on; then raises the `best` columns.
    fn multiply(
        &mut self,
        kernels: &Kernels,
        (y, width): (&[f32], usize),
        first: usize,
        fused: bool,
        best: Option<Range<usize>>,
    ) {
        let tile = kernels.tile;
        let length = y.len() / width;
        let in_tiles = self.dense.len().next_multiple_of(tile);
        let scores = &mut self.scores[first..first + self.squares.len() * width];
        let (dense, sparse) = scores.split_at_mut(in_tiles * width);
        for (t, out) in dense.chunks_exact_mut(tile * width).enumerate() {
            let g = &self.packed[t * tile * length..(t + 1) * tile * length];
            (kernels.gemm)(GemmTile { g, y, width, stride: width, fused }, out);
            if let Some(best) = best.clone() {
                let inverse = &self.inverse[t * tile..(t + 1) * tile];
                (kernels.raise)(RaiseTile { scores: out, inverse, width }, &mut self.best[best]);
            }
        }
        let tile = CarrierTile { carriers: self.carriers.view(), y, width, stride: width, fused };
        (kernels.gemm_carriers)(tile, sparse);
        if let Some(best) = best {
            let inverse = &self.inverse[in_tiles..];
            (kernels.raise)(RaiseTile { scores: sparse, inverse, width }, &mut self.best[best]);
        }
    }

    /// Tests the residuals of a tile of variants from `first` on of [`Self::frail`].
    fn test_frail(&mut self, against: Against<'_>, block: &GenotypeBlock, first: usize) {
        let Against { kernels, samples, panels } = against;
        let (tile, n) = (kernels.tile, samples.n());
        let mut inverse = [0f64; MAX_TILE];
        self.packed.clear();
        self.packed.resize(tile * n, 0.0);
        let variants = &self.frail[first..self.frail.len().min(first + tile)];
        for (r, &v) in variants.iter().enumerate() {
            if let Some(d) = set_residual(samples, block, self.variants[v], &mut self.residual) {
                let column = self.packed.iter_mut().skip(r).step_by(tile);
                column.zip(&self.residual).for_each(|(out, &g)| *out = (g / d.sqrt()) as f32);
                inverse[r] = 1.0;
            }
        }
        let g = &self.packed[..tile * n];
        for panel in panels.iter() {
            let mut scores = [0f64; MAX_TILE * PANEL_WIDTH];
            let scores = &mut scores[..tile * panel.width];
            let width = panel.width;
            (kernels.gemm)(GemmTile { g, y: &panel.hi, width, stride: width, fused: true }, scores);
            let best = &mut self.best[panel.first..panel.first + width];
            (kernels.raise)(RaiseTile { scores, inverse: &inverse[..tile], width }, best);
        }
    }
}

/// `len` zeros.
fn resize(out: &mut Vec<f64>, len: usize) {
    out.clear();
    out.resize(len, 0.0);
}

/// What is decided on a variant by itself; `None` where it has one value or none.
fn plan(kernels: &Kernels, block: &GenotypeBlock, v: usize, counts: &AlleleCounts) -> Option<Planned> {
    let Coding { status, shift, mean, path } = Coding::of(kernels, block, v, counts);
    let fill = (mean - f64::from(shift)) as f32;
    (status == Status::Ok).then_some(Planned { idx: v, shift, fill, has_missing: counts.n_missing > 0, path })
}

/// Appends the listed samples of a variant to `out`.
fn gather(block: &GenotypeBlock, v: usize, listed: &[u32], out: &mut GenotypeBlock) {
    match block.kind() {
        GenotypeKind::Calls => {
            let calls = block.calls(v);
            out.push_calls().iter_mut().zip(listed).for_each(|(out, &i)| *out = calls[i as usize]);
        }
        GenotypeKind::Dosages => {
            let dosages = block.dosages(v);
            out.push_dosages().iter_mut().zip(listed).for_each(|(out, &i)| *out = dosages[i as usize]);
        }
    }
}

/// g̃ by sample, projected twice, and its square; `None` where the covariates (or a constant) explain the variant.
fn set_residual(
    samples: &TraitSamples,
    block: &GenotypeBlock,
    planned: Planned,
    residual: &mut Vec<f64>,
) -> Option<f64> {
    let ((q, width), k) = (samples.basis(), samples.k());
    residual.clear();
    let fill = f64::from(planned.fill);
    let genotype = |i| shifted(block, planned.idx, i, planned.shift).unwrap_or(fill);
    residual.extend((0..samples.n()).map(genotype));
    let gg = dot(residual, residual);
    let mut z = vec![0f64; k];
    for _ in 0..2 {
        z.fill(0.0);
        residual.iter().zip(q.chunks_exact(width)).for_each(|(&g, q)| add_scaled(g, &q[..k], &mut z));
        residual.iter_mut().zip(q.chunks_exact(width)).for_each(|(g, q)| *g -= dot(&q[..k], &z));
    }
    let d = dot(residual, residual);
    (d > COLLINEAR * gg).then_some(d)
}
