//! What two files say of themselves: what was run, and which datasets differ.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Comparison;
use crate::store::LedgerTable;

/// Keys of /provenance that tell two programs apart.
const VERSIONS: [&str; 5] = ["norna_version", "numeric_version", "hdf5_version", "mpi", "isa"];

/// Commands, flags, inputs and versions.
pub(super) fn of_runs(comparison: &mut Comparison, [a, b]: &[Value; 2]) {
    for key in ["command", "field", "covariates"].iter().chain(&VERSIONS) {
        if a[key] != b[key] {
            comparison.run(*key, a[key].clone(), b[key].clone());
        }
    }
    let keys = |value: &Value| -> BTreeSet<String> {
        value["configuration"].as_object().into_iter().flat_map(|flags| flags.keys().cloned()).collect()
    };
    for key in keys(a).union(&keys(b)) {
        let (mine, theirs) = (&a["configuration"][key], &b["configuration"][key]);
        if mine != theirs {
            comparison.run(format!("--{key}"), mine.clone(), theirs.clone());
        }
    }
    let (mine, theirs) = (inputs(a), inputs(b));
    for name in mine.keys().collect::<BTreeSet<_>>().union(&theirs.keys().collect()) {
        let (mine, theirs) = (mine.get(*name), theirs.get(*name));
        if mine != theirs {
            let told = |input: Option<&Value>| input.cloned().unwrap_or(Value::Null);
            comparison.run(format!("input --{name}"), told(mine), told(theirs));
        }
    }
}

/// Inputs by role and name, each with its size and checksums.
fn inputs(provenance: &Value) -> BTreeMap<String, Value> {
    let items = provenance["inputs"].as_array().into_iter().flatten();
    let one = |input: &Value| {
        let text = |key: &str| input[key].as_str().unwrap_or_default();
        (format!("{} {}", text("role"), text("name")), serde_json::json!([input["bytes"], input["sha256_head"]]))
    };
    items.map(one).collect()
}

/// Names of datasets that differ.
pub(super) fn datasets([a, b]: &[Vec<(String, [u8; 32])>; 2]) -> Vec<String> {
    let plain = |name: &str| name.split(' ').next().unwrap_or_default().to_owned();
    let of = |parts: &[(String, [u8; 32])]| -> BTreeMap<String, (String, [u8; 32])> {
        parts.iter().map(|part| (plain(&part.0), part.clone())).collect()
    };
    let (a, b) = (of(a), of(b));
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    names.into_iter().filter(|name| a.get(*name) != b.get(*name)).cloned().collect()
}

/// Counts of a ledger that differ.
pub(super) fn ledgers(comparison: &mut Comparison, name: &str, [a, b]: [&LedgerTable; 2]) {
    let counts = |table: &LedgerTable| -> BTreeMap<String, u64> {
        table.entries.iter().map(|entry| (entry.name.clone(), entry.count)).collect()
    };
    let (a, b) = (counts(a), counts(b));
    for entry in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
        let (mine, theirs) = (a.get(entry).copied().unwrap_or(0), b.get(entry).copied().unwrap_or(0));
        if mine != theirs {
            comparison.content(format!("ledger of {name}: {entry}"), mine, theirs);
        }
    }
}
