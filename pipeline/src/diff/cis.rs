//! Two cis.h5: phenotypes by ID, their best variants and p-values.

use std::collections::HashMap;

use super::numbers::Numbers;
use super::{Comparison, facts};
use crate::qtl::Lead;
use crate::store::{CisReader, StoreError, StoredPhenotype};

/// Phenotypes read at once.
const ROWS: usize = 1 << 12;
/// Best variants that are named where they differ.
const NAMED: usize = 100;

pub(super) fn compare(comparison: &mut Comparison, readers: [&CisReader; 2]) -> Result<(), StoreError> {
    let [a, b] = readers.map(CisReader::header);
    let counts = [
        ("samples", u64::from(a.n_samples), u64::from(b.n_samples)),
        ("cis window", a.window.into(), b.window.into()),
        ("permutations", a.n_permutations.into(), b.n_permutations.into()),
        ("seed", a.seed, b.seed),
        ("pairs", readers[0].n_pairs() as u64, readers[1].n_pairs() as u64),
        ("signals", readers[0].n_signals() as u64, readers[1].n_signals() as u64),
    ];
    for (what, x, y) in counts.into_iter().filter(|(_, x, y)| x != y) {
        comparison.content(what, x, y);
    }
    let (x, y) = (readers[0].ledger()?, readers[1].ledger()?);
    let tables = [
        ("samples", &x.samples, &y.samples),
        ("variants", &x.variants, &y.variants),
        ("phenotypes", &x.traits, &y.traits),
    ];
    for (name, x, y) in tables {
        facts::ledgers(comparison, name, [x, y]);
    }
    let place = |reader: &CisReader| -> HashMap<String, usize> {
        reader.header().phenotypes.iter().enumerate().map(|(i, info)| (info.id.clone(), i)).collect()
    };
    let (of_a, of_b) = (place(readers[0]), place(readers[1]));
    let lone = |reader: &CisReader, others: &HashMap<String, usize>| -> Vec<String> {
        let ids = reader.header().phenotypes.iter().map(|info| &info.id);
        ids.filter(|id| !others.contains_key(*id)).cloned().collect()
    };
    comparison.traits_only = [lone(readers[0], &of_b), lone(readers[1], &of_a)];
    let mut numbers = Numbers::default();
    for start in (0..a.phenotypes.len()).step_by(ROWS) {
        let rows = start..a.phenotypes.len().min(start + ROWS);
        for found in readers[0].phenotypes(rows)? {
            let id = &a.phenotypes[found.found.phenotype_idx as usize].id;
            let Some(&row) = of_b.get(id) else { continue };
            let other = readers[1].phenotypes(row..row + 1)?;
            if let Some(other) = other.first() {
                phenotype(comparison, &mut numbers, id, [&found, other]);
            }
        }
    }
    comparison.numbers = Some(numbers);
    Ok(())
}

fn phenotype(comparison: &mut Comparison, numbers: &mut Numbers, id: &str, [a, b]: [&StoredPhenotype; 2]) {
    let at = || id.to_owned();
    let (x, y) = (&a.found, &b.found);
    let counts = [
        ("status", x.status.name().to_owned(), y.status.name().to_owned()),
        ("samples", x.n.to_string(), y.n.to_string()),
        ("variants", x.n_variants.to_string(), y.n_variants.to_string()),
    ];
    for (what, x, y) in counts.into_iter().filter(|(_, x, y)| x != y) {
        comparison.content(format!("{what} of {id}"), x, y);
    }
    let (Some(mine), Some(theirs)) = (&x.lead, &y.lead) else {
        numbers.in_one_alone += u64::from(x.lead.is_some() != y.lead.is_some());
        return;
    };
    let name = |lead: &Lead| {
        let key = &lead.variant;
        format!("{}:{}:{}:{}", key.chrom, key.pos, key.reference, key.alternate)
    };
    if mine.variant != theirs.variant && comparison.contents.len() < NAMED {
        comparison.content(format!("best variant of {id}"), name(mine), name(theirs));
    }
    if numbers.add((mine.beta, mine.se), (theirs.beta, theirs.se), comparison.tolerance, &at) {
        numbers.add_log10p(mine.log10p, theirs.log10p, &at);
    }
    let (p, q) = (x.permuted.map_or(f64::NAN, |p| p.log10p_beta), y.permuted.map_or(f64::NAN, |p| p.log10p_beta));
    numbers.add_log10p_beta(p, q, &at);
    if comparison.tolerance == 0.0 && (p.to_bits() != q.to_bits()) && !(p.is_nan() && q.is_nan()) {
        comparison.content(format!("-log10 p_beta of {id}"), p, q);
    }
}
