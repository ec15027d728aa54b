//! What a regional plot shows: the pairs of a trait in a stretch of a chromosome, how each is linked with the lead, and the genes there.

use std::collections::HashMap;

use serde::Serialize;

use super::linkage::{Linkage, key_of, key_of_row};
use super::stretch::{Piece, pieces};
use super::{ClumpError, Member};
use crate::charts::{Genome, variants_at};
use crate::format::chromosome::canonical;
use crate::format::genes::GeneRecord;
use crate::proteins::Strand;
use crate::store::ResultsReader;

/// A pair of the region.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RegionalPoint {
    /// Row of /variants.
    pub variant: u64,
    /// POS.
    pub pos: u32,
    /// −log10 of its p.
    pub log10p: f64,
    /// r² with the lead; `None` where it is not known.
    pub r2: Option<f64>,
}

/// A stretch of a chromosome for one trait.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Regional {
    /// Row of /traits.
    pub trait_idx: usize,
    /// Chromosome as written in the results file.
    pub chrom: String,
    /// First position.
    pub start: u32,
    /// Last position.
    pub end: u32,
    /// Pairs with a p, in the order of the file.
    pub points: Vec<RegionalPoint>,
    /// The lead, with its name; `None` where there is no pair.
    pub lead: Option<Member>,
    /// Whether the lead is in the genotype files; false without files.
    pub has_linkage: bool,
    /// The file holds nothing below this −log10 p.
    pub nothing_below: Option<f64>,
}

/// A gene of the region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegionalGene {
    /// Symbol, else ID.
    pub name: String,
    /// First base.
    pub start: u32,
    /// Last base.
    pub end: u32,
    /// 1, −1, or 0 where it is not known.
    pub strand: i8,
    /// `protein_coding`, ...; may be empty.
    pub biotype: String,
}

/// The pairs of a trait from `start` to `end` of a chromosome of the file, with r² to `lead` (a row of /variants; the strongest
/// pair otherwise).
///
/// # Errors
/// A file cannot be read, or positions are not sorted.
pub fn regional(
    (reader, genome): (&ResultsReader, &Genome),
    trait_idx: usize,
    (chrom_idx, start, end): (u32, u32, u32),
    lead: Option<u64>,
    linkage: Option<&Linkage>,
) -> Result<Regional, ClumpError> {
    let unsorted = || ClumpError::Unsorted { path: reader.path().to_path_buf() };
    let rows = genome.rows_within(reader, chrom_idx, (start, end))?.ok_or_else(unsorted)?;
    let mut points = Vec::new();
    let mut places = HashMap::new();
    for rows in pieces(reader, rows)? {
        let piece = Piece::read(reader, rows.clone(), &[trait_idx])?;
        for (row, variant) in rows.zip(&piece.variants) {
            let log10p = piece.log10p(row, trait_idx);
            if !log10p.is_nan() {
                if linkage.is_some() {
                    places.entry(key_of_row(variant)).or_insert_with(Vec::new).push(points.len());
                }
                points.push(RegionalPoint { variant: row as u64, pos: variant.pos, log10p, r2: None });
            }
        }
    }
    let strongest = points.iter().copied().reduce(|best, point| if point.log10p > best.log10p { point } else { best });
    let lead = match lead {
        Some(row) => points.iter().find(|point| point.variant == row).copied(),
        None => strongest,
    };
    let chrom = genome.chromosomes[chrom_idx as usize].name.clone();
    let nothing_below = (!reader.has_every_pair()).then_some(reader.header().hit_log10p);
    let mut found = Regional { trait_idx, chrom, start, end, points, lead: None, has_linkage: false, nothing_below };
    if let Some(lead) = lead {
        let RegionalPoint { variant, pos, log10p, .. } = lead;
        let row = variants_at(reader, &[variant])?.remove(0);
        let genotype = match linkage {
            Some(linkage) => linkage.genotypes_of(&[&row])?.remove(0),
            None => None,
        };
        if let (Some(linkage), Some(of_lead)) = (linkage, genotype) {
            found.has_linkage = true;
            linkage.visit(&row.chrom, (start, end), |variants, genotypes| {
                for (variant, genotype) in variants.iter().zip(genotypes) {
                    let Some(places) = places.remove(&key_of(variant)) else { continue };
                    let r2 = Some(linkage.r2(&of_lead, genotype)).filter(|r2| !r2.is_nan());
                    places.into_iter().for_each(|place| found.points[place].r2 = r2);
                }
                Ok(())
            })?;
        }
        let id = super::greedy::name_of(&row);
        found.lead = Some(Member { variant, pos, id, log10p, r2: None });
    }
    Ok(found)
}

/// Genes that reach into a stretch of a chromosome, by their starts.
pub fn genes_within(genes: &[GeneRecord], chrom: &str, (start, end): (u32, u32)) -> Vec<RegionalGene> {
    let wanted = canonical(chrom);
    let there = genes.iter().filter(|gene| gene.start <= end && gene.end >= start && canonical(&gene.chrom) == wanted);
    let mut found: Vec<RegionalGene> = there
        .map(|gene| RegionalGene {
            name: if gene.name.is_empty() { gene.id.clone() } else { gene.name.clone() },
            start: gene.start,
            end: gene.end,
            strand: match gene.strand {
                Strand::Plus => 1,
                Strand::Minus => -1,
                Strand::Unknown => 0,
            },
            biotype: gene.biotype.clone(),
        })
        .collect();
    found.sort_by(|a, b| (a.start, a.end, &a.name).cmp(&(b.start, b.end, &b.name)));
    found
}
