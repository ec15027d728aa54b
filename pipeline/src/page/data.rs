//! What the page's scripts get: structures that become JSON. Columns rather than rows, and numbers as they are drawn or told.

use serde::Serialize;
use serde_json::Value;

/// What is known before a trait is opened: `data/overview.js`.
#[derive(Debug, Serialize)]
pub(super) struct Overview {
    /// Name of the results file, without folders.
    pub file: String,
    /// Version of norna that made the report.
    pub norna_version: &'static str,
    /// Version that wrote the results.
    pub written_by: String,
    pub store: &'static str,
    pub n_samples: u32,
    pub n_variants: usize,
    pub n_hits: usize,
    /// Hits have at least this −log10 p.
    pub hit_log10p: f64,
    /// Traits in the file, of which the report may have a part.
    pub n_traits_in_file: usize,
    /// What is amiss, one sentence each.
    pub warnings: Vec<String>,
    pub traits: TraitColumns,
    /// First trait of each data file.
    pub packs: Vec<usize>,
    pub genome: Axis,
    /// Bases on either side of a TSS within which a pair is cis; of proteins alone.
    pub cis_window: Option<u32>,
    /// How leads were found.
    pub clumping: String,
    pub ledger: Vec<LedgerSection>,
    pub provenance: Vec<(&'static str, Value)>,
    /// Entries of /provenance that are not shown.
    pub n_more_provenance: usize,
}

/// Traits in the order of the file, a column each.
#[derive(Debug, Default, Serialize)]
pub(super) struct TraitColumns {
    pub name: Vec<String>,
    pub n: Vec<u32>,
    /// Cases of binary traits, `None` where a trait is none.
    pub cases: Option<Vec<Option<u32>>>,
    pub hits: Vec<u64>,
    pub lambda: Vec<Option<f64>>,
    /// Why a trait has no number; empty where it has.
    pub status: Vec<&'static str>,
    pub lead: Vec<Option<OverviewLead>>,
    /// Of proteins: gene, chromosome, TSS, UniProt.
    pub gene: Option<Vec<Option<GenePlace>>>,
}

/// The strongest pair of a trait: chromosome, POS, ID and −log10 p.
#[derive(Debug, Clone, Serialize)]
pub(super) struct OverviewLead(pub String, pub u32, pub String, pub f64);

/// Where the gene of a protein is.
#[derive(Debug, Clone, Serialize)]
pub(super) struct GenePlace {
    pub name: String,
    pub id: String,
    pub chrom: String,
    pub tss: u32,
    pub assay: String,
    pub uniprot: String,
}

/// The genome as one axis.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Axis {
    pub chromosomes: Vec<AxisChromosome>,
    /// Bases of a bin.
    pub bin_width: u32,
    pub n_bins: u32,
    /// Bases of the axis.
    pub length: u64,
}

/// A chromosome on it: name, first position, last position, place of the first on the axis, first bin, bins.
#[derive(Debug, Clone, Serialize)]
pub(super) struct AxisChromosome(pub String, pub u32, pub u32, pub u64, pub u32, pub u32);

/// A part of the drop ledger.
#[derive(Debug, Serialize)]
pub(super) struct LedgerSection {
    /// "samples", "variants" or "traits".
    pub what: &'static str,
    /// Name, role and count.
    pub rows: Vec<(String, &'static str, u64)>,
}
