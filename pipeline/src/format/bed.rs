//! BED: regions one a line, 0-based and half-open (<https://samtools.github.io/hts-specs/BEDv1.pdf>), plain or gzip.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::vcf_call::shown;

/// Longest line.
const MAX_LINE: u64 = 1 << 20;
/// Most lines.
const MAX_REGIONS: usize = 1 << 28;

/// A region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BedRegion {
    /// Line in the file, from 1.
    pub line: u64,
    /// Chromosome.
    pub chrom: String,
    /// First position, from 0.
    pub start: u32,
    /// Behind the last position; above `start`.
    pub end: u32,
    /// Fourth column; empty where there is none.
    pub name: String,
}

/// Why a BED file is refused.
#[derive(Debug, thiserror::Error)]
pub enum BedError {
    /// It cannot be read.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: String,
        /// Why; part of the message.
        cause: std::io::Error,
    },
    /// A line that is no region.
    #[error("{path}: line {line}: {problem}")]
    Line {
        /// The file.
        path: String,
        /// From 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// No line is a region.
    #[error("{path}: no regions: a line has CHROM, START and END between tabs, START from 0")]
    Empty {
        /// The file.
        path: String,
    },
}

/// Reads all regions in the order of the file. Comments, `track` and `browser` lines and empty ones are passed over.
///
/// # Errors
/// [`BedError`].
pub fn read(path: &Path) -> Result<Vec<BedRegion>, BedError> {
    let name = path.display().to_string();
    let io = |cause| BedError::Io { path: name.clone(), cause };
    let mut reader = BufReader::new(std::fs::File::open(path).map_err(io)?);
    let gzipped = reader.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
    let mut reader: Box<dyn BufRead> =
        if gzipped { Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(reader))) } else { Box::new(reader) };
    let mut regions = Vec::new();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes).map_err(io)? == 0 {
            break;
        }
        let wrong = |problem: String| BedError::Line { path: name.clone(), line, problem };
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("not UTF-8".into()))?;
        let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']);
        if text.trim().is_empty() || is_remark(text) {
            continue;
        }
        if bytes.len() as u64 == MAX_LINE || regions.len() == MAX_REGIONS {
            return Err(wrong(format!("longer than {MAX_LINE} bytes, or more than {MAX_REGIONS} regions")));
        }
        regions.push(region(text, line).map_err(wrong)?);
    }
    if regions.is_empty() { Err(BedError::Empty { path: name }) } else { Ok(regions) }
}

fn is_remark(text: &str) -> bool {
    let word = text.split_ascii_whitespace().next().unwrap_or_default();
    text.starts_with('#')
        || ((word == "track" || word == "browser") && !text.contains('\t'))
        || text.starts_with("track ")
}

fn region(text: &str, line: u64) -> Result<BedRegion, String> {
    // The specification allows blanks, and a name with blanks is one that stands between tabs.
    let by_tabs = text.contains('\t');
    let mut fields: Box<dyn Iterator<Item = &str>> =
        if by_tabs { Box::new(text.split('\t').map(str::trim)) } else { Box::new(text.split_ascii_whitespace()) };
    let chrom = fields.next().filter(|chrom| !chrom.is_empty()).ok_or("no chromosome")?;
    let mut position = |what: &str| {
        let field = fields.next().ok_or_else(|| format!("no {what}: a line has CHROM, START and END between tabs"))?;
        let digits = field.bytes().all(|b| b.is_ascii_digit());
        let number = digits.then(|| field.parse::<u32>().ok()).flatten();
        number.ok_or_else(|| format!("{what} {} is not a position", shown(field.as_bytes())))
    };
    let (start, end) = (position("START")?, position("END")?);
    if start >= end {
        return Err(format!("START {start} is not below END {end}: a region has one base at least, from 0"));
    }
    let name = fields.next().unwrap_or_default().to_owned();
    Ok(BedRegion { line, chrom: chrom.to_owned(), start, end, name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn remarks_are_passed_over_and_line_ends_do_not_matter() {
        let text =
            "\u{feff}# a\r\ntrack name=\"t\"\r\nbrowser position chr1:1-2\n\nchr1\t5\t9\texon 1\t0\t+\r\nchr2 0 1\n";
        let region = |line, chrom: &str, start, end, name: &str| BedRegion {
            line,
            chrom: chrom.to_owned(),
            start,
            end,
            name: name.to_owned(),
        };
        let expected = [region(5, "chr1", 5, 9, "exon 1"), region(6, "chr2", 0, 1, "")];
        assert_eq!(read(written(text.as_bytes()).path()).unwrap(), expected);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(text.as_bytes()).unwrap();
        assert_eq!(read(written(&gz.finish().unwrap()).path()).unwrap(), expected);
    }

    #[test]
    fn what_is_no_region_is_named_by_its_line() {
        for (text, word) in [
            ("chr1\t1\t2\nchr1\t7\t7\n", "line 2: START 7 is not below END 7"),
            ("chr1\t9\t7\n", "line 1: START 9"),
            ("chr1\t-1\t7\n", "START '-1' is not a position"),
            ("chr1\t1\t99999999999\n", "is not a position"),
            ("chr1\t1\n", "no END"),
            ("chr1\n", "no START"),
            ("\t1\t2\n", "no chromosome"),
            ("# only\n", "no regions"),
            ("", "no regions"),
        ] {
            let said = read(written(text.as_bytes()).path()).unwrap_err().to_string();
            assert!(word.split('|').any(|word| said.contains(word)), "{text:?}: {said}");
        }
        assert!(read(written(b"chr1\t1\t2\n\xff\xfe\n").path()).unwrap_err().to_string().contains("line 2: not UTF-8"));
    }
}
