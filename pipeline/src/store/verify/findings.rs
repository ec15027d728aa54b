//! What is wrong with a file: one line each, of each kind and dataset the first alone.

use std::fmt;

use super::super::error::StoreError;

/// Findings of a kind that are kept.
pub const SHOWN: usize = 20;
/// Kinds that are kept apart; what is beyond counts among the last.
const KINDS: usize = 200;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The dataset or attribute, or what it is a part of.
    pub object: String,
    /// Row, value, and what fits or what it means.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.problem)
    }
}

/// Findings of one kind about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// Its name: `checksum`, `shape`, `number`, `list`, `sum`, `text`.
    pub name: &'static str,
    /// The dataset or attribute.
    pub object: String,
    /// How many there are.
    pub n: u64,
    /// The first [`SHOWN`].
    pub first: Vec<Finding>,
}

/// Everything that is wrong, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// In the order of their first.
    pub kinds: Vec<Kind>,
}

impl Findings {
    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// How many there are in all.
    pub fn n(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.n).sum()
    }

    fn kind(&mut self, name: &'static str, object: &str) -> &mut Kind {
        let same = |kind: &Kind| kind.name == name && kind.object == object;
        let at = self.kinds.iter().position(same).unwrap_or(self.kinds.len()).min(KINDS - 1);
        if at == self.kinds.len() {
            self.kinds.push(Kind { name, object: object.to_owned(), n: 0, first: Vec::new() });
        }
        &mut self.kinds[at]
    }

    pub(super) fn add(&mut self, name: &'static str, object: &str, problem: impl FnOnce() -> String) {
        let kind = self.kind(name, object);
        kind.n += 1;
        if kind.first.len() < SHOWN {
            kind.first.push(Finding { object: object.to_owned(), problem: problem() });
        }
    }

    /// What a reader's check said.
    pub(super) fn add_error(&mut self, name: &'static str, error: StoreError) {
        match error {
            StoreError::Malformed { object, problem, .. } => self.add(name, &object, || problem),
            StoreError::Hdf5 { object, detail, .. } => self.add(name, &object, || format!("cannot be read: {detail}")),
            other => self.add(name, "file", || other.to_string()),
        }
    }

    pub(super) fn check(&mut self, name: &'static str, checked: Result<(), StoreError>) {
        if let Err(error) = checked {
            self.add_error(name, error);
        }
    }

    /// A check that gives findings until it can go no further.
    pub(super) fn check_with(&mut self, name: &'static str, check: impl FnOnce(&mut Self) -> Result<(), StoreError>) {
        if let Err(error) = check(self) {
            self.add_error(name, error);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for from in other.kinds {
            let kind = self.kind(from.name, &from.object);
            kind.n += from.n;
            let room = SHOWN - kind.first.len().min(SHOWN);
            kind.first.extend(from.first.into_iter().take(room));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_kind_are_kept_and_all_are_counted() {
        let mut all = Findings::default();
        assert!(all.is_empty());
        for start in [0, 15, 30] {
            let mut some = Findings::default();
            (start..start + 15).for_each(|i| some.add("number", "/a", || format!("row {i}")));
            all.merge(some);
        }
        all.add("sum", "/b", || "3 is not 4".to_owned());
        let first: Vec<String> = all.kinds[0].first.iter().map(ToString::to_string).collect();
        assert_eq!(first, (0..20).map(|i| format!("/a: row {i}")).collect::<Vec<_>>());
        assert_eq!((all.kinds[0].n, all.kinds.len(), all.n()), (45, 2, 46));
    }
}
