//! One pass over a results file: which variants have too few minor alleles, which pairs too few samples or show too few alleles
//! among cases, which fit all but perfectly.

use std::ops::Range;

use norna_kernels::{Status, student};

use super::judge::{Judge, is_under};
use super::{DisclosureError, Filter};
use crate::report::progress::Progress;
use crate::sink::rows::VariantRow;
use crate::store::{ResultsReader, TraitInfo};

/// Rows looked at in one go, at most.
const ROWS: usize = 1 << 14;
/// Counts of missing genotypes read in one go, at most.
const CELLS: usize = 1 << 22;
/// A pair is looked at among hits alone where a fit over the largest r² is one with this share of the samples too.
const SHARE: f64 = 0.5;

/// What a pass finds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tally {
    /// Variants under the least number of minor alleles among all samples.
    pub(super) rare_variants: u64,
    /// Pairs under it among the samples of their trait.
    pub(super) rare_pairs: u64,
    /// The least number of minor alleles above 0.
    pub(super) least_alleles: Option<f64>,
    /// Pairs under the least number of samples.
    pub(super) few_samples: u64,
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
    /// Pairs over the largest r².
    pub(super) near_perfect_fits: u64,
    /// The largest r² that was seen.
    pub(super) largest_r2: f64,
}

/// What is looked for, and in which traits.
struct Looked<'a> {
    reader: &'a ResultsReader,
    judge: &'a Judge,
    /// Traits whose pairs are read, ascending.
    chosen: Vec<usize>,
    /// Traits whose fits may be no hits.
    fits: Vec<bool>,
    /// Traits of all samples.
    n_whole: u64,
    /// By mask: samples of its traits that lack some of the study's, and how many these are.
    partial: Vec<(u32, u64)>,
}

impl<'a> Looked<'a> {
    fn new(reader: &'a ResultsReader, judge: &'a Judge) -> Self {
        let header = reader.header();
        let maximum = judge.policy().near_perfect_fits.maximum_r2;
        let fits: Vec<bool> = header.traits.iter().map(|info| !is_hit(info, maximum, header.hit_log10p)).collect();
        let wanted = |&t: &usize| judge.cases(t).is_some() || judge.is_partial(t) || fits[t];
        let chosen =
            if reader.has_every_pair() { (0..header.traits.len()).filter(wanted).collect() } else { Vec::new() };
        let mut partial = vec![(0, 0); header.n_masks()];
        for (_, info) in header.traits.iter().enumerate().filter(|&(t, info)| judge.is_partial(t) && info.n > 0) {
            let (n, n_traits) = &mut partial[info.mask as usize];
            (*n, *n_traits) = (info.n, *n_traits + 1);
        }
        let n_whole = (0..header.traits.len()).filter(|&t| !judge.is_partial(t)).count() as u64;
        Self { reader, judge, chosen, fits, n_whole, partial }
    }

    fn height(&self) -> usize {
        (CELLS / self.partial.len().max(1)).clamp(1, ROWS)
    }
}

/// Whether every pair of a trait with an r² over the largest is a hit.
fn is_hit(info: &TraitInfo, maximum_r2: f64, hit_log10p: f64) -> bool {
    let df = SHARE * f64::from(info.n) - f64::from(info.df_covariates) - 1.0;
    if info.normal {
        return true;
    }
    let t = (maximum_r2 / (1.0 - maximum_r2) * df).sqrt();
    maximum_r2 >= 1.0 || (df >= 1.0 && student::log10_p(t, df) >= hit_log10p)
}

pub(super) fn tally(reader: &ResultsReader, judge: &Judge) -> Result<Tally, DisclosureError> {
    let n_traits = reader.header().traits.len();
    let with_cases = (0..n_traits).filter(|&t| judge.cases(t).is_some()).count() as u64;
    let mut tally = Tally { traits_with_cases: with_cases, ..Tally::default() };
    let looked = Looked::new(reader, judge);
    let mut next_hit = 0;
    let mut progress = Progress::start(("judging", "variants"), Some(reader.n_variants() as u64), false);
    for start in (0..reader.n_variants()).step_by(looked.height()) {
        let rows = start..reader.n_variants().min(start + looked.height());
        let variants = reader.variants(rows.clone())?;
        let n_masks = looked.partial.len();
        let missing = reader.n_missing(rows.clone(), 0..n_masks)?;
        for (row, variant) in variants.iter().enumerate() {
            let missing = missing.as_ref().map(|missing| &missing[row * n_masks..][..n_masks]);
            tally.add_variant(variant, &looked, missing);
        }
        let width = reader.chunk().1;
        for chosen in looked.chosen.chunk_by(|a, b| a / width == b / width) {
            tally.add_block(&looked, (&variants, rows.clone()), (chosen, missing.as_deref()))?;
        }
        next_hit = tally.add_hits(&looked, (&variants, rows.clone()), next_hit)?;
        progress.update(rows.end as u64);
    }
    progress.finish();
    let statuses = reader.status_counts(|_| true)?;
    let perfect = statuses.iter().find(|(status, _)| *status == Status::PerfectFit);
    tally.perfect_fits = perfect.map_or(0, |&(_, n)| n);
    Ok(tally)
}

impl Tally {
    /// What a variant's counts say of its pairs. `missing`: missing genotypes by mask.
    fn add_variant(&mut self, variant: &VariantRow, looked: &Looked<'_>, missing: Option<&[u32]>) {
        let policy = looked.judge.policy();
        let minimum = f64::from(policy.minor_alleles.minimum);
        if variant.mac > 0.0 && self.least_alleles.is_none_or(|least| variant.mac < least) {
            self.least_alleles = Some(variant.mac);
        }
        let mut add = |n_observed: u32, n_traits: u64| {
            let is_rare = is_under(Judge::expected_alleles(variant, n_observed), minimum);
            if (1..policy.samples.minimum).contains(&n_observed) {
                self.few_samples += n_traits;
            } else if is_rare {
                self.rare_pairs += n_traits;
            }
        };
        add(variant.n, looked.n_whole);
        for (mask, &(n, n_traits)) in looked.partial.iter().enumerate().filter(|(_, (_, n_traits))| *n_traits > 0) {
            add(n.saturating_sub(missing.map_or(0, |missing| missing[mask])), n_traits);
        }
        self.rare_variants += u64::from(is_under(Judge::expected_alleles(variant, variant.n), minimum));
    }

    /// `chosen`: columns of one column of chunks, ascending.
    fn add_block(
        &mut self,
        looked: &Looked<'_>,
        (variants, rows): (&[VariantRow], Range<usize>),
        (chosen, missing): (&[usize], Option<&[u32]>),
    ) -> Result<(), DisclosureError> {
        let (Some(&first), Some(&last)) = (chosen.first(), chosen.last()) else { return Ok(()) };
        let (beta, se) = looked.reader.block(rows, first..last + 1)?;
        for &trait_idx in chosen {
            let info = &looked.reader.header().traits[trait_idx];
            for (row, variant) in variants.iter().enumerate() {
                let missing = missing.map_or(0, |missing| missing[row * looked.partial.len() + info.mask as usize]);
                let cell = row * (last + 1 - first) + trait_idx - first;
                let pair = (trait_idx, info.n.saturating_sub(missing));
                let numbers = (f64::from(beta[cell]), f64::from(se[cell]));
                self.add_pair(looked, variant, pair, numbers);
                if looked.fits[trait_idx] {
                    self.add_fit(looked.judge, pair, numbers);
                }
            }
        }
        Ok(())
    }

    fn add_pair(
        &mut self,
        looked: &Looked<'_>,
        variant: &VariantRow,
        (trait_idx, n_observed): (usize, u32),
        numbers: (f64, f64),
    ) {
        let (judge, policy) = (looked.judge, looked.judge.policy());
        if n_observed < policy.samples.minimum {
            return;
        }
        if judge.is_rare(variant, trait_idx, n_observed, numbers) {
            // Those that are to be expected are counted already.
            let minimum = f64::from(policy.minor_alleles.minimum);
            self.rare_pairs += u64::from(!is_under(Judge::expected_alleles(variant, n_observed), minimum));
            return;
        }
        let Some(cells) = judge.case_cells(variant, trait_idx, n_observed, numbers) else { return };
        self.case_pairs += 1;
        if is_under(cells.smallest(), f64::from(policy.case_cells.minimum)) {
            self.small_cells += 1;
            self.least_cell = Some(self.least_cell.map_or(cells.smallest(), |least| least.min(cells.smallest())));
        }
    }

    fn add_fit(&mut self, judge: &Judge, (trait_idx, n_observed): (usize, u32), numbers: (f64, f64)) {
        let r2 = judge.r2(trait_idx, n_observed, numbers);
        self.largest_r2 = self.largest_r2.max(r2);
        self.near_perfect_fits += u64::from(r2 > judge.policy().near_perfect_fits.maximum_r2);
    }

    /// The hits of a stretch of rows, from hit `next` on; the first of later rows.
    fn add_hits(
        &mut self,
        looked: &Looked<'_>,
        (variants, rows): (&[VariantRow], Range<usize>),
        mut next: usize,
    ) -> Result<usize, DisclosureError> {
        let reader = looked.reader;
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
                let pair = (trait_idx, hit.n_observed.unwrap_or(reader.header().traits[trait_idx].n));
                if !reader.has_every_pair() || !looked.fits[trait_idx] {
                    self.add_fit(looked.judge, pair, (hit.beta, hit.se));
                }
                if !reader.has_every_pair() {
                    self.add_pair(looked, &variants[row - rows.start], pair, (hit.beta, hit.se));
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
