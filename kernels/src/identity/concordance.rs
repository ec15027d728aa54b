//! The share of sites at which reads show the genotype on record, estimated without calling genotypes, so that shallow reads
//! give a less certain share and not a lower one.

use super::likelihoods;

/// Halvings of the interval that holds the share: 2⁻³⁰.
const N_HALVINGS: u32 = 30;

/// A site with reads and a known genotype.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownSite {
    /// ln P(reads | g), up to a constant.
    pub ln_likelihoods: [f32; 3],
    /// Shares of the genotypes in the population.
    pub prior: [f64; 3],
    /// The genotype on record, 0 to 2.
    pub genotype: u8,
}

/// The maximum-likelihood estimate of c, where P(reads) = c P(reads | g) + (1 − c) Σ p(h) P(reads | h) / Σ p(h), sums over
/// h ≠ g: the share of sites at which the genotype behind the reads is the one on record. 1 less the share of wrong records
/// for the person's own, and what chance makes equal (Σ p², about 0.4 to 0.8) for a stranger's. NaN without sites.
#[must_use]
pub fn concordance(sites: impl Iterator<Item = KnownSite>) -> f64 {
    let pairs: Vec<(f64, f64)> = sites.map(|site| equal_and_other(&site)).collect();
    if pairs.is_empty() {
        return f64::NAN;
    }
    // The log-likelihood is concave: its slope falls, so that the maximum is where the sign changes.
    let slope = |share: f64| -> f64 {
        pairs.iter().map(|&(equal, other)| (equal - other) / (share * equal + (1.0 - share) * other)).sum()
    };
    if slope(0.0) <= 0.0 {
        return 0.0;
    }
    if slope(1.0) >= 0.0 {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..N_HALVINGS {
        let middle = (low + high) / 2.0;
        if slope(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

fn equal_and_other(site: &KnownSite) -> (f64, f64) {
    let genotype = usize::from(site.genotype.min(2));
    let likelihoods = likelihoods(site.ln_likelihoods);
    let (mut other, mut weight) = (0.0, 0.0);
    for h in (0..3).filter(|&h| h != genotype) {
        other += site.prior[h] * likelihoods[h];
        weight += site.prior[h];
    }
    // Neither is 0, so that no share is impossible.
    (likelihoods[genotype].max(1e-200), (other / weight).max(1e-200))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::hardy_weinberg;

    #[test]
    fn clear_reads_give_the_share_of_equal_sites() {
        let sites = (0..200).map(|i| KnownSite {
            ln_likelihoods: [0.0, -40.0, -90.0],
            prior: hardy_weinberg(0.3),
            genotype: if i % 10 == 0 { 1 } else { 0 },
        });
        assert!((concordance(sites) - 0.9).abs() < 1e-4);
    }

    #[test]
    fn extremes_and_nothing() {
        let site = |genotype| KnownSite { ln_likelihoods: [0.0, -40.0, -90.0], prior: hardy_weinberg(0.3), genotype };
        assert!(concordance((0..50).map(|_| site(0))) > 0.9999);
        assert!(concordance((0..50).map(|_| site(2))) < 1e-4);
        assert!(concordance(std::iter::empty()).is_nan());
    }
}
