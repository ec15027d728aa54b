//! Plans against runs: with a card measured just before, CPU time, memory and bytes are what a plan says; and what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::tools::{self, Run};

/// A cohort and how `norna plan` calls its format.
struct Size {
    name: &'static str,
    fields: &'static str,
    format: &'static str,
    n_samples: u32,
    n_variants: u32,
    n_traits: u32,
    n_covariates: u32,
}

const SIZES: [Size; 3] = [
    Size {
        name: "text.vcf.gz",
        fields: "GT",
        format: "vcf",
        n_samples: 2000,
        n_variants: 20_000,
        n_traits: 50,
        n_covariates: 5,
    },
    Size {
        name: "binary.bcf",
        fields: "GT",
        format: "bcf",
        n_samples: 5000,
        n_variants: 8000,
        n_traits: 300,
        n_covariates: 10,
    },
    Size {
        name: "doses.vcf.gz",
        fields: "GT:DS",
        format: "vcf-dosage",
        n_samples: 1500,
        n_variants: 10_000,
        n_traits: 100,
        n_covariates: 3,
    },
];

fn norna(args: &[&str]) -> Run {
    tools::run(&mut tools::norna(args))
}

fn simulate(folder: &Path, size: &Size) -> PathBuf {
    let out = folder.join(size.name);
    let [n, m, t, k] =
        [size.n_samples, size.n_variants, size.n_traits, size.n_covariates].map(|number| number.to_string());
    // One planted trait at least is asked for, of no effect.
    let mut command = tools::norna(["simulate", "--n-samples", &n, "--n-variants", &m, "--n-traits", &t]);
    command.args(["--n-causal", "0", "--n-covariates", &k, "--format-fields", size.fields, "--quiet", "--out"]);
    tools::run(command.arg(&out)).ok();
    out
}

/// The least CPU seconds of several runs on one thread, the largest peak of memory, the size of the results.
fn measured(folder: &Path, genotypes: &Path) -> (f64, f64, f64) {
    let stem = genotypes.to_str().unwrap().trim_end_matches(".gz").rsplit_once('.').unwrap().0.to_owned();
    let out = folder.join("results.h5");
    let mut least = (f64::INFINITY, 0.0f64);
    for _ in 0..3 {
        let mut command = tools::norna(["assoc", "--threads", "1", "--force", "--vcf"]);
        command.arg(genotypes).arg("--pheno").arg(format!("{stem}.pheno.tsv"));
        tools::run(command.arg("--covar").arg(format!("{stem}.covar.tsv")).arg("--out").arg(&out)).ok();
        let info = tools::run(tools::norna(["info", "--json"]).arg(&out)).ok();
        let info: Value = serde_json::from_str(&info.stdout).unwrap();
        let said = &info["provenance"];
        let number = |name: &str| said[name].as_f64().unwrap();
        least = (least.0.min(number("cpu_seconds")), least.1.max(number("peak_memory_bytes")));
    }
    (least.0, least.1, std::fs::metadata(&out).unwrap().len() as f64)
}

fn planned(size: &Size, genotypes: &Path, card: &Path) -> Value {
    let bytes = std::fs::metadata(genotypes).unwrap().len();
    let [n, m, t, k, bytes] =
        [size.n_samples.into(), size.n_variants.into(), size.n_traits.into(), size.n_covariates.into(), bytes]
            .map(|number: u64| number.to_string());
    let mut command = tools::norna(["plan", "--json", "--samples", &n, "--variants", &m, "--traits", &t]);
    command.args(["--covariates", &k, "--format", size.format, "--input-bytes", &bytes]);
    command.args(["--cores-per-node", "1", "--threads", "1", "--nodes", "1", "--card"]).arg(card);
    let plan: Value = serde_json::from_str(&tools::run(&mut command).ok().stdout).unwrap();
    plan["plans"][0].clone()
}

/// Quotients of plan and run that are not within their bounds.
fn wrong(folder: &Path, card: &Path, cohorts: &[(&Size, PathBuf)]) -> Vec<String> {
    tools::run(tools::norna(["bench", "--quick", "--quiet", "--threads", "1", "--force", "--out"]).arg(card)).ok();
    let mut wrong = Vec::new();
    for (size, genotypes) in cohorts {
        let (cpu, memory, bytes) = measured(folder, genotypes);
        let plan = planned(size, genotypes, card);
        for (name, got, within) in
            [("cpu_seconds", cpu, 0.25), ("memory_per_rank_bytes", memory, 0.15), ("output_bytes", bytes, 0.02)]
        {
            let range = &plan[name];
            let quotient = range["expected"].as_f64().unwrap() / got;
            if (quotient - 1.0).abs() > within {
                wrong.push(format!("{}: {name}: {got} measured, {range} planned: {quotient:.3} times", size.name));
            }
        }
    }
    wrong
}

#[test]
fn plans_of_three_sizes_are_right_by_a_card_of_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let cohorts: Vec<(&Size, PathBuf)> = SIZES.iter().map(|size| (size, simulate(folder.path(), size))).collect();
    let card = folder.path().join("card.json");
    let attempt = || wrong(folder.path(), &card, &cohorts);
    // Other work on the machine may come or go between the bench and the runs: then both are done again.
    let first = attempt();
    if !first.is_empty() {
        let second = attempt();
        assert!(second.is_empty(), "{first:#?}\nand again {second:#?}");
    }
}

const STUDY: [&str; 7] = ["plan", "--samples", "50000", "--variants", "20e6", "--traits", "3000"];

fn plan(more: &[&str]) -> Run {
    norna(&[&STUDY[..], more].concat())
}

#[test]
fn a_plan_says_what_a_form_asks_for() {
    let said = plan(&["--format", "bcf", "--profile", "lumi-c", "--price-per-core-hour", "0.5"]).ok().stdout;
    for words in
        ["128 × nodes × hours", "thousand core-hours a month", "storage, GiB", "NAISS", "check", "node-hours", "EUR"]
    {
        assert!(said.contains(words), "no {words} in {said}");
    }
    let json = plan(&["--format", "bcf", "--profile", "lumi-c", "--price-per-core-hour", "0.5", "--json"]).ok().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let plans = json["plans"].as_array().unwrap();
    assert_eq!(plans.iter().map(|row| row["nodes"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 64]);
    for row in plans {
        let fields = ["cpu_seconds", "core_hours", "wall_seconds", "memory_per_rank_bytes", "input_bytes"];
        for name in fields.iter().chain(&["output_bytes", "spool_bytes"]) {
            let of = |what: &str| row[name][what].as_f64().unwrap();
            assert!(0.0 < of("least") && of("least") <= of("expected") && of("expected") <= of("most"), "{name}");
        }
        // Whole nodes are charged.
        let hours = row["wall_seconds"]["expected"].as_f64().unwrap() / 3600.0;
        let charged = row["core_hours"]["expected"].as_f64().unwrap();
        assert!((charged / (128.0 * hours * row["nodes"].as_f64().unwrap()) - 1.0).abs() < 1e-9);
        assert!((row["cost"]["amount"]["expected"].as_f64().unwrap() / charged - 0.5).abs() < 1e-9);
    }
    assert!((plans[0]["output_bytes"]["expected"].as_f64().unwrap() / 483e9 - 1.0).abs() < 0.02);
    assert_eq!(json["application"]["naiss_class"], "Small");
}

#[test]
fn a_partition_that_is_shared_and_small_is_charged_and_limited_by_its_own_rules() {
    let said = plan(&["--profile", "lumi-c", "--partition", "small"]).ok().stdout;
    assert!(said.contains("jobs of up to 4 nodes") && said.contains("ceil("), "{said}");
}

#[test]
fn what_cannot_be_meant_is_refused_in_one_line() {
    for (more, says) in [
        (&["--maf", "0.7"][..], "--maf 0.7"),
        (&["--missing-rate", "2"], "--missing-rate 2"),
        (&["--profile", "lumi-d"], "nearest is \"lumi-c\""),
        (&["--profile", "lumi-c", "--partition", "tiny"], "knows small, standard"),
        (&["--nodes", "0"], "--nodes"),
        (&["--threads", "200"], "--threads"),
        (&["--card", "/no/such/card.json"], "/no/such/card.json"),
        (&["--card", "/dev/zero"], "is no file"),
        (&["--price-per-core-hour", "1e7"], "between 0 and 1000000"),
        (&["--currency", "a\nb"], "characters that print"),
        (&["--covariates", "50000"], "takes at least 50003"),
        (&["--profile", "lumi-c", "--partition", "largemem"], "does not know the nodes"),
        (&["--profile", "generic"], "--cores-per-node is required"),
    ] {
        let run = plan(more);
        assert!(run.code != 0 && run.stderr.contains(says), "{more:?}: {}", run.stderr);
    }
    assert_eq!(norna(&["plan", "--samples", "1e9", "--variants", "1", "--traits", "1"]).code, 2);
    assert_eq!(norna(&["plan", "--samples", "0.5", "--variants", "1", "--traits", "1"]).code, 2);
    assert_eq!(norna(&["plan", "--samples", "5", "--variants", "1e20", "--traits", "1"]).code, 2);
}

fn json(more: &[&str], code: i32) -> Value {
    let run = plan(&[more, &["--json"]].concat());
    assert_eq!(run.code, code, "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn what_a_node_or_a_limit_does_not_hold_is_said_in_its_row() {
    let many = ["--samples", "500000", "--variants", "20e6", "--traits", "1e5", "--profile", "lumi-c"];
    let run = norna(&[&["plan"], &many[..]].concat());
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stdout.starts_with("none of these fits"), "{}", run.stdout);
    assert!(run.stdout.contains("does not fit: needs "), "{}", run.stdout);
    let run = norna(&[&["plan", "--json"], &many[..]].concat());
    let rows: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &rows["fits"], &rows["plans"][0]["fits"]), (1, &false.into(), &false.into()));
    // The partition's limit is an hour.
    let rows = json(&["--profile", "local"], 0);
    for row in rows["plans"].as_array().unwrap() {
        let hours = row["wall_seconds"]["expected"].as_f64().unwrap() / 3600.0;
        assert_eq!(row["restarts"].as_f64().unwrap(), hours.ceil() - 1.0);
    }
    assert!(rows["plans"][0]["restarts"].as_u64().unwrap() > 0);
    assert!(plan(&["--profile", "local"]).ok().stdout.contains(" restart"));
}

#[test]
fn ranks_nodes_and_kinds_are_those_of_a_job() {
    let said = plan(&["--profile", "kebnekaise"]).ok().stdout;
    assert!(said.contains("batch (skylake)") && said.contains("--constraint zen4"), "{said}");
    assert!(plan(&["--profile", "kebnekaise", "-C", "zen4"]).ok().stdout.contains("nodes of 256 cores"));
    let rows = json(&["--profile", "kebnekaise", "--nodes", "2,1,1"], 0);
    let of = |name: &str| rows["plans"].as_array().unwrap().iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("nodes"), [1, 2], "once each");
    assert_eq!(of("ranks_per_node"), [1, 1], "sockets are not in the profile");
    assert_eq!(rows["application"]["nodes"], 1);
    let alone = json(&["--profile", "generic", "--cores-per-node", "16"], 0);
    assert_eq!(alone["plans"].as_array().unwrap().len(), 1, "no launcher: one process");
    assert!(alone["remarks"].to_string().contains("no launcher"), "{alone}");
}

#[test]
fn sizes_come_from_files_where_there_are_some() {
    let folder = tempfile::tempdir().unwrap();
    let size = Size { n_samples: 60, n_variants: 200, n_traits: 3, n_covariates: 2, ..SIZES[0] };
    let genotypes = simulate(folder.path(), &size);
    let beside = |what: &str| {
        let name = genotypes.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned();
        folder.path().join(format!("{name}.{what}.tsv"))
    };
    let mut command = tools::norna(["plan", "--json", "--nodes", "1", "--", "assoc", "--vcf"]);
    command.arg(&genotypes).arg("--pheno").arg(beside("pheno")).arg("--covar").arg(beside("covar"));
    let json: Value = serde_json::from_str(&tools::run(&mut command).ok().stdout).unwrap();
    let of = |name: &str| json["study"][name].as_u64().unwrap();
    assert_eq!((of("samples"), of("traits"), of("covariates")), (60, 3, 3));
    assert_eq!(of("variants"), 200);
    let input = json["plans"][0]["input_bytes"]["expected"].as_f64().unwrap();
    // Without the header.
    let bytes = std::fs::metadata(&genotypes).unwrap().len() as f64;
    assert!((0.8..=1.0).contains(&(input / bytes)), "{input} of {bytes}");
}

#[test]
fn cis_windows_are_priced_by_their_permutations() {
    let cis = |more: &[&str]| json(&[&["--store", "hits", "--nodes", "2"], more].concat(), 0);
    let (few, many) = (cis(&["--permute", "1000"]), cis(&["--permute", "10000"]));
    let seconds = |plan: &Value| plan["plans"][0]["cis"]["cpu_seconds"]["expected"].as_f64().unwrap();
    assert!(seconds(&many) > 5.0 * seconds(&few) && seconds(&many) < 10.0 * seconds(&few));
    assert!(cis(&[])["plans"][0]["cis"].is_null());
    let wide = cis(&["--permute", "1000", "--cis-window", "2000000"]);
    assert!((seconds(&wide) / seconds(&few) - 2.0).abs() < 0.1);
    let said = plan(&["--permute", "1000"]).ok().stdout;
    assert!(said.contains("norna qtl --permute 1000"), "{said}");
}

#[test]
fn nobody_reading_is_no_error() {
    for words in [&STUDY[..], &[&STUDY[..], &["--json"]].concat(), &["profile", "list"]] {
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        let mut command = tools::norna(words);
        command.stdout(write).stderr(std::process::Stdio::piped());
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
