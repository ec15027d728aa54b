//! Why proteins cannot be read or processed. No message repeats a sample ID.

use crate::format::genes::GeneFileError;
use crate::format::proteins::ProteinFileError;
use crate::format::table::TableError;
use crate::format::table_text::TextError;
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
    /// An annotation, or a map of accessions.
    #[error(transparent)]
    Genes(#[from] GeneFileError),
    /// A list of samples.
    #[error(transparent)]
    List(#[from] TableError),
    /// A sample map.
    #[error(transparent)]
    Text(#[from] TextError),
    /// What was asked for cannot be done with these data.
    #[error("{0}")]
    Refused(String),
}
