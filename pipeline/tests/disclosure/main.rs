//! `norna disclose`, rule by rule, and on real people's results.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod command;
mod made;
mod rules;
#[path = "../store_common/mod.rs"]
mod store_common;
#[path = "../support/mod.rs"]
mod support;
