//! norna: association of variants with many traits, sharded over MPI ranks, into one HDF5 file.
//!
//! Data flows one way: [`source`] → [`shard`] → kernels → [`sink`] → [`store`]. Only [`run`] joins the stages.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod bench;
pub mod charts;
pub mod cli;
pub mod clump;
pub mod cohort;
pub mod comm;
pub mod depth;
pub mod diff;
pub mod disclosure;
pub mod export;
pub mod format;
pub mod identity;
mod in_order;
pub mod page;
pub mod plan;
pub mod proteins;
pub mod provenance;
pub mod qtl;
pub mod report;
pub mod run;
pub mod shard;
pub mod simulate;
pub mod sink;
pub mod slurm;
pub mod source;
pub mod store;
