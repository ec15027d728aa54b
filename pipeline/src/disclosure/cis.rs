//! The rules, held against a cis.h5: its phenotypes and best variants, and its pairs where it has them.

use std::path::Path;

use serde_json::json;

use super::differencing::{self, Sizes};
use super::judge::is_under;
use super::{DisclosureError, Finding, Policy, Report, Verdict, names, rules};
use crate::report::words::count;
use crate::store::CisReader;

/// Rows read at once.
const ROWS: usize = 1 << 14;

pub(super) fn judge(
    path: &Path,
    reader: &CisReader,
    policy: &Policy,
    others: &[Sizes],
) -> Result<Report, DisclosureError> {
    let sizes = Sizes::of_cis(path, reader);
    let n_phenotypes = sizes.traits.len();
    let mut findings = vec![rules::samples(&sizes, policy), minor_alleles(reader, policy)?, fits(reader, policy)?];
    findings.push(differencing::within(&sizes, policy));
    findings.extend(others.iter().map(|other| differencing::against(&sizes, other, policy)));
    findings.push(rules::ledger(&reader.ledger()?.samples, policy));
    findings.push(rules::effective_traits(&[], (n_phenotypes, sizes.n_samples), policy));
    findings.push(names::names(&reader.provenance()?, &sizes, policy));
    let kind = format!(
        "cis results of {} × {}",
        count(sizes.n_samples.into(), "sample"),
        count(n_phenotypes as u64, "phenotype")
    );
    Ok(Report { path: path.to_path_buf(), kind, policy: policy.name.clone(), findings })
}

/// Best variants, signals and tested variants, whose counts come of frequencies.
fn minor_alleles(reader: &CisReader, policy: &Policy) -> Result<Finding, DisclosureError> {
    let rule = policy.minor_alleles;
    let n_samples = f64::from(reader.header().n_samples);
    let (mut n, mut under, mut least) = (0_u64, 0_u64, f64::INFINITY);
    let mut add = |freq: f64| {
        let alleles = 2.0 * n_samples * freq.min(1.0 - freq);
        n += 1;
        under += u64::from(is_under(alleles, rule.minimum.into()));
        least = least.min(alleles);
    };
    let n_phenotypes = reader.header().phenotypes.len();
    for start in (0..n_phenotypes).step_by(ROWS) {
        let found = reader.phenotypes(start..n_phenotypes.min(start + ROWS))?;
        found.iter().filter_map(|found| found.found.lead.as_ref()).for_each(|lead| add(lead.a1_freq));
    }
    for start in (0..reader.n_signals()).step_by(ROWS) {
        let found = reader.signals(start..reader.n_signals().min(start + ROWS))?;
        found.iter().for_each(|found| add(found.signal.lead.a1_freq));
    }
    for start in (0..reader.n_variants()).step_by(ROWS) {
        let found = reader.variants(start..reader.n_variants().min(start + ROWS))?;
        found.iter().for_each(|variant| add(variant.a1_freq));
    }
    Ok(Finding {
        rule: "minor_alleles",
        verdict: if under > 0 { rule.verdict } else { Verdict::Pass },
        measured: format!(
            "{under} of {n} best, independent and tested variants are under it; the least count is {least:.1}"
        ),
        asked: format!("at least {} minor alleles", rule.minimum),
        reason: if under > 0 {
            "a rare allele's statistics are its few carriers': search again with a higher --mac".to_owned()
        } else {
            String::new()
        },
        numbers: json!({ "variants": n, "variants_under": under, "least": finite(least), "minimum": rule.minimum }),
    })
}

/// The best variant of each phenotype: no other has a greater r².
fn fits(reader: &CisReader, policy: &Policy) -> Result<Finding, DisclosureError> {
    let rule = policy.near_perfect_fits;
    let (mut n, mut largest) = (0_u64, 0.0_f64);
    let n_phenotypes = reader.header().phenotypes.len();
    for start in (0..n_phenotypes).step_by(ROWS) {
        for found in reader.phenotypes(start..n_phenotypes.min(start + ROWS))? {
            let Some(lead) = found.found.lead else { continue };
            let df = f64::from(found.found.n) - f64::from(found.found.n_covariates) - 1.0;
            let square = (lead.beta / lead.se).powi(2);
            let r2 = if lead.se.is_nan() || lead.se == 0.0 { 1.0 } else { square / (square + df) };
            largest = largest.max(r2);
            n += u64::from(r2 > rule.maximum_r2);
        }
    }
    Ok(Finding {
        rule: "near_perfect_fits",
        verdict: if n > 0 { rule.verdict } else { Verdict::Pass },
        measured: format!("{n} best variants have an r² over it; the largest is {largest:.4}"),
        asked: format!("r² of at most {}", rule.maximum_r2),
        reason: if n > 0 {
            "the phenotype and the genotype are the same thing there: who knows one of a person knows the other"
                .to_owned()
        } else {
            String::new()
        },
        numbers: json!({ "near_perfect": n, "largest_r2": largest, "maximum_r2": rule.maximum_r2 }),
    })
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
