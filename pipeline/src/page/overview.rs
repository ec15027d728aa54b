//! The overview of a report, out of what a results file tells without its pairs.

use norna_kernels::Status;
use serde_json::{Map, Value, json};

use super::data::{GenePlace, LedgerSection};
use crate::proteins::Protein;
use crate::store::{LedgerTable, ResultsReader, StoreError, StoredQc};

/// Entries of /provenance that are shown, with what they are called. Others may say more than a report should.
const SHOWN: [(&str, &str); 26] = [
    ("command", "Command"),
    ("arguments", "Command line"),
    ("norna_version", "norna"),
    ("numeric_version", "Version of the numbers"),
    ("hdf5_version", "HDF5"),
    ("mpi", "MPI"),
    ("configuration", "Configuration"),
    ("inputs", "Inputs"),
    ("covariates", "Covariates"),
    ("field", "Genotype field"),
    ("seed", "Seed"),
    ("run_digest", "Digest of the run"),
    ("content_digest", "Digest of the content"),
    ("began", "Began"),
    ("wall_seconds", "Wall time"),
    ("cpu_seconds", "CPU time"),
    ("timings", "Stages"),
    ("peak_memory_bytes", "Peak memory"),
    ("machine", "Machine"),
    ("isa", "Instruction set"),
    ("n_ranks", "Number of ranks"),
    ("nodes", "Nodes"),
    ("ranks", "Ranks"),
    ("shards", "Shards"),
    ("attempt", "Attempt"),
    ("slurm_job_id", "Slurm job"),
];

/// /provenance as it is shown, and how many entries are not.
pub(super) fn provenance(stored: &Value) -> (Vec<(&'static str, Value)>, usize) {
    let empty = Map::new();
    let stored = stored.as_object().unwrap_or(&empty);
    let told = |&(key, label): &(&'static str, &'static str)| {
        let value = stored.get(key).filter(|value| !value.is_null())?;
        Some((label, shown(key, value)))
    };
    let told: Vec<(&'static str, Value)> = SHOWN.iter().filter_map(told).collect();
    let n_known =
        stored.iter().filter(|(key, value)| value.is_null() || SHOWN.iter().any(|(name, _)| name == key)).count();
    (told, stored.len() - n_known)
}

fn shown(key: &str, value: &Value) -> Value {
    match key {
        "arguments" => command_line(value),
        "machine" => only(value, &["architecture", "cpu"]),
        "ranks" => {
            let of_rank = |rank: &Value| {
                only(rank, &["threads", "shards", "rows", "compute_seconds", "cpu_seconds", "peak_memory"])
            };
            Value::Array(value.as_array().into_iter().flatten().map(of_rank).collect())
        }
        "inputs" => {
            let of_file =
                |file: &Value| without_folders(&only(file, &["role", "name", "bytes", "sha256_head", "sha256"]));
            Value::Array(value.as_array().into_iter().flatten().map(of_file).collect())
        }
        _ => without_folders(value),
    }
}

/// As it would be typed, without folders.
fn command_line(arguments: &Value) -> Value {
    let names = without_folders(arguments);
    let words = names.as_array().into_iter().flatten().filter_map(Value::as_str);
    Value::String(shlex::try_join(std::iter::once("norna").chain(words)).unwrap_or_default())
}

/// The members of an object that are named.
fn only(value: &Value, members: &[&str]) -> Value {
    let chosen = members.iter().filter_map(|&name| Some((name.to_owned(), value.get(name)?.clone())));
    Value::Object(chosen.collect())
}

/// Texts with slashes are taken for paths, of which the last part stands.
fn without_folders(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(text.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or_default()),
        Value::Array(items) => Value::Array(items.iter().map(without_folders).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), without_folders(value))).collect())
        }
        other => other.clone(),
    }
}

/// The drop ledger.
pub(super) fn ledger(qc: &StoredQc) -> Vec<LedgerSection> {
    let section = |what, table: &LedgerTable| LedgerSection {
        what,
        rows: table.entries.iter().map(|entry| (entry.name.clone(), entry.role.name(), entry.count)).collect(),
    };
    let ledger = &qc.ledger;
    vec![section("samples", &ledger.samples), section("variants", &ledger.variants), section("traits", &ledger.traits)]
}

/// Why a trait has no number; empty where it has.
pub(super) fn trait_status(code: u8) -> &'static str {
    match Status::from_code(code) {
        Some(Status::Ok) => "",
        Some(status) => status.name(),
        None => "unknown",
    }
}

/// Where the gene of a protein is.
pub(super) fn gene_place(protein: &Protein) -> Option<GenePlace> {
    let gene = protein.gene.as_ref()?;
    Some(GenePlace {
        name: if gene.name.is_empty() { gene.id.clone() } else { gene.name.clone() },
        id: gene.id.clone(),
        chrom: gene.chrom.clone(),
        tss: gene.tss,
        assay: protein.name.clone(),
        uniprot: protein.uniprot.clone(),
    })
}

/// What is amiss with the file.
pub(super) fn warnings(reader: &ResultsReader, qc: &StoredQc) -> Result<Vec<String>, StoreError> {
    let mut warnings = Vec::new();
    if !qc.failed_regions.is_empty() {
        let n = crate::report::words::count(qc.failed_regions.len() as u64, "shard");
        warnings.push(format!("The file is incomplete: {n} failed ({}).", qc.failed_regions.join(", ")));
    }
    if !reader.has_every_pair() {
        let threshold = 10_f64.powf(-reader.header().hit_log10p);
        warnings.push(format!("The file keeps pairs with p ≤ {threshold:.1e} alone: charts show no others."));
    }
    if let Some(n) = reader.n_left_out()? {
        warnings.push(format!("{n} pairs of a protein and a variant near its gene were left out of the run."));
    }
    let n_perfect = reader.status_counts(|_| true)?.into_iter().find(|(status, _)| *status == Status::PerfectFit);
    if let Some((_, n)) = n_perfect {
        warnings.push(format!("{n} pairs fit perfectly: they have no p and are in no chart."));
    }
    Ok(warnings)
}
