//! A folder that exists under its name only when it is whole: it is made beside it, and renamed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::ExportError;

/// What lies in each folder that norna made, and names its files; readers of data sets pass over names with an underscore.
pub const MANIFEST: &str = "_norna_export.json";

/// A folder in the making; dropped without [`finish`](Self::finish), it leaves nothing.
pub struct Folder {
    temporary: PathBuf,
    path: PathBuf,
}

impl Folder {
    /// Begins a folder at `path`. What exists is refused, but for an empty folder and, with `replace`, one that holds an
    /// export of norna's and nothing else.
    pub fn create(path: &Path, replace: bool) -> Result<Self, ExportError> {
        let path = match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_symlink() => {
                fs::canonicalize(path).map_err(|error| ExportError::write(path, error))?
            }
            _ => path.to_path_buf(),
        };
        let Some(name) = path.file_name() else {
            return Err(ExportError::write(&path, io::Error::other("not the name of a folder")));
        };
        if fs::metadata(&path).is_ok() {
            refuse_what_is_there(&path, replace)?;
        }
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(hidden);
        fs::create_dir(&temporary).map_err(|error| ExportError::write(&path, error))?;
        Ok(Self { temporary, path })
    }

    /// Where its files are made.
    pub fn place(&self) -> &Path {
        &self.temporary
    }

    /// Names `files` in the manifest beside `about`, an object, and gives the folder its name.
    pub fn finish(self, about: Value, files: &[String]) -> Result<(), ExportError> {
        let failed = |error| ExportError::write(&self.path, error);
        let mut manifest = about;
        manifest["files"] = json!(files);
        fs::write(self.temporary.join(MANIFEST), format!("{manifest:#}\n")).map_err(failed)?;
        let old = self.temporary.with_extension("old");
        let is_there = fs::metadata(&self.path).is_ok();
        if is_there {
            fs::rename(&self.path, &old).map_err(failed)?;
        }
        if let Err(error) = crate::store::publish(&self.temporary, &self.path) {
            if is_there {
                // The new one is gone then; the old one is better than none.
                let _ = fs::rename(&old, &self.path);
            }
            return Err(error.into());
        }
        if is_there {
            fs::remove_dir_all(&old).map_err(failed)?;
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing to do if it has its name already.
        let _ = fs::remove_dir_all(&self.temporary);
    }
}

fn refuse_what_is_there(path: &Path, replace: bool) -> Result<(), ExportError> {
    let failed = |error| ExportError::write(path, error);
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Err(ExportError::NotAFolder { path: path.to_path_buf() });
    }
    let mut found = Vec::new();
    list(path, Path::new(""), &mut found).map_err(failed)?;
    if found.is_empty() {
        return Ok(());
    }
    if !replace {
        return Err(ExportError::Exists { path: path.to_path_buf() });
    }
    let manifest = fs::read_to_string(path.join(MANIFEST)).ok();
    let manifest: Option<Value> = manifest.and_then(|text| serde_json::from_str(&text).ok());
    let named: Option<Vec<String>> =
        manifest.and_then(|manifest| serde_json::from_value(manifest["files"].clone()).ok());
    let is_ours = |file: &String, named: &[String]| file == MANIFEST || named.contains(file);
    match named.map(|named| found.iter().find(|file| !is_ours(file, &named))) {
        Some(None) => Ok(()),
        Some(Some(foreign)) => Err(ExportError::Foreign { path: path.join(foreign) }),
        None => Err(ExportError::Foreign { path: path.to_path_buf() }),
    }
}

/// The files under `folder`, as paths from it.
fn list(folder: &Path, under: &Path, found: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder.join(under))? {
        let entry = entry?;
        let name = under.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            list(folder, &name, found)?;
        } else {
            found.push(name.to_string_lossy().into_owned());
        }
    }
    Ok(())
}
