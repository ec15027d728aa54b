//! p-values of best variants under the null hypothesis: uniform, with the error that the number of simulations allows.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::sync::Arc;

use common::Random;
use norna_kernels::permutation::n_at_least;
use norna_kernels::{
    AlleleCounts, CovariateBasis, GenotypeBlock, GenotypeKind, MISSING_CALL, NullModel, PermutationScratch,
    PermutedTrait, allele_counts, beta_approximation,
};

/// A window of calls in linkage disequilibrium: each haplotype keeps its allele with probability 0.9, 1 % missing.
fn window(random: &mut Random, n: usize, n_variants: usize) -> (GenotypeBlock, Vec<AlleleCounts>) {
    let mut block = GenotypeBlock::new(GenotypeKind::Calls, n, n_variants);
    let mut haplotypes = vec![0u8; 2 * n];
    for v in 0..n_variants {
        let f = 0.05 + 0.45 * random.uniform();
        for allele in &mut haplotypes {
            if v == 0 || random.uniform() < 0.1 {
                *allele = u8::from(random.uniform() < f);
            }
        }
        for (call, pair) in block.push_calls().iter_mut().zip(haplotypes.chunks_exact(2)) {
            *call = if random.uniform() < 0.01 { MISSING_CALL } else { pair[0] + pair[1] };
        }
    }
    let counts = (0..block.len()).map(|v| allele_counts(&block, v, None)).collect();
    (block, counts)
}

/// A trait of the covariates and noise that is skewed, 3 % of it missing.
fn noise(random: &mut Random, covariates: &[Vec<f64>]) -> Vec<f64> {
    let one = |i: usize| {
        let explained: f64 = covariates.iter().map(|c| 0.5 * c[i]).sum();
        let noise = random.normal();
        if random.uniform() < 0.03 { f64::NAN } else { explained + noise + 0.2 * noise * noise }
    };
    (0..covariates[0].len()).map(one).collect()
}

/// (p by counting, p of the beta approximation) of each trait.
fn p_values(n_traits: usize, n_permutations: usize) -> Vec<(f64, f64)> {
    let (n, mut random) = (120, Random(2024));
    let covariates: Vec<Vec<f64>> = (0..3).map(|_| (0..n).map(|_| random.normal()).collect()).collect();
    let columns: Vec<&[f64]> = covariates.iter().map(Vec::as_slice).collect();
    let basis = Arc::new(CovariateBasis::new(n, &columns).0);
    let (block, counts) = window(&mut random, n, 60);
    let mut scratch = PermutationScratch::default();
    let mut one = || {
        let null = NullModel::fit(&basis, &[&noise(&mut random, &covariates)], None);
        // The trait itself is permutation 0.
        let mut fill = |p: usize, order: &mut [u32]| {
            order.iter_mut().zip(0..).for_each(|(out, i)| *out = i);
            for i in (1..if p == 0 { 1 } else { order.len() }).rev() {
                order.swap(i, (((random.bits() >> 32) * (i as u64 + 1)) >> 32) as usize);
            }
        };
        let permuted = PermutedTrait::new(&null, 0, n_permutations + 1, &mut fill);
        let mut best = vec![0.0; n_permutations + 1];
        permuted.max_r2(&block, &counts, 0..block.len(), &mut scratch, &mut best);
        let counted = n_at_least(&best, best[0]) as f64 / (n_permutations as f64 + 1.0);
        let df = f64::from(null.n_observed(0)) - 5.0;
        let fit = beta_approximation::fit(&best[1..], df).unwrap();
        (counted, 10f64.powf(-beta_approximation::log10_p(&fit, best[0])))
    };
    (0..n_traits).map(|_| one()).collect()
}

/// Share of p at or under a level, in standard errors from the level.
fn excess(p: impl Iterator<Item = f64> + Clone, level: f64) -> f64 {
    let m = p.clone().count() as f64;
    let share = p.filter(|&p| p <= level).count() as f64 / m;
    (share - level) / (level * (1.0 - level) / m).sqrt()
}

#[test]
fn p_values_are_uniform_under_the_null() {
    let p = p_values(1000, 199);
    // 199 permutations: p by counting is a whole multiple of 1/200. The SE at 5 % is 0.7 %, at 50 % 1.6 %.
    for level in [0.01, 0.05, 0.2, 0.5] {
        let (counted, beta) = (excess(p.iter().map(|p| p.0), level), excess(p.iter().map(|p| p.1), level));
        assert!(counted.abs() < 4.0 && beta.abs() < 4.0, "{level}: {counted:.1} and {beta:.1} SE");
    }
}

#[test]
#[ignore = "a minute in release; prints the table of benches/record"]
fn calibration_table() {
    let p = p_values(100_000, 999);
    for level in [0.001, 0.01, 0.05, 0.5] {
        let share = |of: fn(&(f64, f64)) -> f64| p.iter().filter(|p| of(p) <= level).count() as f64 / p.len() as f64;
        let se = (level * (1.0 - level) / p.len() as f64).sqrt();
        println!("{level}: p_perm {:.5}, p_beta {:.5} (SE {se:.5})", share(|p| p.0), share(|p| p.1));
    }
}
