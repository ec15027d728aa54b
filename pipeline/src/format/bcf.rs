//! Records of BCF: framing, the shared part, and where each FORMAT key's values lie.
//!
//! BCF specification (VCFv4.5, section 6.3). Every length is checked against the bytes that are there.

use std::ops::Range;
use std::sync::Arc;

use super::bcf_genotypes::{self as genotypes, Values};
use super::bcf_header::BcfHeader;
use super::bcf_scan;
use super::bgzf::VirtualOffset;
use super::bgzf_source::{ByteSource, MAX_RECORD_LEN, too_long};
use super::vcf::set_text;
use super::vcf_call::{Call, FieldError, SampleMap};
use super::vcf_scan::Scratch;
use super::vcf_site::{DosageField, FieldSet, FilterState, RecordError, RecordPlace, RecordReader, Site, Until};

/// Type and length of a typed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypedLen {
    /// Type code: 0 none, 1, 2, 3 integers of 1, 2, 4 bytes, 5 float, 7 characters.
    pub(crate) code: u8,
    /// Values.
    pub(crate) len: usize,
}

impl TypedLen {
    /// Bytes of one value.
    pub(crate) fn width(self) -> Result<usize, FieldError> {
        match self.code {
            0 => Ok(0),
            1 | 7 => Ok(1),
            2 => Ok(2),
            3 | 5 => Ok(4),
            code => Err(damaged(format!("value type {code}"))),
        }
    }
}

/// The error of bytes that make no sense.
pub(crate) fn damaged(what: impl std::fmt::Display) -> FieldError {
    FieldError::new("BCF", format!("the record is damaged: {what}"))
}

/// A place in a record's bytes.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    /// Offset of the next byte.
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], FieldError> {
        let end = self.at.checked_add(n).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or_else(|| damaged("a value runs past the record's end"))?;
        let bytes = &self.bytes[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    fn typed_len(&mut self) -> Result<TypedLen, FieldError> {
        let byte = self.take(1)?[0];
        let len = match byte >> 4 {
            15 => usize::try_from(self.typed_int()?).map_err(|_| damaged("a negative length"))?,
            len => usize::from(len),
        };
        Ok(TypedLen { code: byte & 0xf, len })
    }

    /// A single integer with its own type.
    fn typed_int(&mut self) -> Result<i32, FieldError> {
        let byte = self.take(1)?[0];
        match byte {
            0x11 => Ok(i32::from(self.take(1)?[0] as i8)),
            0x12 => self.take(2).map(|b| i32::from(i16::from_le_bytes([b[0], b[1]]))),
            0x13 => self.take(4).map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            _ => Err(damaged(format!("type byte {byte:#04x} where one integer belongs"))),
        }
    }

    fn values(&mut self) -> Result<(TypedLen, &'a [u8]), FieldError> {
        let typed = self.typed_len()?;
        let len = typed.width()?.checked_mul(typed.len).ok_or_else(|| damaged("an overlong value"))?;
        Ok((typed, self.take(len)?))
    }

    fn text(&mut self) -> Result<&'a [u8], FieldError> {
        let (typed, bytes) = self.values()?;
        if typed.code != 7 && typed.len > 0 && typed.code != 0 {
            return Err(damaged("a number where text belongs"));
        }
        let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
        Ok(&bytes[..end])
    }
}

/// One FORMAT key's values: samples × `typed.len`.
#[derive(Debug, Clone)]
struct FormatValues {
    typed: TypedLen,
    bytes: Range<usize>,
}

/// Numbers of the keys that matter in this file.
#[derive(Debug, Clone, Copy)]
struct Keys {
    gt: Option<i32>,
    ds: Option<i32>,
    gp: Option<i32>,
    lgt: Option<i32>,
}

/// Reads BCF records one by one.
pub struct BcfRecords {
    source: ByteSource,
    until: Until,
    header: Arc<BcfHeader>,
    keys: Keys,
    record_number: Option<u64>,
    start: VirtualOffset,
    lengths: Vec<u8>,
    bytes: Vec<u8>,
    site: Site,
    info: (usize, usize, usize),
    gt: Option<FormatValues>,
    ds: Option<FormatValues>,
    gp: Option<FormatValues>,
}

impl BcfRecords {
    /// Records from where `source` stands up to `until`. `record_number`: records before them, where known.
    pub fn new(source: ByteSource, until: Until, header: Arc<BcfHeader>, record_number: Option<u64>) -> Self {
        let keys = Keys { gt: header.key("GT"), ds: header.key("DS"), gp: header.key("GP"), lgt: header.key("LGT") };
        Self {
            source,
            until,
            header,
            keys,
            record_number,
            start: VirtualOffset::default(),
            lengths: Vec::new(),
            bytes: Vec::new(),
            site: Site::default(),
            info: (0, 0, 0),
            gt: None,
            ds: None,
            gp: None,
        }
    }

    fn parse(&mut self, shared_len: usize) -> Result<(), FieldError> {
        let (shared, _) = self.bytes.split_at(shared_len);
        let mut cursor = Cursor { bytes: shared, at: 0 };
        let fixed = cursor.take(24)?;
        let word = |i: usize| i32::from_le_bytes([fixed[i], fixed[i + 1], fixed[i + 2], fixed[i + 3]]);
        let half = |i: usize| usize::from(u16::from_le_bytes([fixed[i], fixed[i + 1]]));
        let site = &mut self.site;
        site.clear_alternates();
        site.chrom.clear();
        site.pos = 0;
        let chrom = self.header.contig(word(0));
        let chrom =
            chrom.ok_or_else(|| FieldError::new("CHROM", format!("contig {} is not in the header", word(0))))?;
        set_text(&mut site.chrom, "CHROM", chrom.as_bytes())?;
        let pos = word(4).checked_add(1).and_then(|p| u32::try_from(p).ok());
        site.pos = pos.ok_or_else(|| FieldError::new("POS", format!("{} is no position", word(4))))?;
        let (n_info, n_alleles) = (half(16), half(18));
        let n_samples = (word(20) & 0x00ff_ffff) as usize;
        let n_formats = usize::from(fixed[23]);

        let id = cursor.text()?;
        set_text(&mut site.id, "ID", if id.is_empty() { b"." } else { id })?;
        for allele_idx in 0..n_alleles {
            let allele = cursor.text()?;
            if allele_idx == 0 {
                set_text(&mut site.reference, "REF", allele)?;
            } else {
                let text = std::str::from_utf8(allele).unwrap_or_default();
                if text.is_empty() || text.bytes().any(|b| b <= b' ' || b == 0x7f) {
                    return Err(FieldError::new("ALT", format!("allele {allele_idx} is no text")));
                }
                site.push_alternate(text);
            }
        }
        match n_alleles {
            0 => return Err(FieldError::new("REF", "the record has no alleles")),
            1..=0x8000 => {}
            n => return Err(FieldError::new("ALT", format!("{} alleles are more than 32767", n - 1))),
        }
        if site.alternates() == ["."] {
            site.clear_alternates();
        }
        site.filter = filter_state(&mut cursor)?;
        self.info = (n_info, cursor.at, shared_len);
        self.parse_formats(shared_len, n_samples, n_formats)
    }

    fn parse_formats(&mut self, from: usize, n_samples: usize, n_formats: usize) -> Result<(), FieldError> {
        (self.gt, self.ds, self.gp) = (None, None, None);
        self.site.fields = FieldSet::default();
        let expected = self.header.vcf.samples.len();
        if n_formats > 0 && n_samples != expected {
            let problem = format!("{n_samples} samples, where the header has {expected}");
            return Err(FieldError::new("columns", problem));
        }
        let mut cursor = Cursor { bytes: &self.bytes, at: from };
        for _ in 0..n_formats {
            let key = Some(cursor.typed_int()?);
            let typed = cursor.typed_len()?;
            let len = typed.width()?.checked_mul(typed.len).and_then(|w| w.checked_mul(n_samples));
            let len = len.ok_or_else(|| damaged("an overlong FORMAT value"))?;
            let start = cursor.at;
            cursor.take(len)?;
            let values = Some(FormatValues { typed, bytes: start..cursor.at });
            if key == self.keys.gt {
                self.gt = values;
            } else if key == self.keys.ds {
                self.ds = values;
            } else if key == self.keys.gp {
                self.gp = values;
            } else if key == self.keys.lgt {
                self.site.fields.lgt = true;
            }
        }
        self.site.fields.gt = self.gt.is_some();
        self.site.fields.ds = self.ds.is_some();
        self.site.fields.gp = self.gp.is_some();
        Ok(())
    }

    fn values<'a>(&'a self, of: &Option<FormatValues>, key: &'static str) -> Result<Values<'a>, FieldError> {
        let values = of.as_ref().ok_or_else(|| FieldError::new(key, "not in FORMAT"))?;
        Ok(Values { key, typed: values.typed, bytes: &self.bytes[values.bytes.clone()] })
    }
}

fn filter_state(cursor: &mut Cursor<'_>) -> Result<FilterState, FieldError> {
    let (typed, bytes) = cursor.values()?;
    Ok(match typed.len {
        0 => FilterState::Missing,
        1 if bytes.iter().all(|&b| b == 0) => FilterState::Pass,
        _ => FilterState::Failed,
    })
}

impl RecordReader for BcfRecords {
    fn advance(&mut self) -> Result<bool, RecordError> {
        self.start = self.source.address();
        if let Until::Record(end) = self.until
            && self.start >= end
        {
            return Ok(false);
        }
        self.lengths.clear();
        if !self.source.read_exactly(8, &mut self.lengths)? {
            return Ok(false);
        }
        if let Some(n) = &mut self.record_number {
            *n += 1;
        }
        let l = &self.lengths;
        let shared = u32::from_le_bytes([l[0], l[1], l[2], l[3]]) as usize;
        let indiv = u32::from_le_bytes([l[4], l[5], l[6], l[7]]) as usize;
        if shared.saturating_add(indiv) > MAX_RECORD_LEN {
            return Err(too_long("record").into());
        }
        self.bytes.clear();
        if shared + indiv > 0 && !self.source.read_exactly(shared + indiv, &mut self.bytes)? {
            return Err(damaged("the input ends within it").into());
        }
        self.parse(shared)?;
        Ok(true)
    }

    fn site(&self) -> &Site {
        &self.site
    }

    fn place(&self) -> RecordPlace {
        match self.record_number {
            Some(n) => RecordPlace::Record(n),
            None => RecordPlace::At(self.start),
        }
    }

    fn info_numbers(&self, key: &str, out: &mut Vec<f64>) -> Result<bool, FieldError> {
        out.clear();
        let Some(wanted) = self.header.key(key) else { return Ok(false) };
        let (n_info, from, to) = self.info;
        let mut cursor = Cursor { bytes: &self.bytes[..to], at: from };
        for _ in 0..n_info {
            let idx = cursor.typed_int()?;
            let (typed, bytes) = cursor.values()?;
            if idx == wanted {
                genotypes::numbers(typed, bytes, out)
                    .map_err(|problem| FieldError::new("INFO", format!("{key}: {problem}")))?;
                return Ok(!out.is_empty());
            }
        }
        Ok(false)
    }

    fn info_text(&self, key: &str) -> Result<Option<&[u8]>, FieldError> {
        let Some(wanted) = self.header.key(key) else { return Ok(None) };
        let (n_info, from, to) = self.info;
        let mut cursor = Cursor { bytes: &self.bytes[..to], at: from };
        for _ in 0..n_info {
            if cursor.typed_int()? == wanted {
                return cursor.text().map(|text| Some(text).filter(|text| !text.is_empty()));
            }
            cursor.values()?;
        }
        Ok(None)
    }

    fn plain_calls(&self, samples: &SampleMap, scratch: &mut Scratch, out: &mut [u8]) -> Result<bool, FieldError> {
        Ok(bcf_scan::plain_calls(self.values(&self.gt, "GT")?, samples, scratch, out))
    }

    fn calls(&self, samples: &SampleMap, _scratch: &mut Scratch, out: &mut [Call]) -> Result<(), FieldError> {
        let n_alleles = self.site.alternates().len() + 1;
        genotypes::calls(self.values(&self.gt, "GT")?, n_alleles, samples, out)
    }

    fn plain_dosages(
        &self,
        field: DosageField,
        samples: &SampleMap,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) -> Option<u64> {
        if self.site.alternates().len() != 1 {
            return None;
        }
        let gt = match &self.gt {
            Some(_) => Some(self.values(&self.gt, "GT").ok()?),
            None => None,
        };
        match field {
            DosageField::Ds => bcf_scan::plain_dosages(self.values(&self.ds, "DS").ok()?, gt, samples, scratch, out),
            DosageField::Gp => {
                bcf_scan::plain_probabilities(self.values(&self.gp, "GP").ok()?, gt, samples, scratch, out)
            }
        }
    }

    fn dosages(
        &self,
        field: DosageField,
        samples: &SampleMap,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) -> Result<(), FieldError> {
        let n_alts = self.site.alternates().len();
        match field {
            DosageField::Ds => genotypes::dosages(self.values(&self.ds, "DS")?, n_alts, samples, out),
            DosageField::Gp => {
                genotypes::probabilities(self.values(&self.gp, "GP")?, n_alts, samples, &mut scratch.values, out)
            }
        }
    }
}
