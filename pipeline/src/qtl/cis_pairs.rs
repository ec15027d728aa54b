//! Which phenotypes are near a variant: the pairs that a search for distant effects leaves out, and those that a list of hits
//! calls cis.

use std::collections::HashMap;

use crate::format::chromosome::canonical;
use crate::proteins::{Gene, Protein};

/// Bases on either side of a TSS that are cis, unless chosen otherwise.
pub const CIS_WINDOW: u32 = 1_000_000;

/// The places of phenotypes, by chromosome.
#[derive(Debug, Clone, Default)]
pub struct CisPairs {
    window: u32,
    /// (TSS, phenotype), ascending, by canonical chromosome.
    by_chrom: HashMap<String, Vec<(u32, u32)>>,
    n_without_place: usize,
}

impl CisPairs {
    /// Of phenotypes whose order is that of the traits. `window`: bases on either side of the TSS.
    pub fn new(proteins: &[Protein], window: u32) -> Self {
        let mut pairs = Self { window, ..Self::default() };
        for (idx, protein) in (0..).zip(proteins) {
            match &protein.gene {
                Some(gene) => pairs.by_chrom.entry(canonical(&gene.chrom)).or_default().push((gene.tss, idx)),
                None => pairs.n_without_place += 1,
            }
        }
        pairs.by_chrom.values_mut().for_each(|places| places.sort_unstable());
        pairs
    }

    /// Bases on either side.
    pub fn window(&self) -> u32 {
        self.window
    }

    /// Phenotypes that are nowhere.
    pub fn n_without_place(&self) -> usize {
        self.n_without_place
    }

    /// The phenotypes of a chromosome, by any of its names.
    pub fn on(&self, chrom: &str) -> ChromosomePairs<'_> {
        let places = self.by_chrom.get(&canonical(chrom)).map_or(&[][..], Vec::as_slice);
        ChromosomePairs { window: self.window, places }
    }
}

/// The phenotypes of one chromosome.
#[derive(Debug, Clone, Copy)]
pub struct ChromosomePairs<'a> {
    window: u32,
    places: &'a [(u32, u32)],
}

impl<'a> ChromosomePairs<'a> {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// (TSS, phenotype) of those whose window holds `pos`, both ends of the window included.
    pub fn around(&self, pos: u32) -> &'a [(u32, u32)] {
        let (from, to) = (pos.saturating_sub(self.window), pos.saturating_add(self.window));
        let start = self.places.partition_point(|&(tss, _)| tss < from);
        let n = self.places[start..].partition_point(|&(tss, _)| tss <= to);
        &self.places[start..start + n]
    }
}

/// POS − TSS where the variant is on the gene's chromosome.
pub fn tss_distance(gene: &Gene, chrom: &str, pos: u32) -> Option<i64> {
    let same = gene.chrom == chrom || canonical(&gene.chrom) == canonical(chrom);
    same.then(|| i64::from(pos) - i64::from(gene.tss))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protein(place: Option<(&str, u32)>) -> Protein {
        let gene = place.map(|(chrom, tss)| Gene { chrom: chrom.into(), tss, ..Gene::default() });
        let (name, uniprot, panel) = (String::new(), String::new(), String::new());
        Protein { id: "p".into(), name, uniprot, panel, gene, below_lod: f32::NAN }
    }

    #[test]
    fn windows_have_both_ends_and_chromosomes_any_name() {
        let proteins = [
            protein(Some(("chr22", 2000))),
            protein(None),
            protein(Some(("22", 1000))),
            protein(Some(("X", 1000))),
            protein(Some(("22", 2000))),
        ];
        let pairs = CisPairs::new(&proteins, 100);
        assert_eq!(pairs.n_without_place(), 1);
        let around = |chrom: &str, pos| pairs.on(chrom).around(pos).iter().map(|&(_, idx)| idx).collect::<Vec<_>>();
        assert_eq!(around("22", 2100), [0, 4]);
        assert_eq!(around("chr22", 1900), [0, 4]);
        assert_eq!(around("22", 1000), [2]);
        assert!(around("22", 2101).is_empty() && around("22", 1899).is_empty() && around("21", 1000).is_empty());
        assert_eq!(around("chrX", 1), Vec::<u32>::new());
        assert_eq!(around("23", 1050), [3]);
        let wide = CisPairs::new(&proteins, u32::MAX);
        assert_eq!(wide.on("22").around(u32::MAX).len(), 3);
    }

    #[test]
    fn distance_is_from_the_tss_on_its_chromosome() {
        let gene = Gene { chrom: "chr22".into(), tss: 1000, ..Gene::default() };
        assert_eq!(tss_distance(&gene, "22", 900), Some(-100));
        assert_eq!(tss_distance(&gene, "21", 900), None);
    }
}
