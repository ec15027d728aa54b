//! Olink NPX as Parquet.

use norna::format::proteins::{ReadOptions, read};

use super::made::*;
use super::support::need;
use super::support::places::shared_file;
use super::support::tools::Need;

/// The columns of `rows` as Parquet, two rows a row group; an empty cell is null.
#[cfg(feature = "parquet")]
fn parquet(rows: &[[&str; 5]]) -> Vec<u8> {
    parquet_with(rows, "INT32 Block")
}

#[cfg(feature = "parquet")]
fn parquet_with(rows: &[[&str; 5]], block: &str) -> Vec<u8> {
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    let schema = format!(
        "message npx {{ OPTIONAL BYTE_ARRAY SampleID (UTF8); OPTIONAL BYTE_ARRAY OlinkID (UTF8); OPTIONAL {block}; \
         OPTIONAL BYTE_ARRAY PlateID (UTF8); OPTIONAL DOUBLE NPX; }}"
    );
    let schema = std::sync::Arc::new(parquet::schema::parser::parse_message_type(&schema).unwrap());
    let compression = parquet::basic::Compression::SNAPPY;
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, std::sync::Arc::new(properties)).unwrap();
    for group in rows.chunks(2) {
        let mut columns = writer.next_row_group().unwrap();
        for i in 0..5 {
            let cells: Vec<&str> = group.iter().map(|row| row[i]).collect();
            let levels: Vec<i16> = cells.iter().map(|cell| i16::from(!cell.is_empty())).collect();
            let there = cells.iter().filter(|cell| !cell.is_empty());
            let mut column = columns.next_column().unwrap().unwrap();
            match i {
                2 => {
                    let values: Vec<i32> = there.map(|cell| cell.parse().unwrap()).collect();
                    column.typed::<Int32Type>().write_batch(&values, Some(&levels), None).unwrap();
                }
                4 => {
                    let values: Vec<f64> = there.map(|cell| cell.parse().unwrap()).collect();
                    column.typed::<DoubleType>().write_batch(&values, Some(&levels), None).unwrap();
                }
                _ => {
                    let values: Vec<ByteArray> = there.map(|cell| ByteArray::from(*cell)).collect();
                    column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
                }
            }
            column.close().unwrap();
        }
        columns.close().unwrap();
    }
    writer.into_inner().unwrap()
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_is_read_by_row_groups_with_nulls_and_survives_damage() {
    let rows = [
        ["S", "O1", "1", "P", "1.5"],
        ["T", "O1", "1", "P", ""],
        ["S", "O2", "2", "Q", "-2.25"],
        ["CONTROL", "O2", "2", "", "7"],
    ];
    let bytes = parquet(&rows);
    let table = try_read(&[&bytes], &ReadOptions::default()).unwrap();
    assert_eq!((table.n_records, table.dropped[0].1, table.measurements.len()), (4, 1, 2));
    assert_eq!((value(&table, "O1", "S", 0), value(&table, "O2", "S", 0)), (1.5, -2.25));
    assert!(value(&table, "O1", "T", 0).is_nan() && value(&table, "O2", "T", 0).is_nan());
    assert_eq!(table.panels.iter().map(|panel| panel.name.as_str()).collect::<Vec<_>>(), ["block 1", "block 2"]);
    let no_sample = parquet(&[["S", "O1", "1", "P", "1"], ["", "O1", "1", "P", "1"]]);
    assert_eq!(try_read(&[&no_sample], &ReadOptions::default()).unwrap_err(), "f0: row 2: no SampleID");
    survives(&bytes, 13);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_of_a_type_or_compression_that_is_not_read_is_named() {
    let rows = [["S", "O1", "1", "P", "1.5"]];
    let told = |bytes: &[u8]| try_read(&[bytes], &ReadOptions::default()).unwrap_err();
    let advice = "write the column as text or double, with snappy, gzip, zstd or no compression";
    let decimal = parquet_with(&rows, "INT32 Block (DECIMAL(9,2))");
    assert_eq!(told(&decimal), format!("f0: column Block: the type decimal is not read; {advice}"));
    // The codec in the metadata of a column (snappy 1, lz4 7; zigzag), before its number of values.
    let mut bytes = parquet(&rows);
    let at: Vec<usize> = (0..bytes.len() - 3).filter(|&at| bytes[at..at + 3] == [0x15, 0x02, 0x16]).collect();
    assert_eq!(at.len(), 5);
    at.iter().for_each(|&at| bytes[at + 1] = 0x0e);
    assert_eq!(told(&bytes), format!("f0: column SampleID: compression by lz4 is not read; {advice}"));
}

/// The fixture is pyarrow's, uncompressed, with checksums of pages.
#[cfg(feature = "parquet")]
#[test]
fn parquet_page_checksums_are_verified() {
    let mut bytes = include_bytes!("../fixtures/npx_page_checksums.parquet").to_vec();
    assert_eq!(try_read(&[&bytes], &ReadOptions::default()).unwrap().values, [1.25, -0.5, 3.0]);
    let at = bytes.windows(8).position(|window| window == 1.25_f64.to_le_bytes()).unwrap();
    bytes[at] ^= 1;
    let message = try_read(&[&bytes], &ReadOptions::default()).unwrap_err();
    assert!(message.contains("CRC checksum mismatch"), "{message}");
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_bytes_that_are_not_utf8_are_refused_with_row_and_column() {
    let mut bytes = parquet(&[["S", "O1", "1", "P", "1.5"], ["Tzzzzzzzz", "O1", "1", "P", "2"]]);
    let at = bytes.windows(9).position(|window| window == b"Tzzzzzzzz").unwrap();
    bytes[at] = 0xe9;
    let message = try_read(&[&bytes], &ReadOptions::default()).unwrap_err();
    assert_eq!(message, "f0: row 2: column 1 (SampleID): the text is not UTF-8; save the table as UTF-8");
}

#[cfg(feature = "parquet")]
#[test]
fn shared_parquet_file_whole_and_damaged() {
    need!(Need::SharedData);
    let path = shared_file("proteomics/npx_data_ext.parquet");
    let table = read(std::slice::from_ref(&path), &ReadOptions::default()).unwrap();
    assert_eq!((table.values.as_slice(), table.panels[0].name.as_str()), (&[0.0][..], "Explore_HT block 1"));
    assert_eq!(table.proteins[0].id, "OID42741");
    survives(&std::fs::read(path).unwrap(), 101);
}
