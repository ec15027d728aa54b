//! Why a laboratory's file is refused. No message repeats a sample ID or a value that may be one.

use crate::format::table::TableError;
use crate::format::table_text::TextError;

/// Why a table of proteins is refused.
#[derive(Debug, thiserror::Error)]
pub enum ProteinFileError {
    /// The lines could not be read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Header or rows are not those of a table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The file as a whole.
    #[error("{path}: {problem}")]
    File {
        /// As named by the user.
        path: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A line, or a row of a file without lines.
    #[error("{path}: {unit} {line}: {problem}")]
    Line {
        /// As named by the user.
        path: String,
        /// "line", or "row" (Parquet).
        unit: &'static str,
        /// From 1.
        line: u64,
        /// What is wrong, and what to do.
        problem: String,
    },
}

impl ProteinFileError {
    pub(super) fn file(path: &str, problem: impl Into<String>) -> Self {
        Self::File { path: path.into(), problem: problem.into() }
    }

    pub(super) fn line(path: &str, line: u64, problem: impl Into<String>) -> Self {
        Self::Line { path: path.into(), unit: "line", line, problem: problem.into() }
    }
}
