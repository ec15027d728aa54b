//! How many minor alleles a trait's own samples have, where they are not all of the study's: told by the pair itself.
//!
//! Least squares with df degrees of freedom have SE² = (RSS₀/D − β²)/df, where D is the genotypes' sum of squares about their mean
//! among the trait's samples, and RSS₀ what the covariates leave of the trait's sum of squares, c·(n − 1)·sd², so
//! D = c·(n − 1)·sd²/(SE²·df + β²). A score test has SE² = 1/V and D = c/(SE²·s·(1 − s)), s being the share of cases. c is 1 without
//! covariates; with them it is the median over common variants of 2p(1 − p)n over what c = 1 gives. A rare allele's carriers
//! add about 1 each to D; D = 2p(1 − p)n is solved for the smaller p.

use std::ops::Range;

use super::{Cases, DisclosureError};
use crate::format::chromosome::{ChromosomeClass, class};
use crate::sink::rows::VariantRow;
use crate::store::{ResultsReader, TraitInfo};

/// Stretches of rows, and rows of each, that c is taken from.
const STRETCHES: usize = 16;
const ROWS: usize = 32;
/// Frequency of the minor allele from which on a variant is common.
const COMMON: f64 = 0.1;
/// Common variants at least.
const ENOUGH: usize = 5;
/// The least c that is believed, and the one where there are too few common variants.
const LEAST: f64 = 0.05;
const UNKNOWN: f64 = 0.5;
/// Without covariates, c from here on is 1: what is less was explained by predictions.
const NEARLY_ALL: f64 = 0.8;

/// What a trait's pairs tell of its genotypes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    c: f64,
}

impl Spread {
    /// Minor alleles among `n_observed` samples, as the sum of dosages; `None` where the pair tells nothing.
    pub(super) fn dosages(
        self,
        (info, cases): (&TraitInfo, Option<&Cases>),
        class: ChromosomeClass,
        n_observed: u32,
        numbers: (f64, f64),
    ) -> Option<f64> {
        let (n, of_one) = (f64::from(n_observed), per_sample(class));
        let squares = self.c * squares(info, cases, n, numbers)?;
        // D = k·p(1 − p)·n.
        let root = (1.0 - 4.0 * squares / (of_one * n)).max(0.0).sqrt();
        Some(n * (1.0 - root))
    }
}

/// k of D = k·p(1 − p)·n: 2 where people have two alleles, 4 where dosages are 0 and 2. On X men's are.
fn per_sample(class: ChromosomeClass) -> f64 {
    if class == ChromosomeClass::Autosome { 2.0 } else { 4.0 }
}

/// D with c = 1.
fn squares(info: &TraitInfo, cases: Option<&Cases>, n: f64, (beta, se): (f64, f64)) -> Option<f64> {
    let squares = if info.normal {
        let share = f64::from(cases?.n_cases) / f64::from(info.n);
        1.0 / (se * se * share * (1.0 - share))
    } else {
        let df = n - f64::from(info.df_covariates) - 1.0;
        (n - 1.0) * info.sd * info.sd / (se * se * df + beta * beta)
    };
    (squares.is_finite() && squares > 0.0).then_some(squares)
}

/// The class of a chromosome, fast where its name ends in a number.
pub(super) fn class_of(chrom: &str) -> ChromosomeClass {
    let is_number = chrom.as_bytes().last().is_some_and(u8::is_ascii_digit);
    match is_number && !["23", "24", "26"].iter().any(|sex| chrom.ends_with(sex)) {
        true => ChromosomeClass::Autosome,
        false => class(chrom),
    }
}

/// Takes c of each of `traits` (ascending rows of /traits) from the file.
pub(super) fn calibrate(
    reader: &ResultsReader,
    cases: &[Option<Cases>],
    traits: &[usize],
) -> Result<Vec<Spread>, DisclosureError> {
    let mut ratios: Vec<Vec<f64>> = vec![Vec::new(); traits.len()];
    if !traits.is_empty() {
        for rows in stretches(reader) {
            let variants = reader.variants(rows.clone())?;
            match reader.has_every_pair() {
                true => add_pairs(reader, cases, traits, (&variants, rows), &mut ratios)?,
                false => add_hits(reader, cases, traits, (&variants, rows), &mut ratios)?,
            }
        }
    }
    let infos = &reader.header().traits;
    Ok(traits.iter().zip(ratios).map(|(&trait_idx, ratios)| Spread { c: c_of(&infos[trait_idx], ratios) }).collect())
}

/// Evenly over the file; of a hits store more rows, since most have no hit.
fn stretches(reader: &ResultsReader) -> Vec<Range<usize>> {
    let (n, height) = (reader.n_variants(), if reader.has_every_pair() { ROWS } else { 128 * ROWS });
    if n <= STRETCHES * height {
        return std::iter::once(0..n).collect();
    }
    let chunk = reader.chunk().0;
    let start = |i: usize| i * n / STRETCHES / chunk * chunk;
    (0..STRETCHES).map(|i| start(i)..(start(i) + height).min(n)).collect()
}

fn add_pairs(
    reader: &ResultsReader,
    cases: &[Option<Cases>],
    traits: &[usize],
    (variants, rows): (&[VariantRow], Range<usize>),
    ratios: &mut [Vec<f64>],
) -> Result<(), DisclosureError> {
    let (infos, width) = (&reader.header().traits, reader.chunk().1);
    let n_masks = reader.header().n_masks();
    let missing = reader.n_missing(rows.clone(), 0..n_masks)?;
    let mut at = 0;
    for chosen in traits.chunk_by(|a, b| a / width == b / width) {
        let (first, end) = (chosen[0], chosen[chosen.len() - 1] + 1);
        let (beta, se) = reader.block(rows.clone(), first..end)?;
        for (&trait_idx, ratios) in chosen.iter().zip(&mut ratios[at..]) {
            let info = &infos[trait_idx];
            for (row, variant) in variants.iter().enumerate() {
                let missing = missing.as_ref().map_or(0, |missing| missing[row * n_masks + info.mask as usize]);
                let cell = row * (end - first) + trait_idx - first;
                let numbers = (f64::from(beta[cell]), f64::from(se[cell]));
                let n_observed = info.n.saturating_sub(missing);
                ratios.extend(ratio(variant, (info, cases[trait_idx].as_ref()), n_observed, numbers));
            }
        }
        at += chosen.len();
    }
    Ok(())
}

fn add_hits(
    reader: &ResultsReader,
    cases: &[Option<Cases>],
    traits: &[usize],
    (variants, rows): (&[VariantRow], Range<usize>),
    ratios: &mut [Vec<f64>],
) -> Result<(), DisclosureError> {
    for hit in reader.hits_of_variants(rows.clone())? {
        let trait_idx = hit.trait_idx as usize;
        let Ok(at) = traits.binary_search(&trait_idx) else { continue };
        let info = &reader.header().traits[trait_idx];
        let variant = &variants[hit.variant as usize - rows.start];
        let n_observed = hit.n_observed.unwrap_or(info.n);
        ratios[at].extend(ratio(variant, (info, cases[trait_idx].as_ref()), n_observed, (hit.beta, hit.se)));
    }
    Ok(())
}

/// 2p(1 − p)n over D with c = 1, of a common variant.
fn ratio(
    variant: &VariantRow,
    (info, cases): (&TraitInfo, Option<&Cases>),
    n_observed: u32,
    numbers: (f64, f64),
) -> Option<f64> {
    let (p, n) = (variant.a1_freq, f64::from(n_observed));
    let is_common = p.min(1.0 - p) >= COMMON && class_of(&variant.chrom) == ChromosomeClass::Autosome;
    is_common.then(|| Some(2.0 * p * (1.0 - p) * n / squares(info, cases, n, numbers)?)).flatten()
}

fn c_of(info: &TraitInfo, mut ratios: Vec<f64>) -> f64 {
    let has_none = !info.normal && info.df_covariates <= 1;
    if ratios.len() < ENOUGH {
        return if has_none { 1.0 } else { UNKNOWN };
    }
    ratios.sort_unstable_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    match (has_none, info.normal) {
        (true, _) if median >= NEARLY_ALL => 1.0,
        // Weights that differ between people make a score's variance smaller than the mean weight has it.
        (_, true) => median.max(LEAST),
        _ => median.clamp(LEAST, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_the_names() {
        for name in ["1", "chr4", "24", "chr24", "26", "123", "X", "chrY", "MT", "chrM", "XY", "GL0024", "14", "016"] {
            assert_eq!(class_of(name), class(name), "{name}");
        }
    }

    #[test]
    fn a_pair_tells_its_carriers() {
        let info = TraitInfo {
            name: "t".into(),
            n: 100,
            mask: 0,
            df_covariates: 1,
            status: 0,
            mean: 0.0,
            sd: 2.0,
            normal: false,
        };
        // k carriers of one allele among 100: D = k − k²/100; SE² = ((n − 1)·sd²/D − β²)/df.
        for k in [1.0, 3.0, 20.0] {
            let beta = 0.3;
            let se = ((99.0 * 4.0 / (k - k * k / 100.0) - beta * beta) / 98.0_f64).sqrt();
            let of = |class| Spread { c: 1.0 }.dosages((&info, None), class, 100, (beta, se)).unwrap();
            assert!((of(ChromosomeClass::Autosome) / k - 1.0).abs() < 0.15, "{k} {}", of(ChromosomeClass::Autosome));
            // 0 and 2: k carriers make 4 times as much.
            let se = ((99.0 * 4.0 / (4.0 * (k - k * k / 100.0)) - beta * beta) / 98.0_f64).sqrt();
            let of = Spread { c: 1.0 }.dosages((&info, None), ChromosomeClass::Mt, 100, (beta, se)).unwrap();
            assert!((of - 2.0 * k).abs() < 1e-9, "{k} {of}");
        }
    }
}
