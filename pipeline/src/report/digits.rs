//! Numbers of tables: nine significant digits, and p-values from their logarithms, right below what an f64 holds.

/// Digits behind the first.
const DIGITS: usize = 8;

/// Appends `value` to nine significant digits; NA for NaN.
pub fn push_number(line: &mut Vec<u8>, value: f64) {
    match value {
        _ if value.is_nan() => line.extend_from_slice(b"NA"),
        _ if value.is_infinite() => line.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" }),
        _ => {
            let text = format!("{value:.DIGITS$e}");
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            push_scientific(line, mantissa, exponent.parse().unwrap_or(0));
        }
    }
}

/// Appends the p of which this is −log10; NA for NaN.
pub fn push_p(line: &mut Vec<u8>, log10p: f64) {
    if log10p.is_nan() {
        line.extend_from_slice(b"NA");
    } else if log10p.is_infinite() {
        line.push(b'0');
    } else if log10p < 290.0 {
        push_number(line, 10_f64.powf(-log10p));
    } else {
        let exponent = log10p.ceil();
        let mantissa = format!("{:.DIGITS$}", 10_f64.powf(exponent - log10p));
        let exponent = exponent as i64;
        // A mantissa that is rounded up to 10.
        match mantissa.starts_with("10") {
            true => push_scientific(line, "1", 1 - exponent),
            false => push_scientific(line, &mantissa, -exponent),
        }
    }
}

/// Plain from 0.0001 to 999,999,999, as d.dde-x beyond; zeros at the end are left out.
fn push_scientific(line: &mut Vec<u8>, mantissa: &str, exponent: i64) {
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0');
    let text = match exponent {
        _ if digits.is_empty() => "0".to_owned(),
        -4..0 => format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1) as usize)),
        0..9 => {
            let whole = exponent as usize + 1;
            match digits.len().checked_sub(whole) {
                None | Some(0) => format!("{sign}{digits:0<whole$}"),
                Some(_) => format!("{sign}{}.{}", &digits[..whole], &digits[whole..]),
            }
        }
        _ if digits.len() == 1 => format!("{sign}{digits}e{exponent}"),
        _ => format!("{sign}{}.{}e{exponent}", &digits[..1], &digits[1..]),
    };
    line.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f64) -> String {
        let mut line = Vec::new();
        push_number(&mut line, value);
        String::from_utf8(line).unwrap()
    }

    fn p(log10p: f64) -> String {
        let mut line = Vec::new();
        push_p(&mut line, log10p);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn numbers_have_nine_digits() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-0.25, "-0.25"),
            (100.0, "100"),
            (123.456, "123.456"),
            (331.5, "331.5"),
            (0.0001, "0.0001"),
            (0.00001, "1e-5"),
            (-1.0 / 3e5, "-3.33333333e-6"),
            (1e9, "1e9"),
            (999_999_999.0, "999999999"),
            (9.999_999_999_9, "10"),
            (5e-324, "4.94065646e-324"),
            (f64::NAN, "NA"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(number(value), text);
        }
        for i in 0..2000 {
            let value = (f64::from(i) - 1000.0).powi(7) * 1e-9 + 0.1;
            assert!((number(value).parse::<f64>().unwrap() / value - 1.0).abs() < 1e-8, "{value}");
        }
    }

    #[test]
    fn a_p_below_every_double_is_told_by_its_logarithm() {
        assert_eq!((p(0.0), p(2.0), p(f64::NAN)), ("1".to_owned(), "0.01".to_owned(), "NA".to_owned()));
        assert_eq!((p(500.0), p(411.5)), ("1e-500".to_owned(), "3.16227766e-412".to_owned()));
        assert_eq!((p(412.0 - 1e-12), p(412.0 + 1e-12)), ("1e-412".to_owned(), "1e-412".to_owned()));
        assert_eq!((p(289.9), p(290.1)), ("1.25892541e-290".to_owned(), "7.94328235e-291".to_owned()));
        assert_eq!(p(1_000_000.25), "5.62341325e-1000001");
    }
}
