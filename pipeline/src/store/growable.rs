//! Columns whose length is known only at the end (/hits, statuses): appended in whole chunks.

use hdf5::{Dataset, Group, H5Type};

use super::error::{Place, StoreError};
use super::schema::LIST_CHUNK;

/// A one-dimensional dataset that grows; holds at most a chunk of values in memory.
pub(super) struct Growable<T> {
    name: String,
    dataset: Dataset,
    buffer: Vec<T>,
    written: usize,
}

impl<T: H5Type> Growable<T> {
    pub(super) fn create(place: &Place, group: &Group, name: &str) -> Result<Self, StoreError> {
        let builder = group.new_dataset::<T>().chunk(LIST_CHUNK).shape(0..);
        let dataset = place.h5(name, builder.create(name))?;
        Ok(Self { name: name.to_owned(), dataset, buffer: Vec::new(), written: 0 })
    }

    pub(super) fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    pub(super) fn push(&mut self, place: &Place, value: T) -> Result<(), StoreError> {
        self.buffer.push(value);
        if self.buffer.len() == LIST_CHUNK { self.flush(place) } else { Ok(()) }
    }

    pub(super) fn flush(&mut self, place: &Place) -> Result<(), StoreError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let end = self.written + self.buffer.len();
        place.h5(&self.name, self.dataset.resize(end))?;
        place.h5(&self.name, self.dataset.write_slice(&self.buffer[..], self.written..end))?;
        self.written = end;
        self.buffer.clear();
        Ok(())
    }
}
