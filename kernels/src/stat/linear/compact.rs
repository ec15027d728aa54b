//! A score and its denominator as f32, and back: what the compact store keeps of a pair and how β and SE come of it.
//!
//! β = s/d and SE² = (ỹᵀỹ − s²/d)/(d·df), with 1/d taken once per (variant, mask).

/// Share of SE by which a β, and share of itself by which an SE, may differ from the kernel's.
pub const COMPACT_TOLERANCE: f64 = 1e-6;

/// What belongs to one (variant, mask) of a compact store.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreScale {
    inverse: f64,
    per_df: f64,
}

impl ScoreScale {
    /// `d`: g̃ᵀg̃ as stored, NaN where there is no test. `df`: n − covariates − 1 of the mask.
    #[must_use]
    pub fn new(d: f32, df: f64) -> Self {
        let inverse = 1.0 / f64::from(d);
        Self { inverse, per_df: inverse / df }
    }

    /// (β, SE) of a stored score; `residual_square`: ỹᵀỹ of the trait, in its unit squared. NaN where there is none.
    #[inline]
    #[must_use]
    pub fn pair(&self, score: f32, residual_square: f64) -> (f32, f32) {
        let score = f64::from(score);
        let beta = score * self.inverse;
        let se = ((residual_square - score * beta) * self.per_df).sqrt();
        (beta as f32, se as f32)
    }
}

/// Whether (β, SE) `found` stand for the kernel's `exact` ones: β within [`COMPACT_TOLERANCE`] of SE, SE within it of
/// itself, or both NaN in both. A pair with a β alone (a perfect fit) never does.
#[inline]
#[must_use]
pub fn stands_for(found: (f32, f32), exact: (f32, f32)) -> bool {
    let [beta, se] = [exact.0, exact.1].map(f64::from);
    let allowed = COMPACT_TOLERANCE * se;
    let near = (f64::from(found.0) - beta).abs() <= allowed && (f64::from(found.1) - se).abs() <= allowed;
    near || (exact.0.is_nan() && exact.1.is_nan() && found.0.is_nan() && found.1.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_squares_come_back() {
        // y = 1, 2, 4 on g = 0, 1, 2 about their means: s = 3, d = 2, ỹᵀỹ = 14/3, RSS = 1/6.
        let (beta, se) = ScoreScale::new(2.0, 1.0).pair(3.0, 14.0 / 3.0);
        assert_eq!(beta, 1.5);
        assert!((f64::from(se) - (1.0f64 / 12.0).sqrt()).abs() < 1e-8);
    }

    #[test]
    fn no_number_is_none_and_a_perfect_fit_is_not_stood_for() {
        let nan = f32::NAN;
        assert!(stands_for(ScoreScale::new(nan, 5.0).pair(nan, 1.0), (nan, nan)));
        assert!(stands_for(ScoreScale::new(2.0, 5.0).pair(nan, 1.0), (nan, nan)));
        assert!(!stands_for((1.0, 0.0), (1.0, nan)) && !stands_for((1.0, nan), (1.0, nan)));
        assert!(!stands_for((1.0, 1.0), (nan, nan)) && !stands_for((nan, nan), (1.0, 1.0)));
        assert!(stands_for((1.0, 1e-3), (1.0 + 1e-10, 1e-3)) && !stands_for((1.0, 1e-3), (1.000_001, 1e-3)));
    }
}
