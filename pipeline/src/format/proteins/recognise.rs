//! Which layout a header is of; where it is none, what was looked for.

use super::columns::Columns;
use super::error::ProteinFileError;
use super::{olink, phenotype_bed, wide};
use crate::proteins::TableLayout;

/// The layouts that a header of columns tells, with the columns that tell them.
const BY_COLUMNS: [(TableLayout, &str, &[&str]); 4] = [
    (TableLayout::OlinkLong, "Olink NPX, long", &olink::NEEDED),
    (TableLayout::DiannReport, "DIA-NN report", &["Protein.Group", "Run", "Precursor.Charge"]),
    (TableLayout::DiannMatrix, "DIA-NN pg_matrix", &["Protein.Group", "Protein.Names", "Genes"]),
    (TableLayout::MaxQuant, "MaxQuant proteinGroups", &["Protein IDs", "Majority protein IDs", "Intensity"]),
];

/// The layout of a table with this header.
pub(super) fn recognise(path: &str, header: &[String]) -> Result<TableLayout, ProteinFileError> {
    let columns = Columns::new(header);
    if phenotype_bed::is_header(header) {
        return Ok(TableLayout::Bed);
    }
    if columns.has("OlinkID") && (columns.has("SampleID") || columns.has("NPX")) {
        return Ok(TableLayout::OlinkLong);
    }
    if columns.has("Protein.Group") && (columns.has("Run") || columns.has("File.Name")) {
        return Ok(TableLayout::DiannReport);
    }
    if columns.has("Protein.Group") {
        return Ok(TableLayout::DiannMatrix);
    }
    if columns.has("Majority protein IDs") || (columns.has("Protein IDs") && columns.has("Reverse")) {
        return Ok(TableLayout::MaxQuant);
    }
    // A long file without OlinkID begins as a matrix does.
    let is_long = columns.has("NPX") && ["Assay", "UniProt", "PlateID", "Panel"].iter().any(|name| columns.has(name));
    if !is_long && wide::is_known(header) {
        return Ok(TableLayout::Wide);
    }
    Err(unknown(path, &columns))
}

/// What was looked for, layout by layout, and what of it is there.
fn unknown(path: &str, columns: &Columns) -> ProteinFileError {
    let looked_for = |(_, name, needed): &(TableLayout, &str, &[&str])| {
        let is = |column: &&&str| columns.has(column);
        let (there, missing): (Vec<&str>, Vec<&str>) = (
            needed.iter().filter(|column| is(column)).copied().collect(),
            needed.iter().filter(|column| !is(column)).copied().collect(),
        );
        let there = if there.is_empty() { "none".to_string() } else { there.join(", ") };
        format!("{name} (there: {there}; missing: {})", missing.join(", "))
    };
    let all: Vec<String> = BY_COLUMNS.iter().map(looked_for).collect();
    let problem = format!(
        "no layout recognised by the header of {} columns. Looked for: {}; SomaScan ADAT (a first line !Checksum or ^HEADER); \
         BED (#chr, start, end, an ID); a matrix whose first column is named as samples (SampleID, IID, sample) or as \
         proteins (protein, gene, uniprot). For a matrix say --samples-in rows or --samples-in columns; Olink's wide \
         export is not read: export NPX in long form",
        columns.len(),
        all.join("; ")
    );
    ProteinFileError::file(path, problem)
}
