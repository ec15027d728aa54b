//! Why no report is made.

use std::io;
use std::path::{Path, PathBuf};

use crate::clump::ClumpError;
use crate::store::StoreError;

/// Why no report is made.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The results file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Leads or what is around them.
    #[error(transparent)]
    Clump(#[from] ClumpError),
    /// Something is there already.
    #[error("{path}: exists; --force replaces a report")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// What is there must not be replaced.
    #[error("{path}: {problem}")]
    Refused {
        /// As named by the user.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A file of the report could not be written.
    #[error("{path}: cannot write: {cause}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The copy of Plotly.js that is compiled in is not what it was.
    #[error("the chart library that is compiled in has another shape than expected; this norna cannot make reports")]
    Library,
}

impl PageError {
    pub(super) fn write(path: &Path, cause: impl Into<io::Error>) -> Self {
        Self::Write { path: path.to_path_buf(), cause: cause.into() }
    }

    pub(super) fn refused(path: &Path, problem: impl Into<String>) -> Self {
        Self::Refused { path: path.to_path_buf(), problem: problem.into() }
    }
}
