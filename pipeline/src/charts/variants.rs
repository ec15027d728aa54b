//! Rows of /variants by their numbers, neighbours read together.

use crate::sink::rows::VariantRow;
use crate::store::{ResultsReader, StoreError};

/// Rows within which variants are read together.
const NEAR: u64 = 1024;

/// The variants of some rows of /variants, in the order of `rows`.
///
/// # Errors
/// The file cannot be read, or has no such row.
pub fn variants_at(reader: &ResultsReader, rows: &[u64]) -> Result<Vec<VariantRow>, StoreError> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&place| rows[place]);
    let mut found: Vec<Option<VariantRow>> = vec![None; rows.len()];
    let mut rest = &order[..];
    while let Some(&first) = rest.first() {
        let start = rows[first];
        let n_near = rest.partition_point(|&place| rows[place] - start < NEAR);
        let (near, after) = rest.split_at(n_near);
        let end = near.last().map_or(start, |&place| rows[place]) + 1;
        let variants = reader.variants(start as usize..end as usize)?;
        near.iter().for_each(|&place| found[place] = Some(variants[(rows[place] - start) as usize].clone()));
        rest = after;
    }
    Ok(found.into_iter().flatten().collect())
}
