//! The lists of pairs in results.h5, in the order of (variant, trait): /hits, and those without a number.

use std::ops::Range;

use hdf5::Dataset;
use norna_kernels::Status;

use super::checked::{ROWS_AT_ONCE, first_of_variant};
use super::columns::slice;
use super::error::StoreError;
use super::reader::{ResultsReader, StoredHit, StoredStatus};
use super::schema::CONSEQUENCE;
use super::sound::{PairOrder, check_hit, check_status, wrong};
use crate::format::consequence::Consequence;

impl ResultsReader {
    /// A range of /hits, which are in the order of (variant, trait).
    pub fn hits(&self, rows: Range<usize>) -> Result<Vec<StoredHit>, StoreError> {
        let hits = self.unchecked_hits(rows.clone())?;
        let (variant, trait_idx): (Vec<u64>, Vec<u32>) = hits.iter().map(|hit| (hit.variant, hit.trait_idx)).unzip();
        self.check_pairs("/hits/variant", &self.hits[..2], rows.start, (&variant, &trait_idx))?;
        for (row, hit) in rows.zip(&hits) {
            let info = &self.header.traits[hit.trait_idx as usize];
            check_hit(&self.place, row, hit, self.header.hit_log10p, info)?;
        }
        Ok(hits)
    }

    /// The hits of a range of rows of /variants.
    pub fn hits_of_variants(&self, variants: Range<usize>) -> Result<Vec<StoredHit>, StoreError> {
        self.check_rows(&variants, self.n_variants)?;
        let [list, ..] = &self.hits;
        let first = first_of_variant(&self.place, list, self.n_hits, variants.start)?;
        let end = first_of_variant(&self.place, list, self.n_hits, variants.end)?;
        self.hits(first..end.max(first))
    }

    /// As [`hits`](Self::hits), whatever they are.
    pub(super) fn unchecked_hits(&self, rows: Range<usize>) -> Result<Vec<StoredHit>, StoreError> {
        self.check_rows(&rows, self.n_hits)?;
        let [variant, trait_idx, beta, se, log10p] = &self.hits;
        let variant = slice::<u64>(&self.place, variant, rows.clone())?;
        let trait_idx = slice::<u32>(&self.place, trait_idx, rows.clone())?;
        let beta = slice::<f64>(&self.place, beta, rows.clone())?;
        let se = slice::<f64>(&self.place, se, rows.clone())?;
        let log10p = slice::<f64>(&self.place, log10p, rows.clone())?;
        let n_observed = self.hits_n_observed.as_ref();
        let n_observed = n_observed.map(|column| slice::<u32>(&self.place, column, rows.clone())).transpose()?;
        let consequences = self.consequences.as_ref();
        let consequences = consequences.map(|columns| self.read_consequences(columns, rows.clone())).transpose()?;
        let hit = |i: usize| StoredHit {
            variant: variant[i],
            trait_idx: trait_idx[i],
            beta: beta[i],
            se: se[i],
            log10p: log10p[i],
            n_observed: n_observed.as_ref().map(|n| n[i]),
            consequence: consequences.as_ref().and_then(|found| found[i]),
        };
        Ok((0..rows.len()).map(hit).collect())
    }

    fn read_consequences(
        &self,
        [code, changes]: &[Dataset; 2],
        rows: Range<usize>,
    ) -> Result<Vec<Option<Consequence>>, StoreError> {
        let codes = slice::<u8>(&self.place, code, rows.clone())?;
        let changes = slice::<u8>(&self.place, changes, rows.clone())?;
        let mut found = Vec::with_capacity(codes.len());
        for ((row, code), changes) in rows.zip(codes).zip(changes) {
            let one = Consequence::from_code(code, changes == 1);
            if (one.is_none() && code > 0) || changes > u8::from(one.is_some()) {
                let value = format!("{code} with {changes}");
                return Err(wrong(&self.place, CONSEQUENCE, (row, None), value, "a consequence and 0 or 1"));
            }
            found.push(one);
        }
        Ok(found)
    }

    /// A range of /assoc/status_*, in the order of (variant, trait).
    pub fn statuses(&self, rows: Range<usize>) -> Result<Vec<StoredStatus>, StoreError> {
        let pairs = self.unchecked_statuses(rows.clone())?;
        let (variant, trait_idx): (Vec<u64>, Vec<u32>) =
            pairs.iter().map(|pair| (pair.variant, pair.trait_idx)).unzip();
        self.check_pairs("/assoc/status_variant", &self.statuses[..2], rows.start, (&variant, &trait_idx))?;
        for (row, pair) in rows.zip(&pairs) {
            check_status(&self.place, "/assoc/status_code", row, pair.code)?;
        }
        Ok(pairs)
    }

    /// As [`statuses`](Self::statuses), whatever they are.
    pub(super) fn unchecked_statuses(&self, rows: Range<usize>) -> Result<Vec<StoredStatus>, StoreError> {
        self.check_rows(&rows, self.n_statuses)?;
        let [variant, trait_idx, code] = &self.statuses;
        let variant = slice::<u64>(&self.place, variant, rows.clone())?;
        let trait_idx = slice::<u32>(&self.place, trait_idx, rows.clone())?;
        let code = slice::<u8>(&self.place, code, rows.clone())?;
        let status = |i: usize| StoredStatus { variant: variant[i], trait_idx: trait_idx[i], code: code[i] };
        Ok((0..rows.len()).map(status).collect())
    }

    /// Pairs of /assoc/status_* by status, of the traits (rows of /traits) that are `wanted`; statuses without a pair left out.
    pub fn status_counts(&self, wanted: impl Fn(usize) -> bool) -> Result<Vec<(Status, u64)>, StoreError> {
        let mut counts = [0; Status::ALL.len()];
        for start in (0..self.n_statuses).step_by(ROWS_AT_ONCE) {
            for pair in self.statuses(start..self.n_statuses.min(start + ROWS_AT_ONCE))? {
                if let Some(count) = counts.get_mut(usize::from(pair.code)).filter(|_| wanted(pair.trait_idx as usize))
                {
                    *count += 1;
                }
            }
        }
        Ok(Status::ALL.into_iter().zip(counts).filter(|&(_, count)| count > 0).collect())
    }

    /// Checks pairs from row `start` of a list on, against the pair before them too.
    fn check_pairs(
        &self,
        object: &str,
        list: &[Dataset],
        start: usize,
        (variants, traits): (&[u64], &[u32]),
    ) -> Result<(), StoreError> {
        let last = match (start.checked_sub(1), list) {
            (Some(before), [variant, trait_idx]) => {
                let variant = slice::<u64>(&self.place, variant, before..start)?;
                let trait_idx = slice::<u32>(&self.place, trait_idx, before..start)?;
                variant.first().copied().zip(trait_idx.first().copied())
            }
            _ => None,
        };
        let (n_variants, n_traits) = (self.n_variants, self.header.traits.len());
        PairOrder { object, n_variants, n_traits, last }.check(&self.place, start, variants, traits)
    }
}
