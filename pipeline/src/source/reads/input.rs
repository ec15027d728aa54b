//! The files of a list, each opened and checked once, and whose reads they have.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use norna_kernels::LikelihoodTable;

use crate::format::alignment::{AlignmentError, AlignmentFile, AlignmentOptions, Reference};
use crate::format::bam_list::{BamList, BamListEntry};
use crate::format::chromosome::ChromosomeNames;
use crate::format::fasta::Fasta;

use super::error::ReadError;
use super::filter::ReadFilter;
use super::references::{check_against_fasta, check_equal};

/// Files that are opened at the same time at the start, each with its index.
const OPENED_AT_ONCE: usize = 8;

/// Where reads come from and which count.
#[derive(Debug, Clone, Default)]
pub struct ReadsOptions {
    /// The list of files; see [`BamList`].
    pub list: PathBuf,
    /// Whether CRAM is read.
    pub allow_cram: bool,
    /// The reference.
    pub fasta: Option<PathBuf>,
    /// Whether a FASTA with other lengths or bases than the headers tell is warned of rather than refused.
    pub allow_reference_mismatch: bool,
    /// Which reads and bases count.
    pub filter: ReadFilter,
}

/// Whose reads a file has.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    /// All are one sample's.
    Sample(u32),
    /// By read group; none for those of no sample.
    ByReadGroup(Vec<Option<u32>>),
}

/// A file of the list.
#[derive(Debug)]
pub struct ReadFile {
    list: Arc<str>,
    line: usize,
    owner: Owner,
    /// The file.
    pub alignment: AlignmentFile,
}

impl ReadFile {
    /// What messages call it: the list and the line.
    pub fn name(&self) -> String {
        format!("{} line {}", self.list, self.line)
    }

    /// Samples of each read group, where the file has reads of several.
    pub fn samples_by_group(&self) -> Option<&[Option<u32>]> {
        match &self.owner {
            Owner::Sample(_) => None,
            Owner::ByReadGroup(samples) => Some(samples),
        }
    }

    /// The samples whose reads it has, ascending.
    pub fn samples(&self) -> Vec<usize> {
        let all: BTreeSet<usize> = match &self.owner {
            Owner::Sample(sample) => [*sample as usize].into(),
            Owner::ByReadGroup(samples) => samples.iter().flatten().map(|&s| s as usize).collect(),
        };
        all.into_iter().collect()
    }

    pub(super) fn refuse(&self, source: AlignmentError) -> ReadError {
        ReadError::File { file: self.name(), source, others: String::new() }
    }
}

/// Reads of many files, opened. No file stays open.
#[derive(Debug)]
pub struct ReadInput {
    files: Vec<ReadFile>,
    samples: Vec<String>,
    files_of: Vec<Vec<u32>>,
    references: Arc<[Reference]>,
    names: ChromosomeNames,
    fasta: Option<Arc<Fasta>>,
    pub(super) allow_reference_mismatch: bool,
    pub(super) filter: ReadFilter,
    pub(super) table: LikelihoodTable,
    messages: Vec<String>,
    warnings: Vec<String>,
}

impl ReadInput {
    /// Opens every file of the list, a few at a time, and finds out whose reads they have.
    pub fn open(options: &ReadsOptions) -> Result<Self, ReadError> {
        let list = BamList::open(&options.list)?;
        let fasta = options.fasta.as_deref().map(Fasta::open).transpose()?.map(Arc::new);
        let opening = AlignmentOptions { allow_cram: options.allow_cram, fasta: fasta.clone() };
        let name: Arc<str> = list.name.as_str().into();
        let mut alignments = open_all(&name, &list.entries, &opening)?;
        let references = Arc::clone(&alignments[0].header().references);
        for (entry, alignment) in list.entries.iter().zip(&mut alignments) {
            let first = (list.entries[0].line, &references[..]);
            check_equal(&alignment.header().references, first)
                .map_err(|problem| ReadError::Reference { file: format!("{name} line {}", entry.line), problem })?;
            alignment.share_references(&references);
        }
        let mut warnings = Vec::new();
        if let Some(Err(problem)) = fasta.as_ref().map(|fasta| check_against_fasta(&references, fasta)) {
            let file = format!("{name} line {}", list.entries[0].line);
            if !options.allow_reference_mismatch {
                return Err(ReadError::Mismatch { file, problem });
            }
            warnings.push(format!("{file}: {problem}"));
        }
        let mut input = Self {
            files: Vec::new(),
            samples: Vec::new(),
            files_of: Vec::new(),
            names: ChromosomeNames::new(references.iter().map(|r| r.name.as_str())),
            references,
            fasta,
            filter: options.filter,
            table: LikelihoodTable::new(),
            allow_reference_mismatch: options.allow_reference_mismatch,
            messages: Vec::new(),
            warnings,
        };
        input.assign(&name, &list.entries, alignments)?;
        input.remark();
        Ok(input)
    }

    /// Finds the samples, sorts them, and gives each its files.
    fn assign(
        &mut self,
        list: &Arc<str>,
        entries: &[BamListEntry],
        alignments: Vec<AlignmentFile>,
    ) -> Result<(), ReadError> {
        let mut idx_of: BTreeMap<String, u32> = BTreeMap::new();
        let mut named = Vec::with_capacity(entries.len());
        for (entry, alignment) in entries.iter().zip(&alignments) {
            let names = owners(list, entry, alignment)?;
            idx_of.extend(names.iter().flatten().map(|name| (name.clone(), 0)));
            named.push(names);
        }
        for (idx, value) in (0..).zip(idx_of.values_mut()) {
            *value = idx;
        }
        self.files_of = vec![Vec::new(); idx_of.len()];
        for ((entry, alignment), names) in entries.iter().zip(alignments).zip(named) {
            let samples: Vec<Option<u32>> =
                names.iter().map(|name| name.as_ref().and_then(|n| idx_of.get(n).copied())).collect();
            let distinct: BTreeSet<u32> = samples.iter().flatten().copied().collect();
            let owner = match distinct.first() {
                // A read group without SM may be of another sample.
                Some(&only) if distinct.len() == 1 && !samples.contains(&None) => Owner::Sample(only),
                _ => Owner::ByReadGroup(samples),
            };
            let file_idx = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
            distinct.iter().for_each(|&s| self.files_of[s as usize].push(file_idx));
            self.files.push(ReadFile { list: Arc::clone(list), line: entry.line, owner, alignment });
        }
        self.samples = idx_of.into_keys().collect();
        Ok(())
    }

    fn remark(&mut self) {
        let lines = |of: &dyn Fn(&ReadFile) -> bool| -> Vec<String> {
            self.files.iter().filter(|f| of(f)).map(ReadFile::name).collect()
        };
        let mut warnings = std::mem::take(&mut self.warnings);
        let mut warn = |files: Vec<String>, what: &str| {
            if let Some(first) = files.first() {
                let others = others(files.len() - 1);
                warnings.push(format!("{first}: {what}{others}"));
            }
        };
        warn(
            lines(&|f| f.alignment.index_is_older()),
            "the index is older than its file; samtools index makes it anew",
        );
        warn(lines(&|f| f.alignment.is_empty()), "no reads: the file is empty, its samples have depth 0");
        warn(
            lines(&|f| f.samples_by_group().is_some_and(|s| s.contains(&None))),
            "some read groups have no sample (SM): their reads are left out",
        );
        let n_several = self.files.iter().filter(|f| f.samples().len() > 1).count();
        let n_joined = self.files_of.iter().filter(|f| f.len() > 1).count();
        let mut message = format!("{} files of reads, {} samples", self.files.len(), self.samples.len());
        if n_several > 0 {
            message += &format!("; {n_several} files have several samples, told apart by read group");
        }
        if n_joined > 0 {
            message += &format!("; {n_joined} samples have several files");
        }
        self.messages.push(message);
        self.warnings = warnings;
    }

    /// Sample IDs, sorted, so that the order of the list changes nothing.
    pub fn samples(&self) -> &[String] {
        &self.samples
    }

    /// The references, equal for all files.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Number of the reference of this name, or else of this chromosome by another of its names (22, chr22).
    pub fn reference_idx(&self, name: &str) -> Option<usize> {
        self.references.iter().position(|r| r.name == name).or_else(|| self.names.find(name))
    }

    /// Files of the list.
    pub fn n_files(&self) -> usize {
        self.files.len()
    }

    /// The files with reads of a sample.
    pub fn files_of(&self, sample_idx: usize) -> &[u32] {
        self.files_of.get(sample_idx).map_or(&[], Vec::as_slice)
    }

    /// A file, by its place in the list.
    pub fn file(&self, file_idx: usize) -> &ReadFile {
        &self.files[file_idx]
    }

    /// All files, in the order of the list.
    pub fn files(&self) -> &[ReadFile] {
        &self.files
    }

    /// The reference, if one was given.
    pub fn fasta(&self) -> Option<&Arc<Fasta>> {
        self.fasta.as_ref()
    }

    /// Which reads and bases count.
    pub fn filter(&self) -> &ReadFilter {
        &self.filter
    }

    /// What was found, for the log.
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// What is likely to be a mistake, for the log.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

fn others(n: usize) -> String {
    match n {
        0 => String::new(),
        1 => " (and one other file)".to_owned(),
        n => format!(" (and {n} other files)"),
    }
}

/// The sample of each read group of a file, or one for all its reads.
fn owners(list: &str, entry: &BamListEntry, alignment: &AlignmentFile) -> Result<Vec<Option<String>>, ReadError> {
    let refuse = |problem| ReadError::NoSample { file: format!("{list} line {}", entry.line), problem };
    match &entry.sample {
        Some(sample) if sample.is_empty() => Err(refuse("an empty sample name")),
        Some(sample) => Ok(vec![Some(sample.clone())]),
        None => {
            let groups = &alignment.header().read_groups;
            let samples: Vec<Option<String>> = groups.iter().map(|g| g.sample.clone()).collect();
            if groups.is_empty() {
                Err(refuse("its header has no read group (@RG), so that nothing tells whose reads these are"))
            } else if samples.iter().all(Option::is_none) {
                Err(refuse("its read groups (@RG) have no sample (SM)"))
            } else if samples.iter().flatten().any(|s| s.trim() != s || s.contains(char::is_control)) {
                Err(refuse(
                    "a sample (SM) of its read groups (@RG) begins or ends with a blank, or has control characters",
                ))
            } else {
                Ok(samples)
            }
        }
    }
}

/// Opens the files, a few at a time. Of several that are refused the first in the list is named.
fn open_all(list: &str, entries: &[BamListEntry], options: &AlignmentOptions) -> Result<Vec<AlignmentFile>, ReadError> {
    let next = AtomicUsize::new(0);
    let opened: Mutex<Vec<Option<Result<AlignmentFile, AlignmentError>>>> = Mutex::new(Vec::new());
    let lock = || opened.lock().unwrap_or_else(PoisonError::into_inner);
    lock().resize_with(entries.len(), || None);
    // References of the first file that is open: those of others are dropped at once where they are equal.
    let shared: std::sync::OnceLock<Arc<[Reference]>> = std::sync::OnceLock::new();
    std::thread::scope(|scope| {
        for _ in 0..OPENED_AT_ONCE.min(entries.len()) {
            scope.spawn(|| {
                loop {
                    let idx = next.fetch_add(1, Ordering::Relaxed);
                    let Some(entry) = entries.get(idx) else { break };
                    let mut file = AlignmentFile::open(&entry.path, options);
                    if let Ok(file) = &mut file {
                        let references = shared.get_or_init(|| Arc::clone(&file.header().references));
                        if file.header().references == *references {
                            file.share_references(references);
                        }
                    }
                    lock()[idx] = Some(file);
                }
            });
        }
    });
    let mut files = Vec::with_capacity(entries.len());
    let mut refused = None;
    let mut n_refused = 0;
    for (entry, file) in entries.iter().zip(opened.into_inner().unwrap_or_else(PoisonError::into_inner)) {
        match file {
            Some(Ok(file)) => files.push(file),
            Some(Err(error)) => {
                n_refused += 1;
                refused.get_or_insert((entry.line, error));
            }
            None => {}
        }
    }
    match refused {
        Some((line, source)) => {
            Err(ReadError::File { file: format!("{list} line {line}"), source, others: others(n_refused - 1) })
        }
        None => Ok(files),
    }
}
