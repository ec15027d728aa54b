//! Whose reads are in each alignment file: reads against the genotypes of every person of a VCF, the share of a foreign
//! person, the sex by depth, and what follows for the table that names samples. docs/identity.md has the method.

mod decimate;
mod names;
mod observations;
mod panel;
mod panel_choice;
mod panel_counts;
mod report;
mod score;
mod sex;
mod verdict;

pub use names::{NameError, SampleNames};
pub use observations::{Observations, SITE_BYTES, SiteObservation};
pub use panel::{Panel, PanelError, PanelOptions, PanelSite};
pub use panel_counts::PanelCounts;
pub(crate) use report::Findings;
pub use report::{COLUMNS, Report, Row, Summary, TABLE_START};
pub use score::{Candidate, Pair, Scored, score};
pub use sex::{Copies, DepthCounts, Sex, SexFromReads, Window, sex_from_depth, window_bases, windows};
pub use verdict::{Status, Verdict, verdicts};

/// What decides the answer, beside the reads and the VCF.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Share of genotypes on record that are wrong.
    pub error_rate: f64,
    /// Odds (log10) from which something is taken to be so.
    pub min_lod: f64,
    /// Sites with reads from which anything is said.
    pub min_sites: u32,
    /// Share of foreign reads from which a sample is a mixture.
    pub max_contamination: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { error_rate: 0.005, min_lod: 3.0, min_sites: 20, max_contamination: 0.03 }
    }
}
