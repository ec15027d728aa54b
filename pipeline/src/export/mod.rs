//! Results on their way out: one stream of pairs ([`rows`]), through which a disclosure filter looks, and the formats that
//! take from it.

pub mod cells;
pub mod cis;
mod error;
pub mod file_names;
pub mod folder;
pub mod gate;
pub mod gwas_ssf;
pub mod hits;
pub mod indexed;
pub mod layout;
pub mod number;
pub mod order;
pub mod output;
pub mod pair;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod per_trait;
pub mod places;
mod plan;
pub mod plink;
pub mod regenie;
pub mod replace;
pub mod rows;
pub mod select;
pub mod study;
pub mod text;
pub mod top;
pub mod tsv;

pub use error::ExportError;
pub use plan::ExportPlan;
pub use tsv::write_pairs;
