//! Whose reads these are: evidence of reads for persons of a panel of known genotypes, the share of a foreign person among
//! them, and the share of sites where they agree with a person. (docs/identity.md has the formulas.)

pub mod concordance;
pub mod mixture;
pub mod panel;

/// Whole units of [`evidence`] in one nat.
pub const UNITS_PER_NAT: f64 = 65536.0;

/// Probabilities of 0, 1 and 2 copies of an allele of frequency `f` in Hardy-Weinberg proportions. `f` is kept off 0 and 1
/// by 0.001, so that no genotype is impossible.
#[must_use]
pub fn hardy_weinberg(f: f64) -> [f64; 3] {
    let f = if f.is_nan() { 0.5 } else { f.clamp(0.001, 0.999) };
    [(1.0 - f) * (1.0 - f), 2.0 * f * (1.0 - f), f * f]
}

/// Frequency of an allele seen `count` times among `total`, shrunk towards one half by half a copy of each allele
/// (Jeffreys' prior), so that a panel of few persons claims no certainty. One half without alleles.
#[must_use]
pub fn shrunk_frequency(count: f64, total: f64) -> f64 {
    (count + 0.5) / (total + 1.0)
}

/// Evidence of one site's reads that they come from a person who is on record with genotype 0, 1 or 2, against a person
/// drawn from the population: ln((1 − ε) P(reads | g) / Σ p(h) P(reads | h) + ε), in whole [`UNITS_PER_NAT`], so that sums
/// are exact in any order. ε: the share of records that are wrong, a wrong one being a draw from the population; it bounds
/// what a single site can say against a person. `ln_likelihoods`: ln P(reads | g) up to a constant; equal without reads,
/// which gives 0.
#[must_use]
pub fn evidence(ln_likelihoods: [f32; 3], prior: &[f64; 3], error_rate: f64) -> [i32; 3] {
    if ln_likelihoods[0] == ln_likelihoods[1] && ln_likelihoods[1] == ln_likelihoods[2] {
        return [0; 3];
    }
    let likelihoods = likelihoods(ln_likelihoods);
    let mean: f64 = prior.iter().zip(&likelihoods).map(|(p, l)| p * l).sum();
    likelihoods.map(|l| {
        let nats = libm::log((1.0 - error_rate) * l / mean + error_rate);
        libm::rint(nats * UNITS_PER_NAT) as i32
    })
}

/// Likelihoods from their logs, the largest being 1.
pub(crate) fn likelihoods(ln_likelihoods: [f32; 3]) -> [f64; 3] {
    let largest = ln_likelihoods.iter().fold(f32::NEG_INFINITY, |m, &l| m.max(l));
    ln_likelihoods.map(|l| libm::exp(f64::from(l) - f64::from(largest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_for_the_genotype_that_reads_show_and_bounded_by_the_error_rate() {
        let prior = hardy_weinberg(0.3);
        let [hom_ref, het, hom_alt] = evidence([0.0, -20.0, -90.0], &prior, 0.005);
        assert!((f64::from(hom_ref) / UNITS_PER_NAT - libm::log(0.995 / 0.49 + 0.005)).abs() < 1e-4);
        assert!((f64::from(hom_alt) / UNITS_PER_NAT - libm::log(0.005)).abs() < 1e-4);
        assert!((het - hom_alt).abs() <= 1);
        assert_eq!(evidence([0.0; 3], &prior, 0.005), [0; 3]);
    }

    #[test]
    fn expected_evidence_of_a_stranger_is_not_positive() {
        // Jensen: E over the population of ln(L(g)/Σ p L) is at most 0, whatever the reads show.
        for f in [0.05, 0.3, 0.8] {
            let prior = hardy_weinberg(f);
            for ln in [[0.0, -1.0, -5.0], [-3.0, 0.0, -2.0], [-9.0, -0.7, 0.0]] {
                let expected: f64 =
                    evidence(ln, &prior, 0.005).iter().zip(&prior).map(|(&e, p)| f64::from(e) * p).sum();
                assert!(expected <= 0.0, "{f} {ln:?} {expected}");
            }
        }
    }

    #[test]
    fn frequencies_of_few_people_are_not_certain() {
        assert!((shrunk_frequency(1.0, 6.0) - 1.5 / 7.0).abs() < 1e-12);
        assert!((shrunk_frequency(0.0, 0.0) - 0.5).abs() < 1e-12);
        assert!((hardy_weinberg(0.25).iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(hardy_weinberg(0.0)[2] > 0.0);
    }
}
