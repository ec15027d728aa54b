//! What a record says besides genotypes, and what every reader of records can do: VCF text and BCF meet here.

use super::bgzf::VirtualOffset;
use super::vcf_call::{Call, FieldError, SampleMap};
use super::vcf_scan::Scratch;

/// The FILTER column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FilterState {
    /// `.`: no filter was applied.
    #[default]
    Missing,
    /// `PASS`.
    Pass,
    /// Some filter failed.
    Failed,
}

/// The fixed columns of a record. Reused from record to record.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// Chromosome as written.
    pub chrom: String,
    /// POS, 1-based (0 is a telomere).
    pub pos: u32,
    /// ID as written; "." when there is none.
    pub id: String,
    /// REF.
    pub reference: String,
    /// ALT alleles; see [`Site::alternates`].
    alternates: Vec<String>,
    n_alternates: usize,
    /// FILTER.
    pub filter: FilterState,
    /// FORMAT keys that matter and are there.
    pub fields: FieldSet,
}

impl Site {
    /// ALT alleles; none where ALT is `.`.
    pub fn alternates(&self) -> &[String] {
        &self.alternates[..self.n_alternates]
    }

    /// Empties the list of ALT alleles, keeping its memory.
    pub fn clear_alternates(&mut self) {
        self.n_alternates = 0;
    }

    /// Adds an ALT allele.
    pub fn push_alternate(&mut self, allele: &str) {
        if self.n_alternates == self.alternates.len() {
            self.alternates.push(String::new());
        }
        let slot = &mut self.alternates[self.n_alternates];
        slot.clear();
        slot.push_str(allele);
        self.n_alternates += 1;
    }
}

/// The genotype fields that a record's FORMAT names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FieldSet {
    /// GT
    pub gt: bool,
    /// DS
    pub ds: bool,
    /// GP
    pub gp: bool,
    /// LGT: genotypes by local alleles (VCF 4.5)
    pub lgt: bool,
}

/// Where a run of records ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Text only: after the line whose preceding `\n` is in the last block before this file offset.
    Block(u64),
    /// Before the record that starts here.
    Record(VirtualOffset),
    /// At the end of the input.
    Input,
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordPlace {
    /// Line of the file, from 1.
    Line(u64),
    /// Record of the file, from 1.
    Record(u64),
    /// Start of the record; its line number would have to be counted.
    At(VirtualOffset),
}

/// Why the next record cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Reading or inflating failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A column or field of the record is wrong.
    #[error("{}: {}", .0.field, .0.problem)]
    Field(FieldError),
}

impl From<FieldError> for RecordError {
    fn from(e: FieldError) -> Self {
        Self::Field(e)
    }
}

/// A reader that stands on one record at a time.
pub trait RecordReader: Send {
    /// Goes to the next record; false at the end of what is to be read.
    fn advance(&mut self) -> Result<bool, RecordError>;

    /// The current record's fixed columns; after an error, as much of them as was read.
    fn site(&self) -> &Site;

    /// Where the current record stands.
    fn place(&self) -> RecordPlace;

    /// Values of an INFO key as numbers, NaN where missing; false where the key is not there.
    fn info_numbers(&self, key: &str, out: &mut Vec<f64>) -> Result<bool, FieldError>;

    /// The bytes of an INFO key's text; none where the key is not there or has no value.
    fn info_text(&self, key: &str) -> Result<Option<&[u8]>, FieldError>;

    /// GT as ALT copies (0, 1, 2, [`norna_kernels::MISSING_CALL`]) of a bi-allelic record, into one value per analysed
    /// sample. False, with `out` undefined, unless every call is diploid and wholly called or wholly missing: then
    /// [`RecordReader::calls`] tells the rest.
    fn plain_calls(&self, samples: &SampleMap, scratch: &mut Scratch, out: &mut [u8]) -> Result<bool, FieldError>;

    /// GT of any kind, one call per analysed sample. Alleles that the record does not have are errors.
    fn calls(&self, samples: &SampleMap, scratch: &mut Scratch, out: &mut [Call]) -> Result<(), FieldError>;

    /// A field of a bi-allelic record as ALT copies, 0 to 2, one per analysed sample, with GT where it is missing and NaN
    /// where both are; gives how many came from GT. None, with `out` undefined, unless every call is plain (or the record
    /// has no GT) and every value right: then [`RecordReader::dosages`] tells the rest.
    fn plain_dosages(
        &self,
        field: DosageField,
        samples: &SampleMap,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) -> Option<u64>;

    /// A field of any kind, analysed samples × ALT alleles, NaN where missing: DS as stated, GP turned into ALT copies.
    fn dosages(
        &self,
        field: DosageField,
        samples: &SampleMap,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) -> Result<(), FieldError>;
}

/// A field that tells dosages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DosageField {
    /// ALT copies.
    Ds,
    /// Genotype probabilities.
    Gp,
}
