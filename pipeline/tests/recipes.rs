//! Every Python program of README.md and docs/ as it stands, in a folder with the files that norna makes of the data in datasets/.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use support::need;
use support::places::{dataset, workspace};
use support::tools::{self, Need};

/// A block of a page: where it starts, and its lines.
struct Program {
    page: String,
    line: usize,
    text: String,
}

fn pages() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(workspace().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.push(workspace().join("README.md"));
    pages.sort();
    pages
}

fn programs() -> Vec<Program> {
    let mut found = Vec::new();
    for path in pages() {
        let page = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut open: Option<Program> = None;
        for (line, text) in std::fs::read_to_string(&path).unwrap().lines().enumerate() {
            match &mut open {
                None if text == "```python" => {
                    open = Some(Program { page: page.clone(), line: line + 1, text: String::new() });
                }
                Some(_) if text == "```" => found.extend(open.take()),
                Some(program) => program.text += &format!("{text}\n"),
                None => {}
            }
        }
    }
    found
}

fn norna(folder: &Path, words: &str) {
    let words = words.replace("data/", &format!("{}/", dataset("geuvadis").display()));
    tools::run(tools::norna(words.split_whitespace()).current_dir(folder)).ok();
}

/// The files that the pages speak of.
fn make_files(folder: &Path) {
    for words in [
        "assoc --vcf data/chr22.vcf.gz --pheno data/traits.tsv --covar data/covars.tsv --out results.h5",
        "assoc --vcf data/chr22.vcf.gz --pheno data/traits.tsv --covar data/covars.tsv --store compact --out compact.h5",
        "export results.h5 --trait * --format parquet --out results.parquet",
        "proteins data/traits.tsv --annotation data/genes.gtf.gz --transform rint --out proteins.h5",
        "qtl --vcf data/chr22.vcf.gz --proteins proteins.h5 --covar data/covars.tsv --permute 100 --nominal --conditional --out cis.h5",
        "simulate --out people.vcf.gz --n-samples 3 --n-variants 50 --contig 22:1100000 --reads reads --depth 0.1",
        "depth --bam-list reads/bams.txt --by 1000 --out depth.h5",
    ] {
        norna(folder, words);
    }
}

fn run(folder: &Path, program: &Program) -> String {
    let mut command = tools::command(tools::python_env("recipes").join("python"));
    let run = tools::run_within(
        command.current_dir(folder).args(["-W", "error", "-c", &program.text]),
        Duration::from_secs(60),
    );
    assert!(run.code == 0 && run.stderr.is_empty(), "{}: line {}: {}", program.page, program.line, run.stderr);
    run.stdout
}

/// What `norna top` says is the strongest pair: variant, trait, −log10 p.
fn strongest(folder: &Path) -> (String, String, f64) {
    let top = tools::run(tools::norna(["top", "results.h5", "-n", "1", "--json"]).current_dir(folder)).ok().stdout;
    let top: serde_json::Value = serde_json::from_str(&top).unwrap();
    let text = |name: &str| top[0][name].as_str().unwrap().to_owned();
    (text("ID"), text("TRAIT"), top[0]["LOG10_P"].as_f64().unwrap())
}

#[test]
fn every_program_of_the_pages_runs_as_it_stands() {
    need!(Need::Recipes);
    let folder = tempfile::tempdir().unwrap();
    make_files(folder.path());
    let mut recipes = Vec::new();
    for program in programs() {
        let said = run(folder.path(), &program);
        if program.page == "python.md" {
            let n_lines = program.text.lines().count();
            assert!(n_lines <= 5 && !said.is_empty(), "python.md: line {}: {n_lines} lines", program.line);
            recipes.push(said);
        }
    }
    assert!(recipes.len() >= 10, "{} recipes", recipes.len());
    let said = recipes.concat();
    let (variant, strong_trait, log10p) = strongest(folder.path());
    let digits = &log10p.to_string()[..7];
    for fact in ["4211 variants, 20 traits", &variant, &strong_trait, digits] {
        assert!(said.contains(fact), "no {fact} in what the recipes say: {said}");
    }
}
