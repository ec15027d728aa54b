//! From spools to results.h5: rows in shard order, written under a temporary name by all ranks, published when whole. An
//! interrupted attempt leaves the spools as they are, and the next one begins to write anew.
//!
//! Rank 0 lays the file out and writes the variants and lists, every rank (rank 0 too) a stretch of each matrix: the same
//! bytes at the same places, however many ranks there are.

use std::path::Path;

use norna_kernels::{NullModel, Status};
use rayon::prelude::*;

use super::bands::{Bands, all_sums, stretch};
use super::workdir::Workdir;
use crate::format::consequence::Consequence;
use crate::proteins::Protein;
use crate::qtl::{Annotator, VariantKey};
use crate::sink::bytes::DecodeError;
use crate::sink::index::{Finished, Sums};
use crate::sink::rows::RowBatch;
use crate::sink::scan::{Depth, SpoolContents, scan};
use crate::sink::spool::SpoolError;
use crate::sink::spool_index::SpoolIndex;
use crate::source::{SourceError, VariantLedger};
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
    /// What a hit's variant does to its gene cannot be looked up.
    #[error(transparent)]
    Consequence(#[from] SourceError),
    /// A rank's message does not decode.
    #[error("a rank's account of its spool arrived damaged: {0}; this is a defect of norna")]
    Message(#[from] DecodeError),
    /// Shards are missing although no rank failed.
    #[error("{found} of {expected} shards are in the spools; no results were written: this is a defect of norna")]
    Incomplete {
        /// Shards in the spools.
        found: usize,
        /// Shards that there are.
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
    /// Pairs left out since the variant is near the protein's gene.
    pub n_left_out: u64,
    /// Pairs that have an effect and a standard error.
    pub n_pairs_with_number: u64,
    /// Pairs of sound variants and traits without one, by status.
    pub statuses: Vec<(Status, u64)>,
    /// What was read and dropped.
    pub ledger: VariantLedger,
}

/// Columns of the results: a trait each. `normal`: of score tests.
pub fn header(
    model: &NullModel,
    names: &[String],
    moments: &[(f64, f64)],
    (store, hit_log10p): (Store, f64),
    normal: bool,
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
            normal,
        }
    });
    ResultsHeader {
        traits: traits.collect(),
        n_samples: model.n_samples() as u32,
        hit_log10p,
        store,
        proteins: Vec::new(),
        left_out_window: None,
    }
}

/// What this rank's share of the spools of `dir` holds, every byte of it verified, on as many threads as rayon's pool has.
///
/// # Errors
/// [`FinaliseError::Spool`].
pub fn scan_share(
    dir: &Path,
    names: &[String],
    (rank, n_ranks): (usize, usize),
    n_matrices: usize,
) -> Result<Scanned, FinaliseError> {
    let mine: Vec<(usize, &String)> = names.iter().enumerate().skip(rank).step_by(n_ranks.max(1)).collect();
    let depth = Depth::Verify { n_matrices };
    let contents: Result<Vec<SpoolContents>, SpoolError> =
        mine.par_iter().map(|(number, name)| scan(&dir.join(name), *number as u32, depth)).collect();
    let mut scanned = Scanned::default();
    for spool in contents? {
        scanned.n_damaged += spool.n_damaged;
        spool.shards.into_iter().for_each(|(id, shard)| scanned.finished.add(id, shard));
    }
    Ok(scanned)
}

/// What was found in spools.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Finished shards.
    pub finished: Finished,
    /// Stretches that are no sound frames.
    pub n_damaged: u64,
}

/// Nothing added up yet.
pub fn no_sums(n_traits: usize) -> Sums {
    Sums::new(n_traits, TALLY_BINS)
}

/// This rank's share of what the ends of all shards add up to.
///
/// # Errors
/// [`FinaliseError::Spool`].
pub fn sum_share(index: &SpoolIndex, rank: usize, n_ranks: usize, n_traits: usize) -> Result<Sums, FinaliseError> {
    let mut sums = no_sums(n_traits);
    let share = stretch(index.n_shards() as u64, rank, n_ranks);
    index.sum(share.start as usize..share.end as usize, &mut sums)?;
    Ok(sums)
}

/// What every rank needs to write its part.
#[derive(Debug)]
pub struct Plan {
    /// Where the finished rows lie.
    pub index: SpoolIndex,
    /// Where matrices go.
    pub layout: Layout,
}

/// Rank 0's part: everything but the matrices.
pub struct Root<'a> {
    workdir: &'a Workdir,
    /// Traits × bins: the histograms of all shards.
    tally: Vec<u64>,
    ledger: VariantLedger,
    writer: ResultsWriter,
    header: &'a ResultsHeader,
    /// Looks up what hits' variants do to their proteins' genes.
    annotator: Option<Annotator>,
    n_rows: u64,
    n_full: u64,
}

impl<'a> Root<'a> {
    /// Lays the file out for what is finished, whose ends add up to `sums`.
    ///
    /// # Errors
    /// [`FinaliseError`].
    pub fn begin(
        workdir: &'a Workdir,
        (finished, sums): (&Finished, Sums),
        n_shards: usize,
        header: &'a ResultsHeader,
        base: &NullModel,
    ) -> Result<Self, FinaliseError> {
        if finished.n_shards() != n_shards {
            return Err(FinaliseError::Incomplete { found: finished.n_shards(), expected: n_shards });
        }
        let rows = finished.n_rows();
        let squares = (0..base.n_traits()).map(|t| base.residual_square(t)).collect();
        let mut models = vec![(String::new(), squares)];
        models.extend(sums.models);
        let extent = Extent { n_variants: rows.all, n_full: rows.full, models };
        let writer = ResultsWriter::create(&workdir.unfinished_output(), header, extent)?;
        let mut ledger = VariantLedger::default();
        for counts in finished.counts().filter_map(VariantLedger::from_slice) {
            ledger.merge(&counts);
        }
        let (tally, n_rows, n_full) = (sums.tally, rows.all, rows.full);
        Ok(Self { workdir, tally, ledger, writer, header, annotator: None, n_rows, n_full })
    }

    /// Has hits told with what their variants do to their proteins' genes, as far as the genotype files tell.
    ///
    /// # Errors
    /// [`FinaliseError`].
    pub fn annotate(&mut self, annotator: Option<Annotator>) -> Result<(), FinaliseError> {
        if annotator.is_some() {
            self.writer.with_consequences()?;
        }
        self.annotator = annotator;
        Ok(())
    }

    /// Where the matrices go, as a message to every rank.
    pub fn layout(&self) -> Vec<u8> {
        self.writer.layout().to_bytes()
    }

    /// What all shards read and dropped.
    pub fn ledger(&self) -> &VariantLedger {
        &self.ledger
    }

    fn write(&mut self, plan: &Plan, bins: &Bins, qc: &Qc) -> Result<(), FinaliseError> {
        let (writer, annotator, proteins) = (&mut self.writer, &mut self.annotator, &self.header.proteins);
        plan.index.for_each(|batch| {
            writer.append(batch)?;
            match annotator {
                Some(annotator) => Ok(writer.annotate(&consequences(annotator, proteins, batch)?)?),
                None => Ok::<_, FinaliseError>(()),
            }
        })?;
        if let Some(annotator) = annotator {
            let (line, warnings) = annotator.summary();
            log::info!("{line}");
            warnings.iter().for_each(|warning| log::warn!("{warning}"));
        }
        Ok(self.writer.complete((bins, &self.tally), qc)?)
    }

    /// Marks the file as whole and publishes it, once every rank has written its part: `sums` is what [`write`] gave each.
    ///
    /// # Errors
    /// [`FinaliseError`]; nothing stands under the final name then.
    pub fn publish(self, sums: &[Vec<u8>], provenance: &serde_json::Value) -> Result<Finalised, FinaliseError> {
        let finalised = Finalised {
            n_rows: self.n_rows,
            n_full: self.n_full,
            n_hits: self.writer.n_hits(),
            n_left_out: self.writer.n_left_out(),
            n_pairs_with_number: pairs_with_number(&self.tally),
            statuses: self.writer.status_counts(),
            ledger: self.ledger,
        };
        let sums = all_sums(self.writer.layout(), sums)?;
        self.writer.seal(provenance, &sums)?;
        publish(&self.workdir.unfinished_output(), self.workdir.out())?;
        Ok(finalised)
    }
}

/// What the hits of a batch do, in the order of (variant, trait).
fn consequences(
    annotator: &mut Annotator,
    proteins: &[Protein],
    batch: &RowBatch,
) -> Result<Vec<Option<Consequence>>, FinaliseError> {
    let mut pairs: Vec<(u32, u32)> = batch.hits.iter().map(|hit| (hit.variant_idx, hit.trait_idx)).collect();
    pairs.sort_unstable();
    let mut found = Vec::with_capacity(pairs.len());
    for of_variant in pairs.chunk_by(|a, b| a.0 == b.0) {
        let variant = &batch.variants[of_variant[0].0 as usize];
        let key = VariantKey {
            chrom: variant.chrom.clone(),
            pos: variant.pos,
            id: variant.id.clone(),
            reference: variant.reference.clone(),
            alternate: variant.alternate.clone(),
        };
        for &(_, trait_idx) in of_variant {
            let protein = proteins.get(trait_idx as usize);
            found.push(protein.map(|protein| annotator.consequence(&key, protein)).transpose()?.flatten());
        }
    }
    Ok(found)
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
