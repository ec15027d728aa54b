//! What can go wrong with a store, in one line each: the file, the object in it, what was found.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Errors of writing and reading norna's HDF5 files.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system said no.
    #[error("{}: {action}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's answer; part of the message, so no `source`.
        cause: io::Error,
    },
    /// The disk is full.
    #[error("{}: no space left on device; free some, or write to another disk (a quota counts too)", path.display())]
    NoSpace {
        /// The file.
        path: PathBuf,
    },
    /// The HDF5 library said no.
    #[error(
        "{}: {object}: HDF5 cannot read or write it ({detail}): the file is damaged, unless the disk fails",
        path.display()
    )]
    Hdf5 {
        /// The file.
        path: PathBuf,
        /// The object in the file, or what was tried with the whole.
        object: String,
        /// The library's words.
        detail: String,
    },
    /// HDF5's mark at the start, and nothing that HDF5 can open.
    #[error("{}: the file is truncated or damaged, make it again ({detail})", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The library's words.
        detail: String,
    },
    /// Something else than a results file of norna.
    #[error("{}: not a results file of norna: {detail}", path.display())]
    NotNorna {
        /// The file.
        path: PathBuf,
        /// What was seen.
        detail: String,
    },
    /// A results file of another version of the format.
    #[error(
        "{}: format version {found}, and this norna reads version {supported}: use the norna that wrote it ({writer})",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Version that is read.
        supported: u32,
        /// `norna_version` of the file.
        writer: String,
    },
    /// A results file whose parts do not fit together.
    #[error("{}: {object}: {problem}; the file is damaged, make it again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The object in the file.
        object: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A file of hits was asked for other pairs.
    #[error(
        "{}: this file holds hits only (--store hits), and other pairs were asked for: lower them to its threshold, or \
         run again with --store full or compact",
        path.display()
    )]
    HitsOnly {
        /// The file.
        path: PathBuf,
    },
    /// The caller gave the store something it cannot hold, or asked for what is not there.
    #[error("{}: {problem}", path.display())]
    Argument {
        /// The file.
        path: PathBuf,
        /// What was given and what was expected.
        problem: String,
    },
}

/// Names the file in every error made while it is worked on.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: PathBuf,
}

impl Place {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf() }
    }

    /// Turns an answer of the library about `object` into ours.
    pub(super) fn h5<T>(&self, object: &str, answer: hdf5::Result<T>) -> Result<T, StoreError> {
        answer.map_err(|error| self.hdf5(object, &error.to_string()))
    }

    fn hdf5(&self, object: &str, text: &str) -> StoreError {
        match errno(text).map(io::Error::from_raw_os_error) {
            Some(cause) => self.io("cannot read or write", cause),
            None => {
                StoreError::Hdf5 { path: self.path.clone(), object: object.to_owned(), detail: plain(&one_line(text)) }
            }
        }
    }

    pub(super) fn io(&self, action: &'static str, cause: io::Error) -> StoreError {
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                StoreError::NoSpace { path: self.path.clone() }
            }
            _ => StoreError::Io { path: self.path.clone(), action, cause },
        }
    }

    pub(super) fn not_norna(&self, detail: impl Into<String>) -> StoreError {
        StoreError::NotNorna { path: self.path.clone(), detail: detail.into() }
    }

    pub(super) fn not_hdf5(&self, error: &hdf5::Error) -> StoreError {
        let detail = plain(&one_line(&error.to_string()));
        let mut mark = [0; 8];
        let read = std::fs::File::open(&self.path).and_then(|mut file| file.read_exact(&mut mark));
        match read.is_ok() && mark == *b"\x89HDF\r\n\x1a\n" {
            true => StoreError::Truncated { path: self.path.clone(), detail },
            false => self.not_norna(format!("HDF5 cannot open it ({detail})")),
        }
    }

    pub(super) fn malformed(&self, object: &str, problem: impl Into<String>) -> StoreError {
        StoreError::Malformed { path: self.path.clone(), object: object.to_owned(), problem: problem.into() }
    }

    pub(super) fn argument(&self, problem: impl Into<String>) -> StoreError {
        StoreError::Argument { path: self.path.clone(), problem: problem.into() }
    }
}

/// The library's messages can have lines; ours have one. What its file driver adds (": time = …, filename = …, buf = …") is
/// left out.
fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = [": time = ", ", filename = ", ", file descriptor = "].iter().filter_map(|mark| text.find(mark)).min();
    text[..end.unwrap_or(text.len())].to_owned()
}

/// Without the name of the library's function at the front: "H5Dopen2(): unable to open …".
fn plain(text: &str) -> String {
    match text.split_once("(): ") {
        Some((function, rest)) if function.starts_with("H5") => rest.to_owned(),
        _ => text.to_owned(),
    }
}

/// The system's error number in a message of the library's file driver: "…, errno = 28, error message = '…', …".
fn errno(text: &str) -> Option<i32> {
    let (_, rest) = text.split_once("errno = ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok().filter(|&errno| errno > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRIVER: &str = "H5Dwrite(): can't write data: file write failed: time = Sun Nov 22 02:00:00 2026\n, filename \
        = '/x/r.h5', file descriptor = 5, errno = 28, error message = 'No space left on device', buf = 0x55, total \
        write size = 8192, bytes this sub-write = 8192, bytes actually written = 18446744073709551615, offset = 0";

    #[test]
    fn a_full_disk_is_told_in_a_line() {
        let place = Place::new(Path::new("r.h5"));
        let text = place.hdf5("beta", DRIVER).to_string();
        assert!(text.starts_with("r.h5: no space left on device; "), "{text}");
        let quota = place.hdf5("beta", &DRIVER.replace("errno = 28", "errno = 122"));
        assert!(matches!(quota, StoreError::NoSpace { .. }));
        let other = place.hdf5("beta", &DRIVER.replace("errno = 28", "errno = 5")).to_string();
        assert!(other.starts_with("r.h5: cannot read or write: Input/output error"), "{other}");
        let unknown = place.hdf5("beta", &DRIVER.replace("errno = 28, ", "")).to_string();
        let said =
            "r.h5: beta: HDF5 cannot read or write it (can't write data: file write failed): the file is damaged";
        assert!(unknown.starts_with(said) && !unknown.contains("H5D"), "{unknown}");
    }
}
