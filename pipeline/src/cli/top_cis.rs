//! `norna top` of what norna qtl found near genes: phenotypes by p_beta, those without one behind, by the nominal p.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::top::{TopArgs, print, table};
use crate::export::select::select_names;
use crate::report::digits::{push_number, push_p};
use crate::store::{CisPhenotypeInfo, CisReader, StoreError, StoredPhenotype};

/// Phenotypes read at once.
const ROWS: usize = 1 << 14;
const COLUMNS: [&str; 14] = [
    "phenotype",
    "gene_name",
    "variant",
    "chrom",
    "pos",
    "ref",
    "alt",
    "tss_distance",
    "a1_freq",
    "beta",
    "se",
    "p_nominal",
    "p_beta",
    "q_value",
];

pub(super) fn run(args: &TopArgs) -> anyhow::Result<()> {
    let reader = CisReader::open(&args.file)?;
    let infos = &reader.header().phenotypes;
    let ids: Vec<&str> = infos.iter().map(|info| info.id.as_str()).collect();
    let phenotypes = match args.traits.is_empty() {
        true => (0..ids.len()).collect(),
        false => select_names(&ids, &args.traits)?,
    };
    let best = best(&reader, usize::try_from(args.n)?, &phenotypes)?;
    let rows = best.iter().map(|stored| (&infos[stored.found.phenotype_idx as usize], stored));
    let text = match args.json {
        true => format!("{:#}\n", Value::Array(rows.map(json_row).collect())),
        false => {
            let header = COLUMNS.map(str::to_owned).to_vec();
            table(&std::iter::once(header).chain(rows.map(cells)).collect::<Vec<_>>())
        }
    };
    print(&text)
}

/// The best `n` of those with a variant.
fn best(reader: &CisReader, n: usize, phenotypes: &[usize]) -> Result<Vec<StoredPhenotype>, StoreError> {
    let mut best: Vec<StoredPhenotype> = Vec::new();
    for near in phenotypes.chunk_by(|a, b| a / ROWS == b / ROWS) {
        let first = near[0];
        let stored = reader.phenotypes(first..near[near.len() - 1] + 1)?;
        let chosen = stored.into_iter().enumerate().filter(|(i, _)| near.binary_search(&(first + i)).is_ok());
        best.extend(chosen.map(|(_, stored)| stored).filter(|stored| stored.found.lead.is_some()));
        best.sort_by(order);
        best.truncate(n);
    }
    Ok(best)
}

/// The better first.
fn order(a: &StoredPhenotype, b: &StoredPhenotype) -> Ordering {
    let key = |stored: &StoredPhenotype| {
        let or_none = |log10p: f64| if log10p.is_nan() { -1.0 } else { log10p };
        (or_none(log10p_beta(stored)), or_none(stored.found.lead.as_ref().map_or(f64::NAN, |lead| lead.log10p)))
    };
    let (a_key, b_key) = (key(a), key(b));
    let by_p = b_key.0.total_cmp(&a_key.0).then(b_key.1.total_cmp(&a_key.1));
    by_p.then(a.found.phenotype_idx.cmp(&b.found.phenotype_idx))
}

fn log10p_beta(stored: &StoredPhenotype) -> f64 {
    stored.found.permuted.map_or(f64::NAN, |permuted| permuted.log10p_beta)
}

fn cells((info, stored): (&CisPhenotypeInfo, &StoredPhenotype)) -> Vec<String> {
    let text = |text: &str| if text.is_empty() { "NA".to_owned() } else { text.to_owned() };
    let by = |push: fn(&mut Vec<u8>, f64), value: f64| {
        let mut cell = Vec::new();
        push(&mut cell, value);
        String::from_utf8_lossy(&cell).into_owned()
    };
    let Some(lead) = &stored.found.lead else { return Vec::new() };
    vec![
        text(&info.id),
        text(&info.gene_name),
        text(&lead.variant.id),
        text(&lead.variant.chrom),
        lead.variant.pos.to_string(),
        text(&lead.variant.reference),
        text(&lead.variant.alternate),
        lead.tss_distance.to_string(),
        by(push_number, lead.a1_freq),
        by(push_number, lead.beta),
        by(push_number, lead.se),
        by(push_p, lead.log10p),
        by(push_p, log10p_beta(stored)),
        by(push_number, stored.q_value),
    ]
}

fn json_row((info, stored): (&CisPhenotypeInfo, &StoredPhenotype)) -> Value {
    let (lead, permuted) = (stored.found.lead.as_ref(), stored.found.permuted.as_ref());
    json!({
        "phenotype": info.id, "name": info.name, "gene_id": info.gene_id, "gene_name": info.gene_name,
        "below_lod": info.below_lod, "n": stored.found.n, "n_variants": stored.found.n_variants,
        "variant": lead.map(|lead| &lead.variant.id), "chrom": lead.map(|lead| &lead.variant.chrom),
        "pos": lead.map(|lead| lead.variant.pos), "ref": lead.map(|lead| &lead.variant.reference),
        "alt": lead.map(|lead| &lead.variant.alternate), "tss_distance": lead.map(|lead| lead.tss_distance),
        "a1_freq": lead.map(|lead| lead.a1_freq), "n_tied": lead.map(|lead| lead.n_tied),
        "beta": lead.map(|lead| lead.beta), "se": lead.map(|lead| lead.se),
        "log10p_nominal": lead.map(|lead| lead.log10p), "p_perm": permuted.map(|permuted| permuted.p_perm),
        "log10p_beta": permuted.map(|permuted| permuted.log10p_beta), "q_value": stored.q_value,
        "consequence": stored.consequence, "changes_protein": stored.changes_protein,
    })
}
