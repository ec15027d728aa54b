use std::path::Path;

use super::super::frame::HEADER_LEN;
use super::super::rows::{HitRow, MatrixShape, RowBatch, VariantRow};
use super::super::scan::{Depth, ends_with_stop, scan};
use super::super::spool::{Frames, SpoolError, SpoolWriter, Writer, rank_spool};
use super::super::spool_index::SpoolIndex;
use super::*;

const FULL: MatrixShape = MatrixShape { columns: 2, full: true };
const SCORED: MatrixShape = MatrixShape { columns: 3, full: false };
const SHAPES: [MatrixShape; 2] = [SCORED, FULL];

/// Rows `first..first + n` of which every third is full; cell (row, column) is 10·row + column.
fn batch(first: u32, n: u32) -> RowBatch {
    let variant = |pos: u32| VariantRow {
        chrom: "1".into(),
        pos,
        id: ".".into(),
        reference: "A".into(),
        alternate: "C".into(),
        a1_freq: 0.5,
        n: 1,
        mac: 1.0,
        missing: 0,
        status: 0,
    };
    let is_full = |row: &u32| row.is_multiple_of(3);
    let cells = |full: bool, columns: u32| {
        let rows = (first..first + n).filter(move |row| is_full(row) == full);
        rows.flat_map(move |row| (0..columns).map(move |column| (10 * row + column) as f32)).collect::<Vec<f32>>()
    };
    let hit = HitRow { variant_idx: 0, trait_idx: 0, beta: 1.0, se: 1.0, log10p: 3.0, n_observed: 1 };
    RowBatch {
        variants: (first..first + n).map(variant).collect(),
        full_rows: (0..n).filter(|row| is_full(&(first + row))).collect(),
        matrices: [cells(false, 3), cells(true, 2), Vec::new(), Vec::new()],
        hits: vec![hit],
        ..RowBatch::default()
    }
}

/// A run's mark.
const STAMP: u64 = 77;

fn names() -> Vec<String> {
    [0, 1].map(rank_spool).to_vec()
}

fn open(dir: &Path, rank: usize) -> SpoolWriter {
    let writer =
        Writer { stamp: STAMP, attempt: 1, rank: rank as u32, n_ranks: 2, threads: 1, began: 5.0, job: "12".into() };
    SpoolWriter::open(dir, &rank_spool(rank), &writer).unwrap()
}

fn append(spool: &mut SpoolWriter, shard: u64, parts: &[RowBatch]) {
    let mut frames = Frames::default();
    for (part, batch) in (0..).zip(parts) {
        spool.append(frames.rows(shard, part, batch, 2).0).unwrap();
    }
    let end = ShardEnd {
        stamp: STAMP,
        seconds: 0.5,
        ended: 9.0,
        batch_crc: 3,
        parts: parts.iter().map(RowBatch::counts).collect(),
        counts: vec![7, shard],
    };
    let models = [("chr2".to_owned(), vec![1.5, 2.5])];
    let models = if shard == 0 { &models[..] } else { &[] };
    spool.append(frames.end(shard, &end, models, |out| encode_tally(&[1u32, 0, 0, 2], 2, out))).unwrap();
}

/// Two ranks' spools: 50 rows in shards 0, 1 and 2.
fn write_spools(dir: &Path) {
    let mut spools = [0, 1].map(|rank| open(dir, rank));
    append(&mut spools[1], 0, &[batch(0, 10), batch(10, 1)]);
    append(&mut spools[0], 1, &[batch(11, 9)]);
    append(&mut spools[0], 2, &[batch(20, 1), batch(21, 29)]);
}

fn scan_both(dir: &Path) -> Finished {
    let mut all = Finished::default();
    for (number, name) in names().iter().enumerate() {
        let mut mine = Finished::default();
        let contents = scan(&dir.join(name), number as u32, Depth::Verify { n_matrices: 2 }).unwrap();
        contents.shards.into_iter().for_each(|(id, shard)| mine.add(id, shard));
        all.add_bytes(&mine.to_bytes()).unwrap();
    }
    all
}

fn spools(dir: &Path) -> Finished {
    write_spools(dir);
    scan_both(dir)
}

fn positions(dir: &Path, finished: &Finished) -> Vec<u32> {
    let index = SpoolIndex::open(dir, &names(), &finished.index()).unwrap();
    let mut seen = Vec::new();
    let each = |b: &RowBatch| {
        seen.extend(b.variants.iter().map(|v| v.pos));
        Ok::<_, SpoolError>(())
    };
    index.for_each(each).unwrap();
    seen
}

#[test]
fn shards_come_back_in_order_whichever_rank_wrote_them() {
    let dir = tempfile::tempdir().unwrap();
    let all = spools(dir.path());
    assert_eq!(all.n_shards(), 3);
    assert_eq!(all.counts().collect::<Vec<_>>(), [[7, 0], [7, 1], [7, 2]]);
    assert_eq!(all.n_rows(), TotalRows { all: 50, full: 17 });
    assert!(all.shards().values().all(|shard| (shard.stamp, shard.batch_crc, shard.seconds) == (STAMP, 3, 0.5)));
    assert!(positions(dir.path(), &all).into_iter().eq(0..50));
    let index = SpoolIndex::open(dir.path(), &names(), &all.index()).unwrap();
    let mut total = Sums::new(2, 2);
    for share in [0..1, 1..3] {
        let mut sums = Sums::new(2, 2);
        index.sum(share, &mut sums).unwrap();
        total.add(&sums.to_bytes()).unwrap();
    }
    assert_eq!((&total.tally[..], &total.models["chr2"][..]), (&[3, 0, 0, 6][..], &[1.5, 2.5][..]));
}

#[test]
fn headers_tell_the_same_shards_and_who_wrote_them() {
    let dir = tempfile::tempdir().unwrap();
    write_spools(dir.path());
    let path = dir.path().join(rank_spool(0));
    let quick = scan(&path, 0, Depth::Headers).unwrap();
    let thorough = scan(&path, 0, Depth::Verify { n_matrices: 2 }).unwrap();
    assert_eq!(quick, thorough);
    assert_eq!((quick.shards.len(), quick.n_damaged, quick.has_stopped()), (2, 0, false));
    assert_eq!((quick.writers[0].attempt, &quick.writers[0].job[..]), (1, "12"));
    assert!(!ends_with_stop(&path));
    open(dir.path(), 0).stop("the end").unwrap();
    assert!(ends_with_stop(&path));
    let stopped = scan(&path, 0, Depth::Headers).unwrap();
    assert_eq!((stopped.writers.len(), &stopped.stop.unwrap().1[..]), (2, "the end"));
}

/// What a dead attempt leaves: a torn tail, a shard without its end. The next one appends to it.
#[test]
fn a_torn_spool_is_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    write_spools(dir.path());
    let path = dir.path().join(rank_spool(0));
    let good = std::fs::read(&path).unwrap();
    for len in (1..good.len()).step_by(37) {
        std::fs::write(&path, &good[..len]).unwrap();
        let before = scan_both(dir.path());
        let mut spool = open(dir.path(), 0);
        for (shard, parts) in [(1, &[batch(11, 9)][..]), (2, &[batch(20, 1), batch(21, 29)])] {
            if !before.shards().contains_key(&shard) {
                append(&mut spool, shard, parts);
            }
        }
        let after = scan_both(dir.path());
        assert!(positions(dir.path(), &after).into_iter().eq(0..50), "{len} bytes were left");
    }
}

/// A shard that two attempts computed counts once.
#[test]
fn a_shard_that_is_there_twice_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    write_spools(dir.path());
    append(&mut open(dir.path(), 0), 0, &[batch(0, 10), batch(10, 1)]);
    assert!(positions(dir.path(), &scan_both(dir.path())).into_iter().eq(0..50));
}

#[test]
fn any_rows_of_a_matrix_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let index = SpoolIndex::open(dir.path(), &names(), &spools(dir.path()).index()).unwrap();
    let mut scratch = Vec::new();
    for (matrix, shape) in SHAPES.into_iter().enumerate() {
        let rows: Vec<u64> = (0..50).filter(|row| (row % 3 == 0) == shape.full).collect();
        for start in 0..rows.len() {
            for end in start..=rows.len() {
                let (mut cells, mut next) = (Vec::new(), start as u64);
                let each = |row: u64, part: &[u8]| {
                    assert_eq!(row, next);
                    next += (part.len() / 4 / shape.columns) as u64;
                    cells.extend(part.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)));
                };
                index.read_matrix(&SHAPES, matrix, start as u64..end as u64, &mut scratch, each).unwrap();
                let expected = rows[start..end].iter().flat_map(|row| (0..shape.columns).map(move |c| (row, c)));
                assert!(cells.iter().copied().eq(expected.map(|(row, c)| (10 * row + c as u64) as f32)));
            }
        }
    }
}

/// A scan that verifies finds every flipped bit, and it costs one shard at most; what is read of the rest is sound.
#[test]
fn a_flipped_bit_costs_its_shard_only() {
    let dir = tempfile::tempdir().unwrap();
    let finished = spools(dir.path());
    let path = dir.path().join(rank_spool(0));
    let good = std::fs::read(&path).unwrap();
    let mut unread = 0;
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bytes).unwrap();
        let again = scan(&path, 0, Depth::Verify { n_matrices: 2 }).unwrap();
        assert!(again.n_damaged > 0, "byte {at} was taken");
        assert!(again.shards.len() + 1 >= 2, "byte {at} cost {:?}", again.shards.keys());
        assert!(again.shards.iter().all(|(id, shard)| finished.shards()[id] == *shard), "byte {at}");
        // Who reads by an index made before finds it too, but for bytes of frames that it does not read.
        let index = SpoolIndex::open(dir.path(), &names(), &finished.index()).unwrap();
        let rows = index.for_each(|_| Ok::<_, SpoolError>(()));
        let mut scratch = Vec::new();
        let cells: Vec<_> = (0..2).map(|m| index.read_matrix(&SHAPES, m, 0..50, &mut scratch, |_, _| ())).collect();
        let sums = index.sum(0..3, &mut Sums::new(2, 2));
        let found = rows.is_err() || sums.is_err() || cells.iter().any(Result::is_err);
        unread += usize::from(!found);
    }
    // The frame that says who writes, and the header of the one frame without cells.
    assert!(unread <= HEADER_LEN + 46 + HEADER_LEN, "{unread}");
}

#[test]
fn what_is_no_spool_holds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rank-00000.spool");
    for bytes in [&b""[..], b"NFRM", b"IID\ty\n", &[0; 4096], &b"NFRM".repeat(1000)] {
        std::fs::write(&path, bytes).unwrap();
        for depth in [Depth::Headers, Depth::Verify { n_matrices: 1 }] {
            let contents = scan(&path, 0, depth).unwrap();
            assert!(contents.shards.is_empty() && contents.writers.is_empty());
        }
    }
}
