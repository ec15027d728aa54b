//! Headers of alignment files: references, read groups and the order of records, read leniently.
//!
//! SAM specification, sections 1.3 (text) and 4.2 (BAM). A BAM's references are those of its binary list; the text gives
//! what only it has, their M5.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use crate::format::bgzf_reader::BgzfReader;

use super::error::AlignmentError;
use super::record::AlignmentRecord;

/// Most bytes of a header's text, and of its list of references.
const MAX_HEADER_LEN: usize = 1 << 28;
/// Most read groups of a file: they are counted in u16.
const MAX_READ_GROUPS: usize = u16::MAX as usize;

/// A sequence that reads are aligned to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// SN.
    pub name: String,
    /// LN, bases.
    pub length: u32,
    /// M5: the MD5 of its bases in upper case, where the header tells.
    pub md5: Option<[u8; 16]>,
}

/// A read group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadGroup {
    /// ID.
    pub id: String,
    /// SM.
    pub sample: Option<String>,
}

/// The order of records that a header claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortOrder {
    /// Nothing is said.
    #[default]
    Unknown,
    /// By reference and position.
    Coordinate,
    /// By name, or in none.
    Other,
}

/// What a file says of its records.
#[derive(Debug, Clone, Default)]
pub struct AlignmentHeader {
    /// The references, in the order of their numbers. Equal ones of several files can share memory.
    pub references: Arc<[Reference]>,
    /// The read groups, in the order of the header.
    pub read_groups: Vec<ReadGroup>,
    /// The order of records.
    pub sort_order: SortOrder,
}

impl AlignmentHeader {
    /// Reads the header of a BAM from its first byte on.
    pub(super) fn read_bam<R: io::Read>(source: &mut BgzfReader<R>) -> Result<Self, AlignmentError> {
        if take(source, 4)? != b"BAM\x01" {
            return Err(AlignmentError::OtherFormat("bgzipped, but no BAM (a VCF, BED or BCF?)"));
        }
        let text = take_counted(source, "text")?;
        let mut header = Self::parse_text(&text)?;
        let md5_of: HashMap<&str, [u8; 16]> =
            header.references.iter().filter_map(|r| r.md5.map(|md5| (r.name.as_str(), md5))).collect();
        let n_references = number(source)?;
        let mut references = Vec::new();
        let mut bytes = 0;
        for _ in 0..n_references {
            let name = take_counted(source, "reference name")?;
            bytes += name.len() + 8;
            if bytes > MAX_HEADER_LEN {
                return Err(bad("more references than are read"));
            }
            let name = name.strip_suffix(b"\0").ok_or_else(|| bad("a reference name without its end"))?;
            let name = String::from_utf8(name.to_vec()).map_err(|_| bad("a reference name that is no text"))?;
            let length = number(source)?;
            let md5 = md5_of.get(name.as_str()).copied();
            references.push(Reference { name, length, md5 });
        }
        check_distinct(&references)?;
        header.references = references.into();
        Ok(header)
    }

    /// Takes the text of a header apart. Lines and tags that are not known are passed over.
    pub fn parse_text(text: &[u8]) -> Result<Self, AlignmentError> {
        let mut references = Vec::new();
        let mut read_groups = Vec::new();
        let mut sort_order = SortOrder::default();
        for line in text.split(|&b| b == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let field = |tag: &[u8]| {
                let mut fields = line.split(|&b| b == b'\t').skip(1);
                fields.find_map(|f| f.strip_prefix(tag)?.strip_prefix(b":")).map(<[u8]>::to_vec)
            };
            let text_of = |tag: &str| match field(tag.as_bytes()).map(String::from_utf8) {
                Some(Ok(value)) => Ok(Some(value)),
                Some(Err(_)) => Err(bad(&format!("{tag} is not UTF-8"))),
                None => Ok(None),
            };
            match line.get(..3) {
                Some(b"@HD") => {
                    sort_order = match field(b"SO").as_deref() {
                        None | Some(b"unknown") => SortOrder::Unknown,
                        Some(b"coordinate") => SortOrder::Coordinate,
                        Some(_) => SortOrder::Other,
                    };
                }
                Some(b"@SQ") => {
                    let name = text_of("SN")?.ok_or_else(|| bad("an @SQ line without SN"))?;
                    let length = text_of("LN")?.and_then(|l| l.parse().ok()).filter(|&l: &u32| l <= i32::MAX as u32);
                    let length = length.ok_or_else(|| bad("an @SQ line without a length (LN)"))?;
                    references.push(Reference { name, length, md5: field(b"M5").and_then(|m| md5_of_hex(&m)) });
                }
                Some(b"@RG") => {
                    let id = text_of("ID")?.ok_or_else(|| bad("an @RG line without ID"))?;
                    read_groups.push(ReadGroup { id, sample: text_of("SM")?.filter(|s| !s.is_empty()) });
                }
                _ => {}
            }
        }
        if read_groups.len() > MAX_READ_GROUPS {
            return Err(bad("more than 65535 read groups"));
        }
        let ids: std::collections::HashSet<&str> = read_groups.iter().map(|g| g.id.as_str()).collect();
        if ids.len() < read_groups.len() {
            return Err(bad("two @RG lines with one ID"));
        }
        check_distinct(&references)?;
        Ok(Self { references: references.into(), read_groups, sort_order })
    }

    /// Number of the reference called `name`.
    pub fn reference_idx(&self, name: &str) -> Option<usize> {
        self.references.iter().position(|r| r.name == name)
    }
}

/// Numbers of read groups by their ID.
#[derive(Debug, Default)]
pub(super) struct ReadGroups {
    idx_of: HashMap<Vec<u8>, u16>,
    /// Whether they are looked for.
    pub(super) look: bool,
}

impl ReadGroups {
    pub(super) fn of(header: &AlignmentHeader) -> Self {
        let groups = header.read_groups.iter().zip(0..);
        Self { idx_of: groups.map(|(group, idx)| (group.id.clone().into_bytes(), idx)).collect(), look: true }
    }

    /// Finds the read group of `record`, if that is wanted.
    pub(super) fn find(&self, record: &mut AlignmentRecord) {
        if self.look && !self.idx_of.is_empty() {
            record.read_group = record.read_group_id().and_then(|id| self.idx_of.get(id).copied());
        }
    }
}

/// MD5 as the header writes it.
fn md5_of_hex(hex: &[u8]) -> Option<[u8; 16]> {
    let mut md5 = [0; 16];
    if hex.len() != 32 || !hex.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in md5.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(md5)
}

fn check_distinct(references: &[Reference]) -> Result<(), AlignmentError> {
    let names: std::collections::HashSet<&str> = references.iter().map(|r| r.name.as_str()).collect();
    if names.len() < references.len() { Err(bad("two references with one name")) } else { Ok(()) }
}

fn bad(problem: &str) -> AlignmentError {
    AlignmentError::Header(format!("{problem}; the file is damaged or was not made by an aligner"))
}

/// `n` bytes; memory grows only as they arrive.
fn take<R: io::Read>(source: &mut BgzfReader<R>, n: usize) -> Result<Vec<u8>, AlignmentError> {
    let mut bytes = Vec::new();
    while bytes.len() < n {
        let part = source.fill()?;
        if part.is_empty() {
            return Err(bad("it is cut short"));
        }
        let take = part.len().min(n - bytes.len());
        bytes.extend_from_slice(&part[..take]);
        source.consume(take);
    }
    Ok(bytes)
}

fn number<R: io::Read>(source: &mut BgzfReader<R>) -> Result<u32, AlignmentError> {
    let bytes = take(source, 4)?;
    let number = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    if number > i32::MAX as u32 { Err(bad("a negative count or length")) } else { Ok(number) }
}

fn take_counted<R: io::Read>(source: &mut BgzfReader<R>, what: &str) -> Result<Vec<u8>, AlignmentError> {
    let len = number(source)? as usize;
    if len > MAX_HEADER_LEN {
        return Err(bad(&format!("a {what} of {len} bytes")));
    }
    take(source, len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_leniently() {
        let text = b"@HD\tVN:1.6\tSO:coordinate\r\n@SQ\tSN:1\tXX:y\tLN:10\tM5:000102030405060708090a0b0c0d0e0f\n\
                     @RG\tID:a\tSM:s 1\n@RG\tID:b\n@CO\tanything\n@XX\n\n";
        let header = AlignmentHeader::parse_text(text).unwrap();
        assert_eq!(header.sort_order, SortOrder::Coordinate);
        let md5 = std::array::from_fn(|i| i as u8);
        assert_eq!(header.references[..], [Reference { name: "1".into(), length: 10, md5: Some(md5) }]);
        assert_eq!(header.read_groups[0], ReadGroup { id: "a".into(), sample: Some("s 1".into()) });
        assert_eq!(header.read_groups[1].sample, None);
        assert_eq!(header.reference_idx("1"), Some(0));
        assert_eq!(header.reference_idx("2"), None);
    }

    #[test]
    fn bad_headers_are_refused_in_words() {
        for (text, word) in [
            ("@SQ\tLN:3\n", "without SN"),
            ("@SQ\tSN:a\tLN:-3\n", "length"),
            ("@SQ\tSN:a\tLN:9999999999\n", "length"),
            ("@SQ\tSN:a\tLN:1\n@SQ\tSN:a\tLN:1\n", "one name"),
            ("@RG\tSM:a\n", "without ID"),
            ("@RG\tID:a\n@RG\tID:a\n", "one ID"),
        ] {
            let error = AlignmentHeader::parse_text(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
