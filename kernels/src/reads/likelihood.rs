//! From the bases of reads at a site of two alleles to the likelihoods of the three genotypes.
//!
//! Errors of bases are independent (McKenna et al. 2010, the GATK's model): a base of quality q is wrong with
//! e = 10^(−q/10), and then any of the three others alike:
//! P(b | allele a) = 1 − e if b = a, e/3 if not; P(b | g) = (2−g)/2 · P(b | REF) + g/2 · P(b | ALT), g ALT copies.
//! Another base than REF and ALT is as unlikely under every g, so that it says nothing.

/// What a base at a site shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Allele {
    /// REF.
    Reference = 0,
    /// ALT.
    Alternate = 1,
    /// Neither.
    Other = 2,
}

/// A base at a site with its quality. Sorted, they are grouped by allele and quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Observation(u16);

impl Observation {
    /// A base that shows `allele`, with the Phred-scaled probability `quality` that it is wrong.
    pub fn new(allele: Allele, quality: u8) -> Self {
        Self((allele as u16) << 8 | u16::from(quality))
    }

    /// The allele.
    pub fn allele(self) -> Allele {
        match self.0 >> 8 {
            0 => Allele::Reference,
            1 => Allele::Alternate,
            _ => Allele::Other,
        }
    }

    /// The quality.
    pub fn quality(self) -> u8 {
        (self.0 & 0xff) as u8
    }
}

/// Logarithms of the model's probabilities, by quality.
#[derive(Debug, Clone)]
pub struct LikelihoodTable {
    /// ln P(b | g) where b is REF, for g = 0, 1, 2; where it is ALT, the other way round.
    terms: Vec<[f64; 3]>,
}

impl Default for LikelihoodTable {
    fn default() -> Self {
        Self::new()
    }
}

impl LikelihoodTable {
    /// The highest probability of an error: a base that is no better than a guess.
    pub const MAX_ERROR: f64 = 0.75;

    /// The table.
    pub fn new() -> Self {
        let terms = (0..=u8::MAX).map(|quality| {
            let e = libm::pow(10.0, -f64::from(quality) / 10.0).min(Self::MAX_ERROR);
            [libm::log1p(-e), libm::log(0.5 - e / 3.0), libm::log(e / 3.0)]
        });
        Self { terms: terms.collect() }
    }

    /// ln P(observations | g) for g = 0, 1, 2, less the largest of the three; zeros without observations. `observations`
    /// are sorted, so that the sums have one order whichever way the reads came.
    pub fn likelihoods(&self, observations: &[Observation]) -> [f32; 3] {
        let mut sums = [0.0_f64; 3];
        for run in observations.chunk_by(|a, b| a == b) {
            let n = run.len() as f64;
            let [right, het, wrong] = self.terms[usize::from(run[0].quality())];
            match run[0].allele() {
                Allele::Reference => add(&mut sums, n, [right, het, wrong]),
                Allele::Alternate => add(&mut sums, n, [wrong, het, right]),
                Allele::Other => {}
            }
        }
        let largest = sums[0].max(sums[1]).max(sums[2]);
        sums.map(|sum| (sum - largest) as f32)
    }
}

fn add(sums: &mut [f64; 3], n: f64, terms: [f64; 3]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += n * term;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The model as it is written, a product of probabilities.
    fn oracle(observations: &[Observation]) -> [f64; 3] {
        let likelihood = |g: f64| {
            let ln = observations.iter().filter(|o| o.allele() != Allele::Other).map(|o| {
                let e = 10_f64.powf(-f64::from(o.quality()) / 10.0).min(0.75);
                let p = |a: Allele| if o.allele() == a { 1.0 - e } else { e / 3.0 };
                ((2.0 - g) / 2.0 * p(Allele::Reference) + g / 2.0 * p(Allele::Alternate)).ln()
            });
            ln.sum::<f64>()
        };
        let all = [likelihood(0.0), likelihood(1.0), likelihood(2.0)];
        let largest = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        all.map(|l| l - largest)
    }

    fn observation() -> impl Strategy<Value = Observation> {
        let allele = prop_oneof![Just(Allele::Reference), Just(Allele::Alternate), Just(Allele::Other)];
        (allele, 0_u8..94).prop_map(|(allele, quality)| Observation::new(allele, quality))
    }

    proptest! {
        #[test]
        fn prop_likelihoods_equal_the_model(mut observations in prop::collection::vec(observation(), 0..300)) {
            observations.sort_unstable();
            let got = LikelihoodTable::new().likelihoods(&observations);
            for (got, want) in got.into_iter().zip(oracle(&observations)) {
                prop_assert!((f64::from(got) - want).abs() <= 1e-6 * want.abs().max(1.0), "{got} {want}");
            }
        }

        #[test]
        fn prop_swapped_alleles_swap_genotypes(mut observations in prop::collection::vec(observation(), 0..50)) {
            observations.sort_unstable();
            let table = LikelihoodTable::new();
            let [a, b, c] = table.likelihoods(&observations);
            for o in &mut observations {
                let allele = match o.allele() {
                    Allele::Reference => Allele::Alternate,
                    Allele::Alternate => Allele::Reference,
                    Allele::Other => Allele::Other,
                };
                *o = Observation::new(allele, o.quality());
            }
            observations.sort_unstable();
            for (got, want) in table.likelihoods(&observations).into_iter().zip([c, b, a]) {
                prop_assert!((got - want).abs() <= 1e-5 * want.abs().max(1.0));
            }
        }
    }

    #[test]
    fn bases_that_say_nothing_leave_all_alike() {
        let table = LikelihoodTable::new();
        assert_eq!(table.likelihoods(&[]), [0.0; 3]);
        assert_eq!(table.likelihoods(&[Observation::new(Allele::Other, 40)]), [0.0; 3]);
        for quality in 0..=1 {
            let [a, b, c] = table.likelihoods(&[Observation::new(Allele::Alternate, quality)]);
            assert!((a - c).abs() < 0.2 && (b - c).abs() < 0.2, "{quality}");
        }
    }

    #[test]
    fn evidence_of_ten_bases_adds_up() {
        let observations = [Observation::new(Allele::Alternate, 37); 10];
        let [a, _, c] = LikelihoodTable::new().likelihoods(&observations);
        let phred = f64::from(c - a) * 10.0 / std::f64::consts::LN_10;
        assert!((phred - 417.7).abs() < 0.1, "{phred}");
    }
}
