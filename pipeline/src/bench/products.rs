//! The test of a block against all traits, taken apart by blocks that differ in one thing: frequency, traits, covariates,
//! missing values.

use std::sync::Arc;

use norna_kernels::{
    AlleleCounts, CovariateBasis, GenotypeBlock, GenotypeKind, LinearRows, LinearScratch, LinearTest, MISSING_CALL,
    MissingPolicy, NullModel, allele_counts,
};

use super::timer::Effort;
use crate::plan::Rates;
use crate::store::{Bins, TraitInfo};

/// Frequencies of blocks: dense, summed over carriers, and nearly nobody.
const DENSE: f64 = 0.5;
const SPARSE: f64 = 0.05;
const EMPTY: f64 = 1e-9;

/// splitmix64 to numbers in [0, 1).
pub struct Uniform(pub u64);

impl Uniform {
    /// The next one.
    pub fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Columns of random numbers, a share of them missing.
pub fn columns(n_samples: usize, n_columns: usize, missing: f64, seed: u64) -> Vec<Vec<f64>> {
    let mut uniform = Uniform(seed);
    let mut value = || if uniform.draw() < missing { f64::NAN } else { uniform.draw() };
    (0..n_columns).map(|_| (0..n_samples).map(|_| value()).collect()).collect()
}

/// A null model of random traits and covariates.
pub fn null_model(n_samples: usize, n_traits: usize, n_covariates: usize, missing: f64) -> NullModel {
    let (covariates, traits) = (columns(n_samples, n_covariates, 0.0, 1), columns(n_samples, n_traits, missing, 2));
    let covariates: Vec<&[f64]> = covariates.iter().map(Vec::as_slice).collect();
    let traits: Vec<&[f64]> = traits.iter().map(Vec::as_slice).collect();
    NullModel::fit(&Arc::new(CovariateBasis::new(n_samples, &covariates).0), &traits, None)
}

/// Genotypes of one frequency.
pub struct Genotypes {
    block: GenotypeBlock,
    counts: Vec<AlleleCounts>,
    /// Samples whose genotype is not the commonest one, all variants together.
    n_carriers: f64,
}

impl Genotypes {
    /// Calls, or dosages that are calls, a share of them missing; each variant has a carrier at least.
    pub fn new(kind: GenotypeKind, (n_samples, n_variants): (usize, usize), frequency: f64, missing: f64) -> Self {
        let mut uniform = Uniform(3);
        let mut block = GenotypeBlock::new(kind, n_samples, n_variants);
        let mut n_carriers = 0.0;
        for _ in 0..n_variants {
            let mut calls: Vec<u8> = (0..n_samples)
                .map(|_| {
                    let (u, lost) = (uniform.draw(), missing > 0.0 && uniform.draw() < missing);
                    let copies = u8::from(u < frequency * (2.0 - frequency)) + u8::from(u < frequency * frequency);
                    if lost { MISSING_CALL } else { copies }
                })
                .collect();
            calls[0] = 1;
            n_carriers += calls.iter().filter(|&&call| call == 1 || call == 2).count() as f64;
            match kind {
                GenotypeKind::Calls => block.push_calls().copy_from_slice(&calls),
                GenotypeKind::Dosages => {
                    let value = |call: u8| if call == MISSING_CALL { f32::NAN } else { f32::from(call) };
                    block.push_dosages().iter_mut().zip(calls).for_each(|(out, call)| *out = value(call));
                }
            }
        }
        let counts = (0..n_variants).map(|v| allele_counts(&block, v, None)).collect();
        Self { block, counts, n_carriers }
    }
}

/// Tests a block, rows and histograms, as a worker does.
pub struct Bench<'a> {
    test: LinearTest<'a>,
    bins: Bins,
    tally: Vec<u32>,
    scratch: LinearScratch,
    rows: LinearRows,
}

impl<'a> Bench<'a> {
    /// Against the traits of a null model.
    pub fn new(null: &'a NullModel) -> Self {
        let test = LinearTest::new(null, MissingPolicy::Drop, 5.0);
        let infos: Vec<TraitInfo> = (0..null.n_traits())
            .map(|t| TraitInfo {
                name: String::new(),
                n: null.n_observed(t),
                mask: null.mask_of(t),
                df_covariates: null.n_covariates(null.mask_of(t)),
                status: null.trait_status(t).code(),
                mean: f64::NAN,
                sd: f64::NAN,
                normal: false,
            })
            .collect();
        let bins = Bins::new(&infos);
        Self { tally: bins.tally(), scratch: LinearScratch::new(&test), rows: LinearRows::new(), bins, test }
    }

    /// One block.
    pub fn run(&mut self, genotypes: &Genotypes) {
        self.test.test_block(&genotypes.block, &genotypes.counts, &mut self.scratch, &mut self.rows);
        self.bins.count(&self.rows.beta, &self.rows.se, &mut self.tally);
    }
}

/// What the test of blocks came to, beside the rates.
#[derive(Debug, Clone, Copy)]
pub struct Products {
    /// Operations a second of the dense score product alone.
    pub dense_flops: f64,
    /// Operations a second of the whole test of a dense block against many traits.
    pub test_flops: f64,
}

/// Sizes of the blocks.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Samples.
    pub n_samples: usize,
    /// Variants of a block.
    pub n_variants: usize,
    /// Many traits.
    pub n_traits: usize,
}

/// Covariates' padded columns with few and with many of them: 8 and 32, three of which are no covariate's.
const FEW: (usize, f64) = (3, 8.0);
const MANY: (usize, f64) = (27, 32.0);
const FEW_TRAITS: usize = 8;

/// Measures the rates of everything that the test does.
pub fn measure(sizes: Sizes, effort: Effort, rates: &mut Rates) -> Products {
    let Sizes { n_samples, n_variants, n_traits } = sizes;
    let shape = (n_samples, n_variants);
    let seconds = |genotypes: &Genotypes, null: &NullModel| {
        let mut bench = Bench::new(null);
        effort.least(|| bench.run(genotypes))
    };
    let (few, many) = (null_model(n_samples, FEW_TRAITS, FEW.0, 0.0), null_model(n_samples, n_traits, FEW.0, 0.0));
    let covariates = null_model(n_samples, FEW_TRAITS, MANY.0, 0.0);
    let of = |frequency| Genotypes::new(GenotypeKind::Calls, shape, frequency, 0.0);
    let (empty, sparse, dense) = (of(EMPTY), of(SPARSE), of(DENSE));
    let [m, n] = [n_variants as f64, n_samples as f64];
    let more_traits = (n_traits - FEW_TRAITS) as f64;
    let more_columns = (n_traits.next_multiple_of(8) - FEW_TRAITS) as f64;
    let more_padded = MANY.1 - FEW.1;

    let (empty_few, empty_many) = (seconds(&empty, &few), seconds(&empty, &many));
    rates.call = positive(empty_few / (m * n));
    rates.pair = positive((empty_many - empty_few) / (m * more_traits));
    let pairs = m * more_traits * rates.pair;
    let (sparse_few, dense_few) = (seconds(&sparse, &few), seconds(&dense, &few));
    let (sparse_many, dense_many) = (seconds(&sparse, &many), seconds(&dense, &many));
    rates.carrier_product = positive((sparse_many - sparse_few - pairs) / (sparse.n_carriers * more_columns));
    rates.dense_product = positive((dense_many - dense_few - pairs) / (m * n * more_columns));
    rates.carrier_project = positive((seconds(&sparse, &covariates) - sparse_few) / (sparse.n_carriers * more_padded));
    rates.dense_project = positive((seconds(&dense, &covariates) - dense_few) / (m * n * more_padded));
    let known = FEW_TRAITS as f64 * rates.dense_product + FEW.1 * rates.dense_project;
    rates.packed = positive((dense_few - empty_few) / (m * n) - known);
    let known = FEW_TRAITS as f64 * rates.carrier_product + FEW.1 * rates.carrier_project;
    rates.carrier = positive((sparse_few - empty_few) / sparse.n_carriers - known);
    let dosages = Genotypes::new(GenotypeKind::Dosages, shape, EMPTY, 0.0);
    rates.dosage = positive(seconds(&dosages, &few) / (m * n));
    masks(sizes, &seconds, (&sparse, sparse_few, sparse_many), rates);
    missing_genotypes(sizes, &seconds, rates);
    stream(sizes, effort, rates);
    rates.fresh_byte = fresh_byte(effort);
    Products { dense_flops: 2.0 / rates.dense_product, test_flops: 2.0 * m * n * n_traits as f64 / dense_many }
}

/// Traits with patterns of their own: few missing values and many, few covariates and many.
fn masks(
    sizes: Sizes,
    seconds: &dyn Fn(&Genotypes, &NullModel) -> f64,
    (sparse, few, many): (&Genotypes, f64, f64),
    rates: &mut Rates,
) {
    const PATTERNS: usize = 64;
    let (n, m, masks) = (sizes.n_samples, sizes.n_variants as f64, PATTERNS as f64);
    let time = |missing, covariates| seconds(sparse, &null_model(n, PATTERNS, covariates, missing));
    let (seldom, often) = (time(SELDOM, FEW.0), time(OFTEN, FEW.0));
    let entries = sparse.n_carriers * masks;
    rates.mask_entry = positive((often - seldom) / (entries * FEW.1 * (OFTEN - SELDOM)));
    // What the same traits cost without patterns.
    let share = (PATTERNS - FEW_TRAITS) as f64 / (sizes.n_traits - FEW_TRAITS) as f64;
    let plain = few + (many - few) * share;
    let found = entries * SELDOM * rates.mask_entry;
    let each = (seldom - plain - found * FEW.1) / (m * masks);
    let projected = sparse.n_carriers * (MANY.1 - FEW.1) * rates.carrier_project;
    let more = time(SELDOM, MANY.0) - seldom - found * (MANY.1 - FEW.1) - projected;
    let (few, many) = (squared(FEW.0), squared(MANY.0));
    rates.mask_square = positive(more / (m * masks * (many - few)));
    rates.mask = positive(each - few * rates.mask_square);
}

/// Shares of trait values that are missing.
const SELDOM: f64 = 0.004;
const OFTEN: f64 = 0.1;

/// Covariates with the intercept, squared.
fn squared(n_covariates: usize) -> f64 {
    (n_covariates as f64 + 1.0).powi(2)
}

/// Blocks in which one call of two hundred is missing, and of fifty.
fn missing_genotypes(sizes: Sizes, seconds: &dyn Fn(&Genotypes, &NullModel) -> f64, rates: &mut Rates) {
    const TRAITS: usize = 64;
    let n_variants = sizes.n_variants / 2;
    let (n, m) = (sizes.n_samples as f64, n_variants as f64);
    let of = |missing| Genotypes::new(GenotypeKind::Calls, (sizes.n_samples, n_variants), EMPTY, missing);
    let [none, seldom, often] = [of(0.0), of(0.005), of(0.02)];
    let null = null_model(sizes.n_samples, TRAITS, FEW.0, 0.0);
    let [plain, some, more] = [&none, &seldom, &often].map(|block| seconds(block, &null));
    let each = FEW.1 * (FEW.1 + TRAITS as f64);
    rates.missing_product = positive((more - some) / (m * n * 0.015 * each));
    let summed = m * n * 0.005 * each * rates.missing_product;
    rates.missing_pair = positive((some - plain - summed) / (m * TRAITS as f64));
    // What patterns add to that, beyond what they cost without missing genotypes.
    let by_mask = |(n_covariates, padded): (usize, f64)| {
        let own = null_model(sizes.n_samples, TRAITS, n_covariates, SELDOM);
        let summed = m * n * 0.005 * padded * (padded + TRAITS as f64) * rates.missing_product;
        let pairs = m * TRAITS as f64 * rates.missing_pair;
        (seconds(&seldom, &own) - seconds(&none, &own) - summed - pairs) / (m * TRAITS as f64)
    };
    let (few, many) = (by_mask(FEW), by_mask(MANY));
    let cubed = |n_covariates: usize| (n_covariates as f64 + 1.0).powi(3);
    rates.missing_cube = positive((many - few) / (cubed(MANY.0) - cubed(FEW.0)));
    rates.missing_mask = positive(few - cubed(FEW.0) * rates.missing_cube);
}

/// More residuals than caches hold, and so few variants that fetching them is what takes time.
fn stream(sizes: Sizes, effort: Effort, rates: &mut Rates) {
    const VARIANTS: usize = 14;
    let (n, t) = (sizes.n_samples, STREAMED / (4 * sizes.n_samples) / 32 * 32);
    let null = null_model(n, t, FEW.0, 0.0);
    let genotypes = Genotypes::new(GenotypeKind::Calls, (n, VARIANTS), DENSE, 0.0);
    let mut bench = Bench::new(&null);
    let seconds = effort.least(|| bench.run(&genotypes));
    let (m, n, t) = (VARIANTS as f64, n as f64, t as f64);
    let computed = m * (n * t * rates.dense_product + t * rates.pair);
    rates.stream = positive((seconds - computed) / (n * t));
}

/// Bytes of residuals.
const STREAMED: usize = 96 << 20;

/// CPU seconds a byte of memory that is touched for the first time.
fn fresh_byte(effort: Effort) -> f64 {
    let n = 64 << 20;
    effort.least(|| drop(std::hint::black_box(vec![1u8; n]))) / n as f64
}

/// A difference of two measurements that noise may have made negative.
pub fn positive(seconds: f64) -> f64 {
    seconds.max(1e-14)
}
