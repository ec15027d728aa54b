//! `norna report`: a folder that shows a results file in any browser, from a disk and without a network. Data are scripts, since
//! pages that are opened from a disk may load nothing else; charts are drawn by Plotly.js, which lies in the folder.

mod assets;
mod data;
mod error;
mod folder;
mod overview;
mod script;

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use self::data::{Axis, Overview, OverviewLead, TraitColumns};
pub use self::error::PageError;
use self::folder::{MARKER, MARKER_FORMAT, ReportFolder};
use crate::report::provenance::version;
use crate::store::{ResultsReader, StoredQc};

/// What a report is made of.
#[derive(Debug, Clone)]
pub struct ReportOptions {
    /// Name of the results file as it is shown, without folders.
    pub file: String,
    /// Rows of /traits, ascending.
    pub traits: Vec<usize>,
    /// Replace a report that is there.
    pub replace: bool,
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
    /// Files of the folder.
    pub n_files: usize,
    /// Bytes of the folder.
    pub bytes: u64,
}

/// Makes the folder.
///
/// # Errors
/// The results file is damaged, something is in the way, or the disk is full; then nothing is left.
pub fn write_report(reader: &ResultsReader, out: &Path, options: &ReportOptions) -> Result<ReportSummary, PageError> {
    let folder = ReportFolder::create(out, options.replace)?;
    let qc = reader.qc()?;
    let mut bytes = assets::write(&folder)?;
    let overview = overview(reader, &qc, options)?;
    let n_hits = overview.traits.hits.iter().sum();
    bytes += write_script(&folder, "data/overview.js", "norna.receiveOverview", &overview)?;
    let marker = json!({ "format": MARKER_FORMAT, "version": 1, "norna_version": version(), "file": options.file });
    bytes += folder.write(MARKER, format!("{marker:#}\n").as_bytes())?;
    folder.finish()?;
    Ok(ReportSummary { n_traits: options.traits.len(), n_variants: reader.n_variants(), n_hits, n_files: 16, bytes })
}

fn write_script(folder: &ReportFolder, name: &str, function: &str, data: &impl Serialize) -> Result<u64, PageError> {
    let text = script::call(function, data).map_err(|error| PageError::write(Path::new(name), error))?;
    folder.write(name, &text)
}

fn overview(reader: &ResultsReader, qc: &StoredQc, options: &ReportOptions) -> Result<Overview, PageError> {
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
        traits: trait_columns(reader, qc, options)?,
        packs: Vec::new(),
        genome: Axis::default(),
        cis_window: None,
        clumping: String::new(),
        ledger: overview::ledger(qc),
        provenance,
        n_more_provenance,
    })
}

fn trait_columns(reader: &ResultsReader, qc: &StoredQc, options: &ReportOptions) -> Result<TraitColumns, PageError> {
    let header = reader.header();
    let mut hits = vec![0; header.traits.len()];
    let mut best: Vec<Option<(u64, f64)>> = vec![None; header.traits.len()];
    for start in (0..reader.n_hits()).step_by(1 << 16) {
        for hit in reader.hits(start..reader.n_hits().min(start + (1 << 16)))? {
            let trait_idx = hit.trait_idx as usize;
            hits[trait_idx] += 1;
            if best[trait_idx].is_none_or(|(_, log10p)| hit.log10p > log10p) {
                best[trait_idx] = Some((hit.variant, hit.log10p));
            }
        }
    }
    let mut columns = TraitColumns {
        cases: qc.case_counts.as_ref().map(|_| Vec::new()),
        gene: (!header.proteins.is_empty()).then(Vec::new),
        ..TraitColumns::default()
    };
    for &trait_idx in &options.traits {
        let info = &header.traits[trait_idx];
        columns.name.push(info.name.clone());
        columns.n.push(info.n);
        columns.hits.push(hits[trait_idx]);
        columns.lambda.push(Some(qc.genomic_control[trait_idx]).filter(|lambda| lambda.is_finite()));
        columns.status.push(overview::trait_status(info.status));
        let lead = match best[trait_idx] {
            Some((row, log10p)) => {
                let row = row as usize;
                let variant = reader.variants(row..row + 1)?.swap_remove(0);
                Some(OverviewLead(variant.chrom, variant.pos, variant.id, log10p))
            }
            None => None,
        };
        columns.lead.push(lead);
        if let (Some(cases), Some(counts)) = (&mut columns.cases, &qc.case_counts) {
            cases.push(Some(counts[trait_idx]).filter(|&n| n > 0));
        }
        if let Some(genes) = &mut columns.gene {
            genes.push(overview::gene_place(&header.proteins[trait_idx]));
        }
    }
    Ok(columns)
}
