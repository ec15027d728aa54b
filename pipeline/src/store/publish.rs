//! A results file that exists is whole: it is made under a temporary name and renamed when it is on the disk.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::error::{Place, StoreError};

/// Puts the finished file `temporary` in the place of `path` (both in one directory): syncs the file, renames it,
/// syncs the directory. What was at `path` is replaced in one step.
pub fn publish(temporary: &Path, path: &Path) -> Result<(), StoreError> {
    sync_file(temporary).map_err(|error| Place::new(temporary).io("cannot sync", error))?;
    let place = Place::new(path);
    fs::rename(temporary, path).map_err(|error| place.io("cannot rename the finished file to this name", error))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match sync_file(folder) {
        Ok(()) => Ok(()),
        // Some file systems (network, FUSE) cannot sync a directory; the rename itself was taken.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        Err(error) => Err(Place::new(folder).io("cannot sync the folder", error)),
    }
}

pub(super) fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
