//! Where the stages meet.

pub mod assoc;
mod attempt;
mod bands;
mod begin;
mod compute;
mod copies;
mod course;
pub mod depth;
mod estimate;
mod fault;
mod finalise;
mod finish;
mod genotypes;
pub mod grid;
pub mod identity;
mod identity_job;
pub mod join;
mod lock;
mod null_models;
pub mod options;
pub mod qtl;
pub mod reads;
mod rows;
pub mod run_record;
pub mod schedule;
mod session;
pub mod status;
mod stop;
mod study;
mod summary;
pub mod tester;
pub mod time_limit;
pub(crate) mod trait_correlation;
mod work_queue;
pub mod workdir;
mod worker;

/// Flags that cannot be meant; the process ends with another code than for input that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// A run ended in good order without results; the same command goes on with it. Said by the log.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub struct Stopped;

/// A run ended with results that lack the shards which failed. Said by the log.
#[derive(Debug, thiserror::Error)]
#[error("shards failed")]
pub struct Incomplete;
