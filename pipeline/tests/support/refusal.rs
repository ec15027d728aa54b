//! A small sound study, the same with one thing wrong, and what a refusal looks like.

use super::simulate::{self, Genotypes};
use super::study::Study;
use super::table::Table;
use super::tools::Run;

/// 60 people, 80 variants, two traits, two covariates.
pub fn small() -> (Genotypes, Table, Table) {
    let genotypes = simulate::calls(601, 60, 80, 0.02);
    let covariates = simulate::covariates(602, &genotypes.samples, 2);
    let traits = simulate::traits(603, &genotypes, &covariates, 2, |k| 0.1 * k as f64);
    (genotypes, covariates, traits)
}

pub fn small_study() -> Study {
    let (genotypes, covariates, traits) = small();
    Study::write(&genotypes, &traits, Some(&covariates))
}

/// Both traits as exported.
pub fn exports(study: &Study) -> Vec<Table> {
    let results = study.assoc("out.h5", &["--force"]);
    ["t0", "t1"].map(|name| study.export(&results, name)).to_vec()
}

/// The run was refused in one line with every one of `words` (alternatives by `|`), and nothing was given away or left.
#[track_caller]
pub fn assert_refused(study: &Study, run: &Run, words: &[&str]) {
    assert!(run.code == 1 || run.code == 2, "exit code {}\n{}", run.code, run.stderr);
    let errors: Vec<&str> = run.stderr.lines().filter(|line| line.contains("error:")).collect();
    assert_eq!(errors.len(), 1, "not one line: {}", run.stderr);
    let said = errors[0].to_lowercase();
    for word in words {
        assert!(word.split('|').any(|word| said.contains(&word.to_lowercase())), "no {word:?} in: {said}");
    }
    assert_quiet_about_people(&run.stderr);
    assert!(!study.path("out.h5").exists(), "a result file was left");
}

#[track_caller]
pub fn assert_quiet_about_people(text: &str) {
    // "SUBJ<digits>" is a pattern of IDs, which explains a mismatch, and nobody's ID.
    let shown = text.match_indices("SUBJ").any(|(at, _)| text[at + 4..].starts_with(|c: char| c.is_ascii_digit()));
    assert!(!shown, "a sample ID in: {text}");
    assert!(!text.contains("panicked"), "{text}");
}

/// Runs a study whose table of traits is `text`.
pub fn with_pheno(text: &str) -> (Study, Run) {
    let study = small_study();
    std::fs::write(&study.pheno, text).unwrap();
    let run = study.try_assoc("out.h5", &[]);
    (study, run)
}

/// Runs a study whose VCF is what `edit` makes of a good one.
pub fn with_vcf(edit: impl Fn(&str) -> String) -> (Study, Run) {
    let study = small_study();
    let text = std::fs::read_to_string(&study.vcf).unwrap();
    std::fs::write(&study.vcf, edit(&text)).unwrap();
    let run = study.try_assoc("out.h5", &[]);
    (study, run)
}

/// Changes the records (not the header) of a VCF: the first ten fields are given as a list.
pub fn edit_records(text: &str, edit: impl Fn(usize, &mut Vec<String>)) -> String {
    let mut n_records = 0;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with('#') {
            lines.push(line.to_owned());
            continue;
        }
        let mut fields = line.split('\t').map(str::to_owned).collect();
        edit(n_records, &mut fields);
        n_records += 1;
        lines.push(fields.join("\t"));
    }
    lines.join("\n") + "\n"
}
