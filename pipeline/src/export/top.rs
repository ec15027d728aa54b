//! The best pairs of a file. /hits holds every pair over its threshold, so when it has enough of them they are the
//! best; else the matrices are scanned once, and log10 p is worked out only where t² could reach the list.

use std::cmp::Ordering;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BinaryHeap};

use super::cells::{BandCells, bands, t2_floor};
use super::pair::PairStats;
use crate::format::consequence::Consequence;
use crate::sink::rows::VariantRow;
use crate::store::{ResultsReader, StoreError, StoredHit};

/// Rows of /hits read at once.
const HITS_AT_ONCE: usize = 1 << 16;
/// Rows within which variants are looked up together.
const ROWS_AT_ONCE: usize = 1024;
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
    /// What the variant does to the gene of the trait's protein, where the file tells.
    pub consequence: Option<Consequence>,
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
    /// `None`: to be looked up.
    n_observed: Option<u32>,
    consequence: Option<Consequence>,
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

/// The `n` best pairs of `traits` (ascending columns), best first; ties in the order of the input. Of a file of hits, as many as
/// it has.
pub fn best_pairs(reader: &ResultsReader, n: usize, traits: &[usize]) -> Result<Vec<TopPair>, StoreError> {
    let mut best = Best { n, heap: BinaryHeap::new() };
    if n == 0 {
        return Ok(Vec::new());
    }
    offer_hits(reader, traits, &mut best)?;
    let mut of_hits = BTreeMap::new();
    if best.heap.len() < n && reader.has_every_pair() {
        of_hits.extend(best.heap.drain().map(|hit| ((hit.variant_idx, hit.trait_idx), hit.consequence)));
        offer_all(reader, traits, &mut best)?;
    }
    let mut candidates = best.heap.into_sorted_vec();
    for candidate in &mut candidates {
        let known = of_hits.get(&(candidate.variant_idx, candidate.trait_idx)).copied().flatten();
        candidate.consequence = candidate.consequence.or(known);
    }
    complete(reader, &candidates)
}

fn offer_hits(reader: &ResultsReader, traits: &[usize], best: &mut Best) -> Result<(), StoreError> {
    let n_hits = reader.n_hits();
    for start in (0..n_hits).step_by(HITS_AT_ONCE) {
        for hit in reader.hits(start..n_hits.min(start + HITS_AT_ONCE))? {
            let trait_idx = hit.trait_idx as usize;
            if traits.binary_search(&trait_idx).is_ok() {
                let (beta, se, t) = (hit.beta as f32, hit.se as f32, hit.beta / hit.se);
                let variant_idx = hit.variant as usize;
                let StoredHit { log10p, n_observed, consequence, .. } = hit;
                best.offer(Candidate { log10p, variant_idx, trait_idx, t, beta, se, n_observed, consequence });
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
                    let (beta, se, missing) = cells.get(row, k);
                    let t = f64::from(beta) / f64::from(se);
                    if t.is_nan() || t * t < floors[k] {
                        continue;
                    }
                    let stats = PairStats::new(&infos[trait_idx], missing, beta, se);
                    if stats.log10p < best.floor() {
                        floors[k] = t2_floor(reader, trait_idx, best.floor());
                        continue;
                    }
                    let (variant_idx, n_observed) = (band.start + row, Some(stats.n_observed));
                    let PairStats { log10p, t, .. } = stats;
                    let consequence = None;
                    best.offer(Candidate { log10p, variant_idx, trait_idx, t, beta, se, n_observed, consequence });
                }
            }
        }
    }
    Ok(())
}

/// Looks up the variants and the missing genotypes of the list, in the order of the file, neighbours together.
fn complete(reader: &ResultsReader, candidates: &[Candidate]) -> Result<Vec<TopPair>, StoreError> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|&place| candidates[place].variant_idx);
    let mut pairs: Vec<Option<TopPair>> = vec![None; candidates.len()];
    for near in
        order.chunk_by(|&a, &b| candidates[a].variant_idx / ROWS_AT_ONCE == candidates[b].variant_idx / ROWS_AT_ONCE)
    {
        let first = candidates[near[0]].variant_idx;
        let rows = first..candidates[near[near.len() - 1]].variant_idx + 1;
        let variants = reader.variants(rows.clone())?;
        let mut n_missing: BTreeMap<usize, Option<Vec<u32>>> = BTreeMap::new();
        for &place in near {
            let Candidate { log10p, variant_idx, trait_idx, t, beta, se, n_observed, consequence } = candidates[place];
            let row = variant_idx - first;
            let n_observed = match n_observed {
                Some(n_observed) => n_observed,
                None => {
                    let info = &reader.header().traits[trait_idx];
                    let mask = info.mask as usize;
                    if let Entry::Vacant(entry) = n_missing.entry(mask) {
                        entry.insert(reader.n_missing(rows.clone(), mask..mask + 1)?);
                    }
                    let counts = n_missing.get(&mask).and_then(Option::as_ref);
                    info.n.saturating_sub(counts.map_or(0, |counts| counts[row]))
                }
            };
            let stats = PairStats { n_observed, beta, se, t, log10p };
            let variant = variants[row].clone();
            pairs[place] = Some(TopPair { variant_idx, trait_idx, variant, stats, consequence });
        }
    }
    Ok(pairs.into_iter().flatten().collect())
}
