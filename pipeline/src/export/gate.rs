//! Where a disclosure filter looks at what goes out, and what it kept back is counted.

use std::collections::BTreeMap;

use super::rows::Piece;
use crate::disclosure::{Fate, Filter};
use crate::report::words::count;
use crate::store::TraitInfo;

/// Pairs that a policy kept back, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptBack {
    /// Rows left out.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Rows whose numbers are left out.
    pub masked: BTreeMap<&'static str, u64>,
}

/// The filter, if any, and its counts; without one everything passes.
#[derive(Default)]
pub struct Gate<'f> {
    filter: Option<&'f mut dyn Filter>,
    policy: String,
    reasons: Vec<&'static str>,
    hides_counts: bool,
    /// Dropped and masked by trait (row of /traits), then by reason.
    counts: BTreeMap<usize, Vec<[u64; 2]>>,
}

impl<'f> Gate<'f> {
    /// A gate that this filter keeps.
    pub fn new(filter: Option<&'f mut dyn Filter>) -> Self {
        let reasons = filter.as_ref().map_or(Vec::new(), |filter| filter.reasons().to_vec());
        Self { filter, policy: String::new(), reasons, hides_counts: false, counts: BTreeMap::new() }
    }

    /// With the name of the policy.
    pub fn of_policy(self, name: &str) -> Self {
        Self { policy: name.to_owned(), ..self }
    }

    /// The name of the policy.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The gate of a file of hits: how many it keeps back is not told, since each of them has a p that made it a hit.
    pub fn of_hits(self) -> Self {
        Self { hides_counts: true, ..self }
    }

    /// Whether anything is looked at.
    pub fn is_kept(&self) -> bool {
        self.filter.is_some()
    }

    /// Takes the traits that do not go out at all from `traits`; gives them with the reason.
    pub fn refuse_traits(&self, traits: &mut Vec<usize>) -> Vec<(usize, &'static str)> {
        let Some(filter) = &self.filter else { return Vec::new() };
        let mut refused = Vec::new();
        traits.retain(|&trait_idx| match filter.trait_refused(trait_idx) {
            None => true,
            Some(reason) => {
                refused.push((trait_idx, self.reason(reason)));
                false
            }
        });
        refused
    }

    /// Drops and masks pairs of a piece; `traits`: columns that its pairs name. `drop_masked`: whether what is to be masked
    /// is dropped.
    pub(super) fn pass(&mut self, piece: &mut Piece, traits: &[usize], drop_masked: bool) {
        let Some(filter) = &mut self.filter else { return };
        let (variants, counts, n_reasons) = (&piece.variants, &mut self.counts, self.reasons.len());
        piece.pairs.retain_mut(|pair| {
            let trait_idx = traits[pair.column as usize];
            let stats = &mut pair.stats;
            let fate = filter.fate(&variants[pair.row as usize], trait_idx, stats.n_observed, stats.beta, stats.se);
            let (reason, kind) = match fate {
                Fate::Keep => return true,
                Fate::Drop(reason) => (reason, 0),
                Fate::Mask(reason) if drop_masked => (reason, 0),
                Fate::Mask(reason) => (reason, 1),
            };
            let of_trait = counts.entry(trait_idx).or_insert_with(|| vec![[0; 2]; n_reasons]);
            if let Some(count) = of_trait.get_mut(reason) {
                count[kind] += 1;
            }
            pair.masked = true;
            (stats.beta, stats.se, stats.t, stats.log10p) = (f32::NAN, f32::NAN, f64::NAN, f64::NAN);
            kind == 1
        });
    }

    /// What was kept back of some traits, or of all.
    pub fn kept_back(&self, trait_idx: Option<usize>) -> KeptBack {
        let mut all = KeptBack::default();
        for (_, of_trait) in self.counts.iter().filter(|&(&at, _)| trait_idx.is_none_or(|wanted| wanted == at)) {
            for (reason, &[dropped, masked]) in of_trait.iter().enumerate() {
                for (counts, n) in [(&mut all.dropped, dropped), (&mut all.masked, masked)] {
                    if n > 0 {
                        *counts.entry(self.reason(reason)).or_default() += n;
                    }
                }
            }
        }
        all
    }

    /// What was kept back of a trait, or of all, in words.
    pub fn lines(&self, trait_idx: Option<usize>) -> Vec<String> {
        match self.hides_counts && self.is_kept() {
            true => {
                vec!["hits that it does not let go are left out; their number is not told, as it tells of p".to_owned()]
            }
            false => self.kept_back(trait_idx).lines(),
        }
    }

    fn reason(&self, idx: usize) -> &'static str {
        self.reasons.get(idx).copied().unwrap_or("policy")
    }
}

impl KeptBack {
    /// Lines that tell it: what, why, how many.
    pub fn lines(&self) -> Vec<String> {
        let told = |kind: &str, counts: &BTreeMap<&'static str, u64>| -> Vec<String> {
            counts.iter().map(|(reason, &n)| format!("{} {kind} ({reason})", count(n, "pair"))).collect()
        };
        let mut lines = told("left out", &self.dropped);
        lines.extend(told("masked", &self.masked));
        lines
    }
}

/// Lines of traits that do not go out.
pub fn refused_lines(refused: &[(usize, &'static str)], traits: &[TraitInfo]) -> Vec<String> {
    refused.iter().map(|&(idx, reason)| format!("{}: not exported ({reason})", traits[idx].name)).collect()
}
