//! Writes depth.h5: windows × samples of mean depths, and summaries a chromosome (docs/depth.md is the contract).
//!
//! Depths are written in blocks of columns, each a whole number of chunks wide, so that no chunk is touched twice by
//! different blocks. Memory: a band of windows with their strings; blocks are the caller's.

use std::fs::OpenOptions;
use std::ops::Range;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use hdf5::types::FixedAscii;
use hdf5::{Dataset, File, Group, H5Type};
use ndarray::{ArrayView2, ArrayView3};

use super::checksums;
use super::depth_windows::WindowColumns;
use super::error::{Place, StoreError};
use super::file;
use super::matrix::Layout;
use super::publish::sync_file;
use super::schema::{SIGNATURE_BYTES, chunk_shape};
use super::writer::write_provenance;

/// Root attribute `format`.
pub const DEPTH_FORMAT: &str = "norna-depth";
/// Root attribute `format_version`.
pub const DEPTH_FORMAT_VERSION: u32 = 1;
/// What the root attribute `individual_level` says.
pub(super) const INDIVIDUAL_LEVEL: &str = "yes: depths of single people, by sample ID";
/// Windows × samples.
pub(super) const MEAN: &str = "/depth/mean";
/// Windows × samples × thresholds.
pub(super) const AT_LEAST: &str = "/depth/at_least";
/// Groups of /summary, in the order of [`DepthSummary`].
pub(super) const SUMMARIES: [&str; 4] = ["chromosome", "chromosome_region", "total", "total_region"];

/// What is known before the first depth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepthHeader {
    /// Columns, by ID.
    pub samples: Vec<String>,
    /// Chromosomes that were looked at, in the order of the files: names and lengths.
    pub chromosomes: Vec<(String, u32)>,
    /// Rows.
    pub n_windows: usize,
    /// Whether windows have names.
    pub has_names: bool,
    /// For which positions at least so deep are counted; may be empty.
    pub thresholds: Vec<u32>,
}

impl DepthHeader {
    /// Columns of a block: a chunk's.
    pub fn block_width(&self) -> usize {
        chunk_shape(self.n_windows, self.samples.len()).1
    }
}

/// A window: 0-based, half-open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepthWindow<'a> {
    /// Name of its chromosome.
    pub chrom: &'a str,
    /// First position.
    pub start: u32,
    /// Behind the last one.
    pub end: u32,
    /// From the fourth column of a BED file, or empty.
    pub name: &'a str,
}

/// One of the four summaries: rows × samples, row after row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DepthSummary {
    /// Positions of each row, those of overlapping windows as often as windows hold them.
    pub length: Vec<u64>,
    /// Sums of depths.
    pub bases: Vec<u64>,
    /// Least depths; 0 of rows without positions.
    pub min: Vec<u32>,
    /// Greatest depths.
    pub max: Vec<u32>,
}

impl DepthSummary {
    /// Mean depth of a row and sample; 0 of a row without positions.
    pub fn mean(&self, row: usize, sample: usize) -> f64 {
        let n_samples = self.bases.len() / self.length.len().max(1);
        let length = self.length[row];
        if length == 0 { 0.0 } else { self.bases[row * n_samples + sample] as f64 / length as f64 }
    }
}

/// Writer of one file. Dropped without [`seal`](Self::seal), it leaves a file that no reader takes.
pub struct DepthWriter {
    place: Place,
    file: File,
    header: DepthHeader,
    mean: Dataset,
    at_least: Option<Dataset>,
}

impl DepthWriter {
    /// Makes the file at `path` (a temporary name; see [`publish`](super::publish())), for its owner alone, replacing what
    /// is there. `windows` gives them in the order of the rows.
    ///
    /// # Errors
    /// As for all methods here, what the file system or HDF5 say, or an argument that the file cannot hold.
    pub fn create<'a>(
        path: &Path,
        header: DepthHeader,
        windows: impl Iterator<Item = DepthWindow<'a>>,
    ) -> Result<Self, StoreError> {
        let place = Place::new(path);
        let (n_windows, n_samples) = (header.n_windows, header.samples.len());
        if n_samples == 0 {
            return Err(place.argument("no samples"));
        }
        create_private(&place, path)?;
        let file = file::create(&place, path)?;
        write_lists(&place, &file, &header)?;
        let columns = WindowColumns::create(&place, &file, n_windows, header.has_names)?;
        // What the library has in hand for the columns must not come over what is written beside it.
        place.h5("cannot flush", file.flush())?;
        let raw = OpenOptions::new().write(true).open(path).map_err(|error| place.io("cannot open", error))?;
        columns.write(&place, (&file, &raw), windows)?;
        let group = file::group(&place, &file, "depth")?;
        let chunk = chunk_shape(n_windows, n_samples);
        let builder = group.new_dataset::<f32>().chunk(chunk).shape((n_windows, n_samples));
        let mean = place.h5(MEAN, builder.create("mean"))?;
        let n_thresholds = header.thresholds.len();
        let at_least = (n_thresholds > 0).then(|| {
            let chunk = ((chunk.0 / n_thresholds).max(1), chunk.1, n_thresholds);
            let builder = group.new_dataset::<u32>().chunk(chunk).shape((n_windows, n_samples, n_thresholds));
            let dataset = place.h5(AT_LEAST, builder.create("at_least"))?;
            let attribute = dataset.new_attr::<u32>().shape(n_thresholds).create("thresholds");
            place.h5(AT_LEAST, attribute.and_then(|attribute| attribute.write_raw(&header.thresholds[..])))?;
            Ok(dataset)
        });
        let at_least = at_least.transpose()?;
        Ok(Self { place, file, header, mean, at_least })
    }

    /// Writes the depths of windows `rows` and samples `columns`, row after row. `at_least`: counts, thresholds fastest.
    pub fn write(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        mean: &[f32],
        at_least: &[u32],
    ) -> Result<(), StoreError> {
        if rows.is_empty() || columns.is_empty() {
            return Ok(());
        }
        let argument = |error: ndarray::ShapeError| self.place.argument(error.to_string());
        let cells = ArrayView2::from_shape((rows.len(), columns.len()), mean).map_err(argument)?;
        self.place.h5(MEAN, self.mean.write_slice(cells, (rows.clone(), columns.clone())))?;
        let Some(dataset) = &self.at_least else { return Ok(()) };
        let shape = (rows.len(), columns.len(), self.header.thresholds.len());
        let cells = ArrayView3::from_shape(shape, at_least).map_err(argument)?;
        self.place.h5(AT_LEAST, dataset.write_slice(cells, (rows, columns, ..)))
    }

    /// Writes /summary: of chromosomes, of the windows on each, of all chromosomes, of all windows.
    pub fn write_summaries(&self, summaries: &[DepthSummary; 4]) -> Result<(), StoreError> {
        let parent = &file::group(&self.place, &self.file, "summary")?;
        for (name, summary) in SUMMARIES.into_iter().zip(summaries) {
            let group = &file::group(&self.place, parent, name)?;
            let (n_rows, n_samples) = (summary.length.len(), self.header.samples.len());
            let mean: Vec<f64> =
                (0..n_rows * n_samples).map(|at| summary.mean(at / n_samples, at % n_samples)).collect();
            file::table_column(&self.place, group, "length", &summary.length)?;
            self.table(group, (n_rows, n_samples), "bases", &summary.bases)?;
            self.table(group, (n_rows, n_samples), "mean", &mean)?;
            self.table(group, (n_rows, n_samples), "min", &summary.min)?;
            self.table(group, (n_rows, n_samples), "max", &summary.max)?;
        }
        Ok(())
    }

    fn table<T: H5Type>(
        &self,
        group: &Group,
        shape: (usize, usize),
        name: &str,
        cells: &[T],
    ) -> Result<(), StoreError> {
        let view = super::writer::view(&self.place, shape, cells)?;
        let dataset = self.place.h5(name, group.new_dataset::<T>().no_chunk().shape(shape).create(name))?;
        if cells.is_empty() { Ok(()) } else { self.place.h5(name, dataset.write(view)) }
    }

    /// Writes /provenance (an object; each of its keys becomes a dataset with JSON text) and the checksums, marks the file
    /// as whole, closes and syncs it.
    pub fn seal(self, provenance: &serde_json::Value) -> Result<(), StoreError> {
        let Self { place, file, header, mean, at_least } = self;
        drop((mean, at_least));
        write_provenance(&place, &file, provenance)?;
        let layout = Layout { matrices: Vec::new() };
        let table = checksums::create(&place, &file, &layout, &[])?.release(&layout);
        file::set_text(&place, &file, "individual_level", INDIVIDUAL_LEVEL)?;
        file::set_text(&place, &file, "norna_version", env!("CARGO_PKG_VERSION"))?;
        file::set_scalar(&place, &file, "format_version", &DEPTH_FORMAT_VERSION)?;
        file::set_text(&place, &file, "format", DEPTH_FORMAT)?;
        let text = format!(
            "{DEPTH_FORMAT} {DEPTH_FORMAT_VERSION} depth {} {}",
            env!("CARGO_PKG_VERSION"),
            header.samples.len()
        );
        let signature = FixedAscii::<SIGNATURE_BYTES>::from_ascii(&text);
        let signature = signature.map_err(|error| place.argument(error.to_string()))?;
        file::set_scalar(&place, &file, "signature", &signature)?;
        place.h5("cannot flush", file.flush())?;
        place.h5("cannot close", file.close())?;
        table.fill(&place)?;
        sync_file(&place.path).map_err(|error| place.io("cannot sync", error))
    }
}

/// An empty file that its owner alone reads, whatever was there before.
pub(super) fn create_private(place: &Place, path: &Path) -> Result<(), StoreError> {
    let failed = |error| place.io("cannot create", error);
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).map_err(failed)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(failed)
}

fn write_lists(place: &Place, root: &Group, header: &DepthHeader) -> Result<(), StoreError> {
    let samples = &file::group(place, root, "samples")?;
    file::table_column(place, samples, "id", &file::strings(header.samples.iter().map(String::as_str)))?;
    let chromosomes = &file::group(place, root, "chromosomes")?;
    let names = file::strings(header.chromosomes.iter().map(|(name, _)| name.as_str()));
    file::table_column(place, chromosomes, "name", &names)?;
    let lengths: Vec<u32> = header.chromosomes.iter().map(|&(_, length)| length).collect();
    file::table_column(place, chromosomes, "length", &lengths).map(drop)
}
