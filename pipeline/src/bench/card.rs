//! A machine's card: what `norna bench` measured, as JSON for `norna plan --card` and `norna bench compare`. No host names.

use std::io::Read;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::plan::Rates;

/// What a card says it is.
pub const FORMAT: &str = "norna-card";
/// Raised when a reader of the old one would misread the new one.
pub const FORMAT_VERSION: u32 = 1;
/// Largest file that is read as a card.
const MAX_BYTES: u64 = 1 << 20;

/// What was measured, where and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// [`FORMAT`].
    pub format: String,
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Version of norna.
    pub norna_version: String,
    /// Day, UTC: YYYY-MM-DD.
    pub date: String,
    /// On what.
    pub machine: Machine,
    /// What the stages of a run do there.
    pub stages: Vec<Stage>,
    /// The same as seconds for each thing done, which plans take.
    pub rates: Rates,
    /// Main memory.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory: Option<Memory>,
    /// The file system that was asked about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file_system: Option<FileSystem>,
    /// Messages between ranks, where there were several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub messages: Option<Messages>,
}

/// The machine, without its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Model of the CPU, as Linux names it.
    pub cpu: String,
    /// "x86_64", "aarch64".
    pub architecture: String,
    /// Instruction set of the kernels: "avx512", "avx2", "scalar".
    pub isa: String,
    /// Cores that the measuring process was bound to: rank 0's where there are several ranks, not the node's.
    pub cores: usize,
    /// Threads that were used.
    pub threads: usize,
    /// Ranks.
    pub ranks: usize,
    /// Main memory, bytes; 0 where unknown.
    pub memory_bytes: u64,
}

/// A stage of a run, or a limit of the machine, as a rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// "inflate", "decode VCF GT", "score product", ...
    pub name: String,
    /// "GB/s", "GFLOP/s", ...
    pub unit: String,
    /// Of one thread.
    pub one_thread: f64,
    /// Of all threads together, where that was measured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub all_threads: Option<f64>,
    /// What one thread of the machine could do at most, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit: Option<f64>,
}

/// Bandwidth of main memory, bytes a second: arrays far beyond the caches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Threads that "all" means.
    pub threads: usize,
    /// Copied by one thread (bytes read and bytes written).
    pub copy_one_thread: f64,
    /// Copied by all threads together.
    pub copy_all_threads: f64,
    /// Read by one thread.
    pub read_one_thread: f64,
    /// Read by all threads together.
    pub read_all_threads: f64,
}

/// A file system, bytes a second and seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FileSystem {
    /// Bytes written and read.
    pub bytes: u64,
    /// Written and synced.
    pub write: f64,
    /// Read back, out of the page cache where that could be emptied of the file (see `read_cached`).
    pub read: f64,
    /// Whether the reading is one of memory, since the file lies in it or could not be taken out of the page cache.
    #[serde(default)]
    pub read_cached: bool,
    /// Seconds of a small append with fdatasync.
    pub sync: f64,
    /// Seconds to create, rename, open and remove a file.
    pub create: f64,
}

/// Messages between rank 0 and every other one, through the product's own calls.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Messages {
    /// Ranks in all.
    pub ranks: usize,
    /// Hosts that they ran on.
    #[serde(default)]
    pub hosts: usize,
    /// Seconds of a small message, one way, by a receiver that looks all the time: the median of the other ranks.
    pub latency: f64,
    /// Of the nearest rank, and of the farthest.
    #[serde(default)]
    pub latency_range: (f64, f64),
    /// Seconds from asking rank 0 to its answer by receivers that sleep between looks, as ranks claim shards: the median.
    #[serde(default)]
    pub claim: f64,
    /// Bytes a second of large ones: the median of the other ranks.
    pub bandwidth: f64,
    /// Of the slowest rank, and of the fastest.
    #[serde(default)]
    pub bandwidth_range: (f64, f64),
}

/// Why a card does not read.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// Not read.
    #[error("{path}: {error}; norna bench --out FILE makes a card")]
    Read {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// Not written.
    #[error("{path}: cannot write: {error}")]
    Write {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// Not a card.
    #[error("{path}: no card of norna bench: {problem}; norna bench --out FILE makes one")]
    NoCard {
        /// The file.
        path: String,
        /// Why not.
        problem: String,
    },
}

impl Card {
    /// Reads a card.
    ///
    /// # Errors
    /// [`CardError`]: no file, no JSON, another format, or a rate that is no positive number.
    pub fn read(path: &Path) -> Result<Self, CardError> {
        let shown = || path.display().to_string();
        let failed = |error| CardError::Read { path: shown(), error };
        let refuse = |problem: String| CardError::NoCard { path: shown(), problem };
        // Pipes and devices have no end that could be relied on, and opening one may wait.
        let metadata = std::fs::metadata(path).map_err(failed)?;
        if !metadata.is_file() {
            return Err(refuse("it is no file".to_owned()));
        }
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(refuse("it has more than 1 MiB".to_owned()));
        }
        let card: Self = serde_json::from_str(&text).map_err(|e| refuse(e.to_string()))?;
        if card.format != FORMAT || card.format_version != FORMAT_VERSION {
            return Err(refuse(format!(
                "it is {} {}, not {FORMAT} {FORMAT_VERSION}",
                card.format, card.format_version
            )));
        }
        let machine = &card.machine;
        let words = [&card.norna_version, &card.date, &machine.cpu, &machine.architecture, &machine.isa];
        let stages = card.stages.iter().flat_map(|stage| [&stage.name, &stage.unit]);
        if words.into_iter().chain(stages).any(|text| text.len() > 200 || text.chars().any(char::is_control)) {
            return Err(refuse("a text in it is too long or does not print".to_owned()));
        }
        if let Some((name, value)) = card.rates.bad() {
            return Err(refuse(format!("rates.{name} is {value}, which is no time")));
        }
        Ok(card)
    }

    /// The rates for a plan, the file system's among them where it was measured.
    pub fn plan_rates(&self) -> Rates {
        let file_system = self.file_system.map(|files| files.write).filter(|write| write.is_finite() && *write > 0.0);
        Rates { file_system: file_system.unwrap_or(self.rates.file_system), ..self.rates }
    }

    /// Writes a card, replacing a file whole.
    ///
    /// # Errors
    /// [`CardError::Write`].
    pub fn write(&self, path: &Path) -> Result<(), CardError> {
        let failed = |error| CardError::Write { path: path.display().to_string(), error };
        let text = serde_json::to_string_pretty(self).map_err(|e| failed(e.into()))?;
        std::fs::write(path, text + "\n").map_err(failed)
    }
}

impl Machine {
    /// The machine that this runs on, with `threads` threads on each of `ranks` ranks.
    pub fn here(threads: usize, ranks: usize) -> Self {
        let field = |file: &str, name: &str| {
            let text = std::fs::read_to_string(file).ok()?;
            text.lines().find_map(|line| Some(line.strip_prefix(name)?.split_once(':')?.1.trim().to_owned()))
        };
        let kib = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
            text.lines()
                .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        });
        Self {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_default(),
            architecture: std::env::consts::ARCH.to_owned(),
            isa: norna_kernels::isa().name().to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            threads,
            ranks,
            memory_bytes: kib.unwrap_or(0) * 1024,
        }
    }
}

/// Today in UTC as YYYY-MM-DD.
pub fn today() -> String {
    let days = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    date(days)
}

/// The day so many days after 1970-01-01.
fn date(mut days: u64) -> String {
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(19_783), "2024-03-01");
        assert_eq!(date(20_453), "2025-12-31");
        assert_eq!(date(20_454), "2026-01-01");
    }

    #[test]
    fn a_card_comes_back_and_what_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card.json");
        let card = Card {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            norna_version: "0".to_owned(),
            date: today(),
            machine: Machine::here(1, 1),
            stages: Vec::new(),
            rates: Rates::default(),
            memory: None,
            file_system: None,
            messages: Some(Messages {
                ranks: 2,
                hosts: 1,
                latency: 1e-6,
                latency_range: (1e-6, 1e-6),
                claim: 2e-4,
                bandwidth: 1e10,
                bandwidth_range: (1e10, 1e10),
            }),
        };
        card.write(&path).unwrap();
        assert_eq!(Card::read(&path).unwrap(), card);
        let text = std::fs::read_to_string(&path).unwrap();
        for (from, to, says) in [
            ("\"norna-card\"", "\"other\"", "not norna-card 1"),
            ("\"doubt\": 2.0", "\"doubt\": -1", "rates.doubt is -1"),
        ] {
            std::fs::write(&path, text.replace(from, to)).unwrap();
            let error = Card::read(&path).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        std::fs::write(&path, "{}").unwrap();
        let said = |path: &Path| Card::read(path).unwrap_err().to_string();
        assert!(said(&path).contains("no card of norna bench"));
        std::fs::write(&path, vec![b' '; (1 << 20) + 1]).unwrap();
        assert!(said(&path).contains("more than 1 MiB"));
        assert!(said(Path::new("/dev/zero")).contains("it is no file"));
        assert_eq!(said(&folder.path().join("none")).matches("os error").count(), 1);
    }
}
