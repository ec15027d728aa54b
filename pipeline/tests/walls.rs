//! The house keeps its walls: what each part may name, read from the sources.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Every Rust source under `folder`, as (path from the workspace, text without comments).
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![workspace().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = without_comments(&std::fs::read_to_string(&path).unwrap());
                let name = path.strip_prefix(workspace()).unwrap().to_str().unwrap().to_owned();
                found.push((name, text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no sources under {folder}");
    found
}

fn without_comments(text: &str) -> String {
    let code = |line: &str| line.split("//").next().unwrap_or("").to_owned();
    text.lines().map(code).collect::<Vec<_>>().join("\n")
}

/// Whether `text` has `path` as the beginning of a Rust path: not inside a longer name, and followed by `::` unless it
/// ends so already or is imported whole. A module that the file itself declares by that name is not meant.
fn names(text: &str, path: &str) -> bool {
    if text.contains(&format!("mod {path};")) {
        return false;
    }
    text.match_indices(path).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = &text[at + path.len()..];
        let starts = !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
        let goes_on = after.starts_with("::") || after.starts_with(';') || after.starts_with(" as ");
        starts && (path.ends_with(':') || goes_on)
    })
}

/// The text with `a::{b::c, d}` written out as `a::b::c; a::d;` after it, so that grouped imports are seen as well.
fn with_groups(text: &str) -> String {
    let mut all = text.to_owned();
    for (at, _) in text.match_indices("::{") {
        let stem = text[..at].rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').next().unwrap_or("");
        let mut depth = 0;
        let mut item = String::new();
        for c in text[at + 3..].chars() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    all.push_str(&format!("\n{stem}::{};", item.trim()));
                    item.clear();
                    if c == '}' {
                        break;
                    }
                    continue;
                }
                _ => {}
            }
            item.push(c);
        }
    }
    all
}

/// Panics where a source outside `allowed` names one of `paths`.
#[track_caller]
fn assert_only(folder: &str, paths: &[&str], allowed: &[&str]) {
    let mut broken = Vec::new();
    for (file, text) in sources(folder) {
        if allowed.iter().any(|prefix| file.starts_with(prefix)) {
            continue;
        }
        let text = with_groups(&text);
        broken.extend(paths.iter().filter(|path| names(&text, path)).map(|path| format!("{file} names {path}")));
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn kernels_know_no_files_mpi_hdf5_logs_or_threads() {
    let kept_out = [
        "std::fs",
        "std::io",
        "std::net",
        "std::thread",
        "std::process",
        "mpi",
        "hdf5",
        "hdf5_metno",
        "noodles",
        "serde",
        "serde_json",
        "log",
        "tracing",
        "rayon",
        "crossbeam",
    ];
    assert_only("kernels/src", &kept_out, &[]);
    let manifest = std::fs::read_to_string(workspace().join("kernels/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap().to_owned();
    for name in kept_out {
        let named = dependencies.lines().any(|line| line.starts_with(name));
        assert!(!named, "kernels/Cargo.toml depends on {name}");
    }
}

#[test]
fn unsafe_lives_under_arch_only() {
    for (file, text) in sources("kernels/src").into_iter().chain(sources("pipeline/src")) {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        let has = words.into_iter().any(|word| word == "unsafe");
        let allowed = file.starts_with("kernels/src/arch");
        assert!(!has || allowed, "{file} has unsafe code");
    }
}

#[test]
fn source_sink_and_comm_do_not_know_one_another() {
    let parts = ["source", "sink", "comm"];
    for part in parts {
        let others: Vec<String> =
            parts.iter().filter(|other| **other != part).map(|other| format!("crate::{other}")).collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        assert_only(&format!("pipeline/src/{part}"), &others, &[]);
    }
}

#[test]
fn simulate_knows_neither_readers_nor_runs() {
    let kept_out = ["crate::source", "crate::sink", "crate::comm", "crate::run", "crate::cohort", "crate::shard"];
    assert_only("pipeline/src/simulate", &kept_out, &[]);
}

#[test]
fn only_comm_names_mpi() {
    assert_only("pipeline/src", &["mpi", "mpi_sys"], &["pipeline/src/comm/mpi"]);
}

#[test]
fn only_store_names_hdf5() {
    assert_only("pipeline/src", &["hdf5", "hdf5_metno", "hdf5_metno_sys"], &["pipeline/src/store/"]);
}

#[test]
fn only_format_names_noodles() {
    let crates =
        ["noodles", "noodles_bgzf", "noodles_vcf", "noodles_bcf", "noodles_bam", "noodles_csi", "noodles_tabix"];
    assert_only("pipeline/src", &crates, &["pipeline/src/format/"]);
}

#[test]
fn nothing_is_a_module_for_everything() {
    for (file, _) in sources("kernels/src").into_iter().chain(sources("pipeline/src")) {
        let vague = ["utils", "util", "common", "helpers", "helper", "misc"];
        let parts: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
        assert!(!parts.iter().any(|part| vague.contains(part)), "{file}: what is it for?");
    }
}

#[test]
fn names_finds_paths_and_not_parts_of_words() {
    assert!(names("use mpi::traits;", "mpi"));
    assert!(names("let w = mpi::initialize();", "mpi"));
    assert!(names("use hdf5 as h;", "hdf5"));
    assert!(!names("use crate::comm::mpi::World;", "mpi"));
    assert!(!names("mod mpi_world;", "mpi"));
    assert!(!names("let mpi = 3;", "mpi"));
    assert!(!names("mod mpi;\nlet w = mpi::World::new();", "mpi"));
    assert!(names("use crate::sink::rows;", "crate::sink"));
    assert!(!names("use crate::sinking::rows;", "crate::sink"));
    assert!(names(&with_groups("use std::{collections::BTreeMap, fs};"), "std::fs"));
    assert!(names(&with_groups("use crate::{comm::Tag, sink::{rows, spool}};"), "crate::sink"));
    assert!(!names(&with_groups("use std::{fmt, mem::{self, fs}};"), "std::fs"));
}
