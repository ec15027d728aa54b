//! Traits and covariates of a block of samples: y = Σ γ c + Σ β (g − 2p) + noise, of variance 1.
//!
//! Noise and missing values are drawn per trait and block of samples, so that tables are written block by block and a trait
//! is the same whatever other traits there are.

use super::config::TraitsConfig;
use super::effects::{Family, Planted, Planting, TraitId};
use super::random::{Purpose, Stream};

/// Samples of a block; part of what a seed means.
pub const BLOCK_LEN: usize = 1024;
/// Share of a trait's variance that covariates explain, where there are any.
pub const COVARIATE_SHARE: f64 = 0.1;

/// What is needed to compute any block.
pub struct TraitModel<'a> {
    config: TraitsConfig,
    seed: u64,
    n_samples: usize,
    ids: Vec<TraitId>,
    planting: &'a Planting,
    /// Where each trait's effects begin among the planted ones, and the end.
    firsts: Vec<usize>,
    /// n_traits × n_covariates, per unit of the covariate.
    gammas: Vec<f64>,
    threshold: f64,
}

/// Values of one block: NaN missing.
#[derive(Debug, Clone, Default)]
pub struct TraitBlock {
    /// First sample.
    pub first: usize,
    /// Samples.
    pub len: usize,
    /// n_covariates × len.
    pub covariates: Vec<f64>,
    /// n_traits × len; 1 and 2 (case) in two-valued traits.
    pub values: Vec<f64>,
}

impl<'a> TraitModel<'a> {
    /// `planting` is finished.
    pub fn new(config: &TraitsConfig, seed: u64, n_samples: usize, planting: &'a Planting) -> Self {
        let ids = TraitId::all(config);
        let planted = planting.planted();
        let firsts = (0..=ids.len()).map(|t| planted.partition_point(|p| p.trait_idx < t)).collect();
        let gammas = ids.iter().flat_map(|&id| gammas(id, config.n_covariates, seed)).collect();
        let threshold = upper_quantile(config.prevalence);
        Self { config: *config, seed, n_samples, ids, planting, firsts, gammas, threshold }
    }

    /// The traits in the order of columns.
    pub fn ids(&self) -> &[TraitId] {
        &self.ids
    }

    /// Number of blocks.
    pub fn n_blocks(&self) -> usize {
        self.n_samples.div_ceil(BLOCK_LEN)
    }

    /// Computes block `block_idx` into `out`.
    pub fn compute(&self, block_idx: usize, out: &mut TraitBlock) {
        out.first = block_idx * BLOCK_LEN;
        out.len = BLOCK_LEN.min(self.n_samples - out.first);
        let len = out.len;
        out.covariates.clear();
        out.covariates.resize(self.config.n_covariates * len, 0.0);
        for (idx, column) in out.covariates.chunks_exact_mut(len).enumerate() {
            let mut stream = Stream::new(self.seed, Purpose::Covariate, idx as u64, block_idx as u64);
            stream.normals(column);
            if idx == 0 {
                column.iter_mut().for_each(|value| *value = f64::from(u8::from(*value > 0.0)));
            }
        }
        out.values.clear();
        out.values.resize(self.ids.len() * len, 0.0);
        let mut shared = Stream::new(self.seed, Purpose::SharedMissing, block_idx as u64, 0);
        let mut missing = Vec::new();
        if self.config.missing_shared {
            shared.choose_each(len, self.config.missing, |i| missing.push(i));
        }
        for (trait_idx, values) in out.values.chunks_exact_mut(len).enumerate() {
            let id = self.ids[trait_idx];
            let mut stream = Stream::new(self.seed, id.family.noise(), id.number as u64, block_idx as u64);
            self.compute_trait(trait_idx, out.first, &out.covariates, &mut stream, values);
            if !self.config.missing_shared {
                missing.clear();
                stream.choose_each(len, self.config.missing, |i| missing.push(i));
            }
            missing.iter().for_each(|&i| values[i] = f64::NAN);
        }
    }

    fn compute_trait(&self, trait_idx: usize, first: usize, covariates: &[f64], stream: &mut Stream, out: &mut [f64]) {
        let id = self.ids[trait_idx];
        let genetic = if id.family == Family::Null { 0.0 } else { self.config.heritability };
        let by_covariates = if self.config.n_covariates > 0 { COVARIATE_SHARE } else { 0.0 };
        let sd = libm::sqrt((1.0 - genetic - by_covariates).max(0.0));
        stream.normals(out);
        out.iter_mut().for_each(|value| *value *= sd);
        let n_covariates = self.config.n_covariates;
        let gammas = &self.gammas[trait_idx * n_covariates..(trait_idx + 1) * n_covariates];
        for (idx, (column, gamma)) in covariates.chunks_exact(out.len()).zip(gammas).enumerate() {
            let mean = if idx == 0 { 0.5 } else { 0.0 };
            out.iter_mut().zip(column).for_each(|(value, c)| *value += gamma * (c - mean));
        }
        let effects = &self.planting.planted()[self.firsts[trait_idx]..self.firsts[trait_idx + 1]];
        effects.iter().for_each(|planted| self.add_effect(planted, first, out));
        if id.family == Family::Binary {
            out.iter_mut().for_each(|value| *value = if *value > self.threshold { 2.0 } else { 1.0 });
        }
    }

    fn add_effect(&self, planted: &Planted, first: usize, out: &mut [f64]) {
        let bits = self.planting.carriers(planted.causal_idx);
        let by_copies = [0.0, 1.0, 2.0].map(|copies| planted.beta * (copies - 2.0 * planted.frequency));
        for (i, value) in out.iter_mut().enumerate() {
            let haplotype = 2 * (first + i);
            let pair = bits[haplotype / 64] >> (haplotype % 64) & 3;
            *value += by_copies[pair.count_ones() as usize];
        }
    }
}

/// Effects of covariates: together they explain [`COVARIATE_SHARE`]. The first covariate is 0 or 1, of variance 1/4.
fn gammas(id: TraitId, n_covariates: usize, seed: u64) -> Vec<f64> {
    let mut stream = Stream::new(seed, id.family.effects(), id.number as u64, 1);
    let mut gammas = vec![0.0; n_covariates];
    stream.normals(&mut gammas);
    let sum: f64 = gammas.iter().map(|z| z * z).sum();
    let scale = libm::sqrt(COVARIATE_SHARE / sum.max(f64::MIN_POSITIVE));
    gammas.iter_mut().for_each(|gamma| *gamma *= scale);
    if let Some(first) = gammas.first_mut() {
        *first *= 2.0;
    }
    gammas
}

/// x such that a standard normal is above it with probability `p`, by bisection.
fn upper_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if 0.5 * libm::erfc(middle * core::f64::consts::FRAC_1_SQRT_2) > p { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, want) in [(0.5, 0.0), (0.025, 1.959_963_985), (0.9, -1.281_551_566)] {
            assert!((upper_quantile(p) - want).abs() < 1e-8);
        }
    }
}
