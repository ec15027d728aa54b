//! Simulated reads, and naive f64 oracles of what is made of them.

use std::sync::LazyLock;

use norna_kernels::LikelihoodBlock;

use super::Random;

/// One site of a cohort: true genotypes and ln-likelihoods.
#[derive(Clone)]
pub struct Site {
    pub genotypes: Vec<u8>,
    pub ln: Vec<[f32; 3]>,
}

/// Poisson of a small mean, given as e^−mean.
pub fn poisson(random: &mut Random, limit: f64) -> usize {
    let (mut n, mut product) = (0, random.uniform());
    while product > limit {
        n += 1;
        product *= random.uniform();
    }
    n
}

/// Error and ln P(base | g) of REF, ALT and other bases, by quality.
struct Quality {
    error: f64,
    ln: [[f64; 3]; 3],
}

fn quality(quality: i32) -> Quality {
    let error = 10f64.powf(-f64::from(quality) / 10.0);
    let p = |base: usize, allele: usize| if base == allele { 1.0 - error } else { error / 3.0 };
    let ln = [0, 1, 2].map(|base| [0.0, 0.5, 1.0].map(|alt: f64| ((1.0 - alt) * p(base, 0) + alt * p(base, 1)).ln()));
    Quality { error, ln }
}

/// Qualities of 10 to 40.
static QUALITIES: LazyLock<Vec<Quality>> = LazyLock::new(|| (10..=40).map(quality).collect());

/// Bases of a sample: allele by genotype, error by quality, to each of three other bases alike.
pub fn likelihoods(random: &mut Random, genotype: u8, depth: usize) -> [f32; 3] {
    let mut ln = [0f64; 3];
    for _ in 0..depth {
        let quality = &QUALITIES[(random.uniform() * 31.0) as usize];
        let mut base = usize::from(random.uniform() * 2.0 < f64::from(genotype));
        if random.uniform() < quality.error {
            base = [1 - base, 2, 2][(random.uniform() * 3.0) as usize];
        }
        ln.iter_mut().zip(quality.ln[base]).for_each(|(sum, ln)| *sum += ln);
    }
    let largest = ln[0].max(ln[1]).max(ln[2]);
    ln.map(|x| (x - largest) as f32)
}

/// Genotypes in Hardy–Weinberg proportions and reads of the given mean depths.
pub fn simulate(random: &mut Random, f: f64, depths: &[f64]) -> Site {
    let genotypes: Vec<u8> =
        depths.iter().map(|_| u8::from(random.uniform() < f) + u8::from(random.uniform() < f)).collect();
    let ln = genotypes
        .iter()
        .zip(depths)
        .map(|(&g, &depth)| {
            let depth = poisson(random, (-depth).exp());
            likelihoods(random, g, depth)
        })
        .collect();
    Site { genotypes, ln }
}

pub fn block(sites: &[Site]) -> LikelihoodBlock {
    let mut block = LikelihoodBlock::new(sites[0].ln.len(), sites.len());
    for site in sites {
        block.push().copy_from_slice(&site.ln);
    }
    block
}

/// P(reads | g) times P(g | f), of g = 0, 1, 2.
pub fn joint(ln: &[f32; 3], f: f64) -> [f64; 3] {
    let prior = [(1.0 - f) * (1.0 - f), 2.0 * f * (1.0 - f), f * f];
    [0, 1, 2].map(|g| f64::from(ln[g]).exp() * prior[g])
}

/// (E, V) of every sample.
pub fn posterior(ln: &[[f32; 3]], f: f64) -> Vec<(f64, f64)> {
    let of = |ln: &[f32; 3]| {
        let joint = joint(ln, f);
        let sum: f64 = joint.iter().sum();
        let mean = (joint[1] + 2.0 * joint[2]) / sum;
        (mean, (joint[1] + 4.0 * joint[2]) / sum - mean * mean)
    };
    ln.iter().map(of).collect()
}

/// Plain EM, from the mean of E[g]/2 under a flat prior over samples with reads.
pub fn em(ln: &[[f32; 3]]) -> f64 {
    let n = ln.len() as f64;
    let flat: Vec<f64> = ln
        .iter()
        .filter(|ln| ln[0] != ln[1] || ln[1] != ln[2])
        .map(|ln| {
            let w = ln.map(|x| f64::from(x).exp());
            (w[1] + 2.0 * w[2]) / (w[0] + w[1] + w[2])
        })
        .collect();
    let mut f = flat.iter().sum::<f64>() / (2.0 * flat.len() as f64);
    for _ in 0..100_000 {
        let next = posterior(ln, f).iter().map(|p| p.0).sum::<f64>() / (2.0 * n);
        if (next - f).abs() < 1e-15 {
            return next;
        }
        f = next;
    }
    f
}

/// Solves a dense symmetric system by Gaussian elimination with pivots.
pub fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for j in 0..n {
        let pivot = (j..n).fold(j, |best, i| if a[i][j].abs() > a[best][j].abs() { i } else { best });
        a.swap(j, pivot);
        b.swap(j, pivot);
        let (top, bottom) = a.split_at_mut(j + 1);
        for (row, i) in bottom.iter_mut().zip(j + 1..) {
            let factor = row[j] / top[j][j];
            row.iter_mut().zip(&top[j]).for_each(|(x, t)| *x -= factor * t);
            b[i] -= factor * b[j];
        }
    }
    for j in (0..n).rev() {
        b[j] /= a[j][j];
        for i in 0..j {
            b[i] -= a[i][j] * b[j];
        }
    }
    b
}

/// The model of one trait with what it needs of the samples observed: design [1, C] by sample, residual, weight, and the
/// scale of the score: s = Σ r·E/scale.
pub struct Null {
    pub design: Vec<Vec<f64>>,
    pub residual: Vec<f64>,
    pub weight: Vec<f64>,
    pub phi: f64,
    pub coefficients: Vec<f64>,
}

fn gram(design: &[Vec<f64>], weight: &[f64]) -> Vec<Vec<f64>> {
    let k = design[0].len();
    (0..k).map(|i| (0..k).map(|j| design.iter().zip(weight).map(|(x, w)| x[i] * x[j] * w).sum()).collect()).collect()
}

fn product(design: &[Vec<f64>], y: &[f64]) -> Vec<f64> {
    (0..design[0].len()).map(|i| design.iter().zip(y).map(|(x, y)| x[i] * y).sum()).collect()
}

/// Least squares of y on the design; φ = RSS/(n − k).
pub fn linear_null(design: Vec<Vec<f64>>, y: &[f64]) -> Null {
    let coefficients = solve(gram(&design, &vec![1.0; y.len()]), product(&design, y));
    let fitted = |x: &Vec<f64>| x.iter().zip(&coefficients).map(|(x, b)| x * b).sum::<f64>();
    let residual: Vec<f64> = design.iter().zip(y).map(|(x, y)| y - fitted(x)).collect();
    let phi = residual.iter().map(|r| r * r).sum::<f64>() / (y.len() - design[0].len()) as f64;
    Null { weight: vec![1.0; y.len()], design, residual, phi, coefficients }
}

/// Logistic regression by plain Newton steps.
pub fn logistic_null(design: Vec<Vec<f64>>, y: &[f64]) -> Null {
    let mut coefficients = vec![0.0; design[0].len()];
    let (mut residual, mut weight) = (vec![0.0; y.len()], vec![0.0; y.len()]);
    for _ in 0..60 {
        for (i, x) in design.iter().enumerate() {
            let eta: f64 = x.iter().zip(&coefficients).map(|(x, b)| x * b).sum();
            let mu = 1.0 / (1.0 + (-eta).exp());
            (residual[i], weight[i]) = (y[i] - mu, mu * (1.0 - mu));
        }
        let step = solve(gram(&design, &weight), product(&design, &residual));
        coefficients.iter_mut().zip(step).for_each(|(b, s)| *b += s);
    }
    Null { design, residual, weight, phi: 1.0, coefficients }
}

/// (β, SE) of the score test by its formula. `posterior`: (E, V) of the samples observed; `on_frequency`: 2n·f(1−f) − Σ V of
/// all analysed ones.
pub fn score(null: &Null, posterior: &[(f64, f64)], on_frequency: f64) -> (f64, f64) {
    let rows = || null.residual.iter().zip(&null.weight).zip(posterior);
    let s: f64 = rows().map(|((r, _), p)| r * p.0).sum::<f64>() / null.phi;
    let complete: f64 = rows().map(|((_, w), p)| w * (p.0 * p.0 + p.1)).sum::<f64>() / null.phi;
    let louis: f64 = rows().map(|((r, _), p)| r * r * p.1).sum::<f64>() / (null.phi * null.phi);
    let moved: f64 = rows().map(|((r, _), p)| r * p.1).sum::<f64>() / null.phi;
    let we: Vec<f64> = rows().map(|((_, w), p)| w * p.0).collect();
    let xwe = product(&null.design, &we);
    let taken = solve(gram(&null.design, &null.weight), xwe.clone());
    let covariates: f64 = xwe.iter().zip(taken).map(|(a, b)| a * b).sum::<f64>() / null.phi;
    let information = complete - covariates - louis - moved * moved / on_frequency;
    (s / information, information.powf(-0.5))
}

/// (s, I) at no effect by numerical derivatives of the observed-data log-likelihood in (β, γ, f): all samples' reads, and
/// the trait in those where it is given.
pub fn derivatives(
    ln: &[[f32; 3]],
    design: &[Option<(Vec<f64>, f64)>],
    (coefficients, f): (&[f64], f64),
    log_density: impl Fn(f64, f64) -> f64,
) -> (f64, f64) {
    let likelihood = |theta: &[f64]| -> f64 {
        let k = coefficients.len();
        let (beta, gamma, f) = (theta[0], &theta[1..=k], theta[k + 1]);
        ln.iter()
            .zip(design)
            .map(|(ln, sample)| {
                let joint = joint(ln, f);
                let density = |g: usize| match sample {
                    None => 1.0,
                    Some((x, y)) => {
                        let eta = x.iter().zip(gamma).map(|(x, b)| x * b).sum::<f64>() + beta * g as f64;
                        log_density(*y, eta).exp()
                    }
                };
                (0..3).map(|g| joint[g] * density(g)).sum::<f64>().ln()
            })
            .sum()
    };
    let mut at = vec![0.0];
    at.extend(coefficients);
    at.push(f);
    let m = at.len();
    let h: Vec<f64> = (0..m).map(|i| if i + 1 == m { 1e-3 * f } else { 1e-3 }).collect();
    let moved = |shifts: &[(usize, f64)]| {
        let mut theta = at.clone();
        shifts.iter().for_each(|&(i, by)| theta[i] += by * h[i]);
        likelihood(&theta)
    };
    // Fourth order: weights of ±1 and ±2 steps.
    let stencil = [(-2.0, 1.0 / 12.0), (-1.0, -2.0 / 3.0), (1.0, 2.0 / 3.0), (2.0, -1.0 / 12.0)];
    let s: f64 = stencil.iter().map(|&(by, w)| w * moved(&[(0, by)])).sum::<f64>() / h[0];
    let second = |i: usize, j: usize| -> f64 {
        let pairs = stencil.iter().flat_map(|a| stencil.iter().map(move |b| (a, b)));
        -pairs.map(|(a, b)| a.1 * b.1 * moved(&[(i, a.0), (j, b.0)])).sum::<f64>() / (h[i] * h[j])
    };
    let nuisance: Vec<Vec<f64>> = (1..m).map(|i| (1..m).map(|j| second(i, j)).collect()).collect();
    let cross: Vec<f64> = (1..m).map(|j| second(0, j)).collect();
    let taken = solve(nuisance, cross.clone());
    (s, second(0, 0) - cross.iter().zip(taken).map(|(a, b)| a * b).sum::<f64>())
}
