//! `norna report`: a folder that shows a results file in any browser, from a disk and without a network. Data are scripts, since
//! pages that are opened from a disk may load nothing else; charts are drawn by Plotly.js, which lies in the folder.

mod assets;
mod cis_trans;
mod data;
mod error;
mod folder;
mod levels;
mod overview;
mod packs;
mod regions;
mod script;

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use self::data::{Axis, Overview, OverviewLead, TraitColumns};
pub use self::error::PageError;
use self::folder::{MARKER, MARKER_FORMAT, ReportFolder};
use self::regions::Surroundings;
use crate::charts::Genome;
use crate::clump::{ClumpOptions, Linkage};
use crate::format::genes::GeneRecord;
use crate::qtl::CIS_WINDOW;
use crate::report::progress::Progress;
use crate::report::provenance::version;
use crate::store::{ResultsReader, StoredQc};

/// What a report is made of.
pub struct ReportOptions<'a> {
    /// Name of the results file as it is shown, without folders.
    pub file: String,
    /// Rows of /traits, ascending.
    pub traits: Vec<usize>,
    /// Replace a report that is there.
    pub replace: bool,
    /// Largest p of a lead.
    pub lead_p: f64,
    /// Bases on either side of a lead within which hits are its own, and which are drawn.
    pub lead_bases: u32,
    /// Smallest r² with a lead of what is its own, where genotype files are given.
    pub lead_r2: f64,
    /// Opened genotype files.
    pub linkage: Option<&'a Linkage>,
    /// Genes to draw; may be empty.
    pub genes: &'a [GeneRecord],
    /// Bases on either side of a TSS within which a pair is cis; those that the file leaves out, or 1,000,000, otherwise.
    pub cis_window: Option<u32>,
    /// No progress is shown.
    pub quiet: bool,
}

/// What was read and written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReportSummary {
    /// Traits of the report.
    pub n_traits: usize,
    /// Rows of /variants.
    pub n_variants: usize,
    /// Hits of these traits.
    pub n_hits: u64,
    /// Lead variants.
    pub n_leads: u64,
    /// Stretches around them that are drawn.
    pub n_regions: u64,
    /// Pairs that are not drawn, since stronger ones lie at the same place of the chart.
    pub n_thinned: u64,
    /// Files of the folder.
    pub n_files: usize,
    /// Bytes of the folder.
    pub bytes: u64,
}

/// Makes the folder.
///
/// # Errors
/// The results file is damaged, something is in the way, or the disk is full; then nothing is left.
pub fn write_report(
    reader: &ResultsReader,
    out: &Path,
    options: &ReportOptions<'_>,
) -> Result<ReportSummary, PageError> {
    let folder = ReportFolder::create(out, options.replace)?;
    let qc = reader.qc()?;
    let mut bytes = assets::write(&folder)?;
    let genome = Genome::read(reader, packs::GENOME_BINS)?;
    let lead_log10p = -libm::log10(options.lead_p);
    let scan_options = packs::scan_options(reader.header().hit_log10p, (lead_log10p, options.lead_bases));
    let n_traits = options.traits.len();
    let mut progress = Progress::start(("report", "traits"), Some(n_traits as u64), options.quiet);
    let around = Surroundings {
        reader,
        genome: &genome,
        linkage: options.linkage,
        genes: options.genes,
        options: ClumpOptions {
            index_log10p: lead_log10p,
            listed_log10p: f64::INFINITY,
            r2: options.lead_r2,
            bases: options.lead_bases,
        },
        n_traits,
    };
    let scanned = packs::write(&around, &options.traits, &scan_options, &folder, |n_done| progress.update(n_done))?;
    progress.finish();
    bytes += scanned.bytes;
    let window = (!reader.header().proteins.is_empty())
        .then(|| options.cis_window.or(reader.header().left_out_window).unwrap_or(CIS_WINDOW));
    let mut n_files = assets::N_FILES + 2 + scanned.packs.len();
    if let Some(window) = window {
        let map = cis_trans::read((reader, &genome), &options.traits, window)?;
        bytes += write_script(&folder, "data/cis-trans.js", "norna.receiveCisTrans", &map)?;
        n_files += 1;
    }
    let hits = hits_by_trait(reader)?;
    let n_hits = options.traits.iter().map(|&trait_idx| hits[trait_idx]).sum();
    let overview = Overview {
        genome: packs::axis(&genome),
        cis_window: window,
        clumping: clumping(options),
        lead_log10p,
        packs: scanned.packs,
        traits: trait_columns(reader, &qc, &options.traits, (&hits, scanned.leads)),
        ..overview(reader, &qc, options)?
    };
    bytes += write_script(&folder, "data/overview.js", "norna.receiveOverview", &overview)?;
    let marker = json!({ "format": MARKER_FORMAT, "version": 1, "norna_version": version(), "file": options.file });
    bytes += folder.write(MARKER, format!("{marker:#}\n").as_bytes())?;
    folder.finish()?;
    let (n_leads, n_regions, n_thinned) = (scanned.n_leads, scanned.n_regions, scanned.n_thinned);
    let n_variants = reader.n_variants();
    Ok(ReportSummary { n_traits, n_variants, n_hits, n_leads, n_regions, n_thinned, n_files, bytes })
}

fn clumping(options: &ReportOptions<'_>) -> String {
    let (p, kb) = (options.lead_p, f64::from(options.lead_bases) / 1e3);
    let which = match options.linkage {
        Some(_) => format!("variants within {kb} kb whose r² with it is at least {}", options.lead_r2),
        None => format!("such variants within {kb} kb"),
    };
    format!(
        "The strongest variant with p ≤ {p:e} is a lead and stands for all {which}; so does the strongest of those left, and so on."
    )
}

fn write_script(folder: &ReportFolder, name: &str, function: &str, data: &impl Serialize) -> Result<u64, PageError> {
    let text = script::call(function, data).map_err(|error| PageError::write(Path::new(name), error))?;
    folder.write(name, &text)
}

fn overview(reader: &ResultsReader, qc: &StoredQc, options: &ReportOptions<'_>) -> Result<Overview, PageError> {
    let header = reader.header();
    let (provenance, n_more_provenance) = overview::provenance(&reader.provenance()?);
    Ok(Overview {
        file: options.file.clone(),
        norna_version: version(),
        written_by: reader.norna_version().to_owned(),
        store: header.store.name(),
        n_samples: header.n_samples,
        n_variants: reader.n_variants(),
        n_hits: reader.n_hits(),
        hit_log10p: header.hit_log10p,
        n_traits_in_file: header.traits.len(),
        warnings: overview::warnings(reader, qc)?,
        traits: TraitColumns::default(),
        packs: Vec::new(),
        genome: Axis::default(),
        cis_window: None,
        clumping: String::new(),
        lead_log10p: 0.0,
        ledger: overview::ledger(qc),
        provenance,
        n_more_provenance,
    })
}

/// Rows of /hits by trait.
fn hits_by_trait(reader: &ResultsReader) -> Result<Vec<u64>, PageError> {
    let mut hits = vec![0; reader.header().traits.len()];
    for start in (0..reader.n_hits()).step_by(1 << 16) {
        for hit in reader.hits(start..reader.n_hits().min(start + (1 << 16)))? {
            hits[hit.trait_idx as usize] += 1;
        }
    }
    Ok(hits)
}

fn trait_columns(
    reader: &ResultsReader,
    qc: &StoredQc,
    traits: &[usize],
    (hits, leads): (&[u64], Vec<Option<OverviewLead>>),
) -> TraitColumns {
    let header = reader.header();
    let of = |trait_idx: &usize| &header.traits[*trait_idx];
    let lambda = |&trait_idx: &usize| Some(qc.genomic_control[trait_idx]).filter(|lambda| lambda.is_finite());
    let cases = |counts: &Vec<u32>| traits.iter().map(|&i| Some(counts[i]).filter(|&n| n > 0)).collect();
    TraitColumns {
        name: traits.iter().map(|i| of(i).name.clone()).collect(),
        n: traits.iter().map(|i| of(i).n).collect(),
        cases: qc.case_counts.as_ref().map(cases),
        hits: traits.iter().map(|&i| hits[i]).collect(),
        lambda: traits.iter().map(lambda).collect(),
        status: traits.iter().map(|i| overview::trait_status(of(i).status)).collect(),
        lead: leads,
        gene: (!header.proteins.is_empty())
            .then(|| traits.iter().map(|&i| overview::gene_place(&header.proteins[i])).collect()),
    }
}
