//! Transforms of a trait over its analysed samples: `--rint` and `--standardize`. Pure Rust and in a fixed order, so
//! that every machine makes the same bits.

/// Blom's offset.
const BLOM: f64 = 3.0 / 8.0;

/// Rank-based inverse normal transform in place: Φ⁻¹((r − 3/8) / (n + 1/4)), ties sharing their mean rank, over the
/// values that are not NaN (Blom 1958; Beasley, Erickson and Allison 2009). NaN stays.
pub fn rank_inverse_normal(values: &mut [f64]) {
    let mut order: Vec<u32> = (0..values.len() as u32).filter(|&i| !values[i as usize].is_nan()).collect();
    order.sort_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]).then(a.cmp(&b)));
    let n = order.len() as f64;
    let mut start = 0;
    while start < order.len() {
        let value = values[order[start] as usize];
        let mut end = start + 1;
        while end < order.len() && values[order[end] as usize] == value {
            end += 1;
        }
        let mean_rank = (start + 1 + end) as f64 / 2.0;
        let normal = normal_quantile((mean_rank - BLOM) / (n + 1.0 - 2.0 * BLOM));
        for &i in &order[start..end] {
            values[i as usize] = normal;
        }
        start = end;
    }
}

/// Mean and standard deviation (n − 1) of the values that are not NaN: in two passes, of values scaled by a power of two,
/// so that neither 1e308 nor 1e-308 over- or underflows. (NaN, NaN) without values.
pub fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let (scale, mean, sd) = scaled_moments(values);
    (unscaled(mean, scale), unscaled(sd, scale))
}

/// An exponent e, and mean and standard deviation of the values times 2^e, of which the largest is in [1, 2).
fn scaled_moments(values: &[f64]) -> (i32, f64, f64) {
    let largest = values.iter().fold(0f64, |max, value| max.max(value.abs()));
    let exponent = if largest > 0.0 && largest.is_finite() { -libm::ilogb(largest) } else { 0 };
    // In two factors, since 2^1074 is no f64.
    let scale = [exponent / 2, exponent - exponent / 2].map(|part| libm::ldexp(1.0, part));
    let observed = || values.iter().filter(|value| !value.is_nan()).map(|value| value * scale[0] * scale[1]);
    let n = observed().count() as f64;
    let first_mean = observed().sum::<f64>() / n;
    let mean = first_mean + observed().map(|value| value - first_mean).sum::<f64>() / n;
    let squares: f64 = observed().map(|value| (value - mean) * (value - mean)).sum();
    (exponent, mean, (squares / (n - 1.0)).sqrt())
}

fn unscaled(value: f64, exponent: i32) -> f64 {
    libm::ldexp(value, -exponent)
}

/// Shifts and scales in place to mean 0 and standard deviation 1 (n − 1), over the values that are not NaN. A constant
/// is left as it is.
pub fn standardize(values: &mut [f64]) {
    if is_constant(values) {
        return;
    }
    let (exponent, mean, sd) = scaled_moments(values);
    if sd > 0.0 && sd.is_finite() {
        values.iter_mut().for_each(|value| *value = (libm::ldexp(*value, exponent) - mean) / sd);
    }
}

/// Whether all values that are not NaN are equal (or there is none).
pub fn is_constant(values: &[f64]) -> bool {
    let mut observed = values.iter().filter(|value| !value.is_nan());
    observed.next().is_none_or(|first| observed.all(|value| value == first))
}

/// Distinct values that are not NaN, counted up to `limit`.
pub fn count_distinct(values: &[f64], limit: usize) -> usize {
    let mut seen: Vec<f64> = Vec::with_capacity(limit);
    for value in values.iter().copied().filter(|value| !value.is_nan()) {
        if !seen.contains(&value) {
            seen.push(value);
            if seen.len() >= limit {
                break;
            }
        }
    }
    seen.len()
}

/// Φ⁻¹(p) for 0 < p < 1, to about 1e-16 relative (Wichura 1988, Algorithm AS 241, PPND16).
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 8] = [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ];
    const B: [f64; 8] = [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ];
    const C: [f64; 8] = [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ];
    const D: [f64; 8] = [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ];
    const E: [f64; 8] = [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ];
    const F: [f64; 8] = [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ];
    let ratio = |top: &[f64; 8], bottom: &[f64; 8], x: f64| {
        let horner = |coefficients: &[f64; 8]| coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c);
        horner(top) / horner(bottom)
    };
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(&A, &B, 0.180_625 - q * q);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-libm::log(tail)).sqrt();
    let z = if r <= 5.0 { ratio(&C, &D, r - 1.6) } else { ratio(&E, &F, r - 5.0) };
    if q < 0.0 { -z } else { z }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_quantile_equals_reference() {
        // Roots of ncdf(z) = p by mpmath at 40 digits.
        for (p, z) in REFERENCE {
            assert!((normal_quantile(p) - z).abs() <= 2e-15 * f64::abs(z).max(1.0), "{p}: {} {z}", normal_quantile(p));
        }
        assert_eq!(normal_quantile(0.5), 0.0);
    }

    const REFERENCE: [(f64, f64); 8] = [
        (1e-300, -37.0470962993612),
        (1e-20, -9.262340089798407),
        (1e-06, -4.753424308822899),
        (0.025, -1.9599639845400543),
        (0.074, -1.4466320671589785),
        (0.3, -0.5244005127080408),
        (0.925001, 1.4395385353452304),
        (0.999999, 4.753424308817087),
    ];

    #[test]
    fn rint_is_blom_with_mean_ranks() {
        let mut values = [3.0, f64::NAN, 1.0, 2.0, 2.0, 10.0];
        rank_inverse_normal(&mut values);
        assert!(values[1].is_nan());
        let expected = |rank: f64| normal_quantile((rank - 0.375) / 5.25);
        assert_eq!(values[0], expected(4.0));
        assert_eq!(values[2], expected(1.0));
        assert_eq!(values[3], expected(2.5));
        assert_eq!(values[3], values[4]);
        assert_eq!(values[5], expected(5.0));
        // Quantiles of (r - 0.375) / 5.25 for r = 1 to 5, by mpmath at 40 digits.
        let mut five = [1.0, 2.0, 3.0, 4.0, 5.0];
        rank_inverse_normal(&mut five);
        for (value, reference) in five.iter().zip(FIVE) {
            assert!((value - reference).abs() < 1e-15, "{value} {reference}");
        }
        assert_eq!(five[2], 0.0);
    }

    const FIVE: [f64; 5] = [-1.179761117611861, -0.49720057068155404, 0.0, 0.49720057068155404, 1.1797611176118608];

    #[test]
    fn rint_does_not_depend_on_the_order_of_samples() {
        let mut a: Vec<f64> = (0..100).map(|i| f64::from((i * 37) % 50)).collect();
        let mut b: Vec<f64> = a.iter().rev().copied().collect();
        rank_inverse_normal(&mut a);
        rank_inverse_normal(&mut b);
        b.reverse();
        assert_eq!(a, b);
    }

    #[test]
    fn standardize_gives_mean_0_and_sd_1() {
        let mut values = [1.0, 2.0, f64::NAN, 3.0, 4.0];
        standardize(&mut values);
        let sd = (5.0f64 / 3.0).sqrt();
        for (value, expected) in values.iter().zip([-1.5, -0.5, f64::NAN, 0.5, 1.5]) {
            assert!(expected.is_nan() && value.is_nan() || (value - expected / sd).abs() < 1e-15);
        }
        let mut large: Vec<f64> = (0..1000).map(|i| 1e9 + f64::from(i)).collect();
        standardize(&mut large);
        let mean = large.iter().sum::<f64>() / 1000.0;
        assert!(mean.abs() < 1e-12, "{mean}");
        for scale in [1e308, 1e-308, 1e-312] {
            let mut far = [0.25 * scale, 0.5 * scale, f64::NAN, 0.75 * scale, scale];
            let (mean, far_sd) = mean_and_sd(&far);
            assert!((mean / scale - 0.625).abs() < 1e-10 && (far_sd / scale - 0.25 * sd).abs() < 1e-10, "{scale}");
            standardize(&mut far);
            for (value, expected) in far.iter().zip([-1.5, -0.5, f64::NAN, 0.5, 1.5]) {
                assert!(expected.is_nan() && value.is_nan() || (value - expected / sd).abs() < 1e-10, "{scale}");
            }
        }
        let mut constant = [2.5, 2.5, f64::NAN];
        standardize(&mut constant);
        assert_eq!(constant[..2], [2.5, 2.5]);
    }
}
