//! Effects of a band of rows for some traits, read along the file's chunks.

use std::ops::Range;

use norna_kernels::student;

use super::pair::{self, Missing};
use crate::store::{ResultsReader, StoreError};

/// Cells of a band at most, whatever the chunks of the file: 8 bytes each.
const BAND_CELLS: usize = 1 << 23;

/// t² below which no pair of a trait reaches the wanted p: missing genotypes only take degrees of freedom away, since the
/// covariates lose at most a rank with each.
pub(super) fn t2_floors(reader: &ResultsReader, traits: &[usize], min_log10p: Option<f64>) -> Vec<f64> {
    let Some(min) = min_log10p else { return Vec::new() };
    traits.iter().map(|&trait_idx| t2_floor(reader, trait_idx, min)).collect()
}

/// As [`t2_floors`], of one trait, with a margin for rounding.
pub(super) fn t2_floor(reader: &ResultsReader, trait_idx: usize, min_log10p: f64) -> f64 {
    let df = pair::degrees_of_freedom(&reader.header().traits[trait_idx], Missing::default());
    if df >= 1.0 && min_log10p > 0.0 { student::t_for_log10_p(min_log10p, df).powi(2) * (1.0 - 1e-9) } else { 0.0 }
}

/// The file's rows in bands along its chunks: one chunk high, or more where a chunk is low.
pub(super) fn bands(reader: &ResultsReader) -> impl Iterator<Item = Range<usize>> + use<> {
    let most = (BAND_CELLS / reader.header().traits.len().max(1)).max(1);
    let (n, step) = (reader.n_variants(), reader.chunk().0.clamp(1, most));
    (0..n.div_ceil(step)).map(move |band| band * step..((band + 1) * step).min(n))
}

/// Effects of a band for some traits, read in runs that share chunks.
pub(super) struct BandCells {
    runs: Vec<Run>,
    /// Of each chosen trait: its run and its place in it.
    places: Vec<(usize, usize)>,
    /// Of each chosen trait: missing genotypes by row, where there are any.
    n_missing: Vec<Option<Vec<u32>>>,
    /// Of each chosen trait: ranks that the covariates lose by row, where they lose any.
    covariates_lost: Vec<Option<Vec<u16>>>,
}

struct Run {
    width: usize,
    beta: Vec<f32>,
    se: Vec<f32>,
}

impl BandCells {
    pub(super) fn read(reader: &ResultsReader, rows: Range<usize>, traits: &[usize]) -> Result<Self, StoreError> {
        let chunk_width = reader.chunk().1.max(1);
        let masks: Vec<usize> = traits.iter().map(|&i| reader.header().traits[i].mask as usize).collect();
        let mut cells = Self {
            runs: Vec::new(),
            places: Vec::new(),
            n_missing: by_mask(&masks, |mask| reader.n_missing(rows.clone(), mask..mask + 1))?,
            covariates_lost: by_mask(&masks, |mask| reader.covariates_lost(rows.clone(), mask..mask + 1))?,
        };
        for run in traits.chunk_by(|a, b| a / chunk_width == b / chunk_width) {
            let (first, last) = (run[0], run[run.len() - 1]);
            let (beta, se) = reader.block(rows.clone(), first..last + 1)?;
            cells.places.extend(run.iter().map(|trait_idx| (cells.runs.len(), trait_idx - first)));
            cells.runs.push(Run { width: last + 1 - first, beta, se });
        }
        Ok(cells)
    }

    /// (β, se, what missing genotypes take) of a row of the band and the k-th chosen trait.
    pub(super) fn get(&self, row: usize, k: usize) -> (f32, f32, Missing) {
        let (run, column) = self.places[k];
        let run = &self.runs[run];
        let cell = row * run.width + column;
        let n = self.n_missing[k].as_ref().map_or(0, |counts| counts[row]);
        let covariates = self.covariates_lost[k].as_ref().map_or(0, |counts| counts[row]);
        (run.beta[cell], run.se[cell], Missing { n, covariates })
    }
}

/// What is read for each mask, once where neighbours share one.
fn by_mask<T: Clone>(
    masks: &[usize],
    read: impl Fn(usize) -> Result<Option<Vec<T>>, StoreError>,
) -> Result<Vec<Option<Vec<T>>>, StoreError> {
    let mut all = Vec::with_capacity(masks.len());
    for same in masks.chunk_by(|a, b| a == b) {
        let counts = read(same[0])?;
        all.resize(all.len() + same.len(), counts);
    }
    Ok(all)
}
