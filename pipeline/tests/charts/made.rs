//! GEUVADIS in the three stores, and every pair as exported.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use norna::charts::{Genome, ScanOptions, TraitScan, scan};
use norna::store::{ResultsReader, StoreError};

use crate::support::study::Study;
use crate::support::table::{Table, number};
use crate::support::tools::{norna, run};

pub struct Made {
    pub study: Study,
    pub stores: BTreeMap<&'static str, PathBuf>,
    /// Of the full and the compact store, by trait; a hits store has those of the full one.
    pub exported: BTreeMap<&'static str, BTreeMap<String, Vec<Row>>>,
}

#[derive(Debug, Clone)]
pub struct Row {
    pub variant: u64,
    pub pos: u32,
    pub beta: f64,
    pub se: f64,
    pub log10p: f64,
}

/// −log10 p from which on the hits store has pairs.
pub const KEPT_FROM: f64 = 3.0;

pub fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let study = Study::geuvadis_slice();
        let make = |store: &'static str| {
            let flags = ["--store", store, "--p-threshold", "1e-3"];
            (store, study.assoc(&format!("{store}.h5"), &flags))
        };
        let stores: BTreeMap<_, _> = ["full", "compact", "hits"].map(make).into();
        let export = |from: &'static str, store| (store, export(&stores[from], &study.path("all.tsv")));
        let exported = [export("full", "full"), export("full", "hits"), export("compact", "compact")].into();
        Made { study, stores, exported }
    })
}

fn export(results: &Path, out: &Path) -> BTreeMap<String, Vec<Row>> {
    run(norna(["export"]).arg(results).args(["--trait", "*", "--force", "-o"]).arg(out)).ok();
    let table = Table::read(out);
    let column = |name| table.column(name);
    let (pos, name) = (column("POS"), column("TRAIT"));
    let (beta, se, log10p) = (column("BETA"), column("SE"), column("LOG10_P"));
    let mut found: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in &table.rows {
        let rows = found.entry(row[name].clone()).or_default();
        let variant = rows.len() as u64;
        let (beta, se, log10p) = (number(&row[beta]), number(&row[se]), number(&row[log10p]));
        rows.push(Row { variant, pos: row[pos].parse().unwrap(), beta, se, log10p });
    }
    found
}

pub fn scanned(results: &Path, options: &ScanOptions, threads: usize) -> (Genome, Vec<TraitScan>) {
    let reader = ResultsReader::open(results).unwrap();
    let genome = Genome::read(&reader, options.n_bins).unwrap();
    let traits: Vec<usize> = (0..reader.header().traits.len()).collect();
    let mut all = Vec::new();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        scan((&reader, &genome), &traits, options, |one| {
            all.push(one);
            Ok::<(), StoreError>(())
        })
        .unwrap();
    });
    (genome, all)
}

pub fn options() -> ScanOptions {
    ScanOptions { hit_log10p: 5.0, lead_bases: 100_000, n_tail: 50, n_bins: 150, ..ScanOptions::default() }
}
