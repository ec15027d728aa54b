//! What cannot be meant or used is refused in one line that names nobody, and nothing is left behind.

use super::made::Made;
use super::support::need;
use super::support::refusal::assert_quiet_about_people;
use super::support::tools::{Need, Run};

#[track_caller]
fn assert_refused(made: &Made, run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, code, "{}", run.stderr);
    let errors: Vec<&str> = run.stderr.lines().filter(|line| line.contains("error:")).collect();
    assert_eq!(errors.len(), 1, "not one line: {}", run.stderr);
    words.iter().for_each(|word| assert!(errors[0].contains(word), "no {word:?} in {}", errors[0]));
    assert_quiet_about_people(&run.stderr);
    assert!(!made.path("out.h5").exists() && !made.path("out.h5.norna").exists(), "something was left");
}

#[test]
fn flags_that_cannot_be_meant() {
    need!(Need::Bgzip);
    let made = Made::new();
    for (flags, words) in [
        (vec!["--permute", "0"], vec!["--permute 0"]),
        (vec!["--fdr", "1.5"], vec!["--fdr 1.5"]),
        (vec!["--fdr", "0"], vec!["--fdr 0"]),
        (vec!["--nominal", "--conditional"], vec!["--conditional needs --permute"]),
        (vec!["--p-threshold", "1e-5"], vec!["--p-threshold is for --trans"]),
        (vec!["--missing-genotype", "drop"], vec!["--missing-genotype drop is for --trans"]),
        (vec!["--store", "full"], vec!["--store is for norna assoc"]),
        (vec!["--pheno", "x.tsv"], vec!["--pheno is for norna assoc"]),
        (vec!["--trans", "--permute", "100"], vec!["--trans"]),
    ] {
        let run = made.run(1, "out.h5", &flags);
        assert_eq!(run.code, 2, "{flags:?}: {}", run.stderr);
        words.iter().for_each(|word| assert!(run.stderr.contains(word), "{flags:?}: {}", run.stderr));
        assert!(!made.path("out.h5").exists());
    }
}

#[test]
fn inputs_that_cannot_be_used() {
    need!(Need::Bgzip, Need::Mpirun);
    let made = Made::new();
    std::fs::rename(made.path("cohort.vcf.gz.tbi"), made.path("away")).unwrap();
    for ranks in [1, 2] {
        assert_refused(&made, &made.run(ranks, "out.h5", &[]), 1, &["cohort.vcf.gz", "no index"]);
    }
    std::fs::rename(made.path("away"), made.path("cohort.vcf.gz.tbi")).unwrap();
    assert_refused(&made, &made.run(1, "out.h5", &["--pheno-name", "NOBODY"]), 1, &["NOBODY"]);
    let bed = std::fs::read_to_string(made.path("genes.bed")).unwrap();
    let strange = bed.replace("SUBJ", "STRANGER");
    std::fs::write(made.path("genes.bed"), strange).unwrap();
    let run = made.run(1, "out.h5", &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(!run.stderr.contains("STRANGER0"), "{}", run.stderr);
}

#[test]
fn phenotypes_without_variants_or_variance_have_a_status_and_never_win() {
    need!(Need::Bgzip, Need::H5py);
    let made = Made::new();
    let bed = std::fs::read_to_string(made.path("genes.bed")).unwrap();
    let n = bed.lines().next().unwrap().split('\t').count() - 4;
    let row = |place: &str, id: &str, value: &dyn Fn(usize) -> String| {
        let values: Vec<String> = (0..n).map(value).collect();
        format!("{place}\t{id}\t{}\n", values.join("\t"))
    };
    let noise = |i: usize| format!("{}", (i * i * 31 % 101) as f64 / 7.0);
    let text = bed
        + &row("3\t999\t1000", "ELSEWHERE", &noise)
        + &row("2\t1000499\t1000500", "CONSTANT", &|_| "4.5".into())
        + &row("2\t1000499\t1000500", "FEW", &|i| if i < 4 { format!("{i}.5") } else { "NA".into() });
    std::fs::write(made.path("genes.bed"), text).unwrap();
    made.qtl(1, "cis.h5", &["--permute", "20", "--nominal"]);
    let told = super::support::bits::python_run(
        r#"
import sys, h5py
f = h5py.File(sys.argv[1])
for i, s, v, p in zip(f["phenotypes/id"][()], f["phenotypes/status"][()], f["phenotypes/n_variants"][()], f["cis/p_perm"][()]):
    print(i.decode(), s, v, p)
"#,
        &[made.path("cis.h5").to_str().unwrap()],
    );
    for (id, code) in [("ELSEWHERE", "2"), ("CONSTANT", "3"), ("FEW", "4"), ("GENE00", "0")] {
        let line = told.lines().find(|line| line.starts_with(id)).unwrap();
        assert_eq!(line.split(' ').nth(1), Some(code), "{line}");
        assert_eq!(line.ends_with("nan"), code != "0", "{line}");
    }
}
