//! Streams of genotype blocks from shards of VCF and BCF files, after every filter.

mod choice;
pub mod consequences;
mod decode;
mod error;
mod file;
mod filter;
mod input;
mod ledger;
mod options;
mod part;
mod ploidy;
mod reader;
pub mod reads;
mod stream;

use std::path::PathBuf;
use std::sync::Arc;

use norna_kernels::{AlleleCounts, GenotypeBlock, GenotypeKind, Posteriors};

pub use crate::format::sex::Sex;
pub use error::SourceError;
pub(crate) use filter::GenotypeFilters;
pub use input::{Estimate, Input, SampleSelection, StreamHeader};
pub use ledger::{DropReason, Note, VariantLedger};
pub use options::{Field, HalfCall, InputOptions, MaleX};
pub use part::Part;

pub use stream::{RawBatch, RawStream};

/// A row: one ALT allele of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Chromosome as written in the file.
    pub chrom: Arc<str>,
    /// POS, 1-based.
    pub pos: u32,
    /// ID as written; "." when there is none.
    pub id: String,
    /// REF.
    pub reference: String,
    /// The ALT allele whose copies are counted.
    pub alternate: String,
}

/// Rows that passed every filter, with their genotypes over analysed samples and what was counted of them.
pub struct VariantBlock {
    /// Genotypes, one variant a row.
    pub genotypes: GenotypeBlock,
    /// The rows.
    pub variants: Vec<Variant>,
    /// Allele counts of the rows; of reads, those expected of the samples that have some.
    pub counts: Vec<AlleleCounts>,
    /// Of reads: what they say of the genotypes, which are then empty.
    pub posteriors: Option<Posteriors>,
}

impl VariantBlock {
    /// An empty block of up to `capacity` rows.
    pub fn new(kind: GenotypeKind, n_samples: usize, capacity: usize) -> Self {
        Self {
            genotypes: GenotypeBlock::new(kind, n_samples, capacity),
            variants: Vec::with_capacity(capacity),
            counts: Vec::with_capacity(capacity),
            posteriors: None,
        }
    }

    /// Rows in the block.
    pub fn len(&self) -> usize {
        self.variants.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.variants.is_empty()
    }

    /// Removes every row.
    pub fn clear(&mut self) {
        self.genotypes.clear();
        self.variants.clear();
        self.counts.clear();
    }
}

/// Rows of a shard, block by block.
pub trait VariantSource {
    /// Clears `block` and fills it with rows of one chromosome; gives their number, 0 at the end only.
    fn read_block(&mut self, block: &mut VariantBlock) -> Result<usize, SourceError>;

    /// What was read and dropped so far.
    fn ledger(&self) -> &VariantLedger;
}

/// Paths as given, with list files (`@list.txt`, `list.txt`, `x.list`) replaced by the paths in them, one a line, relative
/// to the working directory.
pub fn expand_paths(given: &[PathBuf]) -> Result<Vec<PathBuf>, SourceError> {
    let mut paths = Vec::new();
    for path in given {
        let marked = path.to_str().and_then(|p| p.strip_prefix('@')).map(PathBuf::from);
        let is_list = path.extension().is_some_and(|e| e == "txt" || e == "list");
        let list = match (marked, is_list) {
            (Some(list), _) => list,
            (None, true) => path.clone(),
            (None, false) => {
                paths.push(path.clone());
                continue;
            }
        };
        let text = std::fs::read_to_string(&list).map_err(|e| SourceError::io(&list, e))?;
        let before = paths.len();
        paths.extend(text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).map(PathBuf::from));
        if paths.len() == before {
            return Err(SourceError::option("--vcf", format!("{} lists no file", list.display())));
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests;
