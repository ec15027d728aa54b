//! Log lines on standard error and in a file beside the output; only rank 0 speaks.
//!
//! Lines never hold a sample ID: whoever logs, logs counts.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use indicatif::MultiProgress;
use log::{Level, LevelFilter, Log, Metadata, Record};

struct Logger {
    level: LevelFilter,
    file: Mutex<Option<File>>,
    bars: MultiProgress,
}

static LOGGER: std::sync::OnceLock<Logger> = std::sync::OnceLock::new();

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("norna") && metadata.level() <= LevelFilter::Debug.max(self.level)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let prefix = match record.level() {
            Level::Error => "error: ",
            Level::Warn => "warning: ",
            _ => "",
        };
        let line = format!("{prefix}{}", record.args());
        if record.level() <= self.level {
            // A closed standard error must not end a run.
            self.bars.suspend(|| drop(writeln!(io::stderr(), "{line}")));
        }
        if record.level() <= self.level.max(LevelFilter::Info)
            && let Some(file) = self.file.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
        {
            let _ = writeln!(file, "{line}");
        }
    }

    fn flush(&self) {}
}

/// Starts logging at `level` on standard error. Ranks other than 0 pass `LevelFilter::Off`.
pub fn start(level: LevelFilter) {
    let logger = LOGGER.get_or_init(|| Logger { level, file: Mutex::new(None), bars: MultiProgress::new() });
    if log::set_logger(logger).is_ok() {
        log::set_max_level(if level == LevelFilter::Off { level } else { level.max(LevelFilter::Info) });
    }
}

/// Copies every line from now on, down to level info, to a new file, or with `goes_on` to the end of what there is.
///
/// # Errors
/// The file cannot be created.
pub fn tee(path: &Path, goes_on: bool) -> io::Result<()> {
    let file = File::options().write(true).create(true).append(goes_on).truncate(!goes_on).open(path)?;
    if let Some(logger) = LOGGER.get() {
        *logger.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
    }
    Ok(())
}

/// Where progress bars are drawn, so that log lines pass above them.
pub fn bars() -> MultiProgress {
    LOGGER.get().map_or_else(MultiProgress::new, |logger| logger.bars.clone())
}
