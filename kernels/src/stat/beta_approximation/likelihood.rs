//! Maximum likelihood of a beta distribution. The log-likelihood n·((a−1)·L₁ + (b−1)·L₂ − ln B(a, b)), L₁ and L₂ the means of
//! ln p and ln(1−p), is concave in (a, b), so that Newton's method with shortened steps reaches its maximum.

use super::incomplete_beta::{ln_beta, ln_complement};

const MAX_STEPS: usize = 200;
/// A step this small a share of both shapes ends the search.
const TOLERANCE: f64 = 1e-12;
/// The series of the digamma and trigamma functions are right to 1e-16 from here on.
const SERIES_FROM: f64 = 16.0;

/// What a sample of p-values tells of the shapes.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogSums {
    /// Mean of ln p.
    ln_p: f64,
    /// Mean of ln(1−p).
    ln_complement: f64,
}

impl LogSums {
    /// Of p-values below 1, by their logarithms.
    pub(super) fn of(ln_p: &[f64]) -> Self {
        let n = ln_p.len() as f64;
        let complement = ln_p.iter().map(|&ln_p| ln_complement(ln_p)).sum::<f64>();
        Self { ln_p: ln_p.iter().sum::<f64>() / n, ln_complement: complement / n }
    }

    fn mean_log_likelihood(&self, (a, b): (f64, f64)) -> f64 {
        (a - 1.0) * self.ln_p + (b - 1.0) * self.ln_complement - ln_beta(a, b)
    }
}

/// Shapes (a, b) of maximum likelihood from a starting point; `None` where there is no finite maximum (p hardly varies).
pub(super) fn maximum_likelihood(sums: &LogSums, start: (f64, f64)) -> Option<(f64, f64)> {
    let (mut a, mut b) = start;
    let mut value = sums.mean_log_likelihood((a, b));
    for _ in 0..MAX_STEPS {
        let of_sum = digamma(a + b);
        let gradient = (sums.ln_p - digamma(a) + of_sum, sums.ln_complement - digamma(b) + of_sum);
        let shared = trigamma(a + b);
        let (aa, bb) = (trigamma(a) - shared, trigamma(b) - shared);
        let determinant = aa * bb - shared * shared;
        let step = (
            (bb * gradient.0 + shared * gradient.1) / determinant,
            (shared * gradient.0 + aa * gradient.1) / determinant,
        );
        if !(step.0.is_finite() && step.1.is_finite()) {
            return None;
        }
        let is_small = step.0.abs() <= TOLERANCE * a && step.1.abs() <= TOLERANCE * b;
        let mut share = 1.0;
        let (next, next_value) = loop {
            let next = (a + share * step.0, b + share * step.1);
            if next.0 > 0.0 && next.1 > 0.0 {
                let next_value = sums.mean_log_likelihood(next);
                if next_value > value {
                    break (next, next_value);
                }
            }
            share *= 0.5;
            if share < 1e-3 {
                break ((a, b), value);
            }
        };
        if is_small || next == (a, b) {
            return Some((a, b));
        }
        ((a, b), value) = (next, next_value);
    }
    None
}

/// ψ(x), x > 0 (DLMF 5.11.2 after 5.5.2).
fn digamma(mut x: f64) -> f64 {
    let mut shifted = 0.0;
    while x < SERIES_FROM {
        shifted -= 1.0 / x;
        x += 1.0;
    }
    let u = 1.0 / (x * x);
    let series = 1.0 / 12.0
        + u * (-1.0 / 120.0 + u * (1.0 / 252.0 + u * (-1.0 / 240.0 + u * (1.0 / 132.0 + u * (-691.0 / 32760.0)))));
    shifted + libm::log(x) - 0.5 / x - u * series
}

/// ψ′(x), x > 0 (DLMF 5.15.8 after 5.15.5).
fn trigamma(mut x: f64) -> f64 {
    let mut shifted = 0.0;
    while x < SERIES_FROM {
        shifted += 1.0 / (x * x);
        x += 1.0;
    }
    let u = 1.0 / (x * x);
    let series =
        1.0 / 6.0 + u * (-1.0 / 30.0 + u * (1.0 / 42.0 + u * (-1.0 / 30.0 + u * (5.0 / 66.0 + u * (-691.0 / 2730.0)))));
    shifted + (1.0 + 0.5 / x + u * series) / x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digamma_and_trigamma_at_known_points() {
        // ψ(1) = −γ, ψ(½) = −γ − 2 ln 2, ψ′(1) = π²/6, ψ′(½) = π²/2.
        let gamma = 0.577_215_664_901_532_9;
        let square = std::f64::consts::PI * std::f64::consts::PI;
        for (found, expected) in [
            (digamma(1.0), -gamma),
            (digamma(0.5), -gamma - 2.0 * std::f64::consts::LN_2),
            (digamma(11.0), (1..11).map(|i| 1.0 / f64::from(i)).sum::<f64>() - gamma),
            (trigamma(1.0), square / 6.0),
            (trigamma(0.5), square / 2.0),
            (trigamma(1e6), 1e-6 + 0.5e-12 + 1.0 / 6.0 * 1e-18),
        ] {
            assert!((found - expected).abs() <= 4e-15 * expected.abs(), "{found} {expected}");
        }
    }
}
