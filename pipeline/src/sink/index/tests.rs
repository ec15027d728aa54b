use super::super::rows::{HitRow, VariantRow};
use super::super::spool::{Frames, SpoolWriter};
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

fn append(spool: &mut SpoolWriter, shard: u64, parts: &[RowBatch]) {
    let mut frames = Frames::default();
    for (part, batch) in (0..).zip(parts) {
        spool.append(frames.rows(shard, part, batch, 2)).unwrap();
    }
    let rows: Vec<RowCounts> = parts.iter().map(RowBatch::counts).collect();
    spool.append(frames.end(shard, &rows, &[7, shard], |out| encode_tally(&[1u32, 0, 0, 2], 2, out))).unwrap();
}

/// Two ranks' spools: 50 rows in shards 0, 1 and 2.
fn spools(dir: &Path) -> Finished {
    let mut spools = [0, 1].map(|r| SpoolWriter::create(dir, r).unwrap());
    append(&mut spools[1], 0, &[batch(0, 10), batch(10, 1)]);
    append(&mut spools[0], 1, &[batch(11, 9)]);
    append(&mut spools[0], 2, &[batch(20, 1), batch(21, 29)]);
    spools[1].append(Frames::default().model("chr2", &[1.5, 2.5])).unwrap();
    let mut all = Finished::new(2, 2);
    for rank in [1, 0] {
        let mut mine = Finished::new(2, 2);
        mine.scan(dir, rank).unwrap();
        all.add(&mine.to_bytes()).unwrap();
    }
    all
}

#[test]
fn shards_come_back_in_order_whichever_rank_wrote_them() {
    let dir = tempfile::tempdir().unwrap();
    let all = spools(dir.path());
    assert_eq!((all.n_shards(), &all.tally[..]), (3, &[3, 0, 0, 6][..]));
    assert_eq!(all.models["chr2"], [1.5, 2.5]);
    assert_eq!(all.counts().collect::<Vec<_>>(), [[7, 0], [7, 1], [7, 2]]);
    let index = SpoolIndex::open(dir.path(), 2, &all.index()).unwrap();
    assert_eq!(all.n_rows(), TotalRows { all: 50, full: 17 });
    let mut seen = Vec::new();
    let each = |b: &RowBatch| {
        seen.extend(b.variants.iter().map(|v| v.pos));
        Ok::<_, SpoolError>(())
    };
    index.for_each(each).unwrap();
    assert!(seen.into_iter().eq(0..50));
}

#[test]
fn any_rows_of_a_matrix_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let index = SpoolIndex::open(dir.path(), 2, &spools(dir.path()).index()).unwrap();
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

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let finished = spools(dir.path());
    let path = path_of(dir.path(), 1);
    let good = std::fs::read(&path).unwrap();
    let mut unseen = 0;
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let mut again = Finished::new(2, 2);
        let scanned = again.scan(dir.path(), 1);
        let index = SpoolIndex::open(dir.path(), 2, &finished.index()).unwrap();
        let rows = index.for_each(|_| Ok::<_, SpoolError>(()));
        let mut scratch = Vec::new();
        let cells: Vec<_> = (0..2).map(|m| index.read_matrix(&SHAPES, m, 0..50, &mut scratch, |_, _| ())).collect();
        let lost = scanned.is_err() || again.n_shards() != 1;
        let found = lost || rows.is_err() || cells.iter().any(Result::is_err);
        unseen += usize::from(!found);
    }
    // The header of the one frame without cells, which nobody reads.
    assert!(unseen <= HEADER_LEN, "{unseen}");
}

#[test]
fn a_torn_spool_is_found() {
    let dir = tempfile::tempdir().unwrap();
    spools(dir.path());
    let path = path_of(dir.path(), 0);
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, &good[..good.len() - 3]).unwrap();
    let error = Finished::new(2, 2).scan(dir.path(), 0).unwrap_err();
    assert!(error.to_string().contains("cut off"), "{error}");
}
