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
    let text = run(command("samtools").args(["depth", "-a", "-Q20", "-q13"]).args(args).args(bams)).ok().stdout;
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
    assert!(got.depth[..] == want[..got.depth.len()]);
}

/// Names of the reads that show a base at each position (from 1), both mates alike, of one sample.
fn names_at(sample: &str) -> BTreeMap<u32, Vec<String>> {
    let flags = ["-x", "-A", "-B", "-q20", "-Q13", "-d0", "--ff", "3844", "--output-QNAME"];
    let text = run(command("samtools").arg("mpileup").args(flags).arg(bam(sample))).ok().stdout;
    let mut names = BTreeMap::new();
    for line in text.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let shown = symbols(columns[4]).into_iter().zip(columns[6].split(','));
        let with_base = shown.filter(|(symbol, _)| !b"*#<>".contains(symbol)).map(|(_, name)| name.to_owned());
        names.insert(columns[1].parse().unwrap(), with_base.collect());
    }
    names
}

/// One symbol for each read of samtools' column of bases.
fn symbols(column: &str) -> Vec<u8> {
    let bytes = column.as_bytes();
    let mut symbols = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'^' => i += 1,
            b'$' => {}
            b'+' | b'-' => {
                let digits = bytes[i + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
                let len: usize = column[i + 1..i + 1 + digits].parse().unwrap();
                i += digits + len;
            }
            symbol => symbols.push(symbol),
        }
        i += 1;
    }
    symbols
}

/// samtools depth -s passes over the second mate wherever the first one lies: where the first has no base, or one that fails
/// the quality, the second's is lost. Here it counts.
#[test]
fn depth_of_mates_counted_once_is_the_number_of_molecules() {
    need!(Need::Samtools, Need::SharedData);
    let folder = tempfile::tempdir().unwrap();
    let input = input(folder.path(), [0, 1, 2], filter(Overlaps::Once));
    let got = pile_up(&input, &everywhere(&BTreeMap::new()));
    let samtools = samtools_depth(&["-s"]);
    let mut n_more = 0;
    for (sample_idx, sample) in SAMPLES.iter().enumerate() {
        let names = names_at(sample);
        for pos in 1..=81_188_u32 {
            let mut at: Vec<&String> = names.get(&pos).into_iter().flatten().collect();
            let n_reads = at.len();
            at.sort_unstable();
            at.dedup();
            let idx = (pos as usize - 1) * 3 + sample_idx;
            assert_eq!(usize::from(got.depth[idx]), at.len(), "{sample} {pos}");
            let more = got.depth[idx] - samtools[idx];
            assert!(more == 0 || usize::from(more) <= n_reads, "{sample} {pos}");
            n_more += usize::from(more > 0);
        }
    }
    assert!((100..1000).contains(&n_more), "{n_more}");
}

/// What bcftools mpileup says of a sample at a position.
#[derive(Debug, Clone, Default)]
struct Called {
    ref_depth: u16,
    alt_depth: u16,
    likelihoods: [i32; 3],
}

/// AD and PL of bcftools mpileup, by position and sample, with its first ALT.
fn mpileup(args: &[&str]) -> BTreeMap<u32, (Option<u8>, [Called; 3])> {
    let flags = ["mpileup", "-B", "-A", "-I", "-q20", "-Q13", "-d", "10000", "--ff", "3844", "-a", "AD", "-Ov"];
    let fasta = brca1("ref_brca1.fa");
    let text = run(command("bcftools").args(flags).args(args).arg("-f").arg(fasta).args(SAMPLES.map(bam))).ok().stdout;
    let mut records = BTreeMap::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let alternate = Some(columns[4].as_bytes()[0]).filter(|&b| b != b'<');
        let keys: Vec<&str> = columns[8].split(':').collect();
        let place = |key: &str| keys.iter().position(|k| *k == key).unwrap();
        let of = |sample: &str| {
            let fields: Vec<&str> = sample.split(':').collect();
            let numbers = |key: &str| fields[place(key)].split(',').map(|n| n.parse().unwrap()).collect::<Vec<i32>>();
            let (ad, pl) = (numbers("AD"), numbers("PL"));
            let alt_depth = if alternate.is_some() { ad[1] as u16 } else { 0 };
            Called { ref_depth: ad[0] as u16, alt_depth, likelihoods: [pl[0], pl[1], pl[2]] }
        };
        let samples = [of(columns[9]), of(columns[10]), of(columns[11])];
        records.insert(columns[1].parse().unwrap(), (alternate, samples));
    }
    records
}

fn alternates(records: &BTreeMap<u32, (Option<u8>, [Called; 3])>) -> BTreeMap<u32, u8> {
    records.iter().filter_map(|(&pos, (alternate, _))| Some((pos, (*alternate)?))).collect()
}

#[test]
fn allele_depths_equal_bcftools_with_mates_counted_twice() {
    need!(Need::Bcftools, Need::SharedData);
    let folder = tempfile::tempdir().unwrap();
    let input = input(folder.path(), [0, 1, 2], filter(Overlaps::Both));
    let want = mpileup(&["-x"]);
    let got = pile_up(&input, &everywhere(&alternates(&want)));
    let mut n_alternate = 0;
    for (&pos, (alternate, samples)) in &want {
        for (sample_idx, called) in samples.iter().enumerate() {
            let idx = (pos as usize - 1) * 3 + sample_idx;
            assert_eq!(got.ref_depth[idx], called.ref_depth, "{pos} {sample_idx}");
            if alternate.is_some() {
                assert_eq!(got.alt_depth[idx], called.alt_depth, "{pos} {sample_idx}");
                n_alternate += usize::from(called.alt_depth > 0);
            }
        }
    }
    assert!(want.len() > 70_000 && n_alternate > 500, "{} {n_alternate}", want.len());
}

/// bcftools adds up the qualities of mates that agree and lowers that of the better one where they do not, before it asks for
/// the least quality, and does this for proper pairs only. Elsewhere the two are equal.
#[test]
fn allele_depths_differ_from_bcftools_only_under_overlapping_mates() {
    need!(Need::Bcftools, Need::Samtools, Need::SharedData);
    let folder = tempfile::tempdir().unwrap();
    let input = input(folder.path(), [0, 1, 2], filter(Overlaps::Once));
    let want = mpileup(&[]);
    let got = pile_up(&input, &everywhere(&alternates(&want)));
    let mut n_differ = 0;
    for (sample_idx, sample) in SAMPLES.iter().enumerate() {
        let overlapped = overlapped(sample);
        for (&pos, (alternate, samples)) in &want {
            let idx = (pos as usize - 1) * 3 + sample_idx;
            let called = &samples[sample_idx];
            let differs = got.ref_depth[idx] != called.ref_depth
                || (alternate.is_some() && got.alt_depth[idx] != called.alt_depth);
            assert!(!differs || overlapped.contains(&pos), "{sample} {pos}");
            n_differ += usize::from(differs);
        }
    }
    assert!((1..1000).contains(&n_differ), "{n_differ}");
}

/// Positions that both mates of some pair cover.
fn overlapped(sample: &str) -> std::collections::BTreeSet<u32> {
    let flags = ["mpileup", "-x", "-A", "-B", "-q20", "-Q0", "-d0", "--ff", "3844", "--output-QNAME"];
    let text = run(command("samtools").args(flags).arg(bam(sample))).ok().stdout;
    let mut found = std::collections::BTreeSet::new();
    for line in text.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let mut names: Vec<&str> = columns[6].split(',').collect();
        let n = names.len();
        names.sort_unstable();
        names.dedup();
        if names.len() < n {
            found.insert(columns[1].parse().unwrap());
        }
    }
    found
}

fn smallest<T: PartialOrd + Copy>(of: [T; 3]) -> usize {
    (1..3).fold(0, |best, i| if of[i] < of[best] { i } else { best })
}

#[test]
fn most_likely_genotypes_are_those_of_bcftools() {
    need!(Need::Bcftools, Need::SharedData);
    let folder = tempfile::tempdir().unwrap();
    let input = input(folder.path(), [0, 1, 2], filter(Overlaps::Once));
    let want = mpileup(&[]);
    let got = pile_up(&input, &everywhere(&alternates(&want)));
    let (mut n, mut n_differ, mut n_alternate) = (0, 0, 0);
    for (&pos, (alternate, samples)) in &want {
        for (sample_idx, called) in samples.iter().enumerate().filter(|_| alternate.is_some()) {
            let idx = (pos as usize - 1) * 3 + sample_idx;
            let mut sorted = called.likelihoods;
            sorted.sort_unstable();
            // Where bcftools itself is in doubt, either may be.
            if sorted[1] - sorted[0] < 10 {
                continue;
            }
            let ours = smallest(got.likelihoods[idx].map(|l| -l));
            n += 1;
            n_alternate += usize::from(ours > 0);
            n_differ += usize::from(ours != smallest(called.likelihoods));
        }
    }
    assert!(n > 3000 && n_alternate > 200, "{n} {n_alternate}");
    assert!(n_differ * 1000 <= n * 2, "{n_differ} of {n}");
}

/// The sites and samples in parts, put together again.
fn in_parts(input: &ReadInput, sites: &[Site], n_sites: usize, n_samples: usize) -> SiteReads {
    let n = input.samples().len();
    let mut all = SiteReads { n_samples: n, ..SiteReads::default() };
    let (mut part, mut scratch) = (SiteReads::default(), PileupScratch::default());
    for chunk in sites.chunks(n_sites) {
        let from = all.depth.len();
        all.depth.resize(from + chunk.len() * n, 0);
        all.ref_depth.resize(from + chunk.len() * n, 0);
        all.alt_depth.resize(from + chunk.len() * n, 0);
        all.likelihoods.resize(from + chunk.len() * n, [0.0; 3]);
        for first in (0..n).step_by(n_samples) {
            let batch = first..(first + n_samples).min(n);
            assert!(input.pile_up(batch.clone(), chunk, &mut scratch, &mut part, &|| false).unwrap());
            for i in 0..part.depth.len() {
                let to = from + i / batch.len() * n + first + i % batch.len();
                all.depth[to] = part.depth[i];
                all.ref_depth[to] = part.ref_depth[i];
                all.alt_depth[to] = part.alt_depth[i];
                all.likelihoods[to] = part.likelihoods[i];
            }
            all.ledger.merge(&part.ledger);
        }
    }
    all
}

#[test]
fn batches_and_order_of_the_list_change_no_bit() {
    need!(Need::SharedData);
    let folder = tempfile::tempdir().unwrap();
    let filter = ReadFilter { max_depth: 6, ..filter(Overlaps::Once) };
    let every_3rd: Vec<Site> = everywhere(&BTreeMap::new()).into_iter().step_by(3).collect();
    let want = pile_up(&input(folder.path(), [0, 1, 2], filter), &every_3rd);
    assert!(want.ledger.total() > 100_000);
    for (order, n_sites, n_samples) in [([2, 0, 1], 10_000, 1), ([1, 2, 0], 777, 2), ([0, 2, 1], 5_000, 3)] {
        let input = input(folder.path(), order, filter);
        assert_eq!(input.samples(), SAMPLES);
        assert!(in_parts(&input, &every_3rd, n_sites, n_samples) == want, "{order:?}");
    }
}

#[test]
fn a_sample_in_several_files_is_as_in_one() {
    need!(Need::Samtools, Need::SharedData);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let groups = ["SRR062634", "SRR062635", "SRR062641"];
    for group in groups {
        let part = path(&format!("{group}.bam"));
        run(command("samtools").args(["view", "-b", "-r", group, "-o"]).arg(&part).arg(bam("HG00096"))).ok();
        run(command("samtools").arg("index").arg(&part)).ok();
    }
    let sites = everywhere(&BTreeMap::new());
    let open = |text: String| {
        std::fs::write(path("list"), text).unwrap();
        ReadInput::open(&ReadsOptions { list: path("list"), filter: filter(Overlaps::Once), ..Default::default() })
            .unwrap()
    };
    let whole = pile_up(&open(format!("{}\n", bam("HG00096").display())), &sites);
    for order in [[0, 1, 2], [2, 1, 0]] {
        let input = open(order.iter().map(|&i| format!("{}.bam\n", groups[i])).collect());
        assert_eq!((input.samples().len(), input.files_of(0).len()), (1, 3));
        assert!(pile_up(&input, &sites) == whole);
    }
}

#[test]
fn several_samples_in_a_file_are_told_apart() {
    need!(Need::Samtools, Need::SharedData);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    run(command("samtools").args(["merge", "-o"]).arg(path("all.bam")).args(SAMPLES.map(bam))).ok();
    run(command("samtools").args(["index", "-c"]).arg(path("all.bam"))).ok();
    std::fs::write(path("list"), "all.bam\n").unwrap();
    let filter = filter(Overlaps::Once);
    let joined = ReadInput::open(&ReadsOptions { list: path("list"), filter, ..Default::default() }).unwrap();
    assert_eq!(joined.samples(), SAMPLES);
    let sites = everywhere(&BTreeMap::new());
    assert!(pile_up(&joined, &sites) == pile_up(&input(folder.path(), [0, 1, 2], filter), &sites));
}
