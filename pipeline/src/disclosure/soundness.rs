//! Whether a file is as norna wrote it: a verdict on numbers that somebody changed would be worth nothing.

use std::path::Path;

use serde_json::json;

use super::{DisclosureError, Finding, Verdict};
use crate::store::{Findings, VerifyProgress, verify, verify_cis};

/// Of a results file, by what `norna verify` looks at.
pub(super) fn of_results(path: &Path) -> Result<Finding, DisclosureError> {
    let found = verify(path, &VerifyProgress::default())?;
    Ok(finding(&found.findings, found.has_checksums))
}

/// Likewise of a cis.h5.
pub(super) fn of_cis(path: &Path) -> Result<Finding, DisclosureError> {
    let found = verify_cis(path, &VerifyProgress::default())?;
    Ok(finding(&found.findings, true))
}

fn finding(findings: &Findings, has_checksums: bool) -> Finding {
    let n = findings.n();
    let (verdict, measured, reason) = match (n, has_checksums) {
        (0, true) => (Verdict::Pass, "the file is as it was written".to_owned(), ""),
        (0, false) => (
            Verdict::Review,
            "nothing is wrong, and the file has no checksums".to_owned(),
            "whether it was changed cannot be told: run again with this version of norna",
        ),
        _ => {
            let first = findings.kinds.iter().find_map(|kind| kind.first.first());
            let first = first.map_or_else(String::new, |first| format!(", the first: {first}"));
            let what = "what was changed, added or damaged is not judged by the other rules: norna verify tells all of it; \
                        let out what the run wrote";
            (Verdict::Refuse, format!("{n} things are wrong{first}"), what)
        }
    };
    Finding {
        rule: "soundness",
        verdict,
        measured,
        asked: "what norna verify calls sound".to_owned(),
        reason: reason.to_owned(),
        numbers: json!({ "wrong": n, "checksums": has_checksums }),
    }
}
