//! Bad input: one line that says what and where, an exit code, and nothing left.

use super::made::{Made, Read, random_reads};
use super::support::need;
use super::support::tools::{self, Need, Run};

const GENOME: [(&str, u32); 2] = [("1", 900), ("2", 500)];

#[track_caller]
fn assert_refused(made: &Made, run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, code, "{}", run.stderr);
    let errors: Vec<&str> = run.stderr.lines().filter(|line| line.contains("error:")).collect();
    assert_eq!(errors.len(), 1, "not one line: {}", run.stderr);
    for word in words {
        assert!(errors[0].contains(word), "no {word:?} in: {}", errors[0]);
    }
    assert!(!run.stderr.contains("SUBJ") && !run.stderr.contains("panicked"), "{}", run.stderr);
    assert!(!made.path("out.h5").exists(), "an output was left");
}

#[test]
fn regions_that_are_none_are_named_by_their_line() {
    need!(Need::Samtools);
    let made = Made::new();
    let bam = made.bam("SUBJ7", "SUBJ7", &GENOME, &random_reads(1, &[GENOME[0], GENOME[1]], 9));
    let list = made.list("bams.txt", &[bam.display().to_string()]);
    for (text, words) in [
        ("1\t5\t9\n1\t7\t7\n", &["r.bed: line 2", "START 7 is not below END 7"][..]),
        ("1\t9\t7\n", &["r.bed: line 1", "START 9"]),
        ("1\t0\t901\n", &["r.bed: line 1", "END 901", "at 900"]),
        ("#\n\nchr1\t0\t9\n", &["r.bed: line 3", "chr1", "they call it 1"]),
        ("1\tx\t9\n", &["r.bed: line 1", "START 'x'"]),
        ("1 5\n", &["r.bed: line 1", "no END"]),
        ("", &["r.bed: no regions"]),
    ] {
        let bed = made.file("r.bed", text);
        assert_refused(&made, &made.try_depth(&list, &bed, "out.h5", ""), 1, words);
    }
    let missing = made.try_depth(&list, made.path("no.bed"), "out.h5", "");
    assert_refused(&made, &missing, 1, &["no.bed", "No such file"]);
}

#[test]
fn flags_that_cannot_be_meant_are_refused() {
    need!(Need::Samtools);
    let made = Made::new();
    let bam = made.bam("SUBJ7", "SUBJ7", &GENOME, &[]);
    let list = made.list("bams.txt", &[bam.display().to_string()]);
    for (by, flags, code, word) in [
        ("0", "", 2, "--by"),
        ("4294967296", "", 2, "from 1 to 4294967295"),
        ("100", "--thresholds 0,5", 2, "--thresholds"),
        ("100", "--excl-flags DUPS", 2, "SUPPLEMENTARY"),
        ("100", "--chr 7", 1, "--chr: 7 is not in the header"),
        ("100", "--chr 1-X", 2, "--chr"),
        ("100", "--threads 0", 2, "--threads"),
    ] {
        assert_refused(&made, &made.try_depth(&list, by, "out.h5", flags), code, &[word]);
    }
}

#[test]
fn files_are_refused_by_their_line_in_the_list() {
    need!(Need::Samtools);
    let made = Made::new();
    let sound = made.bam("SUBJ7", "SUBJ7", &GENOME, &random_reads(1, &[GENOME[0], GENOME[1]], 99));
    let lines = |second: &str| made.list("bams.txt", &[sound.display().to_string(), second.to_owned()]);
    let other = made.bam("SUBJ8", "SUBJ8", &GENOME, &[Read::new("r", 0, 0, 5, "9M")]);
    let refused = |words: &[&str]| {
        let list = lines(&other.display().to_string());
        assert_refused(&made, &made.try_depth(&list, "100", "out.h5", ""), 1, words);
    };
    std::fs::rename(made.path("SUBJ8.bam.bai"), made.path("hidden.bai")).unwrap();
    refused(&["bams.txt line 2", "index"]);
    std::fs::rename(made.path("hidden.bai"), made.path("SUBJ8.bam.bai")).unwrap();
    let bytes = std::fs::read(&other).unwrap();
    std::fs::write(&other, &bytes[..bytes.len() - 28]).unwrap();
    refused(&["bams.txt line 2", "truncated"]);
    made.bam("SUBJ8", "SUBJ8", &[("1", 901), ("2", 500)], &[]);
    refused(&["bams.txt line 2", "901", "900"]);
    let missing = lines(&made.path("SUBJ9.bam").display().to_string());
    assert_refused(&made, &made.try_depth(&missing, "100", "out.h5", ""), 1, &["bams.txt line 2", "No such file"]);
}

#[test]
fn an_output_that_is_there_is_replaced_only_by_force() {
    need!(Need::Samtools);
    let made = Made::new();
    let list = made.list("bams.txt", &[made.bam("a", "A", &GENOME, &[]).display().to_string()]);
    made.try_depth(&list, "100", "there.h5", "").ok();
    let again = made.try_depth(&list, "100", "there.h5", "");
    assert_refused(&made, &again, 1, &["there.h5: exists", "--force"]);
    made.try_depth(&list, "100", "there.h5", "--force").ok();
    let text = made.file("notes.txt", "mine");
    let run = made.try_depth(&list, "100", "notes.txt", "--force");
    assert_refused(&made, &run, 1, &["notes.txt", "no HDF5 file"]);
    assert_eq!(std::fs::read_to_string(text).unwrap(), "mine");
    assert!(tools::run(tools::norna(["depth", "--by", "5"]).arg("--out").arg("x.h5")).code == 2);
}
