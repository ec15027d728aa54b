//! Laboratories' files into one raw table: every layout from small texts, the shared examples value by value, damaged files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use norna::format::proteins::{Orientation, ReadOptions, read};
use norna::proteins::{Qc, RawTable, Scale, TableLayout, flag};
use support::need;
use support::places::shared_file;
use support::tools::Need;

fn try_read(texts: &[&[u8]], options: &ReadOptions) -> Result<RawTable, String> {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..texts.len()).map(|i| dir.path().join(format!("f{i}"))).collect();
    for (path, text) in paths.iter().zip(texts) {
        std::fs::write(path, text).unwrap();
    }
    read(&paths, options).map_err(|error| error.to_string().replace(&format!("{}/", dir.path().display()), ""))
}

fn table(text: &str) -> RawTable {
    try_read(&[text.as_bytes()], &ReadOptions::default()).unwrap()
}

fn error(text: &str) -> String {
    try_read(&[text.as_bytes()], &ReadOptions::default()).unwrap_err()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// (protein, sample, replicate) to value.
fn values(table: &RawTable) -> HashMap<(String, String, u32), f64> {
    let mut values = HashMap::new();
    for (i, protein) in table.proteins.iter().enumerate() {
        for (one, &value) in table.measurements.iter().zip(table.row(i)) {
            values.insert((protein.id.clone(), one.sample.clone(), one.replicate), value);
        }
    }
    values
}

fn value(table: &RawTable, protein: &str, sample: &str, replicate: u32) -> f64 {
    values(table)[&(protein.to_string(), sample.to_string(), replicate)]
}

fn plates_of(table: &RawTable, panel: usize) -> Vec<&str> {
    let plate = |&plate: &u32| table.plates.get(plate as usize).map_or("-", String::as_str);
    table.panels[panel].plate_of.iter().map(plate).collect()
}

const TARGET: &str = "\
SampleID,Index,OlinkID,UniProt,Assay,MissingFreq,Panel,Panel_Version,PlateID,QC_Warning,LOD,NPX
S1,1,OID1,P1,IL6,0.1,Inf,v1,PA,Pass,0.5,1.25
S2,2,OID1,P1,IL6,0.1,Inf,v1,PA,Warning,0.5,NA
CONTROL_1,3,OID1,P1,IL6,0.1,Inf,v1,PA,Pass,0.5,9
S1,1,OID2,P2,CRP,0.1,Cam,v1,PB,Pass,0.7,-3e-2
S2,2,OID2,P2,CRP,0.1,Cam,v1,PC,EXCLUDED,0.7,2
";

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

const HT: &str = "\
SampleID;SampleType;WellID;PlateID;DataAnalysisRefID;OlinkID;UniProt;Assay;AssayType;Panel;Block;Count;ExtNPX;NPX;\
PCNormalizedNPX;AssayQC;SampleQC
A;SAMPLE;A1;P1;D1;OID4;P1;X;assay;HT;1;10;1.5;2.5;2.25;PASS;PASS
A;SAMPLE;A1;P1;D1;OID5;P2;Y;assay;HT;2;10;1.5;3.5;3.25;WARN;WARN
A;SAMPLE;A1;P1;D1;OID6;;Z;ext_ctrl;HT;2;10;1.5;3.5;3.25;PASS;PASS
Pool;PLATE_CONTROL;B1;P1;D1;OID4;P1;X;assay;HT;1;10;1.5;2.5;2.25;PASS;PASS
Blank;NEGATIVE_CONTROL;B2;P1;D1;OID4;P1;X;assay;HT;1;10;1.5;2.5;2.25;PASS;NA
CONTROL7;SAMPLE;C1;P1;D1;OID5;P2;Y;assay;HT;2;10;1.5;7;3.25;FAIL;FAIL
";

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

fn npx(rows: &[(&str, &str, &str, &str)]) -> String {
    let mut text = "SampleID,OlinkID,Panel,PlateID,NPX\n".to_string();
    for (row, (sample, assay, panel, plate)) in rows.iter().enumerate() {
        text += &format!("{sample},{assay},{panel},{plate},{row}\n");
    }
    text
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

const ADAT: &str = "!Checksum\tabc
^HEADER
!Version\t1.2
^TABLE_BEGIN
\t\t\t\t\tSeqId\t1-2\t3-4\t5-6\t7-8
\t\t\t\t\tEntrezGeneSymbol\tIL6\tA B\tM\tC
\t\t\t\t\tUniProt\tP1\tP2 P3\tP4\tP5
\t\t\t\t\tOrganism\tHuman\tHuman\tMouse\tHuman
\t\t\t\t\tType\tProtein\tProtein\tProtein\tHybridization Control Elution
\t\t\t\t\tColCheck\tPASS\tFLAG\tPASS\tPASS
PlateId\tSlideId\tSampleId\tSampleType\tRowCheck\t\t\t\t\t
Set1\t25\tS1\tSample\tPASS\t\t476.5\t310.1\t1\t2
Set1\t25\t170261\tCalibrator\tPASS\t\t1\t1\t1\t1
Set2\t26\tS2\tSample\tFLAG\t\t10\t20\t1\t2
Set2\t26\tS2\tSample\tPASS\t\t11\t21\t1\t2
";

#[test]
fn adat_keeps_human_proteins_of_samples() {
    let table = table(ADAT);
    assert_eq!((table.layout, table.scale, table.n_records), (TableLayout::Adat, Scale::Linear, 4));
    assert_eq!(table.proteins.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["1-2", "3-4"]);
    assert_eq!((table.proteins[1].name.as_str(), table.proteins[1].uniprot.as_str()), ("A;B", "P2;P3"));
    assert_eq!((table.proteins[0].qc, table.proteins[1].qc), (Qc::Pass, Qc::Warn));
    assert_eq!(table.values, [476.5, 10.0, 11.0, 310.1, 20.0, 21.0]);
    assert_eq!(table.measurements.iter().map(|m| m.qc).collect::<Vec<_>>(), [Qc::Pass, Qc::Warn, Qc::Pass]);
    assert_eq!(table.measurements[2].replicate, 1);
    assert_eq!(
        (plates_of(&table, 0), &table.measurements[0].batches[0]),
        (vec!["Set1", "Set2", "Set2"], &"25".to_string())
    );
    assert_eq!(table.dropped[0].1, 1);
    assert!(table.messages[1].contains("1 are no protein's and 1 are of other species"), "{:?}", table.messages);
    assert!(error(&ADAT.replace("^TABLE_BEGIN", "^TABLE")).contains("no line ^TABLE_BEGIN"));
    assert!(error(&ADAT.replace("310.1", "x10.1")).contains("line 12: column 8: text of the shape 'a99.9'"));
    assert!(error(&ADAT.replace("SampleId", "Person")).contains("no column SampleId; say --sample-column"));
    assert!(error(&ADAT.replace("\tS1\t", "\t\t")).contains("a sample has no SampleId"));
}

#[test]
fn diann_matrix_and_report() {
    let matrix = "Protein.Group\tProtein.Ids\tProtein.Names\tGenes\tFirst.Protein.Description\tD:\\x\\S1.raw\t/d/S2.mzML\n\
                  P1\tP1;P2\tA_H\tG1\td\t10\t\nP3\tP3\tB_H\tG2\td\t0\t5\n";
    let table = table(matrix);
    assert_eq!(table.layout, TableLayout::DiannMatrix);
    assert_eq!(table.measurements.iter().map(|m| m.sample.as_str()).collect::<Vec<_>>(), ["S1", "S2"]);
    assert_eq!((value(&table, "P1", "S1", 0), value(&table, "P3", "S2", 0)), (10.0, 5.0));
    assert!(value(&table, "P1", "S2", 0).is_nan() && value(&table, "P3", "S1", 0).is_nan());
    assert_eq!((table.proteins[0].uniprot.as_str(), table.proteins[0].name.as_str()), ("P1;P2", "G1"));

    let report = "Run\tProtein.Group\tProtein.Ids\tGenes\tPG.Quantity\tPG.MaxLFQ\tPrecursor.Id\tQ.Value\tPG.Q.Value\n\
                  S1\tP1\tP1\tG1\t7\t10\ta\t0.001\t0.001\nS1\tP1\tP1\tG1\t7\t10\tb\t0.001\t0.001\n\
                  S1\tP1\tP1\tG1\t7\t99\tc\t0.02\t0.001\nS2\tP1\tP1\tG1\t7\t20\ta\t0.01\t0.01\n\
                  S2\tP2\tP2\tG2\t7\t30\ta\t0.001\t0.5\n";
    let table = try_read(&[report.as_bytes()], &ReadOptions::default()).unwrap();
    assert_eq!(
        (table.layout, table.values.as_slice(), table.n_records),
        (TableLayout::DiannReport, &[10.0, 20.0][..], 5)
    );
    assert_eq!(table.dropped.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [2, 1]);
    let options = ReadOptions { max_q_value: 1.0, ..ReadOptions::default() };
    let message = try_read(&[report.as_bytes()], &options).unwrap_err();
    assert!(message.starts_with("f0: line 4: the protein group has another value than on an earlier row"), "{message}");
}

#[test]
fn maxquant_with_blanks_or_points_prefers_lfq_and_drops_marks() {
    let text = "Protein IDs\tMajority protein IDs\tGene names\tIntensity\tIntensity S 1\tLFQ intensity S 1\tLFQ intensity S2\t\
                Only identified by site\tReverse\tPotential contaminant\n\
                P1;P2\tP1\tG1\t9\t9\t100\t0\t\t\t\nREV__P3\tREV__P3\t\t9\t9\t1\t1\t\t+\t\nCON__P4\tCON__P4\t\t9\t9\t1\t1\t\t\t+\n\
                P5\tP5\t\t9\t9\t1\t1\t+\t\t\n";
    for (text, sample) in [(text.to_string(), "S 1"), (text.replacen(' ', ".", 16), "S.1")] {
        let table = table(&text);
        assert_eq!((table.layout, table.scale, table.n_records), (TableLayout::MaxQuant, Scale::Linear, 4));
        assert_eq!(value(&table, "P1", sample, 0), 100.0);
        assert!(value(&table, "P1", "S2", 0).is_nan());
        assert_eq!(table.dropped.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [1, 1, 1]);
    }
    let options = ReadOptions { value_column: Some("Intensity".into()), ..ReadOptions::default() };
    let table = try_read(&[text.as_bytes()], &options).unwrap();
    assert_eq!((table.measurements.len(), table.values[0]), (1, 9.0));
}

#[test]
fn matrices_lie_either_way_and_are_refused_where_it_cannot_be_told() {
    let by_sample = table("SampleID,A,B\ns1,1,2\ns2,NA,4\n");
    let by_protein = table("protein\ts1\ts2\nA\t1\t\nB\t2\t4\n");
    let with_fid = table("#FID IID A B\nf s1 1 2\nf s2 nan 4\n");
    for table in [&by_sample, &by_protein, &with_fid] {
        assert_eq!((table.layout, table.proteins[1].id.as_str()), (TableLayout::Wide, "B"));
        assert_eq!((value(table, "A", "s1", 0), value(table, "B", "s2", 0)), (1.0, 4.0));
        assert!(value(table, "A", "s2", 0).is_nan());
    }
    let text = b"x,A,B\ns1,1,2\n";
    let message = try_read(&[text], &ReadOptions::default()).unwrap_err();
    for told in
        ["no layout recognised", "Olink NPX, long (there: none; missing: SampleID, OlinkID, NPX)", "--samples-in rows"]
    {
        assert!(message.contains(told), "{message}");
    }
    let options = ReadOptions { orientation: Some(Orientation::SamplesInRows), ..ReadOptions::default() };
    assert_eq!(try_read(&[text], &options).unwrap().values, [1.0, 2.0]);
    let twice = error("protein\ts1\nSENTINEL\t1\nSENTINEL\t2\n");
    assert_eq!(twice, "f0: line 3: the same protein as on line 2; rename or remove one");
    let twice = error("IID\tS_1\tS_1\nA\t1\t2\n");
    assert_eq!(twice, "f0: line 1: column 3: the same protein as in column 2; rename or remove one");
    let message = error("protein\tHG00096\nA\tHG00097\n");
    assert!(message.contains("line 2: column 2: ") && !message.contains("HG"), "{message}");
}

#[test]
fn files_of_batches_by_panels_are_one_measurement_a_sample_whatever_their_order() {
    let adat = |proteins: [&str; 2], samples: [&str; 2], plate: &str| {
        let [a, b] = proteins;
        let [s, t] = samples;
        format!(
            "!Checksum\tx\n^TABLE_BEGIN\n\t\tSeqId\t{a}\t{b}\nPlateId\tSampleId\t\t\t\n{plate}\t{s}\t\t1\t2\n{plate}\t{t}\t\t3\t4\n"
        )
    };
    let (a, b, one, two) = (["a1", "a2"], ["b1", "b2"], ["s1", "s2"], ["s3", "s4"]);
    let files = [adat(a, one, "P1"), adat(b, one, "P2"), adat(a, two, "P3"), adat(b, two, "P4")];
    for order in [[0, 1, 2, 3], [0, 2, 1, 3], [3, 0, 1, 2], [0, 3, 2, 1], [2, 1, 0, 3]] {
        let texts: Vec<&[u8]> = order.iter().map(|&i: &usize| files[i].as_bytes()).collect();
        let table = try_read(&texts, &ReadOptions::default()).unwrap();
        assert_eq!((table.measurements.len(), table.panels.len()), (4, 2), "{order:?}");
        assert!(table.measurements.iter().all(|one| one.replicate == 0) && table.values.iter().all(|v| !v.is_nan()));
        assert_eq!((value(&table, "a1", "s2", 0), value(&table, "b2", "s4", 0)), (3.0, 4.0));
        let panel = table.proteins.iter().find(|protein| protein.id == "b1").unwrap().panel as usize;
        let plates: HashMap<&str, &str> =
            table.measurements.iter().map(|one| one.sample.as_str()).zip(plates_of(&table, panel)).collect();
        assert_eq!((plates["s1"], plates["s3"]), ("P2", "P4"), "{order:?}");
    }
    // Bridged on panel a alone: the further measurement is on no plate of b.
    let bridged = [adat(a, one, "P1"), adat(b, one, "P2"), adat(a, ["s1", "s3"], "P3")];
    let texts: Vec<&[u8]> = bridged.iter().map(String::as_bytes).collect();
    let table = try_read(&texts, &ReadOptions::default()).unwrap();
    let got: Vec<(&str, u32)> = table.measurements.iter().map(|m| (m.sample.as_str(), m.replicate)).collect();
    assert_eq!(got, [("s1", 0), ("s2", 0), ("s1", 1), ("s3", 0)]);
    assert_eq!(
        (plates_of(&table, 0), plates_of(&table, 1)),
        (vec!["P1", "P1", "P3", "P3"], vec!["P2", "P2", "-", "-"])
    );
}

#[test]
fn a_measurement_without_a_value_on_a_panel_is_on_no_plate_of_it() {
    let table = table(&npx(&[("S", "a", "A", "1"), ("T", "a", "A", "1")]).replace(",1,1\n", ",1,NA\n"));
    assert_eq!(plates_of(&table, 0), ["1", "-"]);
}

#[test]
fn files_that_are_no_tables_are_named() {
    for (bytes, told) in [
        (&b"\x89HDF\r\n\x1a\nxxxx"[..], "f0: no table but HDF5"),
        (b"PK\x05\x06xxxx", "f0: no table but an empty zip"),
        (b"ARROW1\0\0", "f0: no table but Arrow or Feather"),
    ] {
        let message = try_read(&[bytes], &ReadOptions::default()).unwrap_err();
        assert!(message.starts_with(told), "{message}");
        let packed = try_read(&[&gzip(bytes)], &ReadOptions::default()).unwrap_err();
        assert!(packed.starts_with(&told.replace("but ", "but gzip of ")), "{packed}");
    }
}

#[test]
fn a_file_given_twice_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let paths = [dir.path().join("a"), dir.path().join("b")];
    std::fs::write(&paths[0], TARGET).unwrap();
    std::fs::hard_link(&paths[0], &paths[1]).unwrap();
    let message = read(&paths, &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.ends_with("/b: the same file as input 1; name it once"), "{message}");
}

#[test]
fn a_text_without_its_last_line_end_is_warned_of() {
    assert!(table(TARGET).warnings.iter().all(|warning| !warning.contains("line end")));
    let cut = table(TARGET.trim_end());
    assert!(cut.warnings.iter().any(|warning| warning.ends_with("the last line has no line end: is the file whole?")));
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

#[test]
fn rows_without_q_values_and_ids_of_contaminants_are_counted_and_idle_flags_told() {
    let report = "Run\tProtein.Group\tPG.MaxLFQ\tQ.Value\nS1\tP1\t10\tNA\nS1\tP2\t10\t0.001\n";
    let table = self::table(report);
    assert!(table.messages.iter().any(|m| m.ends_with("1 precursor rows lack Q.Value or PG.Q.Value: kept")));
    let quant = "Majority protein IDs\tLFQ intensity A\tReverse\nP1\t5\t\nCON__P2;P1\t6\t\nREV__P3\t7\t\n";
    let table = self::table(quant);
    assert_eq!((table.proteins.len(), table.dropped.iter().map(|(_, n)| *n).collect::<Vec<_>>()), (1, vec![1, 1]));
    let options = ReadOptions { max_q_value: 0.05, ..ReadOptions::default() };
    let table = try_read(&[TARGET.as_bytes()], &options).unwrap();
    assert!(table.messages.iter().any(|m| m == "--max-q-value does nothing for files of this layout"));
}

#[test]
fn files_of_other_chromosomes_join_and_layouts_do_not_mix() {
    let bed = |chrom: u8, id: &str| format!("#chr\tstart\tend\tid\ts1\ts2\n{chrom}\t1\t2\t{id}\t1\t2\n");
    let joined = try_read(&[bed(1, "A").as_bytes(), bed(2, "B").as_bytes()], &ReadOptions::default()).unwrap();
    assert_eq!((joined.measurements.len(), joined.values.as_slice()), (2, &[1.0, 2.0, 1.0, 2.0][..]));
    let again = try_read(&[bed(1, "A").as_bytes(), bed(1, "A").as_bytes()], &ReadOptions::default()).unwrap();
    assert_eq!(again.measurements.iter().map(|m| m.replicate).collect::<Vec<_>>(), [0, 0, 1, 1]);
    let mixed = try_read(&[bed(1, "A").as_bytes(), b"protein\ts1\nA\t1\n"], &ReadOptions::default()).unwrap_err();
    assert!(mixed.contains("f1: its layout or scale is another"), "{mixed}");
}

/// Every prefix, and every byte changed: a table or one line, never a panic.
fn survives(bytes: &[u8], step: usize) {
    let options = ReadOptions::default();
    let check = |bytes: &[u8]| match try_read(&[bytes], &options) {
        Ok(table) => assert_eq!(table.values.len(), table.proteins.len() * table.measurements.len()),
        Err(message) => assert!(message.starts_with("f0") && !message.contains('\n'), "{message}"),
    };
    for len in (0..bytes.len()).step_by(step) {
        check(&bytes[..len]);
    }
    for at in (0..bytes.len()).step_by(step) {
        for to in [b',', b'"', b'\n', 0, 0xff, bytes[at] ^ 0x10] {
            let mut bytes = bytes.to_vec();
            bytes[at] = to;
            check(&bytes);
        }
    }
}

#[test]
fn damaged_texts_are_told_in_one_line() {
    let diann = "Run\tProtein.Group\tPG.MaxLFQ\tQ.Value\nS1\tP1\t10\t0.001\nS1\tP1\t10\t0.001\n";
    let quant = "Majority protein IDs\tLFQ intensity A\tReverse\nP1\t5\t\nP2\t6\t+\n";
    let bed = "#chr\tstart\tend\tid\tgid\tstrand\ts1\n1\t1\t2\tA\tG\t+\t5\n";
    for text in [TARGET, HT, ADAT, diann, quant, bed, "protein\ts1\nA\t1\n"] {
        survives(text.as_bytes(), 7);
    }
    survives(&gzip(TARGET.as_bytes()), 11);
}

/// Every value of the shared long file, split by hand.
#[test]
fn shared_npx_file_value_by_value() {
    need!(Need::SharedData);
    let path = shared_file("proteomics/npx_data1.long.csv.gz");
    let table = read(std::slice::from_ref(&path), &ReadOptions::default()).unwrap();
    let mut text = String::new();
    let mut file = flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap());
    std::io::Read::read_to_string(&mut file, &mut text).unwrap();
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let at = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let (sample, assay, npx) = (at("SampleID"), at("OlinkID"), at("NPX"));
    let got = values(&table);
    let (mut n_kept, mut n_controls) = (0, 0);
    for line in lines {
        if line[sample].contains("CONTROL") {
            n_controls += 1;
            continue;
        }
        let want: f64 = line[npx].parse().unwrap();
        assert_eq!(got[&(line[assay].to_string(), line[sample].to_string(), 0)].to_bits(), want.to_bits());
        n_kept += 1;
    }
    assert_eq!((n_kept, got.len()), (28_704, 28_704));
    assert_eq!((n_controls, table.dropped[0].1, table.n_records), (736, 736, 29_440));
    assert_eq!((table.panels.len(), table.plates.len()), (2, 4));
}

#[test]
fn shared_files_of_other_laboratories() {
    need!(Need::SharedData);
    let open = |name: &str| read(&[shared_file(name)], &ReadOptions::default()).unwrap();
    let adat = open("proteomics/example_data10.adat");
    assert_eq!((adat.layout, adat.proteins.len(), adat.measurements.len()), (TableLayout::Adat, 4979, 9));
    assert_eq!((adat.row(0)[0], adat.proteins[0].uniprot.as_str()), (476.5, "P43320"));
    let quant = open("proteomics/maxquant_proteinGroups.txt");
    assert_eq!((quant.layout, quant.proteins.len(), quant.measurements.len()), (TableLayout::MaxQuant, 120, 36));
    let diann = open("proteomics/diann_input.tsv");
    assert_eq!((diann.layout, diann.proteins.len(), diann.measurements.len()), (TableLayout::DiannReport, 20, 3));
    assert_eq!(value(&diann, "P00890", "pre_qc_3", 0), 2726.24);
    let bed = open("geuvadis/genes.50percent.chr22.bed.gz");
    assert_eq!((bed.layout, bed.proteins.len(), bed.measurements.len()), (TableLayout::Bed, 608, 358));
}

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
    let mut bytes = include_bytes!("fixtures/npx_page_checksums.parquet").to_vec();
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
