//! What the rules said of a file, for people and for machines.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Policy, Verdict};

/// What no report goes without.
const DECISION: &str = "This supports a decision that people make, by rules of thumb; it makes none, and no rule sees all that is known elsewhere.";

/// What one rule says.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Name of the rule, as in the policy.
    pub rule: &'static str,
    /// Its verdict.
    pub verdict: Verdict,
    /// What was measured, in words.
    pub measured: String,
    /// What the policy asks for, in words.
    pub asked: String,
    /// Why it matters and what to do; empty where it passes and there is nothing to say.
    pub reason: String,
    /// What was measured, for machines.
    pub numbers: Value,
}

/// What all rules say of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// What it is: "results.h5", "cis.h5", or a kind of single people's data.
    pub kind: String,
    /// Name of the policy.
    pub policy: String,
    /// What the rules say, in the order of the policy.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Of a file that holds single people's data, which no policy lets out.
    pub(super) fn individual(path: &Path, policy: &Policy, what: &'static str) -> Self {
        let finding = Finding {
            rule: "individual_level",
            verdict: Verdict::Refuse,
            measured: what.to_owned(),
            asked: "no single person's data".to_owned(),
            reason: "no policy lets it out: it stays where the people's data may be".to_owned(),
            numbers: json!({ "kind": what }),
        };
        Self { path: path.to_path_buf(), kind: what.to_owned(), policy: policy.name.clone(), findings: vec![finding] }
    }

    /// The worst of the rules' verdicts.
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Pass)
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}: {}, by the policy {}\n", self.path.display(), self.kind, self.policy);
        for finding in &self.findings {
            let Finding { rule, verdict, measured, asked, reason, .. } = finding;
            let _ = writeln!(text, "{:<7} {rule:<19} {measured} (asked: {asked})", verdict.name());
            if !reason.is_empty() {
                let _ = writeln!(text, "{:<27} {reason}", "");
            }
        }
        let _ = writeln!(text, "\nverdict: {}\n{DECISION}", self.verdict().name());
        text
    }

    /// For machines.
    pub fn json(&self) -> Value {
        let one = |finding: &Finding| {
            let Finding { rule, verdict, measured, asked, reason, numbers } = finding;
            json!({
                "rule": rule, "verdict": verdict, "measured": measured, "asked": asked, "reason": reason,
                "numbers": numbers,
            })
        };
        json!({
            "file": self.path.file_name().map(|name| name.to_string_lossy()),
            "kind": self.kind,
            "policy": self.policy,
            "verdict": self.verdict(),
            "rules": self.findings.iter().map(one).collect::<Vec<_>>(),
            "decision": DECISION,
        })
    }
}
