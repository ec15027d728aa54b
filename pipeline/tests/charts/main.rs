//! What charts show, against the same made again from exported tables; the charts themselves as SVG.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod made;
mod plotted;
mod qq;
mod scanned;
