//! regenie's predictions as offsets: the test of y − sd·prediction, as plink2 does it on a table made so by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::need;
use support::oracle::{self, SAME_INPUT, Worst};
use support::simulate::SplitMix;
use support::study::Study;
use support::table::{Table, number};
use support::tools::{self, Need};

/// Standard deviation (n − 1): what regenie divides a trait by where there are no covariates.
fn sd(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)).sqrt()
}

/// Writes a .loco file with predictions for chromosomes 21, 22 and 23; those of 22 are returned.
fn write_loco(path: &std::path::Path, samples: &[String], rng: &mut SplitMix) -> Vec<f64> {
    let joined: Vec<String> = samples.iter().map(|id| format!("{id}_{id}")).collect();
    let mut text = format!("FID_IID {}\n", joined.join(" "));
    let mut wanted = Vec::new();
    for chrom in [21, 22, 23] {
        let values: Vec<f64> = samples.iter().map(|_| 0.5 * rng.normal()).collect();
        let cells: Vec<String> = values.iter().map(|v| format!("{v:.17e}")).collect();
        text += &format!("{chrom} {}\n", cells.join(" "));
        if chrom == 22 {
            wanted = values;
        }
    }
    std::fs::write(path, text).unwrap();
    wanted
}

#[test]
fn golden_matches_plink2_with_predictions() {
    need!(Need::Plink2);
    let mut study = Study::geuvadis_slice();
    study.covar = None;
    let traits = Table::read(&study.pheno).select(|name| name == "ENSG00000131100" || name == "ENSG00000237438");
    let samples: Vec<String> = traits.rows.iter().map(|row| row[0].clone()).collect();
    let (mut rng, mut list, mut less) = (SplitMix::new(22), String::new(), traits.clone());
    for (t, name) in traits.header.iter().enumerate().skip(1) {
        let path = study.path(&format!("{name}.loco"));
        let predictions = write_loco(&path, &samples, &mut rng);
        list += &format!("{name} {}\n", path.display());
        let values: Vec<f64> = traits.rows.iter().map(|row| number(&row[t])).collect();
        let scale = sd(&values);
        for ((row, y), prediction) in less.rows.iter_mut().zip(&values).zip(&predictions) {
            row[t] = format!("{:.17e}", y - scale * prediction);
        }
    }
    let (pred, table) = (study.path("step1_pred.list"), study.path("traits.tsv"));
    std::fs::write(&pred, list).unwrap();
    traits.write(&table);
    study.pheno = table;
    let results = study.assoc("norna.h5", &["--pred", pred.to_str().unwrap()]);
    let ours: Vec<_> = traits.header[1..].iter().map(|name| oracle::rows(&study.export(&results, name))).collect();

    study.pheno = study.path("less.tsv");
    less.write(&study.pheno);
    let plink2 = oracle::plink2(&study, "plink2", &[], &[]);
    let mut worst = Worst::default();
    for (name, ours) in traits.header[1..].iter().zip(&ours) {
        worst.join(&oracle::compare(name, ours, &oracle::plink2_rows(&plink2, name), SAME_INPUT, true));
    }
    worst.report("predictions as offsets");
}

#[test]
fn other_predictions_are_another_run() {
    let mut study = Study::geuvadis_slice();
    let traits = Table::read(&study.pheno).select(|name| name == "ENSG00000131100");
    let samples: Vec<String> = traits.rows.iter().map(|row| row[0].clone()).collect();
    let (loco, pred, table) = (study.path("a.loco"), study.path("pred.list"), study.path("traits.tsv"));
    traits.write(&table);
    study.pheno = table;
    std::fs::write(&pred, format!("ENSG00000131100 {}\n", loco.display())).unwrap();
    let digest = |seed: u64| {
        write_loco(&loco, &samples, &mut SplitMix::new(seed));
        let results = study.assoc("r.h5", &["--force", "--pred", pred.to_str().unwrap()]);
        let info = tools::run(tools::norna(["info", "--json"]).arg(results)).ok();
        let info: serde_json::Value = serde_json::from_str(&info.stdout).unwrap();
        info["provenance"]["run_digest"].as_str().unwrap().to_owned()
    };
    assert_ne!(digest(1), digest(2));
}
