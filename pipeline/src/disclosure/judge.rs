//! The policy held against pairs, one by one: what an export asks, and what the report counts.

use super::cases::{CaseCells, Cases};
use super::policy::{Action, Judged, Policy};
use super::spread::{self, Spread};
use super::{DisclosureError, Fate, Filter, Verdict};
use crate::cohort::traits::MIN_OBSERVED;
use crate::format::chromosome::ChromosomeClass;
use crate::sink::rows::VariantRow;
use crate::store::{ResultsReader, TraitInfo};

/// Reasons, in the order of their indices.
const REASONS: [&str; 5] = ["minor_allele_count", "case_cell", "near_perfect_fit", "trait_samples", "trait_cases"];
const MINOR_ALLELES: usize = 0;
const CASE_CELL: usize = 1;
const NEAR_PERFECT_FIT: usize = 2;
const TRAIT_SAMPLES: usize = 3;
const TRAIT_CASES: usize = 4;

/// Rounding of a count and of a frequency beyond the largest that can be.
const FREQ_ROUNDING: f64 = 1e-6;
/// What the traits' ledger calls two-valued traits of a linear model.
const TWO_VALUES: &str = "two_values_tested_linearly";

/// What is to be known of a trait.
#[derive(Debug, Clone)]
struct JudgedTrait {
    info: TraitInfo,
    cases: Option<Cases>,
    /// Of a trait with fewer samples than the study.
    spread: Option<Spread>,
    refused: Option<usize>,
}

/// Holds a policy against the pairs of one results file.
#[derive(Debug, Clone)]
pub struct Judge {
    policy: Policy,
    traits: Vec<JudgedTrait>,
    n_unrecognised: u64,
}

impl Judge {
    /// For the traits of a file.
    ///
    /// # Errors
    /// Its counts of cases cannot be read.
    pub fn new(reader: &ResultsReader, policy: &Policy) -> Result<Self, DisclosureError> {
        let qc = reader.qc()?;
        let counted = qc.case_counts;
        let header = reader.header();
        let of = |(trait_idx, info)| Cases::of(info, counted.as_ref().map(|counts| counts[trait_idx]));
        let cases: Vec<Option<Cases>> = header.traits.iter().enumerate().map(of).collect();
        let is_partial = |&trait_idx: &usize| header.traits[trait_idx].n < header.n_samples;
        let partial: Vec<usize> = (0..header.traits.len()).filter(is_partial).collect();
        let mut spreads = vec![None; header.traits.len()];
        for (&trait_idx, spread) in partial.iter().zip(spread::calibrate(reader, &cases, &partial)?) {
            spreads[trait_idx] = Some(spread);
        }
        let judged = |((info, cases), spread): ((&TraitInfo, Option<Cases>), Option<Spread>)| {
            let refused = refused(info, cases.as_ref(), policy);
            JudgedTrait { info: info.clone(), cases, spread, refused }
        };
        let traits: Vec<JudgedTrait> = header.traits.iter().zip(cases).zip(spreads).map(judged).collect();
        let told = qc.ledger.traits.entries.iter().find(|entry| entry.name == TWO_VALUES);
        let with_cases =
            |of: &&JudgedTrait| of.cases.is_some() && !of.info.normal && of.info.n as usize >= MIN_OBSERVED;
        let recognised = traits.iter().filter(with_cases).count() as u64;
        let n_unrecognised = told.map_or(0, |entry| entry.count.saturating_sub(recognised));
        Ok(Self { policy: policy.clone(), traits, n_unrecognised })
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Of a trait of two values, its cases.
    pub fn cases(&self, trait_idx: usize) -> Option<&Cases> {
        self.traits[trait_idx].cases.as_ref()
    }

    /// Traits that the file's ledger counts as of two values and that are not among those whose cases are known: coded otherwise
    /// than 0 and 1 or 1 and 2, standardised, or ranked.
    pub fn n_unrecognised(&self) -> u64 {
        self.n_unrecognised
    }

    /// Whether a trait has fewer samples than the study, so that its alleles are not the study's.
    pub(super) fn is_partial(&self, trait_idx: usize) -> bool {
        self.traits[trait_idx].spread.is_some()
    }

    /// Minor alleles of a variant among the samples of a pair: those of the study where they are the same people; else those to
    /// be expected, or those that the pair itself shows, whichever are fewer. NaN where the variant's counts are none that can be.
    pub fn minor_alleles(&self, variant: &VariantRow, trait_idx: usize, n_observed: u32, numbers: (f64, f64)) -> f64 {
        alleles_of(variant, n_observed, self.minor_dosages(variant, trait_idx, n_observed, numbers))
    }

    /// Those to be expected of as many samples.
    pub(super) fn expected_alleles(variant: &VariantRow, n_observed: u32) -> f64 {
        alleles_of(variant, n_observed, expected(variant, n_observed))
    }

    /// Likewise, as the sum of dosages: 2 for each allele on Y and MT.
    fn minor_dosages(&self, variant: &VariantRow, trait_idx: usize, n_observed: u32, numbers: (f64, f64)) -> f64 {
        let expected = expected(variant, n_observed);
        let of = &self.traits[trait_idx];
        let Some(spread) = of.spread.filter(|_| n_observed < variant.n) else { return expected };
        let shown =
            spread.dosages((&of.info, of.cases.as_ref()), spread::class_of(&variant.chrom), n_observed, numbers);
        match shown {
            Some(shown) if shown < expected => shown,
            _ => expected,
        }
    }

    /// Minor alleles among cases and controls; `None` where the trait has no cases or the pair no effect.
    pub fn case_cells(
        &self,
        variant: &VariantRow,
        trait_idx: usize,
        n_observed: u32,
        (beta, se): (f64, f64),
    ) -> Option<CaseCells> {
        let JudgedTrait { info, cases, .. } = &self.traits[trait_idx];
        let (cases, n) = (cases.as_ref()?, f64::from(n_observed));
        let minor = self.minor_dosages(variant, trait_idx, n_observed, (beta, se));
        let alt = if variant.a1_freq <= 0.5 { minor } else { 2.0 * n - minor };
        let CaseCells { cases, controls } = cases.cells(info, (alt, n), (beta, se))?;
        let per_allele = if is_haploid(variant) { 0.5 } else { 1.0 };
        Some(CaseCells { cases: cases * per_allele, controls: controls * per_allele })
    }

    /// The share of the trait's residual variance that a pair tells; 0 where none is known, and of score tests.
    pub fn r2(&self, trait_idx: usize, n_observed: u32, (beta, se): (f64, f64)) -> f64 {
        let info = &self.traits[trait_idx].info;
        let df = f64::from(n_observed) - f64::from(info.df_covariates) - 1.0;
        let square = (beta / se).powi(2);
        let r2 = square / (square + df);
        if info.normal || df < 1.0 || r2.is_nan() { 0.0 } else { r2 }
    }

    pub(super) fn is_rare(&self, variant: &VariantRow, trait_idx: usize, n_observed: u32, numbers: (f64, f64)) -> bool {
        let minimum = f64::from(self.policy.minor_alleles.minimum);
        is_under(self.minor_alleles(variant, trait_idx, n_observed, numbers), minimum)
    }

    fn is_small_cell(&self, variant: &VariantRow, trait_idx: usize, n_observed: u32, numbers: (f64, f64)) -> bool {
        let minimum = f64::from(self.policy.case_cells.minimum);
        let cells = self.case_cells(variant, trait_idx, n_observed, numbers);
        cells.is_some_and(|cells| is_under(cells.smallest(), minimum))
    }
}

/// Why a trait does not go out at all.
fn refused(info: &TraitInfo, cases: Option<&Cases>, policy: &Policy) -> Option<usize> {
    let Judged { minimum, verdict } = policy.cases;
    let is_few = |cases: &&Cases| cases.n_cases.min(cases.n_controls) < minimum && verdict != Verdict::Pass;
    match info.n < policy.samples.minimum {
        true => Some(TRAIT_SAMPLES),
        false => cases.filter(is_few).map(|_| TRAIT_CASES),
    }
}

/// Whether a count made of rounded numbers is under a minimum, or is no number.
pub(super) fn is_under(count: f64, minimum: f64) -> bool {
    // An f32 gives a count back to about one in a million.
    count.is_nan() || count < minimum * (1.0 - 1e-5)
}

/// One allele a person, coded 0 and 2.
fn is_haploid(variant: &VariantRow) -> bool {
    matches!(spread::class_of(&variant.chrom), ChromosomeClass::Y | ChromosomeClass::Mt)
}

/// Alleles of a sum of dosages, no more than the variant's own count has of them; NaN stays.
fn alleles_of(variant: &VariantRow, n_observed: u32, dosages: f64) -> f64 {
    let alleles = if is_haploid(variant) { dosages / 2.0 } else { dosages };
    let share = f64::from(n_observed.min(variant.n)) / f64::from(variant.n.max(1));
    if alleles.is_nan() { alleles } else { alleles.min(variant.mac * share) }
}

/// Dosages of the minor allele to be expected; NaN of counts that cannot be.
fn expected(variant: &VariantRow, n_observed: u32) -> f64 {
    let VariantRow { a1_freq, mac, n, .. } = *variant;
    if n == 0 {
        return 0.0;
    }
    let n_all = f64::from(n);
    let can_be = (0.0..=1.0 + FREQ_ROUNDING).contains(&a1_freq) && (0.0..=n_all * (1.0 + FREQ_ROUNDING)).contains(&mac);
    match can_be {
        true => 2.0 * f64::from(n_observed.min(n)) * a1_freq.min(1.0 - a1_freq).max(0.0),
        false => f64::NAN,
    }
}

impl Filter for Judge {
    fn reasons(&self) -> &[&'static str] {
        &REASONS
    }

    fn trait_refused(&self, trait_idx: usize) -> Option<usize> {
        self.traits[trait_idx].refused
    }

    fn fate(&mut self, variant: &VariantRow, trait_idx: usize, n_observed: u32, beta: f32, se: f32) -> Fate {
        let fate = |action: Action, reason: usize| match action {
            Action::Drop => Fate::Drop(reason),
            Action::Mask => Fate::Mask(reason),
        };
        let (alleles, cells, fits) =
            (&self.policy.minor_alleles, &self.policy.case_cells, &self.policy.near_perfect_fits);
        if n_observed < self.policy.samples.minimum {
            return Fate::Drop(TRAIT_SAMPLES);
        }
        let counts = |verdict: Verdict| verdict != Verdict::Pass;
        let numbers = (f64::from(beta), f64::from(se));
        if counts(alleles.verdict) && self.is_rare(variant, trait_idx, n_observed, numbers) {
            return fate(alleles.action, MINOR_ALLELES);
        }
        // An effect without a standard error is a perfect fit.
        let is_perfect = beta.is_finite() && se.is_nan();
        if counts(fits.verdict) && (is_perfect || self.r2(trait_idx, n_observed, numbers) > fits.maximum_r2) {
            return fate(fits.action, NEAR_PERFECT_FIT);
        }
        if counts(cells.verdict) && self.is_small_cell(variant, trait_idx, n_observed, numbers) {
            return fate(cells.action, CASE_CELL);
        }
        Fate::Keep
    }
}
