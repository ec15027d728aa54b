//! Checks a whole cis.h5: its bytes against their checksums, its lists, its numbers, what can be computed again.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use norna_kernels::student;

use super::super::cis::{CIS_FORMAT, CIS_FORMAT_VERSION};
use super::super::cis_reader::{CisReader, StoredPhenotype};
use super::super::error::StoreError;
use super::super::file;
use super::super::schema::{LedgerRole, LedgerTable};
use super::{Findings, VerifyProgress, attributes, bytes};

/// Groups with datasets.
const GROUPS: [&str; 12] = [
    "phenotypes",
    "cis",
    "variants",
    "variants/text",
    "nominal",
    "signals",
    "qc",
    "qc/ledger/samples",
    "qc/ledger/variants",
    "qc/ledger/phenotypes",
    "provenance",
    "checksums",
];
/// Rows read at once.
const ROWS: usize = 1 << 16;
/// Rounding of a −log10 p that is computed again from β and its standard error, relative.
const ROUNDING: f64 = 1e-6;
/// Rounding of |t| of a pair that is kept in f32, relative.
const PAIR_ROUNDING: f64 = 1e-5;

/// What came of a verification.
#[derive(Debug)]
pub struct CisVerification {
    /// What is wrong.
    pub findings: Findings,
    /// Version of norna that wrote the file.
    pub norna_version: String,
    /// Rows of /phenotypes and /cis.
    pub n_phenotypes: usize,
    /// Rows of /variants.
    pub n_variants: usize,
    /// Rows of /nominal.
    pub n_pairs: usize,
    /// Rows of /signals.
    pub n_signals: usize,
    /// Datasets in the file.
    pub n_datasets: usize,
    /// Bytes of the file.
    pub file_bytes: u64,
}

/// Checks the cis.h5 at `path`.
///
/// # Errors
/// The file cannot be opened as a cis.h5 of this version at all, or the disk does not read. Everything else is among the
/// findings.
pub fn verify_cis(path: &Path, progress: &VerifyProgress) -> Result<CisVerification, StoreError> {
    let reader = CisReader::open(path)?;
    let mut findings = Findings::default();
    let subject = bytes::Subject::of_store((&reader.place, &reader.file, reader.strings.file()), &GROUPS);
    let (fits, file_bytes) = bytes::check_store(&subject, progress, &mut findings)?;
    check_attributes(&reader, &mut findings);
    findings.check("text", reader.provenance().map(drop));
    if fits {
        check_lists(&reader, &mut findings);
        findings.check_with("number", |findings| check_variants(&reader, findings));
        findings.check_with("number", |findings| check_phenotypes(&reader, findings));
        findings.check_with("number", |findings| check_signals(&reader, findings));
        findings.check_with("sum", |findings| check_ledger(&reader, findings));
    }
    for (object, n) in reader.strings.not_utf8() {
        findings.add("text", &object, || format!("{n} strings are not UTF-8"));
    }
    Ok(CisVerification {
        findings,
        norna_version: reader.norna_version().to_owned(),
        n_phenotypes: reader.header().phenotypes.len(),
        n_variants: reader.n_variants(),
        n_pairs: reader.n_pairs(),
        n_signals: reader.n_signals(),
        n_datasets: bytes::datasets(&subject).len(),
        file_bytes,
    })
}

fn check_attributes(reader: &CisReader, findings: &mut Findings) {
    let expected = [("format", CIS_FORMAT), ("norna_version", reader.norna_version())];
    attributes::check_texts(&reader.strings, &expected, findings);
    let version = reader.file.attr("format_version").and_then(|attribute| file::scalar::<u32>(&attribute));
    if version.as_ref().ok() != Some(&CIS_FORMAT_VERSION) {
        findings.add("shape", "attribute format_version", || format!("it is not {CIS_FORMAT_VERSION}"));
    }
}

/// IDs that are each there once; shares; stretches of pairs that fill /nominal without lying over one another.
fn check_lists(reader: &CisReader, findings: &mut Findings) {
    let infos = &reader.header().phenotypes;
    let mut ids = BTreeSet::new();
    for (row, info) in infos.iter().enumerate() {
        if !ids.insert(info.id.as_str()) {
            findings.add("list", "/phenotypes/id", || format!("row {row}: {:?} is there twice", info.id));
        }
        if !info.below_lod.is_nan() && !(0.0..=1.0).contains(&info.below_lod) {
            let share = info.below_lod;
            findings.add("number", "/phenotypes/below_lod", || format!("row {row}: {share} where 0 to 1 or NaN fits"));
        }
        if (info.tss == 0) != info.chrom.is_empty() {
            findings.add("list", "/phenotypes/tss", || format!("row {row}: a chromosome and a place go together"));
        }
    }
    let mut stretches: Vec<Range<usize>> = (0..infos.len()).map(|row| reader.stretch(row)).collect();
    stretches.retain(|stretch| !stretch.is_empty());
    stretches.sort_by_key(|stretch| stretch.start);
    let mut end = 0;
    let fill = stretches.iter().all(|stretch| std::mem::replace(&mut end, stretch.end) == stretch.start);
    if !fill || end != reader.n_pairs() {
        findings
            .add("list", "/nominal/start", || "the stretches of phenotypes are not all pairs, each once".to_owned());
    }
    let pi0 = reader.pi0();
    if !pi0.is_nan() && !(0.0..=1.0).contains(&pi0) {
        findings.add("number", "/qc/pi0", || format!("{pi0} where a share from 0 to 1 or NaN fits"));
    }
}

fn check_variants(reader: &CisReader, findings: &mut Findings) -> Result<(), StoreError> {
    for rows in pieces(0..reader.n_variants()) {
        for (row, variant) in rows.clone().zip(reader.variants(rows)?) {
            if variant.key.pos == 0 || variant.key.chrom.is_empty() {
                findings.add("list", "/variants", || format!("row {row}: it has no place"));
            }
        }
    }
    Ok(())
}

fn check_phenotypes(reader: &CisReader, findings: &mut Findings) -> Result<(), StoreError> {
    for rows in pieces(0..reader.header().phenotypes.len()) {
        for (row, stored) in rows.clone().zip(reader.phenotypes(rows)?) {
            check_phenotype(reader, row, &stored, findings);
            check_pairs(reader, row, &stored, findings)?;
        }
    }
    Ok(())
}

fn check_phenotype(reader: &CisReader, row: usize, stored: &StoredPhenotype, findings: &mut Findings) {
    let (found, info) = (&stored.found, &reader.header().phenotypes[row]);
    let n_samples = reader.header().n_samples;
    if found.n > n_samples {
        findings.add("number", "/phenotypes/n", || format!("row {row}: {} of {n_samples} samples", found.n));
    }
    if found.status.has_lead() != found.lead.is_some() {
        let (status, pos) = (found.status.name(), found.lead.as_ref().map_or(0, |lead| lead.variant.pos));
        findings.add("list", "/cis/pos", || format!("row {row}: {pos} where the status is {status}"));
    }
    if stored.q_value.is_finite() && found.permuted.as_ref().is_none_or(|permuted| permuted.p_perm.is_nan()) {
        findings.add("list", "/cis/q_value", || format!("row {row}: a q-value without permutations"));
    }
    let Some(lead) = &found.lead else { return };
    let distance = i64::from(lead.variant.pos) - i64::from(info.tss);
    if distance != lead.tss_distance || distance.unsigned_abs() > u64::from(reader.header().window) {
        findings.add("number", "/cis/tss_distance", || {
            format!("row {row}: {} where {distance} is POS - TSS", lead.tss_distance)
        });
    }
    if lead.n_tied == 0 || lead.n_tied > found.n_variants {
        let problem = || format!("row {row}: {} of {} variants", lead.n_tied, found.n_variants);
        findings.add("number", "/cis/n_tied", problem);
    }
    let df = f64::from(found.n) - f64::from(found.n_covariates) - 1.0;
    if lead.log10p.is_finite() && lead.se.is_finite() && df >= 1.0 {
        let again = student::log10_p(lead.beta / lead.se, df);
        if (again - lead.log10p).abs() > ROUNDING * again.max(1.0) {
            findings.add("number", "/cis/log10p", || {
                format!("row {row}: {} where effect and standard error make {again}", lead.log10p)
            });
        }
    }
}

/// Pairs within the window, none better than the lead.
fn check_pairs(
    reader: &CisReader,
    row: usize,
    stored: &StoredPhenotype,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let (tss, window) = (reader.header().phenotypes[row].tss, reader.header().window);
    let lead = stored.found.lead.as_ref();
    let best = lead.map_or(f64::INFINITY, |lead| (lead.beta / lead.se).abs() * (1.0 + PAIR_ROUNDING));
    for rows in pieces(reader.stretch(row)) {
        let pairs = reader.pairs(rows.clone())?;
        let named = pairs.iter().map(|pair| pair.variant_idx as usize);
        let first = named.clone().min().unwrap_or(0);
        let last = named.max().unwrap_or(0);
        if last - first >= 4 * ROWS.max(pairs.len()) {
            findings.add("list", "/nominal/variant", || format!("rows {rows:?}: variants of one window lie far apart"));
            continue;
        }
        let variants = reader.variants(first..last + 1)?;
        for (at, pair) in rows.zip(&pairs) {
            let pos = variants[pair.variant_idx as usize - first].key.pos;
            if pos.abs_diff(tss) > window {
                findings.add("list", "/nominal/variant", || format!("row {at}: {pos} is not within {window} of {tss}"));
            }
            let t = f64::from(pair.beta) / f64::from(pair.se);
            if t.abs() > best {
                findings
                    .add("number", "/nominal/beta", || format!("row {at}: it is better than phenotype {row}'s lead"));
            }
        }
    }
    Ok(())
}

fn check_signals(reader: &CisReader, findings: &mut Findings) -> Result<(), StoreError> {
    let mut before = None;
    for rows in pieces(0..reader.n_signals()) {
        for (row, stored) in rows.clone().zip(reader.signals(rows)?) {
            let at = (stored.signal.phenotype_idx, stored.signal.rank);
            if before.is_some_and(|before| before >= at) {
                findings.add("list", "/signals", || format!("row {row}: it does not come after the one before"));
            }
            before = Some(at);
        }
    }
    Ok(())
}

fn check_ledger(reader: &CisReader, findings: &mut Findings) -> Result<(), StoreError> {
    let ledger = reader.ledger()?;
    let header = reader.header();
    let with_lead = reader.statuses().filter(|status| status.has_lead()).count() as u64;
    let kept = [
        ("samples", &ledger.samples, Some(u64::from(header.n_samples))),
        ("variants", &ledger.variants, None),
        ("phenotypes", &ledger.traits, Some(with_lead)),
    ];
    for (name, table, rows) in kept {
        let object = format!("/qc/ledger/{name}");
        let total = |table: &LedgerTable, role| table.total(role);
        let (kept, dropped) = (total(table, LedgerRole::Kept), total(table, LedgerRole::Dropped));
        if !table.adds_up() {
            let input = total(table, LedgerRole::Input);
            findings.add("sum", &object, || format!("{input} read is not {kept} kept and {dropped} dropped"));
        }
        if rows.is_some_and(|rows| rows != kept) {
            findings.add("sum", &object, || format!("{kept} kept where the file has {}", rows.unwrap_or_default()));
        }
    }
    Ok(())
}

/// Of a range, parts that are read at once.
fn pieces(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.step_by(ROWS).map(move |start| start..end.min(start + ROWS))
}
