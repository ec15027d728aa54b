//! What scontrol shows and norna does not understand: it is named, since a draft without a word looks complete.

use super::scontrol::{Record, Shown, known, list};
use crate::slurm::time::SlurmTime;

/// Lines at most; thousands of nodes may share a fault.
const MOST: usize = 20;
/// Letters of a value that are shown.
const LETTERS: usize = 60;

/// A line for each value that is no number, no time or no weight.
pub fn of(shown: &Shown) -> Vec<String> {
    let mut lines = Vec::new();
    for record in &shown.nodes {
        let keys = ["Sockets", "CoresPerSocket", "ThreadsPerCore", "CPUTot", "RealMemory", "MemSpecLimit"];
        numbers("node", "NodeName", record, &keys, &mut lines);
    }
    for record in &shown.partitions {
        numbers("partition", "PartitionName", record, &["MaxNodes", "MaxMemPerCPU"], &mut lines);
        let mut odd = |key: &str, value: &str| lines.push(line("partition", "PartitionName", record, key, value));
        if let Some(time) = known(record, "MaxTime").filter(|text| text.parse::<SlurmTime>().is_err()) {
            odd("MaxTime", time);
        }
        for pair in list(record, "TRESBillingWeights").iter().filter(|pair| !is_weight(pair)) {
            odd("TRESBillingWeights", pair);
        }
    }
    numbers("config", "", &shown.config, &["JobRequeue"], &mut lines);
    let more = lines.len().saturating_sub(MOST);
    lines.truncate(MOST);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

/// What none of the readers makes a number of.
fn numbers(what: &str, name: &str, record: &Record, keys: &[&str], lines: &mut Vec<String>) {
    for key in keys {
        if let Some(value) = known(record, key).filter(|value| value.parse::<u32>().is_err()) {
            lines.push(line(what, name, record, key, value));
        }
    }
}

fn line(what: &str, name: &str, record: &Record, key: &str, value: &str) -> String {
    let short = |text: &str| text.chars().take(LETTERS).collect::<String>().escape_debug().to_string();
    let name = known(record, name).map_or(String::new(), |name| format!(" {}", short(name)));
    format!("{what}{name}: {key}={}", short(value))
}

/// A weight and its unit's letter, such as "0.25G".
pub fn weight(text: &str) -> Option<(f64, &str)> {
    let (number, suffix) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    let is_unit = suffix.is_empty() || ["K", "M", "G", "T", "P"].iter().any(|unit| suffix.eq_ignore_ascii_case(unit));
    let number = number.parse::<f64>().ok().filter(|weight| weight.is_finite() && *weight >= 0.0)?;
    is_unit.then_some((number, suffix))
}

/// Whether `pair` is a name, an equals sign and a weight.
pub fn is_weight(pair: &str) -> bool {
    pair.split_once('=').is_some_and(|(_, text)| weight(text).is_some())
}
