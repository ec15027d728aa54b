//! Checks a whole proteins.h5: its bytes against their checksums, its lists, its numbers.

use std::path::Path;

use super::super::error::StoreError;
use super::super::file;
use super::super::proteins::{INDIVIDUAL_LEVEL, PROTEINS_FORMAT, PROTEINS_FORMAT_VERSION};
use super::super::proteins_reader::ProteinsReader;
use super::{Findings, VerifyProgress, attributes, bytes};

/// Groups with datasets.
const GROUPS: [&str; 6] = ["/", "samples", "proteins", "covariates", "provenance", "checksums"];
/// Values read at once.
const CELLS: usize = 1 << 20;

/// What came of a verification.
#[derive(Debug)]
pub struct ProteinsVerification {
    /// What is wrong; no sample is named.
    pub findings: Findings,
    /// Version of norna that wrote the file.
    pub norna_version: String,
    /// Columns.
    pub n_samples: usize,
    /// Rows.
    pub n_proteins: usize,
    /// Covariates.
    pub n_covariates: usize,
    /// Datasets in the file.
    pub n_datasets: usize,
    /// Bytes of the file.
    pub file_bytes: u64,
}

/// Checks the proteins.h5 at `path`.
///
/// # Errors
/// The file cannot be opened as a proteins.h5 of this version at all, or the disk does not read. Everything else is among
/// the findings.
pub fn verify_proteins(path: &Path, progress: &VerifyProgress) -> Result<ProteinsVerification, StoreError> {
    let reader = ProteinsReader::open(path)?;
    let mut findings = Findings::default();
    let subject = bytes::Subject::of_store((&reader.place, &reader.file, reader.strings.file()), &GROUPS);
    let (fits, file_bytes) = bytes::check_store(&subject, progress, &mut findings)?;
    check_attributes(&reader, &mut findings);
    findings.check("text", reader.provenance().map(drop));
    findings.check("text", reader.steps().map(drop));
    if fits {
        findings.check_with("number", |findings| check_values(&reader, findings));
        findings.check_with("number", |_| (0..reader.covariates().len()).try_for_each(|row| covariate(&reader, row)));
    }
    for (object, n) in reader.strings.not_utf8() {
        findings.add("text", &object, || format!("{n} strings are not UTF-8"));
    }
    Ok(ProteinsVerification {
        findings,
        norna_version: reader.norna_version().to_owned(),
        n_samples: reader.samples().len(),
        n_proteins: reader.proteins().len(),
        n_covariates: reader.covariates().len(),
        n_datasets: bytes::datasets(&subject).len(),
        file_bytes,
    })
}

fn covariate(reader: &ProteinsReader, row: usize) -> Result<(), StoreError> {
    reader.covariate_values(row..row + 1).map(drop)
}

fn check_attributes(reader: &ProteinsReader, findings: &mut Findings) {
    let expected = [
        ("format", PROTEINS_FORMAT),
        ("norna_version", reader.norna_version()),
        ("individual_level", INDIVIDUAL_LEVEL),
    ];
    attributes::check_texts(&reader.strings, &expected, findings);
    let version = reader.file.attr("format_version").and_then(|attribute| file::scalar::<u32>(&attribute));
    if version.as_ref().ok() != Some(&PROTEINS_FORMAT_VERSION) {
        findings.add("shape", "attribute format_version", || format!("it is not {PROTEINS_FORMAT_VERSION}"));
    }
}

/// Finite numbers, as many as /proteins/n_observed says.
fn check_values(reader: &ProteinsReader, findings: &mut Findings) -> Result<(), StoreError> {
    let (n_proteins, n_samples) = (reader.proteins().len(), reader.samples().len());
    let step = (CELLS / n_samples.max(1)).max(1);
    for first in (0..n_proteins).step_by(step) {
        let rows = first..n_proteins.min(first + step);
        let values = reader.values(rows.clone())?;
        for (row, values) in rows.zip(values.chunks_exact(n_samples.max(1))) {
            let (found, told) = (values.iter().filter(|value| !value.is_nan()).count(), reader.n_observed()[row]);
            if found != told as usize {
                findings.add("sum", "/proteins/n_observed", || format!("row {row}: {told}, and {found} are there"));
            }
        }
    }
    Ok(())
}
