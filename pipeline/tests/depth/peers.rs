//! Equal to mosdepth 0.3.3, on real data and on pairs in every position.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use norna::store::DepthSummary;

use super::made::{Depths, Made, random_reads};
use super::support::need;
use super::support::places;
use super::support::tools::{self, Need};

const BRCA1: [&str; 3] = ["HG00096", "HG00099", "HG00101"];

fn brca1(name: &str) -> PathBuf {
    places::shared().unwrap().join("brca1").join(name)
}

fn bam_of(sample: &str) -> PathBuf {
    brca1(&format!("{sample}.brca1.bam"))
}

fn gunzipped(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// mosdepth's files with this prefix are those of a sample.
#[track_caller]
fn check(found: &Depths, sample: &str, prefix: &Path) {
    let beside = |end: &str| PathBuf::from(format!("{}{end}", prefix.display()));
    let means = found.of(sample);
    let regions = gunzipped(&beside(".regions.bed.gz"));
    assert_eq!(regions.lines().count(), means.len());
    for ((line, window), mean) in regions.lines().zip(&found.windows).zip(means) {
        let fields: Vec<&str> = line.split('\t').collect();
        let expected = [window.chrom.clone(), window.start.to_string(), window.end.to_string()];
        assert_eq!(fields[..3], expected);
        if fields.len() > 4 {
            assert_eq!(Some(fields[3]), window.name.as_deref());
        }
        let printed: f64 = fields.last().unwrap().parse().unwrap();
        // Half of the last digit, and what f32 adds to a mean on the border between two.
        assert!((printed - f64::from(mean)).abs() <= 0.005 + 1e-6 * printed.max(1.0), "{line}: {mean}");
    }
    check_summary(found, sample, &std::fs::read_to_string(beside(".mosdepth.summary.txt")).unwrap());
    if beside(".thresholds.bed.gz").exists() {
        check_thresholds(found, sample, &gunzipped(&beside(".thresholds.bed.gz")));
    }
}

#[track_caller]
fn check_summary(found: &Depths, sample: &str, text: &str) {
    let column = found.samples.iter().position(|s| s == sample).unwrap();
    let n = found.samples.len();
    let lines: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('\t')).collect();
    let told = |summary: &DepthSummary, row: usize| {
        let at = row * n + column;
        let mean = summary.mean(row, column);
        format!("{}\t{}\t{mean:.2}\t{}\t{}", summary.length[row], summary.bases[at], summary.min[at], summary.max[at])
    };
    let mut n_checked = 0;
    for (row, (name, _)) in found.chromosomes.iter().enumerate() {
        // mosdepth leaves chromosomes without a read out.
        let Some(expected) = lines.get(name.as_str()) else {
            assert_eq!(found.summaries[0].bases[row * n + column], 0);
            continue;
        };
        assert_eq!(told(&found.summaries[0], row), *expected, "{name}");
        if let Some(expected) = lines.get(format!("{name}_region").as_str()) {
            assert_eq!(told(&found.summaries[1], row), *expected, "{name}_region");
        }
        n_checked += 1;
    }
    assert!(n_checked > 0);
    if n_checked == found.chromosomes.len() {
        assert_eq!(told(&found.summaries[2], 0), lines["total"]);
        assert_eq!(told(&found.summaries[3], 0), lines["total_region"]);
    }
}

#[track_caller]
fn check_thresholds(found: &Depths, sample: &str, text: &str) {
    let column = found.samples.iter().position(|s| s == sample).unwrap();
    let n = found.samples.len();
    let n_thresholds = found.at_least.len() / found.mean.len();
    assert!(n_thresholds > 0);
    for (row, line) in text.lines().skip(1).enumerate() {
        let expected: Vec<u32> = line.split('\t').skip(4).map(|count| count.parse().unwrap()).collect();
        let at = (row * n + column) * n_thresholds;
        assert_eq!(found.at_least[at..at + n_thresholds], expected, "{line}");
    }
}

#[test]
fn brca1_equals_what_mosdepth_gave() {
    need!(Need::SharedData);
    let made = Made::new();
    let list = made.list("bams.txt", &BRCA1.map(|sample| bam_of(sample).display().to_string()));
    let found = made.depth(&list, "1000", "-Q 20");
    assert_eq!(found.samples, BRCA1);
    for sample in BRCA1 {
        let prefix = made.path(sample);
        let stored = |end: &str| brca1(&format!("expected/mosdepth_1kb_Q20_{sample}.{end}"));
        std::fs::copy(stored("regions.bed.gz"), made.path(&format!("{sample}.regions.bed.gz"))).unwrap();
        std::fs::copy(stored("summary.txt"), made.path(&format!("{sample}.mosdepth.summary.txt"))).unwrap();
        check(&found, sample, &prefix);
    }
}

fn mosdepth(prefix: &Path, bam: &Path, by: &Path, flags: &str) {
    let mut command = tools::command("mosdepth");
    command.arg("-n").arg("--by").arg(by).args(flags.split_whitespace()).arg(prefix).arg(bam);
    tools::run(&mut command).ok();
}

#[test]
fn brca1_equals_mosdepth_by_windows_and_regions() {
    need!(Need::SharedData, Need::Mosdepth);
    let made = Made::new();
    let list = made.list("bams.txt", &BRCA1.map(|sample| bam_of(sample).display().to_string()));
    let regions = "# of a panel\ntrack name=panel\nref_brca1\t3000\t5000\ta\nref_brca1\t1000\t2000\tb\n\
                   ref_brca1\t2000\t3000\tabuts\nref_brca1\t1000\t4000\toverlaps\nref_brca1\t0\t171823\tall\n\
                   ref_brca1\t171822\t171823\tlast\n";
    let bed = made.file("regions.bed", regions);
    for by in [Path::new("500"), &bed] {
        for (theirs, ours) in [
            ("-T 1,5,10", "-T 1,5,10"),
            ("-Q 20", "-Q 20 --stretch 5000"),
            ("-x", "--fast"),
            ("-x -Q 20", "--fast -Q 20"),
            ("-F 0", "-F 0 --stretch 333"),
        ] {
            let found = made.depth(&list, by, ours);
            for sample in BRCA1 {
                let prefix = made.path("theirs");
                let _ = std::fs::remove_file(made.path("theirs.thresholds.bed.gz"));
                mosdepth(&prefix, &bam_of(sample), by, theirs);
                check(&found, sample, &prefix);
            }
        }
    }
}

#[test]
fn pairs_in_every_position_are_mosdepths_depths() {
    need!(Need::Samtools, Need::Mosdepth);
    const GENOME: [(&str, u32); 3] = [("chr1", 30_000), ("chr2", 9_001), ("chr3", 90)];
    let made = Made::new();
    // Where a mate of one run ends before the other, also of one run, mosdepth takes away too much: such pairs are for the
    // tests of rules.
    let is_hard = |pair: &[super::made::Read]| {
        let end = |read: &super::made::Read| read.positions(true).last().copied().unwrap_or(0);
        let one_run = |read: &super::made::Read| read.cigar.chars().filter(|c| c.is_alphabetic()).count() == 1;
        pair.iter().all(one_run) && end(&pair[0]) != end(&pair[1])
    };
    let reads = random_reads(11, &GENOME, 6000);
    let mut by_name: BTreeMap<&str, Vec<super::made::Read>> = BTreeMap::new();
    reads.iter().for_each(|read| by_name.entry(&read.name).or_default().push(read.clone()));
    // One read more of a name makes mosdepth's choice of a mate another one.
    let reads: Vec<_> = by_name.into_values().filter(|pair| pair.len() == 2 && !is_hard(pair)).flatten().collect();
    assert!(reads.len() > 4000);
    let bam = made.bam("a", "A", &GENOME, &reads);
    let list = made.list("bams.txt", &[bam.display().to_string()]);
    for (by, theirs, ours) in
        [("500", "", ""), ("7", "-Q 20 -T 1,20", "-Q 20 -T 1,20 --stretch 999"), ("100", "-x", "-x")]
    {
        let prefix = made.path("theirs");
        mosdepth(&prefix, &bam, Path::new(by), theirs);
        check(&made.depth(&list, by, ours), "A", &prefix);
        let _ = std::fs::remove_file(made.path("theirs.thresholds.bed.gz"));
    }
}
