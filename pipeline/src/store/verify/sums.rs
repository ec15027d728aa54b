//! /qc and /provenance: what must add up, and what can be computed again.

use norna_kernels::genomic_control::{N_BINS, lower_edge};

use super::super::checked::{column, dataset, rectangle};
use super::super::qc::Bins;
use super::super::reader::{ResultsReader, StoredQc};
use super::super::schema::{LedgerRole, LedgerTable};
use super::Findings;

/// Traits whose histograms are read at once.
const TRAITS_AT_ONCE: usize = 1024;
/// Rounding of an eigenvalue below 0, against the largest.
const ROUNDING: f64 = 1e-5;

/// `with_number`: pairs with a number by trait, if they were counted. Gives the regions of shards that failed.
pub(super) fn check(reader: &ResultsReader, with_number: Option<&[u64]>, findings: &mut Findings) -> Vec<String> {
    if let Err(error) = reader.provenance() {
        findings.add_error("text", error);
    }
    let qc = match reader.qc() {
        Ok(qc) => qc,
        Err(error) => {
            findings.add_error("shape", error);
            return Vec::new();
        }
    };
    let ledger = &qc.ledger;
    let n_samples = u64::from(reader.header.n_samples);
    check_ledger("samples", &ledger.samples, n_samples, findings);
    check_ledger("variants", &ledger.variants, reader.n_variants as u64, findings);
    check_ledger("traits", &ledger.traits, reader.header.traits.len() as u64, findings);
    check_histograms(reader, &qc, with_number, findings);
    check_edges(reader, findings);
    check_eigenvalues(&qc.eigenvalues, findings);
    for (row, (&cases, info)) in qc.case_counts.iter().flatten().zip(&reader.header.traits).enumerate() {
        if cases > info.n {
            findings.add("number", "/qc/case_counts", || format!("row {row}: {cases} of {} samples", info.n));
        }
    }
    qc.failed_regions
}

/// Input = kept + dropped, and what was kept is in the file.
fn check_ledger(name: &str, table: &LedgerTable, kept_rows: u64, findings: &mut Findings) {
    let object = format!("/qc/ledger/{name}");
    let [input, kept, dropped] =
        [LedgerRole::Input, LedgerRole::Kept, LedgerRole::Dropped].map(|role| table.total(role));
    if !table.adds_up() {
        findings.add("sum", &object, || format!("{input} read is not {kept} kept and {dropped} dropped"));
    }
    if kept != kept_rows {
        findings.add("sum", &object, || format!("{kept} kept where the file has {kept_rows}"));
    }
}

fn check_histograms(reader: &ResultsReader, qc: &StoredQc, with_number: Option<&[u64]>, findings: &mut Findings) {
    let (place, name) = (&reader.place, "/qc/chi2_histogram");
    let n_traits = reader.header.traits.len();
    let bins = Bins::new(&reader.header.traits);
    let chi2 = match dataset(place, &reader.file, name, &[n_traits, N_BINS]) {
        Ok(chi2) => chi2,
        Err(error) => return findings.add_error("shape", error),
    };
    for start in (0..n_traits).step_by(TRAITS_AT_ONCE) {
        let traits = start..n_traits.min(start + TRAITS_AT_ONCE);
        let counts = match rectangle::<u64>(place, name, &chi2, traits.clone(), 0..N_BINS) {
            Ok(counts) => counts,
            Err(error) => return findings.add_error("shape", error),
        };
        for (t, counts) in traits.zip(counts.chunks_exact(N_BINS)) {
            let total = |counts: &[u64]| counts.iter().map(|&n| u128::from(n)).sum::<u128>();
            let (of_t2, of_p) = (total(counts), total(&qc.p_histogram[t]));
            let pairs = with_number.map_or(of_p, |with_number| with_number[t].into());
            if of_t2 != pairs || of_p != pairs || pairs > reader.n_variants as u128 {
                findings.add("sum", "/qc/chi2_histogram, p_histogram", || {
                    format!("trait {t}: {of_t2} and {of_p} tests where {pairs} pairs have a number")
                });
                continue;
            }
            let (lambda, stored) = (bins.lambda_of(t, counts), qc.genomic_control[t]);
            if lambda.to_bits() != stored.to_bits() && !(lambda.is_nan() && stored.is_nan()) {
                findings.add("sum", "/qc/genomic_control", || {
                    format!("trait {t}: {stored} where the histogram makes {lambda}")
                });
            }
        }
    }
}

fn check_edges(reader: &ResultsReader, findings: &mut Findings) {
    let name = "/qc/chi2_lower_edges";
    match column::<f64>(&reader.place, &reader.file, name, Some(N_BINS)) {
        Ok(edges) => {
            if let Some(bin) = (0..N_BINS).find(|&bin| edges[bin].to_bits() != lower_edge(bin).to_bits()) {
                findings.add("number", name, || format!("row {bin}: {} where {} fits", edges[bin], lower_edge(bin)));
            }
        }
        Err(error) => findings.add_error("shape", error),
    }
}

/// Of a correlation: finite, none below 0, falling.
fn check_eigenvalues(eigenvalues: &[f64], findings: &mut Findings) {
    let least = -ROUNDING * eigenvalues.first().copied().unwrap_or(0.0).abs().max(1.0);
    for (row, &value) in eigenvalues.iter().enumerate() {
        let falls = row == 0 || eigenvalues[row - 1] >= value;
        if !value.is_finite() || value < least || !falls {
            findings
                .add("number", "/qc/eigenvalues", || format!("row {row}: {value} where none is below 0 and all fall"));
        }
    }
}
