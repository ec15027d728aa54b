//! Pure compute kernels of norna: slices in, slices out. No files, no MPI, no threads, no logging.
//!
//! The way of the data: a [`CovariateBasis`] and traits make a [`NullModel`]; a [`GenotypeBlock`] with its
//! [`AlleleCounts`] goes through [`LinearTest::test_block`] and comes out as [`LinearRows`]. Every floating-point sum
//! has one order, whatever the instruction set, the block or the other traits (docs/statistics.md).

mod arch;
mod block;
mod counts;
pub mod depth;
mod gemm;
pub mod identity;
mod inner_products;
pub mod linkage;
mod null_model;
mod reads;
pub mod scan;
mod small_matrix;
mod stat;
mod status;

/// Raised whenever a bit of a result may come out otherwise than before, so that results of two versions are never mixed.
pub const NUMERIC_VERSION: u32 = 2;

pub use arch::{Isa, isa, isa_checked};
pub use block::{GenotypeBlock, GenotypeKind, MISSING_CALL};
pub use counts::{AlleleCounts, allele_counts};
pub use inner_products::VectorSet;
pub use null_model::basis::{CovariateBasis, DropReason, DroppedColumn};
pub use null_model::logistic::LogisticNull;
pub use null_model::{ForEach, NullModel};
pub use reads::block::LikelihoodBlock;
pub use reads::likelihood::{Allele, LikelihoodTable, Observation};
pub use reads::posterior::{Posteriors, SiteFrequency};
pub use stat::beta_approximation::{self, BetaFit};
pub use stat::genomic_control;
pub use stat::genotype_likelihood::two_valued::{Genotypes, LogisticScratch, LogisticTest};
pub use stat::genotype_likelihood::{ReadsScratch, ReadsTest};
pub use stat::hwe::hwe_exact_p;
pub use stat::linear::compact::{COMPACT_TOLERANCE, ScoreScale, stands_for};
pub use stat::linear::rows::{LinearHit, LinearRows};
pub use stat::linear::scratch::LinearScratch;
pub use stat::linear::{LinearTest, MissingPolicy};
pub use stat::order_statistic;
pub use stat::permutation::{self, PermutationScratch, PermutedTrait};
pub use stat::qvalue::{self, QValues};
pub use stat::student;
pub use status::Status;
