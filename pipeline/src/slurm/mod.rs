//! Slurm: what is known of clusters, as data, and the jobs that are made from it.

pub mod charge;
pub mod choice;
pub mod date;
pub mod jobs;
pub mod memory_fs;
pub mod node_local;
pub mod places;
pub mod probe;
pub mod profile;
pub mod profiles;
pub mod quote;
pub mod rungs;
pub mod script;
pub mod submit;
pub mod time;
pub mod tool;
