//! The folder of the files: made under a hidden name, put in its place as a whole, and never in the place of what this
//! command did not make.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::super::output::{SimulateError, hidden_name};
use super::own::{Foreign, first_foreign};

/// The table of what the files hold; it marks the folder.
pub const TRUTH: &str = "truth.tsv";
/// The list of files.
pub const LIST: &str = "bams.txt";
/// The genome.
pub const REFERENCE: &str = "reference.fa";
/// Its index.
pub const REFERENCE_INDEX: &str = "reference.fa.fai";
/// The sites.
pub const SITES: &str = "sites.vcf.gz";
/// Their index.
pub const SITES_INDEX: &str = "sites.vcf.gz.tbi";

/// A folder in the making; dropped without [`publish`](Self::publish), it leaves nothing.
pub struct Folder {
    path: PathBuf,
    hidden: PathBuf,
    /// Whether files were in it when the new ones were begun.
    replaces: bool,
}

impl Folder {
    /// Refuses a folder that cannot be made or must not be replaced.
    ///
    /// # Errors
    /// [`SimulateError::NoFolder`], [`SimulateError::Exists`], [`SimulateError::NotSimulated`],
    /// [`SimulateError::NotSimulatedRow`].
    pub fn check(path: &Path, force: bool) -> Result<(), SimulateError> {
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !parent.is_dir() {
            return Err(SimulateError::NoFolder(parent.to_owned()));
        }
        let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
        if !found.is_dir() {
            return Err(SimulateError::NotSimulated(path.to_owned()));
        }
        let names = names_in(path)?;
        if names.is_empty() {
            return Ok(());
        }
        if !force {
            return Err(SimulateError::Exists(path.to_owned()));
        }
        match first_foreign(path, &names) {
            None => Ok(()),
            Some(Foreign::File(name)) => Err(SimulateError::NotSimulated(path.join(name))),
            Some(Foreign::OfRow(row)) => Err(SimulateError::NotSimulatedRow { folder: path.to_owned(), row }),
        }
    }

    /// Removes what killed runs left.
    pub fn clear_leftovers(path: &Path) {
        for hidden in [hidden_name(path), old_name(path)] {
            let _ = fs::remove_dir_all(hidden);
        }
    }

    /// Begins the folder that is to have the name `path`.
    ///
    /// # Errors
    /// [`SimulateError::Io`].
    pub fn create(path: &Path) -> Result<Self, SimulateError> {
        let hidden = hidden_name(path);
        let made = DirBuilder::new().mode(0o700).create(&hidden);
        made.map_err(|error| SimulateError::Io { path: path.to_owned(), error })?;
        let replaces = names_in(path).is_ok_and(|names| !names.is_empty());
        Ok(Self { path: path.to_owned(), hidden, replaces })
    }

    /// Where a file of the folder will be.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A new file in it.
    ///
    /// # Errors
    /// [`SimulateError::Io`].
    pub fn file(&self, name: &str) -> Result<File, SimulateError> {
        self.create_file(name).map_err(|error| self.error(name, error))
    }

    /// The same, with the plain error.
    ///
    /// # Errors
    /// The file system's.
    pub fn create_file(&self, name: &str) -> io::Result<File> {
        File::options().read(true).write(true).create_new(true).mode(0o600).open(self.hidden.join(name))
    }

    /// A file beside the others that has no name.
    ///
    /// # Errors
    /// [`SimulateError::Io`].
    pub fn scratch_file(&self, name: &str) -> Result<File, SimulateError> {
        let file = self.file(name)?;
        fs::remove_file(self.hidden.join(name)).map_err(|error| self.error(name, error))?;
        Ok(file)
    }

    /// Writes a whole file and puts it on the disk; its bytes.
    ///
    /// # Errors
    /// [`SimulateError::Io`].
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<u64, SimulateError> {
        self.write_file(name, bytes).map_err(|error| self.error(name, error))
    }

    /// The same, with the plain error.
    ///
    /// # Errors
    /// The file system's.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> io::Result<u64> {
        let mut file = self.create_file(name)?;
        io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        Ok(bytes.len() as u64)
    }

    /// An error of a file, by the name that it is to have.
    pub fn error(&self, name: &str, error: io::Error) -> SimulateError {
        SimulateError::Io { path: self.path_of(name), error }
    }

    /// An error of a sample's file, by its number: its name may be the sample's.
    pub fn error_of_file(&self, file_idx: usize, error: io::Error) -> SimulateError {
        let error = io::Error::new(error.kind(), format!("line {} of {LIST}: {error}", file_idx + 1));
        SimulateError::Io { path: self.path.clone(), error }
    }

    /// Gives the folder its name; an earlier one goes, unless something else came into it in the meantime.
    ///
    /// # Errors
    /// As [`check`](Self::check); [`SimulateError::Io`], [`SimulateError::Publish`].
    pub fn publish(self) -> Result<(), SimulateError> {
        Self::check(&self.path, self.replaces)?;
        let io = |error| SimulateError::Io { path: self.path.clone(), error };
        let old = old_name(&self.path);
        if self.path.exists() {
            fs::rename(&self.path, &old).map_err(io)?;
        }
        crate::store::publish(&self.hidden, &self.path)?;
        let _ = fs::remove_dir_all(old);
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is gone already where it was published.
        let _ = fs::remove_dir_all(&self.hidden);
    }
}

/// Where an earlier folder waits while the new one gets its name.
fn old_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".simulate.old");
    path.with_file_name(name)
}

/// Names of what is in a folder, in order; none where it is not there.
fn names_in(path: &Path) -> Result<Vec<OsString>, SimulateError> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => {
            entries.and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>())
        }
    };
    let mut names = entries.map_err(|error| SimulateError::Io { path: path.to_owned(), error })?;
    names.sort_unstable();
    Ok(names)
}
