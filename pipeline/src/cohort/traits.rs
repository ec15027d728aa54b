//! Traits of the analysed samples: joined from several tables, checked, transformed.

use std::path::PathBuf;

use rayon::prelude::*;

use super::columns::{Targets, TextCells, read_columns};
use super::covariates::{join_tables, say_minus9};
use super::error::CohortError;
use super::ids::SampleIndex;
use super::ledger::{CohortLedger, TraitLedger, TraitNote};
use super::select::Selector;
use super::transform;
use super::{CohortConfig, Column};

/// Fewest observed values of which a test could be made at all.
pub(crate) const MIN_OBSERVED: usize = 3;

/// Traits named in a message, at most.
const MAX_NAMED: usize = 5;

/// Traits as read, for the samples asked for.
#[derive(Debug, Default)]
pub struct RawTraits {
    /// Untransformed; NaN missing.
    pub columns: Vec<Column>,
    /// Per sample its FID, where a table has one.
    pub fids: Vec<Option<String>>,
}

/// Reads the traits of the samples in `targets`.
pub fn read(
    config: &CohortConfig,
    index: &SampleIndex<'_>,
    targets: &Targets,
    ledger: &mut CohortLedger,
    messages: &mut Vec<String>,
) -> Result<RawTraits, CohortError> {
    let mut selector = Selector::new("--pheno-name", &config.pheno_name);
    let read = |path: &PathBuf, selector: &mut Selector| {
        read_columns(path, index, targets, selector, config.minus9, TextCells::Refuse)
    };
    let tables = join_tables(&config.pheno, "pheno", &mut selector, read, ledger, messages)?;
    selector.finish(|name| index.get(name.as_bytes()).is_some())?;
    let mut raw = RawTraits { columns: Vec::new(), fids: vec![None; targets.len()] };
    for table in tables {
        say_minus9(&table.path, &table.columns, messages);
        for (known, fid) in raw.fids.iter_mut().zip(table.fids.into_iter().flatten()) {
            *known = known.take().or(fid);
        }
        raw.columns.extend(table.columns.into_iter().map(|column| Column { name: column.name, values: column.values }));
    }
    Ok(raw)
}

/// Checks and transforms traits in place. `n_without_prediction`: per trait, values taken as missing for want of a
/// prediction.
pub fn finish(
    config: &CohortConfig,
    traits: &mut [Column],
    n_without_prediction: &[usize],
    ledger: &mut CohortLedger,
    messages: &mut Vec<String>,
) -> Result<(), CohortError> {
    ledger.traits = traits.par_iter().map(describe).collect();
    for (entry, &n) in ledger.traits.iter_mut().zip(n_without_prediction) {
        entry.n_without_prediction = n;
    }
    if config.two_valued {
        traits.par_iter_mut().try_for_each(code_cases)?;
        let binary = ledger.traits.iter_mut().filter(|entry| entry.note == TraitNote::Binary);
        binary.for_each(|entry| entry.note = TraitNote::TwoValued);
    } else {
        check_binary(config, ledger, messages)?;
    }
    say_notes(traits, ledger, messages);
    traits.par_iter_mut().for_each(|column| {
        if config.rint {
            transform::rank_inverse_normal(&mut column.values);
        }
        if config.standardize {
            transform::standardize(&mut column.values);
        }
    });
    Ok(())
}

fn describe(column: &Column) -> TraitLedger {
    let n_observed = column.values.iter().filter(|value| !value.is_nan()).count();
    let note = match (n_observed, transform::count_distinct(&column.values, 3)) {
        (0, _) => TraitNote::AllMissing,
        (n, _) if n < MIN_OBSERVED => TraitNote::TooFewObserved,
        (_, 1) => TraitNote::Constant,
        (_, 2) => TraitNote::Binary,
        _ => TraitNote::None,
    };
    TraitLedger { name: column.name.clone(), n_observed, n_without_prediction: 0, note }
}

fn named(ledger: &CohortLedger, note: TraitNote) -> (usize, String) {
    let names: Vec<&str> = ledger.traits.iter().filter(|t| t.note == note).map(|t| t.name.as_str()).collect();
    let mut text = names.iter().take(MAX_NAMED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > MAX_NAMED {
        text += ", ...";
    }
    (names.len(), text)
}

fn check_binary(config: &CohortConfig, ledger: &CohortLedger, messages: &mut Vec<String>) -> Result<(), CohortError> {
    let (n, names) = named(ledger, TraitNote::Binary);
    let n_traits = ledger.traits.len();
    let is_measured = config.proteins.is_some();
    if n > 0 && !config.linear_on_binary && !is_measured {
        return Err(CohortError::BinaryTraits { n, n_traits, names });
    }
    if n > 0 {
        let why = if is_measured { "" } else { ", as asked" };
        messages.push(format!("traits: {n} of {n_traits} have two values and are tested linearly{why} ({names})"));
    }
    Ok(())
}

/// Cases to 1 and controls to 0, from those or from plink's 2 and 1.
fn code_cases(column: &mut Column) -> Result<(), CohortError> {
    let refuse = |problem: String| CohortError::NotTwoValued { name: column.name.clone(), problem };
    let has = |value: f64| column.values.contains(&value);
    if let Some(value) = column.values.iter().find(|value| !value.is_nan() && ![0.0, 1.0, 2.0].contains(value)) {
        return Err(refuse(format!("the value {value}")));
    }
    if has(0.0) && has(2.0) {
        return Err(refuse("0 and 2".to_owned()));
    }
    if has(2.0) {
        column.values.iter_mut().for_each(|value| *value -= 1.0);
    }
    Ok(())
}

fn say_notes(traits: &[Column], ledger: &mut CohortLedger, messages: &mut Vec<String>) {
    let n_traits = traits.len();
    for (note, what) in [
        (TraitNote::AllMissing, "have no value in any analysed sample"),
        (TraitNote::TooFewObserved, "have fewer than 3 values in the analysed samples"),
        (TraitNote::Constant, "are constant over the analysed samples"),
    ] {
        let (n, names) = named(ledger, note);
        if n > 0 {
            messages.push(format!("traits: {n} of {n_traits} {what} and get no results ({names})"));
        }
    }
    let mut has_any = vec![traits.is_empty(); ledger.n_analysed];
    for column in traits {
        for (any, value) in has_any.iter_mut().zip(&column.values) {
            *any |= !value.is_nan();
        }
    }
    ledger.n_without_any_trait = has_any.iter().filter(|any| !**any).count();
    if ledger.n_without_any_trait > 0 {
        messages.push(format!(
            "samples: {} of the analysed have no value of any trait; they count for allele frequencies only",
            ledger.n_without_any_trait
        ));
    }
}
