//! Time on a CPU, since a machine that others use too says little by the clock on the wall.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Seconds that this thread was on a CPU.
pub fn on_cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// CPU seconds, user and system, of the children of this process that have ended.
pub fn of_children() -> Option<f64> {
    // Fields 16 and 17, in ticks of a hundredth of a second; the name in field 2 may hold blanks.
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(13);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / 100.0)
}

/// How long a measurement goes on.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Goes on for at least this long.
    pub time: Duration,
    /// And at least so often.
    pub runs: usize,
}

impl Effort {
    /// CPU seconds of one call: the least of several, the first of which warms caches up.
    pub fn least(self, mut call: impl FnMut()) -> f64 {
        let start = Instant::now();
        let (mut least, mut runs) = (f64::INFINITY, 0);
        while runs < self.runs || start.elapsed() < self.time {
            let before = on_cpu();
            call();
            least = least.min(on_cpu() - before);
            runs += 1;
        }
        least.max(1e-9)
    }

    /// As [`Self::least`] of calls that may fail, as many as say so.
    ///
    /// # Errors
    /// The first failure.
    pub fn try_least<E>(self, mut call: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
        let mut failed = None;
        let least = self.least(|| {
            if failed.is_none() {
                failed = call().err();
            }
        });
        failed.map_or(Ok(least), Err)
    }
}
