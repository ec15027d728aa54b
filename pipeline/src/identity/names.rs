//! Which sample of the VCF each sample of the alignment files is said to be: by ID, or by a table.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::format::table::{Delimiter, Row, TableError};
use crate::format::table_text::{LineReader, TextError};
use crate::report::words::count;

/// A refused table of names.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// It cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// It cannot be read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A line of other than two names.
    #[error(
        "{path}: line {line}: {} where two are wanted: the sample of the alignment files and that of the VCF",
        count(*found as u64, "cell")
    )]
    NotTwo {
        /// The table.
        path: PathBuf,
        /// 1-based.
        line: u64,
        /// Cells there are.
        found: usize,
    },
    /// No names.
    #[error("{path}: the table names no samples")]
    Empty {
        /// The table.
        path: PathBuf,
    },
    /// Samples that the VCF does not have.
    #[error("{path}: line {line}: {n} of the {total} names in the second column are not in the VCF, this one first")]
    NotInVcf {
        /// The table.
        path: PathBuf,
        /// The first of them, 1-based.
        line: u64,
        /// How many.
        n: usize,
        /// Of how many.
        total: usize,
    },
    /// The same sample twice.
    #[error("{path}: line {line}: the sample of line {first} again; name it once")]
    Twice {
        /// The table.
        path: PathBuf,
        /// 1-based.
        line: u64,
        /// Where it was first.
        first: u64,
    },
}

/// Names of alignment samples and what they are called in the VCF.
#[derive(Debug, Clone, Default)]
pub struct SampleNames {
    path: PathBuf,
    called: HashMap<String, (String, u64)>,
}

impl SampleNames {
    /// Reads a table of two columns, the sample of the alignment files and that of the VCF, with a header `sample vcf_sample`
    /// or without one. Samples that it does not list go by their ID.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn read(path: &Path) -> Result<Self, NameError> {
        let mut called: HashMap<String, (String, u64)> = HashMap::new();
        let mut lines = LineReader::open(path)?;
        let mut row = Row::default();
        let mut delimiter = None;
        while let Some(text) = lines.next_content_line(true)? {
            let is_first = delimiter.is_none();
            let by = *delimiter.get_or_insert_with(|| Delimiter::sniff(text));
            let is_closed = row.split(text, by);
            let line = lines.line_number();
            if !is_closed {
                return Err(TableError::UnclosedQuote { path: path.display().to_string(), line }.into());
            }
            let n_named = (0..row.len()).filter(|&i| !row.get(i).is_empty()).count();
            if row.len() != 2 || n_named != 2 {
                return Err(NameError::NotTwo { path: path.to_owned(), line, found: n_named.max(row.len().min(3)) });
            }
            let name = |i: usize| String::from_utf8_lossy(row.get(i)).into_owned();
            let (sample, vcf_sample) = (name(0), name(1));
            if is_first && vcf_sample.eq_ignore_ascii_case("vcf_sample") {
                continue;
            }
            if let Some(&(_, first)) = called.get(&sample) {
                return Err(NameError::Twice { path: path.to_owned(), line, first });
            }
            called.insert(sample, (vcf_sample, line));
        }
        match called.is_empty() {
            true => Err(NameError::Empty { path: path.to_owned() }),
            false => Ok(Self { path: path.to_owned(), called }),
        }
    }

    /// Holds the table against the samples there are. Gives a warning of names that the alignment files do not have.
    ///
    /// # Errors
    /// [`NameError::NotInVcf`].
    pub fn check(&self, samples: &[String], vcf_samples: &[String]) -> Result<Option<String>, NameError> {
        let (samples, vcf_samples): (HashSet<&String>, HashSet<&String>) =
            (samples.iter().collect(), vcf_samples.iter().collect());
        let total = self.called.len();
        let missing = self.called.values().filter(|(vcf_sample, _)| !vcf_samples.contains(vcf_sample));
        let lines: Vec<u64> = missing.map(|&(_, line)| line).collect();
        if let Some(&line) = lines.iter().min() {
            return Err(NameError::NotInVcf { path: self.path.clone(), line, n: lines.len(), total });
        }
        let n_unread = self.called.keys().filter(|sample| !samples.contains(sample)).count();
        let path = self.path.display();
        Ok((n_unread > 0).then(|| {
            format!(
                "{path}: {n_unread} of the {total} names in the first column are not among the alignment files' samples"
            )
        }))
    }

    /// What the VCF calls a sample.
    pub fn in_vcf<'a>(&'a self, sample: &'a str) -> &'a str {
        self.called.get(sample).map_or(sample, |(name, _)| name.as_str())
    }

    /// For each sample its column in the VCF, if it has one there.
    pub fn columns(&self, samples: &[String], vcf_samples: &[String]) -> Vec<Option<usize>> {
        let columns: HashMap<&str, usize> = vcf_samples.iter().enumerate().map(|(i, s)| (s.as_str(), i)).collect();
        samples.iter().map(|sample| columns.get(self.in_vcf(sample)).copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(text: &str) -> Result<SampleNames, NameError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        SampleNames::read(file.path())
    }

    #[test]
    fn samples_go_by_the_table_and_else_by_their_id() {
        for text in ["lib1\tA\nlib2\tB\n", "sample\tvcf_sample\nlib1\tA\nlib2\tB\n", "lib1 A\nlib2 B\n"] {
            let names = read(text).unwrap();
            let samples = ["lib2", "C", "lib1", "x"].map(str::to_owned);
            let vcf = ["A", "B", "C"].map(str::to_owned);
            assert_eq!(names.columns(&samples, &vcf), [Some(1), Some(2), Some(0), None], "{text}");
        }
    }

    #[test]
    fn doubtful_tables_are_refused_by_their_line() {
        let error = |text| read(text).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error("lib1\tA\nlib1\tB\n").contains("line 2: the sample of line 1 again"));
        assert!(error("lib1\nlib2\n").contains("line 1: 1 cell where two are wanted"));
        assert!(error("lib1\tA\nlib2\tB\tC\n").contains("line 2: 3 cells where two are wanted"));
        assert!(error("lib1\t\n").contains("line 1: "));
        assert!(error("sample\tvcf_sample\n").contains("names no samples"));
    }

    #[test]
    fn names_that_nobody_has_are_told_by_count_and_line() {
        let names = read("sample\tvcf_sample\nlib1\tA\nlib2\tB\nlib3\tsecret\n").unwrap();
        let ids = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<Vec<_>>();
        let error = names.check(&ids(&["lib1"]), &ids(&["A", "C"])).unwrap_err().to_string();
        assert!(error.contains("line 3: 2 of the 3 names in the second column are not in the VCF"), "{error}");
        let warning = names.check(&ids(&["lib1", "x"]), &ids(&["A", "B", "secret"])).unwrap().unwrap();
        assert!(warning.contains("2 of the 3 names in the first column"), "{warning}");
        assert!([&error, &warning].iter().all(|text| !text.contains("secret") && !text.contains("lib")));
        assert_eq!(names.check(&ids(&["lib1", "lib2", "lib3"]), &ids(&["A", "B", "secret"])).unwrap(), None);
    }
}
