//! Depth of coverage by windows or regions and by chromosome, from alignment files, in one pass (docs/depth.md).
//!
//! The genome is cut into chunks, samples into batches; a cell of that grid gives whole numbers, so that neither the cuts
//! nor the order of anything can be seen in the depths.

mod coverage;
mod job;
mod partial;
mod plan;
mod summary;
mod table;
mod windows;

pub use coverage::ReadRules;
pub use job::{DepthJob, ReadCounts, STRETCH, SampleFile};
pub use plan::{Cuts, Interval};
pub use summary::Summaries;
pub use table::{TableError, TableMaker};
pub use windows::{Chromosome, WindowError, Windows};
