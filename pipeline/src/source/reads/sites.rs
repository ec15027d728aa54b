//! Sites at which reads are looked at: the SNPs of a VCF or BCF, with genotypes or without, by the filters on sites.

use std::sync::Arc;

use crate::format::fasta::Fasta;
use crate::format::vcf_call::FieldError;
use crate::shard::{Cut, Shard, ShardId, ShardPlan};
use crate::source::error::SourceError;
use crate::source::input::Input;
use crate::source::ledger::VariantLedger;
use crate::source::options::InputOptions;
use crate::source::reader::BlockReader;

use super::Site;

/// Inflated bytes of a file that cannot be sought that are held at a time.
const BATCH_BYTES: u64 = 4 << 20;

/// Why a variant that passed the filters is no site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum SkippedSite {
    /// One of several ALT alleles.
    MultiAllelic,
    /// REF or ALT is not of one base.
    Indel,
    /// `<DEL>`, `*`, a breakend.
    Symbolic,
    /// A base that is not A, C, G or T.
    NotAcgt,
}

impl SkippedSite {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::MultiAllelic, Self::Indel, Self::Symbolic, Self::NotAcgt];

    /// Name in /qc and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::MultiAllelic => "multi_allelic",
            Self::Indel => "indel",
            Self::Symbolic => "symbolic",
            Self::NotAcgt => "not_acgt",
        }
    }
}

/// Counts of records and of their ALT alleles: those dropped by filters, those skipped, and the sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SiteLedger {
    /// Records, alleles kept as sites and alleles dropped by filters.
    pub variants: VariantLedger,
    skipped: [u64; SkippedSite::ALL.len()],
}

impl SiteLedger {
    /// Alleles skipped for a reason.
    pub fn skipped(&self, reason: SkippedSite) -> u64 {
        self.skipped[reason as usize]
    }

    /// Alleles read: kept, dropped and skipped.
    pub fn rows(&self) -> u64 {
        self.variants.rows() + self.skipped.iter().sum::<u64>()
    }

    /// Adds another ledger's counts.
    pub fn merge(&mut self, other: &Self) {
        self.variants.merge(&other.variants);
        self.skipped.iter_mut().zip(other.skipped).for_each(|(a, b)| *a += b);
    }

    /// The counts as numbers: those skipped, then those of [`VariantLedger::to_vec`].
    pub fn to_vec(&self) -> Vec<u64> {
        let mut counts = self.skipped.to_vec();
        counts.extend(self.variants.to_vec());
        counts
    }

    /// The ledger of such numbers; none if they are too few or too many.
    pub fn from_slice(counts: &[u64]) -> Option<Self> {
        let (skipped, variants) = counts.split_first_chunk()?;
        Some(Self { skipped: *skipped, variants: VariantLedger::from_slice(variants)? })
    }
}

/// Files of sites, opened.
pub struct SiteInput {
    input: Input,
    fasta: Option<Arc<Fasta>>,
}

impl SiteInput {
    /// Opens the files and reads headers and indices. Options on genotypes are refused.
    pub fn open(options: &InputOptions) -> Result<Self, SourceError> {
        if options.paths.iter().any(|p| p.as_os_str() == "-") {
            let problem = "sites cannot come from standard input: every process reads them; write them to a file";
            return Err(SourceError::option("--sites", problem));
        }
        let on_genotypes = [
            ("--maf", options.maf),
            ("--max-maf", options.max_maf),
            ("--mac", options.mac),
            ("--max-mac", options.max_mac),
            ("--geno", options.geno),
            ("--hwe", options.hwe),
        ];
        if let Some((option, _)) = on_genotypes.into_iter().find(|(_, value)| value.is_some()) {
            return Err(SourceError::option(
                option,
                "sites are read without genotypes; filter the file of sites before",
            ));
        }
        let input = Input::open_sites(options).map_err(|error| match error {
            SourceError::Option { option: "--vcf", problem } => SourceError::option("--sites", problem),
            other => other,
        })?;
        Ok(Self { input, fasta: None })
    }

    /// Has REF of every site compared with the bases of `fasta`.
    pub fn with_fasta(self, fasta: Arc<Fasta>) -> Self {
        Self { fasta: Some(fasta), ..self }
    }

    /// The files, as other parts of a run know them.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// Chromosomes that are read, by their canonical names, as far as indices and headers tell.
    pub fn chromosomes(&self) -> Vec<String> {
        self.input.chromosomes_read()
    }

    /// What was chosen, for the log.
    pub fn messages(&self) -> &[String] {
        self.input.messages()
    }

    /// What is likely to be a mistake, for the log.
    pub fn warnings(&self) -> &[String] {
        self.input.warnings()
    }

    /// Cuts the files into shards of about `target_bytes` each; one that cannot be sought is one shard.
    pub fn plan(&self, target_bytes: u64) -> Result<ShardPlan, SourceError> {
        let mut plan = self.input.plan(target_bytes)?;
        for file_idx in std::mem::take(&mut plan.streams) {
            let bytes = self.input.file(file_idx)?.data_len();
            let (start, end) = (Cut::Byte(0), Cut::Byte(bytes));
            plan.shards.push(Shard { id: ShardId::new(file_idx, 0), file_idx, start, end, bytes });
        }
        plan.shards.sort_by_key(|shard| shard.id);
        Ok(plan)
    }

    /// Appends the sites of a shard to `sites`, in the file's order.
    pub fn read(&self, shard: &Shard, sites: &mut Vec<Site>) -> Result<SiteLedger, SourceError> {
        let file = self.input.file(shard.file_idx)?;
        let reader = |records| BlockReader::new(Arc::clone(&self.input.context), shard.file_idx, records);
        if !file.is_stream() {
            let mut reader = reader(file.shard(shard)?).doubting(file.index_doubt(shard));
            return self.read_records(&mut reader, sites);
        }
        let mut ledger = SiteLedger::default();
        let mut stream = file.stream(shard.file_idx)?;
        while let Some(batch) = stream.next_batch(BATCH_BYTES)? {
            ledger.merge(&self.read_records(&mut reader(file.header.batch(batch)), sites)?);
        }
        Ok(ledger)
    }

    fn read_records(&self, reader: &mut BlockReader, sites: &mut Vec<Site>) -> Result<SiteLedger, SourceError> {
        let mut skipped = [0; SkippedSite::ALL.len()];
        while reader.next_record()? {
            let n_alts = reader.site().1.alternates().len();
            // `<*>` and the like stand for alleles that were not seen.
            let named = |alt: &String| !matches!(alt.as_str(), "<*>" | "<NON_REF>" | ".");
            let n_named = reader.site().1.alternates().iter().filter(|alt| named(alt)).count();
            for alt_idx in 0..n_alts {
                if let Some(reason) = reader.site_reason(alt_idx) {
                    reader.ledger_mut().drop_rows(reason, 1);
                    continue;
                }
                match site_of(reader, alt_idx, n_named) {
                    Err(reason) => skipped[reason as usize] += 1,
                    Ok(site) => {
                        self.check_reference(reader, &site)?;
                        reader.ledger_mut().kept += 1;
                        sites.push(site);
                    }
                }
            }
        }
        Ok(SiteLedger { variants: *reader.ledger_mut(), skipped })
    }

    fn check_reference(&self, reader: &BlockReader, site: &Site) -> Result<(), SourceError> {
        let Some(fasta) = &self.fasta else { return Ok(()) };
        let refuse = |problem: String| reader.refuse(FieldError::new("REF", problem));
        let from = site.pos.saturating_sub(1);
        let bases = fasta.fetch(&site.chrom, from..site.pos).map_err(|e| refuse(e.to_string()))?;
        match bases.first() {
            Some(&base) if base == site.reference => Ok(()),
            base => Err(refuse(format!(
                "{} where {} has {}; give sites of the reference that the reads were aligned to (bcftools norm -c x tells \
                 them apart)",
                char::from(site.reference),
                fasta.path().display(),
                base.map_or('-', |&b| char::from(b))
            ))),
        }
    }
}

/// The site of an ALT allele of the current record, or why it is none.
fn site_of(reader: &BlockReader, alt_idx: usize, n_named: usize) -> Result<Site, SkippedSite> {
    let (chrom, record) = reader.site();
    let alternate = &record.alternates()[alt_idx];
    let (reference, alternate) = (record.reference.as_bytes(), alternate.as_bytes());
    if n_named > 1 {
        return Err(SkippedSite::MultiAllelic);
    }
    if alternate.iter().any(|b| b"<>[]*.".contains(b)) {
        return Err(SkippedSite::Symbolic);
    }
    let (&[reference], &[alternate]) = (reference, alternate) else { return Err(SkippedSite::Indel) };
    let (reference, alternate) = (reference.to_ascii_uppercase(), alternate.to_ascii_uppercase());
    if !b"ACGT".contains(&reference) || !b"ACGT".contains(&alternate) || reference == alternate {
        return Err(SkippedSite::NotAcgt);
    }
    Ok(Site { chrom: Arc::clone(chrom), pos: record.pos, id: record.id.clone(), reference, alternate })
}

impl std::fmt::Debug for SiteInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SiteInput").field("paths", &self.input.paths()).finish_non_exhaustive()
    }
}
