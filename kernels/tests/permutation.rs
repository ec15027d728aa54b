//! The permutation test against a naive f64 oracle, and the promises: same bits for any block, trait set, batch of
//! permutations and instruction set.

mod common;

use common::{Cohort, Design, Random, ols};
use norna_kernels::permutation::n_at_least;
use norna_kernels::{GenotypeKind, Isa, MissingPolicy, NullModel, PermutationScratch, PermutedTrait, Status};
use proptest::prelude::*;

const N_PERMUTATIONS: usize = 19;

fn design() -> impl Strategy<Value = Design> {
    (
        any::<u64>(),
        prop::sample::select(vec![20usize, 60, 300, 700, 1300]),
        0usize..5,
        1usize..4,
        1usize..20,
        any::<bool>(),
        prop::sample::select(vec![0.0, 0.02, 0.3]),
        prop::sample::select(vec![0.0, 0.01, 0.2]),
    )
        .prop_map(|(seed, n, n_covariates, n_traits, n_variants, dosages, missing_traits, missing_genotypes)| {
            Design { seed, n, n_covariates, n_traits, n_variants, dosages, missing_traits, missing_genotypes }
        })
}

/// Permutation p of n samples, the same whoever asks.
fn permutation(p: usize, order: &mut [u32]) {
    let mut random = Random(p as u64 ^ 0xabc);
    order.iter_mut().zip(0..).for_each(|(out, i)| *out = i);
    for i in (1..order.len()).rev() {
        order.swap(i, (random.bits() % (i as u64 + 1)) as usize);
    }
}

fn permuted(null: &NullModel, t: usize, isa: Isa) -> Option<PermutedTrait> {
    PermutedTrait::with_isa(null, t, N_PERMUTATIONS, &mut permutation, isa)
}

fn best_of(cohort: &Cohort, permuted: &PermutedTrait) -> Vec<f64> {
    let (block, counts) = cohort.block();
    let mut best = vec![0.0; permuted.n_permutations()];
    permuted.max_r2(&block, &counts, 0..block.len(), &mut PermutationScratch::default(), &mut best);
    best
}

fn best(cohort: &Cohort, t: usize) -> Vec<f64> {
    best_of(cohort, &PermutedTrait::new(&cohort.null(), t, N_PERMUTATIONS, &mut permutation))
}

/// Permutes the residual (or the trait), residualises both sides and takes the largest squared correlation.
fn oracle_of(cohort: &Cohort, t: usize, is_residual: bool) -> Vec<f64> {
    let observed: Vec<usize> = (0..cohort.n).filter(|&i| !cohort.traits[t][i].is_nan()).collect();
    let columns = cohort.design(&observed);
    let y: Vec<f64> = observed.iter().map(|&i| cohort.traits[t][i]).collect();
    let y = if is_residual { common::residual(&columns, &y) } else { y };
    let variants: Vec<Vec<f64>> = cohort
        .variants
        .iter()
        .map(|g| {
            let called: Vec<f64> = g.iter().filter(|g| !g.is_nan()).map(|&g| f64::from(g)).collect();
            let mean = called.iter().sum::<f64>() / called.len() as f64;
            observed.iter().map(|&i| if g[i].is_nan() { mean } else { f64::from(g[i]) }).collect()
        })
        .collect();
    let mut order = vec![0; observed.len()];
    let one = |p| {
        permutation(p, &mut order);
        let permuted: Vec<f64> = order.iter().map(|&i| y[i as usize]).collect();
        let r2 = variants.iter().filter_map(|g| ols(&columns, g.clone(), permuted.clone())).map(|fit| fit.r2);
        r2.fold(0.0, f64::max)
    };
    (0..N_PERMUTATIONS).map(one).collect()
}

fn close(a: &[f64], b: &[f64], tolerance: f64) -> bool {
    a.iter().zip(b).all(|(a, b)| (a.sqrt() - b.sqrt()).abs() <= tolerance)
}

/// Whether no covariate is constant but for one sample, which the oracle does not leave out.
fn is_plain(cohort: &Cohort, null: &NullModel, t: usize) -> bool {
    null.n_observed(t) as usize == cohort.traits[t].iter().filter(|y| !y.is_nan()).count()
}

fn bits(x: &[f64]) -> Vec<u64> {
    x.iter().map(|x| x.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn prop_max_r2_equals_the_oracle(design in design()) {
        let cohort = Cohort::simulate(&design);
        let null = cohort.null();
        for t in 0..cohort.traits.len() {
            let best = best(&cohort, t);
            prop_assert!(best.iter().all(|r2| (0.0..=1.0).contains(r2)));
            if null.trait_status(t) == Status::Ok && is_plain(&cohort, &null, t) {
                let oracle = oracle_of(&cohort, t, true);
                prop_assert!(close(&best, &oracle, 2e-6), "{best:?} {oracle:?}");
                let values = &cohort.traits[t];
                let of_values = PermutedTrait::of_values(&null, t, values, N_PERMUTATIONS, &mut permutation);
                prop_assert!(close(&best_of(&cohort, &of_values), &oracle_of(&cohort, t, false), 2e-6));
            }
        }
    }

    #[test]
    fn prop_instruction_sets_give_equal_bits(design in design()) {
        let cohort = Cohort::simulate(&design);
        let (null, t) = (cohort.null(), cohort.traits.len() - 1);
        let scalar = permuted(&null, t, Isa::Scalar).map(|permuted| bits(&best_of(&cohort, &permuted)));
        for isa in [Isa::Avx2, Isa::Avx512] {
            if let Some(permuted) = permuted(&null, t, isa) {
                prop_assert_eq!(Some(bits(&best_of(&cohort, &permuted))), scalar.clone());
            }
        }
    }

    #[test]
    fn prop_no_border_changes_a_bit(design in design(), cut: prop::sample::Index, split in 1..N_PERMUTATIONS) {
        let cohort = Cohort::simulate(&design);
        let (null, t) = (cohort.null(), cohort.traits.len() - 1);
        let all = best(&cohort, t);
        let (block, counts) = cohort.block();
        let (mut scratch, cut) = (PermutationScratch::default(), cut.index(block.len()));
        let alone = Cohort { traits: vec![cohort.traits[t].clone()], ..cohort.clone() }.null();
        let mut pieces = vec![0.0; N_PERMUTATIONS];
        let mut later = |p: usize, order: &mut [u32]| permutation(p + split, order);
        let (head, tail) = pieces.split_at_mut(split);
        for variants in [cut..block.len(), 0..cut] {
            let first = PermutedTrait::new(&null, t, split, &mut permutation);
            first.max_r2(&block, &counts, variants.clone(), &mut scratch, head);
            let rest = PermutedTrait::new(&alone, 0, N_PERMUTATIONS - split, &mut later);
            rest.max_r2(&block, &counts, variants, &mut scratch, tail);
        }
        prop_assert_eq!(bits(&pieces), bits(&all));
    }

    #[test]
    fn prop_r2_is_that_of_the_linear_test(design in design()) {
        let cohort = Cohort::simulate(&design);
        let null = cohort.null();
        let (block, counts) = cohort.block();
        let mut scratch = PermutationScratch::default();
        let rows = cohort.test(MissingPolicy::Mean);
        for t in 0..cohort.traits.len() {
            let permuted = PermutedTrait::new(&null, t, 1, &mut |_, order| order.iter_mut().zip(0..).for_each(|(o, i)| *o = i));
            let identity = best_of(&cohort, &permuted)[0];
            let mut largest = 0f64;
            for v in 0..block.len() {
                let r2 = permuted.r2(&block, &counts, v, &mut scratch);
                largest = largest.max(r2);
                let df = f64::from(null.n_observed(t) - null.n_covariates(null.mask_of(t))) - 1.0;
                match rows.hits.iter().find(|hit| (hit.variant_idx as usize, hit.trait_idx as usize) == (v, t)) {
                    None => prop_assert!(r2 == 0.0 || null.trait_status(t) == Status::Ok),
                    Some(hit) => {
                        let t2 = (hit.beta / hit.se).powi(2);
                        prop_assert!((r2.sqrt() - (t2 / (t2 + df)).sqrt()).abs() <= 2e-6, "{r2} {t2} {df}");
                    }
                }
            }
            prop_assert_eq!(largest, identity);
        }
    }

    #[test]
    fn prop_ref_and_alt_swapped_change_nothing(design in design()) {
        let cohort = Cohort::simulate(&Design { dosages: false, ..design });
        let mut swapped = cohort.clone();
        swapped.variants.iter_mut().flatten().for_each(|g| *g = 2.0 - *g);
        prop_assert!(close(&best(&cohort, 0), &best(&swapped, 0), 1e-6));
    }

    #[test]
    fn prop_shift_and_scale_of_a_trait(design in design(), shift in -1e3f64..1e3, power in -40i32..40) {
        let cohort = Cohort::simulate(&design);
        let mut moved = cohort.clone();
        moved.traits.iter_mut().flatten().for_each(|y| *y = -1.5 * 2f64.powi(power) * (*y + shift));
        prop_assert!(close(&best(&cohort, 0), &best(&moved, 0), 2e-6));
    }

    #[test]
    fn prop_covariates_rotated(design in design(), mix in prop::collection::vec(-2f64..2.0, 25)) {
        let cohort = Cohort::simulate(&Design { n: design.n.max(60), ..design });
        let k = cohort.covariates.len();
        let mut rotated = cohort.clone();
        for (j, column) in rotated.covariates.iter_mut().enumerate() {
            for (i, value) in column.iter_mut().enumerate() {
                *value = 9.0 * cohort.covariates[j][i]
                    + (0..k).map(|c| mix[5 * j + c] * cohort.covariates[c][i]).sum::<f64>();
            }
        }
        prop_assert!(close(&best(&cohort, 0), &best(&rotated, 0), 2e-6));
    }

    #[test]
    fn prop_sample_order(design in design()) {
        // Samples reversed, and the permutations with them.
        let cohort = Cohort::simulate(&Design { missing_traits: 0.0, ..design });
        let mut reversed = cohort.clone();
        reversed.covariates.iter_mut().chain(&mut reversed.traits).for_each(|column| column.reverse());
        reversed.variants.iter_mut().for_each(|variant| variant.reverse());
        let mut mirrored = |p: usize, order: &mut [u32]| {
            permutation(p, order);
            let last = order.len() as u32 - 1;
            order.reverse();
            order.iter_mut().for_each(|i| *i = last - *i);
        };
        let null = reversed.null();
        if is_plain(&reversed, &null, 0) {
            let found = best_of(&reversed, &PermutedTrait::new(&null, 0, N_PERMUTATIONS, &mut mirrored));
            prop_assert!(close(&best(&cohort, 0), &found, 2e-6));
        }
    }
}

/// A cohort of one trait and given variants.
fn cohort_of(variants: Vec<Vec<f32>>) -> Cohort {
    let n = variants[0].len();
    let design = Design {
        seed: 3,
        n,
        n_covariates: 2,
        n_traits: 1,
        n_variants: 0,
        dosages: true,
        missing_traits: 0.0,
        missing_genotypes: 0.0,
    };
    Cohort { variants, kind: GenotypeKind::Dosages, ..Cohort::simulate(&design) }
}

#[test]
fn variants_that_say_nothing_never_win() {
    let n = 400;
    let mut cohort = cohort_of(vec![vec![1.0; n], vec![f32::NAN; n], vec![0.0; n]]);
    // A variant that is a covariate, one that is constant where the trait is observed, and one that is constant but missing.
    cohort.variants.push(cohort.covariates[1].iter().map(|&c| c as f32).collect());
    cohort.variants.push((0..n).map(|i| if i < 5 { 1.5 } else { 0.25 }).collect());
    cohort.variants.push((0..n).map(|i| if i % 3 == 0 { f32::NAN } else { 0.7 }).collect());
    cohort.traits[0][..5].fill(f64::NAN);
    assert_eq!(best(&cohort, 0), [0.0; N_PERMUTATIONS]);
    // A trait that cannot be tested has no winner.
    cohort.variants.push((0..n).map(|i| (i % 3) as f32).collect());
    assert!(best(&cohort, 0).iter().all(|&r2| r2 > 0.0));
    cohort.traits[0].fill(2.0);
    assert_eq!(best(&cohort, 0), [0.0; N_PERMUTATIONS]);
}

#[test]
fn variants_near_the_covariates_are_right() {
    let n = 300;
    let mut cohort = cohort_of(vec![vec![0.0; n]]);
    let mut random = Random(9);
    cohort.variants[0] = cohort.covariates[1].iter().map(|&c| (c + 0.01 * random.uniform()) as f32).collect();
    let oracle = oracle_of(&cohort, 0, true);
    assert!(close(&best(&cohort, 0), &oracle, 2e-6));
}

#[test]
fn ties_are_counted() {
    assert_eq!(n_at_least(&[0.1, 0.2, 0.2 * (1.0 - 1e-8), 0.3], 0.2), 3);
}
