//! Reads of two persons in one sample: the maximum-likelihood share of a foreign person drawn from the population, with the
//! first person's genotypes known or not (Jun et al. 2012, verifyBamID; Zhang et al. 2020, verifyBamID2).

/// Errors of bases are taken to be at least this and at most [`MAX_ERROR`].
const MIN_ERROR: f64 = 1e-5;
const MAX_ERROR: f64 = 0.5;
/// The largest share: beyond it the foreign person is the sample.
pub const MAX_SHARE: f64 = 0.5;
/// Shares that are tried first.
const GRID: [f64; 8] = [0.0, 0.005, 0.015, 0.04, 0.09, 0.18, 0.33, MAX_SHARE];
/// Steps of the golden section between the neighbours of the best of these.
const N_STEPS: u32 = 12;
/// Logs so far under the largest add nothing to a sum of doubles.
const NEGLIGIBLE: f64 = 45.0;

/// What is known of a site and its reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixtureSite {
    n_ref: f64,
    n_alt: f64,
    ref_error: f64,
    alt_error: f64,
    prior: [f64; 3],
    /// Probabilities of the first person's genotypes if what is on record is right.
    first: [f64; 3],
    /// Likewise of the foreign person's.
    foreign: [f64; 3],
    /// ln P(reads) where both persons are 0, 1 or 2, whatever the share.
    if_equal: [f64; 3],
}

impl MixtureSite {
    /// A site with `n_ref` REF and `n_alt` ALT bases. `ln_likelihoods` (ln P(reads | g) up to a constant, for independent
    /// errors) carry the geometric mean of the bases' errors: for a ALT bases, ln L₀ − ln L₁ = n ln 2 + Σ ln(e/3) over the ALT
    /// bases, but for terms of the order of e. `least_error`: errors are taken to be no smaller. `genotype`: of the first
    /// person, 0 to 2, if known.
    #[must_use]
    pub fn new(
        n_ref: u16,
        n_alt: u16,
        ln_likelihoods: [f32; 3],
        prior: [f64; 3],
        least_error: f64,
        genotype: Option<u8>,
    ) -> Self {
        let (n_ref, n_alt) = (f64::from(n_ref), f64::from(n_alt));
        let [hom_ref, het, hom_alt] = ln_likelihoods.map(f64::from);
        let mean_error = |hom: f64, n: f64| match n > 0.0 {
            true => 3.0 * libm::exp((hom - het - (n_ref + n_alt) * core::f64::consts::LN_2) / n),
            false => 0.0,
        };
        let bounded = |error: f64| error.max(least_error).clamp(MIN_ERROR, MAX_ERROR);
        let alt_error = bounded(mean_error(hom_ref, n_alt));
        let ref_error = bounded(mean_error(hom_alt, n_ref));
        let first = known(genotype, &prior);
        let mut site = Self { n_ref, n_alt, ref_error, alt_error, prior, first, foreign: prior, if_equal: [0.0; 3] };
        site.if_equal = [0.0, 0.5, 1.0].map(|alt| site.ln_reads(alt));
        site
    }

    /// The same site with another first person.
    #[must_use]
    pub fn with_genotype(self, genotype: Option<u8>) -> Self {
        Self { first: known(genotype, &self.prior), ..self }
    }

    /// The same site where the first person is a relative of one with `genotype`.
    #[must_use]
    pub fn with_relative(self, genotype: Option<u8>, relation: Relation) -> Self {
        let Some(genotype) = genotype.filter(|&g| g <= 2) else { return self.with_genotype(None) };
        let one_shared = one_of_each(f64::from(genotype) / 2.0, self.frequency());
        let first = match relation {
            Relation::ParentOrChild => one_shared,
            Relation::Sibling => {
                let both_shared = known(Some(genotype), &self.prior);
                [0, 1, 2].map(|g| 0.25 * both_shared[g] + 0.5 * one_shared[g] + 0.25 * self.prior[g])
            }
        };
        Self { first, ..self }
    }

    /// The same site where the first person is a child of two with these genotypes.
    #[must_use]
    pub fn with_parents(self, genotypes: [Option<u8>; 2]) -> Self {
        let [a, b] = genotypes.map(|genotype| self.alt_share(genotype));
        Self { first: one_of_each(a, b), ..self }
    }

    /// The same site where the first person's two alleles are independent draws from those of two persons of these genotypes, a
    /// share `share` of them of the second: one person whose reads, taken one by one, look like those of two.
    #[must_use]
    pub fn with_draws(self, genotypes: [Option<u8>; 2], share: f64) -> Self {
        let [a, b] = genotypes.map(|genotype| self.alt_share(genotype));
        let drawn = (1.0 - share) * a + share * b;
        Self { first: one_of_each(drawn, drawn), ..self }
    }

    /// The same site with the foreign person's genotype on record, if it is known.
    #[must_use]
    pub fn with_foreign(self, genotype: Option<u8>) -> Self {
        Self { foreign: known(genotype, &self.prior), ..self }
    }

    fn frequency(&self) -> f64 {
        self.prior[2] + 0.5 * self.prior[1]
    }

    fn alt_share(&self, genotype: Option<u8>) -> f64 {
        genotype.filter(|&g| g <= 2).map_or(self.frequency(), |g| f64::from(g) / 2.0)
    }

    /// ln P(reads) where a share `share` of them is the foreign person's.
    fn ln_likelihood(&self, share: f64, error_rate: f64) -> f64 {
        let mut logs = [0.0; 9];
        let mut largest = f64::NEG_INFINITY;
        for (own, logs) in logs.chunks_mut(3).enumerate() {
            for (foreign, log) in logs.iter_mut().enumerate() {
                *log = match own == foreign {
                    true => self.if_equal[own],
                    false => self.ln_reads(0.5 * ((1.0 - share) * own as f64 + share * foreign as f64)),
                };
                largest = largest.max(*log);
            }
        }
        let (first_weights, foreign_weights) =
            (self.weights(&self.first, error_rate), self.weights(&self.foreign, error_rate));
        let mut total = 0.0;
        for (own, logs) in logs.chunks(3).enumerate() {
            let relative = |log: f64| if largest - log > NEGLIGIBLE { 0.0 } else { libm::exp(log - largest) };
            let foreign: f64 = logs.iter().zip(&foreign_weights).map(|(&log, p)| p * relative(log)).sum();
            total += first_weights[own] * foreign;
        }
        largest + libm::log(total)
    }

    /// ln P(reads | share of ALT alleles among the molecules), up to a constant.
    fn ln_reads(&self, alt: f64) -> f64 {
        let mut sum = 0.0;
        if self.n_alt > 0.0 {
            sum += self.n_alt * libm::log(alt * (1.0 - self.alt_error) + (1.0 - alt) * self.alt_error / 3.0);
        }
        if self.n_ref > 0.0 {
            sum += self.n_ref * libm::log((1.0 - alt) * (1.0 - self.ref_error) + alt * self.ref_error / 3.0);
        }
        sum
    }

    /// Probabilities of genotypes: by what is on record, but for wrong records, which are draws.
    fn weights(&self, if_right: &[f64; 3], error_rate: f64) -> [f64; 3] {
        [0, 1, 2].map(|g| (1.0 - error_rate) * if_right[g] + error_rate * self.prior[g])
    }
}

fn known(genotype: Option<u8>, prior: &[f64; 3]) -> [f64; 3] {
    match genotype {
        Some(genotype @ 0..=2) => [0, 1, 2].map(|g| if g == genotype { 1.0 } else { 0.0 }),
        _ => *prior,
    }
}

/// Probabilities of 0, 1 and 2 ALT where the two alleles are ALT with these probabilities.
fn one_of_each(a: f64, b: f64) -> [f64; 3] {
    [(1.0 - a) * (1.0 - b), a * (1.0 - b) + b * (1.0 - a), a * b]
}

/// How the person of the reads is related to one on record, in the first degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// One allele of every site is the same by descent.
    ParentOrChild,
    /// None, one or both are, at ¼, ½ and ¼ of the sites.
    Sibling,
}

/// The most likely share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixtureFit {
    /// The share of reads that are the foreign person's, 0 to [`MAX_SHARE`].
    pub share: f64,
    /// ln P(reads) at that share, up to a constant of the reads.
    pub ln_likelihood: f64,
    /// ln P(reads) without a foreign person, up to the same constant.
    pub ln_clean: f64,
}

/// ln P(reads at all sites) for one share; sums go in the order of the sites.
#[must_use]
pub fn ln_likelihood(sites: &[MixtureSite], share: f64, error_rate: f64) -> f64 {
    sites.iter().map(|site| site.ln_likelihood(share, error_rate)).sum()
}

/// Finds the share: the best of a grid, then a golden section between its neighbours. A share that gains less than 1e-9 on
/// none is none.
#[must_use]
pub fn fit(sites: &[MixtureSite], error_rate: f64) -> MixtureFit {
    let at = |share| ln_likelihood(sites, share, error_rate);
    let on_grid = GRID.map(at);
    let ln_clean = on_grid[0];
    let best = (0..GRID.len()).fold(0, |best, i| if on_grid[i] > on_grid[best] { i } else { best });
    let (mut low, mut high) = (GRID[best.saturating_sub(1)], GRID[(best + 1).min(GRID.len() - 1)]);
    let ratio = 0.618_033_988_749_894_9;
    let (mut a, mut b) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut at_a, mut at_b) = (at(a), at(b));
    for _ in 0..N_STEPS {
        if at_a >= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - ratio * (high - low);
            at_a = at(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + ratio * (high - low);
            at_b = at(b);
        }
    }
    let found = if at_a >= at_b { (a, at_a) } else { (b, at_b) };
    let (share, ln_likelihood) = if found.1 > on_grid[best] { found } else { (GRID[best], on_grid[best]) };
    match ln_likelihood - ln_clean > 1e-9 {
        true => MixtureFit { share, ln_likelihood, ln_clean },
        false => MixtureFit { share: 0.0, ln_likelihood: ln_clean, ln_clean },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::hardy_weinberg;

    struct Random(u64);

    impl Random {
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ z >> 31) >> 11) as f64 / (1u64 << 53) as f64
        }

        fn genotype(&mut self, f: f64) -> u8 {
            u8::from(self.uniform() < f) + u8::from(self.uniform() < f)
        }
    }

    /// Reads of two persons at `n` sites: about `depth` each (binomial of twice that), errors of `error`.
    fn mixed(n: usize, depth: u32, share: f64, error: f64, seed: u64) -> Vec<MixtureSite> {
        let mut random = Random(seed);
        let mut sites = Vec::new();
        for _ in 0..n {
            let f = 0.05 + 0.9 * random.uniform();
            let (own, foreign) = (random.genotype(f), random.genotype(f));
            let (mut counts, mut ln) = ([0u16; 2], [0f64; 3]);
            for _ in 0..2 * depth {
                if random.uniform() < 0.5 {
                    continue;
                }
                let of = if random.uniform() < share { foreign } else { own };
                let mut is_alt = random.uniform() < f64::from(of) / 2.0;
                if random.uniform() < error {
                    // One wrong base in three is the other allele; the others say nothing.
                    if random.uniform() > 1.0 / 3.0 {
                        continue;
                    }
                    is_alt = !is_alt;
                }
                counts[usize::from(is_alt)] += 1;
                let (right, wrong) = (1.0 - error, error / 3.0);
                let (p_ref, p_alt) = if is_alt { (wrong, right) } else { (right, wrong) };
                for (g, ln) in ln.iter_mut().enumerate() {
                    let alt = g as f64 / 2.0;
                    *ln += libm::log((1.0 - alt) * p_ref + alt * p_alt);
                }
            }
            let largest = ln.iter().fold(f64::NEG_INFINITY, |m, &l| m.max(l));
            let ln = ln.map(|l| (l - largest) as f32);
            if counts != [0, 0] {
                sites.push(MixtureSite::new(counts[0], counts[1], ln, hardy_weinberg(f), 0.0, Some(own)));
            }
        }
        sites
    }

    #[test]
    fn errors_of_bases_come_back_from_the_likelihoods() {
        for depth in [2, 30] {
            for site in mixed(300, depth, 0.1, 0.004, 5) {
                if site.n_alt > 0.0 {
                    assert!((site.alt_error / 0.004 - 1.0).abs() < 0.25, "{site:?}");
                }
                if site.n_ref > 0.0 {
                    assert!((site.ref_error / 0.004 - 1.0).abs() < 0.25, "{site:?}");
                }
            }
        }
    }

    #[test]
    fn shares_are_found_with_and_without_the_first_persons_genotypes() {
        for (depth, known_within, unknown_within) in [(4, 0.015, 0.03), (30, 0.007, 0.012)] {
            for share in [0.0, 0.02, 0.05, 0.1, 0.2] {
                let sites = mixed(2_000, depth, share, 0.002, 11 + depth as u64);
                let known = fit(&sites, 0.005);
                assert!((known.share - share).abs() < known_within, "{depth} {share}: {known:?}");
                let unknown: Vec<_> = sites.iter().map(|site| site.with_genotype(None)).collect();
                let unknown = fit(&unknown, 0.005);
                assert!((unknown.share - share).abs() < unknown_within, "{depth} {share}: {unknown:?}");
                assert!(known.ln_likelihood > unknown.ln_likelihood);
            }
        }
    }

    #[test]
    fn clean_samples_are_clean() {
        let shares: Vec<f64> = (0..20).map(|seed| fit(&mixed(2_000, 8, 0.0, 0.002, seed), 0.005).share).collect();
        assert!(shares.iter().all(|&share| share < 0.01), "{shares:?}");
        assert!(shares.iter().sum::<f64>() / 20.0 < 0.002, "{shares:?}");
    }

    #[test]
    fn wrong_records_are_not_foreign_reads() {
        let mut random = Random(3);
        let wrong = |site: &MixtureSite, random: &mut Random| match random.uniform() < 0.005 {
            true => site.with_genotype(Some(random.genotype(0.5))),
            false => *site,
        };
        let sites: Vec<_> = mixed(3_000, 10, 0.0, 0.002, 9).iter().map(|site| wrong(site, &mut random)).collect();
        assert!(fit(&sites, 0.005).share < 0.005);
    }

    #[test]
    fn a_child_is_a_relative_and_not_half_a_mixture_and_a_mixture_is_no_child() {
        let mut random = Random(21);
        let relative = |sites: &[MixtureSite], genotypes: &[u8]| {
            let as_child = |(site, &g): (&MixtureSite, &u8)| site.with_relative(Some(g), Relation::ParentOrChild);
            fit(&sites.iter().zip(genotypes).map(as_child).collect::<Vec<_>>(), 0.005)
        };
        // Persons whose genotypes are known, half of all reads foreign.
        let sites = mixed(2_000, 4, 0.5, 0.002, 5);
        let genotypes: Vec<u8> =
            sites.iter().filter_map(|s| (0..3).find(|&g| s.first[usize::from(g)] == 1.0)).collect();
        assert_eq!(genotypes.len(), sites.len());
        assert!(fit(&sites, 0.005).ln_likelihood > relative(&sites, &genotypes).ln_likelihood + 20.0);
        // Clean reads of a person held against that person's parent.
        let clean = mixed(2_000, 4, 0.0, 0.002, 6);
        let parents: Vec<u8> = clean
            .iter()
            .filter_map(|site| {
                let own = (0..3u8).find(|&g| site.first[usize::from(g)] == 1.0)?;
                Some(u8::from(random.uniform() < f64::from(own) / 2.0) + u8::from(random.uniform() < site.frequency()))
            })
            .collect();
        let as_parent: Vec<_> = clean.iter().zip(&parents).map(|(site, &g)| site.with_genotype(Some(g))).collect();
        let found = relative(&clean, &parents);
        assert!(found.ln_likelihood > fit(&as_parent, 0.005).ln_likelihood + 20.0);
        assert!(found.share < 0.02, "{found:?}");
    }

    #[test]
    fn relatives_have_the_genotypes_that_mendel_says() {
        let prior = hardy_weinberg(0.3);
        let site = MixtureSite::new(1, 1, [0.0, -1.0, -2.0], prior, 0.0, None);
        let near =
            |a: [f64; 3], b: [f64; 3]| assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
        near(site.with_relative(Some(0), Relation::ParentOrChild).first, [0.7, 0.3, 0.0]);
        near(site.with_relative(Some(1), Relation::ParentOrChild).first, [0.35, 0.5, 0.15]);
        near(site.with_relative(Some(2), Relation::Sibling).first, [0.1225, 0.455, 0.4225]);
        near(site.with_relative(None, Relation::Sibling).first, prior);
        near(site.with_parents([Some(0), Some(1)]).first, [0.5, 0.5, 0.0]);
        near(site.with_draws([Some(0), Some(2)], 0.5).first, [0.25, 0.5, 0.25]);
    }

    #[test]
    fn nothing_to_go_by_gives_nothing() {
        let fit = fit(&[], 0.005);
        assert_eq!((fit.share, fit.ln_likelihood), (0.0, 0.0));
    }
}
