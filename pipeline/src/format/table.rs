//! Delimited tables with a header line: traits, covariates, sexes. One pass, one row in memory, so that a table of
//! thousands of columns costs what its reader keeps.

use std::path::Path;

use thiserror::Error;

use super::table_text::{LineReader, TextError};

/// What separates cells; found from the header line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// One tab.
    Tab,
    /// One comma.
    Comma,
    /// One semicolon.
    Semicolon,
    /// Any run of blanks and tabs.
    Blank,
}

impl Delimiter {
    /// A tab where there is one; else the more frequent of `;` and `,` outside quotes; else runs of blanks.
    pub fn sniff(line: &[u8]) -> Self {
        let (mut n_tab, mut n_comma, mut n_semicolon, mut quoted) = (0, 0, 0, false);
        for &byte in line {
            match byte {
                b'"' => quoted = !quoted,
                b'\t' if !quoted => n_tab += 1,
                b',' if !quoted => n_comma += 1,
                b';' if !quoted => n_semicolon += 1,
                _ => {}
            }
        }
        match (n_tab, n_semicolon, n_comma) {
            (1.., _, _) => Self::Tab,
            (_, 1.., _) if n_semicolon >= n_comma => Self::Semicolon,
            (_, _, 1..) => Self::Comma,
            _ => Self::Blank,
        }
    }

    /// For messages: "tabs", "commas", ...
    pub fn name(self) -> &'static str {
        match self {
            Self::Tab => "tabs",
            Self::Comma => "commas",
            Self::Semicolon => "semicolons",
            Self::Blank => "blanks",
        }
    }

    fn byte(self) -> Option<u8> {
        match self {
            Self::Tab => Some(b'\t'),
            Self::Comma => Some(b','),
            Self::Semicolon => Some(b';'),
            Self::Blank => None,
        }
    }
}

/// Why a table is not one.
#[derive(Debug, Error)]
pub enum TableError {
    /// The lines could not be read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The header is not UTF-8.
    #[error("{path}: line {line}: the header is not UTF-8 text; save the table as UTF-8")]
    HeaderEncoding {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
    },
    /// A header of one cell.
    #[error(
        "{path}: line {line}: the header has one column; cells are separated by tabs, commas, semicolons or blanks, \
         and the first line names the columns"
    )]
    OneColumn {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
    },
    /// Only the header line.
    #[error("{path}: the table has a header and no rows")]
    NoRows {
        /// The file.
        path: String,
    },
    /// A row that is shorter or longer than the header.
    #[error("{path}: line {line}: {found} cells where the header has {expected}{hint}")]
    CellCount {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
        /// Cells in this row.
        found: usize,
        /// Cells in the header.
        expected: usize,
        /// The likely cause, or nothing.
        hint: &'static str,
    },
    /// A quote without its pair.
    #[error("{path}: line {line}: a quote (\") is opened and not closed on the line")]
    UnclosedQuote {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
    },
}

/// One row: its cells without quotes and surrounding blanks.
#[derive(Debug, Default)]
pub struct Row {
    text: Vec<u8>,
    cells: Vec<(usize, usize)>,
}

impl Row {
    /// Number of cells.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Cell `i`, 0-based; empty beyond the last.
    pub fn get(&self, i: usize) -> &[u8] {
        self.cells.get(i).map_or(&[], |&(start, end)| &self.text[start..end])
    }

    /// Splits a line; `false` when a quote stays open.
    pub fn split(&mut self, line: &[u8], delimiter: Delimiter) -> bool {
        self.cells.clear();
        self.text.clear();
        if memchr::memchr(b'"', line).is_some() {
            return self.split_quoted(line, delimiter);
        }
        self.text.extend_from_slice(line);
        match delimiter.byte() {
            Some(byte) => {
                let mut start = 0;
                for end in memchr::memchr_iter(byte, line) {
                    self.cells.push(trim(line, start, end));
                    start = end + 1;
                }
                self.cells.push(trim(line, start, line.len()));
            }
            None => {
                let mut start = None;
                for (i, &byte) in line.iter().enumerate() {
                    match (is_blank(byte), start) {
                        (false, None) => start = Some(i),
                        (true, Some(from)) => {
                            self.cells.push((from, i));
                            start = None;
                        }
                        _ => {}
                    }
                }
                if let Some(from) = start {
                    self.cells.push((from, line.len()));
                }
            }
        }
        true
    }

    /// Cells in quotes may hold delimiters, and `""` for a quote.
    fn split_quoted(&mut self, line: &[u8], delimiter: Delimiter) -> bool {
        let is_delimiter = |byte: u8| delimiter.byte().map_or_else(|| is_blank(byte), |d| d == byte);
        let mut i = 0;
        loop {
            while i < line.len() && is_blank(line[i]) && (delimiter.byte().is_none() || !is_delimiter(line[i])) {
                i += 1;
            }
            if delimiter == Delimiter::Blank && i >= line.len() {
                return true;
            }
            let start = self.text.len();
            let mut quoted_to = start;
            while i < line.len() && !is_delimiter(line[i]) {
                if line[i] == b'"' && self.text.len() == start {
                    i += 1;
                    loop {
                        match line.get(i) {
                            None => return false,
                            Some(b'"') if line.get(i + 1) == Some(&b'"') => {
                                self.text.push(b'"');
                                i += 2;
                            }
                            Some(b'"') => break,
                            Some(&byte) => {
                                self.text.push(byte);
                                i += 1;
                            }
                        }
                    }
                    quoted_to = self.text.len();
                    i += 1;
                } else {
                    self.text.push(line[i]);
                    i += 1;
                }
            }
            let mut end = self.text.len();
            while end > quoted_to && is_blank(self.text[end - 1]) {
                end -= 1;
            }
            let (start, end) = trim(&self.text, start, end);
            self.cells.push((start, end));
            if i >= line.len() {
                return true;
            }
            i += 1;
        }
    }
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn trim(text: &[u8], mut start: usize, mut end: usize) -> (usize, usize) {
    while start < end && is_blank(text[start]) {
        start += 1;
    }
    while end > start && is_blank(text[end - 1]) {
        end -= 1;
    }
    (start, end)
}

/// Reads a table row by row.
pub struct TableReader {
    lines: LineReader,
    delimiter: Delimiter,
    header: Vec<String>,
    n_rows: u64,
}

impl TableReader {
    /// Opens a table and reads its header, the first line that is not blank and does not start with `##`.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        let mut lines = LineReader::open(path)?;
        let name = lines.path().to_string();
        let Some(line) = lines.next_content_line(true)? else {
            return Err(TextError::Empty { path: name }.into());
        };
        let delimiter = Delimiter::sniff(line);
        let mut row = Row::default();
        let is_closed = row.split(line, delimiter);
        let line = lines.line_number();
        if !is_closed {
            return Err(TableError::UnclosedQuote { path: name, line });
        }
        let header: Option<Vec<String>> =
            (0..row.len()).map(|i| std::str::from_utf8(row.get(i)).ok().map(str::to_string)).collect();
        let Some(header) = header else {
            return Err(TableError::HeaderEncoding { path: name, line });
        };
        if header.len() < 2 {
            return Err(TableError::OneColumn { path: name, line });
        }
        Ok(Self { lines, delimiter, header, n_rows: 0 })
    }

    /// The file as named by the user.
    pub fn path(&self) -> &str {
        self.lines.path()
    }

    /// Names of the columns as written, without quotes.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// What separates the cells.
    pub fn delimiter(&self) -> Delimiter {
        self.delimiter
    }

    /// Number of the line last read, 1-based.
    pub fn line_number(&self) -> u64 {
        self.lines.line_number()
    }

    /// Reads the next row, which has as many cells as the header; `false` at the end. Blank lines are passed over.
    pub fn next_row(&mut self, row: &mut Row) -> Result<bool, TableError> {
        let Some(line) = self.lines.next_content_line(false)? else {
            if self.n_rows == 0 {
                return Err(TableError::NoRows { path: self.lines.path().to_string() });
            }
            return Ok(false);
        };
        let is_closed = row.split(line, self.delimiter);
        let line = self.lines.line_number();
        if !is_closed {
            return Err(TableError::UnclosedQuote { path: self.lines.path().to_string(), line });
        }
        if row.len() != self.header.len() {
            return Err(TableError::CellCount {
                path: self.lines.path().to_string(),
                line,
                found: row.len(),
                expected: self.header.len(),
                hint: self.cell_count_hint(row),
            });
        }
        self.n_rows += 1;
        Ok(true)
    }

    fn cell_count_hint(&self, row: &Row) -> &'static str {
        if row.len() == 1 && self.header.len() > 1 {
            "; does the row use another delimiter than the header?"
        } else if self.n_rows == 0 && row.len() == self.header.len() + 1 {
            "; the name of the ID column is missing in the header (R: write.table(..., col.names = NA))"
        } else if self.delimiter == Delimiter::Blank {
            "; cells with blanks in them need tabs between cells, and an empty cell must be NA"
        } else if row.len() < self.header.len() {
            "; is the line cut short?"
        } else {
            "; a cell that holds the delimiter needs quotes"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(text: &str) -> Result<Vec<Vec<String>>, TableError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let mut table = TableReader::open(file.path())?;
        let mut out = vec![table.header().to_vec()];
        let mut row = Row::default();
        while table.next_row(&mut row)? {
            out.push((0..row.len()).map(|i| String::from_utf8(row.get(i).to_vec()).unwrap()).collect());
        }
        Ok(out)
    }

    #[test]
    fn finds_the_delimiter() {
        for text in ["a\tb c\n1\t2\n", "a,b c\n1,2\n", "a;b c\n1;2\n", "\"a\",\"b c\"\n1,2\n", "a;\"b c\"\n1;2\n"] {
            assert_eq!(read(text).unwrap(), [["a", "b c"], ["1", "2"]], "{text}");
        }
        assert_eq!(read("a  b\n 1\t 2 \n").unwrap(), [["a", "b"], ["1", "2"]]);
        assert_eq!(read("id;protein (a,b)\n1;2\n").unwrap()[0], ["id", "protein (a,b)"]);
        assert_eq!(read("id,\"a;b\",c\n1,2,3\n").unwrap()[0], ["id", "a;b", "c"]);
    }

    #[test]
    fn quotes_hold_delimiters_and_doubled_quotes() {
        let rows = read("a,b,c\n\"x, y\",\"say \"\"hi\"\"\", z \n,\"\",\n").unwrap();
        assert_eq!(rows[1], ["x, y", "say \"hi\"", "z"]);
        assert_eq!(rows[2], ["", "", ""]);
        assert_eq!(read("a b\n\"x y\" 2\n").unwrap()[1], ["x y", "2"]);
        assert_eq!(read("a\tb\n\"x\"\t\"y z\" \n").unwrap()[1], ["x", "y z"]);
    }

    #[test]
    fn wrong_row_lengths_name_line_and_cause() {
        let message = |text: &str| {
            let text = read(text).unwrap_err().to_string();
            text[text.find("line").unwrap()..].to_string()
        };
        assert_eq!(
            message("a\tb\tc\n1\t2\t3\n1\t2\n"),
            "line 3: 2 cells where the header has 3; is the line cut short?"
        );
        assert!(message("age\tsex\nS1\t1\t2\n").contains("the name of the ID column is missing"));
        assert!(message("a,b\n1 2\n").contains("another delimiter"));
        assert!(message("a,b\n1,2\n1,2,3\n").contains("needs quotes"));
        assert!(message("a b\n1 2\n1\n").contains("another delimiter"));
        assert!(message("a,b\n\"1,2\n").contains("a quote (\") is opened"));
    }

    #[test]
    fn empty_header_only_and_one_column() {
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert!(message("").ends_with("the file is empty"));
        assert!(message("\n \n").ends_with("the file is empty"));
        assert!(message("a\tb\n").ends_with("the table has a header and no rows"));
        assert!(message("IID\nS1\n").contains("the header has one column"));
    }

    #[test]
    fn comments_and_blank_lines_are_passed_over() {
        assert_eq!(read("## made by x\n\n#IID a\n1 2\n\n3 4\n\n").unwrap(), [["#IID", "a"], ["1", "2"], ["3", "4"]]);
    }
}
