//! Leads: the strongest pair of every stretch of hits, by distance alone. The strongest hit of all is a lead and takes every hit
//! within `bases` of it; the strongest of those that are left is the next, and so on. Hits further apart than `bases` from their
//! neighbours do not touch one another, so that they are settled as soon as the pass over the file has gone by.

use std::collections::BTreeMap;

use serde::Serialize;

use super::manhattan::Point;
use crate::sink::rows::VariantRow;

/// Unsettled hits of a trait at most; where more lie in one stretch, the strongest of every cell of bases stands for the cell.
const MAX_OPEN: usize = 1 << 16;

/// A lead variant with the hits around it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lead {
    /// Row of /variants.
    pub variant: u64,
    /// Chromosome as written in the file.
    pub chrom: String,
    /// POS, 1-based.
    pub pos: u32,
    /// ID as written.
    pub id: String,
    /// REF.
    pub reference: String,
    /// ALT, the counted allele.
    pub alternate: String,
    /// Frequency of ALT; NaN without calls.
    pub a1_freq: f64,
    /// −log10 of the two-sided p.
    pub log10p: f64,
    /// Effect of one ALT copy.
    pub beta: f64,
    /// Its standard error.
    pub se: f64,
    /// Hits that it stands for, itself included.
    pub n_hits: u64,
    /// First and last position of these.
    pub span: (u32, u32),
}

/// A lead before its variant is looked up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    pub(super) point: Point,
    pub(super) n_hits: u64,
    pub(super) span: (u32, u32),
}

impl Found {
    pub(super) fn with(self, variant: VariantRow) -> Lead {
        let VariantRow { chrom, pos, id, reference, alternate, a1_freq, .. } = variant;
        let Point { variant, log10p, beta, se, .. } = self.point;
        let (n_hits, span) = (self.n_hits, self.span);
        Lead { variant, chrom, pos, id, reference, alternate, a1_freq, log10p, beta, se, n_hits, span }
    }
}

/// Finds the leads of one trait from its hits in the order of the file.
pub(super) struct LeadFinder {
    bases: u32,
    /// Whether hits of a chromosome come by rising position.
    is_sorted: bool,
    open: Vec<Found>,
    found: Vec<Found>,
}

impl LeadFinder {
    pub(super) fn new(bases: u32, is_sorted: bool) -> Self {
        Self { bases, is_sorted, open: Vec::new(), found: Vec::new() }
    }

    pub(super) fn push(&mut self, point: Point) {
        let is_apart =
            |last: &Found| last.point.chrom != point.chrom || point.pos.saturating_sub(last.point.pos) > self.bases;
        if self.is_sorted && self.open.last().is_some_and(is_apart) {
            self.settle();
        }
        if self.open.len() >= MAX_OPEN {
            self.thin();
        }
        self.open.push(Found { point, n_hits: 1, span: (point.pos, point.pos) });
    }

    /// The leads, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Found> {
        self.settle();
        self.found.sort_by_key(|lead| lead.point.variant);
        self.found
    }

    fn settle(&mut self) {
        let mut open = std::mem::take(&mut self.open);
        open.sort_by_key(|hit| (hit.point.chrom, hit.point.pos, hit.point.variant));
        for hits in open.chunk_by(|a, b| a.point.chrom == b.point.chrom) {
            self.settle_chromosome(hits);
        }
        open.clear();
        self.open = open;
    }

    fn settle_chromosome(&mut self, hits: &[Found]) {
        let mut order: Vec<usize> = (0..hits.len()).collect();
        order.sort_by(|&a, &b| is_stronger(&hits[a].point, &hits[b].point));
        let mut taken = vec![false; hits.len()];
        for at in order {
            if taken[at] {
                continue;
            }
            let pos = hits[at].point.pos;
            let first = hits.partition_point(|hit| hit.point.pos < pos.saturating_sub(self.bases));
            let end = hits.partition_point(|hit| hit.point.pos <= pos.saturating_add(self.bases));
            let mut lead = Found { n_hits: 0, span: (pos, pos), ..hits[at] };
            for (hit, taken) in hits[first..end].iter().zip(&mut taken[first..end]).filter(|(_, taken)| !**taken) {
                *taken = true;
                lead.n_hits += hit.n_hits;
                lead.span = (lead.span.0.min(hit.span.0), lead.span.1.max(hit.span.1));
            }
            self.found.push(lead);
        }
    }

    fn thin(&mut self) {
        let mut width = 1_000;
        while self.open.len() > MAX_OPEN / 2 && width < self.bases.max(2_000) {
            let mut cells: BTreeMap<(u32, u32), Found> = BTreeMap::new();
            for hit in self.open.drain(..) {
                let cell = cells.entry((hit.point.chrom, hit.point.pos / width)).or_insert(Found { n_hits: 0, ..hit });
                let n_hits = cell.n_hits + hit.n_hits;
                let span = (cell.span.0.min(hit.span.0), cell.span.1.max(hit.span.1));
                let point = if hit.point.log10p > cell.point.log10p { hit.point } else { cell.point };
                *cell = Found { point, n_hits, span };
            }
            self.open = cells.into_values().collect();
            width *= 2;
        }
    }
}

/// Stronger first; of equals the one that comes first in the file.
fn is_stronger(a: &Point, b: &Point) -> std::cmp::Ordering {
    b.log10p.total_cmp(&a.log10p).then(a.variant.cmp(&b.variant))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(variant: u64, chrom: u32, pos: u32, log10p: f64) -> Point {
        Point { variant, chrom, pos, log10p, beta: 1.0, se: 0.1 }
    }

    fn leads(points: &[Point], is_sorted: bool) -> Vec<(u64, u64, (u32, u32))> {
        let mut finder = LeadFinder::new(500, is_sorted);
        points.iter().for_each(|&point| finder.push(point));
        finder.finish().into_iter().map(|lead| (lead.point.variant, lead.n_hits, lead.span)).collect()
    }

    #[test]
    fn a_hit_belongs_to_the_strongest_lead_near_it() {
        // 2 is in reach of 1 and takes what 1 is not near; 1 itself is taken by 2.
        let points = [
            point(0, 0, 1_000, 8.0),
            point(1, 0, 1_400, 9.0),
            point(2, 0, 1_800, 10.0),
            point(3, 0, 2_301, 8.0),
            point(4, 1, 2_301, 8.0),
            point(5, 1, 2_801, 8.0),
            point(6, 1, 2_802, 8.0),
        ];
        let expected = vec![
            (0, 1, (1_000, 1_000)),
            (2, 2, (1_400, 1_800)),
            (3, 1, (2_301, 2_301)),
            (4, 2, (2_301, 2_801)),
            (6, 1, (2_802, 2_802)),
        ];
        assert_eq!(leads(&points, true), expected);
        assert_eq!(leads(&points, false), expected);
    }

    #[test]
    fn too_many_hits_are_thinned_and_counted() {
        let n = 3 * MAX_OPEN as u64;
        let points: Vec<Point> =
            (0..n).map(|i| point(i, 0, i as u32, if i == 100_000 { 20.0 } else { 8.0 + (i % 7) as f64 })).collect();
        let found = leads(&points, true);
        assert_eq!(found.iter().map(|lead| lead.1).sum::<u64>(), n);
        assert!(found.iter().any(|lead| lead.0 == 100_000));
    }
}
