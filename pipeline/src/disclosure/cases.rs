//! How many minor alleles cases and controls have, given back by an effect.
//!
//! Of a trait of two values, one of them the cases', with n₁ cases among n samples and A copies of ALT in them, the score is
//! U = Σ(g − ḡ)(y − ȳ) = A₁ − A·n₁/n where y is 0 or 1, so the cases have A₁ = A·n₁/n + U copies. An effect of linear regression
//! without covariates is β = U/Σ(g − ḡ)², and SE² = (Σ(y − ȳ)²/Σ(g − ḡ)² − β²)/df, so Σ(g − ḡ)² = Σ(y − ȳ)²/(β² + df·SE²). A
//! score test has β = U/V and SE² = 1/V, so U = β/SE². With covariates both are approximate: what they explain is left out; and A is an
//! estimate where the trait lacks samples of the study.

use crate::store::TraitInfo;

/// A trait of two values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cases {
    /// Samples with the greater value.
    pub n_cases: u32,
    /// The others.
    pub n_controls: u32,
    /// The distance of the two values as analysed; 1 for a logistic model.
    pub distance: f64,
}

/// Minor alleles among cases and among controls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CaseCells {
    /// Among cases.
    pub cases: f64,
    /// Among controls.
    pub controls: f64,
}

impl CaseCells {
    /// The smaller cell.
    pub fn smallest(&self) -> f64 {
        self.cases.min(self.controls)
    }
}

impl Cases {
    /// Of a trait whose cases are counted in the file, or whose mean and standard deviation can only be those of zeros and ones
    /// (or ones and twos); `None` of any other trait.
    pub fn of(info: &TraitInfo, counted: Option<u32>) -> Option<Self> {
        let split = |n_cases: u32| {
            let n_controls = info.n.checked_sub(n_cases)?;
            Some(Self { n_cases, n_controls, distance: 1.0 })
        };
        if let Some(n_cases) = counted {
            return split(n_cases);
        }
        let n = f64::from(info.n);
        let share = if (1.0..=2.0).contains(&info.mean) { info.mean - 1.0 } else { info.mean };
        let n_cases = (share * n).round();
        let is_whole = (share * n - n_cases).abs() < 1e-6 * n.max(1.0);
        let variance = share * (1.0 - share) * n / (n - 1.0);
        let fits = is_whole && (info.sd * info.sd - variance).abs() <= 1e-9 * variance;
        if fits && n_cases >= 1.0 && n_cases < n { split(n_cases as u32) } else { None }
    }

    /// Minor alleles of a variant with `alt` copies of ALT among `n` samples of the trait; `None` without an effect.
    pub fn cells(&self, info: &TraitInfo, (alt, n): (f64, f64), (beta, se): (f64, f64)) -> Option<CaseCells> {
        let share = f64::from(self.n_cases) / f64::from(info.n);
        let score = if info.normal {
            beta / (se * se)
        } else {
            let df = n - f64::from(info.df_covariates) - 1.0;
            let of_trait = share * (1.0 - share) * n * self.distance * self.distance;
            beta * of_trait / (beta * beta + df * se * se) / self.distance
        };
        if !score.is_finite() {
            return None;
        }
        let of_cases = alt * share + score;
        let of_controls = alt - of_cases;
        let (cases, controls) = (n * share, n * (1.0 - share));
        Some(match alt <= n {
            true => CaseCells { cases: of_cases.max(0.0), controls: of_controls.max(0.0) },
            false => CaseCells {
                cases: (2.0 * cases - of_cases).max(0.0),
                controls: (2.0 * controls - of_controls).max(0.0),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(n: u32, mean: f64, sd: f64) -> TraitInfo {
        TraitInfo { name: "t".into(), n, mask: 0, df_covariates: 1, status: 0, mean, sd, normal: false }
    }

    #[test]
    fn two_values_are_told_by_mean_and_deviation() {
        // 30 of 100: variance 0.3 × 0.7 × 100/99.
        let sd = (0.21_f64 * 100.0 / 99.0).sqrt();
        assert_eq!(Cases::of(&info(100, 0.3, sd), None).unwrap().n_cases, 30);
        assert_eq!(Cases::of(&info(100, 1.3, sd), None).unwrap().n_cases, 30);
        assert_eq!(Cases::of(&info(100, 0.3, 0.5), None), None);
        assert_eq!(Cases::of(&info(100, f64::NAN, f64::NAN), None), None);
        assert_eq!(Cases::of(&info(100, f64::NAN, f64::NAN), Some(12)).unwrap().n_controls, 88);
    }

    #[test]
    fn least_squares_give_the_table_back() {
        // 4 cases with 0, 1, 1, 2 copies and 6 controls with 0, 0, 0, 0, 1, 0: 4 and 1 copies.
        let (g, y) = ([0, 1, 1, 2, 0, 0, 0, 0, 1, 0].map(f64::from), [1, 1, 1, 1, 0, 0, 0, 0, 0, 0].map(f64::from));
        let mean = |v: &[f64]| v.iter().sum::<f64>() / 10.0;
        let (mg, my) = (mean(&g), mean(&y));
        let product =
            |a: &[f64], ma: f64, b: &[f64], mb: f64| a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum::<f64>();
        let (gg, gy, yy) = (product(&g, mg, &g, mg), product(&g, mg, &y, my), product(&y, my, &y, my));
        let beta = gy / gg;
        let se = ((yy / gg - beta * beta) / 8.0).sqrt();
        let trait_ = info(10, my, (yy / 9.0).sqrt());
        let cells = Cases::of(&trait_, None).unwrap().cells(&trait_, (5.0, 10.0), (beta, se)).unwrap();
        assert!((cells.cases - 4.0).abs() < 1e-9 && (cells.controls - 1.0).abs() < 1e-9, "{cells:?}");
        // The other allele counted: 15 copies, of which cases have 4 and controls 11; the minor ones are the same.
        let cells = Cases::of(&trait_, None).unwrap().cells(&trait_, (15.0, 10.0), (-beta, se)).unwrap();
        assert!((cells.cases - 4.0).abs() < 1e-9 && (cells.controls - 1.0).abs() < 1e-9, "{cells:?}");
    }
}
