//! Records of real cohorts with bytes changed at random: a scan gives what the general decoder gives, or leaves the record
//! to it. Runs where the shared data are (BCF: and bcftools); says so where they are not.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::bcf::BcfRecords;
use super::super::bcf_header::BcfHeader;
use super::super::bgzf::Compression;
use super::super::bgzf_source::ByteSource;
use super::super::vcf::VcfRecords;
use super::super::vcf_call::Call;
use super::super::vcf_header::VcfHeader;
use super::super::vcf_site::{DosageField, RecordReader, Until};
use super::oracle::{codes, settled};
use super::*;

fn shared(path: &str) -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let chosen = std::env::var_os("NORNA_SHARED").map(PathBuf::from);
    let top = chosen.or(workspace.parent().map(|above| above.join("shared")));
    let path = top.unwrap().join("data").join(path);
    if !path.exists() {
        eprintln!("skipped: there is no shared {}", path.display());
    }
    path.exists().then_some(path)
}

/// Compares what the record's scans take, and counts them.
fn compare(records: &dyn RecordReader, samples: &SampleMap, scratch: &mut Scratch) -> u64 {
    let (n, fields) = (samples.len(), records.site().fields);
    if records.site().alternates().len() != 1 {
        return 0;
    }
    let mut calls = vec![Call::NONE; n];
    let general = records.calls(samples, scratch, &mut calls).ok().and_then(|()| codes(&calls));
    let mut got = vec![7; n];
    let mut n_taken = 0;
    if fields.gt && records.plain_calls(samples, scratch, &mut got).unwrap_or(false) {
        assert_eq!(Some(&got), general.as_ref());
        n_taken += 1;
    }
    for (field, present) in [(DosageField::Ds, fields.ds), (DosageField::Gp, fields.gp)] {
        let mut out = vec![0.5; n];
        let Some(from_gt) = present.then(|| records.plain_dosages(field, samples, scratch, &mut out)).flatten() else {
            continue;
        };
        let mut values = vec![0.0; n];
        records.dosages(field, samples, scratch, &mut values).unwrap();
        let gt = if fields.gt { general.clone().unwrap() } else { vec![MISSING_CALL; n] };
        let bits = out.iter().map(|v| v.to_bits()).collect();
        assert_eq!(Some((from_gt, bits)), settled(values, &gt));
        n_taken += 1;
    }
    n_taken
}

/// Changes a byte or two of the records, again and again for a second.
fn damage(records: &[u8], n_file: usize, open: impl Fn(Vec<u8>) -> Box<dyn RecordReader>) {
    let (maps, scratch) = (
        [None, Some((0..n_file as u32).filter(|i| i % 3 != 1).collect())]
            .map(|some| SampleMap::new(n_file, some).unwrap()),
        &mut Scratch::default(),
    );
    let (mut state, mut n_taken, start) = (7_u64, 0, Instant::now());
    let mut below = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    while start.elapsed() < Duration::from_secs(1) {
        let mut bytes = records.to_vec();
        for _ in 0..=below(3) {
            let at = below(bytes.len());
            bytes[at] = match below(3) {
                0 => b"\t:,./|019\n\0"[below(11)],
                1 => bytes[at] ^ (1 << below(8)),
                _ => bytes[below(records.len())],
            };
        }
        let mut reader = open(bytes);
        while reader.advance().unwrap_or(false) {
            n_taken += maps.iter().map(|map| compare(&*reader, map, scratch)).sum::<u64>();
        }
    }
    assert!(n_taken > 0, "no record was scanned");
}

const FILES: [&str; 2] = ["kg-chr22/genotypes.10k.vcf.gz", "geuvadis/genotypes.chr22.vcf.gz"];

/// Some lines with what a file of dosages would have, made of their calls.
fn with_dosages(lines: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(lines.to_vec()).unwrap();
    let sample = |(idx, sample): (usize, &str)| {
        let call = sample.split(':').next().unwrap();
        let dosage = call.matches('1').count() as f32;
        let third = ["", "00", "25", "013"][idx % 4].parse::<f32>().unwrap_or(0.0) / 1000.0;
        let (dosage, p) = if dosage > 1.5 {
            (dosage - third, [0.0, third, 1.0 - third])
        } else {
            (dosage + third, [1.0 - third, third, 0.0])
        };
        format!("{call}:{dosage}:{},{},{}", p[0], p[1], p[2])
    };
    let line = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let samples: Vec<String> = columns[9..].iter().copied().enumerate().map(sample).collect();
        format!("{}\tGT:DS:GP\t{}\n", columns[..8].join("\t"), samples.join("\t"))
    };
    text.lines().map(line).collect::<String>().into_bytes()
}

#[test]
fn scans_of_damaged_text_are_the_general_decoders() {
    for path in FILES.iter().filter_map(|path| shared(path)) {
        let compression = Compression::of(&std::fs::read(&path).unwrap());
        let mut source = ByteSource::open(std::fs::File::open(&path).unwrap(), compression).unwrap();
        let header = VcfHeader::read(&mut source).unwrap().0;
        let mut lines = Vec::new();
        source.read_lines(100_000, &mut lines, &mut 0).unwrap();
        let n = header.samples.len();
        for lines in [with_dosages(&lines), lines] {
            let open = |bytes| Box::new(VcfRecords::new(ByteSource::Memory(bytes, 0), Until::Input, n, None)) as _;
            damage(&lines, n, open);
        }
    }
}

#[test]
fn scans_of_damaged_bcf_are_the_general_decoders() {
    for path in FILES.iter().filter_map(|path| shared(path)) {
        let bcf = Command::new("bcftools").args(["view", "-Ou"]).arg(&path).output();
        let Ok(bcf) = bcf.inspect_err(|_| eprintln!("skipped: there is no bcftools")) else { return };
        let mut source = ByteSource::Memory(bcf.stdout, 0);
        let header = Arc::new(BcfHeader::read(&mut source).unwrap().0);
        let (n, mut records) = (header.vcf.samples.len(), Vec::new());
        for _ in 0..20 {
            let at = records.len();
            assert!(source.read_exactly(8, &mut records).unwrap());
            let len = |i: usize| u32::from_le_bytes(*records[at + i..].first_chunk().unwrap()) as usize;
            assert!(source.read_exactly(len(0) + len(4), &mut records).unwrap());
        }
        let open = |bytes| {
            Box::new(BcfRecords::new(ByteSource::Memory(bytes, 0), Until::Input, Arc::clone(&header), None)) as _
        };
        damage(&records, n, open);
    }
}
