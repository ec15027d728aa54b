//! What goes wrong on the way out.

use std::io;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// Errors of export and top.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The results file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output.
    #[error("{}: cannot write: {cause}", path.display())]
    Write {
        /// The output.
        path: PathBuf,
        /// The system's answer; part of the message, so no `source`.
        cause: io::Error,
    },
    /// The output exists.
    #[error("{}: exists; remove it, or give --force to replace it", path.display())]
    Exists {
        /// The output.
        path: PathBuf,
    },
    /// The output is there and of somebody else.
    #[error("{}: exists and is not {what} that norna wrote; remove it or choose another name", path.display())]
    NotOurs {
        /// The output.
        path: PathBuf,
        /// What it would have to be.
        what: &'static str,
    },
    /// The output is what is read.
    #[error("{}: this is a file that the command reads, and would be lost: write to another file", path.display())]
    IsInput {
        /// The output.
        path: PathBuf,
    },
    /// The output is no file.
    #[error("{}: {what}, not a file to write a table to", path.display())]
    NotAFile {
        /// The output.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The output is to be a folder.
    #[error("{}: is there and no folder; this format writes a folder: choose another name", path.display())]
    NotAFolder {
        /// The output.
        path: PathBuf,
    },
    /// A folder holds what norna export did not write.
    #[error("{}: norna export did not write this, and --force would lose it: remove it, or choose another folder", path.display())]
    Foreign {
        /// What is there.
        path: PathBuf,
    },
    /// The facts of a study.
    #[error("--study {}: {what}", path.display())]
    Study {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Two traits would be one file.
    #[error(
        "traits {a:?} and {b:?} would both be written to {file}: export them one by one, into folders of their own"
    )]
    SameFile {
        /// One trait.
        a: String,
        /// Another.
        b: String,
        /// The file's name.
        file: String,
    },
    /// A chromosome that no variant is on.
    #[error("--chr or --region {chrom}: no variant of the file is on it; the file has {known}")]
    NoSuchChromosome {
        /// As given, without `chr`.
        chrom: String,
        /// The file's chromosomes.
        known: String,
    },
    /// A pattern without a trait.
    #[error("--trait {pattern}: none of the file's {n_traits} traits has this name or matches it as a glob")]
    NoSuchTrait {
        /// As given.
        pattern: String,
        /// Traits of the file.
        n_traits: usize,
    },
}

impl ExportError {
    pub(crate) fn write(path: &Path, cause: io::Error) -> Self {
        Self::Write { path: path.to_path_buf(), cause }
    }
}
