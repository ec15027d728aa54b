//! One pass over a results file: which variants have too few minor alleles, which pairs show too few alleles among cases, which
//! fit all but perfectly.

use std::ops::Range;

use norna_kernels::Status;

use super::judge::{Judge, is_under};
use super::{DisclosureError, Filter};
use crate::report::progress::Progress;
use crate::sink::rows::VariantRow;
use crate::store::ResultsReader;

/// Rows looked at in one go.
const ROWS: usize = 1 << 14;

/// What a pass finds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tally {
    /// Variants under the least number of minor alleles among all samples.
    pub(super) rare_variants: u64,
    /// Pairs under it among the samples of their trait.
    pub(super) rare_pairs: u64,
    /// The least number of minor alleles above 0.
    pub(super) least_alleles: Option<f64>,
    /// Traits of two values.
    pub(super) traits_with_cases: u64,
    /// Pairs of these looked at: of a hits store its hits.
    pub(super) case_pairs: u64,
    /// Those with a cell under the minimum, whose variant has minor alleles enough.
    pub(super) small_cells: u64,
    /// The smallest of these cells.
    pub(super) least_cell: Option<f64>,
    /// Pairs of an effect without a standard error.
    pub(super) perfect_fits: u64,
    /// Hits over the largest r².
    pub(super) near_perfect_fits: u64,
    /// The largest r² of a hit.
    pub(super) largest_r2: f64,
}

pub(super) fn tally(reader: &ResultsReader, judge: &Judge) -> Result<Tally, DisclosureError> {
    let n_traits = reader.header().traits.len();
    let with_cases: Vec<usize> = (0..n_traits).filter(|&t| judge.cases(t).is_some()).collect();
    let mut tally = Tally { traits_with_cases: with_cases.len() as u64, ..Tally::default() };
    let mut counts: Vec<u32> = reader.header().traits.iter().map(|info| info.n).filter(|&n| n > 0).collect();
    counts.sort_unstable();
    let mut next_hit = 0;
    let mut progress = Progress::start(("judging", "variants"), Some(reader.n_variants() as u64), false);
    for start in (0..reader.n_variants()).step_by(ROWS) {
        let rows = start..reader.n_variants().min(start + ROWS);
        let variants = reader.variants(rows.clone())?;
        variants.iter().for_each(|variant| tally.add_variant(variant, judge, &counts));
        if reader.has_every_pair() {
            let width = reader.chunk().1;
            for chosen in with_cases.chunk_by(|a, b| a / width == b / width) {
                tally.add_cells(reader, judge, (&variants, rows.clone()), chosen)?;
            }
        }
        next_hit = tally.add_hits(reader, judge, (&variants, rows.clone()), next_hit)?;
        progress.update(rows.end as u64);
    }
    progress.finish();
    let statuses = reader.status_counts(|_| true)?;
    let perfect = statuses.iter().find(|(status, _)| *status == Status::PerfectFit);
    tally.perfect_fits = perfect.map_or(0, |&(_, n)| n);
    Ok(tally)
}

impl Tally {
    /// `counts`: samples of the traits, ascending.
    fn add_variant(&mut self, variant: &VariantRow, judge: &Judge, counts: &[u32]) {
        let minimum = f64::from(judge.policy().minor_alleles.minimum);
        if variant.mac > 0.0 && self.least_alleles.is_none_or(|least| variant.mac < least) {
            self.least_alleles = Some(variant.mac);
        }
        if is_under(variant.mac, minimum) {
            self.rare_variants += 1;
        }
        self.rare_pairs += counts.partition_point(|&n| is_under(Judge::minor_alleles(variant, n), minimum)) as u64;
    }

    /// `chosen`: columns of traits of two values, ascending, of one column of chunks.
    fn add_cells(
        &mut self,
        reader: &ResultsReader,
        judge: &Judge,
        (variants, rows): (&[VariantRow], Range<usize>),
        chosen: &[usize],
    ) -> Result<(), DisclosureError> {
        let (Some(&first), Some(&last)) = (chosen.first(), chosen.last()) else { return Ok(()) };
        let (beta, se) = reader.block(rows.clone(), first..last + 1)?;
        for &trait_idx in chosen {
            let info = &reader.header().traits[trait_idx];
            let mask = info.mask as usize;
            let missing = reader.n_missing(rows.clone(), mask..mask + 1)?;
            for (row, variant) in variants.iter().enumerate() {
                let n_observed = info.n - missing.as_ref().map_or(0, |missing| missing[row]).min(info.n);
                let cell = row * (last + 1 - first) + trait_idx - first;
                self.add_pair(judge, variant, (trait_idx, n_observed), (beta[cell].into(), se[cell].into()));
            }
        }
        Ok(())
    }

    fn add_pair(
        &mut self,
        judge: &Judge,
        variant: &VariantRow,
        (trait_idx, n_observed): (usize, u32),
        numbers: (f64, f64),
    ) {
        let policy = judge.policy();
        let few = is_under(Judge::minor_alleles(variant, n_observed), f64::from(policy.minor_alleles.minimum));
        let Some(cells) = judge.case_cells(variant, trait_idx, n_observed, numbers).filter(|_| !few) else { return };
        self.case_pairs += 1;
        if is_under(cells.smallest(), f64::from(policy.case_cells.minimum)) {
            self.small_cells += 1;
            self.least_cell = Some(self.least_cell.map_or(cells.smallest(), |least| least.min(cells.smallest())));
        }
    }

    /// The hits of a stretch of rows, from hit `next` on; the first of later rows.
    fn add_hits(
        &mut self,
        reader: &ResultsReader,
        judge: &Judge,
        (variants, rows): (&[VariantRow], Range<usize>),
        mut next: usize,
    ) -> Result<usize, DisclosureError> {
        while next < reader.n_hits() {
            let hits = reader.hits(next..reader.n_hits().min(next + ROWS))?;
            let n_before = next;
            for hit in &hits {
                let row = hit.variant as usize;
                if row >= rows.end {
                    return Ok(next);
                }
                next += 1;
                let trait_idx = hit.trait_idx as usize;
                let n_observed = hit.n_observed.unwrap_or(reader.header().traits[trait_idx].n);
                let r2 = judge.r2(trait_idx, n_observed, (hit.beta, hit.se));
                self.largest_r2 = self.largest_r2.max(r2);
                self.near_perfect_fits += u64::from(r2 > judge.policy().near_perfect_fits.maximum_r2);
                if !reader.has_every_pair() && judge.cases(trait_idx).is_some() {
                    let variant = &variants[row - rows.start];
                    self.add_pair(judge, variant, (trait_idx, n_observed), (hit.beta, hit.se));
                }
            }
            debug_assert!(next > n_before);
        }
        Ok(next)
    }
}

/// Traits that the judge keeps in.
pub(super) fn n_refused(judge: &Judge, n_traits: usize) -> usize {
    (0..n_traits).filter(|&trait_idx| judge.trait_refused(trait_idx).is_some()).count()
}
