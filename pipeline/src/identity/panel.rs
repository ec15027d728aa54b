//! The sites and the known genotypes that reads are held against: biallelic autosomal SNPs of the VCF, common, called in most
//! people, spread evenly.

use std::collections::HashMap;
use std::sync::Arc;

use norna_kernels::identity::panel::{GenotypePanel, UNKNOWN};
use norna_kernels::identity::{hardy_weinberg, shrunk_frequency};
use norna_kernels::{GenotypeBlock, GenotypeKind};
use rayon::prelude::*;

use super::decimate::Decimator;
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

/// What became of the rows of the VCF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PanelCounts {
    /// Rows that passed the filters of sites.
    pub rows: u64,
    /// On X, Y or MT.
    pub sex_or_mt: u64,
    /// On a chromosome that the alignment files do not have, or beyond its end there.
    pub not_in_reads: u64,
    /// Not a SNP of two alleles.
    pub not_snp: u64,
    /// Without a genotype of anyone.
    pub no_genotypes: u64,
    /// With too few genotypes.
    pub missing: u64,
    /// Too rare.
    pub rare: u64,
    /// At the place of another row that is not its neighbour: once more the same, or at odds with it.
    pub repeated: u64,
    /// Too close to the site before.
    pub thinned: u64,
    /// Left out for the sake of `--max-sites`.
    pub over_max: u64,
    /// Taken.
    pub kept: u64,
}

impl PanelCounts {
    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.sex_or_mt += other.sex_or_mt;
        self.not_in_reads += other.not_in_reads;
        self.not_snp += other.not_snp;
        self.no_genotypes += other.no_genotypes;
        self.missing += other.missing;
        self.rare += other.rare;
    }

    /// The counts with their names: `rows` is the sum of the rest.
    pub fn named(&self) -> [(&'static str, u64); 11] {
        [
            ("rows", self.rows),
            ("kept", self.kept),
            ("sex_or_mt", self.sex_or_mt),
            ("place_not_in_reads", self.not_in_reads),
            ("not_a_biallelic_snp", self.not_snp),
            ("without_genotypes", self.no_genotypes),
            ("missingness_above_geno", self.missing),
            ("maf_below_minimum", self.rare),
            ("position_repeated", self.repeated),
            ("closer_than_thin", self.thinned),
            ("over_max_sites", self.over_max),
        ]
    }

    /// What to do where no row is left: by what became of most.
    fn hint(&self, field: &str) -> String {
        let reasons = [
            (
                self.no_genotypes,
                format!("the rows have no {field} of anyone: give a VCF with genotypes (GT, DS or GP)"),
            ),
            (self.missing, "most people have no genotype there: raise --geno".into()),
            (self.rare, "lower --maf".into()),
            (self.not_snp, "give a VCF with SNPs of two alleles, one row a position".into()),
            (self.sex_or_mt, "give a VCF with autosomes".into()),
            (self.not_in_reads, "the alignment files do not have these places: is the build the same?".into()),
            (self.repeated, "rows of the same position are at odds: name each file once".into()),
        ];
        let most = reasons.into_iter().max_by_key(|&(n, _)| n).filter(|&(n, _)| n > 0);
        most.map_or_else(
            || "give a VCF with genotypes (GT, DS or GP), or look at the filters of sites".into(),
            |(_, hint)| hint,
        )
    }
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

/// A site that may be taken, with its genotypes at two bits each.
struct Candidate {
    site: PanelSite,
    packed: Box<[u8]>,
}

impl Candidate {
    fn place(&self) -> (&str, u32) {
        (&self.site.chrom, self.site.pos)
    }

    fn says_the_same(&self, other: &Self) -> bool {
        let alleles = |site: &PanelSite| (site.reference, site.alternate);
        alleles(&self.site) == alleles(&other.site) && self.packed == other.packed
    }
}

/// What a piece of the VCF gives.
#[derive(Default)]
struct Piece {
    candidates: Vec<Candidate>,
    counts: PanelCounts,
    /// Some of the chromosomes that the alignment files do not have.
    foreign: Option<Arc<str>>,
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

/// Sites in order, as far as they are wanted.
struct Chosen {
    candidates: Decimator<Candidate>,
    counts: PanelCounts,
    foreign: Option<Arc<str>>,
    thin: u32,
    last: Option<(Arc<str>, u32)>,
}

impl Chosen {
    fn new(options: &PanelOptions) -> Self {
        Self {
            candidates: Decimator::new(options.max_sites),
            counts: PanelCounts::default(),
            foreign: None,
            thin: options.thin,
            last: None,
        }
    }

    fn take(&mut self, piece: Piece) {
        self.counts.add(&piece.counts);
        self.foreign = self.foreign.take().or(piece.foreign);
        for candidate in piece.candidates {
            let site = &candidate.site;
            let near = self.last.as_ref().filter(|(chrom, _)| *chrom == site.chrom);
            if near.is_some_and(|(_, pos)| *pos != site.pos && site.pos.abs_diff(*pos) < self.thin) {
                self.counts.thinned += 1;
                continue;
            }
            self.last = Some((Arc::clone(&site.chrom), site.pos));
            self.candidates.push(|| candidate);
        }
    }

    fn finish(self, references: &[(&str, u32)]) -> (Vec<Candidate>, PanelCounts, Option<Arc<str>>) {
        let n = self.candidates.n_pushed();
        let mut candidates = self.candidates.finish();
        let mut counts = self.counts;
        counts.over_max = n - candidates.len() as u64;
        let order: HashMap<&str, usize> = references.iter().enumerate().map(|(i, &(name, _))| (name, i)).collect();
        candidates.sort_by_key(|Candidate { site, .. }| (order.get(&*site.chrom).copied(), site.pos));
        let alone = alone(candidates);
        counts.repeated = n - counts.over_max - alone.len() as u64;
        let mut kept: Vec<Candidate> = Vec::with_capacity(alone.len());
        for candidate in alone {
            let before = kept.last().map(|kept| &kept.site).filter(|site| site.chrom == candidate.site.chrom);
            match before.is_some_and(|before| candidate.site.pos - before.pos < self.thin) {
                true => counts.thinned += 1,
                false => kept.push(candidate),
            }
        }
        counts.kept = kept.len() as u64;
        (kept, counts, self.foreign)
    }
}

/// Of rows in order, one of those at a position if they say the same, and none if they do not, so that the order of files
/// and of rows makes no difference.
fn alone(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::with_capacity(candidates.len());
    let mut are_at_odds = false;
    for candidate in candidates {
        match kept.last() {
            Some(last) if last.place() == candidate.place() => are_at_odds |= !last.says_the_same(&candidate),
            _ => {
                if std::mem::take(&mut are_at_odds) {
                    kept.pop();
                }
                kept.push(candidate);
            }
        }
    }
    if are_at_odds {
        kept.pop();
    }
    kept
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
