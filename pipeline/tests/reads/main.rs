//! norna reads and norna assoc --bam-list from the command line, on simulated reads whose truth is known and on real ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod file;
mod made;
mod same;
mod stops;
mod tests_of_traits;
