//! Known genotypes of many persons, and the sums of evidence over them. Two bits a genotype, four sites a byte: the evidence
//! of four sites for every combination of genotypes is a table of 256 numbers, so that one look-up a person does four sites.

/// A genotype that is not known.
pub const UNKNOWN: u8 = 3;

/// Sites whose evidence is summed in 32 bits before it goes into the totals: 2,048 × 14 nats stay below 2³¹ units.
const SITES_PER_FOLD: usize = 2048;
/// Persons whose 32-bit sums stay in the first cache.
const PERSONS_PER_TILE: usize = 4096;

/// n_sites × n_samples genotypes, 0, 1, 2 copies of ALT or [`UNKNOWN`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenotypePanel {
    n_samples: usize,
    n_sites: usize,
    /// Four sites after another, `n_samples` bytes each; the first site in the lowest bits.
    groups: Vec<u8>,
}

impl GenotypePanel {
    /// An empty panel of `n_samples` persons.
    #[must_use]
    pub fn new(n_samples: usize) -> Self {
        Self { n_samples, n_sites: 0, groups: Vec::new() }
    }

    /// Persons.
    #[must_use]
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Sites.
    #[must_use]
    pub fn n_sites(&self) -> usize {
        self.n_sites
    }

    /// Appends a site: one genotype a person, anything over 2 being unknown.
    pub fn push(&mut self, genotypes: &[u8]) {
        let within = self.n_sites % 4;
        if within == 0 {
            self.groups.resize(self.groups.len() + self.n_samples, 0xff);
        }
        let start = self.groups.len() - self.n_samples;
        let shift = 2 * within;
        for (byte, &genotype) in self.groups[start..].iter_mut().zip(genotypes) {
            *byte = *byte & !(3 << shift) | genotype.min(UNKNOWN) << shift;
        }
        self.n_sites += 1;
    }

    /// The genotype of a person at a site.
    #[must_use]
    pub fn genotype(&self, site_idx: usize, sample_idx: usize) -> u8 {
        self.groups[site_idx / 4 * self.n_samples + sample_idx] >> (2 * (site_idx % 4)) & 3
    }

    /// Sites of `use_site` at which both persons are known, and those of them at which they differ.
    #[must_use]
    pub fn differences(&self, a: usize, b: usize, use_site: impl Fn(usize) -> bool) -> (u32, u32) {
        let (mut n_both, mut n_differing) = (0, 0);
        for site_idx in (0..self.n_sites).filter(|&site_idx| use_site(site_idx)) {
            let (g, h) = (self.genotype(site_idx, a), self.genotype(site_idx, b));
            if g != UNKNOWN && h != UNKNOWN {
                n_both += 1;
                n_differing += u32::from(g != h);
            }
        }
        (n_both, n_differing)
    }

    /// Adds the evidence of each site (see [`super::evidence`]; one for each site of the panel) to the total of each
    /// person, by the person's genotype; nothing where that is unknown. Whole numbers: any order gives the same sums.
    pub fn add_evidence(&self, evidence: &[[i32; 3]], totals: &mut [i64]) {
        let sites = &evidence[..evidence.len().min(self.n_sites)];
        let mut tables = vec![[0i32; 256]; SITES_PER_FOLD / 4];
        let mut sums = vec![0i32; PERSONS_PER_TILE];
        for (fold_idx, fold) in sites.chunks(SITES_PER_FOLD).enumerate() {
            let n_groups = fold.len().div_ceil(4);
            for (table, four) in tables.iter_mut().zip(fold.chunks(4)) {
                fill_table(four, table);
            }
            let first = fold_idx * SITES_PER_FOLD / 4;
            for (tile_idx, totals) in totals.chunks_mut(PERSONS_PER_TILE).enumerate() {
                let sums = &mut sums[..totals.len()];
                sums.fill(0);
                for (group_idx, table) in tables[..n_groups].iter().enumerate() {
                    let start = (first + group_idx) * self.n_samples + tile_idx * PERSONS_PER_TILE;
                    let bytes = &self.groups[start..start + sums.len()];
                    for (sum, &byte) in sums.iter_mut().zip(bytes) {
                        *sum += table[usize::from(byte)];
                    }
                }
                for (total, &sum) in totals.iter_mut().zip(&*sums) {
                    *total += i64::from(sum);
                }
            }
        }
    }
}

/// The sum of up to four sites' evidence for each combination of their genotypes.
fn fill_table(sites: &[[i32; 3]], table: &mut [i32; 256]) {
    table[0] = 0;
    let of = |site: usize, genotype: usize| match sites.get(site) {
        Some(evidence) if genotype < 3 => evidence[genotype],
        _ => 0,
    };
    for (site, size) in [1usize, 4, 16, 64].into_iter().enumerate() {
        for genotype in (0..4).rev() {
            for low in 0..size {
                table[genotype * size + low] = table[low] + of(site, genotype);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn prop_sums_equal_those_of_one_genotype_after_another(
            n_samples in 1usize..40,
            n_sites in 0usize..60,
            seed in any::<u64>(),
        ) {
            let mut state = seed | 1;
            let mut next = |n: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % n
            };
            let mut panel = GenotypePanel::new(n_samples);
            let rows: Vec<Vec<u8>> = (0..n_sites).map(|_| (0..n_samples).map(|_| next(4) as u8).collect()).collect();
            for row in &rows {
                panel.push(row);
            }
            let evidence: Vec<[i32; 3]> =
                (0..n_sites).map(|_| [0; 3].map(|_: i32| next(2_000_000) as i32 - 1_000_000)).collect();
            let mut totals = vec![7i64; n_samples];
            panel.add_evidence(&evidence, &mut totals);
            for (sample, total) in totals.iter().enumerate() {
                let terms = rows.iter().zip(&evidence).filter(|(row, _)| row[sample] < 3);
                let expected: i64 = terms.map(|(row, e)| i64::from(e[usize::from(row[sample])])).sum();
                prop_assert_eq!(*total, expected + 7);
            }
            for (site_idx, row) in rows.iter().enumerate() {
                for (sample_idx, &genotype) in row.iter().enumerate() {
                    prop_assert_eq!(panel.genotype(site_idx, sample_idx), genotype);
                }
            }
        }
    }

    #[test]
    fn folds_and_tiles_leave_no_site_and_no_person_out() {
        let (n_samples, n_sites) = (PERSONS_PER_TILE + 5, SITES_PER_FOLD + 6);
        let mut panel = GenotypePanel::new(n_samples);
        for site in 0..n_sites {
            panel.push(&vec![(site % 3) as u8; n_samples]);
        }
        // The largest evidence there is: 32 bits hold a fold of it.
        let mut totals = vec![0; n_samples];
        panel.add_evidence(&vec![[900_000; 3]; n_sites], &mut totals);
        assert!(totals.iter().all(|&t| t == 900_000 * n_sites as i64));
    }

    #[test]
    fn differences_count_sites_where_both_are_known() {
        let mut panel = GenotypePanel::new(2);
        for genotypes in [[0, 0], [0, 1], [2, 255], [1, 1], [2, 0]] {
            panel.push(&genotypes);
        }
        assert_eq!(panel.differences(0, 1, |_| true), (4, 2));
        assert_eq!(panel.differences(0, 1, |site| site < 2), (2, 1));
    }
}
