//! How many pairs lie in each bin of a Manhattan plot, coarsely and in few letters.

use std::fmt::Write as _;

use crate::charts::LOG10P_BINS;

/// The level of a bin: 0 for none, then one for each power of four.
fn level(count: u32) -> u8 {
    count.checked_ilog2().map_or(0, |log| 1 + (log / 2) as u8)
}

/// Levels along the genome for one bin of −log10 p after the other, as runs: a letter (`A` for none) and how many follow one
/// another in base 36 after it, where they are more than one.
///
/// `counts`: bins of the genome × [`LOG10P_BINS`].
pub(super) fn pack(counts: &[u32]) -> String {
    let n_bins = counts.len() / LOG10P_BINS;
    let along = (0..LOG10P_BINS).flat_map(|height| (0..n_bins).map(move |bin| bin * LOG10P_BINS + height));
    let mut levels = along.map(|cell| level(counts[cell])).peekable();
    let mut text = String::new();
    while let Some(first) = levels.next() {
        let mut run = 1_u32;
        while levels.next_if_eq(&first).is_some() {
            run += 1;
        }
        text.push(char::from(b'A' + first));
        if run > 1 {
            push_base36(&mut text, run);
        }
    }
    text
}

fn push_base36(text: &mut String, n: u32) {
    let mut digits = Vec::new();
    let mut rest = n;
    while rest > 0 {
        digits.push(char::from_digit(rest % 36, 36).unwrap_or('0'));
        rest /= 36;
    }
    for digit in digits.into_iter().rev() {
        let _ = write!(text, "{digit}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_short_and_whole() {
        let mut counts = vec![0; 100 * LOG10P_BINS];
        for bin in 0..100 {
            counts[bin * LOG10P_BINS] = 5;
        }
        counts[7 * LOG10P_BINS] = 1_000_000;
        counts[99 * LOG10P_BINS + 31] = 1;
        let n_empty = 100 * 31 - 1;
        let mut expected = "C7KC2k".to_owned();
        expected.push('A');
        push_base36(&mut expected, n_empty);
        expected.push('B');
        assert_eq!(pack(&counts), expected);
        assert_eq!(u32::from_str_radix("2k", 36).unwrap(), 92);
        assert_eq!((level(0), level(1), level(3), level(4), level(u32::MAX)), (0, 1, 1, 2, 16));
        assert_eq!(pack(&[]), "");
    }
}
