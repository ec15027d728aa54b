//! What a run says about itself: log lines, progress, resources, provenance.

pub mod logger;
pub mod progress;
pub mod provenance;
pub mod resources;
