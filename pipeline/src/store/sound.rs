//! Numbers that no run writes: a reader looks for them where it reads, and passes none on.

use std::fmt::Display;
use std::ops::Range;

use norna_kernels::Status;

use super::error::{Place, StoreError};
use super::reader::StoredHit;
use super::schema::TraitInfo;
use crate::sink::rows::VariantRow;

/// Rounding of a log10 p that is compared with a threshold, relative.
const ROUNDING: f64 = 1e-9;
/// Rounding of a frequency beyond 1.
const FREQ_ROUNDING: f64 = 1e-6;

/// "row 3: -1 where a count fits".
pub(super) fn wrong(
    place: &Place,
    object: &str,
    (row, trait_idx): (usize, Option<usize>),
    value: impl Display,
    fits: &str,
) -> StoreError {
    let trait_idx = trait_idx.map(|idx| format!(", trait {idx}")).unwrap_or_default();
    place.malformed(object, format!("row {row}{trait_idx}: {value} where {fits} fits"))
}

/// Whether β and SE can stand in a file: both numbers with SE above 0, β alone, or neither.
pub(super) fn is_pair(beta: f64, se: f64) -> bool {
    beta.is_finite() && (se.is_nan() || (se > 0.0 && se.is_finite())) || (beta.is_nan() && se.is_nan())
}

/// Checks β and SE of rows × traits, read from `objects`.
pub(super) fn check_block(
    place: &Place,
    objects: [&str; 2],
    (rows, traits): (&Range<usize>, &Range<usize>),
    (beta, se): (&[f32], &[f32]),
) -> Result<(), StoreError> {
    let bad = beta.iter().zip(se).position(|(&beta, &se)| !is_pair(beta.into(), se.into()));
    let Some(cell) = bad else { return Ok(()) };
    let at = (rows.start + cell / traits.len(), Some(traits.start + cell % traits.len()));
    match beta[cell] {
        beta if beta.is_infinite() => Err(wrong(place, objects[0], at, beta, "a finite effect or NaN")),
        _ if beta[cell].is_nan() => Err(wrong(place, objects[1], at, se[cell], "NaN, as the effect,")),
        _ => Err(wrong(place, objects[1], at, se[cell], "a standard error above 0 or NaN")),
    }
}

/// Checks rows of /variants, of which the first is `start`.
pub(super) fn check_variants(
    place: &Place,
    start: usize,
    rows: &[VariantRow],
    n_samples: u32,
) -> Result<(), StoreError> {
    for (row, variant) in (start..).zip(rows) {
        let at = (row, None);
        let VariantRow { a1_freq, mac, status, .. } = *variant;
        if !a1_freq.is_nan() && !(0.0..=1.0 + FREQ_ROUNDING).contains(&a1_freq) {
            return Err(wrong(place, "/variants/a1_freq", at, a1_freq, "a frequency from 0 to 1"));
        }
        if mac.is_infinite() || mac < 0.0 {
            return Err(wrong(place, "/variants/mac", at, mac, "a count from 0"));
        }
        for (object, n) in [("/variants/n", variant.n), ("/variants/missing", variant.missing)] {
            if n > n_samples {
                return Err(wrong(place, object, at, n, &format!("at most {n_samples} samples")));
            }
        }
        check_status(place, "/variants/status", row, status)?;
    }
    Ok(())
}

/// Checks rows of /traits.
pub(super) fn check_traits(place: &Place, traits: &[TraitInfo], n_samples: u32) -> Result<(), StoreError> {
    for (row, info) in traits.iter().enumerate() {
        for (object, n) in [("/traits/n", info.n), ("/traits/df_covariates", info.df_covariates)] {
            if n > n_samples {
                return Err(wrong(place, object, (row, None), n, &format!("at most {n_samples} samples")));
            }
        }
        check_status(place, "/traits/status", row, info.status)?;
    }
    Ok(())
}

/// Checks the code of a status.
pub(super) fn check_status(place: &Place, object: &str, row: usize, code: u8) -> Result<(), StoreError> {
    match Status::from_code(code) {
        Some(_) => Ok(()),
        None => Err(wrong(place, object, (row, None), code, "a status")),
    }
}

/// Checks a hit at a row of /hits: its numbers, and that its p can be theirs.
pub(super) fn check_hit(
    place: &Place,
    row: usize,
    hit: &StoredHit,
    threshold: f64,
    info: &TraitInfo,
) -> Result<(), StoreError> {
    let at = (row, None);
    if !hit.beta.is_finite() {
        return Err(wrong(place, "/hits/beta", at, hit.beta, "a finite effect"));
    }
    if !(hit.se > 0.0 && hit.se.is_finite()) {
        return Err(wrong(place, "/hits/se", at, hit.se, "a standard error above 0"));
    }
    if hit.log10p.is_nan() || hit.log10p < threshold * (1.0 - ROUNDING) {
        return Err(wrong(place, "/hits/log10p", at, hit.log10p, &format!("at least the threshold {threshold}")));
    }
    let n = if info.normal { f64::INFINITY } else { info.n.into() };
    let most = most_log10p(hit.beta / hit.se, n);
    if hit.log10p > most {
        return Err(wrong(place, "/hits/log10p", at, hit.log10p, &format!("at most {most:.1} for its beta and se")));
    }
    match hit.n_observed.filter(|&n| n > info.n) {
        Some(n) => Err(wrong(place, "/hits/obs_ct", at, n, &format!("at most {} samples", info.n))),
        None => Ok(()),
    }
}

/// More than the −log10 p of any t with fewer than `n` degrees of freedom: (1 + t²/ν)^(−(ν − 1)/2)/|t| is the tail but for
/// a factor, and falls as ν grows, to the normal distribution's exp(−t²/2)/|t|.
fn most_log10p(t: f64, n: f64) -> f64 {
    let n = n.max(1.0);
    let exponent = if n.is_infinite() { t * t / 2.0 } else { n / 2.0 * (t * t / n).ln_1p() };
    exponent / std::f64::consts::LN_10 + t.abs().ln_1p() / std::f64::consts::LN_10 + 1.0
}

/// Pairs as a list has them: (variant, trait) rising, each of them in the file.
pub(super) struct PairOrder<'a> {
    pub(super) object: &'a str,
    pub(super) n_variants: usize,
    pub(super) n_traits: usize,
    /// The pair before those that come.
    pub(super) last: Option<(u64, u32)>,
}

impl PairOrder<'_> {
    /// Checks pairs of which the first stands at row `start`.
    pub(super) fn check(
        &mut self,
        place: &Place,
        start: usize,
        variants: &[u64],
        traits: &[u32],
    ) -> Result<(), StoreError> {
        for (row, pair) in (start..).zip(variants.iter().copied().zip(traits.iter().copied())) {
            let (variant, trait_idx) = pair;
            if variant >= self.n_variants as u64 || trait_idx as usize >= self.n_traits {
                let problem = format!("row {row}: variant {variant}, trait {trait_idx}: there is no such pair");
                return Err(place.malformed(self.object, problem));
            }
            if self.last.is_some_and(|last| last >= pair) {
                let problem = format!("row {row}: variant {variant}, trait {trait_idx}: out of order");
                return Err(place.malformed(self.object, problem));
            }
            self.last = Some(pair);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use norna_kernels::student;

    #[test]
    fn no_p_is_beyond_its_bound() {
        for df in [1.0, 2.0, 3.0, 10.0, 353.0, 9_988.0, 500_000.0] {
            for t in [0.0, 1e-9, 0.1, 1.0, 5.0, 38.0, 1e3, 1e6, 1e30] {
                for n in [df + 2.0, df + 50.0] {
                    assert!(student::log10_p(t, df) <= most_log10p(t, n), "{t} {df} {n}");
                }
            }
        }
        assert!(most_log10p(1e30, 1e6) < 1e300);
    }
}
