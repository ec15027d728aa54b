//! What a run tells at its end: what was read, dropped and written, and what it took.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::assoc::{AssocConfig, Study};
use super::finalise::Finalised;
use crate::report::provenance::InputFile;
use crate::report::resources::{Resources, human_bytes};
use crate::source::VariantLedger;
use crate::store::Ledger;

/// What one rank did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RankReport {
    /// Shards finished.
    pub shards: u64,
    /// Rows computed.
    pub rows: u64,
    /// Shards given out to all ranks; rank 0 only.
    #[serde(default)]
    pub given: u64,
    /// Threads.
    pub threads: u64,
    /// Wall time of the computation.
    pub compute_seconds: f64,
    /// Bytes of resident memory at the peak, CPU time since the start.
    #[serde(flatten)]
    pub resources: Resources,
}

impl RankReport {
    /// As a message.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From a message.
    ///
    /// # Errors
    /// The bytes are no report.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// The drop ledger of /qc.
pub fn ledger(study: &Study, variants: &VariantLedger) -> Ledger {
    Ledger {
        samples: study.cohort.ledger.samples(),
        variants: variants.table(),
        traits: study.cohort.ledger.traits(),
    }
}

/// The content of /provenance.
pub fn provenance(
    config: &AssocConfig,
    study: &Study,
    ranks: &[RankReport],
    inputs: &[InputFile],
    elapsed: Duration,
) -> serde_json::Value {
    let used = Resources::now();
    let slurm = std::env::var("SLURM_JOB_ID").ok();
    json!({
        "command": "assoc",
        "configuration": config.resolved,
        "field": study.input.field().to_string(),
        "covariates": study.covariate_names,
        "inputs": inputs,
        "shard_bytes": study.shard_bytes,
        "norna_version": crate::report::provenance::version(),
        "hdf5_version": crate::store::hdf5_version(),
        "isa": norna_kernels::isa().to_string(),
        "machine": { "architecture": std::env::consts::ARCH, "cpu": cpu_model() },
        "slurm_job_id": slurm,
        "ranks": ranks,
        "wall_seconds": elapsed.as_secs_f64(),
        "cpu_seconds": ranks.iter().skip(1).map(|r| r.resources.cpu_seconds).sum::<f64>() + used.cpu_seconds,
        "peak_memory_bytes": ranks.iter().map(|r| r.resources.peak_memory).max().unwrap_or(0).max(used.peak_memory),
    })
}

fn cpu_model() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(String::new, |(_, name)| name.trim().to_owned())
}

/// The last lines of a run's log.
pub fn log(study: &Study, done: &Finalised, ranks: &[RankReport], out: &Path, elapsed: Duration) {
    let tables = ledger(study, &done.ledger);
    for (what, table) in [("samples", &tables.samples), ("variants", &tables.variants), ("traits", &tables.traits)] {
        log::info!("{what}: {table}");
    }
    let bytes = std::fs::metadata(out).map_or(0, |m| m.len());
    let n_traits = study.trait_names.len();
    log::info!(
        "written: {} ({} variants × {n_traits} traits, {} hits, {})",
        out.display(),
        done.n_rows,
        done.n_hits,
        human_bytes(bytes)
    );
    let used = Resources::now();
    let cpu = ranks.iter().skip(1).map(|r| r.resources.cpu_seconds).sum::<f64>() + used.cpu_seconds;
    let peak = ranks.iter().map(|r| r.resources.peak_memory).max().unwrap_or(0).max(used.peak_memory);
    log::info!(
        "used: {:.1} s wall, {cpu:.1} s CPU, {} peak memory per rank",
        elapsed.as_secs_f64(),
        human_bytes(peak)
    );
}
