//! Clumps: the strongest pair of a trait takes the variants near it that are linked with it, and the strongest of the rest the next, as
//! `plink --clump` does it. Linkage is computed from VCF or BCF files, of which the stretches around index variants are read by their
//! indices; without files, distance alone decides.
//!
//! An index variant is settled once no stronger one of its trait is within twice the distance: what are settled together, of all
//! traits, share one way through the files. Memory: candidates of the traits at hand, genotypes of the index variants that are settled
//! together, and a piece of the stretch that is read.

mod greedy;
mod linkage;
mod regional;
mod stretch;
mod table;

use std::path::PathBuf;

use serde::Serialize;

use crate::format::genes::GeneFileError;
use crate::format::table::TableError;
use crate::source::SourceError;
use crate::store::StoreError;

pub use greedy::{Candidates, ClumpReport, candidates, clump};
pub use linkage::{Genotype, LdMethod, Linkage};
pub use regional::{Regional, RegionalGene, RegionalPoint, genes_within, regional};
pub use table::{CLUMP_COLUMNS, JSON_START, p_text, write_json, write_table};

/// Which pairs make a clump; plink's names.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClumpOptions {
    /// −log10 of the largest p of an index variant (p1).
    pub index_log10p: f64,
    /// −log10 of the largest p of a variant that is listed with its clump (p2); weaker ones join it too, and are counted.
    pub listed_log10p: f64,
    /// Smallest r² with the index variant.
    pub r2: f64,
    /// Bases on either side of the index variant.
    pub bases: u32,
}

/// A variant of a clump.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Member {
    /// Row of /variants.
    pub variant: u64,
    /// POS.
    pub pos: u32,
    /// ID, or CHROM:POS:REF:ALT where it has none.
    pub id: String,
    /// −log10 of its p.
    pub log10p: f64,
    /// r² with the index variant; `None` where distance alone decided.
    pub r2: Option<f64>,
}

/// An index variant with what it stands for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Clump {
    /// Row of /traits.
    pub trait_idx: usize,
    /// Row of /variants.
    pub variant: u64,
    /// Chromosome as written in the results file.
    pub chrom: String,
    /// POS, 1-based.
    pub pos: u32,
    /// ID as written.
    pub id: String,
    /// REF.
    pub reference: String,
    /// ALT, the counted allele.
    pub alternate: String,
    /// Frequency of ALT; NaN without calls.
    pub a1_freq: f64,
    /// −log10 of the two-sided p.
    pub log10p: f64,
    /// Effect of one ALT copy.
    pub beta: f64,
    /// Its standard error.
    pub se: f64,
    /// Other variants by p: from 0.05; from 0.01; from 0.001; from 0.0001; below.
    pub by_p: [u64; 5],
    /// First and last position of all of them.
    pub span: (u32, u32),
    /// Those with p at or under p2, in the order of the file.
    pub members: Vec<Member>,
}

impl Clump {
    /// Other variants.
    pub fn total(&self) -> u64 {
        self.by_p.iter().sum()
    }
}

/// Errors of clumping.
#[derive(Debug, thiserror::Error)]
pub enum ClumpError {
    /// The results file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The genotype files.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The list of samples.
    #[error("--keep: {0}")]
    Keep(#[from] TableError),
    /// The annotation.
    #[error("--annotation: {0}")]
    Genes(#[from] GeneFileError),
    /// A list without anybody.
    #[error("--keep {}: none of its {n_samples} samples has genotypes in the files of --vcf", path.display())]
    KeepsNobody {
        /// The list.
        path: PathBuf,
        /// Its samples.
        n_samples: usize,
    },
    /// Too few samples for a correlation.
    #[error("--vcf: {n_samples} samples are too few for linkage: give files with three or more, or a longer --keep")]
    TooFewSamples {
        /// Samples that are left.
        n_samples: usize,
    },
    /// Phase from dosages.
    #[error("--ld haplotypes needs hard calls, and {field} was chosen: give --field GT, or --ld genotypes")]
    NoCalls {
        /// The field of the files.
        field: &'static str,
    },
    /// Positions that do not rise.
    #[error("{}: its variants are not sorted by position within each chromosome, which clumping needs: sort the VCF (bcftools sort) and run again", path.display())]
    Unsorted {
        /// The results file.
        path: PathBuf,
    },
    /// Genotypes of something else.
    #[error(
        "--vcf: none of {n} index variants is in the files ({example}): they are of other variants, another genome build, or \
         other alleles"
    )]
    OtherVariants {
        /// Index variants.
        n: usize,
        /// The strongest of them.
        example: String,
    },
    /// Nothing to draw.
    #[error("{region}: the file has no variant there; it has {known}")]
    EmptyRegion {
        /// As asked for.
        region: String,
        /// The chromosomes with their first and last positions.
        known: String,
    },
}
