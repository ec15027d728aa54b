//! How common the variants are: the share that is summed densely, and the carriers of the rest. Costs hang on it more than on
//! anything else that a plan does not see.
//!
//! Allele counts follow 1/i, as in a population of constant size (Watterson 1975; Fu 1995) and as `norna simulate` draws
//! them. Real cohorts of whole genomes have more rare variants than that, imputed data filtered by frequency fewer.

use super::GenotypeFormat;

/// A share 1/this of samples that differ from the commonest genotype makes a variant dense (`norna_kernels`' choice).
const DENSE_FROM: f64 = 4.0;
/// Euler's constant: Σ 1/i up to n is ln n + γ.
const EULER: f64 = 0.577_215_664_901_532_9;
/// Dosages of a rare variant that are not the commonest one, as a share, and how it grows with the minor allele frequency: as
/// `norna simulate` imputes.
const IMPUTED: (f64, f64) = (0.05, 3.2);

/// What a mean variant looks like to the score product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spectrum {
    /// Share of variants on the dense path.
    pub dense: f64,
    /// Samples that differ from the commonest genotype, as a share, mean over all variants, those on the dense path as 0.
    pub carriers: f64,
    /// Mean of 2p(1−p) over variants: what compressed genotypes grow with.
    pub heterozygosity: f64,
}

impl Spectrum {
    /// Of variants with a minor allele frequency of at least `min_frequency` among `n_samples` people.
    pub fn neutral(n_samples: u64, min_frequency: f64, format: GenotypeFormat) -> Self {
        // The integral from here is Σ 1/i from 1.
        let lowest = libm::exp(-EULER) / (2.0 * n_samples.max(1) as f64);
        let low = min_frequency.clamp(lowest.min(0.25), 0.499);
        let total = libm::log((1.0 - low) / low);
        let share = match format {
            GenotypeFormat::Vcf | GenotypeFormat::Bcf => calls(low),
            GenotypeFormat::VcfDosage | GenotypeFormat::BcfDosage => dosages(low),
        };
        let heterozygosity = (1.0 - 2.0 * low) / total;
        Self { dense: (1.0 - share.0 / total).max(0.0), carriers: share.1 / total, heterozygosity }
    }
}

/// ∫ over sparse frequencies of 1/p, and of carriers/p, from `low` on, both ends.
fn calls(low: f64) -> (f64, f64) {
    // Where 1 − (1−p)² is the border's share.
    let border = 1.0 - libm::sqrt(1.0 - 1.0 / DENSE_FROM);
    if low >= border {
        return (0.0, 0.0);
    }
    // ALT is rare: carriers 2p − p².
    let rare = (libm::log(border / low), 2.0 * (border - low) - (border * border - low * low) / 2.0);
    // REF is rare: carriers 1 − p².
    let (from, to) = (1.0 - border, 1.0 - low);
    let common = (libm::log(to / from), libm::log(to / from) - (to * to - from * from) / 2.0);
    (rare.0 + common.0, rare.1 + common.1)
}

fn dosages(low: f64) -> (f64, f64) {
    let (least, slope) = IMPUTED;
    let border = (1.0 / DENSE_FROM - least) / slope;
    if low >= border {
        return (0.0, 0.0);
    }
    // Over minor allele frequencies m, ALT's and REF's: 1/m + 1/(1−m), and m times that.
    let both = libm::log((1.0 - low) / (1.0 - border));
    let weight = libm::log(border / low) + both;
    (weight, least * weight + slope * both)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums over allele counts, one by one.
    fn summed(n: u64, min_frequency: f64) -> Spectrum {
        let (mut total, mut dense, mut carriers, mut het) = (0.0, 0.0, 0.0, 0.0);
        for i in 1..2 * n {
            let (p, weight) = (i as f64 / (2 * n) as f64, 1.0 / i as f64);
            if p.min(1.0 - p) < min_frequency {
                continue;
            }
            total += weight;
            het += weight * 2.0 * p * (1.0 - p);
            let c = match p {
                _ if p < 0.25 => 2.0 * p - p * p,
                _ if p > 0.75 => 1.0 - p * p,
                _ => 1.0 - 2.0 * p * (1.0 - p),
            };
            if c < 0.25 { carriers += weight * c } else { dense += weight }
        }
        Spectrum { dense: dense / total, carriers: carriers / total, heterozygosity: het / total }
    }

    #[test]
    fn integrals_are_the_sums_over_allele_counts() {
        for (n, low) in [(1000, 0.0), (50_000, 0.0), (20_000, 0.01), (20_000, 0.05)] {
            let (got, want) = (Spectrum::neutral(n, low, GenotypeFormat::Bcf), summed(n, low));
            for (got, want) in
                [(got.dense, want.dense), (got.carriers, want.carriers), (got.heterozygosity, want.heterozygosity)]
            {
                assert!((got / want - 1.0).abs() < 0.03, "{n} {low}: {got} {want}");
            }
        }
    }

    #[test]
    fn common_variants_are_all_dense() {
        for format in [GenotypeFormat::Vcf, GenotypeFormat::BcfDosage] {
            let spectrum = Spectrum::neutral(10_000, 0.3, format);
            assert_eq!((spectrum.dense, spectrum.carriers), (1.0, 0.0));
        }
    }
}
