//! What can go wrong with a store, in one line each: the file, the object in it, what was found.

use std::io;
use std::path::{Path, PathBuf};

/// Errors of writing and reading norna's HDF5 files.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system said no.
    #[error("{}: {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// The HDF5 library said no.
    #[error("{}: {object}: {detail}", path.display())]
    Hdf5 {
        /// The file.
        path: PathBuf,
        /// The object in the file, or what was tried with the whole.
        object: String,
        /// The library's words.
        detail: String,
    },
    /// Something else than a results file of norna.
    #[error("{}: not a results file of norna: {detail}", path.display())]
    NotNorna {
        /// The file.
        path: PathBuf,
        /// What was seen.
        detail: String,
    },
    /// A results file of another version of the format.
    #[error(
        "{}: format version {found}, and this norna reads version {supported}: use the norna that wrote it ({writer})",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Version that is read.
        supported: u32,
        /// `norna_version` of the file.
        writer: String,
    },
    /// A results file whose parts do not fit together.
    #[error("{}: {object}: {problem}; the file is damaged, make it again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The object in the file.
        object: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// The caller gave the store something it cannot hold, or asked for what is not there.
    #[error("{}: {problem}", path.display())]
    Argument {
        /// The file.
        path: PathBuf,
        /// What was given and what was expected.
        problem: String,
    },
}

/// Names the file in every error made while it is worked on.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: PathBuf,
}

impl Place {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf() }
    }

    /// Turns an answer of the library about `object` into ours.
    pub(super) fn h5<T>(&self, object: &str, answer: hdf5::Result<T>) -> Result<T, StoreError> {
        answer.map_err(|error| StoreError::Hdf5 {
            path: self.path.clone(),
            object: object.to_owned(),
            detail: one_line(&error.to_string()),
        })
    }

    pub(super) fn io(&self, action: &'static str, source: io::Error) -> StoreError {
        StoreError::Io { path: self.path.clone(), action, source }
    }

    pub(super) fn not_norna(&self, detail: impl Into<String>) -> StoreError {
        StoreError::NotNorna { path: self.path.clone(), detail: detail.into() }
    }

    pub(super) fn not_hdf5(&self, error: &hdf5::Error) -> StoreError {
        self.not_norna(format!("HDF5 cannot open it ({})", one_line(&error.to_string())))
    }

    pub(super) fn malformed(&self, object: &str, problem: impl Into<String>) -> StoreError {
        StoreError::Malformed { path: self.path.clone(), object: object.to_owned(), problem: problem.into() }
    }

    pub(super) fn argument(&self, problem: impl Into<String>) -> StoreError {
        StoreError::Argument { path: self.path.clone(), problem: problem.into() }
    }
}

/// The library's messages can have lines; ours have one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
