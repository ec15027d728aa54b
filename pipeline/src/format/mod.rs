//! format
pub mod bgzip;
