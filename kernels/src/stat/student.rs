//! Student's t in logarithms, right where p itself underflows. The two-sided p is I_x(ν/2, 1/2) at x = ν/(ν+t²)
//! (Abramowitz and Stegun 26.7.1 and 26.5.27). In the tail it is taken by Gauss's continued fraction (DLMF 15.7.5) of
//! I_x(a, b) = x^a (1−x)^(b−1) / (a B(a, b)) · ₂F₁(1, 1−b; a+1; −x/(1−x)), near 0 as one less the power series of the
//! complement (DLMF 8.17.8): in both all terms are positive, so nothing cancels at any ν. The ratio of gamma functions is
//! an asymptotic series, since lgamma would cancel.

use std::f64::consts::{LN_10, PI};

const EPSILON: f64 = 4.5e-16;
/// t² under which p is one less the complement: p > 0.08 there, so that little is lost.
const SERIES_BELOW: f64 = 3.0;
const MAX_TERMS: u32 = 100_000;

/// −log10 of the two-sided p of `t` with `df` > 0 degrees of freedom (need not be whole; ∞ is the normal distribution). NaN where an argument is NaN or
/// `df` is not positive; ∞ for infinite `t`. Relative error about 1e-13.
#[must_use]
pub fn log10_p(t: f64, df: f64) -> f64 {
    -ln_p(t, df) / LN_10
}

/// The t ≥ 0 whose −log10 two-sided p is `log10p` ≥ 0: the inverse of [`log10_p`], to about 1e-12. NaN for negative or
/// NaN arguments; ∞ for infinite `log10p`.
#[must_use]
pub fn t_for_log10_p(log10p: f64, df: f64) -> f64 {
    if log10p.is_nan() || log10p < 0.0 || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if log10p == 0.0 || log10p.is_infinite() {
        return log10p;
    }
    let target = -log10p * LN_10;
    let (mut low, mut high) = (0f64, 1f64);
    while ln_p(high, df) > target {
        low = high;
        high *= 2.0;
        if high.is_infinite() {
            return high;
        }
    }
    let mut t = 0.5 * (low + high);
    for _ in 0..200 {
        let ln_p_here = ln_p(t, df);
        if ln_p_here > target {
            low = t;
        } else {
            high = t;
        }
        let slope = -2.0 * libm::exp(ln_density(t, df) - ln_p_here);
        let newton = t - (ln_p_here - target) / slope;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - t).abs() <= 4e-16 * t {
            return next;
        }
        t = next;
    }
    t
}

/// Natural logarithm of the two-sided p.
pub(crate) fn ln_p(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    let t = t.abs();
    if t == 0.0 || t.is_infinite() {
        return if t == 0.0 { 0.0 } else { f64::NEG_INFINITY };
    }
    if df.is_infinite() {
        return ln_p_normal(t);
    }
    let a = 0.5 * df;
    // t²/ν and its logarithms, without overflow of t².
    let ratio = t / df.sqrt();
    let ln_x = if ratio > 1e8 { -2.0 * libm::log(ratio) } else { -libm::log1p(ratio * ratio) };
    let complement = 1.0 / (1.0 + 1.0 / (ratio * ratio));
    let ln_front = a * ln_x + ln_inverse_beta(a);
    if t * t < SERIES_BELOW {
        let body = 2.0 * libm::exp(ln_front) * complement.sqrt() * complement_series(a, complement);
        libm::log1p(-body)
    } else {
        let odds = 1.0 / (ratio * ratio);
        ln_front - 0.5 * libm::log(complement) - libm::log(a) + libm::log(tail_fraction(a, odds))
    }
}

/// As [`ln_p`] of the normal distribution, t > 0: erfc(x) at x = t/√2, in the tail by its continued fraction
/// e^(−x²)/(x√π)·1/(1 + c/(1 + 2c/(1 + 3c/(1 + …)))), c = 1/2x² (DLMF 7.9.2).
fn ln_p_normal(t: f64) -> f64 {
    let square = t * t;
    if square < SERIES_BELOW {
        return libm::log1p(-libm::erf(t * std::f64::consts::FRAC_1_SQRT_2));
    }
    let (mut c, mut d, mut h) = (1.0, 0.0, 1.0);
    for i in 1..MAX_TERMS {
        let coefficient = f64::from(i) / square;
        d = 1.0 / (1.0 + coefficient * d);
        c = 1.0 + coefficient / c;
        h *= c * d;
        if (c * d - 1.0).abs() <= EPSILON {
            break;
        }
    }
    -0.5 * square - libm::log(t) - 0.5 * libm::log(0.5 * PI) - libm::log(h)
}

/// ln of the density of t.
fn ln_density(t: f64, df: f64) -> f64 {
    if df.is_infinite() {
        return -0.5 * t * t - 0.5 * libm::log(2.0 * PI);
    }
    let ratio = t / df.sqrt();
    let ln_kernel = if ratio > 1e8 { 2.0 * libm::log(ratio) } else { libm::log1p(ratio * ratio) };
    ln_inverse_beta(0.5 * df) - 0.5 * libm::log(df) - 0.5 * (df + 1.0) * ln_kernel
}

/// −ln B(a, 1/2) = ln Γ(a+½)/Γ(a) − ½ ln π. The series in 1/a (from Stirling's, DLMF 5.11.13) is used after the ratio was
/// carried to a ≥ 16 by Γ(a+1) = aΓ(a), where its error is under 1e-16.
fn ln_inverse_beta(a: f64) -> f64 {
    let (mut a, mut product) = (a, 1.0);
    while a < 16.0 {
        product *= a / (a + 0.5);
        a += 1.0;
    }
    let u = 1.0 / (a * a);
    let series =
        (-1.0 / 8.0 + u * (1.0 / 192.0 + u * (-1.0 / 640.0 + u * (17.0 / 14336.0 + u * (-31.0 / 18432.0))))) / a;
    0.5 * libm::log(a / PI) + series + libm::log(product)
}

/// ₂F₁(a+½, 1; 3/2; y) by its power series.
fn complement_series(a: f64, y: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 0..MAX_TERMS {
        let n = f64::from(n);
        term *= y * (a + 0.5 + n) / (1.5 + n);
        sum += term;
        if term <= EPSILON * sum {
            break;
        }
    }
    sum
}

/// ₂F₁(1, ½; a+1; −w), w > 0, by Gauss's continued fraction 1/(1 + c₁/(1 + c₂/(1 + …))), evaluated by Lentz's method.
fn tail_fraction(a: f64, w: f64) -> f64 {
    let (mut c, mut d, mut h) = (1.0, 0.0, 1.0);
    for i in 0..MAX_TERMS {
        let m = f64::from(i / 2);
        let coefficient = if i % 2 == 0 {
            (m + 0.5) / (a + 1.0 + 2.0 * m) * ((a + m) / (a + 2.0 * m)) * w
        } else {
            (m + 1.0) / (a + 1.0 + 2.0 * m) * ((a + 0.5 + m) / (a + 2.0 + 2.0 * m)) * w
        };
        d = 1.0 / (1.0 + coefficient * d);
        c = 1.0 + coefficient / c;
        h *= c * d;
        if (c * d - 1.0).abs() <= EPSILON {
            break;
        }
    }
    1.0 / h
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (t, df, −log10 p) by mpmath 1.3 with 60 digits: the density integrated, not the functions used here.
    #[rustfmt::skip]
    #[allow(clippy::approx_constant)]
    const TABLE: &[(f64, f64, f64)] = &[
        (1.0e-6, 1.0, 2.764_805_422_161_519_6e-7),
        (0.1, 1.0, 0.028_469_511_685_737_25),
        (0.674, 1.0, 0.205_899_173_153_52),
        (1.0, 1.0, 0.301_029_995_663_981_2),
        (1.7, 1.0, 0.470_433_558_936_885_93),
        (1.8, 1.0, 0.491_027_547_363_985_24),
        (2.5, 1.0, 0.615_757_937_286_235_7),
        (5.0, 1.0, 0.900_782_497_462_406_5),
        (12.0, 1.0, 1.276_303_421_950_300_7),
        (38.0, 1.0, 1.776_003_696_225_160_4),
        (100.0, 1.0, 2.196_134_352_885_607),
        (1000.0, 1.0, 3.196_120_021_794_917),
        (10_000.0, 1.0, 4.196_119_878_477_801),
        (100_000_000.0, 1.0, 8.196_119_877_030_153),
        (1.0e-6, 2.0, 3.070_926_817_592_826e-7),
        (0.1, 2.0, 0.031_766_754_558_126_976),
        (0.674, 2.0, 0.244_298_537_949_874_66),
        (1.0, 2.0, 0.374_019_403_294_520_3),
        (1.7, 2.0, 0.635_949_385_798_239_7),
        (1.8, 2.0, 0.670_263_870_873_775_9),
        (2.5, 2.0, 0.887_355_725_337_436_1),
        (5.0, 2.0, 1.423_088_205_547_542_2),
        (12.0, 2.0, 2.162_857_846_951_274_7),
        (38.0, 2.0, 3.160_018_044_026_416),
        (100.0, 2.0, 4.000_065_138_201_497),
        (1000.0, 2.0, 6.000_000_651_441_126),
        (10_000.0, 2.0, 8.000_000_006_514_417),
        (100_000_000.0, 2.0, 16.0),
        (1.0e-6, 3.0, 3.192_522_466_692_681_5e-7),
        (0.1, 3.0, 0.033_083_169_108_968_996),
        (0.674, 3.0, 0.260_746_908_578_224_6),
        (1.0, 3.0, 0.407_820_777_955_764_1),
        (1.7, 3.0, 0.726_557_381_204_104_5),
        (1.8, 3.0, 0.770_369_526_468_142_8),
        (2.5, 3.0, 1.056_967_491_587_983_2),
        (5.0, 3.0, 1.812_692_584_982_035),
        (12.0, 3.0, 2.904_825_136_799_511),
        (38.0, 3.0, 4.396_961_713_458_562),
        (100.0, 3.0, 5.656_685_577_912_328),
        (1000.0, 3.0, 8.656_530_817_464_263),
        (10_000.0, 3.0, 11.656_529_269_640_941),
        (100_000_000.0, 3.0, 23.656_529_254_006_34),
        (1.0e-6, 7.5, 3.351_892_493_859_285e-7),
        (0.1, 7.5, 0.034_814_611_405_744_09),
        (0.674, 7.5, 0.283_547_771_795_629_8),
        (1.0, 7.5, 0.457_827_095_024_859_85),
        (1.7, 7.5, 0.885_835_887_258_383),
        (1.8, 7.5, 0.950_611_328_787_542),
        (2.5, 7.5, 1.410_941_579_549_478),
        (5.0, 7.5, 2.894_073_499_681_410_6),
        (12.0, 7.5, 5.436_423_231_369_329),
        (38.0, 7.5, 9.124_471_453_240_238),
        (100.0, 7.5, 12.269_637_769_011_807),
        (1000.0, 7.5, 19.768_556_220_684_85),
        (10_000.0, 7.5, 27.268_545_401_220_937),
        (100_000_000.0, 7.5, 57.268_545_291_933_02),
        (1.0e-6, 20.0, 3.422_142_722_431_580_4e-7),
        (0.1, 20.0, 0.035_580_101_169_840_62),
        (0.674, 20.0, 0.294_113_115_823_253_67),
        (1.0, 20.0, 0.482_465_540_889_034_1),
        (1.7, 20.0, 0.980_338_906_706_280_2),
        (1.8, 20.0, 1.060_656_988_002_533_6),
        (2.5, 20.0, 1.672_977_484_115_017_1),
        (5.0, 20.0, 4.162_851_850_196_62),
        (12.0, 20.0, 9.866_602_994_158_83),
        (38.0, 20.0, 19.396_398_261_010_393),
        (100.0, 20.0, 27.751_984_233_306_16),
        (1000.0, 20.0, 47.743_784_315_454_455),
        (10_000.0, 20.0, 67.743_702_234_623_26),
        (100_000_000.0, 20.0, 147.743_701_405_515_68),
        (1.0e-6, 100.0, 3.456_518_037_121_745_6e-7),
        (0.1, 100.0, 0.035_955_197_772_221_205),
        (0.674, 100.0, 0.299_411_936_154_820_9),
        (1.0, 100.0, 0.495_224_550_692_830_3),
        (1.7, 100.0, 1.035_083_874_403_094_4),
        (1.8, 100.0, 1.125_657_956_771_371),
        (2.5, 100.0, 1.852_453_856_134_535_4),
        (5.0, 100.0, 5.610_803_176_916_053),
        (12.0, 100.0, 20.357_032_453_008_227),
        (38.0, 100.0, 60.517_264_778_594_64),
        (100.0, 100.0, 101.313_096_226_567_38),
        (1000.0, 100.0, 201.101_295_732_609),
        (10_000.0, 100.0, 301.099_167_158_450_3),
        (100_000_000.0, 100.0, 701.099_145_656_626_7),
        (1.0e-6, 430.0, 3.463_155_954_752_951e-7),
        (0.1, 430.0, 0.036_027_669_453_957_425),
        (0.674, 430.0, 0.300_445_427_157_097_7),
        (1.0, 430.0, 0.497_746_491_581_655_74),
        (1.7, 430.0, 1.046_462_323_829_003_4),
        (1.8, 430.0, 1.139_294_217_368_951_3),
        (2.5, 430.0, 1.893_101_053_000_923_4),
        (5.0, 430.0, 6.077_586_221_724_339),
        (12.0, 430.0, 28.088_062_922_015_897),
        (38.0, 430.0, 138.808_487_479_459_6),
        (100.0, 430.0, 299.141_356_088_442_36),
        (1000.0, 430.0, 725.259_377_687_259_6),
        (10_000.0, 430.0, 1_155.219_729_288_235),
        (100_000_000.0, 430.0, 2_875.219_328_713_262),
        (1.0e-6, 9988.0, 3.465_083_269_648_229_5e-7),
        (0.1, 9988.0, 0.036_048_713_998_347_43),
        (0.674, 9988.0, 0.300_746_136_991_861_1),
        (1.0, 9988.0, 0.498_482_390_242_634_2),
        (1.7, 9988.0, 1.049_819_905_703_564_2),
        (1.8, 9988.0, 1.143_326_670_972_896),
        (2.5, 9988.0, 1.905_345_875_762_819_9),
        (5.0, 9988.0, 6.234_298_349_031_529),
        (12.0, 9988.0, 32.223_045_754_163_47),
        (38.0, 9988.0, 294.515_381_169_021_57),
        (100.0, 9988.0, 1_506.593_759_428_932_3),
        (1000.0, 9988.0, 10_014.255_027_013_432),
        (10_000.0, 9988.0, 19_980.918_606_780_71),
        (100_000_000.0, 9988.0, 59_932.702_012_883_456),
        (1.0e-6, 500_000.0, 3.465_168_269_342_010_4e-7),
        (0.1, 500_000.0, 0.036_049_642_143_832_06),
        (0.674, 500_000.0, 0.300_759_405_714_224_55),
        (1.0, 500_000.0, 0.498_514_883_470_991),
        (1.7, 500_000.0, 1.049_968_553_377_231_6),
        (1.8, 500_000.0, 1.143_505_288_433_026_8),
        (2.5, 500_000.0, 1.905_890_700_477_870_5),
        (5.0, 500_000.0, 6.241_469_270_968_516),
        (12.0, 500_000.0, 32.444_844_940_993_37),
        (38.0, 500_000.0, 314.786_222_048_933_15),
        (100.0, 500_000.0, 2_152.136_743_967_594),
        (1000.0, 500_000.0, 119_283.173_179_878_2),
        (10_000.0, 500_000.0, 575_801.960_817_253_6),
        (100_000_000.0, 500_000.0, 2_575_260.446_466_582),
        (1.0e-6, 1_000_000.0, 3.465_169_135_634_531_3e-7),
        (0.1, 1_000_000.0, 0.036_049_651_603_235_88),
        (0.674, 1_000_000.0, 0.300_759_540_948_123_07),
        (1.0, 1_000_000.0, 0.498_515_214_649_281_06),
        (1.7, 1_000_000.0, 1.049_970_068_600_531_3),
        (1.8, 1_000_000.0, 1.143_507_109_190_080_1),
        (2.5, 1_000_000.0, 1.905_896_255_282_63),
        (5.0, 1_000_000.0, 6.241_542_472_648_79),
        (12.0, 1_000_000.0, 32.447_126_834_947_156),
        (38.0, 1_000_000.0, 315.012_273_420_214),
        (100.0, 1_000_000.0, 2_162.782_834_099_994),
        (1000.0, 1_000_000.0, 150_517.945_377_474_16),
        (10_000.0, 1_000_000.0, 1_002_163.782_790_685_8),
        (100_000_000.0, 1_000_000.0, 5_000_003.098_081_762),
    ];

    #[test]
    fn log10_p_agrees_with_the_density_integrated() {
        for &(t, df, expected) in TABLE {
            let found = log10_p(-t, df);
            assert!((found - expected).abs() <= 1e-12 * expected, "t {t}, df {df}: {found} not {expected}");
        }
    }

    /// (z, −log10 p) of the normal distribution by mpmath 1.3 with 60 digits.
    #[rustfmt::skip]
    const NORMAL: &[(f64, f64)] = &[
        (1.0e-6, 3.465_170_001_927_269e-7),
        (0.1, 0.036_049_661_062_642_284),
        (0.674, 0.300_759_676_182_113_6),
        (1.0, 0.498_515_545_827_989_3),
        (1.7, 1.049_971_583_829_231_4),
        (1.8, 1.143_508_929_954_432_4),
        (2.5, 1.905_901_810_131_32),
        (5.0, 6.241_615_676_726_673),
        (12.0, 32.449_409_165_527_88),
        (38.0, 315.238_759_708_298_5),
        (100.0, 2_173.570_512_873_370_4),
        (10_000.0, 21_714_728.193_222_534),
        (100_000_000.0, 2_171_472_409_516_267.2),
    ];

    #[test]
    fn infinite_df_is_the_normal_distribution() {
        for &(z, expected) in NORMAL {
            let found = log10_p(-z, f64::INFINITY);
            assert!((found - expected).abs() <= 1e-12 * expected, "z {z}: {found} not {expected}");
            let back = t_for_log10_p(expected, f64::INFINITY);
            assert!((back - z).abs() <= 1e-11 * z || z < 0.1, "log10p {expected}: {back} not {z}");
        }
        assert_eq!(log10_p(1e200, f64::INFINITY), f64::INFINITY);
    }

    #[test]
    fn t_for_log10_p_is_the_inverse() {
        for &(t, df, log10p) in TABLE.iter().filter(|row| row.0 >= 0.1) {
            let found = t_for_log10_p(log10p, df);
            assert!((found - t).abs() <= 1e-11 * t, "log10p {log10p}, df {df}: {found} not {t}");
        }
    }

    #[test]
    fn edges() {
        assert_eq!(log10_p(0.0, 5.0), 0.0);
        assert_eq!(log10_p(f64::NEG_INFINITY, 5.0), f64::INFINITY);
        assert!(log10_p(f64::NAN, 5.0).is_nan() && log10_p(1.0, 0.0).is_nan() && log10_p(1.0, f64::NAN).is_nan());
        assert!((log10_p(1e200, 2.0) - 400.0).abs() < 1e-9);
        assert_eq!(t_for_log10_p(0.0, 5.0), 0.0);
        assert_eq!(t_for_log10_p(f64::INFINITY, 5.0), f64::INFINITY);
        assert!(t_for_log10_p(-1.0, 5.0).is_nan());
    }

    #[test]
    fn log10_p_grows_with_t_over_the_change_of_method() {
        for df in [1.0, 2.0, 10.0, 1e3, 5e5, 1e18] {
            let values: Vec<f64> = (0..400).map(|i| log10_p(1.6 + f64::from(i) * 1e-3, df)).collect();
            assert!(values.windows(2).all(|pair| pair[0] < pair[1]), "df {df}");
            let steps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(steps.windows(2).all(|pair| (pair[0] / pair[1] - 1.0).abs() < 1e-2), "df {df}");
        }
    }
}
