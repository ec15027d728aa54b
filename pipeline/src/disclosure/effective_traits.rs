//! How many independent traits there are among correlated ones, from the eigenvalues of their correlation.

use super::policy::Measure;

/// Numbers of effective traits by three measures; λ are the eigenvalues of the traits' correlation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectiveTraits {
    /// (Σλ)²/Σλ², the participation ratio: as many as traits where all λ are equal, 1 where one λ is all.
    pub participation: f64,
    /// Σ [λ ≥ 1] + (λ − ⌊λ⌋): Li and Ji, Heredity 95, 221 (2005).
    pub li_ji: f64,
    /// (Σ√λ)²/Σλ: Galwey, Genetic Epidemiology 33, 559 (2009).
    pub galwey: f64,
}

impl EffectiveTraits {
    /// Of eigenvalues in any order; those below 0 are rounding and count as 0. `None` where their sum is not above 0.
    pub fn new(eigenvalues: &[f64]) -> Option<Self> {
        let (mut sum, mut squares, mut roots, mut li_ji) = (0.0, 0.0, 0.0, 0.0);
        for &lambda in eigenvalues {
            let lambda = lambda.max(0.0);
            sum += lambda;
            squares += lambda * lambda;
            roots += lambda.sqrt();
            li_ji += f64::from(u8::from(lambda >= 1.0)) + (lambda - lambda.floor());
        }
        let one = |value: f64| value.max(1.0);
        (sum > 0.0 && squares.is_finite()).then(|| Self {
            participation: one(sum * sum / squares),
            li_ji: one(li_ji),
            galwey: one(roots * roots / sum),
        })
    }

    /// By a measure.
    pub fn by(&self, measure: Measure) -> f64 {
        match measure {
            Measure::Participation => self.participation,
            Measure::LiJi => self.li_ji,
            Measure::Galwey => self.galwey,
            Measure::Largest => self.participation.max(self.li_ji).max(self.galwey),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_and_lone_eigenvalues() {
        let all = EffectiveTraits::new(&[1.0; 5]).unwrap();
        assert_eq!((all.participation, all.li_ji, all.galwey), (5.0, 5.0, 5.0));
        let one = EffectiveTraits::new(&[5.0, 0.0, 0.0, -1e-17, 0.0]).unwrap();
        for measure in [one.participation, one.li_ji, one.galwey] {
            assert!((measure - 1.0).abs() < 1e-12, "{measure}");
        }
        assert_eq!(EffectiveTraits::new(&[]), None);
        assert_eq!(EffectiveTraits::new(&[0.0, 0.0]), None);
    }

    #[test]
    fn by_hand() {
        // λ = 2.25, 0.75, 0: sums 3 and 5.625, roots 1.5 + √0.75.
        let found = EffectiveTraits::new(&[2.25, 0.75, 0.0]).unwrap();
        assert!((found.participation - 9.0 / 5.625).abs() < 1e-15);
        assert!((found.li_ji - (1.0 + 0.25 + 0.75)).abs() < 1e-15);
        assert!((found.galwey - (1.5 + 0.75_f64.sqrt()).powi(2) / 3.0).abs() < 1e-15);
        assert_eq!(found.by(Measure::Largest), found.li_ji.max(found.galwey));
    }
}
