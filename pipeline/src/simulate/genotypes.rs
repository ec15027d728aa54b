//! Blocks of variants as bytes of a file, made by any thread; and the file with its index, written in order.

use std::io;
use std::path::Path;

use super::config::{Contig, OutputFormat, SimulateConfig};
use super::imputation::{ImputedRow, Imputer};
use super::output::{NewFile, SimulateError};
use super::random::{Purpose, Stream};
use super::sites::{Site, SiteBlock};
use super::tables::{sample_name, variant_id};
use crate::format::bcf_write::{self, BcfEncoder};
use crate::format::bgzf::{EOF_BLOCK, VirtualOffset};
use crate::format::bgzip::{BgzipPart, compress_part};
use crate::format::index_write::{IndexBuilder, IndexedText};
use crate::format::vcf_write::{self, FormatKey, HeaderView, InfoValue, MISSING, RecordView, VcfEncoder};

/// Bytes of text that a block is to have; with the number of samples this fixes where blocks end.
const BLOCK_BYTES: usize = 2 << 20;
/// Most variants of a block.
const MAX_BLOCK_LEN: usize = 512;

const INFO_CALLS: [[&str; 4]; 2] =
    [["AC", "A", "Integer", "Alleles that are ALT"], ["AN", "1", "Integer", "Alleles that are not missing"]];
const INFO_IMPUTED: [[&str; 4]; 2] = [
    ["AF", "A", "Float", "Mean ALT dose of a haplotype"],
    ["R2", "1", "Float", "Estimated squared correlation of doses and true alleles"],
];

/// What a thread keeps from block to block.
#[derive(Default)]
pub struct Scratch {
    truth: Vec<u8>,
    imputer: Imputer,
    row: ImputedRow,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// A block as bytes of the file.
pub struct Encoded {
    /// Contig and position of each record.
    pub places: Vec<(usize, u32)>,
    /// Calls that are missing.
    pub n_missing: u64,
    part: BgzipPart,
}

enum Encoder {
    Vcf(VcfEncoder),
    Bcf(BcfEncoder),
}

/// Turns blocks into bytes.
pub struct Renderer {
    config: SimulateConfig,
    keys: Vec<FormatKey>,
    encoder: Encoder,
}

impl Renderer {
    /// For the outputs of `config`.
    pub fn new(config: &SimulateConfig) -> Self {
        let info = info_of(config);
        let encoder = match config.format {
            OutputFormat::Bcf => Encoder::Bcf(BcfEncoder::new(&[info[0][0], info[1][0]])),
            _ => Encoder::Vcf(VcfEncoder::default()),
        };
        Self { config: config.clone(), keys: keys_of(config), encoder }
    }

    /// Variants of a block.
    pub fn block_len(&self) -> usize {
        let cell = if self.config.fields.imputed() { 16 } else { 4 };
        (BLOCK_BYTES / (cell * self.config.n_samples)).clamp(1, MAX_BLOCK_LEN)
    }

    /// Encodes and compresses a block.
    ///
    /// # Errors
    /// The compressor's.
    pub fn encode(&self, scratch: &mut Scratch, block: &SiteBlock) -> io::Result<Encoded> {
        scratch.bytes.clear();
        scratch.ends.clear();
        let mut n_missing = 0;
        for (i, site) in block.sites.iter().enumerate() {
            n_missing += self.encode_record(scratch, site, block.carriers(i));
            scratch.ends.push(scratch.bytes.len());
        }
        let places = block.sites.iter().map(|site| (site.contig_idx, site.pos)).collect();
        let part = match self.config.format {
            OutputFormat::Vcf => BgzipPart { bytes: std::mem::take(&mut scratch.bytes), ends: Vec::new() },
            _ => compress_part(&scratch.bytes, &scratch.ends, self.config.compression_level)?,
        };
        Ok(Encoded { places, n_missing, part })
    }

    /// Adds a record to the scratch's bytes; the number of calls that are missing.
    fn encode_record(&self, scratch: &mut Scratch, site: &Site, carriers: &[u64]) -> u64 {
        let config = &self.config;
        true_calls(carriers, config.n_samples, &mut scratch.truth);
        let row = &mut scratch.row;
        if config.fields.imputed() {
            let frequency = f64::from(site.n_carriers) / (2.0 * config.n_samples as f64);
            let mut stream = Stream::new(config.seed, Purpose::Imputation, site.variant_idx, 0);
            scratch.imputer.impute(&scratch.truth, frequency, &mut stream, row);
        } else {
            std::mem::swap(&mut row.calls, &mut scratch.truth);
        }
        let (mut n_missing, mut n_lost) = (0, 0);
        let mut stream = Stream::new(config.seed, Purpose::MissingCalls, site.variant_idx, 0);
        stream.choose_each(config.n_samples, config.missing_genotypes, |i| {
            n_missing += 1;
            n_lost += row.calls[i].count_ones();
            row.calls[i] = MISSING;
        });
        let info = if config.fields.imputed() {
            [("AF", InfoValue::Float(decimals(row.frequency))), ("R2", InfoValue::Float(decimals(row.r2)))]
        } else {
            let n_alleles = 2 * (config.n_samples as u64 - n_missing) as i32;
            [("AC", InfoValue::Integer((site.n_carriers - n_lost) as i32)), ("AN", InfoValue::Integer(n_alleles))]
        };
        let record = RecordView {
            contig_idx: site.contig_idx,
            chrom: &config.contigs[site.contig_idx].name,
            pos: site.pos,
            id: &variant_id(site.variant_idx),
            reference: site.reference,
            alternate: site.alternate,
            info: &info,
            keys: &self.keys,
            calls: &row.calls,
            dosages: if config.fields.ds { &row.dosages } else { &[] },
            probabilities: if config.fields.gp { &row.probabilities } else { &[] },
        };
        match &self.encoder {
            Encoder::Vcf(encoder) => encoder.encode(&record, &mut scratch.bytes),
            Encoder::Bcf(encoder) => encoder.encode(&record, &mut scratch.bytes),
        }
        n_missing
    }
}

/// Two bits a sample to one byte a sample.
fn true_calls(carriers: &[u64], n_samples: usize, calls: &mut Vec<u8>) {
    calls.clear();
    calls.resize(n_samples, 0);
    for (calls, &word) in calls.chunks_mut(32).zip(carriers) {
        let mut rest = word;
        for call in calls {
            *call = (rest & 3) as u8;
            rest >>= 2;
        }
    }
}

/// Six decimals.
fn decimals(value: f64) -> f32 {
    ((value * 1e6).round() / 1e6) as f32
}

fn keys_of(config: &SimulateConfig) -> Vec<FormatKey> {
    let fields = config.fields;
    let all = [(fields.gt, FormatKey::Gt), (fields.ds, FormatKey::Ds), (fields.gp, FormatKey::Gp)];
    all.iter().filter(|(on, _)| *on).map(|&(_, key)| key).collect()
}

fn info_of(config: &SimulateConfig) -> [[&'static str; 4]; 2] {
    if config.fields.imputed() { INFO_IMPUTED } else { INFO_CALLS }
}

/// The file of genotypes.
pub struct GenotypeWriter {
    file: NewFile,
    format: OutputFormat,
    index: IndexBuilder,
    at: VirtualOffset,
}

impl GenotypeWriter {
    /// Begins the file with its header.
    ///
    /// # Errors
    /// [`SimulateError::Io`].
    pub fn create(config: &SimulateConfig, path: &Path) -> Result<Self, SimulateError> {
        let samples: Vec<String> = (0..config.n_samples).map(sample_name).collect();
        let contigs: Vec<(&str, u32)> = config.contigs.iter().map(|c| (c.name.as_str(), c.length)).collect();
        let header = HeaderView {
            lines: std::slice::from_ref(&config.mark),
            contigs: &contigs,
            info: &info_of(config),
            keys: &keys_of(config),
            samples: &samples,
        };
        let mut writer = Self {
            file: NewFile::create(path)?,
            format: config.format,
            index: IndexBuilder::new(config.contigs.len()),
            at: VirtualOffset::default(),
        };
        let bytes = match config.format {
            OutputFormat::Bcf => bcf_write::header_bytes(&header),
            _ => vcf_write::header_text(&header).into_bytes(),
        };
        let bytes = match config.format {
            OutputFormat::Vcf => bytes,
            _ => compressed(&bytes, path)?,
        };
        writer.file.write(&bytes)?;
        writer.at = VirtualOffset::new(writer.file.n_bytes(), 0);
        Ok(writer)
    }

    /// Adds the next block.
    ///
    /// # Errors
    /// [`SimulateError::Io`].
    pub fn push(&mut self, encoded: &Encoded) -> Result<(), SimulateError> {
        let base = self.file.n_bytes() << 16;
        for (&(contig_idx, pos), end) in encoded.places.iter().zip(&encoded.part.ends) {
            let end = VirtualOffset(base + end.0);
            self.index.push(contig_idx, pos, self.at, end);
            self.at = end;
        }
        self.file.write(&encoded.part.bytes)
    }

    /// Ends the file; it and its index, not yet published.
    ///
    /// # Errors
    /// [`SimulateError::Io`].
    pub fn finish(mut self, contigs: &[Contig], index: Option<&Path>) -> Result<Vec<NewFile>, SimulateError> {
        let Some(path) = index else { return Ok(vec![self.file]) };
        self.file.write(&EOF_BLOCK)?;
        let changed = self.file.seal()?;
        let bytes = match self.format {
            OutputFormat::Bcf => self.index.to_csi(),
            _ => self
                .index
                .to_tbi(IndexedText::Vcf, &contigs.iter().map(|contig| contig.name.as_str()).collect::<Vec<_>>()),
        };
        let mut file = NewFile::create(path)?;
        file.write(&compressed(&bytes, path)?)?;
        file.write(&EOF_BLOCK)?;
        file.seal()?;
        file.date_after(changed);
        Ok(vec![self.file, file])
    }
}

fn compressed(bytes: &[u8], path: &Path) -> Result<Vec<u8>, SimulateError> {
    let part = compress_part(bytes, &[], 1);
    part.map(|part| part.bytes).map_err(|error| SimulateError::Io { path: path.to_owned(), error })
}
