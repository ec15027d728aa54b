//! Checks a whole depth.h5: its bytes against their checksums, its windows, its numbers, its sums.

use std::path::Path;

use super::super::depth::{DEPTH_FORMAT, DEPTH_FORMAT_VERSION, INDIVIDUAL_LEVEL};
use super::super::depth_reader::DepthReader;
use super::super::error::StoreError;
use super::super::file;
use super::depth_sums::{WindowSums, check_summaries};
use super::{Findings, VerifyProgress, attributes, bytes};

/// Groups with datasets.
const GROUPS: [&str; 11] = [
    "samples",
    "windows",
    "windows/text",
    "chromosomes",
    "depth",
    "summary/chromosome",
    "summary/chromosome_region",
    "summary/total",
    "summary/total_region",
    "provenance",
    "checksums",
];
/// Values read at once.
const CELLS: usize = 1 << 20;
/// Most windows read at once.
const ROWS: usize = 1 << 16;

/// What came of a verification.
#[derive(Debug)]
pub struct DepthVerification {
    /// What is wrong; no sample is named.
    pub findings: Findings,
    /// Version of norna that wrote the file.
    pub norna_version: String,
    /// Columns.
    pub n_samples: usize,
    /// Rows.
    pub n_windows: usize,
    /// Datasets in the file.
    pub n_datasets: usize,
    /// Bytes of the file.
    pub file_bytes: u64,
}

/// Checks the depth.h5 at `path`.
///
/// # Errors
/// The file cannot be opened as a depth.h5 of this version at all, or the disk does not read. Everything else is among the
/// findings.
pub fn verify_depth(path: &Path, progress: &VerifyProgress) -> Result<DepthVerification, StoreError> {
    let reader = DepthReader::open(path)?;
    let mut findings = Findings::default();
    let subject = bytes::Subject::of_store((&reader.place, &reader.file, reader.strings.file()), &GROUPS);
    let (fits, file_bytes) = bytes::check_store(&subject, progress, &mut findings)?;
    check_attributes(&reader, &mut findings);
    findings.check("text", reader.provenance().map(drop));
    if fits {
        check_lists(&reader, &mut findings);
        let mut sums = WindowSums::new(&reader);
        findings.check_with("number", |findings| check_windows(&reader, &mut sums, findings));
        findings.check_with("sum", |findings| check_summaries(&reader, &sums, findings));
    }
    for (object, n) in reader.strings.not_utf8() {
        findings.add("text", &object, || format!("{n} strings are not UTF-8"));
    }
    Ok(DepthVerification {
        findings,
        norna_version: reader.norna_version().to_owned(),
        n_samples: reader.header().samples.len(),
        n_windows: reader.header().n_windows,
        n_datasets: bytes::datasets(&subject).len(),
        file_bytes,
    })
}

fn check_attributes(reader: &DepthReader, findings: &mut Findings) {
    let expected =
        [("format", DEPTH_FORMAT), ("norna_version", reader.norna_version()), ("individual_level", INDIVIDUAL_LEVEL)];
    attributes::check_texts(&reader.strings, &expected, findings);
    let version = reader.file.attr("format_version").and_then(|attribute| file::scalar::<u32>(&attribute));
    if version.as_ref().ok() != Some(&DEPTH_FORMAT_VERSION) {
        findings.add("shape", "attribute format_version", || format!("it is not {DEPTH_FORMAT_VERSION}"));
    }
}

fn check_lists(reader: &DepthReader, findings: &mut Findings) {
    let header = reader.header();
    if let Some(i) = header.samples.windows(2).position(|pair| pair[0] >= pair[1]) {
        findings.add("list", "/samples/id", || format!("row {}: it does not come after the one before", i + 1));
    }
    let names: std::collections::BTreeSet<&str> = header.chromosomes.iter().map(|(name, _)| name.as_str()).collect();
    if names.len() != header.chromosomes.len() {
        findings.add("list", "/chromosomes/name", || "a name is there twice".to_owned());
    }
    if header.thresholds.first() == Some(&0) || !header.thresholds.is_sorted_by(|a, b| a < b) {
        findings.add("list", "/depth/at_least", || "its thresholds do not rise from 1".to_owned());
    }
}

/// Windows in their order, within their chromosomes, with numbers that can be.
fn check_windows(reader: &DepthReader, sums: &mut WindowSums, findings: &mut Findings) -> Result<(), StoreError> {
    let header = reader.header();
    let n_cells = header.samples.len().max(1) * header.thresholds.len().max(1);
    let step = (CELLS / n_cells).clamp(1, ROWS);
    let mut before = (0, 0);
    for first in (0..header.n_windows).step_by(step) {
        let rows = first..header.n_windows.min(first + step);
        let windows = reader.windows(rows.clone())?;
        let (means, at_least) = (reader.means(rows.clone())?, reader.at_least(rows.clone())?);
        for (i, window) in windows.iter().enumerate() {
            let row = first + i;
            let is_it = |chromosome: usize| header.chromosomes.get(chromosome).is_some_and(|c| c.0 == window.chrom);
            let chromosome = Some(before.0).filter(|&c| is_it(c));
            let chromosome = chromosome.or_else(|| (0..header.chromosomes.len()).find(|&c| is_it(c)));
            let Some(chromosome) = chromosome else {
                findings.add("list", "/windows/chrom", || format!("row {row}: it is none of /chromosomes"));
                continue;
            };
            let length = header.chromosomes[chromosome].1;
            if window.start >= window.end || window.end > length {
                let (start, end) = (window.start, window.end);
                findings.add("list", "/windows", || format!("row {row}: {start} to {end} on a chromosome of {length}"));
                continue;
            }
            let place = (chromosome, window.start);
            if place < std::mem::replace(&mut before, place) {
                findings.add("list", "/windows", || format!("row {row}: it lies before the one above"));
            }
            let n = header.samples.len();
            let deep = &at_least[i * n * header.thresholds.len()..][..n * header.thresholds.len()];
            sums.add((row, chromosome), window.end - window.start, (&means[i * n..][..n], deep), findings);
        }
    }
    Ok(())
}
