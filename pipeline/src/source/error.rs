//! Why genotype input stops a run. Samples are named by their number in the file, never by their ID.

use std::path::Path;

use crate::format::index::IndexError;
use crate::format::regions::RegionError;
use crate::format::vcf_header::HeaderError;

/// An error of the genotype input.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// An index after whose last place records follow.
    #[error(
        "{path}: its index does not cover it (it is of another, an earlier or a partial file): bcftools index -f {path}"
    )]
    NotCovered {
        /// The file.
        path: String,
    },
    /// A file out of which no stretch can be read.
    #[error(
        "{path}: no index (.csi or .tbi) is beside it: windows are read by it; bgzip the file if it is not, then bcftools index {path}"
    )]
    NotIndexed {
        /// The file.
        path: String,
    },
    /// A file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A header is refused.
    #[error("{path}: {source}")]
    Header {
        /// The file.
        path: String,
        /// Why.
        source: HeaderError,
    },
    /// There is nobody to analyse.
    #[error("{path}: no samples: the file has sites only; give one with genotypes")]
    NoSamples {
        /// The file.
        path: String,
    },
    /// An index is refused.
    #[error("{path}: {source}")]
    Index {
        /// The index.
        path: String,
        /// Why.
        source: IndexError,
    },
    /// A record is refused.
    #[error("{path}: {place}: {field}: {problem}")]
    Record {
        /// The file.
        path: String,
        /// Line or record and CHROM:POS, as far as known.
        place: String,
        /// The column or key.
        field: String,
        /// What is wrong.
        problem: String,
    },
    /// Reading stopped within the records.
    #[error("{path}: {place}: {source}")]
    RecordIo {
        /// The file.
        path: String,
        /// Line or record and CHROM:POS of the last record, as far as known.
        place: String,
        /// Why.
        source: std::io::Error,
    },
    /// Files of one run differ in their samples.
    #[error("{path}: its samples are not those of {first}: {problem}")]
    SamplesDiffer {
        /// The file that differs.
        path: String,
        /// The first file.
        first: String,
        /// How, in counts.
        problem: String,
    },
    /// What reads show cannot be had back from where it was kept.
    #[error("{0}")]
    Spool(String),
    /// Regions are refused.
    #[error("{0}")]
    Region(#[from] RegionError),
    /// An option's value is refused.
    #[error("{option}: {problem}")]
    Option {
        /// The option.
        option: &'static str,
        /// What is wrong.
        problem: String,
    },
}

impl SourceError {
    /// Whether the command line is at fault, and no file.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Option { .. } | Self::Region(RegionError::Region { .. }))
    }

    /// A failure to read `path`.
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.display().to_string(), source }
    }

    /// A refused value of an option.
    pub(crate) fn option(option: &'static str, problem: impl Into<String>) -> Self {
        Self::Option { option, problem: problem.into() }
    }
}
