//! Numbers of samples that are almost the same: what a few people add is what is left when one is subtracted from the other.

use std::collections::HashMap;
use std::path::Path;

use serde_json::json;

use super::recognise::{Content, recognise};
use super::{DisclosureError, Finding, Policy, Verdict};
use crate::store::{CisReader, ResultsReader};

/// How many samples a file and its traits have.
#[derive(Debug, Clone)]
pub(super) struct Sizes {
    pub(super) file: String,
    pub(super) n_samples: u32,
    /// Name and samples of each trait.
    pub(super) traits: Vec<(String, u32)>,
    /// Their means and standard deviations, where the file has them.
    moments: Vec<(f64, f64)>,
}

impl Sizes {
    pub(super) fn of(path: &Path) -> Result<Self, DisclosureError> {
        match recognise(path)? {
            Content::Results => Ok(Self::of_results(path, &ResultsReader::open(path)?)),
            Content::Cis => Ok(Self::of_cis(path, &CisReader::open(path)?)),
            Content::Individual(what) => {
                let what = format!("{what}, and results to compare with are meant");
                Err(DisclosureError::Unknown { path: path.to_path_buf(), what })
            }
        }
    }

    pub(super) fn of_results(path: &Path, reader: &ResultsReader) -> Self {
        let traits = reader.header().traits.iter().map(|info| (info.name.clone(), info.n)).collect();
        let moments = reader.header().traits.iter().map(|info| (info.mean, info.sd)).collect();
        Self { file: name_of(path), n_samples: reader.header().n_samples, traits, moments }
    }

    pub(super) fn of_cis(path: &Path, reader: &CisReader) -> Self {
        let phenotypes = reader.header().phenotypes.iter().enumerate();
        let traits = phenotypes.map(|(i, info)| (info.id.clone(), reader.n_and_covariates(i).0)).collect();
        Self { file: name_of(path), n_samples: reader.header().n_samples, traits, moments: Vec::new() }
    }
}

impl Sizes {
    /// Samples of the traits that have any: one without says nothing of people.
    pub(super) fn counts(&self) -> impl Iterator<Item = u32> + '_ {
        self.traits.iter().map(|&(_, n)| n).filter(|&n| n > 0)
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Whether two numbers differ by fewer than the minimum, and at all.
fn is_close(a: u32, b: u32, policy: &Policy) -> bool {
    (1..policy.differencing.minimum).contains(&a.abs_diff(b))
}

/// Between traits of the file.
pub(super) fn within(sizes: &Sizes, policy: &Policy) -> Finding {
    let mut counts: Vec<u32> = sizes.counts().chain([sizes.n_samples]).collect();
    counts.sort_unstable();
    counts.dedup();
    let close = counts.windows(2).filter(|pair| is_close(pair[0], pair[1], policy)).count();
    let least = counts.windows(2).map(|pair| pair[1] - pair[0]).min();
    let minimum = policy.differencing.minimum;
    Finding {
        rule: "differencing",
        verdict: if close > 0 { policy.differencing.within } else { Verdict::Pass },
        measured: match least {
            None => format!("all traits have {} samples", sizes.n_samples),
            Some(least) => format!(
                "{} numbers of samples among traits and study, {close} neighbours differ by under {minimum}, the least by {least}",
                counts.len()
            ),
        },
        asked: format!("the same samples, or {minimum} apart"),
        reason: if close > 0 {
            "what all samples have less what all but a few have is what the few have: look whether these are people's missing \
             values here and there, or a group that was left out"
                .to_owned()
        } else {
            String::new()
        },
        numbers: json!({ "distinct": counts.len(), "close": close, "least_difference": least, "minimum": minimum }),
    }
}

/// Whether as many values are those of other people: the same ones have the same mean and standard deviation.
fn are_others(mine: (f64, f64), theirs: (f64, f64)) -> bool {
    let differ = |a: f64, b: f64, scale: f64| (a - b).abs() > 1e-9 * scale;
    let scale = mine.0.abs() + mine.1.abs();
    differ(mine.0, theirs.0, scale) || differ(mine.1, theirs.1, scale)
}

/// Between this file and another.
pub(super) fn against(sizes: &Sizes, other: &Sizes, policy: &Policy) -> Finding {
    let theirs: HashMap<&str, usize> =
        other.traits.iter().zip(0..).map(|((name, _), at)| (name.as_str(), at)).collect();
    let (mut n_shared, mut close, mut swapped) = (0_u64, 0_u64, 0_u64);
    for (at, (name, mine)) in sizes.traits.iter().enumerate().filter(|(_, (_, n))| *n > 0) {
        let Some(&other_at) = theirs.get(name.as_str()).filter(|&&at| other.traits[at].1 > 0) else { continue };
        let n = other.traits[other_at].1;
        n_shared += 1;
        close += u64::from(is_close(*mine, n, policy));
        let moments = sizes.moments.get(at).zip(other.moments.get(other_at));
        swapped += u64::from(*mine == n && moments.is_some_and(|(mine, theirs)| are_others(*mine, *theirs)));
    }
    let difference = sizes.n_samples.abs_diff(other.n_samples);
    let by_study = is_close(sizes.n_samples, other.n_samples, policy);
    let is_bad = by_study || close > 0 || swapped > 0;
    Finding {
        rule: "differencing",
        verdict: if is_bad { policy.differencing.against } else { Verdict::Pass },
        measured: format!(
            "{}: {difference} samples apart; of {n_shared} shared traits {close} are 1 to {} apart, {swapped} are of as many samples \
             and have other means or deviations",
            other.file,
            policy.differencing.minimum - 1
        ),
        asked: format!("the same number of samples, or {} apart", policy.differencing.minimum),
        reason: if is_bad {
            "if one set of samples holds the other, frequencies times samples subtracted give the genotypes of the few that \
             differ: release one of the two, or run both on the same samples"
                .to_owned()
        } else {
            String::new()
        },
        numbers: json!({
            "against": other.file, "samples_apart": difference, "shared_traits": n_shared, "close_traits": close, "other_moments": swapped,
            "minimum": policy.differencing.minimum,
        }),
    }
}
