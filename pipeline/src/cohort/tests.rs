//! Whole cohorts from files: every rule of docs/formats.md, and every message for bad input.

use std::io::Write;
use std::path::PathBuf;

use super::*;

mod samples;
mod tables;
mod traits;

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

fn pheno_with(text: &str, samples: &str, change: impl Fn(&mut CohortConfig)) -> Result<(Cohort, Vec<String>), String> {
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

/// The message of a table of traits that is refused, for genotyped samples a b c d.
fn refused(text: &str) -> String {
    pheno(text).map(|(cohort, _)| cohort.traits).unwrap_err()
}

trait Shown<T> {
    fn shown(self) -> T;
}

impl<T> Shown<T> for Result<T, String> {
    /// Shows the error's text when there is one.
    fn shown(self) -> T {
        self.unwrap_or_else(|error| panic!("{error}"))
    }
}
