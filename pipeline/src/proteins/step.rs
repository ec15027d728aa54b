//! What a step of processing did: the choice, the counts, in the order in which they happened.

use serde_json::{Value, json};

/// A step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// What was chosen, as on the command line.
    pub choice: String,
    /// What was counted.
    pub counts: Vec<(String, u64)>,
    /// What may surprise. No sample IDs.
    pub notes: Vec<String>,
    /// Names of proteins.
    pub lists: Vec<(&'static str, Vec<String>)>,
}

impl Step {
    /// A step with nothing counted yet.
    pub fn new(name: &'static str, choice: impl Into<String>) -> Self {
        Self { name, choice: choice.into(), ..Self::default() }
    }

    /// Adds a count.
    pub fn count(&mut self, what: impl Into<String>, n: usize) {
        self.counts.push((what.into(), n as u64));
    }

    /// Adds a count unless it is 0.
    pub fn count_some(&mut self, what: impl Into<String>, n: usize) {
        if n > 0 {
            self.count(what, n);
        }
    }

    /// What was counted under a name; 0 if it was not.
    pub fn get(&self, what: &str) -> u64 {
        self.counts.iter().find(|(name, _)| name == what).map_or(0, |&(_, n)| n)
    }

    /// As it stands in /steps.
    pub fn json(&self) -> Value {
        let counts: Vec<Value> = self.counts.iter().map(|(what, n)| json!([what, n])).collect();
        let lists: serde_json::Map<_, _> =
            self.lists.iter().map(|(name, list)| ((*name).into(), json!(list))).collect();
        json!({ "step": self.name, "choice": self.choice, "counts": counts, "notes": self.notes, "lists": lists })
    }

    /// One line: "lod: keep: 30 values below it".
    pub fn line(&self) -> String {
        let counts: Vec<String> = self.counts.iter().map(|(what, n)| format!("{n} {what}")).collect();
        match counts.is_empty() {
            true => format!("{}: {}", self.name, self.choice),
            false => format!("{}: {}: {}", self.name, self.choice, counts.join(", ")),
        }
    }
}
