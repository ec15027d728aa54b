//! An association that first asks whose the reads are.

use std::os::unix::fs::PermissionsExt;

use super::made::cohort;
use super::support::bits;
use super::support::need;
use super::support::tools::{self, Need, Run};

fn assoc(ranks: usize, out: &str, extra: &[&str]) -> Run {
    let cohort = cohort();
    let flags = [("--vcf", "c.vcf.gz"), ("--pheno", "c.pheno.tsv"), ("--out", out)];
    let mut args = vec!["assoc".to_owned(), "--pheno-name".to_owned(), "T*".to_owned()];
    args.extend(flags.into_iter().flat_map(|(flag, name)| [flag.to_owned(), cohort.text(name)]));
    args.extend(extra.iter().map(|&flag| flag.to_owned()));
    cohort.run(ranks, args)
}

#[test]
fn reads_of_the_right_people_let_the_run_go_on() {
    need!(Need::Mpirun, Need::H5py);
    let cohort = cohort();
    let list = cohort.text("bams/bams.txt");
    assoc(1, "without.h5", &[]).ok();
    let with = assoc(2, "with.h5", &["--bam-list", &list]).ok();
    assert!(with.stderr.contains("looking whose the reads are"), "{}", with.stderr);
    let equal = |name: &str| {
        bits::assert_equal(name, &bits::everything(&cohort.path("without.h5")), &bits::everything(&cohort.path(name)))
    };
    equal("with.h5");
    let table = std::fs::read_to_string(cohort.path("with.h5.identity.tsv")).unwrap();
    assert_eq!(table.lines().count(), 61);
    assert!(table.lines().skip(1).all(|line| line.split('\t').nth(1) == Some("match")), "{table}");
    let mode = std::fs::metadata(cohort.path("with.h5.identity.tsv")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_swap_stops_the_run_on_every_rank_unless_it_is_told_otherwise() {
    need!(Need::Mpirun);
    let cohort = cohort();
    let list = std::fs::read_to_string(cohort.path("bams/bams.txt")).unwrap();
    let swapped: String = list
        .lines()
        .map(|line| match line.split_once('\t').unwrap() {
            ("S7", path) => format!("S8\t{path}\n"),
            ("S8", path) => format!("S7\t{path}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    std::fs::write(cohort.path("bams/swapped.txt"), swapped).unwrap();
    let (list, sites) = (cohort.text("bams/swapped.txt"), cohort.text("bams/sites.vcf.gz"));
    for extra in [&["--bam-list", &list][..], &["--bam-list", &list, "--sites", &sites]] {
        let run = assoc(2, "swapped.h5", extra);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(
            run.stderr.contains("--allow-swaps") && run.stderr.contains("swapped.h5.identity.tsv"),
            "{}",
            run.stderr
        );
        assert!(!run.stderr.contains("S7") && !cohort.path("swapped.h5").exists(), "{}", run.stderr);
        assert!(!cohort.path("swapped.h5.norna").exists());
        let table = std::fs::read_to_string(cohort.path("swapped.h5.identity.tsv")).unwrap();
        let swaps: Vec<&str> = table.lines().filter(|line| line.contains("\tswap\tS")).collect();
        assert_eq!(swaps.len(), 2, "{table}");
    }
    assoc(1, "allowed.h5", &["--bam-list", &list, "--allow-swaps"]).ok();
    let dry = tools::run(&mut tools::norna([
        "assoc",
        "--vcf",
        &cohort.text("c.vcf.gz"),
        "--allow-swaps",
        "--pheno",
        "x",
        "--out",
        "y",
    ]));
    assert_eq!(dry.code, 2, "{}", dry.stderr);
}

#[test]
fn only_analysed_samples_count_and_what_cannot_be_told_is_said() {
    let cohort = cohort();
    let list = std::fs::read_to_string(cohort.path("bams/bams.txt")).unwrap();
    let write = |name: &str, text: String| {
        std::fs::write(cohort.path(name), text).unwrap();
        cohort.text(name)
    };
    // The reads of S1 under the name of S2, too.
    for end in ["bam", "bam.bai"] {
        std::fs::copy(cohort.path(&format!("bams/S1.{end}")), cohort.path(&format!("copy.{end}"))).unwrap();
    }
    let twice: String = list
        .lines()
        .filter(|line| !line.starts_with("S2\t"))
        .map(|line| format!("{line}\n"))
        .chain([format!("S2\t{}\n", cohort.text("copy.bam"))])
        .collect();
    let twice = write("bams/twice.txt", twice);
    let stopped = assoc(1, "twice.h5", &["--bam-list", &twice]);
    assert!(stopped.code == 1 && stopped.stderr.contains("duplicate 1"), "{}", stopped.stderr);
    let remove = write("s2.txt", "S2\n".to_owned());
    assoc(1, "twice.h5", &["--bam-list", &twice, "--remove", &remove]).ok();
    let renamed: String = list.lines().map(|line| format!("Q{line}\n")).collect();
    let renamed = write("bams/renamed.txt", renamed);
    let nobody = assoc(1, "nobody.h5", &["--bam-list", &renamed]);
    assert!(nobody.code == 1 && nobody.stderr.contains("--pairs"), "{}", nobody.stderr);
    let half: String = list.lines().take(30).map(|line| format!("{line}\n")).collect();
    let half = assoc(1, "half.h5", &["--bam-list", &write("bams/half.txt", half), "-q"]).ok();
    assert!(half.stderr.contains("30 of the analysed samples are in the VCF and have no reads"), "{}", half.stderr);
}
