//! What an output may replace: nothing, or what norna wrote of the same kind, told by how it begins.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::ExportError;
use super::cis::{CIS_COLUMNS, NOMINAL_COLUMNS, SIGNAL_COLUMNS};
use super::pair::push_header;
use crate::charts::draw;
use crate::clump::{CLUMP_COLUMNS, JSON_START};

/// Bytes of a file that are looked at: more than any header line has.
const HEAD: u64 = 4096;

/// What may be replaced where a file is there; an empty file may be unless it is `Nothing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// No file.
    Nothing,
    /// Tables of `norna export` and `norna clump`.
    Table,
    /// Charts of `norna plot`.
    Chart,
}

impl Replace {
    /// `self` where `force`, else nothing.
    pub fn only_with(self, force: bool) -> Self {
        if force { self } else { Self::Nothing }
    }

    /// Refuses to replace the file at `path`, which is there, by what is in it.
    pub fn allow(self, path: &Path) -> Result<(), ExportError> {
        let (is_ours, what): (fn(&[u8]) -> bool, &str) = match self {
            Self::Nothing => return Err(ExportError::Exists { path: path.to_path_buf() }),
            Self::Table => (is_table, "a table"),
            Self::Chart => (is_chart, "a chart"),
        };
        self.allow_if(path, what, is_ours)
    }

    /// As [`allow`](Self::allow), of the index beside a table.
    pub fn allow_index(self, path: &Path) -> Result<(), ExportError> {
        match self {
            Self::Nothing => Err(ExportError::Exists { path: path.to_path_buf() }),
            _ => self.allow_if(path, "an index", |head| head.starts_with(b"TBI\x01") || head.starts_with(b"CSI\x01")),
        }
    }

    fn allow_if(self, path: &Path, what: &'static str, is_ours: impl Fn(&[u8]) -> bool) -> Result<(), ExportError> {
        // What cannot be read, or is not whole, is not known to be ours.
        match head(path) {
            Ok(head) if head.is_empty() || is_ours(&head) => Ok(()),
            _ => Err(ExportError::NotOurs { path: path.to_path_buf(), what }),
        }
    }
}

fn is_table(head: &[u8]) -> bool {
    let pairs = [true, false].map(|with_trait| {
        let mut line = Vec::new();
        push_header(&mut line, with_trait, std::iter::empty());
        line.pop();
        line
    });
    let others =
        [&CIS_COLUMNS[..], &NOMINAL_COLUMNS, &SIGNAL_COLUMNS, &CLUMP_COLUMNS].map(|columns| columns.join("\t"));
    let mut starts = pairs.into_iter().chain(others.map(String::into_bytes));
    let is_header = |start: Vec<u8>| matches!(head.strip_prefix(&start[..]), Some([b'\t' | b'\n', ..]));
    starts.any(is_header) || head.starts_with(JSON_START.as_bytes())
}

fn is_chart(head: &[u8]) -> bool {
    head.starts_with(b"<svg") && head.windows(draw::MARK.len()).any(|window| window == draw::MARK.as_bytes())
}

/// The first bytes, inflated where the file is compressed.
fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut plain)?;
    if !plain.starts_with(&[0x1f, 0x8b]) {
        return Ok(plain);
    }
    let mut inflated = Vec::new();
    MultiGzDecoder::new(File::open(path)?).take(HEAD).read_to_end(&mut inflated)?;
    Ok(inflated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_norna_s_tables_are_told_from_others() {
        let line = |columns: &[&str]| (columns.join("\t") + "\n").into_bytes();
        let pairs = ["#CHROM", "POS", "ID", "REF", "ALT", "A1", "A1_FREQ", "OBS_CT", "BETA", "SE", "T_STAT", "LOG10_P"];
        assert!(is_table(&line(&pairs)) && is_table(&line(&CIS_COLUMNS)) && is_table(&line(&CLUMP_COLUMNS)));
        assert!(is_table(&line(&[&pairs[..], &["GENE"]].concat())));
        let plink = ["#CHROM", "POS", "ID", "REF", "ALT", "A1", "A1_FREQ", "TEST", "OBS_CT", "BETA", "SE", "T_STAT"];
        for other in [&plink[..], &pairs[..6], &["#CHROM", "POS", "ID", "REF", "ALT", "QUAL"], &["FID", "IID", "t1"]] {
            assert!(!is_table(&line(other)), "{other:?}");
        }
        assert!(!is_table(b"##fileformat=VCFv4.2\n") && !is_table(b"{\n  \"a\": 1\n}\n") && !is_table(b"\x89HDF"));
        assert!(!is_chart(b"<svg width=\"9\"><title>mine</title></svg>"));
    }
}
