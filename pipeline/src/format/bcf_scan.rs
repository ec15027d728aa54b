//! FORMAT values of a BCF record as cohorts have them: pairs of int8 for GT, floats for DS and GP.
//!
//! Each is scanned without a branch per sample; what is not plain is left to the general decoder.

use norna_kernels::MISSING_CALL;
use norna_kernels::scan::int8_calls;

use super::bcf::TypedLen;
use super::bcf_genotypes::{FLOAT_END, FLOAT_MISSING, Values};
use super::vcf_call::{DOSAGE_SLACK, SampleMap};
use super::vcf_scan::Scratch;

/// Two alleles in a byte each.
const PAIRS: TypedLen = TypedLen { code: 1, len: 2 };
const FLOAT: u8 = 5;

/// ALT copies of a bi-allelic record; false if any analysed call is other than two alleles 0 and 1, or both missing.
pub(crate) fn plain_calls(values: Values<'_>, samples: &SampleMap, scratch: &mut Scratch, out: &mut [u8]) -> bool {
    if values.typed != PAIRS {
        return false;
    }
    if samples.is_identity() {
        return int8_calls(values.bytes, out);
    }
    let calls = values.bytes.as_chunks::<2>().0;
    scratch.pairs.clear();
    scratch.pairs.extend(samples.analysed().iter().filter_map(|&column| calls.get(column as usize)));
    int8_calls(scratch.pairs.as_flattened(), out)
}

/// DS of a bi-allelic record; see [`super::vcf_site::RecordReader::plain_dosages`].
pub(crate) fn plain_dosages(
    values: Values<'_>,
    gt: Option<Values<'_>>,
    samples: &SampleMap,
    scratch: &mut Scratch,
    out: &mut [f32],
) -> Option<u64> {
    if values.typed != (TypedLen { code: FLOAT, len: 1 }) {
        return None;
    }
    let dosages = values.bytes.as_chunks::<4>().0;
    let (mut odd, mut n_missing) = (false, 0_u32);
    let mut put = |bytes: [u8; 4], out: &mut f32| {
        let (value, missing) = float(bytes);
        odd |= !missing & !(-DOSAGE_SLACK..=2.0 + DOSAGE_SLACK).contains(&value);
        n_missing += u32::from(missing);
        *out = if missing { f32::NAN } else { value.clamp(0.0, 2.0) };
    };
    if samples.is_identity() {
        dosages.iter().zip(out.iter_mut()).for_each(|(&bytes, out)| put(bytes, out));
    } else {
        for (&column, out) in samples.analysed().iter().zip(out.iter_mut()) {
            put(*dosages.get(column as usize)?, out);
        }
    }
    if odd { None } else { fill_from_calls(n_missing > 0, gt, samples, scratch, out) }
}

/// GP of a bi-allelic record; see [`super::vcf_site::RecordReader::plain_dosages`].
pub(crate) fn plain_probabilities(
    values: Values<'_>,
    gt: Option<Values<'_>>,
    samples: &SampleMap,
    scratch: &mut Scratch,
    out: &mut [f32],
) -> Option<u64> {
    if values.typed != (TypedLen { code: FLOAT, len: 3 }) {
        return None;
    }
    let triples = values.bytes.as_chunks::<12>().0;
    let (mut odd, mut n_missing) = (false, 0_u32);
    for (&column, out) in samples.analysed().iter().zip(out.iter_mut()) {
        let [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3] = *triples.get(column as usize)?;
        let floats = [[a0, a1, a2, a3], [b0, b1, b2, b3], [c0, c1, c2, c3]].map(float);
        // Fewer values than three, but some, are another ploidy: not plain.
        let missing = floats.iter().all(|(_, missing)| *missing);
        n_missing += u32::from(missing);
        let numbers = floats.map(|(value, _)| value);
        odd |= !missing & numbers.iter().any(|p| !(-1e-3..=1.001).contains(p));
        let [p0, p1, p2] = numbers.map(f64::from);
        let sum = p0 + p1 + p2;
        odd |= !missing & ((sum - 1.0).abs() > 0.1);
        let copies = ((p1 + p2 * 2.0) / sum).clamp(0.0, 2.0) as f32;
        *out = if missing { f32::NAN } else { copies };
    }
    if odd { None } else { fill_from_calls(n_missing > 0, gt, samples, scratch, out) }
}

/// A float, and whether it is missing or after the end. Neither is a number.
#[inline(always)]
fn float(bytes: [u8; 4]) -> (f32, bool) {
    let bits = u32::from_le_bytes(bytes);
    (f32::from_bits(bits), (bits == FLOAT_MISSING) | (bits == FLOAT_END))
}

/// Puts plain calls where dosages are missing; gives how many. None where a call is not plain.
fn fill_from_calls(
    any_missing: bool,
    gt: Option<Values<'_>>,
    samples: &SampleMap,
    scratch: &mut Scratch,
    out: &mut [f32],
) -> Option<u64> {
    let Some(gt) = gt else { return Some(0) };
    let mut codes = std::mem::take(&mut scratch.codes);
    codes.resize(samples.len(), 0);
    let plain = plain_calls(gt, samples, scratch, &mut codes);
    let mut n = 0;
    if plain && any_missing {
        for (out, &code) in out.iter_mut().zip(&codes).filter(|(out, code)| out.is_nan() && **code != MISSING_CALL) {
            *out = f32::from(code);
            n += 1;
        }
    }
    scratch.codes = codes;
    plain.then_some(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_calls_know_only_the_plain() {
        let plain = |bytes: &[u8]| {
            let mut out = vec![9; bytes.len() / 2];
            let map = SampleMap::new(out.len(), None).unwrap();
            let values = Values { key: "GT", typed: PAIRS, bytes };
            plain_calls(values, &map, &mut Scratch::default(), &mut out).then_some(out)
        };
        assert_eq!(plain(&[2, 2, 3, 5, 5, 4, 0, 1]), Some(vec![0, 1, 2, 255]));
        for odd in [[2, 6], [2, 0x81], [0x80, 0x81], [0, 4]] {
            assert_eq!(plain(&odd), None, "{odd:?}");
        }
    }
}
