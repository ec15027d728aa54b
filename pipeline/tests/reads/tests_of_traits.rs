//! What the tests from reads find, and what the command line refuses.

use super::made::cohort;
use super::support::need;
use super::support::tools::{self, Need};

/// (POS, χ²) of a trait.
fn chi2(path: &std::path::Path, name: &str) -> Vec<(u32, f64)> {
    let mut export = tools::norna(["export", &path.display().to_string(), "--trait", name]);
    let text = tools::run(&mut export).ok().stdout;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let column = |name: &str| header.iter().position(|h| *h == name).unwrap();
    let (pos, beta, se) = (column("POS"), column("BETA"), column("SE"));
    let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        (cells[pos].parse().unwrap(), (number(cells[beta]) / number(cells[se])).powi(2))
    };
    lines.map(row).collect()
}

#[test]
fn at_great_depth_reads_say_what_genotypes_say() {
    need!(Need::H5py);
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).display().to_string();
    let (vcf, bams) = (text("c.vcf.gz"), text("bams"));
    let flags = "simulate --n-samples 50 --n-variants 200 --contig 22:60000 --n-traits 2 --n-binary-traits 1 --prevalence \
                 0.4 --depth 40 --seed 9 -q";
    tools::run(&mut tools::norna(flags.split_whitespace().chain(["--out", &vcf, "--reads", &bams]))).ok();
    let (pheno, covar) = (text("c.pheno.tsv"), text("c.covar.tsv"));
    let common = ["--pheno", &pheno, "--covar", &covar, "--mac", "5", "--pheno-name"];
    let by_calls = text("calls.h5");
    let calls = ["assoc", "--vcf", &vcf, "--out", &by_calls].into_iter().chain(common).chain(["T*"]);
    tools::run(&mut tools::norna(calls)).ok();
    let (list, sites, fasta) = (text("bams/bams.txt"), text("bams/sites.vcf.gz"), text("bams/reference.fa"));
    let reads = ["assoc", "--bam-list", &list, "--sites", &sites, "--fasta", &fasta];
    for (out, extra) in [("score.h5", &["T*"][..]), ("expected.h5", &["T*", "--reads-test", "expected"])] {
        let out = text(out);
        let args = reads.into_iter().chain(["--out", &out]).chain(common).chain(extra.iter().copied());
        tools::run(&mut tools::norna(args)).ok();
    }
    let n = 50.0;
    // Rank of the covariates with the intercept.
    let k = 1.0
        + (std::fs::read_to_string(&covar).unwrap().lines().find(|l| !l.starts_with("##")).unwrap().split('\t').count()
            - 1) as f64;
    for name in ["T1", "T2"] {
        let called = chi2(by_calls.as_ref(), name);
        for (out, is_score) in [("score.h5", true), ("expected.h5", false)] {
            let found: std::collections::HashMap<u32, f64> = chi2(text(out).as_ref(), name).into_iter().collect();
            let mut compared = 0;
            for (pos, t2) in &called {
                // The score test's χ² of sure genotypes is r²(n − k), where t² = r²/(1 − r²) (n − k − 1).
                let r2 = t2 / (t2 + n - k - 1.0);
                let expected = if is_score { r2 * (n - k) } else { *t2 };
                let Some(found) = found.get(pos) else { continue };
                compared += 1;
                assert!((found - expected).abs() < 0.05 * expected.max(0.3), "{out} {name} {pos}: {found} {expected}");
            }
            assert!(compared > 80, "{compared}");
        }
    }
}

#[test]
fn flags_that_do_not_go_with_reads_are_refused() {
    let cohort = cohort();
    for (extra, problem) in [
        (&["--hwe", "1e-6"][..], "--hwe does not go with --bam-list"),
        (&["--field", "GT"], "--field does not go with --bam-list"),
        (&["--store", "compact"], "--store compact does not go with --bam-list"),
        (&["--batch", "0"], "--batch 0: give 1 to 65536"),
        (&["--excl-flags", "DUPS"], "--excl-flags DUPS: DUPS is none of PAIRED"),
        (&["--join"], "--join is for files of genotypes"),
        (&["--bt", "--rint"], "cannot be used with"),
    ] {
        let run = cohort.run(1, cohort.assoc_args("refused.h5", extra));
        assert!(run.code == 2 && run.stderr.contains(problem), "{extra:?}: {} {}", run.code, run.stderr);
        assert!(!cohort.path("refused.h5").exists());
    }
    let quantitative = cohort.run(1, cohort.assoc_args("refused.h5", &["--bt"]));
    assert!(
        quantitative.code == 1 && quantitative.stderr.contains("with --bt every trait is 0"),
        "{}",
        quantitative.stderr
    );
    let vcf = cohort.text("c.vcf.gz");
    for (flag, value) in [("--sites", vcf.as_str()), ("--reads-test", "score")] {
        let args = ["assoc", "--vcf", &vcf, "--pheno", &cohort.text("c.pheno.tsv"), "--out", "x.h5", flag, value];
        let run = tools::run(&mut tools::norna(args));
        assert!(run.code == 2 && run.stderr.contains(&format!("{flag} needs --bam-list")), "{}", run.stderr);
    }
}

#[test]
fn bad_input_is_one_line_on_every_rank() {
    need!(Need::Mpirun);
    let cohort = cohort();
    let good = std::fs::read_to_string(cohort.path("bams/bams.txt")).unwrap();
    let list = |name: &str, text: String| {
        let name = format!("bams/{name}");
        std::fs::write(cohort.path(&name), text).unwrap();
        cohort.text(&name)
    };
    std::fs::write(cohort.path("cut.bam"), &std::fs::read(cohort.path("bams/S1.bam")).unwrap()[..5000]).unwrap();
    let cut = cohort.text("cut.bam");
    for (list, problem) in [
        (list("gone.txt", good.replace("\tS3.bam", "\tS333.bam")), "gone.txt line "),
        (list("cut.txt", format!("X1\t{cut}\n{good}")), "cut.txt line 1"),
        (list("twice.txt", format!("{good}{good}")), "twice.txt line "),
        (list("empty.txt", "\n# nothing\n".to_owned()), "empty.txt"),
        (cohort.text("no-such-list.txt"), "no-such-list.txt"),
    ] {
        for ranks in [1, 2] {
            let run = cohort.run(ranks, cohort.reads_args("reads", &list, "bad.bcf"));
            assert_eq!(run.code, 1, "{}", run.stderr);
            let errors: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
            assert!(errors.len() == 1 && errors[0].contains(problem), "{}", run.stderr);
            assert!(!errors[0].contains("S333"), "a file is named: {}", run.stderr);
            assert!(!cohort.path("bad.bcf").exists() && !cohort.path("bad.bcf.norna").exists());
        }
    }
}
