//! Rows of results on their way from a kernel to the spool and from the spool to the store.

/// One tested row: a (chrom, pos, id, ref, alt) of the input, in input order.
#[derive(Debug, Clone, PartialEq)]
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
}

/// A block of results. Matrices are variants × traits, variant-major.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowBatch {
    /// Columns of the matrices.
    pub n_traits: usize,
    /// One entry a row.
    pub variants: Vec<VariantRow>,
    /// Effects of one ALT copy; NaN where there is none.
    pub beta: Vec<f32>,
    /// Standard errors; NaN where there is none.
    pub se: Vec<f32>,
    /// (row, mask, analysed samples with the mask's traits observed and this genotype missing), nonzero ones only.
    pub n_missing: Vec<(u32, u32, u32)>,
    /// (row, mask, ranks that the covariates lose with those samples), nonzero ones only.
    pub covariates_lost: Vec<(u32, u32, u32)>,
    /// (row, trait, status code), for pairs that are not Ok although the variant is.
    pub statuses: Vec<(u32, u32, u8)>,
    /// Rows under the hit threshold.
    pub hits: Vec<HitRow>,
}
