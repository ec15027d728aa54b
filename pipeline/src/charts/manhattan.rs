//! A Manhattan plot: bins of the genome × bins of −log10 p below a floor, and the pairs at or above it one by one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::genome::Genome;

/// Bins of −log10 p from 0 to the floor, all of one height.
pub const LOG10P_BINS: usize = 32;

/// A pair at or above the floor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Row of /variants.
    pub variant: u64,
    /// Index into [`Genome::chromosomes`].
    pub chrom: u32,
    /// POS, 1-based.
    pub pos: u32,
    /// −log10 of the two-sided p.
    pub log10p: f64,
    /// Effect of one ALT copy.
    pub beta: f64,
    /// Its standard error.
    pub se: f64,
}

/// A trait's Manhattan plot; the genome's axis is [`Genome`], the same for all traits of a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Manhattan {
    /// −log10 p above the bins: at or above it pairs are `points`.
    pub floor: f64,
    /// The file holds nothing below this −log10 p (a store of hits); `None` where it holds every pair.
    pub nothing_below: Option<f64>,
    /// Pairs below the floor: [`Genome::n_bins`] × [`LOG10P_BINS`], the bins of −log10 p of one bin of the genome side by side; empty
    /// where there are none.
    pub counts: Vec<u32>,
    /// Pairs at or above the floor in the order of the file, thinned where they were too many.
    pub points: Vec<Point>,
    /// How many there were before thinning.
    pub n_at_or_above: u64,
    /// How many were thinned away: where they were too many, of a bin of the genome × [`LOG10P_BINS`]-th part of the floor the
    /// strongest pair is kept, so that every dot that could be seen still is.
    pub n_thinned: u64,
    /// Pairs at or above [`ScanOptions::hit_log10p`](super::ScanOptions::hit_log10p).
    pub n_hits: u64,
}

impl Manhattan {
    pub(super) fn new(floor: f64, nothing_below: Option<f64>) -> Self {
        Self { floor, nothing_below, counts: Vec::new(), points: Vec::new(), n_at_or_above: 0, n_thinned: 0, n_hits: 0 }
    }

    /// Height of a bin of −log10 p.
    pub fn bin_height(&self) -> f64 {
        self.floor / LOG10P_BINS as f64
    }

    /// Of each bin of the genome: bit i is set where bin i of −log10 p has a pair; empty where `counts` is.
    pub fn occupied(&self) -> Vec<u32> {
        let bits = |bins: &[u32]| (0..).zip(bins).filter(|&(_, &n)| n > 0).fold(0, |bits, (bin, _)| bits | 1u32 << bin);
        self.counts.chunks(LOG10P_BINS).map(bits).collect()
    }

    /// Counts pairs of a cell below the floor.
    pub(super) fn count(&mut self, genome: &Genome, bin: u32, counts: &[u32]) {
        if self.counts.is_empty() {
            self.counts = vec![0; genome.n_bins as usize * LOG10P_BINS];
        }
        let cells = &mut self.counts[bin as usize * LOG10P_BINS..][..LOG10P_BINS];
        cells.iter_mut().zip(counts).for_each(|(cell, n)| *cell = cell.saturating_add(*n));
    }

    /// Takes a pair at or above the floor.
    pub(super) fn push(&mut self, point: Point, hit_log10p: f64) {
        self.n_at_or_above += 1;
        self.n_hits += u64::from(point.log10p >= hit_log10p);
        self.points.push(point);
    }

    /// Thins the points where they are more than `most`; those below `hit_log10p` first, and hits only if they alone are too many.
    pub(super) fn thin(&mut self, genome: &Genome, most: usize, hit_log10p: f64) {
        let n_weak = (self.n_at_or_above - self.n_hits) as usize;
        let (thin_weak, thin_hits) = (n_weak > most, self.n_hits as usize > 2 * most);
        if !thin_weak && !thin_hits {
            return;
        }
        let height = self.bin_height();
        let mut strongest: BTreeMap<(u32, u64, bool), usize> = BTreeMap::new();
        let mut kept = vec![false; self.points.len()];
        for (place, point) in self.points.iter().enumerate() {
            let is_hit = point.log10p >= hit_log10p;
            if !(if is_hit { thin_hits } else { thin_weak }) {
                kept[place] = true;
                continue;
            }
            let cell = (genome.bin(point.chrom, point.pos), (point.log10p / height) as u64, is_hit);
            let best = strongest.entry(cell).or_insert(place);
            if point.log10p > self.points[*best].log10p {
                *best = place;
            }
        }
        strongest.into_values().for_each(|place| kept[place] = true);
        let mut kept = kept.into_iter();
        self.points.retain(|_| kept.next().unwrap_or(false));
        self.n_thinned = self.n_at_or_above - self.points.len() as u64;
    }
}
