//! `norna info` on a file of depths.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::info::{megabytes, text_provenance};
use crate::report::words::count;
use crate::store::{DEPTH_FORMAT, DEPTH_FORMAT_VERSION, DepthReader, DepthSummary, StoreError};

/// Chromosomes that are told one by one.
const CHROMOSOMES_SHOWN: usize = 30;

/// What `norna info` prints about a file of depths: nothing of single people.
pub fn describe(path: &Path, as_json: bool) -> Result<String, StoreError> {
    let reader = DepthReader::open(path)?;
    let summaries = reader.summaries()?;
    let provenance = reader.provenance()?;
    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    Ok(match as_json {
        true => format!("{:#}\n", json_info(&reader, &summaries, provenance, bytes)),
        false => text_info(path, &reader, &summaries, (&provenance, bytes)),
    })
}

/// Least, median and greatest of the samples' mean depths in a row.
fn spread(summary: &DepthSummary, row: usize, n_samples: usize) -> [f64; 3] {
    let mut means: Vec<f64> = (0..n_samples).map(|sample| summary.mean(row, sample)).collect();
    means.sort_by(f64::total_cmp);
    match (means.first(), means.last()) {
        (Some(&first), Some(&last)) => [first, means[(n_samples - 1) / 2].midpoint(means[n_samples / 2]), last],
        _ => [0.0; 3],
    }
}

fn json_info(reader: &DepthReader, summaries: &[DepthSummary; 4], provenance: Value, bytes: u64) -> Value {
    let header = reader.header();
    let n = header.samples.len();
    let told = |summary: &DepthSummary, row: usize| {
        let [min, median, max] = spread(summary, row, n);
        json!({ "min": min, "median": median, "max": max })
    };
    let chromosome = |(row, (name, length)): (usize, &(String, u32))| {
        json!({
            "name": name, "length": length, "mean_depth": told(&summaries[0], row),
            "window_bases": summaries[1].length[row], "mean_depth_in_windows": told(&summaries[1], row),
        })
    };
    json!({
        "format": DEPTH_FORMAT,
        "format_version": DEPTH_FORMAT_VERSION,
        "norna_version": reader.norna_version(),
        "individual_level": true,
        "file_bytes": bytes,
        "samples": n,
        "windows": header.n_windows,
        "thresholds": header.thresholds,
        "mean_depth": told(&summaries[2], 0),
        "mean_depth_in_windows": told(&summaries[3], 0),
        "chromosomes": header.chromosomes.iter().enumerate().map(chromosome).collect::<Vec<_>>(),
        "provenance": provenance,
    })
}

fn text_info(
    path: &Path,
    reader: &DepthReader,
    summaries: &[DepthSummary; 4],
    (provenance, bytes): (&Value, u64),
) -> String {
    let header = reader.header();
    let n = header.samples.len();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<18}{value}");
    };
    let version = reader.norna_version();
    line("file", format!("{} ({} MB)", path.display(), megabytes(bytes)));
    line("format", format!("{DEPTH_FORMAT} {DEPTH_FORMAT_VERSION}, written by norna {version}"));
    line("", "individual-level data: depths of single people, by sample ID".to_owned());
    let sizes = [(n, "sample"), (header.n_windows, "window"), (header.chromosomes.len(), "chromosome")];
    line("depths", sizes.map(|(n, what)| count(n as u64, what)).join(", "));
    let depths = |summary: &DepthSummary, row: usize| {
        let [min, median, max] = spread(summary, row, n);
        format!("median {median:.2}, from {min:.2} to {max:.2}")
    };
    line("mean depth", format!("{} (of samples, on all chromosomes)", depths(&summaries[2], 0)));
    line("in windows", depths(&summaries[3], 0));
    if !header.thresholds.is_empty() {
        let thresholds: Vec<String> = header.thresholds.iter().map(u32::to_string).collect();
        line("thresholds", thresholds.join(", "));
    }
    let _ = writeln!(text, "\n{:<20}{:>12}  mean depth of samples", "chromosome", "length");
    for (row, (name, length)) in header.chromosomes.iter().enumerate().take(CHROMOSOMES_SHOWN) {
        let _ = writeln!(text, "{name:<20}{length:>12}  {}", depths(&summaries[0], row));
    }
    if header.chromosomes.len() > CHROMOSOMES_SHOWN {
        let _ = writeln!(text, "... and {} more (--json lists all)", header.chromosomes.len() - CHROMOSOMES_SHOWN);
    }
    if let Value::Object(parts) = provenance {
        text_provenance(&mut text, parts);
    }
    text
}
