//! The matrix that is tested: proteins × samples, with what is known of each protein.

use crate::format::chromosome::Build;

/// Strand of a gene.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strand {
    /// +
    Plus,
    /// −
    Minus,
    /// Not known.
    #[default]
    Unknown,
}

/// "+", "-" or ".".
pub fn strand_sign(strand: Strand) -> &'static str {
    match strand {
        Strand::Plus => "+",
        Strand::Minus => "-",
        Strand::Unknown => ".",
    }
}

/// The gene that makes a protein, or that a molecular phenotype belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gene {
    /// Chromosome as written in the annotation.
    pub chrom: String,
    /// Transcription start, 1-based.
    pub tss: u32,
    /// Strand.
    pub strand: Strand,
    /// Ensembl ID or other key; may be empty.
    pub id: String,
    /// Symbol; may be empty.
    pub name: String,
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Protein {
    /// Unique key; the name of the trait.
    pub id: String,
    /// Name of the assay or target; may be empty.
    pub name: String,
    /// UniProt accessions; may be empty.
    pub uniprot: String,
    /// Panel; may be empty.
    pub panel: String,
    /// Gene; `None` where none was found: no cis window then.
    pub gene: Option<Gene>,
    /// Share of values below the limit of detection, 0 to 1; NaN where no limit is known.
    pub below_lod: f32,
}

/// proteins × samples after every step. Individual-level.
#[derive(Debug, Clone, Default)]
pub struct ProteinMatrix {
    /// Sample IDs, each once. Never in a log or an error.
    pub samples: Vec<String>,
    /// Rows.
    pub proteins: Vec<Protein>,
    /// proteins × samples, protein-major; NaN missing.
    pub values: Vec<f64>,
    /// Covariates that processing made (plates, batches, principal components): a name, and a value per sample; NaN missing.
    pub covariates: Vec<(String, Vec<f64>)>,
    /// Genome build of the genes' places, as far as it is known.
    pub build: Option<Build>,
}

impl ProteinMatrix {
    /// A row's values, by sample.
    pub fn row(&self, protein: usize) -> &[f64] {
        let n = self.samples.len();
        &self.values[protein * n..(protein + 1) * n]
    }
}
