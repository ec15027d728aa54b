//! Aligned reads: BAM and CRAM behind one face, read by region.
//!
//! A file is checked once ([`AlignmentFile::open`]) and holds nothing open; [`AlignmentFile::reader`] opens it for a query.
//! Positions here are from 0 and ranges exclude their end.

mod bam;
mod container;
mod cram;
mod error;
mod header;
mod index;
mod record;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::format::bgzf::{Compression, has_eof_block};
use crate::format::bgzf_reader::BgzfReader;
use crate::format::fasta::Fasta;

use bam::{BamReader, check_coverage};
use cram::{CramFile, CramReader};
use index::IndexSummary;

pub use error::AlignmentError;
pub use header::{AlignmentHeader, ReadGroup, Reference, SortOrder};
pub use record::{
    AlignmentRecord, CigarKind, DUPLICATE, FIRST, MATE_UNMAPPED, NO_QUALITY, PAIRED, PROPER_PAIR, QC_FAIL, REVERSE,
    SECOND, SECONDARY, SUPPLEMENTARY, UNMAPPED,
};

/// What is needed to open alignment files.
#[derive(Debug, Clone, Default)]
pub struct AlignmentOptions {
    /// Whether CRAM is read.
    pub allow_cram: bool,
    /// The reference, without which CRAM is not read.
    pub fasta: Option<Arc<Fasta>>,
}

/// A BAM or CRAM file that was checked: whole, sorted, with an index of its own. It holds no open file.
#[derive(Debug, Clone)]
pub struct AlignmentFile {
    kind: Kind,
    header: Arc<AlignmentHeader>,
    is_empty: bool,
    index_is_older: bool,
}

#[derive(Debug, Clone)]
enum Kind {
    Bam { path: PathBuf, index: IndexSummary },
    Cram(CramFile),
}

impl AlignmentFile {
    /// Opens `path`, reads its header and index, and closes it.
    pub fn open(path: &Path, options: &AlignmentOptions) -> Result<Self, AlignmentError> {
        // Looked at before it is opened: opening a pipe waits for its other end.
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(AlignmentError::NotAFile);
        }
        let mut file = File::open(path)?;
        let mut head = Vec::new();
        Read::take(&mut file, 18).read_to_end(&mut head)?;
        if head.starts_with(b"CRAM") {
            return Self::open_cram(path, options);
        }
        check_is_bgzf(&head)?;
        if !has_eof_block(&mut file, metadata.len())? {
            return Err(AlignmentError::Truncated);
        }
        file.seek(SeekFrom::Start(0))?;
        let mut source = BgzfReader::new(file);
        let header = AlignmentHeader::read_bam(&mut source)?;
        check_order(&header)?;
        let is_empty = source.fill()?.is_empty();
        let index_path = index::beside(path, &["bai", "csi"]).ok_or(AlignmentError::NoIndex(".bai or .csi"))?;
        let index_is_older = index::is_older(&index_path, path)?;
        let lengths: Vec<u32> = header.references.iter().map(|r| r.length).collect();
        let index = IndexSummary::open(index_path, metadata.len(), &lengths)?;
        check_coverage(&mut source, &index, lengths.len())?;
        let kind = Kind::Bam { path: path.to_owned(), index };
        Ok(Self { kind, header: Arc::new(header), is_empty, index_is_older })
    }

    fn open_cram(path: &Path, options: &AlignmentOptions) -> Result<Self, AlignmentError> {
        if !options.allow_cram {
            return Err(AlignmentError::CramNotAllowed);
        }
        let fasta = options.fasta.clone().ok_or(AlignmentError::CramWithoutFasta)?;
        let index_path = index::beside(path, &["crai"]).ok_or(AlignmentError::NoIndex(".crai"))?;
        let index_is_older = index::is_older(&index_path, path)?;
        let (file, header, is_empty) = CramFile::open(path, index_path, fasta)?;
        check_order(&header)?;
        Ok(Self { kind: Kind::Cram(file), header: Arc::new(header), is_empty, index_is_older })
    }

    /// The file; its name may be a sample's, so that no message says it.
    pub fn path(&self) -> &Path {
        match &self.kind {
            Kind::Bam { path, .. } => path,
            Kind::Cram(file) => file.path(),
        }
    }

    /// The header.
    pub fn header(&self) -> &AlignmentHeader {
        &self.header
    }

    /// Takes `references` in place of its own if they are equal, so that files share memory; gives whether they are.
    pub fn share_references(&mut self, references: &Arc<[Reference]>) -> bool {
        let equal = self.header.references == *references;
        if equal {
            Arc::make_mut(&mut self.header).references = Arc::clone(references);
        }
        equal
    }

    /// Whether it has no reads at all.
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Whether the index was written before the file, so that it may be of another one.
    pub fn index_is_older(&self) -> bool {
        self.index_is_older
    }

    /// Opens the file for queries.
    pub fn reader(&self) -> Result<AlignmentReader, AlignmentError> {
        let header = Arc::clone(&self.header);
        Ok(AlignmentReader(match &self.kind {
            Kind::Bam { path, index } => Open::Bam(Box::new(BamReader::open(path, header, index.clone())?)),
            Kind::Cram(file) => Open::Cram(Box::new(CramReader::open(file.clone(), header)?)),
        }))
    }

    /// About the compressed bytes of a part of a reference, by the index.
    pub fn reference_bytes(&self, reference_idx: usize, range: Range<u32>) -> u64 {
        let length = self.header.references.get(reference_idx).map_or(0, |r| r.length);
        match &self.kind {
            Kind::Bam { index, .. } => index.bytes(reference_idx, &range, length),
            Kind::Cram(file) => file.bytes(reference_idx, &range, length),
        }
    }
}

fn check_order(header: &AlignmentHeader) -> Result<(), AlignmentError> {
    match header.sort_order {
        SortOrder::Other => Err(AlignmentError::Unsorted("its header says so".to_owned())),
        SortOrder::Coordinate | SortOrder::Unknown => Ok(()),
    }
}

fn check_is_bgzf(head: &[u8]) -> Result<(), AlignmentError> {
    match Compression::of(head) {
        Compression::Bgzf => Ok(()),
        Compression::Gzip => Err(AlignmentError::OtherFormat("a plain gzip file")),
        Compression::Plain if head.is_empty() => Err(AlignmentError::OtherFormat("the file has no bytes")),
        Compression::Plain if head.starts_with(b"@") => {
            Err(AlignmentError::OtherFormat("SAM text; samtools sort makes a BAM of it"))
        }
        Compression::Plain => Err(AlignmentError::OtherFormat("it does not begin as one")),
    }
}

/// An open alignment file. Dropping it closes the file.
pub struct AlignmentReader(Open);

enum Open {
    Bam(Box<BamReader>),
    Cram(Box<CramReader>),
}

impl AlignmentReader {
    /// Starts on the records that overlap a part of a reference.
    pub fn query(&mut self, reference_idx: usize, range: Range<u32>) -> Result<(), AlignmentError> {
        match &mut self.0 {
            Open::Bam(reader) => reader.query(reference_idx, range),
            Open::Cram(reader) => {
                reader.query(reference_idx, range);
                Ok(())
            }
        }
    }

    /// The next of those records, by position; false after the last. Unplaced reads stand at their mate's position.
    pub fn next(&mut self, record: &mut AlignmentRecord) -> Result<bool, AlignmentError> {
        match &mut self.0 {
            Open::Bam(reader) => reader.next(record),
            Open::Cram(reader) => reader.next(record),
        }
    }

    /// Says that records which end at `position` or before it are not needed any more. Where the index tells that it pays,
    /// they are not read.
    pub fn skip_to(&mut self, position: u32) -> Result<(), AlignmentError> {
        match &mut self.0 {
            Open::Bam(reader) => reader.skip_to(position),
            Open::Cram(reader) => {
                reader.skip_to(position);
                Ok(())
            }
        }
    }

    /// Whether records' read groups are looked up, which costs some time; at first they are if there are any.
    pub fn look_for_read_groups(&mut self, yes: bool) {
        match &mut self.0 {
            Open::Bam(reader) => reader.look_for_read_groups(yes),
            Open::Cram(reader) => reader.look_for_read_groups(yes),
        }
    }
}
