//! The work: a study's files, cut by the product's own plan under some rule of sizes.

use norna::format::bgzf::VirtualOffset;
use norna::shard::{Cut, Layout, ShardPlan};

use super::random::Random;
use super::timings::Timings;

/// Human autosomes and X in millions of bases (GRCh38, rounded): the shares of a study's files.
const CHROMOSOMES: [u64; 23] =
    [248, 242, 198, 190, 182, 171, 159, 145, 138, 134, 135, 133, 114, 107, 102, 90, 83, 80, 59, 64, 47, 51, 156];

/// How large shards are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Input bytes / `parts`, within `least` and `most` bytes.
    Even {
        /// Shards wished for.
        parts: u64,
        /// Bytes at least.
        least: u64,
        /// Bytes at most.
        most: u64,
    },
    /// As `Even`, but of every `by` bytes in shards one is cut into `by` smaller ones, and of those one again, `levels`
    /// times.
    Tapered {
        /// Shards wished for.
        parts: u64,
        /// Bytes at least.
        least: u64,
        /// Bytes at most.
        most: u64,
        /// How much smaller each level is.
        by: u64,
        /// Levels below the first.
        levels: u32,
    },
}

impl Rule {
    fn target(self, input_bytes: u64) -> u64 {
        let (Self::Even { parts, least, most } | Self::Tapered { parts, least, most, .. }) = self;
        (input_bytes / parts).clamp(least, most)
    }
}

/// A study: bytes of its genotype files.
#[derive(Debug, Clone)]
pub struct Study {
    files: Vec<u64>,
}

impl Study {
    /// `n_variants` over the chromosomes, a file each.
    pub fn new(n_variants: f64, timings: &Timings) -> Self {
        let all: u64 = CHROMOSOMES.iter().sum();
        let bytes = |&share: &u64| (n_variants * timings.bytes_per_variant() * share as f64 / all as f64) as u64;
        Self { files: CHROMOSOMES.iter().map(bytes).collect() }
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().sum()
    }

    /// Bytes of the shards that `rule` makes, largest first: the order in which they are claimed.
    pub fn shards(&self, rule: Rule) -> Vec<u64> {
        let target = rule.target(self.bytes());
        let file = |&bytes: &u64| {
            let at = |b| VirtualOffset::new(b, 0);
            Layout::Lines(vec![(Cut::Record(at(0)), Cut::Record(at(bytes)))])
        };
        let layouts: Vec<_> = self.files.iter().map(file).collect();
        let plan = ShardPlan::new(&layouts, target);
        let mut shards: Vec<u64> = plan.shards.iter().map(|shard| shard.bytes).collect();
        if let Rule::Tapered { least, by, levels, .. } = rule {
            shards = taper(&shards, least, by, levels);
        }
        shards.sort_by_key(|&bytes| std::cmp::Reverse(bytes));
        shards
    }
}

fn taper(shards: &[u64], least: u64, by: u64, levels: u32) -> Vec<u64> {
    let mut all = Vec::new();
    for (idx, &bytes) in shards.iter().enumerate() {
        // A shard is cut once for each power of `by` that its number is a multiple of.
        let mut pieces = 1;
        let mut n = idx as u64 + 1;
        for _ in 0..levels {
            if !n.is_multiple_of(by) || bytes / (pieces * by) < least {
                break;
            }
            pieces *= by;
            n /= by;
        }
        all.extend((0..pieces).map(|piece| bytes * (piece + 1) / pieces - bytes * piece / pieces));
    }
    all
}

/// Seconds of each shard on a core of full speed.
pub fn seconds(shards: &[u64], timings: &Timings, random: &mut Random) -> Vec<f64> {
    shards.iter().map(|&bytes| timings.shard(bytes as f64, random)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tapering_keeps_every_byte_and_makes_small_ones() {
        let shards = vec![1000; 64];
        let tapered = taper(&shards, 1, 4, 2);
        assert_eq!(tapered.iter().sum::<u64>(), 64_000);
        let count = |bytes: std::ops::RangeInclusive<u64>| tapered.iter().filter(|b| bytes.contains(b)).count();
        assert_eq!((count(1000..=1000), count(250..=250), count(62..=63)), (48, 12 * 4, 4 * 16));
        assert_eq!(taper(&shards, 300, 4, 2), shards);
    }
}
