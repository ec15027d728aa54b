//! Records of alignment files, one by one, against samtools.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use norna::format::alignment::{AlignmentFile, AlignmentOptions, AlignmentRecord, CigarKind};
use support::need;
use support::places::shared_file;
use support::tools::{Need, command, run};

fn brca1(file: &str) -> PathBuf {
    shared_file(&format!("brca1/{file}"))
}

/// A record as the columns of SAM that are read, without tags.
fn line(record: &AlignmentRecord, reference: &str) -> String {
    let mut line = String::new();
    let pos = if record.reference_idx.is_some() { record.start + 1 } else { 0 };
    write!(line, "{}\t{}\t{reference}\t{pos}\t{}\t", String::from_utf8_lossy(record.name()), record.flags, record.mapq)
        .unwrap();
    for (kind, len) in record.cigar() {
        let letter = match kind {
            CigarKind::Match => 'M',
            CigarKind::Insertion => 'I',
            CigarKind::Deletion => 'D',
            CigarKind::Skip => 'N',
            CigarKind::SoftClip => 'S',
            CigarKind::HardClip => 'H',
            CigarKind::Pad => 'P',
            CigarKind::SequenceMatch => '=',
            CigarKind::SequenceMismatch => 'X',
        };
        write!(line, "{len}{letter}").unwrap();
    }
    if record.cigar().next().is_none() {
        line.push('*');
    }
    write!(line, "\t{}\t{}\t", record.mate_start + 1, record.template_length).unwrap();
    line.extend((0..record.read_len()).map(|i| char::from(b"=ACMGRSVTWYHKDBN"[usize::from(record.base(i))])));
    line.push('\t');
    line.extend(record.qualities().iter().map(|&q| char::from(q + 33)));
    line
}

/// Lines of records that overlap a region, 1-based and inclusive.
fn records(path: &Path, options: &AlignmentOptions, reference: &str, from: u32, to: u32) -> Vec<String> {
    let file = AlignmentFile::open(path, options).unwrap();
    let idx = file.header().reference_idx(reference).unwrap();
    let mut reader = file.reader().unwrap();
    reader.query(idx, from - 1..to).unwrap();
    let mut record = AlignmentRecord::default();
    let mut lines = Vec::new();
    while reader.next(&mut record).unwrap() {
        lines.push(line(&record, reference));
    }
    lines
}

fn samtools(path: &Path, region: &str) -> Vec<String> {
    let text = run(command("samtools").arg("view").arg(path).arg(region)).ok().stdout;
    let columns = |line: &str| {
        let f: Vec<&str> = line.split('\t').collect();
        [f[0], f[1], f[2], f[3], f[4], f[5], f[7], f[8], f[9], f[10]].join("\t")
    };
    text.lines().map(columns).collect()
}

#[test]
fn records_of_regions_are_those_of_samtools() {
    need!(Need::Samtools, Need::SharedData);
    for sample in ["HG00096", "HG00099", "HG00101"] {
        let path = brca1(&format!("{sample}.brca1.bam"));
        let header = run(command("samtools").args(["view", "-H"]).arg(&path)).ok().stdout;
        let name = header.split("SN:").nth(1).unwrap().split('\t').next().unwrap().to_owned();
        for (from, to) in [(1, 81_189), (1, 1), (16_384, 16_385), (40_000, 41_000), (80_000, 81_189)] {
            let want = samtools(&path, &format!("{name}:{from}-{to}"));
            assert_eq!(records(&path, &AlignmentOptions::default(), &name, from, to), want, "{from}-{to}");
        }
    }
}

#[test]
fn records_of_cram_are_those_of_bam() {
    need!(Need::Samtools, Need::SharedData);
    let folder = tempfile::tempdir().unwrap();
    let fasta = brca1("ref_brca1.fa");
    let sam = run(command("samtools").args(["view", "-h"]).arg(brca1("HG00099.brca1.bam"))).ok().stdout;
    // The header tells the length of another version of the reference.
    let line = sam.lines().find(|l| l.starts_with("@SQ")).unwrap();
    let plain = folder.path().join("x.sam");
    std::fs::write(&plain, sam.replace(line, "@SQ\tSN:ref_brca1\tLN:81188")).unwrap();
    let options = AlignmentOptions {
        allow_cram: true,
        fasta: Some(Arc::new(norna::format::fasta::Fasta::open(&fasta).unwrap())),
    };
    for (version, slices) in
        [("3.0", "seqs_per_slice=300"), ("3.0", "slices_per_container=3"), ("3.1", "seqs_per_slice=500")]
    {
        let cram = folder.path().join("x.cram");
        let version = format!("version={version}");
        let mut write = command("samtools");
        write.args(["view", "-C", "--output-fmt-option", &version, "--output-fmt-option", slices, "-T"]);
        run(write.arg(&fasta).arg("-o").arg(&cram).arg(&plain)).ok();
        run(command("samtools").arg("index").arg(&cram)).ok();
        for (from, to) in [(1, 81_188), (40_000, 41_000), (500, 500)] {
            let want = samtools(&brca1("HG00099.brca1.bam"), &format!("ref_brca1:{from}-{to}"));
            let got = records(&cram, &options, "ref_brca1", from, to);
            assert_eq!(got.len(), want.len(), "{version} {slices}");
            for (got, want) in got.iter().zip(&want) {
                assert_eq!(got, want, "{version} {slices}");
            }
        }
    }
}
