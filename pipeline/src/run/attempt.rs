//! One attempt at a run at a time: the token in attempt.json says whose turn it is, and spools that grow say that somebody is
//! alive, on file systems whose locks do not reach from node to node too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::run_record::{read_small, write_at_once};
use super::stop::Stop;
use crate::sink::spool::{SpoolWriter, spool_names};

/// The file's name in a working folder.
pub const ATTEMPT_FILE: &str = "attempt.json";
/// Time between two signs of life.
pub const BEAT: Duration = Duration::from_secs(5);
/// A spool that has not grown for so long has no writer any more, whatever clocks say.
const LONG_DEAD: Duration = Duration::from_secs(600);

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// Different for each attempt.
    token: String,
    /// The running system that it began on: a lock there is one of the kernel's.
    pub(super) system: String,
    /// It has ended in good order.
    pub ended: bool,
}

impl Attempt {
    /// The one recorded in `dir`.
    pub fn read(dir: &Path) -> Option<Self> {
        serde_json::from_str(&read_small(&dir.join(ATTEMPT_FILE))?).ok()
    }

    /// Takes the turn.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn begin(dir: &Path) -> io::Result<Self> {
        let number = Self::read(dir).map_or(0, |last| last.number) + 1;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let token = format!("{now:x}-{:x}", std::process::id());
        let attempt = Self { number, token, system: system(), ended: false };
        attempt.write(dir)?;
        Ok(attempt)
    }

    fn write(&self, dir: &Path) -> io::Result<()> {
        write_at_once(dir, ATTEMPT_FILE, serde_json::to_string(self)?.as_bytes())
    }

    /// Says that nobody need wait for this attempt.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn end(mut self, dir: &Path) -> io::Result<()> {
        self.ended = true;
        self.write(dir)
    }

    /// Whether another attempt has taken the turn.
    pub fn is_superseded(&self, dir: &Path) -> bool {
        Self::read(dir).is_some_and(|now| now.token != self.token)
    }
}

/// Which running system this is: one boot of one kernel.
pub(super) fn system() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map_or_else(|_| String::new(), |id| id.trim().to_owned())
}

/// Whether an earlier attempt still works in `dir`: watches its spools for up to three beats where `is_locked`, a lock of ours,
/// does not tell.
pub fn is_somebody_alive(dir: &Path, is_locked: bool) -> bool {
    let last = Attempt::read(dir);
    let here = system();
    let dead_for_sure = last.is_some_and(|last| last.ended || (is_locked && last.system == here && !here.is_empty()));
    if dead_for_sure || age_of_spools(dir).is_none_or(|age| age > LONG_DEAD) {
        return false;
    }
    log::info!("looking whether an earlier attempt is still alive");
    let (before, begin) = (bytes_of_spools(dir), Instant::now());
    while begin.elapsed() < 3 * BEAT {
        std::thread::sleep(BEAT / 5);
        if bytes_of_spools(dir) != before {
            return true;
        }
    }
    false
}

fn spools(dir: &Path) -> Vec<fs::Metadata> {
    let names = spool_names(dir).unwrap_or_default();
    names.iter().filter_map(|name| fs::metadata(dir.join(name)).ok()).collect()
}

fn bytes_of_spools(dir: &Path) -> u64 {
    spools(dir).iter().map(fs::Metadata::len).sum()
}

fn age_of_spools(dir: &Path) -> Option<Duration> {
    let newest = spools(dir).iter().filter_map(|meta| meta.modified().ok()).max()?;
    Some(SystemTime::now().duration_since(newest).unwrap_or_default())
}

/// Gives signs of life until it is dropped, and asks for a stop where another attempt has taken the turn.
#[derive(Debug)]
pub struct Heart {
    stop: Arc<(Mutex<bool>, std::sync::Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Heart {
    /// Beats into `spool`; `turn`: this attempt and its folder, where attempts take turns.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        spool: Arc<Mutex<SpoolWriter>>,
        turn: Option<(Attempt, PathBuf)>,
        stop: Arc<Stop>,
    ) -> io::Result<Self> {
        let pair: Arc<(Mutex<bool>, std::sync::Condvar)> = Arc::default();
        let theirs = Arc::clone(&pair);
        let thread = std::thread::Builder::new().name("heart".into()).spawn(move || {
            let (ended, wake) = &*theirs;
            let mut guard = ended.lock().unwrap_or_else(PoisonError::into_inner);
            while !*guard {
                guard = wake.wait_timeout(guard, BEAT).unwrap_or_else(PoisonError::into_inner).0;
                // A full disk is for those to report who write results.
                let _ = spool.lock().unwrap_or_else(PoisonError::into_inner).beat();
                let Some((attempt, dir)) = &turn else { continue };
                if attempt.is_superseded(dir) {
                    stop.request("another attempt at this run took over: stopped", Duration::ZERO);
                } else if !dir.exists() {
                    stop.request("the working folder was removed or renamed during the run: stopped", Duration::ZERO);
                }
            }
        })?;
        Ok(Self { stop: pair, thread: Some(thread) })
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_attempt_takes_the_turn() {
        let dir = tempfile::tempdir().unwrap();
        let first = Attempt::begin(dir.path()).unwrap();
        assert!(!first.is_superseded(dir.path()));
        let second = Attempt::begin(dir.path()).unwrap();
        assert_eq!((first.number, second.number), (1, 2));
        assert!(first.is_superseded(dir.path()) && !second.is_superseded(dir.path()));
    }

    #[test]
    fn a_spool_that_grows_on_another_system_is_alive() {
        let dir = tempfile::tempdir().unwrap();
        let spool = dir.path().join("rank-00000.spool");
        fs::write(&spool, "x").unwrap();
        let attempt = Attempt::begin(dir.path()).unwrap();
        assert!(!is_somebody_alive(dir.path(), true), "the lock tells on one system");
        Attempt { system: "elsewhere".into(), ..attempt.clone() }.write(dir.path()).unwrap();
        let writer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(1500));
            fs::write(&spool, "xx").unwrap();
        });
        assert!(is_somebody_alive(dir.path(), true));
        writer.join().unwrap();
        attempt.end(dir.path()).unwrap();
        assert!(!is_somebody_alive(dir.path(), true), "it said that it has ended");
    }
}
