//! What was found, for people and for machines.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Numbers, VariantCounts};

/// Lines of a kind that are shown to people.
const SHOWN: usize = 20;

/// Something that the two files have otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fact {
    /// What.
    pub what: String,
    /// In the first file.
    pub a: Value,
    /// In the second.
    pub b: Value,
}

/// All that two files have otherwise.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// What both are; empty where they are not the same.
    pub kind: &'static str,
    /// Content digests.
    pub digests: [String; 2],
    /// Datasets whose content differs, or that one file has.
    pub datasets: Vec<String>,
    /// What was run, by what, on what: no part of the content.
    pub runs: Vec<Fact>,
    /// Of the content.
    pub contents: Vec<Fact>,
    /// Traits or phenotypes of the first file alone, and of the second alone.
    pub traits_only: [Vec<String>; 2],
    /// Of /variants; `None` where they were not looked at.
    pub variants: Option<VariantCounts>,
    /// Of the pairs, or of best variants.
    pub numbers: Option<Numbers>,
    /// Difference up to which numbers are equal.
    pub tolerance: f64,
    /// Whether the files keep their pairs in different ways, so that digests must differ.
    pub other_store: bool,
}

impl Comparison {
    /// Notes a difference of the content.
    pub(super) fn content(&mut self, what: impl Into<String>, a: impl Into<Value>, b: impl Into<Value>) {
        self.contents.push(Fact { what: what.into(), a: a.into(), b: b.into() });
    }

    /// Notes a difference of what was run.
    pub(super) fn run(&mut self, what: impl Into<String>, a: impl Into<Value>, b: impl Into<Value>) {
        self.runs.push(Fact { what: what.into(), a: a.into(), b: b.into() });
    }

    /// Whether the contents are equal, as far as both files have them.
    pub fn is_equal(&self) -> bool {
        if self.digests[0] == self.digests[1] && !self.kind.is_empty() {
            return true;
        }
        let told = !self.contents.is_empty()
            || self.traits_only.iter().any(|names| !names.is_empty())
            || self.variants.as_ref().is_some_and(VariantCounts::differ)
            || self.numbers.as_ref().is_some_and(Numbers::differ);
        // Nothing that is compared differs: with a tolerance, or between stores, that is all that can be asked.
        !told && self.numbers.is_some() && (self.tolerance > 0.0 || self.other_store)
    }

    /// For machines.
    pub fn json(&self) -> Value {
        json!({
            "equal": self.is_equal(),
            "kind": self.kind,
            "content_digests": self.digests,
            "datasets": self.datasets,
            "runs": self.runs,
            "contents": self.contents,
            "traits_only_in_a": self.traits_only[0],
            "traits_only_in_b": self.traits_only[1],
            "variants": self.variants,
            "numbers": self.numbers,
            "tolerance": self.tolerance,
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        facts(&mut text, "run", &self.runs);
        facts(&mut text, "content", &self.contents);
        for (names, which) in self.traits_only.iter().zip(["a", "b"]).filter(|(names, _)| !names.is_empty()) {
            let _ = writeln!(text, "traits only in {which}: {}: {}", names.len(), shortened(names));
        }
        if let Some(variants) = &self.variants {
            variants.text(&mut text);
        }
        if let Some(numbers) = &self.numbers {
            numbers.text(&mut text, self.tolerance);
        }
        if !self.datasets.is_empty() {
            let _ = writeln!(text, "datasets that differ: {}", shortened(&self.datasets));
        }
        let [a, b] = &self.digests;
        let _ = match (self.is_equal(), a == b) {
            (true, true) => writeln!(text, "equal: the content digest of both is {a}"),
            (true, false) => {
                writeln!(text, "equal as far as both have it, up to {}; digests {a} and {b}", self.tolerance)
            }
            (false, _) => writeln!(text, "different: content digests {a} and {b}"),
        };
        text
    }
}

fn facts(text: &mut String, title: &str, facts: &[Fact]) {
    for fact in facts.iter().take(SHOWN) {
        let shown = |value: &Value| match value {
            Value::Null => "none".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let _ = writeln!(text, "{title}: {}: {} | {}", fact.what, shown(&fact.a), shown(&fact.b));
    }
    if facts.len() > SHOWN {
        let _ = writeln!(text, "{title}: and {} more (--json has all)", facts.len() - SHOWN);
    }
}

fn shortened(names: &[String]) -> String {
    let shown = names[..names.len().min(SHOWN)].join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}
