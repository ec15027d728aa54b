//! Records of alignment files, one by one, against samtools; and indices by which some would be lost.
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

/// Makes a sorted file of 2000 reads, `place` saying (reference, POS) of each, with its index; CRAM has 100 reads a slice.
fn make(folder: &Path, name: &str, place: impl Fn(usize) -> (&'static str, usize)) -> PathBuf {
    let fasta = folder.join("ref.fa");
    if !fasta.exists() {
        std::fs::write(&fasta, format!(">chr21\n{0}\n>chr22\n{0}\n", "acgta".repeat(10_000))).unwrap();
        run(command("samtools").arg("faidx").arg(&fasta)).ok();
    }
    let mut sam = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:21\tLN:50000\n@SQ\tSN:22\tLN:50000\n".to_owned();
    for i in 0..2000 {
        let (reference, pos) = place(i);
        let (flags, mapq, cigar) = if reference == "*" { (4, 0, "*") } else { (0, 60, "100M") };
        // Names that do not pack well, so that there are many blocks.
        let n = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (bases, qualities) = ("ACGTA".repeat(20), format!("{n:050}").repeat(2));
        writeln!(sam, "r{n}\t{flags}\t{reference}\t{pos}\t{mapq}\t{cigar}\t*\t0\t0\t{bases}\t{qualities}").unwrap();
    }
    let (text, path) = (folder.join("x.sam"), folder.join(name));
    std::fs::write(&text, sam).unwrap();
    let mut write = command("samtools");
    if name.ends_with(".cram") {
        // Written by a FASTA with the header's names.
        let named = folder.join("named.fa");
        std::fs::write(&named, std::fs::read_to_string(&fasta).unwrap().replace(">chr", ">")).unwrap();
        write.args(["view", "-C", "--no-PG", "--output-fmt-option", "seqs_per_slice=100"]);
        write.args(["--output-fmt-option", "slices_per_container=2", "-T"]).arg(named);
    } else {
        write.args(["view", "-b", "--no-PG"]);
    }
    run(write.arg("-o").arg(&path).arg(&text)).ok();
    run(command("samtools").arg("index").arg(&path)).ok();
    path
}

/// Reads of both references, or why they cannot be read.
fn count(path: &Path) -> Result<usize, String> {
    let fasta = norna::format::fasta::Fasta::open(&path.with_file_name("ref.fa")).unwrap();
    let options = AlignmentOptions { allow_cram: true, fasta: Some(Arc::new(fasta)) };
    let file = AlignmentFile::open(path, &options).map_err(|e| e.to_string())?;
    let mut record = AlignmentRecord::default();
    let mut n = 0;
    for reference_idx in 0..2 {
        let mut reader = file.reader().unwrap();
        reader.query(reference_idx, 0..50_000).map_err(|e| e.to_string())?;
        while reader.next(&mut record).map_err(|e| e.to_string())? {
            n += 1;
        }
    }
    Ok(n)
}

#[track_caller]
fn refused(path: &Path, word: &str) {
    let error = count(path).unwrap_err();
    assert!(error.contains(word) && error.contains("samtools index") && !error.contains('\n'), "{error}");
}

/// Half of the reads on each reference; after `n_placed` those without a place.
fn placed(n_placed: usize) -> impl Fn(usize) -> (&'static str, usize) {
    move |i| match i {
        i if i >= n_placed => ("*", 0),
        i if i < 1000 => ("21", 1 + 40 * i),
        i => ("22", 1 + 40 * (i - 1000)),
    }
}

#[test]
fn an_index_that_does_not_cover_its_bam_is_refused() {
    need!(Need::Samtools);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bam = make(folder, "x.bam", placed(2000));
    let index = folder.join("x.bam.bai");
    assert_eq!(count(&bam), Ok(2000));
    let part = folder.join("part.bam");
    for region in ["21", "22:1-20000", "21:1-200"] {
        run(command("samtools").args(["view", "-b", "--no-PG", "-o"]).arg(&part).arg(&bam).arg(region)).ok();
        for (kind, option) in [("bai", "-b"), ("csi", "-c")] {
            let (from, to) = (folder.join(format!("part.bam.{kind}")), folder.join(format!("whole.bam.{kind}")));
            run(command("samtools").args(["index", option]).arg(&part)).ok();
            std::fs::rename(from, to).unwrap();
            std::fs::copy(&bam, folder.join("whole.bam")).unwrap();
            let error = count(&folder.join("whole.bam")).unwrap_err();
            assert!(error.contains("does not cover") || error.contains("do not fit together"), "{region}: {error}");
            std::fs::remove_file(folder.join(format!("whole.bam.{kind}"))).unwrap();
        }
    }
    std::fs::write(&index, b"BAI\x01\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0").unwrap();
    refused(&bam, "does not cover the file");

    for n_placed in [0, 1, 700, 1500] {
        let bam = make(folder, "y.bam", placed(n_placed));
        assert_eq!(count(&bam), Ok(n_placed));
        run(command("samtools").args(["index", "-c"]).arg(&bam)).ok();
        std::fs::remove_file(folder.join("y.bam.bai")).unwrap();
        assert_eq!(count(&bam), Ok(n_placed), "by csi");
        std::fs::remove_file(folder.join("y.bam.csi")).unwrap();
    }
}

#[test]
fn an_index_of_another_bam_is_told_from_damage() {
    need!(Need::Samtools);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bam = make(folder, "x.bam", placed(2000));
    make(folder, "y.bam", |i| if i < 500 { ("21", 3 + 7 * i) } else { ("22", 1 + 2 * i) });
    let own = std::fs::read(folder.join("x.bam.bai")).unwrap();
    let other = std::fs::read(folder.join("y.bam.bai")).unwrap();
    assert!(own != other);
    std::fs::write(folder.join("x.bam.bai"), other).unwrap();
    refused(&bam, "do not fit together");
    std::fs::write(folder.join("x.bam.bai"), own).unwrap();

    // Damage where no index points at.
    let mut bytes = std::fs::read(&bam).unwrap();
    let middle = bytes.len() / 4;
    bytes[middle] ^= 0x55;
    std::fs::write(&bam, bytes).unwrap();
    let error = count(&bam).unwrap_err();
    assert!(error.contains("near 21:") && error.contains("damaged"), "{error}");
}

#[test]
fn an_index_that_does_not_fit_its_cram_is_refused() {
    need!(Need::Samtools);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let cram = make(folder, "x.cram", placed(1700));
    let index = folder.join("x.cram.crai");
    // The FASTA says chr21 where the header says 21, and its bases are in lower case.
    assert_eq!(count(&cram), Ok(1700));
    let whole = run(command("gzip").arg("-dc").arg(&index)).ok().stdout;
    let lines: Vec<&str> = whole.lines().collect();
    let n_placed = lines.iter().filter(|l| !l.starts_with('-')).count();
    assert!(n_placed >= 17 && n_placed < lines.len());
    std::fs::write(&index, lines[..n_placed].join("\n")).unwrap();
    assert_eq!(count(&cram), Ok(1700), "without the lines of unplaced reads");
    for n in [1, n_placed / 2, n_placed - 1] {
        std::fs::write(&index, lines[..n].join("\n")).unwrap();
        refused(&cram, "does not cover the file");
    }
    std::fs::write(&index, "").unwrap();
    refused(&cram, "does not cover the file");
    std::fs::write(folder.join("nothing"), "").unwrap();
    run(command("gzip").arg(folder.join("nothing"))).ok();
    std::fs::copy(folder.join("nothing.gz"), &index).unwrap();
    refused(&cram, "does not cover the file");

    let shifted: Vec<String> = lines.iter().map(|l| l.replacen('\t', "\t0", 1)).collect();
    std::fs::write(&index, shifted.join("\n")).unwrap();
    assert_eq!(count(&cram), Ok(1700), "another way to write numbers");
    let changed = |line: usize, field: usize, by: i64| {
        let mut fields: Vec<i64> = lines[line].split('\t').map(|f| f.parse().unwrap()).collect();
        fields[field] += by;
        let other = fields.iter().map(i64::to_string).collect::<Vec<_>>().join("\t");
        let mut text = lines.clone();
        text[line] = &other;
        std::fs::write(&index, text.join("\n")).unwrap();
        refused(&cram, "do not fit together");
    };
    // Another reference, container and slice; the container of the last line too.
    for (line, field, by) in [(0, 0, 1), (2, 3, 1), (2, 4, -1), (lines.len() - 1, 3, 1)] {
        changed(line, field, by);
    }

    let unplaced = make(folder, "z.cram", placed(0));
    assert_eq!(count(&unplaced), Ok(0));
    make(folder, "y.cram", |i| ("21", 3 + 7 * i));
    std::fs::copy(folder.join("y.cram.crai"), &index).unwrap();
    refused(&cram, "index");
}
