//! Alignment files out of SAM text, runs of norna on them, and depths counted position by position.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use norna::store::{DepthReader, DepthSummary, StoredWindow};

use crate::support::tools::{self, Run};

/// A folder with alignment files and outputs.
pub struct Made(pub tempfile::TempDir);

/// What an output holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Depths {
    pub samples: Vec<String>,
    pub chromosomes: Vec<(String, u32)>,
    pub windows: Vec<StoredWindow>,
    /// Windows × samples.
    pub mean: Vec<f32>,
    /// Windows × samples × thresholds.
    pub at_least: Vec<u32>,
    pub summaries: [DepthSummary; 4],
}

impl Depths {
    pub fn read(path: &Path) -> Self {
        let reader = DepthReader::open(path).unwrap();
        let header = reader.header();
        let rows = 0..header.n_windows;
        Self {
            samples: header.samples.clone(),
            chromosomes: header.chromosomes.clone(),
            windows: reader.windows(rows.clone()).unwrap(),
            mean: reader.means(rows.clone()).unwrap(),
            at_least: reader.at_least(rows).unwrap(),
            summaries: reader.summaries().unwrap(),
        }
    }

    /// Mean depths of a sample.
    pub fn of(&self, sample: &str) -> Vec<f32> {
        let column = self.samples.iter().position(|s| s == sample).unwrap();
        self.mean.iter().skip(column).step_by(self.samples.len()).copied().collect()
    }
}

/// A read as SAM has it.
#[derive(Debug, Clone)]
pub struct Read {
    pub name: String,
    pub flags: u16,
    pub chrom: usize,
    /// From 0.
    pub start: u32,
    pub mapq: u8,
    pub cigar: String,
    pub mate: Option<(usize, u32)>,
}

impl Read {
    pub fn new(name: &str, flags: u16, chrom: usize, start: u32, cigar: &str) -> Self {
        Self { name: name.to_owned(), flags, chrom, start, mapq: 60, cigar: cigar.to_owned(), mate: None }
    }

    /// Two reads as mates of one proper pair.
    pub fn pair(name: &str, chrom: usize, first: (u32, &str), second: (u32, &str)) -> [Self; 2] {
        let one = |flags, (start, cigar): (u32, &str), mate: u32| Self {
            mate: Some((chrom, mate)),
            ..Self::new(name, flags, chrom, start, cigar)
        };
        [one(0x1 | 0x2 | 0x20 | 0x40, first, second.0), one(0x1 | 0x2 | 0x10 | 0x80, second, first.0)]
    }

    fn operations(&self) -> Vec<(u32, char)> {
        let mut operations = Vec::new();
        let mut number = 0;
        for c in self.cigar.chars() {
            match c.to_digit(10) {
                Some(digit) => number = 10 * number + digit,
                None => {
                    operations.push((number, c));
                    number = 0;
                }
            }
        }
        operations
    }

    fn length(&self) -> u32 {
        self.operations().iter().filter(|(_, kind)| "MIS=X".contains(*kind)).map(|&(n, _)| n).sum()
    }

    /// Positions on which its bases stand; with `fast` all from the first to the last.
    pub fn positions(&self, fast: bool) -> BTreeSet<u32> {
        let mut at = self.start;
        let mut positions = BTreeSet::new();
        for (n, kind) in self.operations() {
            if "M=X".contains(kind) || (fast && "DN".contains(kind)) {
                positions.extend(at..at + n);
            }
            if "M=XDN".contains(kind) {
                at += n;
            }
        }
        positions
    }

    fn is_in_proper_pair(&self) -> bool {
        self.flags & (0x2 | 0x800) == 0x2 && self.mate.is_some_and(|(chrom, _)| chrom == self.chrom)
    }
}

impl Made {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A sorted BAM with its index.
    pub fn bam(&self, name: &str, sample: &str, chromosomes: &[(&str, u32)], reads: &[Read]) -> PathBuf {
        let mut sorted = reads.to_vec();
        sorted.sort_by_key(|read| (read.chrom, read.start));
        let mut text = "@HD\tVN:1.6\tSO:coordinate\n".to_owned();
        chromosomes.iter().for_each(|(name, length)| text += &format!("@SQ\tSN:{name}\tLN:{length}\n"));
        text += &format!("@RG\tID:g\tSM:{sample}\n");
        for read in &sorted {
            let (n, chrom) = (read.length() as usize, chromosomes[read.chrom].0);
            let (mate, at) = match read.mate {
                Some((mate, at)) if mate == read.chrom => ("=", at + 1),
                Some((mate, at)) => (chromosomes[mate].0, at + 1),
                None => ("*", 0),
            };
            let (bases, qualities) =
                if n == 0 { ("*".to_owned(), "*".to_owned()) } else { ("A".repeat(n), "I".repeat(n)) };
            text += &format!(
                "{}\t{}\t{chrom}\t{}\t{}\t{}\t{mate}\t{at}\t0\t{bases}\t{qualities}\tRG:Z:g\n",
                read.name,
                read.flags,
                read.start + 1,
                read.mapq,
                read.cigar
            );
        }
        let (sam, bam) = (self.path(&format!("{name}.sam")), self.path(&format!("{name}.bam")));
        std::fs::write(&sam, text).unwrap();
        tools::run(tools::command("samtools").args(["view", "-b", "-o"]).args([&bam, &sam])).ok();
        tools::run(tools::command("samtools").arg("index").arg(&bam)).ok();
        bam
    }

    /// A list of these lines.
    pub fn list(&self, name: &str, lines: &[String]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        path
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn command(&self, list: &Path, by: impl AsRef<Path>, out: &str, flags: &str) -> std::process::Command {
        let mut command = tools::norna(["depth", "--bam-list"]);
        command.arg(list).arg("--by").arg(by.as_ref()).arg("--out").arg(self.path(out));
        command.args(flags.split_whitespace());
        command
    }

    pub fn try_depth(&self, list: &Path, by: impl AsRef<Path>, out: &str, flags: &str) -> Run {
        tools::run(&mut self.command(list, by, out, flags))
    }

    #[track_caller]
    pub fn depth(&self, list: &Path, by: impl AsRef<Path>, flags: &str) -> Depths {
        self.try_depth(list, by, "out.h5", &format!("--force {flags}")).ok();
        Depths::read(&self.path("out.h5"))
    }
}

/// Depth of every position of a chromosome: where both mates of a proper pair stand in one file they count once.
pub fn naive(files: &[&[Read]], chrom: usize, length: u32, fast: bool) -> Vec<u32> {
    let mut depth = vec![0; length as usize];
    let mut add = |positions: BTreeSet<u32>| {
        positions.into_iter().filter(|&at| at < length).for_each(|at| depth[at as usize] += 1);
    };
    for reads in files {
        let mut pairs: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
        for read in reads.iter().filter(|read| read.chrom == chrom) {
            match read.is_in_proper_pair() && !fast {
                true => pairs.entry(&read.name).or_default().extend(read.positions(fast)),
                false => add(read.positions(fast)),
            }
        }
        pairs.into_values().for_each(&mut add);
    }
    depth
}

/// Checks an output of one sample against depths of every position of its chromosomes.
#[track_caller]
pub fn check(found: &Depths, sample: &str, depth: &[Vec<u32>], thresholds: &[u32]) {
    let column = found.samples.iter().position(|s| s == sample).unwrap();
    let n = found.samples.len();
    let mut of_windows = vec![Vec::new(); depth.len()];
    for (row, window) in found.windows.iter().enumerate() {
        let chrom = found.chromosomes.iter().position(|(name, _)| *name == window.chrom).unwrap();
        let inside = &depth[chrom][window.start as usize..window.end as usize];
        let sum: u64 = inside.iter().map(|&d| u64::from(d)).sum();
        assert_eq!(found.mean[row * n + column], (sum as f64 / inside.len() as f64) as f32, "{window:?}");
        for (i, &threshold) in thresholds.iter().enumerate() {
            let deep = inside.iter().filter(|&&d| d >= threshold).count() as u32;
            assert_eq!(found.at_least[(row * n + column) * thresholds.len() + i], deep, "{window:?} {threshold}");
        }
        of_windows[chrom].extend_from_slice(inside);
    }
    check_summary(&found.summaries[0], (column, n), depth);
    check_summary(&found.summaries[1], (column, n), &of_windows);
    check_summary(&found.summaries[2], (column, n), &[depth.concat()]);
    check_summary(&found.summaries[3], (column, n), &[of_windows.concat()]);
}

#[track_caller]
fn check_summary(found: &DepthSummary, (column, n): (usize, usize), depth: &[Vec<u32>]) {
    assert_eq!(found.length, depth.iter().map(|d| d.len() as u64).collect::<Vec<_>>());
    for (row, depth) in depth.iter().enumerate() {
        let at = row * n + column;
        assert_eq!(found.bases[at], depth.iter().map(|&d| u64::from(d)).sum::<u64>());
        assert_eq!(found.min[at], depth.iter().copied().min().unwrap_or(0));
        assert_eq!(found.max[at], depth.iter().copied().max().unwrap_or(0));
    }
}

/// Numbers from a seed (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % u64::from(n)) as u32
    }

    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u32) as usize]
    }
}

/// Pairs that overlap in every way, single reads, and reads of every kind of CIGAR, on all chromosomes but the last.
pub fn random_reads(seed: u64, chromosomes: &[(&str, u32)], n_pairs: u32) -> Vec<Read> {
    const CIGARS: [&str; 12] = [
        "30M",
        "18M",
        "10M3D12M",
        "5S20M",
        "20M6S4H",
        "8M2I9M",
        "6M40N10M",
        "5=1X9=",
        "3S4M2D2I6M1S",
        "12M1D1M90N7M",
        "25M",
        "2M",
    ];
    let mut random = Random(seed);
    let mut reads = Vec::new();
    for i in 0..n_pairs {
        let chrom = random.below(chromosomes.len() as u32 - 1) as usize;
        let start = random.below(chromosomes[chrom].1 - 250);
        let name = format!("q{i}");
        let (first, second) = (random.pick(&CIGARS), random.pick(&CIGARS));
        let mut pair = Read::pair(&name, chrom, (start, first), (start + random.below(60), second));
        match random.below(12) {
            0 => pair[1].flags |= 0x400,
            1 => pair[0].mapq = 3,
            2 => pair.iter_mut().for_each(|read| read.flags &= !0x2),
            3 => pair[0].flags |= 0x200,
            4 => pair[1].flags |= 0x800,
            _ => {}
        }
        if random.below(2) == 0 {
            pair.reverse();
        }
        reads.extend(pair);
        if random.below(5) == 0 {
            let flags = [0, 0x10, 0x100, 0x800][random.below(4) as usize];
            reads.push(Read::new(&name, flags, chrom, start + random.below(20), random.pick(&CIGARS)));
        }
    }
    reads
}

/// Those that count by default.
pub fn kept(reads: &[Read], exclude_flags: u16, min_mapq: u8) -> Vec<Read> {
    reads.iter().filter(|read| read.flags & exclude_flags == 0 && read.mapq >= min_mapq).cloned().collect()
}
