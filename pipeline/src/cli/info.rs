//! `norna info`: what is in a results file.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use norna_kernels::Status;
use serde_json::{Map, Value, json};

use crate::export::ExportError;
use crate::export::output::{Output, is_closed_pipe};
use crate::export::replace::Replace;
use crate::report::progress::Progress;
use crate::report::words::count;
use crate::store::{
    CisReader, DepthReader, FORMAT_VERSION, LedgerRole, LedgerTable, ProteinsReader, ResultsReader, Store, StoreError,
    StoredQc, content_digest,
};

/// Bytes of a file that is read whole without being asked.
const DIGESTED: u64 = 256 << 20;
/// Traits that are told one by one.
const TRAITS_SHOWN: usize = 10;

/// Show what is in a results file.
#[derive(Debug, Clone, clap::Args)]
pub struct InfoArgs {
    /// Results file.
    pub file: PathBuf,
    /// As JSON, with every trait.
    #[arg(long)]
    pub json: bool,
    /// Tell the content digest of files over 256 MB too, which reads all of them; equal runs have equal ones
    #[arg(long)]
    pub digest: bool,
}

/// Runs `norna info`.
pub fn run(args: &InfoArgs) -> anyhow::Result<()> {
    let mut text = describe(&args.file, args.json)?;
    let is_small = || std::fs::metadata(&args.file).is_ok_and(|metadata| metadata.len() <= DIGESTED);
    if args.digest || is_small() {
        add_digest(&mut text, args)?;
    }
    let mut output = Output::create(Path::new("-"), Replace::Nothing)?;
    let written = output.write_all(text.as_bytes());
    let written = written.map_err(|cause| ExportError::Write { path: PathBuf::from("-"), cause });
    match written.and_then(|()| output.finish()) {
        Err(error) if !is_closed_pipe(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

fn add_digest(text: &mut String, args: &InfoArgs) -> anyhow::Result<()> {
    let bytes = std::fs::metadata(&args.file).map_or(0, |metadata| metadata.len());
    let mut progress = Progress::start(("content digest", "bytes"), Some(bytes), bytes <= DIGESTED);
    let mut done = 0;
    let digest = content_digest(&args.file, &mut |n| {
        done += n;
        progress.update(done);
    })?;
    progress.finish();
    if args.json {
        let mut told: Value = serde_json::from_str(text)?;
        told["content_digest"] = json!(digest);
        *text = format!("{told:#}\n");
    } else {
        let _ = writeln!(text, "\n{:<18}{digest}", "content digest");
    }
    Ok(())
}

/// What `norna info` prints about the file.
pub fn describe(path: &Path, as_json: bool) -> Result<String, StoreError> {
    if DepthReader::is_depth(path) {
        return super::info_depth::describe(path, as_json);
    }
    if CisReader::is_cis(path) {
        return super::info_cis::describe(path, as_json);
    }
    if ProteinsReader::is_proteins(path) {
        return super::info_proteins::describe(path, as_json);
    }
    let reader = ResultsReader::open(path)?;
    let qc = reader.qc()?;
    let statuses = reader.status_counts(|_| true)?;
    let provenance = reader.provenance()?;
    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    Ok(match as_json {
        true => format!("{:#}\n", json_info(&reader, &qc, &statuses, provenance, bytes)),
        false => text_info(path, &reader, &qc, &statuses, (&provenance, bytes)),
    })
}

fn json_info(
    reader: &ResultsReader,
    qc: &StoredQc,
    statuses: &[(Status, u64)],
    provenance: Value,
    bytes: u64,
) -> Value {
    let header = reader.header();
    let lambdas = &qc.genomic_control;
    let one = |(info, lambda): (&crate::store::TraitInfo, &f64)| {
        json!({
            "name": info.name, "n": info.n, "mask": info.mask, "df_covariates": info.df_covariates,
            "status": status_name(info.status), "mean": info.mean, "sd": info.sd, "genomic_control": lambda,
        })
    };
    let ledger = &qc.ledger;
    json!({
        "format": crate::store::FORMAT,
        "format_version": FORMAT_VERSION,
        "norna_version": reader.norna_version(),
        "store": header.store.name(),
        "file_bytes": bytes,
        "samples": header.n_samples,
        "variants": reader.n_variants(),
        "traits": header.traits.len(),
        "masks": header.n_masks(),
        "hits": { "n": reader.n_hits(), "threshold_log10p": header.hit_log10p },
        "pairs_with_number": pairs_with_number(qc),
        "pairs_without_number": reader.n_statuses(),
        "pairs_by_status": statuses.iter().map(|&(status, n)| (status.name().to_owned(), n.into())).collect::<Map<_, _>>(),
        "genomic_control": lambda_summary(lambdas).map(|[min, median, max]| json!({"min": min, "median": median, "max": max})),
        "ledger": {
            "samples": json_ledger(&ledger.samples),
            "variants": json_ledger(&ledger.variants),
            "traits": json_ledger(&ledger.traits),
        },
        "failed_regions": qc.failed_regions,
        "trait_list": header.traits.iter().zip(lambdas).map(one).collect::<Vec<_>>(),
        "provenance": provenance,
    })
}

pub(super) fn json_ledger(table: &LedgerTable) -> Value {
    let row = |entry: &crate::store::LedgerEntry| json!({ "name": entry.name, "role": entry.role.name(), "count": entry.count });
    json!({ "adds_up": table.adds_up(), "counts": table.entries.iter().map(row).collect::<Vec<_>>() })
}

/// Every pair with β and SE is in one bin of p.
fn pairs_with_number(qc: &StoredQc) -> u64 {
    qc.p_histogram.iter().flatten().sum()
}

fn text_info(
    path: &Path,
    reader: &ResultsReader,
    qc: &StoredQc,
    statuses: &[(Status, u64)],
    (provenance, bytes): (&Value, u64),
) -> String {
    let header = reader.header();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<18}{value}");
    };
    let version = reader.norna_version();
    line("file", format!("{} ({} MB)", path.display(), megabytes(bytes)));
    line("format", format!("{} {FORMAT_VERSION}, written by norna {version}", crate::store::FORMAT));
    line("store", store_in_words(reader));
    line("samples", header.n_samples.to_string());
    line("variants", reader.n_variants().to_string());
    line(
        "traits",
        format!("{} in {} of missing values", header.traits.len(), count(header.n_masks() as u64, "pattern")),
    );
    let n_pairs = reader.n_variants() as u64 * header.traits.len() as u64;
    line("pairs", format!("{} with a number of {n_pairs}", pairs_with_number(qc)));
    line("hits", format!("{} pairs with LOG10_P >= {}", reader.n_hits(), header.hit_log10p));
    line(
        "without a number",
        format!("{} pairs of sound variants and traits{}", reader.n_statuses(), by_status(statuses)),
    );
    if let Some((_, n)) = statuses.iter().find(|(status, _)| *status == Status::PerfectFit) {
        line("", format!("{n} pairs fit perfectly: no standard error; see /assoc/status_*"));
    }
    match lambda_summary(&qc.genomic_control) {
        Some([min, median, max]) => {
            line("genomic control", format!("median {median:.4}, from {min:.4} to {max:.4}"));
        }
        None => line("genomic control", "none (no trait has a median)".to_owned()),
    }
    if !qc.failed_regions.is_empty() {
        line("incomplete", format!("{} failed", count(qc.failed_regions.len() as u64, "shard")));
        qc.failed_regions.iter().for_each(|region| line("", region.clone()));
    }
    text_ledger(&mut text, "samples", &qc.ledger.samples);
    text_ledger(&mut text, "variants", &qc.ledger.variants);
    text_ledger(&mut text, "traits", &qc.ledger.traits);
    text_traits(&mut text, reader, qc);
    if let Value::Object(parts) = provenance {
        text_provenance(&mut text, parts);
    }
    text
}

fn store_in_words(reader: &ResultsReader) -> String {
    match (reader.header().store, reader.n_full_and_exact()) {
        (Store::Full, _) => "full: effect and standard error of every pair".to_owned(),
        (Store::Compact, counts) => {
            let (n_full, n_exact) = counts.unwrap_or_default();
            format!("compact: scores; {n_full} variants and {n_exact} pairs in full")
        }
        (Store::Hits, _) => "hits: pairs over the threshold, and histograms".to_owned(),
    }
}

/// ": 3 monomorphic, 1 perfect_fit"; nothing without any.
fn by_status(statuses: &[(Status, u64)]) -> String {
    let parts: Vec<String> = statuses.iter().map(|(status, n)| format!("{n} {}", status.name())).collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

pub(super) fn text_ledger(text: &mut String, name: &str, table: &LedgerTable) {
    if table.entries.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{name}: {}", sum_in_words(table));
    for entry in &table.entries {
        let _ = writeln!(text, "  {:<8} {:>12}  {}", entry.role.name(), entry.count, entry.name);
    }
}

fn sum_in_words(table: &LedgerTable) -> String {
    let total = |role| table.total(role);
    let (input, kept) = (total(LedgerRole::Input), total(LedgerRole::Kept));
    let dropped = total(LedgerRole::Dropped);
    let sign = if table.adds_up() { "=" } else { "is NOT" };
    format!("{input} read {sign} {kept} kept + {dropped} dropped")
}

fn text_traits(text: &mut String, reader: &ResultsReader, qc: &StoredQc) {
    let traits = &reader.header().traits;
    let _ = writeln!(text, "\n{:<24}{:>10}  {:>8}  status", "trait", "n", "lambda");
    for (info, lambda) in traits.iter().zip(&qc.genomic_control).take(TRAITS_SHOWN) {
        let _ = writeln!(text, "{:<24}{:>10}  {lambda:>8.4}  {}", info.name, info.n, status_name(info.status));
    }
    if traits.len() > TRAITS_SHOWN {
        let _ = writeln!(text, "... and {} more (--json lists all)", traits.len() - TRAITS_SHOWN);
    }
}

/// The command, `inputs` and `timings` line by line; the rest of the provenance is for --json.
pub(super) fn text_provenance(text: &mut String, parts: &Map<String, Value>) {
    let arguments: Vec<&str> =
        parts.get("arguments").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if let (false, Ok(line)) = (arguments.is_empty(), shlex::try_join(arguments)) {
        let _ = writeln!(text, "\ncommand\n  norna {line}");
    }
    for name in ["inputs", "timings"] {
        match parts.get(name) {
            Some(Value::Array(items)) => {
                let _ = writeln!(text, "\n{name}");
                for item in items {
                    let _ = writeln!(text, "  {}", one_line(item));
                }
            }
            Some(Value::Object(items)) => {
                let _ = writeln!(text, "\n{name}");
                for (key, item) in items {
                    let _ = writeln!(text, "  {key:<18}{}", one_line(item));
                }
            }
            Some(Value::Null) | None => {}
            Some(item) => {
                let _ = writeln!(text, "\n{name} {}", one_line(item));
            }
        }
    }
}

fn one_line(value: &Value) -> String {
    match value {
        Value::String(value) => value.clone(),
        Value::Object(parts) => {
            let parts: Vec<String> = parts.iter().map(|(key, value)| format!("{key} {}", one_line(value))).collect();
            parts.join(", ")
        }
        other => other.to_string(),
    }
}

/// Least, median and largest λ of the traits that have one.
fn lambda_summary(lambdas: &[f64]) -> Option<[f64; 3]> {
    let mut finite: Vec<f64> = lambdas.iter().copied().filter(|lambda| lambda.is_finite()).collect();
    finite.sort_by(f64::total_cmp);
    let (first, last) = (*finite.first()?, *finite.last()?);
    let median = (finite[(finite.len() - 1) / 2] + finite[finite.len() / 2]) / 2.0;
    Some([first, median, last])
}

fn status_name(code: u8) -> String {
    Status::from_code(code).map_or_else(|| format!("code {code}"), |status| status.name().to_owned())
}

pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}
