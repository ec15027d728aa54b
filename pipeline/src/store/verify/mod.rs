//! Checks a whole results file: its bytes against their checksums, its numbers against what a run writes, its sums.
//!
//! Everything is read once (the matrices once for their checksums and once as numbers), on all threads, in pieces of bounded
//! size; the library itself lets one thread in at a time. Nothing is believed: a finding is a line and the check goes on.

mod attributes;
mod bytes;
mod cis;
mod depth;
mod depth_sums;
mod findings;
mod lists;
mod pairs;
mod proteins;
mod sums;

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

pub use cis::{CisVerification, verify_cis};
pub use depth::{DepthVerification, verify_depth};
pub use findings::{Finding, Findings, Kind};
pub use proteins::{ProteinsVerification, verify_proteins};

pub(super) use attributes::root_text;

use super::error::StoreError;
use super::reader::ResultsReader;
use super::schema::Store;

/// Tasks whose findings are put together at once.
const TASKS_AT_ONCE: usize = 1 << 10;

/// How far a verification is, for whoever shows it.
#[derive(Debug, Default)]
pub struct VerifyProgress {
    /// Bytes read.
    pub done: AtomicU64,
    /// Bytes to read; 0 until it is known.
    pub total: AtomicU64,
}

impl VerifyProgress {
    fn add(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What came of a verification.
#[derive(Debug)]
pub struct Verification {
    /// What is wrong.
    pub findings: Findings,
    /// Where shards failed, whose rows are not in the file.
    pub failed_regions: Vec<String>,
    /// Whether the file has checksums; those of the first weeks have none.
    pub has_checksums: bool,
    /// Version of norna that wrote the file.
    pub norna_version: String,
    /// What it keeps of the pairs.
    pub store: Store,
    /// Rows of /variants.
    pub n_variants: usize,
    /// Rows of /traits.
    pub n_traits: usize,
    /// Rows of /hits.
    pub n_hits: usize,
    /// Datasets in the file.
    pub n_datasets: usize,
    /// Bytes of the file.
    pub file_bytes: u64,
}

/// Checks the file at `path`.
///
/// # Errors
/// The file cannot be opened as a results file of this version at all, or the disk does not read. Everything else is among
/// the findings.
pub fn verify(path: &Path, progress: &VerifyProgress) -> Result<Verification, StoreError> {
    let reader = ResultsReader::open(path)?;
    let mut findings = Findings::default();
    let length = reader.strings.file().metadata();
    let file_bytes = length.map_err(|error| reader.place.io("cannot read", error))?.len();
    let subject = bytes::Subject::of_results(&reader);
    let fits = bytes::check_sizes(&subject, &mut findings);
    let to_read = file_bytes.saturating_add(if fits { pairs::bytes(&reader) } else { 0 });
    progress.total.store(to_read, Ordering::Relaxed);
    let has_checksums = bytes::check(&subject, file_bytes, progress, &mut findings)?;
    attributes::check(&reader, &mut findings);
    let mut failed_regions = Vec::new();
    if fits {
        lists::check(&reader, &mut findings);
        let with_number = pairs::check(&reader, progress, &mut findings);
        failed_regions = sums::check(&reader, with_number.as_deref(), &mut findings);
    }
    for (object, n) in reader.strings.not_utf8() {
        findings.add("text", &object, || format!("{n} strings are not UTF-8"));
    }
    Ok(Verification {
        findings,
        failed_regions,
        has_checksums,
        norna_version: reader.norna_version().to_owned(),
        store: reader.header.store,
        n_variants: reader.n_variants,
        n_traits: reader.header.traits.len(),
        n_hits: reader.n_hits,
        n_datasets: bytes::datasets(&subject).len(),
        file_bytes,
    })
}

/// Ranges of `step` of `n`, each checked by whichever thread is free; findings in order.
fn in_ranges(n: usize, step: usize, findings: &mut Findings, check: impl Fn(Range<usize>, &mut Findings) + Sync) {
    let step = step.max(1);
    let n_tasks = n.div_ceil(step);
    for first in (0..n_tasks).step_by(TASKS_AT_ONCE) {
        let tasks = first..n_tasks.min(first + TASKS_AT_ONCE);
        let one = |task: usize| {
            let mut found = Findings::default();
            check(task * step..n.min((task + 1) * step), &mut found);
            found
        };
        let found: Vec<Findings> = tasks.into_par_iter().map(one).collect();
        found.into_iter().for_each(|found| findings.merge(found));
    }
}
