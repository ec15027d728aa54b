//! Sums by chromosome and over all of them, for positions and for windows.

use norna_kernels::depth::DepthStats;

use super::windows::{Chromosome, Windows};
use crate::store::DepthSummary;

/// What cells add up to: chromosomes × samples, of positions and of windows.
#[derive(Debug)]
pub struct Summaries {
    n_samples: usize,
    stats: [Vec<DepthStats>; 2],
    lengths: [Vec<u64>; 2],
}

impl Summaries {
    /// Of nothing yet.
    pub fn new(chromosomes: &[Chromosome], windows: &Windows, n_samples: usize) -> Self {
        let none = vec![DepthStats::default(); chromosomes.len() * n_samples];
        let of_windows = (0..chromosomes.len()).map(|c| windows.bases(c)).collect();
        let of_positions = chromosomes.iter().map(|c| c.length.into()).collect();
        Self { n_samples, stats: [none.clone(), none], lengths: [of_positions, of_windows] }
    }

    /// Adds a part of a chromosome.
    pub fn add(&mut self, (chromosome, sample): (usize, usize), positions: &DepthStats, windows: &DepthStats) {
        let at = chromosome * self.n_samples + sample;
        self.stats[0][at].merge(positions);
        self.stats[1][at].merge(windows);
    }

    /// Of chromosomes, of the windows on each, of all chromosomes, of all windows.
    pub fn finish(&self) -> [DepthSummary; 4] {
        let [positions, windows] = [0, 1].map(|kind| table(&self.lengths[kind], &self.stats[kind]));
        let [all_positions, all_windows] = [0, 1].map(|kind| {
            let mut all = vec![DepthStats::default(); self.n_samples];
            for (at, stats) in self.stats[kind].iter().enumerate() {
                all[at % self.n_samples].merge(stats);
            }
            table(&[self.lengths[kind].iter().sum()], &all)
        });
        [positions, windows, all_positions, all_windows]
    }
}

fn table(lengths: &[u64], stats: &[DepthStats]) -> DepthSummary {
    DepthSummary {
        length: lengths.to_vec(),
        bases: stats.iter().map(|stats| stats.bases).collect(),
        // Of no positions there is no least depth.
        min: stats.iter().map(|stats| if stats.min > stats.max { 0 } else { stats.min }).collect(),
        max: stats.iter().map(|stats| stats.max).collect(),
    }
}
