//! Sample columns of a VCF line as cohorts have them: diploid calls of one digit, dosages of few decimals.
//!
//! Nearly every line is such, so each has a scan without a branch per sample. What a scan does not know it leaves to the
//! general decoder: a whole line where a call is unusual, one sample's value where a number is.

use norna_kernels::MISSING_CALL;
use norna_kernels::scan::{
    DECIMAL_MISSING, DECIMAL_UNIT, POSITIONS_SLACK, calls_after, decimal, decimals, decimals_after, expected_copies,
    positions, skip_fields, text_calls, triples_after,
};

use super::vcf_call::{DOSAGE_SLACK, SampleMap, within_0_to_2};
use super::vcf_genotypes::{Column, dosages_of, probabilities_of};

/// Memory that scans of one line after another share.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The tab before each sample column.
    pub(crate) tabs: Vec<u32>,
    /// The byte before each analysed sample, or before its value of a field.
    places: Vec<u32>,
    /// A code for every sample of the file, or for every analysed one.
    pub(crate) codes: Vec<u8>,
    /// BCF calls of the analysed samples.
    pub(crate) pairs: Vec<[u8; 2]>,
    /// Numbers in units of 1/[`DECIMAL_UNIT`].
    units: [Vec<u32>; 3],
    /// Dosages that were not in those units, by output index.
    unusual: Vec<(usize, f32)>,
    /// One sample's numbers.
    pub(crate) values: Vec<f32>,
}

/// Where each sample column begins.
#[derive(Clone, Copy)]
pub(crate) struct Samples<'a> {
    bytes: &'a [u8],
    tabs: &'a [u32],
}

impl<'a> Samples<'a> {
    /// None if `bytes` has not `n_file` columns between tabs.
    pub(crate) fn find(bytes: &'a [u8], n_file: usize, tabs: &'a mut Vec<u32>) -> Option<Self> {
        tabs.resize(1 + n_file + POSITIONS_SLACK, 0);
        let (first, rest) = tabs.split_first_mut()?;
        *first = u32::MAX;
        let n_tabs = positions(b'\t', bytes, rest)?;
        (n_tabs + 1 == n_file).then_some(Self { bytes, tabs: &tabs[..n_file] })
    }

    fn start(&self, column: u32) -> usize {
        self.tabs[column as usize].wrapping_add(1) as usize
    }

    fn get(&self, column: u32) -> &'a [u8] {
        let end = self.tabs.get(column as usize + 1).map_or(self.bytes.len(), |&tab| tab as usize);
        &self.bytes[self.start(column)..end]
    }

    /// One sample's value of the field `idx`; empty where trailing fields were dropped.
    pub(crate) fn value(&self, column: u32, idx: usize) -> &'a [u8] {
        self.get(column).split(|&b| b == b':').nth(idx).unwrap_or_default()
    }

    /// The place before each analysed sample.
    fn before(&self, samples: &SampleMap, places: &mut Vec<u32>) {
        places.resize(samples.len(), 0);
        samples.pick(self.tabs, places);
    }

    /// The place before each analysed sample's value of `column`, beyond the text where there is none, and its call, missing
    /// unless `with_gt`. None if a call is not plain.
    fn fields(
        &self,
        column: Column<'_>,
        with_gt: bool,
        samples: &SampleMap,
        places: &mut Vec<u32>,
        codes: &mut Vec<u8>,
    ) -> Option<()> {
        self.before(samples, places);
        codes.clear();
        codes.resize(samples.len(), MISSING_CALL);
        if with_gt && !calls_after(self.bytes, places, codes) {
            return None;
        }
        match column.idx - usize::from(with_gt) {
            0 => {}
            n => skip_fields(self.bytes, n, places),
        }
        Some(())
    }
}

/// ALT copies of a bi-allelic line; false if any analysed call is other than `a/b` or `a|b` with 0, 1, or both `.`, or
/// if the line has another number of samples. GT must come first; `gt_only`: nothing follows it.
pub fn plain_calls(bytes: &[u8], gt_only: bool, samples: &SampleMap, scratch: &mut Scratch, out: &mut [u8]) -> bool {
    let n = samples.n_file();
    if gt_only && n > 0 && bytes.len() == 4 * n - 1 {
        if samples.is_identity() {
            return text_calls(bytes, out);
        }
        scratch.codes.resize(n, 0);
        if text_calls(bytes, &mut scratch.codes) {
            samples.pick(&scratch.codes, out);
            return true;
        }
    }
    let Scratch { tabs, places, .. } = scratch;
    let Some(columns) = Samples::find(bytes, n, tabs) else { return false };
    columns.before(samples, places);
    calls_after(bytes, places, out)
}

/// DS of a bi-allelic line as ALT copies, 0 to 2, with plain GT where it is missing; gives how many were taken from GT.
/// None, with `out` undefined, if any call is not plain, any dosage is wrong, or the line has another number of samples.
/// `with_gt`: GT is the first field.
pub fn plain_dosages(
    column: Column<'_>,
    with_gt: bool,
    samples: &SampleMap,
    scratch: &mut Scratch,
    out: &mut [f32],
) -> Option<u64> {
    let Scratch { tabs, places, codes, units: [units, ..], unusual, .. } = scratch;
    let columns = Samples::find(column.bytes, samples.n_file(), tabs)?;
    columns.fields(column, with_gt, samples, places, codes)?;
    units.resize(samples.len(), 0);
    unusual.clear();
    let mut from_gt = 0;
    if !decimals_after(column.bytes, places, units) {
        let odd = units.iter_mut().enumerate().filter(|(_, units)| **units == DECIMAL_MISSING);
        for (out_idx, units) in odd {
            if let Some(number) = one_decimal(column.bytes, places[out_idx].wrapping_add(1) as usize) {
                *units = number;
                continue;
            }
            let mut value = [f32::NAN];
            dosages_of(columns.value(samples.analysed()[out_idx], column.idx), &mut value).ok()?;
            unusual.push((out_idx, or_call(value[0], codes[out_idx], &mut from_gt)?));
        }
    }
    finish(decimals(units, 2.0 + DOSAGE_SLACK, 2.0, out), unusual, out).then_some(from_gt)
}

/// GP as [`plain_dosages`].
pub fn plain_probabilities(
    column: Column<'_>,
    with_gt: bool,
    samples: &SampleMap,
    scratch: &mut Scratch,
    out: &mut [f32],
) -> Option<u64> {
    let Scratch { tabs, places, codes, units, unusual, values, .. } = scratch;
    let columns = Samples::find(column.bytes, samples.n_file(), tabs)?;
    columns.fields(column, with_gt, samples, places, codes)?;
    units.iter_mut().for_each(|units| units.resize(samples.len(), 0));
    let [none, one, two] = units;
    unusual.clear();
    let mut from_gt = 0;
    if !triples_after(column.bytes, places, [none, one, two]) {
        for out_idx in 0..none.len() {
            if none[out_idx] != DECIMAL_MISSING {
                continue;
            }
            let three = match three_decimals(column.bytes, places[out_idx].wrapping_add(1) as usize) {
                Some(three) => three,
                None => {
                    let mut value = [f32::NAN];
                    let text = columns.value(samples.analysed()[out_idx], column.idx);
                    probabilities_of(text, values, &mut value).ok()?;
                    unusual.push((out_idx, or_call(value[0], codes[out_idx], &mut from_gt)?));
                    [DECIMAL_UNIT, 0, 0]
                }
            };
            [none[out_idx], one[out_idx], two[out_idx]] = three;
        }
    }
    finish(expected_copies([none, one, two], out), unusual, out).then_some(from_gt)
}

fn finish(plain: bool, unusual: &[(usize, f32)], out: &mut [f32]) -> bool {
    for &(idx, value) in unusual {
        out[idx] = value;
    }
    plain
}

/// The one decimal that a value beginning at `at` is. None too where the line ends soon after it.
#[inline(always)]
fn one_decimal(bytes: &[u8], at: usize) -> Option<u32> {
    let head: &[u8; 16] = bytes.get(at..)?.first_chunk()?;
    let (number, len) = decimal(*head.first_chunk()?)?;
    ends_value(*head.get(len)?).then_some(number)
}

/// The three decimals between commas that a value beginning at `at` is. None too where the line ends soon after it.
#[inline(always)]
fn three_decimals(bytes: &[u8], at: usize) -> Option<[u32; 3]> {
    let head: &[u8; 40] = bytes.get(at..)?.first_chunk()?;
    let (p0, first) = decimal(*head.first_chunk()?)?;
    let (p1, len) = decimal(*head.get(first + 1..)?.first_chunk()?)?;
    let second = first + 1 + len;
    let (p2, len) = decimal(*head.get(second + 1..)?.first_chunk()?)?;
    let commas = (*head.get(first)? == b',') & (*head.get(second)? == b',');
    (commas & ends_value(*head.get(second + 1 + len)?)).then_some([p0, p1, p2])
}

#[inline(always)]
fn ends_value(byte: u8) -> bool {
    (byte == b':') | (byte == b'\t')
}

/// A dosage within its bounds, or the call where it is missing; none where it is out of bounds.
fn or_call(value: f32, code: u8, from_gt: &mut u64) -> Option<f32> {
    if value.is_nan() {
        let called = code != MISSING_CALL;
        *from_gt += u64::from(called);
        return Some(if called { f32::from(code) } else { f32::NAN });
    }
    (-DOSAGE_SLACK..=2.0 + DOSAGE_SLACK).contains(&value).then(|| within_0_to_2(value))
}

#[cfg(test)]
mod damage;
#[cfg(test)]
pub(crate) mod oracle;
#[cfg(test)]
mod tests;
