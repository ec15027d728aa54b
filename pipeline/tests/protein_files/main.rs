//! Laboratories' files into one raw table: every layout from small texts, the shared examples value by value, damaged files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[path = "../support/mod.rs"]
mod support;

mod damage;
mod layouts;
mod made;
mod olink;
mod parquet;
