//! Long tables of text, line by line without copies.

use std::path::Path;

use super::cells::{Cells, delimiter_byte};
use super::error::ProteinFileError;
use super::rows::{LongInput, LongRow, Num, TakeRow, Wanted};
use crate::format::table::{Delimiter, Row, TableError};
use crate::format::table_text::{LineReader, TextError};

/// A table of text whose header is read.
pub(super) struct TextRows {
    lines: LineReader,
    /// None for runs of blanks.
    delimiter: Option<u8>,
    header: Vec<String>,
}

impl TextRows {
    /// Opens a table: its first line that is not blank is the header.
    pub fn open(path: &Path) -> Result<Self, ProteinFileError> {
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
            return Err(TableError::UnclosedQuote { path: name, line }.into());
        }
        let header: Option<Vec<String>> =
            (0..row.len()).map(|i| std::str::from_utf8(row.get(i)).ok().map(str::to_string)).collect();
        let header = header.ok_or(TableError::HeaderEncoding { path: name.clone(), line })?;
        let delimiter = delimiter_byte(delimiter);
        if delimiter.is_none() && header.len() < 2 {
            return Err(TableError::OneColumn { path: name, line }.into());
        }
        Ok(Self { lines, delimiter, header })
    }

    fn count_error(&self, found: usize) -> ProteinFileError {
        let hint = match found.cmp(&self.header.len()) {
            _ if found == 1 => "; does the row use another delimiter than the header?",
            std::cmp::Ordering::Less => "; is the line cut short?",
            _ => "; a cell that holds the delimiter needs quotes",
        };
        let (path, line) = (self.lines.path().to_string(), self.lines.line_number());
        TableError::CellCount { path, line, found, expected: self.header.len(), hint }.into()
    }
}

impl LongInput for TextRows {
    fn path(&self) -> &str {
        self.lines.path()
    }

    fn header(&self) -> &[String] {
        &self.header
    }

    fn rows(&mut self, wanted: &Wanted, reader: &mut dyn TakeRow) -> Result<u64, ProteinFileError> {
        let texts: Vec<(usize, usize)> =
            wanted.texts.iter().enumerate().filter_map(|(role, at)| at.map(|at| (role, at))).collect();
        let numbers: Vec<(usize, usize)> =
            wanted.numbers.iter().enumerate().filter_map(|(role, at)| at.map(|at| (role, at))).collect();
        let Some(delimiter) = self.delimiter else {
            let problem = "cells are separated by blanks; a long table has tabs, commas or semicolons between them";
            return Err(ProteinFileError::line(self.lines.path(), self.lines.line_number(), problem));
        };
        let mut cells = Cells::default();
        let mut n_rows = 0;
        while let Some(line) = self.lines.next_line()? {
            let is_closed = cells.split(line, delimiter);
            if cells.len() != self.header.len() || !is_closed {
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                let (path, line) = (self.lines.path().to_string(), self.lines.line_number());
                return Err(match is_closed {
                    true => self.count_error(cells.len()),
                    false => TableError::UnclosedQuote { path, line }.into(),
                });
            }
            let mut row = LongRow::empty();
            texts.iter().for_each(|&(role, at)| row.texts[role] = cells.get(line, at));
            numbers.iter().for_each(|&(role, at)| row.numbers[role] = Num::Text(cells.get(line, at)));
            if let Err(problem) = reader.row(&row) {
                return Err(ProteinFileError::line(self.lines.path(), self.lines.line_number(), problem));
            }
            n_rows += 1;
        }
        if n_rows == 0 {
            return Err(TableError::NoRows { path: self.lines.path().to_string() }.into());
        }
        Ok(n_rows)
    }
}
