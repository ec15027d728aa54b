//! Simulated cohorts and a naive f64 oracle: least squares of y on [1, C, g] by Householder-free Gram–Schmidt over the
//! samples used, one pair at a time.
#![allow(dead_code, unreachable_pub)]

pub mod reads;

use std::sync::Arc;

use norna_kernels::{
    AlleleCounts, CovariateBasis, GenotypeBlock, GenotypeKind, Isa, LinearRows, LinearScratch, LinearTest,
    MISSING_CALL, MissingPolicy, NullModel, allele_counts,
};

/// A small generator of random numbers (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}

/// A cohort: covariates, traits (NaN missing) and genotypes (NaN missing).
#[derive(Clone)]
pub struct Cohort {
    pub n: usize,
    pub covariates: Vec<Vec<f64>>,
    pub traits: Vec<Vec<f64>>,
    pub variants: Vec<Vec<f32>>,
    pub kind: GenotypeKind,
}

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Design {
    pub seed: u64,
    pub n: usize,
    pub n_covariates: usize,
    pub n_traits: usize,
    pub n_variants: usize,
    pub dosages: bool,
    /// Share of trait values missing; the first trait is complete, and traits come in pairs of one mask.
    pub missing_traits: f64,
    pub missing_genotypes: f64,
}

impl Cohort {
    pub fn simulate(design: &Design) -> Self {
        let mut random = Random(design.seed);
        let n = design.n;
        let covariates: Vec<Vec<f64>> = (0..design.n_covariates)
            .map(|j| {
                (0..n)
                    .map(|_| if j == 1 { random.uniform().round() } else { 10.0 * j as f64 + random.normal() })
                    .collect()
            })
            .collect();
        let kind = if design.dosages { GenotypeKind::Dosages } else { GenotypeKind::Calls };
        let variants =
            (0..design.n_variants).map(|_| simulate_variant(&mut random, n, kind, design)).collect::<Vec<_>>();
        let mut mask = vec![true; n];
        let traits = (0..design.n_traits)
            .map(|t| {
                if t % 2 == 1 {
                    mask.iter_mut().for_each(|observed| *observed = random.uniform() >= design.missing_traits);
                }
                (0..n)
                    .map(|i| {
                        let noise = random.normal();
                        let c: f64 = covariates.iter().map(|c| 0.3 * c[i]).sum();
                        let g = variants.get(t).map_or(0.0, |v| if v[i].is_nan() { 0.0 } else { f64::from(v[i]) });
                        if mask[i] { 100.0 + c + 0.2 * g + noise } else { f64::NAN }
                    })
                    .collect()
            })
            .collect();
        Self { n, covariates, traits, variants, kind }
    }

    pub fn null(&self) -> NullModel {
        let columns: Vec<&[f64]> = self.covariates.iter().map(Vec::as_slice).collect();
        let traits: Vec<&[f64]> = self.traits.iter().map(Vec::as_slice).collect();
        let (basis, _) = CovariateBasis::new(self.n, &columns);
        NullModel::fit(&Arc::new(basis), &traits, None)
    }

    pub fn block(&self) -> (GenotypeBlock, Vec<AlleleCounts>) {
        let mut block = GenotypeBlock::new(self.kind, self.n, self.variants.len());
        for variant in &self.variants {
            match self.kind {
                GenotypeKind::Calls => {
                    for (out, &g) in block.push_calls().iter_mut().zip(variant) {
                        *out = if g.is_nan() { MISSING_CALL } else { g as u8 };
                    }
                }
                GenotypeKind::Dosages => block.push_dosages().copy_from_slice(variant),
            }
        }
        let counts = (0..block.len()).map(|v| allele_counts(&block, v, None)).collect();
        (block, counts)
    }

    /// All pairs through the kernels; every pair with a number is a hit, for its f64 values.
    pub fn test(&self, policy: MissingPolicy) -> LinearRows {
        let null = self.null();
        run(&LinearTest::new(&null, policy, 0.0), self)
    }

    pub fn test_on(&self, policy: MissingPolicy, isa: Isa) -> Option<LinearRows> {
        let null = self.null();
        Some(run(&LinearTest::with_isa(&null, policy, 0.0, isa)?, self))
    }

    /// The oracle's pair.
    pub fn oracle(&self, v: usize, t: usize, policy: MissingPolicy) -> Option<Ols> {
        let g = &self.variants[v];
        let called: Vec<f64> = g.iter().filter(|g| !g.is_nan()).map(|&g| f64::from(g)).collect();
        let mean = called.iter().sum::<f64>() / called.len() as f64;
        let used: Vec<usize> = (0..self.n)
            .filter(|&i| !self.traits[t][i].is_nan() && (policy == MissingPolicy::Mean || !g[i].is_nan()))
            .collect();
        let columns = self.design(&used);
        let g = used.iter().map(|&i| if g[i].is_nan() { mean } else { f64::from(g[i]) }).collect();
        ols(&columns, g, used.iter().map(|&i| self.traits[t][i]).collect())
    }

    /// The intercept and the covariates of some samples.
    pub fn design(&self, samples: &[usize]) -> Vec<Vec<f64>> {
        let mut columns = vec![vec![1.0; samples.len()]];
        columns.extend(self.covariates.iter().map(|c| samples.iter().map(|&i| c[i]).collect::<Vec<f64>>()));
        columns
    }
}

fn simulate_variant(random: &mut Random, n: usize, kind: GenotypeKind, design: &Design) -> Vec<f32> {
    let f = random.uniform();
    (0..n)
        .map(|_| {
            let g = f64::from(u8::from(random.uniform() < f)) + f64::from(u8::from(random.uniform() < f));
            let g = match kind {
                GenotypeKind::Calls => g,
                GenotypeKind::Dosages => ((0.9 * g + 0.2 * random.uniform()) * 1000.0).round() / 1000.0,
            };
            if random.uniform() < design.missing_genotypes { f32::NAN } else { g as f32 }
        })
        .collect()
}

pub fn run(test: &LinearTest<'_>, cohort: &Cohort) -> LinearRows {
    let (block, counts) = cohort.block();
    let mut scratch = LinearScratch::new(test);
    let mut rows = LinearRows::new();
    test.test_block(&block, &counts, &mut scratch, &mut rows);
    rows
}

/// A least-squares fit of the last column.
#[derive(Debug, Clone, Copy)]
pub struct Ols {
    pub beta: f64,
    pub se: f64,
    pub df: f64,
    /// Share of y's residual that g explains.
    pub r2: f64,
}

fn length(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn project(units: &[Vec<f64>], x: &mut [f64]) {
    for _ in 0..3 {
        for unit in units {
            let part: f64 = unit.iter().zip(&*x).map(|(u, x)| u * x).sum();
            x.iter_mut().zip(unit).for_each(|(x, u)| *x -= part * u);
        }
    }
}

/// Orthonormal basis of the columns, without those in the span of earlier ones.
fn basis(columns: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut units: Vec<Vec<f64>> = Vec::new();
    for column in columns {
        let (mut centred, mut rest) = (column.clone(), column.clone());
        project(&units[..units.len().min(1)], &mut centred);
        project(&units, &mut rest);
        let after = length(&rest);
        if after > 1e-7 * length(&centred) && after > 1e-12 * length(column) {
            units.push(rest.iter().map(|x| x / after).collect());
        }
    }
    units
}

/// y less its projection on the columns.
pub fn residual(columns: &[Vec<f64>], y: &[f64]) -> Vec<f64> {
    let mut rest = y.to_vec();
    project(&basis(columns), &mut rest);
    rest
}

/// `None` where there are too few samples or g is in the span of the others.
pub fn ols(columns: &[Vec<f64>], g: Vec<f64>, mut y: Vec<f64>) -> Option<Ols> {
    let units = basis(columns);
    let df = y.len() as f64 - units.len() as f64 - 1.0;
    let mut g_rest = g.clone();
    project(&units, &mut g_rest);
    project(&units, &mut y);
    let d: f64 = g_rest.iter().map(|g| g * g).sum();
    if df < 1.0 || d.sqrt() <= 1e-10 * length(&g).max(1e-300) {
        return None;
    }
    let s: f64 = g_rest.iter().zip(&y).map(|(g, y)| g * y).sum();
    let beta = s / d;
    let yy: f64 = y.iter().map(|y| y * y).sum();
    let rss: f64 = y.iter().zip(&g_rest).map(|(y, g)| (y - beta * g) * (y - beta * g)).sum();
    Some(Ols { beta, se: (rss / (d * df)).sqrt(), df, r2: 1.0 - rss / yy })
}

/// The largest error of β in units of max(|β|, SE), and of SE relative, over all pairs; asserts that both sides have a
/// number for the same pairs.
pub fn errors_against_oracle(cohort: &Cohort, rows: &LinearRows, policy: MissingPolicy) -> (f64, f64) {
    let (mut beta_error, mut se_error) = (0f64, 0f64);
    let mut hits = rows.hits.iter().peekable();
    for v in 0..cohort.variants.len() {
        for t in 0..cohort.traits.len() {
            let hit = hits.next_if(|hit| (hit.variant_idx, hit.trait_idx) == (v as u32, t as u32));
            let oracle = cohort.oracle(v, t, policy);
            assert_eq!(hit.is_some(), oracle.is_some(), "variant {v}, trait {t}: {hit:?}, {oracle:?}");
            let at = v * cohort.traits.len() + t;
            let (Some(hit), Some(oracle)) = (hit, oracle) else {
                assert!(rows.beta[at].is_nan() && rows.se[at].is_nan());
                continue;
            };
            assert_eq!((rows.beta[at], rows.se[at]), (hit.beta as f32, hit.se as f32));
            beta_error = beta_error.max((hit.beta - oracle.beta).abs() / oracle.se.max(oracle.beta.abs()));
            se_error = se_error.max((hit.se - oracle.se).abs() / oracle.se);
            let log10p = norna_kernels::student::log10_p(oracle.beta / oracle.se, oracle.df);
            assert!((hit.log10p - log10p).abs() <= 1e-4 * log10p.max(1.0));
        }
    }
    assert!(hits.next().is_none());
    (beta_error, se_error)
}

/// Bits of β, SE and the hits (variant, trait, β, SE, log10 p).
pub type Bits = (Vec<u32>, Vec<u32>, Vec<[u64; 5]>);

/// All output bits of rows.
pub fn bits(rows: &LinearRows) -> Bits {
    let words = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let hits = rows
        .hits
        .iter()
        .map(|h| [h.variant_idx.into(), h.trait_idx.into(), h.beta.to_bits(), h.se.to_bits(), h.log10p.to_bits()])
        .collect();
    (words(&rows.beta), words(&rows.se), hits)
}
