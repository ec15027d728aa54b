//! Whole cohorts from files: every rule of docs/tables.md, and every message for bad input.

use std::io::Write;
use std::path::PathBuf;

use super::*;

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn add(&self, name: &str, text: &str) -> PathBuf {
        self.add_bytes(name, text.as_bytes())
    }

    fn add_bytes(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// An error or message without the folder.
    fn strip(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

fn ids(list: &str) -> Vec<String> {
    list.split(' ').map(str::to_string).collect()
}

fn names(columns: &[Column]) -> Vec<&str> {
    columns.iter().map(|column| column.name.as_str()).collect()
}

/// Loads one table of traits for samples a b c d.
fn pheno(text: &str) -> Result<(Cohort, Vec<String>), String> {
    pheno_with(text, "a b c d", |_| {})
}

fn pheno_with(
    text: &str,
    samples: &str,
    change: impl Fn(&mut CohortConfig),
) -> Result<(Cohort, Vec<String>), String> {
    let files = Files::new();
    let mut config = CohortConfig { pheno: vec![files.add("p.txt", text)], ..Default::default() };
    change(&mut config);
    match Cohort::load(&config, &ids(samples)) {
        Ok(cohort) => {
            assert!(cohort.ledger.adds_up());
            let messages = cohort.messages.iter().map(|message| files.strip(message)).collect();
            Ok((cohort, messages))
        }
        Err(error) => {
            let text = files.strip(&error.to_string());
            assert!(!text.contains('\n'));
            Err(text)
        }
    }
}

fn assert_values(values: &[f64], expected: &[f64]) {
    assert_eq!(values.len(), expected.len());
    for (value, expected) in values.iter().zip(expected) {
        assert!(value == expected || value.is_nan() && expected.is_nan(), "{values:?}");
    }
}

const NAN: f64 = f64::NAN;

#[test]
fn rows_in_any_order_come_out_in_the_genotype_order() {
    let (cohort, _) = pheno("IID\tx\ty\nd\t4\tNA\nb\t2\t20\nzz\t9\t9\na\t1\t10\n").unwrap();
    assert_eq!(cohort.analysed, [0, 1, 2, 3]);
    assert_eq!(names(&cohort.traits), ["x", "y"]);
    assert_values(&cohort.traits[0].values, &[1.0, 2.0, NAN, 4.0]);
    assert_values(&cohort.traits[1].values, &[10.0, 20.0, NAN, NAN]);
    assert_eq!(cohort.ledger.files[0].n_not_genotyped(), 1);
    assert_eq!(cohort.ledger.traits[0].n_observed, 3);
    assert_eq!(cohort.ledger.n_without_any_trait, 1);
}

#[test]
fn the_same_table_however_it_is_written() {
    let expected = pheno("IID\tx\na\t1.5\nb\tNA\nc\t3\nd\t4\n").unwrap().0.traits;
    for text in [
        "#IID\tx\na\t1.5\nb\t\nc\t3\nd\t4\n",
        "#FID\tIID\tx\nf\ta\t1.5\nf\tb\tnan\nf\tc\t3\nf\td\t4\n",
        "FID IID x\nf a 1.5\nf b N/A\nf c 3\nf d 4\n",
        "\u{feff}IID,x\r\na,1.5\r\nb,.\r\nc,3\r\nd,4\r\n",
        "\"IID\";\"x\"\n\"a\";\"1.5\"\n\"b\";\"\"\n\"c\";\"3\"\n\"d\";\"4\"",
        "sample  x\n a   1.5 \nb -9\nc 3\nd 4\n",
        "IID x\na 1.5\nb -9.0\nc 3\nd 4\n",
        "#IID SID x\na s 1.5\nb s NA\nc s 3\nd s 4\n",
        "id\ta\tb\tc\td\nx\t1.5\tNA\t3\t4\n",
        "#chr\tstart\tend\tid\td\tb\tc\ta\n1\t10\t11\tx\t4\tNA\t3\t1.5\n",
        "#chr\tstart\tend\tgene\tlength\tstrand\ta\tb\tc\td\n1\t10\t11\tx\t100\t+\t1.5\tNA\t3\t4\n",
    ] {
        let traits = pheno(text).unwrap().0.traits;
        assert_eq!(names(&traits), ["x"], "{text}");
        assert_values(&traits[0].values, &expected[0].values);
    }
}

#[test]
fn gzip_and_bgzip_are_read() {
    let text = b"IID\tx\na\t1\nb\t2\nc\t3\n";
    let files = Files::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text).unwrap();
    let mut bgzip = noodles_bgzf::io::Writer::new(Vec::new());
    bgzip.write_all(text).unwrap();
    for bytes in [gzip.finish().unwrap(), bgzip.finish().unwrap()] {
        let config = CohortConfig { pheno: vec![files.add_bytes("p.tsv", &bytes)], ..Default::default() };
        let cohort = Cohort::load(&config, &ids("c b a")).unwrap();
        assert_values(&cohort.traits[0].values, &[3.0, 2.0, 1.0]);
    }
}

#[test]
fn what_is_assumed_is_said() {
    let (_, messages) = pheno("sample\tx\na\t1\nb\t2\nc\t-9\nd\t5\n").unwrap();
    assert_eq!(messages[0], "p.txt: 4 samples, 4 of them genotyped; 0 genotyped samples are not in it");
    assert_eq!(messages[1], "p.txt: sample IDs are taken from the first column ('sample')");
    assert_eq!(messages[2], "p.txt: 1 cells of -9 in 1 columns are taken as missing");
    let (_, messages) = pheno("IID\tx\na\t-1\nb\t2\nc\t-9\nd\t3\n").unwrap();
    assert!(messages[1].ends_with("so -9 may be a measurement (--minus9 value keeps it)"), "{messages:?}");
    let (cohort, _) = pheno_with("IID\tx\na\t-1\nb\t2\nc\t-9\n", "a b c", |c| c.minus9 = Minus9::Value).unwrap();
    assert_values(&cohort.traits[0].values, &[-1.0, 2.0, -9.0]);
}
