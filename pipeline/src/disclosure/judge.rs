//! The policy held against pairs, one by one: what an export asks, and what the report counts.

use super::cases::{CaseCells, Cases};
use super::policy::{Action, Policy};
use super::{DisclosureError, Fate, Filter, Verdict};
use crate::cohort::traits::MIN_OBSERVED;
use crate::sink::rows::VariantRow;
use crate::store::{ResultsReader, TraitInfo};

/// Reasons, in the order of their indices.
const REASONS: [&str; 5] = ["minor_allele_count", "case_cell", "near_perfect_fit", "trait_samples", "trait_cases"];
const MINOR_ALLELES: usize = 0;
const CASE_CELL: usize = 1;
const NEAR_PERFECT_FIT: usize = 2;
const TRAIT_SAMPLES: usize = 3;
const TRAIT_CASES: usize = 4;

/// What the traits' ledger calls two-valued traits of a linear model.
const TWO_VALUES: &str = "two_values_tested_linearly";

/// What is to be known of a trait.
#[derive(Debug, Clone)]
struct JudgedTrait {
    info: TraitInfo,
    cases: Option<Cases>,
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
        let judged = |(trait_idx, info): (usize, &TraitInfo)| {
            let cases = Cases::of(info, counted.as_ref().map(|counts| counts[trait_idx]));
            let too_few = |n: u32, minimum: u32, verdict: Verdict| n < minimum && verdict != Verdict::Pass;
            let (minimum, verdict) = (policy.cases.minimum, policy.cases.verdict);
            let of_cases = |cases: &Cases| too_few(cases.n_cases.min(cases.n_controls), minimum, verdict);
            let refused = if info.n < policy.samples.minimum {
                Some(TRAIT_SAMPLES)
            } else {
                cases.filter(of_cases).map(|_| TRAIT_CASES)
            };
            JudgedTrait { info: info.clone(), cases, refused }
        };
        let traits: Vec<JudgedTrait> = reader.header().traits.iter().enumerate().map(judged).collect();
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

    /// Minor alleles of a variant to be expected among so many of its samples.
    pub fn minor_alleles(variant: &VariantRow, n_observed: u32) -> f64 {
        match variant.n {
            0 => 0.0,
            n => variant.mac * f64::from(n_observed.min(n)) / f64::from(n),
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
        let n = f64::from(n_observed);
        cases.as_ref()?.cells(info, (2.0 * n * variant.a1_freq, n), (beta, se))
    }

    /// The share of the trait's residual variance that a pair tells; 0 where none is known, and of score tests.
    pub fn r2(&self, trait_idx: usize, n_observed: u32, (beta, se): (f64, f64)) -> f64 {
        let info = &self.traits[trait_idx].info;
        let df = f64::from(n_observed) - f64::from(info.df_covariates) - 1.0;
        let square = (beta / se).powi(2);
        let r2 = square / (square + df);
        if info.normal || df < 1.0 || r2.is_nan() { 0.0 } else { r2 }
    }

    fn is_small_cell(&self, variant: &VariantRow, trait_idx: usize, n_observed: u32, numbers: (f64, f64)) -> bool {
        let minimum = f64::from(self.policy.case_cells.minimum);
        let cells = self.case_cells(variant, trait_idx, n_observed, numbers);
        cells.is_some_and(|cells| is_under(cells.smallest(), minimum))
    }
}

/// Whether a count made of rounded numbers is under a minimum.
pub(super) fn is_under(count: f64, minimum: f64) -> bool {
    // An f32 gives a count back to about one in a million.
    count < minimum * (1.0 - 1e-5)
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
        let few = Self::minor_alleles(variant, n_observed);
        if counts(alleles.verdict) && is_under(few, f64::from(alleles.minimum)) {
            return fate(alleles.action, MINOR_ALLELES);
        }
        let numbers = (f64::from(beta), f64::from(se));
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
