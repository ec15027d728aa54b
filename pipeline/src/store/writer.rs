//! Writes results.h5: rows in input order, buffered to whole chunks, so that every chunk is written once.
//!
//! Memory: a band of R rows (R = rows of a matrix chunk, 1,024 to 32,768) holds 8·R·traits bytes of effects, at most
//! 6·R·masks of missing counts and the R variants; histograms take 4.9 KiB a trait. Nothing grows with the variants.

use std::path::Path;

use hdf5::types::FixedAscii;
use hdf5::{Dataset, File, Group};
use ndarray::ArrayView2;
use norna_kernels::Status;
use norna_kernels::genomic_control::{N_BINS, lower_edge};

use super::columns::{VariantColumns, set_code_names};
use super::error::{Place, StoreError};
use super::file;
use super::growable::{HitList, StatusList};
use super::mask_counts::MaskCounts;
use super::publish::sync_file;
use super::qc::{P_BINS, QcCounts};
use super::schema::{
    COVARIATES_LOST, FORMAT, FORMAT_VERSION, LedgerTable, MAX_TRAITS, N_MISSING, Qc, ResultsHeader, SIGNATURE_BYTES,
    STORE_FULL, chunk_shape,
};
use crate::sink::rows::{RowBatch, VariantRow};

/// Writer of one results file. Dropped without [`finish`](Self::finish), it leaves a file that no reader takes.
pub struct ResultsWriter {
    place: Place,
    file: File,
    header: ResultsHeader,
    n_variants: usize,
    /// Rows on their way to the file before the band.
    written: usize,
    columns: VariantColumns,
    beta: Dataset,
    se: Dataset,
    n_missing: MaskCounts<u32>,
    covariates_lost: MaskCounts<u16>,
    statuses: StatusList,
    hits: HitList,
    counts: QcCounts,
    /// Pairs appended, by the code of their status.
    n_status: [u64; Status::ALL.len()],
    n_with_number: u64,
    band: Band,
}

/// Rows that wait for their chunk to be whole.
struct Band {
    n_rows: usize,
    variants: Vec<VariantRow>,
    beta: Vec<f32>,
    se: Vec<f32>,
}

impl ResultsWriter {
    /// Makes the file at `path` (a temporary name; see [`publish`](super::publish())), replacing what is there, for
    /// exactly `n_variants` rows.
    pub fn create(path: &Path, header: &ResultsHeader, n_variants: u64) -> Result<Self, StoreError> {
        let place = Place::new(path);
        let n_traits = header.traits.len();
        if n_traits == 0 || n_traits > MAX_TRAITS || header.n_masks() > n_traits {
            let n_masks = header.n_masks();
            return Err(place.argument(format!("{n_traits} traits in {n_masks} masks: 1 to {MAX_TRAITS} are held")));
        }
        let n_variants = usize::try_from(n_variants).map_err(|_| place.argument("more variants than memory"))?;
        let file = file::create(&place, path)?;
        let columns = VariantColumns::create(&place, &file, n_variants)?;
        write_traits(&place, &file, header)?;
        let assoc = file::group(&place, &file, "assoc")?;
        let (n_rows, _) = chunk_shape(n_variants, n_traits);
        Ok(Self {
            beta: matrix(&place, &assoc, "beta", n_variants, n_traits)?,
            se: matrix(&place, &assoc, "se", n_variants, n_traits)?,
            statuses: StatusList::create(&place, &assoc)?,
            hits: HitList::create(&place, &file, header.hit_log10p + 0.0)?,
            counts: QcCounts::new(&header.traits),
            band: Band { n_rows, variants: Vec::new(), beta: Vec::new(), se: Vec::new() },
            n_missing: MaskCounts::new(N_MISSING, n_variants, header.n_masks(), n_rows),
            covariates_lost: MaskCounts::new(COVARIATES_LOST, n_variants, header.n_masks(), n_rows),
            header: header.clone(),
            n_status: [0; Status::ALL.len()],
            n_with_number: 0,
            written: 0,
            place,
            file,
            n_variants,
            columns,
        })
    }

    /// Appends the next rows.
    pub fn append(&mut self, batch: &RowBatch) -> Result<(), StoreError> {
        self.check(batch)?;
        let n_traits = self.header.traits.len();
        let by_row = |counts: &[(u32, u32, u32)]| sorted(counts, |&(row, mask, _)| (row, mask)).into_iter().peekable();
        let (mut n_missing, mut covariates_lost) = (by_row(&batch.n_missing), by_row(&batch.covariates_lost));
        let mut start = 0;
        let first = self.written + self.band.variants.len();
        while start < batch.variants.len() {
            let room = self.band.n_rows - self.band.variants.len();
            let end = batch.variants.len().min(start + room);
            let offset = self.band.variants.len();
            self.band.variants.extend_from_slice(&batch.variants[start..end]);
            self.band.beta.extend_from_slice(&batch.beta[start * n_traits..end * n_traits]);
            self.band.se.extend_from_slice(&batch.se[start * n_traits..end * n_traits]);
            while let Some((row, mask, n)) = n_missing.next_if(|&(row, _, _)| (row as usize) < end) {
                self.n_missing.set(&self.place, row as usize - start + offset, mask as usize, n)?;
            }
            while let Some((row, mask, n)) = covariates_lost.next_if(|&(row, _, _)| (row as usize) < end) {
                self.covariates_lost.set(&self.place, row as usize - start + offset, mask as usize, n)?;
            }
            start = end;
            if self.band.variants.len() == self.band.n_rows {
                self.flush_band()?;
            }
        }
        for (row, trait_idx, code) in sorted(&batch.statuses, |&(row, trait_idx, _)| (row, trait_idx)) {
            self.statuses.push(&self.place, first + row as usize, trait_idx, code)?;
            if let Some(n) = self.n_status.get_mut(usize::from(code)) {
                *n += 1;
            }
        }
        self.n_with_number += batch.se.iter().filter(|se| se.is_finite()).count() as u64;
        for hit in sorted(&batch.hits, |hit| (hit.variant_idx, hit.trait_idx)) {
            self.hits.push(&self.place, first + hit.variant_idx as usize, &hit)?;
        }
        Ok(())
    }

    /// Pairs appended that have β and SE.
    pub fn n_pairs_with_number(&self) -> u64 {
        self.n_with_number
    }

    /// Pairs appended to /assoc/status_* by status (sound variants and traits, no number); statuses without a pair left out.
    pub fn status_counts(&self) -> Vec<(Status, u64)> {
        Status::ALL.into_iter().zip(self.n_status).filter(|&(_, n)| n > 0).collect()
    }

    fn check(&self, batch: &RowBatch) -> Result<(), StoreError> {
        let (n_rows, n_traits) = (batch.variants.len(), self.header.traits.len());
        let cells = n_rows * n_traits;
        if batch.n_traits != n_traits || batch.beta.len() != cells || batch.se.len() != cells {
            return Err(self.place.argument(format!(
                "a batch of {n_rows} rows × {} traits with {} and {} cells, where the file has {n_traits} traits",
                batch.n_traits,
                batch.beta.len(),
                batch.se.len()
            )));
        }
        let first = self.written + self.band.variants.len();
        if first + n_rows > self.n_variants {
            let n = self.n_variants;
            return Err(self.place.argument(format!("row {} of a file made for {n} rows", first + n_rows)));
        }
        let inside = |row: u32, column: u32, n: usize| (row as usize) < n_rows && (column as usize) < n;
        let n_masks = self.header.n_masks();
        let mut mask_counts = batch.n_missing.iter().chain(&batch.covariates_lost);
        let good = mask_counts.all(|&(row, mask, _)| inside(row, mask, n_masks))
            && batch.statuses.iter().all(|&(row, trait_idx, _)| inside(row, trait_idx, n_traits))
            && batch.hits.iter().all(|hit| inside(hit.variant_idx, hit.trait_idx, n_traits));
        if good { Ok(()) } else { Err(self.place.argument("a batch names a row, mask or trait that it does not have")) }
    }

    fn flush_band(&mut self) -> Result<(), StoreError> {
        let n_rows = self.band.variants.len();
        if n_rows == 0 {
            return Ok(());
        }
        let n_traits = self.header.traits.len();
        let (place, rows) = (&self.place, self.written..self.written + n_rows);
        self.columns.write(place, self.written, &self.band.variants)?;
        for (name, dataset, values) in [("beta", &self.beta, &self.band.beta), ("se", &self.se, &self.band.se)] {
            let view = view(place, (n_rows, n_traits), values)?;
            place.h5(name, dataset.write_slice(view, (rows.clone(), 0..n_traits)))?;
        }
        self.n_missing.flush(place, &self.file, &rows)?;
        self.covariates_lost.flush(place, &self.file, &rows)?;
        self.counts.count(&self.band.beta, &self.band.se);
        self.written += n_rows;
        self.band.variants.clear();
        self.band.beta.clear();
        self.band.se.clear();
        Ok(())
    }

    /// Writes what waits, /qc and /provenance (an object; each of its keys becomes a dataset with JSON text), marks
    /// the file as whole, closes and syncs it. Every row must have been appended.
    pub fn finish(mut self, qc: &Qc, provenance: &serde_json::Value) -> Result<(), StoreError> {
        self.flush_band()?;
        if self.written != self.n_variants {
            let (n, made) = (self.written, self.n_variants);
            return Err(self.place.argument(format!("{n} rows were appended to a file made for {made}")));
        }
        let n_traits = self.header.traits.len();
        if qc.case_counts.as_ref().is_some_and(|counts| counts.len() != n_traits) {
            return Err(self.place.argument("case counts must be one a trait"));
        }
        self.statuses.flush(&self.place)?;
        self.hits.flush(&self.place)?;
        write_qc(&self.place, &self.file, &self.counts, qc)?;
        write_provenance(&self.place, &self.file, provenance)?;
        file::set_scalar(&self.place, &self.file, "n_samples", &self.header.n_samples)?;
        file::set_text(&self.place, &self.file, "store", STORE_FULL)?;
        let (place, file) = self.into_file();
        file::set_text(&place, &file, "norna_version", env!("CARGO_PKG_VERSION"))?;
        file::set_scalar(&place, &file, "format_version", &FORMAT_VERSION)?;
        file::set_text(&place, &file, "format", FORMAT)?;
        let signature = format!("{FORMAT} {FORMAT_VERSION} {STORE_FULL} {}", env!("CARGO_PKG_VERSION"));
        let signature = FixedAscii::<SIGNATURE_BYTES>::from_ascii(&signature);
        let signature = signature.map_err(|error| place.argument(error.to_string()))?;
        file::set_scalar(&place, &file, "signature", &signature)?;
        place.h5("cannot flush", file.flush())?;
        place.h5("cannot close", file.close())?;
        sync_file(&place.path).map_err(|error| place.io("cannot sync", error))
    }
}

impl ResultsWriter {
    /// Lets go of every dataset: HDF5 keeps a file open while one is held.
    fn into_file(self) -> (Place, File) {
        (self.place, self.file)
    }
}

fn sorted<T: Clone, K: Ord>(values: &[T], key: impl Fn(&T) -> K) -> Vec<T> {
    let mut values = values.to_vec();
    values.sort_by_key(key);
    values
}

fn view<'a, T>(place: &Place, shape: (usize, usize), cells: &'a [T]) -> Result<ArrayView2<'a, T>, StoreError> {
    ArrayView2::from_shape(shape, cells).map_err(|error| place.argument(error.to_string()))
}

/// A variants × columns matrix of f32. Chunks take room when they are written, and NaN stands where none was.
fn matrix(
    place: &Place,
    group: &Group,
    name: &str,
    n_variants: usize,
    n_columns: usize,
) -> Result<Dataset, StoreError> {
    let builder = group.new_dataset::<f32>().fill_value(f32::NAN);
    let builder = builder.chunk(chunk_shape(n_variants, n_columns)).shape((n_variants, n_columns));
    place.h5(name, builder.create(name))
}

fn write_traits(place: &Place, root: &Group, header: &ResultsHeader) -> Result<(), StoreError> {
    let group = &file::group(place, root, "traits")?;
    let traits = &header.traits;
    file::table_column(place, group, "name", &file::strings(traits.iter().map(|info| info.name.as_str())))?;
    let numbers = |number: fn(&super::TraitInfo) -> u32| traits.iter().map(number).collect::<Vec<_>>();
    file::table_column(place, group, "n", &numbers(|info| info.n))?;
    file::table_column(place, group, "mask", &numbers(|info| info.mask))?;
    file::table_column(place, group, "df_covariates", &numbers(|info| info.df_covariates))?;
    let reals = |number: fn(&super::TraitInfo) -> f64| traits.iter().map(number).collect::<Vec<_>>();
    file::table_column(place, group, "mean", &reals(|info| info.mean))?;
    file::table_column(place, group, "sd", &reals(|info| info.sd))?;
    let codes: Vec<u8> = traits.iter().map(|info| info.status).collect();
    let status = file::table_column(place, group, "status", &codes)?;
    set_code_names(place, &status)
}

fn write_qc(place: &Place, root: &Group, counts: &QcCounts, qc: &Qc) -> Result<(), StoreError> {
    let group = &file::group(place, root, "qc")?;
    let lambda = counts.genomic_control();
    let n_traits = lambda.len();
    file::table_column(place, group, "genomic_control", &lambda)?;
    counts_table(place, group, "chi2_histogram", (n_traits, N_BINS), &counts.chi2_histogram())?;
    let edges: Vec<f64> = (0..N_BINS).map(lower_edge).collect();
    file::table_column(place, group, "chi2_lower_edges", &edges)?;
    counts_table(place, group, "p_histogram", (n_traits, P_BINS), &counts.p_histogram())?;
    file::table_column(place, group, "eigenvalues", &qc.eigenvalues)?;
    if let Some(case_counts) = &qc.case_counts {
        file::table_column(place, group, "case_counts", case_counts)?;
    }
    let ledger = &file::group(place, group, "ledger")?;
    write_ledger(place, ledger, "samples", &qc.ledger.samples)?;
    write_ledger(place, ledger, "variants", &qc.ledger.variants)?;
    write_ledger(place, ledger, "traits", &qc.ledger.traits)
}

fn counts_table(
    place: &Place,
    group: &Group,
    name: &str,
    shape: (usize, usize),
    counts: &[u64],
) -> Result<(), StoreError> {
    let dataset = place.h5(name, group.new_dataset::<u64>().no_chunk().shape(shape).create(name))?;
    place.h5(name, dataset.write(view(place, shape, counts)?))
}

fn write_ledger(place: &Place, ledger: &Group, name: &str, table: &LedgerTable) -> Result<(), StoreError> {
    let group = &file::group(place, ledger, name)?;
    let entries = &table.entries;
    file::table_column(place, group, "name", &file::strings(entries.iter().map(|entry| entry.name.as_str())))?;
    file::table_column(place, group, "role", &file::strings(entries.iter().map(|entry| entry.role.name())))?;
    let counts: Vec<u64> = entries.iter().map(|entry| entry.count).collect();
    file::table_column(place, group, "count", &counts).map(drop)
}

fn write_provenance(place: &Place, root: &Group, provenance: &serde_json::Value) -> Result<(), StoreError> {
    let group = &file::group(place, root, "provenance")?;
    let serde_json::Value::Object(parts) = provenance else {
        return Err(place.argument("provenance must be a JSON object"));
    };
    for (name, part) in parts {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(place.argument(format!("provenance: the key {name:?} is not a plain name")));
        }
        let text = file::string(&part.to_string());
        let dataset =
            place.h5(name, group.new_dataset::<hdf5::types::VarLenUnicode>().shape(()).create(name.as_str()))?;
        place.h5(name, dataset.write_scalar(&text))?;
    }
    Ok(())
}
