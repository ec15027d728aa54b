//! The genome as a results file has it, laid out on one axis: chromosomes in the order of the file, each from its first position to
//! its last, cut into bins of one width.

use std::ops::Range;

use serde::Serialize;

use crate::format::chromosome::canonical;
use crate::store::{ResultsReader, StoreError};

/// Rows of /variants looked at together.
const ROWS_AT_ONCE: usize = 1 << 16;
/// Space between chromosomes, as a share of all their lengths together.
const GAP: f64 = 0.004;

/// A chromosome of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chromosome {
    /// As written in the file.
    pub name: String,
    /// Rows of /variants on it.
    pub n_variants: u64,
    /// Smallest position.
    pub first_pos: u32,
    /// Largest position.
    pub last_pos: u32,
    /// Where `first_pos` lies on the axis, in bases.
    pub offset: u64,
    /// Its first bin; bins of one chromosome follow one another, and no bin is of two.
    pub first_bin: u32,
    /// Its bins, at least one.
    pub n_bins: u32,
}

/// The axis of a file's Manhattan plots, the same for all its traits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Genome {
    /// In the order of their first rows.
    pub chromosomes: Vec<Chromosome>,
    /// Bases of a bin.
    pub bin_width: u32,
    /// Bins of all chromosomes.
    pub n_bins: u32,
    /// Bases of the axis, the gaps between chromosomes included.
    pub length: u64,
    /// Whether positions rise within each chromosome, and its rows lie together.
    pub is_sorted: bool,
    /// First row and chromosome of each stretch of rows on one chromosome.
    #[serde(skip)]
    stretches: Vec<(usize, u32)>,
}

impl Genome {
    /// Looks through /variants. `wanted_bins`: about how many bins the genome is cut into; a chromosome has one at least.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(reader: &ResultsReader, wanted_bins: u32) -> Result<Self, StoreError> {
        let mut genome = Self {
            chromosomes: Vec::new(),
            bin_width: 1,
            n_bins: 0,
            length: 0,
            is_sorted: true,
            stretches: Vec::new(),
        };
        let mut places = std::collections::HashMap::new();
        let mut last_pos = 0;
        for start in (0..reader.n_variants()).step_by(ROWS_AT_ONCE) {
            let rows = start..reader.n_variants().min(start + ROWS_AT_ONCE);
            let positions = reader.positions(rows.clone())?;
            let mut first = 0;
            for same in reader.chroms(rows)?.chunk_by(|a, b| a == b) {
                let chrom_idx = match places.get(&same[0]) {
                    Some(&idx) => idx,
                    None => {
                        let idx = genome.begin(&same[0], positions[first]);
                        places.insert(same[0].clone(), idx);
                        idx
                    }
                };
                if genome.stretches.last().is_none_or(|&(_, last)| last != chrom_idx) {
                    genome.is_sorted &= genome.chromosomes[chrom_idx as usize].n_variants == 0;
                    genome.stretches.push((start + first, chrom_idx));
                    last_pos = 0;
                }
                let positions = &positions[first..first + same.len()];
                genome.is_sorted &= positions[0] >= last_pos && positions.is_sorted();
                last_pos = positions[positions.len() - 1];
                genome.chromosomes[chrom_idx as usize].add(positions);
                first += same.len();
            }
        }
        genome.lay_out(wanted_bins);
        Ok(genome)
    }

    fn begin(&mut self, name: &str, pos: u32) -> u32 {
        self.chromosomes.push(Chromosome {
            name: name.to_owned(),
            n_variants: 0,
            first_pos: pos,
            last_pos: pos,
            offset: 0,
            first_bin: 0,
            n_bins: 1,
        });
        self.chromosomes.len() as u32 - 1
    }

    fn lay_out(&mut self, wanted_bins: u32) {
        let bases: u64 = self.chromosomes.iter().map(Chromosome::length).sum();
        let width = bases.div_ceil(wanted_bins.max(1).into()).max(1);
        self.bin_width = u32::try_from(width).unwrap_or(u32::MAX);
        let gap = (bases as f64 * GAP) as u64;
        for chromosome in &mut self.chromosomes {
            (chromosome.offset, chromosome.first_bin) = (self.length, self.n_bins);
            chromosome.n_bins = chromosome.length().div_ceil(self.bin_width.into()).max(1) as u32;
            self.n_bins += chromosome.n_bins;
            self.length += chromosome.length() + gap;
        }
        self.length = self.length.saturating_sub(gap).max(1);
    }

    /// The chromosome of a row of /variants, and the row at which the next stretch begins.
    pub fn chromosome_of(&self, row: usize) -> (u32, usize) {
        let next = self.stretches.partition_point(|&(first, _)| first <= row);
        let end = self.stretches.get(next).map_or(usize::MAX, |&(first, _)| first);
        (next.checked_sub(1).map_or(0, |at| self.stretches[at].1), end)
    }

    /// The rows of a chromosome with POS from `from` to `to`; asks the file for about twenty positions. `None` where positions do
    /// not rise ([`is_sorted`](Self::is_sorted)).
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn rows_within(
        &self,
        reader: &ResultsReader,
        chrom_idx: u32,
        (from, to): (u32, u32),
    ) -> Result<Option<Range<usize>>, StoreError> {
        let stretch = self.stretches.iter().position(|&(_, chrom)| chrom == chrom_idx).filter(|_| self.is_sorted);
        let Some(stretch) = stretch else { return Ok(None) };
        let first = self.stretches[stretch].0;
        let end = self.stretches.get(stretch + 1).map_or(reader.n_variants(), |&(row, _)| row);
        let first_not = |is_before: &dyn Fn(u32) -> bool| -> Result<usize, StoreError> {
            let (mut low, mut high) = (first, end);
            while low < high {
                let middle = low.midpoint(high);
                if reader.positions(middle..middle + 1)?.first().is_some_and(|&pos| is_before(pos)) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            Ok(low)
        };
        let (start, end) = (first_not(&|pos| pos < from)?, first_not(&|pos| pos <= to)?);
        Ok(Some(start..end.max(start)))
    }

    /// The chromosome of a name, whatever way it is spelt (`22`, `chr22`).
    pub fn chromosome_named(&self, name: &str) -> Option<u32> {
        let wanted = canonical(name);
        let exact = self.chromosomes.iter().position(|chromosome| chromosome.name == name);
        let found = exact.or_else(|| self.chromosomes.iter().position(|other| canonical(&other.name) == wanted));
        found.map(|idx| idx as u32)
    }

    /// The bin of a position of a chromosome.
    pub fn bin(&self, chrom_idx: u32, pos: u32) -> u32 {
        let chromosome = &self.chromosomes[chrom_idx as usize];
        chromosome.first_bin + (pos.saturating_sub(chromosome.first_pos) / self.bin_width).min(chromosome.n_bins - 1)
    }

    /// Where a position of a chromosome lies on the axis, in bases from its left end.
    pub fn x(&self, chrom_idx: u32, pos: u32) -> u64 {
        let chromosome = &self.chromosomes[chrom_idx as usize];
        chromosome.offset + u64::from(pos.saturating_sub(chromosome.first_pos))
    }

    /// The chromosome of a bin and its first position in it.
    pub fn start_of_bin(&self, bin: u32) -> (u32, u32) {
        let chrom_idx = self.chromosomes.partition_point(|chromosome| chromosome.first_bin <= bin).saturating_sub(1);
        let Some(chromosome) = self.chromosomes.get(chrom_idx) else { return (0, 0) };
        (chrom_idx as u32, chromosome.first_pos.saturating_add((bin - chromosome.first_bin) * self.bin_width))
    }
}

impl Chromosome {
    /// Bases from the first position to the last, both included.
    pub fn length(&self) -> u64 {
        u64::from(self.last_pos - self.first_pos) + 1
    }

    fn add(&mut self, positions: &[u32]) {
        self.n_variants += positions.len() as u64;
        for &pos in positions {
            self.first_pos = self.first_pos.min(pos);
            self.last_pos = self.last_pos.max(pos);
        }
    }
}
