//! What scans must give, from what the general decoders give.

use norna_kernels::MISSING_CALL;

use super::super::vcf_call::{Call, within_0_to_2};

/// ALT copies of plain calls; none if any is not.
pub(crate) fn codes(calls: &[Call]) -> Option<Vec<u8>> {
    let code = |call: &Call| match *call {
        Call::NONE => Some(MISSING_CALL),
        Call { a: a @ 0..=1, b: b @ 0..=1 } => Some((a + b) as u8),
        _ => None,
    };
    calls.iter().map(code).collect()
}

/// The bits of dosages after the rules for bounds and missing ones, and how many came from calls; none where the record is
/// not to be taken.
pub(crate) fn settled(mut values: Vec<f32>, codes: &[u8]) -> Option<(u64, Vec<u32>)> {
    let mut from_gt = 0;
    for (value, &code) in values.iter_mut().zip(codes) {
        if value.is_nan() && code != MISSING_CALL {
            *value = f32::from(code);
            from_gt += 1;
        } else if !value.is_nan() && !(-1e-3..=2.001).contains(value) {
            return None;
        }
        *value = within_0_to_2(*value);
    }
    Some((from_gt, values.iter().map(|v| v.to_bits()).collect()))
}
