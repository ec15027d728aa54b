//! Tables from a file that holds hits only (`--store hits`): its list is all there is.

use crate::store::ResultsReader;

/// What to say to somebody who asks a file of hits for pairs with a −log10 p from `min_log10p` on; `None` if it has them all.
pub fn hits_only(reader: &ResultsReader, min_log10p: Option<f64>) -> Option<String> {
    let threshold = reader.header().hit_log10p;
    let has_all = reader.has_every_pair() || threshold <= 0.0 || min_log10p.is_some_and(|min| min >= threshold);
    let note =
        || format!("this file holds hits only (--store hits): pairs with LOG10_P under {threshold} are not in it");
    (!has_all).then(note)
}
