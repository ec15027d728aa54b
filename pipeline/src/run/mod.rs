//! Where the stages meet.

pub mod assoc;
mod bands;
mod estimate;
mod finalise;
mod null_models;
mod rows;
pub mod schedule;
mod summary;
pub(crate) mod trait_correlation;
mod work_queue;
pub mod workdir;
mod worker;

/// Flags that cannot be meant; the process ends with another code than for input that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);
