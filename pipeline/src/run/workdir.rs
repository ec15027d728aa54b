//! The folder beside an output where a run works: its lock, its spools, and results.h5 until it is whole.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why an output cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum WorkdirError {
    /// The output is there already.
    #[error("{0}: exists; use --force to replace it or choose another --out")]
    Exists(PathBuf),
    /// What is there is no results file, so `--force` does not replace it.
    #[error("{0}: exists and is {1}: --force replaces results files only; choose another --out")]
    NotResults(PathBuf, &'static str),
    /// The log's name is taken by something else.
    #[error("{0}: exists and is no log of norna; the log goes there, so choose another --out")]
    NotLog(PathBuf),
    /// Another run holds the lock.
    #[error("{0}: another run is writing this output (its lock is held); wait for it or choose another --out")]
    Locked(PathBuf),
    /// The output's folder is not there.
    #[error("{0}: there is no such folder; make it first or choose another --out")]
    NoFolder(PathBuf),
    /// The file system says no.
    #[error("{path}: {source}")]
    Io {
        /// What was to be made or removed.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The working folder of one output, held by rank 0 while the run lasts and removed with it.
#[derive(Debug)]
pub struct Workdir {
    dir: PathBuf,
    out: PathBuf,
    _lock: File,
}

/// The working folder of `out`: "results.h5" works in "results.h5.norna".
pub fn folder_of(out: &Path) -> PathBuf {
    with_suffix(out, ".norna")
}

/// Where results.h5 is built in a working folder.
pub fn unfinished_in(dir: &Path) -> PathBuf {
    dir.join("unfinished.h5")
}

/// The log beside `out`: "results.h5.log".
pub fn log_of(out: &Path) -> PathBuf {
    with_suffix(out, ".log")
}

fn with_suffix(out: &Path, suffix: &str) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Starts every HDF5 file.
const HDF5_SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Starts every log.
const LOG_START: &[u8] = b"norna ";
/// Links that are followed from --out, at most.
const MAX_LINKS: usize = 40;

/// The file that `out` stands for: a link is followed, so that it is not replaced by a file.
pub fn resolve_links(out: &Path) -> PathBuf {
    let mut path = out.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => break,
        }
    }
    path
}

/// Refuses an output that cannot be made or must not be replaced, and a log that would replace something else.
///
/// # Errors
/// [`WorkdirError::Exists`], [`WorkdirError::NotResults`], [`WorkdirError::NotLog`], [`WorkdirError::NoFolder`].
pub fn check_output(out: &Path, force: bool) -> Result<(), WorkdirError> {
    let folder = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(WorkdirError::NoFolder(folder.to_owned()));
    }
    if out.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(WorkdirError::NotResults(out.to_owned(), "a folder"));
    }
    let log = log_of(out);
    if log.exists() && !(log.is_file() && starts_with(&log, LOG_START)) {
        return Err(WorkdirError::NotLog(log));
    }
    match fs::metadata(out) {
        Err(_) => Ok(()),
        Ok(meta) if meta.is_dir() => Err(WorkdirError::NotResults(out.to_owned(), "a folder")),
        Ok(meta) if !meta.is_file() => Err(WorkdirError::NotResults(out.to_owned(), "no regular file")),
        Ok(_) if !force => Err(WorkdirError::Exists(out.to_owned())),
        Ok(_) if starts_with(out, HDF5_SIGNATURE) => Ok(()),
        Ok(_) => Err(WorkdirError::NotResults(out.to_owned(), "no HDF5 file")),
    }
}

/// Whether a file begins so; an empty one does.
fn starts_with(path: &Path, start: &[u8]) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(start.len() as u64).read_to_end(&mut head));
    read.is_ok() && start.starts_with(&head) && (head.len() == start.len() || head.is_empty())
}

impl Workdir {
    /// Takes the lock of `out` and clears what a dead run left.
    ///
    /// # Errors
    /// [`WorkdirError`].
    pub fn claim(out: &Path, force: bool) -> Result<Self, WorkdirError> {
        check_output(out, force)?;
        let dir = folder_of(out);
        fs::create_dir_all(&dir).map_err(|source| WorkdirError::Io { path: dir.clone(), source })?;
        let lock = lock_in(&dir)?;
        let workdir = Self { dir, out: out.to_owned(), _lock: lock };
        // Once more under the lock: the run that held it may just have published.
        check_output(out, force)?;
        workdir.clear_leftovers()?;
        Ok(workdir)
    }

    fn clear_leftovers(&self) -> Result<(), WorkdirError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| WorkdirError::Io { path, source }
        };
        for entry in fs::read_dir(&self.dir).map_err(io(&self.dir))? {
            let path = entry.map_err(io(&self.dir))?.path();
            if path.file_name().is_some_and(|name| name != "lock") {
                fs::remove_file(&path).map_err(io(&path))?;
            }
        }
        Ok(())
    }

    /// Where spools go.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where results.h5 is built.
    pub fn unfinished_output(&self) -> PathBuf {
        unfinished_in(&self.dir)
    }

    /// The final name.
    pub fn out(&self) -> &Path {
        &self.out
    }
}

impl Drop for Workdir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Locks `dir/lock`, making sure that the file locked is the one of that name: its last holder removes it.
fn lock_in(dir: &Path) -> Result<File, WorkdirError> {
    let path = dir.join("lock");
    let io = |source| WorkdirError::Io { path: path.clone(), source };
    loop {
        let file = match File::create(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(dir).map_err(io)?;
                continue;
            }
            other => other.map_err(io)?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(WorkdirError::Locked(dir.to_owned())),
            Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {
                log::warn!("this file system has no locks; make sure that no other run writes this output");
                return Ok(file);
            }
            Err(TryLockError::Error(e)) => return Err(io(e)),
        }
        let same = fs::metadata(&path).is_ok_and(|there| file.metadata().is_ok_and(|mine| mine.ino() == there.ino()));
        if same {
            return Ok(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_refused_and_a_third_may_follow() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("r.h5");
        let first = Workdir::claim(&out, false).unwrap();
        fs::write(first.dir().join("rank-0.spool"), "x").unwrap();
        assert!(matches!(Workdir::claim(&out, false), Err(WorkdirError::Locked(_))));
        drop(first);
        let third = Workdir::claim(&out, false).unwrap();
        assert_eq!(fs::read_dir(third.dir()).unwrap().count(), 1, "only the lock");
    }

    #[test]
    fn an_existing_output_needs_force() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("r.h5");
        fs::write(&out, HDF5_SIGNATURE).unwrap();
        assert!(matches!(Workdir::claim(&out, false), Err(WorkdirError::Exists(_))));
        Workdir::claim(&out, true).unwrap();
    }

    #[test]
    fn what_is_no_results_file_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let table = dir.path().join("traits.tsv");
        fs::write(&table, "IID\ty\n").unwrap();
        assert!(matches!(check_output(&table, true), Err(WorkdirError::NotResults(..))));
        assert!(matches!(check_output(dir.path(), true), Err(WorkdirError::NotResults(..))));
        fs::write(dir.path().join("r.h5.log"), "IID\ty\n").unwrap();
        assert!(matches!(check_output(&dir.path().join("r.h5"), true), Err(WorkdirError::NotLog(_))));
        fs::write(dir.path().join("r.h5.log"), "norna 0.1.0\n").unwrap();
        check_output(&dir.path().join("r.h5"), false).unwrap();
    }

    #[test]
    fn links_are_followed_even_where_nothing_is_yet() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("r.h5");
        std::os::unix::fs::symlink("elsewhere.h5", &link).unwrap();
        assert_eq!(resolve_links(&link), dir.path().join("elsewhere.h5"));
    }
}
