//! Tables from results.h5, streamed in bands of rows along the file's chunks.
//!
//! Memory: one band of the chosen traits' chunks (8 bytes a cell; 1,024 rows where traits are many) and its text.

use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use norna_kernels::student;

use super::export_hits::write_hits;
use super::export_pair::{self as pair, Missing, PairStats};
use super::export_places::PlaceColumns;
use super::export_select::Region;
use crate::format::consequence::Consequence;
use crate::proteins::Protein;
use crate::sink::rows::VariantRow;
use crate::store::{ResultsReader, StoreError};

/// Cells of a band at most, whatever the chunks of the file: 8 bytes each.
const BAND_CELLS: usize = 1 << 23;

/// Errors of export and top.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The results file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output.
    #[error("{}: cannot write: {cause}", path.display())]
    Write {
        /// The output.
        path: PathBuf,
        /// The system's answer; part of the message, so no `source`.
        cause: io::Error,
    },
    /// The output exists.
    #[error("{}: exists; remove it, or give --force to replace it", path.display())]
    Exists {
        /// The output.
        path: PathBuf,
    },
    /// The output is what is read.
    #[error("{}: this is the results file that is read, and would be lost: write to another file", path.display())]
    IsInput {
        /// The output.
        path: PathBuf,
    },
    /// The output is no file.
    #[error("{}: {what}, not a file to write a table to", path.display())]
    NotAFile {
        /// The output.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A chromosome that no variant is on.
    #[error("--chr or --region {chrom}: no variant of the file is on it; the file has {known}")]
    NoSuchChromosome {
        /// As given, without `chr`.
        chrom: String,
        /// The file's chromosomes.
        known: String,
    },
    /// A pattern without a trait.
    #[error("--trait {pattern}: none of the file's {n_traits} traits has this name or matches it as a glob")]
    NoSuchTrait {
        /// As given.
        pattern: String,
        /// Traits of the file.
        n_traits: usize,
    },
}

impl ExportError {
    pub(super) fn write(path: &Path, cause: io::Error) -> Self {
        Self::Write { path: path.to_path_buf(), cause }
    }
}

/// What goes into a table.
#[derive(Debug, Clone, Default)]
pub struct ExportPlan {
    /// Columns of the matrices, ascending.
    pub traits: Vec<usize>,
    /// Rows in any of these; all rows if empty.
    pub regions: Vec<Region>,
    /// Pairs with at least this −log10 p.
    pub min_log10p: Option<f64>,
    /// Whether the TRAIT column is written.
    pub with_trait: bool,
    /// Columns of proteins' genes.
    pub places: Option<PlaceColumns>,
}

/// Writes a table of pairs, in the order of (variant, trait), and gives the number of its rows. `path` is for errors.
pub fn write_pairs(
    reader: &ResultsReader,
    plan: &ExportPlan,
    path: &Path,
    out: &mut impl Write,
) -> Result<u64, ExportError> {
    let mut text = Vec::with_capacity(1 << 16);
    let has_every_pair = reader.has_every_pair();
    let places = plan.places.map(|places| if has_every_pair { places.without_consequences() } else { places });
    pair::push_header(&mut text, plan.with_trait, places.iter().flat_map(|places| places.names()));
    if !reader.has_every_pair() {
        return write_hits(reader, plan, path, text, out);
    }
    let floors = t2_floors(reader, plan);
    let mut n_pairs = 0;
    for band in bands(reader) {
        let variants = reader.variants(band.clone())?;
        let wanted: Vec<bool> = variants.iter().map(|variant| is_wanted(plan, variant)).collect();
        if wanted.contains(&true) {
            let cells = BandCells::read(reader, band, &plan.traits)?;
            for (row, variant) in variants.iter().enumerate().filter(|&(row, _)| wanted[row]) {
                n_pairs += push_row(&mut text, reader, plan, (row, variant), &cells, &floors);
                if text.len() >= 1 << 16 {
                    out.write_all(&text).map_err(|error| ExportError::write(path, error))?;
                    text.clear();
                }
            }
        }
    }
    out.write_all(&text).map_err(|error| ExportError::write(path, error))?;
    Ok(n_pairs)
}

/// Appends the lines of one variant.
fn push_row(
    text: &mut Vec<u8>,
    reader: &ResultsReader,
    plan: &ExportPlan,
    (row, variant): (usize, &VariantRow),
    cells: &BandCells,
    floors: &[f64],
) -> u64 {
    let (mut front, mut freq) = (Vec::with_capacity(64), Vec::with_capacity(16));
    pair::push_variant(&mut front, &mut freq, variant);
    let mut n_pairs = 0;
    for (k, &trait_idx) in plan.traits.iter().enumerate() {
        let (beta, se, missing) = cells.get(row, k);
        if let Some(min) = plan.min_log10p {
            let t = f64::from(beta) / f64::from(se);
            if t.is_nan() || t * t < floors[k] {
                continue;
            }
            let stats = PairStats::new(&reader.header().traits[trait_idx], missing, beta, se);
            if stats.log10p.is_nan() || stats.log10p < min {
                continue;
            }
        }
        let info = &reader.header().traits[trait_idx];
        let name = plan.with_trait.then_some(info.name.as_str());
        push_pair(text, (&front, &freq), name, &PairStats::new(info, missing, beta, se));
        if let Some(places) = plan.places {
            let protein = &reader.header().proteins[trait_idx];
            push_places(text, places.without_consequences(), (protein, variant), None);
        }
        n_pairs += 1;
    }
    n_pairs
}

/// Appends a line; `front` and `freq` are the variant's.
pub(super) fn push_pair(text: &mut Vec<u8>, (front, freq): (&[u8], &[u8]), name: Option<&str>, stats: &PairStats) {
    text.extend_from_slice(front);
    if let Some(name) = name {
        text.extend_from_slice(name.as_bytes());
        text.push(b'\t');
    }
    text.extend_from_slice(freq);
    pair::push_stats(text, stats);
}

/// Adds the cells of a protein's gene to the line that was appended last.
pub(super) fn push_places(
    text: &mut Vec<u8>,
    places: PlaceColumns,
    (protein, variant): (&Protein, &VariantRow),
    consequence: Option<Consequence>,
) {
    text.pop();
    places.push(text, protein, variant, consequence);
    text.push(b'\n');
}

pub(super) fn is_wanted(plan: &ExportPlan, variant: &VariantRow) -> bool {
    plan.regions.is_empty() || plan.regions.iter().any(|region| region.contains(variant))
}

/// t² below which no pair of a trait reaches the wanted p: missing genotypes only take degrees of freedom away, since the
/// covariates lose at most a rank with each.
fn t2_floors(reader: &ResultsReader, plan: &ExportPlan) -> Vec<f64> {
    let Some(min) = plan.min_log10p else { return Vec::new() };
    plan.traits.iter().map(|&trait_idx| t2_floor(reader, trait_idx, min)).collect()
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
