//! Matrices are chunked for both readings: one trait over all variants, all traits over a region.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod store_common;

use std::path::Path;
use std::time::Instant;

use norna::sink::rows::RowBatch;
use norna::store::{ResultsReader, Store};
use serde_json::json;
use store_common::{FileWriter, header, qc, variant};

const N_TRAITS: usize = 3000;

/// A file of 3,000 traits in one mask with cheap numbers in it.
fn write(path: &Path, store: Store, n_variants: usize) {
    let mut header = header(N_TRAITS);
    header.store = store;
    header.traits.iter_mut().for_each(|info| (info.mask, info.n) = (0, 100));
    let mut writer = FileWriter::create(path, &header, n_variants as u64).unwrap();
    for start in (0..n_variants).step_by(1000) {
        let rows = start..n_variants.min(start + 1000);
        let mut batch = RowBatch { variants: rows.clone().map(variant).collect(), ..RowBatch::default() };
        let cells = rows.clone().flat_map(|v| (0..N_TRAITS).map(move |t| ((v * 31 + t * 17) % 1009) as f32 * 1e-3));
        batch.matrices[0] = cells.collect();
        let columns = if store == Store::Compact { 1 } else { N_TRAITS };
        batch.matrices[1] = vec![2.5; rows.len() * columns];
        writer.append(&batch).unwrap();
    }
    writer.finish(&qc(&header), &json!({})).unwrap();
}

/// Bytes that this thread has read.
fn bytes_read() -> u64 {
    let io = std::fs::read_to_string("/proc/thread-self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

#[test]
fn a_trait_reads_two_percent_and_a_region_little_more_than_itself() {
    let folder = tempfile::tempdir().unwrap();
    for (store, cell_bytes) in [(Store::Full, 8.0), (Store::Compact, 4.0)] {
        let path = folder.path().join(store.name());
        write(&path, store, 4096);
        let reader = ResultsReader::open(&path).unwrap();
        let matrices = 4096.0 * N_TRAITS as f64 * cell_bytes;
        let before = bytes_read();
        reader.trait_column(1234, 0..4096).unwrap();
        let share = (bytes_read() - before) as f64 / matrices;
        assert!(share > 0.0 && share <= 0.02, "{store:?}: {share}");
        // At most a chunk's rows, less one, at each end.
        let before = bytes_read();
        reader.block(1000..3100, 0..N_TRAITS).unwrap();
        let share = (bytes_read() - before) as f64 / matrices;
        assert!((2100.0 / 4096.0..=1.02).contains(&share), "{store:?}: {share}");
        let before = bytes_read();
        reader.block(1024..3072, 0..N_TRAITS).unwrap();
        let share = (bytes_read() - before) as f64 / matrices;
        assert!(share <= 0.52, "{store:?}: {share}");
    }
}

/// 20,000 variants; a megabase has some 7,000 of them. For `make bench`: cargo test --release -- --ignored.
#[test]
#[ignore = "takes a second of one core by the clock, and half a gigabyte"]
fn a_megabase_of_3000_traits_reads_in_a_second() {
    let folder = tempfile::tempdir().unwrap();
    for store in [Store::Full, Store::Compact] {
        let path = folder.path().join("r.h5");
        write(&path, store, 20_000);
        let reader = ResultsReader::open(&path).unwrap();
        let start = Instant::now();
        let (beta, _) = reader.block(6500..13_500, 0..N_TRAITS).unwrap();
        let region = start.elapsed();
        assert_eq!(beta.len(), 7000 * N_TRAITS);
        let start = Instant::now();
        reader.trait_column(1234, 0..20_000).unwrap();
        let column = start.elapsed();
        let bytes = std::fs::metadata(&path).unwrap().len() as f64 / 1e6;
        eprintln!(
            "{}: {bytes:.0} MB; 7,000 variants x 3,000 traits in {region:.2?}, one trait in {column:.2?}",
            store.name()
        );
        assert!(region.as_secs_f64() < 1.0, "{region:?}");
    }
}
