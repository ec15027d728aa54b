//! Why input of reads stops a run. Files are named by their line in the list, never by path or sample.

use crate::format::alignment::AlignmentError;
use crate::format::bam_list::BamListError;
use crate::format::fasta::FastaError;

/// An error of the input of reads.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The list is refused.
    #[error("--bam-list: {0}")]
    List(#[from] BamListError),
    /// The reference is refused.
    #[error("--fasta: {0}")]
    Fasta(#[from] FastaError),
    /// A file is refused.
    #[error("{file}: {source}{others}")]
    File {
        /// The list and the line.
        file: String,
        /// Why.
        source: AlignmentError,
        /// How many other files are refused too.
        others: String,
    },
    /// Nothing tells whose reads a file has.
    #[error("{file}: {problem}; write the sample, a tab and the path on that line of the list")]
    NoSample {
        /// The list and the line.
        file: String,
        /// What is missing.
        problem: &'static str,
    },
    /// References differ.
    #[error("{file}: {problem}")]
    Reference {
        /// The list and the line.
        file: String,
        /// The first difference.
        problem: String,
    },
    /// The FASTA is another reference than the headers tell.
    #[error(
        "{file}: {problem}; give the FASTA that the reads were aligned to, or --allow-reference-mismatch if it is the header \
         that is wrong"
    )]
    Mismatch {
        /// The list and the line.
        file: String,
        /// The first difference.
        problem: String,
    },
    /// Sites do not belong to the reads.
    #[error("{0}")]
    Sites(String),
}
