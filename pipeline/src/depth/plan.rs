//! Cuts the work into cells: chunks of the genome × batches of samples, from sizes alone and never from the number of ranks.

use std::ops::Range;

use super::windows::{Chromosome, Windows};

/// Compressed bytes that a cell should read.
const CELL_BYTES: u64 = 64 << 20;
/// Cells that there should be, where the work is small.
const LEAST_CELLS: usize = 64;
/// Bases of a chunk at least, and at most.
const CHUNK_BASES: Range<u64> = 1 << 21..1 << 28;
/// Windows of a chunk at most, unless more than that lie over one another: rank 0 holds those of a batch together.
const CHUNK_WINDOWS: usize = 1 << 17;

/// A part of a chromosome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// Its number among those that are looked at.
    pub chromosome: usize,
    /// Bases, from 0.
    pub range: Range<u32>,
}

/// The grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cuts {
    /// Parts of the genome in its order: every base is in one.
    pub chunks: Vec<Vec<Interval>>,
    /// Samples in their order: every one is in one.
    pub batches: Vec<Range<usize>>,
}

impl Cuts {
    /// Cuts for `n_samples` whose files have `file_bytes` compressed bytes in all. `block`: samples that are best written
    /// together.
    pub fn new(
        chromosomes: &[Chromosome],
        windows: &Windows,
        (n_samples, block): (usize, usize),
        file_bytes: u64,
    ) -> Self {
        let bases: u64 = chromosomes.iter().map(|c| u64::from(c.length)).sum();
        let n_blocks = n_samples.div_ceil(block.max(1)).max(1);
        let per_base = (file_bytes as f64 / n_blocks as f64 / bases.max(1) as f64).max(1e-9);
        let by_bytes = (CELL_BYTES as f64 / per_base) as u64;
        let by_count = bases / LEAST_CELLS.div_ceil(n_blocks) as u64;
        let target = by_bytes.min(by_count).clamp(CHUNK_BASES.start, CHUNK_BASES.end);
        let chunks = chunks(chromosomes, windows, (target, CHUNK_WINDOWS));
        let mut width = block.max(1);
        while width > 1 && chunks.len() * n_samples.div_ceil(width) < LEAST_CELLS {
            width = width.div_ceil(2);
        }
        let batches = (0..n_samples).step_by(width).map(|start| start..n_samples.min(start + width)).collect();
        Self { chunks, batches }
    }
}

fn chunks(chromosomes: &[Chromosome], windows: &Windows, (bases, n_windows): (u64, usize)) -> Vec<Vec<Interval>> {
    let mut chunks = Vec::new();
    let mut chunk = Vec::new();
    let (mut room, mut window_room) = (bases, n_windows);
    for (chromosome, &Chromosome { length, .. }) in chromosomes.iter().enumerate() {
        let mut start = 0;
        while start < length {
            let end = u64::from(start).saturating_add(room).min(length.into()) as u32;
            let range = fitting(windows, chromosome, start..end, window_room);
            let n = windows.overlapping(chromosome, &range).len();
            room = room.saturating_sub(range.len() as u64);
            window_room = window_room.saturating_sub(n);
            start = range.end;
            chunk.push(Interval { chromosome, range });
            if room == 0 || window_room == 0 || start < length {
                chunks.push(std::mem::take(&mut chunk));
                (room, window_room) = (bases, n_windows);
            }
        }
    }
    if !chunk.is_empty() || chunks.is_empty() {
        chunks.push(chunk);
    }
    chunks
}

/// `range`, or as much of its start as has few enough windows.
fn fitting(windows: &Windows, chromosome: usize, mut range: Range<u32>, room: usize) -> Range<u32> {
    while range.len() > LEAST_PIECE && windows.overlapping(chromosome, &range).len() > room {
        range.end = range.start + (range.end - range.start).div_ceil(2);
    }
    range
}

/// Bases below which a part is not halved for its windows.
const LEAST_PIECE: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn genome(lengths: &[u32]) -> Vec<Chromosome> {
        let of = |(idx, &length): (usize, &u32)| Chromosome { reference_idx: idx, name: idx.to_string(), length };
        lengths.iter().enumerate().map(of).collect()
    }

    fn check_cover(cuts: &Cuts, lengths: &[u32], n_samples: usize) {
        let mut at: Vec<(usize, u32)> = Vec::new();
        for interval in cuts.chunks.iter().flatten() {
            assert!(!interval.range.is_empty());
            match at.last_mut() {
                Some((chromosome, end)) if *chromosome == interval.chromosome => {
                    assert_eq!(*end, interval.range.start);
                    *end = interval.range.end;
                }
                _ => {
                    assert_eq!(interval.range.start, 0);
                    at.push((interval.chromosome, interval.range.end));
                }
            }
        }
        let expected: Vec<_> = lengths.iter().copied().enumerate().filter(|&(_, length)| length > 0).collect();
        assert_eq!(at, expected);
        assert_eq!(cuts.batches.iter().cloned().flatten().collect::<Vec<_>>(), (0..n_samples).collect::<Vec<_>>());
    }

    #[test]
    fn every_base_and_sample_is_in_one_cell() {
        let many: Vec<u32> = (0..3000).map(|i| i * 17 % 40_000).collect();
        for lengths in [&[249_000_000, 0, 16_569, 57_000_000][..], &[5], &[], &many] {
            let genome = genome(lengths);
            for width in [500, 7, u32::MAX] {
                let windows = Windows::every(width, &genome).unwrap();
                for (n_samples, bytes) in [(1, 0), (40, 48 << 20), (1000, 1 << 50)] {
                    let cuts = Cuts::new(&genome, &windows, (n_samples, 32), bytes);
                    check_cover(&cuts, lengths, n_samples);
                    let most = |chunk: &Vec<Interval>| {
                        chunk.iter().map(|i| windows.overlapping(i.chromosome, &i.range).len()).sum::<usize>()
                    };
                    assert!(cuts.chunks.iter().map(most).max() <= Some(2 * CHUNK_WINDOWS));
                }
            }
        }
    }

    #[test]
    fn small_work_is_cut_by_samples_and_deep_files_by_bases() {
        let small = genome(&[1_000_000]);
        let windows = Windows::every(500, &small).unwrap();
        let cuts = Cuts::new(&small, &windows, (40, 20), 48 << 20);
        assert_eq!((cuts.chunks.len(), cuts.batches.len()), (1, 40));
        let large = genome(&[200_000_000; 15]);
        let windows = Windows::every(500, &large).unwrap();
        let cuts = Cuts::new(&large, &windows, (32, 32), 32 * (80 << 30));
        assert_eq!(cuts.batches.len(), 1);
        assert!(cuts.chunks.len() >= 1400, "{}", cuts.chunks.len());
    }
}
