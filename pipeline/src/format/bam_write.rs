//! Writing sorted BAM with its index: noodles' encoder and indexer behind a plain record.

use std::fs::File;
use std::io::{self, Read, Write};
use std::num::NonZero;
use std::path::Path;

use noodles::bam;
use noodles::bgzf;
use noodles::bgzf::io::writer::CompressionLevel;
use noodles::core::Position;
use noodles::csi::binning_index::Indexer;
use noodles::csi::binning_index::index::reference_sequence::{bin::Chunk, index::LinearIndex};
use noodles::sam;
use noodles::sam::alignment::RecordBuf;
use noodles::sam::alignment::io::Write as _;
use noodles::sam::alignment::record::cigar::{Op, op::Kind};
use noodles::sam::alignment::record::data::field::Tag;
use noodles::sam::alignment::record::{Flags, MappingQuality};
use noodles::sam::alignment::record_buf::data::field::Value;
use noodles::sam::header::record::value::Map;
use noodles::sam::header::record::value::map::{self, Program, ReadGroup};

/// Longest reference that a BAI can index.
pub const MAX_REFERENCE_LEN: u32 = 1 << 29;

/// Longest header that is read back.
const MAX_HEADER_LEN: u32 = 1 << 28;

/// The text of a BAM's header, whatever is behind it.
///
/// # Errors
/// The file's; no BAM; a header that is no text.
pub fn header_text(path: &Path) -> io::Result<String> {
    let mut reader = bgzf::io::Reader::new(File::open(path)?);
    let (mut magic, mut length) = ([0; 4], [0; 4]);
    reader.read_exact(&mut magic)?;
    reader.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if magic != *b"BAM\x01" || length > MAX_HEADER_LEN {
        return Err(invalid("no BAM"));
    }
    let mut text = String::new();
    let n = reader.take(u64::from(length)).read_to_string(&mut text)?;
    if n == length as usize { Ok(text) } else { Err(invalid("it ends in its header")) }
}

/// What the header says.
#[derive(Debug, Clone, Copy)]
pub struct BamHeader<'a> {
    /// Names, lengths of at least 1, and MD5 of the bases.
    pub references: &'a [(&'a str, u32, [u8; 16])],
    /// ID of the one read group.
    pub read_group: &'a str,
    /// Its sample.
    pub sample: &'a str,
    /// A comment line.
    pub comment: &'a str,
    /// Version of the program that writes.
    pub version: &'a str,
}

/// An alignment of two clipped ends at most and no gap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BamRecord {
    /// Name.
    pub name: Vec<u8>,
    /// FLAG.
    pub flags: u16,
    /// Number of the reference.
    pub reference_idx: usize,
    /// First aligned base, 0-based; of an unmapped read, its mate's.
    pub start: u32,
    /// MAPQ.
    pub mapq: u8,
    /// Bases that are clipped, aligned, clipped; none is aligned where the read is unmapped.
    pub cigar: [u32; 3],
    /// Start of the mate, 0-based, on the same reference; none without a mate.
    pub mate_start: Option<u32>,
    /// TLEN.
    pub template_length: i32,
    /// Bases as letters.
    pub bases: Vec<u8>,
    /// Base qualities, as many.
    pub qualities: Vec<u8>,
}

impl BamRecord {
    /// FLAG: the read is unmapped.
    pub const UNMAPPED: u16 = 0x4;
}

/// Writes one file and makes its index.
pub struct BamWriter<W: Write> {
    inner: bam::io::Writer<bgzf::io::Writer<W>>,
    header: sam::Header,
    index: Indexer<LinearIndex>,
    at: bgzf::VirtualPosition,
    record: RecordBuf,
}

impl<W: Write> BamWriter<W> {
    /// Begins the file. `level`: of compression, 1 (fast) to 12.
    ///
    /// # Errors
    /// The writer's, or a header that cannot be.
    pub fn new(out: W, header: &BamHeader<'_>, level: u8) -> io::Result<Self> {
        let read_group = header.read_group.as_bytes().to_vec();
        let header = sam_header(header)?;
        let level = CompressionLevel::new(level).unwrap_or(CompressionLevel::FAST);
        let bgzip = bgzf::io::writer::Builder::default().set_compression_level(level).build_from_writer(out);
        let mut inner = bam::io::Writer::from(bgzip);
        inner.write_header(&header)?;
        inner.get_mut().flush()?;
        let at = inner.get_ref().virtual_position();
        let mut record = RecordBuf::default();
        record.data_mut().insert(Tag::READ_GROUP, Value::String(read_group.into()));
        Ok(Self { inner, header, index: Indexer::default(), at, record })
    }

    /// Adds a record that starts no earlier than the last one.
    ///
    /// # Errors
    /// The writer's; a record out of order or beyond its reference.
    pub fn write(&mut self, record: &BamRecord) -> io::Result<()> {
        let mapped = record.flags & BamRecord::UNMAPPED == 0;
        let start = position(record.start)?;
        let last = record.start + if mapped { record.cigar[1].max(1) - 1 } else { 0 };
        let buf = &mut self.record;
        let name = buf.name_mut().get_or_insert_default();
        name.clear();
        name.extend_from_slice(&record.name);
        *buf.flags_mut() = Flags::from(record.flags);
        *buf.reference_sequence_id_mut() = Some(record.reference_idx);
        *buf.alignment_start_mut() = Some(start);
        *buf.mapping_quality_mut() = MappingQuality::new(record.mapq);
        let cigar = buf.cigar_mut().as_mut();
        cigar.clear();
        if mapped {
            let kinds = [Kind::SoftClip, Kind::Match, Kind::SoftClip];
            let ops = kinds.into_iter().zip(record.cigar).filter(|(_, n)| *n > 0);
            cigar.extend(ops.map(|(kind, n)| Op::new(kind, n as usize)));
        }
        *buf.mate_reference_sequence_id_mut() = record.mate_start.map(|_| record.reference_idx);
        *buf.mate_alignment_start_mut() = record.mate_start.map(position).transpose()?;
        *buf.template_length_mut() = record.template_length;
        copy(&record.bases, buf.sequence_mut().as_mut());
        copy(&record.qualities, buf.quality_scores_mut().as_mut());
        self.inner.write_alignment_record(&self.header, &self.record)?;
        let from = std::mem::replace(&mut self.at, self.inner.get_ref().virtual_position());
        let place = (record.reference_idx, start, position(last)?, mapped);
        self.index.add_record(Some(place), Chunk::new(from, self.at)).map_err(invalid)
    }

    /// Ends the file; what it was written to, and the bytes of its BAI.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self) -> io::Result<(W, Vec<u8>)> {
        self.inner.try_finish()?;
        let index = self.index.build(self.header.reference_sequences().len());
        let mut bytes = bam::bai::io::Writer::new(Vec::new());
        bytes.write_index(&index)?;
        Ok((self.inner.into_inner().into_inner(), bytes.into_inner()))
    }
}

fn sam_header(header: &BamHeader<'_>) -> io::Result<sam::Header> {
    use map::header::{sort_order, tag::SORT_ORDER};
    use map::program::tag as program;
    use map::read_group::tag as read_group;
    use map::reference_sequence::tag::MD5_CHECKSUM;

    let mut first = Map::<map::Header>::new(map::header::Version::new(1, 6));
    first.other_fields_mut().insert(SORT_ORDER, sort_order::COORDINATE.into());
    let group = Map::<ReadGroup>::builder()
        .insert(read_group::SAMPLE, header.sample)
        .insert(read_group::LIBRARY, "simulated")
        .insert(read_group::PLATFORM, "ILLUMINA");
    let made_by = Map::<Program>::builder().insert(program::NAME, "norna").insert(program::VERSION, header.version);
    let mut builder = sam::Header::builder()
        .set_header(first)
        .add_read_group(header.read_group, group.build().map_err(invalid)?)
        .add_program("norna", made_by.build().map_err(invalid)?)
        .add_comment(header.comment);
    for (name, length, sum) in header.references {
        let length = NonZero::new(*length as usize).ok_or_else(|| invalid("a reference without bases"))?;
        let mut reference = Map::<map::ReferenceSequence>::new(length);
        let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        reference.other_fields_mut().insert(MD5_CHECKSUM, sum.into());
        builder = builder.add_reference_sequence(*name, reference);
    }
    Ok(builder.build())
}

fn copy(from: &[u8], to: &mut Vec<u8>) {
    to.clear();
    to.extend_from_slice(from);
}

fn position(start: u32) -> io::Result<Position> {
    Position::new(start as usize + 1).ok_or_else(|| invalid("a position of 0"))
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

#[cfg(test)]
mod tests {
    use noodles::csi::binning_index::ReferenceSequence;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let header = BamHeader {
            references: &[("1", 1000, [7; 16]), ("2", 500, [9; 16])],
            read_group: "g",
            sample: "s",
            comment: "c",
            version: "1",
        };
        let mut writer = BamWriter::new(Vec::new(), &header, 1).unwrap();
        let record = BamRecord {
            name: b"r1".to_vec(),
            flags: 0x63,
            reference_idx: 1,
            start: 99,
            mapq: 60,
            cigar: [2, 3, 0],
            mate_start: Some(120),
            template_length: 26,
            bases: b"ACGTA".to_vec(),
            qualities: vec![1, 2, 3, 4, 37],
        };
        writer.write(&record).unwrap();
        let unmapped = BamRecord { flags: 0x85, cigar: [0; 3], mapq: 0, ..record.clone() };
        writer.write(&unmapped).unwrap();
        assert!(writer.write(&BamRecord { start: 98, ..record }).is_err(), "out of order");
        let mut writer = BamWriter::new(Vec::new(), &header, 1).unwrap();
        let record = BamRecord { start: 99, cigar: [0, 5, 0], reference_idx: 1, ..unmapped };
        for _ in 0..2 {
            writer.write(&record).unwrap();
        }
        let (bytes, index) = writer.finish().unwrap();
        let mut reader = bam::io::Reader::new(bytes.as_slice());
        let header = reader.read_header().unwrap();
        assert_eq!(header.reference_sequences().len(), 2);
        let found: Vec<RecordBuf> = reader.record_bufs(&header).collect::<io::Result<_>>().unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].sequence().as_ref(), b"ACGTA");
        assert_eq!(found[1].quality_scores().as_ref(), [1, 2, 3, 4, 37]);
        let index = bam::bai::io::Reader::new(index.as_slice()).read_index().unwrap();
        let reference = &index.reference_sequences()[1];
        let metadata = ReferenceSequence::metadata(reference).unwrap();
        assert_eq!((metadata.mapped_record_count(), metadata.unmapped_record_count()), (0, 2));
    }
}
