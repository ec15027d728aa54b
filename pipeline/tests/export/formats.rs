//! Tables by tabix, plink2's and regenie's layouts, Parquet by pyarrow; subsets of each; policies.

use std::path::Path;

use crate::support::need;
use crate::support::oracle::{self, Tolerance};
use crate::support::table::{Table, number};
use crate::support::tools::{self, Need, command, python_env};
use crate::{export, names, read, shared};

const TRAIT: &str = "ENSG00000237438";

fn pyarrow_agrees(results: &Path, folder: &Path) -> usize {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export/parquet.py");
    let mut python = command(python_env("recipes").join("python"));
    tools::run(python.arg(script).arg(results).arg(folder)).ok().stdout.trim().parse().unwrap()
}

#[test]
fn parquet_read_by_pyarrow_has_the_numbers_of_the_file() {
    need!(Need::Recipes);
    let shared = shared();
    for (store, results) in [("full", &shared.full), ("compact", &shared.compact), ("hits", &shared.hits)] {
        let (folder, run) = export(results, &format!("{store}.parquet"), &["--format", "parquet"]);
        run.ok();
        assert_eq!(names(&folder), ["_norna_export.json", "chrom=chr22"]);
        let n_rows = pyarrow_agrees(results, &folder);
        let (tsv, run) = export(results, &format!("{store}.parquet.tsv"), &[]);
        run.ok();
        let table = Table::read(&tsv);
        assert_eq!(table.rows.len(), n_rows, "{store}");
        assert!(n_rows > 100);
        same_as_table(&folder, &tsv);
    }
}

/// Every cell of the table, as the f32 that it tells, in the Parquet.
fn same_as_table(folder: &Path, tsv: &Path) {
    let script = "
import sys, numpy as np, pandas as pd, pyarrow.parquet as pq
parquet, table = pq.read_table(sys.argv[1]).to_pandas(), pd.read_csv(sys.argv[2], sep='\\t', dtype=str, na_values='NA')
pairs = dict(id='ID', ref='REF', alt='ALT', trait='TRAIT', pos='POS', obs_ct='OBS_CT')
for a, b in pairs.items():
    assert (parquet[a].astype(str) == table[b]).all(), a
for a, b in dict(beta='BETA', se='SE', t_stat='T_STAT', log10_p='LOG10_P', a1_freq='A1_FREQ').items():
    assert np.array_equal(parquet[a].astype('f4'), table[b].astype('f4'), equal_nan=True), a
";
    let mut python = command(python_env("recipes").join("python"));
    tools::run(python.args(["-c", script]).arg(folder).arg(tsv)).ok();
}

#[test]
fn parts_of_a_table_are_found_by_tabix() {
    need!(Need::Bgzip);
    let shared = shared();
    let (plain, run) = export(&shared.full, "tabix.tsv", &[]);
    run.ok();
    let (packed, run) = export(&shared.full, "tabix.tsv.gz", &[]);
    let run = run.ok();
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    let text = read(&plain);
    assert_eq!(tools::run(command("bgzip").args(["-dc"]).arg(&packed)).ok().stdout, text);
    let header = tools::run(command("tabix").arg("-H").arg(&packed)).ok().stdout;
    assert_eq!(header, text[..text.find('\n').unwrap() + 1]);
    for (start, end) in [(17_000_000, 17_100_000), (17_000_828, 17_000_828), (1, 16_000_000), (17_500_000, 60_000_000)]
    {
        let found = tools::run(command("tabix").arg(&packed).arg(format!("chr22:{start}-{end}"))).ok().stdout;
        let is_in = |line: &&str| (start..=end).contains(&line.split('\t').nth(1).unwrap().parse::<u32>().unwrap());
        let expected: String = text.lines().skip(1).filter(is_in).map(|line| format!("{line}\n")).collect();
        assert_eq!(found, expected, "{start}-{end}");
    }
    assert!(text.lines().skip(1).count() > 80_000);
    let (_, run) = export(&shared.full, "tabix.tsv.gz", &[]);
    assert!(run.code != 0 && run.stderr.contains("exists"), "{}", run.stderr);
}

#[test]
fn plink_files_are_as_plink2_writes_them() {
    need!(Need::Plink2);
    let shared = shared();
    let (folder, run) = export(&shared.full, "plink", &["--format", "plink", "--a1-freq"]);
    run.ok();
    let study = &shared.study;
    let out = study.path("plink2");
    let mut plink2 = command("plink2");
    plink2.arg("--vcf").arg(&study.vcf).arg("--pheno").arg(&study.pheno).args(["--pheno-name", TRAIT]);
    plink2.arg("--covar").arg(study.covar.as_ref().unwrap()).arg("--covar-variance-standardize");
    plink2.args(["--glm", "omit-ref", "hide-covar", "no-x-sex", "cols=+a1freq", "--memory", "1000", "--out"]).arg(&out);
    tools::run(&mut plink2).ok();
    let theirs = Path::new(&format!("{}.{TRAIT}.glm.linear", out.display())).to_path_buf();
    let ours = folder.join(format!("full.{TRAIT}.glm.linear"));
    let header = |path: &Path| read(path).lines().next().unwrap().to_owned();
    assert_eq!(header(&ours), header(&theirs));
    let (ours, theirs) = (Table::read(&ours), Table::read(&theirs));
    let tolerance = Tolerance { beta: 1e-4, se: 1e-4, log10p: 1e-4 };
    let (norna, plink2) = (oracle::rows(&ours), oracle::rows(&theirs));
    let worst = oracle::compare("plink layout", &norna, &plink2, tolerance, false);
    assert!(worst.numbers > 4000);
    for name in ["TEST", "ERRCODE"] {
        let of = |table: &Table| -> Vec<String> {
            let at = table.column(name);
            table.rows.iter().map(|row| row[at].clone()).collect()
        };
        assert_eq!(of(&ours), of(&theirs), "{name}");
    }
    let (folder, run) = export(&shared.full, "plink_default", &["--format", "plink"]);
    run.ok();
    let columns = "#CHROM POS ID REF ALT A1 TEST OBS_CT BETA SE T_STAT P ERRCODE".replace(' ', "\t");
    assert_eq!(header(&folder.join(format!("full.{TRAIT}.glm.linear"))), columns);
}

#[test]
fn regenie_files_have_the_table_s_numbers() {
    let shared = shared();
    for (store, results) in [("compact", &shared.compact), ("hits", &shared.hits)] {
        let (folder, run) = export(results, &format!("{store}_regenie"), &["--format", "regenie"]);
        run.ok();
        let (tsv, run) = export(results, &format!("{store}_regenie.tsv"), &[]);
        run.ok();
        let table = Table::read(&tsv);
        let column = |name: &str| table.column(name);
        let cells = |row: &Vec<String>, names: &[&str]| -> Vec<String> {
            names.iter().map(|name| row[column(name)].clone()).collect()
        };
        let files = names(&folder);
        assert_eq!(files.len(), 21, "20 traits and the manifest");
        let mut n_rows = 0;
        for file in files.iter().filter(|file| file.ends_with(".regenie")) {
            let name = file.trim_start_matches(&format!("{store}_")).trim_end_matches(".regenie");
            let text = read(&folder.join(file));
            let mut lines = text.lines();
            assert_eq!(
                lines.next().unwrap(),
                "CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ N TEST BETA SE CHISQ LOG10P EXTRA"
            );
            let of_trait = table.rows.iter().filter(|row| row[column("TRAIT")] == name);
            for (line, row) in lines.by_ref().zip(of_trait.clone()) {
                let line: Vec<&str> = line.split(' ').collect();
                let front = cells(row, &["CHROM", "POS", "ID", "REF", "ALT", "A1_FREQ", "OBS_CT"]);
                assert_eq!(line[..7], front);
                assert_eq!((line[7], line[12]), ("ADD", "NA"));
                assert_eq!(line[8..10], cells(row, &["BETA", "SE"]));
                let (t, chisq) = (number(&row[column("T_STAT")]), number(line[10]));
                assert!((t * t / chisq - 1.0).abs() < 1e-6 || chisq.is_nan());
                assert_eq!(line[11], row[column("LOG10_P")]);
                n_rows += 1;
            }
            assert_eq!(text.lines().count() - 1, of_trait.count(), "{file}");
        }
        assert_eq!(n_rows, table.rows.len());
    }
}

#[test]
fn subsets_are_the_same_in_all_formats() {
    need!(Need::Recipes);
    let shared = shared();
    let wanted = ["--region", "22:17,000,000-17,800,000", "--p", "0.001"];
    for (store, results) in [("full", &shared.full), ("compact", &shared.compact), ("hits", &shared.hits)] {
        let with =
            |more: &[&'static str]| -> Vec<&str> { wanted.iter().copied().chain(more.iter().copied()).collect() };
        let (tsv, run) = export(results, &format!("{store}_some.tsv"), &wanted);
        run.ok();
        let table = Table::read(&tsv);
        let (pos, log10p) = (table.column("POS"), table.column("LOG10_P"));
        assert!(!table.rows.is_empty());
        for row in &table.rows {
            assert!((17e6..=17.8e6).contains(&number(&row[pos])) && number(&row[log10p]) >= 3.0);
        }
        let (folder, run) = export(results, &format!("{store}_some.parquet"), &with(&["--format", "parquet"]));
        run.ok();
        same_as_table(&folder, &tsv);
        let (folder, run) = export(results, &format!("{store}_some.plink"), &with(&["--format", "plink"]));
        run.ok();
        let files = names(&folder);
        let linear = files.iter().filter(|file| file.ends_with(".glm.linear"));
        let n: usize = linear.map(|file| read(&folder.join(file)).lines().count() - 1).sum();
        assert_eq!(n, table.rows.len(), "{store}");
    }
}

#[test]
fn a_policy_takes_pairs_out_and_says_how_many() {
    let shared = shared();
    let policy = shared.study.path("strict.toml");
    let default = tools::run(&mut tools::norna(["disclose", "--print-policy"])).ok().stdout;
    let at = default.find("[minor_alleles]").expect("the section");
    let strict = default[at..].replacen("minimum = ", "minimum = 100 # ", 1).replacen("\"drop\"", "\"mask\"", 1);
    let strict = strict.replacen("review_from = ", "review_from = 0.001 # ", 1);
    std::fs::write(&policy, format!("{}{strict}", &default[..at])).unwrap();
    let policy = policy.to_str().unwrap();
    let (all, run) = export(&shared.full, "unjudged.tsv", &[]);
    run.ok();
    let (judged, run) = export(&shared.full, "judged.tsv", &["--policy", policy]);
    let said = run.ok().stderr;
    let (all, judged) = (Table::read(&all), Table::read(&judged));
    let freq = judged.column("A1_FREQ");
    let masked = judged.rows.iter().filter(|row| row[freq] == "NA").count();
    let n_back = all.rows.len() - judged.rows.len() + masked;
    assert!(n_back > 0 && said.contains(&format!("policy: {n_back} pairs ")), "{n_back}: {said}");
    for name in ["OBS_CT", "BETA", "SE", "T_STAT", "LOG10_P"] {
        let at = judged.column(name);
        assert!(judged.rows.iter().all(|row| row[freq] != "NA" || row[at] == "NA"), "{name} of masked rows");
    }
    assert!(masked > 0, "{said}");
    assert!(said.contains("warning: policy: effective_traits says review: "), "{said}");
    let log10p = judged.column("LOG10_P");
    let kept_back = |said: &str| -> Vec<u64> {
        let lines = said.lines().filter_map(|line| line.strip_prefix("policy: "));
        lines.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect()
    };
    for p in ["0", "1.5", "6"] {
        let (some, run) = export(&shared.full, &format!("judged{p}.tsv"), &["--policy", policy, "--log10p", p]);
        let told = kept_back(&run.ok().stderr);
        assert_eq!((told.iter().sum::<u64>(), told.len()), (n_back as u64, kept_back(&said).len()), "{p}");
        let least: f64 = p.parse().unwrap();
        let wanted = judged.rows.iter().filter(|row| row[log10p].parse::<f64>().is_ok_and(|x| x >= least));
        assert!(Table::read(&some).rows.iter().eq(wanted), "{p}");
    }
    let (hits, run) = export(&shared.hits, "judged_hits.tsv", &["--policy", policy]);
    assert!(run.ok().stderr.contains("their number is not told"));
    let hits = Table::read(&hits);
    assert!(!hits.rows.is_empty() && hits.rows.iter().all(|row| row[freq] != "NA"));
    let (folder, run) = export(&shared.full, "judged", &["--format", "plink", "--policy", policy]);
    run.ok();
    let n: usize = names(&folder)
        .iter()
        .filter(|file| file.ends_with(".glm.linear"))
        .map(|file| read(&folder.join(file)).lines().count() - 1)
        .sum();
    assert_eq!(n, judged.rows.len());
    let manifest: serde_json::Value = serde_json::from_str(&read(&folder.join("_norna_export.json"))).unwrap();
    assert_eq!(manifest["policy"]["name"], "default");
    assert!(manifest["policy"]["kept_back"][0].as_str().unwrap().starts_with(&format!("{n_back} pairs ")));
}
