//! Parquet: a folder with a part for each chromosome (`chrom=22/part-0.parquet`), as Arrow, DuckDB, Polars and Spark take
//! for one table.
//!
//! What a reader makes of `chrom` in a folder's name is its own guess (pyarrow: a number where all names are numbers), so
//! the column `chromosome` in the files tells it as text. Memory: a group of [`GROUP_ROWS`] rows, about 40 MB.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use super::gate::Gate;
use super::places::PlaceColumns;
use super::rows::{Piece, Rows};
use super::{ExportError, ExportPlan};
use crate::store::{ResultsHeader, ResultsReader};

/// Rows of a group: a reader leaves whole groups out by their least and greatest POS.
pub const GROUP_ROWS: usize = 1 << 17;

/// A folder of parts in the making.
struct Parts<'a> {
    folder: &'a Path,
    header: &'a ResultsHeader,
    places: Option<PlaceColumns>,
    schema: TypePtr,
    properties: WriterPropertiesPtr,
    open: Option<Part>,
    group: Group,
    /// Parts of each chromosome.
    n_parts: BTreeMap<String, usize>,
    files: Vec<String>,
}

struct Part {
    chrom: String,
    path: PathBuf,
    writer: SerializedFileWriter<File>,
}

/// Columns of a group; of those that may have nulls the values that are there, and levels: 1 where there is one.
#[derive(Default)]
struct Group {
    pos: Vec<i32>,
    texts: [Vec<ByteArray>; 4],
    freq: Nullable<f64>,
    obs_ct: Nullable<i32>,
    floats: [Nullable<f32>; 2],
    doubles: [Nullable<f64>; 2],
    places: Places,
}

#[derive(Default)]
struct Places {
    gene: Nullable<ByteArray>,
    cis_trans: Nullable<ByteArray>,
    tss_distance: Nullable<i32>,
    below_lod: Nullable<f32>,
    consequence: Nullable<ByteArray>,
    changes_protein: Nullable<bool>,
}

#[derive(Default)]
struct Nullable<T> {
    values: Vec<T>,
    levels: Vec<i16>,
}

impl<T> Nullable<T> {
    fn push(&mut self, value: Option<T>) {
        self.levels.push(i16::from(value.is_some()));
        self.values.extend(value);
    }
}

/// Writes the plan's pairs into `folder` and gives their number and the files. `about`: key and value pairs of each footer.
pub fn write_parquet(
    reader: &ResultsReader,
    plan: &ExportPlan,
    gate: &mut Gate<'_>,
    folder: &Path,
    about: &[(String, String)],
) -> Result<(u64, Vec<String>), ExportError> {
    let bare = |places: PlaceColumns| if reader.has_every_pair() { places.without_consequences() } else { places };
    let places = plan.places.map(bare);
    let failed = |error: ParquetError| ExportError::write(folder, error.into());
    let schema = schema(places).map_err(failed)?;
    let mut parts = Parts {
        folder,
        header: reader.header(),
        places,
        properties: properties(about),
        schema,
        open: None,
        group: Group::default(),
        n_parts: BTreeMap::new(),
        files: Vec::new(),
    };
    let rows = Rows { reader, plan, traits: &plan.traits, before: 0 };
    let mut progress = Rows::progress(reader, 1, false);
    let names = plan.traits.iter().map(|&idx| ByteArray::from(reader.header().traits[idx].name.as_str()));
    let names: Vec<ByteArray> = names.collect();
    let mut n_rows = 0;
    rows.stream(gate, &mut progress, &mut |pieces| {
        for piece in &pieces {
            n_rows += piece.pairs.len() as u64;
            parts.push(piece, &plan.traits, &names)?;
        }
        Ok(())
    })?;
    parts.close()?;
    progress.finish();
    Ok((n_rows, parts.files))
}

fn schema(places: Option<PlaceColumns>) -> Result<TypePtr, ParquetError> {
    let text = || (PhysicalType::BYTE_ARRAY, Some(LogicalType::String));
    let unsigned = || (PhysicalType::INT32, Some(LogicalType::integer(32, false)));
    let (float, double) = (|| (PhysicalType::FLOAT, None), || (PhysicalType::DOUBLE, None));
    let mut columns = vec![
        ("chromosome", text(), Repetition::REQUIRED),
        ("pos", unsigned(), Repetition::REQUIRED),
        ("id", text(), Repetition::REQUIRED),
        ("ref", text(), Repetition::REQUIRED),
        ("alt", text(), Repetition::REQUIRED),
        ("trait", text(), Repetition::REQUIRED),
        ("a1_freq", double(), Repetition::OPTIONAL),
        ("obs_ct", unsigned(), Repetition::OPTIONAL),
        ("beta", float(), Repetition::OPTIONAL),
        ("se", float(), Repetition::OPTIONAL),
        ("t_stat", double(), Repetition::OPTIONAL),
        ("log10_p", double(), Repetition::OPTIONAL),
    ];
    for name in places.iter().flat_map(|places| places.names()) {
        let (name, kind) = match name {
            "GENE" => ("gene", text()),
            "CIS_TRANS" => ("cis_trans", text()),
            "TSS_DISTANCE" => ("tss_distance", (PhysicalType::INT32, None)),
            "BELOW_LOD" => ("below_lod", float()),
            "CONSEQUENCE" => ("consequence", text()),
            _ => ("changes_protein", (PhysicalType::BOOLEAN, None)),
        };
        columns.push((name, kind, Repetition::OPTIONAL));
    }
    let mut fields = Vec::with_capacity(columns.len());
    for (name, (physical, logical), repetition) in columns {
        let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition);
        fields.push(Arc::new(builder.with_logical_type(logical).build()?));
    }
    Ok(Arc::new(Type::group_type_builder("norna").with_fields(fields).build()?))
}

fn properties(about: &[(String, String)]) -> WriterPropertiesPtr {
    let pairs = about.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(format!("norna {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(pairs))
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(None);
    for name in ["chromosome", "id", "ref", "alt", "trait", "gene", "cis_trans", "consequence"] {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from(name), true);
    }
    Arc::new(builder.build())
}

impl Parts<'_> {
    fn push(&mut self, piece: &Piece, traits: &[usize], names: &[ByteArray]) -> Result<(), ExportError> {
        for of_variant in piece.pairs.chunk_by(|a, b| a.row == b.row) {
            let variant = &piece.variants[of_variant[0].row as usize];
            if self.open.as_ref().is_none_or(|part| part.chrom != variant.chrom) {
                self.close()?;
                self.open(&variant.chrom)?;
            }
            let texts =
                [&variant.id, &variant.reference, &variant.alternate].map(|text| ByteArray::from(text.as_str()));
            for pair in of_variant {
                if self.group.pos.len() == GROUP_ROWS {
                    self.flush()?;
                }
                let (group, stats) = (&mut self.group, &pair.stats);
                group.pos.push(variant.pos.cast_signed());
                let name = &names[pair.column as usize];
                let row = texts.iter().chain([name]).cloned();
                group.texts.iter_mut().zip(row).for_each(|(column, text)| column.push(text));
                let there = |value: f64| (!value.is_nan()).then_some(value);
                group.freq.push(there(variant.a1_freq).filter(|_| !pair.masked));
                group.obs_ct.push((!pair.masked).then(|| stats.n_observed.cast_signed()));
                for (column, value) in group.floats.iter_mut().zip([stats.beta, stats.se]) {
                    column.push((!value.is_nan()).then_some(value));
                }
                for (column, value) in group.doubles.iter_mut().zip([stats.t, stats.log10p]) {
                    column.push(there(value));
                }
                if let Some(places) = self.places {
                    let protein = &self.header.proteins[traits[pair.column as usize]];
                    let cell = places.typed(protein, variant);
                    let to = &mut group.places;
                    to.gene.push(cell.gene.map(|gene| ByteArray::from(gene.as_str())));
                    to.cis_trans.push(cell.side.map(ByteArray::from));
                    to.tss_distance.push(cell.distance.and_then(|distance| i32::try_from(distance).ok()));
                    to.below_lod.push((!protein.below_lod.is_nan()).then_some(protein.below_lod));
                    to.consequence.push(pair.consequence.map(|found| ByteArray::from(found.term())));
                    to.changes_protein.push(pair.consequence.map(|found| found.changes_protein));
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, chrom: &str) -> Result<(), ExportError> {
        let n = self.n_parts.entry(chrom.to_owned()).or_default();
        let file = format!("chrom={}/part-{n}.parquet", encoded(chrom));
        *n += 1;
        let path = self.folder.join(&file);
        let failed = |error| ExportError::write(&path, error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let created = File::create_new(&path).map_err(failed)?;
        let writer = SerializedFileWriter::new(created, self.schema.clone(), self.properties.clone());
        let writer = writer.map_err(|error| failed(error.into()))?;
        self.files.push(file);
        self.open = Some(Part { chrom: chrom.to_owned(), path, writer });
        Ok(())
    }

    /// Writes the group that waits.
    fn flush(&mut self) -> Result<(), ExportError> {
        let group = std::mem::take(&mut self.group);
        let Some(part) = &mut self.open else { return Ok(()) };
        if group.pos.is_empty() {
            return Ok(());
        }
        let written = group.write(part, self.places);
        written.map_err(|error| ExportError::write(&part.path, error.into()))
    }

    fn close(&mut self) -> Result<(), ExportError> {
        self.flush()?;
        let Some(part) = self.open.take() else { return Ok(()) };
        let file = part.writer.into_inner().map_err(|error| ExportError::write(&part.path, error.into()))?;
        file.sync_all().map_err(|error| ExportError::write(&part.path, error))
    }
}

impl Group {
    fn write(&self, part: &mut Part, places: Option<PlaceColumns>) -> Result<(), ParquetError> {
        let mut out = part.writer.next_row_group()?;
        let chrom = vec![ByteArray::from(part.chrom.as_str()); self.pos.len()];
        let [id, reference, alternate, name] = &self.texts;
        column::<ByteArrayType>(&mut out, &chrom, None)?;
        column::<Int32Type>(&mut out, &self.pos, None)?;
        for texts in [id, reference, alternate, name] {
            column::<ByteArrayType>(&mut out, texts, None)?;
        }
        nullable::<DoubleType>(&mut out, &self.freq)?;
        nullable::<Int32Type>(&mut out, &self.obs_ct)?;
        for floats in &self.floats {
            nullable::<FloatType>(&mut out, floats)?;
        }
        for doubles in &self.doubles {
            nullable::<DoubleType>(&mut out, doubles)?;
        }
        if let Some(columns) = places {
            nullable::<ByteArrayType>(&mut out, &self.places.gene)?;
            nullable::<ByteArrayType>(&mut out, &self.places.cis_trans)?;
            nullable::<Int32Type>(&mut out, &self.places.tss_distance)?;
            nullable::<FloatType>(&mut out, &self.places.below_lod)?;
            if columns.has_consequences() {
                nullable::<ByteArrayType>(&mut out, &self.places.consequence)?;
                nullable::<BoolType>(&mut out, &self.places.changes_protein)?;
            }
        }
        out.close().map(drop)
    }
}

fn nullable<T: DataType>(
    out: &mut SerializedRowGroupWriter<'_, File>,
    column_of: &Nullable<T::T>,
) -> Result<(), ParquetError> {
    column::<T>(out, &column_of.values, Some(&column_of.levels))
}

fn column<T: DataType>(
    out: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("more columns than the schema has".to_owned());
    let mut next = out.next_column()?.ok_or_else(missing)?;
    let writer: &mut ColumnWriterImpl<'_, T> = next.typed::<T>();
    writer.write_batch(values, levels, None)?;
    next.close()
}

/// A chromosome as part of a folder's name: what Hive's readers take for something else is percent-encoded.
fn encoded(chrom: &str) -> String {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    chrom.bytes().map(|byte| if stays(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
