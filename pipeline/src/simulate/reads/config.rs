//! What reads are simulated, checked before anything is made.

use std::path::PathBuf;

/// A validated `norna simulate --reads`.
#[derive(Debug, Clone)]
pub struct ReadsConfig {
    /// The folder of the files.
    pub folder: PathBuf,
    /// Mean depth of a file that `depths` does not name: bases of its reads per base of the genome.
    pub depth: f64,
    /// Samples with a depth of their own.
    pub depths: Vec<SampleDepth>,
    /// Bases of a read, at least [`MIN_FRAGMENT`].
    pub read_length: u32,
    /// Whether reads come in pairs.
    pub paired: bool,
    /// Mean length of a fragment.
    pub fragment_mean: f64,
    /// Its standard deviation.
    pub fragment_sd: f64,
    /// Base qualities and their shares, which sum to 1.
    pub qualities: Vec<(u8, f64)>,
    /// Share of fragments that come a second time, marked as duplicates.
    pub duplicates: f64,
    /// Share of reads with a second, secondary, alignment.
    pub secondary: f64,
    /// Share of fragments with a mapping quality under 30.
    pub low_mapq: f64,
    /// Share of reads of which one end is clipped.
    pub clipped: f64,
    /// Share of pairs of which one read is unmapped.
    pub unmapped_mates: f64,
    /// Share of fragments of a contaminated file that are of another person.
    pub contamination: f64,
    /// Contaminated files.
    pub n_contaminated: usize,
    /// Pairs of files whose reads are each other's.
    pub n_swaps: usize,
}

/// The depth of a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleDepth {
    /// Its line in the table.
    pub line: usize,
    /// The sample.
    pub sample: String,
    /// Its mean depth.
    pub depth: f64,
}

/// Shortest fragment, and shortest read.
pub const MIN_FRAGMENT: u32 = 20;

impl ReadsConfig {
    /// Longest fragment.
    pub fn max_fragment(&self) -> u32 {
        if !self.paired {
            return self.read_length;
        }
        (self.fragment_mean + 5.0 * self.fragment_sd).max(f64::from(MIN_FRAGMENT)) as u32
    }

    /// Bases of a fragment that are read, where it is long enough.
    pub fn bases_per_fragment(&self) -> f64 {
        f64::from(self.read_length) * if self.paired { 2.0 } else { 1.0 }
    }
}
