//! Opening and creating files, datasets, strings and attributes the one way that results.h5 uses them: no file locks
//! (they fail on some Lustre and NFS mounts, and a run has its own lock), no times in object headers (the same run
//! gives the same bytes), checksummed metadata (HDF5 1.10 and later).

use std::path::Path;
use std::str::FromStr;

use hdf5::file::{FileAccessBuilder, OpenMode};
use hdf5::plist::dataset_create::AllocTime;
use hdf5::types::VarLenUnicode;
use hdf5::{Container, Dataset, File, FileBuilder, Group, H5Type, Location};

use super::error::{Place, StoreError};

/// Bytes from which an object starts at a page.
const LARGE: u64 = 1 << 16;
/// A page of any host, and of the network file systems between them.
const PAGE: u64 = 4096;

fn access(fapl: &mut FileAccessBuilder) -> &mut FileAccessBuilder {
    fapl.file_locking(false).libver_v110().alignment(LARGE, PAGE)
}

pub(super) fn create(place: &Place, path: &Path) -> Result<File, StoreError> {
    let mut builder = FileBuilder::new();
    builder.with_fapl(access).with_fcpl(|fcpl| fcpl.obj_track_times(false));
    place.h5("cannot create", builder.open_as(path, OpenMode::Create))
}

pub(super) fn open(path: &Path) -> hdf5::Result<File> {
    let mut builder = FileBuilder::new();
    builder.with_fapl(access);
    builder.open_as(path, OpenMode::Read)
}

pub(super) fn group(place: &Place, parent: &Group, name: &str) -> Result<Group, StoreError> {
    let builder = parent.create_group_builder().obj_track_times(false);
    place.h5(name, builder.create(name))
}

/// A column of known length; laid out in one piece, so a range is one read.
pub(super) fn column<T: H5Type>(place: &Place, group: &Group, name: &str, n: usize) -> Result<Dataset, StoreError> {
    place.h5(name, group.new_dataset::<T>().no_chunk().shape(n).create(name))
}

/// As [`column`], with its place in the file taken at once, for writing without the library.
pub(super) fn placed_column<T: H5Type>(
    place: &Place,
    group: &Group,
    name: &str,
    n: usize,
) -> Result<Dataset, StoreError> {
    let builder = group.new_dataset::<T>().no_chunk().alloc_time(Some(AllocTime::Early));
    place.h5(name, builder.shape(n).create(name))
}

/// Where a column that lies in one piece starts.
pub(super) fn address(place: &Place, name: &str, dataset: &Dataset) -> Result<u64, StoreError> {
    dataset.offset().ok_or_else(|| place.argument(format!("HDF5 gave {name} no place in the file")))
}

/// Creates and writes a whole column.
pub(super) fn table_column<T: H5Type>(
    place: &Place,
    group: &Group,
    name: &str,
    values: &[T],
) -> Result<Dataset, StoreError> {
    let dataset = column::<T>(place, group, name, values.len())?;
    if !values.is_empty() {
        place.h5(name, dataset.write_raw(values))?;
    }
    Ok(dataset)
}

/// A string as HDF5 takes it. NUL would end it early: it becomes U+FFFD.
pub(super) fn string(text: &str) -> VarLenUnicode {
    VarLenUnicode::from_str(text)
        .or_else(|_| VarLenUnicode::from_str(&text.replace('\0', "\u{fffd}")))
        .unwrap_or_default()
}

pub(super) fn strings<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<VarLenUnicode> {
    texts.into_iter().map(string).collect()
}

pub(super) fn set_text(place: &Place, at: &Location, name: &str, value: &str) -> Result<(), StoreError> {
    set_scalar(place, at, name, &string(value))
}

pub(super) fn set_scalar<T: H5Type>(place: &Place, at: &Location, name: &str, value: &T) -> Result<(), StoreError> {
    let attribute = place.h5(name, at.new_attr::<T>().shape(()).create(name))?;
    place.h5(name, attribute.write_scalar(value))
}

pub(super) fn set_texts(place: &Place, at: &Location, name: &str, values: &[&str]) -> Result<(), StoreError> {
    let values = strings(values.iter().copied());
    let attribute = place.h5(name, at.new_attr::<VarLenUnicode>().shape(values.len()).create(name))?;
    place.h5(name, attribute.write_raw(&values[..]))
}

pub(super) fn scalar<T: H5Type>(at: &Container) -> hdf5::Result<T> {
    at.read_scalar::<T>()
}

/// Version of the HDF5 library in use: "1.10.8".
pub fn hdf5_version() -> String {
    let (major, minor, release) = hdf5::library_version();
    format!("{major}.{minor}.{release}")
}

/// Whether an HDF5 file says of itself that it holds individual-level data.
pub fn is_individual_level(path: &Path) -> bool {
    open(path).is_ok_and(|file| file.attr("individual_level").is_ok())
}
