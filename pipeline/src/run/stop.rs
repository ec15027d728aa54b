//! Stopping in good order: signals, the time limit, another attempt. First no shard is begun any more, then those in hand are
//! dropped, and whatever hangs after that is left behind, so that the process is gone within ten seconds of a signal.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};

use crate::cli::EXIT_STOPPED;

/// After a signal, shards in hand may end for this long.
pub const PATIENCE: Duration = Duration::from_secs(4);
/// After that, dropping them and syncing may take this long.
const LAST_ORDERS: Duration = Duration::from_secs(4);
/// How often the watch looks.
const GLANCE: Duration = Duration::from_millis(50);
/// The least and the most that is left before a time limit, beside the time of one and a half shards.
const MARGIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));

/// What a process is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Nothing is computed yet: a stop is immediate.
    Opening = 0,
    /// Shards are computed: a stop waits for them.
    Computing = 1,
    /// results.h5 is made of what is in the spools: a stop is immediate.
    Writing = 2,
    /// The result stands: no stop any more.
    Done = 3,
}

/// The state of stopping, shared by all threads of a process.
#[derive(Debug)]
pub struct Stop {
    signal: Arc<AtomicUsize>,
    phase: AtomicU8,
    draining: AtomicBool,
    dropping: AtomicBool,
    request: Mutex<Option<Request>>,
    limit: Mutex<Option<Limit>>,
    /// What Slurm left the job when the run began.
    left_by_slurm: Mutex<Option<Duration>>,
    /// Longest shard so far, milliseconds.
    longest_shard: AtomicU64,
}

#[derive(Debug, Clone)]
struct Request {
    reason: String,
    drop_at: Instant,
    exit_at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Limit {
    begin: Instant,
    end: Instant,
}

impl Limit {
    /// When to begin no more shards, if one takes up to `shard`.
    fn last_call(&self, shard: Duration) -> Instant {
        let share = self.end.saturating_duration_since(self.begin) / 20;
        self.end.checked_sub(share.clamp(MARGIN.0, MARGIN.1) + shard * 3 / 2).unwrap_or(self.begin)
    }
}

impl Stop {
    /// Without signals: for who stops by himself.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            signal: Arc::default(),
            phase: AtomicU8::new(Phase::Opening as u8),
            draining: AtomicBool::new(false),
            dropping: AtomicBool::new(false),
            request: Mutex::default(),
            limit: Mutex::default(),
            left_by_slurm: Mutex::default(),
            longest_shard: AtomicU64::new(0),
        })
    }

    /// Catches SIGUSR1, SIGTERM and SIGINT from now on and watches over them and the time limit. A second SIGINT, half a second
    /// or more after the first (launchers pass one on twice), ends the process at once.
    ///
    /// # Errors
    /// The system refuses.
    pub fn watch() -> std::io::Result<Arc<Self>> {
        let stop = Self::new();
        let twice: Arc<AtomicBool> = Arc::default();
        signal_hook::flag::register_conditional_shutdown(SIGINT, i32::from(EXIT_STOPPED), Arc::clone(&twice))?;
        for signal in [SIGUSR1, SIGTERM, SIGINT] {
            signal_hook::flag::register_usize(signal, Arc::clone(&stop.signal), signal as usize)?;
        }
        let watched = Arc::clone(&stop);
        std::thread::Builder::new().name("watch".into()).spawn(move || {
            let mut first: Option<Instant> = None;
            loop {
                watched.look();
                if watched.signal.load(Ordering::Relaxed) == SIGINT as usize {
                    let first = first.get_or_insert_with(Instant::now);
                    twice.store(first.elapsed() > Duration::from_millis(500), Ordering::Relaxed);
                }
                std::thread::sleep(GLANCE);
            }
        })?;
        Ok(stop)
    }

    fn look(&self) {
        let signal = self.signal.load(Ordering::Relaxed);
        if signal != 0 && !self.is_draining() {
            self.request(&format!("stopped by {}", name_of(signal as i32)), PATIENCE);
        }
        let limit = *lock(&self.limit);
        if let Some(limit) = limit.filter(|_| !self.is_draining()) {
            let now = Instant::now();
            let shard = Duration::from_millis(self.longest_shard.load(Ordering::Relaxed));
            // The file is worth more time than another shard.
            let last_call =
                if self.phase() == Phase::Writing { limit.last_call(Duration::ZERO) } else { limit.last_call(shard) };
            if now >= last_call {
                let left = limit.end.saturating_duration_since(now);
                self.request("stopped before the time limit", left.saturating_sub(LAST_ORDERS).max(PATIENCE.min(left)));
            }
        }
        let request = lock(&self.request).clone();
        let Some(Request { reason, drop_at, exit_at }) = request else { return };
        let now = Instant::now();
        if now >= drop_at {
            self.dropping.store(true, Ordering::Relaxed);
        }
        match self.phase() {
            Phase::Opening => {
                leave(&format!("{reason} before this attempt computed anything; what is finished is kept"))
            }
            Phase::Writing => {
                leave(&format!(
                    "{reason} while writing results: all finished shards are kept; the same command writes them"
                ));
            }
            Phase::Computing if now >= exit_at => leave(&format!("{reason}: shards in hand are dropped")),
            Phase::Computing | Phase::Done => {}
        }
    }

    /// Asks for a stop: shards in hand may end for `patience`. The first reason stays.
    pub fn request(&self, reason: &str, patience: Duration) {
        let now = Instant::now();
        lock(&self.request).get_or_insert_with(|| Request {
            reason: reason.to_owned(),
            drop_at: now + patience,
            exit_at: now + patience + LAST_ORDERS,
        });
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Why, and how long shards in hand may still take; none without a request.
    pub fn reason(&self) -> Option<(String, Duration)> {
        let request = lock(&self.request).clone()?;
        Some((request.reason, request.drop_at.saturating_duration_since(Instant::now())))
    }

    /// No shard is begun any more.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Shards in hand are dropped at the next block.
    pub fn is_dropping(&self) -> bool {
        self.dropping.load(Ordering::Relaxed)
    }

    /// Stops before `left` is over.
    pub fn set_limit(&self, left: Duration) {
        let begin = Instant::now();
        *lock(&self.limit) = Some(Limit { begin, end: begin + left });
    }

    /// What Slurm leaves the job as the run begins, which is told at its end.
    pub fn note_left_by_slurm(&self, left: Option<Duration>) {
        *lock(&self.left_by_slurm) = left;
    }

    /// What [`note_left_by_slurm`](Self::note_left_by_slurm) was told.
    pub fn left_by_slurm(&self) -> Option<Duration> {
        *lock(&self.left_by_slurm)
    }

    /// A shard took so long.
    pub fn note_shard(&self, seconds: f64) {
        self.longest_shard.fetch_max((seconds * 1e3) as u64, Ordering::Relaxed);
    }

    /// Says what the process is at.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Opening,
            1 => Phase::Computing,
            2 => Phase::Writing,
            _ => Phase::Done,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name_of(signal: i32) -> &'static str {
    match signal {
        SIGUSR1 => "SIGUSR1",
        SIGTERM => "SIGTERM",
        SIGINT => "SIGINT",
        _ => "a signal",
    }
}

/// Ends the process without what libraries would still do at its end: they may be in the middle of something.
fn leave(what: &str) {
    log::warn!("{what}");
    signal_hook::low_level::exit(i32::from(EXIT_STOPPED));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_call_leaves_time_for_a_shard_and_a_twentieth() {
        let begin = Instant::now();
        let limit = |seconds| Limit { begin, end: begin + Duration::from_secs(seconds) };
        let call = |seconds, shard| (limit(seconds).last_call(Duration::from_secs(shard)) - begin).as_secs();
        assert_eq!(call(86_400, 60), 86_400 - 300 - 90);
        assert_eq!(call(3600, 0), 3420);
        assert_eq!(call(20, 2), 15);
        assert_eq!(call(5, 60), 0, "no time for a shard");
    }

    #[test]
    fn what_slurm_left_is_kept_beside_the_limit() {
        let stop = Stop::new();
        assert_eq!(stop.left_by_slurm(), None);
        stop.note_left_by_slurm(Some(Duration::from_secs(7200)));
        stop.set_limit(Duration::from_secs(60));
        assert_eq!(stop.left_by_slurm(), Some(Duration::from_secs(7200)));
    }

    #[test]
    fn shards_may_end_before_they_are_dropped() {
        let stop = Stop::new();
        stop.enter(Phase::Computing);
        stop.look();
        assert!(!stop.is_draining());
        stop.request("first", Duration::from_secs(60));
        stop.request("second", Duration::ZERO);
        stop.look();
        assert!(stop.is_draining() && !stop.is_dropping());
        assert_eq!(stop.reason().unwrap().0, "first");
    }
}
