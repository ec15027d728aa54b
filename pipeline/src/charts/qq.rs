//! A QQ plot: of the strongest tests one by one, of the rest the edges of /qc's histogram of t², which counts every test whatever the
//! file keeps.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use norna_kernels::genomic_control::{N_BINS, lower_edge};
use norna_kernels::{order_statistic, student};
use serde::Serialize;

/// Probability that a rank lies within the band under the null.
const BAND: f64 = 0.95;
/// Ranks of the band, about evenly along the logarithm.
const BAND_RANKS: u32 = 64;

/// Where a rank lies in 95 of 100 null plots, if tests were independent.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct QqBand {
    /// Expected −log10 p, rising.
    pub expected: Vec<f64>,
    /// 2.5 % quantile of −log10 p at that rank, of the beta distribution of order statistics.
    pub low: Vec<f64>,
    /// 97.5 % quantile.
    pub high: Vec<f64>,
}

/// A trait's QQ plot, in −log10 p.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Qq {
    /// Tests with a p.
    pub n_tests: u64,
    /// λ of genomic control; NaN without tests.
    pub lambda: f64,
    /// Expected −log10 p, rising: of rank i of n, i/(n + 1).
    pub expected: Vec<f64>,
    /// Observed −log10 p.
    pub observed: Vec<f64>,
    /// How many points, the last ones, are single tests; those before are edges of the histogram, at which the share of tests that
    /// are stronger is known.
    pub n_exact: usize,
    /// The confidence band.
    pub band: QqBand,
}

/// The strongest tests of a trait, while they are collected.
pub(super) struct Tail {
    most: usize,
    values: BinaryHeap<Reverse<Ordered>>,
    /// t² below which a test is none of them.
    pub(super) t2_floor: f64,
}

#[derive(Clone, Copy, PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Tail {
    /// Of at most `most` tests; `histogram` of t² tells where to look for them.
    pub(super) fn new(histogram: &[u64], most: usize) -> Self {
        let mut stronger = 0;
        let bin = (0..histogram.len()).rev().find(|&bin| {
            stronger += histogram[bin];
            stronger >= most as u64
        });
        // The histogram's t² is of f32.
        let t2_floor = bin.map_or(0.0, |bin| lower_edge(bin) * (1.0 - 1e-5));
        Self { most, values: BinaryHeap::new(), t2_floor }
    }

    pub(super) fn push(&mut self, log10p: f64) {
        self.values.push(Reverse(Ordered(log10p)));
        if self.values.len() > self.most {
            self.values.pop();
        }
    }

    /// The values, largest first.
    fn into_values(self) -> Vec<f64> {
        self.values.into_sorted_vec().into_iter().map(|Reverse(Ordered(log10p))| log10p).collect()
    }
}

impl Qq {
    /// From the histogram of a trait's tests by t², its degrees of freedom and its strongest tests.
    pub(super) fn new(histogram: &[u64], df: f64, lambda: f64, tail: Tail, band: QqBand) -> Self {
        let n_tests: u64 = histogram.iter().sum();
        let tail = tail.into_values();
        let n = n_tests as f64;
        let expected_at = |rank: f64| -libm::log10(rank / (n + 1.0));
        let (mut expected, mut observed) = (Vec::new(), Vec::new());
        let mut stronger = n_tests;
        for bin in 0..N_BINS {
            // An edge after an empty bin says nothing that the one before has not said.
            let is_new = bin == 0 || histogram[bin - 1] > 0;
            if stronger <= tail.len() as u64 || df < 1.0 {
                break;
            }
            if is_new {
                expected.push(expected_at(stronger as f64 + 0.5));
                observed.push(student::log10_p(lower_edge(bin).sqrt(), df));
            }
            stronger -= histogram[bin];
        }
        let n_exact = tail.len();
        for (rank, log10p) in tail.into_iter().enumerate().rev() {
            expected.push(expected_at(rank as f64 + 1.0));
            observed.push(log10p);
        }
        Self { n_tests, lambda, expected, observed, n_exact, band }
    }
}

impl QqBand {
    /// Of `n_tests` independent tests.
    pub(super) fn new(n_tests: u64) -> Self {
        let mut band = Self::default();
        let mut last = 0;
        for step in (0..BAND_RANKS).rev() {
            let share = f64::from(step) / f64::from(BAND_RANKS - 1);
            let rank = libm::round(libm::exp(libm::log(n_tests as f64) * share)) as u64;
            if rank == 0 || rank == last {
                continue;
            }
            last = rank;
            let at = |quantile| -libm::log10(order_statistic::quantile(rank, n_tests, quantile));
            band.expected.push(-libm::log10(rank as f64 / (n_tests as f64 + 1.0)));
            band.low.push(at(1.0 - (1.0 - BAND) / 2.0));
            band.high.push(at((1.0 - BAND) / 2.0));
        }
        band
    }
}
