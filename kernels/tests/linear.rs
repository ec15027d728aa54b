//! The linear test against a naive f64 oracle, and the promises: same bits for any block, trait set and instruction set.

mod common;

use common::{Cohort, Design, bits, errors_against_oracle, run};
use norna_kernels::{Isa, LinearTest, MissingPolicy, Status};
use proptest::prelude::*;

fn design() -> impl Strategy<Value = Design> {
    (
        any::<u64>(),
        prop::sample::select(vec![8usize, 20, 60, 300, 700, 1300]),
        0usize..5,
        1usize..12,
        1usize..8,
        any::<bool>(),
        prop::sample::select(vec![0.0, 0.02, 0.3, 0.8]),
        prop::sample::select(vec![0.0, 0.01, 0.2]),
    )
        .prop_map(|(seed, n, n_covariates, n_traits, n_variants, dosages, missing_traits, missing_genotypes)| {
            Design { seed, n, n_covariates, n_traits, n_variants, dosages, missing_traits, missing_genotypes }
        })
}

fn policy() -> impl Strategy<Value = MissingPolicy> {
    prop::sample::select(vec![MissingPolicy::Drop, MissingPolicy::Mean])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn prop_linear_equals_least_squares(design in design(), policy in policy()) {
        let cohort = Cohort::simulate(&design);
        let (beta_error, se_error) = errors_against_oracle(&cohort, &cohort.test(policy), policy);
        prop_assert!(beta_error < 5e-6, "beta {beta_error:e}");
        prop_assert!(se_error < 5e-6, "se {se_error:e}");
    }

    #[test]
    fn prop_trait_alone_equals_trait_among_many(design in design(), policy in policy(), pick: prop::sample::Index) {
        let cohort = Cohort::simulate(&Design { n_traits: design.n_traits * 7, ..design });
        let all = cohort.test(policy);
        let t = pick.index(cohort.traits.len());
        let alone = Cohort { traits: vec![cohort.traits[t].clone()], ..cohort.clone() }.test(policy);
        let column = |values: &[f32]| values.iter().skip(t).step_by(cohort.traits.len()).map(|x| x.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(column(&all.beta), alone.beta.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
        prop_assert_eq!(column(&all.se), alone.se.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
        let hits: Vec<_> = all.hits.iter().filter(|h| h.trait_idx as usize == t).map(|h| h.log10p.to_bits()).collect();
        prop_assert_eq!(hits, alone.hits.iter().map(|h| h.log10p.to_bits()).collect::<Vec<_>>());
        let status: Vec<_> = all.pair_status.iter().filter(|s| s.1 as usize == t).map(|s| (s.0, s.2)).collect();
        prop_assert_eq!(status, alone.pair_status.iter().map(|s| (s.0, s.2)).collect::<Vec<_>>());
    }

    #[test]
    fn prop_instruction_sets_give_equal_bits(design in design(), policy in policy()) {
        let cohort = Cohort::simulate(&design);
        let scalar = cohort.test_on(policy, Isa::Scalar).map(|rows| bits(&rows));
        for isa in [Isa::Avx2, Isa::Avx512] {
            if let Some(rows) = cohort.test_on(policy, isa) {
                prop_assert_eq!(Some(bits(&rows)), scalar.clone());
            }
        }
    }

    #[test]
    fn prop_pairs_together_equal_pairs_one_by_one(design in design(), policy in policy()) {
        let cohort = Cohort::simulate(&Design { n_traits: design.n_traits * 5, ..design });
        let null = cohort.null();
        for isa in [Isa::Scalar, Isa::Avx2, Isa::Avx512] {
            // A threshold that every pair reaches, and one that none does: pairs are then looked at one by one, or not.
            let tests = [0.0, 1e9].map(|hit| LinearTest::with_isa(&null, policy, hit, isa));
            let [Some(each), Some(together)] = tests else { continue };
            let (each, together) = (run(&each.with_scores(), &cohort), run(&together.with_scores(), &cohort));
            prop_assert_eq!(bits(&each).0, bits(&together).0);
            prop_assert_eq!(bits(&each).1, bits(&together).1);
            let words = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(words(&each.score), words(&together.score));
            prop_assert_eq!(words(&each.d), words(&together.d));
            prop_assert_eq!(&each.pair_status, &together.pair_status);
            prop_assert!(together.hits.is_empty());
        }
    }

    #[test]
    fn prop_ref_and_alt_swapped_change_the_sign(design in design(), policy in policy()) {
        let cohort = Cohort::simulate(&Design { dosages: false, ..design });
        let mut swapped = cohort.clone();
        swapped.variants.iter_mut().flatten().for_each(|g| *g = 2.0 - *g);
        let (rows, mirror) = (cohort.test(policy), swapped.test(policy));
        prop_assert_eq!(rows.hits.len(), mirror.hits.len());
        for (a, b) in rows.hits.iter().zip(&mirror.hits) {
            prop_assert!((a.beta + b.beta).abs() <= 1e-12 * a.beta.abs().max(a.se));
            prop_assert!((a.se - b.se).abs() <= 1e-12 * a.se);
        }
    }

    #[test]
    fn prop_shift_and_scale_of_a_trait(design in design(), policy in policy(), shift in -1e3f64..1e3, power in -40i32..40) {
        let cohort = Cohort::simulate(&design);
        let scale = 1.5 * 2f64.powi(power);
        let mut moved = cohort.clone();
        moved.traits.iter_mut().flatten().for_each(|y| *y = scale * (*y + shift));
        for (a, b) in cohort.test(policy).hits.iter().zip(&moved.test(policy).hits) {
            prop_assert!((a.beta * scale - b.beta).abs() <= 4e-6 * (a.beta.abs().max(a.se)) * scale, "{a:?} {b:?}");
            prop_assert!((a.se * scale - b.se).abs() <= 4e-6 * a.se * scale);
        }
    }

    #[test]
    fn prop_covariates_rotated(design in design(), policy in policy(), mix in prop::collection::vec(-2f64..2.0, 25)) {
        let cohort = Cohort::simulate(&Design { missing_traits: design.missing_traits.min(0.3), n: design.n.max(60), ..design });
        let k = cohort.covariates.len();
        let mut rotated = cohort.clone();
        for (j, column) in rotated.covariates.iter_mut().enumerate() {
            for (i, value) in column.iter_mut().enumerate() {
                *value = 4.0 * cohort.covariates[j][i]
                    + (0..k).map(|c| mix[5 * j + c] * cohort.covariates[c][i]).sum::<f64>();
            }
        }
        let (rows, other) = (cohort.test(policy), rotated.test(policy));
        prop_assert_eq!(rows.hits.len(), other.hits.len());
        for (a, b) in rows.hits.iter().zip(&other.hits) {
            prop_assert!((a.beta - b.beta).abs() <= 4e-6 * a.beta.abs().max(a.se), "{a:?} {b:?}");
            prop_assert!((a.se - b.se).abs() <= 4e-6 * a.se);
        }
    }

    #[test]
    fn prop_sample_order(design in design(), policy in policy()) {
        let cohort = Cohort::simulate(&design);
        let mut reversed = cohort.clone();
        let columns = reversed.covariates.iter_mut().chain(&mut reversed.traits);
        columns.for_each(|column| column.reverse());
        reversed.variants.iter_mut().for_each(|variant| variant.reverse());
        let (rows, other) = (cohort.test(policy), reversed.test(policy));
        prop_assert_eq!(rows.hits.len(), other.hits.len());
        for (a, b) in rows.hits.iter().zip(&other.hits) {
            prop_assert!((a.beta - b.beta).abs() <= 4e-6 * a.beta.abs().max(a.se), "{a:?} {b:?}");
        }
    }
}

#[test]
fn blocks_of_any_size_give_equal_bits() {
    let design = Design {
        seed: 5,
        n: 530,
        n_covariates: 3,
        n_traits: 37,
        n_variants: 260,
        dosages: true,
        missing_traits: 0.05,
        missing_genotypes: 0.01,
    };
    let cohort = Cohort::simulate(&design);
    let null = cohort.null();
    let test = LinearTest::new(&null, MissingPolicy::Drop, 0.0);
    let whole = run(&test, &cohort);
    for size in [1usize, 7, 113] {
        let (mut beta, mut n_missing) = (Vec::new(), 0);
        for variants in cohort.variants.chunks(size) {
            let part = run(&test, &Cohort { variants: variants.to_vec(), ..cohort.clone() });
            beta.extend(part.beta);
            n_missing += part.n_missing.len();
        }
        let words = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(words(&beta), words(&whole.beta), "blocks of {size}");
        assert_eq!(n_missing, whole.n_missing.len());
    }
}

fn small(traits: Vec<Vec<f64>>, covariates: Vec<Vec<f64>>, variants: Vec<Vec<f32>>) -> Cohort {
    let n = variants[0].len();
    Cohort { n, covariates, traits, variants, kind: norna_kernels::GenotypeKind::Calls }
}

#[test]
fn degenerate_pairs_have_a_status_and_no_number() {
    const NAN: f64 = f64::NAN;
    const MISSING: f32 = f32::NAN;
    let noise = vec![0.3, 1.2, -0.7, 0.1, 2.2, -1.4, 0.9, 0.4, -0.2, 1.0];
    let half = vec![0.3, 1.2, -0.7, 0.1, 2.2, NAN, NAN, NAN, NAN, NAN];
    let linear = vec![0.5, 1.5, 2.5, 0.5, 1.5, 2.5, 0.5, 1.5, 2.5, 0.5];
    let batch = vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0];
    let variants = vec![
        vec![0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0],
        vec![1.0; 10],
        vec![MISSING; 10],
        vec![0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 2.0, 1.0],
        vec![2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 0.0, 0.0],
        vec![0.0, 1.0, 0.0, 2.0, 1.0, 0.0, 1.0, 0.0, MISSING, MISSING],
        vec![MISSING, MISSING, MISSING, MISSING, MISSING, MISSING, MISSING, 1.0, 0.0, 2.0],
    ];
    let cohort = small(vec![noise, half, linear], vec![batch], variants);
    let rows = cohort.test(MissingPolicy::Drop);
    use Status::*;
    assert_eq!(rows.status, [Ok, Monomorphic, NoCalls, Ok, Ok, Ok, Ok]);
    assert!(rows.pair_status.contains(&(0, 2, PerfectFit)));
    assert!((rows.beta[2] - 1.0).abs() < 1e-6 && rows.se[2].is_nan());
    assert!(rows.pair_status.contains(&(3, 1, Monomorphic)));
    assert!(rows.pair_status.contains(&(4, 0, CollinearWithCovariates)));
    assert!(rows.pair_status.contains(&(4, 1, Monomorphic)));
    assert!(!rows.pair_status.iter().any(|entry| (entry.0, entry.1) == (5, 0)) && rows.beta[15].is_finite());
    assert_eq!(rows.covariates_lost, [(5, 0, 1)]);
    assert!(rows.pair_status.contains(&(6, 0, TooFewSamples)));
    assert!(rows.n_missing.contains(&(5, 0, 2)) && !rows.n_missing.iter().any(|entry| (entry.0, entry.1) == (5, 1)));
    assert!(rows.n_missing.contains(&(2, 1, 5)));
    for &(v, t, status) in &rows.pair_status {
        assert!(rows.se[v as usize * 3 + t as usize].is_nan());
        assert!(status == PerfectFit || rows.beta[v as usize * 3 + t as usize].is_nan());
    }
}

/// Sex, a centre, age, and a second centre column that is the first one in males: males lose two ranks.
fn with_males_only_variants(random: &mut common::Random, n: usize) -> Cohort {
    let is_male = |i: usize| i % 5 < 2;
    let mut column =
        |value: &dyn Fn(usize, f64) -> f64| (0..n).map(|i| value(i, random.normal())).collect::<Vec<f64>>();
    let centre = column(&|_, z| f64::from(u8::from(z > 0.4)));
    let second = column(&|i, z| if is_male(i) { 3.0 * centre[i] - 1.0 } else { f64::from(u8::from(z > 0.0)) });
    let covariates = vec![
        column(&|i, _| 1.0 + f64::from(u8::from(!is_male(i)))),
        centre.clone(),
        column(&|_, z| 50.0 + 9.0 * z),
        second,
    ];
    let variants: Vec<Vec<f32>> = (0..6)
        .map(|v| {
            let call = |i, z: f64| {
                if is_male(i) && z.abs() < 2.2 - 0.1 * v as f64 { 2.0 * f64::from(u8::from(z > 0.5)) } else { f64::NAN }
            };
            column(&call).iter().map(|&g| g as f32).collect()
        })
        .collect();
    let g = |i: usize| if variants[0][i].is_nan() { 0.0 } else { f64::from(variants[0][i]) };
    let sums = |i: usize| covariates.iter().map(|c| 0.3 * c[i]).sum::<f64>();
    let traits = vec![
        column(&|i, z| 100.0 + sums(i) + 0.3 * g(i) + z),
        column(&|i, z| 100.0 + sums(i) + z),
        // Another mask; one with few females, whose basis comes by QR; one without.
        column(&|i, z| if z.abs() < 1.7 { sums(i) + z } else { f64::NAN }),
        column(&|i, z| if is_male(i) || i < 9 { sums(i) + z } else { f64::NAN }),
        column(&|i, z| if is_male(i) { sums(i) + z } else { f64::NAN }),
        // Near 1 in r²: from the residuals.
        column(&|i, z| sums(i) + 3.0 * g(i) + 0.01 * z),
    ];
    small(traits, covariates, variants)
}

#[test]
fn covariates_that_lose_rank_with_the_missing_calls_leave_least_squares_on_the_rest() {
    for n in [60, 300, 1700] {
        let mut random = common::Random(n as u64);
        let cohort = with_males_only_variants(&mut random, n);
        let rows = cohort.test(MissingPolicy::Drop);
        let (beta_error, se_error) = errors_against_oracle(&cohort, &rows, MissingPolicy::Drop);
        assert!(beta_error < 5e-6 && se_error < 5e-6, "{n}: {beta_error:e} {se_error:e}");
        assert_eq!((rows.hits.len(), rows.pair_status.len()), (36, 0));
        // Masks in the order of their first trait: all, some, few females, males (which have lost the two already).
        let lost: Vec<_> = (0..6).flat_map(|v| [(v, 0, 2), (v, 1, 2), (v, 2, 2)]).collect();
        assert_eq!(rows.covariates_lost, lost);
        // Males alone: the same numbers.
        let alone = |values: &[f64]| values.iter().enumerate().filter(|(i, _)| i % 5 < 2).map(|(_, &x)| x).collect();
        let males = Cohort {
            n: (0..n).filter(|i| i % 5 < 2).count(),
            covariates: cohort.covariates.iter().map(|c| alone(c)).collect(),
            traits: cohort.traits.iter().map(|y| alone(y)).collect(),
            variants: cohort
                .variants
                .iter()
                .map(|g| g.iter().enumerate().filter(|(i, _)| i % 5 < 2).map(|(_, &g)| g).collect())
                .collect(),
            kind: cohort.kind,
        };
        for (a, b) in rows.hits.iter().zip(&males.test(MissingPolicy::Drop).hits) {
            assert!((a.beta - b.beta).abs() <= 4e-6 * a.beta.abs().max(a.se), "{a:?} {b:?}");
            assert!((a.se - b.se).abs() <= 4e-6 * a.se && (a.log10p - b.log10p).abs() <= 1e-4 * a.log10p.max(1.0));
        }
    }
}

#[test]
fn a_covariate_that_keeps_too_little_to_be_judged_gives_no_number() {
    let mut random = common::Random(12);
    let n = 400;
    let mut covariate: Vec<f64> = (0..n).map(|_| random.normal()).collect();
    covariate[7] = 1e8;
    let mut g: Vec<f32> = (0..n).map(|_| (3.0 * random.uniform()).floor() as f32).collect();
    g[7] = f32::NAN;
    let rows =
        small(vec![(0..n).map(|_| random.normal()).collect()], vec![covariate], vec![g]).test(MissingPolicy::Drop);
    assert_eq!(rows.pair_status, [(0, 0, Status::RankLost)]);
    assert!(rows.beta[0].is_nan() && rows.covariates_lost.is_empty());
}

#[test]
fn nearly_perfect_and_nearly_collinear_pairs_are_exact() {
    let mut random = common::Random(3);
    let n = 900;
    let g: Vec<f32> = (0..n).map(|_| (3.0 * random.uniform()).floor() as f32).collect();
    let noise: Vec<f64> = (0..n).map(|_| random.normal()).collect();
    let mut traits: Vec<Vec<f64>> = Vec::new();
    for size in [1.0, 0.3, 0.1, 1e-2, 1e-4, 1e-6, 1e-8] {
        traits.push(g.iter().zip(&noise).map(|(&g, e)| 3.0 * f64::from(g) + size * e).collect());
    }
    let variants = vec![g.clone()];
    let cohort = small(traits.clone(), vec![(0..n).map(|_| random.normal()).collect()], variants.clone());
    let (beta_error, se_error) = errors_against_oracle(&cohort, &cohort.test(MissingPolicy::Drop), MissingPolicy::Drop);
    assert!(beta_error < 2e-6 && se_error < 2e-6, "{beta_error:e} {se_error:e}");
    for size in [0.3, 0.1, 1e-2, 1e-3] {
        let covariate = g.iter().map(|&g| 5.0 + f64::from(g) + size * random.normal()).collect();
        let cohort = small(traits[..2].to_vec(), vec![covariate], variants.clone());
        let rows = cohort.test(MissingPolicy::Drop);
        let (beta_error, se_error) = errors_against_oracle(&cohort, &rows, MissingPolicy::Drop);
        assert!(beta_error < 5e-6 && se_error < 5e-6, "{size}: {beta_error:e} {se_error:e}");
    }
}

#[test]
fn dosages_that_hardly_vary_are_centred() {
    let mut random = common::Random(8);
    let n = 2000;
    let variants =
        [1e-1, 1e-2, 1e-3].iter().map(|sd| (0..n).map(|_| (0.6 + sd * random.normal()) as f32).collect()).collect();
    let traits = vec![(0..n).map(|_| 50.0 + random.normal()).collect()];
    let cohort = Cohort { kind: norna_kernels::GenotypeKind::Dosages, ..small(traits, vec![], variants) };
    let rows = cohort.test(MissingPolicy::Drop);
    let (beta_error, se_error) = errors_against_oracle(&cohort, &rows, MissingPolicy::Drop);
    assert!(beta_error < 5e-6 && se_error < 5e-6, "{beta_error:e} {se_error:e}");
}

/// Few samples: a nearly perfect fit of shifted dosages, and cancellations that are harmless one by one.
#[test]
fn cancellations_that_multiply_are_seen() {
    let few = Design {
        seed: 1_624_782_922_846_809_848,
        n: 8,
        n_covariates: 4,
        n_traits: 5,
        n_variants: 5,
        dosages: true,
        missing_traits: 0.0,
        missing_genotypes: 0.2,
    };
    let more =
        Design { seed: 6_350_018_145_069_813_795, n: 60, n_traits: 2, n_variants: 4, missing_traits: 0.8, ..few };
    for cohort in [few, more].map(|design| Cohort::simulate(&design)) {
        let rows = cohort.test(MissingPolicy::Drop);
        let (beta_error, se_error) = errors_against_oracle(&cohort, &rows, MissingPolicy::Drop);
        assert!(beta_error < 2e-6 && se_error < 2e-6, "{beta_error:e} {se_error:e}");
    }
}

#[test]
fn a_trait_beyond_f32_has_a_status_and_no_number() {
    let design = common::Design {
        seed: 8,
        n: 120,
        n_covariates: 2,
        n_traits: 1,
        n_variants: 3,
        dosages: true,
        missing_traits: 0.0,
        missing_genotypes: 0.05,
    };
    let mut cohort = Cohort::simulate(&design);
    let scales = [1.0, 1e-20, 1e20, 1e60, 1e-41, 1e-45, 1e300, 1e-300];
    let one = cohort.traits[0].clone();
    cohort.traits = scales.iter().map(|scale| one.iter().map(|y| y * scale).collect()).collect();
    let null = cohort.null();
    let rows = cohort.test(MissingPolicy::Drop);
    for (t, scale) in scales.into_iter().enumerate() {
        let expected = if (1e-20..=1e20).contains(&scale) { Status::Ok } else { Status::OutOfRange };
        assert_eq!(null.trait_status(t), expected, "{scale}");
        for v in 0..3 {
            let pair = |t: usize| (f64::from(rows.beta[v * 8 + t]), f64::from(rows.se[v * 8 + t]));
            let ((beta, se), (beta_1, se_1)) = (pair(t), pair(0));
            match expected {
                Status::Ok => {
                    assert!((beta / se - beta_1 / se_1).abs() < 1e-5 && (se / scale / se_1 - 1.0).abs() < 1e-6)
                }
                _ => assert!(beta.is_nan() && se.is_nan()),
            }
        }
    }
    assert!(rows.hits.len() == 9 && rows.hits.iter().all(|hit| hit.trait_idx < 3));
}
