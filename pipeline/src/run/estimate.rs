//! What a run will take, before it takes it (docs/performance.md has the formula).

use std::fmt;

use anyhow::Result;
use norna_kernels::MissingPolicy;
use serde_json::json;

use super::assoc::AssocConfig;
use super::study::Study;
use super::trait_correlation::MAX_ORDER;
use super::work_queue::BATCHES_AHEAD;
use super::worker::block_variants;
use crate::plan::{GenotypeFormat, StudySize};
use crate::report::resources::human_bytes;
use crate::report::words::count;
use crate::source::Field;
use crate::store::{SizeRange, Store, TALLY_BINS, results_bytes};

/// Bytes of program, libraries and buffers that do not grow with the study.
const BASE_MEMORY: u64 = 40 << 20;
/// Bands of the results that threads have in hand at most, unless a single one is larger.
const BANDS_MEMORY: u64 = 512 << 20;
/// Decompression, one shard's reader and its lines, per thread.
const READER_MEMORY: u64 = 1 << 20;

/// Size of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Rows to be read; `None` where the input cannot tell.
    pub rows: Option<u64>,
    n_samples: u64,
    n_traits: u64,
    n_masks: u64,
    n_mask_entries: u64,
    n_covariates: u64,
    n_shards: usize,
    n_streams: usize,
    batch_bytes: u64,
    threads: u64,
    block_variants: u64,
    input_bytes: u64,
    format: GenotypeFormat,
    store: Store,
    missing: MissingPolicy,
    /// The hit threshold: under the null, this share of pairs are hits.
    hit_p: f64,
}

impl Estimate {
    /// Counts what the opened study holds.
    pub(super) fn new(study: &Study, threads: usize, config: &AssocConfig) -> Self {
        let model = study.models.base();
        Self {
            rows: study.estimate.records,
            n_samples: model.n_samples() as u64,
            n_traits: model.n_traits() as u64,
            n_masks: model.n_masks() as u64,
            n_mask_entries: model.n_mask_entries() as u64,
            n_covariates: 1 + study.covariate_names.len() as u64,
            n_shards: study.plan.shards.len(),
            n_streams: study.plan.streams.len(),
            batch_bytes: study.batch_bytes,
            threads: threads as u64,
            block_variants: block_variants(study.input.kind(), model.n_samples()) as u64,
            input_bytes: study.estimate.bytes,
            format: genotype_format(config, study.input.field()),
            store: config.store,
            missing: config.missing,
            hit_p: libm::pow(10.0, -config.hit_log10p),
        }
    }

    /// The study's size as plans count it; rows that the input cannot tell are 0.
    pub fn size(&self) -> StudySize {
        StudySize {
            n_samples: self.n_samples,
            n_variants: self.rows.unwrap_or(0),
            n_traits: self.n_traits,
            n_masks: self.n_masks,
            n_covariates: self.n_covariates,
            format: self.format,
            input_bytes: Some(self.input_bytes),
            store: self.store,
            hit_p: self.hit_p,
            drops_missing: self.missing == MissingPolicy::Drop,
        }
    }

    /// Peak memory of a rank, bytes.
    pub fn memory_per_rank(&self) -> u64 {
        let block = self.block_variants;
        let traits = 8 * self.n_samples * self.n_traits.next_multiple_of(32);
        let covariates = 8 * self.n_samples * self.n_covariates;
        let masks =
            8 * self.n_mask_entries + self.n_masks * (self.n_samples / 8 + 8 * self.n_covariates * self.n_covariates);
        let order = self.n_traits.min(self.n_samples);
        let correlation = if order <= MAX_ORDER as u64 { 16 * order * order } else { 0 };
        let genotypes = 4 * self.n_samples * block;
        let rows = 32 * block * self.n_traits;
        let tally = TALLY_BINS as u64 * self.n_traits;
        let band = 2 * 4 * 1024 * self.n_traits;
        let writing = 8 * 3 * tally + (self.threads * band).min(band.max(BANDS_MEMORY));
        let testing = self.threads * (genotypes + rows + 4 * tally + READER_MEMORY);
        // Waiting, being read, and one that a message holds or a thread decodes.
        let n_batches = if self.n_streams > 0 { BATCHES_AHEAD as u64 + 2 + self.threads } else { 0 };
        n_batches * self.batch_bytes
            + BASE_MEMORY
            + 2 * traits
            + covariates
            + masks
            + correlation
            + testing.max(writing)
    }

    /// Size of results.h5, and of the spools together: how many genotypes are missing is not known before.
    pub fn output_bytes(&self) -> Option<SizeRange> {
        let drops = self.missing == MissingPolicy::Drop;
        Some(results_bytes(self.store, self.rows?, (self.n_traits, self.n_masks), self.hit_p, drops))
    }

    /// Prints the estimate on standard output.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn print(&self, as_json: bool) -> Result<()> {
        use std::io::Write;
        let mut out = std::io::stdout().lock();
        if as_json {
            let value = json!({
                "samples": self.n_samples,
                "traits": self.n_traits,
                "trait_masks": self.n_masks,
                "covariates": self.n_covariates,
                "variants_estimated": self.rows,
                "shards": self.n_shards,
                "streams": self.n_streams,
                "threads_per_rank": self.threads,
                "input_bytes": self.input_bytes,
                "memory_per_rank_bytes": self.memory_per_rank(),
                "output_bytes": self.output_bytes().map(|bytes| bytes.least),
                "output_bytes_at_most": self.output_bytes().map(|bytes| bytes.most),
                "spool_bytes": self.output_bytes().map(|bytes| bytes.most),
            });
            writeln!(out, "{value:#}")?;
        } else {
            writeln!(out, "{self}")?;
        }
        Ok(())
    }
}

/// By the first file's name, as a mixture costs about as much.
fn genotype_format(config: &AssocConfig, field: Field) -> GenotypeFormat {
    let is_bcf = config.input.paths.first().is_some_and(|path| path.extension().is_some_and(|ext| ext == "bcf"));
    match (is_bcf, field) {
        (false, Field::Gt) => GenotypeFormat::Vcf,
        (false, _) => GenotypeFormat::VcfDosage,
        (true, Field::Gt) => GenotypeFormat::Bcf,
        (true, _) => GenotypeFormat::BcfDosage,
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rows {
            Some(rows) => write!(f, "about {}", count(rows, "variant"))?,
            None => write!(f, "an unknown number of variants")?,
        }
        write!(
            f,
            " × {} × {} ({} of missing values), {} with the intercept; {}",
            count(self.n_samples, "sample"),
            count(self.n_traits, "trait"),
            count(self.n_masks, "pattern"),
            count(self.n_covariates, "covariate"),
            count(self.n_shards as u64, "shard")
        )?;
        if self.n_streams > 0 {
            write!(f, " and {}", count(self.n_streams as u64, "stream"))?;
        }
        write!(f, "; memory per rank up to {}", human_bytes(self.memory_per_rank()))?;
        let Some(bytes) = self.output_bytes() else { return Ok(()) };
        let (least, most) = (human_bytes(bytes.least), human_bytes(bytes.most));
        // Within the tenth that the estimate is worth.
        if bytes.most - bytes.least <= bytes.least / 10 {
            return write!(f, "; results about {most}, as much again while running");
        }
        write!(
            f,
            "; results {least} to {most} (the more genotypes are missing, the more), up to {most} again while running"
        )
    }
}
