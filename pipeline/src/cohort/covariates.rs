//! Covariates: joined from several tables, complete for the analysed samples, categories expanded to indicators.

use std::path::PathBuf;

use super::columns::{RawColumn, TableData, Targets, TextCells, read_columns};
use super::error::CohortError;
use super::ids::SampleIndex;
use super::ledger::{CohortLedger, FileLedger};
use super::select::Selector;
use super::{CohortConfig, Column};
use crate::format::table_cell::describe_value;

/// Fewest samples of a level that is told by its name.
const MIN_TOLD: usize = 3;
/// Levels that may be more than half as many as the samples.
const FEW_LEVELS: usize = 10;
/// Most levels of a categorical covariate.
pub const MAX_LEVELS: usize = 50;

/// A column that mixes numbers with text is a category only up to this many distinct numbers.
const MAX_MIXED_NUMBERS: usize = 10;

/// Covariates and the samples that have them all.
#[derive(Debug, Default)]
pub struct Covariates {
    /// Genotype indices of the samples with complete covariates, ascending.
    pub analysed: Vec<u32>,
    /// Columns over `analysed`; no NaN, no intercept.
    pub columns: Vec<Column>,
}

/// Joins tables on samples, refusing a column name that two of them have.
pub fn join_tables(
    paths: &[PathBuf],
    role: &str,
    selector: &mut Selector,
    mut read: impl FnMut(&PathBuf, &mut Selector) -> Result<TableData, CohortError>,
    ledger: &mut CohortLedger,
    messages: &mut Vec<String>,
) -> Result<Vec<TableData>, CohortError> {
    let mut tables: Vec<TableData> = Vec::with_capacity(paths.len());
    let mut file_of = std::collections::HashMap::new();
    for path in paths {
        let mut data = read(path, selector)?;
        messages.append(&mut data.messages);
        for column in &data.columns {
            if let Some(first) = file_of.insert(column.name.clone(), tables.len()) {
                return Err(CohortError::ColumnInTwoFiles {
                    name: column.name.clone(),
                    first: tables.get(first).map_or_else(|| data.path.clone(), |table| table.path.clone()),
                    second: data.path.clone(),
                    option: selector.option(),
                });
            }
        }
        ledger.files.push(FileLedger {
            role: role.to_string(),
            path: data.path.clone(),
            n_samples: data.n_rows,
            n_genotyped: data.n_matched,
        });
        if data.columns.is_empty() {
            messages.push(format!(
                "{}: {} chooses none of its columns, so it is not used",
                data.path,
                selector.option()
            ));
        } else {
            tables.push(data);
        }
    }
    Ok(tables)
}

/// Reads the covariates of the samples in `kept` (genotype indices, ascending), and adds those of `own` behind them.
pub fn load(
    config: &CohortConfig,
    index: &SampleIndex<'_>,
    (kept, own): (Vec<u32>, Option<TableData>),
    ledger: &mut CohortLedger,
    messages: &mut Vec<String>,
) -> Result<Covariates, CohortError> {
    if config.covar.is_empty() && own.is_none() {
        ledger.n_analysed = kept.len();
        return Ok(Covariates { analysed: kept, columns: Vec::new() });
    }
    let targets = Targets::new(index.len(), &kept);
    let mut selector = Selector::new("--covar-name", &config.covar_name);
    let read = |path: &PathBuf, selector: &mut Selector| {
        read_columns(path, index, &targets, selector, config.minus9, TextCells::Keep)
    };
    let mut tables = join_tables(&config.covar, "covar", &mut selector, read, ledger, messages)?;
    selector.finish(|name| index.get(name.as_bytes()).is_some())?;
    if let Some(own) = own {
        check_apart(&tables, &own)?;
        tables.push(own);
    }
    let mut complete = vec![true; kept.len()];
    for (slot, is_complete) in complete.iter_mut().enumerate() {
        if tables.iter().any(|table| !table.has_row[slot]) {
            ledger.n_no_covariate_row += 1;
            *is_complete = false;
        }
    }
    let mut has_all = complete.clone();
    for column in tables.iter().flat_map(|table| &table.columns) {
        for (slot, is_missing) in missing(column).into_iter().enumerate() {
            has_all[slot] &= !is_missing;
        }
    }
    ledger.n_missing_covariate = complete.iter().zip(&has_all).filter(|(row, all)| **row && !**all).count();
    let slots: Vec<u32> = (0..kept.len() as u32).filter(|&slot| has_all[slot as usize]).collect();
    ledger.n_analysed = slots.len();
    let analysed = slots.iter().map(|&slot| kept[slot as usize]).collect();
    if slots.is_empty() {
        return Err(CohortError::NoSamples { account: ledger.account() });
    }
    let mut categories = (!config.covar_cat.is_empty()).then(|| Selector::new("--covar-cat", &config.covar_cat));
    let mut columns = Vec::new();
    for table in &tables {
        say_minus9(&table.path, &table.columns, messages);
        for column in &table.columns {
            let is_forced = categories.as_mut().is_some_and(|selector| selector.chooses(&column.name));
            let context = Context { path: &table.path, slots: &slots };
            columns.extend(expand(column, is_forced, &context, ledger, messages)?);
        }
    }
    if let Some(selector) = &categories {
        selector.finish(|name| index.get(name.as_bytes()).is_some())?;
    }
    Ok(Covariates { analysed, columns })
}

/// Refuses a covariate of proteins that a table has too.
fn check_apart(tables: &[TableData], own: &TableData) -> Result<(), CohortError> {
    for table in tables {
        if let Some(column) = table.columns.iter().find(|column| own.columns.iter().any(|own| own.name == column.name))
        {
            return Err(CohortError::ColumnInTwoFiles {
                name: column.name.clone(),
                first: table.path.clone(),
                second: own.path.clone(),
                option: "--covar-name or --no-protein-covariates",
            });
        }
    }
    Ok(())
}

/// Says how many cells of −9 were taken as missing, and where that looks wrong.
pub fn say_minus9(path: &str, columns: &[RawColumn], messages: &mut Vec<String>) {
    let n: usize = columns.iter().map(|column| column.n_minus9).sum();
    if n == 0 {
        return;
    }
    let with: Vec<&RawColumn> = columns.iter().filter(|column| column.n_minus9 > 0).collect();
    let n_negative = with.iter().filter(|column| column.values.iter().any(|value| *value < 0.0)).count();
    let mut text = format!("{path}: {n} cells of -9 in {} columns are taken as missing", with.len());
    if n_negative > 0 {
        text += &format!(
            "; {n_negative} of these columns have other negative values, so -9 may be a measurement (--minus9 value keeps it)"
        );
    }
    messages.push(text);
}

fn missing(column: &RawColumn) -> Vec<bool> {
    let mut is_missing: Vec<bool> = column.values.iter().map(|value| value.is_nan()).collect();
    for &(slot, _) in &column.texts {
        is_missing[slot as usize] = false;
    }
    is_missing
}

struct Context<'a> {
    path: &'a str,
    slots: &'a [u32],
}

fn expand(
    column: &RawColumn,
    is_forced: bool,
    context: &Context<'_>,
    ledger: &mut CohortLedger,
    messages: &mut Vec<String>,
) -> Result<Vec<Column>, CohortError> {
    let values: Vec<f64> = context.slots.iter().map(|&slot| column.values[slot as usize]).collect();
    let n_text = values.iter().filter(|value| value.is_nan()).count();
    if n_text == 0 && !is_forced {
        return Ok(vec![Column { name: column.name.clone(), values }]);
    }
    let n_numbers = super::transform::count_distinct(&values, MAX_MIXED_NUMBERS + 1);
    if !is_forced && n_numbers > MAX_MIXED_NUMBERS && 2 * n_text < values.len() {
        let (line, value) = column.first_text.clone().unwrap_or_default();
        return Err(CohortError::NotANumber {
            path: context.path.to_string(),
            line,
            column: column.name.clone(),
            value,
            hint: "; write NA for a missing value, or name the column in --covar-cat if it is a category",
        });
    }
    let names = level_names(column, context.slots, &values);
    let levels = sorted_levels(&names);
    let (n_levels, n_samples) = (levels.len(), names.len());
    if n_levels > MAX_LEVELS
        || (n_levels > FEW_LEVELS && 2 * n_levels > n_samples)
        || (n_levels > 2 && n_levels == n_samples)
    {
        let (path, column) = (context.path.to_string(), column.name.clone());
        return Err(CohortError::TooManyLevels { path, column, n_levels, n_samples, max: MAX_LEVELS });
    }
    if n_levels == 1 {
        messages.push(format!(
            "{}: covariate '{}' has one level among the analysed samples and is left out",
            context.path, column.name
        ));
        ledger.covariates_of_one_level.push(column.name.clone());
        return Ok(Vec::new());
    }
    messages.push(format!(
        "{}: covariate '{}' is categorical: {n_levels} levels, reference {}",
        context.path,
        column.name,
        shown_level(&levels[0])
    ));
    let indicator = |(number, level): (usize, &String)| Column {
        name: format!("{}={}", column.name, told_level(level, number, &names)),
        values: names.iter().map(|name| f64::from(u8::from(name == level))).collect(),
    };
    Ok(levels.iter().enumerate().skip(1).map(indicator).collect())
}

/// A level in the name of its indicator, which stands in results: by its number where so few samples have it that it may be an
/// ID.
fn told_level(level: &str, number: usize, names: &[String]) -> String {
    let n_samples = names.iter().filter(|name| *name == level).count();
    let may_be_id = level.bytes().any(|b| b.is_ascii_digit()) && level.parse::<f64>().is_err();
    if may_be_id && n_samples < MIN_TOLD { format!("level {}", number + 1) } else { level.to_owned() }
}

/// A level for a message: by its shape where it has digits and is no number, since it may be an ID.
fn shown_level(level: &str) -> String {
    if level.bytes().any(|b| b.is_ascii_digit()) { describe_value(level.as_bytes()) } else { format!("'{level}'") }
}

/// The level of each analysed sample. A numeric code is written as a number, so that 1, 1.0 and 01 are one level.
fn level_names(column: &RawColumn, slots: &[u32], values: &[f64]) -> Vec<String> {
    let mut code_of_slot = std::collections::HashMap::new();
    for &(slot, code) in &column.texts {
        code_of_slot.insert(slot, code);
    }
    slots
        .iter()
        .zip(values)
        .map(|(slot, value)| match code_of_slot.get(slot) {
            Some(&code) => column.levels[code as usize].clone(),
            None => format!("{}", value + 0.0),
        })
        .collect()
}

/// Distinct levels: by number where all are numbers, else by their bytes.
fn sorted_levels(names: &[String]) -> Vec<String> {
    let mut levels: Vec<String> = names.to_vec();
    levels.sort();
    levels.dedup();
    let numbers: Option<Vec<f64>> = levels.iter().map(|level| level.parse().ok()).collect();
    if let Some(numbers) = numbers {
        let mut order: Vec<usize> = (0..levels.len()).collect();
        order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
        return order.into_iter().map(|i| levels[i].clone()).collect();
    }
    levels
}
