//! Calibration under the null of the score tests, against that of called genotypes, and power.
#![allow(clippy::print_stdout)]

mod common;

use std::sync::Arc;

use common::Random;
use common::reads::{self, Site};
use norna_kernels::{
    CovariateBasis, Genotypes, LinearRows, LogisticNull, LogisticScratch, LogisticTest, NullModel, Posteriors,
    ReadsScratch, ReadsTest, genomic_control::CHI2_1_MEDIAN,
};

const N: usize = 500;
/// Sites simulated and tested at a time.
const AT_ONCE: usize = 100;

/// χ² of many pairs by two ways of testing.
#[derive(Default)]
struct Statistics {
    reads: Vec<f64>,
    expected: Vec<f64>,
    called: Vec<f64>,
}

fn median(x: &[f64]) -> f64 {
    let mut sorted = x.to_vec();
    let middle = sorted.len() / 2;
    *sorted.select_nth_unstable_by(middle, f64::total_cmp).1
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn genomic_control(x: &[f64]) -> f64 {
    median(x) / CHI2_1_MEDIAN
}

fn chi2(rows: &LinearRows, out: &mut Vec<f64>) {
    assert!(rows.pair_status.is_empty());
    out.extend(rows.beta.iter().zip(&rows.se).map(|(b, se)| (f64::from(*b) / f64::from(*se)).powi(2)));
}

/// Most likely genotype of every sample with reads, by its posterior.
fn calls(site: &Site, f: f64) -> Vec<Option<f64>> {
    let call = |ln: &[f32; 3]| {
        let p = reads::joint(ln, f);
        let best = if p[1] >= p[0] && p[1] >= p[2] {
            1.0
        } else if p[2] > p[0] {
            2.0
        } else {
            0.0
        };
        (ln[0] != ln[1] || ln[1] != ln[2]).then_some(best)
    };
    site.ln.iter().map(call).collect()
}

/// r²·n of called genotypes and a trait over the samples called: the score test of least squares (but for k/n), and
/// Armitage's trend test.
fn called_chi2(calls: &[Option<f64>], y: &[f64]) -> f64 {
    let pairs = || calls.iter().zip(y).filter_map(|(g, &y)| g.map(|g| (g, y)));
    let n = pairs().count() as f64;
    let (g_mean, y_mean) = pairs().fold((0.0, 0.0), |sum, (g, y)| (sum.0 + g / n, sum.1 + y / n));
    let (mut gg, mut gy, mut yy) = (0.0, 0.0, 0.0);
    for (g, y) in pairs() {
        let (g, y) = (g - g_mean, y - y_mean);
        (gg, gy, yy) = (gg + g * g, gy + g * y, yy + y * y);
    }
    n * gy * gy / (gg * yy)
}

/// Sites of allele frequencies 0.05 to 0.95 at the samples' mean depths.
fn sites(random: &mut Random, depths: &[f64], n: usize) -> Vec<Site> {
    (0..n)
        .map(|_| {
            let f = 0.05 + 0.9 * random.uniform();
            reads::simulate(random, f, depths)
        })
        .collect()
}

fn posteriors_of(sites: &[Site]) -> Posteriors {
    let mut posteriors = Posteriors::new(sites[0].ln.len(), sites.len());
    posteriors.set(&reads::block(sites));
    posteriors
}

fn references(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

/// Quantitative traits on sites whose effect on the first trait is `effect`.
fn quantitative(seed: u64, depth: f64, (n_sites, n_traits): (usize, usize), effect: f64) -> Statistics {
    let mut random = Random(seed);
    let mut out = Statistics::default();
    let noise: Vec<Vec<f64>> = (0..n_traits).map(|_| (0..N).map(|_| random.normal()).collect()).collect();
    let basis = Arc::new(CovariateBasis::new(N, &[]).0);
    for _ in 0..n_sites / AT_ONCE {
        let sites = sites(&mut random, &[depth; N], AT_ONCE);
        let posteriors = posteriors_of(&sites);
        let mut traits = noise.clone();
        if effect != 0.0 {
            traits = sites
                .iter()
                .map(|site| site.genotypes.iter().map(|&g| effect * f64::from(g) + random.normal()).collect())
                .collect();
        }
        let null = NullModel::fit(&basis, &references(&traits), None);
        let test = ReadsTest::new(&null, f64::INFINITY);
        let (mut scratch, mut rows) = (ReadsScratch::new(&test), LinearRows::new());
        test.test_block(&posteriors, &mut scratch, &mut rows);
        if effect == 0.0 {
            chi2(&rows, &mut out.reads);
        }
        for (v, site) in sites.iter().enumerate() {
            let calls = calls(site, posteriors.site(v).alt);
            let t = if effect == 0.0 { 0 } else { v };
            out.called.push(called_chi2(&calls, &traits[t]));
            if effect != 0.0 {
                let at = v * traits.len() + v;
                out.reads.push((f64::from(rows.beta[at]) / f64::from(rows.se[at])).powi(2));
            }
        }
    }
    out
}

/// Two-valued traits, a share of the samples cases, and a covariate; one trait where depth is to depend on it.
fn two_valued(seed: u64, share: f64, (cases, controls): (f64, f64), (n_sites, n_traits): (usize, usize)) -> Statistics {
    let mut random = Random(seed);
    let mut out = Statistics::default();
    let trait_of = |random: &mut Random| (0..N).map(|_| f64::from(u8::from(random.uniform() < share))).collect();
    let traits: Vec<Vec<f64>> = (0..n_traits).map(|_| trait_of(&mut random)).collect();
    let covariate: Vec<f64> = (0..N).map(|_| random.normal()).collect();
    let depths: Vec<f64> = traits[0].iter().map(|&y| if y == 1.0 { cases } else { controls }).collect();
    let null = LogisticNull::fit(&Arc::new(CovariateBasis::new(N, &[&covariate]).0), &references(&traits));
    let tests = [Genotypes::Uncertain, Genotypes::Expected].map(|g| LogisticTest::new(&null, g, f64::INFINITY));
    let (mut scratch, mut rows) = (LogisticScratch::new(&tests[0]), LinearRows::new());
    for _ in 0..n_sites / AT_ONCE {
        let sites = sites(&mut random, &depths, AT_ONCE);
        let posteriors = posteriors_of(&sites);
        tests[0].test_block(&posteriors, &mut scratch, &mut rows);
        chi2(&rows, &mut out.reads);
        tests[1].test_block(&posteriors, &mut scratch, &mut rows);
        chi2(&rows, &mut out.expected);
        for (v, site) in sites.iter().enumerate() {
            out.called.push(called_chi2(&calls(site, posteriors.site(v).alt), &traits[0]));
        }
    }
    out
}

/// What a median-based genomic control of m independent tests may be off by.
fn allowed(m: usize) -> f64 {
    3.0 * 2.33 / (m as f64).sqrt()
}

fn assert_calibrated(name: &str, chi2: &[f64], allowed: f64) {
    let gc = genomic_control(chi2);
    println!("{name}: {} tests, genomic control {gc:.4}, mean {:.4}", chi2.len(), mean(chi2));
    assert!((gc - 1.0).abs() <= allowed, "{name}: {gc}");
}

/// Both kinds of traits at one depth.
fn assert_one_depth_calibrated(depth: f64, shape: (usize, usize)) {
    let quantitative = quantitative(1, depth, shape, 0.0);
    assert_calibrated(&format!("quantitative, {depth}x"), &quantitative.reads, 0.015);
    let two_valued = two_valued(2, 0.5, (depth, depth), shape);
    assert_calibrated(&format!("two-valued, {depth}x"), &two_valued.reads, 0.015);
}

/// Depth depends on the trait: the score test holds, called genotypes do not, nor do expected ones as if they were known: they
/// miss that the frequency is estimated, and that the variance of E depends on the trait.
fn assert_two_depths_calibrated(share: f64, (cases, controls): (f64, f64), n_sites: usize, allowed: f64) {
    let found = two_valued(3, share, (cases, controls), (n_sites, 1));
    let name = format!("two-valued, {}% cases {cases}x, controls {controls}x", 100.0 * share);
    assert_calibrated(&name, &found.reads, allowed);
    let (called, expected) = (genomic_control(&found.called), genomic_control(&found.expected));
    println!("{name}: genomic control of called genotypes {called:.4}, of expected ones {expected:.4}");
    assert!(called > 1.5 && (expected - 1.0).abs() > 0.015);
}

#[test]
fn null_tests_at_one_depth_are_calibrated() {
    for depth in [1.0, 2.0, 4.0] {
        assert_one_depth_calibrated(depth, (2000, 100));
    }
}

#[test]
fn null_tests_are_calibrated_where_cases_and_controls_differ_in_depth() {
    assert_two_depths_calibrated(0.5, (1.0, 4.0), 50_000, allowed(50_000));
}

#[test]
fn power_is_no_less_than_that_of_called_genotypes() {
    for depth in [1.0, 2.0, 4.0] {
        let found = quantitative(4, depth, (1000, 0), 0.15);
        let (reads, called) = (mean(&found.reads), mean(&found.called));
        println!("power, {depth}x: mean chi2 {reads:.3} of likelihoods, {called:.3} of called genotypes");
        assert!(reads >= called);
    }
}

/// Minutes on one core in a debug build.
#[test]
#[ignore = "the record of benches/record: cargo test --release -- --ignored --nocapture"]
fn null_tests_are_calibrated_in_full() {
    for depth in [1.0, 2.0, 4.0] {
        assert_one_depth_calibrated(depth, (5000, 100));
    }
    for (share, depths) in
        [(0.5, (1.0, 4.0)), (0.5, (4.0, 1.0)), (0.5, (2.0, 4.0)), (0.2, (1.0, 4.0)), (0.2, (4.0, 1.0))]
    {
        assert_two_depths_calibrated(share, depths, 400_000, 0.015);
    }
}
