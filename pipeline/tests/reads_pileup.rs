//! Depth, allele depth and likelihoods at sites against samtools and bcftools, base for base, on real reads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use norna::format::fasta::Fasta;
use norna::source::reads::{Overlaps, PileupScratch, ReadFilter, ReadInput, ReadsOptions, Site, SiteReads};
use support::need;
use support::places::shared_file;
use support::tools::{Need, command, run};

const SAMPLES: [&str; 3] = ["HG00096", "HG00099", "HG00101"];

fn brca1(file: &str) -> PathBuf {
    shared_file(&format!("brca1/{file}"))
}

fn bam(sample: &str) -> PathBuf {
    brca1(&format!("{sample}.brca1.bam"))
}

/// A list of the three files in the order of `order`.
fn input(folder: &Path, order: [usize; 3], filter: ReadFilter) -> ReadInput {
    let list = folder.join("bams.txt");
    let text: String = order.iter().map(|&i| format!("{}\n", bam(SAMPLES[i]).display())).collect();
    std::fs::write(&list, text).unwrap();
    // The headers of these files tell the length of another version of the reference.
    let fasta = Some(brca1("ref_brca1.fa"));
    ReadInput::open(&ReadsOptions { list, fasta, allow_reference_mismatch: true, filter, ..Default::default() })
        .unwrap()
}

fn reference() -> Vec<u8> {
    Fasta::open(&brca1("ref_brca1.fa")).unwrap().fetch("ref_brca1", 0..81_188).unwrap()
}

/// A site at every position; `alternates` tells the ALT of some.
fn everywhere(alternates: &BTreeMap<u32, u8>) -> Vec<Site> {
    let chrom: Arc<str> = "ref_brca1".into();
    let site = |(pos, &reference): (u32, &u8)| {
        let other = if reference == b'A' { b'C' } else { b'A' };
        let alternate = alternates.get(&pos).copied().unwrap_or(other);
        Site { chrom: Arc::clone(&chrom), pos, id: ".".into(), reference, alternate }
    };
    (1..).zip(&reference()).map(site).collect()
}

fn pile_up(input: &ReadInput, sites: &[Site]) -> SiteReads {
    let mut out = SiteReads::default();
    let n = input.samples().len();
    assert!(input.pile_up(0..n, sites, &mut PileupScratch::default(), &mut out, &|| false).unwrap());
    out
}

fn filter(overlaps: Overlaps) -> ReadFilter {
    ReadFilter { min_mapq: 20, min_baseq: 13, max_depth: 0, overlaps, ..ReadFilter::default() }
}

/// `samtools depth` of the three files at every position: positions × samples.
fn samtools_depth(args: &[&str]) -> Vec<u16> {
    let bams = SAMPLES.map(bam);
    let text = run(command("samtools").args(["depth", "-a", "-q13", "-Q20"]).args(args).args(bams)).ok().stdout;
    let depths =
        text.lines().flat_map(|line| line.split('\t').skip(2).map(|d| d.parse().unwrap()).collect::<Vec<u16>>());
    depths.collect()
}

#[test]
fn depth_equals_samtools_with_mates_counted_twice() {
    need!(Need::Samtools, Need::SharedData);
    let folder = tempfile::tempdir().unwrap();
    let input = input(folder.path(), [0, 1, 2], filter(Overlaps::Both));
    let got = pile_up(&input, &everywhere(&BTreeMap::new()));
    let want = samtools_depth(&[]);
    assert!(want.iter().any(|&d| d > 10));
    assert_eq!(got.depth[..], want[..got.depth.len()]);
}

#[test]
fn depth_against_samtools_with_mates_counted_once() {
    need!(Need::Samtools, Need::SharedData);
    let folder = tempfile::tempdir().unwrap();
    let input = input(folder.path(), [0, 1, 2], filter(Overlaps::Once));
    let got = pile_up(&input, &everywhere(&BTreeMap::new()));
    let want = samtools_depth(&["-s"]);
    let differ: Vec<usize> = (0..got.depth.len()).filter(|&i| got.depth[i] != want[i]).collect();
    for &i in differ.iter().take(40) {
        eprintln!("pos {} sample {}: {} {}", i / 3 + 1, i % 3, got.depth[i], want[i]);
    }
    assert!(differ.is_empty(), "{} of {}", differ.len(), got.depth.len());
}
