//! Lists of samples (`--keep`, `--remove`): one ID a line, or FID and IID; a header is optional.

use std::path::Path;

use super::table::{Delimiter, Row, TableError};
use super::table_text::LineReader;

/// One sample as a file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleKey {
    /// Family ID, where the file has that column.
    pub fid: Option<String>,
    /// Sample ID.
    pub iid: String,
    /// Line of the file, 1-based.
    pub line: u64,
}

/// Reads a list. With a header (`#IID`, `IID`, `#FID IID`, `FID IID`) it says which columns are IDs; without one, a
/// first line of one cell means IIDs, of two or more FID and IID. Further columns are not read. `##` lines and blank
/// ones are passed over. An empty list is an error.
pub fn read_sample_list(path: &Path) -> Result<Vec<SampleKey>, TableError> {
    let mut lines = LineReader::open(path)?;
    let name = lines.path().to_string();
    let mut row = Row::default();
    let mut samples = Vec::new();
    let mut layout: Option<(Delimiter, bool)> = None;
    while let Some(line) = lines.next_content_line(true)? {
        let (delimiter, known_fid) = match layout {
            Some((delimiter, has_fid)) => (delimiter, Some(has_fid)),
            None => (Delimiter::sniff(line), None),
        };
        let is_closed = row.split(line, delimiter);
        let line = lines.line_number();
        if !is_closed {
            return Err(TableError::UnclosedQuote { path: name, line });
        }
        let has_fid = match known_fid {
            Some(has_fid) => has_fid,
            None => {
                let (is_header, has_fid) = match header_has_fid(&row) {
                    Some(has_fid) => (true, has_fid),
                    None => (false, row.len() >= 2 && !row.get(1).is_empty()),
                };
                layout = Some((delimiter, has_fid));
                if is_header {
                    continue;
                }
                has_fid
            }
        };
        let n_ids = if has_fid { 2 } else { 1 };
        if row.len() < n_ids || row.get(n_ids - 1).is_empty() {
            let hint = "; a list has one ID a line, or FID and IID on every line";
            return Err(TableError::CellCount { path: name, line, found: row.len(), expected: n_ids, hint });
        }
        let text = |i: usize| String::from_utf8_lossy(row.get(i)).into_owned();
        samples.push(SampleKey { fid: has_fid.then(|| text(0)), iid: text(n_ids - 1), line });
    }
    match layout {
        None => Err(super::table_text::TextError::Empty { path: name }.into()),
        Some(_) if samples.is_empty() => Err(TableError::NoRows { path: name }),
        Some(_) => Ok(samples),
    }
}

fn header_has_fid(row: &Row) -> Option<bool> {
    let is = |i: usize, name: &[u8]| {
        let cell = row.get(i);
        cell.strip_prefix(b"#").unwrap_or(cell).eq_ignore_ascii_case(name)
    };
    if is(0, b"FID") && is(1, b"IID") {
        Some(true)
    } else if is(0, b"IID") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(text: &str) -> Result<Vec<(Option<String>, String)>, TableError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Ok(read_sample_list(file.path())?.into_iter().map(|key| (key.fid, key.iid)).collect())
    }

    #[test]
    fn one_column_two_columns_header_or_not() {
        let one = vec![(None, "s1".to_string()), (None, "s2".to_string())];
        let two = vec![(Some("f".to_string()), "s1".to_string()), (Some("f".to_string()), "s2".to_string())];
        for text in ["s1\ns2\n", "#IID\ns1\ns2\n", "IID\r\ns1\r\ns2\r\n", "\u{feff}s1\n\ns2", "#IID SID\ns1 x\ns2 x\n"]
        {
            assert_eq!(read(text).unwrap(), one, "{text}");
        }
        for text in ["f s1\nf\ts2\n", "#FID\tIID\nf\ts1\nf\ts2\n", "FID,IID\nf,s1\nf,s2\n", "f s1 0 0\nf s2 0 0\n"] {
            assert_eq!(read(text).unwrap(), two, "{text}");
        }
    }

    #[test]
    fn empty_and_ragged_lists_are_errors() {
        assert!(read("").unwrap_err().to_string().ends_with("the file is empty"));
        assert!(read("#IID\n").unwrap_err().to_string().ends_with("a header and no rows"));
        let message = read("f s1\ns2\n").unwrap_err().to_string();
        assert!(message.contains("line 2: 1 cells where the header has 2; a list has one ID a line"), "{message}");
    }
}
