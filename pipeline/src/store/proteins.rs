//! Writes proteins.h5: proteins × samples after every step of processing (docs/proteins.md is the contract).
//!
//! The matrix is in memory already, so the file is written in one go: lists, then values in bands of whole chunks.

use std::path::Path;

use hdf5::types::{FixedAscii, VarLenUnicode};
use hdf5::{File, Group};

use super::checksums;
use super::depth::create_private;
use super::error::{Place, StoreError};
use super::file;
use super::matrix::Layout;
use super::publish::sync_file;
use super::schema::{MAX_TABLE_ROWS, SIGNATURE_BYTES};
use super::writer::{view, write_provenance};
use crate::proteins::{Gene, Protein, ProteinMatrix, Strand};

/// Root attribute `format`.
pub const PROTEINS_FORMAT: &str = "norna-proteins";
/// Root attribute `format_version`.
pub const PROTEINS_FORMAT_VERSION: u32 = 1;
/// What the root attribute `individual_level` says.
pub(super) const INDIVIDUAL_LEVEL: &str = "yes: protein levels of single people, by sample ID";
/// Proteins × samples.
pub(super) const VALUES: &str = "/values";
/// Covariates × samples.
pub(super) const COVARIATES: &str = "/covariates/values";
/// JSON text of what was done.
pub(super) const STEPS: &str = "/steps";
/// Values of a chunk, about: 1 MiB.
const CHUNK_CELLS: usize = 1 << 17;

/// Rows and columns of a chunk: whole rows where they are short, so that a protein is read at once.
pub(super) fn chunk_of(n_rows: usize, n_samples: usize) -> (usize, usize) {
    let width = n_samples.clamp(1, CHUNK_CELLS);
    ((CHUNK_CELLS / width).clamp(1, n_rows.max(1)), width)
}

/// Code of a strand in /proteins/strand.
pub(super) fn strand_code(strand: Strand) -> i8 {
    match strand {
        Strand::Plus => 1,
        Strand::Minus => -1,
        Strand::Unknown => 0,
    }
}

/// Writer of one file. Dropped without [`seal`](Self::seal), it leaves a file that no reader takes.
pub struct ProteinsWriter {
    place: Place,
    file: File,
    n_samples: usize,
}

impl ProteinsWriter {
    /// Makes the file at `path` (a temporary name; see [`publish`](super::publish())), for its owner alone, replacing what
    /// is there, and writes the matrix.
    ///
    /// # Errors
    /// As for all methods here, what the file system or HDF5 say, or a matrix that the file cannot hold.
    pub fn create(path: &Path, matrix: &ProteinMatrix) -> Result<Self, StoreError> {
        let place = Place::new(path);
        check(&place, matrix)?;
        create_private(&place, path)?;
        let file = file::create(&place, path)?;
        let samples = &file::group(&place, &file, "samples")?;
        write_texts(&place, samples, "id", matrix.samples.iter().map(String::as_str))?;
        write_proteins(&place, &file, matrix)?;
        let n_samples = matrix.samples.len();
        write_matrix(&place, &file, "values", (matrix.proteins.len(), n_samples), |row| matrix.row(row))?;
        let covariates = &file::group(&place, &file, "covariates")?;
        write_texts(&place, covariates, "name", matrix.covariates.iter().map(|(name, _)| name.as_str()))?;
        let shape = (matrix.covariates.len(), n_samples);
        write_matrix(&place, covariates, "values", shape, |row| &matrix.covariates[row].1)?;
        file::set_text(&place, &file, "genome_build", matrix.build.map_or("", |build| build.name()))?;
        Ok(Self { place, file, n_samples })
    }

    /// Writes /steps (any JSON), /provenance (an object; each of its keys becomes a dataset with JSON text) and the
    /// checksums, marks the file as whole, closes and syncs it.
    pub fn seal(self, steps: &serde_json::Value, provenance: &serde_json::Value) -> Result<(), StoreError> {
        let Self { place, file, n_samples } = self;
        let dataset = place.h5(STEPS, file.new_dataset::<VarLenUnicode>().shape(()).create("steps"))?;
        place.h5(STEPS, dataset.write_scalar(&file::string(&steps.to_string())))?;
        drop(dataset);
        write_provenance(&place, &file, provenance)?;
        let layout = Layout { matrices: Vec::new() };
        let table = checksums::create(&place, &file, &layout, &[])?.release(&layout);
        let version = env!("CARGO_PKG_VERSION");
        file::set_text(&place, &file, "individual_level", INDIVIDUAL_LEVEL)?;
        file::set_text(&place, &file, "norna_version", version)?;
        file::set_scalar(&place, &file, "format_version", &PROTEINS_FORMAT_VERSION)?;
        file::set_text(&place, &file, "format", PROTEINS_FORMAT)?;
        let text = format!("{PROTEINS_FORMAT} {PROTEINS_FORMAT_VERSION} proteins {version} {n_samples}");
        let signature = FixedAscii::<SIGNATURE_BYTES>::from_ascii(&text);
        let signature = signature.map_err(|error| place.argument(error.to_string()))?;
        file::set_scalar(&place, &file, "signature", &signature)?;
        place.h5("cannot flush", file.flush())?;
        place.h5("cannot close", file.close())?;
        table.fill(&place)?;
        sync_file(&place.path).map_err(|error| place.io("cannot sync", error))
    }
}

/// Whether the parts fit together; the reader asks for the same.
fn check(place: &Place, matrix: &ProteinMatrix) -> Result<(), StoreError> {
    let (n_proteins, n_samples) = (matrix.proteins.len(), matrix.samples.len());
    for (n, what) in [(n_proteins, "proteins"), (n_samples, "samples")] {
        if n == 0 || n > MAX_TABLE_ROWS {
            return Err(place.argument(format!("{n} {what}: 1 to {MAX_TABLE_ROWS} are held")));
        }
    }
    let fits = matrix.values.len() == n_proteins.saturating_mul(n_samples);
    if !fits || matrix.covariates.iter().any(|(_, values)| values.len() != n_samples) {
        return Err(place.argument("the values are not one a protein (or covariate) and sample"));
    }
    let numbers = matrix.values.iter().chain(matrix.covariates.iter().flat_map(|(_, values)| values));
    if numbers.into_iter().any(|value| value.is_infinite()) {
        return Err(place.argument("a value is infinite"));
    }
    Ok(())
}

/// A text of a row.
type TextOf<T> = fn(&T) -> &str;

fn write_proteins(place: &Place, root: &Group, matrix: &ProteinMatrix) -> Result<(), StoreError> {
    let group = &file::group(place, root, "proteins")?;
    let proteins = &matrix.proteins;
    let texts: [(&str, TextOf<Protein>); 4] = [
        ("id", |protein| &protein.id),
        ("name", |protein| &protein.name),
        ("uniprot", |protein| &protein.uniprot),
        ("panel", |protein| &protein.panel),
    ];
    for (name, text) in texts {
        write_texts(place, group, name, proteins.iter().map(text))?;
    }
    let genes: [(&str, TextOf<Gene>); 3] =
        [("chrom", |gene| &gene.chrom), ("gene_id", |gene| &gene.id), ("gene_name", |gene| &gene.name)];
    for (name, text) in genes {
        write_texts(place, group, name, proteins.iter().map(|protein| protein.gene.as_ref().map_or("", text)))?;
    }
    let tss: Vec<u32> = proteins.iter().map(|protein| protein.gene.as_ref().map_or(0, |gene| gene.tss)).collect();
    file::table_column(place, group, "tss", &tss)?;
    let strand = |protein: &Protein| strand_code(protein.gene.as_ref().map_or(Strand::Unknown, |gene| gene.strand));
    file::table_column(place, group, "strand", &proteins.iter().map(strand).collect::<Vec<i8>>())?;
    let below: Vec<f32> = proteins.iter().map(|protein| protein.below_lod).collect();
    file::table_column(place, group, "below_lod", &below)?;
    let observed = |row: usize| matrix.row(row).iter().filter(|value| !value.is_nan()).count() as u32;
    let observed: Vec<u32> = (0..proteins.len()).map(observed).collect();
    file::table_column(place, group, "n_observed", &observed).map(drop)
}

fn write_texts<'a>(
    place: &Place,
    group: &Group,
    name: &str,
    texts: impl Iterator<Item = &'a str>,
) -> Result<(), StoreError> {
    file::table_column(place, group, name, &file::strings(texts)).map(drop)
}

fn write_matrix<'a>(
    place: &Place,
    group: &Group,
    name: &str,
    shape: (usize, usize),
    row: impl Fn(usize) -> &'a [f64],
) -> Result<(), StoreError> {
    let chunk = chunk_of(shape.0, shape.1);
    let builder = group.new_dataset::<f64>();
    let dataset = match shape.0 {
        0 => place.h5(name, builder.no_chunk().shape(shape).create(name))?,
        _ => place.h5(name, builder.chunk(chunk).shape(shape).create(name))?,
    };
    let mut band = Vec::new();
    for first in (0..shape.0).step_by(chunk.0) {
        let rows = first..shape.0.min(first + chunk.0);
        band.clear();
        rows.clone().for_each(|i| band.extend_from_slice(row(i)));
        place.h5(name, dataset.write_slice(view(place, (rows.len(), shape.1), &band)?, (rows, ..)))?;
    }
    Ok(())
}
