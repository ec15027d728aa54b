//! Reads of many files as what they show at sites: the files of a list by sample, and their bases at sites piled up.

mod error;
mod filter;
mod input;
mod ledger;
mod observe;
mod overlap;
mod pileup;
mod references;
mod sites;

use std::sync::Arc;

pub use error::ReadError;
pub use filter::{Overlaps, ReadFilter};
pub use input::{ReadFile, ReadInput, ReadsOptions};
pub use ledger::{ReadCount, ReadLedger};
pub use pileup::{PileupScratch, SiteReads};
pub use sites::{SiteInput, SiteLedger, SkippedSite};

/// A site of two single-base alleles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Chromosome as written in the file of sites.
    pub chrom: Arc<str>,
    /// POS, 1-based.
    pub pos: u32,
    /// ID as written; "." when there is none.
    pub id: String,
    /// REF: A, C, G or T.
    pub reference: u8,
    /// ALT: A, C, G or T.
    pub alternate: u8,
}
