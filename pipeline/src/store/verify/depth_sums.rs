//! Depths of windows against one another and against /summary.

use super::super::checked::dataset;
use super::super::depth::{DepthSummary, SUMMARIES};
use super::super::depth_reader::DepthReader;
use super::super::error::StoreError;
use super::Findings;

/// By how much a mean that was rounded to f32 once can be off.
const ROUNDED: f64 = 1.0 / (1 << 23) as f64;

/// What the windows of each chromosome and sample add up to.
pub(super) struct WindowSums {
    n_samples: usize,
    thresholds: Vec<u32>,
    /// Positions, by chromosome.
    length: Vec<u64>,
    /// Sums of depths, of means that were rounded: chromosomes × samples.
    bases: Vec<f64>,
    /// Least and greatest means: chromosomes × samples.
    means: Vec<(f64, f64)>,
    /// Windows whose numbers could not be taken.
    n_lost: u64,
}

impl WindowSums {
    pub(super) fn new(reader: &DepthReader) -> Self {
        let header = reader.header();
        let (n_samples, n_chromosomes) = (header.samples.len(), header.chromosomes.len());
        Self {
            n_samples,
            thresholds: header.thresholds.clone(),
            length: vec![0; n_chromosomes],
            bases: vec![0.0; n_chromosomes * n_samples],
            means: vec![(f64::INFINITY, 0.0); n_chromosomes * n_samples],
            n_lost: 0,
        }
    }

    /// Adds a window; its means, and counts with thresholds fastest.
    pub(super) fn add(
        &mut self,
        (row, chromosome): (usize, usize),
        length: u32,
        (means, at_least): (&[f32], &[u32]),
        findings: &mut Findings,
    ) {
        self.length[chromosome] += u64::from(length);
        let n_thresholds = self.thresholds.len();
        for (sample, &mean) in means.iter().enumerate() {
            if !mean.is_finite() || mean < 0.0 {
                self.n_lost += 1;
                findings.add("number", "/depth/mean", || format!("row {row}, column {sample}: {mean}"));
                continue;
            }
            let (mean, at) = (f64::from(mean), chromosome * self.n_samples + sample);
            let bases = mean * f64::from(length);
            self.bases[at] += bases;
            self.means[at] = (self.means[at].0.min(mean), self.means[at].1.max(mean));
            let counts = &at_least[sample * n_thresholds..][..n_thresholds];
            let falls = counts.is_sorted_by(|a, b| a >= b) && counts.first().is_none_or(|&first| first <= length);
            let deepest = self.thresholds.iter().zip(counts).map(|(&t, &n)| f64::from(t) * f64::from(n));
            if !falls || deepest.fold(0.0, f64::max) > bases * (1.0 + ROUNDED) {
                findings.add("number", "/depth/at_least", || {
                    format!("row {row}, column {sample}: {counts:?} of {length} bases, whose mean is {mean}")
                });
            }
        }
    }
}

/// Holds /summary against itself, the chromosomes and the windows.
pub(super) fn check_summaries(
    reader: &DepthReader,
    sums: &WindowSums,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let summaries = reader.summaries()?;
    for (name, summary) in SUMMARIES.into_iter().zip(&summaries) {
        check_numbers(reader, (name, summary), findings)?;
    }
    let [chromosome, of_windows, total, total_of_windows] = &summaries;
    let lengths: Vec<u64> = reader.header().chromosomes.iter().map(|&(_, length)| u64::from(length)).collect();
    for (name, summary, lengths) in [(SUMMARIES[0], chromosome, &lengths), (SUMMARIES[1], of_windows, &sums.length)] {
        for (row, (found, fits)) in summary.length.iter().zip(lengths).enumerate().filter(|(_, (a, b))| a != b) {
            findings.add("sum", &format!("/summary/{name}/length"), || format!("row {row}: {found} where {fits} fits"));
        }
    }
    check_total((SUMMARIES[2], total), chromosome, findings);
    check_total((SUMMARIES[3], total_of_windows), of_windows, findings);
    if sums.n_lost == 0 {
        check_windows(sums, of_windows, findings);
    }
    Ok(())
}

/// Mean, least and greatest depth of each row against its sum.
fn check_numbers(
    reader: &DepthReader,
    (name, summary): (&str, &DepthSummary),
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let object = format!("/summary/{name}/mean");
    let n_samples = reader.header().samples.len();
    let stored = dataset(&reader.place, &reader.file, &object, &[summary.length.len(), n_samples])?;
    let means: Vec<f64> = reader.place.h5(&object, stored.read_raw())?;
    for (at, mean) in means.iter().enumerate() {
        let (row, sample) = (at / n_samples, at % n_samples);
        let fits = summary.mean(row, sample);
        if mean.to_bits() != fits.to_bits() {
            findings.add("sum", &object, || format!("row {row}, column {sample}: {mean} where {fits} fits"));
        }
        let (length, bases) = (u128::from(summary.length[row]), u128::from(summary.bases[at]));
        let (min, max) = (u128::from(summary.min[at]), u128::from(summary.max[at]));
        if !(min * length..=max * length).contains(&bases) {
            findings.add("sum", &format!("/summary/{name}"), || {
                format!("row {row}, column {sample}: {bases} bases on {length} positions of {min} to {max}")
            });
        }
    }
    Ok(())
}

/// A row over all chromosomes.
fn check_total((name, total): (&str, &DepthSummary), of: &DepthSummary, findings: &mut Findings) {
    let n_samples = total.bases.len();
    let rows = || (0..of.length.len()).filter(|&row| of.length[row] > 0);
    let length: u128 = of.length.iter().map(|&n| u128::from(n)).sum();
    let mut is_sum = length == u128::from(total.length[0]);
    for sample in 0..n_samples {
        let at = |row: usize| row * n_samples + sample;
        let bases: u128 = (0..of.length.len()).map(|row| u128::from(of.bases[at(row)])).sum();
        is_sum &= bases == u128::from(total.bases[sample])
            && rows().map(|row| of.min[at(row)]).min().unwrap_or(0) == total.min[sample]
            && rows().map(|row| of.max[at(row)]).max().unwrap_or(0) == total.max[sample];
    }
    if !is_sum {
        findings.add("sum", &format!("/summary/{name}"), || "it is not that of the chromosomes".to_owned());
    }
}

/// The windows of each chromosome against their sum; each mean was rounded once.
fn check_windows(sums: &WindowSums, summary: &DepthSummary, findings: &mut Findings) {
    for (at, (&bases, &(low, high))) in sums.bases.iter().zip(&sums.means).enumerate() {
        let (row, sample) = (at / sums.n_samples, at % sums.n_samples);
        let told = summary.bases[at] as f64;
        if (bases - told).abs() > told * ROUNDED {
            findings.add("sum", "/depth/mean", || {
                format!("column {sample}: windows of chromosome {row} hold {bases} bases, and /summary says {told}")
            });
        }
        let (min, max) = (f64::from(summary.min[at]), f64::from(summary.max[at]));
        let is_within = low.min(high) >= min * (1.0 - ROUNDED) && high <= max * (1.0 + ROUNDED);
        if sums.length[row] > 0 && !is_within {
            findings.add("sum", "/depth/mean", || {
                format!("column {sample}: means of {low} to {high} on chromosome {row}, of {min} to {max} deep")
            });
        }
    }
}
