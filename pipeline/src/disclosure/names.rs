//! Folders, users and hosts: in /provenance, and in the names of traits, which every export repeats.

use serde_json::{Value, json};

use super::differencing::Sizes;
use super::{Finding, Policy, Verdict};

/// Keys of /provenance that name people and machines.
const NAMING_KEYS: [&str; 5] = ["user", "hosts", "host", "folder", "paths"];

/// What of /provenance and of the traits' names tells of people and machines.
pub(super) fn names(provenance: &Value, sizes: &Sizes, policy: &Policy) -> Finding {
    let (mut keys, mut paths) = (Vec::new(), 0);
    look(provenance, &mut keys, &mut paths);
    let odd = n_odd(sizes);
    let told = if keys.is_empty() { String::new() } else { format!(" and {}", keys.join(", ")) };
    let mut reasons = Vec::new();
    if !keys.is_empty() || paths > 0 {
        reasons.push(
            "where and by whom it was computed is in the file: run again without --provenance-paths, or export tables",
        );
    }
    if odd > 0 {
        reasons.push(RENAME);
    }
    Finding {
        rule: "names",
        verdict: if reasons.is_empty() { Verdict::Pass } else { policy.names.verdict },
        measured: format!("{paths} texts with folders{told} in /provenance, {odd} names of traits that look like them"),
        asked: "no folder, user or host".to_owned(),
        reason: reasons.join("; "),
        numbers: json!({ "paths": paths, "keys": keys, "trait_names": odd }),
    }
}

const RENAME: &str = "names of traits that look like folders or addresses go out with every export: rename these traits and \
                      run again";

/// Of the traits' names alone.
pub(super) fn of_traits(sizes: &Sizes, policy: &Policy) -> Finding {
    let odd = n_odd(sizes);
    Finding {
        rule: "names",
        verdict: if odd > 0 { policy.names.verdict } else { Verdict::Pass },
        measured: format!("{odd} names of traits that look like folders or addresses"),
        asked: "no folder, user or host".to_owned(),
        reason: if odd > 0 { RENAME.to_owned() } else { String::new() },
        numbers: json!({ "trait_names": odd }),
    }
}

fn n_odd(sizes: &Sizes) -> usize {
    sizes.traits.iter().filter(|(name, _)| is_folder(name) || name.contains('@')).count()
}

fn look(value: &Value, keys: &mut Vec<String>, paths: &mut usize) {
    match value {
        Value::String(text) => *paths += usize::from(is_folder(text)),
        Value::Array(items) => items.iter().for_each(|item| look(item, keys, paths)),
        Value::Object(parts) => {
            for (key, part) in parts {
                if NAMING_KEYS.contains(&key.as_str()) && !part.is_null() {
                    keys.push(key.clone());
                }
                look(part, keys, paths);
            }
        }
        _ => {}
    }
}

fn is_folder(text: &str) -> bool {
    text.split(['=', ' ', '@']).any(|part| (part.starts_with('/') && part.len() > 1) || part.starts_with("~/"))
        || text.contains(":\\")
}
