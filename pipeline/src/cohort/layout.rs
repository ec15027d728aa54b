//! Which way round a table lies, and which of its columns are IDs.

use super::error::CohortError;
use super::ids::SampleIndex;
use crate::format::table::{Delimiter, TableReader};
use crate::format::table_cell::{Cell, Minus9, parse_cell};

/// What rows and columns are. Columns are 0-based.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// A row is a sample.
    SampleRows {
        /// Column of the family ID.
        fid: Option<usize>,
        /// Column of the sample ID.
        iid: usize,
        /// First column of values.
        first_value: usize,
        /// Whether the ID column was taken because it is the first, not by its name.
        is_assumed: bool,
    },
    /// A row is a trait or covariate, a column a sample.
    SampleColumns {
        /// Column of the row's name.
        name: usize,
        /// First column of samples.
        first_value: usize,
    },
}

/// Recognises the layout from the header and the genotyped samples:
/// `#FID IID`, `FID IID`, `#IID`, `IID` (then an optional `SID` or `FID`) come first in a table of samples; `#chr start end` begins
/// a QTLtools or FastQTL BED of phenotypes; a header most of whose cells are genotyped samples is a table on its side;
/// anything else has its sample IDs in the first column.
pub fn recognise(table: &TableReader, index: &SampleIndex<'_>) -> Result<Layout, CohortError> {
    let header = table.header();
    let is = |i: usize, name: &str| {
        header.get(i).is_some_and(|cell| cell.strip_prefix('#').unwrap_or(cell).eq_ignore_ascii_case(name))
    };
    let rows = |fid: Option<usize>, iid: usize, is_assumed: bool| {
        let first_value = iid + 1 + usize::from(!is_assumed && is(iid + 1, "SID"));
        Layout::SampleRows { fid, iid, first_value, is_assumed }
    };
    let layout = if is(0, "FID") && is(1, "IID") {
        rows(Some(0), 1, false)
    } else if is(0, "IID") && is(1, "FID") {
        Layout::SampleRows { fid: Some(1), iid: 0, first_value: 2, is_assumed: false }
    } else if is(0, "IID") {
        rows(None, 0, false)
    } else if (is(0, "chr") || is(0, "chrom")) && is(1, "start") && is(2, "end") && header.len() > 4 {
        let first_value = if is(5, "strand") { 6 } else { 4 };
        Layout::SampleColumns { name: 3, first_value }
    } else if names_are_samples(&header[1..], index) {
        Layout::SampleColumns { name: 0, first_value: 1 }
    } else {
        if !header[0].is_empty() && looks_like_data(header, index) {
            let separator = match table.delimiter() {
                Delimiter::Comma => ',',
                Delimiter::Semicolon => ';',
                Delimiter::Tab | Delimiter::Blank => ' ',
            };
            return Err(CohortError::NoHeader { path: table.path().to_string(), separator });
        }
        rows(None, 0, true)
    };
    if let Layout::SampleRows { first_value, .. } = layout
        && first_value >= header.len()
    {
        return Err(CohortError::NoValueColumns { path: table.path().to_string() });
    }
    Ok(layout)
}

/// Whether the first line is a row: it begins with a genotyped sample, or all but its first cell are numbers.
fn looks_like_data(header: &[String], index: &SampleIndex<'_>) -> bool {
    let is_value = |cell: &String| {
        !cell.is_empty() && matches!(parse_cell(cell.as_bytes(), Minus9::Missing), Cell::Number(_) | Cell::Missing)
    };
    header[..2].iter().any(|cell| index.get(cell.as_bytes()).is_some()) || header[1..].iter().all(is_value)
}

/// At least two cells, and half of those that could, are genotyped samples.
pub fn names_are_samples(cells: &[String], index: &SampleIndex<'_>) -> bool {
    let n = cells.iter().filter(|cell| index.get(cell.as_bytes()).is_some()).count();
    n >= 2.min(cells.len()).max(1) && 2 * n >= cells.len().min(index.len())
}

impl Layout {
    /// Says what was not obvious.
    pub fn describe(&self, table: &TableReader, messages: &mut Vec<String>) {
        let path = table.path();
        match self {
            Self::SampleRows { is_assumed: true, .. } => {
                let name = &table.header()[0];
                let shown = if name.is_empty() { "without a name".to_string() } else { format!("'{name}'") };
                messages.push(format!("{path}: sample IDs are taken from the first column ({shown})"));
            }
            Self::SampleRows { .. } => {}
            Self::SampleColumns { name: 3, .. } => {
                messages.push(format!("{path}: read as a BED of phenotypes: a row is a trait, named by column 4"));
            }
            Self::SampleColumns { .. } => {
                messages.push(format!("{path}: the header names genotyped samples, so rows are read as columns"));
            }
        }
    }
}

/// Refuses unnamed and repeated columns. `offset`: 0-based place of the first name in the header.
pub fn check_names(path: &str, names: &[String], offset: usize) -> Result<(), CohortError> {
    let mut place_of = std::collections::HashMap::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        let column = offset + i + 1;
        if name.is_empty() {
            return Err(CohortError::UnnamedColumn { path: path.to_string(), column });
        }
        if let Some(first) = place_of.insert(name.as_str(), column) {
            return Err(CohortError::RepeatedColumn {
                path: path.to_string(),
                place: "column",
                name: name.clone(),
                first: first as u64,
                second: column as u64,
            });
        }
    }
    Ok(())
}
