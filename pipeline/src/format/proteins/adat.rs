//! SomaScan ADAT: checksum, header sections, then a table whose first lines describe the assays (columns) and whose first columns
//! describe the samples (rows). Values are RFU.

use std::collections::HashMap;
use std::path::Path;

use super::ReadOptions;
use super::cells::utf8;
use super::columns::plain;
use super::error::ProteinFileError;
use super::matrix::MatrixBuilder;
use super::number;
use crate::format::table::{Delimiter, Row, TableError};
use crate::format::table_text::LineReader;
use crate::proteins::{Qc, RawProtein, RawTable, Scale, TableLayout};

/// Most lines and columns that describe assays or samples.
const MAX_DESCRIPTIONS: usize = 10_000;

/// Whether a file that starts with this line is an ADAT.
pub(super) fn is_first_line(line: &[u8]) -> bool {
    line.starts_with(b"!Checksum") || line.starts_with(b"^HEADER") || line.starts_with(b"!AdatId")
}

/// Reads an ADAT. Kept are rows of SampleType `Sample` and assays of Organism `Human` and Type `Protein`.
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<RawTable, ProteinFileError> {
    let adat = Adat::open(path)?;
    let assays = adat.assays()?;
    let sample_columns = adat.sample_columns(options)?;
    adat.samples(assays, sample_columns)
}

struct Adat {
    lines: LineReader,
    path: String,
    row: Row,
    /// By name of an attribute: its value for each assay.
    attributes: HashMap<String, Vec<String>>,
    /// Columns before the assays, the one that names attributes included.
    n_before: usize,
    n_assays: usize,
    /// The line of SeqIds.
    seq_line: u64,
    header: Vec<String>,
}

/// Where what describes a sample is.
struct SampleColumns {
    id: usize,
    kind: Option<usize>,
    check: Option<usize>,
    plate: Option<usize>,
    batches: Vec<usize>,
    name: String,
}

/// The assays that are kept.
struct Assays {
    /// Index among the columns of values, and the assay.
    kept: Vec<(usize, RawProtein)>,
    n_other_species: u64,
    n_no_protein: u64,
}

impl Adat {
    fn open(path: &Path) -> Result<Self, ProteinFileError> {
        let mut lines = LineReader::open(path)?;
        let name = lines.path().to_string();
        let (mut row, mut attributes) = (Row::default(), HashMap::new());
        loop {
            match lines.next_line()? {
                None => {
                    let problem = "no line ^TABLE_BEGIN: an ADAT has its table after it; is the file cut short?";
                    return Err(ProteinFileError::file(&name, problem));
                }
                Some(line) if line.starts_with(b"^TABLE_BEGIN") => break,
                Some(_) => {}
            }
        }
        let (mut n_before, mut n_assays, mut seq_line) = (0, 0, 0);
        loop {
            let Some(line) = lines.next_line()? else {
                return Err(ProteinFileError::file(
                    &name,
                    "the table has no rows after ^TABLE_BEGIN; is the file cut short?",
                ));
            };
            row.split(line, Delimiter::Tab);
            let number = lines.line_number();
            let wrong = |problem: String| ProteinFileError::line(&name, number, problem);
            let text = |i: usize| utf8(row.get(i), format!("column {}", i + 1)).map_err(wrong);
            let first = (0..row.len()).find(|&i| !row.get(i).is_empty());
            let Some(first) = first else {
                return Err(wrong("an empty line where assays are described".into()));
            };
            if attributes.is_empty() {
                (n_before, n_assays) = (first + 1, row.len() - first - 1);
                if first == 0 || n_assays == 0 {
                    let problem = "the first line after ^TABLE_BEGIN has empty cells for the samples' columns, then SeqId and assays";
                    return Err(wrong(problem.into()));
                }
            } else if first + 1 != n_before {
                // The line that names the samples' columns.
                let header = (0..row.len().min(n_before)).map(text).collect::<Result<_, _>>()?;
                return Ok(Self { lines, path: name, row, attributes, n_before, n_assays, seq_line, header });
            }
            if row.len() != n_before + n_assays {
                let (found, expected) = (row.len(), n_before + n_assays);
                return Err(TableError::CellCount { path: name, line: number, found, expected, hint: "" }.into());
            }
            if attributes.len() == MAX_DESCRIPTIONS {
                return Err(wrong(format!("more than {MAX_DESCRIPTIONS} lines describe the assays")));
            }
            if plain(&text(first)?) == "seqid" {
                seq_line = number;
            }
            let values = (n_before..row.len()).map(text).collect::<Result<_, _>>()?;
            if attributes.insert(plain(&text(first)?), values).is_some() {
                return Err(wrong("the line describes the assays by the same word as one before it".into()));
            }
        }
    }

    fn wrong(&self, problem: impl Into<String>) -> ProteinFileError {
        ProteinFileError::line(&self.path, self.lines.line_number(), problem)
    }

    fn assays(&self) -> Result<Assays, ProteinFileError> {
        let of = |name: &str| self.attributes.get(&plain(name));
        let cell = |name: &str, i: usize| of(name).map(|values| values[i].clone()).unwrap_or_default();
        let mut assays = Assays { kept: Vec::new(), n_other_species: 0, n_no_protein: 0 };
        for i in 0..self.n_assays {
            let id = cell("SeqId", i);
            if id.is_empty() {
                return Err(ProteinFileError::file(&self.path, format!("assay {} has no SeqId", i + 1)));
            }
            let (organism, kind) = (cell("Organism", i), cell("Type", i));
            if !kind.is_empty() && kind != "Protein" {
                assays.n_no_protein += 1;
                continue;
            }
            if !organism.is_empty() && !organism.eq_ignore_ascii_case("Human") {
                assays.n_other_species += 1;
                continue;
            }
            let symbol = cell("EntrezGeneSymbol", i);
            let name = if symbol.is_empty() { cell("Target", i) } else { symbol };
            let qc = judgement(cell("ColCheck", i).as_bytes());
            // Several genes or proteins stand between blanks.
            let (name, uniprot) = (name.replace(' ', ";"), cell("UniProt", i).replace([' ', ','], ";"));
            assays.kept.push((i, RawProtein { id, name, uniprot, qc, ..RawProtein::default() }));
        }
        Ok(assays)
    }

    fn sample_columns(&self, options: &ReadOptions) -> Result<SampleColumns, ProteinFileError> {
        let find = |name: &str| self.header.iter().position(|column| plain(column) == plain(name));
        let id = match &options.sample_column {
            Some(name) => find(name).ok_or_else(|| {
                self.wrong(format!("--sample-column {name}: no such column; samples have {}", self.header.join(", ")))
            })?,
            None => find("SampleId")
                .ok_or_else(|| self.wrong("no column SampleId; say --sample-column (Barcode, SubjectID, ...)"))?,
        };
        let batches = ["SlideId", "ScannerID", "PlateRunDate"].iter().filter_map(|name| find(name)).collect();
        Ok(SampleColumns {
            id,
            kind: find("SampleType"),
            check: find("RowCheck"),
            plate: find("PlateId"),
            batches,
            name: self.header[id].clone(),
        })
    }

    fn samples(mut self, assays: Assays, columns: SampleColumns) -> Result<RawTable, ProteinFileError> {
        let mut rows = Rows::default();
        let mut n_rows = 0;
        while let Some(line) = self.lines.next_line()? {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.row.split(line, Delimiter::Tab);
            if self.row.len() != self.n_before + self.n_assays {
                let (path, line) = (self.path.clone(), self.lines.line_number());
                let (found, expected) = (self.row.len(), self.n_before + self.n_assays);
                let hint = if found < expected { "; is the line cut short?" } else { "" };
                return Err(TableError::CellCount { path, line, found, expected, hint }.into());
            }
            n_rows += 1;
            self.sample(&assays, &columns, &mut rows)?;
        }
        if rows.samples.is_empty() {
            let problem = format!("none of {n_rows} rows is of SampleType Sample");
            return Err(ProteinFileError::file(&self.path, problem));
        }
        self.table(assays, columns, rows, n_rows)
    }

    fn sample(&self, assays: &Assays, columns: &SampleColumns, rows: &mut Rows) -> Result<(), ProteinFileError> {
        let cell = |at: Option<usize>| at.map(|at| self.row.get(at)).unwrap_or_default();
        if columns.kind.is_some() && !cell(columns.kind).eq_ignore_ascii_case(b"Sample") {
            rows.n_controls += 1;
            return Ok(());
        }
        let text = |at: usize| {
            utf8(self.row.get(at), format!("column {} ({})", at + 1, self.header[at])).map_err(|p| self.wrong(p))
        };
        let id = text(columns.id)?;
        if id.is_empty() {
            let problem = format!("a sample has no {}; say --sample-column to take another column", columns.name);
            return Err(self.wrong(problem));
        }
        for &(i, _) in &assays.kept {
            let at = self.n_before + i;
            let value = number::value(self.row.get(at)).map_err(|p| self.wrong(format!("column {}: {p}", at + 1)))?;
            if value < 0.0 {
                return Err(self.wrong(format!("column {}: the RFU is below 0", at + 1)));
            }
            rows.values.push(value);
        }
        rows.samples.push(id);
        rows.qc.push(judgement(cell(columns.check)));
        rows.plates.push(columns.plate.map_or(Ok(String::new()), text)?);
        rows.batches.push(columns.batches.iter().map(|&at| text(at)).collect::<Result<_, _>>()?);
        Ok(())
    }

    fn table(
        self,
        assays: Assays,
        columns: SampleColumns,
        rows: Rows,
        n_rows: u64,
    ) -> Result<RawTable, ProteinFileError> {
        let mut builder = MatrixBuilder::new(&self.path, TableLayout::Adat, Scale::Linear);
        let (n, n_assays) = (rows.samples.len(), assays.kept.len());
        builder.samples(rows.samples)?;
        for ((one, qc), batches) in builder.measurements.iter_mut().zip(rows.qc).zip(rows.batches) {
            (one.qc, one.batches) = (qc, batches);
        }
        builder.values = Vec::with_capacity(rows.values.len());
        for assay in 0..n_assays {
            builder.values.extend((0..n).map(|sample| rows.values[sample * n_assays + assay]));
        }
        for (i, protein) in assays.kept {
            builder.protein_column(protein, self.seq_line, (self.n_before + i + 1) as u64)?;
        }
        let mut plates = super::names::Names::default();
        let plate = |name: &String| if name.is_empty() { RawTable::NO_PLATE } else { plates.intern(name.as_bytes()).0 };
        builder.plate_of = Some(rows.plates.iter().map(plate).collect());
        builder.plates = plates.texts();
        builder.batch_names = columns.batches.iter().map(|&at| self.header[at].clone()).collect();
        builder.n_records = n_rows;
        builder.drop_count("rows of buffers, calibrators and controls (SampleType)", rows.n_controls);
        builder.messages.push(format!(
            "{}: of {} assays {} are no protein's and {} are of other species: left out",
            self.path, self.n_assays, assays.n_no_protein, assays.n_other_species
        ));
        Ok(builder.table(&format!("SomaScan ADAT, RFU, samples by {}", columns.name)))
    }
}

/// Samples as they are read.
#[derive(Default)]
struct Rows {
    samples: Vec<String>,
    qc: Vec<Qc>,
    plates: Vec<String>,
    batches: Vec<Vec<String>>,
    /// samples × assays.
    values: Vec<f64>,
    n_controls: u64,
}

fn judgement(word: &[u8]) -> Qc {
    if word.eq_ignore_ascii_case(b"FLAG") || word.eq_ignore_ascii_case(b"WARN") {
        Qc::Warn
    } else if word.eq_ignore_ascii_case(b"FAIL") {
        Qc::Fail
    } else {
        Qc::Pass
    }
}
