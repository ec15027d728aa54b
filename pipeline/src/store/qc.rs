//! What the writer counts while rows pass: per trait a fixed histogram of t² and twenty bins of p.
//!
//! Genomic control comes from the histogram, not from sorted p-values: counts are integers, so the order and the
//! batches in which rows come cannot change it, and it needs 5 KiB a trait whatever the number of variants.

use norna_kernels::{genomic_control, student};
use rayon::prelude::*;

use super::schema::TraitInfo;

/// Equal bins of p over (0, 1].
pub(super) const P_BINS: usize = 20;
/// Traits counted together: their f32 cells of a row are one cache line.
const TRAITS_AT_ONCE: usize = 16;

/// Histograms of one trait.
struct TraitCounts {
    df: f64,
    chi2: Vec<u64>,
    p: [u64; P_BINS],
    /// `p_edges[i]` is the t² whose p is (i + 1) / P_BINS: falling.
    p_edges: [f64; P_BINS - 1],
    /// For each bin of t², a bin of p that is no lower than that of any t² in it: where the search starts.
    p_start: Vec<u8>,
}

/// Histograms of all traits.
pub(super) struct QcCounts {
    traits: Vec<TraitCounts>,
}

impl TraitCounts {
    fn new(info: &TraitInfo) -> Self {
        let df = f64::from(info.n) - f64::from(info.df_covariates) - 1.0;
        let mut p_edges = [f64::NAN; P_BINS - 1];
        if df >= 1.0 {
            for (i, edge) in p_edges.iter_mut().enumerate() {
                let p = (i + 1) as f64 / P_BINS as f64;
                *edge = student::t_for_log10_p(-p.log10(), df).powi(2);
            }
        }
        // One bin further down, since the histogram rounds t² to f32.
        let lower_edge = |bin: usize| genomic_control::lower_edge(bin.saturating_sub(1));
        let p_start = |bin| p_bin(&p_edges, P_BINS - 1, lower_edge(bin)) as u8;
        let p_start = (0..genomic_control::N_BINS).map(p_start).collect();
        Self { df, chi2: vec![0; genomic_control::N_BINS], p: [0; P_BINS], p_edges, p_start }
    }

    fn count(&mut self, beta: f32, se: f32) {
        let Some(bin) = genomic_control::bin_of(beta, se) else { return };
        self.chi2[bin] += 1;
        let t = f64::from(beta) / f64::from(se);
        self.p[p_bin(&self.p_edges, usize::from(self.p_start[bin]), t * t)] += 1;
    }

    /// λ with the degrees of freedom of a variant without missing genotypes; NaN without tests.
    fn genomic_control(&self) -> f64 {
        if self.df >= 1.0 { genomic_control::lambda(&self.chi2, self.df) } else { f64::NAN }
    }
}

/// The bin of p for `t2`, at most `start`: the larger t², the smaller p.
fn p_bin(edges: &[f64; P_BINS - 1], start: usize, t2: f64) -> usize {
    let mut bin = start;
    while bin > 0 && t2 > edges[bin - 1] {
        bin -= 1;
    }
    bin
}

impl QcCounts {
    pub(super) fn new(traits: &[TraitInfo]) -> Self {
        Self { traits: traits.iter().map(TraitCounts::new).collect() }
    }

    /// Counts rows × traits of effects and standard errors; NaN is no test.
    pub(super) fn count(&mut self, beta: &[f32], se: &[f32]) {
        let n_traits = self.traits.len();
        self.traits.par_chunks_mut(TRAITS_AT_ONCE).enumerate().for_each(|(block, traits)| {
            let first = block * TRAITS_AT_ONCE;
            for (beta, se) in beta.chunks_exact(n_traits).zip(se.chunks_exact(n_traits)) {
                for (k, counts) in traits.iter_mut().enumerate() {
                    counts.count(beta[first + k], se[first + k]);
                }
            }
        });
    }

    pub(super) fn genomic_control(&self) -> Vec<f64> {
        self.traits.iter().map(TraitCounts::genomic_control).collect()
    }

    /// Traits × [`genomic_control::N_BINS`].
    pub(super) fn chi2_histogram(&self) -> Vec<u64> {
        self.traits.iter().flat_map(|counts| counts.chi2.iter().copied()).collect()
    }

    /// Traits × P_BINS.
    pub(super) fn p_histogram(&self) -> Vec<u64> {
        self.traits.iter().flat_map(|counts| counts.p).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(n: u32) -> TraitInfo {
        TraitInfo { name: "t".into(), n, mask: 0, df_covariates: 2, status: 0, mean: f64::NAN, sd: f64::NAN }
    }

    /// t² at the quantiles of an exactly null trait.
    fn null_counts(n: u32, inflate: f64) -> QcCounts {
        let df = f64::from(n) - 3.0;
        let mut counts = QcCounts::new(&[info(n)]);
        for i in 0..10_000 {
            let p = (f64::from(i) + 0.5) / 10_000.0;
            let t = student::t_for_log10_p(-p.log10(), df) * inflate;
            counts.count(&[t as f32], &[1.0]);
        }
        counts
    }

    #[test]
    fn genomic_control_of_null_quantiles_is_one() {
        for n in [10, 50, 10_000] {
            let lambda = null_counts(n, 1.0).genomic_control()[0];
            assert!((lambda - 1.0).abs() < 2e-3, "n = {n}: {lambda}");
        }
        let lambda = null_counts(100_000, 1.5).genomic_control()[0];
        assert!((lambda - 2.25).abs() < 4e-3, "{lambda}");
    }

    #[test]
    fn p_bins_of_null_quantiles_are_equal() {
        for n in [6, 50, 10_000] {
            for count in null_counts(n, 1.0).p_histogram() {
                assert!(count.abs_diff(500) <= 1, "n = {n}: {count}");
            }
        }
    }

    #[test]
    fn nothing_tested_has_no_lambda() {
        let mut counts = QcCounts::new(&[info(50), info(50), info(2)]);
        counts.count(&[f32::NAN, 9.0, 1.0], &[f32::NAN, 1.0, 0.0]);
        let lambda = counts.genomic_control();
        assert!(lambda[0].is_nan() && lambda[1] > 50.0 && lambda[2].is_nan());
        assert_eq!(counts.chi2_histogram().iter().sum::<u64>(), 2);
        assert_eq!(counts.p_histogram().iter().sum::<u64>(), 2);
    }
}
