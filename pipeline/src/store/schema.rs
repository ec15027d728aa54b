//! Names, shapes and limits of results.h5, used by the writer and the reader alike (docs/formats.md).

use std::ops::Range;

use crate::proteins::Protein;
use crate::sink::rows::MatrixShape;

/// Root attribute `format`.
pub const FORMAT: &str = "norna-results";
/// Root attribute `format_version`; raised when a reader of the old one would misread the new one.
pub const FORMAT_VERSION: u32 = 1;
/// Bytes of the root attribute `signature`: format, version, store, norna's version and samples again, and the letters of
/// [`OPTIONAL_PARTS`] that are there (or `-`), as one string of fixed length. The reader goes by it, since strings of variable length are what a damaged file crashes the library with.
pub(super) const SIGNATURE_BYTES: usize = 64;
/// Most traits that a file holds: what a reader may allocate for on the word of a file.
pub const MAX_TRAITS: usize = 1 << 20;
/// Most rows of a ledger table or eigenvalues, for the same reason.
pub(super) const MAX_TABLE_ROWS: usize = 1 << 20;
/// Rows of /hits and /assoc/status_* in a chunk, and buffered by the writer.
pub(super) const LIST_CHUNK: usize = 8192;
/// Missing genotypes, by mask.
pub(super) const N_MISSING: &str = "/assoc/n_missing";
/// Ranks that the covariates lose with them, by mask.
pub(super) const COVARIATES_LOST: &str = "/assoc/covariates_lost";
/// Datasets that a file may be without, each with the letter that stands for it in the signature.
pub(super) const OPTIONAL_PARTS: [(char, &str); 8] = [
    ('m', N_MISSING),
    ('l', COVARIATES_LOST),
    ('c', "/qc/case_counts"),
    ('s', CHECKSUMS),
    ('f', FAILED_REGIONS),
    ('z', NORMAL),
    ('p', TRAIT_PLACES),
    ('q', CONSEQUENCE),
];
/// Traits whose p is by the normal distribution; absent where none's is.
pub(super) const NORMAL: &str = "/traits/normal";
/// Where proteins' genes start; absent, with what lies beside it, where traits are no proteins.
pub(super) const TRAIT_PLACES: &str = "/traits/tss";
/// What hits' variants do to the protein's gene; absent where the genotype files do not tell.
pub(super) const CONSEQUENCE: &str = "/hits/consequence";
/// Whether they change the protein; lies beside it.
pub(super) const CHANGES_PROTEIN: &str = "/hits/changes_protein";
/// Checksums of every byte; files of the first weeks lack them.
pub(super) const CHECKSUMS: &str = "/checksums";
/// Regions of shards that failed; absent where none did.
pub(super) const FAILED_REGIONS: &str = "/qc/failed_regions";
/// Compact: a variant's row r of the scores, or −1 − r of the full rows; absent where every variant has its own scores.
pub(super) const ASSOC_ROW: &str = "/assoc/row";
/// Compact: a variant's row of [`RESIDUAL_SQUARE`]; absent where there is but one.
pub(super) const ASSOC_MODEL: &str = "/assoc/model";
/// Compact: null models × traits.
pub(super) const RESIDUAL_SQUARE: &str = "/traits/residual_square";
/// Compact: the chromosome of each null model.
pub(super) const MODEL_CHROM: &str = "/traits/model_chrom";
/// Most null models that a compact store has: one a chromosome or contig.
pub(super) const MAX_MODELS: usize = 1 << 12;
/// Cells of a chunk of /assoc matrices at most: 128 KiB of f32.
const CHUNK_CELLS: usize = 32 * 1024;
/// Traits of a chunk at most: 32 of 3,000 are 1.1 % of the bytes.
const CHUNK_TRAITS: usize = 32;

/// Bytes of a row of /variants: five numbers, four references of 16 bytes and an ID's place in the heap.
const VARIANT_BYTES: u64 = 130;
/// Bytes of a trait in /traits and /qc, most of them its histograms.
const TRAIT_BYTES: u64 = 4500;
/// Bytes of a row of /hits.
const HIT_BYTES: u64 = 40;

/// What a results file keeps of the pairs; root attribute `store`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Store {
    /// β and SE of every pair.
    #[default]
    Full,
    /// The score of every pair, and what gives β and SE back.
    Compact,
    /// Hits alone.
    Hits,
}

impl Store {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Full, Self::Compact, Self::Hits];

    /// Name in the file and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Compact => "compact",
            Self::Hits => "hits",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|store| store.name() == name)
    }

    /// Its matrices: where they lie and their shapes.
    pub(super) fn matrices(self, n_traits: usize, n_masks: usize) -> Vec<(&'static str, MatrixShape)> {
        let of = |columns, full| MatrixShape { columns, full };
        match self {
            Self::Full => vec![("/assoc/beta", of(n_traits, false)), ("/assoc/se", of(n_traits, false))],
            Self::Compact => vec![
                ("/assoc/score", of(n_traits, false)),
                ("/assoc/d", of(n_masks, false)),
                ("/assoc/full_beta", of(n_traits, true)),
                ("/assoc/full_se", of(n_traits, true)),
            ],
            Self::Hits => Vec::new(),
        }
    }
}

/// Everything about the columns of a results file that is known before the first row.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultsHeader {
    /// Columns of the matrices, in order.
    pub traits: Vec<TraitInfo>,
    /// Analysed samples.
    pub n_samples: u32,
    /// Pairs with at least this −log10 p are in /hits.
    pub hit_log10p: f64,
    /// What is kept of the pairs.
    pub store: Store,
    /// What is known of the traits, in their order, where they are proteins; empty otherwise.
    pub proteins: Vec<Protein>,
    /// Bases on either side of a protein's TSS within which pairs were left out, where they were.
    pub left_out_window: Option<u32>,
}

impl ResultsHeader {
    /// Shapes of the store's matrices, in its order.
    pub fn matrix_shapes(&self) -> Vec<MatrixShape> {
        self.matrices().into_iter().map(|(_, shape)| shape).collect()
    }

    pub(super) fn matrices(&self) -> Vec<(&'static str, MatrixShape)> {
        self.store.matrices(self.traits.len(), self.n_masks())
    }

    /// Distinct patterns of missing trait values; /traits/mask is below it.
    pub fn n_masks(&self) -> usize {
        self.traits.iter().map(|info| info.mask as usize + 1).max().unwrap_or(0)
    }
}

/// One row of /traits.
#[derive(Debug, Clone, PartialEq)]
pub struct TraitInfo {
    /// Name as in the table.
    pub name: String,
    /// Analysed samples with a value.
    pub n: u32,
    /// Traits with one pattern of missing values share a mask.
    pub mask: u32,
    /// Covariates' columns that stand, intercept included: a pair has OBS_CT − df_covariates − 1 degrees of freedom.
    pub df_covariates: u32,
    /// [`norna_kernels::Status`] of the trait, as its code.
    pub status: u8,
    /// Mean as analysed; NaN where not known.
    pub mean: f64,
    /// Standard deviation as analysed (n − 1); NaN where not known.
    pub sd: f64,
    /// Tested by a score: β/SE is a standard normal number under the null, and p is by the normal distribution.
    pub normal: bool,
}

impl TraitInfo {
    /// Degrees of freedom of a pair without missing genotypes; may be negative, and is infinite for a score test.
    pub fn degrees_of_freedom(&self) -> f64 {
        if self.normal { f64::INFINITY } else { f64::from(self.n) - f64::from(self.df_covariates) - 1.0 }
    }
}

/// What the run knows at its end and /qc keeps, beside what the writer counts itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Qc {
    /// What was read, dropped and kept.
    pub ledger: Ledger,
    /// Eigenvalues of the traits' correlation, largest first; may be empty.
    pub eigenvalues: Vec<f64>,
    /// Cases per trait, for binary traits.
    pub case_counts: Option<Vec<u32>>,
    /// Where shards failed, whose rows are not in the file; empty where none did.
    pub failed_regions: Vec<String>,
}

/// The drop ledger: samples, variants and traits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    /// Samples of the genotype files.
    pub samples: LedgerTable,
    /// Rows (record × ALT) of the genotype files.
    pub variants: LedgerTable,
    /// Columns of the trait tables.
    pub traits: LedgerTable,
}

/// One table of the ledger, in the order it is told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LedgerTable {
    /// Its rows.
    pub entries: Vec<LedgerEntry>,
}

/// One count.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerEntry {
    /// What is counted.
    pub name: String,
    /// Its part in the sum.
    pub role: LedgerRole,
    /// How many.
    pub count: u64,
}

/// The part of a count in the sum input = kept + dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerRole {
    /// What came in.
    Input,
    /// What went on.
    Kept,
    /// What was left out, for one reason.
    Dropped,
    /// Worth knowing, no part of the sum.
    Note,
}

impl LedgerRole {
    /// Name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Kept => "kept",
            Self::Dropped => "dropped",
            Self::Note => "note",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Input, Self::Kept, Self::Dropped, Self::Note].into_iter().find(|role| role.name() == name)
    }
}

impl LedgerTable {
    /// Adds a count at the end.
    pub fn push(&mut self, name: impl Into<String>, role: LedgerRole, count: u64) {
        self.entries.push(LedgerEntry { name: name.into(), role, count });
    }

    /// Sum of the counts in a role.
    pub fn total(&self, role: LedgerRole) -> u64 {
        self.entries.iter().filter(|entry| entry.role == role).fold(0, |sum, entry| sum.saturating_add(entry.count))
    }

    /// Whether input = kept + dropped.
    pub fn adds_up(&self) -> bool {
        let out = self.total(LedgerRole::Kept).checked_add(self.total(LedgerRole::Dropped));
        out == Some(self.total(LedgerRole::Input))
    }
}

/// Chunk of a variants × columns matrix as (rows, columns).
///
/// A chunk is read whole, so one trait of T costs width/T of the bytes: at most 32 columns keep that at 1.1 % of
/// 3,000 traits. Rows fill 128 KiB, so that a region reads pieces large enough for any file system and rows that it
/// did not ask for are at most 1,023 at each end. Widths are evened out, so that the last chunk is not mostly padding.
pub(super) fn chunk_shape(n_variants: usize, n_columns: usize) -> (usize, usize) {
    let width = n_columns.div_ceil(n_columns.div_ceil(CHUNK_TRAITS).max(1)).max(1);
    let rows = (CHUNK_CELLS / width).max(1);
    let rows = 1 << rows.ilog2();
    (rows.min(n_variants.max(1)), width)
}

/// Bytes of a file without and with missing genotypes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeRange {
    /// No genotype is missing.
    pub least: u64,
    /// Every variant has missing genotypes, in all masks.
    pub most: u64,
}

/// Bytes of a results file of `n_traits` traits in `n_masks` masks, whose pairs are hits in a share of `hit_p`, as under the
/// null. `drops`: samples without a genotype are left out, so that variants with some are counted by mask, and full in a
/// compact store. Pairs without a number, ranks that covariates lose and a compact store's exact pairs come on top.
pub fn results_bytes(
    store: Store,
    n_variants: u64,
    (n_traits, n_masks): (u64, u64),
    hit_p: f64,
    drops: bool,
) -> SizeRange {
    let whole = |n: u64, chunk: usize| n.next_multiple_of(chunk as u64);
    let matrix = |shape: &MatrixShape| {
        let (rows, width) = chunk_shape(n_variants as usize, shape.columns);
        4 * whole(n_variants, rows) * whole(shape.columns as u64, width)
    };
    let matrices = store.matrices(n_traits as usize, n_masks as usize);
    let of = |full: bool| matrices.iter().filter(|(_, shape)| shape.full == full).map(|(_, shape)| matrix(shape)).sum();
    let (scored, full): (u64, u64) = (of(false), of(true));
    let n_missing = match store {
        Store::Full | Store::Compact => matrix(&MatrixShape { columns: n_masks as usize, full: false }),
        Store::Hits => 0,
    };
    let hits = (hit_p.min(1.0) * n_variants as f64 * n_traits as f64).ceil() as u64;
    let rest = VARIANT_BYTES * n_variants + TRAIT_BYTES * n_traits + HIT_BYTES * whole(hits, LIST_CHUNK);
    let most = if drops { scored.max(full) + n_missing } else { scored };
    SizeRange { least: scored + rest, most: most + rest }
}

/// Column ranges of the chunks.
pub(super) fn column_blocks(n_columns: usize, width: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n_columns.div_ceil(width)).map(move |block| block * width..((block + 1) * width).min(n_columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_trait_of_3000_touches_at_most_two_percent() {
        let (rows, width) = chunk_shape(20_000_000, 3000);
        assert!(width as f64 / 3000.0 <= 0.02);
        assert_eq!((rows, width), (1024, 32));
    }

    #[test]
    fn chunks_are_whole_for_few_traits_and_short_files() {
        assert_eq!(chunk_shape(1 << 30, 1), (32768, 1));
        assert_eq!(chunk_shape(100, 1), (100, 1));
        assert_eq!(chunk_shape(0, 5).0, 1);
        assert_eq!(chunk_shape(1 << 30, 33), (1024, 17));
        for n in 1..200 {
            let (rows, width) = chunk_shape(1 << 30, n);
            assert!(width <= 32 && rows * width * 4 <= 128 * 1024 && rows * width * 4 > 32 * 1024);
            assert_eq!(column_blocks(n, width).map(|block| block.len()).sum::<usize>(), n);
        }
    }

    #[test]
    fn ledger_adds_up_or_says_not() {
        let mut table = LedgerTable::default();
        table.push("rows", LedgerRole::Input, 10);
        table.push("maf", LedgerRole::Dropped, 4);
        table.push("half-calls", LedgerRole::Note, 99);
        table.push("tested", LedgerRole::Kept, 6);
        assert!(table.adds_up());
        table.push("geno", LedgerRole::Dropped, u64::MAX);
        assert!(!table.adds_up());
    }
}
