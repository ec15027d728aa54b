//! Reads proteins.h5, which is not trusted: shapes are checked when it is opened, values when they are read.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use hdf5::types::FixedAscii;
use hdf5::{Dataset, File};

use super::checked::{column, dataset, read_provenance, rectangle, texts};
use super::error::{Place, StoreError};
use super::file;
use super::heap::Strings;
use super::proteins::{COVARIATES, PROTEINS_FORMAT, PROTEINS_FORMAT_VERSION, STEPS, VALUES, strand_code};
use super::schema::SIGNATURE_BYTES;
use super::verify::root_text;
use crate::format::chromosome::Build;
use crate::proteins::{Gene, Protein, ProteinMatrix, Strand};

/// Values read at once, about.
const CELLS: usize = 1 << 20;

/// Reader of one file.
pub struct ProteinsReader {
    pub(super) place: Place,
    pub(super) file: File,
    pub(super) strings: Strings,
    norna_version: String,
    samples: Vec<String>,
    proteins: Vec<Protein>,
    n_observed: Vec<u32>,
    covariates: Vec<String>,
    build: Option<Build>,
    values: Dataset,
    covariate_values: Dataset,
}

impl ProteinsReader {
    /// Whether the file at `path` says that it is a proteins.h5; false where it does not open.
    pub fn is_proteins(path: &Path) -> bool {
        let place = Place::new(path);
        std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
            && file::open(path).is_ok_and(|file| {
                signature(&place, &file).is_ok_and(|text| text.split(' ').next() == Some(PROTEINS_FORMAT))
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
        if format != PROTEINS_FORMAT {
            return Err(place.not_norna(format!("its signature is {signature:?}, and that of proteins is wanted")));
        }
        let found = version.parse().map_err(|_| place.malformed("signature", format!("{signature:?}")))?;
        if found != PROTEINS_FORMAT_VERSION {
            let (path, writer) = (place.path.clone(), writer.to_owned());
            return Err(StoreError::Version { path, found, supported: PROTEINS_FORMAT_VERSION, writer });
        }
        let norna_version = writer.to_owned();
        let strings = Strings::open(&place)?;
        let samples = texts(&place, &file, &strings, "/samples/id", None)?;
        check_unique(&place, "/samples/id", &samples)?;
        let proteins = read_proteins(&place, &file, &strings)?;
        let n_observed = column(&place, &file, "/proteins/n_observed", Some(proteins.len()))?;
        let covariates = texts(&place, &file, &strings, "/covariates/name", None)?;
        let values = matrix(&place, &file, VALUES, [proteins.len(), samples.len()])?;
        let covariate_values = matrix(&place, &file, COVARIATES, [covariates.len(), samples.len()])?;
        let build = read_build(&place, &strings)?;
        Ok(Self {
            place,
            file,
            strings,
            norna_version,
            samples,
            proteins,
            n_observed,
            covariates,
            build,
            values,
            covariate_values,
        })
    }

    /// Sample IDs, each once. Never in a log or an error.
    pub fn samples(&self) -> &[String] {
        &self.samples
    }

    /// Rows.
    pub fn proteins(&self) -> &[Protein] {
        &self.proteins
    }

    /// Values that are not missing, by protein.
    pub fn n_observed(&self) -> &[u32] {
        &self.n_observed
    }

    /// Names of covariates.
    pub fn covariates(&self) -> &[String] {
        &self.covariates
    }

    /// Genome build of the genes' places.
    pub fn build(&self) -> Option<Build> {
        self.build
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

    /// What was done, in order: the JSON of /steps.
    ///
    /// # Errors
    /// A damaged file.
    pub fn steps(&self) -> Result<serde_json::Value, StoreError> {
        let text = self.strings.read(&self.place, STEPS, &dataset(&self.place, &self.file, STEPS, &[])?, 0..1)?;
        serde_json::from_str(&text.concat()).map_err(|error| self.place.malformed(STEPS, error.to_string()))
    }

    /// Values of a range of proteins, samples fastest.
    ///
    /// # Errors
    /// Rows that are not there; a damaged file; a value that is infinite.
    pub fn values(&self, rows: Range<usize>) -> Result<Vec<f64>, StoreError> {
        self.rows(VALUES, &self.values, rows, self.proteins.len())
    }

    /// Values of a range of covariates, samples fastest.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    pub fn covariate_values(&self, rows: Range<usize>) -> Result<Vec<f64>, StoreError> {
        self.rows(COVARIATES, &self.covariate_values, rows, self.covariates.len())
    }

    /// Everything.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    pub fn matrix(&self) -> Result<ProteinMatrix, StoreError> {
        let n = self.samples.len();
        let mut values = Vec::with_capacity(self.proteins.len() * n);
        let step = (CELLS / n.max(1)).max(1);
        for first in (0..self.proteins.len()).step_by(step) {
            values.extend(self.values(first..self.proteins.len().min(first + step))?);
        }
        let mut covariates = Vec::with_capacity(self.covariates.len());
        for (row, name) in self.covariates.iter().enumerate() {
            covariates.push((name.clone(), self.covariate_values(row..row + 1)?));
        }
        let (samples, proteins) = (self.samples.clone(), self.proteins.clone());
        Ok(ProteinMatrix { samples, proteins, values, covariates, build: self.build })
    }

    fn rows(&self, name: &str, dataset: &Dataset, rows: Range<usize>, n: usize) -> Result<Vec<f64>, StoreError> {
        if rows.start > rows.end || rows.end > n {
            return Err(self.place.argument(format!("rows {rows:?} of {n}")));
        }
        let first = rows.start;
        let values: Vec<f64> = rectangle(&self.place, name, dataset, rows, 0..self.samples.len())?;
        match values.iter().position(|value| value.is_infinite()) {
            Some(at) => {
                let row = first + at / self.samples.len().max(1);
                Err(self.place.malformed(name, format!("row {row}: a value is infinite")))
            }
            None => Ok(values),
        }
    }
}

fn signature(place: &Place, file: &File) -> Result<String, StoreError> {
    let read = file.attr("signature").and_then(|at| file::scalar::<FixedAscii<SIGNATURE_BYTES>>(&at));
    let text = read.map_err(|_| place.not_norna("no root attribute \"signature\""))?;
    Ok(String::from_utf8_lossy(text.as_bytes()).trim_end_matches('\0').to_owned())
}

/// A dataset of a shape whose values the file has: memory goes by the shape.
fn matrix(place: &Place, file: &File, name: &str, shape: [usize; 2]) -> Result<Dataset, StoreError> {
    let found = dataset(place, file, name, &shape)?;
    let bytes = (shape[0] as u128).saturating_mul(shape[1] as u128).saturating_mul(8);
    match bytes <= u128::from(found.storage_size()) {
        true => Ok(found),
        false => Err(place.malformed(name, format!("shape {shape:?}, of which the file has {}", found.storage_size()))),
    }
}

fn check_unique(place: &Place, name: &str, texts: &[String]) -> Result<(), StoreError> {
    let mut seen = BTreeSet::new();
    match texts.iter().position(|text| text.is_empty() || !seen.insert(text.as_str())) {
        Some(row) => Err(place.malformed(name, format!("row {row}: empty, or there before"))),
        None => Ok(()),
    }
}

fn read_build(place: &Place, strings: &Strings) -> Result<Option<Build>, StoreError> {
    let text = root_text(strings, "genome_build").map_err(|error| place.io("cannot read", error))?;
    match text.as_deref() {
        Some("") => Ok(None),
        Some("b37") => Ok(Some(Build::B37)),
        Some("b38") => Ok(Some(Build::B38)),
        other => Err(place.malformed("genome_build", format!("{other:?}"))),
    }
}

fn read_proteins(place: &Place, file: &File, strings: &Strings) -> Result<Vec<Protein>, StoreError> {
    let id = texts(place, file, strings, "/proteins/id", None)?;
    check_unique(place, "/proteins/id", &id)?;
    let n = Some(id.len());
    let text = |name: &str| texts(place, file, strings, &format!("/proteins/{name}"), n).map(Vec::into_iter);
    let (mut name, mut uniprot, mut panel) = (text("name")?, text("uniprot")?, text("panel")?);
    let (mut chrom, mut gene_id, mut gene_name) = (text("chrom")?, text("gene_id")?, text("gene_name")?);
    let tss = column::<u32>(place, file, "/proteins/tss", n)?;
    let strand = column::<i8>(place, file, "/proteins/strand", n)?;
    let below_lod = column::<f32>(place, file, "/proteins/below_lod", n)?;
    let mut proteins = Vec::with_capacity(id.len());
    for (row, id) in id.into_iter().enumerate() {
        let next = |texts: &mut std::vec::IntoIter<String>| texts.next().unwrap_or_default();
        let (chrom, gene_id, gene_name) = (next(&mut chrom), next(&mut gene_id), next(&mut gene_name));
        let known = [Strand::Plus, Strand::Minus, Strand::Unknown];
        let strand = known.into_iter().find(|&known| strand_code(known) == strand[row]);
        let strand = strand.ok_or_else(|| place.malformed("/proteins/strand", format!("row {row}: not -1, 0 or 1")))?;
        if chrom.is_empty() != (tss[row] == 0) {
            return Err(place.malformed("/proteins/tss", format!("row {row}: a place without its chromosome")));
        }
        if !below_lod[row].is_nan() && !(0.0..=1.0).contains(&below_lod[row]) {
            return Err(place.malformed("/proteins/below_lod", format!("row {row}: it is no share")));
        }
        let gene = (!chrom.is_empty()).then_some(Gene { chrom, tss: tss[row], strand, id: gene_id, name: gene_name });
        let (name, uniprot, panel) = (next(&mut name), next(&mut uniprot), next(&mut panel));
        proteins.push(Protein { id, name, uniprot, panel, gene, below_lod: below_lod[row] });
    }
    Ok(proteins)
}
