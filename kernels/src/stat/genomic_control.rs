//! Genomic control (Devlin and Roeder 1999): λ is the median χ² of a trait's tests over the median of χ² with one degree
//! of freedom. The median comes from a fixed histogram, so that ranks merge theirs exactly and nothing is sorted.

use super::student;

/// Bins of the histogram. Bin 0 holds values under 2⁻⁸, the last those of 2⁸ and more; between them every power of two
/// is cut into 32.
pub const N_BINS: usize = 16 * 32 + 2;
/// Median of χ² with one degree of freedom: Φ⁻¹(3/4)².
pub const CHI2_1_MEDIAN: f64 = 0.454_936_423_119_572_8;

const LOWEST_BITS: u32 = (127 - 8) << 23;
const SHIFT: u32 = 23 - 5;

/// The bin of one test by its t² = (β/SE)² in f32; `None` for NaN.
#[must_use]
pub fn bin_of(beta: f32, se: f32) -> Option<usize> {
    let t = beta / se;
    let t2 = t * t;
    if t2.is_nan() {
        return None;
    }
    let bits = t2.to_bits();
    if bits < LOWEST_BITS {
        return Some(0);
    }
    Some((((bits - LOWEST_BITS) >> SHIFT) as usize + 1).min(N_BINS - 1))
}

/// [`bin_of`] of consecutive tests, [`N_BINS`] for NaN: without a branch, so that the compiler takes several at a time.
///
/// `bins`: as many as are tested at most; the slices are read up to the shortest of them.
pub fn bins_of(beta: &[f32], se: &[f32], bins: &mut [u32]) {
    for ((&beta, &se), bin) in beta.iter().zip(se).zip(bins) {
        let t = beta / se;
        let t2 = t * t;
        // The sign bit of a number's square is 0.
        let above = ((t2.to_bits() as i32) - LOWEST_BITS as i32) >> SHIFT;
        let found = (above + 1).clamp(0, N_BINS as i32 - 1) as u32;
        *bin = if t2.is_nan() { N_BINS as u32 } else { found };
    }
}

/// Lower edge of a bin in t²; bin 0 starts at 0, and the edge after the last is infinite.
#[must_use]
pub fn lower_edge(bin: usize) -> f64 {
    match bin {
        0 => 0.0,
        N_BINS.. => f64::INFINITY,
        _ => f64::from(f32::from_bits(LOWEST_BITS + (((bin - 1) as u32) << SHIFT))),
    }
}

/// Median t² of a histogram of [`N_BINS`] counts, linear within the bin; NaN for an empty one.
#[must_use]
pub fn median_t2(counts: &[u64]) -> f64 {
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return f64::NAN;
    }
    let half = total as f64 / 2.0;
    let mut below = 0.0;
    for (bin, &count) in counts.iter().enumerate() {
        let count = count as f64;
        if below + count >= half {
            let (low, high) = (lower_edge(bin), lower_edge(bin + 1));
            return if high.is_infinite() { low } else { low + (high - low) * (half - below) / count };
        }
        below += count;
    }
    f64::NAN
}

/// λ of a histogram of t² whose tests had about `df` degrees of freedom: the median t² is taken to the χ² of the same p.
/// Its standard error over m independent tests is 2.33/√m.
#[must_use]
pub fn lambda(counts: &[u64], df: f64) -> f64 {
    let t2 = median_t2(counts);
    chi2_1_for_log10_p(student::log10_p(t2.sqrt(), df)) / CHI2_1_MEDIAN
}

/// The quantile of χ² with one degree of freedom whose upper tail has −log10 p of `log10p`.
#[must_use]
pub fn chi2_1_for_log10_p(log10p: f64) -> f64 {
    // With 10¹⁸ degrees of freedom t² and χ² differ by less than f64 shows.
    let z = student::t_for_log10_p(log10p, 1e18);
    z * z
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_their_values() {
        for bin in 0..N_BINS {
            let low = lower_edge(bin);
            let middle = if bin + 1 == N_BINS { low * 2.0 } else { 0.5 * (low + lower_edge(bin + 1)) };
            assert_eq!(bin_of((middle as f32).sqrt(), 1.0), Some(bin));
        }
        assert_eq!(bin_of(f32::NAN, 1.0), None);
        assert_eq!(bin_of(1e30, 1e-5), Some(N_BINS - 1));
    }

    #[test]
    fn bins_of_many_are_those_of_each() {
        let tricky = [
            0.0,
            -0.0,
            1e-30,
            0.062_5,
            1.0,
            -3.0,
            15.999,
            16.0,
            1e19,
            1e30,
            f32::INFINITY,
            f32::NAN,
            f32::MIN_POSITIVE,
        ];
        let many = (0..5000u32).map(|i| f32::from_bits(i.wrapping_mul(2_654_435_761)));
        let beta: Vec<f32> = tricky.into_iter().chain(many).collect();
        for se in [1.0, 0.3, f32::NAN, f32::MIN_POSITIVE, 1e20, 0.0] {
            let mut bins = vec![0; beta.len()];
            bins_of(&beta, &vec![se; beta.len()], &mut bins);
            for (&beta, &bin) in beta.iter().zip(&bins) {
                assert_eq!(bin_of(beta, se).unwrap_or(N_BINS), bin as usize, "{beta} {se}");
            }
        }
    }

    #[test]
    fn lambda_of_null_tests_is_one() {
        let m = 200_000;
        for df in [8.0, 430.0, 1e5] {
            let mut counts = vec![0u64; N_BINS];
            for i in 0..m / 100 {
                let p = (f64::from(i) + 0.5) / f64::from(m / 100);
                let t = student::t_for_log10_p(-libm::log10(p), df);
                if let Some(bin) = bin_of(t as f32, 1.0) {
                    counts[bin] += 100;
                }
            }
            assert!((lambda(&counts, df) - 1.0).abs() < 2e-3, "df {df}: {}", lambda(&counts, df));
        }
        assert!(lambda(&vec![0; N_BINS], 10.0).is_nan());
    }

    #[test]
    fn chi2_quantiles() {
        assert!((chi2_1_for_log10_p(-libm::log10(0.5)) - CHI2_1_MEDIAN).abs() < 1e-13);
        assert!((chi2_1_for_log10_p(-libm::log10(0.05)) - 3.841_458_820_694_124).abs() < 1e-11);
    }
}
