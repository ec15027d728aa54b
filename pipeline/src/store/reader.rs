//! Reads results.h5 in ranges. A file is not trusted: shapes are checked when it is opened, and nothing is allocated
//! for a length that was not.

use std::ops::Range;
use std::path::Path;

use hdf5::{Dataset, File, H5Type};
use norna_kernels::genomic_control::N_BINS;

use super::checked::{
    ROWS_AT_ONCE, check_format, column, dataset, first_of_variant, list, read_header, read_ledger, read_provenance,
    rectangle, texts,
};
use super::columns::VariantColumns;
use super::error::{Place, StoreError};
use super::file;
use super::heap::Strings;
use super::qc::P_BINS;
use super::schema::{
    CHANGES_PROTEIN, CONSEQUENCE, COVARIATES_LOST, FAILED_REGIONS, Ledger, N_MISSING, ResultsHeader, Store,
};
use super::scores::Scores;
use super::sound::{check_block, check_variants, wrong};
use super::trait_places;
use crate::format::consequence::Consequence;
use crate::sink::rows::VariantRow;

/// A row of /hits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoredHit {
    /// Row of /variants.
    pub variant: u64,
    /// Row of /traits.
    pub trait_idx: u32,
    /// Effect of one ALT copy.
    pub beta: f64,
    /// Its standard error.
    pub se: f64,
    /// −log10 of the two-sided p.
    pub log10p: f64,
    /// Samples with a trait value and a genotype; `None` in files of norna before 0.2.
    pub n_observed: Option<u32>,
    /// What the variant does to the gene of the trait's protein, where the genotype files tell.
    pub consequence: Option<Consequence>,
}

/// A pair without a number though its variant and its trait are sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredStatus {
    /// Row of /variants.
    pub variant: u64,
    /// Row of /traits.
    pub trait_idx: u32,
    /// [`norna_kernels::Status`] as its code.
    pub code: u8,
}

/// What is in /qc, the χ² histogram aside.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredQc {
    /// λ per trait; NaN where there is none.
    pub genomic_control: Vec<f64>,
    /// Pairs in twenty equal bins of p, per trait.
    pub p_histogram: Vec<[u64; P_BINS]>,
    /// What was read, dropped and kept.
    pub ledger: Ledger,
    /// Eigenvalues of the traits' correlation.
    pub eigenvalues: Vec<f64>,
    /// Cases per trait.
    pub case_counts: Option<Vec<u32>>,
    /// Where shards failed, whose rows are not in the file; mostly none.
    pub failed_regions: Vec<String>,
}

/// Reader of one results file.
pub struct ResultsReader {
    pub(super) place: Place,
    pub(super) file: File,
    pub(super) strings: Strings,
    pub(super) header: ResultsHeader,
    norna_version: String,
    pub(super) n_variants: usize,
    pub(super) columns: VariantColumns,
    pub(super) cells: Cells,
    chunk: (usize, usize),
    pub(super) n_missing: Option<Dataset>,
    pub(super) covariates_lost: Option<Dataset>,
    pub(super) statuses: [Dataset; 3],
    pub(super) n_statuses: usize,
    pub(super) hits: [Dataset; 5],
    pub(super) hits_n_observed: Option<Dataset>,
    /// Codes of consequences, and whether the protein changes.
    pub(super) consequences: Option<[Dataset; 2]>,
    pub(super) n_hits: usize,
}

/// What the store keeps of the pairs.
pub(super) enum Cells {
    Full { beta: Dataset, se: Dataset },
    Compact(Scores),
    Hits,
}

impl Cells {
    fn open(place: &Place, file: &File, header: &ResultsHeader, n_variants: usize) -> Result<Self, StoreError> {
        let matrix = |name: &str| dataset(place, file, name, &[n_variants, header.traits.len()]);
        Ok(match header.store {
            Store::Full => Self::Full { beta: matrix("/assoc/beta")?, se: matrix("/assoc/se")? },
            Store::Compact => Self::Compact(Scores::open(place, file, header, n_variants)?),
            Store::Hits => Self::Hits,
        })
    }

    /// Chunk of the matrices as (rows, traits).
    fn chunk(&self, n_traits: usize) -> (usize, usize) {
        let chunk = match self {
            Self::Full { beta, .. } => beta.chunk(),
            Self::Compact(scores) => scores.score().chunk(),
            Self::Hits => None,
        };
        match chunk.as_deref() {
            Some(&[rows, width]) => (rows.clamp(1, 1 << 16), width.clamp(1, n_traits)),
            _ => (1024, n_traits),
        }
    }
}

impl ResultsReader {
    /// Opens a file and checks that it is one of ours, of this version, with parts that fit together.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let place = Place::new(path);
        let metadata = std::fs::metadata(path).map_err(|error| place.io("cannot open", error))?;
        if metadata.is_dir() {
            return Err(place.not_norna("it is a folder"));
        }
        if !metadata.is_file() {
            return Err(place.not_norna("it is no regular file"));
        }
        std::fs::File::open(path).map_err(|error| place.io("cannot open", error))?;
        let file = file::open(path).map_err(|error| place.not_hdf5(&error))?;
        let signature = check_format(&place, &file)?;
        let strings = Strings::open(&place)?;
        let (columns, n_variants) = VariantColumns::open(&place, &file)?;
        let header = read_header(&place, &file, &strings, &signature)?;
        let n_traits = header.traits.len();
        let cells = Cells::open(&place, &file, &header, n_variants)?;
        let chunk = cells.chunk(n_traits);
        let matrix = |name: &str, width: usize| dataset(&place, &file, name, &[n_variants, width]);
        let mask_counts = |name: &str| file.link_exists(name).then(|| matrix(name, header.n_masks())).transpose();
        let (n_missing, covariates_lost) = (mask_counts(N_MISSING)?, mask_counts(COVARIATES_LOST)?);
        let (statuses, n_statuses) =
            list(&place, &file, ["/assoc/status_variant", "/assoc/status_trait", "/assoc/status_code"])?;
        let hits = ["/hits/variant", "/hits/trait", "/hits/beta", "/hits/se", "/hits/log10p"];
        let (hits, n_hits) = list(&place, &file, hits)?;
        let hits_n_observed = file.link_exists("hits/obs_ct");
        let hits_n_observed = hits_n_observed.then(|| dataset(&place, &file, "/hits/obs_ct", &[n_hits])).transpose()?;
        let of_hits = |name| dataset(&place, &file, name, &[n_hits]);
        let consequences = file.link_exists(CONSEQUENCE);
        let consequences = consequences.then(|| Ok([of_hits(CONSEQUENCE)?, of_hits(CHANGES_PROTEIN)?])).transpose()?;
        Ok(Self {
            place,
            file,
            strings,
            header,
            norna_version: signature.writer,
            n_variants,
            columns,
            cells,
            chunk,
            n_missing,
            covariates_lost,
            statuses,
            n_statuses,
            hits,
            hits_n_observed,
            consequences,
            n_hits,
        })
    }

    /// Traits, analysed samples and the threshold of /hits.
    pub fn header(&self) -> &ResultsHeader {
        &self.header
    }

    /// The file, as named by the user.
    pub fn path(&self) -> &Path {
        &self.place.path
    }

    /// Version of norna that wrote the file.
    pub fn norna_version(&self) -> &str {
        &self.norna_version
    }

    /// Rows of /variants.
    pub fn n_variants(&self) -> usize {
        self.n_variants
    }

    /// Rows of /hits.
    pub fn n_hits(&self) -> usize {
        self.n_hits
    }

    /// Pairs left out since the variant is near the protein's gene; `None` where none were meant to be.
    pub fn n_left_out(&self) -> Result<Option<u64>, StoreError> {
        trait_places::n_left_out(&self.place, &self.file)
    }

    /// Whether hits tell what their variants do to the proteins' genes.
    pub fn has_consequences(&self) -> bool {
        self.consequences.is_some()
    }

    /// Pairs in /assoc/status_*.
    pub fn n_statuses(&self) -> usize {
        self.n_statuses
    }

    /// Chunk of the matrices as (rows, traits): reading along it costs least.
    pub fn chunk(&self) -> (usize, usize) {
        self.chunk
    }

    /// A range of /variants.
    pub fn variants(&self, rows: Range<usize>) -> Result<Vec<VariantRow>, StoreError> {
        self.check_rows(&rows, self.n_variants)?;
        let variants = self.columns.read(&self.place, &self.strings, rows.clone())?;
        check_variants(&self.place, rows.start, &variants, self.header.n_samples)?;
        Ok(variants)
    }

    /// POS of a range of /variants, 1-based.
    pub fn positions(&self, rows: Range<usize>) -> Result<Vec<u32>, StoreError> {
        self.check_rows(&rows, self.n_variants)?;
        self.columns.positions(&self.place, rows)
    }

    /// Chromosomes of a range of /variants, as written in the input.
    pub fn chroms(&self, rows: Range<usize>) -> Result<Vec<String>, StoreError> {
        self.check_rows(&rows, self.n_variants)?;
        self.columns.chroms(&self.place, &self.strings, rows)
    }

    /// Whether the file has every pair, or hits alone.
    pub fn has_every_pair(&self) -> bool {
        !matches!(self.cells, Cells::Hits)
    }

    /// Of a compact store: variants that have full rows, and pairs that are kept beside their scores.
    pub fn n_full_and_exact(&self) -> Option<(usize, usize)> {
        match &self.cells {
            Cells::Compact(scores) => Some((scores.n_full(), scores.n_exact())),
            Cells::Full { .. } | Cells::Hits => None,
        }
    }

    /// Effects and standard errors of a range of rows and traits, row-major; NaN where there is none.
    ///
    /// # Errors
    /// [`StoreError::HitsOnly`] where the file has no others.
    pub fn block(&self, rows: Range<usize>, traits: Range<usize>) -> Result<(Vec<f32>, Vec<f32>), StoreError> {
        let (beta, se) = self.unchecked_block(rows.clone(), traits.clone())?;
        self.check_cells(self.matrix_names(), (&rows, &traits), (&beta, &se))?;
        Ok((beta, se))
    }

    /// As [`block`](Self::block), whatever the numbers.
    pub(super) fn unchecked_block(
        &self,
        rows: Range<usize>,
        traits: Range<usize>,
    ) -> Result<(Vec<f32>, Vec<f32>), StoreError> {
        self.check_rows(&rows, self.n_variants)?;
        self.check_rows(&traits, self.header.traits.len())?;
        match &self.cells {
            Cells::Full { beta, se } => {
                let names = self.matrix_names();
                let beta = rectangle(&self.place, names[0], beta, rows.clone(), traits.clone())?;
                Ok((beta, rectangle(&self.place, names[1], se, rows, traits)?))
            }
            Cells::Compact(scores) => scores.block(&self.place, &self.header, rows, traits),
            Cells::Hits => Err(StoreError::HitsOnly { path: self.place.path.clone() }),
        }
    }

    /// Where effects and standard errors come from.
    pub(super) fn matrix_names(&self) -> [&'static str; 2] {
        match &self.cells {
            Cells::Full { .. } | Cells::Hits => ["/assoc/beta", "/assoc/se"],
            Cells::Compact(_) => ["/assoc/score"; 2],
        }
    }

    /// Refuses pairs that no run writes, and pairs without a number and a status.
    fn check_cells(
        &self,
        names: [&str; 2],
        (rows, traits): (&Range<usize>, &Range<usize>),
        (beta, se): (&[f32], &[f32]),
    ) -> Result<(), StoreError> {
        check_block(&self.place, names, (rows, traits), (beta, se))?;
        // One trait of thousands would read the list of all: they are checked where many are read.
        let of_rows = self.n_statuses as f64 * rows.len() as f64 / self.n_variants.max(1) as f64;
        if of_rows > 4.0 * se.len() as f64 || !se.iter().any(|se| se.is_nan()) {
            return Ok(());
        }
        let variants = self.columns.statuses(&self.place, rows.clone())?;
        let sound = |cell: usize| {
            variants[cell / traits.len()] == 0 && self.header.traits[traits.start + cell % traits.len()].status == 0
        };
        let mut untold: Vec<bool> = se.iter().enumerate().map(|(cell, se)| se.is_nan() && sound(cell)).collect();
        if !untold.contains(&true) {
            return Ok(());
        }
        let [variant, ..] = &self.statuses;
        let first = first_of_variant(&self.place, variant, self.n_statuses, rows.start)?;
        let end = first_of_variant(&self.place, variant, self.n_statuses, rows.end)?;
        for start in (first..end).step_by(ROWS_AT_ONCE) {
            for pair in self.statuses(start..end.min(start + ROWS_AT_ONCE))? {
                let (variant, trait_idx) = (pair.variant as usize, pair.trait_idx as usize);
                if rows.contains(&variant) && traits.contains(&trait_idx) {
                    untold[(variant - rows.start) * traits.len() + trait_idx - traits.start] = false;
                }
            }
        }
        match untold.iter().position(|&untold| untold) {
            None => Ok(()),
            Some(cell) => {
                let at = (rows.start + cell / traits.len(), Some(traits.start + cell % traits.len()));
                Err(wrong(&self.place, names[1], at, "NaN without a status", "a standard error"))
            }
        }
    }

    /// Effects and standard errors of one trait over a range of rows.
    pub fn trait_column(&self, trait_idx: usize, rows: Range<usize>) -> Result<(Vec<f32>, Vec<f32>), StoreError> {
        self.block(rows, trait_idx..trait_idx + 1)
    }

    /// Missing genotypes among the samples of a range of masks, row-major; `None` when no row of the file has any.
    pub fn n_missing(&self, rows: Range<usize>, masks: Range<usize>) -> Result<Option<Vec<u32>>, StoreError> {
        self.mask_counts(N_MISSING, self.n_missing.as_ref(), rows, masks)
    }

    /// Ranks that the covariates lose with those samples, as [`n_missing`](Self::n_missing).
    pub fn covariates_lost(&self, rows: Range<usize>, masks: Range<usize>) -> Result<Option<Vec<u16>>, StoreError> {
        self.mask_counts(COVARIATES_LOST, self.covariates_lost.as_ref(), rows, masks)
    }

    fn mask_counts<T: H5Type + Copy + Into<u32>>(
        &self,
        name: &str,
        dataset: Option<&Dataset>,
        rows: Range<usize>,
        masks: Range<usize>,
    ) -> Result<Option<Vec<T>>, StoreError> {
        self.check_rows(&rows, self.n_variants)?;
        self.check_rows(&masks, self.header.n_masks())?;
        let width = masks.len();
        let counts = dataset.map(|dataset| rectangle::<T>(&self.place, name, dataset, rows.clone(), masks));
        let counts = counts.transpose()?;
        let bad = |&n: &T| n.into() > self.header.n_samples;
        if let Some((cell, &n)) = counts.iter().flatten().enumerate().find(|(_, n)| bad(n)) {
            let fits = format!("at most {} samples", self.header.n_samples);
            return Err(wrong(&self.place, name, (rows.start + cell / width, None), n.into(), &fits));
        }
        Ok(counts)
    }

    /// Names in /variants/chrom, each once, by first appearance.
    pub fn chromosomes(&self) -> Result<Vec<String>, StoreError> {
        let mut names: Vec<String> = Vec::new();
        for start in (0..self.n_variants).step_by(ROWS_AT_ONCE) {
            let rows = start..self.n_variants.min(start + ROWS_AT_ONCE);
            let mut chroms = self.columns.chroms(&self.place, &self.strings, rows)?;
            chroms.dedup();
            for chrom in chroms {
                if !names.contains(&chrom) {
                    names.push(chrom);
                }
            }
        }
        Ok(names)
    }

    /// /qc without the χ² histogram.
    pub fn qc(&self) -> Result<StoredQc, StoreError> {
        let n_traits = self.header.traits.len();
        let (place, file) = (&self.place, &self.file);
        let p_histogram = dataset(place, file, "/qc/p_histogram", &[n_traits, P_BINS])?;
        let p_histogram = rectangle::<u64>(place, "/qc/p_histogram", &p_histogram, 0..n_traits, 0..P_BINS)?;
        let case_counts = match file.link_exists("qc/case_counts") {
            true => Some(column(place, file, "/qc/case_counts", Some(n_traits))?),
            false => None,
        };
        let ledger = Ledger {
            samples: read_ledger(place, file, &self.strings, "samples")?,
            variants: read_ledger(place, file, &self.strings, "variants")?,
            traits: read_ledger(place, file, &self.strings, "traits")?,
        };
        Ok(StoredQc {
            genomic_control: column(place, file, "/qc/genomic_control", Some(n_traits))?,
            p_histogram: p_histogram.as_chunks().0.to_vec(),
            ledger,
            eigenvalues: column(place, file, "/qc/eigenvalues", None)?,
            case_counts,
            failed_regions: self.failed_regions()?,
        })
    }

    /// Where shards failed, whose rows are not in the file; mostly none.
    pub fn failed_regions(&self) -> Result<Vec<String>, StoreError> {
        match self.file.link_exists(FAILED_REGIONS) {
            true => texts(&self.place, &self.file, &self.strings, FAILED_REGIONS, None),
            false => Ok(Vec::new()),
        }
    }

    /// The histogram of t² of one trait, in the bins of [`norna_kernels::genomic_control`].
    pub fn chi2_histogram(&self, trait_idx: usize) -> Result<Vec<u64>, StoreError> {
        let (name, n_traits) = ("/qc/chi2_histogram", self.header.traits.len());
        self.check_rows(&(trait_idx..trait_idx + 1), n_traits)?;
        let dataset = dataset(&self.place, &self.file, name, &[n_traits, N_BINS])?;
        rectangle(&self.place, name, &dataset, trait_idx..trait_idx + 1, 0..N_BINS)
    }

    /// /provenance as one object.
    pub fn provenance(&self) -> Result<serde_json::Value, StoreError> {
        read_provenance(&self.place, &self.file, &self.strings)
    }

    pub(super) fn check_rows(&self, rows: &Range<usize>, n: usize) -> Result<(), StoreError> {
        if rows.start <= rows.end && rows.end <= n {
            return Ok(());
        }
        Err(self.place.argument(format!("{}..{} of {n} were asked for", rows.start, rows.end)))
    }
}
