//! Quantitative trait loci of molecular phenotypes: what is found near a phenotype's gene, and how it is told. `run/qtl` conducts
//! the search, `store/cis` keeps what it finds.

pub mod annotate;
pub mod cis_pairs;
pub mod rows;
pub mod shuffle;
pub mod windows;

pub use annotate::Annotator;
pub use cis_pairs::{CIS_WINDOW, CisPairs};
pub use rows::{CisPhenotype, CisStatus, Lead, NominalPair, Permuted, Signal, VariantKey};
