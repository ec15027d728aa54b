//! The genotype input as a whole: its files opened and matched, what was chosen, and readers of its shards.

use std::io::{Read, stdin};
use std::path::Path;
use std::sync::{Arc, Mutex};

use norna_kernels::GenotypeKind;

use crate::format::bgzf::Compression;
use crate::format::bgzf_source::ByteSource;
use crate::format::chromosome::{Build, ChromosomeClass, class};
use crate::format::regions::Regions;
use crate::format::vcf_call::SampleMap;
use crate::format::vcf_header::HeaderError;
use crate::shard::{Layout, Shard, ShardPlan};

use super::VariantSource;
use super::error::SourceError;
use super::file::{FileHeader, InputFile};
use super::filter::{Area, GenotypeFilters, VariantList};
use super::options::{Field, HalfCall, InputOptions, MaleX};
use super::reader::BlockReader;
use super::stream::{RawBatch, RawStream};
use crate::format::sex::Sex;

/// Inflated bytes of the first records that are looked at to choose the field.
const FIRST_BYTES: u64 = 1 << 16;
/// Records of those.
const FIRST_RECORDS: usize = 20;

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
    has_ds: bool,
    has_gp: bool,
    text: Vec<u8>,
}

impl StreamHeader {
    /// Bytes for another rank.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.is_bcf), u8::from(self.has_ds), u8::from(self.has_gp)];
        bytes.extend_from_slice(&self.text);
        bytes
    }

    /// The header of such bytes; none if they are too few.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[is_bcf, has_ds, has_gp], text) = bytes.split_first_chunk()?;
        Some(Self { is_bcf: is_bcf != 0, has_ds: has_ds != 0, has_gp: has_gp != 0, text: text.to_vec() })
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
}

/// Genotype input, opened.
pub struct Input {
    context: Arc<Context>,
    samples: Vec<String>,
    messages: Vec<String>,
    standard_input: Mutex<Option<RawStream>>,
    stream_header: Option<StreamHeader>,
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
        Self::open_with(options, standard_input)
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
        Self::open_with(options, Some(StandardInput { stream: None, told: told.clone(), header }))
    }

    #[cfg(test)]
    pub(crate) fn open_piped(options: &InputOptions, bytes: Vec<u8>) -> Result<Self, SourceError> {
        let piped = open_stream(std::io::Cursor::new(bytes), 0)?;
        Self::open_with(options, Some(piped))
    }

    fn open_with(options: &InputOptions, standard_input: Option<StandardInput>) -> Result<Self, SourceError> {
        options.check()?;
        let area = Area::new(options)?;
        let mut messages = Vec::new();
        let mut files = Vec::with_capacity(options.paths.len());
        for path in &options.paths {
            let file = match &standard_input {
                Some(piped) if path.as_os_str() == "-" => InputFile::standard_input(piped.header.clone()),
                _ => InputFile::open(path, &area, &mut messages)?,
            };
            if file.header.vcf().samples.is_empty() {
                return Err(SourceError::NoSamples { path: path.display().to_string() });
            }
            files.push(file);
        }
        check_samples(&files)?;
        let field = choose_field(options.field, &files, standard_input.as_ref(), &mut messages)?;
        note_unknown_chromosomes(&files, &area, &mut messages);
        let samples = files[0].header.vcf().samples.clone();
        let context = Context {
            pass_only: options.pass_only,
            min_info: options.min_info,
            info_keys: info_keys(options.min_info, &files, &mut messages)?,
            extract: options.extract.as_deref().map(VariantList::open).transpose()?,
            exclude: options.exclude.as_deref().map(VariantList::open).transpose()?,
            genotype_filters: GenotypeFilters::new(options),
            field,
            half_call: options.half_call,
            male_x: options.male_x,
            par: pseudo_autosomal(options, &files, &mut messages)?,
            samples: sample_map(samples.len(), None)?,
            sexes: None,
            males: None,
            everyone: vec![true; samples.len()],
            n_females: 0,
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
            messages,
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

    /// What was chosen and what is worth a word, for the log.
    pub fn messages(&self) -> &[String] {
        &self.messages
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
        Ok(Box::new(BlockReader::new(Arc::clone(&self.context), shard.file_idx, records)))
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

    fn file(&self, file_idx: usize) -> Result<&InputFile, SourceError> {
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
    let (has_ds, has_gp) = first_fields(&header, &mut stream)?;
    let told = StreamHeader { is_bcf: matches!(header, FileHeader::Bcf(_)), has_ds, has_gp, text };
    Ok(StandardInput { stream: Some(stream), told, header })
}

/// Whether the first records of a stream have DS and GP. A record that cannot be read is left to the readers to report.
fn first_fields(header: &FileHeader, stream: &mut RawStream) -> Result<(bool, bool), SourceError> {
    let Some(batch) = stream.peek(FIRST_BYTES)? else { return Ok((false, false)) };
    let mut records = header.batch(batch.clone());
    let (mut has_ds, mut has_gp) = (false, false);
    for _ in 0..FIRST_RECORDS {
        if !matches!(records.advance(), Ok(true)) {
            break;
        }
        has_ds |= records.site().fields.ds;
        has_gp |= records.site().fields.gp;
    }
    Ok((has_ds, has_gp))
}

/// Files of one run have the same samples in the same order.
fn check_samples(files: &[InputFile]) -> Result<(), SourceError> {
    let first = &files[0];
    let expected = &first.header.vcf().samples;
    for file in &files[1..] {
        let samples = &file.header.vcf().samples;
        if samples == expected {
            continue;
        }
        let known: std::collections::HashSet<&String> = expected.iter().collect();
        let n_shared = samples.iter().filter(|s| known.contains(s)).count();
        let problem = if n_shared == expected.len() && n_shared == samples.len() {
            "the same samples in another order; reorder with bcftools view -S".to_owned()
        } else {
            format!(
                "{} samples against {}, {n_shared} in both; take the same ones from each with bcftools view -S",
                samples.len(),
                expected.len()
            )
        };
        let name = |f: &InputFile| f.path.display().to_string();
        return Err(SourceError::SamplesDiffer { path: name(file), first: name(first), problem });
    }
    Ok(())
}

/// The field asked for, or DS where every file with records has it, else GT.
fn choose_field(
    asked: Option<Field>,
    files: &[InputFile],
    standard_input: Option<&StandardInput>,
    messages: &mut Vec<String>,
) -> Result<Field, SourceError> {
    let mut missing = Vec::new();
    let wanted = asked.unwrap_or(Field::Ds);
    for (file_idx, file) in files.iter().enumerate() {
        if wanted == Field::Gt {
            break;
        }
        let declared = file.header.vcf().has_format(wanted.name());
        let (has_ds, has_gp) = match standard_input {
            Some(piped) if file.path.as_os_str() == "-" => (piped.told.has_ds, piped.told.has_gp),
            _ if !declared && asked.is_none() => (false, false),
            _ => first_fields(&file.header, &mut file.stream(file_idx)?)?,
        };
        let present = if wanted == Field::Gp { has_gp } else { has_ds };
        let found = if asked.is_some() { declared || present } else { declared && present };
        if !found {
            missing.push(file.path.display().to_string());
        }
    }
    let field = match (asked, missing.first()) {
        (Some(field), Some(path)) => {
            let problem = format!("{path} has no {}, neither in its header nor in its first records", field.name());
            return Err(SourceError::option("--field", problem));
        }
        (Some(field), None) => field,
        (None, Some(_)) => Field::Gt,
        (None, None) => Field::Ds,
    };
    messages.push(match (asked, field) {
        (Some(_), _) => format!("genotypes are read from {} (--field)", field.name()),
        (None, Field::Gt) if missing.len() < files.len() => {
            format!("genotypes are read from GT: {} of {} files have no DS", missing.len(), files.len())
        }
        (None, Field::Gt) => "genotypes are read from GT (there is no DS)".to_owned(),
        (None, _) => "genotypes are read from DS, with GT where it is missing (--field GT for hard calls)".to_owned(),
    });
    Ok(field)
}

/// With `--min-info`, the first of INFO, R2 and DR2 that each header declares.
fn info_keys(
    min_info: Option<f64>,
    files: &[InputFile],
    messages: &mut Vec<String>,
) -> Result<Vec<&'static str>, SourceError> {
    if min_info.is_none() {
        return Ok(Vec::new());
    }
    let mut keys = Vec::with_capacity(files.len());
    for file in files {
        let path = file.path.display();
        let key = ["INFO", "R2", "DR2"].into_iter().find(|key| file.header.vcf().has_info(key));
        let key = key.ok_or_else(|| {
            SourceError::option(
                "--min-info",
                format!("{path}: the header declares none of INFO/INFO, INFO/R2 and INFO/DR2"),
            )
        })?;
        messages.push(format!("{path}: --min-info looks at INFO/{key}"));
        keys.push(key);
    }
    Ok(keys)
}

/// Pseudo-autosomal intervals of X: a file's, a build's, or those of the build whose X has the header's length.
fn pseudo_autosomal(
    options: &InputOptions,
    files: &[InputFile],
    messages: &mut Vec<String>,
) -> Result<Option<Vec<(u32, u32)>>, SourceError> {
    if let Some(path) = &options.par_file {
        let mut regions = Regions::default();
        regions.add_file(path)?;
        let intervals = regions.of("X").to_vec();
        if intervals.is_empty() {
            return Err(SourceError::option("--par-file", format!("{} has no region on X", path.display())));
        }
        return Ok(Some(intervals));
    }
    if let Some(build) = options.build {
        return Ok(Some(build.par().to_vec()));
    }
    let contigs = files.iter().flat_map(|f| &f.header.vcf().contigs);
    let x_lengths =
        contigs.filter(|c| class(&c.id) == ChromosomeClass::X).map(|c| c.length.and_then(Build::from_x_length));
    let mut builds: Vec<Option<Build>> = x_lengths.collect();
    builds.dedup();
    match builds[..] {
        [Some(build)] => {
            messages.push(format!(
                "the header's length of X is that of {}: its pseudo-autosomal regions are used",
                build.name()
            ));
            Ok(Some(build.par().to_vec()))
        }
        _ => Ok(None),
    }
}

fn note_unknown_chromosomes(files: &[InputFile], area: &Area, messages: &mut Vec<String>) {
    let known: Option<Vec<Vec<String>>> = files.iter().map(InputFile::chromosomes).collect();
    let Some(known) = known else { return };
    let unknown: Vec<String> =
        area.named().into_iter().filter(|name| !known.iter().any(|k| k.contains(name))).collect();
    if !unknown.is_empty() {
        messages.push(format!("no file has these chromosomes: {}", unknown.join(", ")));
    }
}
