//! Sexes of samples: a table with columns IID and SEX, a .psam, or a .fam without a header.

use std::path::Path;

use thiserror::Error;

use super::sample_list::SampleKey;
use super::table::{Delimiter, Row, TableError};
use super::table_cell::{describe_value, is_missing};
use super::table_text::{LineReader, TextError};

/// Sex of a sample, as far as ploidy on chrX and chrY is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Sex {
    /// Not given.
    #[default]
    Unknown,
    /// One X, one Y.
    Male,
    /// Two X.
    Female,
}

impl Sex {
    /// 1, M, male; 2, F, female; 0, −9, U, unknown or a missing code. `None` for anything else.
    pub fn parse(cell: &[u8]) -> Option<Self> {
        let is = |names: &[&str]| names.iter().any(|name| cell.eq_ignore_ascii_case(name.as_bytes()));
        if is(&["1", "M", "male"]) {
            Some(Self::Male)
        } else if is(&["2", "F", "female"]) {
            Some(Self::Female)
        } else if is_missing(cell) || is(&["0", "-9", "U", "unknown", "NONE"]) {
            Some(Self::Unknown)
        } else {
            None
        }
    }
}

/// Why a file of sexes could not be read.
#[derive(Debug, Error)]
pub enum SexError {
    /// Not a table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// No column of sexes.
    #[error(
        "{path}: no column SEX; give a table with the columns IID and SEX, a .psam, or a .fam (FID IID PAT MAT SEX ...)"
    )]
    NoSexColumn {
        /// The file.
        path: String,
    },
    /// An unknown code.
    #[error("{path}: line {line}: sex: {value} is none of 1, M, male, 2, F, female, 0, NA")]
    Code {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
        /// The code, described.
        value: String,
    },
}

impl From<TextError> for SexError {
    fn from(error: TextError) -> Self {
        Self::Table(error.into())
    }
}

struct Layout {
    fid: Option<usize>,
    iid: usize,
    sex: usize,
    n_columns: usize,
}

/// Reads (sample, sex) in file order.
pub fn read_sexes(path: &Path) -> Result<Vec<(SampleKey, Sex)>, SexError> {
    let mut lines = LineReader::open(path)?;
    let name = lines.path().to_string();
    let mut row = Row::default();
    let mut sexes = Vec::new();
    let mut known: Option<(Delimiter, Layout)> = None;
    while let Some(line) = lines.next_content_line(true)? {
        let delimiter = known.as_ref().map_or_else(|| Delimiter::sniff(line), |(delimiter, _)| *delimiter);
        let is_closed = row.split(line, delimiter);
        let line = lines.line_number();
        if !is_closed {
            return Err(TableError::UnclosedQuote { path: name, line }.into());
        }
        if known.is_none() {
            if let Some(layout) = headerless_layout(&row) {
                known = Some((delimiter, layout));
            } else if let Some(layout) = header_layout(&row) {
                known = Some((delimiter, layout));
                continue;
            } else {
                return Err(SexError::NoSexColumn { path: name });
            }
        }
        let Some((_, layout)) = &known else { continue };
        if row.len() != layout.n_columns {
            let (found, expected) = (row.len(), layout.n_columns);
            return Err(TableError::CellCount { path: name, line, found, expected, hint: "" }.into());
        }
        let text = |i: usize| String::from_utf8_lossy(row.get(i)).into_owned();
        let Some(sex) = Sex::parse(row.get(layout.sex)) else {
            return Err(SexError::Code { path: name, line, value: describe_value(row.get(layout.sex)) });
        };
        sexes.push((SampleKey { fid: layout.fid.map(text), iid: text(layout.iid), line }, sex));
    }
    match known {
        None => Err(TextError::Empty { path: name }.into()),
        Some(_) if sexes.is_empty() => Err(TableError::NoRows { path: name }.into()),
        Some(_) => Ok(sexes),
    }
}

/// A .fam (six columns, the fifth a code), or `ID SEX`, or `FID IID SEX`.
fn headerless_layout(row: &Row) -> Option<Layout> {
    let is_code = |i: usize| !row.get(i).is_empty() && Sex::parse(row.get(i)).is_some();
    let n_columns = row.len();
    match n_columns {
        6 if is_code(4) => Some(Layout { fid: Some(0), iid: 1, sex: 4, n_columns }),
        3 if is_code(2) => Some(Layout { fid: Some(0), iid: 1, sex: 2, n_columns }),
        2 if is_code(1) => Some(Layout { fid: None, iid: 0, sex: 1, n_columns }),
        _ => None,
    }
}

fn header_layout(row: &Row) -> Option<Layout> {
    let find = |names: &[&str]| {
        (0..row.len()).find(|&i| {
            let cell = row.get(i);
            let cell = cell.strip_prefix(b"#").unwrap_or(cell);
            names.iter().any(|name| cell.eq_ignore_ascii_case(name.as_bytes()))
        })
    };
    let sex = find(&["SEX", "GENDER"])?;
    let fid = find(&["FID"]);
    let iid = find(&["IID"]).unwrap_or(0);
    (iid != sex && fid != Some(iid)).then_some(Layout { fid, iid, sex, n_columns: row.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(text: &str) -> Result<Vec<(String, Sex)>, SexError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Ok(read_sexes(file.path())?.into_iter().map(|(key, sex)| (key.iid, sex)).collect())
    }

    #[test]
    fn tables_psam_and_fam() {
        let expected =
            vec![("a".to_string(), Sex::Male), ("b".to_string(), Sex::Female), ("c".to_string(), Sex::Unknown)];
        for text in [
            "IID\tSEX\na\t1\nb\t2\nc\t0\n",
            "#IID SEX\na male\nb Female\nc NA\n",
            "#FID\tIID\tPAT\tMAT\tSEX\tP1\nf\ta\t0\t0\t1\t2\nf\tb\t0\t0\t2\t2\nf\tc\t0\t0\tNA\t2\n",
            "f a 0 0 1 -9\nf b 0 0 2 -9\nf c 0 0 0 -9\n",
            "a 1\nb 2\nc 0\n",
            "f a 1\nf b 2\nf c 0\n",
            "sample;Sex\na;m\nb;f\nc;\n",
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        assert!(matches!(read("IID age\na 31\n"), Err(SexError::NoSexColumn { .. })));
    }

    #[test]
    fn bad_codes_name_the_line() {
        let message = read("IID SEX\na 1\nb 3\n").unwrap_err().to_string();
        assert!(message.contains("line 3: sex: '3' is none of 1, M, male"), "{message}");
    }
}
