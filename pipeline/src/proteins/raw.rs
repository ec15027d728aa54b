//! What a laboratory's file says, before anything is done with it: one layout for every vendor's.

/// Which kind of file it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableLayout {
    /// Olink NPX, long: CSV or Parquet.
    OlinkLong,
    /// SomaScan ADAT.
    Adat,
    /// DIA-NN, proteins × runs (`pg_matrix`).
    DiannMatrix,
    /// DIA-NN's main report, long.
    DiannReport,
    /// MaxQuant proteinGroups.txt.
    MaxQuant,
    /// A matrix, samples × proteins or proteins × samples.
    Wide,
    /// FastQTL, QTLtools or tensorQTL BED.
    Bed,
}

/// What the numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Logarithms to the base 2 (NPX).
    Log2,
    /// Amounts (RFU, intensities): to be logged.
    Linear,
    /// Nobody says.
    Unknown,
}

/// A judgement of the laboratory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Qc {
    /// Good, or not judged.
    #[default]
    Pass,
    /// Warned of.
    Warn,
    /// Failed.
    Fail,
}

/// A row: what one assay measures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawProtein {
    /// Key, unique in the table: OlinkID, SeqId, protein group, or the name in a matrix.
    pub id: String,
    /// Name of assay, target or gene as the file has it; may be empty, or several with `;`.
    pub name: String,
    /// UniProt accessions as the file has them; may be empty, or several.
    pub uniprot: String,
    /// Ensembl gene, where the file has one.
    pub ensembl: String,
    /// Which of [`RawTable::panels`].
    pub panel: u32,
    /// Assay-wide judgement (ADAT's ColCheck).
    pub qc: Qc,
    /// Place, where the file itself gives one (BED).
    pub gene: Option<super::Gene>,
}

/// A column: one measurement of a sample. A sample that was measured again (a replicate, a bridging sample) has several.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measurement {
    /// Sample ID. Individual-level: never in a log or an error.
    pub sample: String,
    /// 0 for the first measurement of this sample in the input, then 1, 2, ...
    pub replicate: u32,
    /// Which of the files of the command.
    pub file: u32,
    /// Sample-wide judgement (ADAT's RowCheck).
    pub qc: Qc,
    /// Batches beside plates (slide, project, run day): values in the order of [`RawTable::batch_names`]; empty where unknown.
    pub batches: Vec<String>,
}

/// A panel or block of assays, which are measured on the same plates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Panel {
    /// Its name; may be empty.
    pub name: String,
    /// By measurement: which of [`RawTable::plates`], [`RawTable::NO_PLATE`] where unknown.
    pub plate_of: Vec<u32>,
}

/// Bits of [`RawTable::flags`].
pub mod flag {
    /// The sample was warned of on this panel.
    pub const SAMPLE_WARN: u8 = 1;
    /// The sample failed on this panel.
    pub const SAMPLE_FAIL: u8 = 2;
    /// The assay was warned of on this plate.
    pub const ASSAY_WARN: u8 = 4;
    /// The assay failed on this plate.
    pub const ASSAY_FAIL: u8 = 8;
    /// The file says that the value is below the limit of detection, without a number for it.
    pub const BELOW_LOD: u8 = 16;
}

/// proteins × measurements.
#[derive(Debug, Clone)]
pub struct RawTable {
    /// Kind of file.
    pub layout: TableLayout,
    /// Unit of `values`.
    pub scale: Scale,
    /// Rows.
    pub proteins: Vec<RawProtein>,
    /// Columns.
    pub measurements: Vec<Measurement>,
    /// proteins × measurements, protein-major; NaN missing.
    pub values: Vec<f64>,
    /// Limits of detection, the same shape; NaN none. Absent where the file has none.
    pub lod: Option<Vec<f32>>,
    /// Bits of [`flag`], the same shape. Absent where none is set.
    pub flags: Option<Vec<u8>>,
    /// Panels; at least one.
    pub panels: Vec<Panel>,
    /// Names of plates.
    pub plates: Vec<String>,
    /// Names of further batches ("SlideId", "Project").
    pub batch_names: Vec<String>,
    /// What was recognised, one line each, without sample IDs.
    pub messages: Vec<String>,
    /// What a user should look at, one line each, without sample IDs.
    pub warnings: Vec<String>,
    /// What the reader left out: what it is, and how many ("rows of controls", "assays of other species").
    pub dropped: Vec<(String, u64)>,
    /// Records (lines, rows) of the file.
    pub n_records: u64,
}

impl RawTable {
    /// No plate is known.
    pub const NO_PLATE: u32 = u32::MAX;

    /// A row's values, by measurement.
    pub fn row(&self, protein: usize) -> &[f64] {
        let n = self.measurements.len();
        &self.values[protein * n..(protein + 1) * n]
    }
}
