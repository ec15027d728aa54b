//! What people read: log lines, progress, resources, provenance, tables from a results file.

pub mod digits;
pub mod export;
pub mod export_cis;
pub mod export_hits;
pub mod export_output;
pub mod export_pair;
pub mod export_places;
pub mod export_select;
pub mod export_top;
pub mod logger;
pub mod plan;
pub mod progress;
pub mod provenance;
pub mod resources;
pub mod stdout;
pub mod usage;
pub mod words;
