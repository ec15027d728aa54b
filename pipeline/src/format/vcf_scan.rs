//! Sample columns of a VCF line as cohorts have them: diploid calls of one digit, dosages of few decimals.
//!
//! Nearly every line is such, so each has a scan without a branch per sample. What a scan does not know it leaves to the
//! general decoder: a whole line where a call is unusual, one sample's value where a number is.

use norna_kernels::MISSING_CALL;
use norna_kernels::scan::{
    DECIMAL_UNIT, POSITIONS_SLACK, decimal, decimals, expected_copies, positions, text_call, text_calls,
};

use super::vcf_call::{DOSAGE_SLACK, SampleMap};
use super::vcf_genotypes::{Column, dosages_of, probabilities_of};

/// Memory that scans of one line after another share.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The tab before each sample column.
    pub(crate) tabs: Vec<u32>,
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

    /// The bytes from `at` on, as if the line went on with tabs.
    fn head<const N: usize>(&self, at: usize) -> [u8; N] {
        if let Some(head) = self.bytes.get(at..).and_then(<[u8]>::first_chunk) {
            return *head;
        }
        let mut head = [b'\t'; N];
        let rest = self.bytes.get(at..).unwrap_or_default();
        head[..rest.len()].copy_from_slice(rest);
        head
    }

    /// The call that a sample begins with.
    fn call(&self, column: u32) -> (u8, bool) {
        text_call(u32::from_le_bytes(self.head(self.start(column))), true)
    }

    /// Where the field `n` colons after `at` begins; none if the sample ends before.
    #[inline(always)]
    fn field(&self, mut at: usize, mut n: usize) -> Option<usize> {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGHS: u64 = 0x8080_8080_8080_8080;
        while n > 0 {
            let word = u64::from_le_bytes(self.head(at));
            let equal = |byte: u8| {
                let differing = word ^ (ONES * u64::from(byte));
                differing.wrapping_sub(ONES) & !differing & HIGHS
            };
            // The lowest bit of each is right whatever the bits above it.
            let (colon, tab) = (equal(b':'), equal(b'\t'));
            if colon == 0 && tab == 0 {
                at += 8;
                continue;
            }
            if tab.trailing_zeros() < colon.trailing_zeros() {
                return None;
            }
            at += colon.trailing_zeros() as usize / 8 + 1;
            n -= 1;
        }
        Some(at)
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
    let Some(columns) = Samples::find(bytes, n, &mut scratch.tabs) else { return false };
    let mut odd = false;
    for (&column, out) in samples.analysed().iter().zip(out) {
        let (code, is_odd) = columns.call(column);
        *out = code;
        odd |= is_odd;
    }
    !odd
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
    let Scratch { tabs, units, unusual, .. } = scratch;
    let columns = Samples::find(column.bytes, samples.n_file(), tabs)?;
    let units = &mut units[0];
    units.resize(samples.len(), 0);
    unusual.clear();
    let mut from_gt = 0;
    let fields = Fields { columns, with_gt, idx: column.idx };
    let mut odd = false;
    for (out_idx, (&sample, units)) in samples.analysed().iter().zip(units.iter_mut()).enumerate() {
        let (code, is_odd, at) = fields.find(sample);
        odd |= is_odd;
        if let Some(number) = at.and_then(|at| one_decimal(column.bytes, at)) {
            *units = number;
            continue;
        }
        *units = 0;
        let mut value = [f32::NAN];
        dosages_of(columns.value(sample, column.idx), &mut value).ok()?;
        unusual.push((out_idx, or_call(value[0], code, &mut from_gt)?));
    }
    finish(!odd && decimals(units, 2.0 + DOSAGE_SLACK, 2.0, out), unusual, out).then_some(from_gt)
}

/// GP as [`plain_dosages`].
pub fn plain_probabilities(
    column: Column<'_>,
    with_gt: bool,
    samples: &SampleMap,
    scratch: &mut Scratch,
    out: &mut [f32],
) -> Option<u64> {
    let Scratch { tabs, units, unusual, values, .. } = scratch;
    let columns = Samples::find(column.bytes, samples.n_file(), tabs)?;
    units.iter_mut().for_each(|units| units.resize(samples.len(), 0));
    let [none, one, two] = units;
    unusual.clear();
    let mut from_gt = 0;
    let fields = Fields { columns, with_gt, idx: column.idx };
    let mut odd = false;
    for (out_idx, &sample) in samples.analysed().iter().enumerate() {
        let (code, is_odd, at) = fields.find(sample);
        odd |= is_odd;
        let three = match at.and_then(|at| three_decimals(column.bytes, at)) {
            Some(three) => three,
            None => {
                let mut value = [f32::NAN];
                probabilities_of(columns.value(sample, column.idx), values, &mut value).ok()?;
                unusual.push((out_idx, or_call(value[0], code, &mut from_gt)?));
                [DECIMAL_UNIT, 0, 0]
            }
        };
        [none[out_idx], one[out_idx], two[out_idx]] = three;
    }
    finish(!odd && expected_copies([none, one, two], out), unusual, out).then_some(from_gt)
}

fn finish(plain: bool, unusual: &[(usize, f32)], out: &mut [f32]) -> bool {
    for &(idx, value) in unusual {
        out[idx] = value;
    }
    plain
}

/// Where a field lies in each sample.
#[derive(Clone, Copy)]
struct Fields<'a> {
    columns: Samples<'a>,
    with_gt: bool,
    idx: usize,
}

impl Fields<'_> {
    /// The sample's call, whether it is not plain, and where the field's value begins if it is there.
    #[inline(always)]
    fn find(&self, sample: u32) -> (u8, bool, Option<usize>) {
        let start = self.columns.start(sample);
        if !self.with_gt {
            return (MISSING_CALL, false, self.columns.field(start, self.idx));
        }
        let word = u32::from_le_bytes(self.columns.head(start));
        let (code, is_odd) = text_call(word, true);
        // The first colon follows the call at once, if it is plain.
        let at = if word >> 24 == u32::from(b':') { self.columns.field(start + 4, self.idx - 1) } else { None };
        (code, is_odd, at)
    }
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
    (-DOSAGE_SLACK..=2.0 + DOSAGE_SLACK).contains(&value).then(|| value.clamp(0.0, 2.0))
}

#[cfg(test)]
mod tests;
