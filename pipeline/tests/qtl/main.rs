//! `norna qtl` near genes: against an oracle of its own formulas, the same bits however the work is cut, and what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod made;
mod oracle;
mod refusals;
mod same;
mod stops;
