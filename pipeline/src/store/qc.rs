//! What is counted of every pair while rows pass: per trait a fixed histogram of t² and twenty bins of p.
//!
//! Genomic control comes from the histogram, not from sorted p-values: counts are integers, so the order and the
//! shards in which rows come cannot change it, and it needs 5 KiB a trait whatever the number of variants.

use norna_kernels::genomic_control::{self, N_BINS};
use norna_kernels::student;

use super::schema::TraitInfo;

/// Equal bins of p over (0, 1].
pub(super) const P_BINS: usize = 20;
/// Counts of a trait in a tally: its bins of t², then those of p.
pub const TALLY_BINS: usize = N_BINS + P_BINS;
/// Traits counted together: their f32 cells of a row are one cache line.
const TRAITS_AT_ONCE: usize = 16;

/// More than what f32 rounds of a t², relative.
const F32_ROUNDING: f64 = 1e-6;

/// Where p falls, for tests of one number of degrees of freedom.
#[derive(Debug)]
struct PEdges {
    df: f64,
    /// `edges[i]` is the t² whose p is (i + 1) / P_BINS: falling.
    edges: [f64; P_BINS - 1],
    /// For each bin of t², bins of p that are no lower and no higher than that of any t² in it: mostly the same.
    between: Vec<(u8, u8)>,
    /// For each bin of t², and NaN behind them, whether tests in it are of several bins of p.
    is_split: [bool; N_BINS + 1],
}

/// The bins of all traits.
#[derive(Debug)]
pub struct Bins {
    edges: Vec<PEdges>,
    /// Of each trait: its edges.
    of_trait: Vec<usize>,
}

impl PEdges {
    fn new(df: f64) -> Self {
        let mut edges = [f64::NAN; P_BINS - 1];
        if df >= 1.0 {
            for (i, edge) in edges.iter_mut().enumerate() {
                let p = (i + 1) as f64 / P_BINS as f64;
                *edge = student::t_for_log10_p(-p.log10(), df).powi(2);
            }
        }
        let p_bin_of = |t2: f64| p_bin(&edges, P_BINS - 1, t2) as u8;
        let ends = |bin: usize| {
            let (low, high) = (genomic_control::lower_edge(bin), genomic_control::lower_edge(bin + 1));
            (p_bin_of(low * (1.0 - F32_ROUNDING)), p_bin_of(high * (1.0 + F32_ROUNDING)))
        };
        let between: Vec<(u8, u8)> = (0..N_BINS).map(ends).collect();
        let mut is_split = [false; N_BINS + 1];
        is_split.iter_mut().zip(&between).for_each(|(is_split, (start, end))| *is_split = start != end);
        Self { df, edges, between, is_split }
    }

    /// Counts a test by its bin of t²; by its bin of p only where the other does not tell it.
    #[inline]
    fn count(&self, bin: usize, beta: f32, se: f32, tally: &mut [u32]) {
        if bin < N_BINS {
            tally[bin] += 1;
        }
        if self.is_split[bin] {
            let t = f64::from(beta) / f64::from(se);
            tally[N_BINS + p_bin(&self.edges, usize::from(self.between[bin].0), t * t)] += 1;
        }
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

impl Bins {
    /// Bins by each trait's degrees of freedom, those of a variant without missing genotypes.
    pub fn new(traits: &[TraitInfo]) -> Self {
        let mut bins = Self { edges: Vec::new(), of_trait: Vec::with_capacity(traits.len()) };
        let mut known = std::collections::BTreeMap::new();
        for info in traits {
            let df = info.degrees_of_freedom();
            let idx = *known.entry(df.to_bits()).or_insert_with(|| {
                bins.edges.push(PEdges::new(df));
                bins.edges.len() - 1
            });
            bins.of_trait.push(idx);
        }
        bins
    }

    /// Counts of nothing: traits × [`TALLY_BINS`].
    pub fn tally(&self) -> Vec<u32> {
        vec![0; self.of_trait.len() * TALLY_BINS]
    }

    /// Counts rows × traits of effects and standard errors; NaN is no test. The tally is to be [closed](Self::close) after
    /// the last of them.
    pub fn count(&self, beta: &[f32], se: &[f32], tally: &mut [u32]) {
        let n_traits = self.of_trait.len();
        let mut bins = [0; TRAITS_AT_ONCE];
        for (block, tally) in tally.chunks_mut(TRAITS_AT_ONCE * TALLY_BINS).enumerate() {
            let first = block * TRAITS_AT_ONCE;
            let end = n_traits.min(first + TRAITS_AT_ONCE);
            let edges: Vec<&PEdges> = self.of_trait[first..end].iter().map(|&edges| &self.edges[edges]).collect();
            for (beta, se) in beta.chunks_exact(n_traits).zip(se.chunks_exact(n_traits)) {
                let (beta, se) = (&beta[first..end], &se[first..end]);
                genomic_control::bins_of(beta, se, &mut bins);
                let tests = beta.iter().zip(se).zip(bins.iter().zip(&edges));
                for (((&beta, &se), (&bin, edges)), tally) in tests.zip(tally.chunks_exact_mut(TALLY_BINS)) {
                    edges.count(bin as usize, beta, se, tally);
                }
            }
        }
    }

    /// Adds the bins of p that follow from those of t². Once, after everything is counted.
    pub fn close(&self, tally: &mut [u32]) {
        for (tally, &edges) in tally.chunks_exact_mut(TALLY_BINS).zip(&self.of_trait) {
            let edges = &self.edges[edges];
            let (of_t2, of_p) = tally.split_at_mut(N_BINS);
            for ((&n, &(p, _)), _) in
                of_t2.iter().zip(&edges.between).zip(&edges.is_split).filter(|(_, is_split)| !**is_split)
            {
                of_p[usize::from(p)] += n;
            }
        }
    }

    /// λ per trait of a tally; NaN without tests.
    pub(super) fn genomic_control(&self, tally: &[u64]) -> Vec<f64> {
        tally.chunks_exact(TALLY_BINS).zip(0..).map(|(counts, t)| self.lambda_of(t, &counts[..N_BINS])).collect()
    }

    /// λ of a trait from its histogram of t².
    pub(super) fn lambda_of(&self, trait_idx: usize, counts: &[u64]) -> f64 {
        let df = self.edges[self.of_trait[trait_idx]].df;
        if df >= 1.0 { genomic_control::lambda(counts, df) } else { f64::NAN }
    }
}

/// Traits × [`N_BINS`] of a tally.
pub(super) fn chi2_histogram(tally: &[u64]) -> Vec<u64> {
    tally.chunks_exact(TALLY_BINS).flat_map(|counts| counts[..N_BINS].iter().copied()).collect()
}

/// Traits × P_BINS of a tally.
pub(super) fn p_histogram(tally: &[u64]) -> Vec<u64> {
    tally.chunks_exact(TALLY_BINS).flat_map(|counts| counts[N_BINS..].iter().copied()).collect()
}

/// Pairs with β and SE: each is in one bin of p.
pub fn pairs_with_number(tally: &[u64]) -> u64 {
    tally.chunks_exact(TALLY_BINS).flat_map(|counts| &counts[N_BINS..]).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(n: u32) -> TraitInfo {
        TraitInfo {
            name: "t".into(),
            n,
            mask: 0,
            df_covariates: 2,
            status: 0,
            mean: f64::NAN,
            sd: f64::NAN,
            normal: false,
        }
    }

    fn counted(infos: &[TraitInfo], rows: &[(Vec<f32>, Vec<f32>)]) -> (Bins, Vec<u64>) {
        let bins = Bins::new(infos);
        let mut tally = bins.tally();
        rows.iter().for_each(|(beta, se)| bins.count(beta, se, &mut tally));
        bins.close(&mut tally);
        (bins, tally.into_iter().map(u64::from).collect())
    }

    /// t² at the quantiles of an exactly null trait.
    fn null_counts(n: u32, inflate: f64) -> (Bins, Vec<u64>) {
        let df = f64::from(n) - 3.0;
        let row = |i: u32| {
            let p = (f64::from(i) + 0.5) / 10_000.0;
            let t = student::t_for_log10_p(-p.log10(), df) * inflate;
            (vec![t as f32], vec![1.0])
        };
        counted(&[info(n)], &(0..10_000).map(row).collect::<Vec<_>>())
    }

    #[test]
    fn genomic_control_of_null_quantiles_is_one() {
        for n in [10, 50, 10_000] {
            let (bins, tally) = null_counts(n, 1.0);
            let lambda = bins.genomic_control(&tally)[0];
            assert!((lambda - 1.0).abs() < 2e-3, "n = {n}: {lambda}");
        }
        let (bins, tally) = null_counts(100_000, 1.5);
        let lambda = bins.genomic_control(&tally)[0];
        assert!((lambda - 2.25).abs() < 4e-3, "{lambda}");
    }

    #[test]
    fn p_bins_of_null_quantiles_are_equal() {
        for n in [6, 50, 10_000] {
            for count in p_histogram(&null_counts(n, 1.0).1) {
                assert!(count.abs_diff(500) <= 1, "n = {n}: {count}");
            }
        }
    }

    #[test]
    fn every_test_is_in_the_bin_of_its_p() {
        for df in [6u32, 20, 343, 100_000] {
            let bins = Bins::new(&[info(df)]);
            let edges = &bins.edges[0];
            let mut expected = [0u64; P_BINS];
            let mut rows = Vec::new();
            let near = edges.edges.iter().flat_map(|edge| (-40..40).map(|i| edge.sqrt() * (1.0 + f64::from(i) * 3e-8)));
            let spread = (0..4000).map(|i| f64::from(i) * 0.003);
            for t in near.chain(spread) {
                let t = t as f32;
                expected[p_bin(&edges.edges, P_BINS - 1, f64::from(t) * f64::from(t))] += 1;
                rows.push((vec![t], vec![1.0]));
            }
            let (_, tally) = counted(&[info(df)], &rows);
            assert_eq!(p_histogram(&tally), expected, "df {df}");
        }
    }

    #[test]
    fn nothing_tested_has_no_lambda() {
        let row = (vec![f32::NAN, 9.0, 1.0], vec![f32::NAN, 1.0, 0.0]);
        let (bins, tally) = counted(&[info(50), info(50), info(2)], &[row]);
        let lambda = bins.genomic_control(&tally);
        assert!(lambda[0].is_nan() && lambda[1] > 50.0 && lambda[2].is_nan());
        assert_eq!(chi2_histogram(&tally).iter().sum::<u64>(), 2);
        assert_eq!(pairs_with_number(&tally), 2);
    }
}
