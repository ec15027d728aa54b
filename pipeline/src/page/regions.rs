//! The stretches around leads: every pair there, its linkage with the lead where genotype files are given, and genes.

use std::collections::BTreeMap;

use super::data::{Digits, LeadRow, Region, RegionGene};
use super::error::PageError;
use super::packs::freq;
use crate::charts::{Genome, Point, TraitScan};
use crate::clump::{Candidates, Clump, ClumpOptions, Linkage, Regional, clump, genes_within, regional};
use crate::format::genes::GeneRecord;
use crate::store::ResultsReader;

/// Regions of a trait at most, and of all traits together about.
const MOST_OF_TRAIT: usize = 20;
const MOST_OF_ALL: usize = 4_000;
/// Places along a region, and heights of −log10 p, of which the strongest pair is drawn.
const COLUMNS: u64 = 600;
const HEIGHT: f64 = 0.05;
/// Genes of a region that are named.
const MAX_GENES: usize = 60;

/// What leads and their regions are made of.
pub(super) struct Surroundings<'a> {
    pub reader: &'a ResultsReader,
    pub genome: &'a Genome,
    pub linkage: Option<&'a Linkage>,
    pub genes: &'a [GeneRecord],
    pub options: ClumpOptions,
    /// Traits of the report.
    pub n_traits: usize,
}

impl Surroundings<'_> {
    /// Leads by linkage, strongest first, with their rows of /variants; of traits that were scanned with all their candidates.
    pub(super) fn leads(&self, traits: &[TraitScan]) -> Result<Vec<Vec<(u64, LeadRow)>>, PageError> {
        let Some(linkage) = self.linkage else {
            return Ok(traits.iter().map(by_distance).collect());
        };
        let is_candidate = |point: &&Point| point.log10p >= self.options.index_log10p;
        let candidates = |one: &TraitScan| Candidates {
            trait_idx: one.trait_idx,
            points: one.manhattan.points.iter().filter(is_candidate).copied().collect(),
        };
        let all: Vec<Candidates> = traits.iter().map(candidates).collect();
        if all.iter().all(|one| one.points.is_empty()) {
            return Ok(traits.iter().map(|_| Vec::new()).collect());
        }
        let (clumps, _) = clump((self.reader, self.genome), all, Some(linkage), &self.options)?;
        Ok(clumps.into_iter().map(|clumps| clumps.into_iter().map(of_clump).collect()).collect())
    }

    /// Regions of a trait's leads, the strongest ones; `None` where a lead has none.
    pub(super) fn regions(&self, trait_idx: usize, leads: &[(u64, LeadRow)]) -> Result<Vec<Option<Region>>, PageError> {
        if !self.genome.is_sorted {
            return Ok(Vec::new());
        }
        let most = (MOST_OF_ALL / self.n_traits.max(1)).clamp(1, MOST_OF_TRAIT);
        leads.iter().take(most).map(|(row, lead)| self.region(trait_idx, *row, lead)).collect()
    }

    fn region(&self, trait_idx: usize, row: u64, lead: &LeadRow) -> Result<Option<Region>, PageError> {
        let (chrom, pos) = (&lead.pair.0, lead.pair.1);
        let Some(chrom_idx) = self.genome.chromosomes.iter().position(|known| known.name == *chrom) else {
            return Ok(None);
        };
        let known = &self.genome.chromosomes[chrom_idx];
        let start = pos.saturating_sub(self.options.bases).max(known.first_pos);
        let end = pos.saturating_add(self.options.bases).min(known.last_pos);
        let place = (chrom_idx as u32, start, end);
        let found = regional((self.reader, self.genome), trait_idx, place, Some(row), self.linkage)?;
        let genes = genes_within(self.genes, chrom, (start, end));
        let gene = |gene: crate::clump::RegionalGene| RegionGene(gene.name, gene.start, gene.end, gene.strand);
        let n_more_genes = genes.len().saturating_sub(MAX_GENES);
        let genes = genes.into_iter().take(MAX_GENES).map(gene).collect();
        Ok(Some(Region { genes, n_more_genes, ..thinned(&found, row) }))
    }
}

/// Of pairs that fall on one dot the strongest, and always the lead.
fn thinned(found: &Regional, lead: u64) -> Region {
    let width = u64::from(found.end - found.start) + 1;
    let mut dots: BTreeMap<(u64, u64, bool), usize> = BTreeMap::new();
    for (place, point) in found.points.iter().enumerate() {
        let column = u64::from(point.pos.saturating_sub(found.start)) * COLUMNS / width;
        let cell = (column, (point.log10p / HEIGHT) as u64, point.variant == lead);
        let best = dots.entry(cell).or_insert(place);
        if point.log10p > found.points[*best].log10p {
            *best = place;
        }
    }
    let mut kept: Vec<usize> = dots.into_values().collect();
    kept.sort_unstable();
    let mut last = 0;
    let mut region = Region { start: found.start, end: found.end, n_pairs: found.points.len(), ..Region::default() };
    for point in kept.into_iter().map(|place| &found.points[place]) {
        region.steps.push(i64::from(point.pos) - last);
        last = i64::from(point.pos);
        region.log10p.push(Digits(point.log10p));
        if found.has_linkage {
            let percent = point.r2.map_or(-1, |r2| (r2 * 100.0).floor() as i8);
            region.r2.get_or_insert_default().push(percent);
        }
    }
    region
}

fn by_distance(one: &TraitScan) -> Vec<(u64, LeadRow)> {
    let mut leads: Vec<_> = one.leads.iter().map(|lead| (lead.variant, super::packs::lead_row(lead))).collect();
    leads.sort_by(|a, b| b.1.pair.8.total_cmp(&a.1.pair.8).then(a.0.cmp(&b.0)));
    leads
}

fn of_clump(clump: Clump) -> (u64, LeadRow) {
    let n_hits = clump.total() + 1;
    let Clump { variant, chrom, pos, id, reference, alternate, a1_freq, log10p, beta, se, span, .. } = clump;
    let pair = super::data::StrongPair(
        chrom,
        pos,
        id,
        reference,
        alternate,
        freq(a1_freq),
        beta as f32,
        se as f32,
        log10p as f32,
    );
    (variant, LeadRow { pair, n_hits, span })
}
