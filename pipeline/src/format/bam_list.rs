//! Lists of alignment files: a path a line, or a sample and its path with a tab between.
//!
//! File names are often sample IDs: whatever is said of a file names its line in the list.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Largest list.
const MAX_LIST_LEN: u64 = 1 << 28;

/// Why a list is refused.
#[derive(Debug, thiserror::Error)]
pub enum BamListError {
    /// Reading failed.
    #[error("{list}: {source}")]
    Io {
        /// The list.
        list: String,
        /// Why.
        source: std::io::Error,
    },
    /// A line is refused.
    #[error("{list} line {line}: {problem}")]
    Line {
        /// The list.
        list: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// There is nothing in it.
    #[error("{list}: it lists no file; write a path a line, or a sample, a tab and its path")]
    Empty {
        /// The list.
        list: String,
    },
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BamListEntry {
    /// The line, from 1.
    pub line: usize,
    /// The sample that all reads of the file are of, where the list says so.
    pub sample: Option<String>,
    /// The file, as it can be opened from the working directory.
    pub path: PathBuf,
}

/// A list of alignment files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BamList {
    /// The list's own file name, without folders.
    pub name: String,
    /// Its files, in order.
    pub entries: Vec<BamListEntry>,
}

impl BamList {
    /// Reads the list at `path`. Blank lines and those that start with `#` are passed over. A relative path is of the
    /// working directory or, where it leads nowhere, of the list's folder.
    pub fn open(path: &Path) -> Result<Self, BamListError> {
        let name = path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
        let failed = |source| BamListError::Io { list: path.display().to_string(), source };
        let mut text = Vec::new();
        File::open(path).and_then(|f| f.take(MAX_LIST_LEN).read_to_end(&mut text)).map_err(failed)?;
        let text = String::from_utf8(text).map_err(|_| failed(std::io::Error::other("it is no UTF-8 text")))?;
        Self::parse(name, &text, path.parent().unwrap_or(Path::new("")))
    }

    fn parse(name: String, text: &str, folder: &Path) -> Result<Self, BamListError> {
        let mut entries = Vec::new();
        let mut seen: HashMap<PathBuf, usize> = HashMap::new();
        let mut seen_of: HashMap<(u64, u64, Option<String>), usize> = HashMap::new();
        for (line, text) in (1..).zip(text.strip_prefix('\u{feff}').unwrap_or(text).lines()) {
            let refuse = |problem: String| BamListError::Line { list: name.clone(), line, problem };
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let (sample, file) = match text.split_once('\t') {
                Some((_, file)) if file.contains('\t') => {
                    return Err(refuse("more than one tab; write a path, or a sample, a tab and its path".to_owned()));
                }
                Some((sample, file)) => (Some(sample.trim().to_owned()), file.trim()),
                None => (None, text),
            };
            if sample.as_ref().is_some_and(|sample| sample.contains(char::is_control)) {
                return Err(refuse("control characters in the sample's name; write it without them".to_owned()));
            }
            if file == "-" {
                return Err(refuse("standard input cannot be read: reads are sought by region".to_owned()));
            }
            let path = resolve(file, folder).map_err(refuse)?;
            let normal: PathBuf = path.components().filter(|part| *part != std::path::Component::CurDir).collect();
            if let Some(first) = seen.insert(normal, line) {
                return Err(refuse(format!("the same file as on line {first}; its reads would count twice")));
            }
            // Of a file that is not there, opening it will say so.
            if let Ok(metadata) = std::fs::metadata(&path)
                && let Some(first) = seen_of.insert((metadata.dev(), metadata.ino(), sample.clone()), line)
            {
                let problem = format!("the same file as on line {first} by another path; its reads would count twice");
                return Err(refuse(problem));
            }
            entries.push(BamListEntry { line, sample, path });
        }
        if entries.is_empty() { Err(BamListError::Empty { list: name }) } else { Ok(Self { name, entries }) }
    }
}

/// A relative path is from the working folder, or else from the list's.
fn resolve(file: &str, folder: &Path) -> Result<PathBuf, String> {
    let (path, beside) = (PathBuf::from(file), folder.join(file));
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    match (identity(&path), identity(&beside)) {
        (Some(here), Some(there)) if path.is_relative() && here != there => {
            Err("such a file is in the working folder and beside the list; give its path from the root".to_owned())
        }
        (None, Some(_)) if path.is_relative() => Ok(beside),
        _ => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BamList, BamListError> {
        BamList::parse("bams.txt".into(), text, Path::new(""))
    }

    #[test]
    fn paths_and_samples_are_read() {
        let list = parse("\u{feff}# a list\r\nx/a.bam\r\n\r\n s 1 \tx/b c.bam \r\n").unwrap();
        let want = |line, sample: Option<&str>, path: &str| BamListEntry {
            line,
            sample: sample.map(str::to_owned),
            path: path.into(),
        };
        assert_eq!(list.entries, [want(2, None, "x/a.bam"), want(4, Some("s 1"), "x/b c.bam")]);
    }

    #[test]
    fn bad_lines_are_refused_by_their_number() {
        for (text, word) in [
            ("a.bam\n\n./a.bam\n", "line 3: the same file as on line 1"),
            ("s\ta.bam\tb\n", "line 1: more than one tab"),
            ("a.bam\n-\n", "line 2: standard input"),
            ("s\u{1}1\ta.bam\n", "line 1: control characters"),
            ("s 1\ta.bam\ns\r2\tb.bam\n", "line 2: control characters"),
            ("# nothing\n\n", "lists no file"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with("bams.txt") && error.contains(word), "{error}");
        }
        assert!(BamList::open(Path::new("/nowhere/list")).unwrap_err().to_string().starts_with("/nowhere/list: "));
    }

    #[test]
    fn one_file_by_two_paths_is_refused_for_one_sample() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.bam");
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, folder.path().join("b.bam")).unwrap();
        let open = |text: &str| {
            let list = folder.path().join("bams.txt");
            std::fs::write(&list, text).unwrap();
            BamList::open(&list)
        };
        let list = open("p\ta.bam\nq\tb.bam\n").unwrap();
        assert_eq!(list.entries[0].path, folder.path().join("a.bam"), "beside the list");
        for text in ["a.bam\nb.bam\n", "p\ta.bam\np\tb.bam\n"] {
            assert!(open(text).unwrap_err().to_string().contains("by another path"));
        }
    }
}
