//! Peak memory of a rank: what is allocated in each phase, from sizes alone (docs/performance.md).

use norna_kernels::GenotypeKind;

use crate::store::TALLY_BINS;

/// Most traits (or samples, whichever are fewer) for which eigenvalues are taken: the work grows with the cube.
pub const MAX_CORRELATION_ORDER: usize = 4096;

/// Bytes of program, libraries and buffers that do not grow with the study, at most.
const BASE_AT_MOST: u64 = 47 << 20;
/// What they are found to be.
const BASE: u64 = 33 << 20;
/// Bands of the results that threads have in hand at most, unless a single one is larger.
const BANDS: u64 = 512 << 20;
/// Decompression, one shard's reader and its lines, per thread.
const READER: u64 = 1 << 20;
/// Samples and dense variants of a strip of packed genotypes, f32.
const STRIP: u64 = 4 * 1024 * 128;
/// Sums of the score product's chunk, f64.
const SUMS: u64 = 1 << 20;

/// Variants in a block: enough to fill the score product's tiles with those that are not rare, and 8 MiB of genotypes at
/// most. Changes no result.
pub fn block_variants(kind: GenotypeKind, n_samples: usize) -> usize {
    let bytes = bytes_of(kind) as usize;
    ((8 << 20) / (bytes * n_samples).max(1)).clamp(64, 512)
}

fn bytes_of(kind: GenotypeKind) -> u64 {
    match kind {
        GenotypeKind::Calls => 1,
        GenotypeKind::Dosages => 4,
    }
}

/// What a rank's memory grows with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryShape {
    /// Analysed samples.
    pub n_samples: u64,
    /// Traits.
    pub n_traits: u64,
    /// Patterns of missing trait values.
    pub n_masks: u64,
    /// Samples that the patterns list.
    pub n_mask_entries: u64,
    /// Covariates with the intercept.
    pub n_covariates: u64,
    /// What a genotype is held as.
    pub kind: GenotypeKind,
    /// Threads of the rank.
    pub threads: u64,
    /// Bytes of a stream's batches in flight; 0 for files that are cut into shards.
    pub batches: u64,
}

impl MemoryShape {
    /// Bytes that a rank's peak stays under.
    pub fn at_most(&self) -> u64 {
        let block = self.block_variants();
        let genotypes = 4 * self.n_samples * block;
        let rows = 32 * block * self.n_traits;
        let testing = self.threads * (genotypes + rows + 4 * self.tally() + READER);
        self.batches
            + BASE_AT_MOST
            + 2 * self.traits()
            + self.covariates()
            + self.masks()
            + self.correlation()
            + testing.max(self.writing())
    }

    /// Bytes that it is likely to be: values and residuals are held together only while the null model is fitted, the
    /// eigenvalues' matrix lives into the test, and what is written or tested comes after.
    pub fn expected(&self) -> u64 {
        let block = self.block_variants();
        let genotypes = bytes_of(self.kind) * self.n_samples * block;
        let sums = 8 * (SUMS / self.n_traits.max(1)).clamp(126, 512) * self.n_traits;
        let rows = 24 * block * self.n_traits;
        let testing = self.threads * (genotypes + rows + sums + STRIP + 4 * self.tally() + READER);
        let fitting = 8 * self.n_samples * self.n_traits;
        self.batches
            + BASE
            + self.residuals()
            + self.covariates()
            + self.masks()
            + self.correlation()
            + fitting.max(testing).max(self.writing())
    }

    fn block_variants(&self) -> u64 {
        block_variants(self.kind, self.n_samples as usize) as u64
    }

    /// Twice f32, in panels of 32 traits, the last of 8 or 16 where they suffice.
    fn residuals(&self) -> u64 {
        let last = match self.n_traits % 32 {
            0 => 0,
            1..=8 => 8,
            9..=16 => 16,
            _ => 32,
        };
        8 * self.n_samples * (self.n_traits / 32 * 32 + last)
    }

    /// Values or residuals, at most.
    fn traits(&self) -> u64 {
        8 * self.n_samples * self.n_traits.next_multiple_of(32)
    }

    fn covariates(&self) -> u64 {
        8 * self.n_samples * self.n_covariates
    }

    fn masks(&self) -> u64 {
        8 * self.n_mask_entries + self.n_masks * (self.n_samples / 8 + 8 * self.n_covariates * self.n_covariates)
    }

    fn correlation(&self) -> u64 {
        let order = self.n_traits.min(self.n_samples);
        if order <= MAX_CORRELATION_ORDER as u64 { 16 * order * order } else { 0 }
    }

    fn tally(&self) -> u64 {
        TALLY_BINS as u64 * self.n_traits
    }

    fn writing(&self) -> u64 {
        let band = 2 * 4 * 1024 * self.n_traits;
        8 * 3 * self.tally() + (self.threads * band).min(band.max(BANDS))
    }
}
