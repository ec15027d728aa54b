//! Tab-separated tables with a header line: written as inputs, read as results.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// A table of text cells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a file, gzip or not, with any blanks between cells where there is no tab; `#` before the header is dropped.
    pub fn read(path: &Path) -> Self {
        let mut text = read_text(path);
        if text.starts_with('#') {
            text.remove(0);
        }
        let mut lines = text.lines().map(|line| {
            let by_tabs: fn(&str) -> Vec<String> = |line| line.split('\t').map(str::to_owned).collect();
            let by_blanks: fn(&str) -> Vec<String> = |line| line.split_whitespace().map(str::to_owned).collect();
            if line.contains('\t') { by_tabs(line) } else { by_blanks(line) }
        });
        let header = lines.next().unwrap_or_default();
        Self { header, rows: lines.collect() }
    }

    /// Index of a column; panics where there is none.
    #[track_caller]
    pub fn column(&self, name: &str) -> usize {
        let found = self.header.iter().position(|cell| cell == name);
        found.unwrap_or_else(|| panic!("no column {name} in {:?}", self.header))
    }

    /// The IID column and the columns that `keep` picks by name.
    pub fn select(&self, keep: impl Fn(&str) -> bool) -> Self {
        let picked: Vec<usize> = (0..self.header.len()).filter(|&i| i == 0 || keep(&self.header[i])).collect();
        let pick = |row: &Vec<String>| picked.iter().map(|&i| row[i].clone()).collect();
        Self { header: pick(&self.header), rows: self.rows.iter().map(pick).collect() }
    }

    /// Cells joined by tabs.
    pub fn to_tsv(&self) -> String {
        let mut text = String::new();
        for row in std::iter::once(&self.header).chain(&self.rows) {
            writeln!(text, "{}", row.join("\t")).unwrap();
        }
        text
    }

    pub fn write(&self, path: &Path) {
        std::fs::write(path, self.to_tsv()).unwrap();
    }
}

/// The text of a file, through gzip where its name says so.
pub fn read_text(path: &Path) -> String {
    if path.extension().is_some_and(|extension| extension == "gz") {
        let out = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
        assert!(out.status.success(), "{}: gzip -dc failed", path.display());
        return String::from_utf8(out.stdout).unwrap();
    }
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A number; NaN for what means missing.
pub fn number(cell: &str) -> f64 {
    match cell {
        "NA" | "nan" | "NaN" | "." | "" => f64::NAN,
        "inf" | "Inf" | "INF" => f64::INFINITY,
        _ => cell.parse().unwrap_or_else(|_| panic!("not a number: {cell}")),
    }
}
