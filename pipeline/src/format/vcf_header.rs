//! The header of a VCF, read for what genotypes need and leniently otherwise.
//!
//! People's headers break the specification in every way (unquoted descriptions, wrong Number, no contigs, keys twice),
//! and none of that changes a genotype: a line that cannot be taken apart is passed over. What is insisted on is the
//! first line, the column line and the samples.

use super::bgzf_source::{ByteSource, MAX_RECORD_LEN, too_long};
use super::consequence::ConsequenceLayout;
use super::vcf_call::shown;

/// A contig line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contig {
    /// Its ID.
    pub id: String,
    /// Its length in bases, where stated.
    pub length: Option<u64>,
    /// Its number in a BCF, where stated.
    pub idx: Option<usize>,
}

/// A FILTER, INFO or FORMAT line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Which of the three.
    pub section: Section,
    /// Its ID.
    pub id: String,
    /// Its number in a BCF, where stated.
    pub idx: Option<usize>,
}

/// Header sections whose IDs share BCF's string dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `##FILTER`
    Filter,
    /// `##INFO`
    Info,
    /// `##FORMAT`
    Format,
}

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VcfHeader {
    /// Minor version of VCF 4.
    pub minor_version: u32,
    /// Sample IDs in column order.
    pub samples: Vec<String>,
    /// Contigs in header order.
    pub contigs: Vec<Contig>,
    /// FILTER, INFO and FORMAT lines in header order.
    pub definitions: Vec<Definition>,
    /// How records tell what variants do to genes, where one of INFO's keys does.
    pub consequences: Option<ConsequenceLayout>,
    /// Lines of the header, the column line included.
    pub n_lines: u64,
}

/// Why a header is refused.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// Reading failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Something else than a VCF or BCF.
    #[error("not a VCF or BCF: it does not begin with ##fileformat=VCFv4")]
    NotVcf,
    /// A version that is not 4.x.
    #[error("line 1: fileformat {0} is not read; VCFv4.0 to VCFv4.5 are")]
    Version(String),
    /// A line that has no place in a header.
    #[error("line {line}: {problem}")]
    Line {
        /// Line number, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// Records or the end came before the column line.
    #[error("the header has no #CHROM line; the file is cut short or is not a VCF")]
    NoColumns,
    /// One sample ID twice.
    #[error("samples {first} and {second} (counted from 1) have the same ID; rename one (bcftools reheader -s)")]
    DuplicateSample {
        /// Number of the first of them.
        first: usize,
        /// Number of the second.
        second: usize,
    },
    /// A BCF oddity.
    #[error("{0}")]
    Bcf(String),
}

const COLUMNS: [&str; 8] = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"];

impl VcfHeader {
    /// Reads the header lines at the start of `source`, which is left at the first record. Also gives their text.
    pub fn read(source: &mut ByteSource) -> Result<(Self, Vec<u8>), HeaderError> {
        let head = source.fill()?;
        if head.first().is_some_and(|&b| b != b'#') {
            return Err(HeaderError::NotVcf);
        }
        let mut text = Vec::new();
        loop {
            let start = text.len();
            let end_of_input = source.read_line(&mut text)?.is_none();
            let line = &text[start..];
            if start == 0 {
                if end_of_input {
                    return Err(HeaderError::Empty);
                }
                check_first_line(line)?;
            }
            if end_of_input || !line.starts_with(b"#") {
                return Err(HeaderError::NoColumns);
            }
            let last = line.starts_with(b"#CHROM");
            text.push(b'\n');
            if text.len() > MAX_RECORD_LEN {
                return Err(too_long("header").into());
            }
            if last {
                return Ok((Self::parse(&text)?, text));
            }
        }
    }

    /// Takes a header's text apart, from its first line to the column line.
    pub fn parse(text: &[u8]) -> Result<Self, HeaderError> {
        let mut header = Self::default();
        let mut columns_seen = false;
        for line in text.split(|&b| b == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if header.n_lines == 0 {
                header.minor_version = check_first_line(line)?;
            }
            if line.is_empty() || columns_seen {
                break;
            }
            header.n_lines += 1;
            if let Some(meta) = line.strip_prefix(b"##") {
                header.take_meta(meta);
            } else {
                header.take_columns(line)?;
                columns_seen = true;
            }
        }
        if columns_seen { Ok(header) } else { Err(HeaderError::NoColumns) }
    }

    /// Whether a FORMAT line of this ID is there.
    pub fn has_format(&self, id: &str) -> bool {
        self.has(Section::Format, id)
    }

    /// Whether an INFO line of this ID is there.
    pub fn has_info(&self, id: &str) -> bool {
        self.has(Section::Info, id)
    }

    fn has(&self, section: Section, id: &str) -> bool {
        self.definitions.iter().any(|d| d.section == section && d.id == id)
    }

    fn take_meta(&mut self, meta: &[u8]) {
        let Some(at) = memchr::memchr(b'=', meta) else { return };
        let (key, value) = (&meta[..at], &meta[at + 1..]);
        let section = match key {
            b"contig" => None,
            b"FILTER" => Some(Section::Filter),
            b"INFO" => Some(Section::Info),
            b"FORMAT" => Some(Section::Format),
            _ => return,
        };
        let pairs = structured(value);
        let get = |name: &str| pairs.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str());
        let Some(id) = get("ID").filter(|id| !id.is_empty()) else { return };
        let id = id.to_owned();
        let idx = get("IDX").and_then(|v| v.parse().ok());
        if section == Some(Section::Info) && self.consequences.is_none() {
            self.consequences = get("Description").and_then(|text| ConsequenceLayout::new(&id, text));
        }
        match section {
            Some(section) => self.definitions.push(Definition { section, id, idx }),
            None => self.contigs.push(Contig { id, length: get("length").and_then(|v| v.parse().ok()), idx }),
        }
    }

    fn take_columns(&mut self, line: &[u8]) -> Result<(), HeaderError> {
        let wrong = |problem: String| HeaderError::Line { line: self.n_lines, problem };
        let text = std::str::from_utf8(line).map_err(|_| wrong("the column line is not UTF-8".into()))?;
        let mut fields = text.split('\t');
        for column in COLUMNS {
            match fields.next() {
                Some(field) if field == column => {}
                Some(field) if field.contains(' ') => {
                    return Err(wrong("columns are separated by blanks; a VCF has tabs".into()));
                }
                Some(_) => return Err(wrong(format!("another column where {column} belongs"))),
                None => return Err(wrong(format!("column {column} is missing"))),
            }
        }
        match fields.next() {
            None => return Ok(()),
            Some("FORMAT") => {}
            Some(_) => return Err(wrong("column FORMAT is missing before the samples".into())),
        }
        self.samples = fields.map(str::to_owned).collect();
        if let Some(idx) = self.samples.iter().position(String::is_empty) {
            return Err(wrong(format!("sample {} has an empty ID", idx + 1)));
        }
        let mut seen = std::collections::HashMap::with_capacity(self.samples.len());
        for (idx, sample) in self.samples.iter().enumerate() {
            if let Some(first) = seen.insert(sample.as_str(), idx) {
                return Err(HeaderError::DuplicateSample { first: first + 1, second: idx + 1 });
            }
        }
        Ok(())
    }
}

/// The minor version of VCF 4 in the first line.
fn check_first_line(line: &[u8]) -> Result<u32, HeaderError> {
    let Some(version) = line.strip_prefix(b"##fileformat=") else {
        return Err(HeaderError::NotVcf);
    };
    let version = version.strip_suffix(b"\r").unwrap_or(version);
    std::str::from_utf8(version)
        .ok()
        .and_then(|v| v.strip_prefix("VCFv4."))
        .and_then(|minor| minor.parse().ok())
        .ok_or_else(|| HeaderError::Version(shown(version)))
}

/// Key and value pairs of `<ID=a,Description="b, c">`; quotes and backslashes are taken off.
fn structured(value: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(value);
    let Some(inner) = text.trim().strip_prefix('<') else { return Vec::new() };
    let inner = inner.strip_suffix('>').unwrap_or(inner);
    let mut pairs = Vec::new();
    let (mut key, mut part) = (None, String::new());
    let mut chars = inner.chars();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => part.extend(chars.next()),
            '"' => quoted = !quoted,
            '=' if !quoted && key.is_none() => key = Some(std::mem::take(&mut part)),
            ',' if !quoted => {
                let value = std::mem::take(&mut part);
                pairs.extend(key.take().map(|key| (key, value)));
            }
            c => part.push(c),
        }
    }
    pairs.extend(key.map(|key| (key, part)));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<VcfHeader, HeaderError> {
        VcfHeader::parse(text.as_bytes())
    }

    #[test]
    fn lenient_about_metadata() {
        let header = parse(concat!(
            "##fileformat=VCFv4.2\n",
            "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"a, \\\"b\\\" >\">\n",
            "##FORMAT=<Description=no quotes at all,ID=DS>\n",
            "##INFO=<no id>\n##INFO\n##contig=<ID=chr22,length=51304566,IDX=3>\n##nonsense\n",
            "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ts1\ts2\r\n"
        ))
        .unwrap();
        assert_eq!(header.samples, ["s1", "s2"]);
        assert!(header.has_format("GT") && header.has_format("DS") && !header.has_info("GT"));
        assert_eq!(header.contigs, [Contig { id: "chr22".into(), length: Some(51_304_566), idx: Some(3) }]);
        assert_eq!((header.minor_version, header.n_lines), (2, 8));
    }

    #[test]
    fn each_fault_has_its_own_message() {
        let head = "##fileformat=VCFv4.2\n";
        let columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO";
        for (text, want) in [
            ("hello\n".to_owned(), "not a VCF or BCF"),
            ("##fileformat=VCFv3.3\n".to_owned(), "VCFv3.3"),
            (head.to_owned(), "no #CHROM line"),
            (format!("{head}#CHROM POS ID REF\n"), "separated by blanks"),
            (format!("{head}#CHROM\tID\n"), "where POS belongs"),
            (format!("{head}{columns}\ts1\n"), "FORMAT is missing"),
            (format!("{head}{columns}\tFORMAT\ta\tb\ta\n"), "samples 1 and 3"),
            (format!("{head}{columns}\tFORMAT\ta\t\n"), "sample 2 has an empty ID"),
        ] {
            let message = parse(&text).unwrap_err().to_string();
            assert!(message.contains(want), "{message}");
        }
        assert!(parse(&format!("{head}{columns}\n")).unwrap().samples.is_empty());
    }
}
