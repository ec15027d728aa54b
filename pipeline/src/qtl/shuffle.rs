//! Permutations by seed and phenotype: a phenotype's are the same whatever else is run, and wherever.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// The permutations of one phenotype, one after the other.
pub struct Shuffle(ChaCha8Rng);

impl Shuffle {
    /// Keyed by a hash of the seed and of the phenotype's ID.
    pub fn new(seed: u64, phenotype: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"norna cis permutations\n");
        hasher.update(seed.to_le_bytes());
        hasher.update(phenotype.as_bytes());
        Self(ChaCha8Rng::from_seed(hasher.finalize().into()))
    }

    /// Fills `order` with the next permutation of 0 to its length − 1 (Fisher and Yates; the bias is under n / 2³²).
    pub fn fill(&mut self, order: &mut [u32]) {
        (0..).zip(order.iter_mut()).for_each(|(i, place)| *place = i);
        for last in (1..order.len()).rev() {
            let below = last as u64 + 1;
            let at = (u64::from(self.0.next_u32()) * below) >> 32;
            order.swap(last, at as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_are_those_of_seed_and_phenotype() {
        let draw = |seed, id: &str| {
            let (mut shuffle, mut order) = (Shuffle::new(seed, id), vec![0; 50]);
            shuffle.fill(&mut order);
            let first = order.clone();
            shuffle.fill(&mut order);
            (first, order)
        };
        assert_eq!(draw(1, "A"), draw(1, "A"));
        assert_ne!(draw(1, "A"), draw(2, "A"));
        assert_ne!(draw(1, "A"), draw(1, "B"));
        let (first, second) = draw(1, "A");
        assert_ne!(first, second);
        for mut order in [first, second] {
            order.sort_unstable();
            assert_eq!(order, (0..50).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_order_is_as_likely() {
        let (mut shuffle, mut order, mut n) = (Shuffle::new(5, "x"), [0; 3], std::collections::BTreeMap::new());
        for _ in 0..60_000 {
            shuffle.fill(&mut order);
            *n.entry(order).or_insert(0) += 1;
        }
        // Of 6 orders, 10,000 times each with a standard deviation of 91.
        assert!(n.len() == 6 && n.values().all(|&n| (9_600..10_400).contains(&n)), "{n:?}");
    }
}
