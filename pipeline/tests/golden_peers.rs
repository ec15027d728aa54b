//! Tables that other programs made on the same real data earlier: FastQTL's nominal pass and plink2's linear model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::HashMap;

use support::need;
use support::oracle;
use support::places::{dataset, shared_file};
use support::study::Study;
use support::table::{Table, number, read_text};
use support::tools::{self, Need};

#[test]
fn golden_matches_fastqtl_nominal() {
    need!(Need::SharedData);
    let vcf = shared_file("geuvadis/genotypes.chr22.vcf.gz");
    let study = Study::of_files(&vcf, &dataset("geuvadis/traits.tsv"), Some(&dataset("geuvadis/covars.tsv")));
    let results = study.assoc("norna.h5", &["--region", "22:16000000-19100000"]);

    // Gene, variant, distance, carriers, minor alleles, frequency, p, slope, SE of slope.
    let text = read_text(&shared_file("geuvadis/expected/fastqtl_nominal_17-18Mb_covariates12.txt.gz"));
    let mut by_gene: HashMap<&str, Vec<Vec<&str>>> = HashMap::new();
    for line in text.lines() {
        let row: Vec<&str> = line.split_whitespace().collect();
        by_gene.entry(row[0].split('.').next().unwrap()).or_default().push(row);
    }
    let genes = Table::read(&study.pheno).header;
    let (mut worst, mut n_compared) = ([0.0_f64; 3], 0);
    for (gene, expected) in by_gene.iter().filter(|(gene, _)| genes.iter().any(|name| name == *gene)) {
        let ours: HashMap<String, oracle::Row> =
            oracle::rows(&study.export(&results, gene)).into_iter().map(|row| (row.id.clone(), row)).collect();
        for row in expected {
            let ours = ours.get(row[1]).unwrap_or_else(|| panic!("{gene}: no row for {}", row[1]));
            let (p, slope, se) = (number(row[6]), number(row[7]), number(row[8]));
            let beta_off = (ours.beta - slope).abs() / slope.abs().max(se);
            let se_off = (ours.se - se).abs() / se;
            let p_off = (ours.log10p + p.log10()).abs() / ours.log10p.max(1.0);
            assert!(beta_off <= 1e-4 && se_off <= 1e-4 && p_off <= 1e-3, "{gene} {row:?}: {ours:?}");
            for (worst, found) in worst.iter_mut().zip([beta_off, se_off, p_off]) {
                *worst = worst.max(found);
            }
            n_compared += 1;
        }
    }
    tools::say(&format!("FastQTL nominal: {n_compared} rows, worst slope, SE, log10 p {worst:?}"));
    assert!(n_compared > 25_000, "only {n_compared} rows compared");
}

#[test]
fn golden_matches_the_kept_plink2_tables() {
    need!(Need::SharedData);
    let file = |name: &str| shared_file(&format!("geuvadis/expected/plink2/{name}"));
    let vcf = shared_file("geuvadis/genotypes.chr22.vcf.gz");
    let mut study = Study::of_files(&vcf, &vcf, Some(&file("covar.txt")));
    study.pheno = study.path("traits.tsv");
    Table::read(&file("pheno.txt")).select(|name| name.starts_with("ENSG")).write(&study.pheno);
    let results = study.assoc("norna.h5", &["--region", "22:17000000-18000000"]);
    for gene in ["ENSG00000100330", "ENSG00000100376", "ENSG00000237438"] {
        let ours = oracle::rows(&study.export(&results, gene));
        let theirs = Table::read(&file(&format!("gq_no-firth.{gene}.glm.linear.gz")));
        let theirs = oracle::rows(&theirs);
        let label = format!("kept plink2 table of {gene}");
        oracle::compare(&label, &ours, &theirs, oracle::SAME_INPUT, false).report(&label);
    }
}
