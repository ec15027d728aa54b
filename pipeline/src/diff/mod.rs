//! In what two files of norna differ: what was run, traits, variants, counts, and numbers pair by pair. Both are read as streams,
//! side by side.

mod cis;
mod facts;
mod merge;
mod numbers;
mod report;
mod results;
mod rows;

use std::path::Path;

use crate::provenance::kept_in;
use crate::store::{CisReader, DepthReader, ProteinsReader, ResultsReader, StoreError, content_parts, digest_of_parts};

pub use numbers::{Numbers, Worst};
pub use report::{Comparison, Fact};
pub use rows::VariantCounts;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Results,
    Cis,
    Depth,
    Proteins,
}

impl Kind {
    fn of(path: &Path) -> Self {
        if DepthReader::is_depth(path) {
            Self::Depth
        } else if CisReader::is_cis(path) {
            Self::Cis
        } else if ProteinsReader::is_proteins(path) {
            Self::Proteins
        } else {
            Self::Results
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Results => "results",
            Self::Cis => "cis results",
            Self::Depth => "depth",
            Self::Proteins => "proteins",
        }
    }
}

/// What two files are.
pub fn kinds(a: &Path, b: &Path) -> [&'static str; 2] {
    [Kind::of(a).name(), Kind::of(b).name()]
}

/// Compares two files. `tolerance`: differences of effects in standard errors, and of standard errors in their own size, up to
/// which numbers are equal; `told`: bytes and rows as they are read.
///
/// # Errors
/// A file cannot be read, is damaged or none of norna's.
pub fn compare(a: &Path, b: &Path, tolerance: f64, told: &mut dyn FnMut(u64)) -> Result<Comparison, StoreError> {
    let kinds = [Kind::of(a), Kind::of(b)];
    // Opened first: a file that is none of norna's is said to be so.
    let provenance = [kept_in(a)?, kept_in(b)?];
    let mut comparison = Comparison { tolerance, ..Comparison::default() };
    let parts = [content_parts(a, told)?, content_parts(b, told)?];
    comparison.digests = [digest_of_parts(&parts[0]), digest_of_parts(&parts[1])];
    if kinds[0] != kinds[1] {
        comparison.content("kind", kinds[0].name(), kinds[1].name());
        return Ok(comparison);
    }
    comparison.kind = kinds[0].name();
    facts::of_runs(&mut comparison, &provenance);
    if comparison.digests[0] == comparison.digests[1] {
        return Ok(comparison);
    }
    comparison.datasets = facts::datasets(&parts);
    match kinds[0] {
        Kind::Results => {
            let readers = [&ResultsReader::open(a)?, &ResultsReader::open(b)?];
            results::compare(&mut comparison, readers, told)?;
        }
        Kind::Cis => cis::compare(&mut comparison, [&CisReader::open(a)?, &CisReader::open(b)?])?,
        Kind::Depth | Kind::Proteins => {}
    }
    Ok(comparison)
}
