//! What a run tells at its end: what was read, dropped and written, and what it took.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::assoc::AssocConfig;
use super::begin::Orders;
use super::estimate::Estimate;
use super::finalise::Finalised;
use super::stop::Stop;
use super::study::Study;
use super::worker::FailedShard;
use crate::cohort::{CohortLedger, TraitNote};
use crate::report::resources::{Resources, human_bytes};
use crate::report::usage::{self, Allocation, Asked, Used};
use crate::report::words::count;
use crate::source::{DropReason, Note, VariantLedger};
use crate::store::{Ledger, LedgerRole, LedgerTable, ResultsReader};

/// What one rank did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RankReport {
    /// Shards finished.
    pub shards: u64,
    /// Rows computed.
    pub rows: u64,
    /// Shards that ended in a panic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedShard>,
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
        samples: sample_table(&study.cohort.ledger),
        variants: variant_table(variants),
        traits: trait_table(&study.cohort.ledger),
    }
}

pub(super) fn sample_table(cohort: &CohortLedger) -> LedgerTable {
    use LedgerRole::{Dropped, Input, Kept, Note};
    let mut table = LedgerTable::default();
    let counts = [
        ("genotyped", Input, cohort.n_genotyped),
        ("not_in_keep", Dropped, cohort.n_not_in_keep),
        ("in_remove", Dropped, cohort.n_in_remove),
    ];
    let of_proteins = cohort.n_not_in_proteins.map(|n| ("not_in_proteins", Dropped, n));
    let rest = [
        ("no_covariate_row", Dropped, cohort.n_no_covariate_row),
        ("missing_covariate", Dropped, cohort.n_missing_covariate),
        ("analysed", Kept, cohort.n_analysed),
        ("without_any_trait", Note, cohort.n_without_any_trait),
    ];
    for (name, role, count) in counts.into_iter().chain(of_proteins).chain(rest) {
        table.push(name, role, count as u64);
    }
    for file in &cohort.files {
        table.push(format!("in_{}_not_genotyped", file.role), Note, file.n_not_genotyped() as u64);
    }
    table
}

pub(super) fn variant_table(variants: &VariantLedger) -> LedgerTable {
    let mut table = LedgerTable::default();
    table.push("rows", LedgerRole::Input, variants.rows());
    for reason in DropReason::ALL {
        table.push(reason.name(), LedgerRole::Dropped, variants.dropped(reason));
    }
    table.push("tested", LedgerRole::Kept, variants.kept);
    table.push("records", LedgerRole::Note, variants.records);
    for note in Note::ALL {
        table.push(note.name(), LedgerRole::Note, variants.note(note));
    }
    table
}

/// Every trait is kept: one that cannot be tested has NaN and a status.
fn trait_table(cohort: &CohortLedger) -> LedgerTable {
    use LedgerRole::{Input, Kept, Note};
    let mut table = LedgerTable::default();
    let with = |note: TraitNote| cohort.traits.iter().filter(|t| t.note == note).count() as u64;
    let n = cohort.traits.len() as u64;
    table.push("chosen", Input, n);
    table.push("tested", Kept, n);
    table.push("all_missing", Note, with(TraitNote::AllMissing));
    table.push("too_few_observed", Note, with(TraitNote::TooFewObserved));
    table.push("constant", Note, with(TraitNote::Constant));
    table.push("two_values_tested_linearly", Note, with(TraitNote::Binary));
    table.push("two_values_by_logistic_model", Note, with(TraitNote::TwoValued));
    table
}

/// The content of /provenance. `common`: what every command's has.
pub fn provenance(
    config: &AssocConfig,
    study: &Study,
    (ranks, orders, n_shards, stop): (&[RankReport], &Orders, usize, &Stop),
    common: Map<String, Value>,
    elapsed: Duration,
) -> Value {
    let used = used(ranks, elapsed);
    let own = [
        ("field", json!(study.genotypes.field())),
        ("covariates", json!(study.covariate_names)),
        ("shard_bytes", json!(study.shard_bytes)),
        ("run_digest", json!(orders.digest)),
        ("attempt", json!(orders.attempt)),
        ("shards", json!(n_shards)),
        ("began", json!(crate::sink::spool::unix_seconds() - elapsed.as_secs_f64())),
        ("ranks", json!(ranks)),
        ("asked", json!(asked(config, study, ranks, stop))),
        ("wall_seconds", json!(used.wall_seconds)),
        ("cpu_seconds", json!(used.cpu_seconds)),
        ("peak_memory_bytes", json!(used.peak_memory_per_rank_bytes)),
    ];
    let mut parts = common;
    parts.extend(own.map(|(name, part)| (name.to_owned(), part)));
    parts.into()
}

/// What the run was given and was expected to take.
fn asked(config: &AssocConfig, study: &Study, ranks: &[RankReport], stop: &Stop) -> Asked {
    let of_a_rank = ranks.iter().map(|rank| rank.threads).max().unwrap_or(1);
    let estimate = Estimate::new(study, of_a_rank as usize, config);
    Asked {
        slurm: Allocation::of_this_job(stop.left_by_slurm().map(|left| left.as_secs_f64())),
        threads: ranks.iter().map(|rank| rank.threads).sum(),
        memory_per_rank_bytes: estimate.memory_per_rank(),
        results_bytes: estimate.output_bytes().map(|bytes| bytes.least),
    }
}

/// What all ranks took: rank 0 by now, the others when their shards were done.
fn used(ranks: &[RankReport], elapsed: Duration) -> Used {
    let mine = Resources::now();
    let peak = ranks.iter().map(|rank| rank.resources.peak_memory).max().unwrap_or(0);
    Used {
        wall_seconds: elapsed.as_secs_f64(),
        cpu_seconds: ranks.iter().skip(1).map(|rank| rank.resources.cpu_seconds).sum::<f64>() + mine.cpu_seconds,
        peak_memory_per_rank_bytes: peak.max(mine.peak_memory),
    }
}

/// "10 genotyped − 2 not in keep = 8 analysed (1 without any trait)"; counts of zero are left out.
pub(super) fn in_words(table: &LedgerTable) -> String {
    let part = |role: LedgerRole| {
        let entries = table.entries.iter().filter(move |e| e.role == role);
        entries.filter(|e| e.count > 0).map(|e| format!("{} {}", e.count, e.name.replace('_', " "))).collect::<Vec<_>>()
    };
    let mut text = part(LedgerRole::Input).join(" + ");
    for dropped in part(LedgerRole::Dropped) {
        text += &format!(" − {dropped}");
    }
    let kept: Vec<_> = table.entries.iter().filter(|e| e.role == LedgerRole::Kept).collect();
    for entry in kept {
        text += &format!(" = {} {}", entry.count, entry.name.replace('_', " "));
    }
    match part(LedgerRole::Note).join(", ") {
        notes if notes.is_empty() => text,
        notes => format!("{text} ({notes})"),
    }
}

/// The last lines of a run's log.
pub fn log(config: &AssocConfig, study: &Study, done: &Finalised, ranks: &[RankReport], elapsed: Duration) {
    let out = config.run.out.as_path();
    let tables = ledger(study, &done.ledger);
    for (what, table) in [("samples", &tables.samples), ("variants", &tables.variants), ("traits", &tables.traits)] {
        log::info!("{what}: {}", in_words(table));
    }
    let n_pairs = done.n_rows * study.trait_names.len() as u64;
    let statuses = done.statuses.iter().filter(|(_, n)| *n > 0);
    let statuses: Vec<_> = statuses.map(|(status, n)| format!("{n} {}", status.name().replace('_', " "))).collect();
    let remarks = if statuses.is_empty() { String::new() } else { format!(" ({})", statuses.join(", ")) };
    log::info!("pairs: {} of {n_pairs} have a number{remarks}", done.n_pairs_with_number);
    if let Some(trans) = config.trans {
        let (n, window) = (done.n_left_out, trans.window);
        log::info!("pairs: {n} of these left out as cis: within {window} bases of the TSS of the protein's gene");
    }
    if done.n_rows == 0 {
        log::warn!("no variant was left to test: the results hold no rows");
    } else if done.n_pairs_with_number == 0 {
        log::warn!("no pair of variant and trait has a number: norna info {} says why", out.display());
    }
    let bytes = std::fs::metadata(out).map_or(0, |m| m.len());
    let n_traits = study.trait_names.len();
    log::info!(
        "written: {} ({} × {}, {}, {})",
        out.display(),
        count(done.n_rows, "variant"),
        count(n_traits as u64, "trait"),
        count(done.n_hits, "hit"),
        human_bytes(bytes)
    );
    if done.n_full > 0 {
        log::info!(
            "{} of {} missing genotypes and are stored in full (8 bytes a test)",
            done.n_full,
            if done.n_rows == 1 { "1 variant has".to_owned() } else { format!("{} variants have", done.n_rows) }
        );
    }
    let used = used(ranks, elapsed);
    log::info!(
        "used: {:.1} s wall, {:.1} s CPU, {} peak memory per rank",
        used.wall_seconds,
        used.cpu_seconds,
        human_bytes(used.peak_memory_per_rank_bytes)
    );
    // What was asked stands in the file that has just been written.
    let written = ResultsReader::open(out).and_then(|results| results.provenance()).unwrap_or_default();
    if let Ok(asked) = serde_json::from_value::<Asked>(written["asked"].clone()) {
        usage::lines(&asked, &used, bytes).iter().for_each(|line| log::info!("{line}"));
    }
}
