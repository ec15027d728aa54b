//! The search of one phenotype's window under one null model: every variant's statistics, the best of them, its permutations.

use norna_kernels::{
    AlleleCounts, GenotypeBlock, LinearRows, LinearScratch, LinearTest, MissingPolicy, NullModel, PermutationScratch,
    PermutedTrait, Status, beta_approximation, permutation::n_at_least,
};

use super::window::{Piece, Window};
use crate::qtl::shuffle::Shuffle;
use crate::qtl::{CisStatus, Lead, Permuted};

/// Bytes of permuted residuals that a thread holds at once.
const PERMUTED_BYTES: usize = 64 << 20;
/// Variants of which t² is this near the best one's, relatively, do as well: what f32 tells apart.
const TIE: f64 = 1e-6;

/// One pair of a window.
#[derive(Debug, Clone, Copy)]
struct Pair {
    beta: f32,
    se: f32,
    pos: u32,
}

impl Pair {
    fn t2(&self) -> f64 {
        let t = f64::from(self.beta) / f64::from(self.se);
        t * t
    }
}

/// The pairs of a phenotype, in the order of the window.
#[derive(Debug, Clone, Default)]
pub(super) struct Scan {
    pairs: Vec<Pair>,
    /// Stretches of `pairs`: file, number of the first variant among those read of it, length.
    stretches: Vec<(usize, u64, usize)>,
}

/// A trait of a null model and its window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) interval: (u32, u32),
    pub(super) tss: u32,
}

/// What is permuted, and how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Permutable<'a> {
    /// Of the phenotype; with the seed it is the key of the permutations.
    pub(super) id: &'a str,
    pub(super) seed: u64,
    pub(super) n: usize,
    /// The phenotype over the analysed samples; `None` where its residuals are permuted.
    pub(super) values: Option<&'a [f64]>,
}

/// The best variant with its genotypes.
#[derive(Debug, Clone)]
pub(super) struct Best {
    pub(super) lead: Lead,
    pub(super) genotypes: GenotypeBlock,
    pub(super) counts: AlleleCounts,
}

/// Scans the windows of a null model's traits, `targets` in their order.
pub(super) fn scan(null: &NullModel, targets: &[Target], window: &Window<'_>) -> Result<Vec<Scan>, String> {
    let test = LinearTest::new(null, MissingPolicy::Mean, f64::INFINITY);
    let (mut scratch, mut rows) = (LinearScratch::new(&test), LinearRows::new());
    let mut scans = vec![Scan::default(); targets.len()];
    window.visit(&mut |piece| {
        test.test_block(&piece.block.genotypes, &piece.block.counts, &mut scratch, &mut rows);
        for (t, (target, scan)) in targets.iter().zip(&mut scans).enumerate() {
            scan.take(piece, &rows, (t, targets.len()), target.interval);
        }
        Ok(true)
    })?;
    Ok(scans)
}

impl Scan {
    fn take(&mut self, piece: &Piece, rows: &LinearRows, (t, n_traits): (usize, usize), interval: (u32, u32)) {
        let within = piece.within(interval);
        if within.is_empty() {
            return;
        }
        let first = piece.first + within.start as u64;
        match self.stretches.last_mut() {
            Some((file, from, len)) if *file == piece.file_idx && *from + *len as u64 == first => *len += within.len(),
            _ => self.stretches.push((piece.file_idx, first, within.len())),
        }
        self.pairs.extend(within.map(|row| {
            let at = row * n_traits + t;
            Pair { beta: rows.beta[at], se: rows.se[at], pos: piece.block.variants[row].pos }
        }));
    }

    /// Variants with a number.
    pub(super) fn n_tested(&self) -> usize {
        self.pairs.iter().filter(|pair| !pair.beta.is_nan()).count()
    }

    /// Whether a variant fits without error.
    pub(super) fn has_perfect_fit(&self) -> bool {
        self.pairs.iter().any(|pair| !pair.beta.is_nan() && pair.se.is_nan())
    }

    /// (β, SE) by stretch: file, number of the first variant, pairs.
    pub(super) fn stretches(&self) -> impl Iterator<Item = (usize, u64, Vec<(f32, f32)>)> {
        let mut at = 0;
        self.stretches.iter().map(move |&(file, first, len)| {
            at += len;
            (file, first, self.pairs[at - len..at].iter().map(|pair| (pair.beta, pair.se)).collect())
        })
    }

    /// The variant with the largest t²; of those that do as well the one nearest to the TSS, then the first. With how many
    /// they are.
    fn best(&self, tss: u32) -> Option<(usize, u64, u32)> {
        let most = self.pairs.iter().map(Pair::t2).filter(|t2| !t2.is_nan()).reduce(f64::max)?;
        let does_as_well = |pair: &Pair| pair.t2() >= most * (1.0 - TIE);
        let n_tied = self.pairs.iter().filter(|pair| does_as_well(pair)).count() as u32;
        let mut at = 0;
        let mut best: Option<(u32, (usize, u64))> = None;
        for &(file, first, len) in &self.stretches {
            for (number, pair) in (first..).zip(&self.pairs[at..at + len]) {
                let distance = pair.pos.abs_diff(tss);
                if does_as_well(pair) && best.is_none_or(|(least, _)| distance < least) {
                    best = Some((distance, (file, number)));
                }
            }
            at += len;
        }
        best.map(|(_, (file, number))| (file, number, n_tied))
    }
}

/// Finds the best variant of trait `trait_idx` of a null model; why there is none otherwise.
pub(super) fn best(
    null: &NullModel,
    trait_idx: usize,
    target: Target,
    scan: &Scan,
    window: &Window<'_>,
) -> Result<Result<Best, CisStatus>, String> {
    match null.trait_status(trait_idx) {
        Status::Ok => {}
        Status::TooFewSamples => return Ok(Err(CisStatus::TooFewSamples)),
        Status::OutOfRange => return Ok(Err(CisStatus::OutOfRange)),
        _ => return Ok(Err(CisStatus::ConstantPhenotype)),
    }
    if scan.has_perfect_fit() {
        return Ok(Err(CisStatus::PerfectFit));
    }
    let Some((file_idx, number, n_tied)) = scan.best(target.tss) else { return Ok(Err(CisStatus::NoVariants)) };
    let mut found = None;
    window.visit(&mut |piece| {
        let last = piece.first + piece.block.len() as u64;
        if piece.file_idx == file_idx && (piece.first..last).contains(&number) {
            let row = (number - piece.first) as usize;
            found = Some((piece.key(row), one_row(&piece.block.genotypes, row), piece.block.counts[row]));
        }
        Ok(found.is_none())
    })?;
    let Some((variant, genotypes, counts)) = found else {
        return Err("a variant was read once and not again: the file has changed".to_owned());
    };
    let Some((beta, se, log10p)) = exact(null, trait_idx, (&genotypes, &counts)) else {
        return Ok(Err(CisStatus::PerfectFit));
    };
    let tss_distance = i64::from(variant.pos) - i64::from(target.tss);
    let lead = Lead { variant, tss_distance, a1_freq: counts.a1_freq(), n_tied, beta, se, log10p };
    Ok(Ok(Best { lead, genotypes, counts }))
}

/// β, SE and −log10 p in f64, from residuals.
pub(super) fn exact(
    null: &NullModel,
    trait_idx: usize,
    (genotypes, counts): (&GenotypeBlock, &AlleleCounts),
) -> Option<(f64, f64, f64)> {
    let test = LinearTest::new(null, MissingPolicy::Mean, 0.0).exactly();
    let mut rows = LinearRows::new();
    test.test_block(genotypes, std::slice::from_ref(counts), &mut LinearScratch::new(&test), &mut rows);
    let hit = rows.hits.iter().find(|hit| hit.trait_idx as usize == trait_idx)?;
    Some((hit.beta, hit.se, hit.log10p))
}

fn one_row(block: &GenotypeBlock, row: usize) -> GenotypeBlock {
    use norna_kernels::GenotypeKind::{Calls, Dosages};
    let mut one = GenotypeBlock::new(block.kind(), block.n_samples(), 1);
    match block.kind() {
        Calls => one.push_calls().copy_from_slice(block.calls(row)),
        Dosages => one.push_dosages().copy_from_slice(block.dosages(row)),
    }
    one
}

/// What permutations say of the best variant of a trait. `None` where the run is to be dropped.
pub(super) fn permute(
    (null, trait_idx): (&NullModel, usize),
    (best, target): (&Best, Target),
    window: &Window<'_>,
    phenotype: &Permutable<'_>,
    must_drop: &dyn Fn() -> bool,
) -> Result<Option<Permuted>, String> {
    let n_permutations = phenotype.n;
    let mut shuffle = Shuffle::new(phenotype.seed, phenotype.id);
    let mut scratch = PermutationScratch::default();
    let mut largest = vec![0f64; n_permutations];
    let n_observed = null.n_observed(trait_idx) as usize;
    let at_once = (PERMUTED_BYTES / (4 * n_observed.max(1)) / 32 * 32).max(32);
    let mut r2 = 0.0;
    for largest in largest.chunks_mut(at_once) {
        let mut fill = |_: usize, order: &mut [u32]| shuffle.fill(order);
        let permuted = match phenotype.values {
            Some(values) => PermutedTrait::of_values(null, trait_idx, values, largest.len(), &mut fill),
            None => PermutedTrait::new(null, trait_idx, largest.len(), &mut fill),
        };
        r2 = permuted.r2(&best.genotypes, std::slice::from_ref(&best.counts), 0, &mut scratch);
        window.visit(&mut |piece| {
            let within = piece.within(target.interval);
            permuted.max_r2(&piece.block.genotypes, &piece.block.counts, within, &mut scratch, largest);
            Ok(!must_drop())
        })?;
        if must_drop() {
            return Ok(None);
        }
    }
    let df = f64::from(null.n_observed(trait_idx)) - f64::from(null.n_covariates(null.mask_of(trait_idx))) - 1.0;
    let p_perm = (n_at_least(&largest, r2) as f64 + 1.0) / (n_permutations as f64 + 1.0);
    let n = n_permutations as u32;
    Ok(Some(match beta_approximation::fit(&largest, df) {
        Some(fit) => Permuted {
            n,
            p_perm,
            df: fit.df,
            shape1: fit.shape1,
            shape2: fit.shape2,
            log10p_beta: beta_approximation::log10_p(&fit, r2),
        },
        None => Permuted { n, p_perm, df: f64::NAN, shape1: f64::NAN, shape2: f64::NAN, log10p_beta: f64::NAN },
    }))
}

/// The samples' dosages of a variant, the mean where missing: a covariate.
pub(super) fn dosages(best: &Best) -> Vec<f64> {
    use norna_kernels::{GenotypeKind, MISSING_CALL};
    let mean = best.counts.dosage_sum / f64::from(best.counts.n_called.max(1));
    match best.genotypes.kind() {
        GenotypeKind::Calls => {
            let calls = best.genotypes.calls(0).iter();
            calls.map(|&call| if call == MISSING_CALL { mean } else { f64::from(call) }).collect()
        }
        GenotypeKind::Dosages => {
            let dosages = best.genotypes.dosages(0).iter();
            dosages.map(|&dosage| if dosage.is_nan() { mean } else { f64::from(dosage) }).collect()
        }
    }
}
