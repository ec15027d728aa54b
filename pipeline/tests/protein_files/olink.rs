//! Olink NPX as CSV.

use norna::format::proteins::ReadOptions;
use norna::proteins::{Scale, TableLayout, flag};

use super::made::*;

#[test]
fn olink_target_with_every_delimiter_quote_and_line_end() {
    let semicolons = TARGET.replace(',', ";");
    let quoted: String = TARGET.lines().map(|l| format!("\"{}\"\n", l.replace(',', "\",\""))).collect();
    let windows = format!("\u{feff}{}", TARGET.replace('\n', "\r\n"));
    let tabs = TARGET.replace(',', "\t");
    let plain: Vec<Vec<u8>> =
        [TARGET, &semicolons, &quoted, &windows, &tabs].iter().map(|text| text.as_bytes().to_vec()).collect();
    for bytes in plain.iter().cloned().chain([gzip(TARGET.as_bytes())]) {
        let table = try_read(&[&bytes], &ReadOptions::default()).unwrap();
        assert_eq!((table.layout, table.scale, table.n_records), (TableLayout::OlinkLong, Scale::Log2, 5));
        assert_eq!(table.measurements.iter().map(|m| m.sample.as_str()).collect::<Vec<_>>(), ["S1", "S2"]);
        assert_eq!((value(&table, "OID1", "S1", 0), value(&table, "OID2", "S1", 0)), (1.25, -0.03));
        assert!(value(&table, "OID1", "S2", 0).is_nan());
        assert_eq!(table.lod.as_ref().unwrap(), &[0.5, 0.5, 0.7, 0.7]);
        assert_eq!(table.flags.as_ref().unwrap(), &[0, flag::SAMPLE_WARN, 0, flag::SAMPLE_FAIL]);
        assert_eq!((plates_of(&table, 0), plates_of(&table, 1)), (vec!["PA", "-"], vec!["PB", "PC"]));
        assert_eq!(table.dropped.iter().map(|(_, n)| n).sum::<u64>(), 1);
        let crp = &table.proteins[1];
        assert_eq!((crp.name.as_str(), crp.uniprot.as_str(), table.panels[1].name.as_str()), ("CRP", "P2", "Cam"));
    }
}

#[test]
fn olink_ht_has_blocks_and_types_and_no_lod() {
    let table = table(HT);
    assert!(table.lod.is_none());
    let names: Vec<&str> = table.panels.iter().map(|panel| panel.name.as_str()).collect();
    assert_eq!(names, ["HT block 1", "HT block 2"]);
    assert_eq!((value(&table, "OID4", "A", 0), value(&table, "OID5", "CONTROL7", 0)), (2.5, 7.0));
    let flags = table.flags.unwrap();
    assert_eq!(flags, [0, 0, flag::SAMPLE_WARN | flag::ASSAY_WARN, flag::SAMPLE_FAIL | flag::ASSAY_FAIL]);
    assert_eq!(table.dropped.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [2, 1]);
    let options = ReadOptions { value_column: Some("PCNormalizedNPX".into()), ..ReadOptions::default() };
    let other = try_read(&[HT.as_bytes()], &options).unwrap();
    assert_eq!(value(&other, "OID4", "A", 0), 2.25);
    let options = ReadOptions { value_column: Some("XNPX".into()), ..ReadOptions::default() };
    assert_eq!(
        try_read(&[HT.as_bytes()], &options).unwrap_err(),
        "f0: --value-column XNPX: the header has no such column"
    );
}

#[test]
fn text_that_is_not_utf8_is_refused_with_its_column() {
    let told = |text: &str, from: &str, to: &[u8]| {
        let at = text.find(from).unwrap();
        let bytes = [&text.as_bytes()[..at], to, &text.as_bytes()[at + from.len()..]].concat();
        try_read(&[&bytes], &ReadOptions::default()).unwrap_err()
    };
    let save = "the text is not UTF-8; save the table as UTF-8";
    assert_eq!(told(TARGET, "S2,2,OID1", b"S\xe9,2,OID1"), format!("f0: line 3: column 1 (SampleID): {save}"));
    assert_eq!(told(TARGET, "PC,EXCLUDED", b"P\xe9,EXCLUDED"), format!("f0: line 6: column 9 (PlateID): {save}"));
    assert_eq!(told(TARGET, "CRP", b"C\xe9"), format!("f0: line 5: column 5 (Assay): {save}"));
    assert_eq!(told(ADAT, "\tS1\t", b"\tS\xe9\t"), format!("f0: line 12: column 3 (SampleId): {save}"));
    let report = "Run\tProtein.Group\tPG.MaxLFQ\tQ.Value\nS1\tP1\t10\t0.001\n";
    assert_eq!(told(report, "S1", b"S\xe9"), format!("f0: line 2: column 1 (Run): {save}"));
    let quant = "Majority protein IDs\tLFQ intensity A\nP1\t5\n";
    assert_eq!(told(quant, "P1", b"P\xe9"), format!("f0: line 2: column 1 (Majority protein IDs): {save}"));
    let bed = "#chr\tstart\tend\tid\ts1\n1\t1\t2\tABC\t5\n";
    assert_eq!(told(bed, "ABC", b"A\xe9"), format!("f0: line 2: column 4: {save}"));
}

#[test]
fn limits_of_detection_are_those_of_the_values_scale() {
    let text = "SampleID,OlinkID,NPX,PCNormalizedNPX,Count,LOD,PCNormalizedLOD\nS,O,1,2,3,0.5,0.25\n";
    for (column, lod, told) in
        [("NPX", Some(0.5), false), ("PCNormalizedNPX", Some(0.25), false), ("Count", None, true)]
    {
        let options = ReadOptions { value_column: Some(column.into()), ..ReadOptions::default() };
        let table = try_read(&[text.as_bytes()], &options).unwrap();
        assert_eq!(table.lod.map(|lod| lod[0]), lod, "{column}");
        assert_eq!(table.messages.iter().any(|m| m.contains("no limit of detection is used")), told, "{column}");
    }
    let options = ReadOptions { value_column: Some("PCNormalizedNPX".into()), ..ReadOptions::default() };
    let table = try_read(&[text.replace("PCNormalizedLOD", "MaxLOD").as_bytes()], &options).unwrap();
    assert!(
        table.lod.is_none() && table.messages[1].contains("LOD, MaxLOD is on another scale"),
        "{:?}",
        table.messages
    );
}

#[test]
fn a_study_of_cases_and_controls_is_warned_of_and_kept_when_asked() {
    let rows: Vec<(String, &str, &str, &str)> =
        (0..20).map(|i| (format!("{}_{i}", if i < 10 { "CASE" } else { "CTRL" }), "a", "A", "1")).collect();
    let rows: Vec<(&str, &str, &str, &str)> = rows.iter().map(|row| (row.0.as_str(), row.1, row.2, row.3)).collect();
    let text = npx(&rows);
    let few = table(&text);
    assert_eq!((few.measurements.len(), few.dropped[0].1, few.warnings.len()), (10, 10, 1));
    assert!(few.warnings[0].starts_with("10 of 20 sample IDs") && few.warnings[0].contains("--keep-controls"));
    let options = ReadOptions { keep_controls: true, ..ReadOptions::default() };
    let all = try_read(&[text.as_bytes()], &options).unwrap();
    assert_eq!((all.measurements.len(), all.dropped.len(), all.warnings.len()), (20, 0, 0));
    let words = npx(&[("Uncontrolled", "a", "A", "1"), ("HIVNEG1", "a", "A", "1")]);
    assert_eq!(table(&words).measurements.len(), 2);
}

#[test]
fn olink_repeats_are_measurements_by_plate_however_the_rows_lie() {
    // S on plate 1 and 2 of panel A, and on plate 3 alone of panel B; the plates of A interleave.
    let table = table(&npx(&[
        ("S", "a1", "A", "1"),
        ("S", "a1", "A", "2"),
        ("S", "b1", "B", "3"),
        ("S", "a2", "A", "2"),
        ("S", "a2", "A", "1"),
        ("T", "a1", "A", "2"),
    ]));
    let got: Vec<(&str, u32)> = table.measurements.iter().map(|m| (m.sample.as_str(), m.replicate)).collect();
    assert_eq!(got, [("S", 0), ("S", 1), ("T", 0)]);
    assert_eq!((plates_of(&table, 0), plates_of(&table, 1)), (vec!["1", "2", "2"], vec!["3", "-", "-"]));
    assert_eq!((value(&table, "a1", "S", 0), value(&table, "a2", "S", 0)), (0.0, 4.0));
    assert_eq!((value(&table, "a1", "S", 1), value(&table, "a2", "S", 1)), (1.0, 3.0));
    assert!(value(&table, "b1", "S", 1).is_nan() && value(&table, "b1", "S", 0) == 2.0);
}

#[test]
fn olink_repeats_without_a_plate_keep_the_order_of_the_file_and_are_told() {
    let table = table(&npx(&[("S", "a", "A", ""), ("S", "a", "A", ""), ("S", "b", "A", ""), ("S", "b", "A", "")]));
    assert_eq!(table.measurements.len(), 2);
    assert_eq!((value(&table, "a", "S", 1), value(&table, "b", "S", 1)), (1.0, 3.0));
    assert!(table.messages.iter().any(|m| m.starts_with("2 rows repeat a sample and assay")), "{:?}", table.messages);
    let far: Vec<(&str, &str, &str, &str)> = vec![("S", "a", "A", ""); 1100];
    assert!(error(&npx(&far)).contains("is SampleID the right column"));
}

#[test]
fn olink_keys_that_are_no_keys_do_not_fill_the_memory() {
    let rows = (0..20_000).map(|i| format!("s{i},o{i},A,P,1\n")).collect::<String>();
    let message = error(&format!("SampleID,OlinkID,Panel,PlateID,NPX\n{rows}"));
    assert!(message.contains("are the columns of samples and proteins the right ones"), "{message}");
    assert_eq!(
        error(&npx(&[("NEG 1", "a", "A", "1")])),
        "f0: all 1 rows are of controls by their IDs; --keep-controls keeps them"
    );
}

#[test]
fn olink_files_of_panels_join_and_files_of_one_panel_add_measurements() {
    let (a, b) =
        (npx(&[("S", "a", "A", "1"), ("T", "a", "A", "1")]), npx(&[("T", "b", "B", "9"), ("S", "b", "B", "9")]));
    let joined = try_read(&[a.as_bytes(), b.as_bytes()], &ReadOptions::default()).unwrap();
    assert_eq!((joined.proteins.len(), joined.measurements.len(), joined.n_records), (2, 2, 4));
    assert_eq!(value(&joined, "b", "S", 0), 1.0);
    let again = try_read(&[a.as_bytes(), a.as_bytes()], &ReadOptions::default()).unwrap();
    assert_eq!(
        again.measurements.iter().map(|m| (m.file, m.replicate)).collect::<Vec<_>>(),
        [(0, 0), (1, 1), (0, 0), (1, 1)]
    );
}

#[test]
fn olink_errors_name_line_and_column_and_no_sample() {
    let wrong = |from: &str, to: &str| error(&TARGET.replacen(from, to, 1));
    assert_eq!(
        wrong("1.25", "1.2x"),
        "f0: line 2: value: text of the shape '9.9a' is not a number; write NA for a missing value"
    );
    assert!(
        error(&TARGET.replace(',', ";").replace("1.25", "1,25")).contains("line 2: value: '1,25' has a decimal comma")
    );
    assert_eq!(wrong("S2,2,OID1", ",2,OID1"), "f0: line 3: no SampleID");
    assert_eq!(wrong("S1,1,OID1", "S1,1,"), "f0: line 2: no OlinkID");
    assert!(wrong("Pass,0.5", "Pass,inf").contains("line 2: LOD: the value is infinite"));
    assert!(wrong(",1.25", "").contains("line 2: 11 cells where the header has 12"));
    assert!(wrong("Assay,MissingFreq", "NPX,MissingFreq").contains("columns 5 and 12 are both NPX"));
    assert!(
        wrong("SampleID,Index", "Person,Index")
            .contains("no column SampleID; an Olink table has SampleID, OlinkID and NPX")
    );
    assert!(error("SampleID,OlinkID,NPX\n").ends_with("has a header and no rows"));
}

#[test]
fn a_measurement_without_a_value_on_a_panel_is_on_no_plate_of_it() {
    let table = table(&npx(&[("S", "a", "A", "1"), ("T", "a", "A", "1")]).replace(",1,1\n", ",1,NA\n"));
    assert_eq!(plates_of(&table, 0), ["1", "-"]);
}

#[test]
fn blanks_within_quotes_make_no_further_sample() {
    let text = "SampleID,OlinkID,Panel,PlateID,NPX\n\" S1\",a,A,1,1\nS1,b,A,1,2\n";
    assert_eq!(table(text).measurements.len(), 1);
}

#[test]
fn a_long_file_without_olink_ids_is_no_matrix() {
    let message = error("SampleID,Assay,NPX\nS1,IL6,1\n");
    assert!(message.contains("Olink NPX, long (there: SampleID, NPX; missing: OlinkID)"), "{message}");
}
