//! Genes of a BED without a header: chromosome, start, end, name, and perhaps score and strand, between tabs. Starts count from 0 and
//! ends are beyond the last base (UCSC's BED 1.0). A BED with a header is a table ([`super::gene_table`]).

use std::path::Path;

use super::genes::{GeneFile, GeneFileError, GeneRecord, position, tss_of};
use super::table_text::LineReader;
use super::vcf_call::shown;
use crate::proteins::Strand;
use crate::report::words::count;

/// Whether a line is a record: a start, an end and a name behind the chromosome.
pub fn is_record(line: &[u8]) -> bool {
    let cells: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
    cells.len() >= 4 && !cells[0].is_empty() && start_of(cells[1]).is_some() && position(cells[2]).is_some()
}

/// Reads the genes of a BED. The name serves as symbol.
///
/// # Errors
/// A line that is no record, with its number.
pub fn read(path: &Path) -> Result<GeneFile, GeneFileError> {
    let mut lines = LineReader::open(path)?;
    let name = lines.path().to_owned();
    let mut genes = Vec::new();
    loop {
        let line_number = lines.line_number() + 1;
        let Some(line) = lines.next_line()? else { break };
        let is_remark = [&b"#"[..], b"track", b"browser"].iter().any(|start| line.starts_with(start));
        if !is_remark && !line.is_empty() {
            genes.push(gene(line).map_err(|problem| GeneFileError::line(&name, line_number, problem))?);
        }
    }
    let message = format!("{name}: BED, {}, genome build not named", count(genes.len() as u64, "gene"));
    Ok(GeneFile { genes, build: None, messages: vec![message] })
}

fn gene(line: &[u8]) -> Result<GeneRecord, String> {
    let cells: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
    if !is_record(line) {
        return Err(format!(
            "{} columns, or no start and end: chromosome, start, end and name are wanted",
            cells.len()
        ));
    }
    let (Some(start), Some(end)) = (start_of(cells[1]), position(cells[2])) else {
        return Err("columns 2 and 3: no start and end".to_owned());
    };
    if start >= end {
        return Err(format!("start {start} is not before end {end}"));
    }
    let strand = match cells.get(5).copied().unwrap_or(b".") {
        b"+" => Strand::Plus,
        b"-" => Strand::Minus,
        b"." | b"" => Strand::Unknown,
        other => return Err(format!("column 6: strand {} is none of +, - and .", shown(other))),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let start = start + 1;
    let (chrom, name, tss) = (text(cells[0]), text(cells[3]), tss_of(start, end, strand));
    Ok(GeneRecord { chrom, start, end, tss, strand, name, ..GeneRecord::default() })
}

/// A start from 0.
fn start_of(cell: &[u8]) -> Option<u32> {
    if cell == b"0" { Some(0) } else { position(cell) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<GeneFile, GeneFileError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        super::super::genes::read(file.path())
    }

    #[test]
    fn starts_count_from_0() {
        let file = read_text("chr1\t0\t10\tA\nchr1\t99\t200\tB\t0\t-\n\nchrX\t5\t6\tC\t0\t.\n").unwrap();
        let places: Vec<_> =
            file.genes.iter().map(|gene| (gene.start, gene.end, gene.tss, gene.name.as_str())).collect();
        assert_eq!(places, [(1, 10, 1, "A"), (100, 200, 200, "B"), (6, 6, 6, "C")]);
        assert!(file.messages[0].contains("BED, 3 genes"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let error = |text: &str| read_text(text).unwrap_err().to_string();
        assert!(error("1\t5\t9\tA\n1\t9\t9\tB\n").contains("line 2: start 9 is not before end 9"));
        assert!(error("1\t5\t9\tA\n1\tx\t9\tB\n").contains("line 2"));
        assert!(error("1\t5\t9\tA\t0\t?\n").contains("strand '?'"));
    }
}
