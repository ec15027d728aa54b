//! `norna export`: its formats beside whom they are for (pyarrow, tabix, plink2, gwas-ssf), subsets, names, refusals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod formats;
mod memory;
mod refusals;
mod ssf;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use support::study::Study;
use support::tools::{self, Run};

/// GEUVADIS in the three stores.
struct Shared {
    study: Study,
    full: PathBuf,
    compact: PathBuf,
    hits: PathBuf,
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let study = Study::geuvadis_slice();
        let store = |name: &str| study.assoc(&format!("{name}.h5"), &["--store", name]);
        let (full, compact, hits) = (store("full"), store("compact"), store("hits"));
        Shared { study, full, compact, hits }
    })
}

/// `norna export` of all traits to a new name beside the results.
fn export(results: &Path, out: &str, args: &[&str]) -> (PathBuf, Run) {
    let out = shared_out(results, out);
    let mut command = tools::norna(["export"]);
    command.arg(results).args(["--trait", "*", "-o"]).arg(&out).args(args);
    let run = tools::run(&mut command);
    (out, run)
}

fn shared_out(results: &Path, out: &str) -> PathBuf {
    results.with_file_name(out)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names of the files in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
