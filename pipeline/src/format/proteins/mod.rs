//! Tables of proteins as laboratories send them, one layout a file, all into one [`RawTable`].
//!
//! Long tables (a row is a protein in a sample) come through `rows`, of text or Parquet; matrices through `matrix`.

mod adat;
mod cells;
mod columns;
mod diann;
pub mod error;
mod join;
mod kind;
mod long;
mod matrix;
mod maxquant;
mod names;
mod number;
mod olink;
mod olink_table;
mod olink_words;
pub mod options;
#[cfg(feature = "parquet")]
mod parquet_pages;
#[cfg(feature = "parquet")]
mod parquet_rows;
pub mod phenotype_bed;
mod recognise;
mod rows;
mod runs;
mod runs_by_name;
mod text_rows;
mod wide;

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub use error::ProteinFileError;
pub use options::{Orientation, ReadOptions};

use crate::format::table_text::LineReader;
use crate::proteins::{RawTable, TableLayout};
use rows::LongInput;

/// Reads one file, or several of one layout: proteins are joined by their IDs, and a sample that is measured again is a further
/// measurement. The layout is recognised by the file's content unless `options` name it.
///
/// Memory: 16 bytes a cell of a long table's matrix, and the matrix itself; nothing by the number of rows.
///
/// # Errors
/// [`ProteinFileError`]: file, line or row, column, what is wrong.
pub fn read(paths: &[PathBuf], options: &ReadOptions) -> Result<RawTable, ProteinFileError> {
    refuse_same(paths)?;
    let mut inputs = Vec::new();
    for path in paths {
        inputs.push((path, open(path, options)?));
    }
    let mut table = all(paths, inputs, options)?;
    table.messages.extend(options.unused(table.layout));
    for path in paths {
        table.warnings.extend(open_end(path)?);
    }
    leave_plates(&mut table);
    Ok(table)
}

fn all(
    paths: &[PathBuf],
    mut inputs: Vec<(&PathBuf, Input)>,
    options: &ReadOptions,
) -> Result<RawTable, ProteinFileError> {
    if inputs.iter().all(|(_, input)| input.layout == TableLayout::OlinkLong) && !inputs.is_empty() {
        let mut olink = olink::Olink::default();
        for (_, input) in &mut inputs {
            olink.read(&mut *input.long()?, options)?;
        }
        return olink.table(&paths[0].display().to_string());
    }
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let tables = inputs.iter_mut().map(|(path, input)| input.table(path, options)).collect::<Result<Vec<_>, _>>()?;
    join::join(&names, tables)
}

/// A file that is given twice would be a further measurement of all its samples.
fn refuse_same(paths: &[PathBuf]) -> Result<(), ProteinFileError> {
    let mut seen = HashMap::new();
    for (i, path) in paths.iter().enumerate() {
        let Ok(found) = std::fs::metadata(path) else { continue };
        if let Some(first) = seen.insert((found.dev(), found.ino()), i) {
            let problem = format!("the same file as input {}; name it once", first + 1);
            return Err(ProteinFileError::file(&path.display().to_string(), problem));
        }
    }
    Ok(())
}

/// A warning where a text that is not compressed has no line end behind its last line: it may have been cut there.
fn open_end(path: &Path) -> Result<Option<String>, ProteinFileError> {
    let name = path.display().to_string();
    let ends = || -> std::io::Result<([u8; 4], u8)> {
        let mut file = std::fs::File::open(path)?;
        let (mut start, mut last) = ([0; 4], [0]);
        file.read_exact(&mut start)?;
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        Ok((start, last[0]))
    };
    let (start, last) = ends().map_err(|cause| ProteinFileError::file(&name, cause.to_string()))?;
    let is_text = !start.starts_with(&[0x1f, 0x8b]) && &start != b"PAR1";
    Ok((is_text && last != b'\n').then(|| format!("{name}: the last line has no line end: is the file whole?")))
}

/// A measurement that has no value on a panel was on none of its plates.
fn leave_plates(table: &mut RawTable) {
    if table.plates.is_empty() {
        return;
    }
    let n = table.measurements.len();
    let mut has_value = vec![vec![false; n]; table.panels.len()];
    for (i, protein) in table.proteins.iter().enumerate() {
        let has_value = &mut has_value[protein.panel as usize];
        has_value.iter_mut().zip(table.row(i)).for_each(|(has, value)| *has |= !value.is_nan());
    }
    for (panel, has_value) in table.panels.iter_mut().zip(has_value) {
        let empty = panel.plate_of.iter_mut().zip(has_value).filter(|(_, has)| !has);
        empty.for_each(|(plate, _)| *plate = RawTable::NO_PLATE);
    }
}

/// A file whose layout is known.
struct Input {
    layout: TableLayout,
    path: String,
    rows: Option<Box<dyn LongInput>>,
}

impl Input {
    fn long(&mut self) -> Result<&mut dyn LongInput, ProteinFileError> {
        match &mut self.rows {
            Some(rows) => Ok(rows.as_mut()),
            None => Err(ProteinFileError::file(&self.path, "no long table")),
        }
    }

    fn table(&mut self, path: &Path, options: &ReadOptions) -> Result<RawTable, ProteinFileError> {
        if is_parquet(path)? && !matches!(self.layout, TableLayout::OlinkLong | TableLayout::DiannReport) {
            let problem = "a matrix in Parquet is not read; save it as text between tabs";
            return Err(ProteinFileError::file(&self.path, problem));
        }
        match self.layout {
            TableLayout::OlinkLong => {
                let mut olink = olink::Olink::default();
                olink.read(self.long()?, options)?;
                olink.table(&self.path)
            }
            TableLayout::DiannReport => diann::read_report(self.long()?, options),
            TableLayout::DiannMatrix => diann::read_matrix(path),
            TableLayout::MaxQuant => maxquant::read(path, options),
            TableLayout::Adat => adat::read(path, options),
            TableLayout::Wide => wide::read(path, options),
            TableLayout::Bed => phenotype_bed::read(path),
        }
    }
}

fn open(path: &Path, options: &ReadOptions) -> Result<Input, ProteinFileError> {
    kind::refuse_other(path)?;
    let name = path.display().to_string();
    let rows: Box<dyn LongInput> = if is_parquet(path)? {
        open_parquet(path)?
    } else {
        if options.layout.is_none_or(|layout| layout == TableLayout::Adat) {
            let is_adat = LineReader::open(path)?.next_content_line(false)?.is_some_and(adat::is_first_line);
            if is_adat || options.layout == Some(TableLayout::Adat) {
                return Ok(Input { layout: TableLayout::Adat, path: name, rows: None });
            }
        }
        if matches!(options.layout, Some(TableLayout::Wide | TableLayout::Bed)) || options.orientation.is_some() {
            let layout = options.layout.unwrap_or(TableLayout::Wide);
            return Ok(Input { layout, path: name, rows: None });
        }
        Box::new(text_rows::TextRows::open(path)?)
    };
    let layout = match options.layout {
        Some(layout) => layout,
        None => recognise::recognise(&name, rows.header())?,
    };
    Ok(Input { layout, path: name, rows: Some(rows) })
}

fn is_parquet(path: &Path) -> Result<bool, ProteinFileError> {
    if !path.is_file() {
        return Ok(false);
    }
    let mut magic = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(4).read_to_end(&mut magic));
    read.map_err(|cause| ProteinFileError::file(&path.display().to_string(), cause.to_string()))?;
    Ok(magic == b"PAR1")
}

#[cfg(feature = "parquet")]
fn open_parquet(path: &Path) -> Result<Box<dyn LongInput>, ProteinFileError> {
    Ok(Box::new(parquet_rows::ParquetRows::open(path)?))
}

#[cfg(not(feature = "parquet"))]
fn open_parquet(path: &Path) -> Result<Box<dyn LongInput>, ProteinFileError> {
    let problem = "a Parquet file: this norna was built without the feature parquet; save the table as CSV";
    Err(ProteinFileError::file(&path.display().to_string(), problem))
}
