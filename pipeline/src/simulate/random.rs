//! Random numbers by purpose: each stream is keyed by (seed, purpose, index), so that no draw depends on threads, on the
//! order of work or on how many draws another stream took.
//!
//! The generator is ChaCha with 8 rounds, whose output its specification fixes; logarithms and the like come from `libm`,
//! so a seed means the same bits on every machine.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Trees and mutations of a contig; index: the contig.
    Genealogy = 1,
    /// Which calls of a variant are missing; index: the variant.
    MissingCalls = 2,
    /// Imputation of a variant; index: the variant.
    Imputation = 3,
    /// Causal variants and effects of a quantitative trait; index: the trait.
    Effects = 4,
    /// The same of a two-valued trait.
    BinaryEffects = 5,
    /// Noise and missing values of a quantitative trait; index: trait and block of samples.
    Noise = 6,
    /// The same of a trait without planted effects.
    NullNoise = 7,
    /// The same of a two-valued trait.
    BinaryNoise = 8,
    /// Effects of covariates on a trait without planted effects; index: the trait.
    NullEffects = 9,
    /// Missing values that all traits share; index: the block of samples.
    SharedMissing = 10,
    /// A covariate; index: covariate and block of samples.
    Covariate = 11,
    /// Bases of the reference; index: contig and window.
    Reference = 12,
    /// Reads; index: file and contig.
    Reads = 13,
    /// Which files are swapped or contaminated.
    Mixing = 14,
    /// Which haplotype has the ALT of a heterozygous call; index: the variant.
    Phase = 15,
}

/// One stream of random numbers.
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of a purpose, with an index of two parts.
    pub fn new(seed: u64, purpose: Purpose, index: u64, part: u64) -> Self {
        let mut key = [0; 32];
        for (word, value) in key.chunks_exact_mut(8).zip([seed, purpose as u64, index, part]) {
            word.copy_from_slice(&value.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// 32 random bits.
    pub fn bits32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Uniform in [0, 1), 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform among 0 to `n` − 1; `n` at least 1. The bias is under n / 2⁶⁴.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Exponential with mean 1, 0 or more.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.uniform())
    }

    /// Two independent standard normals (Box and Muller 1958).
    pub fn normal_pair(&mut self) -> (f64, f64) {
        let radius = libm::sqrt(2.0 * self.exponential());
        let (sin, cos) = libm::sincos(core::f64::consts::TAU * self.uniform());
        (radius * cos, radius * sin)
    }

    /// Fills with standard normals.
    pub fn normals(&mut self, out: &mut [f64]) {
        for pair in out.chunks_mut(2) {
            let drawn = self.normal_pair();
            pair[0] = drawn.0;
            if let Some(second) = pair.get_mut(1) {
                *second = drawn.1;
            }
        }
    }

    /// Calls `hit` with each of 0 to `n` − 1 that is chosen, each with probability `p`, in ascending order: the gaps are
    /// geometric.
    pub fn choose_each(&mut self, n: usize, p: f64, mut hit: impl FnMut(usize)) {
        if p <= 0.0 {
            return;
        }
        let scale = -1.0 / libm::log1p(-p);
        let mut at = 0.0;
        loop {
            at += libm::floor(self.exponential() * scale);
            if at >= n as f64 {
                return;
            }
            hit(at as usize);
            at += 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_fixed_for_all_time() {
        let mut stream = Stream::new(1, Purpose::Genealogy, 0, 0);
        let drawn: Vec<u32> = (0..3).map(|_| stream.bits32()).collect();
        let mut again = Stream::new(1, Purpose::Genealogy, 0, 0);
        assert_eq!(drawn, [again.bits32(), again.bits32(), again.bits32()]);
        assert_ne!(drawn[0], Stream::new(1, Purpose::Genealogy, 0, 1).bits32());
        assert_ne!(drawn[0], Stream::new(1, Purpose::Imputation, 0, 0).bits32());
        assert_ne!(drawn[0], Stream::new(2, Purpose::Genealogy, 0, 0).bits32());
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut stream = Stream::new(7, Purpose::Noise, 0, 0);
        let n = 100_000;
        let mut normals = vec![0.0; n];
        stream.normals(&mut normals);
        let mean = normals.iter().sum::<f64>() / n as f64;
        let square = normals.iter().map(|x| x * x).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.02 && (square - 1.0).abs() < 0.03, "{mean} {square}");
        let mean = (0..n).map(|_| stream.exponential()).sum::<f64>() / n as f64;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        let mut chosen = 0;
        stream.choose_each(n, 0.01, |_| chosen += 1);
        assert!((850..1150).contains(&chosen), "{chosen}");
    }
}
