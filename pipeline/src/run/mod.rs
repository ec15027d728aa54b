//! Where the stages meet.

pub mod assoc;
mod estimate;
mod finalise;
mod null_models;
pub mod schedule;
mod summary;
mod trait_correlation;
mod work_queue;
pub mod workdir;
mod worker;
