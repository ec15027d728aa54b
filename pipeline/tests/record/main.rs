//! What a file says of how it was made, `norna rerun`, content digests and `norna diff`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod differ;
mod digests;
mod rerun;
#[path = "../store_common/mod.rs"]
mod store_common;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use support::study::Study;
use support::tools;

/// GEUVADIS: 358 people, 20 traits, covariates.
fn results() -> &'static (Study, PathBuf) {
    static MADE: OnceLock<(Study, PathBuf)> = OnceLock::new();
    MADE.get_or_init(|| {
        let study = Study::geuvadis_slice();
        let path = study.assoc("results.h5", &["--maf", "0.1"]);
        (study, path)
    })
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `norna info --json`.
fn info(path: &Path) -> Value {
    let said = tools::run(&mut tools::norna(["info", text(path), "--json"])).ok();
    serde_json::from_str(&said.stdout).unwrap()
}

fn digest(path: &Path) -> String {
    info(path)["content_digest"].as_str().unwrap().to_owned()
}
