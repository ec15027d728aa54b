//! Phenotypes with places: a table of traits as a BED, and norna run on it.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::study::Study;
use super::table::Table;
use super::tools::{self, Run};

/// Writes the traits of a table (a row a sample) as a BED; the TSS of each on chr22.
pub fn write_bed(path: &Path, traits: &Table, tss: impl Fn(usize) -> u32) {
    let mut text = format!("#chr\tstart\tend\tpid\tgid\tstrand\t{}\n", samples(traits).join("\t"));
    for (k, name) in traits.header.iter().enumerate().skip(1) {
        let values: Vec<&str> = traits.rows.iter().map(|row| row[k].as_str()).collect();
        let tss = tss(k - 1);
        writeln!(text, "chr22\t{}\t{tss}\t{name}\t{name}\t+\t{}", tss - 1, values.join("\t")).unwrap();
    }
    std::fs::write(path, text).unwrap();
}

fn samples(traits: &Table) -> Vec<&str> {
    traits.rows.iter().map(|row| row[0].as_str()).collect()
}

/// Arguments of `norna assoc --proteins`.
pub fn args(study: &Study, proteins: &Path, out: &str, extra: &[&str]) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["assoc".into(), "--vcf".into(), study.vcf.clone().into()];
    args.extend(["--proteins".into(), proteins.into()]);
    if let Some(covar) = &study.covar {
        args.extend(["--covar".into(), covar.clone().into()]);
    }
    args.extend(["--out".into(), study.path(out).into()]);
    args.extend(extra.iter().map(Into::into));
    args
}

/// Runs it, whatever comes of it.
pub fn try_run(study: &Study, proteins: &Path, out: &str, extra: &[&str]) -> Run {
    tools::run(&mut tools::norna(args(study, proteins, out, extra)))
}

/// Runs it, and it must work and verify; the results file.
#[track_caller]
pub fn run(study: &Study, proteins: &Path, out: &str, extra: &[&str]) -> PathBuf {
    try_run(study, proteins, out, extra).ok();
    tools::run(&mut tools::norna([OsString::from("verify"), study.path(out).into()])).ok();
    study.path(out)
}

/// Runs it over MPI, and it must work; the results file.
#[track_caller]
pub fn run_ranks(study: &Study, ranks: usize, proteins: &Path, out: &str, extra: &[&str]) -> PathBuf {
    tools::run(&mut tools::mpirun(ranks, args(study, proteins, out, extra))).ok();
    study.path(out)
}
