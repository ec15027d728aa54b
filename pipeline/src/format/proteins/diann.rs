//! DIA-NN: the matrix of protein groups (`pg_matrix`), and the main report, whose rows are precursors that repeat the value of
//! their protein group in a run.

use std::path::Path;

use super::ReadOptions;
use super::cells::utf8;
use super::columns::{Columns, plain};
use super::error::ProteinFileError;
use super::long::{LongCells, check_filled};
use super::matrix::MatrixBuilder;
use super::names::Names;
use super::number;
use super::rows::{LongInput, LongRow, TakeRow, Wanted};
use super::runs_by_name::run_name;
use crate::format::table::{Row, TableReader};
use crate::proteins::{RawProtein, RawTable, Scale, TableLayout};

/// Columns of the matrix that are no runs.
const DESCRIPTIONS: [&str; 8] = [
    "proteingroup",
    "proteinids",
    "proteinnames",
    "genes",
    "firstproteindescription",
    "nsequences",
    "nproteotypicsequences",
    "proteins",
];

/// Reads a `pg_matrix`.
pub(super) fn read_matrix(path: &Path) -> Result<RawTable, ProteinFileError> {
    let mut table = TableReader::open(path)?;
    let name = table.path().to_string();
    let header = table.header().to_vec();
    let columns = Columns::new(&header);
    let wrong = |problem: String| ProteinFileError::file(&name, problem);
    let group =
        columns.find(&["Protein.Group"]).map_err(wrong)?.ok_or_else(|| wrong("no column Protein.Group".into()))?;
    let ids = columns.find(&["Protein.Ids"]).map_err(wrong)?;
    let genes = columns.find(&["Genes"]).map_err(wrong)?;
    let runs: Vec<usize> = (0..header.len()).filter(|&i| !DESCRIPTIONS.contains(&plain(&header[i]).as_str())).collect();
    if runs.is_empty() {
        return Err(wrong("the header has no column of a run after those of the protein group".into()));
    }
    let mut builder = MatrixBuilder::new(&name, TableLayout::DiannMatrix, Scale::Linear);
    builder.samples(runs.iter().map(|&i| run_name(&header[i]).to_string()).collect())?;
    let mut row = Row::default();
    let mut n_zero = 0;
    while table.next_row(&mut row)? {
        let line = table.line_number();
        let place = |at: usize| format!("column {} ({})", at + 1, header[at]);
        let text =
            |at: usize| utf8(row.get(at), place(at)).map_err(|problem| ProteinFileError::line(&name, line, problem));
        let id = text(group)?;
        if id.is_empty() {
            return Err(ProteinFileError::line(&name, line, "no Protein.Group"));
        }
        for &i in &runs {
            let value = amount(row.get(i), &mut n_zero)
                .map_err(|problem| ProteinFileError::line(&name, line, format!("column {}: {problem}", i + 1)))?;
            builder.values.push(value);
        }
        let cell = |at: Option<usize>| at.map_or(Ok(String::new()), text);
        let uniprot = if ids.is_some() { cell(ids)? } else { id.clone() };
        builder.protein(RawProtein { id, name: cell(genes)?, uniprot, ..RawProtein::default() }, line)?;
        builder.n_records += 1;
    }
    Ok(builder.table(&format!("DIA-NN matrix of protein groups ({n_zero} zeros taken as missing)")))
}

/// An amount; 0 is missing.
pub(super) fn amount(cell: &[u8], n_zero: &mut u64) -> Result<f64, String> {
    positive(number::value(cell)?, n_zero)
}

fn positive(value: f64, n_zero: &mut u64) -> Result<f64, String> {
    if value == 0.0 {
        *n_zero += 1;
        return Ok(f64::NAN);
    }
    if value < 0.0 { Err("an amount below 0: amounts are not logarithms here".into()) } else { Ok(value) }
}

const GROUP: usize = 0;
const RUN: usize = 1;
const IDS: usize = 2;
const GENES: usize = 3;
const VALUE: usize = 0;
const Q: usize = 1;
const GROUP_Q: usize = 2;

/// Reads the main report.
pub(super) fn read_report(input: &mut dyn LongInput, options: &ReadOptions) -> Result<RawTable, ProteinFileError> {
    let path = input.path().to_string();
    let wrong = |problem: String| ProteinFileError::file(&path, problem);
    let columns = Columns::new(input.header());
    let (wanted, told) = report_columns(&columns, options).map_err(wrong)?;
    let place =
        |at: Option<usize>| at.map(|at| format!("column {} ({})", at + 1, columns.name(at))).unwrap_or_default();
    let places = [GROUP, RUN, IDS, GENES].map(|role| place(wanted.texts[role]));
    let has_q = [Q, GROUP_Q].map(|role| wanted.numbers[role].is_some());
    let mut report = Report { max_q: options.max_q_value, has_q, places, ..Report::default() };
    let n_records = input.rows(&wanted, &mut report)?;
    report.table(&path, n_records, &told)
}

fn report_columns(columns: &Columns, options: &ReadOptions) -> Result<(Wanted, String), String> {
    let mut wanted = Wanted::default();
    wanted.texts[GROUP] = columns.find(&["Protein.Group"])?;
    wanted.texts[RUN] = match &options.sample_column {
        Some(name) => Some(columns.chosen(name, "--sample-column")?),
        None => columns.find(&["File.Name", "Run"])?,
    };
    wanted.texts[IDS] = columns.find(&["Protein.Ids"])?;
    wanted.texts[GENES] = columns.find(&["Genes"])?;
    wanted.numbers[VALUE] = match &options.value_column {
        Some(name) => Some(columns.chosen(name, "--value-column")?),
        None => columns.find(&["PG.MaxLFQ", "PG.Quantity"])?,
    };
    wanted.numbers[Q] = columns.find(&["Q.Value"])?;
    wanted.numbers[GROUP_Q] = columns.find(&["PG.Q.Value"])?;
    let name = |at: Option<usize>| at.map_or("none", |at| columns.name(at)).to_string();
    for (at, what) in [
        (wanted.texts[GROUP], "Protein.Group"),
        (wanted.texts[RUN], "File.Name or Run"),
        (wanted.numbers[VALUE], "PG.MaxLFQ or PG.Quantity (another: --value-column)"),
    ] {
        if at.is_none() {
            return Err(format!("no column {what}, which a DIA-NN report has"));
        }
    }
    let told = format!(
        "runs {}, values {}, filtered by {} and {}",
        name(wanted.texts[RUN]),
        name(wanted.numbers[VALUE]),
        name(wanted.numbers[Q]),
        name(wanted.numbers[GROUP_Q])
    );
    Ok((wanted, told))
}

#[derive(Default)]
struct Report {
    max_q: f64,
    /// By role of text: column of the file, for messages.
    places: [String; 4],
    groups: Names,
    runs: Names,
    proteins: Vec<RawProtein>,
    cells: LongCells,
    n_above: u64,
    /// Whether there are columns Q.Value and PG.Q.Value.
    has_q: [bool; 2],
    n_without_q: u64,
    n_again: u64,
    n_zero: u64,
}

impl TakeRow for Report {
    fn row(&mut self, row: &LongRow) -> Result<(), String> {
        let mut has_q = true;
        for (i, (role, what)) in [(Q, "Q.Value"), (GROUP_Q, "PG.Q.Value")].into_iter().enumerate() {
            let q = row.numbers[role].value().map_err(|problem| format!("{what}: {problem}"))?;
            has_q &= !(self.has_q[i] && q.is_nan());
            if q > self.max_q {
                self.n_above += 1;
                return Ok(());
            }
        }
        self.n_without_q += u64::from(!has_q);
        if row.texts[GROUP].is_empty() {
            return Err("no Protein.Group".into());
        }
        if row.texts[RUN].is_empty() {
            return Err("no run".into());
        }
        let value = row.numbers[VALUE].value().map_err(|problem| format!("value: {problem}"))?;
        let value = positive(value, &mut self.n_zero)?;
        let (group, is_new) = self.groups.intern(row.texts[GROUP]);
        if is_new {
            let text = |role: usize| utf8(row.texts[role], &self.places[role]);
            let (id, uniprot, name) = (text(GROUP)?, text(IDS)?, text(GENES)?);
            self.proteins.push(RawProtein { id, uniprot, name, ..RawProtein::default() });
            self.cells.add_row();
        }
        let (run, is_new) = self.runs.intern(row.texts[RUN]);
        if is_new {
            utf8(row.texts[RUN], &self.places[RUN])?;
        }
        self.cells.check()?;
        let cell = self.cells.at(group, run);
        if !cell.seen {
            (cell.value, cell.seen) = (value, true);
            return Ok(());
        }
        self.n_again += 1;
        if cell.value == value || (cell.value.is_nan() && value.is_nan()) {
            return Ok(());
        }
        Err("the protein group has another value than on an earlier row of the same run; is the value one of the protein group \
             (PG.MaxLFQ, PG.Quantity)?"
            .into())
    }
}

impl Report {
    fn table(mut self, path: &str, n_records: u64, told: &str) -> Result<RawTable, ProteinFileError> {
        let mut builder = MatrixBuilder::new(path, TableLayout::DiannReport, Scale::Linear);
        let runs = self.runs.texts();
        if runs.is_empty() {
            let problem = format!("no row has a Q.Value of at most {}", self.max_q);
            return Err(ProteinFileError::file(path, problem));
        }
        builder.samples(runs.iter().map(|run| run_name(run).to_string()).collect())?;
        check_filled((self.proteins.len() * runs.len()) as u64, n_records)
            .map_err(|problem| ProteinFileError::file(path, problem))?;
        builder.values.reserve_exact(self.proteins.len() * runs.len());
        for (row, protein) in self.proteins.into_iter().enumerate() {
            let cells = self.cells.take(row as u32);
            builder.values.extend((0..runs.len()).map(|run| cells.get(run).map_or(f64::NAN, |cell| cell.value)));
            builder.protein(protein, row as u64 + 1)?;
        }
        builder.n_records = n_records;
        if self.n_without_q > 0 {
            let n = self.n_without_q;
            builder.messages.push(format!("{path}: {n} precursor rows lack Q.Value or PG.Q.Value: kept"));
        }
        builder.drop_count(&format!("precursor rows with Q.Value or PG.Q.Value above {}", self.max_q), self.n_above);
        builder.drop_count("precursor rows that repeat the value of their protein group", self.n_again);
        Ok(builder.table(&format!("DIA-NN report ({told}; {} rows of 0 taken as missing)", self.n_zero)))
    }
}
