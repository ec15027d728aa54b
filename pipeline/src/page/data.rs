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
    /// How leads were found, a sentence.
    pub clumping: String,
    /// −log10 p from which on a pair can be a lead.
    pub lead_log10p: f64,
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

/// The traits of one data file: `data/traits-0000.js`.
#[derive(Debug, Default, Serialize)]
pub(super) struct Pack {
    pub traits: Vec<TraitCharts>,
    /// Bands of QQ plots; traits with as many tests share one.
    pub bands: Vec<Band>,
}

/// 95 % of null plots: expected −log10 p and the bounds of the observed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Band {
    pub expected: Vec<Digits>,
    pub low: Vec<Digits>,
    pub high: Vec<Digits>,
}

/// What is drawn of a trait.
#[derive(Debug, Serialize)]
pub(super) struct TraitCharts {
    /// −log10 p from which on pairs are drawn one by one.
    pub floor: f64,
    /// Bins of −log10 p below it.
    pub n_heights: usize,
    /// Pairs below the floor, for each bin of −log10 p along the bins of the genome: runs of [`super::levels`].
    pub below: String,
    pub points: Points,
    /// Pairs at or above the floor, of which so many were thinned away.
    pub n_above: u64,
    pub n_thinned: u64,
    /// The strongest pairs, strongest first.
    pub strongest: Vec<StrongPair>,
    pub qq: QqPoints,
    pub leads: Vec<LeadRow>,
    /// Leads beyond those that are listed.
    pub n_more_leads: usize,
    /// The stretches around the first leads.
    pub regions: Vec<Option<Region>>,
}

/// Pairs at or above the floor, in the order of the file.
#[derive(Debug, Default, Serialize)]
pub(super) struct Points {
    /// Chromosomes and how many points in a row lie on each.
    pub chroms: Vec<(u32, u32)>,
    /// POS less the POS before on the chromosome.
    pub steps: Vec<i64>,
    pub log10p: Vec<Digits>,
}

/// A pair by name: chromosome, POS, ID, REF, ALT, A1 frequency, β, SE, −log10 p.
#[derive(Debug, Clone, Serialize)]
pub(super) struct StrongPair(
    pub String,
    pub u32,
    pub String,
    pub String,
    pub String,
    pub Option<f32>,
    pub f32,
    pub f32,
    pub f32,
);

/// A lead: the pair, hits it stands for, their first and last position.
#[derive(Debug, Clone, Serialize)]
pub(super) struct LeadRow {
    pub pair: StrongPair,
    pub n_hits: u64,
    pub span: (u32, u32),
}

#[derive(Debug, Serialize)]
pub(super) struct QqPoints {
    pub expected: Vec<Digits>,
    pub observed: Vec<Digits>,
    pub n_tests: u64,
    /// How many points, the last ones, are single tests.
    pub n_exact: usize,
    /// Index into [`Pack::bands`].
    pub band: usize,
}

/// Hits of proteins, by where the variant and the gene are: `data/cis-trans.js`.
#[derive(Debug, Default, Serialize)]
pub(super) struct CisTrans {
    /// Both axes: the chromosomes of variants and genes.
    pub axis: Axis,
    /// Columns: the trait's number in this report, chromosome on the axis, POS, −log10 p, whether it is cis.
    pub trait_idx: Vec<u32>,
    pub chrom: Vec<u32>,
    pub pos: Vec<u32>,
    pub log10p: Vec<Digits>,
    pub is_cis: Vec<u8>,
    /// Hits of proteins whose gene has a place, near it and elsewhere.
    pub n_cis: u64,
    pub n_trans: u64,
    /// Hits of proteins whose gene has none.
    pub n_without_gene: u64,
}

/// A number with as many digits as a screen shows: three behind the point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Digits(pub f64);

impl Serialize for Digits {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rounded = (self.0 * 1000.0).round() / 1000.0;
        match rounded.is_finite() && rounded.fract() == 0.0 && rounded.abs() < 1e15 {
            true => serializer.serialize_i64(rounded as i64),
            false => serializer.serialize_f64(rounded),
        }
    }
}

/// The stretch around a lead.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Region {
    pub start: u32,
    pub end: u32,
    /// POS less the POS before.
    pub steps: Vec<i64>,
    pub log10p: Vec<Digits>,
    /// r² with the lead in hundredths, −1 where it is not known; `None` without genotypes of the lead.
    pub r2: Option<Vec<i8>>,
    /// Pairs before thinning.
    pub n_pairs: usize,
    pub genes: Vec<RegionGene>,
    /// Genes that are not named.
    pub n_more_genes: usize,
}

/// A gene: name, first and last base, strand as 1, −1 or 0.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RegionGene(pub String, pub u32, pub u32, pub i8);
