//! Columns of a table, brought into the order of the samples that are asked for. One pass over the file; memory is
//! that of the columns kept, for the samples kept.

use std::collections::HashMap;
use std::path::Path;

use super::error::CohortError;
use super::explain;
use super::ids::{Join, RowMatch, RowMatcher, SampleIndex};
use super::layout::{self, Layout};
use super::select::Selector;
use crate::format::table::{Row, TableReader};
use crate::format::table_cell::{Cell, Minus9, describe_value, parse_cell};

const NONE: u32 = u32::MAX;

/// The samples for which values are kept, and their order.
#[derive(Debug, Clone)]
pub struct Targets {
    slot_of_genotype: Vec<u32>,
    n: usize,
}

impl Targets {
    /// `genotype_idx`: indices into the genotype file's samples, in the order wanted.
    pub fn new(n_genotyped: usize, genotype_idx: &[u32]) -> Self {
        let mut slot_of_genotype = vec![NONE; n_genotyped];
        for (slot, &idx) in genotype_idx.iter().enumerate() {
            slot_of_genotype[idx as usize] = slot as u32;
        }
        Self { slot_of_genotype, n: genotype_idx.len() }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether no sample is asked for.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Place of a genotyped sample, if it is asked for.
    pub fn slot(&self, genotype_idx: Option<u32>) -> Option<usize> {
        let slot = self.slot_of_genotype[genotype_idx? as usize];
        (slot != NONE).then_some(slot as usize)
    }
}

/// What to do with cells that are not numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextCells {
    /// An error (traits).
    Refuse,
    /// Keep them as levels of a category (covariates).
    Keep,
}

/// One column for the samples asked for.
#[derive(Debug, Clone, Default)]
pub struct RawColumn {
    /// Its name.
    pub name: String,
    /// One per sample; NaN where missing, without a row, or text.
    pub values: Vec<f64>,
    /// (sample, index into `levels`) of text cells, for [`TextCells::Keep`].
    pub texts: Vec<(u32, u32)>,
    /// Distinct texts in order of appearance.
    pub levels: Vec<String>,
    /// Line and description of the first text cell.
    pub first_text: Option<(u64, String)>,
    /// Cells of −9 taken as missing.
    pub n_minus9: usize,
}

/// What was read of one table.
#[derive(Debug)]
pub struct TableData {
    /// The file as named by the user.
    pub path: String,
    /// Chosen columns in file order.
    pub columns: Vec<RawColumn>,
    /// Per sample asked for: whether the table has a row for it.
    pub has_row: Vec<bool>,
    /// Per sample asked for: its FID, where the table has FIDs.
    pub fids: Option<Vec<Option<String>>>,
    /// Samples in the table.
    pub n_rows: usize,
    /// Samples in the table that are genotyped.
    pub n_matched: usize,
    /// What was chosen and what may surprise.
    pub messages: Vec<String>,
}

/// Reads the chosen columns of one table.
pub fn read_columns(
    path: &Path,
    index: &SampleIndex<'_>,
    targets: &Targets,
    selector: &mut Selector,
    minus9: Minus9,
    text: TextCells,
) -> Result<TableData, CohortError> {
    let mut table = TableReader::open(path)?;
    let layout = layout::recognise(&table, index)?;
    let rules = Rules { path: table.path().to_string(), minus9, text };
    let mut data = match &layout {
        Layout::SampleRows { fid, iid, first_value, .. } => {
            let ids = IdColumns { fid: *fid, iid: *iid, first_value: *first_value };
            read_sample_rows(&mut table, ids, index, targets, selector, &rules, path)?
        }
        Layout::SampleColumns { name, first_value } => {
            read_sample_columns(&mut table, *name, *first_value, index, targets, selector, &rules)?
        }
    };
    layout.describe(&table, &mut data.messages);
    Ok(data)
}

struct Rules {
    path: String,
    minus9: Minus9,
    text: TextCells,
}

#[derive(Clone, Copy)]
struct IdColumns {
    fid: Option<usize>,
    iid: usize,
    first_value: usize,
}

/// A column while it is read: values by slot in the order of arrival, levels by text.
#[derive(Default)]
struct Builder {
    column: RawColumn,
    code_of: HashMap<Vec<u8>, u32>,
}

impl Builder {
    fn new(name: &str, capacity: usize) -> Self {
        let column = RawColumn { name: name.to_string(), values: Vec::with_capacity(capacity), ..Default::default() };
        Self { column, code_of: HashMap::new() }
    }

    /// The number in a cell for `slot`, NaN for missing and text.
    fn take(&mut self, cell: &[u8], slot: usize, line: u64, rules: &Rules) -> Result<f64, CohortError> {
        match parse_cell(cell, rules.minus9) {
            Cell::Number(value) => return Ok(value),
            Cell::Missing => {}
            Cell::MissingMinus9 => self.column.n_minus9 += 1,
            Cell::Infinite => {
                let (path, column) = (rules.path.clone(), self.column.name.clone());
                return Err(CohortError::Infinite { path, line, column });
            }
            Cell::Text if rules.text == TextCells::Refuse => {
                return Err(CohortError::NotANumber {
                    path: rules.path.clone(),
                    line,
                    column: self.column.name.clone(),
                    value: describe_value(cell),
                    hint: not_a_number_hint(cell),
                });
            }
            Cell::Text => {
                let n_levels = self.column.levels.len() as u32;
                let code = *self.code_of.entry(cell.to_vec()).or_insert(n_levels);
                if code == n_levels {
                    self.column.levels.push(String::from_utf8_lossy(cell).into_owned());
                }
                self.column.texts.push((slot as u32, code));
                if self.column.first_text.is_none() {
                    self.column.first_text = Some((line, describe_value(cell)));
                }
            }
        }
        Ok(f64::NAN)
    }
}

fn not_a_number_hint(cell: &[u8]) -> &'static str {
    let decimal_comma = cell.contains(&b',') && cell.iter().all(|b| b.is_ascii_digit() || b"+-,".contains(b));
    if decimal_comma {
        "; write decimals with a point"
    } else {
        "; write NA for a missing value, or choose columns with --pheno-name"
    }
}

fn read_sample_rows(
    table: &mut TableReader,
    ids: IdColumns,
    index: &SampleIndex<'_>,
    targets: &Targets,
    selector: &mut Selector,
    rules: &Rules,
    path: &Path,
) -> Result<TableData, CohortError> {
    let header = table.header().to_vec();
    let chosen: Vec<usize> = (ids.first_value..header.len()).filter(|&i| selector.chooses(&header[i])).collect();
    let mut builders: Vec<Builder> = chosen.iter().map(|&i| Builder::new(&header[i], targets.len())).collect();
    let mut matcher = RowMatcher::new(index);
    let mut stored: Vec<RowMatch> = Vec::with_capacity(targets.len());
    let mut fids: Vec<String> = Vec::new();
    let mut row = Row::default();
    while table.next_row(&mut row)? {
        let line = table.line_number();
        let fid = ids.fid.map(|i| row.get(i));
        let iid = row.get(ids.iid);
        if iid.is_empty() {
            return Err(CohortError::EmptySampleId { path: rules.path.clone(), line });
        }
        let found = matcher.row(fid, iid, line);
        if targets.slot(found.iid).is_none() && targets.slot(found.joined).is_none() {
            continue;
        }
        let slot = stored.len();
        stored.push(found);
        if let Some(fid) = fid {
            fids.push(String::from_utf8_lossy(fid).into_owned());
        }
        for (builder, &i) in builders.iter_mut().zip(&chosen) {
            let value = builder.take(row.get(i), slot, line, rules)?;
            builder.column.values.push(value);
        }
    }
    let join = decide_join(&matcher, index, rules, || {
        explain::on_its_side(&header[1..], index).or_else(|| explain::wrong_column(path, index, ids.iid))
    })?;
    layout::check_names(&rules.path, &header[ids.first_value..], ids.first_value)?;
    if let Some((first, second)) = matcher.repeated(Some(join)) {
        return Err(CohortError::RepeatedSample { path: rules.path.clone(), first, second });
    }
    let order = RowOrder::new(&stored, targets, join);
    Ok(TableData {
        path: rules.path.clone(),
        columns: builders.into_iter().map(|builder| order.apply(builder.column)).collect(),
        has_row: order.row_of_slot.iter().map(|&row| row != NONE).collect(),
        fids: ids.fid.map(|_| order.row_of_slot.iter().map(|&row| fids.get(row as usize).cloned()).collect()),
        n_rows: matcher.n_rows(),
        n_matched: matcher.n_matched(),
        messages: explain::partial(&rules.path, &matcher, index, join),
    })
}

/// From the order of the file to the order asked for.
struct RowOrder {
    /// Per sample its stored row, or [`NONE`].
    row_of_slot: Vec<u32>,
    /// Per stored row its sample, or [`NONE`].
    slot_of_row: Vec<u32>,
}

impl RowOrder {
    fn new(stored: &[RowMatch], targets: &Targets, join: Join) -> Self {
        let mut order = Self { row_of_slot: vec![NONE; targets.len()], slot_of_row: vec![NONE; stored.len()] };
        for (row, found) in stored.iter().enumerate() {
            if let Some(slot) = targets.slot(found.under(join)) {
                order.slot_of_row[row] = slot as u32;
                order.row_of_slot[slot] = row as u32;
            }
        }
        order
    }

    fn apply(&self, mut column: RawColumn) -> RawColumn {
        let value = |&row: &u32| column.values.get(row as usize).copied().unwrap_or(f64::NAN);
        column.values = self.row_of_slot.iter().map(value).collect();
        column.texts.retain_mut(|(row, _)| {
            *row = self.slot_of_row[*row as usize];
            *row != NONE
        });
        column.texts.sort_unstable();
        column
    }
}

fn decide_join(
    matcher: &RowMatcher<'_>,
    index: &SampleIndex<'_>,
    rules: &Rules,
    wrong_column: impl Fn() -> Option<String>,
) -> Result<Join, CohortError> {
    if let Some(join) = matcher.join_used() {
        return Ok(join);
    }
    let iids: Vec<&[u8]> = matcher.iids().collect();
    let cause = wrong_column().or_else(|| explain::cause(&iids, index));
    Err(CohortError::NoOverlap {
        path: rules.path.clone(),
        n_rows: matcher.n_rows(),
        n_genotyped: index.len(),
        cause: cause.map(|cause| format!("; {cause}")).unwrap_or_default(),
    })
}

/// A table on its side: a row is a trait or covariate, a column a sample (FastQTL, QTLtools, tensorQTL).
fn read_sample_columns(
    table: &mut TableReader,
    name_column: usize,
    first_value: usize,
    index: &SampleIndex<'_>,
    targets: &Targets,
    selector: &mut Selector,
    rules: &Rules,
) -> Result<TableData, CohortError> {
    let mut matcher = RowMatcher::new(index);
    let header = table.header();
    let found: Vec<RowMatch> =
        (first_value..header.len()).map(|i| matcher.row(None, header[i].as_bytes(), i as u64 + 1)).collect();
    let join = decide_join(&matcher, index, rules, || None)?;
    if let Some((first, second)) = matcher.repeated(Some(join)) {
        return Err(CohortError::RepeatedSampleColumn { path: rules.path.clone(), first, second });
    }
    let cells: Vec<(usize, usize)> =
        (found.iter().enumerate()).filter_map(|(i, m)| Some((first_value + i, targets.slot(m.under(join))?))).collect();
    let mut has_row = vec![false; targets.len()];
    cells.iter().for_each(|&(_, slot)| has_row[slot] = true);
    let mut columns: Vec<RawColumn> = Vec::new();
    let mut line_of: HashMap<String, u64> = HashMap::new();
    let mut row = Row::default();
    while table.next_row(&mut row)? {
        let line = table.line_number();
        let name = String::from_utf8_lossy(row.get(name_column)).into_owned();
        if name.is_empty() {
            return Err(CohortError::UnnamedRow { path: rules.path.clone(), line });
        }
        if let Some(first) = line_of.insert(name.clone(), line) {
            let path = rules.path.clone();
            return Err(CohortError::RepeatedColumn { path, place: "line", name, first, second: line });
        }
        if !selector.chooses(&name) {
            continue;
        }
        let mut builder = Builder::new(&name, targets.len());
        let mut values = vec![f64::NAN; targets.len()];
        for &(i, slot) in &cells {
            values[slot] = builder.take(row.get(i), slot, line, rules)?;
        }
        builder.column.values = values;
        builder.column.texts.sort_unstable();
        columns.push(builder.column);
    }
    let messages = explain::partial(&rules.path, &matcher, index, join);
    Ok(TableData {
        path: rules.path.clone(),
        columns,
        has_row,
        fids: None,
        n_rows: matcher.n_rows(),
        n_matched: matcher.n_matched(),
        messages,
    })
}
