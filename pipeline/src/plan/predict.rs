//! From a study's size to what a job of it takes: CPU time by [`Work`], the clock by who waits for whom, bytes and files.

use super::work::Bytes;
use super::{
    Assumptions, GenotypeFormat, MemoryShape, NodeLayout, Prediction, Range, Rates, Spectrum, StudySize, Work,
};
use crate::shard::default_shard_bytes;
use crate::store::{SizeRange, Store, results_bytes};

/// Bytes of a genotype in a bgzipped file, for each unit of mean heterozygosity: as `norna simulate` writes calls.
const VCF_BYTES: f64 = 1.72;
const BCF_BYTES: f64 = 1.42;
/// Bytes of a genotype with a dosage beside the call.
const DOSAGE_BYTES: f64 = 0.88;
/// Times more or less that input files may take: other fields of FORMAT, other levels of compression, rarer variants.
const INPUT_DOUBT: f64 = 3.0;
/// Bytes of a variant in a spool beside its numbers.
const SPOOLED_VARIANT: f64 = 110.0;
/// Bytes of a spool for a bin of a trait's histograms that a shard has filled, and how many a shard can fill.
const SPOOLED_BIN: f64 = 2.5;
const FILLED_BINS: f64 = 260.0;
/// Times slower or faster than expected that a shared file system may be.
const FILE_SYSTEM_DOUBT: f64 = 5.0;
/// Times that memory may be under and over what is expected.
const MEMORY_DOUBT: f64 = 1.15;
/// Times that results may be under and over what is expected: long alleles and IDs, hits.
const OUTPUT_DOUBT: f64 = 1.02;
/// Seconds to start ranks that a launcher spreads over nodes.
const LAUNCH: f64 = 2.0;
/// Seconds of rank 0 for a shard: a claim answered, its frames indexed.
const CLAIM: f64 = 5e-5;
/// Files beside one spool a rank: lock, run.json, attempt.json, results in the making, log, claims.
const FILES: u64 = 8;

/// A prediction, and what makes up its CPU time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// The prediction.
    pub prediction: Prediction,
    /// CPU seconds by part, without crowding.
    pub work: Work,
    /// Shards that the input is cut into.
    pub n_shards: u64,
}

/// What a study takes in one layout, if variants are as in a population and nothing is missing.
pub fn predict(size: &StudySize, rates: &Rates, layout: &NodeLayout) -> Prediction {
    forecast(size, &Assumptions::default(), rates, layout).prediction
}

/// As [`predict`], where more is known.
pub fn forecast(size: &StudySize, assumed: &Assumptions, rates: &Rates, layout: &NodeLayout) -> Forecast {
    let input = input_bytes(size, assumed);
    let n_shards = shards(input.expected);
    let output = output_bytes(size, assumed);
    let matrices = matrix_bytes(size);
    let spool = spool_bytes(size, output.least, matrices, n_shards as f64);
    let memory = memory_shape(size, assumed, layout);
    let expected = memory.expected() as f64;
    let bytes = Bytes { spool: spool.expected, matrices, memory: expected, n_shards: n_shards as f64 };
    let work = Work::new(size, assumed, rates, bytes);
    let n_ranks = u64::from(layout.nodes.max(1)) * u64::from(layout.ranks_per_node.max(1));
    let crowded = if layout.ranks_per_node * layout.threads_per_rank > 1 { rates.crowding } else { 1.0 };
    let cpu = work.total(n_ranks as f64) * crowded;
    let clock = Clock { work: &work, rates, layout, matrices, n_shards: n_shards as f64 };
    let prediction = Prediction {
        cpu_seconds: Range { expected: cpu, least: cpu / rates.doubt, most: cpu * rates.doubt },
        wall_seconds: Range {
            expected: clock.seconds(crowded, 1.0),
            least: clock.seconds(crowded / rates.doubt, 1.0 / FILE_SYSTEM_DOUBT),
            most: clock.seconds(crowded * rates.doubt, FILE_SYSTEM_DOUBT),
        },
        memory_per_rank_bytes: Range {
            expected,
            least: expected / MEMORY_DOUBT,
            most: (expected * MEMORY_DOUBT).max(memory.at_most() as f64),
        },
        input_bytes: input,
        output_bytes: output,
        spool_bytes: spool,
        files: n_ranks + FILES,
    };
    Forecast { prediction, work, n_shards }
}

/// The clock of a run: what each rank does for itself, what is dealt out, what only rank 0 does.
struct Clock<'a> {
    work: &'a Work,
    rates: &'a Rates,
    layout: &'a NodeLayout,
    matrices: f64,
    n_shards: f64,
}

impl Clock<'_> {
    /// Seconds, with all CPU times taken `times` and the file system so many times slower than expected.
    fn seconds(&self, times: f64, slower: f64) -> f64 {
        let work = self.work;
        let (nodes, ranks_per_node) =
            (f64::from(self.layout.nodes.max(1)), f64::from(self.layout.ranks_per_node.max(1)));
        let threads = f64::from(self.layout.threads_per_rank.max(1));
        let workers = nodes * ranks_per_node * threads;
        let launch = if nodes * ranks_per_node > 1.0 { LAUNCH } else { 0.0 };
        let opening = times * (work.tables + (work.null_model + work.gram) / threads);
        // Workers end half a shard apart in the mean; more workers than shards wait.
        let shard = times * work.shards() / self.n_shards;
        let rounds = (self.n_shards / workers + 0.5).max(1.0);
        let computing = (shard * rounds).max(times * work.eigenvalues).max(self.n_shards * CLAIM);
        let to_disk = slower * self.matrices / (nodes * self.rates.file_system);
        let writing = (times * work.writing / workers).max(to_disk).max(times * work.rows);
        launch + opening + computing + writing
    }
}

fn input_bytes(size: &StudySize, assumed: &Assumptions) -> Range {
    if let Some(bytes) = size.input_bytes {
        return Range::within(bytes as f64, 1.0);
    }
    let het = Spectrum::neutral(size.n_samples, assumed.min_frequency, size.format).heterozygosity;
    let each = match size.format {
        GenotypeFormat::Vcf => VCF_BYTES * het,
        GenotypeFormat::Bcf => BCF_BYTES * het,
        GenotypeFormat::VcfDosage | GenotypeFormat::BcfDosage => DOSAGE_BYTES,
    };
    Range::within(size.n_variants as f64 * (size.n_samples as f64 * each + 20.0), INPUT_DOUBT)
}

/// As a run cuts its input: some five hundred, of 512 KiB to 8 MiB each.
fn shards(input_bytes: f64) -> u64 {
    (input_bytes / default_shard_bytes(input_bytes as u64) as f64).ceil().max(1.0) as u64
}

fn output_bytes(size: &StudySize, assumed: &Assumptions) -> Range {
    let SizeRange { least, most } = results_bytes(
        size.store,
        size.n_variants,
        (size.n_traits, size.n_masks.max(1)),
        size.hit_p,
        size.drops_missing,
    );
    // Variants that miss a genotype.
    let share = 1.0 - libm::exp(-(size.n_samples as f64) * assumed.missing_genotypes);
    let (least, most) = (least as f64, most as f64);
    let expected = least + share * (most - least);
    Range { expected, least: least / OUTPUT_DOUBT, most: most * OUTPUT_DOUBT }
}

/// Bytes of the matrices over pairs.
fn matrix_bytes(size: &StudySize) -> f64 {
    let pairs = size.n_variants as f64 * size.n_traits as f64;
    match size.store {
        Store::Full => 8.0 * pairs,
        Store::Compact => 4.0 * pairs + 4.0 * size.n_variants as f64 * size.n_masks.max(1) as f64,
        Store::Hits => 0.0,
    }
}

/// Until results are made: numbers as in the results, variants, hits, and each shard's histograms.
fn spool_bytes(size: &StudySize, least_output: f64, matrices: f64, n_shards: f64) -> Range {
    let (m, t) = (size.n_variants as f64, size.n_traits as f64);
    let bins = (m / n_shards).min(FILLED_BINS);
    let tallies = n_shards * t * (1.0 + SPOOLED_BIN * bins);
    let hits = 36.0 * size.hit_p.min(1.0) * m * t;
    let expected = matrices + SPOOLED_VARIANT * m + tallies + hits;
    Range { expected, least: expected / 1.2, most: (expected * 1.2).max(least_output) }
}

fn memory_shape(size: &StudySize, assumed: &Assumptions, layout: &NodeLayout) -> MemoryShape {
    let missing = assumed.missing_traits.min(1.0 - assumed.missing_traits);
    let listed = if size.n_masks > 1 { size.n_masks as f64 * size.n_samples as f64 * missing } else { 0.0 };
    MemoryShape {
        n_samples: size.n_samples,
        n_traits: size.n_traits,
        n_masks: size.n_masks.max(1),
        n_mask_entries: listed as u64,
        n_covariates: size.n_covariates,
        kind: size.format.kind(),
        threads: u64::from(layout.threads_per_rank.max(1)),
        batches: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study() -> StudySize {
        StudySize {
            n_samples: 50_000,
            n_variants: 20_000_000,
            n_traits: 3000,
            n_masks: 1,
            n_covariates: 11,
            format: GenotypeFormat::Bcf,
            input_bytes: None,
            store: Store::Full,
            hit_p: 1e-5,
            drops_missing: true,
        }
    }

    fn on(nodes: u32) -> NodeLayout {
        NodeLayout { nodes, ranks_per_node: 8, threads_per_rank: 16 }
    }

    #[test]
    fn more_of_anything_costs_more() {
        let rates = Rates::default();
        let cpu = |size: &StudySize| predict(size, &rates, &on(1)).cpu_seconds.expected;
        let base = study();
        for larger in [
            StudySize { n_samples: 100_000, ..base.clone() },
            StudySize { n_variants: 40_000_000, ..base.clone() },
            StudySize { n_traits: 6000, ..base.clone() },
            StudySize { n_covariates: 30, ..base.clone() },
            StudySize { n_masks: 3000, ..base.clone() },
            StudySize { format: GenotypeFormat::VcfDosage, ..base.clone() },
        ] {
            assert!(cpu(&larger) > 1.002 * cpu(&base), "{larger:?}");
        }
        let missing = Assumptions { missing_genotypes: 0.01, ..Assumptions::default() };
        let with = forecast(&base, &missing, &rates, &on(1)).prediction;
        assert!(with.cpu_seconds.expected > 1.2 * cpu(&base));
    }

    #[test]
    fn more_nodes_are_faster_until_serial_parts_take_over_and_never_cheaper() {
        let rates = Rates::default();
        let mut before = predict(&study(), &rates, &on(1));
        for nodes in [2, 4, 8, 16, 32, 64] {
            let now = predict(&study(), &rates, &on(nodes));
            assert!(now.wall_seconds.expected <= before.wall_seconds.expected);
            let node_seconds = |p: &Prediction, n: u32| p.wall_seconds.expected * f64::from(n);
            assert!(node_seconds(&now, nodes) > node_seconds(&before, nodes / 2));
            assert!(now.cpu_seconds.expected > before.cpu_seconds.expected);
            before = now;
        }
    }

    #[test]
    fn ranges_hold_their_guess_and_stores_their_sizes() {
        for store in Store::ALL {
            let size = StudySize { store, ..study() };
            let p = predict(&size, &Rates::default(), &on(2));
            for range in
                [p.cpu_seconds, p.wall_seconds, p.memory_per_rank_bytes, p.input_bytes, p.output_bytes, p.spool_bytes]
            {
                assert!(range.least <= range.expected && range.expected <= range.most, "{range:?}");
                assert!(range.least > 0.0 && range.most.is_finite());
            }
        }
        let bytes = predict(&study(), &Rates::default(), &on(1)).output_bytes.expected;
        assert!((bytes / 480e9 - 1.0).abs() < 0.03, "{bytes}");
    }
}
