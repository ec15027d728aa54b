//! What of a read counts: cases by hand, and random reads against depths counted position by position.

use super::made::{Made, Read, check, kept, naive, random_reads};
use super::support::need;
use super::support::tools::Need;

const ONE: [(&str, u32); 1] = [("1", 60)];

/// Depths of every position of a chromosome of 60 bases.
fn depths(reads: &[Read], flags: &str) -> Vec<u32> {
    let made = Made::new();
    let list = made.list("bams.txt", &[made.bam("a", "A", &ONE, reads).display().to_string()]);
    made.depth(&list, "1", flags).of("A").into_iter().map(|depth| depth as u32).collect()
}

/// "3-9:1 5-7:2": stretches (half-open) and their depths, zeros left out.
fn stretches(depths: &[u32]) -> String {
    let mut told: Vec<(usize, usize, u32)> = Vec::new();
    for (at, &depth) in depths.iter().enumerate().filter(|(_, depth)| **depth > 0) {
        match told.last_mut() {
            Some(last) if last.1 == at && last.2 == depth => last.1 = at + 1,
            _ => told.push((at, at + 1, depth)),
        }
    }
    told.iter().map(|(from, to, depth)| format!("{from}-{to}:{depth}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn bases_count_where_they_stand_on_the_reference() {
    need!(Need::Samtools);
    for (cigar, expected, fast) in [
        ("10M", "5-15:1", "5-15:1"),
        ("3S10M4S", "5-15:1", "5-15:1"),
        ("4M3D5M", "5-9:1 12-17:1", "5-17:1"),
        ("4M20N5M", "5-9:1 29-34:1", "5-34:1"),
        ("4M3I5M", "5-14:1", "5-14:1"),
        ("2=1X2=", "5-10:1", "5-10:1"),
        ("2D4M", "7-11:1", "5-11:1"),
        ("4M1P4M", "5-13:1", "5-13:1"),
    ] {
        let read = [Read::new("r", 0, 0, 5, cigar)];
        assert_eq!(stretches(&depths(&read, "")), expected, "{cigar}");
        assert_eq!(stretches(&depths(&read, "--fast")), fast, "{cigar} --fast");
    }
}

#[test]
fn what_two_mates_cover_counts_once() {
    need!(Need::Samtools);
    let pair = |first, second| Read::pair("p", 0, first, second).to_vec();
    for (name, reads, expected) in [
        ("apart", pair((5, "10M"), (20, "10M")), "5-15:1 20-30:1"),
        ("end to end", pair((5, "10M"), (15, "10M")), "5-25:1"),
        ("partly", pair((5, "10M"), (10, "10M")), "5-20:1"),
        ("one start", pair((5, "10M"), (5, "10M")), "5-15:1"),
        ("one start, one longer", pair((5, "10M"), (5, "20M")), "5-25:1"),
        ("one in the other", pair((5, "20M"), (10, "5M")), "5-25:1"),
        ("through a deletion", pair((5, "5M10D5M"), (12, "10M")), "5-10:1 12-25:1"),
        ("both with gaps", pair((5, "5M5D10M"), (8, "4M6D8M")), "5-12:1 15-26:1"),
        ("behind a clip", pair((5, "10M"), (10, "5S10M")), "5-20:1"),
    ] {
        let mut reads = reads;
        assert_eq!(stretches(&depths(&reads, "")), expected, "{name}");
        reads.reverse();
        assert_eq!(stretches(&depths(&reads, "")), expected, "{name}, the other way round");
    }
    let partly = pair((5, "10M"), (10, "10M"));
    let twice = "5-10:1 10-15:2 15-20:1";
    assert_eq!(stretches(&depths(&partly, "--fast")), twice);
    let with = |change: fn(&mut Read)| {
        let mut reads = partly.clone();
        reads.iter_mut().for_each(change);
        stretches(&depths(&reads, ""))
    };
    assert_eq!(with(|read| read.flags &= !0x2), twice, "not a proper pair");
    assert_eq!(with(|read| read.flags |= 0x800), twice, "supplementary");
    let mut one_left = partly.clone();
    one_left[0].mapq = 10;
    assert_eq!(stretches(&depths(&one_left, "-Q 20")), "10-20:1", "the other mate alone");
    assert_eq!(stretches(&depths(&one_left, "-Q 10")), "5-20:1");
}

#[test]
fn reads_are_left_out_by_their_flags() {
    need!(Need::Samtools);
    let reads: Vec<Read> = (0..12).map(|bit| Read::new(&format!("r{bit}"), 1 << bit, 0, 4 * bit, "3M")).collect();
    let positions = |flags: &str| {
        let found = depths(&reads, flags);
        (0..12).filter(|bit| found[4 * bit + 1] == 1).collect::<Vec<_>>()
    };
    // samtools drops the place of mates and of nothing else; an unmapped read with a position keeps it.
    assert_eq!(positions(""), [0, 1, 3, 4, 5, 6, 7, 11]);
    assert_eq!(positions("--excl-flags SUPPLEMENTARY,UNMAP"), [0, 1, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(positions("-F 0xf04"), [0, 1, 3, 4, 5, 6, 7]);
}

#[test]
fn a_read_beyond_the_end_counts_up_to_it() {
    need!(Need::Samtools);
    let reads = [Read::new("a", 0, 0, 55, "10M"), Read::new("b", 0, 0, 59, "1M")];
    assert_eq!(stretches(&depths(&reads, "")), "55-59:1 59-60:2");
}

#[test]
fn random_reads_are_counted_as_position_by_position() {
    need!(Need::Samtools);
    const GENOME: [(&str, u32); 3] = [("chr1", 700), ("chr2", 401), ("chr3", 90)];
    let made = Made::new();
    let bed = "chr2\t0\t401\tall\nchr1\t10\t20\nchr1\t0\t700\tall\nchr1\t10\t300\tx\nchr1\t300\t301\nchr3\t5\t6\n";
    let bed = made.file("r.bed", bed);
    for seed in 0..3 {
        let reads = random_reads(seed, &GENOME, 400);
        let list = made.list("bams.txt", &[made.bam(&format!("{seed}"), "A", &GENOME, &reads).display().to_string()]);
        for (flags, exclude, min_mapq, fast) in
            [("", 1796, 0, false), ("-Q 20", 1796, 20, false), ("-F 0 --fast", 0, 0, true), ("-F 2048", 2048, 0, false)]
        {
            let kept = kept(&reads, exclude, min_mapq);
            let depth: Vec<Vec<u32>> =
                (0..).zip(GENOME).map(|(chrom, (_, length))| naive(&[&kept], chrom, length, fast)).collect();
            for (by, stretch) in [("37".as_ref(), 1), (bed.as_path(), 13), ("1".as_ref(), 256), (bed.as_path(), 9999)] {
                let found = made.depth(&list, by, &format!("{flags} --stretch {stretch} -T 5,1,30"));
                check(&found, "A", &depth, &[1, 5, 30]);
            }
        }
    }
}
