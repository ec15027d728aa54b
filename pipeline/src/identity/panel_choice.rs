//! Which of the sites that may be taken are: no two too close, none at odds with another at its place, as many as are wanted.

use std::collections::HashMap;
use std::sync::Arc;

use super::decimate::Decimator;
use super::panel::{PanelOptions, PanelSite, Piece};
use super::panel_counts::PanelCounts;

/// A site that may be taken, with its genotypes at two bits each.
pub(super) struct Candidate {
    pub site: PanelSite,
    pub packed: Box<[u8]>,
}

impl Candidate {
    fn place(&self) -> (&str, u32) {
        (&self.site.chrom, self.site.pos)
    }

    fn says_the_same(&self, other: &Self) -> bool {
        let alleles = |site: &PanelSite| (site.reference, site.alternate);
        alleles(&self.site) == alleles(&other.site) && self.packed == other.packed
    }
}

/// Sites in order, as far as they are wanted.
pub(super) struct Chosen {
    candidates: Decimator<Candidate>,
    counts: PanelCounts,
    foreign: Option<Arc<str>>,
    thin: u32,
    last: Option<(Arc<str>, u32)>,
}

impl Chosen {
    pub fn new(options: &PanelOptions) -> Self {
        Self {
            candidates: Decimator::new(options.max_sites),
            counts: PanelCounts::default(),
            foreign: None,
            thin: options.thin,
            last: None,
        }
    }

    pub fn take(&mut self, piece: Piece) {
        self.counts.add(&piece.counts);
        self.foreign = self.foreign.take().or(piece.foreign);
        for candidate in piece.candidates {
            let site = &candidate.site;
            let near = self.last.as_ref().filter(|(chrom, _)| *chrom == site.chrom);
            if near.is_some_and(|(_, pos)| *pos != site.pos && site.pos.abs_diff(*pos) < self.thin) {
                self.counts.thinned += 1;
                continue;
            }
            self.last = Some((Arc::clone(&site.chrom), site.pos));
            self.candidates.push(|| candidate);
        }
    }

    pub fn finish(self, references: &[(&str, u32)]) -> (Vec<Candidate>, PanelCounts, Option<Arc<str>>) {
        let n = self.candidates.n_pushed();
        let mut candidates = self.candidates.finish();
        let mut counts = self.counts;
        counts.over_max = n - candidates.len() as u64;
        let order: HashMap<&str, usize> = references.iter().enumerate().map(|(i, &(name, _))| (name, i)).collect();
        candidates.sort_by_key(|Candidate { site, .. }| (order.get(&*site.chrom).copied(), site.pos));
        let alone = alone(candidates);
        counts.repeated = n - counts.over_max - alone.len() as u64;
        let mut kept: Vec<Candidate> = Vec::with_capacity(alone.len());
        for candidate in alone {
            let before = kept.last().map(|kept| &kept.site).filter(|site| site.chrom == candidate.site.chrom);
            match before.is_some_and(|before| candidate.site.pos - before.pos < self.thin) {
                true => counts.thinned += 1,
                false => kept.push(candidate),
            }
        }
        counts.kept = kept.len() as u64;
        (kept, counts, self.foreign)
    }
}

/// Of rows in order, one of those at a position if they say the same, and none if they do not, so that the order of files
/// and of rows makes no difference.
fn alone(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::with_capacity(candidates.len());
    let mut are_at_odds = false;
    for candidate in candidates {
        match kept.last() {
            Some(last) if last.place() == candidate.place() => are_at_odds |= !last.says_the_same(&candidate),
            _ => {
                if std::mem::take(&mut are_at_odds) {
                    kept.pop();
                }
                kept.push(candidate);
            }
        }
    }
    if are_at_odds {
        kept.pop();
    }
    kept
}
