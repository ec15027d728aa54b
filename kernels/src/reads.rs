//! From genotype likelihoods to what tests take: allele frequency, expected genotype and what is left uncertain of it.

pub(crate) mod likelihood;
