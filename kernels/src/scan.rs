//! Genotype columns as files hold them, turned into codes without a branch per sample. Here rather than with the formats
//! because this is where instruction sets are chosen; what is not plain is told as such and left to the formats' decoders.

mod values;

use crate::arch::isa;
use crate::arch::scan::Scans;

pub use values::{NO_PLACE, calls_after, decimals_after, skip_fields, triples_after};
pub(crate) use values::{calls_after_body, decimals_after_body, skip_fields_body, triples_after_body};

/// Decimals are held as whole numbers of this part of one: 8 digits after the point.
pub const DECIMAL_UNIT: u32 = 100_000_000;
/// Stands for a number that is missing.
pub const DECIMAL_MISSING: u32 = u32::MAX;
/// Free places that [`positions`] wants beyond the positions that fit.
pub const POSITIONS_SLACK: usize = 64;

/// The call of a text such as `0|1` and the byte after it, as a little-endian word: ALT copies, 0 to 2, or
/// [`crate::MISSING_CALL`]; and whether it is anything else than two alleles 0 and 1 or both `.`, and a tab (or `:`, if
/// `subfields`) after them, in which case the code means nothing.
#[inline(always)]
#[must_use]
pub fn text_call(word: u32, subfields: bool) -> (u8, bool) {
    const PLAIN: u32 = u32::from_le_bytes(*b"0|0\t");
    let diff = word ^ PLAIN;
    let (alleles, separator, end) = (diff & 0x00ff_00ff, diff & 0xff00, diff & 0xff00_0000);
    let missing = alleles == 0x001e_001e;
    let called = alleles & !0x0001_0001 == 0;
    let separated = (separator == 0) | (separator == 0x5300);
    let ended = (end == 0) | (subfields & (end == 0x3300_0000));
    let copies = ((alleles + (alleles >> 16)) & 3) as u8;
    (copies | 0_u8.wrapping_sub(u8::from(missing)), !((called | missing) & separated & ended))
}

/// Calls of a column of GT alone: `0|1` and a tab for each sample, without the last tab. `bytes`: 4n − 1; `out`: n codes, 0
/// to 2 ALT copies or [`crate::MISSING_CALL`]. False, with `out` undefined, if any call is other than two alleles 0 and 1
/// or both `.`, or if the lengths do not fit.
#[must_use]
pub fn text_calls(bytes: &[u8], out: &mut [u8]) -> bool {
    if out.is_empty() || bytes.len() != 4 * out.len() - 1 {
        return false;
    }
    (Scans::of(isa()).text_calls)(bytes, out)
}

/// Calls of a BCF GT of two int8 a sample (n × 2 bytes), into n codes; as [`text_calls`].
#[must_use]
pub fn int8_calls(bytes: &[u8], out: &mut [u8]) -> bool {
    bytes.len() == 2 * out.len() && (Scans::of(isa()).int8_calls)(bytes, out)
}

/// Offsets of `byte` in `bytes`, ascending, into `out`; gives their number. None if there are more than
/// `out.len() − POSITIONS_SLACK` of them or `bytes` has 2 GiB or more. Places of `out` after the last position are
/// overwritten.
#[must_use]
pub fn positions(byte: u8, bytes: &[u8], out: &mut [u32]) -> Option<usize> {
    if i32::try_from(bytes.len()).is_err() || out.len() < POSITIONS_SLACK {
        return None;
    }
    (Scans::of(isa()).positions)(byte, bytes, out)
}

/// A decimal at the start of `head`: one digit, then perhaps a point and up to 8 digits. Gives it in units of
/// 1/[`DECIMAL_UNIT`], and its length in bytes; what follows is the caller's to check. None if it does not start so.
#[inline(always)]
#[must_use]
pub fn decimal(head: [u8; 10]) -> Option<(u32, usize)> {
    let [whole, point, fraction @ ..] = head;
    let whole = whole.wrapping_sub(b'0');
    if whole > 9 {
        return None;
    }
    // No branch on the point: some numbers have one and others not, in no order that a CPU could foretell.
    let point = u64::from(point == b'.');
    let digits = u64::from_le_bytes(fraction) ^ 0x3030_3030_3030_3030;
    let others = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080;
    let n_digits = u64::from(others.trailing_zeros() / 8);
    // The first byte that is no digit and all after it are zeros.
    let first = others & others.wrapping_neg();
    let kept = digits & (first >> 7).wrapping_sub(1) & 0_u64.wrapping_sub(point);
    Some((u32::from(whole) * DECIMAL_UNIT + eight_digits(kept), (1 + point * (1 + n_digits)) as usize))
}

/// Eight digits, the first in the lowest byte, as a number.
#[inline(always)]
pub(crate) fn eight_digits(digits: u64) -> u32 {
    // Shifts, since vectors have no product of 64 bits: 10 = 8 + 2, 100 = 64 + 32 + 4.
    let pairs = ((digits << 3) + (digits << 1) + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let quads = (pairs << 6) + (pairs << 5) + (pairs << 2) + (pairs >> 16);
    ((quads & 0xffff) * 10_000 + ((quads >> 32) & 0xffff)) as u32
}

/// Decimals as the `f32` next to the correctly rounded `f64`, over at most `most`: units of 1/[`DECIMAL_UNIT`] in, numbers
/// out, NaN for [`DECIMAL_MISSING`]. False if any is above `most`; those above `clamp` become `clamp`.
#[must_use]
pub fn decimals(units: &[u32], most: f32, clamp: f32, out: &mut [f32]) -> bool {
    (Scans::of(isa()).decimals)(units, most, clamp, out)
}

/// ALT copies from the probabilities of 0, 1 and 2 copies: (p₁ + 2p₂) / (p₀ + p₁ + p₂), the three as [`decimals`] gives
/// them. `units`: each n long, none missing; `out`: n. False, with `out` undefined, if a probability is over 1.001 or a
/// sum is more than 0.1 from 1.
#[must_use]
pub fn expected_copies(units: [&[u32]; 3], out: &mut [f32]) -> bool {
    (Scans::of(isa()).expected_copies)(units, out)
}

#[inline(always)]
pub(crate) fn text_calls_body(bytes: &[u8], out: &mut [u8]) -> bool {
    let (words, last) = bytes.split_at(bytes.len() & !3);
    let mut odd = false;
    for (word, out) in words.as_chunks::<4>().0.iter().zip(out.iter_mut()) {
        let (code, is_odd) = text_call(u32::from_le_bytes(*word), false);
        *out = code;
        odd |= is_odd;
    }
    let (&[a, separator, b], Some(out)) = (last, out.last_mut()) else { return false };
    let (code, is_odd) = text_call(u32::from_le_bytes([a, separator, b, b'\t']), false);
    *out = code;
    !(odd | is_odd)
}

#[inline(always)]
pub(crate) fn int8_calls_body(bytes: &[u8], out: &mut [u8]) -> bool {
    let mut odd = 0;
    for (pair, out) in bytes.as_chunks::<2>().0.iter().zip(out) {
        // Without the phase bit: 0 missing, 1 REF, 2 ALT.
        let pair = (u16::from_le_bytes(*pair) & 0xfefe) >> 1;
        let missing = 0_u16.wrapping_sub(u16::from(pair == 0));
        // 1 or 2 in both bytes: one of two bits, and no other.
        odd |= ((pair & 0xfcfc) | ((pair ^ (pair >> 1) ^ 0x0101) & 0x0101)) & !missing;
        *out = (((pair & 0xff) + (pair >> 8)).wrapping_sub(2) | missing) as u8;
    }
    odd == 0
}

/// `mask`: bit i tells whether byte i of 64 is the one.
#[inline(always)]
pub(crate) fn positions_body(bytes: &[u8], out: &mut [u32], mask: impl Fn(&[u8; 64]) -> u64) -> Option<usize> {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let mut padded = [0; 64];
    padded[..rest.len()].copy_from_slice(rest);
    let limit = out.len() - POSITIONS_SLACK;
    let mut n = 0;
    let mut start = 0;
    for (block, len) in blocks.iter().map(|b| (b, 64)).chain([(&padded, rest.len())]) {
        let mut bits = mask(block);
        if len < 64 {
            bits &= (1 << len) - 1;
        }
        let found = bits.count_ones() as usize;
        let mut at = n;
        n += found;
        if n > limit {
            return None;
        }
        // Eight at a time whether they are there or not, since the number in a block is hard to foretell.
        while at < n {
            for place in &mut out[at..at + 8] {
                *place = start + bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
            }
            at += 8;
        }
        start += 64;
    }
    Some(n)
}

#[inline(always)]
pub(crate) fn decimals_body(units: &[u32], most: f32, clamp: f32, out: &mut [f32]) -> bool {
    let mut over = false;
    for (&units, out) in units.iter().zip(out) {
        let number = (f64::from(units) / f64::from(DECIMAL_UNIT)) as f32;
        let missing = units == DECIMAL_MISSING;
        over |= (number > most) & !missing;
        let number = if number > clamp { clamp } else { number };
        *out = if missing { f32::NAN } else { number };
    }
    !over
}

#[inline(always)]
pub(crate) fn expected_copies_body(units: [&[u32]; 3], out: &mut [f32]) -> bool {
    let mut odd = false;
    let [none, one, two] = units;
    for (((&none, &one), &two), out) in none.iter().zip(one).zip(two).zip(out) {
        let [p0, p1, p2] = [none, one, two].map(|units| (f64::from(units) / f64::from(DECIMAL_UNIT)) as f32);
        odd |= (p0 > 1.001) | (p1 > 1.001) | (p2 > 1.001);
        let [p0, p1, p2] = [p0, p1, p2].map(f64::from);
        let sum = p0 + p1 + p2;
        odd |= (sum - 1.0).abs() > 0.1;
        *out = ((p1 + p2 * 2.0) / sum).min(2.0) as f32;
    }
    !odd
}

/// As [`positions`]' mask, in plain Rust.
#[inline(always)]
pub(crate) fn mask_body(byte: u8, block: &[u8; 64]) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let mut mask = 0;
    for (i, word) in block.as_chunks::<8>().0.iter().enumerate() {
        let differing = u64::from_le_bytes(*word) ^ (0x0101_0101_0101_0101 * u64::from(byte));
        let equal = !(((differing & LOW) + LOW) | differing | LOW);
        mask |= ((equal >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i);
    }
    mask
}

#[cfg(test)]
mod tests;
