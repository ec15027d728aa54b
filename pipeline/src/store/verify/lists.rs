//! What stands beside the matrices: variants, traits, counts by mask, statuses, hits.

use std::ops::Range;

use norna_kernels::student;

use super::super::checked::{ROWS_AT_ONCE, rectangle};
use super::super::columns::slice;
use super::super::reader::{ResultsReader, StoredHit};
use super::super::schema::{COVARIATES_LOST, N_MISSING};
use super::super::sound::{PairOrder, check_hit, check_status, check_variants};
use super::{Findings, in_ranges};
use crate::sink::rows::VariantRow;

/// Rows of /variants read at once.
const VARIANTS_AT_ONCE: usize = 1 << 14;
/// Cells of a matrix of counts read at once.
const COUNTS_AT_ONCE: usize = 1 << 20;
/// Largest POS of VCF.
const MAX_POS: u32 = i32::MAX as u32;
/// Rounding of a log10 p that is computed again, relative.
const ROUNDING: f64 = 1e-6;

pub(super) fn check(reader: &ResultsReader, findings: &mut Findings) {
    check_traits(reader, findings);
    in_ranges(reader.n_variants, VARIANTS_AT_ONCE, findings, |rows, found| {
        match reader.columns.read(&reader.place, &reader.strings, rows.clone()) {
            Ok(variants) => {
                rows.zip(&variants).for_each(|(row, variant)| check_variant(reader, row, variant, found));
            }
            Err(error) => found.add_error("text", error),
        }
    });
    let rows = COUNTS_AT_ONCE / reader.header.n_masks().max(1);
    in_ranges(reader.n_variants, rows, findings, |rows, found| check_masks(reader, rows, found));
    in_ranges(reader.n_statuses, ROWS_AT_ONCE, findings, |rows, found| check_statuses(reader, rows, found));
    in_ranges(reader.n_hits, ROWS_AT_ONCE, findings, |rows, found| check_hits(reader, rows, found));
}

/// Traits of one mask have the same samples, so as many of them.
fn check_traits(reader: &ResultsReader, findings: &mut Findings) {
    let traits = &reader.header.traits;
    let mut of_masks = vec![None; traits.len()];
    for (row, info) in traits.iter().enumerate() {
        let first = *of_masks[info.mask as usize].get_or_insert((row, info.n, info.df_covariates));
        if (info.n, info.df_covariates) != (first.1, first.2) {
            let found = (info.n, info.df_covariates);
            let problem = || {
                format!("row {row}: {found:?} where row {} of mask {} has {:?}", first.0, info.mask, (first.1, first.2))
            };
            findings.add("list", "/traits/n, df_covariates", problem);
        }
        if info.mean.is_infinite() || info.sd.is_infinite() || info.sd < 0.0 {
            let problem = || format!("row {row}: mean {}, sd {} where numbers or NaN fit", info.mean, info.sd);
            findings.add("number", "/traits/mean, sd", problem);
        }
    }
    if let Some(mask) = of_masks[..reader.header.n_masks()].iter().position(Option::is_none) {
        findings.add("list", "/traits/mask", || format!("no trait has mask {mask}, though a later one is there"));
    }
}

fn check_variant(reader: &ResultsReader, row: usize, variant: &VariantRow, found: &mut Findings) {
    let n_samples = reader.header.n_samples;
    found.check("number", check_variants(&reader.place, row, std::slice::from_ref(variant), n_samples));
    let VariantRow { n, missing, pos, a1_freq, mac, .. } = *variant;
    if u64::from(n) + u64::from(missing) != u64::from(n_samples) {
        found.add("sum", "/variants/n, missing", || format!("row {row}: {n} + {missing} is not {n_samples} samples"));
    }
    if pos > MAX_POS {
        found.add("number", "/variants/pos", || format!("row {row}: {pos} where a position fits"));
    }
    if a1_freq.is_nan() != (n == 0) {
        found.add("number", "/variants/a1_freq", || format!("row {row}: {a1_freq} with {n} calls"));
    }
    if mac > f64::from(n) * (1.0 + ROUNDING) {
        found.add("number", "/variants/mac", || format!("row {row}: {mac} where at most the {n} calls fit"));
    }
    for (object, text) in [("chrom", &variant.chrom), ("ref", &variant.reference), ("alt", &variant.alternate)] {
        if text.is_empty() {
            found.add("text", &format!("/variants/{object}"), || format!("row {row}: it is empty"));
        }
    }
}

fn check_masks(reader: &ResultsReader, rows: Range<usize>, found: &mut Findings) {
    let (place, n_masks) = (&reader.place, reader.header.n_masks());
    let mut observed = vec![(0, 0); n_masks];
    reader.header.traits.iter().for_each(|info| observed[info.mask as usize] = (info.n, info.df_covariates));
    let counts = |dataset: &Option<hdf5::Dataset>, name| {
        dataset.as_ref().map(|dataset| rectangle::<u32>(place, name, dataset, rows.clone(), 0..n_masks)).transpose()
    };
    let read = counts(&reader.n_missing, N_MISSING).and_then(|n| {
        Ok((n, counts(&reader.covariates_lost, COVARIATES_LOST)?, reader.columns.missing(place, rows.clone())?))
    });
    let (n_missing, lost, missing) = match read {
        Ok((None, None, _)) => return,
        Ok(read) => read,
        Err(error) => return found.add_error("list", error),
    };
    for (row, &missing) in missing.iter().enumerate() {
        let at = row * n_masks..(row + 1) * n_masks;
        let row = rows.start + row;
        for (mask, &n) in n_missing.iter().flat_map(|n| n[at.clone()].iter()).enumerate() {
            let most = missing.min(observed[mask].0);
            if n > most {
                found.add("number", N_MISSING, || {
                    format!("row {row}, mask {mask}: {n} where at most {most} are missing")
                });
            }
        }
        for (mask, &n) in lost.iter().flat_map(|n| n[at.clone()].iter()).enumerate() {
            let most = observed[mask].1;
            if n > most {
                found.add("number", COVARIATES_LOST, || format!("row {row}, mask {mask}: {n} of {most} covariates"));
            }
        }
    }
}

fn check_statuses(reader: &ResultsReader, rows: Range<usize>, found: &mut Findings) {
    let pairs = match reader.unchecked_statuses(rows.clone()) {
        Ok(pairs) => pairs,
        Err(error) => return found.add_error("list", error),
    };
    let mut order = order(reader, "/assoc/status_variant", &reader.statuses[..2], rows.start);
    for (row, pair) in rows.zip(pairs) {
        in_order(reader, &mut order, row, (pair.variant, pair.trait_idx), found);
        found.check("list", check_status(&reader.place, "/assoc/status_code", row, pair.code));
        if pair.code == 0 {
            found.add("list", "/assoc/status_code", || format!("row {row}: 0 where a reason fits"));
        }
    }
}

fn check_hits(reader: &ResultsReader, rows: Range<usize>, found: &mut Findings) {
    let hits = match reader.unchecked_hits(rows.clone()) {
        Ok(hits) => hits,
        Err(error) => return found.add_error("list", error),
    };
    let mut order = order(reader, "/hits/variant", &reader.hits[..2], rows.start);
    for (row, hit) in rows.zip(hits) {
        if in_order(reader, &mut order, row, (hit.variant, hit.trait_idx), found) {
            check_one_hit(reader, row, &hit, found);
        }
    }
}

/// A hit's numbers, and its p from them where it can be computed without its variant.
fn check_one_hit(reader: &ResultsReader, row: usize, hit: &StoredHit, found: &mut Findings) {
    let info = &reader.header.traits[hit.trait_idx as usize];
    if let Err(error) = check_hit(&reader.place, row, hit, reader.header.hit_log10p, info) {
        return found.add_error("number", error);
    }
    let Some(n_observed) = hit.n_observed.filter(|_| reader.covariates_lost.is_none() && reader.has_every_pair())
    else {
        return;
    };
    let df = crate::store::TraitInfo { n: n_observed, ..info.clone() }.degrees_of_freedom();
    let expected = student::log10_p(hit.beta / hit.se, df);
    if (hit.log10p - expected).abs() > ROUNDING * expected.max(1.0) {
        let problem = || format!("row {row}: {} where beta, se and obs_ct make {expected}", hit.log10p);
        found.add("number", "/hits/log10p", problem);
    }
}

fn order<'a>(reader: &ResultsReader, object: &'a str, list: &[hdf5::Dataset], start: usize) -> PairOrder<'a> {
    let before = start.checked_sub(1).and_then(|before| {
        let variant = slice::<u64>(&reader.place, &list[0], before..start).ok()?;
        let trait_idx = slice::<u32>(&reader.place, &list[1], before..start).ok()?;
        variant.first().copied().zip(trait_idx.first().copied())
    });
    PairOrder { object, n_variants: reader.n_variants, n_traits: reader.header.traits.len(), last: before }
}

/// Whether the pair is one of the file; its place in the list is checked too.
fn in_order(
    reader: &ResultsReader,
    order: &mut PairOrder<'_>,
    row: usize,
    pair: (u64, u32),
    found: &mut Findings,
) -> bool {
    found.check("list", order.check(&reader.place, row, &[pair.0], &[pair.1]));
    order.last = Some(pair);
    pair.0 < reader.n_variants as u64 && (pair.1 as usize) < reader.header.traits.len()
}
