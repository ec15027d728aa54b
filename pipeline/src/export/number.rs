//! p as text out of its logarithm, fast: nine significant digits, right below what an f64 holds.

/// Significant digits behind the first.
const DIGITS: i32 = 8;

/// Appends the p of which this is −log10: plain from 0.0001 on, `1.25e-30` below; NA for NaN. It is never 0, for finite values.
pub fn push_p(line: &mut Vec<u8>, log10p: f64) {
    if log10p.is_nan() {
        line.extend_from_slice(b"NA");
        return;
    }
    if log10p.is_infinite() {
        line.push(b'0');
        return;
    }
    let mut exponent = log10p.ceil();
    let mut digits = (10_f64.powf(exponent - log10p) * 10_f64.powi(DIGITS)).round() as u64;
    if digits >= 10_u64.pow(DIGITS as u32 + 1) {
        (digits, exponent) = (digits / 10, exponent - 1.0);
    }
    let mut integers = itoa::Buffer::new();
    let text = integers.format(digits).trim_end_matches('0');
    let exponent = exponent as i64;
    match exponent {
        ..=0 => line.push(b'1'),
        1..=4 => {
            line.extend_from_slice(&b"0.000"[..exponent as usize + 1]);
            line.extend_from_slice(text.as_bytes());
        }
        _ => {
            line.extend_from_slice(&text.as_bytes()[..1]);
            if text.len() > 1 {
                line.push(b'.');
                line.extend_from_slice(&text.as_bytes()[1..]);
            }
            line.extend_from_slice(b"e-");
            line.extend_from_slice(itoa::Buffer::new().format(exponent).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::digits;

    #[test]
    fn a_p_is_as_the_slow_way_writes_it() {
        let both = |log10p: f64| {
            let (mut fast, mut slow) = (Vec::new(), Vec::new());
            push_p(&mut fast, log10p);
            digits::push_p(&mut slow, log10p);
            (String::from_utf8(fast).unwrap(), String::from_utf8(slow).unwrap())
        };
        for log10p in
            [0.0, 1e-300, 1e-9, 0.3, 1.0, 2.0, 3.999_999_999_9, 4.0, 4.5, 5.0, 300.0, 411.5, 1e6 + 0.25, f64::NAN]
        {
            let (fast, slow) = both(log10p);
            assert_eq!(fast, slow, "{log10p}");
        }
        for i in 0..40_000 {
            let log10p = f64::from(i) * 0.012_345_67;
            let (fast, slow) = both(log10p);
            let split = |text: &str| {
                let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
                (mantissa.parse::<f64>().unwrap(), exponent.parse::<i32>().unwrap())
            };
            let ((a, i), (b, j)) = (split(&fast), split(&slow));
            assert!((a / b * 10_f64.powi(i - j) - 1.0).abs() < 2e-8, "{fast} {slow}");
        }
    }
}
