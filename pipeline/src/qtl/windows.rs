//! Windows around genes, and the groups of phenotypes whose windows are read together: a group is a cell of the run's grid.

use crate::format::chromosome::canonical;
use crate::proteins::Protein;

/// Most phenotypes of a group.
const MAX_GROUP: usize = 16;

/// Phenotypes of one chromosome whose windows overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Canonical name of the chromosome.
    pub chrom: String,
    /// Indices of the phenotypes, by TSS.
    pub phenotypes: Vec<u32>,
    /// First and last position of their windows, 1-based, inclusive: nothing lies in between that is in none.
    pub span: (u32, u32),
    /// First position that lies in no group before; after `span` where there is none.
    pub own_from: u32,
}

/// The window of a TSS, 1-based, inclusive, cut at position 1 (0 for telomeres, as VCF has them).
pub fn window_of(tss: u32, width: u32) -> (u32, u32) {
    (tss.saturating_sub(width), tss.saturating_add(width))
}

/// Groups of the phenotypes that have a gene, chromosome by chromosome; `most`: phenotypes of a group at most, for tests.
pub fn groups(proteins: &[Protein], width: u32, most: Option<usize>) -> Vec<Group> {
    let mut placed: Vec<((u64, String), u32, u32)> = Vec::new();
    for (idx, gene) in (0..).zip(proteins.iter().map(|protein| protein.gene.as_ref())) {
        if let Some(gene) = gene {
            placed.push((order_of(canonical(&gene.chrom)), gene.tss, idx));
        }
    }
    placed.sort();
    let most = most.unwrap_or(MAX_GROUP).max(1);
    let mut groups: Vec<Group> = Vec::new();
    let mut first_tss = 0;
    for ((_, chrom), tss, idx) in placed {
        let window = window_of(tss, width);
        let last = groups.last_mut().filter(|group| group.chrom == chrom);
        match last {
            Some(group) if group.phenotypes.len() < most && tss - first_tss <= width => {
                group.phenotypes.push(idx);
                group.span.1 = window.1;
            }
            last => {
                let own_from = last.map_or(window.0, |before| window.0.max(before.span.1.saturating_add(1)));
                first_tss = tss;
                groups.push(Group { chrom, phenotypes: vec![idx], span: window, own_from });
            }
        }
    }
    groups
}

/// Numbered chromosomes first, by number.
fn order_of(chrom: String) -> (u64, String) {
    (chrom.parse().unwrap_or(u64::MAX), chrom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proteins::Gene;

    fn at(chrom: &str, tss: u32) -> Protein {
        Protein {
            id: format!("{chrom}:{tss}"),
            name: String::new(),
            uniprot: String::new(),
            panel: String::new(),
            gene: Some(Gene { chrom: chrom.into(), tss, ..Gene::default() }),
            below_lod: f32::NAN,
        }
    }

    #[test]
    fn groups_hold_every_placed_phenotype_once_and_own_each_position_once() {
        let mut proteins: Vec<Protein> =
            (0..200u32).map(|i| at(["chr2", "10", "X"][i as usize % 3], 1 + i * i * 97)).collect();
        proteins[7].gene = None;
        for most in [None, Some(1), Some(3)] {
            let groups = groups(&proteins, 50_000, most);
            let mut seen: Vec<u32> = groups.iter().flat_map(|group| group.phenotypes.clone()).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..200).filter(|&i| i != 7).collect::<Vec<_>>());
            let mut chroms: Vec<&str> = groups.iter().map(|group| group.chrom.as_str()).collect();
            chroms.dedup();
            assert_eq!(chroms, ["2", "10", "X"]);
            for group in &groups {
                for &idx in &group.phenotypes {
                    let tss = proteins[idx as usize].gene.as_ref().unwrap().tss;
                    let window = window_of(tss, 50_000);
                    assert!(group.span.0 <= window.0 && window.1 <= group.span.1);
                }
            }
            for pair in groups.windows(2).filter(|pair| pair[0].chrom == pair[1].chrom) {
                assert!(pair[1].own_from > pair[0].span.1 && pair[1].own_from >= pair[1].span.0);
            }
        }
    }
}
