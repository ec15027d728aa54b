//! MaxQuant's proteinGroups.txt: LFQ intensities where there are any, else intensities. R turns the blanks of names into points.

use std::path::Path;

use super::ReadOptions;
use super::cells::utf8;
use super::columns::{Columns, plain};
use super::diann::amount;
use super::error::ProteinFileError;
use super::matrix::MatrixBuilder;
use crate::format::table::{Row, TableReader};
use crate::proteins::{RawProtein, RawTable, Scale, TableLayout};

/// Marks that drop a row, and what they are.
const MARKS: [(&[&str], &str); 3] = [
    (&["Reverse"], "reverse sequences"),
    (&["Potential contaminant", "Contaminant"], "contaminants"),
    (&["Only identified by site"], "proteins only identified by site"),
];

/// Starts of IDs that mean the same where no column marks the row.
const PREFIXES: [(&str, &str); 2] =
    [("REV__", "reverse sequences by IDs of REV__"), ("CON__", "contaminants by IDs of CON__")];

/// Reads a proteinGroups.txt.
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<RawTable, ProteinFileError> {
    let mut table = TableReader::open(path)?;
    let name = table.path().to_string();
    let header = table.header().to_vec();
    let columns = Columns::new(&header);
    let wrong = |problem: String| ProteinFileError::file(&name, problem);
    let find = |names: &[&str]| columns.find(names).map_err(wrong);
    let all_ids = find(&["Protein IDs"])?;
    let ids = find(&["Majority protein IDs"])?.or(all_ids);
    let ids = ids.ok_or_else(|| wrong("no column Majority protein IDs or Protein IDs".into()))?;
    let genes = find(&["Gene names"])?;
    let marks: Vec<Option<usize>> = MARKS.iter().map(|(names, _)| find(names)).collect::<Result<_, _>>()?;
    let (stem, samples) = sample_columns(&header, options.value_column.as_deref()).map_err(wrong)?;
    let mut builder = MatrixBuilder::new(&name, TableLayout::MaxQuant, Scale::Linear);
    builder.samples(samples.iter().map(|(_, sample)| sample.clone()).collect())?;
    let mut n_marked = [0; MARKS.len()];
    let (mut n_prefixed, mut n_zero) = ([0; PREFIXES.len()], 0);
    let mut row = Row::default();
    while table.next_row(&mut row)? {
        let line = table.line_number();
        builder.n_records += 1;
        if let Some(mark) = marks.iter().position(|mark| mark.is_some_and(|at| row.get(at) == b"+")) {
            n_marked[mark] += 1;
            continue;
        }
        let place = |at: usize| format!("column {} ({})", at + 1, header[at]);
        let text =
            |at: usize| utf8(row.get(at), place(at)).map_err(|problem| ProteinFileError::line(&name, line, problem));
        let id = text(ids)?;
        if id.is_empty() {
            return Err(ProteinFileError::line(&name, line, format!("no {}", header[ids])));
        }
        if let Some(prefix) = PREFIXES.iter().position(|(prefix, _)| id.starts_with(prefix)) {
            n_prefixed[prefix] += 1;
            continue;
        }
        for &(at, _) in &samples {
            let value = amount(row.get(at), &mut n_zero)
                .map_err(|problem| ProteinFileError::line(&name, line, format!("column {}: {problem}", at + 1)))?;
            builder.values.push(value);
        }
        let protein = RawProtein {
            uniprot: id.clone(),
            name: genes.map_or(Ok(String::new()), text)?,
            id,
            ..RawProtein::default()
        };
        builder.protein(protein, line)?;
    }
    for ((_, what), n) in MARKS.iter().zip(n_marked) {
        builder.drop_count(what, n);
    }
    for ((_, what), n) in PREFIXES.iter().zip(n_prefixed) {
        builder.drop_count(what, n);
    }
    let unmarked: Vec<&str> = MARKS.iter().zip(&marks).filter(|(_, at)| at.is_none()).map(|(mark, _)| mark.1).collect();
    if !unmarked.is_empty() {
        builder
            .messages
            .push(format!("{name}: no column marks {}: only IDs of REV__ and CON__ are dropped", unmarked.join(", ")));
    }
    Ok(builder.table(&format!("MaxQuant protein groups, {stem} ({n_zero} zeros taken as missing)")))
}

/// The columns of values: the word before the samples' names, and each column with its sample.
fn sample_columns(header: &[String], chosen: Option<&str>) -> Result<(String, Vec<(usize, String)>), String> {
    let stems: Vec<&str> = chosen.map_or_else(|| vec!["LFQ intensity", "Intensity"], |stem| vec![stem]);
    for stem in &stems {
        let of = |(at, name): (usize, &String)| {
            let (word, sample) = (name.get(..stem.len())?, name.get(stem.len()..)?);
            let same = plain(word) == plain(stem) && word.len() == stem.len();
            let sample = sample.strip_prefix([' ', '.', '_'])?;
            (same && !sample.is_empty()).then(|| (at, sample.to_string()))
        };
        let found: Vec<(usize, String)> = header.iter().enumerate().filter_map(of).collect();
        if !found.is_empty() {
            return Ok((stem.to_string(), found));
        }
    }
    Err(format!("no column named {} and a sample; say --value-column", stems.join(" or ")))
}
