//! `norna submit` and `norna profile`: choices and refusals, scripts as bash runs them, and what reaches sbatch.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

#[path = "../support/mod.rs"]
mod support;

mod choices;
mod place;
mod scripts;
