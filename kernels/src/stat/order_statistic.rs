//! Order statistics of uniform numbers: the i-th smallest of n p-values under the null is Beta(i, n − i + 1), whose distribution is
//! the upper tail of the binomial, P(Bin(n, x) ≥ i). This is what the band of a QQ plot is made of.

const EPSILON: f64 = 1e-15;
const MAX_TERMS: u32 = 1_000_000;
const MAX_STEPS: u32 = 200;

/// The `quantile` of the `rank`-th smallest of `n` uniform numbers, to about 1e-9 of itself; NaN unless 1 ≤ `rank` ≤ `n` and
/// 0 < `quantile` < 1.
#[must_use]
pub fn quantile(rank: u64, n: u64, quantile: f64) -> f64 {
    if rank == 0 || rank > n || !(quantile > 0.0 && quantile < 1.0) {
        return f64::NAN;
    }
    let (i, n) = (rank as f64, n as f64);
    // Brackets of x, halved in its logarithm where Newton's step leaves them.
    let (mut low, mut high) = (f64::MIN_POSITIVE, 1.0);
    let mut x = i / (n + 1.0);
    for _ in 0..MAX_STEPS {
        let (below, density) = distribution(x, i, n);
        let excess = below - quantile;
        if excess > 0.0 {
            high = x
        } else {
            low = x
        }
        // Newton on ln F against ln x, which is nearly straight where F is small.
        let mut next = x * libm::exp(-libm::log(below / quantile) * below / (density * x));
        if !(next > low && next < high) {
            next = (low * high).sqrt().max(0.5 * low.min(0.5)).clamp(low, high);
        }
        let is_found = (next - x).abs() <= 1e-13 * x || high - low <= 1e-15 * high;
        x = next;
        if is_found {
            break;
        }
    }
    x
}

/// P(Bin(n, x) ≥ i) and its derivative by x, for 0 < x < 1.
fn distribution(x: f64, i: f64, n: f64) -> (f64, f64) {
    if x >= 1.0 {
        return (1.0, 0.0);
    }
    let weight = libm::exp(ln_binomial(i, n, x));
    let density = weight * i / x;
    let (a, b) = (i, n - i + 1.0);
    // x^a (1 − x)^b / (a B(a, b)) is the weight times 1 − x.
    let below = if x * (a + b + 2.0) < a + 1.0 {
        weight * (1.0 - x) * fraction(a, b, x)
    } else {
        1.0 - weight * (1.0 - x) * a / b * fraction(b, a, 1.0 - x)
    };
    (below.clamp(f64::MIN_POSITIVE, 1.0), density.max(f64::MIN_POSITIVE))
}

/// ln of the binomial probability of i successes in n, by the saddle point (Loader 2000), which keeps its precision for any n.
fn ln_binomial(i: f64, n: f64, x: f64) -> f64 {
    let rest = n - i;
    if rest <= 0.0 {
        return n * libm::log(x);
    }
    let errors = stirling_error(n) - stirling_error(i) - stirling_error(rest);
    let excess = i - n * x;
    let deviances = deviance(i, n * x, excess) + deviance(rest, n * (1.0 - x), -excess);
    errors - deviances + 0.5 * libm::log(n / (2.0 * std::f64::consts::PI * i * rest))
}

/// ln n! less Stirling's n ln n − n + ½ ln 2πn (DLMF 5.11.1).
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        let ln_factorial = libm::lgamma(n + 1.0);
        return ln_factorial - (n * libm::log(n) - n + 0.5 * libm::log(2.0 * std::f64::consts::PI * n));
    }
    let square = 1.0 / (n * n);
    (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0))) / n
}

/// k ln(k/m) + m − k, without loss where k and m are near; `excess` is k − m.
fn deviance(k: f64, m: f64, excess: f64) -> f64 {
    let v = excess / (k + m);
    if v.abs() > 0.1 {
        return k * libm::log(k / m) - excess;
    }
    // ln(k/m) = 2 atanh v; the first terms cancel.
    let (mut sum, mut power) = (excess * v, 2.0 * k * v);
    for term in 1..100 {
        power *= v * v;
        let next = sum + power / f64::from(2 * term + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let away = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let (mut c, mut h) = (1.0, d);
    for m in 1..MAX_TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        h *= c * d;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        h *= c * d;
        if (c * d - 1.0).abs() <= EPSILON {
            break;
        }
    }
    h
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_have_closed_forms() {
        for n in [1u64, 2, 17, 1_000, 3_000_000, 20_000_000] {
            for q in [0.001, 0.025, 0.5, 0.975, 0.999] {
                let smallest = -libm::expm1(libm::log1p(-q) / n as f64);
                let largest = libm::exp(libm::log(q) / n as f64);
                let found = (quantile(1, n, q), quantile(n, n, q));
                assert!((found.0 / smallest - 1.0).abs() < 1e-9, "{n} {q}: {} {smallest}", found.0);
                assert!((found.1 / largest - 1.0).abs() < 1e-9, "{n} {q}: {} {largest}", found.1);
            }
        }
    }

    #[test]
    fn ranks_mirror_one_another() {
        for (rank, n) in [(2, 10), (5, 9), (40, 1_000), (1_000, 20_000_000), (5_000_000, 12_000_000)] {
            for q in [0.025, 0.3, 0.975] {
                let (low, high) = (quantile(rank, n, q), quantile(n - rank + 1, n, 1.0 - q));
                assert!((low + high - 1.0).abs() < 1e-9, "{rank} {n} {q}: {low} {high}");
            }
        }
        for bad in [quantile(0, 3, 0.5), quantile(4, 3, 0.5), quantile(1, 3, 0.0), quantile(1, 3, f64::NAN)] {
            assert!(bad.is_nan());
        }
    }
}
