//! Tables of proteins as laboratories send them, one layout a file, all into one [`RawTable`](crate::proteins::RawTable).

pub mod error;
pub mod phenotype_bed;

pub use error::ProteinFileError;
