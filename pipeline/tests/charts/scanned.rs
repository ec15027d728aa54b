//! The scan against `norna export`: every bin, every pair above the floor, QQ plots, leads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use norna::charts::{Genome, LOG10P_BINS, ScanOptions, TraitScan, scan};
use norna::store::{ResultsReader, StoreError};

use crate::support::study::Study;
use crate::support::table::{Table, number};
use crate::support::tools::{command, norna, run};

/// GEUVADIS in the three stores, and every pair as exported.
struct Made {
    study: Study,
    stores: BTreeMap<&'static str, PathBuf>,
    exported: BTreeMap<String, Vec<Row>>,
}

#[derive(Debug, Clone)]
struct Row {
    variant: u64,
    pos: u32,
    beta: f64,
    se: f64,
    log10p: f64,
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let study = Study::geuvadis_slice();
        let make = |store: &'static str| {
            let flags = ["--store", store, "--p-threshold", "1e-3"];
            (store, study.assoc(&format!("{store}.h5"), &flags))
        };
        let stores: BTreeMap<_, _> = ["full", "compact", "hits"].map(make).into();
        let exported = export(&stores["full"], &study.path("all.tsv"));
        Made { study, stores, exported }
    })
}

fn export(results: &Path, out: &Path) -> BTreeMap<String, Vec<Row>> {
    run(norna(["export"]).arg(results).args(["--trait", "*", "-o"]).arg(out)).ok();
    let table = Table::read(out);
    let column = |name| table.column(name);
    let (pos, id, name) = (column("POS"), column("ID"), column("TRAIT"));
    let (beta, se, log10p) = (column("BETA"), column("SE"), column("LOG10_P"));
    let mut found: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in &table.rows {
        let rows = found.entry(row[name].clone()).or_default();
        let variant = rows.len() as u64;
        assert!(!row[id].is_empty());
        let (beta, se, log10p) = (number(&row[beta]), number(&row[se]), number(&row[log10p]));
        rows.push(Row { variant, pos: row[pos].parse().unwrap(), beta, se, log10p });
    }
    found
}

fn scanned(results: &Path, options: &ScanOptions, threads: usize) -> (Genome, Vec<TraitScan>) {
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

fn options() -> ScanOptions {
    ScanOptions { hit_log10p: 5.0, lead_bases: 100_000, n_tail: 50, n_bins: 150, ..ScanOptions::default() }
}

#[test]
fn bins_points_and_leads_are_those_of_the_exported_pairs() {
    let made = made();
    let options = options();
    let (genome, scanned) = scanned(&made.stores["full"], &options, 2);
    assert_eq!((genome.chromosomes.len(), scanned.len(), genome.is_sorted), (1, 20, true));
    let first = genome.chromosomes[0].first_pos;
    for one in &scanned {
        let rows = &made.exported[&one.name];
        let mut counts = vec![0; genome.n_bins as usize * LOG10P_BINS];
        let mut points = one.manhattan.points.iter();
        for row in rows.iter().filter(|row| !row.log10p.is_nan()) {
            if row.log10p >= 4.0 {
                let point = points.next().unwrap();
                assert_eq!((point.variant, point.pos, point.chrom), (row.variant, row.pos, 0));
                assert_eq!((point.beta as f32, point.se as f32), (row.beta as f32, row.se as f32));
                assert!((point.log10p / row.log10p - 1.0).abs() < 1e-6);
            } else {
                let bin = (row.pos - first) / genome.bin_width;
                counts[bin as usize * LOG10P_BINS + (row.log10p * 8.0) as usize] += 1;
            }
        }
        assert!(points.next().is_none());
        assert_eq!(one.manhattan.counts, counts, "{}", one.name);
        assert_eq!(one.manhattan.n_hits, rows.iter().filter(|row| row.log10p >= 5.0).count() as u64);
        assert_eq!(one.manhattan.n_thinned, 0);
        let leads: Vec<(u64, u64)> = one.leads.iter().map(|lead| (lead.variant, lead.n_hits)).collect();
        assert_eq!(leads, leads_of(rows, &options), "{}", one.name);
    }
    assert!(scanned.iter().map(|one| one.leads.len()).sum::<usize>() > 10);
}

/// Leads by the definition: the strongest hit, less what is near it, and again.
fn leads_of(rows: &[Row], options: &ScanOptions) -> Vec<(u64, u64)> {
    let mut rest: Vec<&Row> = rows.iter().filter(|row| row.log10p >= options.hit_log10p).collect();
    let mut leads = Vec::new();
    while let Some(lead) = rest.iter().copied().reduce(|best, row| if row.log10p > best.log10p { row } else { best }) {
        let n = rest.len();
        rest.retain(|row| row.pos.abs_diff(lead.pos) > options.lead_bases);
        leads.push((lead.variant, (n - rest.len()) as u64));
    }
    leads.sort_unstable();
    leads
}
