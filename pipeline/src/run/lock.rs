//! The lock of a working folder.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::workdir::WorkdirError;

/// A lock, held while this lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// Others would see it; a file system without locks has none that tells.
    pub tells: bool,
}

impl Lock {
    /// Whether nobody shares it, now or while this lives.
    pub fn is_ours_alone(&self) -> bool {
        self.tells && self.file.try_lock().is_ok()
    }
}

/// Whether a process of this system holds the lock of `dir`; none where there is no telling.
pub fn is_held(dir: &Path) -> Option<bool> {
    let path = dir.join("lock");
    if !fs::symlink_metadata(&path).ok()?.is_file() {
        return None;
    }
    match File::open(path).ok()?.try_lock() {
        Ok(()) => Some(false),
        Err(TryLockError::WouldBlock) => Some(true),
        Err(TryLockError::Error(_)) => None,
    }
}

/// Locks `dir/lock`, making sure that the file locked is the one of that name: its last holder removes it.
/// None where somebody else has it; `shared`: others may share it.
pub fn lock_in(dir: &Path, shared: bool) -> Result<Option<Lock>, WorkdirError> {
    let path = dir.join("lock");
    let io = |source| WorkdirError::Io { path: path.clone(), source };
    loop {
        if fs::symlink_metadata(&path).is_ok_and(|meta| !meta.is_file()) {
            return Err(WorkdirError::Stray(path));
        }
        let file = match File::create(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(dir).map_err(io)?;
                continue;
            }
            other => other.map_err(io)?,
        };
        match if shared { file.try_lock_shared() } else { file.try_lock() } {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {
                log::warn!("this file system has no locks; make sure that no other run writes this output");
                return Ok(Some(Lock { file, tells: false }));
            }
            Err(TryLockError::Error(e)) => return Err(io(e)),
        }
        let same = fs::metadata(&path).is_ok_and(|there| file.metadata().is_ok_and(|mine| mine.ino() == there.ino()));
        if same {
            return Ok(Some(Lock { file, tells: true }));
        }
    }
}
