//! CPU seconds of the parts of a run, each as what it grows with times the machine's rate.

use super::spectrum::Spectrum;
use super::{Assumptions, GenotypeFormat, MAX_CORRELATION_ORDER, Rates, StudySize, block_variants};

/// Samples of a dense variant whose genotype is not the shift, as a share.
const DENSE_NONZERO: f64 = 0.45;

/// CPU seconds by part. `opening` is each rank's, `correlation` rank 0's, `finalising_alone` rank 0's; the others are the
/// study's, whoever does them.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Work {
    /// Tables read by one thread: each rank.
    pub tables: f64,
    /// Null models, on all threads: each rank.
    pub null_model: f64,
    /// The traits' Gram matrix, on all threads of rank 0.
    pub gram: f64,
    /// Its eigenvalues, on a thread of rank 0 beside the shards.
    pub eigenvalues: f64,
    /// Reading, inflating and decoding genotypes.
    pub reading: f64,
    /// Score product and projection, dense and over carriers.
    pub products: f64,
    /// Patterns of missing trait values.
    pub masks: f64,
    /// Missing genotypes.
    pub missing_genotypes: f64,
    /// Effects, standard errors, histograms.
    pub pairs: f64,
    /// Spools written.
    pub spooling: f64,
    /// Matrices read from spools and written to results.h5.
    pub writing: f64,
    /// Spools scanned and variants written: rank 0's share cannot be dealt out.
    pub rows: f64,
}

/// Bytes that work goes with.
#[derive(Debug, Clone, Copy)]
pub struct Bytes {
    /// Of all spools.
    pub spool: f64,
    /// Of the matrices in results.h5.
    pub matrices: f64,
    /// Of a rank's memory.
    pub memory: f64,
    /// Shards of the input.
    pub n_shards: f64,
}

/// Bytes of residuals that stay in a cache from block to block.
const CACHED: f64 = 16e6;
/// Bytes of the traits' correlation from which its eigenvalues wait for memory, up to where they do nothing else, and how many
/// times longer they take then.
const EIGEN_CACHED: (f64, f64) = (24e6, 72e6);
const EIGEN_FROM_MEMORY: f64 = 2.6;

impl Work {
    /// Of a study whose data take so many bytes.
    pub fn new(size: &StudySize, assumed: &Assumptions, rates: &Rates, bytes: Bytes) -> Self {
        let counts = Counts::new(size, assumed);
        let Counts { n, m, t, k, .. } = counts;
        let order = n.min(t);
        let solves = order <= MAX_CORRELATION_ORDER as f64;
        let is_dosage = matches!(size.format, GenotypeFormat::VcfDosage | GenotypeFormat::BcfDosage);
        let looked_at = if is_dosage { rates.dosage } else { rates.call };
        let spectrum = counts.spectrum;
        let dense = n * (rates.packed + counts.columns * rates.dense_product + counts.padded * rates.dense_project);
        let sparse =
            n * (rates.carrier + counts.columns * rates.carrier_product + counts.padded * rates.carrier_project);
        let gaps = 1.0 + (rates.gaps - 1.0) * (1.0 - libm::exp(-n * assumed.missing_genotypes));
        let blocks = (m / counts.block_variants).max(bytes.n_shards.min(m));
        let from_memory =
            if 4.0 * n * counts.columns > CACHED { blocks * n * counts.columns * rates.stream } else { 0.0 };
        let (least, most) = EIGEN_CACHED;
        let spilled = ((8.0 * order * order - least) / (most - least)).clamp(0.0, 1.0);
        let eigen = rates.eigen * (1.0 + (EIGEN_FROM_MEMORY - 1.0) * spilled);
        Self {
            tables: rates.start + n * (t + k) * rates.table_cell + bytes.memory * rates.fresh_byte,
            null_model: n * t * (rates.null_value + counts.padded * rates.null_product),
            gram: if solves { n * t * rates.gram_value + n.max(t) * order * order * rates.gram_product } else { 0.0 },
            eigenvalues: if solves { order.powi(3) * eigen } else { 0.0 },
            reading: m * (rates.variant + n * rates.genotype(size.format) * gaps),
            products: m * (n * looked_at + spectrum.dense * dense + spectrum.carriers * sparse) + from_memory,
            masks: counts.masks(size, assumed, rates),
            missing_genotypes: counts.missing_genotypes(size, assumed, rates),
            pairs: m * t * rates.pair,
            spooling: bytes.spool * rates.spool_byte,
            writing: bytes.matrices * rates.result_byte,
            rows: m * rates.result_row,
        }
    }

    /// What every rank does before its first shard.
    pub fn opening(&self) -> f64 {
        self.tables + self.null_model
    }

    /// What is dealt out by shard.
    pub fn shards(&self) -> f64 {
        self.reading + self.products + self.masks + self.missing_genotypes + self.pairs + self.spooling
    }

    /// All of it, on so many ranks.
    pub fn total(&self, n_ranks: f64) -> f64 {
        n_ranks * self.opening() + self.gram + self.eigenvalues + self.shards() + self.writing + self.rows
    }
}

/// Sizes as the formulas name them.
struct Counts {
    n: f64,
    m: f64,
    t: f64,
    k: f64,
    /// Traits with the padding of their panels.
    columns: f64,
    /// Covariates, three columns more, and padding.
    padded: f64,
    block_variants: f64,
    spectrum: Spectrum,
}

impl Counts {
    fn new(size: &StudySize, assumed: &Assumptions) -> Self {
        Self {
            n: size.n_samples as f64,
            m: size.n_variants as f64,
            t: size.n_traits as f64,
            k: size.n_covariates as f64,
            columns: size.n_traits.next_multiple_of(8) as f64,
            padded: (size.n_covariates + 3).next_multiple_of(8) as f64,
            block_variants: block_variants(size.format.kind(), size.n_samples as usize) as f64,
            spectrum: Spectrum::neutral(size.n_samples, assumed.min_frequency, size.format),
        }
    }

    /// Carriers find the patterns that miss them; each pattern then solves for its covariates.
    fn masks(&self, size: &StudySize, assumed: &Assumptions, rates: &Rates) -> f64 {
        if size.n_masks <= 1 {
            return 0.0;
        }
        let masks = size.n_masks as f64;
        let missing = assumed.missing_traits.min(1.0 - assumed.missing_traits);
        let carriers = self.n * (self.spectrum.carriers + self.spectrum.dense * DENSE_NONZERO);
        let found = carriers * masks * missing * self.padded * rates.mask_entry;
        self.m * (found + masks * (rates.mask + self.k * self.k * rates.mask_square))
    }

    /// Dropped samples are taken off in the space of the covariates, for each pattern again.
    fn missing_genotypes(&self, size: &StudySize, assumed: &Assumptions, rates: &Rates) -> f64 {
        if assumed.missing_genotypes <= 0.0 {
            return 0.0;
        }
        let missing = self.n * assumed.missing_genotypes;
        // Variants that miss at least one.
        let variants = self.m * (1.0 - libm::exp(-missing));
        let each =
            if size.drops_missing { self.padded * (self.padded + self.columns) } else { self.padded + self.columns };
        let by_mask = if size.drops_missing && size.n_masks > 1 {
            size.n_masks as f64 * (rates.missing_mask + self.k.powi(3) * rates.missing_cube)
        } else {
            0.0
        };
        let pairs = if size.drops_missing { self.t * rates.missing_pair } else { 0.0 };
        variants * (missing * each * rates.missing_product + pairs + by_mask)
    }
}
