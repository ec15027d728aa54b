//! A stem in one run's hands: the lock that keeps others off its outputs, and what an earlier run left of them.
//!
//! Lock and temporaries have fixed hidden names, so that a run that was killed leaves at most one of each, and the next
//! run of that name takes them over.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::output::{SimulateError, hidden_name, is_marked};

/// Ends of names of genotypes.
pub const GENOTYPE_ENDS: [&str; 4] = [".vcf.gz", ".vcf.bgz", ".vcf", ".bcf"];
/// Ends of names of tables.
const TABLE_ENDS: [&str; 3] = [".pheno.tsv", ".covar.tsv", ".truth.tsv"];
/// Ends of names of indices, after those of genotypes.
const INDEX_ENDS: [&str; 2] = [".tbi", ".csi"];

/// The name of `out` without the end that says the format.
pub fn stem_of(out: &Path) -> String {
    let name = super::file_name(out);
    GENOTYPE_ENDS.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name).to_owned()
}

/// The lock of a stem, held while this lives; its file is removed with it.
#[derive(Debug)]
pub struct Claim {
    lock_path: PathBuf,
    _lock: File,
}

impl Claim {
    /// Takes the lock of the stem of `out`.
    ///
    /// # Errors
    /// [`SimulateError::Locked`], [`SimulateError::Io`].
    pub fn take(out: &Path) -> Result<Self, SimulateError> {
        let lock_path = out.with_file_name(format!(".{}.simulate.lock", stem_of(out)));
        let io = |error| SimulateError::Io { path: lock_path.clone(), error };
        loop {
            let lock = File::options().write(true).create(true).truncate(false).mode(0o600).open(&lock_path);
            let lock = lock.map_err(io)?;
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(SimulateError::Locked(out.to_owned())),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    log::warn!("this file system has no locks; make sure that no other run writes this output");
                    return Ok(Self { lock_path, _lock: lock });
                }
                Err(TryLockError::Error(error)) => return Err(io(error)),
            }
            // The last holder may have removed the file that was locked here.
            let there = fs::metadata(&lock_path);
            if there.is_ok_and(|there| lock.metadata().is_ok_and(|mine| mine.ino() == there.ino())) {
                return Ok(Self { lock_path, _lock: lock });
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.lock_path);
    }
}

/// Removes the temporaries that a killed run of the same stem left.
pub fn clear_leftovers(out: &Path) {
    for path in all_names(out) {
        let _ = fs::remove_file(hidden_name(&path));
    }
}

/// Files of an earlier cohort of the same stem that `outputs` do not replace: those that hold the mark, and indices of
/// genotypes that do.
pub fn stale(out: &Path, outputs: &[PathBuf]) -> Vec<PathBuf> {
    let stem = stem_of(out);
    let mut found = Vec::new();
    let mut add = |path: PathBuf| {
        let regular = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file());
        if regular && !outputs.contains(&path) {
            found.push(path);
        }
    };
    for end in GENOTYPE_ENDS {
        let path = out.with_file_name(format!("{stem}{end}"));
        if is_marked(&path) {
            INDEX_ENDS.iter().for_each(|index| add(with_end(&path, index)));
            add(path);
        }
    }
    for end in TABLE_ENDS {
        let path = out.with_file_name(format!("{stem}{end}"));
        if is_marked(&path) {
            add(path);
        }
    }
    found
}

/// Every name that a run of the stem can make.
pub fn all_names(out: &Path) -> Vec<PathBuf> {
    let stem = stem_of(out);
    let beside = |end: &str| out.with_file_name(format!("{stem}{end}"));
    let genotypes: Vec<PathBuf> = GENOTYPE_ENDS.iter().map(|end| beside(end)).collect();
    let indices = genotypes.iter().flat_map(|path| INDEX_ENDS.iter().map(|index| with_end(path, index)));
    TABLE_ENDS.iter().map(|end| beside(end)).chain(indices).chain(genotypes.iter().cloned()).collect()
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_a_stem_whatever_the_format_and_no_lock_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let first = Claim::take(&dir.path().join("c.vcf.gz")).unwrap();
        assert!(matches!(Claim::take(&dir.path().join("c.bcf")), Err(SimulateError::Locked(_))));
        Claim::take(&dir.path().join("d.bcf")).unwrap();
        drop(first);
        Claim::take(&dir.path().join("c.bcf")).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
