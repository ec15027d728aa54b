//! How far numbers are apart, and where the farthest are.

use std::fmt::Write as _;

use serde::Serialize;

/// The farthest apart of one measure.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Worst {
    /// How far.
    pub difference: f64,
    /// Where: variant and trait, or a phenotype.
    pub at: Option<String>,
}

impl Worst {
    fn add(&mut self, difference: f64, at: &dyn Fn() -> String) {
        if difference > self.difference {
            *self = Self { difference, at: Some(at()) };
        }
    }
}

/// Pairs of both files.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Numbers {
    /// Pairs that were compared.
    pub compared: u64,
    /// Of these, those whose effect or standard error has other bits.
    pub other_bits: u64,
    /// Of these, those beyond the tolerance.
    pub beyond: u64,
    /// Pairs with a number in one file alone.
    pub in_one_alone: u64,
    /// |Δβ| in standard errors of the first file.
    pub beta: Worst,
    /// |ΔSE| in SE of the first file.
    pub se: Worst,
    /// |Δ −log10 p|.
    pub log10p: Worst,
    /// |Δ −log10 p| of beta-approximated p-values, of cis results.
    pub log10p_beta: Worst,
}

/// Effect and standard error.
pub(super) type Pair = (f64, f64);

impl Numbers {
    /// Whether there is any difference beyond the tolerance.
    pub fn differ(&self) -> bool {
        self.beyond + self.in_one_alone > 0
    }

    /// Compares two pairs; whether their bits differ though both have numbers.
    pub(super) fn add(&mut self, a: Pair, b: Pair, tolerance: f64, at: &dyn Fn() -> String) -> bool {
        self.compared += 1;
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        if same(a.0, b.0) && same(a.1, b.1) {
            return false;
        }
        if a.1.is_nan() != b.1.is_nan() || a.0.is_nan() != b.0.is_nan() {
            self.in_one_alone += 1;
            return false;
        }
        self.other_bits += 1;
        // A pair that fits perfectly has no standard error: its effect is its measure.
        let unit = if a.1 > 0.0 { a.1 } else { a.0.abs().max(f64::MIN_POSITIVE) };
        let (beta, se) = ((a.0 - b.0).abs() / unit, if a.1.is_nan() { 0.0 } else { (a.1 - b.1).abs() / unit });
        self.beta.add(beta, at);
        self.se.add(se, at);
        if beta.max(se) > tolerance {
            self.beyond += 1;
        }
        true
    }

    pub(super) fn add_log10p(&mut self, a: f64, b: f64, at: &dyn Fn() -> String) {
        self.log10p.add((a - b).abs(), at);
    }

    pub(super) fn add_log10p_beta(&mut self, a: f64, b: f64, at: &dyn Fn() -> String) {
        self.log10p_beta.add((a - b).abs(), at);
    }

    pub(super) fn text(&self, text: &mut String, tolerance: f64) {
        let beyond = if tolerance > 0.0 { format!(", {} beyond {tolerance}", self.beyond) } else { String::new() };
        let _ = writeln!(
            text,
            "pairs: {} compared, {} with other bits{beyond}, {} with a number in one file alone",
            self.compared, self.other_bits, self.in_one_alone
        );
        let worst = [
            ("|Δβ|/SE", &self.beta),
            ("|ΔSE|/SE", &self.se),
            ("|Δ −log10 p|", &self.log10p),
            ("|Δ −log10 p_beta|", &self.log10p_beta),
        ];
        for (name, worst) in worst {
            if let Some(at) = &worst.at {
                let _ = writeln!(text, "pairs: worst {name} {:.3e} at {at}", worst.difference);
            }
        }
    }
}
