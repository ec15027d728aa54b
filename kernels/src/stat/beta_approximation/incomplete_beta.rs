//! ln I_x(a, b), the regularised incomplete beta function, from ln x: right where x is far below the smallest number.

const MAX_TERMS: u32 = 100_000;
const EPSILON: f64 = 4.5e-16;
/// Stands for a zero in Lentz's method.
const TINY: f64 = 1e-300;
/// From here on Stirling's series of ln Γ, cut after x⁻⁹, is right to 1e-15.
const STIRLING_FROM: f64 = 12.0;

/// ln I_x(a, b) for a, b > 0 and x = e^ln_x ≤ 1. I_x(a, b) = x^a (1−x)^b / (a B(a, b)) · K(x; a, b), K the continued fraction
/// DLMF 8.17.22, for x below about its mean; above, one less I_{1−x}(b, a).
pub(super) fn ln_incomplete_beta(ln_x: f64, a: f64, b: f64) -> f64 {
    if ln_x.is_nan() || ln_x == f64::NEG_INFINITY {
        return ln_x;
    }
    if ln_x >= 0.0 {
        return 0.0;
    }
    let (x, complement) = (libm::exp(ln_x), -libm::expm1(ln_x));
    let ln_front = a * ln_x + b * ln_complement(ln_x) - ln_beta(a, b);
    if x <= (a + 1.0) / (a + b + 2.0) {
        ln_front - libm::log(a) + libm::log(fraction(x, a, b))
    } else {
        libm::log1p(-libm::exp(ln_front) / b * fraction(complement, b, a))
    }
}

/// ln(1 − x) of x = e^ln_x < 1.
pub(super) fn ln_complement(ln_x: f64) -> f64 {
    if ln_x < -std::f64::consts::LN_2 { libm::log1p(-libm::exp(ln_x)) } else { libm::log(-libm::expm1(ln_x)) }
}

/// The continued fraction by Lentz's method.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let nonzero = |x: f64| if x.abs() < TINY { TINY } else { x };
    let (mut c, mut d) = (1.0, 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0)));
    let mut h = d;
    for m in 1..MAX_TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / nonzero(1.0 + even * d);
        c = nonzero(1.0 + even / c);
        h *= c * d;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / nonzero(1.0 + odd * d);
        c = nonzero(1.0 + odd / c);
        h *= c * d;
        if (c * d - 1.0).abs() <= EPSILON {
            break;
        }
    }
    h
}

/// ln B(a, b). For a large argument the ratio of gamma functions is taken as one, since their logarithms would cancel.
pub(super) fn ln_beta(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if large < STIRLING_FROM {
        return libm::lgamma(small) + libm::lgamma(large) - libm::lgamma(small + large);
    }
    let sum = small + large;
    let ratio = (0.5 - large) * libm::log1p(small / large) - small * (libm::log(sum) - 1.0);
    libm::lgamma(small) + ratio + stirling_rest(large) - stirling_rest(sum)
}

/// ln Γ(x) − (x − ½) ln x + x − ½ ln 2π (DLMF 5.11.1).
fn stirling_rest(x: f64) -> f64 {
    let u = 1.0 / (x * x);
    (1.0 / 12.0 + u * (-1.0 / 360.0 + u * (1.0 / 1260.0 + u * (-1.0 / 1680.0 + u * (1.0 / 1188.0))))) / x
}
