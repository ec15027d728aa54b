//! One statistic per file.

pub mod beta_approximation;
pub mod genomic_control;
pub(crate) mod genotype_likelihood;
pub(crate) mod hwe;
pub(crate) mod linear;
pub mod order_statistic;
pub mod permutation;
pub mod qvalue;
pub mod student;
