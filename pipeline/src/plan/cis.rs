//! What a search of cis windows takes beside reading and its nominal pass: the score products of permuted phenotypes.

use super::Rates;

/// The size of a search of cis windows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CisSize {
    /// Analysed samples.
    pub n_samples: u64,
    /// Phenotypes that have a window.
    pub n_phenotypes: u64,
    /// Variants of a window, in the mean.
    pub window_variants: f64,
    /// Permutations of each phenotype.
    pub permutations: u64,
}

impl CisSize {
    /// CPU seconds of the permutations: a multiplication and an addition for every (sample, variant of a window, permutation,
    /// phenotype), at the rate of the dense score product.
    pub fn permutation_seconds(&self, rates: &Rates) -> f64 {
        let products = self.n_samples as f64 * self.window_variants * self.permutations as f64;
        self.n_phenotypes as f64 * products * rates.dense_product
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_cost_two_operations_a_product() {
        let geuvadis = CisSize { n_samples: 358, n_phenotypes: 1, window_variants: 5000.0, permutations: 1000 };
        let rates = Rates { dense_product: 2.0 / 100e9, ..Rates::default() };
        assert!((geuvadis.permutation_seconds(&rates) - 0.0358).abs() < 1e-12);
        let twice = CisSize { n_phenotypes: 2, ..geuvadis };
        assert_eq!(twice.permutation_seconds(&rates), 2.0 * geuvadis.permutation_seconds(&rates));
    }
}
