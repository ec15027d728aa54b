//! What charts of a results file show, out of one streaming pass over it: [`scan`] gives for each trait its Manhattan plot (bins
//! below a floor of −log10 p, every pair above it), its QQ plot and its leads. Plain data: who draws it does so as they like.
//!
//! Memory of a scan: of a batch of traits along the file's chunks (32 at most; 512 of a file of hits) the bins, 256 KB a trait, and
//! the pairs above the floor, thinned where they are too many; of the variants nothing but where chromosomes begin.

mod band;
pub mod draw;
mod edges;
mod genome;
mod hits;
mod leads;
mod manhattan;
mod qq;
mod scan;
mod variants;

pub use genome::{Chromosome, Genome};
pub use leads::Lead;
pub use manhattan::{LOG10P_BINS, Manhattan, Point};
pub use qq::{Qq, QqBand};
pub use scan::{ScanOptions, TraitScan, scan};
pub use variants::variants_at;
