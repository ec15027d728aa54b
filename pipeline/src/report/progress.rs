//! How far a run is: a bar on a terminal, plain lines now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::logger;

/// Time to the first plain line, then doubled up to [`LONGEST_PAUSE`]: a day-long job's log stays short.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Longest time between two plain lines.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Progress in rows of an expected number, which is an estimate where the input has no index.
pub struct Progress {
    label: &'static str,
    unit: &'static str,
    expected: Option<u64>,
    start: Instant,
    bar: Option<ProgressBar>,
    next_line: Duration,
    pause: Duration,
}

impl Progress {
    /// Starts the clock. `unit`: what a row is, in the plural. `quiet` shows nothing.
    pub fn start((label, unit): (&'static str, &'static str), expected: Option<u64>, quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = logger::bars().add(expected.map_or_else(ProgressBar::no_length, ProgressBar::new));
            let template =
                format!("{{msg}} {{wide_bar}} {{human_pos}}/{{human_len}} {unit}, {{per_sec}}, {{eta}} left");
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            bar.set_message(label);
            bar
        });
        let next_line = if quiet { Duration::MAX } else { FIRST_PAUSE };
        Self { label, unit, expected, start: Instant::now(), bar, next_line, pause: FIRST_PAUSE }
    }

    /// Shows that `rows` are done.
    pub fn update(&mut self, rows: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(rows);
            return;
        }
        let elapsed = self.start.elapsed();
        if elapsed < self.next_line {
            return;
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.next_line = elapsed + self.pause;
        let rate = rows as f64 / elapsed.as_secs_f64();
        match self.expected.filter(|&expected| expected >= rows && rows > 0) {
            Some(expected) => {
                let left = Duration::from_secs_f64((expected - rows) as f64 / rate.max(1e-9));
                let share = 100.0 * rows as f64 / expected as f64;
                log::info!(
                    "{}: {rows} {} ({share:.0} %), {rate:.0}/s, about {} left",
                    self.label,
                    self.unit,
                    HumanDuration(left)
                );
            }
            None => log::info!("{}: {rows} {}, {rate:.0}/s", self.label, self.unit),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
