//! The sites and the known genotypes that reads are held against: biallelic autosomal SNPs of the VCF, common, called in most
//! people, spread evenly.

use std::sync::Arc;

use norna_kernels::identity::panel::{GenotypePanel, UNKNOWN};
use norna_kernels::identity::{hardy_weinberg, shrunk_frequency};
use norna_kernels::{GenotypeBlock, GenotypeKind};
use rayon::prelude::*;

use super::panel_choice::{Candidate, Chosen};
use super::panel_counts::PanelCounts;
use crate::format::chromosome::{ChromosomeClass, canonical, class};
use crate::shard::Shard;
use crate::source::{Input, InputOptions, SourceError, VariantBlock, VariantSource};

/// File bytes of a piece that one thread reads at a time.
const PIECE_BYTES: u64 = 1 << 20;
/// Pieces that are read at most: of larger files evenly spread ones.
const MAX_PIECES: usize = 1024;
/// Rows decoded at a time.
const BLOCK_ROWS: usize = 64;
/// A dosage that lies further from a whole number is no genotype (plink2's --hard-call-threshold).
const HARD_CALL: f32 = 0.1;

/// Which sites are taken.
#[derive(Debug, Clone)]
pub struct PanelOptions {
    /// The VCF, its field and its filters of sites; filters on genotypes are those below.
    pub input: InputOptions,
    /// Lowest minor allele frequency.
    pub maf: f64,
    /// Highest share of people without a genotype.
    pub geno: f64,
    /// Sites at most.
    pub max_sites: usize,
    /// Bases between sites at least; 0 for none.
    pub thin: u32,
}

/// Why there is nothing to compare with.
#[derive(Debug, thiserror::Error)]
pub enum PanelError {
    /// The VCF cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Standard input can be read once only.
    #[error("--vcf -: identity reads the file on every rank; give a file")]
    StandardInput,
    /// No chromosome in common.
    #[error(
        "no common sites: the VCF has sites on {vcf} and the alignment files have {reads}: are they of the same build and \
         region?"
    )]
    NoCommonChromosome {
        /// Some of the VCF's.
        vcf: String,
        /// Some of the alignment files'.
        reads: String,
    },
    /// No site is left.
    #[error("no common sites: {told}; {hint}")]
    NoSites {
        /// Counts of rows by what became of them.
        told: String,
        /// What to do about most of them.
        hint: String,
    },
}

/// A site of a panel.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelSite {
    /// Chromosome as the alignment files have it.
    pub chrom: Arc<str>,
    /// POS, 1-based.
    pub pos: u32,
    /// ID as in the VCF.
    pub id: String,
    /// REF: A, C, G or T.
    pub reference: u8,
    /// ALT: A, C, G or T.
    pub alternate: u8,
    /// Shares of the genotypes 0, 1, 2 in the population: Hardy-Weinberg proportions of the VCF's frequency.
    pub prior: [f64; 3],
}

/// Sites and genotypes.
#[derive(Debug)]
pub struct Panel {
    /// In the order of the alignment files' chromosomes, then of positions.
    pub sites: Vec<PanelSite>,
    /// Sites × samples of the VCF.
    pub genotypes: GenotypePanel,
    /// IDs in the VCF.
    pub samples: Vec<String>,
    /// What became of the rows.
    pub counts: PanelCounts,
    /// For the log.
    pub messages: Vec<String>,
    /// For the log.
    pub warnings: Vec<String>,
}

impl Panel {
    /// Reads the panel with the threads of the pool that this is called in. `references`: chromosomes of the alignment files
    /// with their lengths, matched by any of their names.
    ///
    /// # Errors
    /// [`PanelError`].
    pub fn read(options: &PanelOptions, references: &[(&str, u32)]) -> Result<Self, PanelError> {
        if options.input.paths.iter().any(|path| path.as_os_str() == "-") {
            return Err(PanelError::StandardInput);
        }
        let input = Input::open(&options.input)?;
        let reader = Reader { input: &input, options, references };
        let mut chosen = Chosen::new(options);
        let (n_read, n_pieces) = reader.read_all(&mut chosen)?;
        let mut messages = input.messages().to_vec();
        if n_read < n_pieces {
            messages.push(format!("sites are taken from {n_read} of {n_pieces} evenly spread pieces of the VCF"));
        }
        let (candidates, counts, foreign) = chosen.finish(references);
        if candidates.is_empty() {
            return Err(reader.nothing(&counts, foreign.as_deref()));
        }
        let n_samples = input.samples().len();
        let mut genotypes = GenotypePanel::new(n_samples);
        let mut row = vec![UNKNOWN; n_samples];
        let mut sites = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            unpack(&candidate.packed, &mut row);
            genotypes.push(&row);
            sites.push(candidate.site);
        }
        let (samples, warnings) = (input.samples().to_vec(), input.warnings().to_vec());
        Ok(Self { sites, genotypes, samples, counts, messages, warnings })
    }
}

/// What a piece of the VCF gives.
#[derive(Default)]
pub(super) struct Piece {
    pub candidates: Vec<Candidate>,
    pub counts: PanelCounts,
    /// Some of the chromosomes that the alignment files do not have.
    pub foreign: Option<Arc<str>>,
}

struct Reader<'a> {
    input: &'a Input,
    options: &'a PanelOptions,
    references: &'a [(&'a str, u32)],
}

impl Reader<'_> {
    /// Reads pieces side by side and takes their sites in order. Gives pieces read and pieces there are.
    fn read_all(&self, chosen: &mut Chosen) -> Result<(usize, usize), SourceError> {
        let plan = self.input.plan(PIECE_BYTES)?;
        let n_pieces = plan.shards.len();
        let n_read = n_pieces.min(MAX_PIECES);
        let taken: Vec<&Shard> = (0..n_read).map(|i| &plan.shards[i * n_pieces / n_read]).collect();
        for some in taken.chunks(2 * rayon::current_num_threads()) {
            let pieces: Vec<_> = some.par_iter().map(|shard| self.piece(self.input.reader(shard)?)).collect();
            for piece in pieces {
                chosen.take(piece?);
            }
        }
        for &file_idx in &plan.streams {
            let mut stream = self.input.stream(file_idx)?;
            while let Some(batch) = stream.next_batch(8 * PIECE_BYTES)? {
                chosen.take(self.piece(self.input.batch_reader(batch)?)?);
            }
        }
        Ok((n_read, n_pieces))
    }

    fn piece(&self, mut source: Box<dyn VariantSource + Send>) -> Result<Piece, SourceError> {
        let n_samples = self.input.samples().len();
        let mut block = VariantBlock::new(self.input.kind(), n_samples, BLOCK_ROWS);
        let mut calls = vec![UNKNOWN; n_samples];
        let mut piece = Piece::default();
        // The place of the last row and whether the last candidate is of that place.
        let (mut place, mut is_pending): ((Option<Arc<str>>, u32), bool) = ((None, 0), false);
        while source.read_block(&mut block)? > 0 {
            for row in 0..block.len() {
                let variant = &block.variants[row];
                let is_again = place.1 == variant.pos && place.0.as_deref() == Some(&*variant.chrom);
                piece.counts.rows += 1;
                if is_again {
                    if is_pending {
                        piece.candidates.pop();
                        piece.counts.not_snp += 1;
                        is_pending = false;
                    }
                    piece.counts.not_snp += 1;
                    continue;
                }
                place = (Some(Arc::clone(&variant.chrom)), variant.pos);
                is_pending = self.row(&block, row, &mut calls, &mut piece);
            }
        }
        Ok(piece)
    }

    /// Takes a row, or counts why not.
    fn row(&self, block: &VariantBlock, row: usize, calls: &mut [u8], piece: &mut Piece) -> bool {
        let (variant, counts) = (&block.variants[row], &block.counts[row]);
        if class(&variant.chrom) != ChromosomeClass::Autosome {
            piece.counts.sex_or_mt += 1;
            return false;
        }
        let Some(chrom) = self.in_reads(&variant.chrom, variant.pos) else {
            piece.counts.not_in_reads += 1;
            piece.foreign = Some(Arc::clone(&variant.chrom));
            return false;
        };
        let (Some(reference), Some(alternate)) = (base(&variant.reference), base(&variant.alternate)) else {
            piece.counts.not_snp += 1;
            return false;
        };
        hard_calls(&block.genotypes, row, calls);
        let n_unknown = calls.iter().filter(|&&call| call == UNKNOWN).count();
        if n_unknown as f64 > self.options.geno * calls.len() as f64 * (1.0 + 1e-12) || n_unknown == calls.len() {
            let all = n_unknown == calls.len();
            *(if all { &mut piece.counts.no_genotypes } else { &mut piece.counts.missing }) += 1;
            return false;
        }
        if counts.maf().is_nan() || counts.maf() < self.options.maf * (1.0 - 1e-12) || counts.mac() == 0.0 {
            piece.counts.rare += 1;
            return false;
        }
        let prior = hardy_weinberg(shrunk_frequency(counts.alt_count, counts.allele_total));
        let site = PanelSite { chrom, pos: variant.pos, id: variant.id.clone(), reference, alternate, prior };
        piece.candidates.push(Candidate { site, packed: pack(calls) });
        true
    }

    /// The alignment files' name of a chromosome of the VCF, if a position is on it.
    fn in_reads(&self, chrom: &str, pos: u32) -> Option<Arc<str>> {
        let exact = self.references.iter().find(|(name, _)| *name == chrom);
        let found = exact.or_else(|| {
            let wanted = canonical(chrom);
            self.references.iter().find(|(name, _)| canonical(name) == wanted)
        });
        found.filter(|&&(_, length)| (1..=length).contains(&pos)).map(|(name, _)| Arc::from(*name))
    }

    fn nothing(&self, counts: &PanelCounts, foreign: Option<&str>) -> PanelError {
        match foreign {
            Some(chrom) if counts.not_in_reads + counts.sex_or_mt == counts.rows => {
                PanelError::NoCommonChromosome { vcf: chrom.to_owned(), reads: some_of(self.references) }
            }
            _ => {
                let told = counts.named().into_iter().filter(|&(_, n)| n > 0);
                let told: Vec<String> = told.map(|(name, n)| format!("{name} {n}")).collect();
                let field = self.input.field().name();
                let told =
                    if told.is_empty() { format!("the VCF has no record with {field} there") } else { told.join(", ") };
                PanelError::NoSites { told, hint: counts.hint(field) }
            }
        }
    }
}

fn base(allele: &str) -> Option<u8> {
    match allele.as_bytes() {
        [b @ (b'A' | b'C' | b'G' | b'T' | b'a' | b'c' | b'g' | b't')] => Some(b.to_ascii_uppercase()),
        _ => None,
    }
}

fn hard_calls(genotypes: &GenotypeBlock, row: usize, calls: &mut [u8]) {
    match genotypes.kind() {
        GenotypeKind::Calls => {
            for (call, &found) in calls.iter_mut().zip(genotypes.calls(row)) {
                *call = found.min(UNKNOWN);
            }
        }
        GenotypeKind::Dosages => {
            for (call, &dosage) in calls.iter_mut().zip(genotypes.dosages(row)) {
                let nearest = dosage.round();
                // False for NaN, too.
                let is_call = (dosage - nearest).abs() <= HARD_CALL;
                *call = if is_call { nearest as u8 } else { UNKNOWN };
            }
        }
    }
}

fn pack(calls: &[u8]) -> Box<[u8]> {
    calls.chunks(4).map(|four| four.iter().rev().fold(0, |byte, call| byte << 2 | call)).collect()
}

fn unpack(packed: &[u8], calls: &mut [u8]) {
    for (four, byte) in calls.chunks_mut(4).zip(packed) {
        for (i, call) in four.iter_mut().enumerate() {
            *call = byte >> (2 * i) & 3;
        }
    }
}

/// A few names, for a message.
fn some_of(references: &[(&str, u32)]) -> String {
    let distinct: Vec<&str> = references.iter().map(|&(name, _)| name).collect();
    match distinct.len() {
        0 => "none".into(),
        1..=3 => distinct.join(", "),
        n => format!("{} and {} others", distinct[..3].join(", "), n - 3),
    }
}

#[cfg(test)]
#[path = "panel_tests.rs"]
mod tests;
