//! A simulation of how shards come to threads, from the timings of real ones: thousands of ranks, slow and failing nodes.
//!
//! `cargo run --release -p norna-benches --bin claim_simulation`; docs/scaling.md says what came of it.

pub mod dealing;
pub mod joining;
pub mod random;
pub mod serial;
pub mod study;
pub mod timings;
