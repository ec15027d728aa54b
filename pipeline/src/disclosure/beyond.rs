//! What no filter of pairs mends: an export holds it whatever it drops and masks.

use super::differencing::{self, Sizes};
use super::{DisclosureError, Finding, Judge, Policy, Verdict, names, rules};
use crate::store::ResultsReader;

/// Of the rules that look at a file as a whole, those that do not pass: many traits of few people (`effective_traits`), numbers
/// of samples that are almost the same (`differencing`), two-valued traits whose cases cannot be told (`cases`), names of traits
/// (`names`). An export is to tell them: leaving pairs out does not mend them.
///
/// # Errors
/// The file cannot be read.
pub fn beyond_pairs(reader: &ResultsReader, policy: &Policy) -> Result<Vec<Finding>, DisclosureError> {
    let header = reader.header();
    let n_traits = header.traits.len();
    let sizes = Sizes::of_results(reader.path(), reader);
    let judge = Judge::new(reader, policy)?;
    let mut findings = vec![
        differencing::within(&sizes, policy),
        rules::effective_traits(&reader.qc()?.eigenvalues, (n_traits, header.n_samples), policy),
        names::of_traits(&sizes, policy),
    ];
    if judge.n_unrecognised() > 0 {
        findings.insert(0, rules::cases(&judge, n_traits));
    }
    findings.retain(|finding| finding.verdict != Verdict::Pass);
    Ok(findings)
}
