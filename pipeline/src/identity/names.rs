//! Which sample of the VCF each sample of the alignment files is said to be: by ID, or by a table.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::format::sample_list::read_sample_list;
use crate::format::table::TableError;

/// A refused table of names.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// It cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A line without two names.
    #[error("{path}: line {line}: one name; a line has the sample of the alignment files and that of the VCF")]
    OneName {
        /// The table.
        path: PathBuf,
        /// 1-based.
        line: u64,
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
    called: HashMap<String, String>,
}

impl SampleNames {
    /// Reads a table of two columns, the sample of the alignment files and that of the VCF, with a header `sample vcf_sample`
    /// or without one. Samples that it does not list go by their ID.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn read(path: &Path) -> Result<Self, NameError> {
        let mut called = HashMap::new();
        let mut lines: HashMap<String, u64> = HashMap::new();
        for (idx, key) in read_sample_list(path)?.into_iter().enumerate() {
            let Some(sample) = key.fid else {
                return Err(NameError::OneName { path: path.to_owned(), line: key.line });
            };
            let is_header = idx == 0 && key.iid.eq_ignore_ascii_case("vcf_sample");
            if is_header {
                continue;
            }
            if let Some(&first) = lines.get(&sample) {
                return Err(NameError::Twice { path: path.to_owned(), line: key.line, first });
            }
            lines.insert(sample.clone(), key.line);
            called.insert(sample, key.iid);
        }
        Ok(Self { called })
    }

    /// What the VCF calls a sample.
    pub fn in_vcf<'a>(&'a self, sample: &'a str) -> &'a str {
        self.called.get(sample).map_or(sample, String::as_str)
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
        assert!(error("lib1\nlib2\n").contains("line 1: one name"));
    }
}
