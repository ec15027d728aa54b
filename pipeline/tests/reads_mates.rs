//! Small reads with what they must show: clips, deletions, mates that overlap, qualities, filters.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use norna::source::reads::{Overlaps, PileupScratch, ReadCount, ReadFilter, ReadInput, ReadsOptions, Site, SiteReads};
use norna_kernels::{Allele, LikelihoodTable, Observation};
use support::need;
use support::tools::{Need, command, run};

const HEAD: &str = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:1\tLN:50000\n@RG\tID:g\tSM:s\n";

/// REF A and ALT C at each position.
fn sites(positions: &[u32]) -> Vec<Site> {
    let site = |&pos: &u32| Site { chrom: "1".into(), pos, id: ".".into(), reference: b'A', alternate: b'C' };
    positions.iter().map(site).collect()
}

fn pile_up(sam: &str, filter: ReadFilter, positions: &[u32]) -> SiteReads {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("x.sam"), format!("{HEAD}{sam}")).unwrap();
    run(command("samtools").args(["view", "-b", "--no-PG", "-o"]).arg(path("x.bam")).arg(path("x.sam"))).ok();
    run(command("samtools").arg("index").arg(path("x.bam"))).ok();
    std::fs::write(path("list"), "x.bam\n").unwrap();
    let input = ReadInput::open(&ReadsOptions { list: path("list"), filter, ..Default::default() }).unwrap();
    let mut out = SiteReads::default();
    input.pile_up(0..1, &sites(positions), &mut PileupScratch::default(), &mut out, &|| false).unwrap();
    out
}

fn any() -> ReadFilter {
    ReadFilter { min_mapq: 0, min_baseq: 0, max_depth: 0, ..ReadFilter::default() }
}

/// A read with mapping quality 60.
fn read(flags: u16, pos: u32, cigar: &str, bases: &str, qualities: &str) -> String {
    format!("r\t{flags}\t1\t{pos}\t60\t{cigar}\t*\t0\t0\t{bases}\t{qualities}\n")
}

/// Depth, REF depth and ALT depth at each site.
fn depths(out: &SiteReads) -> Vec<(u16, u16, u16)> {
    (0..out.depth.len()).map(|i| (out.depth[i], out.ref_depth[i], out.alt_depth[i])).collect()
}

fn likelihoods(observations: &[(Allele, u8)]) -> [f32; 3] {
    let mut observations: Vec<_> = observations.iter().map(|&(a, q)| Observation::new(a, q)).collect();
    observations.sort_unstable();
    LikelihoodTable::new().likelihoods(&observations)
}

const NONE: (u16, u16, u16) = (0, 0, 0);
const REF: (u16, u16, u16) = (1, 1, 0);
const ALT: (u16, u16, u16) = (1, 0, 1);
const OTHER: (u16, u16, u16) = (1, 0, 0);

#[test]
fn bases_stand_where_the_cigar_says() {
    need!(Need::Samtools);
    for (cigar, bases, positions, want) in [
        ("3S5M", "CCCAGGGC", &[7, 9, 10, 11, 14, 15][..], &[NONE, NONE, REF, OTHER, ALT, NONE][..]),
        ("2H5M3H", "AGGGC", &[8, 9, 10, 14, 15], &[NONE, NONE, REF, ALT, NONE]),
        ("4M2D4M", "GGGACGGG", &[13, 14, 15, 16, 19, 20], &[REF, NONE, NONE, ALT, OTHER, NONE]),
        ("4M2I4M", "GGGACCAGGG", &[13, 14, 15], &[REF, REF, OTHER]),
        ("4M300N4M", "GGGACGGG", &[13, 14, 313, 314, 317, 318], &[REF, NONE, NONE, ALT, OTHER, NONE]),
        ("2=1X1P2=", "AGCAA", &[10, 11, 12, 13, 14], &[REF, OTHER, ALT, REF, REF]),
        ("5M", "NRC=A", &[10, 11, 12, 13, 14], &[OTHER, OTHER, ALT, REF, REF]),
        ("1S2I3M1S", "CCCAGCA", &[9, 10, 12, 13], &[NONE, REF, ALT, NONE]),
    ] {
        let out = pile_up(&read(0, 10, cigar, bases, &"I".repeat(bases.len())), any(), positions);
        assert_eq!(depths(&out), want, "{cigar}");
    }
}

#[test]
fn reads_without_bases_or_qualities_and_beyond_the_end() {
    need!(Need::Samtools);
    let out = pile_up(&read(0, 10, "5M", "*", "*"), any(), &[10, 12]);
    assert_eq!((depths(&out), out.ledger.count(ReadCount::NoBase)), (vec![NONE; 2], 2));
    let out = pile_up(&read(0, 10, "5M", "AAAAA", "*"), any(), &[10, 12]);
    assert_eq!((depths(&out), out.ledger.count(ReadCount::NoQuality)), (vec![NONE; 2], 2));
    let out = pile_up(&read(0, 49_998, "8M", "AACGGGGG", "IIIIIIII"), any(), &[49_998, 50_000]);
    assert_eq!(depths(&out), [REF, ALT]);
}

#[test]
fn qualities_are_capped_by_mapping_quality() {
    need!(Need::Samtools);
    let with = |mapq: u8, quality: char, filter: ReadFilter| {
        let sam = format!("r\t0\t1\t10\t{mapq}\t1M\t*\t0\t0\tC\t{quality}\n");
        pile_up(&sam, filter, &[10]).likelihoods[0]
    };
    let alt = |quality| likelihoods(&[(Allele::Alternate, quality)]);
    assert_eq!(with(60, 'I', any()), alt(40));
    assert_eq!(with(10, 'I', any()), alt(10));
    assert_eq!(with(255, 'I', any()), alt(40), "255 is unknown");
    assert_eq!(with(30, '5', any()), alt(20));
    let q25 = ReadFilter { min_baseq: 25, ..any() };
    assert_eq!(with(10, ':', q25), alt(10), "the stated quality passes the filter");
    assert_eq!(with(60, '9', q25), [0.0; 3]);
}

/// A pair: flags, position, CIGAR, bases and qualities of each.
fn pair(first: (u16, u32, &str, &str), second: (u16, u32, &str, &str)) -> String {
    let line = |a: (u16, u32, &str, &str), mate: u32| {
        format!("p\t{}\t1\t{}\t60\t{}M\t=\t{mate}\t0\t{}\t{}\n", a.0, a.1, a.2.len(), a.2, a.3)
    };
    line(first, second.1) + &line(second, first.1)
}

#[test]
fn mates_count_once() {
    need!(Need::Samtools);
    use Allele::{Alternate, Other, Reference};
    for (first, second, want, quality) in [
        // They agree: the better quality, whichever it is of.
        ((99, 10, "AAAA", "????"), (147, 12, "AAAA", "5555"), REF, (Reference, 30)),
        ((99, 10, "AAAA", "5555"), (147, 12, "AAAA", "????"), REF, (Reference, 30)),
        // They do not: the better base, with what its quality has over the other.
        ((99, 10, "AAAA", "????"), (147, 12, "CCCC", "5555"), REF, (Reference, 10)),
        ((99, 10, "AAAA", "5555"), (147, 12, "CCCC", "????"), ALT, (Alternate, 10)),
        // Neither is better: that of the pair's first read, which says nothing.
        ((163, 10, "AAAA", "????"), (83, 12, "CCCC", "????"), ALT, (Alternate, 0)),
        ((99, 10, "AAAA", "????"), (147, 12, "CCCC", "????"), REF, (Reference, 0)),
        // N knows nothing.
        ((99, 10, "NNNN", "????"), (147, 12, "CCCC", "5555"), ALT, (Alternate, 20)),
        // They start together.
        ((99, 12, "AAAA", "????"), (147, 12, "AAAA", "5555"), REF, (Reference, 30)),
        // A pair that is not proper is one molecule all the same.
        ((97, 10, "GGGG", "????"), (145, 12, "GGGG", "5555"), OTHER, (Other, 30)),
    ] {
        let out = pile_up(&pair(first, second), any(), &[12]);
        assert_eq!(depths(&out), [want], "{first:?} {second:?}");
        assert_eq!(out.likelihoods[0], likelihoods(&[quality]), "{first:?} {second:?}");
        let counts = [ReadCount::Used, ReadCount::MateOverlap].map(|c| out.ledger.count(c));
        assert_eq!((counts, out.ledger.total()), ([1, 1], 2));
        let both = pile_up(&pair(first, second), ReadFilter { overlaps: Overlaps::Both, ..any() }, &[12]);
        assert_eq!(both.depth, [2]);
    }
}

#[test]
fn mates_are_one_only_where_both_have_a_base() {
    need!(Need::Samtools);
    let sam = pair((99, 10, "AAAAAA", "??#???"), (147, 12, "CCCCCC", "??????"));
    let out = pile_up(&sam, ReadFilter { min_baseq: 13, ..any() }, &[10, 12, 14, 16]);
    assert_eq!(depths(&out), [REF, ALT, REF, ALT], "the first mate's base at 12 fails");
    // The mate is a duplicate, or elsewhere, or another read has the name.
    for (first, second) in [
        ((99, 10, "AAAA", "????"), (147 | 0x400, 12, "CCCC", "????")),
        ((99 | 0x400, 10, "AAAA", "????"), (147, 12, "CCCC", "????")),
    ] {
        assert_eq!(pile_up(&pair(first, second), any(), &[12]).depth, [1]);
    }
    let unlike = "p\t99\t1\t10\t60\t4M\t=\t900\t0\tAAAA\t????\np\t147\t1\t12\t60\t4M\t=\t700\t0\tCCCC\t????\n";
    assert_eq!(pile_up(unlike, any(), &[12]).depth, [2]);
    let of_one_part = pair((99, 10, "AAAA", "????"), (99 | 0x800, 12, "CCCC", "????"));
    assert_eq!(pile_up(&of_one_part, ReadFilter { exclude_flags: 4, ..any() }, &[12]).depth, [2]);
}

#[test]
fn every_read_at_a_site_is_counted() {
    need!(Need::Samtools);
    let mut sam = String::new();
    let flags = [0, 0, 0, 0x400, 0x100, 0x800, 0x200, 0x10, 0x1, 0x1 | 0x2];
    for (i, flag) in flags.into_iter().enumerate() {
        sam += &format!("r{i}\t{flag}\t1\t10\t60\t4M\t*\t0\t0\tAAAA\tIIII\n");
    }
    sam += "m\t0\t1\t10\t7\t4M\t*\t0\t0\tAAAA\tIIII\nb\t0\t1\t10\t60\t4M\t*\t0\t0\tAAAA\t++++\n";
    sam += "d\t0\t1\t10\t60\t1M2D1M\t*\t0\t0\tAA\tII\n";
    let filter = ReadFilter { max_depth: 4, proper_pairs: true, ..ReadFilter::default() };
    let out = pile_up(&sam, filter, &[11]);
    let want = [
        (ReadCount::Used, 4),
        (ReadCount::OverDepth, 1),
        (ReadCount::Duplicate, 1),
        (ReadCount::Secondary, 1),
        (ReadCount::Supplementary, 1),
        (ReadCount::QcFail, 1),
        (ReadCount::NotProperPair, 1),
        (ReadCount::LowMapq, 1),
        (ReadCount::LowBaseq, 1),
        (ReadCount::NoBase, 1),
    ];
    for (count, n) in want {
        assert_eq!(out.ledger.count(count), n, "{count:?}");
    }
    assert_eq!((out.ledger.total(), out.depth[0]), (13, 4));
    let reverse = pile_up(&sam, ReadFilter { include_flags: 0x10, ..any() }, &[11]);
    assert_eq!((reverse.depth[0], reverse.ledger.count(ReadCount::ExcludedFlag)), (1, 8));
}

#[test]
fn cigars_too_long_for_their_field_are_read() {
    need!(Need::Samtools);
    let n = 40_000;
    let bases = "AG".repeat(29_999) + "CG" + &"AG".repeat(10_000);
    let sam = read(0, 10, &"1M1I".repeat(n), &bases, &"I".repeat(2 * n));
    let out = pile_up(&sam, any(), &[10, 30_008, 30_009, 30_010, 40_009, 40_010]);
    assert_eq!(depths(&out), [REF, REF, ALT, REF, REF, NONE]);
}

#[test]
fn sites_may_come_in_any_order_and_twice() {
    need!(Need::Samtools);
    let sam: String = (0..30).map(|i| read(0, 10 + 1500 * i, "4M", "AGCG", "IIII")).collect();
    let positions = [10, 12, 12, 43_512, 43_510, 10, 20_000, 24_012];
    let out = pile_up(&sam, any(), &positions);
    assert_eq!(depths(&out), [REF, ALT, ALT, ALT, REF, REF, NONE, ALT]);
}

#[test]
fn depth_is_counted_as_far_as_its_numbers_go() {
    need!(Need::Samtools);
    let n = usize::from(u16::MAX);
    let sam = read(0, 10, "1M", "A", "I").repeat(n) + &read(0, 10, "1M", "C", "I").repeat(3);
    for max_depth in [0, 70_000] {
        let out = pile_up(&sam, ReadFilter { max_depth, ..any() }, &[10]);
        assert_eq!(depths(&out), [(u16::MAX, u16::MAX, 0)]);
        let counts = [ReadCount::Used, ReadCount::OverDepth].map(|kind| out.ledger.count(kind));
        assert_eq!(counts, [n as u64, 3]);
    }
}
