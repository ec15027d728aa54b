//! The command line as a user meets it: help, dry run, configuration file, the three readers of results, logs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::Write;
use std::process::Stdio;

use support::bits;
use support::need;
use support::oracle;
use support::places::{dataset, workspace};
use support::simulate;
use support::study::Study;
use support::table::{Table, read_text};
use support::tools::{self, Need, Run};

const GENE: &str = "ENSG00000131100";

fn small_study() -> Study {
    let genotypes = simulate::calls(701, 80, 120, 0.02);
    let covariates = simulate::covariates(702, &genotypes.samples, 2);
    let traits = simulate::traits(703, &genotypes, &covariates, 3, |k| 0.05 * k as f64);
    Study::write(&genotypes, &traits, Some(&covariates))
}

fn norna(args: &[&str]) -> Run {
    tools::run(&mut tools::norna(args))
}

#[test]
fn manifest_of_datasets_holds() {
    let manifest = std::fs::read_to_string(dataset("MANIFEST")).unwrap();
    let mut listed = Vec::new();
    for line in manifest.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        assert_eq!(fields.len(), 4, "file, sha256, licence, origin: {line}");
        let out = tools::run(tools::command("sha256sum").arg(dataset(fields[0]))).ok().stdout;
        assert_eq!(out.split(' ').next(), Some(fields[1]), "{} is not what MANIFEST says", fields[0]);
        listed.push(fields[0].to_owned());
    }
    let folder = workspace().join("datasets/geuvadis");
    let mut total = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("geuvadis/{}", entry.file_name().to_string_lossy());
        assert!(listed.contains(&name), "{name} is not in MANIFEST");
        total += entry.metadata().unwrap().len();
    }
    assert!(total < 2_000_000, "datasets/ holds {total} bytes");
}

#[test]
fn help_and_version_say_what_there_is() {
    let help = norna(&["assoc", "--help"]).ok().stdout;
    for flag in ["--vcf", "--pheno", "--covar", "--out", "--region", "--threads", "--dry-run", "--missing-genotype"] {
        assert!(help.contains(flag), "no {flag} in the help");
    }
    let version = norna(&["--version"]).ok().stdout;
    assert!(version.starts_with("norna ") && version.to_uppercase().contains("MPI"), "{version}");
}

#[test]
fn usage_errors_end_with_2() {
    let study = small_study();
    assert_eq!(norna(&["assoc", "--no-such-flag"]).code, 2);
    assert_eq!(norna(&["nothing"]).code, 2);
    assert_eq!(norna(&["assoc", "--vcf", "x.vcf"]).code, 2, "without --pheno and --out");
    assert_eq!(study.try_assoc("out.h5", &["--missing-genotype", "perhaps"]).code, 2);
    assert_eq!(study.try_assoc("out.h5", &["--p-threshold", "7"]).code, 2);
}

#[test]
fn a_dry_run_computes_nothing_and_tells_memory() {
    let study = small_study();
    let before = std::fs::read_dir(study.path("")).unwrap().count();
    let run = study.try_assoc("out.h5", &["--dry-run"]).ok();
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains("80") && said.to_lowercase().contains("memory"), "{said}");
    assert!(!said.contains("SUBJ"), "{said}");
    let run = study.try_assoc("out.h5", &["--dry-run", "--json"]).ok();
    let estimate: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(estimate.is_object(), "{estimate}");
    assert_eq!(std::fs::read_dir(study.path("")).unwrap().count(), before, "a dry run left files");
}

#[test]
fn the_store_is_chosen_by_flag_or_file_and_estimated() {
    let study = Study::geuvadis_slice();
    let file = study.path("study.toml");
    let mut bytes = Vec::new();
    for store in ["full", "compact", "hits"] {
        let run = study.try_assoc("out.h5", &["--dry-run", "--json", "--store", store]).ok();
        let estimate: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        std::fs::write(&file, format!("store = {store:?}\n")).unwrap();
        let out = study.assoc(&format!("{store}.h5"), &["--config", file.to_str().unwrap()]);
        let info = norna(&["info", out.to_str().unwrap()]).ok().stdout;
        assert!(info.contains(&format!("store             {store}: ")), "{info}");
        let real = std::fs::metadata(&out).unwrap().len() as f64;
        let share = estimate["output_bytes"].as_f64().unwrap() / real;
        assert!((0.5..1.5).contains(&share), "{store}: {estimate} for {real}");
        bytes.push(estimate["output_bytes"].as_u64().unwrap());
    }
    assert!(bytes.is_sorted_by(|a, b| a > b), "{bytes:?}");
    let run = study.try_assoc("none.h5", &["--store", "tiny"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
}

#[test]
fn a_configuration_file_equals_flags() {
    need!(Need::H5py);
    let study = small_study();
    let by_flags =
        bits::everything(&study.assoc("flags.h5", &["--pheno-name", "t1,t2", "--maf", "0.05", "--region", "1"]));
    let file = study.path("study.toml");
    let quoted = |path: &std::path::Path| format!("{:?}", path.to_str().unwrap());
    let text = format!(
        "vcf = [{}]\npheno = [{}]\ncovar = {}\npheno-name = [\"t1\", \"t2\"]\nmaf = 0.05\nregion = \"1\"\nout = {}\n",
        quoted(&study.vcf),
        quoted(&study.pheno),
        quoted(study.covar.as_ref().unwrap()),
        quoted(&study.path("file.h5")),
    );
    std::fs::write(&file, &text).unwrap();
    norna(&["assoc", "--config", file.to_str().unwrap()]).ok();
    bits::assert_equal("--config", &by_flags, &bits::everything(&study.path("file.h5")));

    std::fs::write(&file, text + "colour = \"blue\"\n").unwrap();
    let run = norna(&["assoc", "--config", file.to_str().unwrap()]);
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("study.toml") && run.stderr.contains("colour"), "{}", run.stderr);
}

#[test]
fn globs_and_lists_choose_traits_and_covariates() {
    let study = small_study();
    let whole = study.export(&study.assoc("out.h5", &["--covar-name", "c2"]), "t2");
    let chosen = study.assoc("chosen.h5", &["--pheno-name", "t[12]", "--covar-name", "*2"]);
    assert_eq!(study.export(&chosen, "t2"), whole);
    let run = tools::run(tools::norna(["export"]).arg(&chosen).args(["--trait", "t0", "-o"]).arg(study.path("t0.tsv")));
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("t0"), "{}", run.stderr);
}

#[test]
fn standard_input_is_read() {
    need!(Need::H5py);
    let study = small_study();
    let expected = bits::everything(&study.assoc("file.h5", &[]));
    let mut args = study.assoc_args("piped.h5", &[]);
    args[2] = "-".into();
    let mut child =
        tools::norna(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&std::fs::read(&study.vcf).unwrap()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    bits::assert_equal("standard input", &expected, &bits::everything(&study.path("piped.h5")));
}

#[test]
fn files_by_chromosome_equal_one_file() {
    let genotypes = simulate::calls(711, 80, 120, 0.02);
    let covariates = simulate::covariates(712, &genotypes.samples, 2);
    let traits = simulate::traits(713, &genotypes, &covariates, 1, |_| 0.0);
    let study = Study::write(&genotypes, &traits, Some(&covariates));
    let expected = study.export(&study.assoc("one.h5", &[]), "t0");
    let parts = ["1", "2"].map(|chrom| {
        let mut part = genotypes.clone();
        part.records.retain(|record| record.chrom == chrom);
        let path = study.path(&format!("part{chrom}.vcf"));
        part.write_vcf(&path);
        path
    });
    let list = study.path("parts.list");
    std::fs::write(&list, parts.iter().map(|path| format!("{}\n", path.display())).collect::<String>()).unwrap();
    let mut args = study.assoc_args("two.h5", &[]);
    args.splice(2..3, parts.map(Into::into));
    tools::run(&mut tools::norna(args)).ok();
    assert_eq!(study.export(&study.path("two.h5"), "t0"), expected);
    let mut args = study.assoc_args("list.h5", &[]);
    args[2] = list.into();
    tools::run(&mut tools::norna(args)).ok();
    assert_eq!(study.export(&study.path("list.h5"), "t0"), expected);
}

#[test]
fn info_top_and_export_read_what_assoc_wrote() {
    let study = Study::geuvadis_slice();
    let results = study.assoc("out.h5", &[]);
    let path = results.to_str().unwrap();
    let info = norna(&["info", path]).ok().stdout;
    assert!(info.contains("4211") || info.contains("4,211"), "{info}");
    assert!(info.contains("358") && info.contains("20"), "{info}");
    let info: serde_json::Value = serde_json::from_str(&norna(&["info", path, "--json"]).ok().stdout).unwrap();
    assert!(info.is_object());
    let top = norna(&["top", path, "--n", "5"]).ok().stdout;
    assert!(top.contains(GENE) && top.contains("18075263"), "{top}");
    let top: serde_json::Value =
        serde_json::from_str(&norna(&["top", path, "--n", "5", "--json"]).ok().stdout).unwrap();
    assert_eq!(top.as_array().map(Vec::len), Some(5));

    let packed = study.path("out.tsv.gz");
    norna(&["export", path, "--trait", GENE, "--format", "tsv", "-o", packed.to_str().unwrap()]).ok();
    let (packed, plain) = (Table::read(&packed), study.export(&results, GENE));
    assert_eq!(packed, plain);
    let columns = "CHROM POS ID REF ALT A1 A1_FREQ OBS_CT BETA SE T_STAT LOG10_P";
    assert_eq!(plain.header.join(" "), columns);
    let best = oracle::rows(&plain).into_iter().max_by(|a, b| a.log10p.total_cmp(&b.log10p)).unwrap();
    assert_eq!(best.pos, "18075263");
    assert_eq!(best.chrom, "chr22");
}

#[test]
fn export_to_an_existing_file_is_refused_without_force() {
    let study = small_study();
    let results = study.assoc("out.h5", &[]);
    let table = study.path("t0.tsv");
    std::fs::write(&table, "precious").unwrap();
    let run = tools::run(tools::norna(["export"]).arg(&results).args(["--trait", "t0", "-o"]).arg(&table));
    assert_ne!(run.code, 0);
    assert_eq!(std::fs::read(&table).unwrap(), b"precious");
}

#[test]
fn what_is_no_results_file_is_refused() {
    let study = small_study();
    let path = study.path("table.h5");
    std::fs::write(&path, "IID\tt0\n").unwrap();
    for command in ["info", "top"] {
        let run = norna(&[command, path.to_str().unwrap()]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.contains("table.h5") && !run.stderr.contains("panicked"), "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "not one line: {}", run.stderr);
    }
}

#[test]
fn no_sample_id_in_logs_files_or_results() {
    let study = small_study();
    let run = study.try_assoc("out.h5", &["-v"]).ok();
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains("SUBJ"), "{text}");
    }
    let inputs = [Some(&study.vcf), Some(&study.pheno), study.covar.as_ref()];
    let mut n_logs = 0;
    for entry in std::fs::read_dir(study.path("")).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() || inputs.contains(&Some(&path)) {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(4).any(|window| window == b"SUBJ");
        assert!(!found, "a sample ID in {}", path.display());
        n_logs += usize::from(path.extension().is_some_and(|extension| extension == "log"));
    }
    assert_eq!(n_logs, 1, "one log file beside the output");
}

#[test]
fn quiet_is_quiet_and_the_summary_counts() {
    let study = small_study();
    let run = study.try_assoc("quiet.h5", &["-q"]).ok();
    assert_eq!(run.stderr, "");
    let run = study.try_assoc("out.h5", &[]).ok();
    let said = run.stderr.to_lowercase();
    for word in ["120", "memory", "out.h5"] {
        assert!(said.contains(word), "no {word} in: {said}");
    }
    let log = study.path("out.h5.log");
    let log = if log.exists() { log } else { study.path("out.log") };
    assert!(!read_text(&log).is_empty());
}

#[test]
fn the_ledger_adds_up_under_filters() {
    need!(Need::H5py);
    let study = small_study();
    let filters = ["--maf", "0.05", "--geno", "0.015", "--hwe", "0.01", "--chr", "1"];
    let results = study.assoc("out.h5", &filters);
    let program = "
import sys, h5py
with h5py.File(sys.argv[1]) as f:
    for name in ('samples', 'variants', 'traits'):
        table = f['qc/ledger/' + name]
        total = {b'input': 0, b'kept': 0, b'dropped': 0}
        for role, count in zip(table['role'][()], table['count'][()]):
            if role in total: total[role] += int(count)
        print(name, total[b'input'], total[b'kept'], total[b'dropped'])
    print('rows', f['variants/pos'].shape[0], 0, 0)
";
    let said = bits::python_run(program, &[results.to_str().unwrap()]);
    let counts: Vec<Vec<u64>> =
        said.lines().map(|line| line.split(' ').skip(1).map(|count| count.parse().unwrap()).collect()).collect();
    for table in &counts[..3] {
        assert!(table[0] > 0 && table[0] == table[1] + table[2], "input, kept, dropped: {said}");
    }
    assert_eq!(counts[1][1], counts[3][0], "kept variants and rows: {said}");
    assert!(counts[1][2] > 0, "the filters dropped nothing: {said}");
}

#[test]
fn kept_and_removed_samples_are_the_ones_analysed() {
    need!(Need::Plink2);
    let study = small_study();
    let ids = |from: usize, to: usize| (from..to).map(|i| format!("SUBJ{i:05}\n")).collect::<String>();
    let (keep, remove) = (study.path("keep.txt"), study.path("remove.txt"));
    std::fs::write(&keep, ids(0, 60)).unwrap();
    std::fs::write(&remove, ids(50, 80)).unwrap();
    let flags = ["--keep", keep.to_str().unwrap(), "--remove", remove.to_str().unwrap()];
    let results = study.assoc("out.h5", &flags);
    let plink2 = oracle::plink2(&study, "plink2", &[], &flags);
    let (ours, theirs) = (oracle::rows(&study.export(&results, "t0")), oracle::plink2_rows(&plink2, "t0"));
    oracle::compare("--keep and --remove", &ours, &theirs, oracle::SAME_INPUT, true);
}
