//! gl.bcf: what others read in it, and its genotypes against the truth and against bcftools.

use std::os::unix::fs::PermissionsExt;

use super::made::{cohort, query};
use super::support::need;
use super::support::places::shared_file;
use super::support::tools::{self, Need};

/// Genotypes by sample of each site; `None` where there is none.
fn calls(lines: &[String]) -> Vec<Vec<Option<u8>>> {
    let call = |text: &str| match text {
        "0/0" | "0|0" => Some(0),
        "0/1" | "1/0" | "0|1" | "1|0" => Some(1),
        "1/1" | "1|1" => Some(2),
        _ => None,
    };
    lines.iter().map(|line| line.split_whitespace().skip(1).map(call).collect()).collect()
}

fn most_likely(pl: &str) -> u8 {
    let pl: Vec<u32> = pl.split(',').map(|pl| pl.parse().unwrap()).collect();
    (0..3u8).min_by_key(|&g| pl[usize::from(g)]).unwrap()
}

#[test]
fn most_likely_genotypes_are_as_right_as_bcftools() {
    need!(Need::Bcftools);
    let cohort = cohort();
    cohort.run(1, cohort.reads_args("reads", &cohort.text("bams/bams.txt"), "gl.bcf")).ok();
    let samples = query(&cohort.path("gl.bcf"), "[%SAMPLE ]\n")[0].clone();
    let order: Vec<&str> = samples.split_whitespace().collect();
    let truth = calls(&in_order(&cohort.text("c.vcf.gz"), &order));
    let paths = std::fs::read_to_string(cohort.path("bams/bams.txt")).unwrap();
    let paths: String = paths.lines().map(|line| format!("bams/{}\n", line.split('\t').nth(1).unwrap())).collect();
    std::fs::write(cohort.path("paths.txt"), paths).unwrap();
    let mut peer = tools::command("bash");
    peer.current_dir(cohort.path("")).args([
        "-c",
        "bcftools mpileup -B -q20 -Q13 -f bams/reference.fa -T bams/sites.vcf.gz -b paths.txt -a AD,DP -Ob -o peer.bcf",
    ]);
    tools::run(&mut peer).ok();
    let ours = query(&cohort.path("gl.bcf"), "%CHROM:%POS[ %PL/%DP]\n");
    let mut by_peer = tools::command("bcftools");
    by_peer.args(["query", "-s", &order.join(","), "-f", "%CHROM:%POS %REF %ALT[ %PL/%DP]\n"]);
    let theirs = tools::run(by_peer.arg(cohort.path("peer.bcf"))).ok().stdout;
    let theirs: Vec<String> = theirs.lines().map(str::to_owned).collect();
    let theirs: std::collections::HashMap<&str, Vec<&str>> =
        theirs.iter().map(|line| (line.split(' ').next().unwrap(), line.split(' ').collect())).collect();
    let alts = query(&cohort.path("gl.bcf"), "%ALT\n");
    let (mut n, mut wrong, mut wrong_there) = (0, 0, 0);
    for ((line, alt), truth) in ours.iter().zip(&alts).zip(&truth) {
        let mut fields = line.split(' ');
        let there = theirs.get(fields.next().unwrap());
        // Only sites where bcftools saw the same ALT alone, so that its three likelihoods are of the same genotypes.
        let Some(there) = there.filter(|there| there[2] == format!("{alt},<*>") || there[2] == *alt) else { continue };
        for ((ours, theirs), truth) in fields.zip(&there[3..]).zip(truth) {
            let ((pl, depth), (their_pl, _)) = (ours.split_once('/').unwrap(), theirs.split_once('/').unwrap());
            if depth.parse::<u32>().unwrap() >= 4
                && let Some(truth) = truth
            {
                n += 1;
                wrong += usize::from(most_likely(pl) != *truth);
                wrong_there += usize::from(most_likely(their_pl) != *truth);
            }
        }
    }
    assert!(n > 10_000, "{n}");
    let share = |wrong: usize| 100.0 * wrong as f64 / n as f64;
    tools::say(&format!(
        "wrong genotypes at depth 4 and more: {:.3} %, bcftools {:.3} %",
        share(wrong),
        share(wrong_there)
    ));
    assert!(share(wrong) <= share(wrong_there) + 0.1, "{wrong} and {wrong_there} of {n}");
}

fn in_order(vcf: &str, samples: &[&str]) -> Vec<String> {
    let mut command = tools::command("bcftools");
    command.args(["query", "-f", "%POS[ %GT]\n", "-s", &samples.join(","), vcf]);
    tools::run(&mut command).ok().stdout.lines().map(str::to_owned).collect()
}

#[test]
fn the_file_is_private_marked_and_read_by_norna_itself() {
    need!(Need::Bcftools);
    let cohort = cohort();
    cohort.run(1, cohort.reads_args("reads", &cohort.text("bams/bams.txt"), "own.bcf")).ok();
    let mode = |name: &str| std::fs::metadata(cohort.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("own.bcf"), mode("own.bcf.csi")), (0o600, 0o600));
    let mut header = tools::command("bcftools");
    header.args(["view", "-h"]).arg(cohort.path("own.bcf"));
    assert!(tools::run(&mut header).ok().stdout.contains("##norna_class=individual-level data"));
    let mut region = tools::command("bcftools");
    region.args(["view", "-H", "-r", "22:1-100000"]).arg(cohort.path("own.bcf"));
    assert!(tools::run(&mut region).ok().stdout.lines().count() > 100);
    // Expected genotypes by way of the file, and by way of the reads.
    let (own, pheno) = (cohort.text("own.bcf"), cohort.text("c.pheno.tsv"));
    let direct = cohort.assoc(1, "expected.h5", &["--reads-test", "expected", "--maf", "0.05"]);
    let args = ["assoc", "--vcf", &own, "--field", "DS", "--pheno", &pheno, "--covar", &cohort.text("c.covar.tsv")];
    let by_file = cohort.text("by-file.h5");
    let rest = ["--pheno-name", "T*", "--maf", "0.05", "--out", &by_file];
    tools::run(&mut tools::norna(args.into_iter().chain(rest))).ok();
    let table = |path: &std::path::Path| {
        let mut export = tools::norna(["export", &path.display().to_string(), "--trait", "T1"]);
        let text = tools::run(&mut export).ok().stdout;
        text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let (a, b) = (table(&direct), table(&cohort.path("by-file.h5")));
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(a[..6], b[..6]);
        let number = |row: &[String], from_end: usize| row[row.len() - from_end].parse::<f64>().unwrap();
        assert!((number(a, 1) - number(b, 1)).abs() < 1e-3 * number(a, 1).max(1.0), "{a:?} {b:?}");
    }
}

#[test]
fn real_reads_have_the_depths_that_bcftools_counts() {
    need!(Need::SharedData, Need::Bcftools, Need::Samtools);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| shared_file(&format!("brca1/{name}")).display().to_string();
    let list: String =
        ["HG00101", "HG00096", "HG00099"].iter().map(|s| file(&format!("{s}.brca1.bam")) + "\n").collect();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("bams.txt"), list).unwrap();
    let (list, out) = (path("bams.txt"), path("gl.bcf"));
    let (fasta, sites) = (file("ref_brca1.fa"), file("brca1_1kgPhase3_variants.vcf.gz"));
    let args = ["reads", "--bam-list", &list, "--fasta", &fasta, "--sites", &sites, "--out", &out];
    let strict = tools::run(&mut tools::norna(args));
    assert_eq!(strict.code, 1);
    assert!(strict.stderr.contains("bams.txt line 1") && !strict.stderr.contains("HG0"), "{}", strict.stderr);
    let args = args.into_iter().chain(["--count-overlaps-twice", "--allow-reference-mismatch", "--max-depth", "0"]);
    let run = tools::run(&mut tools::norna(args)).ok();
    assert!(!run.stderr.contains("HG0"), "a sample is named: {}", run.stderr);
    let bams = ["HG00096", "HG00099", "HG00101"].map(|sample| file(&format!("{sample}.brca1.bam")));
    let mut depths = tools::command("samtools");
    let theirs = tools::run(depths.args(["depth", "-aa", "-q13", "-Q20"]).args(bams)).ok().stdout;
    // Chromosome, position, and the three in the order of their names.
    let theirs: std::collections::HashMap<&str, Vec<&str>> = theirs
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|cells| (cells[1], cells[2..].to_vec()))
        .collect();
    let ours = query(out.as_ref(), "%POS[ %DP]\n");
    assert!(ours.len() > 1900, "{}", ours.len());
    for line in &ours {
        let (pos, depths) = line.split_once(' ').unwrap();
        assert_eq!(depths.split(' ').collect::<Vec<_>>(), theirs[pos], "{pos}");
    }
}
