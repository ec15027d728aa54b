//! What can be wrong with traits, covariates and sample lists. One line each, with the file, the line, the column and
//! what to do; never a sample ID.

use thiserror::Error;

use crate::format::loco::LocoError;
use crate::format::sex::SexError;
use crate::format::table::TableError;
use crate::format::table_text::TextError;
use crate::proteins::ProteinsError;

/// Why no cohort could be made of the files.
#[derive(Debug, Error)]
pub enum CohortError {
    /// A file is not the table or list that it should be.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A file of sexes could not be read.
    #[error(transparent)]
    Sex(#[from] SexError),
    /// A file of proteins could not be read.
    #[error(transparent)]
    Proteins(#[from] ProteinsError),
    /// Predictions could not be read.
    #[error(transparent)]
    Loco(#[from] LocoError),
    /// A trait without predictions.
    #[error(
        "{path}: no predictions for {n} of {n_traits} traits ({names}); add them, or leave the traits out with --pheno-name"
    )]
    NoPredictions {
        /// The list.
        path: String,
        /// How many.
        n: usize,
        /// Of how many.
        n_traits: usize,
        /// The first few by name.
        names: String,
    },
    /// A prediction that one chromosome lacks and another has.
    #[error(
        "{path}: chromosome {chrom}: {n} samples have no prediction although they have one on the first chromosome of the \
         file; was the file cut or edited?"
    )]
    UnevenPredictions {
        /// The file.
        path: String,
        /// As asked for.
        chrom: String,
        /// Samples.
        n: usize,
    },
    /// Two genotype columns with one ID.
    #[error("genotypes: samples {first} and {second} have the same ID; sample IDs must be unique")]
    RepeatedGenotypeSample {
        /// 1-based place among the samples.
        first: usize,
        /// 1-based place among the samples.
        second: usize,
    },
    /// A sample with two rows.
    #[error("{path}: line {second}: the sample of line {first} comes again; keep one row for each sample")]
    RepeatedSample {
        /// The file.
        path: String,
        /// 1-based line.
        first: u64,
        /// 1-based line.
        second: u64,
    },
    /// A sample with two columns in a table whose columns are samples.
    #[error("{path}: columns {first} and {second} are the same sample; keep one column for each sample")]
    RepeatedSampleColumn {
        /// The file.
        path: String,
        /// 1-based column.
        first: u64,
        /// 1-based column.
        second: u64,
    },
    /// A row without an ID.
    #[error("{path}: line {line}: the sample ID is empty")]
    EmptySampleId {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
    },
    /// No row is of a genotyped sample.
    #[error("{path}: none of its {n_rows} samples is among the {n_genotyped} genotyped ones{cause}")]
    NoOverlap {
        /// The file.
        path: String,
        /// Samples in the file.
        n_rows: usize,
        /// Samples in the genotype files.
        n_genotyped: usize,
        /// The likely cause, starting with "; ", or nothing.
        cause: String,
    },
    /// A list to remove that does not match, for a reason that can be seen.
    #[error(
        "{path}: none of its {n_rows} samples to remove is among the {n_genotyped} genotyped ones, though they seem \
         meant to be{cause}"
    )]
    RemoveMismatch {
        /// The file.
        path: String,
        /// Samples in the list.
        n_rows: usize,
        /// Samples in the genotype files.
        n_genotyped: usize,
        /// The likely cause, starting with "; ".
        cause: String,
    },
    /// The first line looks like a row.
    #[error(
        "{path}: line 1 looks like data, not like column names; add a header line such as: IID{separator}NAME{separator}..."
    )]
    NoHeader {
        /// The file.
        path: String,
        /// The delimiter of the file.
        separator: char,
    },
    /// A table of IDs only.
    #[error("{path}: the table has no column besides the sample IDs")]
    NoValueColumns {
        /// The file.
        path: String,
    },
    /// A column without a name.
    #[error("{path}: column {column} has no name; name it (a delimiter at the end of the header makes such a column)")]
    UnnamedColumn {
        /// The file.
        path: String,
        /// 1-based.
        column: usize,
    },
    /// A row of a table whose rows are columns, without a name.
    #[error("{path}: line {line}: the row has no name")]
    UnnamedRow {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
    },
    /// Two columns of one file with one name.
    #[error("{path}: {place}s {first} and {second} are both named '{name}'; rename or remove one")]
    RepeatedColumn {
        /// The file.
        path: String,
        /// "column", or "line" where rows are the columns.
        place: &'static str,
        /// The name.
        name: String,
        /// 1-based.
        first: u64,
        /// 1-based.
        second: u64,
    },
    /// One column in two files.
    #[error("column '{name}' is in {first} and in {second}; rename it in one, or choose columns with {option}")]
    ColumnInTwoFiles {
        /// The name.
        name: String,
        /// The first file.
        first: String,
        /// The second file.
        second: String,
        /// The option that chooses.
        option: &'static str,
    },
    /// A requested column that is in no file.
    #[error("{option}: no column matches '{pattern}'{near}")]
    NoSuchColumn {
        /// The option.
        option: &'static str,
        /// As given.
        pattern: String,
        /// Columns of a like name, starting with "; ", or nothing.
        near: String,
    },
    /// A pattern that is none.
    #[error("{option}: '{pattern}' is not a pattern: {reason}")]
    BadPattern {
        /// The option.
        option: &'static str,
        /// As given.
        pattern: String,
        /// What the pattern's parser said.
        reason: String,
    },
    /// A cell that is not a number.
    #[error("{path}: line {line}: column '{column}': {value} is not a number{hint}")]
    NotANumber {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
        /// The column's name.
        column: String,
        /// The cell, described.
        value: String,
        /// What to do, starting with "; ".
        hint: &'static str,
    },
    /// An infinite number.
    #[error("{path}: line {line}: column '{column}': the value is infinite; write NA for a missing value")]
    Infinite {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
        /// The column's name.
        column: String,
    },
    /// A categorical covariate with too many levels.
    #[error(
        "{path}: covariate '{column}' has {n_levels} levels in {n_samples} samples (at most {max}); is it a column of IDs \
         or dates? leave it out with --covar-name"
    )]
    TooManyLevels {
        /// The file.
        path: String,
        /// The column's name.
        column: String,
        /// Distinct values, at least.
        n_levels: usize,
        /// Analysed samples.
        n_samples: usize,
        /// The most that is allowed.
        max: usize,
    },
    /// Traits of two values.
    #[error(
        "{n} of {n_traits} traits have two values only ({names}): a linear test of a yes/no trait gives effects and \
         p-values that are wrong for rare variants and uneven groups, and a logistic test is the right one; leave them \
         out with --pheno-name, or insist with --linear-on-binary"
    )]
    BinaryTraits {
        /// How many.
        n: usize,
        /// Of how many.
        n_traits: usize,
        /// The first few by name.
        names: String,
    },
    /// `--bt`, and a trait has other values.
    #[error(
        "trait {name} has {problem}: with --bt every trait is 0 (control) and 1 (case), or 1 and 2 as plink has them, and NA \
         where it is not known; recode it or leave it out with --pheno-name"
    )]
    NotTwoValued {
        /// The trait.
        name: String,
        /// What it has.
        problem: String,
    },
    /// Nobody is left.
    #[error("no sample is left to analyse: {account}")]
    NoSamples {
        /// The counts.
        account: String,
    },
}

impl From<TextError> for CohortError {
    fn from(error: TextError) -> Self {
        Self::Table(error.into())
    }
}
