//! The scan of a file that holds hits only: its list is all there is.

use super::manhattan::{LOG10P_BINS, Point};
use super::scan::{Batch, ScanOptions};
use crate::store::{ResultsReader, StoreError};

/// Hits read at once.
const HITS_AT_ONCE: usize = 1 << 15;

/// Gives the hits of a batch's traits to it.
pub(super) fn take_hits(
    reader: &ResultsReader,
    batch: &mut Batch<'_>,
    options: &ScanOptions,
) -> Result<(), StoreError> {
    let floor = options.floor();
    let mut one = [0; LOG10P_BINS];
    for start in (0..reader.n_hits()).step_by(HITS_AT_ONCE) {
        let hits = reader.hits(start..reader.n_hits().min(start + HITS_AT_ONCE))?;
        let (Some(first), Some(last)) = (hits.first(), hits.last()) else { continue };
        // One read a stretch of the list; where hits are far apart, one for each.
        let span = (last.variant - first.variant) as usize;
        let positions = match span < 64 * HITS_AT_ONCE {
            true => reader.positions(first.variant as usize..last.variant as usize + 1)?,
            false => Vec::new(),
        };
        for hit in &hits {
            let Some(k) = batch.place_of(hit.trait_idx as usize) else { continue };
            let row = hit.variant as usize;
            let pos = match positions.get(row - first.variant as usize) {
                Some(&pos) => pos,
                None => reader.positions(row..row + 1)?[0],
            };
            let (chrom, _) = batch.genome().chromosome_of(row);
            batch.push_tail(k, hit.log10p);
            if hit.log10p >= floor {
                let (log10p, beta, se) = (hit.log10p, hit.beta, hit.se);
                batch.push(k, Point { variant: hit.variant, chrom, pos, log10p, beta, se });
            } else {
                let height = ((hit.log10p / floor * LOG10P_BINS as f64) as usize).min(LOG10P_BINS - 1);
                one[height] = 1;
                batch.count(k, batch.genome().bin(chrom, pos), &one);
                one[height] = 0;
            }
        }
        batch.settle();
    }
    Ok(())
}
