//! Peak memory of an export does not grow with variants, in any format.

use std::path::{Path, PathBuf};

use crate::support::need;
use crate::support::tools::{self, Need, command, python};

/// KiB that two runs may differ by.
const NOISE: u64 = 12 << 10;

fn results(folder: &Path, n_variants: &str) -> PathBuf {
    let at = |end: &str| folder.join(format!("v{n_variants}.{end}"));
    let mut simulate = tools::norna(["simulate", "--n-samples", "16", "--n-traits", "40", "--n-variants", n_variants]);
    tools::run(simulate.args(["--contig", "1", "--quiet", "--out"]).arg(at("bcf"))).ok();
    let mut assoc = tools::norna(["assoc", "--quiet", "--p-threshold", "0.05", "--vcf"]);
    tools::run(assoc.arg(at("bcf")).arg("--pheno").arg(at("pheno.tsv")).arg("--out").arg(at("h5"))).ok();
    at("h5")
}

/// KiB.
fn peak(results: &Path, format: &str, out: &Path) -> u64 {
    let script = "import resource, subprocess, sys\nsubprocess.run(sys.argv[1:], check=True, stderr=subprocess.DEVNULL)\n\
                  print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let mut run = command(python().unwrap());
    run.args(["-c", script, env!("CARGO_BIN_EXE_norna"), "export"]).arg(results);
    run.args(["--trait", "*", "--format", format, "-o"]).arg(out);
    if format == "gwas-ssf" {
        run.args(["--genome-assembly", "GRCh38"]);
    }
    tools::run(&mut run).ok().stdout.trim().parse().unwrap()
}

#[test]
fn three_times_the_variants_take_no_more_memory() {
    need!(Need::H5py);
    let folder = tempfile::tempdir().unwrap();
    let (once, thrice) = (results(folder.path(), "20000"), results(folder.path(), "60000"));
    for (format, end) in [("tsv", "tsv.gz"), ("plink", "plink"), ("gwas-ssf", "ssf"), ("parquet", "parquet")] {
        let small = peak(&once, format, &folder.path().join(format!("once.{end}")));
        let large = peak(&thrice, format, &folder.path().join(format!("thrice.{end}")));
        assert!(small > 1000 && large < small + NOISE, "{format}: {small} KiB, with three times the variants {large}");
    }
}
