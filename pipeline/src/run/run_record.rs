//! What makes two runs the same one: kept beside the spools as run.json, so that finished shards are gone on with only where
//! they would come out the same, and a difference can be named.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use norna_kernels::NUMERIC_VERSION;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::report::provenance::InputFile;
use crate::shard::{Cut, ShardPlan};
use crate::sink::spool::SPOOL_VERSION;

/// The file's name in a working folder.
pub const RECORD_FILE: &str = "run.json";
/// Flags that change no result: how a run is run.
const RUN_FLAGS: [&str; 8] =
    ["threads", "out", "config", "time-limit", "shard-bytes", "lease", "provenance-paths", "full-checksums"];
/// Bytes of a record at most: its flags name thousands of files at most.
const MAX_RECORD: u64 = 64 << 20;
/// What a flag that is not given stands for, where that is one value whatever the input.
const DEFAULTS: [(&str, &str); 6] = [
    ("store", "\"full\""),
    ("missing-genotype", "\"drop\""),
    ("vcf-half-call", "\"missing\""),
    ("minus9", "\"missing\""),
    ("xchr-model", "2"),
    ("p-threshold", "1e-5"),
];
/// Differences told at most.
const MAX_TOLD: usize = 3;

/// An input file, as far as its identity goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputStamp {
    /// What it was given as.
    pub role: String,
    /// Its name without folders.
    pub name: String,
    /// Size; none for standard input.
    pub bytes: Option<u64>,
    /// When it was last changed, nanoseconds since 1970.
    pub modified: Option<u64>,
    /// SHA-256 of its first MiB.
    pub sha256_head: Option<String>,
}

impl InputStamp {
    /// Of the file at `path`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(role: &'static str, path: &Path) -> io::Result<Self> {
        let InputFile { name, bytes, sha256_head, .. } = InputFile::describe(role, path)?;
        let modified = match bytes {
            Some(_) => {
                let since = fs::metadata(path)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
                Some(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
            }
            None => None,
        };
        Ok(Self { role: role.to_owned(), name, bytes, modified, sha256_head })
    }
}

/// What the shards of a run are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStamp {
    /// Shards of files that can be cut.
    pub n_shards: usize,
    /// Files read as streams.
    pub n_streams: usize,
    /// Inflated bytes of a stream's batch.
    pub batch_bytes: u64,
    /// SHA-256 of all cuts.
    pub sha256: String,
}

impl PlanStamp {
    /// Of a grid: a plan of its chunks, the samples or files of a batch, and how many batches there are.
    pub fn of_grid(plan: &ShardPlan, batch: usize, n_batches: usize) -> Self {
        let of_plan = Self::of(plan, 0);
        let sha256 = hex(&Sha256::digest(format!("{} {batch}", of_plan.sha256)));
        Self { sha256, n_shards: plan.shards.len() * n_batches, ..of_plan }
    }

    /// Of a plan.
    pub fn of(plan: &ShardPlan, batch_bytes: u64) -> Self {
        let mut hasher = Sha256::new();
        for shard in &plan.shards {
            hasher.update(shard.id.0.to_le_bytes());
            for cut in [shard.start, shard.end] {
                let (kind, at) = match cut {
                    Cut::Record(at) => (0u8, at.compressed() << 16 | u64::from(at.in_block())),
                    Cut::Byte(at) => (1, at),
                };
                hasher.update([kind]);
                hasher.update(at.to_le_bytes());
            }
        }
        let batch_bytes = if plan.streams.is_empty() { 0 } else { batch_bytes };
        let (n_shards, n_streams) = (plan.shards.len(), plan.streams.len());
        Self { n_shards, n_streams, batch_bytes, sha256: hex(&hasher.finalize()) }
    }
}

/// A run and how to begin it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// SHA-256 of what decides the results: the next four fields, and versions.
    pub digest: String,
    /// Flags that decide results, without folders.
    pub configuration: Value,
    /// Every input file.
    pub inputs: Vec<InputStamp>,
    /// The shards.
    pub plan: PlanStamp,
    /// Of the kernels and of the spools.
    pub versions: (u32, u32),
    /// Of the program.
    pub norna_version: String,
    /// Rows to be read, if the input could tell.
    pub rows_expected: Option<u64>,
    /// All flags as given.
    pub command: Value,
    /// The folder that it was given in.
    pub folder: PathBuf,
}

impl RunRecord {
    /// Puts a record together. `resolved`: the flags as in the provenance.
    pub fn new(resolved: &Value, inputs: Vec<InputStamp>, plan: PlanStamp) -> Self {
        let mut configuration = resolved.clone();
        if let Value::Object(flags) = &mut configuration {
            flags.retain(|name, value| !RUN_FLAGS.contains(&name.as_str()) && !is_default(name, value));
        }
        let versions = (NUMERIC_VERSION, SPOOL_VERSION);
        let deciding = json!([configuration, inputs, plan, versions]);
        Self {
            digest: hex(&Sha256::digest(deciding.to_string().as_bytes())),
            configuration,
            inputs,
            plan,
            versions,
            norna_version: env!("CARGO_PKG_VERSION").to_owned(),
            rows_expected: None,
            command: Value::Null,
            folder: PathBuf::new(),
        }
    }

    /// The mark that frames of this run carry.
    pub fn stamp(&self) -> u64 {
        u64::from_str_radix(self.digest.get(..16).unwrap_or_default(), 16).unwrap_or(0)
    }

    /// The record in a working folder; none where there is none that can be read.
    pub fn read(dir: &Path) -> Option<Self> {
        serde_json::from_str(&read_small(&dir.join(RECORD_FILE))?).ok()
    }

    /// Writes the record in one step.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        write_at_once(dir, RECORD_FILE, serde_json::to_string_pretty(self)?.as_bytes())
    }

    /// In what the run of `self` differs from `then`, in words.
    pub fn differences(&self, then: &Self) -> String {
        let mut told = Vec::new();
        if self.versions != then.versions {
            told.push(format!("it was begun by norna {}", then.norna_version));
        }
        let empty = serde_json::Map::new();
        let flags = |value: &'_ Value| value.as_object().unwrap_or(&empty).clone();
        let (now, before) = (flags(&self.configuration), flags(&then.configuration));
        let mut names: Vec<&String> = now.keys().chain(before.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let shown =
                |flags: &serde_json::Map<String, Value>| flags.get(name).map_or("not given".into(), Value::to_string);
            if now.get(name) != before.get(name) {
                told.push(format!("--{name} was {}, now {}", shown(&before), shown(&now)));
            }
        }
        for input in &self.inputs {
            let same_name = |other: &&InputStamp| (&other.role, &other.name) == (&input.role, &input.name);
            if let Some(other) = then.inputs.iter().find(same_name).filter(|other| *other != input) {
                let what = if other.bytes != input.bytes {
                    "size"
                } else if other.modified != input.modified {
                    "time"
                } else {
                    "content"
                };
                told.push(format!("{} has another {what}", input.name));
            }
        }
        if told.is_empty() {
            told.push(match self.plan == then.plan {
                false => "the input is cut into other shards (--shard-bytes changed, or an index that they are cut by)"
                    .into(),
                true => "its run.json is not that of these flags and files".into(),
            });
        }
        let rest = told.len().saturating_sub(MAX_TOLD);
        told.truncate(MAX_TOLD);
        told.join("; ") + &if rest > 0 { format!("; and {rest} more") } else { String::new() }
    }
}

/// The text of a regular file of a few megabytes at most.
pub fn read_small(path: &Path) -> Option<String> {
    let meta = fs::metadata(path).ok()?;
    if meta.is_file() && meta.len() <= MAX_RECORD { fs::read_to_string(path).ok() } else { None }
}

/// Whether a flag says what it would stand for if it were not given.
fn is_default(name: &str, value: &Value) -> bool {
    let default = DEFAULTS.iter().find(|(flag, _)| *flag == name);
    default.is_some_and(|(_, text)| serde_json::from_str::<Value>(text).is_ok_and(|default| default == *value))
}

/// Writes a small file so that readers see all of it or nothing.
///
/// # Errors
/// The folder cannot be written.
pub fn write_at_once(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = dir.join(format!("{name}.{}", std::process::id()));
    fs::write(&temporary, bytes)?;
    fs::rename(&temporary, dir.join(name))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(flags: Value, bytes: u64) -> RunRecord {
        let input = InputStamp {
            role: "vcf".into(),
            name: "c.vcf.gz".into(),
            bytes: Some(bytes),
            modified: Some(1),
            sha256_head: None,
        };
        RunRecord::new(&flags, vec![input], PlanStamp::of(&ShardPlan::default(), 1))
    }

    #[test]
    fn how_a_run_is_run_does_not_make_it_another() {
        let first = record(json!({"maf": 0.01, "threads": 2}), 5);
        assert_eq!(first.digest, record(json!({"maf": 0.01, "out": "x", "threads": 3}), 5).digest);
        assert_eq!(first.digest, record(json!({"maf": 0.01, "store": "full", "p-threshold": 1e-5}), 5).digest);
        assert_ne!(first.digest, record(json!({"maf": 0.01, "store": "hits"}), 5).digest);
        assert_ne!(first.digest, record(json!({"maf": 0.02}), 5).digest);
        assert_ne!(first.digest, record(json!({"maf": 0.01}), 6).digest);
        assert_ne!(first.stamp(), 0);
    }

    #[test]
    fn differences_are_named() {
        let then = record(json!({"maf": 0.01, "rint": true}), 5);
        let told = record(json!({"maf": 0.05}), 6).differences(&then);
        assert_eq!(told, "--maf was 0.01, now 0.05; --rint was true, now not given; c.vcf.gz has another size");
    }

    #[test]
    fn a_record_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let written = record(json!({"maf": 0.01}), 5);
        written.write(dir.path()).unwrap();
        assert_eq!(RunRecord::read(dir.path()), Some(written));
        fs::write(dir.path().join(RECORD_FILE), "{").unwrap();
        assert_eq!(RunRecord::read(dir.path()), None);
    }
}
