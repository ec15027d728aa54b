//! Small tables of each layout, read from texts.

use norna::format::proteins::{ReadOptions, read};
use norna::proteins::RawTable;
use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

pub(crate) fn try_read(texts: &[&[u8]], options: &ReadOptions) -> Result<RawTable, String> {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..texts.len()).map(|i| dir.path().join(format!("f{i}"))).collect();
    for (path, text) in paths.iter().zip(texts) {
        std::fs::write(path, text).unwrap();
    }
    read(&paths, options).map_err(|error| error.to_string().replace(&format!("{}/", dir.path().display()), ""))
}

pub(crate) fn table(text: &str) -> RawTable {
    try_read(&[text.as_bytes()], &ReadOptions::default()).unwrap()
}

pub(crate) fn error(text: &str) -> String {
    try_read(&[text.as_bytes()], &ReadOptions::default()).unwrap_err()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// (protein, sample, replicate) to value.
pub(crate) fn values(table: &RawTable) -> HashMap<(String, String, u32), f64> {
    let mut values = HashMap::new();
    for (i, protein) in table.proteins.iter().enumerate() {
        for (one, &value) in table.measurements.iter().zip(table.row(i)) {
            values.insert((protein.id.clone(), one.sample.clone(), one.replicate), value);
        }
    }
    values
}

pub(crate) fn value(table: &RawTable, protein: &str, sample: &str, replicate: u32) -> f64 {
    values(table)[&(protein.to_string(), sample.to_string(), replicate)]
}

pub(crate) fn plates_of(table: &RawTable, panel: usize) -> Vec<&str> {
    let plate = |&plate: &u32| table.plates.get(plate as usize).map_or("-", String::as_str);
    table.panels[panel].plate_of.iter().map(plate).collect()
}

pub(crate) const TARGET: &str = "\
SampleID,Index,OlinkID,UniProt,Assay,MissingFreq,Panel,Panel_Version,PlateID,QC_Warning,LOD,NPX
S1,1,OID1,P1,IL6,0.1,Inf,v1,PA,Pass,0.5,1.25
S2,2,OID1,P1,IL6,0.1,Inf,v1,PA,Warning,0.5,NA
CONTROL_1,3,OID1,P1,IL6,0.1,Inf,v1,PA,Pass,0.5,9
S1,1,OID2,P2,CRP,0.1,Cam,v1,PB,Pass,0.7,-3e-2
S2,2,OID2,P2,CRP,0.1,Cam,v1,PC,EXCLUDED,0.7,2
";

pub(crate) const HT: &str = "\
SampleID;SampleType;WellID;PlateID;DataAnalysisRefID;OlinkID;UniProt;Assay;AssayType;Panel;Block;Count;ExtNPX;NPX;\
PCNormalizedNPX;AssayQC;SampleQC
A;SAMPLE;A1;P1;D1;OID4;P1;X;assay;HT;1;10;1.5;2.5;2.25;PASS;PASS
A;SAMPLE;A1;P1;D1;OID5;P2;Y;assay;HT;2;10;1.5;3.5;3.25;WARN;WARN
A;SAMPLE;A1;P1;D1;OID6;;Z;ext_ctrl;HT;2;10;1.5;3.5;3.25;PASS;PASS
Pool;PLATE_CONTROL;B1;P1;D1;OID4;P1;X;assay;HT;1;10;1.5;2.5;2.25;PASS;PASS
Blank;NEGATIVE_CONTROL;B2;P1;D1;OID4;P1;X;assay;HT;1;10;1.5;2.5;2.25;PASS;NA
CONTROL7;SAMPLE;C1;P1;D1;OID5;P2;Y;assay;HT;2;10;1.5;7;3.25;FAIL;FAIL
";

pub(crate) fn npx(rows: &[(&str, &str, &str, &str)]) -> String {
    let mut text = "SampleID,OlinkID,Panel,PlateID,NPX\n".to_string();
    for (row, (sample, assay, panel, plate)) in rows.iter().enumerate() {
        text += &format!("{sample},{assay},{panel},{plate},{row}\n");
    }
    text
}

pub(crate) const ADAT: &str = "!Checksum\tabc
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

/// Every prefix, and every byte changed: a table or one line, never a panic.
pub(crate) fn survives(bytes: &[u8], step: usize) {
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
