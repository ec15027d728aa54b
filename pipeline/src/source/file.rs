//! One input file: what kind it is, its header, its index, and where its first record starts.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::format::bcf::BcfRecords;
use crate::format::bcf_header::{BcfHeader, is_bcf};
use crate::format::bgzf::{Compression, VirtualOffset, has_eof_block, truncated};
use crate::format::bgzf_source::ByteSource;
use crate::format::chromosome::canonical;
use crate::format::index::{self, VariantIndex};
use crate::format::vcf::VcfRecords;
use crate::format::vcf_header::{HeaderError, VcfHeader};
use crate::format::vcf_site::{RecordError, RecordPlace, RecordReader, Until};
use crate::shard::{Cut, Layout, Shard};

use super::error::SourceError;
use super::filter::{Area, Wanted};
use super::options::Remarks;
use super::stream::{Framing, RawBatch, RawStream};

/// Parts of a file that lie this near one another are read in one go.
const NEAR: u64 = 1 << 16;
/// Intervals this near one another are looked up together: an index knows no finer.
const NEAR_BASES: u32 = 1 << 14;
/// Largest files in which the lines before a faulty record are counted.
const MAX_COUNTED: u64 = 1 << 30;
const MAX_COUNTED_BGZF: u64 = 1 << 26;

/// The header, by kind of file.
#[derive(Debug, Clone)]
pub(crate) enum FileHeader {
    Vcf(VcfHeader),
    Bcf(Arc<BcfHeader>),
}

impl FileHeader {
    /// Reads the header of either kind; gives its text too.
    pub(crate) fn read(source: &mut ByteSource) -> Result<(Self, Vec<u8>), HeaderError> {
        let head = source.fill()?;
        if head.first() == Some(&b'B') {
            if head.len() >= 3 && !is_bcf(head) {
                return Err(HeaderError::NotVcf);
            }
            let (header, text) = BcfHeader::read(source)?;
            return Ok((Self::Bcf(Arc::new(header)), text));
        }
        let (header, text) = VcfHeader::read(source)?;
        Ok((Self::Vcf(header), text))
    }

    /// What both kinds say.
    pub(crate) fn vcf(&self) -> &VcfHeader {
        match self {
            Self::Vcf(header) => header,
            Self::Bcf(header) => &header.vcf,
        }
    }

    fn framing(&self) -> Framing {
        match self {
            Self::Vcf(_) => Framing::Lines,
            Self::Bcf(_) => Framing::Bcf,
        }
    }

    /// A stream of the records after the header.
    pub(crate) fn stream(&self, path: &Path, file_idx: usize, source: ByteSource) -> RawStream {
        let n_before = match self {
            Self::Vcf(header) => header.n_lines,
            Self::Bcf(_) => 0,
        };
        RawStream::new(path.to_owned(), file_idx, source, self.framing(), n_before)
    }

    /// A reader of a batch's records.
    pub(crate) fn batch(&self, batch: RawBatch) -> Box<dyn RecordReader> {
        let source = ByteSource::Memory(batch.bytes, 0);
        match self {
            Self::Vcf(header) => {
                Box::new(VcfRecords::new(source, Until::Input, header.samples.len(), Some(batch.n_before)))
            }
            Self::Bcf(header) => {
                Box::new(BcfRecords::new(source, Until::Input, Arc::clone(header), Some(batch.n_before)))
            }
        }
    }
}

/// One file of the input.
#[derive(Debug, Clone)]
pub(crate) struct InputFile {
    /// As given; `-` is standard input.
    pub(crate) path: PathBuf,
    pub(crate) header: FileHeader,
    pub(crate) compression: Compression,
    /// Bytes in the file; 0 for standard input.
    pub(crate) len: u64,
    /// Device and inode; none for standard input.
    pub(crate) identity: Option<(u64, u64)>,
    data_start: VirtualOffset,
    index: Option<Arc<VariantIndex>>,
    index_path: Option<PathBuf>,
}

impl InputFile {
    /// Opens a file, reads its header and, where one is of use, its index.
    /// `in_parts`: stretches of it will be asked for.
    pub(crate) fn open(path: &Path, area: &Area, in_parts: bool, remarks: &mut Remarks) -> Result<Self, SourceError> {
        let io = |e| SourceError::io(path, e);
        let metadata = std::fs::metadata(path).map_err(io)?;
        if metadata.is_dir() {
            return Err(io(io::Error::other("is a directory")));
        }
        if !metadata.is_file() {
            let problem = "not a regular file: it cannot be read twice; give - and pipe it in";
            return Err(io(io::Error::other(problem)));
        }
        let mut file = File::open(path).map_err(io)?;
        let (len, identity) = (metadata.len(), Some((metadata.dev(), metadata.ino())));
        let mut head = Vec::new();
        file.by_ref().take(18).read_to_end(&mut head).map_err(io)?;
        let compression = Compression::of(&head);
        if compression == Compression::Bgzf && !has_eof_block(&mut file, len).map_err(io)? {
            return Err(SourceError::io(path, truncated()));
        }
        let mut source = ByteSource::open(file, compression).map_err(io)?;
        let header = FileHeader::read(&mut source);
        let (header, _) = header.map_err(|source| SourceError::Header { path: path.display().to_string(), source })?;
        let data_start = source.address();
        check_first_record(path, &header, source)?;
        let mut opened = Self {
            path: path.to_owned(),
            header,
            compression,
            len,
            identity,
            data_start,
            index: None,
            index_path: None,
        };
        opened.warn_of_streams(remarks);
        let is_bcf = matches!(opened.header, FileHeader::Bcf(_));
        if compression == Compression::Bgzf && (is_bcf || in_parts || !area.is_everything()) {
            opened.index = opened.open_index(remarks)?;
            opened.index_path = opened.index.as_ref().and_then(|_| index::beside(path));
        }
        Ok(opened)
    }

    /// Opens a file whose records are looked up.
    pub(crate) fn open_for_records(path: &Path) -> Result<Self, SourceError> {
        Self::open(path, &Area::default(), false, &mut Remarks::default())
    }

    /// The index, read if it was not of use so far; none where there is none.
    pub(crate) fn require_index(&mut self) -> Result<Option<Arc<VariantIndex>>, SourceError> {
        if self.index.is_none() && self.compression == Compression::Bgzf {
            self.index = self.open_index(&mut Remarks::default())?;
        }
        Ok(self.index.clone())
    }

    /// Where the first record starts.
    pub(crate) fn data_start(&self) -> VirtualOffset {
        self.data_start
    }

    /// The records from one that starts at `start` to the end of the file.
    pub(crate) fn records_from(&self, start: VirtualOffset) -> Result<Box<dyn RecordReader>, SourceError> {
        let io = |e| SourceError::io(&self.path, e);
        let mut source = self.open_source().map_err(io)?;
        source.seek(start).map_err(io)?;
        Ok(match &self.header {
            FileHeader::Vcf(header) => Box::new(VcfRecords::new(source, Until::Input, header.samples.len(), None)),
            FileHeader::Bcf(header) => Box::new(BcfRecords::new(source, Until::Input, Arc::clone(header), None)),
        })
    }

    /// Standard input, whose header was read already.
    pub(crate) fn standard_input(header: FileHeader) -> Self {
        Self {
            path: "-".into(),
            header,
            compression: Compression::Plain,
            len: 0,
            identity: None,
            data_start: VirtualOffset::default(),
            index: None,
            index_path: None,
        }
    }

    fn warn_of_streams(&self, remarks: &mut Remarks) {
        let path = self.path.display();
        match (&self.header, self.compression) {
            (_, Compression::Gzip) => remarks.warnings.push(format!(
                "{path}: gzip, not bgzip: one process reads it in one stream; \
                 recompress it with bgzip (gunzip -c FILE | bgzip -c) to read it in parallel"
            )),
            (FileHeader::Bcf(_), Compression::Plain) => remarks.messages.push(format!(
                "{path}: uncompressed BCF: one process reads it in one stream; write it with bcftools view -Ob and index it"
            )),
            _ => {}
        }
    }

    fn open_index(&self, remarks: &mut Remarks) -> Result<Option<Arc<VariantIndex>>, SourceError> {
        let path = self.path.display();
        let Some(index_path) = index::beside(&self.path) else {
            remarks.messages.push(match self.header {
                FileHeader::Bcf(_) => {
                    format!("{path}: no index (.csi): one process reads it in one stream; bcftools index {path} helps")
                }
                FileHeader::Vcf(_) => {
                    format!("{path}: no index (.csi or .tbi): all of it is read to find the regions")
                }
            });
            return Ok(None);
        };
        let modified = |p: &Path| std::fs::metadata(p).and_then(|m| m.modified()).ok();
        if modified(&index_path) < modified(&self.path) {
            remarks.warnings.push(format!("{}: the index is older than its file", index_path.display()));
        }
        let index = VariantIndex::open(&index_path, self.len)
            .map_err(|source| SourceError::Index { path: index_path.display().to_string(), source })?;
        remarks.messages.push(format!("{path}: read by its index {}", index_path.display()));
        Ok(Some(Arc::new(index)))
    }

    /// Whether one rank has to read it.
    pub(crate) fn is_stream(&self) -> bool {
        let is_bcf = matches!(self.header, FileHeader::Bcf(_));
        self.path.as_os_str() == "-" || self.compression == Compression::Gzip || (is_bcf && self.index.is_none())
    }

    /// How it can be cut.
    pub(crate) fn layout(&self, area: &Area) -> Layout {
        if self.is_stream() {
            return Layout::Stream;
        }
        let whole = || vec![(Cut::Record(self.data_start), Cut::Byte(self.len))];
        let ranges = match &self.index {
            Some(index) if !area.is_everything() => self.indexed_ranges(index, area),
            _ => whole(),
        };
        match (&self.header, &self.index) {
            (FileHeader::Bcf(_), Some(index)) => Layout::Records(ranges, index.record_starts()),
            _ => Layout::Lines(ranges),
        }
    }

    fn indexed_ranges(&self, index: &VariantIndex, area: &Area) -> Vec<(Cut, Cut)> {
        let mut ranges = Vec::new();
        for (reference_idx, name) in self.index_names(index).into_iter().enumerate() {
            let Some(name) = name else { continue };
            let intervals = match area.of(&canonical(&name)) {
                Wanted::Nothing => continue,
                Wanted::Everything => vec![(0, u32::MAX)],
                Wanted::Intervals(intervals) => join_near(&intervals),
            };
            for (from, to) in intervals {
                ranges.extend(index.query(reference_idx, from, to));
            }
        }
        let mut near: Vec<(VirtualOffset, VirtualOffset)> = Vec::new();
        for (start, end) in index::merge(ranges) {
            match near.last_mut() {
                Some(last) if start.compressed().saturating_sub(last.1.compressed()) <= NEAR => last.1 = end,
                _ => near.push((start, end)),
            }
        }
        near.into_iter().map(|(start, end)| (Cut::Record(start), Cut::Record(end))).collect()
    }

    pub(crate) fn index_names(&self, index: &VariantIndex) -> Vec<Option<String>> {
        match &self.header {
            FileHeader::Bcf(header) => header.contigs().to_vec(),
            FileHeader::Vcf(_) => index.names().iter().cloned().map(Some).collect(),
        }
    }

    /// Canonical names of the chromosomes that the index, else the header's contigs tell of; none where nothing tells.
    pub(crate) fn chromosomes(&self) -> Option<Vec<String>> {
        let names: Vec<String> = match &self.index {
            Some(index) => self.index_names(index).into_iter().flatten().collect(),
            None => self.header.vcf().contigs.iter().map(|c| c.id.clone()).collect(),
        };
        Some(names.iter().map(|n| canonical(n)).collect()).filter(|names: &Vec<String>| !names.is_empty())
    }

    /// Canonical names of the chromosomes that the index has records of.
    pub(crate) fn chromosomes_indexed(&self) -> Vec<String> {
        let Some(index) = &self.index else { return Vec::new() };
        let names = self.index_names(index).into_iter().enumerate();
        let there = names.filter(|(idx, _)| !index.query(*idx, 0, u32::MAX).is_empty());
        there.filter_map(|(_, name)| Some(canonical(&name?))).collect()
    }

    /// Whether nothing follows the last place that the index knows of; true without an index.
    pub(crate) fn is_covered(&self) -> Result<bool, SourceError> {
        let Some(end) = self.index.as_ref().and_then(|index| index.end()) else { return Ok(true) };
        let io = |e| SourceError::io(&self.path, e);
        let mut source = self.open_source().map_err(io)?;
        source.seek(end).map_err(io)?;
        Ok(source.fill().map_err(io)?.is_empty())
    }

    /// Whether an index is at hand.
    pub(crate) fn is_indexed(&self) -> bool {
        self.index.is_some()
    }

    /// Records in it, where the index tells.
    pub(crate) fn n_records(&self) -> Option<u64> {
        self.index.as_ref()?.n_records()
    }

    /// Bytes of the file between its first record and its end.
    pub(crate) fn data_len(&self) -> u64 {
        self.len.saturating_sub(self.data_start.compressed())
    }

    fn open_source(&self) -> io::Result<ByteSource> {
        ByteSource::open(File::open(&self.path)?, self.compression)
    }

    /// A stream of all its records. Not for standard input.
    pub(crate) fn stream(&self, file_idx: usize) -> Result<RawStream, SourceError> {
        let mut source = self.open_source().map_err(|e| SourceError::io(&self.path, e))?;
        let header = FileHeader::read(&mut source);
        header.map_err(|source| SourceError::Header { path: self.path.display().to_string(), source })?;
        Ok(self.header.stream(&self.path, file_idx, source))
    }

    /// What to say where a shard that an index led to cannot even be begun.
    pub(crate) fn index_doubt(&self, shard: &Shard) -> Option<String> {
        let path = self.index_path.as_ref()?.display();
        let led = matches!(shard.start, Cut::Record(at) if at != self.data_start);
        led.then(|| {
            format!(" (where the index {path} points; make it again with bcftools index -f if it is of another file)")
        })
    }

    /// A reader of a shard's records.
    pub(crate) fn shard(&self, shard: &Shard) -> Result<Box<dyn RecordReader>, SourceError> {
        let io = |e| SourceError::io(&self.path, e);
        let begin = |e: io::Error| match self.index_doubt(shard) {
            Some(doubt) => io(io::Error::new(e.kind(), format!("{e}{doubt}"))),
            None => io(e),
        };
        let mut source = self.open_source().map_err(io)?;
        let until = match shard.end {
            Cut::Record(at) => Until::Record(at),
            Cut::Byte(at) => Until::Block(at),
        };
        match (&self.header, shard.start) {
            (FileHeader::Vcf(header), Cut::Record(at)) => {
                source.seek(at).map_err(begin)?;
                let n_lines = (at == self.data_start).then_some(header.n_lines);
                Ok(Box::new(VcfRecords::new(source, until, header.samples.len(), n_lines)))
            }
            (FileHeader::Vcf(header), Cut::Byte(at)) => {
                let until = if source.seek_block(at, self.len).map_err(io)? { until } else { Until::Block(0) };
                let records = VcfRecords::after_first_newline(source, until, header.samples.len());
                let records = records.map_err(|e| match e {
                    RecordError::Io(e) => SourceError::io(&self.path, e),
                    RecordError::Field(e) => SourceError::io(&self.path, io::Error::other(e.problem)),
                })?;
                Ok(Box::new(records))
            }
            (FileHeader::Bcf(header), start) => {
                if let Cut::Record(at) = start {
                    source.seek(at).map_err(begin)?;
                }
                let n_before = (start == Cut::Record(self.data_start)).then_some(0);
                Ok(Box::new(BcfRecords::new(source, until, Arc::clone(header), n_before)))
            }
        }
    }

    /// Number of the line that starts at `at`, if counting the lines before it is quick enough.
    pub(crate) fn line_number(&self, at: VirtualOffset) -> Option<u64> {
        let most = if self.compression == Compression::Bgzf { MAX_COUNTED_BGZF } else { MAX_COUNTED };
        if self.len > most || matches!(self.header, FileHeader::Bcf(_)) {
            return None;
        }
        let mut source = self.open_source().ok()?;
        let mut n = 1;
        loop {
            let here = source.address();
            let bytes = source.fill().ok()?;
            if bytes.is_empty() {
                return None;
            }
            let left = match self.compression {
                Compression::Bgzf if here.compressed() == at.compressed() => at.0.checked_sub(here.0)?,
                Compression::Bgzf => u64::MAX,
                _ => at.compressed().checked_sub(here.compressed())?,
            };
            let take = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            n += memchr::memchr_iter(b'\n', &bytes[..take]).count() as u64;
            if take as u64 == left {
                return Some(n);
            }
            source.consume(take);
        }
    }
}

/// Refuses a file whose first record has not the header's samples before anything is made as large as the header says.
/// Any other fault is left to the readers.
fn check_first_record(path: &Path, header: &FileHeader, source: ByteSource) -> Result<(), SourceError> {
    let FileHeader::Vcf(vcf) = header else { return Ok(()) };
    let mut records = VcfRecords::new(source, Until::Input, vcf.samples.len(), Some(vcf.n_lines));
    if vcf.samples.is_empty() || !matches!(records.advance(), Ok(true)) {
        return Ok(());
    }
    records.check_samples().map_err(|e| {
        let site = records.site();
        let line = match records.place() {
            RecordPlace::Line(n) => n,
            _ => vcf.n_lines + 1,
        };
        SourceError::Record {
            path: path.display().to_string(),
            place: format!("line {line} ({}:{})", site.chrom, site.pos),
            field: e.field.to_owned(),
            problem: e.problem,
        }
    })
}

fn join_near(intervals: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut joined: Vec<(u32, u32)> = Vec::new();
    for &(from, to) in intervals {
        match joined.last_mut() {
            Some(last) if from.saturating_sub(last.1) <= NEAR_BASES => last.1 = to,
            _ => joined.push((from, to)),
        }
    }
    joined
}
