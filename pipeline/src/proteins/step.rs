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
    /// What should be looked at. No sample IDs.
    pub warnings: Vec<String>,
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
        let notes: Vec<&String> = self.warnings.iter().chain(&self.notes).collect();
        let lists: serde_json::Map<_, _> =
            self.lists.iter().map(|(name, list)| ((*name).into(), json!(list))).collect();
        json!({ "step": self.name, "choice": self.choice, "counts": counts, "notes": notes, "lists": lists })
    }

    /// One line: "lod: keep: 30 values below it".
    pub fn line(&self) -> String {
        let counts: Vec<String> = self.counts.iter().map(|(what, n)| format!("{n} {}", numbered(what, *n))).collect();
        let choice = match (self.name, self.choice.as_str()) {
            // The rule's own word would look like a failure.
            ("repeats", "error") => "refused where there are any",
            (_, choice) => choice,
        };
        match counts.is_empty() {
            true => format!("{}: {choice}", self.name),
            false => format!("{}: {choice}: {}", self.name, counts.join(", ")),
        }
    }
}

/// Nouns that counts begin with.
const NOUNS: [&str; 14] = [
    "proteins",
    "samples",
    "measurements",
    "values",
    "outliers",
    "terms",
    "levels",
    "components",
    "records",
    "IDs",
    "rows",
    "ways",
    "assays",
    "accessions",
];

/// The noun of a count in the singular where there is one: "protein dropped".
fn numbered(what: &str, n: u64) -> String {
    let noun = what.split(' ').take(2).find(|word| NOUNS.contains(word));
    match (n, noun) {
        (1, Some(noun)) => what.replacen(noun, noun.strip_suffix('s').unwrap_or(noun), 1),
        _ => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_for_people() {
        let mut step = Step::new("repeats", "error");
        step.count("measurements", 1);
        step.count("samples with several measurements", 0);
        let line = step.line();
        assert_eq!(line, "repeats: refused where there are any: 1 measurement, 0 samples with several measurements");
        assert_eq!(step.json()["choice"], "error");
        assert_eq!(numbered("UniProt accessions in the map", 1), "UniProt accession in the map");
        assert_eq!(numbered("without a place", 1), "without a place");
    }
}
