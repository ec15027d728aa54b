//! Scans by instruction set: one body each, compiled for each set; only the search for a byte is written by hand.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8};

use super::Isa;
use crate::scan::{
    calls_after_body, decimals_after_body, decimals_body, expected_copies_body, int8_calls_body, mask_body,
    positions_body, skip_fields_body, text_calls_body, triples_after_body,
};

/// Three outputs of one length.
pub(crate) type Three<'a> = [&'a mut [u32]; 3];

/// The scans of one instruction set. Lengths are checked in [`crate::scan`].
pub(crate) struct Scans {
    /// See [`crate::scan::text_calls`].
    pub(crate) text_calls: fn(&[u8], &mut [u8]) -> bool,
    /// See [`crate::scan::int8_calls`].
    pub(crate) int8_calls: fn(&[u8], &mut [u8]) -> bool,
    /// See [`crate::scan::positions`].
    pub(crate) positions: fn(u8, &[u8], &mut [u32]) -> Option<usize>,
    /// See [`crate::scan::decimals`].
    pub(crate) decimals: fn(&[u32], f32, f32, &mut [f32]) -> bool,
    /// See [`crate::scan::expected_copies`].
    pub(crate) expected_copies: fn([&[u32]; 3], &mut [f32]) -> bool,
    /// See [`crate::scan::calls_after`].
    pub(crate) calls_after: fn(&[u8], &mut [u32], &mut [u8]) -> bool,
    /// See [`crate::scan::skip_fields`].
    pub(crate) skip_fields: fn(&[u8], usize, &mut [u32]),
    /// See [`crate::scan::decimals_after`].
    pub(crate) decimals_after: fn(&[u8], &[u32], &mut [u32]) -> bool,
    /// See [`crate::scan::triples_after`].
    pub(crate) triples_after: fn(&[u8], &[u32], Three<'_>) -> bool,
}

static PORTABLE: Scans = Scans {
    text_calls: text_calls_body,
    int8_calls: int8_calls_body,
    positions: |byte, bytes, out| positions_body(bytes, out, |block| mask_body(byte, block)),
    decimals: decimals_body,
    expected_copies: expected_copies_body,
    calls_after: calls_after_body,
    skip_fields: skip_fields_body,
    decimals_after: decimals_after_body,
    triples_after: triples_after_body,
};

impl Scans {
    /// The scans of `isa`; the portable ones where the CPU lacks it.
    pub(crate) fn of(isa: Isa) -> &'static Self {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 if isa.is_supported() && x86::has_bit_instructions() => &x86::AVX512,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 if isa.is_supported() && x86::has_bit_instructions() => &x86::AVX2,
            _ => &PORTABLE,
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::*;

    /// What every CPU with AVX2 has, though nothing says so.
    pub(super) fn has_bit_instructions() -> bool {
        is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("popcnt")
    }

    macro_rules! compiled_for {
        ($features:literal, $scans:ident, $module:ident) => {
            mod $module {
                use super::*;

                #[target_feature(enable = $features)]
                pub(super) fn text_calls(bytes: &[u8], out: &mut [u8]) -> bool {
                    text_calls_body(bytes, out)
                }

                #[target_feature(enable = $features)]
                pub(super) fn int8_calls(bytes: &[u8], out: &mut [u8]) -> bool {
                    int8_calls_body(bytes, out)
                }

                #[target_feature(enable = $features)]
                pub(super) fn positions(byte: u8, bytes: &[u8], out: &mut [u32]) -> Option<usize> {
                    positions_body(bytes, out, |block| mask_avx2(byte, block))
                }

                #[target_feature(enable = $features)]
                pub(super) fn decimals(units: &[u32], most: f32, clamp: f32, out: &mut [f32]) -> bool {
                    decimals_body(units, most, clamp, out)
                }

                #[target_feature(enable = $features)]
                pub(super) fn expected_copies(units: [&[u32]; 3], out: &mut [f32]) -> bool {
                    expected_copies_body(units, out)
                }

                #[target_feature(enable = $features)]
                pub(super) fn calls_after(bytes: &[u8], places: &mut [u32], codes: &mut [u8]) -> bool {
                    calls_after_body(bytes, places, codes)
                }

                #[target_feature(enable = $features)]
                pub(super) fn skip_fields(bytes: &[u8], n: usize, places: &mut [u32]) {
                    skip_fields_body(bytes, n, places);
                }

                #[target_feature(enable = $features)]
                pub(super) fn decimals_after(bytes: &[u8], places: &[u32], units: &mut [u32]) -> bool {
                    decimals_after_body(bytes, places, units)
                }

                #[target_feature(enable = $features)]
                pub(super) fn triples_after(bytes: &[u8], places: &[u32], units: [&mut [u32]; 3]) -> bool {
                    triples_after_body(bytes, places, units)
                }
            }

            pub(super) static $scans: Scans = Scans {
                // SAFETY: `Scans::of` alone gives these, after asking the CPU for the instruction set.
                text_calls: |bytes, out| unsafe { $module::text_calls(bytes, out) },
                // SAFETY: as above.
                int8_calls: |bytes, out| unsafe { $module::int8_calls(bytes, out) },
                // SAFETY: as above.
                positions: |byte, bytes, out| unsafe { $module::positions(byte, bytes, out) },
                // SAFETY: as above.
                decimals: |units, most, clamp, out| unsafe { $module::decimals(units, most, clamp, out) },
                // SAFETY: as above.
                expected_copies: |units, out| unsafe { $module::expected_copies(units, out) },
                // SAFETY: as above.
                calls_after: |bytes, places, codes| unsafe { $module::calls_after(bytes, places, codes) },
                // SAFETY: as above.
                skip_fields: |bytes, n, places| unsafe { $module::skip_fields(bytes, n, places) },
                // SAFETY: as above.
                decimals_after: |bytes, places, units| unsafe { $module::decimals_after(bytes, places, units) },
                // SAFETY: as above.
                triples_after: |bytes, places, units| unsafe { $module::triples_after(bytes, places, units) },
            };
        };
    }

    compiled_for!("avx2,fma,bmi1,bmi2,popcnt", AVX2, avx2);
    compiled_for!("avx512f,avx2,fma,bmi1,bmi2,popcnt", AVX512, avx512);

    #[inline]
    #[target_feature(enable = "avx2")]
    fn mask_avx2(byte: u8, block: &[u8; 64]) -> u64 {
        let wanted = _mm256_set1_epi8(byte as i8);
        let half = |at: usize| {
            // SAFETY: `block` has 64 bytes and `at` is 0 or 32.
            let bytes = unsafe { _mm256_loadu_si256(block.as_ptr().add(at).cast()) };
            u64::from(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, wanted)) as u32)
        };
        half(0) | (half(32) << 32)
    }
}
