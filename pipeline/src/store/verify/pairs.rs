//! β and SE of every pair: numbers or a reason why not, and as /hits has them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::checked::{ROWS_AT_ONCE, first_of_variant};
use super::super::error::StoreError;
use super::super::reader::{ResultsReader, StoredHit};
use super::super::schema::chunk_shape;
use super::super::sound::check_block;
use super::{Findings, VerifyProgress, in_ranges};

/// Pairs of a task at most, unless a row has more.
const PAIRS_AT_ONCE: usize = 1 << 22;
/// Traits read at once.
const TRAITS_AT_ONCE: usize = 256;
/// Hits and statuses that a task keeps at most; beyond, they are only counted.
const LISTED_AT_ONCE: usize = 1 << 21;
/// Rounding of a number that is kept as f32, relative.
const F32_ROUNDING: f64 = 2e-7;
/// What a compact store's number may be off by, in standard errors or of itself (docs/formats.md), twice.
const COMPACT_ROUNDING: f64 = 2e-6;

/// Bytes of the numbers that [`check`] reads.
pub(super) fn bytes(reader: &ResultsReader) -> u64 {
    match reader.has_every_pair() {
        true => 8 * reader.n_variants as u64 * reader.header.traits.len() as u64,
        false => 0,
    }
}

/// Pairs with a number by trait; `None` where the store does not keep every pair.
pub(super) fn check(reader: &ResultsReader, progress: &VerifyProgress, findings: &mut Findings) -> Option<Vec<u64>> {
    if !reader.has_every_pair() {
        return None;
    }
    let n_traits = reader.header.traits.len();
    let with_number: Vec<AtomicU64> = (0..n_traits).map(|_| AtomicU64::new(0)).collect();
    // A compact store's chunks may be low, where few variants have scores.
    let height = chunk_shape(reader.n_variants, n_traits).0;
    let rows = height.min((PAIRS_AT_ONCE / n_traits).max(1));
    in_ranges(reader.n_variants, rows, findings, |rows, found| {
        match Rows::read(reader, rows.clone()) {
            Ok(listed) => {
                for start in (0..n_traits).step_by(TRAITS_AT_ONCE) {
                    let traits = start..n_traits.min(start + TRAITS_AT_ONCE);
                    if let Err(error) = listed.check(reader, traits, &with_number, found) {
                        found.add_error("number", error);
                    }
                }
                listed.check_rest(reader, found);
            }
            Err(error) => found.add_error("list", error),
        }
        progress.done.fetch_add(8 * (rows.len() * n_traits) as u64, Ordering::Relaxed);
    });
    Some(with_number.into_iter().map(AtomicU64::into_inner).collect())
}

/// What the lists say of a range of rows.
struct Rows {
    rows: Range<usize>,
    /// Of /variants.
    status: Vec<u8>,
    /// By (row, trait): whether the pair has been met without SE.
    without: BTreeMap<(usize, u32), std::cell::Cell<bool>>,
    hits: Vec<StoredHit>,
    /// Whether the statuses, and the hits, were too many to be kept.
    too_many: [bool; 2],
}

impl Rows {
    fn read(reader: &ResultsReader, rows: Range<usize>) -> Result<Self, StoreError> {
        let status = reader.columns.statuses(&reader.place, rows.clone())?;
        let listed = |list: &hdf5::Dataset, n: usize| -> Result<Range<usize>, StoreError> {
            let first = first_of_variant(&reader.place, list, n, rows.start)?;
            Ok(first..first_of_variant(&reader.place, list, n, rows.end)?.max(first))
        };
        let statuses = listed(&reader.statuses[0], reader.n_statuses)?;
        let of_hits = listed(&reader.hits[0], reader.n_hits)?;
        let too_many = [statuses.len() > LISTED_AT_ONCE, of_hits.len() > LISTED_AT_ONCE];
        let (mut without, mut hits) = (BTreeMap::new(), Vec::new());
        for start in statuses.clone().step_by(ROWS_AT_ONCE).filter(|_| !too_many[0]) {
            let pairs = reader.unchecked_statuses(start..statuses.end.min(start + ROWS_AT_ONCE))?;
            without.extend(pairs.iter().map(|pair| ((pair.variant as usize, pair.trait_idx), false.into())));
        }
        for start in of_hits.clone().step_by(ROWS_AT_ONCE).filter(|_| !too_many[1]) {
            hits.extend(reader.unchecked_hits(start..of_hits.end.min(start + ROWS_AT_ONCE))?);
        }
        hits.retain(|hit| rows.contains(&(hit.variant as usize)));
        Ok(Self { rows, status, without, hits, too_many })
    }

    fn check(
        &self,
        reader: &ResultsReader,
        traits: Range<usize>,
        with_number: &[AtomicU64],
        found: &mut Findings,
    ) -> Result<(), StoreError> {
        let (beta, se) = reader.unchecked_block(self.rows.clone(), traits.clone())?;
        self.check_numbers(reader, &traits, (&beta, &se), found);
        let mut numbers = vec![0_u64; traits.len()];
        for (row, (beta, se)) in
            self.rows.clone().zip(beta.chunks_exact(traits.len()).zip(se.chunks_exact(traits.len())))
        {
            for (t, (beta, se)) in beta.iter().zip(se).enumerate() {
                numbers[t] += u64::from(!beta.is_nan() && !se.is_nan());
                if se.is_nan() {
                    self.check_reason(reader, (row, traits.start + t), found);
                }
            }
        }
        for (total, n) in with_number[traits.clone()].iter().zip(numbers) {
            total.fetch_add(n, Ordering::Relaxed);
        }
        for hit in self.hits.iter().filter(|hit| traits.contains(&(hit.trait_idx as usize))) {
            let cell = (hit.variant as usize - self.rows.start) * traits.len() + hit.trait_idx as usize - traits.start;
            check_hit(reader, hit, (beta[cell], se[cell]), found);
        }
        Ok(())
    }

    fn check_numbers(
        &self,
        reader: &ResultsReader,
        traits: &Range<usize>,
        (beta, se): (&[f32], &[f32]),
        found: &mut Findings,
    ) {
        let (place, names) = (&reader.place, reader.matrix_names());
        if check_block(place, names, (&self.rows, traits), (beta, se)).is_ok() {
            return;
        }
        for (cell, (beta, se)) in beta.iter().zip(se).enumerate() {
            let (row, trait_idx) = (self.rows.start + cell / traits.len(), traits.start + cell % traits.len());
            let at = (&(row..row + 1), &(trait_idx..trait_idx + 1));
            found.check("number", check_block(place, names, at, (&[*beta], &[*se])));
        }
    }

    /// A pair without SE is told of by its variant, its trait or the list.
    fn check_reason(&self, reader: &ResultsReader, (row, trait_idx): (usize, usize), found: &mut Findings) {
        let listed = self.without.get(&(row, trait_idx as u32));
        if let Some(met) = listed {
            met.set(true);
        }
        let told = self.status[row - self.rows.start] != 0 || reader.header.traits[trait_idx].status != 0;
        if listed.is_none() && !told && !self.too_many[0] {
            let problem = || format!("row {row}, trait {trait_idx}: NaN without a status where a standard error fits");
            found.add("number", reader.matrix_names()[1], problem);
        }
    }

    /// Pairs of the list that have a number after all.
    fn check_rest(&self, reader: &ResultsReader, found: &mut Findings) {
        let n_traits = reader.header.traits.len();
        for ((row, trait_idx), met) in &self.without {
            if !met.get() && self.rows.contains(row) && (*trait_idx as usize) < n_traits {
                let problem = || format!("variant {row}, trait {trait_idx}: told to have no number, and it has one");
                found.add("list", "/assoc/status_variant", problem);
            }
        }
    }
}

fn check_hit(reader: &ResultsReader, hit: &StoredHit, (beta, se): (f32, f32), found: &mut Findings) {
    let (beta, se) = (f64::from(beta), f64::from(se));
    let by = if reader.n_full_and_exact().is_some() { COMPACT_ROUNDING } else { 0.0 } + F32_ROUNDING;
    let fits = (hit.beta - beta).abs() <= by * hit.se.abs() + F32_ROUNDING * hit.beta.abs()
        && (hit.se - se).abs() <= by * hit.se.abs();
    if !fits {
        found.add("number", "/hits/beta, se", || {
            let (variant, trait_idx) = (hit.variant, hit.trait_idx);
            format!(
                "variant {variant}, trait {trait_idx}: {} and {} where {beta} and {se} are stored",
                hit.beta, hit.se
            )
        });
    }
}
