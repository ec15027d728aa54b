//! FORMAT values of a BCF record as cohorts have them: pairs of int8 for GT, floats for DS and GP.
//!
//! Each is scanned without a branch per sample; what is not plain is left to the general decoder.

use norna_kernels::MISSING_CALL;
use norna_kernels::scan::int8_calls;

use super::bcf::TypedLen;
use super::bcf_genotypes::{FLOAT_END, FLOAT_MISSING, Values};
use super::vcf_call::{DOSAGE_SLACK, SampleMap, within_0_to_2};
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
        *out = if missing { f32::NAN } else { within_0_to_2(value) };
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
        let copies = within_0_to_2(((p1 + p2 * 2.0) / sum) as f32);
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
    use proptest::prelude::*;

    use super::super::bcf_genotypes as general;
    use super::super::vcf_call::Call;
    use super::super::vcf_scan::oracle::{codes, settled};
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

    /// Scans against the general decoder; `odd`: one value in so many is unusual, 0 for none.
    fn check(seed: u64, n: usize, odd: usize) {
        let mut state = seed;
        let mut below = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        let (len, key) = if below(2) == 0 { (1, "DS") } else { (3, "GP") };
        let (mut gt, mut bytes) = (Vec::new(), Vec::new());
        for _ in 0..n {
            let mut unusual = || odd > 0 && below(odd) == 0;
            let (odd_call, odd_value) = (unusual(), unusual());
            let call = [[2, 4], [4, 5], [2, 3], [0, 1], [2, 6], [4, 0x81], [0, 4]][below(if odd_call { 7 } else { 4 })];
            gt.extend_from_slice(&call);
            let part = below(1001) as f32 / 1000.0;
            let mut values = if len == 1 { vec![2.0 * part] } else { vec![1.0 - part, part, 0.0] };
            if odd_value {
                let strange = [f32::NAN, f32::INFINITY, -0.0005, -0.1, 2.0005, 2.1, 0.0, -0.0, 1e-42];
                let bits = strange.map(f32::to_bits).into_iter().chain([FLOAT_MISSING, FLOAT_END]).collect::<Vec<_>>();
                let (first, with) = (below(len), f32::from_bits(bits[below(bits.len())]));
                let to = if below(2) == 0 { len } else { first + 1 };
                values[first..to].fill(with);
            }
            bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        }
        let some = (below(2) == 0).then(|| (0..n as u32).filter(|_| below(3) > 0).collect());
        let samples = &SampleMap::new(n, some).unwrap();
        let gt = Values { key: "GT", typed: PAIRS, bytes: &gt };
        let gt = (below(3) > 0).then_some(gt);
        let values = Values { key, typed: TypedLen { code: FLOAT, len }, bytes: &bytes };
        let (scratch, mut out) = (&mut Scratch::default(), vec![0.5; samples.len()]);
        let got = match key {
            "DS" => plain_dosages(values, gt, samples, scratch, &mut out),
            _ => plain_probabilities(values, gt, samples, scratch, &mut out),
        };
        let Some(from_gt) = got else {
            assert!(odd > 0, "not taken");
            return;
        };
        let mut gt_codes = vec![MISSING_CALL; samples.len()];
        if let Some(gt) = gt {
            let mut calls = vec![Call::NONE; samples.len()];
            general::calls(gt, 2, samples, &mut calls).unwrap();
            gt_codes = codes(&calls).unwrap();
        }
        let mut want = vec![0.0; samples.len()];
        match key {
            "DS" => general::dosages(values, 1, samples, &mut want).unwrap(),
            _ => general::probabilities(values, 1, samples, &mut Vec::new(), &mut want).unwrap(),
        }
        let bits = out.iter().map(|v| v.to_bits()).collect();
        assert_eq!(Some((from_gt, bits)), settled(want, &gt_codes));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn prop_scans_give_what_the_general_decoder_gives(seed: u64, n in 1_usize..60, odd in 2_usize..400) {
            check(seed, n, odd);
            check(seed, n, 0);
        }
    }
}
