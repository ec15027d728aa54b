//! `norna verify` on depth.h5: a sound file passes, no flipped bit and no wrong number does.

use std::path::{Path, PathBuf};

use norna::store::{DepthHeader, DepthSummary, DepthWindow, DepthWriter, VerifyProgress, verify_depth};

use super::made::{Made, Random};
use super::support::tools::{self, Run};

fn window(chrom: &str, start: u32, end: u32) -> DepthWindow<'_> {
    DepthWindow { chrom, start, end, name: "SUBJ" }
}

/// Two samples, two chromosomes, three windows and two thresholds; `change` may spoil it before it is sealed.
fn write(made: &Made, change: impl FnOnce(&mut Numbers)) -> PathBuf {
    let mut numbers = Numbers {
        windows: vec![window("1", 0, 10), window("1", 10, 30), window("2", 0, 50)],
        mean: vec![1.5, 0.1, 2.0, 3.0, 0.0, 0.02],
        at_least: vec![10, 5, 1, 0, 20, 20, 20, 20, 0, 0, 1, 0],
        summaries: [
            summary(&[30, 50], [[55, 61], [0, 1]], [[1, 0], [0, 0]], [[2, 3], [0, 1]]),
            summary(&[30, 50], [[55, 61], [0, 1]], [[1, 0], [0, 0]], [[2, 3], [0, 1]]),
            summary(&[80], [[55, 62]], [[0, 0]], [[2, 3]]),
            summary(&[80], [[55, 62]], [[0, 0]], [[2, 3]]),
        ],
    };
    change(&mut numbers);
    let header = DepthHeader {
        samples: vec!["SUBJ1".into(), "SUBJ2".into()],
        chromosomes: vec![("1".into(), 30), ("2".into(), 50)],
        n_windows: 3,
        has_names: true,
        thresholds: vec![1, 2],
    };
    let path = made.path("d.h5");
    let writer = DepthWriter::create(&path, header, numbers.windows.into_iter()).unwrap();
    writer.write(0..3, 0..2, &numbers.mean, &numbers.at_least).unwrap();
    writer.write_summaries(&numbers.summaries).unwrap();
    writer.seal(&serde_json::json!({ "command": "depth", "configuration": { "by": "regions.bed" } })).unwrap();
    path
}

type Change = fn(&mut Numbers);

struct Numbers {
    windows: Vec<DepthWindow<'static>>,
    mean: Vec<f32>,
    at_least: Vec<u32>,
    summaries: [DepthSummary; 4],
}

fn summary<const N: usize>(
    length: &[u64],
    bases: [[u64; 2]; N],
    min: [[u32; 2]; N],
    max: [[u32; 2]; N],
) -> DepthSummary {
    DepthSummary { length: length.to_vec(), bases: bases.concat(), min: min.concat(), max: max.concat() }
}

fn norna_verify(path: &Path, flags: &[&str]) -> Run {
    tools::run(tools::norna(["verify", "-q"]).arg(path).args(flags))
}

#[test]
fn a_sound_file_passes_and_says_what_it_is() {
    let made = Made::new();
    let path = write(&made, |_| {});
    let run = norna_verify(&path, &[]).ok();
    assert!(
        run.stdout.contains("depths of 3 windows × 2 samples") && run.stdout.ends_with("d.h5: sound\n"),
        "{}",
        run.stdout
    );
    let told: serde_json::Value = serde_json::from_str(&norna_verify(&path, &["--json"]).ok().stdout).unwrap();
    let told = ["format", "result", "samples", "windows"].map(|key| told[key].to_string());
    assert_eq!(told, ["\"norna-depth\"", "\"sound\"", "2", "3"]);
}

#[test]
fn no_flipped_bit_and_no_cut_passes() {
    let made = Made::new();
    let path = write(&made, |_| {});
    let bytes = std::fs::read(&path).unwrap();
    let mut random = Random(5);
    let damaged = made.path("damaged.h5");
    let mut places: Vec<usize> = (0..150).map(|_| random.below(bytes.len() as u32) as usize).collect();
    // Where the values of means lie.
    let mean: Vec<u8> = [1.5_f32, 0.1, 2.0, 3.0].iter().flat_map(|mean| mean.to_ne_bytes()).collect();
    places.extend((0..bytes.len()).filter(|&at| bytes[at..].starts_with(&mean[..8])));
    assert!(places.len() > 150, "the means are not found");
    for (i, at) in places.into_iter().enumerate() {
        let mut other = bytes.clone();
        other[at] ^= 1 << (i % 8);
        std::fs::write(&damaged, &other).unwrap();
        let found = verify_depth(&damaged, &VerifyProgress::default());
        assert!(found.is_err() || found.is_ok_and(|found| !found.findings.is_empty()), "byte {at} of {}", bytes.len());
        if i.is_multiple_of(10) {
            let run = norna_verify(&damaged, &[]);
            assert_eq!(run.code, 1, "byte {at}: {}{}", run.stdout, run.stderr);
            assert!(!run.stderr.contains("panicked"), "byte {at}: {}", run.stderr);
        }
    }
    std::fs::write(&damaged, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(norna_verify(&damaged, &[]).code, 1);
}

#[test]
fn numbers_that_cannot_be_are_found_though_their_bytes_are_those_that_were_written() {
    let made = Made::new();
    let changes: [(&str, Change); 11] = [
        ("/depth/mean: row 1, column 0: NaN", |n| n.mean[2] = f32::NAN),
        ("/depth/mean: row 2, column 1: -0.02", |n| n.mean[5] = -0.02),
        ("/depth/mean: column 1: windows of chromosome 0", |n| n.mean[3] = 2.9),
        ("/depth/mean: column 1: means of", |n| n.mean[2..4].copy_from_slice(&[2.0, 3.5])),
        ("/depth/at_least: row 0, column 0", |n| n.at_least[..2].copy_from_slice(&[5, 6])),
        ("/depth/at_least: row 0, column 1", |n| n.at_least[2..4].copy_from_slice(&[2, 0])),
        ("/windows: row 1: 10 to 31 on a chromosome of 30", |n| n.windows[1].end = 31),
        ("/windows: row 1: it lies before", |n| n.windows.swap(0, 1)),
        ("/windows/chrom: row 2", |n| n.windows[2].chrom = "3"),
        ("/summary/total_region: it is not that", |n| n.summaries[3].max[0] = 3),
        ("/summary/chromosome: row 1, column 1: 61 bases", |n| n.summaries[0].bases[3] = 61),
    ];
    for (words, change) in changes {
        let run = norna_verify(&write(&made, change), &[]);
        assert!(run.code == 1 && run.stdout.contains(words), "{words}: {}{}", run.stdout, run.stderr);
        assert!(!run.stdout.contains("checksum") && !run.stdout.contains("SUBJ"), "{}", run.stdout);
    }
}
