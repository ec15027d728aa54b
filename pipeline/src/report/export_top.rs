//! The best pairs of a file. /hits holds every pair over its threshold, so when it has enough of them they are the
//! best; else the matrices are scanned once, and log10 p is worked out only where t² could reach the list.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::export::{BandCells, bands, t2_floor};
use super::export_pair::PairStats;
use crate::sink::rows::VariantRow;
use crate::store::{ResultsReader, StoreError};

/// Rows of /hits read at once.
const HITS_AT_ONCE: usize = 1 << 16;
/// Traits of a band scanned together.
const TRAITS_AT_ONCE: usize = 512;

/// A pair in the list of the best.
#[derive(Debug, Clone, PartialEq)]
pub struct TopPair {
    /// Row of /variants.
    pub variant_idx: usize,
    /// Row of /traits.
    pub trait_idx: usize,
    /// The variant.
    pub variant: VariantRow,
    /// The test.
    pub stats: PairStats,
}

/// Ordered so that the better is the less: larger log10 p, then earlier in the input.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    log10p: f64,
    variant_idx: usize,
    trait_idx: usize,
    t: f64,
    beta: f32,
    se: f32,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let place = (self.variant_idx, self.trait_idx).cmp(&(other.variant_idx, other.trait_idx));
        other.log10p.total_cmp(&self.log10p).then(place)
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best `n` so far; the worst of them is on top.
struct Best {
    n: usize,
    heap: BinaryHeap<Candidate>,
}

impl Best {
    fn offer(&mut self, candidate: Candidate) {
        if candidate.log10p.is_nan() {
            return;
        }
        if self.heap.len() < self.n {
            self.heap.push(candidate);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && candidate < *worst
        {
            *worst = candidate;
        }
    }

    /// log10 p that a newcomer must reach.
    fn floor(&self) -> f64 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() == self.n => worst.log10p,
            _ => 0.0,
        }
    }
}

/// The `n` best pairs of `traits` (ascending columns), best first; ties in the order of the input.
pub fn best_pairs(reader: &ResultsReader, n: usize, traits: &[usize]) -> Result<Vec<TopPair>, StoreError> {
    let mut best = Best { n, heap: BinaryHeap::new() };
    if n == 0 {
        return Ok(Vec::new());
    }
    offer_hits(reader, traits, &mut best)?;
    if best.heap.len() < n {
        best.heap.clear();
        offer_all(reader, traits, &mut best)?;
    }
    best.heap.into_sorted_vec().iter().map(|candidate| complete(reader, candidate)).collect()
}

fn offer_hits(reader: &ResultsReader, traits: &[usize], best: &mut Best) -> Result<(), StoreError> {
    let n_hits = reader.n_hits();
    for start in (0..n_hits).step_by(HITS_AT_ONCE) {
        for hit in reader.hits(start..n_hits.min(start + HITS_AT_ONCE))? {
            let trait_idx = hit.trait_idx as usize;
            if traits.binary_search(&trait_idx).is_ok() {
                let (beta, se, t) = (hit.beta as f32, hit.se as f32, hit.beta / hit.se);
                let variant_idx = hit.variant as usize;
                best.offer(Candidate { log10p: hit.log10p, variant_idx, trait_idx, t, beta, se });
            }
        }
    }
    Ok(())
}

fn offer_all(reader: &ResultsReader, traits: &[usize], best: &mut Best) -> Result<(), StoreError> {
    let infos = &reader.header().traits;
    let mut floors = vec![0.0; traits.len()];
    for band in bands(reader) {
        for (block, traits) in traits.chunks(TRAITS_AT_ONCE).enumerate() {
            let cells = BandCells::read(reader, band.clone(), traits)?;
            let floors = &mut floors[block * TRAITS_AT_ONCE..][..traits.len()];
            for row in 0..band.len() {
                for (k, &trait_idx) in traits.iter().enumerate() {
                    let (beta, se, n_missing) = cells.get(row, k);
                    let t = f64::from(beta) / f64::from(se);
                    // "Not at least", so that NaN goes too.
                    if !(t * t >= floors[k]) {
                        continue;
                    }
                    let stats = PairStats::new(&infos[trait_idx], n_missing, beta, se);
                    if stats.log10p < best.floor() {
                        floors[k] = t2_floor(reader, trait_idx, best.floor());
                        continue;
                    }
                    let variant_idx = band.start + row;
                    best.offer(Candidate { log10p: stats.log10p, variant_idx, trait_idx, t: stats.t, beta, se });
                }
            }
        }
    }
    Ok(())
}

fn complete(reader: &ResultsReader, candidate: &Candidate) -> Result<TopPair, StoreError> {
    let Candidate { log10p, variant_idx, trait_idx, t, beta, se } = *candidate;
    let info = &reader.header().traits[trait_idx];
    let mask = info.mask as usize;
    let missing = reader.n_missing(variant_idx..variant_idx + 1, mask..mask + 1)?;
    let n_missing = missing.and_then(|counts| counts.first().copied()).unwrap_or(0);
    let n_observed = info.n.saturating_sub(n_missing);
    let variant = reader.variants(variant_idx..variant_idx + 1)?.swap_remove(0);
    Ok(TopPair { variant_idx, trait_idx, variant, stats: PairStats { n_observed, beta, se, t, log10p } })
}
