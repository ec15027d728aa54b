//! Variants × masks of small counts that are mostly 0 (/assoc/n_missing, /assoc/covariates_lost): made when the first
//! comes, and only the chunks with one take room.

use hdf5::{Dataset, Group, H5Type};
use ndarray::ArrayView2;

use super::error::{Place, StoreError};
use super::schema::{chunk_shape, column_blocks};

pub(super) struct MaskCounts<T> {
    name: &'static str,
    dataset: Option<Dataset>,
    n_variants: usize,
    n_masks: usize,
    /// Of a chunk, as (rows, masks).
    chunk: (usize, usize),
    /// First row of the band that the blocks hold; a band is a chunk high.
    band: usize,
    /// One block of masks each: rows × masks of the band, empty while all are zero.
    blocks: Vec<Vec<T>>,
}

impl<T: H5Type + Copy + Default + PartialEq + TryFrom<u32>> MaskCounts<T> {
    /// Counts that will lie at `name`.
    pub(super) fn new(name: &'static str, n_variants: usize, n_masks: usize) -> Self {
        let chunk = chunk_shape(n_variants, n_masks);
        let blocks = vec![Vec::new(); n_masks.div_ceil(chunk.1)];
        Self { name, dataset: None, n_variants, n_masks, chunk, band: 0, blocks }
    }

    /// Takes a count of a row, which is no less than any before; `mask` is below the number of masks.
    pub(super) fn set(
        &mut self,
        (place, root): (&Place, &Group),
        row: usize,
        mask: usize,
        n: u32,
    ) -> Result<(), StoreError> {
        if row >= self.band + self.chunk.0 {
            self.flush(place, root)?;
            self.band = row - row % self.chunk.0;
        }
        let (block, column) = (mask / self.chunk.1, mask % self.chunk.1);
        let width = self.chunk.1.min(self.n_masks - block * self.chunk.1);
        let n = T::try_from(n).map_err(|_| place.argument(format!("{}: {n} has no room", self.name)))?;
        let cells = &mut self.blocks[block];
        cells.resize(self.chunk.0 * width, T::default());
        cells[(row - self.band) * width + column] = n;
        Ok(())
    }

    /// Writes the band and forgets it.
    pub(super) fn flush(&mut self, place: &Place, root: &Group) -> Result<(), StoreError> {
        let name = self.name;
        let rows = self.band..self.n_variants.min(self.band + self.chunk.0);
        for (cells, masks) in self.blocks.iter_mut().zip(column_blocks(self.n_masks, self.chunk.1)) {
            if cells.is_empty() {
                continue;
            }
            if self.dataset.is_none() {
                let builder = root.new_dataset::<T>().chunk((self.chunk.0, self.chunk.1.min(self.n_masks)));
                let builder = builder.fill_value(T::default()).shape((self.n_variants, self.n_masks));
                self.dataset = Some(place.h5(name, builder.create(name))?);
            }
            if let Some(dataset) = &self.dataset {
                let view = ArrayView2::from_shape((rows.len(), masks.len()), &cells[..rows.len() * masks.len()]);
                let view = view.map_err(|error| place.argument(error.to_string()))?;
                place.h5(name, dataset.write_slice(view, (rows.clone(), masks)))?;
            }
            cells.clear();
        }
        Ok(())
    }
}
