//! BED of molecular phenotypes: a row is a phenotype with its place, a column a sample. FastQTL and tensorQTL have four
//! columns before the samples (chr, start, end, ID), QTLtools six (pid, gid, strand).

use std::collections::HashSet;
use std::path::Path;

use super::error::ProteinFileError;
use crate::format::table::{Row, TableReader};
use crate::format::table_cell::{Cell, Minus9, describe_value, is_missing, parse_cell};
use crate::format::vcf_call::shown;
use crate::proteins::{Gene, Measurement, Panel, Qc, RawProtein, RawTable, Scale, Strand, TableLayout};

/// Reads a BED: plain, gzip or bgzip.
///
/// The TSS is the end of a record of one base, else the start or the end by the strand (+ where the strand is unknown; said
/// in the messages). Missing values: `NA`, `nan`, `.`, an empty cell.
///
/// # Errors
/// [`ProteinFileError`], with line and column.
pub fn read(path: &Path) -> Result<RawTable, ProteinFileError> {
    let mut lines = TableReader::open(path)?;
    let name = lines.path().to_string();
    check_header(&name, lines.header(), lines.line_number())?;
    let mut row = Row::default();
    let mut has_rows = lines.next_row(&mut row)?;
    let columns = Columns::find(lines.header(), &row);
    let measurements = measurements(&name, &lines.header()[columns.n_places..])?;
    let mut bed = Bed { path: name, columns, ..Bed::default() };
    while has_rows {
        bed.row(lines.line_number(), lines.header(), &row)?;
        has_rows = lines.next_row(&mut row)?;
    }
    Ok(bed.table(measurements))
}

/// Whether a header line is that of a BED: `#chr`, in any case, with `start` and `end` after it.
pub fn is_header(header: &[String]) -> bool {
    let is = |i: usize, name: &str| header.get(i).is_some_and(|cell| cell.to_ascii_lowercase().starts_with(name));
    (is(0, "#chr") || is(0, "chr")) && is(1, "start") && is(2, "end")
}

fn check_header(path: &str, header: &[String], line: u64) -> Result<(), ProteinFileError> {
    if !is_header(header) {
        let problem =
            "no BED of phenotypes: the header starts with #chr, start, end and the name of the phenotype's column";
        return Err(ProteinFileError::line(path, line, problem));
    }
    if header.len() < 5 {
        let problem =
            format!("{} columns: a BED has #chr, start, end, an ID and then one column a sample", header.len());
        return Err(ProteinFileError::line(path, line, problem));
    }
    Ok(())
}

/// What stands before the samples.
#[derive(Debug, Clone, Copy)]
struct Columns {
    n_places: usize,
    has_gene: bool,
}

impl Columns {
    /// Column 6 is a strand by its name, or by the first row: `+` and `-` are no values.
    fn find(header: &[String], first: &Row) -> Self {
        let lower = |i: usize| header.get(i).map(|cell| cell.to_ascii_lowercase()).unwrap_or_default();
        let named = matches!(lower(5).as_str(), "strand" | "strd" | "str");
        if !named && !matches!(first.get(5), b"+" | b"-") {
            return Self { n_places: 4, has_gene: false };
        }
        let has_gene = !matches!(lower(4).as_str(), "length" | "len" | "score" | "info");
        Self { n_places: 6, has_gene }
    }
}

fn measurements(path: &str, names: &[String]) -> Result<Vec<Measurement>, ProteinFileError> {
    if names.is_empty() {
        return Err(ProteinFileError::file(
            path,
            "the header names no sample after the columns of the phenotype's place",
        ));
    }
    let mut seen = HashSet::new();
    for (i, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(ProteinFileError::file(path, format!("the header's sample {} has no name", i + 1)));
        }
        if !seen.insert(name.as_str()) {
            let first = names.iter().position(|other| other == name).unwrap_or(i) + 1;
            let problem = format!("the header's samples {first} and {} have the same ID; rename or remove one", i + 1);
            return Err(ProteinFileError::file(path, problem));
        }
    }
    Ok(names.iter().map(|sample| Measurement { sample: sample.clone(), ..Measurement::default() }).collect())
}

#[derive(Default)]
struct Bed {
    path: String,
    columns: Columns,
    proteins: Vec<RawProtein>,
    seen: HashSet<String>,
    values: Vec<f64>,
    n_missing: u64,
    n_long: u64,
    n_long_strandless: u64,
}

impl Default for Columns {
    fn default() -> Self {
        Self { n_places: 4, has_gene: false }
    }
}

impl Bed {
    fn row(&mut self, line: u64, header: &[String], row: &Row) -> Result<(), ProteinFileError> {
        let wrong = |column: usize, problem: String| {
            let problem = format!("column {}: {problem}", column + 1);
            ProteinFileError::line(&self.path, line, problem)
        };
        let text = |i: usize| match std::str::from_utf8(row.get(i)) {
            Ok(text) => Ok(text.to_string()),
            Err(_) => Err(wrong(i, "the text is not UTF-8; save the table as UTF-8".into())),
        };
        let (chrom, id) = (text(0)?, text(3)?);
        if id.is_empty() {
            return Err(wrong(3, "the phenotype has no ID".into()));
        }
        if chrom.is_empty() {
            return Err(wrong(0, "no chromosome".into()));
        }
        let position = |i: usize| {
            let what = &header[i];
            position(row.get(i)).ok_or_else(|| wrong(i, format!("{what} {} is not a position", shown(row.get(i)))))
        };
        let (start, end) = (position(1)?, position(2)?);
        if start >= end {
            return Err(wrong(1, format!("start {start} is not below end {end}: starts count from 0 in a BED")));
        }
        let strand = match (self.columns.n_places, row.get(5)) {
            (6, b"+") => Strand::Plus,
            (6, b"-") => Strand::Minus,
            (6, cell) if !is_missing(cell) && cell != b"*" => {
                return Err(wrong(5, format!("strand {} is none of +, - and .", shown(cell))));
            }
            _ => Strand::Unknown,
        };
        for i in self.columns.n_places..row.len() {
            self.values.push(match parse_cell(row.get(i), Minus9::Value) {
                Cell::Number(value) => value,
                Cell::Missing | Cell::MissingMinus9 => f64::NAN,
                Cell::Infinite => return Err(wrong(i, "the value is infinite; write NA for a missing one".into())),
                Cell::Text => {
                    let value = describe_value(row.get(i));
                    return Err(wrong(i, format!("{value} is not a number; write NA for a missing value")));
                }
            });
        }
        let group = if self.columns.has_gene { text(4)? } else { String::new() };
        if !self.seen.insert(id.clone()) {
            return Err(wrong(3, "the phenotype was on a line before; IDs are unique".into()));
        }
        let sample_values = &self.values[self.values.len() - (row.len() - self.columns.n_places)..];
        self.n_missing += sample_values.iter().filter(|value| value.is_nan()).count() as u64;
        let tss = self.tss(start, end, strand);
        self.proteins.push(protein(id, group, chrom, tss, strand));
        Ok(())
    }

    fn tss(&mut self, start: u32, end: u32, strand: Strand) -> u32 {
        if end - start == 1 {
            return end;
        }
        self.n_long += 1;
        self.n_long_strandless += u64::from(strand == Strand::Unknown);
        if strand == Strand::Minus { end } else { start + 1 }
    }

    fn table(self, measurements: Vec<Measurement>) -> RawTable {
        let (n_proteins, n_samples) = (self.proteins.len() as u64, measurements.len());
        let layout = match self.columns.n_places {
            6 => "columns 5 and 6 (gene or length, strand) as in QTLtools",
            _ => "four columns before the samples, as in FastQTL and tensorQTL",
        };
        let mut messages = vec![format!(
            "{}: BED of phenotypes, {layout}: {n_proteins} phenotypes of {n_samples} samples, {} values missing",
            self.path, self.n_missing
        )];
        if self.n_long > 0 {
            messages.push(format!(
                "{}: {} of {n_proteins} records are longer than one base: the TSS is their start, or their end on strand -; \
                 {} of these have no strand: + is assumed",
                self.path, self.n_long, self.n_long_strandless
            ));
        }
        RawTable {
            layout: TableLayout::Bed,
            scale: Scale::Unknown,
            proteins: self.proteins,
            panels: vec![Panel { name: String::new(), plate_of: vec![RawTable::NO_PLATE; n_samples] }],
            measurements,
            values: self.values,
            lod: None,
            flags: None,
            plates: Vec::new(),
            batch_names: Vec::new(),
            messages,
            warnings: Vec::new(),
            dropped: Vec::new(),
            n_records: n_proteins,
        }
    }
}

fn protein(id: String, group: String, chrom: String, tss: u32, strand: Strand) -> RawProtein {
    let gene_id = if group.is_empty() || group == "." { id.clone() } else { group };
    let ensembl = if gene_id.starts_with("ENSG") { gene_id.clone() } else { String::new() };
    let gene = Gene { chrom, tss, strand, id: gene_id, name: String::new() };
    RawProtein { id, ensembl, gene: Some(gene), qc: Qc::Pass, ..RawProtein::default() }
}

/// A whole number up to 2³¹ − 1.
fn position(cell: &[u8]) -> Option<u32> {
    let digits = !cell.is_empty() && cell.iter().all(u8::is_ascii_digit);
    let number: u32 = std::str::from_utf8(cell).ok().filter(|_| digits)?.parse().ok()?;
    (number <= i32::MAX as u32).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read_bytes(bytes: &[u8]) -> Result<RawTable, ProteinFileError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        read(file.path())
    }

    fn error(text: &str) -> String {
        let message = read_bytes(text.as_bytes()).unwrap_err().to_string();
        message.split_once(": ").unwrap().1.to_string()
    }

    #[test]
    fn four_columns_as_fastqtl() {
        let table =
            read_bytes(b"#Chr\tstart\tend\tID\ts1\ts2\nchr1\t9\t10\tA\t1.5\tNA\n2\t4\t9\tB\tnan\t-2e-3\n").unwrap();
        assert_eq!(table.layout, TableLayout::Bed);
        let samples: Vec<_> = table.measurements.iter().map(|m| m.sample.as_str()).collect();
        assert_eq!(samples, ["s1", "s2"]);
        assert_eq!(table.values.len(), 4);
        assert_eq!((table.values[0], table.values[3]), (1.5, -2e-3));
        assert!(table.values[1].is_nan() && table.values[2].is_nan());
        let gene = table.proteins[0].gene.as_ref().unwrap();
        assert_eq!((gene.chrom.as_str(), gene.tss, gene.strand), ("chr1", 10, Strand::Unknown));
        assert_eq!(table.proteins[1].gene.as_ref().unwrap().tss, 5);
        assert!(table.messages[1].contains("1 of 2 records are longer"), "{:?}", table.messages);
        assert_eq!(table.n_records, 2);
    }

    #[test]
    fn six_columns_by_name_or_by_strand_with_the_tss_of_the_strand() {
        for names in ["pid\tgid\tstrand", "pid\tgid\twhat"] {
            let text = format!("#chr\tstart\tend\t{names}\ts1\n1\t4\t9\tA\tENSG01.2\t-\t1\n1\t4\t9\tB\tG\t+\t1\n");
            let table = read_bytes(text.as_bytes()).unwrap();
            assert_eq!(table.measurements.len(), 1);
            let tss: Vec<_> = table.proteins.iter().map(|p| p.gene.as_ref().unwrap().tss).collect();
            assert_eq!(tss, [9, 5]);
            assert_eq!(table.proteins[0].ensembl, "ENSG01.2");
            assert_eq!(table.proteins[1].gene.as_ref().unwrap().id, "G");
        }
        let geuvadis = "#chr\tstart\tend\tgene\tlength\tstrand\ts1\n1\t8\t9\tENSG7\t1049\t-\t1\n";
        let table = read_bytes(geuvadis.as_bytes()).unwrap();
        assert_eq!(table.proteins[0].gene.as_ref().unwrap().id, "ENSG7");
        assert_eq!((table.measurements.len(), table.proteins[0].ensembl.as_str()), (1, "ENSG7"));
    }

    #[test]
    fn wrong_lines_name_line_and_column_and_no_sample() {
        let head = "#chr\tstart\tend\tid\tHG00096\tHG00097\n";
        let with = |line: &str| error(&format!("{head}{line}\n"));
        assert_eq!(with("1\t4\t5\tA\t1\tx y"), "line 2: column 6: 'x y' is not a number; write NA for a missing value");
        assert_eq!(
            with("1\t5\t5\tA\t1\t2"),
            "line 2: column 2: start 5 is not below end 5: starts count from 0 in a BED"
        );
        assert_eq!(with("1\t-1\t5\tA\t1\t2"), "line 2: column 2: start '-1' is not a position");
        assert_eq!(with("1\t4\t5\tA\t1"), "line 2: 5 cells where the header has 6; is the line cut short?");
        assert!(with("1\t4\t5\tA\t1\tinf").contains("infinite"));
        assert!(
            with("1\t4\t5\tA\t1\t2\n1\t4\t5\tA\t1\t2")
                .starts_with("line 3: column 4: the phenotype was on a line before")
        );
        assert!(with("1\t4\t5\t\t1\t2").contains("no ID"));
        let twice = error("#chr\tstart\tend\tid\tHG00096\tHG00096\n1\t4\t5\tA\t1\t2\n");
        assert_eq!(twice, "the header's samples 1 and 2 have the same ID; rename or remove one");
        let strand = error("#chr\tstart\tend\tid\tg\tstrand\tS\n1\t4\t5\tA\tG\t7\t2\n");
        assert!(strand.contains("column 6: strand '7' is none"), "{strand}");
        assert!(error("#chr\tstart\tend\tid\n1\t4\t5\tA\n").contains("4 columns"));
        assert!(error("IID\tA\nx\t1\n").contains("no BED of phenotypes"));
    }
}
