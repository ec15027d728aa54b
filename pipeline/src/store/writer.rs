//! Writes results.h5 but for its matrices: variants and lists in input order, then what was counted.
//!
//! Memory: a band of 32,768 variants with their strings, a chunk of each list, and 6·R·masks of missing counts (R rows of
//! a chunk, 1,024 to 32,768) where there are some. Nothing grows with the variants.

use std::fs::OpenOptions;
use std::path::Path;

use hdf5::types::FixedAscii;
use hdf5::{File, Group};
use ndarray::ArrayView2;
use norna_kernels::Status;
use norna_kernels::genomic_control::{N_BINS, lower_edge};

use super::checked::Signature;
use super::checksums;
use super::columns::{VariantBand, VariantColumns, set_code_names};
use super::compact_columns::CompactColumns;
use super::error::{Place, StoreError};
use super::file;
use super::growable::{ConsequenceList, HitList, StatusList};
use super::mask_counts::MaskCounts;
use super::matrix::{Layout, MatrixPlace};
use super::publish::sync_file;
use super::qc::{Bins, P_BINS, TALLY_BINS, chi2_histogram, p_histogram};
use super::schema::{
    COVARIATES_LOST, FAILED_REGIONS, FORMAT, FORMAT_VERSION, LedgerTable, MAX_TRAITS, N_MISSING, Qc, ResultsHeader,
    SIGNATURE_BYTES, Store,
};
use super::trait_places::{self, LeftOut};
use crate::format::consequence::Consequence;
use crate::sink::rows::RowBatch;

/// Rows of /variants written together.
const BAND_ROWS: usize = 1 << 15;

/// What is known of the whole before the first row is written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extent {
    /// Rows of /variants.
    pub n_variants: u64,
    /// Those that a compact store keeps in full.
    pub n_full: u64,
    /// ỹᵀỹ by trait (traits' units squared) of each null model: first that of chromosomes without one of their own, under an
    /// empty name, then by chromosome. For a compact store.
    pub models: Vec<(String, Vec<f64>)>,
}

/// Writer of one results file. Dropped without [`seal`](Self::seal), it leaves a file that no reader takes.
pub struct ResultsWriter {
    place: Place,
    file: File,
    /// The same file without the library.
    raw: std::fs::File,
    header: ResultsHeader,
    extent: Extent,
    layout: Layout,
    columns: VariantColumns,
    /// Rows on their way to the file before the band.
    written: usize,
    band: VariantBand,
    n_missing: MaskCounts<u32>,
    covariates_lost: MaskCounts<u16>,
    statuses: StatusList,
    hits: HitList,
    left_out: LeftOut,
    consequences: Option<ConsequenceList>,
    compact: Option<CompactColumns>,
    /// Pairs appended, by the code of their status.
    n_status: [u64; Status::ALL.len()],
    n_hits: u64,
}

impl ResultsWriter {
    /// Makes the file at `path` (a temporary name; see [`publish`](super::publish())), replacing what is there, with room
    /// for everything whose size is known. The matrices are for [`BandWriter`](super::BandWriter)s.
    pub fn create(path: &Path, header: &ResultsHeader, extent: Extent) -> Result<Self, StoreError> {
        let place = Place::new(path);
        let n_traits = header.traits.len();
        if !header.proteins.is_empty() && header.proteins.len() != n_traits {
            return Err(place.argument("proteins must be one a trait"));
        }
        if n_traits == 0 || n_traits > MAX_TRAITS || header.n_masks() > n_traits {
            let n_masks = header.n_masks();
            return Err(place.argument(format!("{n_traits} traits in {n_masks} masks: 1 to {MAX_TRAITS} are held")));
        }
        let n_scored = extent.n_variants.checked_sub(extent.n_full).ok_or_else(|| place.argument("more full rows"))?;
        let n_variants = usize::try_from(extent.n_variants).map_err(|_| place.argument("more variants than memory"))?;
        let file = file::create(&place, path)?;
        let assoc = file::group(&place, &file, "assoc")?;
        let matrix = |(name, shape): (&str, crate::sink::rows::MatrixShape)| {
            let n_rows = if shape.full { extent.n_full } else { n_scored };
            MatrixPlace::create(&place, &file, (name, shape), n_rows)
        };
        let matrices = header.matrices().into_iter().map(matrix).collect::<Result<_, _>>()?;
        let columns = VariantColumns::create(&place, &file, n_variants)?;
        write_traits(&place, &file, header)?;
        let compact = match header.store {
            Store::Compact => Some(CompactColumns::create(&place, &file, &assoc, (header, &extent))?),
            Store::Full | Store::Hits => None,
        };
        place.h5("cannot flush", file.flush())?;
        let raw = OpenOptions::new().write(true).open(path).map_err(|error| place.io("cannot open", error))?;
        Ok(Self {
            layout: Layout { matrices },
            columns,
            statuses: StatusList::create(&place, &assoc)?,
            hits: HitList::create(&place, &file, header.hit_log10p + 0.0)?,
            left_out: LeftOut::new(header),
            consequences: None,
            n_missing: MaskCounts::new(N_MISSING, n_variants, header.n_masks()),
            covariates_lost: MaskCounts::new(COVARIATES_LOST, n_variants, header.n_masks()),
            header: header.clone(),
            extent,
            compact,
            n_status: [0; Status::ALL.len()],
            n_hits: 0,
            written: 0,
            band: VariantBand::default(),
            place,
            file,
            raw,
        })
    }

    /// Where the matrices lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Appends the next rows, matrices aside.
    pub fn append(&mut self, batch: &RowBatch) -> Result<(), StoreError> {
        self.check(batch)?;
        self.left_out.add(&batch.variants);
        let first = self.written + self.band.len();
        let at = (&self.place, &*self.file);
        if self.header.store != Store::Hits {
            for (row, mask, n) in sorted(&batch.n_missing, |&(row, mask, _)| (row, mask)) {
                self.n_missing.set(at, first + row as usize, mask as usize, n)?;
            }
            for (row, mask, n) in sorted(&batch.covariates_lost, |&(row, mask, _)| (row, mask)) {
                self.covariates_lost.set(at, first + row as usize, mask as usize, n)?;
            }
        }
        for (row, trait_idx, code) in sorted(&batch.statuses, |&(row, trait_idx, _)| (row, trait_idx)) {
            self.statuses.push(&self.place, first + row as usize, trait_idx, code)?;
            if let Some(n) = self.n_status.get_mut(usize::from(code)) {
                *n += 1;
            }
        }
        for hit in sorted(&batch.hits, |hit| (hit.variant_idx, hit.trait_idx)) {
            self.hits.push(&self.place, first + hit.variant_idx as usize, &hit)?;
        }
        self.n_hits += batch.hits.len() as u64;
        if let Some(compact) = &mut self.compact {
            for exact in sorted(&batch.exact, |exact| (exact.variant_idx, exact.trait_idx)) {
                compact.exact.push(&self.place, first + exact.variant_idx as usize, &exact)?;
            }
        }
        let mut full_rows = batch.full_rows.iter().peekable();
        for (row, variant) in (0..).zip(&batch.variants) {
            if let Some(compact) = &mut self.compact {
                let is_full = full_rows.next_if_eq(&&row).is_some();
                compact.push(first as i64 + i64::from(row), is_full, &variant.chrom);
            }
            self.band.push(variant);
            if self.band.len() == BAND_ROWS {
                self.flush_band()?;
            }
        }
        Ok(())
    }

    /// From now on every hit comes with a consequence, by [`annotate`](Self::annotate). Before the first row.
    pub fn with_consequences(&mut self) -> Result<(), StoreError> {
        self.consequences = Some(ConsequenceList::create(&self.place, &self.file)?);
        Ok(())
    }

    /// Appends what the next hits' variants do to the protein's gene; hits in the order of (variant, trait).
    pub fn annotate(&mut self, consequences: &[Option<Consequence>]) -> Result<(), StoreError> {
        let Some(list) = &mut self.consequences else {
            return Err(self.place.argument("no consequences were announced"));
        };
        consequences.iter().try_for_each(|&found| list.push(&self.place, found))
    }

    /// Pairs appended to /assoc/status_* by status (sound variants and traits, no number); statuses without a pair left out.
    pub fn status_counts(&self) -> Vec<(Status, u64)> {
        Status::ALL.into_iter().zip(self.n_status).filter(|&(_, n)| n > 0).collect()
    }

    /// Pairs left out since the variant is near the protein's gene.
    pub fn n_left_out(&self) -> u64 {
        self.left_out.n
    }

    /// Hits appended.
    pub fn n_hits(&self) -> u64 {
        self.n_hits
    }

    fn check(&self, batch: &RowBatch) -> Result<(), StoreError> {
        let (n_rows, n_traits) = (batch.variants.len(), self.header.traits.len());
        let first = self.written + self.band.len();
        let n = self.extent.n_variants;
        if (first + n_rows) as u64 > n {
            return Err(self.place.argument(format!("row {} of a file made for {n} rows", first + n_rows)));
        }
        let inside = |row: u32, column: u32, n: usize| (row as usize) < n_rows && (column as usize) < n;
        let n_masks = self.header.n_masks();
        let mut mask_counts = batch.n_missing.iter().chain(&batch.covariates_lost);
        let good = mask_counts.all(|&(row, mask, _)| inside(row, mask, n_masks))
            && batch.statuses.iter().all(|&(row, trait_idx, _)| inside(row, trait_idx, n_traits))
            && batch.hits.iter().all(|hit| inside(hit.variant_idx, hit.trait_idx, n_traits))
            && batch.exact.iter().all(|exact| inside(exact.variant_idx, exact.trait_idx, n_traits))
            && batch.full_rows.is_sorted_by(|a, b| a < b)
            && batch.full_rows.last().is_none_or(|&row| (row as usize) < n_rows);
        if good { Ok(()) } else { Err(self.place.argument("a batch names a row, mask or trait that it does not have")) }
    }

    fn flush_band(&mut self) -> Result<(), StoreError> {
        let n = self.band.len();
        if n == 0 {
            return Ok(());
        }
        self.columns.write(&self.place, (&self.file, &self.raw), self.written, &mut self.band)?;
        if let Some(compact) = &mut self.compact {
            compact.flush(&self.place, self.written)?;
        }
        self.written += n;
        Ok(())
    }

    /// Writes what waits, and /qc with the histograms of `tally` (traits × [`TALLY_BINS`]). Every row must have been appended.
    pub fn complete(&mut self, (bins, tally): (&Bins, &[u64]), qc: &Qc) -> Result<(), StoreError> {
        self.flush_band()?;
        let (n, made) = (self.written as u64, self.extent.n_variants);
        if n != made {
            return Err(self.place.argument(format!("{n} rows were appended to a file made for {made}")));
        }
        if self.compact.as_ref().is_some_and(|compact| compact.n_full != self.extent.n_full) {
            return Err(self.place.argument("the full rows are not as many as the file was made for"));
        }
        let n_traits = self.header.traits.len();
        if tally.len() != n_traits * TALLY_BINS {
            return Err(self.place.argument("histograms must be those of the traits"));
        }
        if qc.case_counts.as_ref().is_some_and(|counts| counts.len() != n_traits) {
            return Err(self.place.argument("case counts must be one a trait"));
        }
        self.n_missing.flush(&self.place, &self.file)?;
        self.covariates_lost.flush(&self.place, &self.file)?;
        self.statuses.flush(&self.place)?;
        self.hits.flush(&self.place)?;
        if let Some(list) = &mut self.consequences {
            list.flush(&self.place, self.n_hits)?;
        }
        if let Some(compact) = &mut self.compact {
            compact.exact.flush(&self.place)?;
        }
        self.left_out.write(&self.place, &self.file)?;
        write_qc(&self.place, &self.file, (bins, tally), qc)?;
        place_flush(&self.place, &self.file)
    }

    /// Writes /provenance (an object; each of its keys becomes a dataset with JSON text) and the checksums, marks the file as
    /// whole, closes and syncs it: for when every matrix has been written and synced. `bands`: what
    /// [`BandWriter::write`](super::BandWriter::write) gave, by matrix and band.
    pub fn seal(self, provenance: &serde_json::Value, bands: &[Vec<u32>]) -> Result<(), StoreError> {
        write_provenance(&self.place, &self.file, provenance)?;
        let table = checksums::create(&self.place, &self.file, &self.layout, bands)?;
        let store = self.header.store.name();
        let signature = Signature::text(&self.file, &self.header);
        file::set_scalar(&self.place, &self.file, "n_samples", &self.header.n_samples)?;
        file::set_text(&self.place, &self.file, "store", store)?;
        let table = table.release(&self.layout);
        let (place, file) = self.into_file();
        file::set_text(&place, &file, "norna_version", env!("CARGO_PKG_VERSION"))?;
        file::set_scalar(&place, &file, "format_version", &FORMAT_VERSION)?;
        file::set_text(&place, &file, "format", FORMAT)?;
        let signature = FixedAscii::<SIGNATURE_BYTES>::from_ascii(&signature);
        let signature = signature.map_err(|error| place.argument(error.to_string()))?;
        file::set_scalar(&place, &file, "signature", &signature)?;
        place_flush(&place, &file)?;
        place.h5("cannot close", file.close())?;
        table.fill(&place)?;
        sync_file(&place.path).map_err(|error| place.io("cannot sync", error))
    }

    /// Lets go of every dataset: HDF5 keeps a file open while one is held.
    fn into_file(self) -> (Place, File) {
        (self.place, self.file)
    }
}

fn place_flush(place: &Place, file: &File) -> Result<(), StoreError> {
    place.h5("cannot flush", file.flush())
}

fn sorted<T: Clone, K: Ord>(values: &[T], key: impl Fn(&T) -> K) -> Vec<T> {
    let mut values = values.to_vec();
    values.sort_by_key(key);
    values
}

pub(super) fn view<'a, T>(
    place: &Place,
    shape: (usize, usize),
    cells: &'a [T],
) -> Result<ArrayView2<'a, T>, StoreError> {
    ArrayView2::from_shape(shape, cells).map_err(|error| place.argument(error.to_string()))
}

fn write_traits(place: &Place, root: &Group, header: &ResultsHeader) -> Result<(), StoreError> {
    let group = &file::group(place, root, "traits")?;
    let traits = &header.traits;
    file::table_column(place, group, "name", &file::strings(traits.iter().map(|info| info.name.as_str())))?;
    let numbers = |number: fn(&super::TraitInfo) -> u32| traits.iter().map(number).collect::<Vec<_>>();
    file::table_column(place, group, "n", &numbers(|info| info.n))?;
    file::table_column(place, group, "mask", &numbers(|info| info.mask))?;
    file::table_column(place, group, "df_covariates", &numbers(|info| info.df_covariates))?;
    if header.traits.iter().any(|info| info.normal) {
        let normal: Vec<u8> = header.traits.iter().map(|info| u8::from(info.normal)).collect();
        file::table_column(place, group, "normal", &normal)?;
    }
    let reals = |number: fn(&super::TraitInfo) -> f64| traits.iter().map(number).collect::<Vec<_>>();
    file::table_column(place, group, "mean", &reals(|info| info.mean))?;
    file::table_column(place, group, "sd", &reals(|info| info.sd))?;
    let codes: Vec<u8> = traits.iter().map(|info| info.status).collect();
    let status = file::table_column(place, group, "status", &codes)?;
    set_code_names(place, &status)?;
    trait_places::write(place, group, &header.proteins)
}

fn write_qc(place: &Place, root: &Group, (bins, tally): (&Bins, &[u64]), qc: &Qc) -> Result<(), StoreError> {
    let group = &file::group(place, root, "qc")?;
    let lambda = bins.genomic_control(tally);
    let n_traits = lambda.len();
    file::table_column(place, group, "genomic_control", &lambda)?;
    counts_table(place, group, "chi2_histogram", (n_traits, N_BINS), &chi2_histogram(tally))?;
    let edges: Vec<f64> = (0..N_BINS).map(lower_edge).collect();
    file::table_column(place, group, "chi2_lower_edges", &edges)?;
    counts_table(place, group, "p_histogram", (n_traits, P_BINS), &p_histogram(tally))?;
    file::table_column(place, group, "eigenvalues", &qc.eigenvalues)?;
    if let Some(case_counts) = &qc.case_counts {
        file::table_column(place, group, "case_counts", case_counts)?;
    }
    if !qc.failed_regions.is_empty() {
        let regions = file::strings(qc.failed_regions.iter().map(String::as_str));
        file::table_column(place, root, FAILED_REGIONS, &regions)?;
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

pub(super) fn write_ledger(place: &Place, ledger: &Group, name: &str, table: &LedgerTable) -> Result<(), StoreError> {
    let group = &file::group(place, ledger, name)?;
    let entries = &table.entries;
    file::table_column(place, group, "name", &file::strings(entries.iter().map(|entry| entry.name.as_str())))?;
    file::table_column(place, group, "role", &file::strings(entries.iter().map(|entry| entry.role.name())))?;
    let counts: Vec<u64> = entries.iter().map(|entry| entry.count).collect();
    file::table_column(place, group, "count", &counts).map(drop)
}

pub(super) fn write_provenance(place: &Place, root: &Group, provenance: &serde_json::Value) -> Result<(), StoreError> {
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
