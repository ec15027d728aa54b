//! Molecular phenotypes: from the laboratory's file (`raw`) to the matrix that is tested (`matrix`), each step chosen and counted.
//!
//! The way of the data: `format/proteins` reads a file into a [`RawTable`]; steps make a [`ProteinMatrix`] of it; genes are
//! put beside its proteins; `store/` keeps it as proteins.h5; `cohort` takes its rows as traits.

pub mod build;
pub mod components;
mod cut;
mod error;
mod lanczos;
mod lod;
mod logs;
pub mod matrix;
mod missing;
mod open;
mod options;
mod outliers;
pub mod places;
pub mod process;
mod qc;
pub mod raw;
mod repeats;
mod samples;
mod step;
mod terms;

pub use error::ProteinsError;
pub use matrix::{Gene, Protein, ProteinMatrix, Strand, strand_sign};
pub use open::open;
pub use options::{LodRule, LogRule, OutlierRule, ProcessOptions, QcRule, RepeatsRule, Transform};
pub use process::{Genes, Processed, process};
pub use raw::{Measurement, Panel, Qc, RawProtein, RawTable, Scale, TableLayout, flag};
pub use step::Step;
