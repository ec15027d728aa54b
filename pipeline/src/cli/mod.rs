//! cli

pub mod export;
pub mod info;
pub mod top;
