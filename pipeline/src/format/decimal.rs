//! Plain decimal numbers, which are nearly all that a table or a genotype field holds, without the general parser.

/// 10⁰ to 10¹⁵, exact.
const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The f64 nearest to `-?digits` or `-?digits.digits` of at most 15 digits in all; `None` for any other text, valid or not.
///
/// The quotient of two exact doubles is the correctly rounded number (Clinger 1990), so it is what the general parser gives.
#[inline]
pub(crate) fn plain_decimal(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let (mut mantissa, mut n_digits, mut point) = (0u64, 0, None);
    for (i, &byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa * 10 + u64::from(digit);
            n_digits += 1;
        } else if byte == b'.' && point.is_none() {
            point = Some(i);
        } else {
            return None;
        }
    }
    if n_digits == 0 || n_digits > 15 {
        return None;
    }
    let n_decimals = point.map_or(0, |point| digits.len() - point - 1);
    let value = mantissa as f64 / POWERS[n_decimals];
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_numbers_are_those_of_the_general_parser() {
        for text in
            ["0", "-0", "1", "2.", ".5", "0.013", "-1.9999", "123456789012345", "0.00000000000001", "-.25", "-9"]
        {
            let want = text.parse::<f64>().unwrap();
            assert_eq!(plain_decimal(text.as_bytes()).map(f64::to_bits), Some(want.to_bits()), "{text}");
        }
        for text in ["", "-", ".", "-.", "1e-3", "nan", "1.2.3", "1,2", "+1", "1234567890123456", "0x1", " 1", "--1"] {
            assert_eq!(plain_decimal(text.as_bytes()), None, "{text}");
        }
    }
}
