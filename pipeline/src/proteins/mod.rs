//! Molecular phenotypes: from the laboratory's file (`raw`) to the matrix that is tested (`matrix`), each step chosen and counted.
//!
//! The way of the data: `format/proteins` reads a file into a [`RawTable`]; steps make a [`ProteinMatrix`] of it; genes are
//! put beside its proteins; `store/` keeps it as proteins.h5; `cohort` takes its rows as traits.

mod error;
pub mod matrix;
mod open;
pub mod raw;

pub use error::ProteinsError;
pub use matrix::{Gene, Protein, ProteinMatrix, Strand, strand_sign};
pub use open::open;
pub use raw::{Measurement, Panel, Qc, RawProtein, RawTable, Scale, TableLayout, flag};
