//! From spools to results.h5: rows in shard order, written under a temporary name, published when whole.

use norna_kernels::{NullModel, Status};

use super::workdir::Workdir;
use crate::sink::spool::{SpoolError, SpoolIndex};
use crate::source::VariantLedger;
use crate::store::{Qc, ResultsHeader, ResultsWriter, StoreError, TraitInfo, publish};

/// Why no results file could be made.
#[derive(Debug, thiserror::Error)]
pub enum FinaliseError {
    /// A spool does not read.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The results file cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Shards are missing although no rank failed.
    #[error("{found} of {expected} shards are in the spools; no results were written: this is a defect of norna")]
    Incomplete {
        /// Shards in the spools.
        found: usize,
        /// Shards given out.
        expected: usize,
    },
}

/// What went into a results file.
#[derive(Debug)]
pub struct Finalised {
    /// Rows written.
    pub n_rows: u64,
    /// Hits written.
    pub n_hits: u64,
    /// Pairs that have an effect and a standard error.
    pub n_pairs_with_number: u64,
    /// Pairs of sound variants and traits without one, by status.
    pub statuses: Vec<(Status, u64)>,
    /// What was read and dropped.
    pub ledger: VariantLedger,
}

/// Columns of the results: a trait each.
pub fn header(model: &NullModel, names: &[String], moments: &[(f64, f64)], hit_log10p: f64) -> ResultsHeader {
    let traits = names.iter().zip(moments).enumerate().map(|(idx, (name, &(mean, sd)))| {
        let mask = model.mask_of(idx);
        TraitInfo {
            name: name.clone(),
            n: model.n_observed(idx),
            mask,
            df_covariates: model.n_covariates(mask),
            status: model.trait_status(idx).code(),
            mean,
            sd,
        }
    });
    ResultsHeader { traits: traits.collect(), n_samples: model.n_samples() as u32, hit_log10p }
}

/// The spools of a finished computation.
///
/// # Errors
/// [`FinaliseError::Spool`], [`FinaliseError::Incomplete`].
pub fn open_spools(workdir: &Workdir, n_ranks: usize, n_shards: usize) -> Result<SpoolIndex, FinaliseError> {
    let index = SpoolIndex::scan(workdir.dir(), n_ranks)?;
    if index.shards.len() != n_shards {
        return Err(FinaliseError::Incomplete { found: index.shards.len(), expected: n_shards });
    }
    Ok(index)
}

/// What all shards read and dropped.
pub fn total_ledger(index: &SpoolIndex) -> VariantLedger {
    let mut total = VariantLedger::default();
    for ledger in index.shards.values().filter_map(|shard| VariantLedger::from_slice(&shard.counts)) {
        total.merge(&ledger);
    }
    total
}

/// Writes and publishes the results.
///
/// # Errors
/// [`FinaliseError`]; nothing stands under the final name then.
pub fn write(
    workdir: &Workdir,
    index: &SpoolIndex,
    header: &ResultsHeader,
    qc: &Qc,
    provenance: impl FnOnce() -> serde_json::Value,
) -> Result<Finalised, FinaliseError> {
    let path = workdir.unfinished_output();
    let mut writer = ResultsWriter::create(&path, header, index.n_rows())?;
    let mut n_hits = 0;
    index.for_each(|batch| {
        n_hits += batch.hits.len() as u64;
        writer.append(batch).map_err(FinaliseError::from)
    })?;
    let (n_pairs_with_number, statuses) = (writer.n_pairs_with_number(), writer.status_counts());
    writer.finish(qc, &provenance())?;
    publish(&path, workdir.out())?;
    Ok(Finalised { n_rows: index.n_rows(), n_hits, n_pairs_with_number, statuses, ledger: total_ledger(index) })
}
