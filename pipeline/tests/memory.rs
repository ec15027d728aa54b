//! Peak memory of a rank does not grow with the number of variants, nor with the windows of a search near genes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;

use support::simulate;
use support::study::Study;
use support::tools;

/// Bytes that two runs of one size may differ by: pages of threads, HDF5's own caches.
const NOISE: u64 = 4 << 20;

fn peak_memory(results: &Path) -> u64 {
    let info = tools::run(tools::norna(["info", "--json"]).arg(results)).ok();
    let info: serde_json::Value = serde_json::from_str(&info.stdout).unwrap();
    info["provenance"]["peak_memory_bytes"].as_u64().unwrap()
}

#[test]
fn four_times_the_variants_take_no_more_memory() {
    let genotypes = simulate::calls(7, 60, 40_000, 0.0);
    let text = genotypes.to_vcf();
    let body_at = text.find("\n#CHROM").and_then(|at| Some(at + 2 + text[at + 1..].find('\n')?)).unwrap();
    let (header, body) = text.split_at(body_at);
    let covariates = simulate::covariates(8, &genotypes.samples, 2);
    let traits = simulate::traits(9, &genotypes, &covariates, 20, |_| 0.0);
    let study = Study::write(&genotypes, &traits, Some(&covariates));
    let once = peak_memory(&study.assoc("once.h5", &["--threads", "1"]));
    std::fs::write(&study.vcf, format!("{header}{}", body.repeat(4))).unwrap();
    let four_times = peak_memory(&study.assoc("four.h5", &["--threads", "1"]));
    assert!(once > 0 && four_times < once + NOISE, "{once} bytes, with four times the variants {four_times}");
}

/// A cohort of chromosomes with 20,000 variants and 5 genes each, and the search near those genes.
fn search(n_contigs: usize) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let contigs: Vec<String> = (1..=n_contigs).map(|contig| format!("{contig}:4000000")).collect();
    let n_variants = (20_000 * n_contigs).to_string();
    let cohort =
        ["--n-samples", "100", "--n-variants", &n_variants, "--contig", &contigs.join(","), "--out", "c.vcf.gz"];
    let norna = |args: &[&str]| tools::run(tools::norna(args).current_dir(folder.path())).ok();
    norna(&[&["simulate"], &cohort[..]].concat());
    let mut bed = String::from("#chr\tstart\tend\tid");
    (1..=100).for_each(|sample| bed += &format!("\tS{sample}"));
    for (contig, gene) in (1..=n_contigs).flat_map(|contig| (0..5).map(move |gene| (contig, gene))) {
        let tss = 500_000 + 700_000 * gene;
        bed += &format!("\n{contig}\t{tss}\t{}\tP{contig}_{gene}", tss + 1);
        (0..100u64).for_each(|sample| bed += &format!("\t{}", (sample * 7919 + gene * 104_729 + contig as u64) % 1009));
    }
    std::fs::write(folder.path().join("p.bed"), bed + "\n").unwrap();
    norna(&[
        "qtl",
        "--vcf",
        "c.vcf.gz",
        "--proteins",
        "p.bed",
        "--permute",
        "20",
        "--nominal",
        "--threads",
        "1",
        "--out",
        "cis.h5",
    ]);
    peak_memory(&folder.path().join("cis.h5"))
}

#[test]
fn four_times_the_windows_take_no_more_memory() {
    let (once, four_times) = (search(4), search(16));
    assert!(once > 0 && four_times < once + NOISE, "{once} bytes, with four times the windows {four_times}");
}
