//! Against mpmath, and the fit against simulated windows.

#![allow(clippy::unwrap_used)]

use super::incomplete_beta::{ln_beta, ln_incomplete_beta};
use super::*;
use crate::stat::student;

/// (ln x, a, b, ln I_x(a, b)) by mpmath 1.3 with 60 digits.
#[rustfmt::skip]
const TABLE: &[(f64, f64, f64, f64)] = &[
        (-1e-08, 1.0, 168.715, 0.0),
        (-0.001, 1.0, 168.715, 0.0),
        (-0.1, 1.0, 168.715, 0.0),
        (-0.7, 1.0, 168.715, -5.1336528066357945e-51),
        (-2.0, 1.0, 168.715, -2.2144509144239864e-11),
        (-5.0, 1.0, 168.715, -0.38509566087941527),
        (-8.0, 1.0, 168.715, -2.899791369228586),
        (-12.0, 1.0, 168.715, -6.872304294263972),
        (-40.0, 1.0, 168.715, -34.87178909916666),
        (-700.0, 1.0, 168.715, -694.8717890991667),
        (-5000.0, 1.0, 168.715, -4994.871789099167),
        (-1e-08, 0.75, 500.0, 0.0),
        (-0.001, 0.75, 500.0, 0.0),
        (-0.1, 0.75, 500.0, 0.0),
        (-0.7, 0.75, 500.0, 0.0),
        (-2.0, 0.75, 500.0, -7.525633016564993e-33),
        (-5.0, 0.75, 500.0, -0.019532272808881642),
        (-8.0, 0.75, 500.0, -1.3253365293843131),
        (-12.0, 0.75, 500.0, -4.256143841629142),
        (-40.0, 0.75, 500.0, -25.254830273889453),
        (-700.0, 0.75, 500.0, -520.2548302738894),
        (-5000.0, 0.75, 500.0, -3745.2548302738896),
        (-1e-08, 1.19, 30.0, 0.0),
        (-0.001, 1.19, 30.0, 0.0),
        (-0.1, 1.19, 30.0, -4.614086529461042e-31),
        (-0.7, 1.19, 30.0, -2.0927243041250045e-09),
        (-2.0, 1.19, 30.0, -0.018933699213471995),
        (-5.0, 1.19, 30.0, -2.0952927170705147),
        (-8.0, 1.19, 30.0, -5.565651890325765),
        (-12.0, 1.19, 30.0, -10.320465566308009),
        (-40.0, 1.19, 30.0, -43.64036874689638),
        (-700.0, 1.19, 30.0, -829.0403687468963),
        (-5000.0, 1.19, 30.0, -5946.040368746896),
        (-1e-08, 1.0, 1.0, -1e-08),
        (-0.001, 1.0, 1.0, -0.001),
        (-0.1, 1.0, 1.0, -0.1),
        (-0.7, 1.0, 1.0, -0.7),
        (-2.0, 1.0, 1.0, -2.0),
        (-5.0, 1.0, 1.0, -5.0),
        (-8.0, 1.0, 1.0, -8.0),
        (-12.0, 1.0, 1.0, -12.0),
        (-40.0, 1.0, 1.0, -40.0),
        (-700.0, 1.0, 1.0, -700.0),
        (-5000.0, 1.0, 1.0, -5000.0),
        (-1e-08, 0.9, 1000000.0, 0.0),
        (-0.001, 0.9, 1000000.0, 0.0),
        (-0.1, 0.9, 1000000.0, 0.0),
        (-5.0, 0.9, 1000000.0, 0.0),
        (-8.0, 0.9, 1000000.0, 0.0),
        (-12.0, 0.9, 1000000.0, -0.001652481438310093),
        (-40.0, 0.9, 1000000.0, -23.527056266911078),
        (-700.0, 0.9, 1000000.0, -617.5270562669091),
        (-5000.0, 0.9, 1000000.0, -4487.527056266909),
        (-1e-08, 5.0, 2.0, -1.4999999450000023e-15),
        (-0.001, 5.0, 2.0, -1.4945225261766312e-05),
        (-0.1, 5.0, 2.0, -0.11079103672015769),
        (-0.7, 5.0, 2.0, -2.242370753623497),
        (-2.0, 5.0, 2.0, -8.327902157911193),
        (-5.0, 5.0, 2.0, -23.213871309727573),
        (-8.0, 5.0, 2.0, -38.20852012204386),
        (-12.0, 5.0, 2.0, -58.20824565096201),
        (-40.0, 5.0, 2.0, -198.20824053077195),
        (-700.0, 5.0, 2.0, -3498.208240530772),
        (-5000.0, 5.0, 2.0, -24998.20824053077),
        (-1e-08, 1.05, 12.5, 0.0),
        (-0.001, 1.05, 12.5, -3.670051194326475e-38),
        (-0.1, 1.05, 12.5, -1.9780194821501165e-13),
        (-0.7, 1.05, 12.5, -0.0002127439552974571),
        (-2.0, 1.05, 12.5, -0.19196992249058242),
        (-5.0, 1.05, 12.5, -2.657383333925025),
        (-8.0, 1.05, 12.5, -5.769828250817901),
        (-12.0, 1.05, 12.5, -9.967888871900607),
        (-40.0, 1.05, 12.5, -39.36785268112102),
        (-700.0, 1.05, 12.5, -732.367852681121),
        (-5000.0, 1.05, 12.5, -5247.367852681121),
        (-1e-08, 0.02, 3.0, -6.8679999474598e-27),
        (-0.001, 0.02, 3.0, -6.862748466164723e-12),
        (-0.1, 0.02, 3.0, -6.366615592138334e-06),
        (-0.7, 0.02, 3.0, -0.0014261405807132318),
        (-2.0, 0.02, 3.0, -0.015386147512191332),
        (-5.0, 0.02, 3.0, -0.07051086035909014),
        (-8.0, 0.02, 3.0, -0.13026019622013355),
        (-12.0, 0.02, 3.0, -0.2102472827998115),
        (-40.0, 0.02, 3.0, -0.7702470418506522),
        (-700.0, 0.02, 3.0, -13.970247041850653),
        (-5000.0, 0.02, 3.0, -99.97024704185066),
];

#[test]
fn incomplete_beta_agrees_with_mpmath() {
    for &(ln_x, a, b, expected) in TABLE {
        let found = ln_incomplete_beta(ln_x, a, b);
        // Above the mean, 1 − x is rounded, and b times that remains.
        let (error, tolerance) = ((found - expected).abs(), 2e-13 + 4e-17 * b);
        assert!(error <= tolerance * expected.abs() + 1e-15, "{ln_x} {a} {b}: {found} not {expected}");
    }
    assert_eq!(ln_incomplete_beta(0.0, 2.0, 3.0), 0.0);
    assert_eq!(ln_incomplete_beta(f64::NEG_INFINITY, 2.0, 3.0), f64::NEG_INFINITY);
    assert!(ln_incomplete_beta(f64::NAN, 2.0, 3.0).is_nan());
    assert!((ln_beta(1.0, 5e5) + libm::log(5e5)).abs() < 1e-14);
    assert!((ln_beta(3.0, 4.0) + libm::log(60.0)).abs() < 1e-14);
}

/// Best r² of windows of `b` independent variants, nominal p-values taken at `df`.
fn simulated(seed: u64, n: usize, b: f64, df: f64) -> Vec<f64> {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = state;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    let one = |_| {
        let p = -libm::expm1(libm::log1p(-uniform()) / b);
        let t = student::t_for_log10_p(-libm::log10(p), df);
        t * t / (t * t + df)
    };
    (0..n).map(one).collect()
}

#[test]
fn shapes_and_degrees_of_freedom_come_back() {
    for (seed, b, df) in [(1, 200.0, 300.0), (2, 1500.0, 280.0), (3, 20.0, 344.0), (4, 1.0, 344.0)] {
        let fit = fit(&simulated(seed, 20_000, b, df), 344.0).unwrap();
        // Of 20,000 the SE of shape 1 by its moments is 1 %; what df is off by goes into shape 2.
        assert!((fit.shape1 - 1.0).abs() < 0.02, "{fit:?}");
        assert!((fit.df / df - 1.0).abs() < 0.03, "{fit:?}");
        assert!((fit.shape2 / b).ln().abs() < 0.2, "{fit:?}");
    }
}

#[test]
fn the_fit_is_a_maximum_at_which_the_moments_give_one() {
    let best = simulated(7, 1000, 400.0, 290.0);
    let found = fit(&best, 344.0).unwrap();
    let p: Vec<f64> = best.iter().map(|&r2| 10f64.powf(-nominal_log10_p(r2, found.df))).collect();
    let n = p.len() as f64;
    let mean = p.iter().sum::<f64>() / n;
    let variance = p.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / (n - 1.0);
    assert!((mean * (mean * (1.0 - mean) / variance - 1.0) - 1.0).abs() < 1e-6);
    let likelihood = |a: f64, b: f64| {
        let ln_b = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
        p.iter().map(|p| (a - 1.0) * p.ln() + (b - 1.0) * (1.0 - p).ln() - ln_b).sum::<f64>()
    };
    let top = likelihood(found.shape1, found.shape2);
    for (a, b) in [(1.001, 1.0), (0.999, 1.0), (1.0, 1.001), (1.0, 0.999), (1.001, 1.001), (0.999, 0.999)] {
        assert!(likelihood(found.shape1 * a, found.shape2 * b) < top);
    }
}

#[test]
fn tails_go_on_where_p_underflows() {
    let fit = BetaFit { df: 10_000.0, shape1: 1.05, shape2: 500.0 };
    let values: Vec<f64> = (0..1000).map(|i| log10_p(&fit, f64::from(i) * 1e-3)).collect();
    assert!(values.windows(2).all(|pair| pair[0] <= pair[1] && pair[1].is_finite()));
    let r2 = 0.9;
    let nominal = nominal_log10_p(r2, fit.df);
    let expected = fit.shape1 * nominal + (libm::log(fit.shape1) + ln_beta(fit.shape1, fit.shape2)) / LN_10;
    assert!(nominal > 4000.0 && (log10_p(&fit, r2) - expected).abs() < 1e-9 * expected);
    assert_eq!(log10_p(&fit, 0.0), 0.0);
    assert_eq!(log10_p(&fit, 1.0), f64::INFINITY);
    assert!(log10_p(&fit, f64::NAN).is_nan());
}

#[test]
fn nothing_to_fit_is_none() {
    let best = simulated(5, 100, 50.0, 100.0);
    assert!(fit(&best, 100.0).is_some());
    assert_eq!(fit(&best[..9], 100.0), None);
    assert_eq!(fit(&[0.2; 100], 100.0), None);
    assert_eq!(fit(&[0.0; 100], 100.0), None);
    assert_eq!(fit(&best, 0.0), None);
    assert_eq!(fit(&best, f64::NAN), None);
    for odd in [f64::NAN, 1.0, -0.1] {
        let mut with = best.clone();
        with[3] = odd;
        assert_eq!(fit(&with, 100.0), None);
    }
}

#[test]
fn the_order_of_permutations_does_not_matter_much_and_few_df_do_not_hurt() {
    let mut best = simulated(6, 1000, 30.0, 3.0);
    let a = fit(&best, 4.0).unwrap();
    best.reverse();
    let b = fit(&best, 4.0).unwrap();
    assert!((a.df / b.df - 1.0).abs() < 1e-8 && (a.shape2 / b.shape2 - 1.0).abs() < 1e-8, "{a:?} {b:?}");
}
