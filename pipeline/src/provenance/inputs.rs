//! Inputs that a file was made of, looked for where they may be now.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::report::provenance::InputFile;

/// How an input is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// Size and checksum are those that were read.
    Same,
    /// It has another size.
    OtherSize,
    /// It has another content.
    OtherContent,
    /// It is not there.
    Missing,
    /// It was standard input, of which nothing is known.
    Stream,
}

/// An input and how it is found.
#[derive(Debug, Clone, Serialize)]
pub struct InputCheck {
    /// The flag that it was given by.
    pub role: String,
    /// Its name.
    pub name: String,
    /// How it is found.
    pub found: Found,
    /// Where; its name where it was not looked for with success.
    #[serde(skip)]
    pub path: PathBuf,
}

/// Looks for the inputs of a provenance: at `known` paths (by name), else in `folders`, the first that has the same one.
pub fn check_inputs(provenance: &Value, known: &[PathBuf], folders: &[PathBuf]) -> Vec<InputCheck> {
    let inputs = provenance["inputs"].as_array();
    inputs.into_iter().flatten().map(|input| check(input, known, folders)).collect()
}

fn check(input: &Value, known: &[PathBuf], folders: &[PathBuf]) -> InputCheck {
    let text = |key: &str| input[key].as_str().unwrap_or_default().to_owned();
    let (role, name) = (text("role"), text("name"));
    if name == "-" || input["bytes"].is_null() {
        return InputCheck { role, path: PathBuf::from(&name), name, found: Found::Stream };
    }
    let named = known.iter().filter(|path| path.file_name().is_some_and(|file| file.to_string_lossy() == name));
    let places = named.cloned().chain(folders.iter().map(|folder| folder.join(&name)));
    let mut best = (Found::Missing, PathBuf::from(&name));
    for path in places {
        let found = compare(input, &path);
        if found == Found::Same {
            best = (found, path);
            break;
        }
        if best.0 == Found::Missing && found != Found::Missing {
            best = (found, path);
        }
    }
    InputCheck { role, name, found: best.0, path: best.1 }
}

fn compare(input: &Value, path: &Path) -> Found {
    let Ok(now) = InputFile::describe("", path) else { return Found::Missing };
    if now.bytes != input["bytes"].as_u64() {
        return Found::OtherSize;
    }
    if now.sha256_head.as_deref() != input["sha256_head"].as_str() {
        return Found::OtherContent;
    }
    match input["sha256"].as_str() {
        None => Found::Same,
        Some(whole) => match now.with_whole_digest(path) {
            Ok(now) if now.sha256.as_deref() == Some(whole) => Found::Same,
            Ok(_) => Found::OtherContent,
            Err(_) => Found::Missing,
        },
    }
}
