//! What one cell of a table means: a number, a missing value, or text; and how to name a bad one without repeating
//! what it says about a person.

use super::decimal::plain_decimal;

/// What the number −9 means in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Minus9 {
    /// A missing value, as in plink2 (traits and covariates alike).
    #[default]
    Missing,
    /// The number −9.
    Value,
}

/// A cell read as a number where that is possible.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// One of the missing codes: empty, `.`, `NA`, `N/A`, `#N/A`, `NaN` (any case).
    Missing,
    /// −9 taken as missing ([`Minus9::Missing`]).
    MissingMinus9,
    /// A finite number.
    Number(f64),
    /// `inf`, or a number too large for f64.
    Infinite,
    /// Anything else.
    Text,
}

/// Whether the cell is one of the missing codes (−9 aside).
pub fn is_missing(cell: &[u8]) -> bool {
    match cell.len() {
        0 => true,
        1 => cell == b".",
        2 => cell.eq_ignore_ascii_case(b"NA"),
        3 => cell.eq_ignore_ascii_case(b"NaN") || cell.eq_ignore_ascii_case(b"N/A"),
        4 => {
            cell.eq_ignore_ascii_case(b"#N/A")
                || cell.eq_ignore_ascii_case(b"-nan")
                || cell.eq_ignore_ascii_case(b"+nan")
        }
        _ => false,
    }
}

/// Reads a cell without surrounding blanks.
pub fn parse_cell(cell: &[u8], minus9: Minus9) -> Cell {
    let number = plain_decimal(cell);
    if number.is_none() && is_missing(cell) {
        return Cell::Missing;
    }
    match number.or_else(|| std::str::from_utf8(cell).ok()?.parse::<f64>().ok()) {
        None => Cell::Text,
        Some(value) if !value.is_finite() => Cell::Infinite,
        Some(value) if value == -9.0 && minus9 == Minus9::Missing => Cell::MissingMinus9,
        Some(value) => Cell::Number(value),
    }
}

/// The cell for an error message. Short words and what looks like a number are repeated; of anything else (an
/// identifier, a name, a date) only the shape is shown: letters as `a`, digits as `9`, at most 16 characters.
pub fn describe_value(cell: &[u8]) -> String {
    const WORDS: [&str; 22] = [
        "missing",
        "unknown",
        "null",
        "none",
        "control",
        "case",
        "male",
        "female",
        "true",
        "false",
        "yes",
        "no",
        "high",
        "low",
        "positive",
        "negative",
        "inf",
        "-inf",
        "infinity",
        "-infinity",
        "undetected",
        "excluded",
    ];
    let text = String::from_utf8_lossy(cell);
    let n_digits = text.chars().filter(char::is_ascii_digit).count();
    let signs = |(i, c): (usize, char)| c.is_ascii_digit() || ".,+<>=~% ".contains(c) || (c == '-' && i == 0);
    let number_like = text.len() <= 12 && text.char_indices().all(signs);
    let word = n_digits == 0 && (text.len() <= 4 || WORDS.contains(&text.to_ascii_lowercase().as_str()));
    if number_like || word {
        return format!("'{text}'");
    }
    format!("text of the shape {}", shape(cell))
}

/// The shape of a value in quotes: letters as `a`, digits as `9`, at most 16 characters.
pub fn shape(value: &[u8]) -> String {
    // A character has four bytes at most.
    let text = String::from_utf8_lossy(&value[..value.len().min(128)]);
    let shape: String = text
        .chars()
        .take(16)
        .map(|c| match c {
            c if c.is_ascii_digit() => '9',
            c if c.is_alphabetic() => 'a',
            c if c.is_control() || c == char::REPLACEMENT_CHARACTER => '?',
            c => c,
        })
        .collect();
    let more = if text.chars().count() > 16 { "..." } else { "" };
    format!("'{shape}{more}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_codes() {
        for code in ["", ".", "NA", "na", "NaN", "nan", "N/A", "#N/A"] {
            assert_eq!(parse_cell(code.as_bytes(), Minus9::Value), Cell::Missing, "{code}");
        }
    }

    #[test]
    fn minus_nine_follows_the_option() {
        for cell in ["-9", "-9.0", "-9.00"] {
            assert_eq!(parse_cell(cell.as_bytes(), Minus9::Missing), Cell::MissingMinus9);
            assert_eq!(parse_cell(cell.as_bytes(), Minus9::Value), Cell::Number(-9.0));
        }
        assert_eq!(parse_cell(b"-9.01", Minus9::Missing), Cell::Number(-9.01));
    }

    #[test]
    fn numbers_text_and_infinity() {
        assert_eq!(parse_cell(b"1e-3", Minus9::Missing), Cell::Number(0.001));
        assert_eq!(parse_cell(b"+2", Minus9::Missing), Cell::Number(2.0));
        assert_eq!(parse_cell(b"inf", Minus9::Missing), Cell::Infinite);
        assert_eq!(parse_cell(b"1e999", Minus9::Missing), Cell::Infinite);
        assert_eq!(parse_cell(b"1,5", Minus9::Missing), Cell::Text);
        assert_eq!(parse_cell(b"ND", Minus9::Missing), Cell::Text);
    }

    #[test]
    fn identifiers_names_and_dates_are_not_repeated() {
        assert_eq!(describe_value(b"1,5"), "'1,5'");
        assert_eq!(describe_value(b"<0.5"), "'<0.5'");
        assert_eq!(describe_value(b"ND"), "'ND'");
        assert_eq!(describe_value(b"missing"), "'missing'");
        assert_eq!(describe_value(b"12-345"), "text of the shape '99-999'");
        assert_eq!(describe_value(b"HG00096"), "text of the shape 'aa99999'");
        assert_eq!(describe_value(b"1970-01-31"), "text of the shape '9999-99-99'");
        assert_eq!(describe_value(b"Smith, John Henry III"), "text of the shape 'aaaaa, aaaa aaaa...'");
    }
}
