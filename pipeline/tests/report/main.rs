//! `norna report` as people use it: the folder, and the page in a real browser.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::need;
use support::places::dataset;
use support::study::Study;
use support::table::{Table, number};
use support::tools::{self, Need, Run, norna, run};

/// A name that would be a script if anything took it for markup.
const STRANGE: &str = "</script><img src=x onerror=window.hacked=1>";
/// Traits of the report whose opening is timed.
const N_LARGE: usize = 3000;

/// The slice of GEUVADIS, one of whose traits has a strange name.
fn study() -> Study {
    let mut study = Study::geuvadis_slice();
    let text = fs::read_to_string(&study.pheno).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let last = header.rsplit('\t').next().unwrap();
    let named = header.replace(last, STRANGE);
    study.pheno = study.path("traits.tsv");
    fs::write(&study.pheno, format!("{named}\n{rows}")).unwrap();
    study
}

fn report(results: &Path, out: &Path, more: &[&str]) -> Run {
    run(norna(["report"]).arg(results).arg("-o").arg(out).args(more))
}

fn column(table: &Table, name: &str) -> Vec<f64> {
    let at = table.column(name);
    table.rows.iter().map(|row| number(&row[at])).collect()
}

/// What the page must show, out of `norna export`.
fn expected(study: &Study, results: &Path) -> Value {
    let info = run(norna(["info", "--json"]).arg(results)).ok();
    let info: Value = serde_json::from_str(&info.stdout).unwrap();
    let mut hits = serde_json::Map::new();
    let (mut strongest, mut best) = (json!(null), 0.0);
    for one in info["trait_list"].as_array().unwrap() {
        let name = one["name"].as_str().unwrap();
        let out = study.path("one.tsv");
        run(norna(["export"]).arg(results).args(["--force", "--trait", name, "-o"]).arg(&out)).ok();
        let table = Table::read(&out);
        let log10p = column(&table, "LOG10_P");
        hits.insert(name.to_owned(), json!(log10p.iter().filter(|&&log10p| log10p >= 5.0).count()));
        let top = log10p.iter().copied().fold(0.0, f64::max);
        if top > best && name != STRANGE {
            best = top;
            let at = log10p.iter().position(|&log10p| log10p == top).unwrap();
            let (beta, se) = (column(&table, "BETA")[at], column(&table, "SE")[at]);
            let points: Vec<f64> = log10p.iter().copied().filter(|&log10p| log10p >= 4.0).collect();
            strongest = json!({
                "trait": name, "log10p": top, "beta": beta, "se": se, "n_strongest": points.len().min(100),
                "cells": occupied_cells(&column(&table, "POS"), &log10p), "points": points,
            });
        }
    }
    let mut expected = json!({ "hits": hits, "n_variants": info["variants"], "n_samples": info["samples"] });
    for name in ["points", "cells", "n_strongest"] {
        expected[name] = strongest[name].clone();
    }
    expected["strongest"] = strongest;
    expected
}

/// Bins of 1,000 along one chromosome × 32 below −log10 p = 4 in which there is a pair.
fn occupied_cells(positions: &[f64], log10p: &[f64]) -> usize {
    let first = positions.iter().copied().fold(f64::INFINITY, f64::min);
    let last = positions.iter().copied().fold(0.0, f64::max);
    let width = ((last - first + 1.0) / 1000.0).ceil();
    let below = positions.iter().zip(log10p).filter(|(_, log10p)| **log10p < 4.0);
    let cells = below.map(|(pos, log10p)| (((pos - first) / width) as u32, (log10p / 4.0 * 32.0) as u32));
    cells.collect::<std::collections::BTreeSet<_>>().len()
}

/// 3,000 traits of few people and variants.
fn large_report(study: &Study) -> PathBuf {
    let (vcf, results, out) = (study.path("many.vcf.gz"), study.path("many.h5"), study.path("many-report"));
    let n_traits = N_LARGE.to_string();
    let sizes = ["--n-samples", "60", "--n-variants", "300", "--n-traits", "0", "--n-null-traits", &n_traits];
    run(norna(["simulate", "-o"]).arg(&vcf).args(sizes).arg("--quiet")).ok();
    let pheno = study.path("many.pheno.tsv");
    run(norna(["assoc", "--quiet", "--vcf"]).arg(&vcf).arg("--pheno").arg(&pheno).arg("--out").arg(&results)).ok();
    report(&results, &out, &["--quiet"]).ok();
    let n_files = walk(&out).len();
    assert!(n_files < 200, "{n_files} files");
    out
}

/// A report of the same genes as proteins, with linkage and genes; and what it must show.
fn proteins_report(study: &Study) -> Value {
    let geuvadis = |name: &str| dataset(&format!("geuvadis/{name}"));
    let (proteins, results, folder) = (study.path("p.h5"), study.path("p-results.h5"), study.path("p-report"));
    let (vcf, genes) = (geuvadis("chr22.vcf.gz"), geuvadis("genes.gtf.gz"));
    run(norna(["proteins", "--quiet"])
        .arg(geuvadis("traits.tsv"))
        .arg("--annotation")
        .arg(&genes)
        .arg("--out")
        .arg(&proteins))
    .ok();
    let mut assoc = norna(["assoc", "--quiet", "--p-threshold", "1e-4", "--vcf"]);
    assoc
        .arg(&vcf)
        .arg("--proteins")
        .arg(&proteins)
        .arg("--covar")
        .arg(geuvadis("covars.tsv"))
        .arg("--out")
        .arg(&results);
    run(&mut assoc).ok();
    let mut command = norna(["report", "--quiet"]);
    command.arg(&results).arg("-o").arg(&folder).arg("--vcf").arg(&vcf).arg("--annotation").arg(&genes);
    run(&mut command).ok();
    let out = study.path("all.tsv");
    run(norna(["export", "--trait", "*", "--log10p", "4", "--cis-window", "1000000", "-o"]).arg(&out).arg(&results))
        .ok();
    let table = Table::read(&out);
    let (side, trait_at, log10p) = (table.column("CIS_TRANS"), table.column("TRAIT"), column(&table, "LOG10_P"));
    let n = |wanted: &str| table.rows.iter().filter(|row| row[side] == wanted).count();
    let best = (0..log10p.len()).max_by(|&a, &b| log10p[a].total_cmp(&log10p[b])).unwrap();
    let (name, gene) = (&table.rows[best][trait_at], &table.rows[best][table.column("GENE")]);
    json!({ "folder": folder, "n_cis": n("cis"), "n_trans": n("trans"), "trait": name, "gene": gene, "n_around": 4211 })
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn people_use_it_in_a_browser() {
    need!(Need::Chromium);
    let study = study();
    let results = study.assoc("results.h5", &["--p-threshold", "1e-5"]);
    let folder = study.path("report");
    report(&results, &folder, &[]).ok();
    let large = large_report(&study);
    let given = json!({ "folder": folder, "large": large, "n_large": N_LARGE, "expected": expected(&study, &results),
        "proteins": proteins_report(&study) });
    let path = study.path("given.json");
    fs::write(&path, given.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report/browser.py");
    let used = run(tools::command("/usr/bin/python3").arg(script).arg(&path)).ok();
    tools::say(&format!("a report in a browser: {}", used.stdout.trim()));
}

#[test]
fn the_folder_holds_no_sample_and_no_path() {
    let study = study();
    let results = study.assoc("results.h5", &[]);
    let folder = study.path("report");
    let summary = report(&results, &folder, &["--json"]).ok();
    let summary: Value = serde_json::from_str(&summary.stdout).unwrap();
    let files = walk(&folder);
    assert_eq!(summary["n_files"], files.len());
    assert_eq!(summary["bytes"], files.iter().map(|path| path.metadata().unwrap().len()).sum::<u64>());
    let pheno = fs::read_to_string(&study.pheno).unwrap();
    let samples: Vec<&str> = pheno.lines().skip(1).map(|line| line.split('\t').next().unwrap()).collect();
    assert!(samples.len() > 300);
    let host = fs::read_to_string("/etc/hostname").unwrap_or_default();
    let room = results.parent().unwrap().to_str().unwrap();
    for path in files.iter().filter(|path| !path.ends_with("plotly.min.js")) {
        let text = fs::read_to_string(path).unwrap();
        for sample in &samples {
            assert!(!text.contains(sample), "{} names a sample", path.display());
        }
        assert!(!text.contains(room), "{} names a folder", path.display());
        assert!(host.trim().len() < 4 || !text.contains(host.trim()), "{} names the host", path.display());
        assert!(!path.to_str().unwrap().contains("/data/") || !text.contains('<'), "{}", path.display());
    }
    let again = study.path("again");
    run(norna(["report"]).arg(&results).arg("-o").arg(&again).env("RAYON_NUM_THREADS", "1")).ok();
    for path in &files {
        let other = again.join(path.strip_prefix(&folder).unwrap());
        assert!(fs::read(path).unwrap() == fs::read(&other).unwrap(), "{} depends on the threads", path.display());
    }
}

#[test]
fn what_is_no_report_is_never_replaced() {
    let study = Study::geuvadis_slice();
    let results = study.assoc("results.h5", &["--store", "hits"]);
    let folder = study.path("report");
    report(&results, &folder, &["--trait", "ENSG00000237438"]).ok();
    let refused = report(&results, &folder, &[]);
    assert!(refused.code == 1 && refused.stderr.contains("--force replaces a report"), "{}", refused.stderr);
    report(&results, &folder, &["--force", "--trait", "ENSG00000237438"]).ok();
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    let refused = report(&results, &folder, &["--force"]);
    assert!(refused.code == 1 && refused.stderr.contains("notes.txt"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(folder.join("notes.txt")).unwrap(), "mine");
    let refused = report(&results, results.parent().unwrap(), &["--force"]);
    assert!(refused.code == 1 && refused.stderr.contains("no report of norna"), "{}", refused.stderr);
    let refused = report(&results, &results, &["--force"]);
    assert!(refused.code == 1 && refused.stderr.contains("is a file"), "{}", refused.stderr);
    assert!(results.exists());
    let refused = report(&dataset("geuvadis/chr22.vcf.gz"), &study.path("other"), &[]);
    assert!(refused.code == 1 && refused.stderr.lines().count() == 1, "{}", refused.stderr);
    assert!(!study.path("other").exists());
}
