//! Whether results may leave a secure environment: what output checkers look at, by a policy. It supports a decision that people
//! make, and makes none.

mod beyond;
mod cases;
mod cis;
mod differencing;
mod effective_traits;
mod judge;
mod names;
mod pairs;
pub mod policy;
mod recognise;
mod report;
mod rules;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::sink::rows::VariantRow;
use crate::store::{CisReader, ResultsReader, StoreError};

pub use beyond::beyond_pairs;
pub use cases::{CaseCells, Cases};
pub use effective_traits::EffectiveTraits;
pub use judge::Judge;
pub use policy::{DEFAULT_POLICY, Policy};
pub use recognise::{Content, recognise};
pub use report::{Finding, Report};

/// What becomes of a pair on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes out as it is.
    Keep,
    /// Its row is left out, for the reason of this index in [`Filter::reasons`].
    Drop(usize),
    /// Its numbers are left out and its row stays, likewise.
    Mask(usize),
}

/// What an export asks of every pair before it writes it.
pub trait Filter {
    /// Short names of the reasons, such as `minor_allele_count`.
    fn reasons(&self) -> &[&'static str];

    /// Whether a trait goes out at all: the index of the reason why not.
    fn trait_refused(&self, trait_idx: usize) -> Option<usize>;

    /// What becomes of a pair; `n_observed`: samples with a trait value and a genotype, `beta` and `se` of one copy of ALT, NaN
    /// where there is none.
    fn fate(&mut self, variant: &VariantRow, trait_idx: usize, n_observed: u32, beta: f32, se: f32) -> Fate;
}

/// What a rule says, and what all of them say together: the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing speaks against it.
    Pass,
    /// Somebody should look at it.
    Review,
    /// It should not go out as it is.
    Refuse,
}

impl Verdict {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Review => "review",
            Self::Refuse => "refuse",
        }
    }
}

/// Why nothing could be judged.
#[derive(Debug, thiserror::Error)]
pub enum DisclosureError {
    /// A policy that cannot be gone by.
    #[error("policy {policy}: {why}")]
    Policy {
        /// Its name or file.
        policy: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file that cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file that no rule is for.
    #[error(
        "{}: {what}; norna disclose judges results files and cis.h5, and refuses files of single people's data: what was \
         made of a results file is judged by that file",
        path.display()
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What was seen.
        what: String,
    },
}

/// The judge of an export's pairs by the policy of this name, or in this file.
///
/// # Errors
/// The policy cannot be gone by, or the file cannot be read.
pub fn open(policy: &str, reader: &ResultsReader) -> Result<Judge, DisclosureError> {
    Judge::new(reader, &Policy::load(policy)?)
}

/// Judges a file by all rules. `against`: results files of samples that may be almost the same.
///
/// # Errors
/// A file cannot be read, or is of no kind that is known.
pub fn judge(path: &Path, policy: &Policy, against: &[PathBuf]) -> Result<Report, DisclosureError> {
    match recognise(path)? {
        Content::Results => {
            let reader = ResultsReader::open(path)?;
            let others = against.iter().map(|path| differencing::Sizes::of(path)).collect::<Result<Vec<_>, _>>()?;
            rules::judge(path, &reader, policy, &others)
        }
        Content::Cis => {
            let reader = CisReader::open(path)?;
            let others = against.iter().map(|path| differencing::Sizes::of(path)).collect::<Result<Vec<_>, _>>()?;
            cis::judge(path, &reader, policy, &others)
        }
        Content::Individual(what) => Ok(Report::individual(path, policy, what)),
    }
}
