//! Matrices, samples × proteins or proteins × samples, of whatever program.

use std::path::Path;

use super::ReadOptions;
use super::columns::{Columns, plain};
use super::error::ProteinFileError;
use super::matrix::MatrixBuilder;
use super::number;
use super::options::Orientation;
use crate::format::table::{Delimiter, Row, TableReader};
use crate::proteins::{RawProtein, RawTable, Scale, TableLayout};

const SAMPLE_NAMES: [&str; 10] = [
    "sampleid",
    "iid",
    "sample",
    "samplename",
    "samples",
    "subject",
    "subjectid",
    "eid",
    "participantid",
    "individual",
];
const PROTEIN_NAMES: [&str; 16] = [
    "protein",
    "proteins",
    "proteinid",
    "proteinname",
    "gene",
    "genes",
    "genename",
    "genesymbol",
    "geneid",
    "uniprot",
    "uniprotid",
    "assay",
    "olinkid",
    "seqid",
    "phenotypeid",
    "proteingroup",
];

/// Whether the first column tells which way the matrix lies.
pub(super) fn is_known(header: &[String]) -> bool {
    orientation(header).is_some()
}

fn orientation(header: &[String]) -> Option<Orientation> {
    let first = plain(header.first()?);
    if SAMPLE_NAMES.contains(&first.as_str())
        || (first == "fid" && header.get(1).is_some_and(|name| plain(name) == "iid"))
    {
        Some(Orientation::SamplesInRows)
    } else if PROTEIN_NAMES.contains(&first.as_str()) {
        Some(Orientation::ProteinsInRows)
    } else {
        None
    }
}

/// Reads a matrix.
///
/// # Errors
/// Where neither the name of the first column nor an option tells which way it lies.
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<RawTable, ProteinFileError> {
    let mut table = TableReader::open(path)?;
    let name = table.path().to_string();
    let header = table.header().to_vec();
    let named = options.sample_column.is_some().then_some(Orientation::SamplesInRows);
    let Some(orientation) = options.orientation.or(named).or_else(|| orientation(&header)) else {
        let problem = "the first column's name does not tell whether a row is a sample or a protein; say --samples-in rows or \
                       --samples-in columns";
        return Err(ProteinFileError::line(&name, table.line_number(), problem));
    };
    let wrong = |problem| ProteinFileError::file(&name, problem);
    let key = match (&options.sample_column, orientation) {
        (Some(column), Orientation::SamplesInRows) => {
            Columns::new(&header).chosen(column, "--sample-column").map_err(wrong)?
        }
        _ => usize::from(plain(&header[0]) == "fid" && header.len() > 2),
    };
    let n_keys = key + 1;
    if header.len() == n_keys {
        return Err(wrong("the header has no column of values".into()));
    }
    let header_line = table.line_number();
    let mut rows = Rows { path: name, header_line, key, names: Vec::new(), values: Vec::new(), lines: Vec::new() };
    let mut row = Row::default();
    while table.next_row(&mut row)? {
        rows.take(table.line_number(), &row, n_keys)?;
    }
    rows.table(&header[n_keys..], orientation, table.delimiter())
}

struct Rows {
    path: String,
    header_line: u64,
    key: usize,
    names: Vec<String>,
    /// By row: its line.
    lines: Vec<u64>,
    /// rows × columns.
    values: Vec<f64>,
}

impl Rows {
    fn take(&mut self, line: u64, row: &Row, n_keys: usize) -> Result<(), ProteinFileError> {
        let wrong = |column: usize, problem: String| {
            ProteinFileError::line(&self.path, line, format!("column {}: {problem}", column + 1))
        };
        let name = row.get(self.key);
        if name.is_empty() {
            return Err(wrong(self.key, "the row has no name".into()));
        }
        let name = std::str::from_utf8(name).map_err(|_| wrong(self.key, "the row's name is not UTF-8".into()))?;
        for i in n_keys..row.len() {
            self.values.push(number::value(row.get(i)).map_err(|problem| wrong(i, problem))?);
        }
        self.names.push(name.to_string());
        self.lines.push(line);
        Ok(())
    }

    fn table(
        self,
        columns: &[String],
        orientation: Orientation,
        delimiter: Delimiter,
    ) -> Result<RawTable, ProteinFileError> {
        let (n_rows, n_columns) = (self.names.len(), columns.len());
        let (proteins, samples, values) = match orientation {
            Orientation::ProteinsInRows => (self.names, columns.to_vec(), self.values),
            Orientation::SamplesInRows => (columns.to_vec(), self.names, transposed(self.values, n_rows, n_columns)),
        };
        let what = match orientation {
            Orientation::ProteinsInRows => "a row a protein",
            Orientation::SamplesInRows => "a row a sample",
        };
        let mut builder = MatrixBuilder::new(&self.path, TableLayout::Wide, Scale::Unknown);
        builder.samples(samples)?;
        builder.values = values;
        for (i, id) in proteins.into_iter().enumerate() {
            if id.is_empty() {
                return Err(ProteinFileError::file(&self.path, format!("protein {} has no name", i + 1)));
            }
            let protein = RawProtein { id: id.clone(), name: id, ..RawProtein::default() };
            match orientation {
                Orientation::ProteinsInRows => builder.protein(protein, self.lines[i])?,
                Orientation::SamplesInRows => {
                    builder.protein_column(protein, self.header_line, (self.key + i + 2) as u64)?;
                }
            }
        }
        builder.n_records = n_rows as u64;
        let message = format!("matrix, {what}, between {}", delimiter.name());
        Ok(builder.table(&message))
    }
}

fn transposed(values: Vec<f64>, n_rows: usize, n_columns: usize) -> Vec<f64> {
    let mut out = vec![0.0; values.len()];
    const TILE: usize = 32;
    for row in (0..n_rows).step_by(TILE) {
        for column in (0..n_columns).step_by(TILE) {
            for r in row..(row + TILE).min(n_rows) {
                for c in column..(column + TILE).min(n_columns) {
                    out[c * n_rows + r] = values[r * n_columns + c];
                }
            }
        }
    }
    out
}
