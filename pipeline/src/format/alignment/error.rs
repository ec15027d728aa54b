//! Why an alignment file is refused. No path and no name from the file is in a message: file names are often sample IDs, so
//! that whoever opens the file says which one it is.

use std::io;

use crate::format::fasta::FastaError;

/// An error of one BAM or CRAM file.
#[derive(Debug, thiserror::Error)]
pub enum AlignmentError {
    /// Reading failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A pipe, a folder, a device.
    #[error("not a regular file: reads are sought by region, so that pipes and standard input cannot be read")]
    NotAFile,
    /// The bytes are of something else.
    #[error("neither BAM nor CRAM: {0}")]
    OtherFormat(&'static str),
    /// The end is missing.
    #[error("truncated: the end-of-file mark is missing; copy or make the file again")]
    Truncated,
    /// CRAM without leave.
    #[error(
        "a CRAM file: its decoders are many and the most attacked part of any reader of reads; give --allow-cram for files \
         that you trust, or turn it into BAM (samtools view -b)"
    )]
    CramNotAllowed,
    /// CRAM without bases to decode it by.
    #[error("a CRAM file is read by its reference: give --fasta (it is never downloaded)")]
    CramWithoutFasta,
    /// A version that is not read.
    #[error("CRAM version {0}.{1} is not read; 3.0 and 3.1 are")]
    CramVersion(u8, u8),
    /// The header is refused.
    #[error("header: {0}")]
    Header(String),
    /// Records are not in the order of positions.
    #[error("not sorted by position ({0}); sort it (samtools sort) and index it anew")]
    Unsorted(String),
    /// There is no index.
    #[error("no index beside it ({0}); make one with samtools index")]
    NoIndex(&'static str),
    /// The index is refused.
    #[error("index: {0}; make it again with samtools index")]
    Index(String),
    /// There is not what the index says, at a place that it gives.
    #[error(
        "no {0} at a place that the index gives: index and file do not fit together (samtools index makes it anew), or the \
         file is damaged"
    )]
    Unfit(&'static str),
    /// A record is refused.
    #[error("a record near {place}: {problem}; the file is damaged, copy or make it again")]
    Record {
        /// REFERENCE:POS (1-based), as far as known.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// The decoder gave up.
    #[error("CRAM near {place}: {problem}")]
    Cram {
        /// REFERENCE:POS (1-based).
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// The reference sequences failed.
    #[error(transparent)]
    Fasta(#[from] FastaError),
}
