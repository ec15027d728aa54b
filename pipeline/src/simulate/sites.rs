//! Variants along the contigs: where they lie and which haplotypes carry them.
//!
//! Mutations fall on the tree at a rate in proportion to its length, which is what makes counts follow 1/i; that exactly as
//! many as asked for fall on a contig, the rate also follows what is left: at base x, with m variants to come before base
//! L, it is m / (L − x) · (length of the tree / its mean).

use super::config::Contig;
use super::random::{Purpose, Stream};
use super::tree::Tree;

/// One variant with two alleles of one base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    /// Its number in the whole output, from 0.
    pub variant_idx: u64,
    /// Number of its contig.
    pub contig_idx: usize,
    /// 1-based.
    pub pos: u32,
    /// Base of REF, the ancestral allele.
    pub reference: u8,
    /// Base of ALT, the derived allele.
    pub alternate: u8,
    /// Haplotypes with ALT: 1 to 2n − 1.
    pub n_carriers: u32,
}

/// Consecutive variants of one contig.
#[derive(Debug, Clone, Default)]
pub struct SiteBlock {
    /// Number of the block, from 0.
    pub block_idx: u64,
    /// The variants.
    pub sites: Vec<Site>,
    /// Words of 64 haplotypes, n_sites × [`n_words`]; haplotypes 2i and 2i + 1 are sample i's.
    pub carriers: Vec<u64>,
}

impl SiteBlock {
    /// The carriers of a variant of the block.
    pub fn carriers(&self, site_idx: usize) -> &[u64] {
        let words = self.carriers.len() / self.sites.len().max(1);
        &self.carriers[site_idx * words..(site_idx + 1) * words]
    }
}

/// Words that hold the haplotypes of `n_samples`.
pub fn n_words(n_samples: usize) -> usize {
    (2 * n_samples).div_ceil(64)
}

/// Draws the variants of all contigs in order.
pub struct SiteStream {
    contigs: Vec<Contig>,
    n_samples: usize,
    block_len: usize,
    seed: u64,
    /// Recombinations per base and unit of the tree's length.
    recombinations: f64,
    mean_length: f64,
    next_block: u64,
    next_variant: u64,
    next_contig: usize,
    here: Option<Walk>,
}

/// The walk along one contig.
struct Walk {
    stream: Stream,
    tree: Tree,
    contig_idx: usize,
    at: f64,
    last_pos: u32,
    n_left: u64,
}

impl SiteStream {
    /// Blocks of `block_len` variants. `recombination_rate` is per base and generation of `population_size` diploids.
    pub fn new(
        contigs: &[Contig],
        n_samples: usize,
        block_len: usize,
        seed: u64,
        (population_size, recombination_rate): (f64, f64),
    ) -> Self {
        Self {
            contigs: contigs.to_vec(),
            n_samples,
            block_len,
            seed,
            recombinations: 2.0 * population_size * recombination_rate,
            mean_length: Tree::mean_length(2 * n_samples as u32),
            next_block: 0,
            next_variant: 0,
            next_contig: 0,
            here: None,
        }
    }

    /// Fills `block` with the next variants; false where there are none.
    pub fn next_block(&mut self, block: &mut SiteBlock) -> bool {
        block.sites.clear();
        block.carriers.clear();
        while self.here.as_ref().is_none_or(|walk| walk.n_left == 0) {
            let Some(contig) = self.contigs.get(self.next_contig) else { return false };
            let mut stream = Stream::new(self.seed, Purpose::Genealogy, self.next_contig as u64, 0);
            let tree = Tree::draw(2 * self.n_samples as u32, &mut stream);
            let (contig_idx, n_left) = (self.next_contig, contig.n_variants);
            self.here = Some(Walk { stream, tree, contig_idx, at: 0.0, last_pos: 0, n_left });
            self.next_contig += 1;
        }
        let Some(walk) = &mut self.here else { return false };
        let words = n_words(self.n_samples);
        let n = walk.n_left.min(self.block_len as u64) as usize;
        block.carriers.resize(n * words, 0);
        for bits in block.carriers.chunks_exact_mut(words) {
            let pos = walk.advance(self.contigs[walk.contig_idx].length, self.recombinations, self.mean_length);
            let (node, _) = walk.tree.place(&mut walk.stream);
            let n_carriers = walk.tree.mark_leaves(node, bits);
            let (reference, alternate) = alleles(&mut walk.stream);
            let contig_idx = walk.contig_idx;
            block.sites.push(Site {
                variant_idx: self.next_variant,
                contig_idx,
                pos,
                reference,
                alternate,
                n_carriers,
            });
            self.next_variant += 1;
        }
        block.block_idx = self.next_block;
        self.next_block += 1;
        true
    }
}

impl Walk {
    /// Goes to the next mutation, through the recombinations before it; its position.
    fn advance(&mut self, length: u32, recombinations: f64, mean_length: f64) -> u32 {
        let end = f64::from(length);
        let n_left = self.n_left as f64;
        let mut wait = self.stream.exponential();
        loop {
            let tree_length = self.tree.length();
            let rate = n_left * tree_length / mean_length;
            let mutation = end - (end - self.at) * libm::exp(-wait / rate);
            let recombination = match recombinations > 0.0 {
                true => self.at + self.stream.exponential() / (recombinations * tree_length),
                false => f64::INFINITY,
            };
            if mutation <= recombination {
                self.at = mutation;
                break;
            }
            wait -= rate * libm::log((end - self.at) / (end - recombination));
            wait = wait.max(0.0);
            self.at = recombination;
            self.tree.recombine(&mut self.stream);
        }
        let latest = length - (self.n_left - 1) as u32;
        let pos = (libm::ceil(self.at) as u32).max(self.last_pos + 1).min(latest);
        self.last_pos = pos;
        self.n_left -= 1;
        pos
    }
}

/// Two bases; two of three changes are transitions.
fn alleles(stream: &mut Stream) -> (u8, u8) {
    let drawn = stream.below(24) as usize;
    let (first, change) = (drawn / 6, drawn % 6);
    let [transition, one, other] = [b"GCT", b"TAG", b"ACT", b"CAG"][first];
    let second = match change {
        0..=3 => transition,
        4 => one,
        _ => other,
    };
    (b"ACGT"[first], *second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(n_samples: usize, contigs: &[Contig], block_len: usize) -> Vec<(Site, Vec<u64>)> {
        let mut stream = SiteStream::new(contigs, n_samples, block_len, 11, (1e4, 1e-8));
        let mut block = SiteBlock::default();
        let mut all = Vec::new();
        while stream.next_block(&mut block) {
            all.extend(block.sites.iter().enumerate().map(|(i, &site)| (site, block.carriers(i).to_vec())));
        }
        all
    }

    fn contig(length: u32, n_variants: u64) -> Contig {
        Contig { name: "1".into(), length, n_variants }
    }

    #[test]
    fn as_many_as_asked_at_ascending_positions_whatever_the_blocks() {
        let contigs = [contig(40, 40), contig(1_000_000, 500), contig(7, 0), contig(90, 1)];
        let all = draw(30, &contigs, 64);
        assert_eq!(all.len(), 541);
        for pair in all.windows(2) {
            let (a, b) = (&pair[0].0, &pair[1].0);
            assert!((a.contig_idx, a.pos) < (b.contig_idx, b.pos), "{a:?} {b:?}");
        }
        assert!(all.iter().all(|(site, _)| site.pos >= 1 && site.pos <= contigs[site.contig_idx].length));
        assert!(all == draw(30, &contigs, 7));
    }

    /// Counts in bins of equal expected number against 1/i, over contigs that are independent of one another.
    #[test]
    fn counts_follow_the_neutral_spectrum() {
        let (n_samples, n_contigs, per_contig) = (100, 600, 10);
        let contigs = vec![contig(10_000_000, per_contig); n_contigs];
        let all = draw(n_samples, &contigs, 64);
        let n_haplotypes = 2 * n_samples as u32;
        let weight = |from: u32, to: u32| (from..to).map(|i| 1.0 / f64::from(i)).sum::<f64>();
        let bins = [1, 2, 3, 5, 10, 25, 60, 120, n_haplotypes];
        let total = weight(1, n_haplotypes);
        let mut chi2 = 0.0;
        for bin in bins.windows(2) {
            let found = all.iter().filter(|(site, _)| (bin[0]..bin[1]).contains(&site.n_carriers)).count() as f64;
            let expected = all.len() as f64 * weight(bin[0], bin[1]) / total;
            chi2 += (found - expected).powi(2) / expected;
        }
        // 7 degrees of freedom, one in 1,000: 24.3.
        assert!(chi2 < 24.3, "{chi2}");
    }

    #[test]
    fn genotypes_are_in_hardy_weinberg_proportions() {
        let contigs = vec![contig(10_000_000, 10); 300];
        let (mut observed, mut expected, mut variance) = (0.0, 0.0, 0.0);
        for (site, bits) in draw(100, &contigs, 64) {
            let n = 200.0;
            let hets = bits.iter().map(|w| ((w ^ (w >> 1)) & 0x5555_5555_5555_5555).count_ones()).sum::<u32>();
            let (i, rest) = (f64::from(site.n_carriers), n - f64::from(site.n_carriers));
            observed += f64::from(hets);
            expected += i * rest / (n - 1.0);
            // Levene 1949, exact mean; its variance to the first order.
            variance += i * rest / (n - 1.0) * (1.0 - i * rest / (n - 1.0) / (n / 2.0)).max(0.0);
        }
        let z: f64 = (observed - expected) / f64::sqrt(variance);
        assert!(z.abs() < 5.0, "{observed} {expected} {z}");
    }

    #[test]
    fn linkage_falls_with_distance() {
        let all = draw(200, &[contig(3_000_000, 3000)], 64);
        let common: Vec<_> = all.iter().filter(|(site, _)| (20..=380).contains(&site.n_carriers)).collect();
        let mean_r2 = |low: u32, high: u32| {
            let (mut sum, mut n) = (0.0, 0.0);
            for (i, (a, x)) in common.iter().enumerate() {
                for (b, y) in &common[i + 1..] {
                    if !(low..high).contains(&(b.pos - a.pos)) {
                        continue;
                    }
                    let both = x.iter().zip(y).map(|(x, y)| (x & y).count_ones()).sum::<u32>();
                    let (p, q) = (f64::from(a.n_carriers) / 400.0, f64::from(b.n_carriers) / 400.0);
                    let d = f64::from(both) / 400.0 - p * q;
                    sum += d * d / (p * (1.0 - p) * q * (1.0 - q));
                    n += 1.0;
                }
            }
            sum / n
        };
        let (near, middle, far) = (mean_r2(500, 1500), mean_r2(8_000, 12_000), mean_r2(90_000, 110_000));
        let unlinked = mean_r2(1_000_000, 3_000_000);
        assert!(near > 0.2 && near > 1.5 * middle && middle > 1.5 * far && far > unlinked, "{near} {middle} {far}");
        assert!(unlinked < 0.01, "{unlinked}");
    }
}
