//! What is no table, damaged texts, and the shared examples value by value.

use norna::format::proteins::{ReadOptions, read};
use norna::proteins::TableLayout;

use super::made::*;
use super::support::need;
use super::support::places::shared_file;
use super::support::tools::Need;

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
