//! Files that benches write: checked before anything is measured, and never in the place of what another program wrote.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::Path;

use crate::run::UsageError;

/// What is written, known again by how it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A card.
    Card,
    /// Scaling as JSON.
    Scaling,
    /// The chart of scaling.
    Chart,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Card => "card of norna bench",
            Self::Scaling => "JSON of norna bench scaling",
            Self::Chart => "chart of norna bench scaling",
        }
    }

    fn is_start(self, start: &str) -> bool {
        let (first, mark) = match self {
            Self::Card => ("{", "\"format\": \"norna-card\""),
            Self::Scaling => ("{", "\"format\": \"norna-scaling\""),
            Self::Chart => ("<svg", "Efficiency of norna assoc by ranks"),
        };
        start.starts_with(first) && start.contains(mark)
    }
}

/// Checks that `path` can be written: its folder is there, and it is new, or, with `force`, a file of the same kind.
///
/// # Errors
/// [`UsageError`], which begins with `flag`.
pub fn check(flag: &str, path: &Path, kind: Kind, force: bool) -> Result<(), UsageError> {
    let refuse = |why: String| Err(UsageError(format!("{flag} {}: {why}", path.display())));
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = path.file_name() else { return refuse("a file is meant, such as card.json".to_owned()) };
    if !parent.is_dir() {
        return refuse(format!("the folder {} is not there", parent.display()));
    }
    if let Ok(found) = fs::symlink_metadata(path) {
        // A link is followed, to a file that is there.
        let file = if found.is_symlink() { fs::metadata(path).ok() } else { Some(found) };
        if !file.is_some_and(|file| file.is_file()) {
            return refuse("exists and is no file; give another name".to_owned());
        }
        let what = kind.name();
        if !start_of(path).is_some_and(|start| kind.is_start(&start)) {
            return refuse(format!("exists and is no {what}: it is left as it is; give another name"));
        }
        if !force {
            return refuse(format!("exists; --force replaces a {what}"));
        }
        return match OpenOptions::new().append(true).open(path) {
            Ok(_) => Ok(()),
            Err(error) => refuse(format!("cannot be written: {error}")),
        };
    }
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.tmp", std::process::id()));
    let hidden = parent.join(hidden);
    match OpenOptions::new().write(true).create_new(true).open(&hidden) {
        Ok(_) => {
            // Nothing to do if it is gone already.
            let _ = fs::remove_file(&hidden);
            Ok(())
        }
        Err(error) => refuse(format!("cannot be written: {error}")),
    }
}

/// Checks that a folder for what is simulated is there.
///
/// # Errors
/// [`UsageError`].
pub fn check_folder(dir: &Path) -> Result<(), UsageError> {
    if dir.is_dir() {
        return Ok(());
    }
    Err(UsageError(format!("--dir {}: is no folder that exists; make it first or give another", dir.display())))
}

fn start_of(path: &Path) -> Option<String> {
    let mut start = Vec::new();
    File::open(path).ok()?.take(4096).read_to_end(&mut start).ok()?;
    Some(String::from_utf8_lossy(&start).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_same_kind_are_replaced_and_only_with_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let said = |kind, force| check("--out", &path, kind, force).map_err(|error| error.to_string());
        assert_eq!(said(Kind::Card, false), Ok(()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "checking leaves nothing");
        for (text, kind) in [
            ("{\n  \"format\": \"norna-card\",", Kind::Card),
            ("{\n  \"format\": \"norna-scaling\",", Kind::Scaling),
            ("<svg role=\"img\"><title id=\"title\">Efficiency of norna assoc by ranks</title>", Kind::Chart),
            ("#!/bin/sh\n# \"format\": \"norna-card\"", Kind::Card),
        ] {
            fs::write(&path, text).unwrap();
            let is_own = !text.starts_with('#');
            let without = said(kind, false).unwrap_err();
            assert!(without.contains(if is_own { "--force replaces" } else { "left as it is" }), "{without}");
            assert_eq!(said(kind, true).is_ok(), is_own, "{text}");
            let other = if kind == Kind::Card { Kind::Chart } else { Kind::Card };
            assert!(said(other, true).unwrap_err().contains("left as it is"));
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let no_file = |path: &Path| check("--out", path, Kind::Card, true).unwrap_err().to_string();
        assert!(no_file(folder.path()).contains("is no file"));
        assert!(no_file(&path.join("card.json")).contains("is not there"));
        assert!(check_folder(folder.path()).is_ok() && check_folder(&path).is_err());
    }
}
