//! Frequency, posteriors and the score test of quantitative traits against naive oracles.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::reads::{self, Site, derivatives, em, linear_null, score};
use common::{Random, bits};
use norna_kernels::{
    CovariateBasis, Isa, LikelihoodBlock, LinearRows, LinearScratch, LinearTest, MissingPolicy, NullModel, Posteriors,
    ReadsScratch, ReadsTest, Status, student,
};
use proptest::prelude::*;

#[derive(Clone)]
struct Cohort {
    sites: Vec<Site>,
    covariates: Vec<Vec<f64>>,
    traits: Vec<Vec<f64>>,
}

impl Cohort {
    /// Frequencies of 0.05 to 0.95, traits that know the sites' genotypes, depth and the covariates.
    fn simulate(seed: u64, n: usize, n_covariates: usize, (n_traits, n_sites): (usize, usize), missing: f64) -> Self {
        let mut random = Random(seed);
        let depths: Vec<f64> = (0..n).map(|_| [0.5, 1.0, 2.0, 4.0, 9.0][(random.uniform() * 5.0) as usize]).collect();
        let sites: Vec<Site> = (0..n_sites)
            .map(|_| {
                let f = 0.05 + 0.9 * random.uniform();
                reads::simulate(&mut random, f, &depths)
            })
            .collect();
        let covariates: Vec<Vec<f64>> =
            (0..n_covariates).map(|j| (0..n).map(|_| 3.0 * j as f64 + random.normal()).collect()).collect();
        let traits = (0..n_traits)
            .map(|t| {
                (0..n)
                    .map(|i| {
                        let c: f64 = covariates.iter().map(|c| 0.4 * c[i]).sum();
                        let g = f64::from(sites[t % n_sites].genotypes[i]);
                        let y = 20.0 + c + 0.3 * g + 0.1 * depths[i] + random.normal();
                        if t > 0 && random.uniform() < missing { f64::NAN } else { y }
                    })
                    .collect()
            })
            .collect();
        Self { sites, covariates, traits }
    }

    fn null(&self) -> NullModel {
        let columns: Vec<&[f64]> = self.covariates.iter().map(Vec::as_slice).collect();
        let traits: Vec<&[f64]> = self.traits.iter().map(Vec::as_slice).collect();
        let (basis, _) = CovariateBasis::new(self.traits[0].len(), &columns);
        NullModel::fit(&Arc::new(basis), &traits, None)
    }

    fn posteriors(&self) -> Posteriors {
        let block = reads::block(&self.sites);
        let mut posteriors = Posteriors::new(block.n_samples(), block.len());
        posteriors.set(&block);
        posteriors
    }

    /// All pairs, every one with a number a hit.
    fn test(&self) -> LinearRows {
        let null = self.null();
        run(&ReadsTest::new(&null, 0.0), &self.posteriors())
    }

    /// (design row, trait) of every sample that has the trait.
    fn design(&self, t: usize) -> Vec<Option<(Vec<f64>, f64)>> {
        let row = |i: usize| std::iter::once(1.0).chain(self.covariates.iter().map(|c| c[i])).collect();
        self.traits[t].iter().enumerate().map(|(i, &y)| (!y.is_nan()).then(|| (row(i), y))).collect()
    }

    /// (β, SE) by the formula.
    fn oracle(&self, v: usize, t: usize) -> (f64, f64) {
        let ln = &self.sites[v].ln;
        let f = em(ln);
        let all = reads::posterior(ln, f);
        let on_frequency = all.iter().map(|p| 2.0 * f * (1.0 - f) - p.1).sum();
        let design = self.design(t);
        let used: Vec<(f64, f64)> = all.into_iter().zip(&design).filter(|(_, x)| x.is_some()).map(|(p, _)| p).collect();
        let (rows, y): (Vec<_>, Vec<_>) = design.into_iter().flatten().unzip();
        score(&linear_null(rows, &y), &used, on_frequency)
    }
}

fn run(test: &ReadsTest<'_>, posteriors: &Posteriors) -> LinearRows {
    let (mut scratch, mut rows) = (ReadsScratch::new(test), LinearRows::new());
    test.test_block(posteriors, &mut scratch, &mut rows);
    rows
}

fn close(found: (f64, f64), expected: (f64, f64), tolerance: f64) -> bool {
    (found.0 - expected.0).abs() <= tolerance * expected.1.max(expected.0.abs())
        && (found.1 / expected.1 - 1.0).abs() <= tolerance
}

fn hit(rows: &LinearRows, v: usize, t: usize) -> (f64, f64) {
    let hit = rows.hits.iter().find(|hit| (hit.variant_idx, hit.trait_idx) == (v as u32, t as u32));
    hit.map_or((f64::NAN, f64::NAN), |hit| (hit.beta, hit.se))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn prop_score_test_equals_the_naive_formula(
        seed in any::<u64>(), n in 150usize..400, n_covariates in 0usize..4, missing in 0.0f64..0.4,
    ) {
        let cohort = Cohort::simulate(seed, n, n_covariates, (5, 6), missing);
        let rows = cohort.test();
        for v in 0..6 {
            for t in 0..5 {
                let (found, expected) = (hit(&rows, v, t), cohort.oracle(v, t));
                prop_assert!(close(found, expected, 2e-5), "{v} {t}: {found:?} not {expected:?}");
                let log10p = rows.hits[v * 5 + t].log10p;
                let z = found.0 / found.1;
                prop_assert!((log10p - student::log10_p(z, f64::INFINITY)).abs() < 1e-12 * log10p.max(1.0));
                prop_assert_eq!(rows.beta[v * 5 + t], found.0 as f32);
                prop_assert_eq!(rows.se[v * 5 + t], found.1 as f32);
            }
        }
    }

    #[test]
    fn prop_frequency_is_ems(seed in any::<u64>(), n in 20usize..300, f in 0.0f64..1.0, depth in 0.3f64..6.0) {
        let site = reads::simulate(&mut Random(seed), f, &vec![depth; n]);
        prop_assume!(site.ln.iter().any(|ln| ln[0] != ln[1]));
        let mut posteriors = Posteriors::new(n, 1);
        posteriors.set(&reads::block(std::slice::from_ref(&site)));
        let (found, expected) = (posteriors.site(0).alt, em(&site.ln));
        prop_assert!((found - expected).abs() <= 1e-6, "{found} not {expected}");
        let naive = reads::posterior(&site.ln, found);
        for (i, (mean, variance)) in naive.into_iter().enumerate() {
            prop_assert!((f64::from(posteriors.dosages().dosages(0)[i]) - mean).abs() < 2e-7);
            prop_assert!((f64::from(posteriors.variances(0)[i]) - variance).abs() < 1e-7);
        }
    }

    #[test]
    fn prop_invariances(seed in any::<u64>(), shift in -50.0f64..50.0, scale in 0.01f64..100.0) {
        let cohort = Cohort::simulate(seed, 200, 2, (2, 3), 0.2);
        let rows = cohort.test();
        let same = |other: &Cohort, sign: f64, by: f64| {
            let other = other.test();
            (0..6).all(|at| {
                let (a, b) = (hit(&rows, at / 2, at % 2), hit(&other, at / 2, at % 2));
                close((sign * b.0 / by, b.1 / by), a, 2e-5)
            })
        };
        let mut reversed = cohort.clone();
        reversed.sites.iter_mut().for_each(|site| site.ln.reverse());
        reversed.covariates.iter_mut().chain(&mut reversed.traits).for_each(|column| column.reverse());
        prop_assert!(same(&reversed, 1.0, 1.0), "order of samples");
        let mut moved = cohort.clone();
        moved.traits.iter_mut().flatten().for_each(|y| *y = *y * scale + shift);
        prop_assert!(same(&moved, 1.0, scale), "shift and scale");
        let mut swapped = cohort.clone();
        swapped.sites.iter_mut().flat_map(|site| &mut site.ln).for_each(|ln| ln.swap(0, 2));
        prop_assert!(same(&swapped, -1.0, 1.0), "REF and ALT");
        let mut rotated = cohort.clone();
        for i in 0..200 {
            let (a, b) = (cohort.covariates[0][i], cohort.covariates[1][i]);
            (rotated.covariates[0][i], rotated.covariates[1][i]) = (0.8 * a - 0.6 * b + 1.0, 0.6 * a + 0.8 * b);
        }
        prop_assert!(same(&rotated, 1.0, 1.0), "rotation of covariates");
    }

    #[test]
    fn prop_bits_do_not_depend_on_company(seed in any::<u64>(), n in 30usize..600) {
        let cohort = Cohort::simulate(seed, n, 2, (70, 9), 0.1);
        let (null, posteriors) = (cohort.null(), cohort.posteriors());
        let all = run(&ReadsTest::new(&null, 0.0), &posteriors);
        for isa in [Isa::Scalar, Isa::Avx2, Isa::Avx512] {
            let Some(test) = ReadsTest::with_isa(&null, 0.0, isa) else { continue };
            let mut there = Posteriors::new(n, 9).with_isa(isa).unwrap();
            there.set(&reads::block(&cohort.sites));
            prop_assert_eq!(bits(&run(&test, &there)), bits(&all), "{}", isa.name());
        }
        let word = |x: f32| x.to_bits();
        for t in [0, 3, 69] {
            let alone = Cohort { traits: vec![cohort.traits[t].clone()], ..cohort.clone() }.test();
            for v in 0..9 {
                prop_assert_eq!(word(alone.beta[v]), word(all.beta[v * 70 + t]));
                prop_assert_eq!(word(alone.se[v]), word(all.se[v * 70 + t]));
            }
        }
        let one = Cohort { sites: vec![cohort.sites[4].clone()], ..cohort.clone() }.test();
        prop_assert_eq!(one.beta.iter().map(|&x| word(x)).collect::<Vec<_>>(), all.beta[280..350].iter().map(|&x| word(x)).collect::<Vec<_>>());
        prop_assert_eq!(one.se.iter().map(|&x| word(x)).collect::<Vec<_>>(), all.se[280..350].iter().map(|&x| word(x)).collect::<Vec<_>>());
    }
}

/// s and I are derivatives of the observed-data log-likelihood, those in the covariates and in f included.
#[test]
fn score_and_information_are_derivatives_of_the_likelihood() {
    let cohort = Cohort::simulate(11, 160, 2, (3, 3), 0.25);
    let rows = cohort.test();
    for v in 0..3 {
        for t in 0..3 {
            let design = cohort.design(t);
            let (x, y): (Vec<_>, Vec<_>) = design.iter().flatten().cloned().unzip();
            let null = linear_null(x, &y);
            let at = (&null.coefficients[..], em(&cohort.sites[v].ln));
            let density = |y: f64, eta: f64| -0.5 * (y - eta) * (y - eta) / null.phi;
            let (s, information) = derivatives(&cohort.sites[v].ln, &design, at, density);
            let found = hit(&rows, v, t);
            assert!(
                close(found, (s / information, information.powf(-0.5)), 3e-5),
                "{v} {t}: {found:?} {s} {information}"
            );
        }
    }
}

/// Where the reads leave nothing open, χ² = r²·(n − k) of least squares on the genotypes.
#[test]
fn certain_reads_give_the_score_test_of_genotypes() {
    let mut cohort = Cohort::simulate(5, 300, 3, (2, 4), 0.2);
    for site in &mut cohort.sites {
        for (ln, &g) in site.ln.iter_mut().zip(&site.genotypes) {
            *ln = [0, 1, 2].map(|other: u8| -1000.0 * f32::from(g.abs_diff(other)));
        }
    }
    let rows = cohort.test();
    for v in 0..4 {
        for t in 0..2 {
            let design = cohort.design(t);
            let used: Vec<usize> = (0..300).filter(|&i| design[i].is_some()).collect();
            let mut columns = vec![vec![1.0; used.len()]];
            columns.extend(cohort.covariates.iter().map(|c| used.iter().map(|&i| c[i]).collect::<Vec<f64>>()));
            let g = used.iter().map(|&i| f64::from(cohort.sites[v].genotypes[i])).collect();
            let fit = common::ols(&columns, g, used.iter().map(|&i| cohort.traits[t][i]).collect()).unwrap();
            let (beta, se) = hit(&rows, v, t);
            let chi2 = fit.r2 * (used.len() - columns.len()) as f64;
            assert!(((beta / se).powi(2) / chi2 - 1.0).abs() < 1e-5);
            assert!((beta / fit.beta - 1.0).abs() < 1e-5);
        }
    }
}

/// Least squares on expected genotypes is the linear test of the dosages as they are.
#[test]
fn expected_genotypes_go_through_the_linear_test() {
    let cohort = Cohort::simulate(21, 250, 2, (2, 3), 0.1);
    let (null, posteriors) = (cohort.null(), cohort.posteriors());
    let test = LinearTest::new(&null, MissingPolicy::Drop, 0.0);
    let (mut scratch, mut rows) = (LinearScratch::new(&test), LinearRows::new());
    test.test_block(posteriors.dosages(), posteriors.counts(), &mut scratch, &mut rows);
    for v in 0..3 {
        let mean = reads::posterior(&cohort.sites[v].ln, em(&cohort.sites[v].ln));
        for t in 0..2 {
            let used: Vec<usize> = (0..250).filter(|&i| !cohort.traits[t][i].is_nan()).collect();
            let mut columns = vec![vec![1.0; used.len()]];
            columns.extend(cohort.covariates.iter().map(|c| used.iter().map(|&i| c[i]).collect::<Vec<f64>>()));
            let g = used.iter().map(|&i| mean[i].0).collect();
            let fit = common::ols(&columns, g, used.iter().map(|&i| cohort.traits[t][i]).collect()).unwrap();
            assert!(close(hit(&rows, v, t), (fit.beta, fit.se), 2e-5));
        }
    }
}

#[test]
fn sites_and_pairs_without_a_number_say_why() {
    let n = 60;
    let mut block = LikelihoodBlock::new(n, 4);
    block.push().fill([0.0; 3]);
    block.push().fill([0.0, -5.0, -50.0]);
    block.push().fill([-80.0, -9.0, 0.0]);
    // One sample in 60 is read, once.
    block.push().fill([0.0; 3]);
    let mut faint = vec![[0.0f32; 3]; n];
    (faint[3], faint[4]) = ([0.0, -0.01, -0.02], [-0.02, -0.01, 0.0]);
    // All impossible alike says as little as no read.
    faint[n - 1] = [f32::NEG_INFINITY; 3];
    block.pop();
    block.push().copy_from_slice(&faint);
    let mut random = Random(9);
    let y: Vec<f64> = (0..n).map(|_| random.normal()).collect();
    let null = NullModel::fit(&Arc::new(CovariateBasis::new(n, &[]).0), &[&y, &vec![1.0; n]], None);
    let mut posteriors = Posteriors::new(n, 4);
    posteriors.set(&block);
    let rows = run(&ReadsTest::new(&null, 0.0), &posteriors);
    assert_eq!(rows.status, [Status::NoCalls, Status::Monomorphic, Status::Monomorphic, Status::Ok]);
    assert_eq!(rows.pair_status, [(3, 0, Status::NoInformation)]);
    assert!(rows.beta.iter().all(|x| x.is_nan()) && rows.hits.is_empty());
    assert!(posteriors.site(0).alt.is_nan() && posteriors.site(1).alt == 0.0 && posteriors.site(2).alt == 1.0);
    assert_eq!([0, 1, 3].map(|v| posteriors.site(v).n_with_reads), [0, 60, 2]);
}

/// A score test has no residual variance to lose: a trait that is the expected genotype has a number.
#[test]
fn a_perfect_fit_has_a_score() {
    let mut cohort = Cohort::simulate(31, 120, 1, (2, 2), 0.0);
    let posteriors = cohort.posteriors();
    cohort.traits[1] = posteriors.dosages().dosages(0).iter().map(|&g| 3.0 - 2.0 * f64::from(g)).collect();
    let rows = cohort.test();
    assert!(rows.pair_status.is_empty());
    assert!(close(hit(&rows, 0, 1), cohort.oracle(0, 1), 2e-5));
}
