//! The bytes of a file against /checksums.

use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;

use hdf5::Dataset;
use rayon::prelude::*;

use super::super::checked::column;
use super::super::checksums::{BANDS, MARGIN, PIECE, REST, Rest, own_sum, told_length};
use super::super::error::{Place, StoreError};
use super::super::matrix::MatrixPlace;
use super::super::reader::ResultsReader;
use super::super::schema::{CHECKSUMS, COVARIATES_LOST, N_MISSING};
use super::{Findings, VerifyProgress, in_ranges};
use crate::sink::rows::MatrixShape;

/// Bytes read at once.
const READ: u64 = 1 << 20;
/// Pieces that a task sums.
const PIECES: usize = 16;
/// Groups with datasets of a results file.
const GROUPS: [&str; 12] = [
    "variants",
    "variants/text",
    "traits",
    "assoc",
    "hits",
    "qc",
    "qc/ledger",
    "provenance",
    "checksums",
    "qc/ledger/samples",
    "qc/ledger/variants",
    "qc/ledger/traits",
];

/// A file whose bytes are looked at.
pub(super) struct Subject<'a> {
    pub(super) place: &'a Place,
    pub(super) file: &'a hdf5::File,
    pub(super) raw: &'a std::fs::File,
    /// Those that are summed by bands.
    pub(super) matrices: Vec<(&'static str, MatrixShape)>,
    /// Groups with datasets.
    pub(super) groups: &'static [&'static str],
    /// Datasets of which chunks may be missing.
    pub(super) sparse: &'static [&'static str],
}

impl<'a> Subject<'a> {
    /// A store that has nothing but the datasets of its groups.
    pub(super) fn of_store(
        (place, file, raw): (&'a Place, &'a hdf5::File, &'a std::fs::File),
        groups: &'static [&'static str],
    ) -> Self {
        Self { place, file, raw, matrices: Vec::new(), groups, sparse: &[] }
    }

    pub(super) fn of_results(reader: &'a ResultsReader) -> Self {
        Self {
            place: &reader.place,
            file: &reader.file,
            raw: reader.strings.file(),
            matrices: reader.header.matrices(),
            groups: &GROUPS,
            sparse: if reader.has_every_pair() { &[N_MISSING, COVARIATES_LOST] } else { &[] },
        }
    }
}

/// Sizes and checksums of a store that always has them: whether its sizes fit, and its bytes.
pub(super) fn check_store(
    subject: &Subject<'_>,
    progress: &VerifyProgress,
    findings: &mut Findings,
) -> Result<(bool, u64), StoreError> {
    let length = subject.raw.metadata().map_err(|error| subject.place.io("cannot read", error))?.len();
    progress.total.store(length, Ordering::Relaxed);
    let fits = check_sizes(subject, findings);
    if !check(subject, length, progress, findings)? {
        findings.add("checksum", CHECKSUMS, || "it is missing".to_owned());
    }
    Ok((fits, length))
}

/// Whether the file has checksums; those that do not fit are among the findings.
pub(super) fn check(
    subject: &Subject<'_>,
    length: u64,
    progress: &VerifyProgress,
    findings: &mut Findings,
) -> Result<bool, StoreError> {
    let (place, file) = (subject.place, subject.raw);
    let failed = |error| place.io("cannot read", error);
    let told = told_length(file).map_err(failed)?;
    if told != length {
        findings.add("checksum", "file", || format!("{length} bytes where its superblock says {told}"));
    }
    if !subject.file.link_exists(CHECKSUMS) {
        return Ok(false);
    }
    let tables = match Tables::open(subject, length) {
        Ok(tables) => tables,
        Err(error) => {
            findings.add_error("checksum", error);
            return Ok(true);
        }
    };
    if own_sum(&tables.sums[..tables.sums.len() - 1]) != tables.sums[tables.sums.len() - 1] {
        findings.add("checksum", REST, || "the table of checksums is itself damaged".to_owned());
    }
    let mut extents = None;
    let n_pieces = tables.rest.n_pieces() as usize;
    for first in (0..n_pieces).step_by(PIECES << 8) {
        let pieces = first..n_pieces.min(first + (PIECES << 8));
        let sum = |buffer: &mut Vec<u8>, piece: usize| tables.rest.sum(file, piece as u64, buffer);
        let sums: Result<Vec<u32>, _> =
            pieces.clone().into_par_iter().with_min_len(PIECES).map_init(Vec::new, sum).collect();
        progress.add(pieces.len() as u64 * PIECE);
        for (piece, sum) in pieces.zip(sums.map_err(failed)?) {
            if tables.sums.get(piece) != Some(&sum) {
                let extents = extents.get_or_insert_with(|| datasets(subject));
                tables.name(piece as u64, extents, findings);
            }
        }
    }
    tables.check_bands(subject, progress, findings);
    Ok(true)
}

/// /checksums, and what it speaks of.
struct Tables {
    matrices: Vec<(&'static str, MatrixPlace)>,
    bands: Vec<u32>,
    rest: Rest,
    sums: Vec<u32>,
}

impl Tables {
    fn open(subject: &Subject<'_>, length: u64) -> Result<Self, StoreError> {
        let (place, file) = (subject.place, subject.file);
        let mut matrices = Vec::new();
        for &(name, shape) in &subject.matrices {
            let dataset = place.h5(name, file.dataset(name))?;
            matrices.push((name, MatrixPlace::open(place, (name, shape), &dataset, length)?));
        }
        let n_bands = matrices.iter().map(|(_, matrix)| matrix.n_bands() as usize).sum();
        let bands = column::<u32>(place, file, BANDS, Some(n_bands))?;
        let table = place.h5(REST, file.dataset(REST))?;
        let [n] = table.shape()[..] else { return Err(place.malformed(REST, "it is no list")) };
        let bytes = (n as u64).checked_mul(4).filter(|&bytes| bytes >= 4 && bytes <= length);
        let address =
            table.offset().zip(bytes).filter(|(at, bytes)| at.checked_add(*bytes).is_some_and(|e| e <= length));
        let (address, bytes) = address.ok_or_else(|| place.malformed(REST, "it does not lie in the file"))?;
        let mut left_out: Vec<Range<u64>> = matrices.iter().map(|(_, matrix)| matrix.stretch()).collect();
        left_out.push(address..address + bytes);
        let rest = Rest::new(length, left_out).ok_or_else(|| place.malformed(REST, "parts lie over one another"))?;
        let spare = (n as u64).checked_sub(rest.n_pieces() + 1);
        if spare.is_none_or(|spare| spare > 2 * MARGIN / PIECE) {
            let problem = format!("{n} numbers for {} pieces of the file", rest.n_pieces());
            return Err(place.malformed(REST, problem));
        }
        let mut raw = vec![0; bytes as usize];
        let read = subject.raw.read_exact_at(&mut raw, address);
        read.map_err(|error| place.io("cannot read", error))?;
        let sums = raw.as_chunks::<4>().0.iter().map(|bytes| u32::from_ne_bytes(*bytes)).collect();
        Ok(Self { matrices, bands, rest, sums })
    }

    /// Tells which datasets a damaged piece may belong to.
    fn name(&self, piece: u64, extents: &[(String, Option<Range<u64>>)], findings: &mut Findings) {
        let ranges: Vec<Range<u64>> = self.rest.piece(piece).collect();
        let touches = |extent: &Range<u64>| ranges.iter().any(|r| r.start < extent.end && extent.start < r.end);
        let names: Vec<&str> = extents
            .iter()
            .filter(|(_, extent)| extent.as_ref().is_some_and(touches))
            .map(|(name, _)| name.as_str())
            .take(4)
            .collect();
        let object = if names.is_empty() { "file".to_owned() } else { names.join(" or ") };
        let at = ranges.first().zip(ranges.last()).map_or((0, 0), |(first, last)| (first.start, last.end));
        findings.add("checksum", &object, || {
            format!("bytes {} to {} of the file are not what was written (or HDF5's own among them)", at.0, at.1)
        });
    }

    fn check_bands(&self, subject: &Subject<'_>, progress: &VerifyProgress, findings: &mut Findings) {
        let mut first = 0;
        for (name, matrix) in &self.matrices {
            let n_bands = matrix.n_bands() as usize;
            let sums = &self.bands[first..first + n_bands];
            in_ranges(n_bands, 1, findings, |band, found| {
                let band = band.start;
                match band_sum(subject, matrix, band as u64, progress) {
                    Ok(sum) if sum == sums[band] => {}
                    Ok(_) => found.add("checksum", name, || {
                        let rows = matrix.rows(band as u64);
                        format!("rows {} to {}: the numbers are not those that were written", rows.start, rows.end - 1)
                    }),
                    Err(error) => found.add_error("checksum", error),
                }
            });
            first += n_bands;
        }
    }
}

fn band_sum(
    subject: &Subject<'_>,
    matrix: &MatrixPlace,
    band: u64,
    progress: &VerifyProgress,
) -> Result<u32, StoreError> {
    let bytes = matrix.band_bytes() as u64;
    let start = matrix.stretch().start + band * bytes;
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; READ.min(bytes) as usize];
    for at in (0..bytes).step_by(READ as usize) {
        let piece = &mut buffer[..READ.min(bytes - at) as usize];
        let read = subject.raw.read_exact_at(piece, start + at);
        read.map_err(|error| subject.place.io("cannot read", error))?;
        hasher.update(piece);
        progress.add(piece.len() as u64);
    }
    Ok(hasher.finalize())
}

/// Whether the file has the bytes of every value that its shapes tell of: what is read further on goes by the shapes. Counts
/// by mask alone may lack chunks, and stand beside matrices that may not.
pub(super) fn check_sizes(subject: &Subject<'_>, findings: &mut Findings) -> bool {
    let mut fit = true;
    for (name, _) in datasets(subject) {
        let Ok(dataset) = subject.file.dataset(&name) else { continue };
        if subject.sparse.contains(&name.as_str()) {
            continue;
        }
        let shape = dataset.shape();
        let values = shape.iter().fold(1_u128, |n, &side| n.saturating_mul(side as u128));
        let width = dataset.dtype().map_or(1, |dtype| dtype.size().max(1));
        let bytes = dataset.storage_size();
        if values.saturating_mul(width as u128) > u128::from(bytes) {
            findings.add("shape", &name, || format!("shape {shape:?}, of which the file has {bytes} bytes"));
            fit = false;
        }
    }
    fit
}

/// Every dataset, and where it lies if that is one place.
pub(super) fn datasets(subject: &Subject<'_>) -> Vec<(String, Option<Range<u64>>)> {
    let mut found = Vec::new();
    for group in subject.groups {
        let Ok(group) = subject.file.group(group) else { continue };
        for name in group.member_names().unwrap_or_default() {
            if let Ok(dataset) = group.dataset(&name) {
                found.push((format!("{}/{name}", group.name().trim_end_matches('/')), extent(&dataset)));
            }
        }
    }
    found
}

fn extent(dataset: &Dataset) -> Option<Range<u64>> {
    let start = dataset.offset()?;
    Some(start..start.checked_add(dataset.storage_size())?)
}
