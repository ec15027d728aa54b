//! The folder beside an output where a run works: its lock, its record, its spools, and results.h5 until it is whole. It stays
//! where a run ends with finished shards and without results, and the next run goes on from there.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use memchr::memmem;

use super::attempt::{self, ATTEMPT_FILE, Attempt};
use super::lock::{Lock, lock_in};
use super::run_record::{RECORD_FILE, RunRecord};
use crate::format::bgzf::Compression;
use crate::format::bgzf_source::ByteSource;
use crate::format::gl_bcf::MARK;
use crate::sink::scan::{Depth, scan};
use crate::sink::spool::spool_names;
use crate::store::ResultsReader;

/// Why an output cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum WorkdirError {
    /// The output is there already.
    #[error("{0}: exists; use --force to replace it or choose another --out")]
    Exists(PathBuf),
    /// What is there is no results file, so `--force` does not replace it.
    #[error("{0}: exists and is {1}: --force replaces norna's outputs only; choose another --out")]
    NotResults(PathBuf, &'static str),
    /// The log's name is taken by something else.
    #[error("{0}: exists and is no log of norna; the log goes there, so choose another --out")]
    NotLog(PathBuf),
    /// What is there is the work of another run.
    #[error(
        "{dir}: holds {n_shards} finished shards of another run: {difference}; give what it was given to go on with it, \
         --fresh to start over, or another --out"
    )]
    AnotherRun {
        /// The working folder.
        dir: PathBuf,
        /// Finished shards there.
        n_shards: usize,
        /// What is different.
        difference: String,
    },
    /// Something else stands where the working folder or a file of it goes.
    #[error("{0}: is in the way of the working folder of this output; move it away or choose another --out")]
    Stray(PathBuf),
    /// The output's folder is not there.
    #[error("{0}: there is no such folder; make it first or choose another --out")]
    NoFolder(PathBuf),
    /// The file system says no.
    #[error("{path}: cannot write: {source}")]
    Io {
        /// What was to be made or removed.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// How a run comes to its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Manner {
    /// Replace results that are there.
    pub force: bool,
    /// Drop finished shards that are there.
    pub fresh: bool,
    /// Work beside others.
    pub join: bool,
    /// The batch system has begun this job again.
    pub requeued: bool,
}

impl Manner {
    /// Whether results that are there may turn out to be those of this very run.
    fn may_be_done(self) -> bool {
        self.join || self.requeued
    }
}

/// What an output is, so that `--force` replaces that and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputKind {
    /// An HDF5 file.
    Hdf5,
    /// Likelihoods: BCF with norna's mark in its header.
    Likelihoods,
    /// A table that starts so.
    Table(&'static str),
}

impl OutputKind {
    /// What every such file begins with.
    fn signature(self) -> &'static [u8] {
        match self {
            Self::Hdf5 => b"\x89HDF\r\n\x1a\n",
            Self::Likelihoods => b"\x1f\x8b\x08\x04",
            Self::Table(start) => start.as_bytes(),
        }
    }

    /// What a file is called that is not one.
    fn otherwise(self) -> &'static str {
        match self {
            Self::Hdf5 => "no HDF5 file",
            Self::Likelihoods => "no file of likelihoods that norna made",
            Self::Table(_) => "no such table of norna's",
        }
    }
}

/// What came of claiming an output.
#[derive(Debug)]
pub enum Claimed {
    /// The folder is this process's.
    Ours(Workdir),
    /// A living run has it: one line.
    Busy(String),
}

/// What is in a folder for this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adopted {
    /// Nothing yet.
    Nothing,
    /// Spools to go on with.
    Spools,
    /// The results stand already.
    Done,
}

/// The working folder of one output, held by rank 0 while the run lasts.
#[derive(Debug)]
pub struct Workdir {
    dir: PathBuf,
    out: PathBuf,
    manner: Manner,
    attempt: Option<Attempt>,
    removed: bool,
    lock: Lock,
}

/// The working folder of `out`: "results.h5" works in "results.h5.norna".
pub fn folder_of(out: &Path) -> PathBuf {
    with_suffix(out, ".norna")
}

/// Where results.h5 is built in a working folder.
pub fn unfinished_in(dir: &Path) -> PathBuf {
    dir.join("unfinished.h5")
}

/// A new file that its owner alone can read.
///
/// # Errors
/// It cannot be made.
pub fn create_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // Of one that was there the mode stays as it was.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
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
pub fn check_output(out: &Path, kind: OutputKind, force: bool) -> Result<(), WorkdirError> {
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
        Ok(_) if starts_with(out, kind.signature()) && (kind != OutputKind::Likelihoods || is_marked(out)) => Ok(()),
        Ok(_) => Err(WorkdirError::NotResults(out.to_owned(), kind.otherwise())),
    }
}

/// Whether the header of a BCF file has norna's mark.
fn is_marked(path: &Path) -> bool {
    let head = || -> io::Result<bool> {
        let mut source = ByteSource::open(File::open(path)?, Compression::Bgzf)?;
        let head = source.fill()?;
        Ok(head.starts_with(b"BCF") && memmem::find(head, MARK.as_bytes()).is_some())
    };
    head().unwrap_or(false)
}

/// Whether a file begins so; an empty one does.
fn starts_with(path: &Path, start: &[u8]) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(start.len() as u64).read_to_end(&mut head));
    read.is_ok() && start.starts_with(&head) && (head.len() == start.len() || head.is_empty())
}

/// How long a job that was begun again waits for its predecessor to end.
const PATIENCE: Duration = Duration::from_secs(30);

impl Workdir {
    /// Takes the lock of `out`, whose output may be there if `manner` says so.
    ///
    /// # Errors
    /// [`WorkdirError`].
    pub fn claim(out: &Path, kind: OutputKind, manner: Manner) -> Result<Claimed, WorkdirError> {
        let may_be_there = manner.force || manner.may_be_done();
        check_output(out, kind, may_be_there)?;
        let dir = folder_of(out);
        fs::create_dir_all(&dir).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => WorkdirError::Stray(dir.clone()),
            _ => WorkdirError::Io { path: dir.clone(), source },
        })?;
        let begin = Instant::now();
        let lock = loop {
            match lock_in(&dir, manner.join)? {
                Some(lock) => break lock,
                None if manner.requeued && begin.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(500)),
                None => {
                    return Ok(Claimed::Busy(format!(
                        "{}: another run is writing this output (its lock is held); this one stands back",
                        out.display()
                    )));
                }
            }
        };
        let is_locked = lock.tells;
        let workdir = Self { dir, out: out.to_owned(), manner, attempt: None, removed: false, lock };
        // Once more under the lock: the run that held it may just have published.
        check_output(out, kind, may_be_there)?;
        if !manner.join && attempt::is_somebody_alive(&workdir.dir, is_locked) {
            return Ok(Claimed::Busy(format!(
                "{}: an earlier attempt at this output is alive; this one stands back",
                out.display()
            )));
        }
        Ok(Claimed::Ours(workdir))
    }

    /// Makes the folder this run's, and takes the turn.
    ///
    /// # Errors
    /// [`WorkdirError::AnotherRun`], [`WorkdirError::Exists`] for the results of another run, [`WorkdirError::Io`].
    pub fn adopt(&mut self, run: &RunRecord) -> Result<Adopted, WorkdirError> {
        if self.manner.may_be_done() && self.out.exists() {
            if digest_of_results(&self.out).is_some_and(|digest| digest == run.digest) {
                return Ok(Adopted::Done);
            }
            if !self.manner.force {
                return Err(WorkdirError::Exists(self.out.clone()));
            }
        }
        let stamps = self.stamps()?;
        let n_shards = stamps.values().sum();
        let then = RunRecord::read(&self.dir);
        let same = match &then {
            Some(then) => then.digest == run.digest,
            None => stamps.keys().all(|&stamp| stamp == run.stamp()),
        };
        let foreign = stamps.keys().any(|&stamp| stamp != run.stamp());
        if n_shards > 0 && !self.manner.fresh && (!same || foreign) {
            let difference = then
                .filter(|_| !same)
                .map_or_else(|| "spools of it lie among those of this one".to_owned(), |then| run.differences(&then));
            return Err(WorkdirError::AnotherRun { dir: self.dir.clone(), n_shards, difference });
        }
        if !self.manner.join {
            self.clear(n_shards == 0 || self.manner.fresh)?;
        }
        for name in [RECORD_FILE, ATTEMPT_FILE] {
            if fs::symlink_metadata(self.dir.join(name)).is_ok_and(|meta| !meta.is_file()) {
                return Err(WorkdirError::Stray(self.dir.join(name)));
            }
        }
        run.write(&self.dir).map_err(self.io())?;
        if !self.manner.join {
            self.attempt = Some(Attempt::begin(&self.dir).map_err(self.io())?);
        }
        Ok(if n_shards > 0 && !self.manner.fresh { Adopted::Spools } else { Adopted::Nothing })
    }

    /// Finished shards in the spools, by the run that they are of.
    fn stamps(&self) -> Result<BTreeMap<u64, usize>, WorkdirError> {
        let mut stamps = BTreeMap::new();
        for name in spool_names(&self.dir).map_err(self.io())? {
            let path = self.dir.join(name);
            // One that cannot be read now is for the scan to report.
            for shard in scan(&path, 0, Depth::Headers).unwrap_or_default().shards.values() {
                *stamps.entry(shard.stamp).or_insert(0) += 1;
            }
        }
        Ok(stamps)
    }

    /// Removes results that are not whole, and with `all` everything but the lock.
    fn clear(&self, all: bool) -> Result<(), WorkdirError> {
        for entry in fs::read_dir(&self.dir).map_err(self.io())? {
            let path = entry.map_err(self.io())?.path();
            let name = path.file_name().unwrap_or_default();
            let is_kept = name.as_encoded_bytes().ends_with(b".spool") || name == ATTEMPT_FILE;
            if name != "lock" && is_own(name) && (all || !is_kept) {
                fs::remove_file(&path).map_err(|source| match source.kind() {
                    io::ErrorKind::IsADirectory => WorkdirError::Stray(path),
                    _ => WorkdirError::Io { path, source },
                })?;
            }
        }
        Ok(())
    }

    fn io(&self) -> impl Fn(io::Error) -> WorkdirError {
        let path = self.dir.clone();
        move |source| WorkdirError::Io { path: path.clone(), source }
    }

    /// Where spools go.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Keeps the folder from others: what single people's reads show lies in its spools. Where that cannot be, the output
    /// itself is still its owner's.
    pub fn make_private(&self) {
        use std::os::unix::fs::PermissionsExt;
        let _ = fs::set_permissions(&self.dir, fs::Permissions::from_mode(0o700));
    }

    /// Where results.h5 is built.
    pub fn unfinished_output(&self) -> PathBuf {
        unfinished_in(&self.dir)
    }

    /// The final name.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// This attempt; none where jobs work side by side.
    pub fn attempt(&self) -> Option<&Attempt> {
        self.attempt.as_ref()
    }

    /// Removes the folder: its results are published.
    pub fn remove(&mut self) {
        self.removed = true;
        // The folder may be a link to one elsewhere, and people put things into folders.
        let real = fs::canonicalize(&self.dir).unwrap_or_else(|_| self.dir.clone());
        for entry in fs::read_dir(&real).into_iter().flatten().flatten() {
            if is_own(&entry.file_name()) {
                let _ = fs::remove_file(entry.path());
            }
        }
        let _ = fs::remove_dir(&real);
        if fs::symlink_metadata(&self.dir).is_ok_and(|meta| meta.is_symlink()) {
            let _ = fs::remove_file(&self.dir);
        }
    }

    /// Makes sure that nothing has appeared under the final name since the run began.
    ///
    /// # Errors
    /// [`WorkdirError::Exists`].
    pub fn check_still_free(&self, digest: &str) -> Result<(), WorkdirError> {
        let is_same = || self.manner.may_be_done() && digest_of_results(&self.out).is_some_and(|there| there == digest);
        if self.manner.force || !self.out.exists() || is_same() {
            return Ok(());
        }
        Err(WorkdirError::Exists(self.out.clone()))
    }

    /// Removes the folder if nobody has put anything there but the lock.
    pub fn remove_if_empty(&mut self) {
        let is_lock = |entry: io::Result<fs::DirEntry>| entry.is_ok_and(|entry| entry.file_name() == "lock");
        if fs::read_dir(&self.dir).is_ok_and(|mut entries| entries.all(is_lock)) {
            self.remove();
        }
    }

    /// Whether a run has begun here before.
    pub fn has_record(&self) -> bool {
        RunRecord::read(&self.dir).is_some()
    }

    /// Whether finished shards are in the folder: it stays then.
    pub fn has_shards(&self) -> bool {
        !self.removed && self.stamps().is_ok_and(|stamps| !stamps.is_empty())
    }
}

impl Drop for Workdir {
    fn drop(&mut self) {
        if self.removed {
            return;
        }
        if self.manner.join {
            if self.lock.is_ours_alone() {
                self.remove_if_empty();
            }
            return;
        }
        // Room for who has to make some.
        let _ = fs::remove_file(self.unfinished_output());
        if !self.has_shards() {
            self.remove();
        } else if let Some(attempt) = self.attempt.take() {
            let _ = attempt.end(&self.dir);
        }
    }
}

/// Whether a file of a working folder is norna's by its name.
fn is_own(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let begins = [&b"claim-"[..], b"run.json", b"attempt.json", b"unfinished."];
    name == b"lock" || name.ends_with(b".spool") || begins.iter().any(|begin| name.starts_with(begin))
}

/// The digest of the run that made a results file; none where there is no telling.
fn digest_of_results(out: &Path) -> Option<String> {
    let provenance = ResultsReader::open(out).ok()?.provenance().ok()?;
    Some(provenance.get("run_digest")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(out: &Path, manner: Manner) -> Workdir {
        match Workdir::claim(out, OutputKind::Hdf5, manner).unwrap() {
            Claimed::Ours(workdir) => workdir,
            Claimed::Busy(why) => panic!("{why}"),
        }
    }

    #[test]
    fn a_second_run_stands_back_and_a_third_may_follow() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("r.h5");
        let first = claim(&out, Manner::default());
        fs::write(first.dir().join("rank-0.spool"), "x").unwrap();
        assert!(matches!(Workdir::claim(&out, OutputKind::Hdf5, Manner::default()).unwrap(), Claimed::Busy(_)));
        drop(first);
        let third = claim(&out, Manner::default());
        assert_eq!(fs::read_dir(third.dir()).unwrap().count(), 1, "only the lock: nothing was finished");
    }

    #[test]
    fn those_who_join_share_a_folder_that_others_keep_out_of() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("r.h5");
        let join = Manner { join: true, ..Manner::default() };
        let _both = [claim(&out, join), claim(&out, join)];
        assert!(matches!(Workdir::claim(&out, OutputKind::Hdf5, Manner::default()).unwrap(), Claimed::Busy(_)));
    }

    #[test]
    fn an_existing_output_needs_force() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("r.h5");
        fs::write(&out, OutputKind::Hdf5.signature()).unwrap();
        assert!(matches!(Workdir::claim(&out, OutputKind::Hdf5, Manner::default()), Err(WorkdirError::Exists(_))));
        claim(&out, Manner { force: true, ..Manner::default() });
    }

    #[test]
    fn what_is_no_results_file_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let table = dir.path().join("traits.tsv");
        fs::write(&table, "IID\ty\n").unwrap();
        assert!(matches!(check_output(&table, OutputKind::Hdf5, true), Err(WorkdirError::NotResults(..))));
        assert!(matches!(check_output(dir.path(), OutputKind::Hdf5, true), Err(WorkdirError::NotResults(..))));
        fs::write(dir.path().join("r.h5.log"), "IID\ty\n").unwrap();
        assert!(matches!(check_output(&dir.path().join("r.h5"), OutputKind::Hdf5, true), Err(WorkdirError::NotLog(_))));
        fs::write(dir.path().join("r.h5.log"), "norna 0.1.0\n").unwrap();
        check_output(&dir.path().join("r.h5"), OutputKind::Hdf5, false).unwrap();
    }

    #[test]
    fn links_are_followed_even_where_nothing_is_yet() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("r.h5");
        std::os::unix::fs::symlink("elsewhere.h5", &link).unwrap();
        assert_eq!(resolve_links(&link), dir.path().join("elsewhere.h5"));
    }
}
