//! `norna proteins` and its file: each step against an oracle, sound files and damaged ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod command;
mod genes;
mod made;
mod npx;
mod steps;
mod store;
mod terms;
