//! The command: real results, exit codes, policies, kinds of files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use norna::disclosure::{EffectiveTraits, Judge, Policy};
use norna::store::ResultsReader;
use serde_json::Value;

use crate::support::bits::python_run;
use crate::support::study::Study;
use crate::support::tools::{self, Need, Run};
use crate::support::{need, places};

/// GEUVADIS: 358 people, 20 traits, no covariates.
fn results() -> &'static (Study, PathBuf) {
    static MADE: OnceLock<(Study, PathBuf)> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut study = Study::geuvadis_slice();
        study.covar = None;
        let path = study.assoc("results.h5", &[]);
        (study, path)
    })
}

fn disclose(args: &[&str]) -> Run {
    tools::run(&mut tools::norna(["disclose"].iter().chain(args)))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn geuvadis_passes_and_json_says_the_same() {
    let (_, path) = results();
    let said = disclose(&[text(path)]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("verdict: pass") && said.stdout.contains("358 samples"), "{}", said.stdout);
    let json: Value = serde_json::from_str(&disclose(&[text(path), "--json"]).stdout).unwrap();
    assert_eq!(json["verdict"], "pass");
    assert_eq!(json["rules"].as_array().unwrap().len(), 11);
    assert_eq!(json["rules"][1]["numbers"]["samples"], 358);
    assert!(json["decision"].as_str().unwrap().contains("people make"));
}

#[test]
fn exit_codes_tell_verdicts() {
    let (study, path) = results();
    let policy = |name: &str, words: &str| {
        let file = study.path(name);
        fs::write(&file, words).unwrap();
        file
    };
    // The least count of minor alleles is 36.
    let strict = policy("strict.toml", "[minor_alleles]\nminimum = 37\n");
    assert_eq!(disclose(&[text(path), "--policy", text(&strict)]).code, 5);
    let look = policy("look.toml", "[minor_alleles]\nminimum = 37\nverdict = \"review\"\n");
    assert_eq!(disclose(&[text(path), "--policy", text(&look)]).code, 4);
    let lax = policy("lax.toml", "[minor_alleles]\nminimum = 36\n");
    assert_eq!(disclose(&[text(path), "--policy", text(&lax)]).code, 0);
    for words in ["[minor_alele]\n", "minimum = ", "[ledger]\nminimum = 0\n"] {
        let said = disclose(&[text(path), "--policy", text(&policy("bad.toml", words))]);
        assert_eq!((said.code, said.stderr.lines().count()), (1, 1), "{}", said.stderr);
        assert!(said.stderr.contains("bad.toml"), "{}", said.stderr);
    }
    let absent = disclose(&[text(path), "--policy", "lenient"]);
    assert!(absent.code == 1 && absent.stderr.contains("default"), "{}", absent.stderr);
    assert_eq!(disclose(&[]).code, 2);
}

#[test]
fn the_printed_policy_is_the_default() {
    let (study, path) = results();
    let printed = disclose(&["--print-policy"]).ok().stdout;
    let file = study.path("printed.toml");
    fs::write(&file, &printed).unwrap();
    assert_eq!(Policy::load(text(&file)).unwrap(), Policy::load("default").unwrap());
    assert_eq!(disclose(&[text(path), "--policy", text(&file)]).stdout, disclose(&[text(path)]).stdout);
}

#[test]
fn single_peoples_data_are_refused_by_kind_and_strange_files_are_errors() {
    let (study, _) = results();
    let proteins = study.path("proteins.h5");
    let bed = places::dataset("geuvadis/genes.bed.gz");
    tools::run(tools::norna(["proteins", "-q"]).arg(&bed).arg("--out").arg(&proteins)).ok();
    let folder = study.path("x.h5.norna");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("run.json"), "{}").unwrap();
    fs::write(study.path("people.csv"), "IID,height\na,1\n").unwrap();
    fs::write(study.path("people.bed"), b"\x6c\x1b\x01\xff").unwrap();
    let geuvadis = |name: &str| places::dataset(&format!("geuvadis/{name}"));
    let kinds = [
        (proteins.clone(), "proteins by person"),
        (geuvadis("chr22.vcf.gz"), "VCF"),
        (geuvadis("chr22.bcf"), "BCF"),
        (geuvadis("traits.tsv"), "a row a sample"),
        (folder, "working folder"),
        (bed, "BED"),
        (study.path("people.csv"), "a row a sample"),
        (study.path("people.bed"), "PLINK"),
    ];
    for (path, kind) in kinds {
        let said = disclose(&[text(&path)]);
        assert_eq!(said.code, 5, "{}{}", said.stdout, said.stderr);
        assert!(said.stdout.contains(kind) && said.stdout.contains("verdict: refuse"), "{}", said.stdout);
    }
    for path in [geuvadis("genes.gtf.gz"), study.path("nothing.h5")] {
        let said = disclose(&[text(&path)]);
        assert_eq!((said.code, said.stderr.lines().count()), (1, 1), "{}", said.stderr);
    }
    let said = disclose(&[text(&results().1), "--against", text(&proteins)]);
    assert_eq!(said.code, 1, "{}", said.stdout);
}

#[test]
fn three_people_more_are_told_by_another_file() {
    let (study, path) = results();
    let traits = fs::read_to_string(&study.pheno).unwrap();
    let ids: Vec<&str> = traits.lines().skip(1).take(3).map(|line| line.split('\t').next().unwrap()).collect();
    fs::write(study.path("gone.txt"), ids.join("\n") + "\n").unwrap();
    let fewer = study.assoc("fewer.h5", &["--remove", text(&study.path("gone.txt"))]);
    let said = disclose(&[text(path), "--against", text(&fewer)]);
    assert_eq!(said.code, 5, "{}", said.stdout);
    assert!(said.stdout.contains("fewer.h5: 3 samples apart"), "{}", said.stdout);
    // Alone, the smaller file says that 3 were removed.
    let said = disclose(&[text(&fewer)]);
    assert!(said.code == 4 && said.stdout.contains("in_remove"), "{}", said.stdout);
}

const MEASURES: &str = r#"
import sys
import h5py, numpy as np
with h5py.File(sys.argv[1]) as f:
    stored = f["qc/eigenvalues"][:]
with open(sys.argv[2]) as f:
    rows = [line.split("\t")[1:] for line in f.read().splitlines()[1:]]
values = np.array(rows, dtype=float)
eigenvalues = np.linalg.eigvalsh(np.corrcoef(values.T))[::-1]
assert np.abs(eigenvalues - stored).max() < 1e-6, (eigenvalues, stored)
x = np.maximum(eigenvalues, 0)
print(x.sum() ** 2 / (x ** 2).sum(), ((x >= 1) + x - np.floor(x)).sum(), np.sqrt(x).sum() ** 2 / x.sum())
"#;

#[test]
fn effective_traits_are_numpys() {
    need!(Need::H5py);
    let (study, path) = results();
    let said = python_run(MEASURES, &[text(path), text(&study.pheno)]);
    let expected: Vec<f64> = said.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let eigenvalues = ResultsReader::open(path).unwrap().qc().unwrap().eigenvalues;
    let found = EffectiveTraits::new(&eigenvalues).unwrap();
    for (found, expected) in [found.participation, found.li_ji, found.galwey].iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}

/// Alleles among cases by bcftools, against those that effects give back.
#[test]
fn alleles_among_cases_are_those_of_the_genotypes() {
    need!(Need::Bcftools);
    let (study, _) = results();
    let traits = fs::read_to_string(&study.pheno).unwrap();
    let ids: Vec<&str> = traits.lines().skip(1).map(|line| line.split('\t').next().unwrap()).collect();
    let cases: Vec<&str> = ids.iter().step_by(9).copied().collect();
    let lines = ids.iter().map(|id| format!("{id}\t{}\n", 1 + u8::from(cases.contains(id))));
    fs::write(study.path("cases.tsv"), "IID\tD\n".to_owned() + &lines.collect::<String>()).unwrap();
    fs::write(study.path("cases.txt"), cases.join("\n") + "\n").unwrap();
    let of_cases = Study::of_files(&study.vcf, &study.path("cases.tsv"), None);
    let path = of_cases.assoc("cases.h5", &["--linear-on-binary"]);

    let mut view = tools::command("bcftools");
    view.args(["view", "-I", "-S"]).arg(study.path("cases.txt")).args(["-Ou", "-o"]).arg(study.path("cases.bcf"));
    tools::run(view.arg(&study.vcf)).ok();
    let mut query = tools::command("bcftools");
    let counted = tools::run(query.args(["query", "-f", "[%GT ]\n"]).arg(study.path("cases.bcf"))).ok().stdout;
    let counted: Vec<usize> = counted.lines().map(|line| line.matches('1').count()).collect();

    let reader = ResultsReader::open(&path).unwrap();
    let judge = Judge::new(&reader, &Policy::load("default").unwrap()).unwrap();
    assert_eq!(judge.cases(0).unwrap().n_cases as usize, cases.len());
    let rows = 0..reader.n_variants();
    let (beta, se) = reader.trait_column(0, rows.clone()).unwrap();
    assert_eq!(counted.len(), rows.len());
    let mut small = 0;
    for (row, variant) in reader.variants(rows).unwrap().iter().enumerate() {
        let cells = judge.case_cells(variant, 0, 358, (beta[row].into(), se[row].into())).unwrap();
        let expected = if variant.a1_freq > 0.5 { 2 * cases.len() - counted[row] } else { counted[row] } as f64;
        assert!((cells.cases - expected).abs() < 1e-2, "row {row}: {} {expected}", cells.cases);
        small += u64::from(expected < 10.0);
    }
    let json: Value = serde_json::from_str(&disclose(&[text(&path), "--json"]).stdout).unwrap();
    let rule = json["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == "case_cells").unwrap();
    assert!(small > 0);
    assert_eq!((rule["verdict"].as_str(), rule["numbers"]["pairs_under"].as_u64()), (Some("refuse"), Some(small)));
}

#[test]
fn cis_results_are_judged_too() {
    let (study, _) = results();
    let cis = study.path("cis.h5");
    let bed = places::dataset("geuvadis/genes.bed.gz");
    let mut command = tools::norna(["qtl", "-q", "--permute", "20", "--vcf"]);
    tools::run(command.arg(&study.vcf).arg("--proteins").arg(&bed).arg("--out").arg(&cis)).ok();
    let said = disclose(&[text(&cis), "--json"]);
    let json: Value = serde_json::from_str(&said.stdout).unwrap();
    let rules: Vec<&str> =
        json["rules"].as_array().unwrap().iter().map(|rule| rule["rule"].as_str().unwrap()).collect();
    assert!(
        ["samples", "minor_alleles", "near_perfect_fits", "effective_traits"].iter().all(|rule| rules.contains(rule))
    );
    assert_eq!(json["rules"][1]["numbers"]["samples"], 358);
    assert!(json["kind"].as_str().unwrap().starts_with("cis results of 358 samples"), "{json}");
}
