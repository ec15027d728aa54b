//! Records of VCF text: lines found within a shard's bounds and cut into columns.
//!
//! A line belongs to the shard whose blocks hold the `\n` before it, so that cuts may fall anywhere.

use std::ops::Range;

use super::bgzf::VirtualOffset;
use super::bgzf_source::ByteSource;
use super::vcf_call::{Call, FieldError, SampleMap, shown};
use super::vcf_genotypes as genotypes;
use super::vcf_scan::{self, Scratch};
use super::vcf_site::{DosageField, FieldSet, FilterState, RecordError, RecordPlace, RecordReader, Site, Until};

/// Reads VCF lines one by one.
pub struct VcfRecords {
    source: ByteSource,
    end: Until,
    n_samples: usize,
    done: bool,
    line_number: Option<u64>,
    line_start: VirtualOffset,
    line: Vec<u8>,
    site: Site,
    info: Range<usize>,
    format: Range<usize>,
    samples: usize,
}

impl VcfRecords {
    /// Lines from where `source` stands, at a line's start, up to `end`. `line_number`: lines before it, where known.
    pub fn new(source: ByteSource, end: Until, n_samples: usize, line_number: Option<u64>) -> Self {
        Self {
            source,
            end,
            n_samples,
            done: false,
            line_number,
            line_start: VirtualOffset::default(),
            line: Vec::new(),
            site: Site::default(),
            info: 0..0,
            format: 0..0,
            samples: 0,
        }
    }

    /// Skips the rest of the line in which a block's start falls; the lines after it follow. A line that goes on beyond
    /// the end is left there: what follows it is another shard's, and many shards may lie within one line.
    pub fn after_first_newline(source: ByteSource, end: Until, n_samples: usize) -> Result<Self, RecordError> {
        let mut records = Self::new(source, end, n_samples, None);
        let end = match end {
            Until::Block(end) => end,
            Until::Record(end) => end.compressed().saturating_add(1),
            Until::Input => u64::MAX,
        };
        let newline = records.source.skip_line(end)?;
        records.note_newline(newline);
        Ok(records)
    }

    fn note_newline(&mut self, block: Option<u64>) {
        self.done = match (self.end, block) {
            (_, None) => true,
            (Until::Block(end), Some(block)) => block >= end,
            _ => false,
        };
    }

    fn parse(&mut self) -> Result<(), FieldError> {
        let line = &self.line[..];
        let mut starts = [0; 9];
        let mut n_columns = 1;
        for (tab, start) in memchr::memchr_iter(b'\t', line).zip(&mut starts[1..]) {
            *start = tab + 1;
            n_columns += 1;
        }
        let column = |i: usize| -> &[u8] {
            let end = if i + 1 < n_columns { starts[i + 1] - 1 } else { line.len() };
            &line[starts[i]..end]
        };
        let site = &mut self.site;
        site.clear_alternates();
        site.pos = 0;
        set_text(&mut site.chrom, "CHROM", column(0))?;
        if n_columns < 8 {
            return Err(FieldError::new("columns", format!("{n_columns} columns, not 8 or more, between tabs")));
        }
        site.pos = position(column(1))?;
        set_text(&mut site.id, "ID", column(2))?;
        set_text(&mut site.reference, "REF", column(3))?;
        if site.reference == "." || site.reference.contains(',') {
            return Err(FieldError::new("REF", format!("{} is not one allele", shown(column(3)))));
        }
        set_alternates(site, column(4))?;
        site.filter = match column(6) {
            b"PASS" => FilterState::Pass,
            b"." => FilterState::Missing,
            b"" => return Err(FieldError::new("FILTER", "empty; write . for none")),
            _ => FilterState::Failed,
        };
        self.info = starts[7]..starts[7] + column(7).len();
        if n_columns < 9 {
            site.fields = FieldSet::default();
            self.format = line.len()..line.len();
            self.samples = line.len();
            return match self.n_samples {
                0 => Ok(()),
                n => Err(FieldError::new("columns", format!("no genotypes, where the header has {n} samples"))),
            };
        }
        let rest = &line[starts[8]..];
        let format_len = memchr::memchr(b'\t', rest).unwrap_or(rest.len());
        self.format = starts[8]..starts[8] + format_len;
        self.samples = (self.format.end + 1).min(line.len());
        site.fields = genotypes::fields_of(&rest[..format_len]);
        Ok(())
    }

    /// Sample columns of the current line.
    fn n_sample_columns(&self) -> usize {
        if self.samples == self.format.end { 0 } else { 1 + memchr::memchr_iter(b'\t', self.sample_bytes()).count() }
    }

    /// Refuses the current line if it has not the header's number of samples.
    pub fn check_samples(&self) -> Result<(), FieldError> {
        match self.n_sample_columns() {
            n if n == self.n_samples => Ok(()),
            n => Err(genotypes::another_number_of_samples(n, self.n_samples)),
        }
    }

    fn column_of(&self, key: &[u8]) -> Option<usize> {
        self.line[self.format.clone()].split(|&b| b == b':').position(|k| k == key)
    }

    fn sample_bytes(&self) -> &[u8] {
        // Without a tab after FORMAT there is not even an empty sample column.
        if self.samples == self.format.end { &[] } else { &self.line[self.samples..] }
    }

    fn field(&self, key: &'static str) -> Result<genotypes::Column<'_>, FieldError> {
        let idx = self.column_of(key.as_bytes()).ok_or_else(|| FieldError::new(key, "not in FORMAT"))?;
        let has_samples = self.samples > self.format.end;
        Ok(genotypes::Column { bytes: self.sample_bytes(), has_samples, key, idx })
    }
}

impl RecordReader for VcfRecords {
    fn advance(&mut self) -> Result<bool, RecordError> {
        loop {
            if self.done {
                return Ok(false);
            }
            self.line_start = self.source.address();
            if let Until::Record(end) = self.end
                && self.line_start >= end
            {
                self.done = true;
                return Ok(false);
            }
            self.line.clear();
            let newline = self.source.read_line(&mut self.line)?;
            self.note_newline(newline);
            if newline.is_none() {
                return Ok(false);
            }
            if let Some(n) = &mut self.line_number {
                *n += 1;
            }
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
            if self.line.is_empty() {
                continue;
            }
            if self.line[0] == b'#' {
                let problem = "a header line among the records; join files with bcftools concat, not cat";
                return Err(FieldError::new("CHROM", problem).into());
            }
            self.parse()?;
            return Ok(true);
        }
    }

    fn site(&self) -> &Site {
        &self.site
    }

    fn place(&self) -> RecordPlace {
        match self.line_number {
            Some(line) => RecordPlace::Line(line),
            None => RecordPlace::At(self.line_start),
        }
    }

    fn info_numbers(&self, key: &str, out: &mut Vec<f64>) -> Result<bool, FieldError> {
        out.clear();
        for entry in self.line[self.info.clone()].split(|&b| b == b';') {
            let Some(values) = entry.strip_prefix(key.as_bytes()).and_then(|e| e.strip_prefix(b"=")) else { continue };
            for value in values.split(|&b| b == b',') {
                let number = genotypes::number(value)
                    .ok_or_else(|| FieldError::new("INFO", format!("{key}: {} is not a number", shown(value))))?;
                out.push(number);
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn info_text(&self, key: &str) -> Result<Option<&[u8]>, FieldError> {
        let mut entries = self.line[self.info.clone()].split(|&b| b == b';');
        Ok(entries.find_map(|entry| entry.strip_prefix(key.as_bytes())?.strip_prefix(b"=")))
    }

    fn plain_calls(&self, samples: &SampleMap, scratch: &mut Scratch, out: &mut [u8]) -> Result<bool, FieldError> {
        if self.column_of(b"GT") != Some(0) {
            return Ok(false);
        }
        let gt_only = self.format.len() == 2;
        Ok(vcf_scan::plain_calls(self.sample_bytes(), gt_only, samples, scratch, out))
    }

    fn calls(&self, samples: &SampleMap, scratch: &mut Scratch, out: &mut [Call]) -> Result<(), FieldError> {
        let n_alleles = self.site.alternates().len() + 1;
        genotypes::calls(self.field("GT")?, n_alleles, samples, scratch, out)
    }

    fn plain_dosages(
        &self,
        field: DosageField,
        samples: &SampleMap,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) -> Option<u64> {
        let with_gt = self.column_of(b"GT") == Some(0);
        if (self.site.fields.gt && !with_gt) || self.site.alternates().len() != 1 {
            return None;
        }
        match field {
            DosageField::Ds => vcf_scan::plain_dosages(self.field("DS").ok()?, with_gt, samples, scratch, out),
            DosageField::Gp => vcf_scan::plain_probabilities(self.field("GP").ok()?, with_gt, samples, scratch, out),
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
            DosageField::Ds => genotypes::dosages(self.field("DS")?, n_alts, samples, scratch, out),
            DosageField::Gp => genotypes::probabilities(self.field("GP")?, n_alts, samples, scratch, out),
        }
    }
}

/// Puts a column into `to`: text without blanks or control characters.
pub(crate) fn set_text(to: &mut String, field: &'static str, value: &[u8]) -> Result<(), FieldError> {
    to.clear();
    let text =
        std::str::from_utf8(value).map_err(|_| FieldError::new(field, format!("{} is not UTF-8", shown(value))))?;
    if text.is_empty() {
        return Err(FieldError::new(field, "empty; write . for none"));
    }
    if text.bytes().any(|b| b <= b' ' || b == 0x7f) {
        return Err(FieldError::new(field, format!("{} has a blank or control character", shown(value))));
    }
    to.push_str(text);
    Ok(())
}

fn set_alternates(site: &mut Site, value: &[u8]) -> Result<(), FieldError> {
    if value == b"." {
        return Ok(());
    }
    for allele in value.split(|&b| b == b',') {
        let text = std::str::from_utf8(allele).unwrap_or_default();
        if text.is_empty() || text.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err(FieldError::new("ALT", format!("{} is no list of alleles", shown(value))));
        }
        site.push_alternate(text);
    }
    match site.alternates().len() {
        0..=0x7fff => Ok(()),
        n => Err(FieldError::new("ALT", format!("{n} alleles are more than 32767"))),
    }
}

fn position(value: &[u8]) -> Result<u32, FieldError> {
    std::str::from_utf8(value)
        .ok()
        .filter(|v| v.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|v| v.parse().ok())
        .filter(|&p| p <= i32::MAX as u32)
        .ok_or_else(|| FieldError::new("POS", format!("{} is not a position from 0 to 2147483647", shown(value))))
}
