//! The rules, held against a results file.

use std::path::Path;

use serde_json::json;

use super::differencing::{self, Sizes};
use super::names;
use super::pairs::{self, Tally};
use super::{DisclosureError, EffectiveTraits, Finding, Judge, Policy, Report, Verdict};
use crate::report::words::count;
use crate::store::{LedgerTable, ResultsReader, TraitInfo};

pub(super) fn judge(
    path: &Path,
    reader: &ResultsReader,
    policy: &Policy,
    others: &[Sizes],
) -> Result<Report, DisclosureError> {
    let judge = Judge::new(reader, policy)?;
    let tally = pairs::tally(reader, &judge)?;
    let header = reader.header();
    let (sizes, qc) = (Sizes::of_results(path, reader), reader.qc()?);
    let mut findings = vec![
        samples(&sizes, policy),
        minor_alleles(&tally, (reader.n_variants(), header.traits.len()), policy),
        cases(&judge, header.traits.len()),
        case_cells(&tally, reader.has_every_pair(), policy),
        fits(&tally, policy),
        trait_values(&header.traits, policy),
        differencing::within(&sizes, policy),
    ];
    findings.extend(others.iter().map(|other| differencing::against(&sizes, other, policy)));
    findings.push(ledger(&qc.ledger.samples, policy));
    findings.push(effective_traits(&qc.eigenvalues, (header.traits.len(), header.n_samples), policy));
    findings.push(names::names(&reader.provenance()?, &sizes, policy));
    let kind = format!(
        "results of {} × {} × {}",
        count(header.n_samples.into(), "sample"),
        count(header.traits.len() as u64, "trait"),
        count(reader.n_variants() as u64, "variant")
    );
    Ok(Report { path: path.to_path_buf(), kind, policy: policy.name.clone(), findings })
}

pub(super) fn samples(sizes: &Sizes, policy: &Policy) -> Finding {
    let rule = policy.samples;
    let under = |minimum: u32| sizes.counts().filter(|&n| n < minimum).count();
    let least = sizes.counts().chain([sizes.n_samples]).min().unwrap_or(0);
    let (verdict, reason) = if least < rule.minimum {
        let n = under(rule.minimum);
        (Verdict::Refuse, format!("{} under it: numbers of few people are theirs; leave such traits out", of_traits(n)))
    } else if least < rule.review_under {
        let n = under(rule.review_under);
        (
            Verdict::Review,
            format!("{} under {}: a small study tells more of each person", of_traits(n), rule.review_under),
        )
    } else {
        (Verdict::Pass, String::new())
    };
    Finding {
        rule: "samples",
        verdict,
        measured: format!("{} samples, {least} in the smallest trait", sizes.n_samples),
        asked: format!("at least {}; under {} a look", rule.minimum, rule.review_under),
        reason,
        numbers: json!({
            "samples": sizes.n_samples, "least": least, "minimum": rule.minimum, "review_under": rule.review_under,
            "traits_under_minimum": under(rule.minimum), "traits_under_review": under(rule.review_under),
        }),
    }
}

fn of_traits(n: usize) -> String {
    if n == 1 { "1 trait is".to_owned() } else { format!("{n} traits are") }
}

fn minor_alleles(tally: &Tally, (n_variants, n_traits): (usize, usize), policy: &Policy) -> Finding {
    let rule = policy.minor_alleles;
    let is_bad = tally.rare_pairs > 0;
    let n_pairs = n_variants as u64 * n_traits as u64;
    Finding {
        rule: "minor_alleles",
        verdict: if is_bad { rule.verdict } else { Verdict::Pass },
        measured: format!(
            "{} of {n_variants} variants and {} of {n_pairs} pairs are under it{}",
            tally.rare_variants,
            tally.rare_pairs,
            tally.least_alleles.map_or_else(String::new, |least| format!("; the least count is {least}"))
        ),
        asked: format!("at least {} minor alleles", rule.minimum),
        reason: if is_bad {
            format!(
                "a rare allele's statistics are its few carriers'; norna export --policy {} leaves such pairs out",
                policy.name
            )
        } else {
            String::new()
        },
        numbers: json!({
            "variants": n_variants, "variants_under": tally.rare_variants, "pairs": n_pairs,
            "pairs_under": tally.rare_pairs, "least": tally.least_alleles, "minimum": rule.minimum,
        }),
    }
}

/// Recognised traits of two values, and how many are not.
pub(super) fn cases(judge: &Judge, n_traits: usize) -> Finding {
    let rule = judge.policy().cases;
    let all = (0..n_traits).filter_map(|trait_idx| judge.cases(trait_idx));
    let sizes: Vec<u32> = all.map(|cases| cases.n_cases.min(cases.n_controls)).collect();
    let under = sizes.iter().filter(|&&n| n < rule.minimum).count();
    let (least, unrecognised) = (sizes.iter().min(), judge.n_unrecognised());
    let (mut measured, mut reasons) = (Vec::new(), Vec::new());
    if let Some(least) = least {
        let traits = count(sizes.len() as u64, "trait");
        measured.push(format!("{traits} of two values, the least with {least} cases or controls"));
    }
    if under > 0 {
        reasons.push(format!("{} under it; leave such traits out", of_traits(under)));
    }
    if unrecognised > 0 {
        let traits = count(unrecognised, "trait");
        measured.push(format!("{traits} of two values by the ledger whose cases cannot be told"));
        reasons.push(
            "traits that are not 0/1 or 1/2 as analysed cannot be judged, nor the alleles among their cases: code them 0/1 or \
             1/2 and run again without --standardize and --rint"
                .to_owned(),
        );
    }
    if measured.is_empty() {
        measured.push("no trait of two values is seen".to_owned());
    }
    Finding {
        rule: "cases",
        verdict: if reasons.is_empty() { Verdict::Pass } else { rule.verdict },
        measured: measured.join(", "),
        asked: format!("at least {} cases and controls", rule.minimum),
        reason: reasons.join("; "),
        numbers: json!({
            "traits": sizes.len(), "traits_under": under, "least": least, "minimum": rule.minimum,
            "unrecognised": unrecognised, "traits_kept_in": pairs::n_refused(judge, n_traits),
        }),
    }
}

fn case_cells(tally: &Tally, every_pair: bool, policy: &Policy) -> Finding {
    let rule = policy.case_cells;
    let looked = if every_pair { "pairs" } else { "hits (the file has no others)" };
    Finding {
        rule: "case_cells",
        verdict: if tally.small_cells > 0 { rule.verdict } else { Verdict::Pass },
        measured: match tally.traits_with_cases {
            0 => "no trait of two values is seen".to_owned(),
            _ => format!(
                "{} of {} {looked} show fewer minor alleles among cases or among controls{}",
                tally.small_cells,
                tally.case_pairs,
                tally.least_cell.map_or_else(String::new, |least| format!("; the least is {least:.1}"))
            ),
        },
        asked: format!("at least {} minor alleles among cases and among controls", rule.minimum),
        reason: if tally.small_cells > 0 {
            format!(
                "effect, frequency and numbers of cases give the alleles among cases back (docs/disclosure.md); norna export \
                 --policy {} leaves the numbers of such pairs out",
                policy.name
            )
        } else {
            String::new()
        },
        numbers: json!({
            "traits": tally.traits_with_cases, "pairs": tally.case_pairs, "pairs_under": tally.small_cells,
            "least": tally.least_cell, "minimum": rule.minimum, "every_pair": every_pair,
        }),
    }
}

fn fits(tally: &Tally, policy: &Policy) -> Finding {
    let rule = policy.near_perfect_fits;
    let n = tally.perfect_fits + tally.near_perfect_fits;
    Finding {
        rule: "near_perfect_fits",
        verdict: if n > 0 { rule.verdict } else { Verdict::Pass },
        measured: format!(
            "{} pairs fit perfectly, {} hits have an r² over it; the largest is {:.4}",
            tally.perfect_fits, tally.near_perfect_fits, tally.largest_r2
        ),
        asked: format!("r² of at most {}", rule.maximum_r2),
        reason: if n > 0 {
            "the trait and the genotype are the same thing there: who knows one of a person knows the other".to_owned()
        } else {
            String::new()
        },
        numbers: json!({
            "perfect": tally.perfect_fits, "near_perfect": tally.near_perfect_fits, "largest_r2": tally.largest_r2,
            "maximum_r2": rule.maximum_r2,
        }),
    }
}

fn trait_values(traits: &[TraitInfo], policy: &Policy) -> Finding {
    let rule = policy.trait_values;
    let with_mean = || traits.iter().filter(|info| info.mean.is_finite() && info.n > 0);
    let few = with_mean().filter(|info| info.n < rule.minimum).count();
    let constant = with_mean().filter(|info| info.n >= rule.minimum && info.sd == 0.0).count();
    let is_bad = few + constant > 0;
    Finding {
        rule: "trait_values",
        verdict: if is_bad { rule.verdict } else { Verdict::Pass },
        measured: format!("{few} means are of fewer samples, {constant} traits have one value in all samples"),
        asked: format!("means and deviations of at least {} samples that differ", rule.minimum),
        reason: if is_bad {
            "such a mean is a person's value, or everybody's: leave the traits out".to_owned()
        } else {
            String::new()
        },
        numbers: json!({ "means_of_few": few, "constant": constant, "minimum": rule.minimum }),
    }
}

pub(super) fn ledger(samples: &LedgerTable, policy: &Policy) -> Finding {
    let rule = policy.ledger;
    let small: Vec<_> =
        samples.entries.iter().filter(|entry| entry.count > 0 && entry.count < rule.minimum.into()).collect();
    let names: Vec<&str> = small.iter().map(|entry| entry.name.as_str()).collect();
    Finding {
        rule: "ledger",
        verdict: if small.is_empty() { Verdict::Pass } else { rule.verdict },
        measured: match names.len() {
            0 => format!("no count of samples is from 1 to {}", rule.minimum - 1),
            _ => format!("counts from 1 to {}: {}", rule.minimum - 1, names.join(", ")),
        },
        asked: format!("counts of samples of 0 or at least {}", rule.minimum),
        reason: if small.is_empty() {
            String::new()
        } else {
            "how few were left out, and why, may tell who: exports have no ledger, the HDF5 file and reports have"
                .to_owned()
        },
        numbers: json!({
            "small": small.iter().map(|entry| json!({ "name": entry.name, "count": entry.count })).collect::<Vec<_>>(),
            "minimum": rule.minimum,
        }),
    }
}

/// `eigenvalues`: of the traits' correlation; none where the file has none.
pub(super) fn effective_traits(eigenvalues: &[f64], (n_traits, n_samples): (usize, u32), policy: &Policy) -> Finding {
    let rule = policy.effective_traits;
    let known = EffectiveTraits::new(eigenvalues);
    let n = f64::from(n_samples).max(1.0);
    let effective = known.map_or((n_traits as f64).min(n), |known| known.by(rule.measure));
    let ratio = effective / n;
    let verdict = if ratio >= rule.refuse_from {
        Verdict::Refuse
    } else if ratio >= rule.review_from {
        Verdict::Review
    } else {
        Verdict::Pass
    };
    let how = match known {
        Some(known) => format!(
            "participation ratio {:.1}, Li and Ji {:.1}, Galwey {:.1}",
            known.participation, known.li_ji, known.galwey
        ),
        None => "the file has no eigenvalues, so this is an upper bound: as many as traits or samples".to_owned(),
    };
    let what = match verdict {
        Verdict::Refuse => "whole genotypes could be recovered",
        Verdict::Review => "people could be identified",
        Verdict::Pass => "",
    };
    Finding {
        rule: "effective_traits",
        verdict,
        measured: format!("{ratio:.3} effective traits a sample ({effective:.1} of {n_traits}; {how})"),
        asked: format!("under {}; from {} on refused", rule.review_from, rule.refuse_from),
        reason: if verdict == Verdict::Pass {
            String::new()
        } else {
            format!(
                "{what} by somebody who also has these people's trait values and covariates, which is the assumption of \
                 eLife preprint 108844 (2025: from about 0.16 on identification, from 0.85 on recovery): let out fewer traits, \
                 or hits alone, or make sure that the trait values never go out"
            )
        },
        numbers: json!({
            "ratio": ratio, "effective": effective, "traits": n_traits, "samples": n_samples,
            "participation": known.map(|known| known.participation), "li_ji": known.map(|known| known.li_ji),
            "galwey": known.map(|known| known.galwey), "upper_bound": known.is_none(),
            "review_from": rule.review_from, "refuse_from": rule.refuse_from,
        }),
    }
}
