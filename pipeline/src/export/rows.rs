//! The one stream of pairs that every format takes from, in the order of (variant, trait): pieces of at most
//! [`PIECE_PAIRS`] pairs, several at a time so that they can be formatted side by side.
//!
//! Memory: one band of the chosen traits' chunks (8 bytes a cell) and two pieces a thread (64 bytes a pair). Where pieces
//! end hangs on the file and the plan alone, so no number of threads shows in an output.

use std::ops::Range;

use rayon::prelude::*;

use super::cells::{BandCells, bands, t2_floors};
use super::gate::Gate;
use super::pair::PairStats;
use super::{ExportError, ExportPlan};
use crate::format::consequence::Consequence;
use crate::report::progress::Progress;
use crate::sink::rows::VariantRow;
use crate::store::{ResultsReader, StoredHit};

/// Pairs of a piece at most, but for a single row of more.
pub const PIECE_PAIRS: usize = 1 << 14;
/// Hits read at once.
const HITS_AT_ONCE: usize = 1 << 16;
/// Rows within which variants of hits are looked up together.
const ROWS_AT_ONCE: u64 = 1024;

/// A pair on its way out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Its variant in [`Piece::variants`].
    pub row: u32,
    /// Its trait among those that are streamed.
    pub column: u32,
    /// Its numbers; NaN where it is masked.
    pub stats: PairStats,
    /// What the variant does to the gene of the trait's protein, where the file tells.
    pub consequence: Option<Consequence>,
    /// Whether a policy lets its row out and not its numbers: neither those of the pair nor the variant's frequency.
    pub masked: bool,
}

/// Neighbouring rows.
#[derive(Debug, Clone, Default)]
pub struct Piece {
    /// Variants, in the order of the file; some may have no pair.
    pub variants: Vec<VariantRow>,
    /// Pairs in the order of (variant, trait).
    pub pairs: Vec<Pair>,
}

/// What is streamed: some of the plan's traits, ascending columns of the matrices.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// The file.
    pub reader: &'a ResultsReader,
    /// Regions and the least −log10 p; its traits are not looked at.
    pub plan: &'a ExportPlan,
    /// Which traits.
    pub traits: &'a [usize],
    /// Rows of earlier streams, for progress.
    pub before: u64,
}

impl Rows<'_> {
    /// A clock for the stream, or for several.
    pub fn progress(reader: &ResultsReader, n_streams: usize, quiet: bool) -> Progress {
        let (unit, n) = match reader.has_every_pair() {
            true => ("variants", reader.n_variants()),
            false => ("hits", reader.n_hits()),
        };
        Progress::start(("export", unit), Some((n * n_streams) as u64), quiet)
    }

    /// Hands pieces to `take`, after `gate` has looked at each pair in its order.
    pub fn stream(
        &self,
        gate: &mut Gate<'_>,
        progress: &mut Progress,
        take: &mut impl FnMut(Vec<Piece>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        match self.reader.has_every_pair() {
            true => self.stream_matrices(gate, progress, take),
            false => self.stream_hits(gate, progress, take),
        }
    }

    fn stream_matrices(
        &self,
        gate: &mut Gate<'_>,
        progress: &mut Progress,
        take: &mut impl FnMut(Vec<Piece>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let min_log10p = self.min_before(gate);
        let floors = t2_floors(self.reader, self.traits, min_log10p);
        let height = (PIECE_PAIRS / self.traits.len().max(1)).max(1);
        for band in bands(self.reader) {
            let mut variants = self.reader.variants(band.clone())?;
            let wanted: Vec<bool> = variants.iter().map(|variant| self.plan.wants(variant)).collect();
            if wanted.contains(&true) {
                let cells = BandCells::read(self.reader, band.clone(), self.traits)?;
                let starts: Vec<usize> = (0..band.len()).step_by(height).collect();
                let mut left = variants.drain(..);
                for starts in starts.chunks(2 * rayon::current_num_threads()) {
                    let parts: Vec<(Range<usize>, Vec<VariantRow>)> = starts
                        .iter()
                        .map(|&start| (start..(start + height).min(band.len()), left.by_ref().take(height).collect()))
                        .collect();
                    let pieces = parts.into_par_iter().map(|(rows, variants)| {
                        let pairs = self.pairs(rows.clone(), &wanted, &cells, (min_log10p, &floors));
                        Piece { variants, pairs }
                    });
                    self.pass(pieces.collect(), gate, take)?;
                }
            }
            progress.update(self.before + band.end as u64);
        }
        Ok(())
    }

    /// The least −log10 p that a pair needs before `gate` looks at it: what a gate keeps back, and how much of it, must not tell
    /// of a p, so all wanted rows come before it.
    fn min_before(&self, gate: &Gate<'_>) -> Option<f64> {
        self.plan.min_log10p.filter(|_| !gate.is_kept())
    }

    /// The pairs of some rows of a band that reach a p.
    fn pairs(
        &self,
        rows: Range<usize>,
        wanted: &[bool],
        cells: &BandCells,
        (min_log10p, floors): (Option<f64>, &[f64]),
    ) -> Vec<Pair> {
        let infos = &self.reader.header().traits;
        let mut pairs = Vec::with_capacity(if floors.is_empty() { rows.len() * self.traits.len() } else { 0 });
        for row in rows.clone().filter(|&row| wanted[row]) {
            for (column, &trait_idx) in self.traits.iter().enumerate() {
                let (beta, se, missing) = cells.get(row, column);
                if let Some(&floor) = floors.get(column) {
                    let t = f64::from(beta) / f64::from(se);
                    if t.is_nan() || t * t < floor {
                        continue;
                    }
                }
                let stats = PairStats::new(&infos[trait_idx], missing, beta, se);
                if !reaches(stats.log10p, min_log10p) {
                    continue;
                }
                let (row, column) = ((row - rows.start) as u32, column as u32);
                pairs.push(Pair { row, column, stats, consequence: None, masked: false });
            }
        }
        pairs
    }

    fn stream_hits(
        &self,
        gate: &mut Gate<'_>,
        progress: &mut Progress,
        take: &mut impl FnMut(Vec<Piece>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let (mut pieces, mut piece) = (Vec::new(), Piece::default());
        let (n_hits, min_log10p) = (self.reader.n_hits(), self.min_before(gate));
        for start in (0..n_hits).step_by(HITS_AT_ONCE) {
            let end = n_hits.min(start + HITS_AT_ONCE);
            let mut hits = self.reader.hits(start..end)?;
            hits.retain(|hit| {
                reaches(hit.log10p, min_log10p) && self.traits.binary_search(&(hit.trait_idx as usize)).is_ok()
            });
            for near in hits.chunk_by(|a, b| a.variant / ROWS_AT_ONCE == b.variant / ROWS_AT_ONCE) {
                let (first, last) = (near[0].variant as usize, near[near.len() - 1].variant as usize);
                let variants = self.reader.variants(first..last + 1)?;
                for of_variant in near.chunk_by(|a, b| a.variant == b.variant) {
                    let variant = &variants[of_variant[0].variant as usize - first];
                    if self.plan.wants(variant) {
                        self.push_hits(&mut piece, variant, of_variant);
                    }
                    if piece.pairs.len() >= PIECE_PAIRS {
                        pieces.push(std::mem::take(&mut piece));
                    }
                }
                if pieces.len() >= 2 * rayon::current_num_threads() {
                    self.pass(std::mem::take(&mut pieces), gate, take)?;
                }
            }
            progress.update(self.before + end as u64);
        }
        pieces.push(piece);
        self.pass(pieces, gate, take)
    }

    fn push_hits(&self, piece: &mut Piece, variant: &VariantRow, hits: &[StoredHit]) {
        let row = piece.variants.len() as u32;
        piece.variants.push(variant.clone());
        for hit in hits {
            let Ok(column) = self.traits.binary_search(&(hit.trait_idx as usize)) else { continue };
            let stats = PairStats {
                n_observed: hit.n_observed.unwrap_or(self.reader.header().traits[hit.trait_idx as usize].n),
                beta: hit.beta as f32,
                se: hit.se as f32,
                t: hit.beta / hit.se,
                log10p: hit.log10p,
            };
            let (column, consequence) = (column as u32, hit.consequence);
            piece.pairs.push(Pair { row, column, stats, consequence, masked: false });
        }
    }

    fn pass(
        &self,
        mut pieces: Vec<Piece>,
        gate: &mut Gate<'_>,
        take: &mut impl FnMut(Vec<Piece>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        if gate.is_kept() {
            // A row that is there because of its p tells it.
            let rows_tell = self.plan.min_log10p.is_some() || !self.reader.has_every_pair();
            for piece in &mut pieces {
                gate.pass(piece, self.traits, rows_tell);
                piece.pairs.retain(|pair| pair.masked || reaches(pair.stats.log10p, self.plan.min_log10p));
            }
        }
        pieces.retain(|piece| !piece.pairs.is_empty());
        if pieces.is_empty() { Ok(()) } else { take(pieces) }
    }
}

fn reaches(log10p: f64, min_log10p: Option<f64>) -> bool {
    min_log10p.is_none_or(|min| log10p >= min)
}
