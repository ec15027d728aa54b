//! `norna diff`: each kind of difference, alone.

use serde_json::Value;

use crate::store_common::{FileWriter, batch, header, qc};
use crate::support::places;
use crate::support::tools::{self, Run};
use crate::{results, text};

fn diff(args: &[&str]) -> Run {
    tools::run(&mut tools::norna(["diff"].iter().chain(args)))
}

fn json(args: &[&str]) -> (i32, Value) {
    let said = diff(&[args, &["--json"]].concat());
    (said.code, serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.stderr)))
}

#[test]
fn the_same_run_is_equal_and_how_it_was_run_is_told() {
    let (study, path) = results();
    let same = study.assoc("same.h5", &["--maf", "0.1", "--threads", "1"]);
    let said = diff(&[text(path), text(&same)]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("run: --threads: none | 1") && said.stdout.contains("equal: "), "{}", said.stdout);
}

#[test]
fn variants_traits_and_ledgers_that_differ_are_counted() {
    let (study, path) = results();
    let names = crate::info(path)["trait_list"].as_array().unwrap().clone();
    let name = |i: usize| names[i]["name"].as_str().unwrap();
    let chosen = format!("{},{}", name(7), name(2));
    let less = study.assoc("less.h5", &["--maf", "0.3", "--pheno-name", &chosen]);
    let (code, said) = json(&[text(path), text(&less)]);
    assert_eq!(code, 1);
    let (all, few) =
        (crate::info(path)["variants"].as_u64().unwrap(), crate::info(&less)["variants"].as_u64().unwrap());
    assert!(few > 0 && few < all);
    let variants = &said["variants"];
    assert_eq!((variants["shared"].as_u64(), variants["only_in_a"].as_u64()), (Some(few), Some(all - few)));
    assert_eq!((variants["only_in_b"].as_u64(), variants["other_counts"].as_u64()), (Some(0), Some(0)));
    assert_eq!(said["traits_only_in_a"].as_array().unwrap().len(), 18);
    assert_eq!(said["traits_only_in_b"].as_array().unwrap().len(), 0);
    // A trait alone has the bits of the trait among others.
    assert_eq!(
        (said["numbers"]["compared"].as_u64(), said["numbers"]["other_bits"].as_u64()),
        (Some(2 * few), Some(0))
    );
    let flags: Vec<&str> = said["runs"].as_array().unwrap().iter().map(|fact| fact["what"].as_str().unwrap()).collect();
    assert!(flags.contains(&"--maf") && flags.contains(&"--pheno-name"), "{flags:?}");
    let contents = said["contents"].to_string();
    assert!(contents.contains("ledger of variants"), "{contents}");
}

#[test]
fn covariates_change_numbers_and_inputs() {
    let (study, path) = results();
    let (code, said) = json(&[text(path), text(&study.assoc("fewer.h5", &["--maf", "0.1", "--covar-name", "C1"]))]);
    assert_eq!(code, 1);
    assert_eq!(said["numbers"]["compared"], said["numbers"]["other_bits"]);
    for key in ["beta", "se", "log10p"] {
        assert!(said["numbers"][key]["difference"].as_f64().unwrap() > 1e-3, "{key}");
        assert!(said["numbers"][key]["at"].as_str().unwrap().starts_with("chr22:"), "{key}");
    }
    // One value of a trait: the input is another, and that trait's numbers.
    let words = std::fs::read_to_string(&study.pheno).unwrap();
    let (head, rest) = words.split_once('\n').unwrap();
    let (first, rest) = rest.split_once('\n').unwrap();
    let mut cells: Vec<String> = first.split('\t').map(str::to_owned).collect();
    cells[1] = "9.75".to_owned();
    let other = study.path("traits.other.tsv");
    std::fs::write(&other, format!("{head}\n{}\n{rest}", cells.join("\t"))).unwrap();
    let mut changed = crate::support::study::Study::of_files(&study.vcf, &other, study.covar.as_deref());
    changed.flags = vec!["--maf".into(), "0.1".into()];
    let (code, said) = json(&[text(path), text(&changed.assoc("changed.h5", &[]))]);
    assert_eq!(code, 1);
    let n_variants = crate::info(path)["variants"].as_u64();
    assert_eq!(said["numbers"]["other_bits"].as_u64(), n_variants);
    assert!(said["runs"].to_string().contains("input --pheno traits.other.tsv"), "{}", said["runs"]);
}

#[test]
fn stores_are_compared_where_both_have_pairs() {
    let (study, path) = results();
    let compact = study.assoc("compact.h5", &["--maf", "0.1", "--store", "compact"]);
    let hits = study.assoc("hits.h5", &["--maf", "0.1", "--store", "hits"]);
    let wide = study.assoc("wide.h5", &["--maf", "0.1", "--store", "hits", "--p-threshold", "1e-3"]);
    let said = diff(&[text(path), text(&compact), "--tolerance", "1e-5"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    let n_hits = crate::info(&hits)["hits"]["n"].as_u64().unwrap();
    for (a, b) in [(path, &hits), (&hits, path), (&hits, &wide), (&wide, &hits)] {
        let (code, said) = json(&[text(a), text(b), "--tolerance", "1e-9"]);
        assert_eq!((code, said["equal"].as_bool()), (0, Some(true)), "{said:#}");
        assert_eq!(said["numbers"]["compared"].as_u64(), Some(n_hits));
    }
}

/// A made-up file, of which one cell is moved by `step` standard errors.
fn made(path: &std::path::Path, moved: Option<(usize, f32)>) {
    let header = header(5);
    let mut writer = FileWriter::create(path, &header, 3000).unwrap();
    let mut batch = batch(&header, 0..3000);
    if let Some((cell, step)) = moved {
        batch.matrices[0][cell] += step * batch.matrices[1][cell];
    }
    writer.append(&batch).unwrap();
    writer.finish(&qc(&header), &serde_json::json!({ "norna_version": "0" })).unwrap();
}

#[test]
fn one_cell_of_thousands_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b, c] = ["a.h5", "b.h5", "c.h5"].map(|name| folder.path().join(name));
    made(&a, None);
    made(&b, None);
    // Row 2001, trait 3: a cell that is no hit.
    made(&c, Some((2001 * 5 + 3, 0.25)));
    assert_eq!(diff(&[text(&a), text(&b)]).code, 0);
    let (code, said) = json(&[text(&a), text(&c)]);
    assert_eq!(code, 1);
    let numbers = &said["numbers"];
    assert_eq!((numbers["other_bits"].as_u64(), numbers["in_one_alone"].as_u64()), (Some(1), Some(0)));
    assert!((numbers["beta"]["difference"].as_f64().unwrap() - 0.25).abs() < 1e-6, "{numbers}");
    assert_eq!(numbers["beta"]["at"], "X:3001:A:CC trait3");
    assert_eq!(numbers["se"]["difference"], 0.0);
    assert!(said["datasets"].as_array().unwrap().iter().any(|name| name == "assoc/beta"), "{said}");
    let (code, _) = json(&[text(&a), text(&c), "--tolerance", "0.3"]);
    assert_eq!(code, 0);
    assert_eq!(json(&[text(&a), text(&c), "--tolerance", "0.2"]).0, 1);
}

#[test]
fn cis_results_are_compared_by_phenotype() {
    let (study, _) = results();
    let bed = places::dataset("geuvadis/genes.bed.gz");
    let run = |name: &str, flags: &[&str]| {
        let out = study.path(name);
        let mut command = tools::norna(["qtl", "-q", "--vcf"]);
        tools::run(command.arg(&study.vcf).arg("--proteins").arg(&bed).args(flags).arg("--out").arg(&out)).ok();
        out
    };
    let first = run("c1.h5", &["--permute", "20", "--seed", "1"]);
    let same = run("c2.h5", &["--permute", "20", "--seed", "1", "--threads", "1"]);
    let seed = run("c3.h5", &["--permute", "20", "--seed", "2"]);
    assert_eq!(diff(&[text(&first), text(&same)]).code, 0);
    let (code, said) = json(&[text(&first), text(&seed)]);
    assert_eq!((code, said["kind"].as_str()), (1, Some("cis results")));
    // Another seed: the same effects, other permutations.
    assert_eq!(said["numbers"]["other_bits"], 0);
    assert!(said["numbers"]["log10p_beta"]["difference"].as_f64().unwrap() > 0.0);
    assert_eq!(said["contents"][0]["what"], "seed");
    let (_, path) = results();
    let said = diff(&[text(path), text(&first)]);
    assert!(said.code == 2 && said.stderr.contains("is results and") && said.stderr.contains("is cis results"));
}

#[test]
fn trouble_has_the_code_of_diff() {
    let (study, path) = results();
    let nothing = study.path("nothing.h5");
    for args in [&[text(path), text(&nothing)][..], &[text(&study.vcf), text(path)], &[text(path)]] {
        assert_eq!(diff(args).code, 2);
    }
    assert_eq!(diff(&[text(path), text(path), "--tolerance", "-1"]).code, 2);
    let said = diff(&[text(path), text(&nothing)]);
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
}
