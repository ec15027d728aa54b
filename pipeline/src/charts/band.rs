//! One band of rows of a batch of traits: what a thread makes of it alone. Bands are put together in their order.

use std::ops::Range;

use super::edges::{EdgeTables, Edges};
use super::genome::Genome;
use super::manhattan::{LOG10P_BINS, Point};
use crate::report::export_pair::{Missing, PairStats, degrees_of_freedom};
use crate::store::{ResultsReader, StoreError};

/// Cells of a band at most, whatever the chunks of the file: 8 bytes each.
const BAND_CELLS: usize = 1 << 20;

/// The file's rows in bands along its chunks, for as many traits as a batch spans.
pub(super) fn bands(reader: &ResultsReader, width: usize) -> Vec<Range<usize>> {
    let (n, step) = (reader.n_variants(), reader.chunk().0.clamp(1, (BAND_CELLS / width.max(1)).max(1)));
    (0..n).step_by(step).map(|start| start..n.min(start + step)).collect()
}

/// What is looked for in all bands of a batch.
pub(super) struct Search<'a> {
    pub(super) reader: &'a ResultsReader,
    pub(super) genome: &'a Genome,
    pub(super) edges: &'a EdgeTables,
    /// Columns of the matrices, ascending.
    pub(super) traits: &'a [usize],
    /// Of each trait: t² from which on a test is wanted for the tail of its QQ plot.
    pub(super) tails: &'a [f64],
}

/// What a band holds of its traits.
pub(super) struct Found {
    /// Bins of the genome that rows of the band lie in, a stretch of rows each.
    pub(super) bins: Vec<u32>,
    /// Pairs below the floor: `bins` × traits × [`LOG10P_BINS`].
    pub(super) counts: Vec<u32>,
    /// Pairs at or above the floor, by place of the trait in the batch, in the order of the rows.
    pub(super) points: Vec<(usize, Point)>,
    /// −log10 p for the tails, by place of the trait.
    pub(super) tails: Vec<(usize, f64)>,
}

/// Of the masks of a batch: what missing genotypes take, by row.
struct MaskCounts {
    /// The masks that are wanted, each once, ascending.
    masks: Vec<usize>,
    /// Rows × masks; `None` where none are missing.
    n: Option<Vec<u32>>,
    covariates: Option<Vec<u16>>,
}

impl Search<'_> {
    /// Reads and sorts a band.
    pub(super) fn band(&self, rows: Range<usize>) -> Result<Found, StoreError> {
        let (first, last) = (self.traits[0], self.traits[self.traits.len() - 1]);
        let (beta, se) = self.reader.block(rows.clone(), first..last + 1)?;
        let positions = self.reader.positions(rows.clone())?;
        let missing = MaskCounts::read(self.reader, rows.clone(), self.traits)?;
        let infos = &self.reader.header().traits;
        let masks: Vec<usize> = self.traits.iter().map(|&i| missing.place_of(infos[i].mask as usize)).collect();
        let whole: Vec<Option<&Edges>> =
            self.traits.iter().map(|&i| self.edges.get(infos[i].degrees_of_freedom())).collect();
        let mut found = Found { bins: Vec::new(), counts: Vec::new(), points: Vec::new(), tails: Vec::new() };
        let (width, cells) = (last + 1 - first, self.traits.len() * LOG10P_BINS);
        let (mut chrom, mut chrom_end) = self.genome.chromosome_of(rows.start);
        for (row, pos) in rows.clone().zip(positions) {
            if row >= chrom_end {
                (chrom, chrom_end) = self.genome.chromosome_of(row);
            }
            let bin = self.genome.bin(chrom, pos);
            if found.bins.last() != Some(&bin) {
                found.bins.push(bin);
                found.counts.resize(found.counts.len() + cells, 0);
            }
            let base = found.counts.len() - cells;
            let at = row - rows.start;
            for (k, &trait_idx) in self.traits.iter().enumerate() {
                let cell = at * width + trait_idx - first;
                let t = f64::from(beta[cell]) / f64::from(se[cell]);
                let t2 = t * t;
                if t2.is_nan() {
                    continue;
                }
                let lost = missing.get(at, masks[k]);
                let edges = match lost {
                    Missing { n: 0, covariates: 0 } => whole[k],
                    _ => self.edges.get(degrees_of_freedom(&infos[trait_idx], lost)),
                };
                let Some(edges) = edges else { continue };
                let height = edges.bin(t2);
                if height < LOG10P_BINS {
                    found.counts[base + k * LOG10P_BINS + height] += 1;
                    if t2 < self.tails[k] {
                        continue;
                    }
                }
                let stats = PairStats::new(&infos[trait_idx], lost, beta[cell], se[cell]);
                if height == LOG10P_BINS {
                    let (beta, se) = (beta[cell].into(), se[cell].into());
                    found.points.push((k, Point { variant: row as u64, chrom, pos, log10p: stats.log10p, beta, se }));
                }
                if t2 >= self.tails[k] {
                    found.tails.push((k, stats.log10p));
                }
            }
        }
        Ok(found)
    }
}

impl MaskCounts {
    fn read(reader: &ResultsReader, rows: Range<usize>, traits: &[usize]) -> Result<Self, StoreError> {
        let infos = &reader.header().traits;
        let mut masks: Vec<usize> = traits.iter().map(|&i| infos[i].mask as usize).collect();
        masks.sort_unstable();
        masks.dedup();
        let n = gather(&masks, rows.len(), |stretch| reader.n_missing(rows.clone(), stretch))?;
        let covariates = gather(&masks, rows.len(), |stretch| reader.covariates_lost(rows.clone(), stretch))?;
        Ok(Self { masks, n, covariates })
    }

    fn place_of(&self, mask: usize) -> usize {
        self.masks.partition_point(|&other| other < mask)
    }

    fn get(&self, row: usize, place: usize) -> Missing {
        let cell = row * self.masks.len() + place;
        Missing {
            n: self.n.as_ref().map_or(0, |counts| counts[cell]),
            covariates: self.covariates.as_ref().map_or(0, |counts| counts[cell]),
        }
    }
}

/// Rows × masks of a matrix by mask, read in stretches of masks that follow one another.
fn gather<T: Copy + Default>(
    masks: &[usize],
    n_rows: usize,
    read: impl Fn(Range<usize>) -> Result<Option<Vec<T>>, StoreError>,
) -> Result<Option<Vec<T>>, StoreError> {
    let mut all = vec![T::default(); n_rows * masks.len()];
    let mut place = 0;
    for stretch in masks.chunk_by(|a, b| a + 1 == *b) {
        let width = stretch.len();
        let Some(counts) = read(stretch[0]..stretch[0] + width)? else { return Ok(None) };
        for (to, from) in all.chunks_mut(masks.len()).zip(counts.chunks(width)) {
            to[place..place + width].copy_from_slice(from);
        }
        place += width;
    }
    Ok(Some(all))
}
