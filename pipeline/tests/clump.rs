//! `norna clump` against plink: r² of every pair of a window, and clumps row by row; what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use norna::clump::{LdMethod, Linkage};
use support::need;
use support::places::dataset;
use support::refusal::assert_quiet_about_people;
use support::study::Study;
use support::table::{Table, number};
use support::tools::Need::{Bcftools, Plink19};
use support::tools::{Run, command, norna, run};

const TRAITS: [&str; 4] = ["ENSG00000177663", "ENSG00000183307", "ENSG00000131100", "ENSG00000237438"];

struct Made {
    study: Study,
    full: PathBuf,
    hits: PathBuf,
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let study = Study::geuvadis_slice();
        let full = study.assoc("full.h5", &[]);
        let hits = study.assoc("hits.h5", &["--store", "hits", "--p-threshold", "1e-4"]);
        Made { study, full, hits }
    })
}

fn clump(results: &Path, flags: &[&str]) -> Run {
    run(norna(["clump"]).arg(results).args(flags))
}

fn clumps(results: &Path, flags: &[&str]) -> Table {
    let run = clump(results, flags).ok();
    let mut lines = run.stdout.lines().map(|line| line.split('\t').map(str::to_owned).collect());
    Table { header: lines.next().unwrap(), rows: lines.collect() }
}

fn vcf() -> String {
    dataset("geuvadis/chr22.vcf.gz").display().to_string()
}

fn plink(out: &Path, args: &[&str]) {
    let vcf = vcf();
    let flags = ["--vcf", &vcf, "--double-id", "--allow-extra-chr", "--threads", "1", "--out"];
    run(command("plink1.9").args(flags).arg(out).args(args)).ok();
}

/// A trait's p as plink takes them.
fn report(made: &Made, name: &str) -> PathBuf {
    let exported = made.study.export(&made.full, name);
    let (id, log10p) = (exported.column("ID"), exported.column("LOG10_P"));
    let mut text = "SNP\tP\n".to_owned();
    for row in &exported.rows {
        let log10p = number(&row[log10p]);
        if !log10p.is_nan() {
            writeln!(text, "{}\t{:.8e}", row[id], 10f64.powf(-log10p)).unwrap();
        }
    }
    let path = made.study.path(&format!("{name}.assoc"));
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn clumps_are_plinks_row_by_row() {
    need!(Plink19);
    let made = made();
    let mut n_rows = 0;
    for name in TRAITS {
        let report = report(made, name);
        for (p, p2, r2, kb) in
            [("1e-3", "0.01", "0.1", "200"), ("1e-4", "1e-4", "0.5", "50"), ("0.01", "0.05", "0.2", "1000")]
        {
            let out = made.study.path(&format!("{name}.{kb}"));
            let flags = ["--clump-p1", p, "--clump-p2", p2, "--clump-r2", r2, "--clump-kb", kb];
            plink(&out, &[&["--clump", report.to_str().unwrap()][..], &flags].concat());
            let expected = out.with_file_name(format!("{name}.{kb}.clumped"));
            let expected = if expected.exists() { Table::read(&expected).rows } else { Vec::new() };
            let expected: Vec<Vec<String>> =
                expected.into_iter().filter(|row| row.len() > 11).map(plinks_row).collect();
            let vcf = vcf();
            let flags = [
                "--vcf",
                &vcf,
                "--trait",
                name,
                "--ld",
                "haplotypes",
                "--clump-p1",
                p,
                "--clump-p2",
                p2,
                "--clump-r2",
                r2,
                "--clump-kb",
                kb,
            ];
            let found = clumps(&made.full, &flags);
            assert_eq!(
                found.header.join(" "),
                "#CHROM POS ID REF ALT TRAIT P TOTAL NONSIG S0.05 S0.01 S0.001 S0.0001 SP2"
            );
            let found: Vec<Vec<String>> = found.rows.into_iter().map(|row| [&row[2..3], &row[7..]].concat()).collect();
            assert_eq!(found, expected, "{name} {p} {r2} {kb}");
            n_rows += found.len();
        }
    }
    assert!(n_rows > 30, "{n_rows} rows");
}

/// ID, counts and members of a row of plink 1.9, in our words.
fn plinks_row(row: Vec<String>) -> Vec<String> {
    let members = match row[11].as_str() {
        "NONE" => ".".to_owned(),
        members => members.replace("(1)", ""),
    };
    let row = row.into_iter().skip_while(String::is_empty).collect::<Vec<_>>();
    [&row[2..3], &row[5..11], &[members]].concat()
}

#[test]
fn r2_is_plinks_for_every_pair_of_a_window() {
    need!(Plink19);
    let made = made();
    let out = made.study.path("window");
    let window = ["--chr", "chr22", "--from-bp", "18060000", "--to-bp", "18100000"];
    plink(
        &out,
        &[&["--r2", "--ld-window-r2", "0", "--ld-window", "99999", "--ld-window-kb", "1000"][..], &window].concat(),
    );
    let expected = Table::read(&out.with_extension("ld"));
    let linkage = Linkage::open(&[dataset("geuvadis/chr22.vcf.gz")], None, None, LdMethod::Genotypes).unwrap();
    let mut genotypes = BTreeMap::new();
    linkage
        .visit("22", (18_060_000, 18_100_000), |variants, found| {
            genotypes.extend(variants.iter().map(|variant| variant.id.clone()).zip(found.iter().cloned()));
            Ok(())
        })
        .unwrap();
    let (a, b, r2) = (expected.column("SNP_A"), expected.column("SNP_B"), expected.column("R2"));
    for row in &expected.rows {
        let found = linkage.r2(&genotypes[&row[a]], &genotypes[&row[b]]);
        let expected = number(&row[r2]);
        // plink writes six significant digits.
        assert!((found - expected).abs() <= 1e-6 * expected.max(1e-6) * 5.0 + 1e-12, "{row:?}: {found}");
    }
    let n = genotypes.len();
    assert!(expected.rows.len() > 1000 && expected.rows.len() <= n * (n - 1) / 2, "{} of {n}", expected.rows.len());
}

#[test]
fn genotypes_files_and_threads_change_nothing() {
    need!(Bcftools);
    let made = made();
    let flags = |vcf: &str, threads: &str| -> Vec<String> {
        let flags = ["--p", "1e-4", "--r2", "0.2", "--kb", "250", "--threads", threads, "--vcf", vcf];
        flags.map(str::to_owned).to_vec()
    };
    let table = |results: &Path, flags: &[String]| {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        clumps(results, &flags)
    };
    let vcf = vcf();
    let expected = table(&made.full, &flags(&vcf, "1"));
    assert!(expected.rows.len() > 20);
    assert_eq!(table(&made.full, &flags(&vcf, "2")), expected);
    assert_eq!(table(&made.full, &flags(&dataset("geuvadis/chr22.bcf").display().to_string(), "2")), expected);
    // Two halves of the file.
    let halves: Vec<String> = ["22:1-17800000", "22:17800001-99999999"]
        .iter()
        .enumerate()
        .map(|(i, region)| {
            let out = made.study.path(&format!("half{i}.bcf")).display().to_string();
            let region = format!("chr{region}");
            run(command("bcftools").args(["view", "-r", &region, "-Ob", "-o", &out, &vcf])).ok();
            run(command("bcftools").args(["index", "-f", &out])).ok();
            out
        })
        .collect();
    let mut both = flags(&halves[0], "2");
    both.push(halves[1].clone());
    assert_eq!(table(&made.full, &both), expected);
    // A file of hits has the same index variants, and of the rest what it holds.
    let found = table(&made.hits, &flags(&vcf, "2"));
    let index = |table: &Table| -> Vec<Vec<String>> { table.rows.iter().map(|row| row[..6].to_vec()).collect() };
    assert_eq!(index(&found), index(&expected));
    let weaker = |table: &Table| table.rows.iter().map(|row| number(&row[8])).sum::<f64>();
    assert!(weaker(&found) == 0.0 && weaker(&expected) > 0.0);
    let said = clump(&made.hits, &["--p", "1e-5"]).ok().stderr;
    assert!(said.contains("hits only") && said.contains("distance alone"), "{said}");
}

#[test]
fn json_has_effects_and_linkage() {
    let made = made();
    let vcf = vcf();
    let out = clump(&made.full, &["--vcf", &vcf, "--trait", TRAITS[2], "--p2", "1e-6", "--json"]).ok().stdout;
    let all: serde_json::Value = serde_json::from_str(&out).unwrap();
    let first = &all["clumps"][0];
    assert_eq!((first["trait"].as_str(), first["id"].as_str()), (Some(TRAITS[2]), Some("22_18075263")));
    assert!(first["beta"].as_f64().unwrap() < -1.0 && first["p"].as_str().unwrap().ends_with("e-27"));
    let members = first["members"].as_array().unwrap();
    assert!(
        members.iter().all(|member| member["r2"].as_f64().unwrap() >= 0.1 && member["log10p"].as_f64().unwrap() >= 6.0)
    );
    assert_eq!(all["linkage"]["samples"], 358);
}

#[test]
fn what_cannot_be_clumped_is_refused_in_a_line() {
    let made = made();
    let full = &made.full;
    let (vcf, path) = (vcf(), |name: &str| made.study.path(name).display().to_string());
    let refused = |flags: &[&str], words: &[&str]| {
        let run = clump(full, flags);
        assert!(run.code == 1 || run.code == 2, "{flags:?}: {} {}", run.code, run.stderr);
        let said: Vec<&str> = run.stderr.lines().filter(|line| line.contains("error:")).collect();
        assert_eq!(said.len(), 1, "{}", run.stderr);
        assert!(words.iter().all(|word| run.stderr.contains(word)), "{words:?}: {}", run.stderr);
        assert_quiet_about_people(&run.stderr);
    };
    refused(&["--trait", "nobody"], &["--trait nobody", "20 traits"]);
    refused(&["--vcf", &path("nowhere.vcf.gz")], &["nowhere.vcf.gz"]);
    refused(&["--r2", "1.5"], &["--r2"]);
    std::fs::copy(&vcf, path("alone.vcf.gz")).unwrap();
    refused(&["--vcf", &path("alone.vcf.gz")], &["alone.vcf.gz", "index"]);
    std::fs::write(path("keep.txt"), "IID\nsomebody\n").unwrap();
    refused(&["--vcf", &vcf, "--keep", &path("keep.txt")], &["--keep", "none of its 1 samples"]);
    std::fs::write(path("taken.tsv"), "mine").unwrap();
    refused(&["-o", &path("taken.tsv")], &["taken.tsv", "--force"]);
    refused(&["-o", &path("taken.tsv"), "--force"], &["taken.tsv", "not a table that norna wrote"]);
    refused(&["-o", &full.display().to_string(), "--force"], &["a file that the command reads"]);
    assert_eq!(std::fs::read_to_string(path("taken.tsv")).unwrap(), "mine");
}

#[test]
fn variants_of_another_file_are_told() {
    need!(Bcftools);
    let made = made();
    let (vcf, other) = (vcf(), made.study.path("other.vcf.gz").display().to_string());
    run(command("bcftools").args(["view", "-r", "chr22:17000000-17400000", "-Oz", "-o", &other, &vcf])).ok();
    run(command("bcftools").args(["index", "-f", &other])).ok();
    let run = clump(&made.full, &["--vcf", &other, "--trait", TRAITS[2]]);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("none of 232 index variants") && run.stderr.contains("chr22:18075263"),
        "{}",
        run.stderr
    );
    let some = clump(&made.full, &["--vcf", &other, "--p", "1e-4"]).ok();
    assert!(some.stderr.contains("left out, since the variant is not in the files"), "{}", some.stderr);
}
