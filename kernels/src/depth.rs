//! Depth of coverage from differences: a run of aligned bases adds 1 where it starts and takes 1 away where it ends, and a
//! running sum makes depths of it (Pedersen & Quinlan 2018, mosdepth). Whole numbers throughout, so that every sum is
//! exact whatever its order.

use std::ops::Range;

/// What a stretch of depths comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepthStats {
    /// Sum of the depths: aligned bases.
    pub bases: u64,
    /// Least depth; [`u32::MAX`] of no positions.
    pub min: u32,
    /// Greatest depth; 0 of no positions.
    pub max: u32,
}

impl Default for DepthStats {
    fn default() -> Self {
        Self { bases: 0, min: u32::MAX, max: 0 }
    }
}

impl DepthStats {
    /// Of positions that nothing covers; of no positions where there are none.
    pub fn uncovered(n_positions: usize) -> Self {
        if n_positions == 0 { Self::default() } else { Self { bases: 0, min: 0, max: 0 } }
    }

    /// Of depths.
    pub fn of(depths: &[u32]) -> Self {
        let mut stats = Self::default();
        for block in depths.chunks(BLOCK) {
            let (mut low, mut high, mut min, mut max) = (0_u32, 0_u32, u32::MAX, 0_u32);
            for &depth in block {
                low += depth & 0xffff;
                high += depth >> 16;
                min = min.min(depth);
                max = max.max(depth);
            }
            stats.merge(&Self { bases: u64::from(low) + (u64::from(high) << 16), min, max });
        }
        stats
    }

    /// Takes in another stretch.
    pub fn merge(&mut self, other: &Self) {
        self.bases += other.bases;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

/// Positions whose halves of depths add up in u32: 2¹⁶ × (2¹⁶ − 1) is below 2³².
const BLOCK: usize = 1 << 12;

/// Covers `run` of the positions that `differences` stand for, which are one fewer: the last takes what ends behind them.
///
/// # Panics
/// The run does not lie within.
#[inline]
pub fn cover(differences: &mut [u32], run: Range<usize>) {
    differences[run.start] = differences[run.start].wrapping_add(1);
    differences[run.end] = differences[run.end].wrapping_sub(1);
}

/// Takes `run` away from what was covered before, as where two mates overlap.
///
/// # Panics
/// The run does not lie within.
#[inline]
pub fn uncover(differences: &mut [u32], run: Range<usize>) {
    differences[run.start] = differences[run.start].wrapping_sub(1);
    differences[run.end] = differences[run.end].wrapping_add(1);
}

/// Differences (modulo 2³², so that −1 is the largest) become depths in their place.
pub fn depths_of(differences: &mut [u32]) {
    let mut depth = 0_u32;
    for value in differences {
        depth = depth.wrapping_add(*value);
        *value = depth;
    }
}

/// Adds to `counts` the positions that are at least as deep as each of `thresholds`.
///
/// # Panics
/// The two are not of one length.
pub fn count_at_least(depths: &[u32], thresholds: &[u32], counts: &mut [u64]) {
    assert_eq!(thresholds.len(), counts.len(), "a count a threshold");
    for block in depths.chunks(BLOCK) {
        for (&threshold, count) in thresholds.iter().zip(counts.iter_mut()) {
            *count += u64::from(block.iter().map(|&depth| u32::from(depth >= threshold)).sum::<u32>());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(runs: &[Range<usize>], n: usize) -> Vec<u32> {
        (0..n).map(|at| runs.iter().filter(|run| run.contains(&at)).count() as u32).collect()
    }

    proptest! {
        #[test]
        fn prop_running_sums_of_differences_are_depths(
            ends in prop::collection::vec((0_usize..=3000, 0_usize..=3000), 0..60),
            cut in 0_usize..=3000,
            thresholds in prop::collection::vec(0_u32..12, 0..4),
        ) {
            let runs: Vec<Range<usize>> = ends.iter().map(|&(a, b)| a.min(b)..a.max(b)).collect();
            let mut differences = vec![0; 3001];
            runs.iter().for_each(|run| cover(&mut differences, run.clone()));
            depths_of(&mut differences);
            let depths = &differences[..3000];
            let expected = naive(&runs, 3000);
            prop_assert_eq!(depths, &expected[..]);
            prop_assert_eq!(differences[3000], 0);
            let mut stats = DepthStats::of(&depths[..cut]);
            stats.merge(&DepthStats::of(&depths[cut..]));
            prop_assert_eq!(stats.bases, runs.iter().map(|run| run.len() as u64).sum::<u64>());
            prop_assert_eq!(Some(&stats.min), expected.iter().min());
            prop_assert_eq!(Some(&stats.max), expected.iter().max());
            let mut counts = vec![0; thresholds.len()];
            count_at_least(depths, &thresholds, &mut counts);
            for (threshold, count) in thresholds.iter().zip(counts) {
                prop_assert_eq!(count, expected.iter().filter(|&depth| depth >= threshold).count() as u64);
            }
        }
    }

    #[test]
    fn what_two_mates_share_is_counted_once() {
        let mut differences = vec![0; 11];
        cover(&mut differences, 1..7);
        cover(&mut differences, 4..10);
        uncover(&mut differences, 4..7);
        depths_of(&mut differences);
        assert_eq!(differences, [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
    }

    #[test]
    fn sums_do_not_wrap_and_nothing_has_no_minimum() {
        let deep = vec![u32::MAX - 1; 3 * BLOCK + 5];
        let stats = DepthStats::of(&deep);
        assert_eq!(stats.bases, deep.len() as u64 * u64::from(u32::MAX - 1));
        assert_eq!((stats.min, stats.max), (u32::MAX - 1, u32::MAX - 1));
        assert_eq!(DepthStats::of(&[]), DepthStats::uncovered(0));
        assert_eq!(DepthStats::of(&[0, 0]), DepthStats::uncovered(2));
    }
}
