//! Long tables in Parquet, row group by row group, a few thousand rows of the wanted columns at a time.

use std::fs::File;
use std::path::Path;

use parquet::basic::{Compression, ConvertedType, LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::schema::types::ColumnDescriptor;

use super::error::ProteinFileError;
use super::parquet_pages::{Bounded, CheckedPages};
use super::rows::{LongInput, LongRow, MAX_NUMBERS, MAX_TEXTS, Num, TakeRow, Wanted};
use crate::format::caught::caught;

/// Rows decoded at once.
const BATCH: usize = 4096;

/// A Parquet file whose schema is read.
pub(super) struct ParquetRows {
    path: String,
    reader: SerializedFileReader<Bounded>,
    header: Vec<String>,
}

/// What ends a run of rows.
enum Stop {
    Damaged(String),
    Row(u64, String),
    /// What is whole and not read.
    Unread(String),
}

impl From<ParquetError> for Stop {
    fn from(error: ParquetError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl ParquetRows {
    /// Opens a file of flat columns.
    pub fn open(path: &Path) -> Result<Self, ProteinFileError> {
        let name = path.display().to_string();
        let io = |cause: std::io::Error| ProteinFileError::file(&name, cause.to_string());
        let bytes = File::open(path).and_then(Bounded::new).map_err(io)?;
        let opened = caught(|| SerializedFileReader::new(bytes));
        let opened = opened.unwrap_or_else(|| Err(ParquetError::General("bytes that cannot be decoded".into())));
        let reader = opened.map_err(|error| damaged(&name, &error.to_string()))?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let mut header = Vec::new();
        for column in schema.columns() {
            // A nested column never has the name of a wanted one.
            let is_flat = column.max_rep_level() == 0 && column.path().parts().len() == 1;
            header.push(if is_flat { column.name().to_string() } else { format!("{} (nested)", column.path()) });
        }
        Ok(Self { path: name, reader, header })
    }

    fn group(
        &self,
        group: usize,
        wanted: &[(usize, Role)],
        before: u64,
        reader: &mut dyn TakeRow,
    ) -> Result<u64, Stop> {
        let rows = self.reader.get_row_group(group)?;
        let n_rows = u64::try_from(rows.metadata().num_rows()).unwrap_or(0);
        let mut columns =
            wanted.iter().map(|&(at, role)| Column::open(rows.as_ref(), at, role)).collect::<Result<Vec<_>, Stop>>()?;
        let mut done = 0;
        while done < n_rows {
            let want = BATCH.min(usize::try_from(n_rows - done).unwrap_or(BATCH));
            for column in &mut columns {
                let n = column.fill(want)?;
                if n != want {
                    let told = format!("column {} ends {} rows before the others", column.name, want - n);
                    return Err(Stop::Damaged(told));
                }
            }
            for i in 0..want {
                let mut row = LongRow::empty();
                columns.iter().for_each(|column| column.put(i, &mut row));
                reader.row(&row).map_err(|problem| Stop::Row(before + done + i as u64 + 1, problem))?;
            }
            done += want as u64;
        }
        Ok(n_rows)
    }

    fn all(&self, wanted: &[(usize, Role)], reader: &mut dyn TakeRow) -> Result<u64, Stop> {
        let mut n_rows = 0;
        for group in 0..self.reader.num_row_groups() {
            n_rows += self.group(group, wanted, n_rows, reader)?;
        }
        Ok(n_rows)
    }
}

fn damaged(path: &str, problem: &str) -> ProteinFileError {
    // The decoder's messages may be long and of several lines.
    let problem: String = problem.lines().next().unwrap_or_default().chars().take(200).collect();
    ProteinFileError::file(path, format!("damaged or unknown Parquet ({problem}); copy or export the file again"))
}

impl LongInput for ParquetRows {
    fn path(&self) -> &str {
        &self.path
    }

    fn header(&self) -> &[String] {
        &self.header
    }

    fn rows(&mut self, wanted: &Wanted, reader: &mut dyn TakeRow) -> Result<u64, ProteinFileError> {
        let texts = (0..MAX_TEXTS).filter_map(|role| Some((wanted.texts[role]?, Role::Text(role))));
        let numbers = (0..MAX_NUMBERS).filter_map(|role| Some((wanted.numbers[role]?, Role::Number(role))));
        let wanted: Vec<(usize, Role)> = texts.chain(numbers).collect();
        let result = caught(|| self.all(&wanted, reader));
        match result.unwrap_or_else(|| Err(Stop::Damaged("bytes that cannot be decoded".into()))) {
            Ok(0) => Err(ProteinFileError::file(&self.path, "the table has no rows")),
            Ok(n_rows) => Ok(n_rows),
            Err(Stop::Damaged(problem)) => Err(damaged(&self.path, &problem)),
            Err(Stop::Unread(problem)) => Err(ProteinFileError::file(&self.path, problem)),
            Err(Stop::Row(line, problem)) => {
                Err(ProteinFileError::Line { path: self.path.clone(), unit: "row", line, problem })
            }
        }
    }
}

/// What a column is for.
#[derive(Debug, Clone, Copy)]
enum Role {
    Text(usize),
    Number(usize),
}

/// A wanted column of a row group, and its rows that are decoded.
struct Column {
    name: String,
    role: Role,
    values: Values,
    /// 0 where a value is missing; empty where none can be.
    levels: Vec<i16>,
    max_level: i16,
    /// By row: index among the values; u32::MAX missing.
    at: Vec<u32>,
}

enum Values {
    Bytes(Box<ColumnReaderImpl<parquet::data_type::ByteArrayType>>, Vec<ByteArray>),
    Numbers(Box<Numbers>, Vec<f64>, Vec<Vec<u8>>),
}

impl Column {
    fn open(rows: &dyn RowGroupReader, at: usize, role: Role) -> Result<Self, Stop> {
        let chunk = rows.metadata().column(at);
        let described = chunk.column_descr_ptr();
        let name = described.name().to_string();
        if let Some(kind) = unread(chunk.compression(), &described) {
            let advice = "write the column as text or double, with snappy, gzip, zstd or no compression";
            return Err(Stop::Unread(format!("column {name}: {kind} is not read; {advice}")));
        }
        let pages = Box::new(CheckedPages(rows.get_column_page_reader(at)?));
        let max_level = described.max_def_level();
        let values = match get_column_reader(described, pages) {
            ColumnReader::ByteArrayColumnReader(reader) => Values::Bytes(Box::new(reader), Vec::new()),
            ColumnReader::DoubleColumnReader(reader) => Values::numbers(Numbers::F64(reader, Vec::new())),
            ColumnReader::FloatColumnReader(reader) => Values::numbers(Numbers::F32(reader, Vec::new())),
            ColumnReader::Int32ColumnReader(reader) => Values::numbers(Numbers::I32(reader, Vec::new())),
            ColumnReader::Int64ColumnReader(reader) => Values::numbers(Numbers::I64(reader, Vec::new())),
            _ => return Err(Stop::Unread(format!("column {name}: its type is not read"))),
        };
        Ok(Self { name, role, values, levels: Vec::new(), max_level, at: Vec::new() })
    }

    /// Decodes the next `want` rows; how many there were.
    fn fill(&mut self, want: usize) -> Result<usize, ParquetError> {
        self.levels.clear();
        let n = match &mut self.values {
            Values::Bytes(reader, values) => {
                values.clear();
                reader.read_records(want, Some(&mut self.levels), None, values)?.0
            }
            Values::Numbers(reader, values, texts) => {
                values.clear();
                let n = reader.read(want, &mut self.levels, values)?;
                texts.clear();
                if matches!(self.role, Role::Text(_)) {
                    texts.extend(values.iter().map(|value| value.to_string().into_bytes()));
                }
                n
            }
        };
        self.at.clear();
        let mut next = 0;
        for row in 0..n {
            let is_there = self.max_level == 0 || self.levels.get(row).is_some_and(|&level| level == self.max_level);
            self.at.push(if is_there { next } else { u32::MAX });
            next += u32::from(is_there);
        }
        Ok(n)
    }

    fn put<'a>(&'a self, row: usize, to: &mut LongRow<'a>) {
        let at = self.at[row] as usize;
        match (&self.values, self.role) {
            (Values::Bytes(_, values), Role::Text(role)) => {
                to.texts[role] = values.get(at).map_or(&[], |value| value.data().trim_ascii());
            }
            (Values::Bytes(_, values), Role::Number(role)) => {
                to.numbers[role] = Num::Text(values.get(at).map_or(&[], |value| value.data().trim_ascii()));
            }
            (Values::Numbers(_, _, texts), Role::Text(role)) => {
                to.texts[role] = texts.get(at).map_or(&[], Vec::as_slice);
            }
            (Values::Numbers(_, values, _), Role::Number(role)) => {
                to.numbers[role] = Num::Value(values.get(at).copied().unwrap_or(f64::NAN));
            }
        }
    }
}

/// The compression or type of a column that is not read.
fn unread(compression: Compression, column: &ColumnDescriptor) -> Option<String> {
    match compression {
        Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_) => {}
        Compression::LZO => return Some("compression by lzo".into()),
        Compression::BROTLI(_) => return Some("compression by brotli".into()),
        Compression::LZ4 | Compression::LZ4_RAW => return Some("compression by lz4".into()),
    }
    let is_decimal = matches!(column.logical_type_ref(), Some(LogicalType::Decimal { .. }));
    if is_decimal || column.converted_type() == ConvertedType::DECIMAL {
        return Some("the type decimal".into());
    }
    if column.logical_type_ref() == Some(&LogicalType::Float16) {
        return Some("the type float16".into());
    }
    match column.physical_type() {
        Type::BYTE_ARRAY | Type::DOUBLE | Type::FLOAT | Type::INT32 | Type::INT64 => None,
        kind => Some(format!("the type {kind}")),
    }
}

impl Values {
    fn numbers(numbers: Numbers) -> Self {
        Self::Numbers(Box::new(numbers), Vec::new(), Vec::new())
    }
}

enum Numbers {
    F64(ColumnReaderImpl<parquet::data_type::DoubleType>, Vec<f64>),
    F32(ColumnReaderImpl<parquet::data_type::FloatType>, Vec<f32>),
    I32(ColumnReaderImpl<parquet::data_type::Int32Type>, Vec<i32>),
    I64(ColumnReaderImpl<parquet::data_type::Int64Type>, Vec<i64>),
}

impl Numbers {
    fn read(&mut self, want: usize, levels: &mut Vec<i16>, out: &mut Vec<f64>) -> Result<usize, ParquetError> {
        match self {
            Self::F64(reader, values) => read(reader, values, want, levels, out, |value| value),
            // The decimal text of an f32 as an f64: 2.3 stays 2.3.
            Self::F32(reader, values) => read(reader, values, want, levels, out, shortest),
            Self::I32(reader, values) => read(reader, values, want, levels, out, f64::from),
            Self::I64(reader, values) => read(reader, values, want, levels, out, |value| value as f64),
        }
    }
}

fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::NAN)
}

fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    values: &mut Vec<T::T>,
    want: usize,
    levels: &mut Vec<i16>,
    out: &mut Vec<f64>,
    number: impl Fn(T::T) -> f64,
) -> Result<usize, ParquetError> {
    values.clear();
    let n = reader.read_records(want, Some(levels), None, values)?.0;
    out.extend(values.drain(..).map(number));
    Ok(n)
}
