//! Columns whose length is known only at the end (/hits, statuses): appended in whole chunks.

use hdf5::{Dataset, Group, H5Type};

use super::columns::set_code_names;
use super::error::{Place, StoreError};
use super::file;
use super::schema::LIST_CHUNK;
use crate::format::consequence::{Consequence, code_names};
use crate::sink::rows::{ExactRow, HitRow};

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

/// /assoc/status_*: pairs that are not ok.
pub(super) struct StatusList {
    variant: Growable<u64>,
    trait_idx: Growable<u32>,
    code: Growable<u8>,
}

/// /hits.
pub(super) struct HitList {
    variant: Growable<u64>,
    trait_idx: Growable<u32>,
    beta: Growable<f64>,
    se: Growable<f64>,
    log10p: Growable<f64>,
    n_observed: Growable<u32>,
}

/// /hits/consequence and what goes with it, beside the other columns of /hits.
pub(super) struct ConsequenceList {
    code: Growable<u8>,
    changes_protein: Growable<u8>,
    n: u64,
}

impl ConsequenceList {
    pub(super) fn create(place: &Place, root: &Group) -> Result<Self, StoreError> {
        let group = &place.h5("/hits", root.group("hits"))?;
        let code = Growable::create(place, group, "consequence")?;
        file::set_texts(place, code.dataset(), "codes", &code_names())?;
        Ok(Self { code, changes_protein: Growable::create(place, group, "changes_protein")?, n: 0 })
    }

    pub(super) fn push(&mut self, place: &Place, consequence: Option<Consequence>) -> Result<(), StoreError> {
        self.n += 1;
        self.code.push(place, consequence.map_or(0, Consequence::code))?;
        self.changes_protein.push(place, consequence.is_some_and(|found| found.changes_protein).into())
    }

    /// Writes what waits; refuses a list that is not one of all hits.
    pub(super) fn flush(&mut self, place: &Place, n_hits: u64) -> Result<(), StoreError> {
        if self.n != n_hits {
            return Err(place.argument(format!("{} consequences of {n_hits} hits", self.n)));
        }
        self.code.flush(place)?;
        self.changes_protein.flush(place)
    }
}

/// /assoc/exact_*: pairs that a compact store's scores do not give back.
pub(super) struct ExactList {
    variant: Growable<u64>,
    trait_idx: Growable<u32>,
    beta: Growable<f32>,
    se: Growable<f32>,
}

impl StatusList {
    pub(super) fn create(place: &Place, assoc: &Group) -> Result<Self, StoreError> {
        let code = Growable::create(place, assoc, "status_code")?;
        set_code_names(place, code.dataset())?;
        Ok(Self {
            variant: Growable::create(place, assoc, "status_variant")?,
            trait_idx: Growable::create(place, assoc, "status_trait")?,
            code,
        })
    }

    pub(super) fn push(&mut self, place: &Place, variant: usize, trait_idx: u32, code: u8) -> Result<(), StoreError> {
        self.variant.push(place, variant as u64)?;
        self.trait_idx.push(place, trait_idx)?;
        self.code.push(place, code)
    }

    pub(super) fn flush(&mut self, place: &Place) -> Result<(), StoreError> {
        self.variant.flush(place)?;
        self.trait_idx.flush(place)?;
        self.code.flush(place)
    }
}

impl HitList {
    pub(super) fn create(place: &Place, root: &Group, threshold: f64) -> Result<Self, StoreError> {
        let group = &file::group(place, root, "hits")?;
        file::set_scalar(place, group, "threshold_log10p", &threshold)?;
        Ok(Self {
            variant: Growable::create(place, group, "variant")?,
            trait_idx: Growable::create(place, group, "trait")?,
            beta: Growable::create(place, group, "beta")?,
            se: Growable::create(place, group, "se")?,
            log10p: Growable::create(place, group, "log10p")?,
            n_observed: Growable::create(place, group, "obs_ct")?,
        })
    }

    pub(super) fn push(&mut self, place: &Place, variant: usize, hit: &HitRow) -> Result<(), StoreError> {
        self.variant.push(place, variant as u64)?;
        self.trait_idx.push(place, hit.trait_idx)?;
        self.beta.push(place, hit.beta)?;
        self.se.push(place, hit.se)?;
        self.log10p.push(place, hit.log10p)?;
        self.n_observed.push(place, hit.n_observed)
    }

    pub(super) fn flush(&mut self, place: &Place) -> Result<(), StoreError> {
        self.variant.flush(place)?;
        self.trait_idx.flush(place)?;
        self.beta.flush(place)?;
        self.se.flush(place)?;
        self.log10p.flush(place)?;
        self.n_observed.flush(place)
    }
}

impl ExactList {
    pub(super) fn create(place: &Place, assoc: &Group) -> Result<Self, StoreError> {
        Ok(Self {
            variant: Growable::create(place, assoc, "exact_variant")?,
            trait_idx: Growable::create(place, assoc, "exact_trait")?,
            beta: Growable::create(place, assoc, "exact_beta")?,
            se: Growable::create(place, assoc, "exact_se")?,
        })
    }

    pub(super) fn push(&mut self, place: &Place, variant: usize, exact: &ExactRow) -> Result<(), StoreError> {
        self.variant.push(place, variant as u64)?;
        self.trait_idx.push(place, exact.trait_idx)?;
        self.beta.push(place, exact.beta)?;
        self.se.push(place, exact.se)
    }

    pub(super) fn flush(&mut self, place: &Place) -> Result<(), StoreError> {
        self.variant.flush(place)?;
        self.trait_idx.flush(place)?;
        self.beta.flush(place)?;
        self.se.flush(place)
    }
}
