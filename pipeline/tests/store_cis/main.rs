//! cis.h5: what is written comes back, here and in h5py; its tables; a damaged file is refused in one line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../store_common/mod.rs"]
mod store_common;
#[path = "../support/mod.rs"]
mod support;

mod contents;
mod made;
mod soundness;
mod tables;
