//! Two cards side by side: what differs by more than a tenth, and why it may.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::card::{Card, CardError};

/// Ratios within this of 1 count as the same.
pub const TOLERANCE: f64 = 0.10;

/// One measure on two cards.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// What was measured.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// On the first card.
    pub a: Option<f64>,
    /// On the second.
    pub b: Option<f64>,
    /// The second over the first.
    pub ratio: Option<f64>,
    /// Whether they differ by more than [`TOLERANCE`].
    pub differs: bool,
}

/// What two cards say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Why the cards may not be comparable.
    pub warnings: Vec<String>,
    /// Everything that either card has.
    pub measures: Vec<Measure>,
}

/// Compares the cards of two files.
///
/// # Errors
/// A file is no card.
pub fn run(a: &Path, b: &Path) -> Result<Comparison, CardError> {
    Ok(Comparison::new(&Card::read(a)?, &Card::read(b)?))
}

impl Comparison {
    /// Of two cards.
    pub fn new(a: &Card, b: &Card) -> Self {
        let (of_a, of_b) = (values(a), values(b));
        let mut measures: Vec<Measure> = of_a
            .iter()
            .map(|(name, unit, value)| {
                let other = of_b.iter().find(|(n, u, _)| n == name && u == unit).map(|(_, _, value)| *value);
                Measure::new(name, unit, Some(*value), other)
            })
            .collect();
        let only_b = of_b.iter().filter(|(name, unit, _)| !of_a.iter().any(|(n, u, _)| n == name && u == unit));
        measures.extend(only_b.map(|(name, unit, value)| Measure::new(name, unit, None, Some(*value))));
        Self { warnings: warnings(a, b), measures }
    }
}

impl Measure {
    fn new(name: &str, unit: &str, a: Option<f64>, b: Option<f64>) -> Self {
        let ratio = a.zip(b).filter(|(a, _)| *a != 0.0).map(|(a, b)| b / a);
        let differs = ratio.is_some_and(|ratio| !(1.0 / (1.0 + TOLERANCE)..=1.0 + TOLERANCE).contains(&ratio));
        Self { name: name.to_owned(), unit: unit.to_owned(), a, b, ratio, differs }
    }
}

/// Name, unit and value of everything that a card has.
fn values(card: &Card) -> Vec<(String, String, f64)> {
    let mut all = Vec::new();
    let mut put = |name: String, unit: &str, value: f64| all.push((name, unit.to_owned(), value));
    for stage in &card.stages {
        put(format!("{}, one thread", stage.name), &stage.unit, stage.one_thread);
        if let Some(value) = stage.all_threads {
            put(format!("{}, all threads", stage.name), &stage.unit, value);
        }
    }
    if let Some(memory) = &card.memory {
        put("memory copy, one thread".into(), "GB/s", memory.copy_one_thread * 1e-9);
        put("memory copy, all threads".into(), "GB/s", memory.copy_all_threads * 1e-9);
        put("memory read, one thread".into(), "GB/s", memory.read_one_thread * 1e-9);
        put("memory read, all threads".into(), "GB/s", memory.read_all_threads * 1e-9);
    }
    if let Some(files) = &card.file_system {
        put("file write".into(), "GB/s", files.write * 1e-9);
        let cached = if files.read_cached { " from memory" } else { "" };
        put(format!("file read{cached}"), "GB/s", files.read * 1e-9);
        put("file append and sync".into(), "ms", files.sync * 1e3);
        put("file create, rename, open, remove".into(), "ms", files.create * 1e3);
    }
    if let Some(messages) = &card.messages {
        put("message, one way".into(), "µs", messages.latency * 1e6);
        put("claim, there and back".into(), "µs", messages.claim * 1e6);
        put("message bandwidth".into(), "GB/s", messages.bandwidth * 1e-9);
    }
    all
}

fn warnings(a: &Card, b: &Card) -> Vec<String> {
    let hosts = |card: &Card| card.messages.map_or_else(|| "none".to_owned(), |m| m.hosts.to_string());
    let ranks = |card: &Card| card.messages.map_or(card.machine.ranks, |m| m.ranks).to_string();
    let pairs = [
        ("versions of norna", a.norna_version.clone(), b.norna_version.clone()),
        ("processors", a.machine.cpu.clone(), b.machine.cpu.clone()),
        ("architectures", a.machine.architecture.clone(), b.machine.architecture.clone()),
        ("instruction sets", a.machine.isa.clone(), b.machine.isa.clone()),
        ("cores", a.machine.cores.to_string(), b.machine.cores.to_string()),
        ("threads", a.machine.threads.to_string(), b.machine.threads.to_string()),
        ("ranks", ranks(a), ranks(b)),
        ("hosts that sent messages", hosts(a), hosts(b)),
    ];
    let differ = pairs.into_iter().filter(|(_, a, b)| a != b);
    differ.map(|(what, a, b)| format!("the cards are of different {what}: {a} and {b}")).collect()
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.2}"));
        writeln!(f, "{:<52}{:>12}{:>12}{:>8}  unit", "measure", "a", "b", "b/a")?;
        for measure in &self.measures {
            let Measure { name, unit, a, b, ratio, differs } = measure;
            let mark = if *differs { "  differs" } else { "" };
            writeln!(f, "{name:<52}{:>12}{:>12}{:>8}  {unit}{mark}", cell(*a), cell(*b), cell(*ratio))?;
        }
        let n = self.measures.iter().filter(|measure| measure.differs).count();
        writeln!(f, "\n{n} of {} differ by more than {:.0} %", self.measures.len(), 100.0 * TOLERANCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::card::{FORMAT, FORMAT_VERSION, FileSystem, Machine, Memory, Stage};
    use crate::plan::Rates;

    fn card(rate: f64) -> Card {
        let stage = |name: &str, one_thread| Stage {
            name: name.into(),
            unit: "GB/s".into(),
            one_thread,
            all_threads: Some(2.0 * rate),
            limit: None,
        };
        Card {
            format: FORMAT.into(),
            format_version: FORMAT_VERSION,
            norna_version: "1".into(),
            date: "2026-01-01".into(),
            machine: Machine::here(2, 1),
            stages: vec![stage("inflate", rate), stage("decode", 3.0)],
            rates: Rates::default(),
            memory: Some(Memory {
                threads: 2,
                copy_one_thread: 1e10,
                copy_all_threads: 2e10,
                read_one_thread: rate * 1e9,
                read_all_threads: 2e10,
            }),
            file_system: None,
            messages: None,
        }
    }

    #[test]
    fn what_differs_by_more_than_a_tenth_is_marked_both_ways() {
        for (a, b, differs) in
            [(1.0, 1.05, false), (1.0, 1.2, true), (1.2, 1.0, true), (1.0, 0.92, false), (1.0, 1.0, false)]
        {
            let comparison = Comparison::new(&card(a), &card(b));
            let marked: Vec<_> = comparison.measures.iter().filter(|m| m.differs).map(|m| m.name.as_str()).collect();
            let expected =
                ["inflate, one thread", "inflate, all threads", "decode, all threads", "memory read, one thread"];
            assert_eq!(marked, if differs { &expected[..] } else { &[] }, "{a} {b}");
            assert!((comparison.measures[0].ratio.unwrap() - b / a).abs() < 1e-12);
            assert!(comparison.warnings.is_empty());
        }
    }

    #[test]
    fn other_machines_are_warned_of_and_single_measures_shown() {
        let (a, mut b) = (card(1.0), card(1.0));
        b.machine.isa = "sse9".into();
        b.machine.threads = 7;
        b.file_system =
            Some(FileSystem { bytes: 1, write: 1e9, read: 1e9, read_cached: true, sync: 1e-3, create: 1e-4 });
        let comparison = Comparison::new(&a, &b);
        assert_eq!(comparison.warnings.len(), 2, "{:?}", comparison.warnings);
        assert!(comparison.warnings[0].contains("sse9") && comparison.warnings[1].contains('7'));
        let write = comparison.measures.iter().find(|m| m.name == "file write").unwrap();
        assert_eq!((write.a, write.ratio, write.differs), (None, None, false));
        let table = comparison.to_string();
        assert!(table.contains("file read from memory") && table.contains("0 of 12 differ"), "{table}");
    }
}
