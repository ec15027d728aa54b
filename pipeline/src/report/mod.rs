//! What people read: log lines, progress, resources, provenance.

pub mod digits;
pub mod logger;
pub mod plan;
pub mod progress;
pub mod provenance;
pub mod resources;
pub mod stdout;
pub mod usage;
pub mod words;
