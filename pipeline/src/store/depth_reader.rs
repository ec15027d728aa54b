//! Reads depth.h5, which is not trusted: shapes are checked when it is opened.

use std::ops::Range;
use std::path::Path;

use hdf5::types::FixedAscii;
use hdf5::{Dataset, File};

use super::checked::{column, dataset, read_provenance, texts};
use super::depth::{AT_LEAST, DEPTH_FORMAT, DEPTH_FORMAT_VERSION, DepthHeader, DepthSummary, MEAN, SUMMARIES};
use super::depth_windows::{StoredWindow, WindowColumns};
use super::error::{Place, StoreError};
use super::file;
use super::heap::Strings;
use super::schema::SIGNATURE_BYTES;

/// Most thresholds that a file has.
const MAX_THRESHOLDS: usize = 1 << 10;

/// Reader of one file.
pub struct DepthReader {
    pub(super) place: Place,
    pub(super) file: File,
    pub(super) strings: Strings,
    header: DepthHeader,
    norna_version: String,
    windows: WindowColumns,
    mean: Dataset,
    at_least: Option<Dataset>,
}

impl DepthReader {
    /// Whether the file at `path` says that it is a depth.h5; false where it does not open.
    pub fn is_depth(path: &Path) -> bool {
        let place = Place::new(path);
        std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
            && file::open(path).is_ok_and(|file| {
                signature(&place, &file).is_ok_and(|text| text.split(' ').next() == Some(DEPTH_FORMAT))
            })
    }

    /// Opens a file and checks that it is one of ours, of this version, with parts that fit together.
    ///
    /// # Errors
    /// What does not fit.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let place = Place::new(path);
        std::fs::File::open(path).map_err(|error| place.io("cannot open", error))?;
        let file = file::open(path).map_err(|error| place.not_hdf5(&error))?;
        let signature = signature(&place, &file)?;
        let mut words = signature.split(' ');
        let mut word = || words.next().unwrap_or_default();
        let (format, version, _, writer) = (word(), word(), word(), word());
        if format != DEPTH_FORMAT {
            return Err(place.not_norna(format!("its signature is {signature:?}, and that of depths is wanted")));
        }
        let found = version.parse().map_err(|_| place.malformed("signature", format!("{signature:?}")))?;
        if found != DEPTH_FORMAT_VERSION {
            let (path, writer) = (place.path.clone(), writer.to_owned());
            return Err(StoreError::Version { path, found, supported: DEPTH_FORMAT_VERSION, writer });
        }
        let norna_version = writer.to_owned();
        let strings = Strings::open(&place)?;
        let samples = texts(&place, &file, &strings, "/samples/id", None)?;
        let names = texts(&place, &file, &strings, "/chromosomes/name", None)?;
        let lengths = column::<u32>(&place, &file, "/chromosomes/length", Some(names.len()))?;
        let (windows, n_windows) = WindowColumns::open(&place, &file)?;
        let mean = dataset(&place, &file, MEAN, &[n_windows, samples.len()])?;
        let (at_least, thresholds) = open_at_least(&place, &file, (n_windows, samples.len()))?;
        let header = DepthHeader {
            has_names: file.link_exists("windows/name"),
            chromosomes: names.into_iter().zip(lengths).collect(),
            samples,
            n_windows,
            thresholds,
        };
        Ok(Self { place, file, strings, header, norna_version, windows, mean, at_least })
    }

    /// Samples, chromosomes and what was counted.
    pub fn header(&self) -> &DepthHeader {
        &self.header
    }

    /// Version of norna that wrote the file.
    pub fn norna_version(&self) -> &str {
        &self.norna_version
    }

    /// What was run, on what: the JSON of each dataset of /provenance.
    ///
    /// # Errors
    /// A damaged file.
    pub fn provenance(&self) -> Result<serde_json::Value, StoreError> {
        read_provenance(&self.place, &self.file, &self.strings)
    }

    /// A range of /windows.
    ///
    /// # Errors
    /// Rows that are not there; a damaged file.
    pub fn windows(&self, rows: Range<usize>) -> Result<Vec<StoredWindow>, StoreError> {
        self.check_rows(&rows)?;
        self.windows.read(&self.place, &self.strings, rows)
    }

    /// Mean depths of windows, samples fastest.
    ///
    /// # Errors
    /// As [`windows`](Self::windows).
    pub fn means(&self, rows: Range<usize>) -> Result<Vec<f32>, StoreError> {
        self.check_rows(&rows)?;
        let cells = self.place.h5(MEAN, self.mean.read_slice_2d::<f32, _>((rows, ..)))?;
        Ok(cells.into_raw_vec_and_offset().0)
    }

    /// Positions of windows that are deep enough, thresholds fastest, then samples; empty where there are no thresholds.
    ///
    /// # Errors
    /// As [`windows`](Self::windows).
    pub fn at_least(&self, rows: Range<usize>) -> Result<Vec<u32>, StoreError> {
        self.check_rows(&rows)?;
        let Some(dataset) = &self.at_least else { return Ok(Vec::new()) };
        let cells = self.place.h5(AT_LEAST, dataset.read_slice::<u32, _, ndarray::Ix3>((rows, .., ..)))?;
        Ok(cells.into_raw_vec_and_offset().0)
    }

    /// The summaries: of chromosomes, of the windows on each, of all chromosomes, of all windows.
    ///
    /// # Errors
    /// A damaged file.
    pub fn summaries(&self) -> Result<[DepthSummary; 4], StoreError> {
        let mut summaries: [DepthSummary; 4] = Default::default();
        for (i, (name, summary)) in SUMMARIES.into_iter().zip(&mut summaries).enumerate() {
            let n_rows = if i < 2 { self.header.chromosomes.len() } else { 1 };
            let shape = [n_rows, self.header.samples.len()];
            let (place, file) = (&self.place, &*self.file);
            summary.length = column(place, file, &format!("/summary/{name}/length"), Some(n_rows))?;
            let open = |column: &str| dataset(place, file, &format!("/summary/{name}/{column}"), &shape);
            summary.bases = place.h5("bases", open("bases")?.read_raw())?;
            summary.min = place.h5("min", open("min")?.read_raw())?;
            summary.max = place.h5("max", open("max")?.read_raw())?;
        }
        Ok(summaries)
    }

    fn check_rows(&self, rows: &Range<usize>) -> Result<(), StoreError> {
        if rows.start <= rows.end && rows.end <= self.header.n_windows {
            return Ok(());
        }
        Err(self.place.argument(format!("rows {rows:?} of {}", self.header.n_windows)))
    }
}

pub(super) fn signature(place: &Place, file: &File) -> Result<String, StoreError> {
    let read = file.attr("signature").and_then(|at| file::scalar::<FixedAscii<SIGNATURE_BYTES>>(&at));
    let text = read.map_err(|_| place.not_norna("no root attribute \"signature\""))?;
    Ok(String::from_utf8_lossy(text.as_bytes()).trim_end_matches('\0').to_owned())
}

fn open_at_least(
    place: &Place,
    file: &File,
    (n_windows, n_samples): (usize, usize),
) -> Result<(Option<Dataset>, Vec<u32>), StoreError> {
    if !file.link_exists(AT_LEAST) {
        return Ok((None, Vec::new()));
    }
    let found = place.h5(AT_LEAST, file.dataset(AT_LEAST))?;
    let attribute = place.h5("thresholds", found.attr("thresholds"))?;
    let n = attribute.size();
    if attribute.ndim() != 1 || n == 0 || n > MAX_THRESHOLDS {
        return Err(place.malformed(AT_LEAST, format!("{n} thresholds")));
    }
    let thresholds = place.h5("thresholds", attribute.read_raw::<u32>())?;
    Ok((Some(dataset(place, file, AT_LEAST, &[n_windows, n_samples, n])?), thresholds))
}
