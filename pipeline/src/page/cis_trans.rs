//! Hits of proteins by where the variant and the gene are.

use std::collections::BTreeMap;

use super::data::{Axis, AxisChromosome, CisTrans, Digits};
use crate::charts::Genome;
use crate::format::chromosome::canonical;
use crate::qtl::cis_pairs::tss_distance;
use crate::store::{ResultsReader, StoreError};

/// Hits read at once.
const HITS_AT_ONCE: usize = 1 << 15;
/// Cells of either axis: of the hits in one, the strongest is drawn.
const CELLS: u64 = 800;
/// Space between chromosomes, as a share of their lengths.
const GAP: f64 = 0.004;

#[derive(Debug, Clone, Copy)]
struct Dot {
    trait_number: u32,
    pos: u32,
    log10p: f64,
}

/// Goes through /hits. `traits`: rows of /traits in the report, ascending; `window`: bases on either side of a TSS.
pub(super) fn read(
    (reader, genome): (&ResultsReader, &Genome),
    traits: &[usize],
    window: u32,
) -> Result<CisTrans, StoreError> {
    let proteins = &reader.header().proteins;
    let axis = axis_of(reader, genome, traits);
    let chrom_of = |name: &str| {
        let name = canonical(name);
        axis.chromosomes.iter().position(|chromosome| canonical(&chromosome.0) == name)
    };
    let cell = |chrom: usize, pos: u32| {
        let AxisChromosome(_, first, _, offset, ..) = &axis.chromosomes[chrom];
        (offset + u64::from(pos.saturating_sub(*first))) * CELLS / axis.length.max(1)
    };
    let genes: Vec<Option<u64>> = proteins
        .iter()
        .map(|protein| protein.gene.as_ref().and_then(|gene| Some(cell(chrom_of(&gene.chrom)?, gene.tss))))
        .collect();
    let mut found = CisTrans::default();
    let mut dots: BTreeMap<(u64, u64, bool), (usize, Dot)> = BTreeMap::new();
    for start in (0..reader.n_hits()).step_by(HITS_AT_ONCE) {
        let hits = reader.hits(start..reader.n_hits().min(start + HITS_AT_ONCE))?;
        for same in hits.chunk_by(|a, b| a.variant == b.variant) {
            let row = same[0].variant as usize;
            let wanted: Vec<_> = same
                .iter()
                .filter_map(|hit| Some((traits.binary_search(&(hit.trait_idx as usize)).ok()?, hit)))
                .collect();
            if wanted.is_empty() {
                continue;
            }
            let (pos, chrom) = (reader.positions(row..row + 1)?[0], reader.chroms(row..row + 1)?.swap_remove(0));
            let Some(at) = chrom_of(&chrom) else { continue };
            for (number, hit) in wanted {
                let protein = &proteins[hit.trait_idx as usize];
                let (Some(gene), Some(gene_cell)) = (&protein.gene, genes[hit.trait_idx as usize]) else {
                    found.n_without_gene += 1;
                    continue;
                };
                let is_cis = tss_distance(gene, &chrom, pos).is_some_and(|d| d.unsigned_abs() <= u64::from(window));
                *(if is_cis { &mut found.n_cis } else { &mut found.n_trans }) += 1;
                let dot = (at, Dot { trait_number: number as u32, pos, log10p: hit.log10p });
                let best = dots.entry((cell(at, pos), gene_cell, is_cis)).or_insert(dot);
                if hit.log10p > best.1.log10p {
                    *best = dot;
                }
            }
        }
    }
    for ((_, _, is_cis), (chrom, dot)) in dots {
        found.trait_idx.push(dot.trait_number);
        found.chrom.push(chrom as u32);
        found.pos.push(dot.pos);
        found.log10p.push(Digits(dot.log10p));
        found.is_cis.push(u8::from(is_cis));
    }
    found.axis = axis;
    Ok(found)
}

/// Chromosomes of the variants, then those that genes alone have; each wide enough for both.
fn axis_of(reader: &ResultsReader, genome: &Genome, traits: &[usize]) -> Axis {
    let mut spans: Vec<(String, u32, u32)> =
        genome.chromosomes.iter().map(|one| (one.name.clone(), one.first_pos, one.last_pos)).collect();
    for gene in traits.iter().filter_map(|&trait_idx| reader.header().proteins[trait_idx].gene.as_ref()) {
        let name = canonical(&gene.chrom);
        match spans.iter_mut().find(|span| canonical(&span.0) == name) {
            Some((_, first, last)) => (*first, *last) = ((*first).min(gene.tss), (*last).max(gene.tss)),
            None => spans.push((gene.chrom.clone(), gene.tss, gene.tss)),
        }
    }
    let bases: u64 = spans.iter().map(|(_, first, last)| u64::from(last - first) + 1).sum();
    let gap = (bases as f64 * GAP) as u64;
    let mut axis = Axis::default();
    for (name, first, last) in spans {
        axis.chromosomes.push(AxisChromosome(name, first, last, axis.length, 0, 0));
        axis.length += u64::from(last - first) + 1 + gap;
    }
    axis.length = axis.length.saturating_sub(gap).max(1);
    axis
}
