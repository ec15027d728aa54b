//! One sample's reads against everyone in the panel: exact sums of evidence for all, then for those in question the odds with
//! a foreign share allowed for, and the concordance.

use norna_kernels::identity::concordance::{KnownSite, concordance};
use norna_kernels::identity::mixture::{MixtureFit, MixtureSite, Relation, fit, ln_likelihood};
use norna_kernels::identity::panel::UNKNOWN;
use norna_kernels::identity::{UNITS_PER_NAT, evidence};

use super::Thresholds;
use super::observations::SiteObservation;
use super::panel::Panel;
use super::verdict::is_alike;

/// Those with the most evidence who are looked at closely.
const N_CLOSE: usize = 3;
/// Errors beyond what base qualities say are never taken to be more.
const MAX_LEAST_ERROR: f64 = 0.05;
/// Of the sites with reads, the part that an entry has genotypes at if it is to be ranked without odds of its own.
const LEAST_PART: usize = 10;
/// Foreign share from which the other person may be as good a name for the reads.
const HALF: f64 = 0.3;

/// A person of the panel, looked at closely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Column in the VCF.
    pub column: usize,
    /// log10 odds of this person, perhaps with a foreign share, against a person drawn from the population, with the same.
    pub lod: f64,
    /// log10 odds of the likeliest relative in the first degree of this person against the same; −∞ where the odds of the person
    /// are too low for the question.
    pub relative_lod: f64,
    /// Share of sites at which reads show the genotype on record; NaN without sites.
    pub concordance: f64,
    /// Sites with reads and a genotype on record.
    pub n_sites: u32,
    /// Foreign share of the reads.
    pub contamination: f64,
    /// log10 odds of that share against none.
    pub contamination_lod: f64,
    /// Sites with reads at which the genotypes on record of this person and of the sample's own differ.
    pub n_differing: u32,
    /// Sites with reads at which both are on record.
    pub n_both: u32,
}

/// The sample's own entry and another one as the two persons of a mixture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Column of the other one.
    pub column: usize,
    /// Share of the reads that are the own person's.
    pub own_share: f64,
    /// log10 odds against the other one with an unknown foreign person, and against one person who is a relative of either or both
    /// (the least of these odds).
    pub margin: f64,
    /// log10 odds against one person alone, the likelier of the two.
    pub contamination_lod: f64,
}

/// What a sample's reads say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scored {
    /// Sites with reads.
    pub n_sites: u32,
    /// Mean depth over the panel's sites.
    pub mean_depth: f64,
    /// Column in the VCF of the person that the sample is said to be, if there.
    pub own_column: Option<usize>,
    /// That person, if there are reads.
    pub own: Option<Candidate>,
    /// Others with the most evidence, by odds, best first.
    pub others: Vec<Candidate>,
    /// The own entry with the best other one, where both explain the reads in part.
    pub pair: Option<Pair>,
    /// Foreign share and its log10 odds where nobody's genotypes are taken to be known.
    pub contamination_of_anyone: (f64, f64),
}

/// Scores a sample: its observations at the sites of the panel, and its own column. Entries that have too few genotypes at
/// sites with reads are not among the others.
pub fn score(panel: &Panel, own: Option<usize>, reads: &[SiteObservation], thresholds: &Thresholds) -> Scored {
    let error_rate = thresholds.error_rate;
    let informative: Vec<usize> = (0..reads.len()).filter(|&site| reads[site].is_informative()).collect();
    let depth: u64 = reads.iter().map(|read| u64::from(read.depth)).sum();
    let mut scored = Scored {
        n_sites: informative.len() as u32,
        mean_depth: depth as f64 / reads.len().max(1) as f64,
        own_column: own,
        ..Scored::default()
    };
    if informative.is_empty() {
        return scored;
    }
    let totals = totals(panel, reads, error_rate);
    let least_error = least_error(reads);
    let sites: Vec<MixtureSite> = informative
        .iter()
        .map(|&site| {
            let read = &reads[site];
            MixtureSite::new(read.n_ref, read.n_alt, read.ln_likelihoods, panel.sites[site].prior, least_error, None)
        })
        .collect();
    let anyone = fit(&sites, error_rate);
    scored.contamination_of_anyone = (anyone.share, lod_of_share(&anyone));
    let close = Close { panel, own, reads, informative: &informative, sites: &sites, anyone: &anyone, thresholds };
    scored.own = own.map(|column| close.look(column));
    for column in best(&totals, own, |column| close.is_ranked(column, totals[column])) {
        let other = close.look(column);
        scored.others.push(other);
        // Where the own entry leads, the best of those that are not its equals is enough.
        if own.is_some_and(|own| totals[own] > totals[column]) && !is_alike(&other, thresholds) {
            break;
        }
    }
    scored.others.sort_by(|a, b| b.lod.total_cmp(&a.lod).then(a.column.cmp(&b.column)));
    let rival = scored.others.iter().find(|other| !is_alike(other, thresholds));
    scored.pair = scored.own.as_ref().zip(rival).and_then(|(own, rival)| close.pair(own, rival));
    scored
}

/// Evidence for each person of the panel, in whole units.
fn totals(panel: &Panel, reads: &[SiteObservation], error_rate: f64) -> Vec<i64> {
    let evidence: Vec<[i32; 3]> = reads
        .iter()
        .zip(&panel.sites)
        .map(|(read, site)| evidence(read.ln_likelihoods, &site.prior, error_rate))
        .collect();
    let mut totals = vec![0; panel.genotypes.n_samples()];
    panel.genotypes.add_evidence(&evidence, &mut totals);
    totals
}

/// The columns with the most evidence beside `own`, of those that may be ranked; among equals the first.
fn best(totals: &[i64], own: Option<usize>, is_ranked: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..totals.len()).filter(|&column| Some(column) != own).collect();
    columns.sort_by(|&a, &b| totals[b].cmp(&totals[a]).then(a.cmp(&b)));
    columns.into_iter().filter(|&column| is_ranked(column)).take(N_CLOSE).collect()
}

/// Errors of bases as seen: those that are neither REF nor ALT are two of the three wrong ones.
fn least_error(reads: &[SiteObservation]) -> f64 {
    let (mut n_other, mut n_all) = (0u64, 0u64);
    for read in reads {
        n_all += u64::from(read.depth);
        n_other += u64::from(read.depth.saturating_sub(read.n_ref).saturating_sub(read.n_alt));
    }
    if n_all == 0 { 0.0 } else { (1.5 * n_other as f64 / n_all as f64).min(MAX_LEAST_ERROR) }
}

fn lod_of_share(fit: &MixtureFit) -> f64 {
    (fit.ln_likelihood - fit.ln_clean) / std::f64::consts::LN_10
}

/// A close look at persons, for one sample.
struct Close<'a> {
    panel: &'a Panel,
    own: Option<usize>,
    reads: &'a [SiteObservation],
    informative: &'a [usize],
    sites: &'a [MixtureSite],
    anyone: &'a MixtureFit,
    thresholds: &'a Thresholds,
}

impl Close<'_> {
    fn genotype(&self, site: usize, column: usize) -> Option<u8> {
        match self.panel.genotypes.genotype(site, column) {
            UNKNOWN => None,
            genotype => Some(genotype),
        }
    }

    /// Sites with reads and a genotype on record.
    fn n_known(&self, column: usize) -> usize {
        self.informative.iter().filter(|&&site| self.genotype(site, column).is_some()).count()
    }

    /// Whether an entry has genotypes enough to be held against the others.
    fn is_ranked(&self, column: usize, total: i64) -> bool {
        let (n, n_all) = (self.n_known(column), self.informative.len());
        let has_odds = total as f64 / UNITS_PER_NAT > self.thresholds.min_lod * std::f64::consts::LN_10;
        n >= (self.thresholds.min_sites as usize).clamp(1, n_all) && (has_odds || n * LEAST_PART >= n_all)
    }

    /// The log10 odds of persons that `make` puts at each site, against a person drawn from the population, and their shares.
    fn odds(&self, make: impl Fn(&MixtureSite, usize) -> MixtureSite) -> (f64, MixtureFit) {
        let fit = fit(&self.made(make), self.thresholds.error_rate);
        ((fit.ln_likelihood - self.anyone.ln_likelihood) / std::f64::consts::LN_10, fit)
    }

    fn made(&self, make: impl Fn(&MixtureSite, usize) -> MixtureSite) -> Vec<MixtureSite> {
        self.sites.iter().zip(self.informative).map(|(mixture, &site)| make(mixture, site)).collect()
    }

    fn look(&self, column: usize) -> Candidate {
        let (lod, fit) = self.odds(|mixture, site| mixture.with_genotype(self.genotype(site, column)));
        let relative_lod =
            |relation| self.odds(|mixture, site| mixture.with_relative(self.genotype(site, column), relation)).0;
        let relative_lod = match lod >= self.thresholds.min_lod {
            true => relative_lod(Relation::ParentOrChild).max(relative_lod(Relation::Sibling)),
            false => f64::NEG_INFINITY,
        };
        let known = self.informative.iter().filter_map(|&site| {
            Some(KnownSite {
                ln_likelihoods: self.reads[site].ln_likelihoods,
                prior: self.panel.sites[site].prior,
                genotype: self.genotype(site, column)?,
            })
        });
        let (n_both, n_differing) = match self.own {
            Some(own) => {
                let genotypes = &self.panel.genotypes;
                genotypes.differences(own, column, |site| self.reads[site].is_informative())
            }
            None => (0, 0),
        };
        Candidate {
            column,
            lod,
            relative_lod,
            concordance: concordance(known),
            n_sites: self.n_known(column) as u32,
            contamination: fit.share,
            contamination_lod: lod_of_share(&fit),
            n_differing,
            n_both,
        }
    }

    /// The two as the persons of a mixture, if each of them explains about half.
    fn pair(&self, own: &Candidate, other: &Candidate) -> Option<Pair> {
        let is_half = |person: &Candidate| person.lod >= self.thresholds.min_lod && person.contamination >= HALF;
        if !is_half(own) || !is_half(other) {
            return None;
        }
        let of = |first: usize, second: usize| {
            self.odds(|mixture, site| {
                mixture.with_genotype(self.genotype(site, first)).with_foreign(self.genotype(site, second))
            })
        };
        let ((own_lod, own_first), (other_lod, other_first)) =
            (of(own.column, other.column), of(other.column, own.column));
        let (lod, own_share) = match own_lod >= other_lod {
            true => (own_lod, 1.0 - own_first.share),
            false => (other_lod, other_first.share),
        };
        let both = |site| [self.genotype(site, own.column), self.genotype(site, other.column)];
        let (child, _) = self.odds(|mixture, site| mixture.with_parents(both(site)));
        let drawn = self.made(|mixture, site| mixture.with_draws(both(site), 1.0 - own_share));
        let drawn = ln_likelihood(&drawn, 0.0, self.thresholds.error_rate) - self.anyone.ln_likelihood;
        let rivals = [other.lod, other.relative_lod, own.relative_lod, child, drawn / std::f64::consts::LN_10];
        let alone = own_first.ln_clean.max(other_first.ln_clean) - self.anyone.ln_likelihood;
        Some(Pair {
            column: other.column,
            own_share,
            margin: lod - rivals.into_iter().fold(0.0, f64::max),
            contamination_lod: lod - alone / std::f64::consts::LN_10,
        })
    }
}

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;
