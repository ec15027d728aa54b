//! What a search of cis windows takes: the score products of permuted phenotypes, and windows read.

use norna_kernels::GenotypeKind;
use serde::Serialize;

use super::{Assumptions, Forecast, NodeLayout, Prediction, Range, Rates, StudySize, forecast};

/// Program, libraries, buffers of a rank.
const RANK_BYTES: f64 = (40u64 << 20) as f64;
/// Bytes of a phenotype's best variant in cis.h5.
const ROW_BYTES: f64 = 400.0;
/// Bases of the autosomes and X, over which variants are spread evenly.
const GENOME: f64 = 2.9e9;
/// Genotypes that a thread keeps, and permuted phenotypes that it holds at once (run/qtl).
const KEPT_BYTES: f64 = (1u64 << 30) as f64;
const PERMUTED_BYTES: f64 = (64u64 << 20) as f64;

/// The size of a search of cis windows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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

/// What it costs in one layout.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CisForecast {
    /// CPU seconds of all ranks.
    pub cpu_seconds: Range,
    /// From start to end, seconds, where phenotypes are at least as many as threads.
    pub wall_seconds: Range,
    /// Bytes of a thread at most, beside the phenotypes, which every rank holds in f64.
    pub memory_per_thread_bytes: f64,
}

impl CisSize {
    /// Of a study whose traits all have a window of `window` bases to either side.
    pub fn of(size: &StudySize, window: u32, permutations: u64) -> Self {
        let share = (2.0 * f64::from(window) / GENOME).min(1.0);
        Self {
            n_samples: size.n_samples,
            n_phenotypes: size.n_traits,
            window_variants: size.n_variants as f64 * share,
            permutations,
        }
    }

    /// CPU seconds of the permutations: a multiplication and an addition for every (sample, variant of a window, permutation,
    /// phenotype), at the rate of the dense score product.
    pub fn permutation_seconds(&self, rates: &Rates) -> f64 {
        let products = self.n_samples as f64 * self.window_variants * self.permutations as f64;
        self.n_phenotypes as f64 * products * rates.dense_product
    }

    /// As [`super::predict`], of `norna qtl` near genes. Pairs that `--nominal` keeps are not counted.
    pub fn predict(&self, size: &StudySize, rates: &Rates, layout: &NodeLayout) -> Prediction {
        let whole = forecast(size, &Assumptions::default(), rates, layout);
        let own = self.forecast(size, &whole, rates, layout);
        let phenotypes = 8.0 * (self.n_samples * self.n_phenotypes) as f64;
        let threads = f64::from(layout.threads_per_rank);
        let memory = RANK_BYTES + 2.0 * phenotypes + threads * own.memory_per_thread_bytes;
        let rows = self.n_phenotypes as f64 * ROW_BYTES;
        Prediction {
            cpu_seconds: own.cpu_seconds,
            wall_seconds: own.wall_seconds,
            memory_per_rank_bytes: Range { expected: memory, least: memory / 2.0, most: memory * 1.15 },
            output_bytes: Range::within(rows, 2.0),
            spool_bytes: Range::within(rows, 2.0),
            ..whole.prediction
        }
    }

    /// What it costs, given what the whole study would: of its reading, each window's share.
    pub fn forecast(&self, size: &StudySize, whole: &Forecast, rates: &Rates, layout: &NodeLayout) -> CisForecast {
        let windows = self.n_phenotypes as f64 * self.window_variants / size.n_variants as f64;
        let cpu = self.permutation_seconds(rates) + windows * whole.work.reading;
        let ranks = f64::from(layout.nodes) * f64::from(layout.ranks_per_node);
        let threads = (ranks * f64::from(layout.threads_per_rank)).min(self.n_phenotypes as f64).max(1.0);
        let genotype = match size.format.kind() {
            GenotypeKind::Calls => 1.0,
            GenotypeKind::Dosages => 4.0,
        };
        let kept = (self.window_variants * self.n_samples as f64 * genotype * 1.5).min(KEPT_BYTES);
        CisForecast {
            cpu_seconds: Range::within(cpu, rates.doubt),
            wall_seconds: Range::within(cpu / threads, rates.doubt),
            memory_per_thread_bytes: kept + PERMUTED_BYTES + 12.0 * self.window_variants,
        }
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
