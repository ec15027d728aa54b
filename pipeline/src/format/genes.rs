//! Where genes are: GTF, BED or a plain table, behind one face.

use std::path::Path;

use super::chromosome::Build;
use super::table::TableError;
use super::table_text::{LineReader, TextError};
use super::{gene_bed, gene_table, gtf};
use crate::proteins::Strand;

/// A gene of an annotation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GeneRecord {
    /// Chromosome as written.
    pub chrom: String,
    /// First base, 1-based; of a table with a TSS alone, the TSS.
    pub start: u32,
    /// Last base, 1-based, inclusive.
    pub end: u32,
    /// Transcription start, 1-based: `end` on strand −, `start` otherwise, unless the table has it.
    pub tss: u32,
    /// Strand.
    pub strand: Strand,
    /// Ensembl ID as written, with its version; may be empty.
    pub id: String,
    /// Symbol; may be empty.
    pub name: String,
    /// `protein_coding`, ...; may be empty.
    pub biotype: String,
    /// UniProt accessions as written (a table's column); may be empty.
    pub uniprot: String,
    /// Key of the protein in the laboratory's file (a table's column); may be empty.
    pub protein: String,
}

/// An annotation.
#[derive(Debug, Clone, Default)]
pub struct GeneFile {
    /// In the order of the file.
    pub genes: Vec<GeneRecord>,
    /// What the header says.
    pub build: Option<Build>,
    /// What was recognised, one line each.
    pub messages: Vec<String>,
}

/// Why an annotation is refused.
#[derive(Debug, thiserror::Error)]
pub enum GeneFileError {
    /// The lines could not be read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It is no table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The file as a whole.
    #[error("{path}: {problem}")]
    File {
        /// As named by the user.
        path: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A line.
    #[error("{path}: line {line}: {problem}")]
    Line {
        /// As named by the user.
        path: String,
        /// From 1.
        line: u64,
        /// What is wrong, and what to do.
        problem: String,
    },
}

impl GeneFileError {
    pub(super) fn file(path: &str, problem: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), problem: problem.into() }
    }

    pub(super) fn line(path: &str, line: u64, problem: impl Into<String>) -> Self {
        Self::Line { path: path.to_owned(), line, problem: problem.into() }
    }
}

/// Reads an annotation, plain, gzip or bgzip: a GTF or a BED (by the first record), or a table with a
/// header.
///
/// # Errors
/// [`GeneFileError`], with the line.
pub fn read(path: &Path) -> Result<GeneFile, GeneFileError> {
    let mut lines = LineReader::open(path)?;
    let name = lines.path().to_owned();
    loop {
        match lines.next_line()? {
            None => return Err(TextError::Empty { path: name }.into()),
            Some(b"##gff-version 3") => {
                let problem = "this is GFF3; give the GTF of the same release (GENCODE and Ensembl have both)";
                return Err(GeneFileError::file(&name, problem));
            }
            Some(line) if line.starts_with(b"##") || line.starts_with(b"#!") || line.is_empty() => {}
            Some(line) if gtf::is_record(line) => return gtf::read(path),
            Some(line) if gene_bed::is_record(line) => return gene_bed::read(path),
            Some(_) => return gene_table::read(path),
        }
    }
}

/// A position from 1 to 2³¹ − 1.
pub(super) fn position(cell: &[u8]) -> Option<u32> {
    let digits = !cell.is_empty() && cell.iter().all(u8::is_ascii_digit);
    let number: u32 = std::str::from_utf8(cell).ok().filter(|_| digits)?.parse().ok()?;
    (1..=i32::MAX as u32).contains(&number).then_some(number)
}

/// The strand-aware start.
pub(super) fn tss_of(start: u32, end: u32, strand: Strand) -> u32 {
    if strand == Strand::Minus { end } else { start }
}
