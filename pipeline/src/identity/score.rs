//! One sample's reads against everyone in the panel: exact sums of evidence for all, then for those in question the odds with
//! a foreign share allowed for, and the concordance.

use norna_kernels::identity::concordance::{KnownSite, concordance};
use norna_kernels::identity::evidence;
use norna_kernels::identity::mixture::{MixtureFit, MixtureSite, fit};
use norna_kernels::identity::panel::UNKNOWN;

use super::observations::SiteObservation;
use super::panel::Panel;
use super::verdict::is_alike;

/// Those with the most evidence who are looked at closely.
const N_CLOSE: usize = 3;
/// Errors beyond what base qualities say are never taken to be more.
const MAX_LEAST_ERROR: f64 = 0.05;

/// A person of the panel, looked at closely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Column in the VCF.
    pub column: usize,
    /// log10 odds of this person, perhaps with a foreign share, against a person drawn from the population, with the same.
    pub lod: f64,
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
    /// Foreign share and its log10 odds where nobody's genotypes are taken to be known.
    pub contamination_of_anyone: (f64, f64),
}

/// Scores a sample: its observations at the sites of the panel, and its own column.
pub fn score(panel: &Panel, own: Option<usize>, reads: &[SiteObservation], error_rate: f64) -> Scored {
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
    let close = Close { panel, own, reads, informative: &informative, sites: &sites, anyone: &anyone, error_rate };
    scored.own = own.map(|column| close.look(column));
    for column in best(&totals, own) {
        let other = close.look(column);
        scored.others.push(other);
        // Where the own entry leads, the best of those that are not its equals is enough.
        if own.is_some_and(|own| totals[own] > totals[column]) && !is_alike(&other, error_rate) {
            break;
        }
    }
    scored.others.sort_by(|a, b| b.lod.total_cmp(&a.lod).then(a.column.cmp(&b.column)));
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

/// The columns with the most evidence beside `own`; among equals the first.
fn best(totals: &[i64], own: Option<usize>) -> Vec<usize> {
    let mut best: Vec<usize> = Vec::with_capacity(N_CLOSE + 1);
    for column in (0..totals.len()).filter(|&column| Some(column) != own) {
        let at = best.iter().position(|&b| totals[column] > totals[b]).unwrap_or(best.len());
        if at < N_CLOSE {
            best.insert(at, column);
            best.truncate(N_CLOSE);
        }
    }
    best
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
    error_rate: f64,
}

impl Close<'_> {
    fn look(&self, column: usize) -> Candidate {
        let genotype = |site: usize| match self.panel.genotypes.genotype(site, column) {
            UNKNOWN => None,
            genotype => Some(genotype),
        };
        let sites: Vec<MixtureSite> = self
            .sites
            .iter()
            .zip(self.informative)
            .map(|(mixture, &site)| mixture.with_genotype(genotype(site)))
            .collect();
        let fit = fit(&sites, self.error_rate);
        let known = self.informative.iter().filter_map(|&site| {
            Some(KnownSite {
                ln_likelihoods: self.reads[site].ln_likelihoods,
                prior: self.panel.sites[site].prior,
                genotype: genotype(site)?,
            })
        });
        let n_sites = self.informative.iter().filter(|&&site| genotype(site).is_some()).count() as u32;
        let (n_both, n_differing) = match self.own {
            Some(own) => {
                let genotypes = &self.panel.genotypes;
                genotypes.differences(own, column, |site| self.reads[site].is_informative())
            }
            None => (0, 0),
        };
        Candidate {
            column,
            lod: (fit.ln_likelihood - self.anyone.ln_likelihood) / std::f64::consts::LN_10,
            concordance: concordance(known),
            n_sites,
            contamination: fit.share,
            contamination_lod: lod_of_share(&fit),
            n_differing,
            n_both,
        }
    }
}

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;
