//! Calls and decimals at known places of a text, one a sample. A few of each at a time are brought into words, since a loop
//! over words of the same size is what compilers turn into vectors.

use super::{DECIMAL_MISSING, DECIMAL_UNIT, eight_digits, text_call};
use crate::arch::isa;
use crate::arch::scan::Scans;

/// Stands for a place where a sample ends before a field.
pub const NO_PLACE: u32 = u32::MAX - 16;

/// Words brought together at a time.
const AT_ONCE: usize = 128;

/// The calls that follow `places`, as [`text_call`] reads them with subfields. `places`: offset of the byte before each,
/// `u32::MAX` for the text's first; they become those of the colon after the call, [`NO_PLACE`] where there is none.
/// False, with `codes` and `places` undefined, if any call is not plain.
#[must_use]
pub fn calls_after(bytes: &[u8], places: &mut [u32], codes: &mut [u8]) -> bool {
    (Scans::of(isa()).calls_after)(bytes, places, codes)
}

/// Moves each of `places`, the byte before a field, to the colon before the `n`th field after it, [`NO_PLACE`] where the
/// sample ends before.
pub fn skip_fields(bytes: &[u8], n: usize, places: &mut [u32]) {
    (Scans::of(isa()).skip_fields)(bytes, n, places);
}

/// The decimals that follow `places`: a digit, then perhaps a point and up to 5 digits, then a tab or colon. `units`: parts of
/// one as [`super::decimal`] gives them, [`DECIMAL_MISSING`] where something else follows. Whether none is missing.
#[must_use]
pub fn decimals_after(bytes: &[u8], places: &[u32], units: &mut [u32]) -> bool {
    (Scans::of(isa()).decimals_after)(bytes, places, units)
}

/// As [`decimals_after`] for three with commas between them; where any is something else the first is [`DECIMAL_MISSING`].
#[must_use]
pub fn triples_after(bytes: &[u8], places: &[u32], units: [&mut [u32]; 3]) -> bool {
    (Scans::of(isa()).triples_after)(bytes, places, units)
}

/// The eight bytes from `at` on, as if the text went on with tabs.
#[inline(always)]
fn word(bytes: &[u8], at: u32) -> u64 {
    match bytes.get(at as usize..).and_then(<[u8]>::first_chunk) {
        Some(word) => u64::from_le_bytes(*word),
        None => word_at_end(bytes, at),
    }
}

#[cold]
fn word_at_end(bytes: &[u8], at: u32) -> u64 {
    let mut word = [b'\t'; 8];
    let rest = bytes.get(at as usize..).unwrap_or_default();
    word[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(word)
}

#[inline(always)]
pub(crate) fn calls_after_body(bytes: &[u8], places: &mut [u32], codes: &mut [u8]) -> bool {
    let mut words = [0_u32; AT_ONCE];
    let mut odd = false;
    for (places, codes) in places.chunks_mut(AT_ONCE).zip(codes.chunks_mut(AT_ONCE)) {
        for (word_of, place) in words.iter_mut().zip(places.iter()) {
            *word_of = word(bytes, place.wrapping_add(1)) as u32;
        }
        for ((&word, code), place) in words.iter().zip(codes).zip(places) {
            let (copies, is_odd) = text_call(word, true);
            *code = copies;
            odd |= is_odd;
            *place = if word >> 24 == u32::from(b':') { place.wrapping_add(4) } else { NO_PLACE };
        }
    }
    !odd
}

#[inline(always)]
pub(crate) fn skip_fields_body(bytes: &[u8], n: usize, places: &mut [u32]) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    for place in places {
        let mut left = n;
        let mut at = place.wrapping_add(1);
        while left > 0 {
            let word = word(bytes, at);
            // The lowest bit of each is right whatever the bits above it.
            let (colon, tab) = (zeros(word ^ (ONES * u64::from(b':'))), zeros(word ^ (ONES * u64::from(b'\t'))));
            if colon | tab == 0 {
                at += 8;
            } else if tab.trailing_zeros() < colon.trailing_zeros() {
                at = NO_PLACE + 1;
                break;
            } else {
                at += colon.trailing_zeros() / 8 + 1;
                left -= 1;
            }
        }
        *place = at.wrapping_sub(1);
    }
}

/// A decimal at the start of `word` and the byte after it, which must be one of `ends`: parts of one, 2⁷ at that byte, and
/// whether it is so.
#[inline(always)]
fn short_decimal(word: u64, ends: [u8; 2]) -> (u32, u64, bool) {
    let digits = word ^ 0x3030_3030_3030_3030;
    let point = (digits >> 8) & 0xff == u64::from(b'.' ^ b'0');
    let before = if point { 16 } else { 8 };
    // What is shifted in is no digit.
    let rest = (digits >> before) | (0xffff << 48);
    let others = (rest.wrapping_add(0x7676_7676_7676_7676) | rest) & 0x8080_8080_8080_8080;
    let first = others & others.wrapping_neg();
    let (one, all) = (first >> 7, (first << 1).wrapping_sub(first >> 7));
    let is_end = |end: u8| {
        let mut wanted = 0;
        for bit in 0..8 {
            wanted |= if (end ^ b'0') >> bit & 1 == 1 { one << bit } else { 0 };
        }
        (rest ^ wanted) & all == 0
    };
    let kept = rest & one.wrapping_sub(1);
    let plain = (digits & 0xff <= 9) & (point | (one == 1)) & (is_end(ends[0]) | is_end(ends[1]));
    let number = ((digits & 0xff) as u32).wrapping_mul(DECIMAL_UNIT).wrapping_add(eight_digits(kept));
    (number, first << before, plain)
}

#[inline(always)]
pub(crate) fn decimals_after_body(bytes: &[u8], places: &[u32], units: &mut [u32]) -> bool {
    let mut words = [0_u64; AT_ONCE];
    let mut odd = false;
    for (places, units) in places.chunks(AT_ONCE).zip(units.chunks_mut(AT_ONCE)) {
        for (word_of, place) in words.iter_mut().zip(places) {
            *word_of = word(bytes, place.wrapping_add(1));
        }
        for (&word, units) in words.iter().zip(units) {
            let (number, _, plain) = short_decimal(word, [b':', b'\t']);
            *units = if plain { number } else { DECIMAL_MISSING };
            odd |= !plain;
        }
    }
    !odd
}

#[inline(always)]
pub(crate) fn triples_after_body(bytes: &[u8], places: &[u32], units: [&mut [u32]; 3]) -> bool {
    let [none, one, two] = units;
    let (mut words, mut ats, mut ends) = ([0_u64; AT_ONCE], [0_u32; AT_ONCE], [0_u64; AT_ONCE]);
    let mut all_plain = true;
    let chunks = none.chunks_mut(AT_ONCE).zip(one.chunks_mut(AT_ONCE)).zip(two.chunks_mut(AT_ONCE));
    for (places, ((none, one), two)) in places.chunks(AT_ONCE).zip(chunks) {
        ends[..places.len()].fill(1);
        ats[..places.len()].copy_from_slice(places);
        for (out, separators) in [(&mut *one, [b','; 2]), (&mut *two, [b','; 2]), (&mut *none, [b':', b'\t'])] {
            for ((word_of, at), end) in words.iter_mut().zip(&mut ats).zip(&ends).take(places.len()) {
                *at = at.wrapping_add(1 + end.trailing_zeros() / 8);
                *word_of = word(bytes, *at);
            }
            for ((&word, end), out) in words.iter().zip(&mut ends).zip(out) {
                let (number, first, plain) = short_decimal(word, separators);
                *out = if plain { number } else { DECIMAL_MISSING };
                *end = first;
            }
        }
        // They were read in turn: the last is still in the first's place.
        for ((none, one), two) in none.iter_mut().zip(one).zip(two) {
            let [p0, p1, p2] = [*one, *two, *none];
            let plain = (p0 != DECIMAL_MISSING) & (p1 != DECIMAL_MISSING) & (p2 != DECIMAL_MISSING);
            [*none, *one, *two] = [if plain { p0 } else { DECIMAL_MISSING }, p1, p2];
            all_plain &= plain;
        }
    }
    all_plain
}
