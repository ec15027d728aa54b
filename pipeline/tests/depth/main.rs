//! `norna depth`: against mosdepth, against depths counted the slow way, and whatever way the work is cut.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod cuts;
mod made;
mod peers;
mod refusals;
mod rules;
mod samples;
mod verify;
