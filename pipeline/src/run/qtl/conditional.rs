//! The second grid of a cis run: independent signals of the phenotypes that pass the false discovery rate, by stepwise
//! regression (docs/qtl.md).
//!
//! Forward: the best variant given those found before joins them while its p_beta passes. Backward: each is looked for again
//! given all the others.

use std::sync::Arc;

use norna_kernels::{CovariateBasis, NullModel};

use super::codec::Part;
use super::job::CisStudy;
use super::search::{self, Best};
use super::window::Window;
use crate::qtl::{Permuted, Signal};
use crate::run::grid::{GridJob, Out};

/// Signals of a phenotype at most.
const MOST_SIGNALS: usize = 100;

/// The second grid.
pub(super) struct ConditionalJob<'a> {
    pub(super) study: &'a CisStudy<'a>,
    /// By phenotype: whether it passes.
    pub(super) passes: &'a [bool],
    /// −log10 of the largest p_beta that passes.
    pub(super) least_log10p: f64,
}

impl GridJob for ConditionalJob<'_> {
    type Scratch = ();

    fn shape(&self) -> (usize, usize) {
        (self.study.groups.len(), 1)
    }

    fn grid(&self) -> usize {
        1
    }

    fn weight(&self, group: usize, _: usize) -> u64 {
        self.passing(group).count() as u64
    }

    fn name(&self, group: usize, _: usize) -> String {
        self.study.name(group)
    }

    fn scratch(&self) {}

    fn compute(
        &self,
        (group, _): (usize, usize),
        (): &mut (),
        out: &mut Out<'_>,
        must_drop: &dyn Fn() -> bool,
    ) -> Result<Vec<u64>, String> {
        let mut signals = Vec::new();
        let n_passing = self.passing(group).count();
        if n_passing > 0 {
            let window = self.study.window(&self.study.groups[group], must_drop)?;
            for phenotype in self.passing(group) {
                if must_drop() {
                    return Ok(Vec::new());
                }
                signals.extend(Stepwise { job: self, window: &window, phenotype }.signals(must_drop)?);
            }
        }
        out(&Part::Signals(signals).to_bytes(), n_passing as u32)?;
        Ok(Vec::new())
    }
}

impl ConditionalJob<'_> {
    fn passing(&self, group: usize) -> impl Iterator<Item = u32> {
        self.study.groups[group].phenotypes.iter().copied().filter(|&idx| self.passes[idx as usize])
    }
}

/// A phenotype's signals.
struct Stepwise<'a> {
    job: &'a ConditionalJob<'a>,
    window: &'a Window<'a>,
    phenotype: u32,
}

impl Stepwise<'_> {
    fn signals(&self, must_drop: &dyn Fn() -> bool) -> Result<Vec<Signal>, String> {
        let mut forward: Vec<(Best, Permuted)> = Vec::new();
        while forward.len() < MOST_SIGNALS {
            let given: Vec<&Best> = forward.iter().map(|(best, _)| best).collect();
            match self.best_given(&given, must_drop)? {
                Some(found) => forward.push(found),
                None => break,
            }
        }
        let signal = |rank: usize, (best, permuted): (Best, Permuted)| Signal {
            phenotype_idx: self.phenotype,
            rank: rank as u32 + 1,
            lead: best.lead,
            permuted,
        };
        if forward.len() < 2 {
            return Ok(forward.into_iter().enumerate().map(|(rank, found)| signal(rank, found)).collect());
        }
        let mut kept: Vec<(usize, Best, Permuted)> = Vec::new();
        for rank in 0..forward.len() {
            let others = forward.iter().enumerate().filter(|(other, _)| *other != rank);
            let given: Vec<&Best> = others.map(|(_, (best, _))| best).collect();
            if let Some(found) = self.best_given(&given, must_drop)?
                && kept.iter().all(|(_, best, _)| best.lead.variant != found.0.lead.variant)
            {
                kept.push((rank, found.0, found.1));
            }
        }
        self.fit_jointly(&mut kept);
        Ok(kept.into_iter().map(|(rank, best, permuted)| signal(rank, (best, permuted))).collect())
    }

    /// β, SE and p of each signal given the others that were kept, which need not be those of the forward selection.
    fn fit_jointly(&self, kept: &mut [(usize, Best, Permuted)]) {
        for at in 0..kept.len() {
            let others = kept.iter().enumerate().filter(|(other, _)| *other != at);
            let given: Vec<&Best> = others.map(|(_, (_, best, _))| best).collect();
            let null = self.null_given(&given);
            let best = &mut kept[at].1;
            if let Some((beta, se, log10p)) = search::exact(&null, 0, (&best.genotypes, &best.counts)) {
                (best.lead.beta, best.lead.se, best.lead.log10p) = (beta, se, log10p);
            }
        }
    }

    /// The phenotype's null model with variants among the covariates.
    fn null_given(&self, given: &[&Best]) -> NullModel {
        let study = self.job.study;
        let held: Vec<Vec<f64>> = given.iter().map(|best| search::dosages(best)).collect();
        let columns = study.covariates.iter().map(|column| &column.values).chain(&held);
        let columns: Vec<&[f64]> = columns.map(Vec::as_slice).collect();
        let basis = Arc::new(CovariateBasis::new(study.n_samples(), &columns).0);
        NullModel::fit(&basis, &[study.traits[self.phenotype as usize].values.as_slice()], None)
    }

    /// The best variant given others, if it passes.
    fn best_given(&self, given: &[&Best], must_drop: &dyn Fn() -> bool) -> Result<Option<(Best, Permuted)>, String> {
        if must_drop() {
            return Ok(None);
        }
        let study = self.job.study;
        let null = self.null_given(given);
        let target = study.target(self.phenotype);
        let scans = search::scan(&null, &[target], self.window)?;
        let Ok(best) = search::best(&null, 0, target, &scans[0], self.window)? else { return Ok(None) };
        let permutable = study.permutable(self.phenotype);
        let permuted = search::permute((&null, 0), (&best, target), self.window, &permutable, must_drop)?;
        Ok(permuted.filter(|permuted| permuted.log10p_beta >= self.job.least_log10p).map(|permuted| (best, permuted)))
    }
}
