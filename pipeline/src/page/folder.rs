//! The folder of a report: made under a temporary name and renamed whole. What is replaced is a report and nothing else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::PageError;

/// The file by which a folder is known as a report.
pub const MARKER: &str = "norna-report.json";
/// What the marker says.
pub const MARKER_FORMAT: &str = "norna-report";
/// Most bytes that a marker has.
const MARKER_BYTES: u64 = 1 << 16;

/// A report that is being written; dropped without [`finish`](Self::finish), it leaves nothing.
pub struct ReportFolder {
    target: PathBuf,
    temporary: PathBuf,
    replaces: bool,
    done: bool,
}

impl ReportFolder {
    /// Makes the temporary folder beside `path`. An empty folder at `path` is taken.
    ///
    /// # Errors
    /// Something is at `path` and is no report, or is one and `replace` is not set.
    pub fn create(path: &Path, replace: bool) -> Result<Self, PageError> {
        let Some(name) = path.file_name() else {
            return Err(PageError::refused(path, "not the name of a folder: give one, such as report/"));
        };
        // Without a trailing slash, which would follow a symbolic link.
        let target = path.with_file_name(name);
        let replaces = check_target(&target, replace)?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.tmp", std::process::id()));
        let temporary = target.with_file_name(hidden);
        fs::create_dir(&temporary).map_err(|error| PageError::write(&target, error))?;
        let folder = Self { target, temporary, replaces, done: false };
        for part in ["assets", "data", "licences"] {
            let part = folder.temporary.join(part);
            fs::create_dir(&part).map_err(|error| PageError::write(&part, error))?;
        }
        Ok(folder)
    }

    /// Writes a file of the report; its size in bytes.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<u64, PageError> {
        let path = self.temporary.join(name);
        fs::write(&path, bytes).map_err(|error| PageError::write(&self.target.join(name), error))?;
        Ok(bytes.len() as u64)
    }

    /// Gives the folder its name.
    pub fn finish(mut self) -> Result<(), PageError> {
        let failed = |error: io::Error| PageError::write(&self.target, error);
        if self.replaces {
            // Looked at again: minutes have passed.
            check_target(&self.target, true)?;
            let old = self.temporary.with_extension("old");
            fs::rename(&self.target, &old).map_err(failed)?;
            if let Err(error) = fs::rename(&self.temporary, &self.target) {
                // The old report comes back; if it cannot, it is still there under the temporary name.
                let _ = fs::rename(&old, &self.target);
                return Err(failed(error));
            }
            fs::remove_dir_all(&old).map_err(failed)?;
        } else {
            fs::rename(&self.temporary, &self.target).map_err(failed)?;
        }
        self.done = true;
        Ok(())
    }
}

impl Drop for ReportFolder {
    fn drop(&mut self) {
        if !self.done {
            // Nothing to do if it is gone already.
            let _ = fs::remove_dir_all(&self.temporary);
        }
    }
}

/// Whether there is a report to replace.
fn check_target(path: &Path, replace: bool) -> Result<bool, PageError> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(PageError::write(path, error)),
        Ok(metadata) => metadata,
    };
    if metadata.is_symlink() {
        return Err(PageError::refused(path, "is a symbolic link, which is not replaced: name the folder itself"));
    }
    if !metadata.is_dir() {
        return Err(PageError::refused(path, "is a file, not a folder: choose another name"));
    }
    let is_empty = fs::read_dir(path).map_err(|error| PageError::write(path, error))?.next().is_none();
    if is_empty {
        return Ok(false);
    }
    if !is_report(path) {
        return Err(PageError::refused(path, "is a folder that is no report of norna: choose another name"));
    }
    if !replace {
        return Err(PageError::Exists { path: path.to_path_buf() });
    }
    match foreign_entry(path).map_err(|error| PageError::write(path, error))? {
        None => Ok(true),
        Some(entry) => {
            let problem = format!("holds {}, which is no part of a report: move it away first", entry.display());
            Err(PageError::refused(path, problem))
        }
    }
}

fn is_report(path: &Path) -> bool {
    let marker = path.join(MARKER);
    let is_file = fs::symlink_metadata(&marker).is_ok_and(|found| found.is_file() && found.len() <= MARKER_BYTES);
    let text = if is_file { fs::read(&marker).unwrap_or_default() } else { Vec::new() };
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    value["format"] == MARKER_FORMAT
}

/// Something in a report's folder that no report has.
fn foreign_entry(path: &Path) -> io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let kind = entry.file_type()?;
        let known = match name.to_str() {
            Some("index.html" | MARKER) => kind.is_file(),
            Some(part @ ("assets" | "data" | "licences")) if kind.is_dir() => {
                let ends = if part == "licences" { &[".txt"][..] } else { &[".js", ".css"] };
                if let Some(found) = foreign_file(&entry.path(), ends)? {
                    return Ok(Some(Path::new(part).join(found)));
                }
                true
            }
            _ => false,
        };
        if !known {
            return Ok(Some(PathBuf::from(name)));
        }
    }
    Ok(None)
}

fn foreign_file(folder: &Path, ends: &[&str]) -> io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let known = name.to_str().is_some_and(|name| ends.iter().any(|end| name.ends_with(end)));
        if !known || !entry.file_type()?.is_file() {
            return Ok(Some(PathBuf::from(name)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report_at(path: &Path, replace: bool) -> Result<(), PageError> {
        let folder = ReportFolder::create(path, replace)?;
        folder.write("index.html", b"<!doctype html>")?;
        folder.write(MARKER, br#"{"format":"norna-report"}"#)?;
        folder.write("data/overview.js", b"1")?;
        folder.finish()
    }

    #[test]
    fn only_a_report_is_replaced() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("report");
        report_at(&path.join(""), false).unwrap();
        assert!(report_at(&path, false).unwrap_err().to_string().ends_with("exists; --force replaces a report"));
        report_at(&path, true).unwrap();

        fs::write(path.join("data/notes.txt"), "mine").unwrap();
        let refused = report_at(&path, true).unwrap_err().to_string();
        assert!(refused.contains("data/notes.txt"), "{refused}");
        assert_eq!(fs::read_to_string(path.join("data/notes.txt")).unwrap(), "mine");
        fs::remove_file(path.join("data/notes.txt")).unwrap();

        let link = room.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for name in [link.clone(), link.join("")] {
            assert!(report_at(&name, true).unwrap_err().to_string().contains("symbolic link"));
        }
        let other = room.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("index.html"), "mine").unwrap();
        assert!(report_at(&other, true).unwrap_err().to_string().contains("no report"));
        let file = room.path().join("file");
        fs::write(&file, "mine").unwrap();
        assert!(report_at(&file, true).unwrap_err().to_string().contains("is a file"));
        let empty = room.path().join("empty");
        fs::create_dir(&empty).unwrap();
        report_at(&empty, false).unwrap();
        let left: Vec<_> = fs::read_dir(room.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{left:?}");
    }
}
