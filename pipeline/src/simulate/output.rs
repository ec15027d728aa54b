//! Files of simulated people: readable by their owner only, made under a hidden name, and never in the place of a file that
//! this command did not make.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::format::bgzf::Compression;
use crate::format::bgzf_source::ByteSource;

/// Begins the line that marks an output as simulated, after `##`.
pub const MARK: &str = "source=norna simulate";

/// Why a cohort cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// An output is there already.
    #[error("{0}: exists; use --force to replace it or choose another --out")]
    Exists(PathBuf),
    /// What is there is something else.
    #[error(
        "{0}: exists and was not made by norna simulate: --force replaces simulated files only; choose another --out"
    )]
    NotSimulated(PathBuf),
    /// The output's folder is not there.
    #[error("{0}: there is no such folder; make it first or choose another --out")]
    NoFolder(PathBuf),
    /// The file system says no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
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
fn is_marked(path: &Path) -> bool {
    let mark = format!("##{MARK}");
    let head = || -> io::Result<bool> {
        let mut head = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(File::open(path)?, 18), &mut head)?;
        let mut source = ByteSource::open(File::open(path)?, Compression::of(&head))?;
        Ok(memchr::memmem::find(source.fill()?, mark.as_bytes()).is_some())
    };
    head().unwrap_or(false)
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
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(path.file_name().unwrap_or_default());
        hidden.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(hidden);
        let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&temporary);
        let file = file.map_err(|source| SimulateError::Io { path: path.to_owned(), source })?;
        let file = Some(BufWriter::with_capacity(1 << 18, file));
        Ok(Self { path: path.to_owned(), temporary, file, n_bytes: 0 })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// [`SimulateError::Io`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SimulateError> {
        if let Some(file) = &mut self.file {
            file.write_all(bytes).map_err(|source| SimulateError::Io { path: self.path.clone(), source })?;
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

    /// Syncs the file and gives it its name.
    ///
    /// # Errors
    /// [`SimulateError::Io`], [`SimulateError::Publish`].
    pub fn publish(mut self) -> Result<(), SimulateError> {
        if let Some(mut file) = self.file.take() {
            file.flush().map_err(|source| SimulateError::Io { path: self.path.clone(), source })?;
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
