//! From genotype likelihoods to what tests take: allele frequency, expected genotype and what is left uncertain of it.

pub(crate) mod block;
pub(crate) mod frequency;
pub(crate) mod likelihood;
pub(crate) mod posterior;
