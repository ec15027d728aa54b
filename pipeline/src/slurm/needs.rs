//! What a study needs in a layout: the one place where a job's choice meets the cost model.

use crate::plan::{GenotypeFormat, NodeLayout, Prediction, Range, StudySize};
use crate::store::{Store, results_bytes};

/// How far off the times may be, either way.
const TIME_FACTOR: f64 = 2.0;
/// How far off the memory may be, as a share.
const MEMORY_SHARE: f64 = 0.1;
const MIB: f64 = 1_048_576.0;

/// What `size` needs in `layout`.
///
/// Rates are those that docs/performance.md measured on one core, and memory is its formula; parallel parts are shared by all
/// threads, reading and residualising traits is done by every rank.
pub fn needs(size: &StudySize, layout: &NodeLayout) -> Prediction {
    let (n, m) = (size.n_samples as f64, size.n_variants as f64);
    let (t, k, p) = (size.n_traits as f64, size.n_covariates as f64, size.n_masks as f64);
    let ranks = f64::from(layout.nodes) * f64::from(layout.ranks_per_node);
    let threads = f64::from(layout.threads_per_rank);
    let per_genotype = match size.format {
        GenotypeFormat::Vcf => 2.4e-9,
        GenotypeFormat::Bcf => 1.5e-9,
        GenotypeFormat::VcfDosage => 15e-9,
        GenotypeFormat::BcfDosage => 8e-9,
    };
    let bytes =
        results_bytes(size.store, size.n_variants, (size.n_traits, size.n_masks), size.hit_p, size.drops_missing);
    let written = if size.store == Store::Hits { 0.0 } else { bytes.most as f64 };
    let shards = m * n * (per_genotype + 1.5e-11 * t) + m * (p - 1.0) * 3.2e-7 + 3.0 * written / 0.7e9;
    let opening = 0.2 + n * t * (9e-8 + 1e-10 * k);
    let eigenvalues = 5e-11 * (n * t * t / 2.0 + t * t * t);
    let cpu = shards + eigenvalues + ranks * opening;
    let wall = opening + (shards + eigenvalues) / (ranks * threads) + 2.0;
    let around = |value: f64, factor: f64| Range { expected: value, least: value / factor, most: value * factor };
    let memory = memory_per_rank(size, threads);
    let output = (bytes.least as f64 + bytes.most as f64) / 2.0;
    let output = Range { expected: output, least: bytes.least as f64, most: bytes.most as f64 };
    let input = size.input_bytes.map_or(0.0, |bytes| bytes as f64);
    Prediction {
        cpu_seconds: around(cpu, TIME_FACTOR),
        wall_seconds: around(wall, TIME_FACTOR),
        memory_per_rank_bytes: around(memory, 1.0 + MEMORY_SHARE),
        input_bytes: around(input, 1.0),
        output_bytes: output,
        spool_bytes: output,
        files: ranks as u64 + 8,
    }
}

fn memory_per_rank(size: &StudySize, threads: f64) -> f64 {
    let (n, t) = (size.n_samples as f64, size.n_traits as f64);
    let (k, p) = (size.n_covariates as f64, size.n_masks as f64);
    let dosages = matches!(size.format, GenotypeFormat::VcfDosage | GenotypeFormat::BcfDosage);
    let block = (if dosages { 2.0 * MIB } else { 8.0 * MIB } / n.max(1.0)).clamp(64.0, 512.0);
    let order = n.min(t);
    let correlation = if order <= 4096.0 { 16.0 * order * order } else { 0.0 };
    let testing = threads * (4.0 * n * block + 32.0 * block * t + 2136.0 * t + MIB);
    let writing = 12.5 * 1024.0 * t + (threads * 8192.0 * t).min(512.0 * MIB);
    40.0 * MIB
        + 16.0 * n * (t / 32.0).ceil() * 32.0
        + 8.0 * n * k
        + p * (n / 8.0 + 8.0 * k * k)
        + correlation
        + testing.max(writing)
}
