//! Writes what a compact store has beside its matrices: which row and null model is a variant's, the models' squares, exact
//! pairs.

use std::collections::BTreeMap;

use hdf5::{Dataset, Group};

use super::error::{Place, StoreError};
use super::file;
use super::growable::ExactList;
use super::schema::{ASSOC_MODEL, ASSOC_ROW, MAX_MODELS, MODEL_CHROM, RESIDUAL_SQUARE, ResultsHeader};
use super::writer::{Extent, view};

/// What a compact store has beside its matrices.
pub(super) struct CompactColumns {
    pub(super) exact: ExactList,
    row: Option<Dataset>,
    model: Option<Dataset>,
    /// Place of each chromosome's model.
    models: BTreeMap<String, u32>,
    /// Rows of the band: their places in the matrices.
    rows: Vec<i64>,
    /// Rows of the band: their null models.
    of_rows: Vec<u32>,
    /// Full rows before the next one.
    pub(super) n_full: u64,
}

impl CompactColumns {
    pub(super) fn create(
        place: &Place,
        root: &Group,
        assoc: &Group,
        (header, extent): (&ResultsHeader, &Extent),
    ) -> Result<Self, StoreError> {
        let n_traits = header.traits.len();
        if extent.models.is_empty() || extent.models.iter().any(|(_, squares)| squares.len() != n_traits) {
            return Err(place.argument("a compact store needs the squares of its null models"));
        }
        if extent.models.len() > MAX_MODELS {
            let problem = format!("{} chromosomes with predictions: {MAX_MODELS} are held", extent.models.len());
            return Err(place.argument(problem));
        }
        let n_variants = extent.n_variants as usize;
        let squares: Vec<f64> = extent.models.iter().flat_map(|(_, squares)| squares.iter().copied()).collect();
        let shape = (extent.models.len(), n_traits);
        let dataset = root.new_dataset::<f64>().no_chunk().shape(shape).create(RESIDUAL_SQUARE);
        let dataset = place.h5(RESIDUAL_SQUARE, dataset)?;
        place.h5(RESIDUAL_SQUARE, dataset.write(view(place, shape, &squares)?))?;
        let chroms = file::strings(extent.models.iter().map(|(chrom, _)| chrom.as_str()));
        file::table_column(place, root, MODEL_CHROM, &chroms)?;
        let has_own = extent.models.len() > 1;
        let row = (extent.n_full > 0).then(|| file::column::<i64>(place, root, ASSOC_ROW, n_variants)).transpose()?;
        let model = has_own.then(|| file::column::<u32>(place, root, ASSOC_MODEL, n_variants)).transpose()?;
        let models = (0..).zip(&extent.models).map(|(place, (chrom, _))| (chrom.clone(), place)).collect();
        Ok(Self {
            exact: ExactList::create(place, assoc)?,
            row,
            model,
            models,
            rows: Vec::new(),
            of_rows: Vec::new(),
            n_full: 0,
        })
    }

    /// Takes the next variant.
    pub(super) fn push(&mut self, variant: i64, is_full: bool, chrom: &str) {
        let n_full = self.n_full as i64;
        if self.model.is_some() {
            self.of_rows.push(self.models.get(chrom).copied().unwrap_or(0));
        }
        self.rows.push(if is_full { -1 - n_full } else { variant - n_full });
        self.n_full += u64::from(is_full);
    }

    pub(super) fn flush(&mut self, place: &Place, start: usize) -> Result<(), StoreError> {
        let rows = start..start + self.rows.len();
        if let Some(row) = &self.row {
            place.h5(ASSOC_ROW, row.write_slice(&self.rows[..], rows.clone()))?;
        }
        if let Some(model) = &self.model {
            place.h5(ASSOC_MODEL, model.write_slice(&self.of_rows[..], rows))?;
        }
        self.rows.clear();
        self.of_rows.clear();
        Ok(())
    }
}
