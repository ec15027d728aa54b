//! A line cut into cells without copying it: eight bytes at a time, since splitting is most of what a long table costs.

use crate::format::table::Delimiter;

const LOW: u64 = 0x0101_0101_0101_0101;
const SEVENS: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// Bits 7, 15, ... of the bytes of `word` that are zero; exact.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    !(((word & SEVENS) + SEVENS) | word | SEVENS)
}

/// Where the cells of one line begin and end.
#[derive(Debug, Default)]
pub(super) struct Cells {
    spans: Vec<(u32, u32)>,
}

impl Cells {
    /// Cuts `line` at one-byte delimiters outside quotes. False where a quote stays open.
    pub fn split(&mut self, line: &[u8], delimiter: u8) -> bool {
        self.spans.clear();
        let (delimiters, quotes) = (LOW * u64::from(delimiter), LOW * u64::from(b'"'));
        let (mut start, mut quoted) = (0_u32, false);
        let mut hit = |at: usize, byte: u8, spans: &mut Vec<(u32, u32)>| {
            if byte == b'"' {
                quoted = !quoted;
            } else if !quoted {
                spans.push((start, at as u32));
                start = at as u32 + 1;
            }
        };
        let mut chunks = line.chunks_exact(8);
        let mut at = 0;
        for chunk in &mut chunks {
            let word =
                u64::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3], chunk[4], chunk[5], chunk[6], chunk[7]]);
            let mut hits = zero_bytes(word ^ delimiters) | zero_bytes(word ^ quotes);
            while hits != 0 {
                let i = (hits.trailing_zeros() / 8) as usize;
                hit(at + i, chunk[i], &mut self.spans);
                hits &= hits - 1;
            }
            at += 8;
        }
        for (i, &byte) in chunks.remainder().iter().enumerate() {
            if byte == delimiter || byte == b'"' {
                hit(at + i, byte, &mut self.spans);
            }
        }
        let end = line.len() as u32;
        self.spans.push((start, end));
        !quoted
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Cell `i` of `line`, without blanks and quotes around it; empty beyond the last.
    #[inline]
    pub fn get<'a>(&self, line: &'a [u8], i: usize) -> &'a [u8] {
        match self.spans.get(i) {
            Some(&(start, end)) => unquoted(&line[start as usize..end as usize]),
            None => &[],
        }
    }
}

/// A cell without blanks and one pair of quotes around it, and without blanks within the quotes. Doubled quotes stay.
#[inline]
fn unquoted(cell: &[u8]) -> &[u8] {
    let cell = trimmed(cell);
    if let [b'"', within @ .., b'"'] = cell { trimmed(within) } else { cell }
}

#[inline]
fn trimmed(mut cell: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = cell {
        cell = rest;
    }
    cell
}

/// A cell that is kept as text, which no two cells share unless they are equal.
///
/// # Errors
/// Where it is not UTF-8: the problem, after `column`.
pub(super) fn utf8(cell: &[u8], column: impl std::fmt::Display) -> Result<String, String> {
    match std::str::from_utf8(cell) {
        Ok(text) => Ok(text.to_string()),
        Err(_) => Err(format!("{column}: the text is not UTF-8; save the table as UTF-8")),
    }
}

/// The byte of a delimiter; none for runs of blanks.
pub(super) fn delimiter_byte(delimiter: Delimiter) -> Option<u8> {
    match delimiter {
        Delimiter::Tab => Some(b'\t'),
        Delimiter::Comma => Some(b','),
        Delimiter::Semicolon => Some(b';'),
        Delimiter::Blank => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::table::Row;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn prop_cells_are_those_of_the_plain_splitter(line in "[ab ,;\t\"é.]{0,40}", which in 0_usize..3) {
            let (delimiter, byte) = [(Delimiter::Comma, b','), (Delimiter::Semicolon, b';'), (Delimiter::Tab, b'\t')][which];
            // Quotes inside an unquoted cell mean nothing to the plain splitter; whole quoted cells are compared below.
            let line = line.replace('"', "");
            let mut row = Row::default();
            row.split(line.as_bytes(), delimiter);
            let mut cells = Cells::default();
            prop_assert!(cells.split(line.as_bytes(), byte));
            prop_assert_eq!(cells.len(), row.len());
            for i in 0..row.len() {
                prop_assert_eq!(cells.get(line.as_bytes(), i), row.get(i));
            }
        }

        #[test]
        fn prop_quoted_cells_hold_delimiters(words in prop::collection::vec("[ab,;.]{0,9}", 1..9)) {
            let line = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(",");
            let mut cells = Cells::default();
            prop_assert!(cells.split(line.as_bytes(), b','));
            let got: Vec<&[u8]> = (0..cells.len()).map(|i| cells.get(line.as_bytes(), i)).collect();
            prop_assert_eq!(got, words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn blanks_go_on_both_sides_of_quotes() {
        let (line, mut cells) = (b" \" S 1\t\" ,\" \"", Cells::default());
        assert!(cells.split(line, b','));
        assert_eq!((cells.get(line, 0), cells.get(line, 1)), (&b"S 1"[..], &b""[..]));
    }

    #[test]
    fn an_open_quote_is_told() {
        assert!(!Cells::default().split(b"a,\"b", b','));
        assert!(Cells::default().split(b"a,\"b\"", b','));
    }
}
