//! From spools to results.h5: rows in shard order, written under a temporary name by all ranks, published when whole.
//!
//! Rank 0 lays the file out and writes the variants and lists, every rank (rank 0 too) a stretch of each matrix: the same
//! bytes at the same places, however many ranks there are.

use std::path::Path;

use norna_kernels::{NullModel, Status};

use super::bands::{Bands, all_sums};
use super::workdir::Workdir;
use crate::sink::bytes::{Cursor, DecodeError, put_u64};
use crate::sink::index::{Finished, SpoolIndex};
use crate::sink::spool::SpoolError;
use crate::source::VariantLedger;
use crate::store::{
    Bins, Extent, Layout, Qc, ResultsHeader, ResultsWriter, Store, StoreError, TALLY_BINS, TraitInfo,
    pairs_with_number, publish,
};

/// Why no results file could be made.
#[derive(Debug, thiserror::Error)]
pub enum FinaliseError {
    /// A spool does not read.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The results file cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A rank's message does not decode.
    #[error("a rank's account of its spool arrived damaged: {0}; this is a defect of norna")]
    Message(#[from] DecodeError),
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
    /// Rows that a compact store keeps in full.
    pub n_full: u64,
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
pub fn header(
    model: &NullModel,
    names: &[String],
    moments: &[(f64, f64)],
    (store, hit_log10p): (Store, f64),
) -> ResultsHeader {
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
    ResultsHeader { traits: traits.collect(), n_samples: model.n_samples() as u32, hit_log10p, store }
}

/// What a rank's own spool holds.
///
/// # Errors
/// [`FinaliseError::Spool`].
pub fn scan(dir: &Path, rank: usize, n_traits: usize) -> Result<Finished, FinaliseError> {
    let mut finished = Finished::new(n_traits, TALLY_BINS);
    finished.scan(dir, rank)?;
    Ok(finished)
}

/// What every rank needs to write its part.
#[derive(Debug)]
pub struct Plan {
    index: SpoolIndex,
    layout: Layout,
}

impl Plan {
    /// From [`Root::plan`].
    ///
    /// # Errors
    /// [`FinaliseError::Message`], [`FinaliseError::Spool`].
    pub fn from_bytes(bytes: &[u8], dir: &Path, n_ranks: usize) -> Result<Self, FinaliseError> {
        let (layout, index) = Self::parts(bytes)?;
        Ok(Self { layout: Layout::from_bytes(layout)?, index: SpoolIndex::open(dir, n_ranks, index)? })
    }

    fn parts(bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
        let mut cursor = Cursor::new(bytes);
        let n = cursor.count(1)?;
        Ok((cursor.take(n)?, cursor.rest()))
    }
}

/// Rank 0's part: everything but the matrices.
pub struct Root<'a> {
    workdir: &'a Workdir,
    finished: Finished,
    writer: ResultsWriter,
    n_rows: u64,
    n_full: u64,
}

impl<'a> Root<'a> {
    /// Puts together what the ranks' spools hold ([`Finished::to_bytes`]) and lays the file out.
    ///
    /// # Errors
    /// [`FinaliseError`].
    pub fn begin(
        workdir: &'a Workdir,
        spools: &[Vec<u8>],
        n_shards: usize,
        header: &'a ResultsHeader,
        base: &NullModel,
    ) -> Result<Self, FinaliseError> {
        let mut finished = Finished::new(header.traits.len(), TALLY_BINS);
        for spool in spools {
            finished.add(spool)?;
        }
        if finished.n_shards() != n_shards {
            return Err(FinaliseError::Incomplete { found: finished.n_shards(), expected: n_shards });
        }
        let rows = finished.n_rows();
        let squares = (0..base.n_traits()).map(|t| base.residual_square(t)).collect();
        let mut models = vec![(String::new(), squares)];
        models.extend(std::mem::take(&mut finished.models));
        let extent = Extent { n_variants: rows.all, n_full: rows.full, models };
        let writer = ResultsWriter::create(&workdir.unfinished_output(), header, extent)?;
        Ok(Self { workdir, finished, writer, n_rows: rows.all, n_full: rows.full })
    }

    /// The [`Plan`], as a message to every rank.
    pub fn plan(&self) -> Vec<u8> {
        let layout = self.writer.layout().to_bytes();
        let mut out = Vec::new();
        put_u64(&mut out, layout.len() as u64);
        out.extend_from_slice(&layout);
        out.extend_from_slice(&self.finished.index());
        out
    }

    /// What all shards read and dropped.
    pub fn ledger(&self) -> VariantLedger {
        let mut total = VariantLedger::default();
        for ledger in self.finished.counts().filter_map(VariantLedger::from_slice) {
            total.merge(&ledger);
        }
        total
    }

    fn write(&mut self, plan: &Plan, bins: &Bins, qc: &Qc) -> Result<(), FinaliseError> {
        plan.index.for_each(|batch| self.writer.append(batch).map_err(FinaliseError::from))?;
        Ok(self.writer.complete((bins, &self.finished.tally), qc)?)
    }

    /// Marks the file as whole and publishes it, once every rank has written its part: `sums` is what [`write`] gave each.
    ///
    /// # Errors
    /// [`FinaliseError`]; nothing stands under the final name then.
    pub fn publish(self, sums: &[Vec<u8>], provenance: &serde_json::Value) -> Result<Finalised, FinaliseError> {
        let ledger = self.ledger();
        let finalised = Finalised {
            n_rows: self.n_rows,
            n_full: self.n_full,
            n_hits: self.writer.n_hits(),
            n_pairs_with_number: pairs_with_number(&self.finished.tally),
            statuses: self.writer.status_counts(),
            ledger,
        };
        let sums = all_sums(self.writer.layout(), sums)?;
        self.writer.seal(provenance, &sums)?;
        publish(&self.workdir.unfinished_output(), self.workdir.out())?;
        Ok(finalised)
    }
}

/// Writes this rank's part of the results, on `threads` threads; rank 0 gives its own part with it. What comes back is for
/// [`Root::publish`].
///
/// # Errors
/// [`FinaliseError`].
pub fn write(
    plan: &Plan,
    path: &Path,
    (rank, n_ranks): (usize, usize),
    threads: usize,
    root: Option<(&mut Root<'_>, &Bins, &Qc)>,
) -> Result<Vec<u8>, FinaliseError> {
    let bands = Bands::open(path, &plan.layout, &plan.index, (rank, n_ranks))?;
    let helpers = bands.threads(threads) - 1;
    let root = std::thread::scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|| bands.work());
        }
        let root = root.map_or(Ok(()), |(root, bins, qc)| root.write(plan, bins, qc));
        bands.work();
        root
    });
    root.and_then(|()| bands.finish())
}
