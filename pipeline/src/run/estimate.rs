//! What a run will take, before it takes it (docs/performance.md has the formula).

use std::fmt;

use anyhow::Result;
use norna_kernels::{GenotypeKind, MissingPolicy};
use serde_json::json;

use super::assoc::AssocConfig;
use super::study::Study;
use super::work_queue::BATCHES_AHEAD;
use crate::plan::{GenotypeFormat, MemoryShape, StudySize};
use crate::report::resources::human_bytes;
use crate::report::words::count;
use crate::source::Field;
use crate::store::{SizeRange, Store, results_bytes};

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
    kind: GenotypeKind,
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
            kind: study.genotypes.kind(),
            input_bytes: study.estimate.bytes,
            format: genotype_format(config, study.genotypes.input().field()),
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
        // Waiting, being read, and one that a message holds or a thread decodes.
        let n_batches = if self.n_streams > 0 { BATCHES_AHEAD as u64 + 2 + self.threads } else { 0 };
        let shape = MemoryShape {
            n_samples: self.n_samples,
            n_traits: self.n_traits,
            n_masks: self.n_masks,
            n_mask_entries: self.n_mask_entries,
            n_covariates: self.n_covariates,
            kind: self.kind,
            threads: self.threads,
            batches: n_batches * self.batch_bytes,
        };
        shape.at_most()
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
