//! `norna info` on what norna qtl found near genes.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::info::{json_ledger, megabytes, text_ledger, text_provenance};
use crate::qtl::CisStatus;
use crate::report::words::count;
use crate::store::{CIS_FORMAT, CIS_FORMAT_VERSION, CisReader, Ledger, StoreError};

/// q-values at or under this are told.
const FDR: f64 = 0.05;
/// Phenotypes read at once.
const ROWS: usize = 1 << 14;

/// What is counted over phenotypes.
struct Counts {
    by_status: Vec<(CisStatus, u64)>,
    with_p_beta: u64,
    with_q_value: u64,
    significant: u64,
    /// Variants tested, summed.
    tests: u64,
}

/// What `norna info` prints about such a file.
pub fn describe(path: &Path, as_json: bool) -> Result<String, StoreError> {
    let reader = CisReader::open(path)?;
    let counts = Counts::of(&reader)?;
    let (ledger, provenance) = (reader.ledger()?, reader.provenance()?);
    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    Ok(match as_json {
        true => format!("{:#}\n", json_info(&reader, &counts, &ledger, provenance, bytes)),
        false => text_info(path, &reader, (&counts, &ledger), (&provenance, bytes)),
    })
}

impl Counts {
    fn of(reader: &CisReader) -> Result<Self, StoreError> {
        let of_status = |status| (status, reader.statuses().filter(|&found| found == status).count() as u64);
        let by_status = CisStatus::ALL.map(of_status).into_iter().filter(|&(_, n)| n > 0).collect();
        let mut counts = Self { by_status, with_p_beta: 0, with_q_value: 0, significant: 0, tests: 0 };
        let n = reader.header().phenotypes.len();
        for start in (0..n).step_by(ROWS) {
            for stored in reader.phenotypes(start..n.min(start + ROWS))? {
                let permuted = stored.found.permuted.as_ref();
                counts.with_p_beta += u64::from(permuted.is_some_and(|permuted| permuted.log10p_beta.is_finite()));
                counts.with_q_value += u64::from(stored.q_value.is_finite());
                counts.significant += u64::from(stored.q_value <= FDR);
                counts.tests += u64::from(stored.found.n_variants);
            }
        }
        Ok(counts)
    }
}

fn json_info(reader: &CisReader, counts: &Counts, ledger: &Ledger, provenance: Value, bytes: u64) -> Value {
    let header = reader.header();
    let by_status: Map<String, Value> =
        counts.by_status.iter().map(|&(status, n)| (status.name().to_owned(), n.into())).collect();
    json!({
        "format": CIS_FORMAT,
        "format_version": CIS_FORMAT_VERSION,
        "norna_version": reader.norna_version(),
        "file_bytes": bytes,
        "samples": header.n_samples,
        "phenotypes": header.phenotypes.len(),
        "phenotypes_by_status": by_status,
        "window": header.window,
        "permutations": header.n_permutations,
        "seed": header.seed,
        "tests": counts.tests,
        "phenotypes_with_p_beta": counts.with_p_beta,
        "phenotypes_with_q_value": counts.with_q_value,
        "phenotypes_with_q_value_at_most_0.05": counts.significant,
        "pi0": reader.pi0(),
        "fdr_of_nominal_thresholds": reader.fdr(),
        "nominal_pairs": header.has_nominal.then(|| reader.n_pairs()),
        "variants": header.has_nominal.then(|| reader.n_variants()),
        "signals": header.has_signals.then(|| reader.n_signals()),
        "ledger": {
            "samples": json_ledger(&ledger.samples),
            "variants": json_ledger(&ledger.variants),
            "phenotypes": json_ledger(&ledger.traits),
        },
        "provenance": provenance,
    })
}

fn text_info(
    path: &Path,
    reader: &CisReader,
    (counts, ledger): (&Counts, &Ledger),
    (provenance, bytes): (&Value, u64),
) -> String {
    let header = reader.header();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<18}{value}");
    };
    line("file", format!("{} ({} MB)", path.display(), megabytes(bytes)));
    let version = reader.norna_version();
    line("format", format!("{CIS_FORMAT} {CIS_FORMAT_VERSION}, written by norna {version}"));
    line("samples", header.n_samples.to_string());
    let by_status: Vec<String> = counts.by_status.iter().map(|(status, n)| format!("{n} {}", status.name())).collect();
    line("phenotypes", format!("{}: {}", header.phenotypes.len(), by_status.join(", ")));
    let window = u64::from(header.window);
    line("window", format!("{window} bp to each side of the transcription start; {} tests in all", counts.tests));
    match header.n_permutations {
        0 => line("permutations", "none".to_owned()),
        n => line("permutations", format!("{n}, seed {}; {} with p_beta", header.seed, counts.with_p_beta)),
    }
    if counts.with_q_value > 0 {
        let significant = format!("{} of {} at most {FDR}", counts.significant, counts.with_q_value);
        line("q-values", format!("{significant}; share of true nulls {:.4}", reader.pi0()));
    }
    match header.has_nominal {
        true => {
            let pairs = count(reader.n_pairs() as u64, "pair");
            line("nominal", format!("{pairs} of {}", count(reader.n_variants() as u64, "variant")));
        }
        false => line("nominal", "pairs were not kept".to_owned()),
    }
    if header.has_signals {
        line("signals", format!("{} independent", reader.n_signals()));
    }
    text_ledger(&mut text, "samples", &ledger.samples);
    text_ledger(&mut text, "variants", &ledger.variants);
    text_ledger(&mut text, "phenotypes", &ledger.traits);
    if let Value::Object(parts) = provenance {
        text_provenance(&mut text, parts);
    }
    text
}
