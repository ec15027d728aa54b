//! Files of simulated people: readable by their owner only, made under a hidden name, and never in the place of a file that
//! this command did not make.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::format::bgzf::Compression;
use crate::format::bgzf_source::ByteSource;
use crate::report::resources::human_bytes;

/// Begins the line that marks an output as simulated, after `##`.
pub const MARK: &str = "source=norna simulate";

/// Why a cohort cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// An output is there already.
    #[error("{0}: exists; use --force to replace it or choose another name")]
    Exists(PathBuf),
    /// What is there is something else.
    #[error(
        "{0}: exists and was not made by norna simulate: --force replaces simulated files only; choose another name"
    )]
    NotSimulated(PathBuf),
    /// A file of reads is something else, or was changed.
    #[error(
        "{}: the BAM of row {row} of its truth.tsv, or the index, is not as norna simulate made it: --force replaces \
         simulated files only; choose another name",
        folder.display()
    )]
    NotSimulatedRow {
        /// The folder.
        folder: PathBuf,
        /// From 1: the file's name may be the sample's.
        row: usize,
    },
    /// The output's folder is not there.
    #[error("{0}: there is no such folder; make it first or choose another name")]
    NoFolder(PathBuf),
    /// The file system says no.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not; part of the message, so no `source`.
        error: io::Error,
    },
    /// Another run holds the lock.
    #[error("{0}: another run is writing this output (its lock is held); wait for it or choose another name")]
    Locked(PathBuf),
    /// It takes more memory than there is.
    #[error(
        "--n-samples {n_samples}: this cohort takes about {} of memory and there are {}; ask for fewer samples, effects, \
         columns or threads",
        human_bytes(*needed),
        human_bytes(*available)
    )]
    Memory {
        /// Samples asked for.
        n_samples: usize,
        /// Bytes.
        needed: u64,
        /// Bytes.
        available: u64,
    },
    /// What was asked of reads cannot be.
    #[error("{0}")]
    Reads(String),
    /// A signal asked to stop.
    #[error("interrupted; nothing was left")]
    Interrupted,
    /// It was written but not put in its place.
    #[error(transparent)]
    Publish(#[from] crate::store::StoreError),
}

/// Refuses outputs that cannot be made or must not be replaced. `with_mark`: those that hold the mark, others follow them.
///
/// # Errors
/// [`SimulateError::NoFolder`], [`SimulateError::Exists`], [`SimulateError::NotSimulated`].
pub fn check(paths: &[PathBuf], force: bool, with_mark: impl Fn(&Path) -> bool) -> Result<(), SimulateError> {
    for path in paths {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            return Err(SimulateError::NoFolder(folder.to_owned()));
        }
        let Ok(found) = fs::symlink_metadata(path) else { continue };
        if !force {
            return Err(SimulateError::Exists(path.clone()));
        }
        if !found.is_file() || (with_mark(path) && !is_marked(path)) {
            return Err(SimulateError::NotSimulated(path.clone()));
        }
    }
    Ok(())
}

/// Whether the first bytes of a file, inflated, hold the mark.
pub fn is_marked(path: &Path) -> bool {
    let mark = format!("##{MARK}");
    let head = || -> io::Result<bool> {
        if !fs::symlink_metadata(path)?.is_file() {
            return Ok(false);
        }
        let mut head = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(File::open(path)?, 18), &mut head)?;
        let mut source = ByteSource::open(File::open(path)?, Compression::of(&head))?;
        Ok(memchr::memmem::find(source.fill()?, mark.as_bytes()).is_some())
    };
    head().unwrap_or(false)
}

/// Where the file `path` is made.
pub fn hidden_name(path: &Path) -> PathBuf {
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(path.file_name().unwrap_or_default());
    hidden.push(".simulate.tmp");
    path.with_file_name(hidden)
}

/// A file in the making; dropped without [`publish`](Self::publish), it leaves nothing.
pub struct NewFile {
    path: PathBuf,
    temporary: PathBuf,
    file: Option<BufWriter<File>>,
    n_bytes: u64,
}

impl NewFile {
    /// Begins the file that is to have the name `path`.
    ///
    /// # Errors
    /// [`SimulateError::Io`].
    pub fn create(path: &Path) -> Result<Self, SimulateError> {
        let temporary = hidden_name(path);
        let file = File::options().write(true).create_new(true).mode(0o600).open(&temporary);
        let file = file.map_err(|error| SimulateError::Io { path: path.to_owned(), error })?;
        let file = Some(BufWriter::with_capacity(1 << 18, file));
        Ok(Self { path: path.to_owned(), temporary, file, n_bytes: 0 })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// [`SimulateError::Io`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SimulateError> {
        if let Some(file) = &mut self.file {
            file.write_all(bytes).map_err(|error| SimulateError::Io { path: self.path.clone(), error })?;
        }
        self.n_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Its final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes written so far.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Puts all bytes on the disk; the time of the last change.
    ///
    /// # Errors
    /// [`SimulateError::Io`].
    pub fn seal(&mut self) -> Result<SystemTime, SimulateError> {
        let Some(file) = &mut self.file else { return Ok(SystemTime::UNIX_EPOCH) };
        let sealed = file.flush().and_then(|()| file.get_ref().sync_all());
        let changed = sealed.and_then(|()| file.get_ref().metadata()?.modified());
        changed.map_err(|error| SimulateError::Io { path: self.path.clone(), error })
    }

    /// Dates the sealed file no earlier than `other`: an index older than its file is taken for a stale one.
    pub fn date_after(&mut self, other: SystemTime) {
        if let Some(file) = &self.file {
            // Where times cannot be set, the one that it has serves: it was written after the other file was sealed.
            let _ = file.get_ref().set_modified(other.max(SystemTime::now()));
        }
    }

    /// Syncs the file and gives it its name.
    ///
    /// # Errors
    /// [`SimulateError::Io`], [`SimulateError::Publish`].
    pub fn publish(mut self) -> Result<(), SimulateError> {
        if let Some(mut file) = self.file.take() {
            file.flush().map_err(|error| SimulateError::Io { path: self.path.clone(), error })?;
        }
        Ok(crate::store::publish(&self.temporary, &self.path)?)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // It is gone already where it was published.
        let _ = fs::remove_file(&self.temporary);
    }
}
