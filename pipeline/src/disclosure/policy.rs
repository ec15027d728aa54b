//! What must hold for results to go out: thresholds and what follows where they are missed, as TOML.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{DisclosureError, Verdict};

/// The text of the built-in policy `default`.
pub const DEFAULT_POLICY: &str = include_str!("default_policy.toml");
/// Bytes of a policy at most.
const MAX_BYTES: u64 = 1 << 20;

/// What an export does with a pair that does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Leaves its row out.
    Drop,
    /// Leaves its numbers out.
    Mask,
}

/// Which number of effective traits counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// (Σλ)²/Σλ².
    Participation,
    /// Li and Ji 2005.
    LiJi,
    /// Galwey 2009.
    Galwey,
    /// The largest of the three.
    Largest,
}

/// All rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What reports call it.
    pub name: String,
    /// Samples of the study and of each trait.
    pub samples: Samples,
    /// Minor alleles of a variant.
    pub minor_alleles: Counted,
    /// Cases and controls.
    pub cases: Judged,
    /// Minor alleles among cases and among controls.
    pub case_cells: Counted,
    /// Pairs that fit all but perfectly.
    pub near_perfect_fits: Fits,
    /// Means and standard deviations.
    pub trait_values: Judged,
    /// Samples by which traits and files differ.
    pub differencing: Differencing,
    /// Counts of people in the ledger.
    pub ledger: Judged,
    /// Traits per sample.
    pub effective_traits: Effective,
    /// Folders, users, hosts.
    pub names: Named,
}

/// Numbers of samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// Refused under it.
    pub minimum: u32,
    /// Looked at under it.
    pub review_under: u32,
}

/// A least count, the verdict under it, and what becomes of pairs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// Least count.
    pub minimum: u32,
    /// Under it.
    pub verdict: Verdict,
    /// Of pairs in an export.
    pub action: Action,
}

/// A least count and the verdict under it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// Least count.
    pub minimum: u32,
    /// Under it.
    pub verdict: Verdict,
}

/// The largest share of a trait that a variant may tell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fits {
    /// Largest r².
    pub maximum_r2: f64,
    /// Over it.
    pub verdict: Verdict,
    /// Of pairs in an export.
    pub action: Action,
}

/// The least difference in samples, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differencing {
    /// Least difference.
    pub minimum: u32,
    /// Between traits of one file.
    pub within: Verdict,
    /// Between files.
    pub against: Verdict,
}

/// Ratios of effective traits to samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effective {
    /// Which number of effective traits.
    pub measure: Measure,
    /// Looked at from it on.
    pub review_from: f64,
    /// Refused from it on.
    pub refuse_from: f64,
}

/// The verdict where something is named.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Where a folder, a user or a host is named.
    pub verdict: Verdict,
}

impl Policy {
    /// The built-in policy of this name, or the one in this file.
    ///
    /// # Errors
    /// There is none, it is no TOML, a key is unknown, or a value makes no sense.
    pub fn load(name_or_file: &str) -> Result<Self, DisclosureError> {
        if name_or_file == "default" {
            return Self::parse(DEFAULT_POLICY, "default");
        }
        let path = Path::new(name_or_file);
        let unreadable = |why: String| {
            let hint = "give default (the only one that is built in) or the name of a TOML file";
            DisclosureError::Policy { policy: name_or_file.to_owned(), why: format!("{why}; {hint}") }
        };
        let metadata = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(unreadable("a small text file is wanted".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        Self::parse(&text, name_or_file)
    }

    /// Of a text; what it leaves out is as in the default policy. `policy`: what errors call it.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: &str, policy: &str) -> Result<Self, DisclosureError> {
        let wrong = |why: String| DisclosureError::Policy { policy: policy.to_owned(), why };
        let of = |text: &str| toml::from_str::<toml::Table>(text).map_err(|error| wrong(in_a_line(text, &error)));
        let (mut whole, given) = (of(DEFAULT_POLICY)?, of(text)?);
        if !given.contains_key("name") {
            let stem = Path::new(policy).file_stem().unwrap_or_default().to_string_lossy().into_owned();
            whole.insert("name".to_owned(), toml::Value::String(stem));
        }
        for (section, value) in given {
            match (whole.get_mut(&section), value) {
                (Some(toml::Value::Table(known)), toml::Value::Table(keys)) => known.extend(keys),
                (_, value) => {
                    whole.insert(section, value);
                }
            }
        }
        let parsed: Self = whole.try_into().map_err(|error: toml::de::Error| wrong(in_a_line(text, &error)))?;
        parsed.check().map_err(wrong)?;
        Ok(parsed)
    }

    fn check(&self) -> Result<(), String> {
        let minima = [
            ("samples", self.samples.minimum),
            ("minor_alleles", self.minor_alleles.minimum),
            ("cases", self.cases.minimum),
            ("case_cells", self.case_cells.minimum),
            ("trait_values", self.trait_values.minimum),
            ("differencing", self.differencing.minimum),
            ("ledger", self.ledger.minimum),
        ];
        if let Some((section, _)) = minima.into_iter().find(|&(_, minimum)| minimum == 0) {
            return Err(format!(
                "{section}.minimum: 0 asks for nothing; give 1 or more, or verdict = \"pass\" where the rule has one"
            ));
        }
        if self.samples.review_under < self.samples.minimum {
            let Samples { minimum, review_under } = self.samples;
            return Err(format!("samples.review_under: {review_under} is under samples.minimum, {minimum}"));
        }
        let r2 = self.near_perfect_fits.maximum_r2;
        if !(r2 > 0.0 && r2 <= 1.0) {
            return Err(format!("near_perfect_fits.maximum_r2: {r2} must lie above 0 and be at most 1"));
        }
        let Effective { review_from, refuse_from, .. } = self.effective_traits;
        if !(review_from > 0.0 && review_from <= refuse_from && refuse_from.is_finite()) {
            return Err(format!(
                "effective_traits: review_from {review_from} and refuse_from {refuse_from}: above 0, the first at most \
                 the second"
            ));
        }
        Ok(())
    }
}

/// The parser's words with their line, in one line.
fn in_a_line(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    match error.span() {
        Some(span) => format!("line {}: {message}", text[..span.start.min(text.len())].matches('\n').count() + 1),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Policy::parse(text, "p.toml").unwrap_err().to_string()
    }

    #[test]
    fn what_is_left_out_is_as_in_the_default() {
        let default = Policy::load("default").unwrap();
        let other = Policy::parse("[minor_alleles]\nminimum = 5\n", "folder/mine.toml").unwrap();
        assert_eq!(other.name, "mine");
        assert_eq!(other.minor_alleles, Counted { minimum: 5, ..default.minor_alleles });
        assert_eq!(Policy { name: default.name.clone(), minor_alleles: default.minor_alleles, ..other }, default);
    }

    #[test]
    fn bad_policies_are_refused_in_a_line() {
        assert!(refused("[minor_allele]\nminimum = 5\n").contains("unknown field `minor_allele`"));
        assert!(refused("[samples]\nleast = 5\n").contains("unknown field `least`"));
        assert!(refused("[samples]\nminimum = \"a\"\n").contains("invalid type"));
        assert!(refused("[samples]\nminimum = -1\n").contains("invalid value"));
        assert!(refused("[ledger]\nverdict = \"maybe\"\n").contains("maybe"));
        assert!(refused("[minor_alleles]\naction = \"hide\"\n").contains("hide"));
        assert!(refused("[samples\n").contains("line 1"));
        assert!(refused("samples = 3\n").contains("invalid type"));
        assert!(refused("[ledger]\nminimum = 0\n").contains("ledger.minimum"));
        assert!(refused("[samples]\nminimum = 200\n").contains("review_under"));
        assert!(refused("[near_perfect_fits]\nmaximum_r2 = 1.5\n").contains("maximum_r2"));
        assert!(refused("[effective_traits]\nreview_from = 0.9\n").contains("review_from"));
        assert!(refused("[effective_traits]\nrefuse_from = inf\n").contains("refuse_from"));
        assert!(refused("[effective_traits]\nreview_from = nan\n").contains("review_from"));
        for text in ["[samples\n", "[minor_allele]\nminimum = 5\n"] {
            assert!(!refused(text).contains('\n') && refused(text).starts_with("policy p.toml: "), "{}", refused(text));
        }
    }
}
