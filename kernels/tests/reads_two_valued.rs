//! The score tests of two-valued traits against naive oracles.

mod common;

use std::sync::Arc;

use common::reads::{self, Site, derivatives, em, logistic_null, score};
use common::{Random, bits};
use norna_kernels::{
    CovariateBasis, Genotypes, Isa, LinearRows, LogisticNull, LogisticScratch, LogisticTest, Posteriors, Status,
};
use proptest::prelude::*;

#[derive(Clone)]
struct Cohort {
    sites: Vec<Site>,
    covariates: Vec<Vec<f64>>,
    traits: Vec<Vec<f64>>,
}

impl Cohort {
    fn simulate(seed: u64, n: usize, n_covariates: usize, (n_traits, n_sites): (usize, usize), missing: f64) -> Self {
        let mut random = Random(seed);
        let depths: Vec<f64> = (0..n).map(|_| [0.5, 1.0, 4.0, 9.0][(random.uniform() * 4.0) as usize]).collect();
        let sites: Vec<Site> = (0..n_sites)
            .map(|_| {
                let f = 0.1 + 0.8 * random.uniform();
                reads::simulate(&mut random, f, &depths)
            })
            .collect();
        let covariates: Vec<Vec<f64>> =
            (0..n_covariates).map(|j| (0..n).map(|_| 3.0 * j as f64 + random.normal()).collect()).collect();
        let traits = (0..n_traits)
            .map(|t| {
                (0..n)
                    .map(|i| {
                        let c: f64 = covariates.iter().zip(0..).map(|(c, j)| 0.5 * (c[i] - 3.0 * f64::from(j))).sum();
                        let eta = c - 0.6 + 0.4 * f64::from(sites[t % n_sites].genotypes[i]) - 0.1 * depths[i];
                        let y = f64::from(u8::from(random.uniform() < 1.0 / (1.0 + (-eta).exp())));
                        if t > 0 && random.uniform() < missing { f64::NAN } else { y }
                    })
                    .collect()
            })
            .collect();
        Self { sites, covariates, traits }
    }

    fn null(&self) -> LogisticNull {
        let columns: Vec<&[f64]> = self.covariates.iter().map(Vec::as_slice).collect();
        let traits: Vec<&[f64]> = self.traits.iter().map(Vec::as_slice).collect();
        let (basis, _) = CovariateBasis::new(self.traits[0].len(), &columns);
        LogisticNull::fit(&Arc::new(basis), &traits)
    }

    fn posteriors(&self) -> Posteriors {
        let block = reads::block(&self.sites);
        let mut posteriors = Posteriors::new(block.n_samples(), block.len());
        posteriors.set(&block);
        posteriors
    }

    fn test(&self, genotypes: Genotypes) -> LinearRows {
        run(&LogisticTest::new(&self.null(), genotypes, 0.0), &self.posteriors())
    }

    fn design(&self, t: usize) -> Vec<Option<(Vec<f64>, f64)>> {
        let row = |i: usize| std::iter::once(1.0).chain(self.covariates.iter().map(|c| c[i])).collect();
        self.traits[t].iter().enumerate().map(|(i, &y)| (!y.is_nan()).then(|| (row(i), y))).collect()
    }

    /// (β, SE) by the formula; `None` where the null model has no fit.
    fn oracle(&self, v: usize, t: usize, genotypes: Genotypes) -> (f64, f64) {
        let ln = &self.sites[v].ln;
        let f = em(ln);
        let all = reads::posterior(ln, f);
        let on_frequency = all.iter().map(|p| 2.0 * f * (1.0 - f) - p.1).sum();
        let design = self.design(t);
        let known = |p: (f64, f64)| if genotypes == Genotypes::Expected { (p.0, 0.0) } else { p };
        let used: Vec<(f64, f64)> =
            all.into_iter().zip(&design).filter(|(_, x)| x.is_some()).map(|(p, _)| known(p)).collect();
        let (rows, y): (Vec<_>, Vec<_>) = design.into_iter().flatten().unzip();
        score(&logistic_null(rows, &y), &used, on_frequency)
    }
}

fn run(test: &LogisticTest<'_>, posteriors: &Posteriors) -> LinearRows {
    let (mut scratch, mut rows) = (LogisticScratch::new(test), LinearRows::new());
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
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn prop_score_tests_equal_the_naive_formulas(
        seed in any::<u64>(), n in 200usize..500, n_covariates in 0usize..4, missing in 0.0f64..0.4,
    ) {
        let cohort = Cohort::simulate(seed, n, n_covariates, (4, 5), missing);
        for genotypes in [Genotypes::Uncertain, Genotypes::Expected] {
            let rows = cohort.test(genotypes);
            for (v, t) in (0..5).flat_map(|v| (0..4).map(move |t| (v, t))) {
                let (found, expected) = (hit(&rows, v, t), cohort.oracle(v, t, genotypes));
                prop_assert!(close(found, expected, 2e-5), "{v} {t}: {found:?} not {expected:?}");
                prop_assert_eq!((rows.beta[v * 4 + t], rows.se[v * 4 + t]), (found.0 as f32, found.1 as f32));
            }
        }
    }

    #[test]
    fn prop_invariances(seed in any::<u64>()) {
        let cohort = Cohort::simulate(seed, 300, 2, (2, 3), 0.2);
        let rows = cohort.test(Genotypes::Uncertain);
        let same = |other: &Cohort, sign: f64| {
            let other = other.test(Genotypes::Uncertain);
            (0..6).all(|at| {
                let (a, b) = (hit(&rows, at / 2, at % 2), hit(&other, at / 2, at % 2));
                close((sign * b.0, b.1), a, 2e-5)
            })
        };
        let mut reversed = cohort.clone();
        reversed.sites.iter_mut().for_each(|site| site.ln.reverse());
        reversed.covariates.iter_mut().chain(&mut reversed.traits).for_each(|column| column.reverse());
        prop_assert!(same(&reversed, 1.0), "order of samples");
        let mut turned = cohort.clone();
        turned.traits.iter_mut().flatten().for_each(|y| *y = 1.0 - *y);
        prop_assert!(same(&turned, -1.0), "cases and controls");
        let mut swapped = cohort.clone();
        swapped.sites.iter_mut().flat_map(|site| &mut site.ln).for_each(|ln| ln.swap(0, 2));
        prop_assert!(same(&swapped, -1.0), "REF and ALT");
        let mut rotated = cohort.clone();
        for i in 0..300 {
            let (a, b) = (cohort.covariates[0][i], cohort.covariates[1][i]);
            (rotated.covariates[0][i], rotated.covariates[1][i]) = (0.8 * a - 0.6 * b + 1.0, 0.6 * a + 0.8 * b);
        }
        prop_assert!(same(&rotated, 1.0), "rotation of covariates");
    }

    #[test]
    fn prop_bits_do_not_depend_on_company(seed in any::<u64>(), n in 150usize..700) {
        let cohort = Cohort::simulate(seed, n, 2, (20, 9), 0.1);
        let (null, posteriors) = (cohort.null(), cohort.posteriors());
        let all = run(&LogisticTest::new(&null, Genotypes::Uncertain, 0.0), &posteriors);
        for isa in [Isa::Scalar, Isa::Avx2, Isa::Avx512] {
            let Some(test) = LogisticTest::with_isa(&null, Genotypes::Uncertain, 0.0, isa) else { continue };
            prop_assert_eq!(bits(&run(&test, &posteriors)), bits(&all), "{}", isa.name());
        }
        let words = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        for t in [0, 3, 19] {
            let alone = Cohort { traits: vec![cohort.traits[t].clone()], ..cohort.clone() }.test(Genotypes::Uncertain);
            let column = |x: &[f32]| words(&x.iter().skip(t).step_by(20).copied().collect::<Vec<f32>>());
            prop_assert_eq!(words(&alone.beta), column(&all.beta));
            prop_assert_eq!(words(&alone.se), column(&all.se));
        }
        let one = Cohort { sites: vec![cohort.sites[4].clone()], ..cohort.clone() }.test(Genotypes::Uncertain);
        prop_assert_eq!(words(&one.beta), words(&all.beta[80..100]));
        prop_assert_eq!(words(&one.se), words(&all.se[80..100]));
    }
}

/// s and I are derivatives of the observed-data log-likelihood, those in the covariates and in f included.
#[test]
fn score_and_information_are_derivatives_of_the_likelihood() {
    let cohort = Cohort::simulate(12, 200, 2, (3, 3), 0.25);
    let rows = cohort.test(Genotypes::Uncertain);
    for (v, t) in (0..3).flat_map(|v| (0..3).map(move |t| (v, t))) {
        let design = cohort.design(t);
        let (x, y): (Vec<_>, Vec<_>) = design.iter().flatten().cloned().unzip();
        let null = logistic_null(x, &y);
        let at = (&null.coefficients[..], em(&cohort.sites[v].ln));
        let density = |y: f64, eta: f64| y * eta - (1.0 + eta.exp()).ln();
        let (s, information) = derivatives(&cohort.sites[v].ln, &design, at, density);
        let found = hit(&rows, v, t);
        assert!(close(found, (s / information, information.powf(-0.5)), 3e-5), "{v} {t}: {found:?} {s} {information}");
    }
}

/// Where the reads leave nothing open, the test is the score test of genotypes: without covariates Armitage's trend test,
/// χ² = n·r² of the trait and the genotype.
#[test]
fn certain_reads_give_armitages_trend_test() {
    let mut cohort = Cohort::simulate(6, 400, 0, (2, 4), 0.2);
    for site in &mut cohort.sites {
        for (ln, &g) in site.ln.iter_mut().zip(&site.genotypes) {
            *ln = [0, 1, 2].map(|other: u8| -1000.0 * f32::from(g.abs_diff(other)));
        }
    }
    let rows = cohort.test(Genotypes::Uncertain);
    for (v, t) in (0..4).flat_map(|v| (0..2).map(move |t| (v, t))) {
        let pairs = cohort.traits[t].iter().zip(&cohort.sites[v].genotypes).filter(|(y, _)| !y.is_nan());
        let pairs: Vec<(f64, f64)> = pairs.map(|(&y, &g)| (y, f64::from(g))).collect();
        let n = pairs.len() as f64;
        let mean = pairs.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0 / n, sum.1 + p.1 / n));
        let moment = |of: fn(f64, f64) -> f64| pairs.iter().map(|p| of(p.0 - mean.0, p.1 - mean.1)).sum::<f64>();
        let chi2 = n * moment(|y, g| y * g).powi(2) / (moment(|y, _| y * y) * moment(|_, g| g * g));
        let (beta, se) = hit(&rows, v, t);
        assert!(((beta / se).powi(2) / chi2 - 1.0).abs() < 1e-5);
    }
}

#[test]
fn traits_and_sites_without_a_number_say_why() {
    let mut cohort = Cohort::simulate(8, 150, 1, (3, 3), 0.0);
    cohort.sites[1].ln.fill([0.0; 3]);
    cohort.sites[2].ln.fill([0.0, -5.0, -50.0]);
    cohort.traits[1].fill(0.0);
    let rows = cohort.test(Genotypes::Uncertain);
    assert_eq!(cohort.null().trait_status(1), Status::NoCases);
    assert_eq!(rows.status, [Status::Ok, Status::NoCalls, Status::Monomorphic]);
    assert_eq!(rows.beta.iter().map(|x| x.is_nan()).collect::<Vec<_>>(), [0, 1, 0, 1, 1, 1, 1, 1, 1].map(|x| x == 1));
    // A covariate that is the expected genotype.
    let posteriors = cohort.posteriors();
    cohort.covariates.push(posteriors.dosages().dosages(0).iter().map(|&g| f64::from(g)).collect());
    let rows = cohort.test(Genotypes::Uncertain);
    let collinear = Status::CollinearWithCovariates;
    assert_eq!(rows.pair_status, [(0, 0, collinear), (0, 2, collinear)]);
}

/// f32 within blocks of 256 samples costs no more with many samples, few cases and a common ALT allele.
#[test]
fn sums_over_many_samples_keep_their_digits() {
    let mut cohort = Cohort::simulate(40, 8_000, 1, (2, 2), 0.1);
    let mut random = Random(41);
    cohort.sites[1] = reads::simulate(&mut random, 0.97, &vec![2.0; 8_000]);
    for y in &mut cohort.traits[1] {
        *y *= f64::from(u8::from(random.uniform() < 0.05));
    }
    for genotypes in [Genotypes::Uncertain, Genotypes::Expected] {
        let rows = cohort.test(genotypes);
        for (v, t) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let (found, expected) = (hit(&rows, v, t), cohort.oracle(v, t, genotypes));
            assert!(close(found, expected, 1e-5), "{v} {t}: {found:?} not {expected:?}");
        }
    }
}
