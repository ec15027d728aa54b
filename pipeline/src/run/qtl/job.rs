//! The first grid of a cis run: a group of phenotypes a cell, their windows scanned and permuted.

use std::sync::Arc;

use norna_kernels::{CovariateBasis, NullModel};

use super::codec::{PAIRS_AT_ONCE, Part, VARIANTS_AT_ONCE};
use super::search::{self, Permutable, Scan, Target};
use super::window::Window;
use crate::cohort::Column;
use crate::proteins::Protein;
use crate::qtl::windows::{Group, window_of};
use crate::qtl::{CisPhenotype, CisStatus, VariantKey};
use crate::run::grid::{GridJob, Out};
use crate::source::Input;

/// What all cells of a cis run share.
pub(super) struct CisStudy<'a> {
    pub(super) input: &'a Input,
    pub(super) groups: &'a [Group],
    /// Phenotypes over the analysed samples, and what is known of them.
    pub(super) traits: &'a [Column],
    pub(super) proteins: &'a [Protein],
    pub(super) covariates: &'a [Column],
    pub(super) basis: Arc<CovariateBasis>,
    /// Bases to either side of the TSS.
    pub(super) width: u32,
    /// 0 for none.
    pub(super) n_permutations: usize,
    pub(super) seed: u64,
    /// Whether residuals are permuted, rather than phenotypes.
    pub(super) permute_residuals: bool,
    /// Bytes of genotypes that a thread keeps at most.
    pub(super) budget: usize,
}

/// The first grid.
pub(super) struct CisJob<'a> {
    pub(super) study: &'a CisStudy<'a>,
    /// Whether all pairs are kept.
    pub(super) nominal: bool,
}

impl CisStudy<'_> {
    /// Analysed samples.
    pub(super) fn n_samples(&self) -> usize {
        self.basis.n_samples()
    }

    /// A phenotype's window. Only phenotypes with a gene are in a group.
    pub(super) fn target(&self, phenotype: u32) -> Target {
        let tss = self.proteins[phenotype as usize].gene.as_ref().map_or(0, |gene| gene.tss);
        Target { interval: window_of(tss, self.width), tss }
    }

    /// What of a phenotype is permuted.
    pub(super) fn permutable(&self, phenotype: u32) -> Permutable<'_> {
        let values = self.traits[phenotype as usize].values.as_slice();
        Permutable {
            id: &self.proteins[phenotype as usize].id,
            seed: self.seed,
            n: self.n_permutations,
            values: (!self.permute_residuals).then_some(values),
        }
    }

    /// What a message calls a group.
    pub(super) fn name(&self, group: usize) -> String {
        let group = &self.groups[group];
        format!("{}:{}-{}", group.chrom, group.span.0, group.span.1)
    }

    pub(super) fn window<'w>(&'w self, group: &'w Group, must_drop: &dyn Fn() -> bool) -> Result<Window<'w>, String> {
        Window::open(self.input, group, self.n_samples(), self.budget, must_drop)
    }
}

impl GridJob for CisJob<'_> {
    type Scratch = ();

    fn shape(&self) -> (usize, usize) {
        (self.study.groups.len(), 1)
    }

    fn weight(&self, group: usize, _: usize) -> u64 {
        self.study.groups[group].phenotypes.len() as u64
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
        let group = &self.study.groups[group];
        let window = self.study.window(group, must_drop)?;
        if must_drop() {
            return Ok(Vec::new());
        }
        let values: Vec<&[f64]> =
            group.phenotypes.iter().map(|&idx| self.study.traits[idx as usize].values.as_slice()).collect();
        let null = NullModel::fit(&self.study.basis, &values, None);
        let targets: Vec<Target> = group.phenotypes.iter().map(|&idx| self.study.target(idx)).collect();
        let scans = search::scan(&null, &targets, &window)?;
        let mut found = Vec::with_capacity(scans.len());
        for (t, scan) in scans.iter().enumerate() {
            if must_drop() {
                return Ok(Vec::new());
            }
            found.push(self.phenotype(&null, t, (group, targets[t]), scan, &window, must_drop)?);
        }
        out(&Part::Phenotypes(found).to_bytes(), group.phenotypes.len() as u32)?;
        if self.nominal {
            put_variants(&window, out)?;
            for (&phenotype_idx, scan) in group.phenotypes.iter().zip(&scans).filter(|(_, scan)| scan.n_tested() > 0) {
                put_pairs(phenotype_idx, scan, out)?;
            }
        }
        Ok(window.ledger.to_vec())
    }
}

impl CisJob<'_> {
    fn phenotype(
        &self,
        null: &NullModel,
        t: usize,
        (group, target): (&Group, Target),
        scan: &Scan,
        window: &Window<'_>,
        must_drop: &dyn Fn() -> bool,
    ) -> Result<CisPhenotype, String> {
        let study = self.study;
        let phenotype_idx = group.phenotypes[t];
        let mut found = CisPhenotype {
            phenotype_idx,
            n: null.n_observed(t),
            n_covariates: null.n_covariates(null.mask_of(t)),
            n_variants: scan.n_tested() as u32,
            ..CisPhenotype::default()
        };
        let best = match search::best(null, t, target, scan, window)? {
            Ok(best) => best,
            Err(status) => return Ok(CisPhenotype { status, ..found }),
        };
        if study.n_permutations > 0 {
            let permutable = study.permutable(phenotype_idx);
            found.permuted = search::permute((null, t), (&best, target), window, &permutable, must_drop)?;
            if found.permuted.is_some_and(|permuted| permuted.log10p_beta.is_nan()) {
                found.status = CisStatus::NoBeta;
            }
        }
        found.lead = Some(best.lead);
        Ok(found)
    }
}

/// The variants of the group's own stretch, file by file.
fn put_variants(window: &Window<'_>, out: &mut Out<'_>) -> Result<(), String> {
    let mut batch: Vec<(VariantKey, f64)> = Vec::new();
    let mut at = (0, 0);
    let mut put = |batch: &mut Vec<(VariantKey, f64)>, (file_idx, first): (u32, u64)| {
        let variants = std::mem::take(batch);
        out(&Part::Variants { file_idx, first, variants }.to_bytes(), 0)
    };
    window.visit(&mut |piece| {
        for row in piece.within((window.own_from(), u32::MAX)) {
            let place = (piece.file_idx as u32, piece.first + row as u64);
            let is_next = at.0 == place.0 && at.1 + batch.len() as u64 == place.1;
            if !batch.is_empty() && (!is_next || batch.len() == VARIANTS_AT_ONCE) {
                put(&mut batch, at)?;
            }
            if batch.is_empty() {
                at = place;
            }
            batch.push((piece.key(row), piece.block.counts[row].a1_freq()));
        }
        Ok(true)
    })?;
    if batch.is_empty() { Ok(()) } else { put(&mut batch, at) }
}

fn put_pairs(phenotype_idx: u32, scan: &Scan, out: &mut Out<'_>) -> Result<(), String> {
    for (file_idx, first, pairs) in scan.stretches() {
        for (n, pairs) in pairs.chunks(PAIRS_AT_ONCE).enumerate() {
            let first = first + (n * PAIRS_AT_ONCE) as u64;
            let pairs = pairs.to_vec();
            let part = Part::Pairs { phenotype_idx, file_idx: file_idx as u32, first, pairs };
            out(&part.to_bytes(), 0)?;
        }
    }
    Ok(())
}
