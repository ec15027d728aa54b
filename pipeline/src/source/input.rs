//! The genotype input as a whole: its files opened and matched, what was chosen, and readers of its shards.

use std::io::{Read, stdin};
use std::path::Path;
use std::sync::{Arc, Mutex};

use norna_kernels::GenotypeKind;

use crate::format::bgzf::Compression;
use crate::format::bgzf_source::ByteSource;
use crate::format::sex::Sex;
use crate::format::vcf_call::SampleMap;
use crate::format::vcf_header::HeaderError;
use crate::shard::{Layout, Shard, ShardPlan};

use super::VariantSource;
use super::choice::{
    FirstFields, check_distinct, check_samples, choose_field, first_fields, info_keys, pseudo_autosomal,
    warn_of_unknown_chromosomes, warn_of_x,
};
use super::error::SourceError;
use super::file::{FileHeader, InputFile};
use super::filter::{Area, GenotypeFilters, VariantList, Wanted};
use super::options::{Field, HalfCall, InputOptions, MaleX, Remarks};
use super::reader::BlockReader;
use super::stream::{RawBatch, RawStream};

/// The analysed samples and what is known of them.
#[derive(Debug, Clone, Default)]
pub struct SampleSelection {
    /// Columns of the files, ascending.
    pub analysed: Vec<u32>,
    /// Sex of each analysed sample; none if no sexes were given.
    pub sex: Option<Vec<Sex>>,
}

/// What rank 0 tells the others of standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamHeader {
    is_bcf: bool,
    first: FirstFields,
    text: Vec<u8>,
}

impl StreamHeader {
    /// Bytes for another rank.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.is_bcf), u8::from(self.first.ds), u8::from(self.first.gp)];
        bytes.extend_from_slice(&self.text);
        bytes
    }

    /// The header of such bytes; none if they are too few.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[is_bcf, ds, gp], text) = bytes.split_first_chunk()?;
        Some(Self { is_bcf: is_bcf != 0, first: FirstFields { ds: ds != 0, gp: gp != 0 }, text: text.to_vec() })
    }
}

/// What a run will read, before it reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Estimate {
    /// Records, by the index or by the size of the first ones; none where nothing tells (standard input).
    pub records: Option<u64>,
    /// Bytes to be read from files.
    pub bytes: u64,
}

/// Everything that readers share.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) files: Vec<InputFile>,
    pub(crate) area: Area,
    pub(crate) pass_only: bool,
    pub(crate) min_info: Option<f64>,
    /// With `--min-info`, one a file.
    pub(crate) info_keys: Vec<&'static str>,
    pub(crate) extract: Option<VariantList>,
    pub(crate) exclude: Option<VariantList>,
    pub(crate) genotype_filters: GenotypeFilters,
    pub(crate) field: Field,
    pub(crate) half_call: HalfCall,
    pub(crate) male_x: MaleX,
    /// Pseudo-autosomal intervals of X, where known.
    pub(crate) par: Option<Vec<(u32, u32)>>,
    pub(crate) samples: SampleMap,
    pub(crate) sexes: Option<Vec<Sex>>,
    pub(crate) males: Option<Vec<bool>>,
    pub(crate) everyone: Vec<bool>,
    pub(crate) n_females: u32,
    /// Whether records are read for their sites alone, with genotypes or without.
    pub(crate) sites_only: bool,
}

/// Genotype input, opened.
pub struct Input {
    pub(super) context: Arc<Context>,
    samples: Vec<String>,
    remarks: Remarks,
    standard_input: Mutex<Option<RawStream>>,
    stream_header: Option<StreamHeader>,
}

/// What records are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Genotypes,
    Sites,
}

/// What standard input is to one rank.
struct StandardInput {
    stream: Option<RawStream>,
    told: StreamHeader,
    header: FileHeader,
}

impl Input {
    /// Opens every file, reads headers and indices, and chooses the field. Standard input is read by this process.
    pub fn open(options: &InputOptions) -> Result<Self, SourceError> {
        let standard_input = match options.paths.iter().position(|p| p.as_os_str() == "-") {
            Some(file_idx) => Some(open_stream(stdin(), file_idx)?),
            None => None,
        };
        Self::open_with(options, standard_input, Purpose::Genotypes)
    }

    /// Opens every file for its sites alone: there may be no samples, or other ones in each file.
    pub(super) fn open_sites(options: &InputOptions) -> Result<Self, SourceError> {
        Self::open_with(options, None, Purpose::Sites)
    }

    /// Opens the input on a rank that leaves standard input to rank 0, which told its header.
    pub fn open_beside(options: &InputOptions, told: &StreamHeader) -> Result<Self, SourceError> {
        let mut bytes = Vec::new();
        if told.is_bcf {
            bytes.extend_from_slice(b"BCF\x02\x02");
            let len = u32::try_from(told.text.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&len.to_le_bytes());
        }
        bytes.extend_from_slice(&told.text);
        let header = FileHeader::read(&mut ByteSource::Memory(bytes, 0));
        let (header, _) = header.map_err(|source| SourceError::Header { path: "-".into(), source })?;
        let standard_input = StandardInput { stream: None, told: told.clone(), header };
        Self::open_with(options, Some(standard_input), Purpose::Genotypes)
    }

    #[cfg(test)]
    pub(crate) fn open_piped(options: &InputOptions, bytes: Vec<u8>) -> Result<Self, SourceError> {
        let piped = open_stream(std::io::Cursor::new(bytes), 0)?;
        Self::open_with(options, Some(piped), Purpose::Genotypes)
    }

    fn open_with(
        options: &InputOptions,
        standard_input: Option<StandardInput>,
        purpose: Purpose,
    ) -> Result<Self, SourceError> {
        options.check()?;
        let sites_only = purpose == Purpose::Sites;
        let area = Area::new(options)?;
        let mut remarks = Remarks::default();
        let mut files = Vec::with_capacity(options.paths.len());
        for path in &options.paths {
            let file = match &standard_input {
                Some(piped) if path.as_os_str() == "-" => InputFile::standard_input(piped.header.clone()),
                _ => InputFile::open(path, &area, options.in_parts, &mut remarks)?,
            };
            if file.header.vcf().samples.is_empty() && !sites_only {
                return Err(SourceError::NoSamples { path: path.display().to_string() });
            }
            files.push(file);
        }
        check_distinct(&files)?;
        warn_of_unknown_chromosomes(&files, &area, &mut remarks.warnings);
        let piped = standard_input.as_ref().map(|piped| piped.told.first);
        let (field, par, samples) = match purpose {
            Purpose::Sites => (Field::Gt, None, Vec::new()),
            Purpose::Genotypes => {
                check_samples(&files)?;
                let field = choose_field(options.field, &files, piped, &mut remarks.messages)?;
                let par = pseudo_autosomal(options, &files, &mut remarks.messages)?;
                warn_of_x(&files, &area, par.as_deref(), &mut remarks.warnings);
                (field, par, files[0].header.vcf().samples.clone())
            }
        };
        let extract = options.extract.as_deref().map(VariantList::open).transpose()?;
        if let (Some(path), Some(true)) = (&options.extract, extract.as_ref().map(VariantList::is_empty)) {
            remarks.warnings.push(format!("--extract: {} lists no variant, so none is kept", path.display()));
        }
        let context = Context {
            pass_only: options.pass_only,
            min_info: options.min_info,
            info_keys: info_keys(options.min_info, &files, &mut remarks.messages)?,
            extract,
            exclude: options.exclude.as_deref().map(VariantList::open).transpose()?,
            genotype_filters: GenotypeFilters::new(options),
            field,
            half_call: options.half_call,
            male_x: options.male_x,
            par,
            samples: sample_map(samples.len(), None)?,
            sexes: None,
            males: None,
            everyone: vec![true; samples.len()],
            n_females: 0,
            sites_only,
            files,
            area,
        };
        let (stream, told) = match standard_input {
            Some(piped) => (piped.stream, Some(piped.told)),
            None => (None, None),
        };
        Ok(Self {
            context: Arc::new(context),
            samples,
            remarks,
            standard_input: Mutex::new(stream),
            stream_header: told,
        })
    }

    /// Sample IDs, in the files' order.
    pub fn samples(&self) -> &[String] {
        &self.samples
    }

    /// The field that genotypes are taken from.
    pub fn field(&self) -> Field {
        self.context.field
    }

    /// The kind of block that readers fill.
    pub fn kind(&self) -> GenotypeKind {
        match self.context.field {
            Field::Gt => GenotypeKind::Calls,
            Field::Ds | Field::Gp => GenotypeKind::Dosages,
        }
    }

    /// Files, in order, as given.
    pub fn paths(&self) -> Vec<&Path> {
        self.context.files.iter().map(|f| f.path.as_path()).collect()
    }

    /// A file's name without folders.
    pub fn name_of(&self, file_idx: usize) -> String {
        let name = self.context.files.get(file_idx).and_then(|f| f.path.file_name());
        name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Canonical names of the chromosomes that are read, as far as indices and headers tell.
    pub(crate) fn chromosomes_read(&self) -> Vec<String> {
        let told = self.context.files.iter().flat_map(|file| file.chromosomes().unwrap_or_default());
        let mut names: Vec<String> = told.filter(|name| self.context.area.of(name) != Wanted::Nothing).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Names of the contigs that the headers tell of, in order.
    pub fn contigs(&self) -> Vec<String> {
        let headers = self.context.files.iter().map(|file| file.header.vcf());
        headers.flat_map(|header| header.contigs.iter().map(|contig| contig.id.clone())).collect()
    }

    /// Names and lengths of the contigs that the headers tell of, in order.
    pub fn contig_lengths(&self) -> Vec<(String, Option<u64>)> {
        let headers = self.context.files.iter().map(|file| file.header.vcf());
        headers.flat_map(|header| header.contigs.iter().map(|contig| (contig.id.clone(), contig.length))).collect()
    }

    /// What was chosen, for the log.
    pub fn messages(&self) -> &[String] {
        &self.remarks.messages
    }

    /// What is likely to be a mistake, for the log: chromosomes that no file has, an index older than its file, plain
    /// gzip, X without its build, an empty list.
    pub fn warnings(&self) -> &[String] {
        &self.remarks.warnings
    }

    /// What other ranks need to know of standard input, if it is part of the input.
    pub fn stream_header(&self) -> Option<&StreamHeader> {
        self.stream_header.as_ref()
    }

    /// Restricts the input to the analysed samples. Blocks then have them alone, in this order.
    pub fn select(&mut self, selection: SampleSelection) -> Result<(), SourceError> {
        let mut context = Context::clone(&self.context);
        context.samples = sample_map(self.samples.len(), Some(selection.analysed))?;
        let n = context.samples.len();
        if selection.sex.as_ref().is_some_and(|s| s.len() != n) {
            return Err(SourceError::option("--sex", format!("not one sex for each of {n} samples")));
        }
        context.males = selection.sex.as_ref().map(|s| s.iter().map(|&sex| sex == Sex::Male).collect());
        let n_females = selection.sex.iter().flatten().filter(|&&sex| sex == Sex::Female).count();
        context.n_females = u32::try_from(n_females).unwrap_or(u32::MAX);
        context.everyone = vec![true; n];
        context.sexes = selection.sex;
        self.context = Arc::new(context);
        Ok(())
    }

    /// Cuts the input into shards of about `target_bytes` of file each.
    pub fn plan(&self, target_bytes: u64) -> Result<ShardPlan, SourceError> {
        Ok(ShardPlan::new(&self.layouts(), target_bytes))
    }

    fn layouts(&self) -> Vec<Layout> {
        self.context.files.iter().map(|f| f.layout(&self.context.area)).collect()
    }

    /// How much there is to read, from indices and the first records.
    pub fn estimate(&self) -> Result<Estimate, SourceError> {
        let plan = self.plan(u64::MAX)?;
        let mut estimate = Estimate { records: Some(0), bytes: 0 };
        for (file_idx, file) in self.context.files.iter().enumerate() {
            let cut: u64 = plan.shards.iter().filter(|s| s.file_idx == file_idx).map(|s| s.bytes).sum();
            let bytes = if plan.streams.contains(&file_idx) { file.data_len() } else { cut };
            estimate.bytes += bytes;
            let known = file.n_records().filter(|_| self.context.area.is_everything());
            let records = match known {
                Some(n) => Some(n),
                None if file.path.as_os_str() == "-" => None,
                None => Some(self.records_by_size(file_idx, bytes)?),
            };
            estimate.records = estimate.records.zip(records).map(|(a, b)| a + b);
        }
        Ok(estimate)
    }

    fn records_by_size(&self, file_idx: usize, bytes: u64) -> Result<u64, SourceError> {
        let file = &self.context.files[file_idx];
        let mut stream = file.stream(file_idx)?;
        let start = stream.offset();
        let n = match stream.next_batch(1 << 20)? {
            Some(_) => stream.n_before(),
            None => return Ok(0),
        };
        let n = n.saturating_sub(self.first_line(file_idx)).max(1);
        let taken = match file.compression {
            // A gzip stream does not tell where in the file it is: about a tenth of what was inflated.
            Compression::Gzip => (stream.offset() - start) / 10,
            _ => stream.offset() - start,
        };
        let rate = n as f64 / taken.max(1) as f64;
        Ok(((bytes as f64 * rate) as u64).max(n.min(u64::from(bytes > 0) * n)))
    }

    fn first_line(&self, file_idx: usize) -> u64 {
        match &self.context.files[file_idx].header {
            FileHeader::Vcf(header) => header.n_lines,
            FileHeader::Bcf(_) => 0,
        }
    }

    /// A reader of a shard's rows.
    pub fn reader(&self, shard: &Shard) -> Result<Box<dyn VariantSource + Send>, SourceError> {
        let file = self.file(shard.file_idx)?;
        let records = file.shard(shard)?;
        let reader = BlockReader::new(Arc::clone(&self.context), shard.file_idx, records);
        Ok(Box::new(reader.doubting(file.index_doubt(shard))))
    }

    /// The stream of a file that cannot be cut. Standard input can be taken once, by the process that opened it.
    pub fn stream(&self, file_idx: usize) -> Result<RawStream, SourceError> {
        let file = self.file(file_idx)?;
        if file.path.as_os_str() != "-" {
            return file.stream(file_idx);
        }
        let taken = match self.standard_input.lock() {
            Ok(mut held) => held.take(),
            Err(poisoned) => poisoned.into_inner().take(),
        };
        taken.ok_or_else(|| SourceError::option("--vcf", "standard input is read by another rank, or was read before"))
    }

    /// A reader of a batch's rows.
    pub fn batch_reader(&self, batch: RawBatch) -> Result<Box<dyn VariantSource + Send>, SourceError> {
        let file_idx = batch.file_idx;
        let records = self.file(file_idx)?.header.batch(batch);
        Ok(Box::new(BlockReader::new(Arc::clone(&self.context), file_idx, records)))
    }

    pub(super) fn file(&self, file_idx: usize) -> Result<&InputFile, SourceError> {
        let missing = || SourceError::option("--vcf", format!("there is no file {}", file_idx + 1));
        self.context.files.get(file_idx).ok_or_else(missing)
    }
}

fn sample_map(n_file: usize, analysed: Option<Vec<u32>>) -> Result<SampleMap, SourceError> {
    SampleMap::new(n_file, analysed)
        .ok_or_else(|| SourceError::option("--keep", "analysed samples are not columns of the file in ascending order"))
}

fn open_stream(mut inner: impl Read + Send + 'static, file_idx: usize) -> Result<StandardInput, SourceError> {
    let path = Path::new("-");
    let refuse = |source| SourceError::Header { path: "-".into(), source };
    let mut head = Vec::new();
    inner.by_ref().take(18).read_to_end(&mut head).map_err(|e| SourceError::io(path, e))?;
    if head.is_empty() {
        return Err(refuse(HeaderError::Empty));
    }
    let compression = Compression::of(&head);
    let mut source = ByteSource::stream(std::io::Cursor::new(head).chain(inner), compression);
    let (header, text) = FileHeader::read(&mut source).map_err(refuse)?;
    let mut stream = header.stream(path, file_idx, source);
    let first = first_fields(&header, &mut stream)?;
    let told = StreamHeader { is_bcf: matches!(header, FileHeader::Bcf(_)), first, text };
    Ok(StandardInput { stream: Some(stream), told, header })
}
