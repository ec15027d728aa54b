//! q-values (Storey 2002; Storey and Tibshirani 2003), as Bioconductor's qvalue package makes them by default.
//!
//! q of the i-th smallest of m p-values is π₀·min over j ≥ i of min(1, m·p₍ⱼ₎/j). π₀, the share of true null hypotheses, is
//! the value at λ = 0.95 of a cubic smoothing spline with three degrees of freedom through #{p ≥ λ}/(m(1 − λ)), λ = 0.05,
//! 0.10, … 0.95.

use crate::small_matrix::{cholesky, dot, invert_lower, solve_lower, solve_lower_transposed};

/// Values of λ.
const N_LAMBDA: usize = 19;
const LAMBDA_STEP: f64 = 0.05;
const LAST_LAMBDA: f64 = 0.95;

/// Weight of the penalty, λ scaled to 0 to 1, at which R's smooth.spline(df = 3) stops its search on these λ, whatever the
/// p-values: the trace of the smoother is 3.0003 there.
const PENALTY: f64 = 0.021_551_197_660_724_11;
/// ∫ t² dt over a piece, as R's smooth.spline has it instead of ⅓.
const THIRD: f64 = 0.333;

/// q-values of a family of tests.
#[derive(Debug, Clone, PartialEq)]
pub struct QValues {
    /// Share of true null hypotheses, above 0 and at most 1.
    pub pi0: f64,
    /// Whether `pi0` was estimated. Where the package stops with an error (no p is 0.95 or more, or the spline is not above 0
    /// at the end) it is 1, and the q-values are those of Benjamini and Hochberg (1995).
    pub is_pi0_estimated: bool,
    /// By test, in the order given; NaN where p is NaN or not within 0 to 1.
    pub q: Vec<f64>,
}

/// q-values of `p`. Those that are NaN or not within 0 to 1 are left out.
#[must_use]
pub fn q_values(p: &[f64]) -> QValues {
    let mut order: Vec<usize> = (0..p.len()).filter(|&i| (0.0..=1.0).contains(&p[i])).collect();
    order.sort_by(|&a, &b| p[b].total_cmp(&p[a]).then(a.cmp(&b)));
    let sorted: Vec<f64> = order.iter().map(|&i| p[i]).collect();
    let estimated = pi0(&sorted);
    let pi0 = estimated.unwrap_or(1.0);
    let (mut q, mut smallest, m) = (vec![f64::NAN; p.len()], 1f64, sorted.len() as f64);
    for ((&i, p), rank) in order.iter().zip(sorted).zip((1..=order.len()).rev()) {
        smallest = smallest.min(p * m / rank as f64);
        q[i] = pi0 * smallest;
    }
    QValues { pi0, is_pi0_estimated: estimated.is_some(), q }
}

/// The share of true null hypotheses by descending p-values; `None` where it has no estimate.
fn pi0(descending: &[f64]) -> Option<f64> {
    let at = |i: usize| {
        let lambda = (LAMBDA_STEP + i as f64 * LAMBDA_STEP).min(LAST_LAMBDA);
        let n_above = descending.partition_point(|&p| p >= lambda);
        n_above as f64 / (descending.len() as f64 * (1.0 - lambda))
    };
    if descending.first().is_none_or(|&largest| largest < LAST_LAMBDA) {
        return None;
    }
    let by_lambda: [f64; N_LAMBDA] = std::array::from_fn(at);
    let smooth = dot(&by_lambda, &weights_at_end());
    (smooth > 0.0).then_some(smooth.min(1.0))
}

/// Row of the smoother for the last point. The spline through values g at equal steps h has second derivatives s with
/// Rs = Qᵀg inside (Green and Silverman 1994, 2.1). With the penalty sᵀPs, which is ∫f″² but for [`THIRD`], the least of
/// |y − g|² + `PENALTY`·sᵀPs is at g = y − Qμ, (QᵀQ + RP⁻¹Rᵀ/`PENALTY`)μ = Qᵀy.
fn weights_at_end() -> [f64; N_LAMBDA] {
    const INNER: usize = N_LAMBDA - 2;
    let h = 1.0 / (N_LAMBDA as f64 - 1.0);
    let mut p = [0f64; N_LAMBDA * N_LAMBDA];
    for i in 0..N_LAMBDA - 1 {
        let (here, next) = (i * N_LAMBDA + i, (i + 1) * N_LAMBDA + i);
        p[here] += h * THIRD;
        p[next] += h * (0.5 - THIRD);
        p[next + 1] += h * THIRD;
    }
    cholesky(&mut p, N_LAMBDA);
    let inverse = invert_lower(&p, N_LAMBDA);
    // L⁻¹Rᵀ and Q by column, so that products of columns give RP⁻¹Rᵀ and QᵀQ.
    let second = [h / 6.0, 2.0 * h / 3.0, h / 6.0];
    let difference = [1.0 / h, -2.0 / h, 1.0 / h];
    let half =
        |j: usize| -> [f64; N_LAMBDA] { std::array::from_fn(|i| dot(&inverse[i * N_LAMBDA + j..][..3], &second)) };
    let halves: [[f64; N_LAMBDA]; INNER] = std::array::from_fn(half);
    let q = |j: usize, i: usize| if (j..j + 3).contains(&i) { difference[i - j] } else { 0.0 };
    let columns: [[f64; N_LAMBDA]; INNER] = std::array::from_fn(|j| std::array::from_fn(|i| q(j, i)));
    let mut system = [0f64; INNER * INNER];
    for (i, row) in system.chunks_exact_mut(INNER).enumerate() {
        for (j, entry) in row.iter_mut().enumerate() {
            *entry = dot(&columns[i], &columns[j]) + dot(&halves[i], &halves[j]) / PENALTY;
        }
    }
    cholesky(&mut system, INNER);
    let mut mu: [f64; INNER] = std::array::from_fn(|j| columns[j][N_LAMBDA - 1]);
    solve_lower(&system, INNER, &mut mu);
    solve_lower_transposed(&system, INNER, &mut mu);
    std::array::from_fn(|i| {
        let fitted: f64 = columns.iter().zip(mu).map(|(column, mu)| column[i] * mu).sum();
        f64::from(u8::from(i == N_LAMBDA - 1)) - fitted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smoother_keeps_straight_lines() {
        let weights = weights_at_end();
        let line: [f64; N_LAMBDA] = std::array::from_fn(|i| 0.3 + 0.02 * i as f64);
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-11);
        assert!((dot(&line, &weights) - line[N_LAMBDA - 1]).abs() < 1e-11);
    }

    #[test]
    fn nothing_and_odd_values() {
        assert_eq!(q_values(&[]), QValues { pi0: 1.0, is_pi0_estimated: false, q: vec![] });
        let odd = q_values(&[f64::NAN, 0.5, -0.1, 1.5, 0.01]);
        assert!(odd.q[0].is_nan() && odd.q[2].is_nan() && odd.q[3].is_nan());
        assert_eq!((odd.q[1], odd.q[4], odd.is_pi0_estimated), (0.5, 0.02, false));
    }

    #[test]
    fn without_large_p_it_is_benjamini_hochberg() {
        let found = q_values(&[0.01, 0.02, 0.03, 0.04, 0.9]);
        assert!(!found.is_pi0_estimated);
        found
            .q
            .iter()
            .zip([0.05, 0.05, 0.05, 0.05, 0.9])
            .for_each(|(q, expected)| assert!((q - expected).abs() < 1e-15));
    }
}
