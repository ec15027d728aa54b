//! Rows of results on their way from a kernel to the spool and from the spool to the store.

/// One tested row: a (chrom, pos, id, ref, alt) of the input, in input order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VariantRow {
    /// Chromosome as written in the file.
    pub chrom: String,
    /// POS, 1-based.
    pub pos: u32,
    /// ID as written; "." when the file has none.
    pub id: String,
    /// REF allele.
    pub reference: String,
    /// The one ALT allele of this row (A1).
    pub alternate: String,
    /// Frequency of ALT among analysed samples with a call; NaN without calls.
    pub a1_freq: f64,
    /// Analysed samples with a call.
    pub n: u32,
    /// Minor allele count over analysed samples with a call (dosages: a real number).
    pub mac: f64,
    /// Analysed samples without a call.
    pub missing: u32,
    /// [`norna_kernels::Status`] of the variant as a whole, as its code.
    pub status: u8,
}

/// A row under the hit threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HitRow {
    /// Row within the batch.
    pub variant_idx: u32,
    /// Column of /traits.
    pub trait_idx: u32,
    /// Effect of one ALT copy.
    pub beta: f64,
    /// Standard error of `beta`.
    pub se: f64,
    /// −log10 of the two-sided p.
    pub log10p: f64,
    /// Samples with a trait value and a genotype.
    pub n_observed: u32,
}

/// A pair that a compact store keeps beside its scores, since they would not give it back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExactRow {
    /// Row within the batch.
    pub variant_idx: u32,
    /// Column of /traits.
    pub trait_idx: u32,
    /// Effect of one ALT copy.
    pub beta: f32,
    /// Standard error; NaN where there is none.
    pub se: f32,
}

/// Most matrices that a store has.
pub const MAX_MATRICES: usize = 4;

/// Rows of a part of a shard: in all, and those of them that lie in the matrices of full rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Rows of /variants.
    pub all: u32,
    /// Rows that a compact store keeps in full; 0 in other stores.
    pub full: u32,
}

/// A matrix of a store: what makes a row of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatrixShape {
    /// Cells of a row.
    pub columns: usize,
    /// Whether it holds the full rows, or the others.
    pub full: bool,
}

impl RowCounts {
    /// Rows that lie in a matrix.
    pub fn in_matrix(self, shape: MatrixShape) -> u32 {
        if shape.full { self.full } else { self.all.saturating_sub(self.full) }
    }
}

/// A block of results. Matrices are rows × columns, variant-major; which there are is the store's affair.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowBatch {
    /// One entry a row.
    pub variants: Vec<VariantRow>,
    /// Rows of this batch that a compact store keeps in full, ascending.
    pub full_rows: Vec<u32>,
    /// The store's matrices in its order: all rows of the batch, or those that lie in the matrix.
    pub matrices: [Vec<f32>; MAX_MATRICES],
    /// (row, mask, analysed samples with the mask's traits observed and this genotype missing), nonzero ones only.
    pub n_missing: Vec<(u32, u32, u32)>,
    /// (row, mask, ranks that the covariates lose with those samples), nonzero ones only.
    pub covariates_lost: Vec<(u32, u32, u32)>,
    /// (row, trait, status code), for pairs that are not Ok although the variant is.
    pub statuses: Vec<(u32, u32, u8)>,
    /// Rows under the hit threshold.
    pub hits: Vec<HitRow>,
    /// Pairs that the scores do not give back, ordered by row, then trait.
    pub exact: Vec<ExactRow>,
}

impl RowBatch {
    /// How many rows there are.
    pub fn counts(&self) -> RowCounts {
        RowCounts { all: self.variants.len() as u32, full: self.full_rows.len() as u32 }
    }
}
