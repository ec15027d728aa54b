//! Reference sequences: FASTA with its index, plain or bgzipped.
//!
//! What is asked for is small (the bases of sites) or a whole chromosome (to decode CRAM): tiles are kept for the one, at most
//! a few chromosomes for the other, so that memory stays bounded however long the genome is.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::chromosome::ChromosomeNames;
use md5::{Digest, Md5};
use noodles::core::{Position, Region};
use noodles::fasta;

/// Bases of a tile.
const TILE: u32 = 1 << 16;
/// Tiles that are kept: 8 MiB.
const MAX_TILES: usize = 128;
/// Whole sequences that are kept.
const MAX_WHOLE: usize = 2;
/// Longest sequence that is read.
const MAX_LENGTH: u64 = i32::MAX as u64;

/// Why a FASTA file is refused.
#[derive(Debug, thiserror::Error)]
pub enum FastaError {
    /// Reading failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// There is no index.
    #[error("{path}: no {missing} beside it; make it with samtools faidx {path}")]
    NoIndex {
        /// The file.
        path: String,
        /// What is missing.
        missing: &'static str,
    },
    /// The index makes no sense.
    #[error("{path}.fai: {problem}; make it again with samtools faidx {path}")]
    Index {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// A sequence or a part of it is not there.
    #[error("{path}: {problem}")]
    Range {
        /// The file.
        path: String,
        /// What is missing.
        problem: String,
    },
}

type Reader = fasta::io::IndexedReader<fasta::io::BufReader<std::fs::File>>;

/// A part of a sequence with the number of the sequence and of the tile.
type Tile = ((usize, u32), Arc<[u8]>);

/// An indexed FASTA file, shared by threads.
pub struct Fasta {
    path: PathBuf,
    reader: Mutex<Reader>,
    known: Arc<Sequences>,
    tiles: Mutex<VecDeque<Tile>>,
    whole: OnceLock<fasta::Repository>,
    whole_names: Mutex<Vec<String>>,
}

/// What the index knows.
struct Sequences {
    /// Names and lengths, in the order of the index.
    list: Vec<(String, u32)>,
    idx_of: HashMap<String, usize>,
    names: ChromosomeNames,
}

impl Sequences {
    /// The sequence of this name, or else of this chromosome by another of its names (22, chr22).
    fn find(&self, name: &str) -> Option<usize> {
        self.idx_of.get(name).copied().or_else(|| self.names.find(name))
    }
}

/// Gives the decoder of CRAM whole sequences, in upper case, by any name of theirs.
struct WholeSequences {
    reader: Reader,
    known: Arc<Sequences>,
}

impl fasta::repository::Adapter for WholeSequences {
    fn get(&mut self, name: &[u8]) -> Option<io::Result<fasta::Record>> {
        let idx = self.known.find(std::str::from_utf8(name).ok()?)?;
        let record = self.reader.query(&Region::new(self.known.list[idx].0.as_str(), ..));
        Some(record.map(|record| {
            let bases = record.sequence().as_ref().to_ascii_uppercase();
            fasta::Record::new(record.definition().clone(), bases.into())
        }))
    }
}

impl std::fmt::Debug for Fasta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fasta").field("path", &self.path).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fasta {
    /// Opens `path` with its `.fai` and, where it is bgzipped, its `.gzi`.
    pub fn open(path: &Path) -> Result<Self, FastaError> {
        let shown = || path.display().to_string();
        let io_error = |source| FastaError::Io { path: shown(), source };
        let metadata = std::fs::metadata(path).map_err(io_error)?;
        if !metadata.is_file() {
            return Err(io_error(io::Error::other("not a regular file")));
        }
        let is_compressed = path.extension().is_some_and(|e| e == "gz" || e == "bgz");
        let beside = |extension: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(extension);
            PathBuf::from(name)
        };
        for (extension, wanted) in [(".fai", true), (".gzi", is_compressed)] {
            if wanted && !beside(extension).is_file() {
                return Err(FastaError::NoIndex { path: shown(), missing: extension });
            }
        }
        let index_error = |problem: String| FastaError::Index { path: shown(), problem };
        let reader = fasta::io::indexed_reader::Builder::default().build_from_path(path);
        let reader = reader.map_err(|e| index_error(e.to_string()))?;
        let mut sequences = Vec::new();
        let mut idx_of = HashMap::new();
        for record in reader.index().as_ref() {
            let name = record.name().to_string();
            let length = u32::try_from(record.length()).ok().filter(|&l| u64::from(l) <= MAX_LENGTH);
            let length = length.ok_or_else(|| index_error(format!("{name}: a length of {}", record.length())))?;
            let (bases, width) = (record.line_base_count().get(), record.line_width().get());
            // Bases on whole lines and bytes before them stay far from overflow.
            let is_sane = bases <= width && width <= bases.saturating_add(2) && record.position() < 1 << 48;
            let end = record.position().saturating_add(record.length());
            if !is_sane || (!is_compressed && end > metadata.len()) {
                return Err(index_error(format!("{name}: it is not the index of this file")));
            }
            if idx_of.insert(name.clone(), sequences.len()).is_some() {
                return Err(index_error(format!("{name} is in it twice")));
            }
            sequences.push((name, length));
        }
        Ok(Self {
            path: path.to_owned(),
            reader: Mutex::new(reader),
            known: Arc::new(Sequences {
                names: ChromosomeNames::new(sequences.iter().map(|(name, _)| name.as_str())),
                list: sequences,
                idx_of,
            }),
            tiles: Mutex::default(),
            whole: OnceLock::new(),
            whole_names: Mutex::default(),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names and lengths of the sequences, in the order of the index.
    pub fn sequences(&self) -> &[(String, u32)] {
        &self.known.list
    }

    /// Length of a sequence; none if the file has none of that name.
    pub fn length(&self, name: &str) -> Option<u32> {
        self.known.find(name).map(|idx| self.known.list[idx].1)
    }

    /// Bases of a part (from 0, end exclusive) of a sequence, in upper case.
    pub fn fetch(&self, name: &str, range: Range<u32>) -> Result<Vec<u8>, FastaError> {
        let idx = self.known.find(name).ok_or_else(|| self.missing(name))?;
        let length = self.known.list[idx].1;
        if range.end > length || range.start > range.end {
            return Err(FastaError::Range {
                path: self.path.display().to_string(),
                problem: format!("{name}:{}-{} is beyond its {length} bases", u64::from(range.start) + 1, range.end),
            });
        }
        let mut bases = Vec::with_capacity(range.len());
        for tile_idx in range.start / TILE..range.end.div_ceil(TILE) {
            let tile = self.tile(idx, tile_idx)?;
            let first = tile_idx * TILE;
            let from = range.start.saturating_sub(first) as usize;
            let to = ((range.end - first) as usize).min(tile.len());
            bases.extend_from_slice(&tile[from..to]);
        }
        Ok(bases)
    }

    /// MD5 of a sequence's bases in upper case, as M5 of a header is.
    pub fn md5(&self, name: &str) -> Result<[u8; 16], FastaError> {
        let idx = self.known.find(name).ok_or_else(|| self.missing(name))?;
        let mut md5 = Md5::new();
        for tile_idx in 0..self.known.list[idx].1.div_ceil(TILE) {
            md5.update(self.read(idx, tile_idx)?);
        }
        Ok(md5.finalize().into())
    }

    fn missing(&self, name: &str) -> FastaError {
        let problem = format!("no sequence called {name}; give the reference that the reads were aligned to");
        FastaError::Range { path: self.path.display().to_string(), problem }
    }

    fn tile(&self, idx: usize, tile_idx: u32) -> Result<Arc<[u8]>, FastaError> {
        let key = (idx, tile_idx);
        let mut tiles = lock(&self.tiles);
        if let Some(at) = tiles.iter().position(|t| t.0 == key)
            && let Some(tile) = tiles.remove(at)
        {
            tiles.push_back(tile.clone());
            return Ok(tile.1);
        }
        let bases: Arc<[u8]> = self.read(idx, tile_idx)?.into();
        if tiles.len() >= MAX_TILES {
            tiles.pop_front();
        }
        tiles.push_back((key, Arc::clone(&bases)));
        Ok(bases)
    }

    fn read(&self, idx: usize, tile_idx: u32) -> Result<Vec<u8>, FastaError> {
        let io_error = |source| FastaError::Io { path: self.path.display().to_string(), source };
        let (name, length) = &self.known.list[idx];
        let (from, to) = (tile_idx * TILE, (tile_idx + 1).saturating_mul(TILE).min(*length));
        let position = |at: u32| Position::try_from(at as usize).map_err(|e| io_error(io::Error::other(e)));
        let region = Region::new(name.as_str(), position(from + 1)?..=position(to)?);
        let record = lock(&self.reader).query(&region).map_err(io_error)?;
        let bases = record.sequence().as_ref().to_ascii_uppercase();
        if bases.len() != (to - from) as usize {
            let problem = format!("{name}: it is not the index of this file");
            return Err(FastaError::Index { path: self.path.display().to_string(), problem });
        }
        Ok(bases)
    }

    /// Whole sequences for the decoder of CRAM, of which `name` will be wanted.
    pub(super) fn whole(&self, name: &str) -> Result<fasta::Repository, FastaError> {
        self.known.find(name).ok_or_else(|| self.missing(name))?;
        let mut names = lock(&self.whole_names);
        let repository = match self.whole.get() {
            Some(repository) => repository,
            None => {
                let reader = fasta::io::indexed_reader::Builder::default().build_from_path(&self.path);
                let reader =
                    reader.map_err(|source| FastaError::Io { path: self.path.display().to_string(), source })?;
                let adapter = WholeSequences { reader, known: Arc::clone(&self.known) };
                self.whole.get_or_init(|| fasta::Repository::new(adapter))
            }
        };
        if repository.len() >= MAX_WHOLE && !names.iter().any(|n| n == name) {
            repository.clear();
            names.clear();
        }
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
        Ok(repository.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, text: &str, index: &str) -> PathBuf {
        let path = folder.join("ref.fa");
        std::fs::write(&path, text).unwrap();
        std::fs::write(folder.join("ref.fa.fai"), index).unwrap();
        path
    }

    #[test]
    fn ranges_are_read_over_lines_and_tiles() {
        let folder = tempfile::tempdir().unwrap();
        let bases: Vec<u8> =
            (0..150_000_u32).map(|i| b"acgtN"[(i.wrapping_mul(2_654_435_761) >> 20) as usize % 5]).collect();
        let mut text = String::from(">a\nAC\nG\n>b x\n");
        for line in bases.chunks(60) {
            text.push_str(std::str::from_utf8(line).unwrap());
            text.push('\n');
        }
        let path = write(folder.path(), &text, "a\t3\t3\t2\t3\nb\t150000\t13\t60\t61\n");
        let fasta = Fasta::open(&path).unwrap();
        assert_eq!(fasta.sequences(), [("a".to_owned(), 3), ("b".to_owned(), 150_000)]);
        assert_eq!(fasta.fetch("a", 0..3).unwrap(), b"ACG");
        assert_eq!(fasta.fetch("a", 3..3).unwrap(), b"");
        let upper = bases.to_ascii_uppercase();
        for range in [0..1, 59..61, 65_535..65_537, 0..150_000, 149_999..150_000] {
            let want = &upper[range.start as usize..range.end as usize];
            assert_eq!(fasta.fetch("b", range).unwrap(), want);
        }
        assert!(fasta.fetch("a", 2..4).unwrap_err().to_string().contains("beyond"));
        assert!(fasta.fetch("c", 0..1).unwrap_err().to_string().contains("no sequence called c"));
    }

    #[test]
    fn missing_and_foreign_indices_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), ">a\nACGT\n", "a\t4\t3\t0\t5\n");
        assert!(Fasta::open(&path).is_err());
        for index in ["a\t400\t3\t60\t61\n", "a\t4\t3\t60\t9\n", "a\t4\t3\t4\t5\na\t4\t3\t4\t5\n", "a\tx\n"] {
            std::fs::write(folder.path().join("ref.fa.fai"), index).unwrap();
            let error = Fasta::open(&path).unwrap_err().to_string();
            assert!(error.contains("samtools faidx"), "{error}");
        }
        std::fs::remove_file(folder.path().join("ref.fa.fai")).unwrap();
        assert!(Fasta::open(&path).unwrap_err().to_string().contains("no .fai beside it"));
        assert!(Fasta::open(folder.path()).unwrap_err().to_string().contains("regular file"));
    }
}
