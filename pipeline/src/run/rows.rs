//! Joins what was read with what was computed, and decides what of it the store keeps: by the variant alone whether its row
//! is full, by the pair alone whether its score stands for it.

use norna_kernels::{LinearRows, MissingPolicy, NullModel, ScoreScale, stands_for};

use crate::sink::rows::{ExactRow, HitRow, RowBatch, VariantRow};
use crate::source::VariantBlock;
use crate::store::{ResultsHeader, Store};

/// What is kept of the tests, and what that needs to know of the traits.
#[derive(Debug)]
pub struct Keeper {
    store: Store,
    missing: MissingPolicy,
    /// Of each trait.
    masks: Vec<u32>,
    /// Samples with a value, of each trait.
    n_observed: Vec<u32>,
    /// Degrees of freedom without missing genotypes, of each mask.
    df: Vec<f64>,
    n_matrices: usize,
}

/// Memory for a block.
#[derive(Debug, Default)]
pub struct KeeperScratch {
    squares: Vec<f64>,
    scales: Vec<ScoreScale>,
}

impl Keeper {
    /// For the columns of a results file.
    pub fn new(header: &ResultsHeader, missing: MissingPolicy) -> Self {
        let mut df = vec![f64::NAN; header.n_masks()];
        header.traits.iter().for_each(|info| df[info.mask as usize] = info.degrees_of_freedom());
        Self {
            store: header.store,
            missing,
            masks: header.traits.iter().map(|info| info.mask).collect(),
            n_observed: header.traits.iter().map(|info| info.n).collect(),
            df,
            n_matrices: header.matrix_shapes().len(),
        }
    }

    /// Whether the kernel has to give scores.
    pub fn wants_scores(&self) -> bool {
        self.store == Store::Compact
    }

    /// Matrices of the store.
    pub fn n_matrices(&self) -> usize {
        self.n_matrices
    }

    /// Fills a batch from a block and its tests under a null model; the matrices of `rows` may be taken.
    pub fn fill(
        &self,
        model: &NullModel,
        block: &VariantBlock,
        rows: &mut LinearRows,
        batch: &mut RowBatch,
        scratch: &mut KeeperScratch,
    ) {
        batch.variants.resize_with(block.variants.len(), VariantRow::default);
        let read = block.variants.iter().zip(&block.counts).zip(&rows.status);
        for (row, ((variant, counts), status)) in batch.variants.iter_mut().zip(read) {
            row.chrom.clear();
            row.chrom.push_str(&variant.chrom);
            row.id.clone_from(&variant.id);
            row.reference.clone_from(&variant.reference);
            row.alternate.clone_from(&variant.alternate);
            row.pos = variant.pos;
            row.a1_freq = counts.a1_freq();
            row.n = counts.n_called;
            row.mac = counts.mac();
            row.missing = counts.n_missing;
            row.status = status.code();
        }
        batch.statuses.clear();
        batch.statuses.extend(rows.pair_status.iter().map(|&(row, trait_idx, status)| (row, trait_idx, status.code())));
        batch.hits.clear();
        batch.hits.extend(rows.hits.iter().map(|hit| HitRow {
            variant_idx: hit.variant_idx,
            trait_idx: hit.trait_idx,
            beta: hit.beta,
            se: hit.se,
            log10p: hit.log10p,
            n_observed: self.n_observed(rows, hit.variant_idx, hit.trait_idx),
        }));
        batch.full_rows.clear();
        batch.exact.clear();
        match self.store {
            Store::Full => {
                std::mem::swap(&mut batch.matrices[0], &mut rows.beta);
                std::mem::swap(&mut batch.matrices[1], &mut rows.se);
            }
            Store::Compact => self.keep_scores(model, block, rows, batch, scratch),
            Store::Hits => {
                rows.n_missing.clear();
                rows.covariates_lost.clear();
            }
        }
        std::mem::swap(&mut batch.n_missing, &mut rows.n_missing);
        std::mem::swap(&mut batch.covariates_lost, &mut rows.covariates_lost);
    }

    fn n_observed(&self, rows: &LinearRows, variant: u32, trait_idx: u32) -> u32 {
        let place = (variant, self.masks[trait_idx as usize]);
        let found = rows.n_missing.binary_search_by_key(&place, |&(row, mask, _)| (row, mask));
        let n_missing = found.map_or(0, |found| rows.n_missing[found].2);
        self.n_observed[trait_idx as usize].saturating_sub(n_missing)
    }

    /// Scores of the variants without missing genotypes (or with the mean in their place), the rest in full.
    fn keep_scores(
        &self,
        model: &NullModel,
        block: &VariantBlock,
        rows: &LinearRows,
        batch: &mut RowBatch,
        scratch: &mut KeeperScratch,
    ) {
        let n_traits = self.masks.len();
        scratch.squares.clear();
        scratch.squares.extend((0..n_traits).map(|t| model.residual_square(t)));
        batch.matrices.iter_mut().for_each(Vec::clear);
        let [score, d, full_beta, full_se] = &mut batch.matrices;
        for (v, counts) in (0..).zip(&block.counts) {
            let row = v as usize * n_traits..(v as usize + 1) * n_traits;
            let (beta, se) = (&rows.beta[row.clone()], &rows.se[row.clone()]);
            if self.missing == MissingPolicy::Drop && counts.n_missing > 0 {
                batch.full_rows.push(v);
                full_beta.extend_from_slice(beta);
                full_se.extend_from_slice(se);
                continue;
            }
            let scores = &rows.score[row];
            let of_masks = &rows.d[v as usize * self.df.len()..][..self.df.len()];
            score.extend_from_slice(scores);
            d.extend_from_slice(of_masks);
            scratch.scales.clear();
            scratch.scales.extend(of_masks.iter().zip(&self.df).map(|(&d, &df)| ScoreScale::new(d, df)));
            for (t, ((&beta, &se), (&score, &square))) in
                (0..).zip(beta.iter().zip(se).zip(scores.iter().zip(&scratch.squares)))
            {
                let found = scratch.scales[self.masks[t as usize] as usize].pair(score, square);
                if !stands_for(found, (beta, se)) {
                    batch.exact.push(ExactRow { variant_idx: v, trait_idx: t, beta, se });
                }
            }
        }
    }
}
