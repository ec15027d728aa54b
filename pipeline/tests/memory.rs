//! Peak memory of a rank does not grow with the number of variants.
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
