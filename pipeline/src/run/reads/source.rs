//! Blocks of sites with what the reads of all analysed samples say of them, put together from the cells of every batch.

use norna_kernels::{AlleleCounts, LikelihoodBlock, Posteriors};

use super::super::grid::Cells;
use super::{cells, pieces};
use crate::format::chromosome::{ChromosomeClass, class};
use crate::shard::Shard;
use crate::sink::spool::SpoolError;
use crate::source::reads::{ReadInput, Site, SiteInput, SkippedSite};
use crate::source::{DropReason, GenotypeFilters, SourceError, Variant, VariantBlock, VariantLedger, VariantSource};

/// Reads in the place of genotypes.
#[derive(Debug)]
pub struct ReadsStudy {
    /// Alignment files.
    pub reads: ReadInput,
    /// Sites.
    pub sites: SiteInput,
    /// Samples of a batch.
    pub batch: usize,
    /// Sites of a piece.
    pub piece: usize,
    /// Which of the samples are analysed, by their number among these.
    pub column_of: Vec<Option<u32>>,
    /// Filters of sites by what the reads say.
    pub filters: GenotypeFilters,
}

/// One shard of sites.
pub struct LikelihoodReader<'a> {
    study: &'a ReadsStudy,
    cells: &'a Cells,
    chunk: usize,
    sites: Vec<Site>,
    pieces: std::vec::IntoIter<std::ops::Range<usize>>,
    part: usize,
    block: LikelihoodBlock,
    kept: LikelihoodBlock,
    payload: Vec<u8>,
    ledger: VariantLedger,
}

impl<'a> LikelihoodReader<'a> {
    /// Reads shard `chunk`, whose place in the files is `shard`.
    ///
    /// # Errors
    /// The sites cannot be read.
    pub fn new(study: &'a ReadsStudy, cells: &'a Cells, chunk: usize, shard: &Shard) -> Result<Self, SourceError> {
        let mut sites = Vec::new();
        let read = study.sites.read(shard, &mut sites)?;
        let mut ledger = read.variants;
        ledger.drop_rows(DropReason::NotSnp, SkippedSite::ALL.iter().map(|&why| read.skipped(why)).sum());
        let cut: Vec<_> = pieces(&sites, study.piece).collect();
        let n_samples = study.column_of.iter().flatten().count();
        Ok(Self {
            study,
            cells,
            chunk,
            sites,
            pieces: cut.into_iter(),
            part: 0,
            block: LikelihoodBlock::new(n_samples, 0),
            kept: LikelihoodBlock::new(n_samples, 0),
            payload: Vec::new(),
            ledger,
        })
    }

    /// Likelihoods of a piece into `block`.
    fn fill(&mut self, n_sites: usize) -> Result<(), SpoolError> {
        self.block.clear();
        for _ in 0..n_sites {
            self.block.push().fill([0.0; 3]);
        }
        let n_samples = self.study.column_of.len();
        for (batch, first) in (0..n_samples).step_by(self.study.batch).enumerate() {
            let columns = &self.study.column_of[first..(first + self.study.batch).min(n_samples)];
            let payload = self.cells.part((self.chunk, batch), self.part, &mut self.payload)?;
            let decoded = cells::decode(payload, (n_sites, columns.len()), |site, sample, shown| {
                if let Some(column) = columns[sample] {
                    self.block.site_mut(site)[column as usize] = shown.likelihoods;
                }
            });
            decoded.map_err(|e| self.cells.error((self.chunk, batch), self.part, &e))?;
        }
        self.part += 1;
        Ok(())
    }
}

impl VariantSource for LikelihoodReader<'_> {
    fn read_block(&mut self, block: &mut VariantBlock) -> Result<usize, SourceError> {
        block.clear();
        while let Some(piece) = self.pieces.next() {
            self.fill(piece.len()).map_err(|e| SourceError::Spool(e.to_string()))?;
            let n_samples = self.block.n_samples();
            let posteriors = block.posteriors.get_or_insert_with(|| Posteriors::new(n_samples, self.study.piece));
            posteriors.set(&self.block);
            self.kept.clear();
            for (v, site) in self.sites[piece].iter().enumerate() {
                let counts = expected_counts(posteriors, v);
                let reason = if class(&site.chrom) == ChromosomeClass::Autosome {
                    self.study.filters.reason(&counts, 0, [0; 3])
                } else {
                    Some(DropReason::NotAutosomal)
                };
                if let Some(reason) = reason {
                    self.ledger.kept -= 1;
                    self.ledger.drop_rows(reason, 1);
                    continue;
                }
                self.kept.push().copy_from_slice(self.block.site(v));
                block.counts.push(counts);
                block.variants.push(Variant {
                    chrom: site.chrom.clone(),
                    pos: site.pos,
                    id: site.id.clone(),
                    reference: char::from(site.reference).to_string(),
                    alternate: char::from(site.alternate).to_string(),
                });
            }
            if block.variants.len() < posteriors.len() {
                posteriors.set(&self.kept);
            }
            if !block.is_empty() {
                break;
            }
        }
        Ok(block.len())
    }

    fn ledger(&self) -> &VariantLedger {
        &self.ledger
    }
}

/// Counts of a site as its frequency gives them: alleles expected of the samples with reads.
fn expected_counts(posteriors: &Posteriors, v: usize) -> AlleleCounts {
    let site = posteriors.site(v);
    let n = f64::from(site.n_with_reads);
    let alt = if site.alt.is_nan() { 0.0 } else { 2.0 * n * site.alt };
    AlleleCounts {
        n_called: site.n_with_reads,
        n_missing: posteriors.n_samples() as u32 - site.n_with_reads,
        dosage_sum: alt,
        alt_count: alt,
        allele_total: 2.0 * n,
        ..AlleleCounts::default()
    }
}
