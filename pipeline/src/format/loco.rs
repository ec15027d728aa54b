//! regenie's step 1 predictions: `_pred.list` (a trait and a file a line) and the `.loco` files it names (header
//! `FID_IID` and the samples; a row per chromosome). Rows are found once and read when their chromosome comes, so that
//! memory does not grow with chromosomes.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::table::{Delimiter, Row};
use super::table_cell::{Cell, Minus9, describe_value, parse_cell};
use super::table_text::{LineReader, TextError};

/// Why predictions could not be read.
#[derive(Debug, Error)]
pub enum LocoError {
    /// The lines could not be read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A line of the list that is not `trait file`.
    #[error("{path}: line {line}: expected a trait and a file, as in regenie's _pred.list")]
    ListLine {
        /// The list.
        path: String,
        /// 1-based.
        line: u64,
    },
    /// A trait named twice.
    #[error("{path}: line {line}: trait '{name}' comes again (first on line {first})")]
    RepeatedTrait {
        /// The list.
        path: String,
        /// 1-based.
        line: u64,
        /// 1-based.
        first: u64,
        /// The trait.
        name: String,
    },
    /// A .loco file that does not begin as one.
    #[error("{path}: the first cell is not FID_IID, so this is not a .loco file of regenie's step 1")]
    Header {
        /// The file.
        path: String,
    },
    /// A row shorter or longer than the header.
    #[error("{path}: line {line}: {found} cells where the header has {expected}; is the file cut short?")]
    CellCount {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
        /// Cells found.
        found: usize,
        /// Cells of the header.
        expected: usize,
    },
    /// A prediction that is not a number.
    #[error("{path}: line {line}: cell {cell}: {value} is not a finite number or NA")]
    NotANumber {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
        /// 1-based.
        cell: usize,
        /// The cell, described.
        value: String,
    },
    /// A chromosome with two rows.
    #[error("{path}: line {line}: chromosome {chrom} comes again (first on line {first})")]
    RepeatedChromosome {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
        /// 1-based.
        first: u64,
        /// As written.
        chrom: String,
    },
    /// No row at all.
    #[error("{path}: the file has no row of predictions")]
    NoRows {
        /// The file.
        path: String,
    },
    /// A chromosome without a row.
    #[error("{path}: no predictions for chromosome {chrom}; the file has {known}")]
    NoChromosome {
        /// The file.
        path: String,
        /// As asked for.
        chrom: String,
        /// Chromosomes of the file.
        known: String,
    },
}

/// One line of a `_pred.list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredEntry {
    /// The trait.
    pub name: String,
    /// Its .loco file. A relative path is looked for from the working directory, then beside the list.
    pub path: PathBuf,
}

/// Reads a `_pred.list`.
pub fn read_pred_list(path: &Path) -> Result<Vec<PredEntry>, LocoError> {
    let mut lines = LineReader::open(path)?;
    let list = lines.path().to_string();
    let mut entries: Vec<PredEntry> = Vec::new();
    let mut line_of = std::collections::HashMap::new();
    while let Some(text) = lines.next_content_line(false)? {
        let text = String::from_utf8_lossy(text).into_owned();
        let line = lines.line_number();
        let (name, file) = text.trim().split_once([' ', '\t']).unwrap_or((text.trim(), ""));
        let file = file.trim();
        if file.is_empty() {
            return Err(LocoError::ListLine { path: list, line });
        }
        if let Some(first) = line_of.insert(name.to_string(), line) {
            return Err(LocoError::RepeatedTrait { path: list, line, first, name: name.to_string() });
        }
        let beside = path.parent().map(|folder| folder.join(file)).filter(|beside| beside.exists());
        let given = PathBuf::from(file);
        let file = if given.exists() { given } else { beside.unwrap_or(given) };
        entries.push(PredEntry { name: name.to_string(), path: file });
    }
    if entries.is_empty() {
        return Err(TextError::Empty { path: list }.into());
    }
    Ok(entries)
}

/// The name under which chromosomes are compared: without `chr`, X and its PARs as 23, Y as 24, MT as 26.
pub fn chromosome_key(chrom: &str) -> String {
    let upper = chrom.to_ascii_uppercase();
    let bare = upper.strip_prefix("CHR").unwrap_or(&upper);
    match bare {
        "X" | "XY" | "25" | "PAR" | "PAR1" | "PAR2" | "X_PAR1" | "X_PAR2" => "23".to_string(),
        "Y" => "24".to_string(),
        "M" | "MT" => "26".to_string(),
        other => match other.trim_start_matches('0') {
            "" => other.to_string(),
            number => number.to_string(),
        },
    }
}

#[derive(Debug, Clone)]
struct Chromosome {
    key: String,
    name: String,
    line: u64,
    offset: u64,
}

/// A .loco file: where its chromosomes are.
#[derive(Debug, Clone)]
pub struct LocoFile {
    path: PathBuf,
    name: String,
    n_samples: usize,
    is_gzip: bool,
    chromosomes: Vec<Chromosome>,
}

impl LocoFile {
    /// Opens a file and finds its rows. The header's samples (`FID_IID`, in file order) go to `ids`.
    pub fn open(path: &Path, ids: &mut Vec<String>) -> Result<Self, LocoError> {
        let mut lines = LineReader::open(path)?;
        let name = lines.path().to_string();
        let mut row = Row::default();
        match lines.next_content_line(false)? {
            None => return Err(TextError::Empty { path: name }.into()),
            Some(line) => row.split(line, Delimiter::Blank),
        };
        if row.get(0) != b"FID_IID" {
            return Err(LocoError::Header { path: name });
        }
        ids.clear();
        ids.extend((1..row.len()).map(|i| String::from_utf8_lossy(row.get(i)).into_owned()));
        let mut chromosomes: Vec<Chromosome> = Vec::new();
        loop {
            let offset = lines.offset();
            let Some(line) = lines.next_line()? else { break };
            let first = line.split(|byte| byte.is_ascii_whitespace()).find(|cell| !cell.is_empty());
            let Some(chrom) = first.map(|cell| String::from_utf8_lossy(cell).into_owned()) else { continue };
            let (key, line) = (chromosome_key(&chrom), lines.line_number());
            if let Some(first) = chromosomes.iter().find(|other| other.key == key) {
                return Err(LocoError::RepeatedChromosome { path: name, line, first: first.line, chrom });
            }
            chromosomes.push(Chromosome { key, name: chrom, line, offset });
        }
        if chromosomes.is_empty() {
            return Err(LocoError::NoRows { path: name });
        }
        let is_gzip = lines.is_gzip();
        Ok(Self { path: path.to_path_buf(), name, n_samples: ids.len(), is_gzip, chromosomes })
    }

    /// The file as named by the list.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Chromosomes as written, in file order.
    pub fn chromosomes(&self) -> impl Iterator<Item = &str> {
        self.chromosomes.iter().map(|chromosome| chromosome.name.as_str())
    }

    /// Whether there is a row for a chromosome, in any spelling.
    pub fn check(&self, chrom: &str) -> Result<(), LocoError> {
        self.find(chrom).map(drop)
    }

    fn find(&self, chrom: &str) -> Result<&Chromosome, LocoError> {
        let key = chromosome_key(chrom);
        let found = self.chromosomes.iter().find(|chromosome| chromosome.key == key);
        found.ok_or_else(|| LocoError::NoChromosome {
            path: self.name.clone(),
            chrom: chrom.to_string(),
            known: self.chromosomes().collect::<Vec<_>>().join(", "),
        })
    }

    /// Predictions of one chromosome, in the header's order; NaN where NA. `chrom` in any spelling.
    pub fn read(&self, chrom: &str) -> Result<Vec<f64>, LocoError> {
        let found = self.find(chrom)?;
        let mut lines = if self.is_gzip {
            let mut lines = LineReader::open(&self.path)?;
            while lines.line_number() + 1 < found.line && lines.next_line()?.is_some() {}
            lines
        } else {
            LineReader::open_at(&self.path, found.offset)?
        };
        let mut row = Row::default();
        row.split(lines.next_line()?.unwrap_or_default(), Delimiter::Blank);
        if row.len() != self.n_samples + 1 {
            return Err(LocoError::CellCount {
                path: self.name.clone(),
                line: found.line,
                found: row.len(),
                expected: self.n_samples + 1,
            });
        }
        (1..row.len())
            .map(|i| match parse_cell(row.get(i), Minus9::Value) {
                Cell::Number(value) => Ok(value),
                Cell::Missing | Cell::MissingMinus9 => Ok(f64::NAN),
                Cell::Infinite | Cell::Text => Err(LocoError::NotANumber {
                    path: self.name.clone(),
                    line: found.line,
                    cell: i + 1,
                    value: describe_value(row.get(i)),
                }),
            })
            .collect()
    }

    /// Predictions of the first chromosome of the file.
    pub fn read_first(&self) -> Result<Vec<f64>, LocoError> {
        self.read(&self.chromosomes[0].name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn rows_are_found_by_any_spelling_of_the_chromosome() {
        let folder = tempfile::tempdir().unwrap();
        let text = "FID_IID 1_a 1_b\n1 0.5 -9\n2 NA 0.25\n23 1 2\n";
        let plain = folder.path().join("a.loco");
        std::fs::write(&plain, text).unwrap();
        let gz = folder.path().join("a.loco.gz");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        std::fs::write(&gz, encoder.finish().unwrap()).unwrap();
        for path in [plain, gz] {
            let mut ids = Vec::new();
            let file = LocoFile::open(&path, &mut ids).unwrap();
            assert_eq!(ids, ["1_a", "1_b"]);
            assert_eq!(file.read("chr1").unwrap(), [0.5, -9.0]);
            assert_eq!(file.read("01").unwrap(), [0.5, -9.0]);
            assert_eq!(file.read("chrX").unwrap(), [1.0, 2.0]);
            let two = file.read("2").unwrap();
            assert!(two[0].is_nan() && two[1] == 0.25);
            let message = file.read("chr7").unwrap_err().to_string();
            assert!(message.ends_with("no predictions for chromosome chr7; the file has 1, 2, 23"), "{message}");
        }
    }

    #[test]
    fn damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.loco");
        let message = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let read = LocoFile::open(&path, &mut Vec::new()).and_then(|file| file.read_first());
            read.unwrap_err().to_string()
        };
        assert!(message("IID a\n1 2\n").contains("the first cell is not FID_IID"));
        assert!(
            message("FID_IID a b\n1 2\n").ends_with("line 2: 2 cells where the header has 3; is the file cut short?")
        );
        assert!(message("FID_IID a\n1 x\n").ends_with("line 2: cell 2: 'x' is not a finite number or NA"));
        assert!(message("FID_IID a\n1 2\nchr1 2\n").contains("chromosome chr1 comes again (first on line 2)"));
        assert!(message("FID_IID a\n").ends_with("no row of predictions"));
        assert!(message("").ends_with("the file is empty"));
    }

    #[test]
    fn lists_name_traits_and_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x_1.loco"), "").unwrap();
        let list = folder.path().join("x_pred.list");
        std::fs::write(&list, "bmi x_1.loco\nheight /a b/x_2.loco\n").unwrap();
        let entries = read_pred_list(&list).unwrap();
        assert_eq!(entries[0].path, folder.path().join("x_1.loco"));
        assert_eq!(entries[1], PredEntry { name: "height".to_string(), path: PathBuf::from("/a b/x_2.loco") });
        let message = |text: &str| {
            std::fs::write(&list, text).unwrap();
            read_pred_list(&list).unwrap_err().to_string()
        };
        assert!(message("bmi\n").ends_with("line 1: expected a trait and a file, as in regenie's _pred.list"));
        assert!(message("a b\na c\n").ends_with("line 2: trait 'a' comes again (first on line 1)"));
    }
}
