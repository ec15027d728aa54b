//! Tables from a file that holds hits only (`--store hits`): its list is all there is.

use std::io::Write;
use std::path::Path;

use super::export::{ExportError, ExportPlan, is_wanted, push_pair, push_places};
use super::export_pair::{PairStats, push_variant};
use crate::store::{ResultsReader, StoredHit};

/// Hits read at once.
const HITS_AT_ONCE: usize = 1 << 14;
/// Rows within which variants are looked up together.
const ROWS_AT_ONCE: u64 = 1024;

/// What to say to somebody who asks a file of hits for pairs with a −log10 p from `min_log10p` on; `None` if it has them all.
pub fn hits_only(reader: &ResultsReader, min_log10p: Option<f64>) -> Option<String> {
    let threshold = reader.header().hit_log10p;
    let has_all = reader.has_every_pair() || threshold <= 0.0 || min_log10p.is_some_and(|min| min >= threshold);
    let note =
        || format!("this file holds hits only (--store hits): pairs with LOG10_P under {threshold} are not in it");
    (!has_all).then(note)
}

/// The pairs of `plan` that are hits, after `text`; gives their number. `path` is for errors.
pub(super) fn write_hits(
    reader: &ResultsReader,
    plan: &ExportPlan,
    path: &Path,
    mut text: Vec<u8>,
    out: &mut impl Write,
) -> Result<u64, ExportError> {
    let mut n_pairs = 0;
    let (mut front, mut freq) = (Vec::new(), Vec::new());
    for start in (0..reader.n_hits()).step_by(HITS_AT_ONCE) {
        let mut hits = reader.hits(start..reader.n_hits().min(start + HITS_AT_ONCE))?;
        let is_enough = |hit: &StoredHit| plan.min_log10p.is_none_or(|min| hit.log10p >= min);
        hits.retain(|hit| is_enough(hit) && plan.traits.binary_search(&(hit.trait_idx as usize)).is_ok());
        for near in hits.chunk_by(|a, b| a.variant / ROWS_AT_ONCE == b.variant / ROWS_AT_ONCE) {
            let ends = near.iter().map(|hit| hit.variant as usize);
            let first = ends.clone().min().unwrap_or(0);
            let variants = reader.variants(first..ends.max().map_or(first, |last| last + 1))?;
            for hit in near {
                let variant = &variants[hit.variant as usize - first];
                if !is_wanted(plan, variant) {
                    continue;
                }
                let info = &reader.header().traits[hit.trait_idx as usize];
                let stats = PairStats {
                    n_observed: hit.n_observed.unwrap_or(info.n),
                    beta: hit.beta as f32,
                    se: hit.se as f32,
                    t: hit.beta / hit.se,
                    log10p: hit.log10p,
                };
                front.clear();
                freq.clear();
                push_variant(&mut front, &mut freq, variant);
                push_pair(&mut text, (&front, &freq), plan.with_trait.then_some(info.name.as_str()), &stats);
                if let Some(places) = plan.places {
                    let protein = &reader.header().proteins[hit.trait_idx as usize];
                    push_places(&mut text, places, (protein, variant), hit.consequence);
                }
                n_pairs += 1;
            }
            out.write_all(&text).map_err(|error| ExportError::write(path, error))?;
            text.clear();
        }
    }
    out.write_all(&text).map_err(|error| ExportError::write(path, error))?;
    Ok(n_pairs)
}
