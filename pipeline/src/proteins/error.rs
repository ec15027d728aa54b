//! Why proteins cannot be read or processed. No message repeats a sample ID.

use crate::format::proteins::ProteinFileError;
use crate::store::StoreError;

/// Why there is no matrix of proteins.
#[derive(Debug, thiserror::Error)]
pub enum ProteinsError {
    /// A proteins.h5.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A laboratory's file, or a BED.
    #[error(transparent)]
    File(#[from] ProteinFileError),
    /// What was asked for cannot be done with these data.
    #[error("{0}")]
    Refused(String),
}
