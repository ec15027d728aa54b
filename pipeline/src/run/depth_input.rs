//! The alignment files of a list and whose they are.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use anyhow::{Result, anyhow};
use sha2::{Digest, Sha256};

use crate::depth::SampleFile;
use crate::format::alignment::{AlignmentFile, AlignmentOptions, Reference};

/// What to open.
#[derive(Debug, Clone)]
pub struct DepthInputOptions {
    /// Paths, one a line; or a sample, a tab and a path.
    pub list: PathBuf,
    /// Whether CRAM is read.
    pub allow_cram: bool,
    /// The reference sequences.
    pub fasta: Option<PathBuf>,
}

pub struct DepthInput {
    list: String,
    samples: Vec<String>,
    files: Vec<(u64, PathBuf, AlignmentFile)>,
    of: Vec<Vec<usize>>,
    references: Arc<[Reference]>,
}

impl DepthInput {
    pub fn open(options: &DepthInputOptions) -> Result<Self> {
        let list = options.list.display().to_string();
        let text = std::fs::read_to_string(&options.list).map_err(|e| anyhow!("{list}: {e}"))?;
        let alignment = AlignmentOptions { allow_cram: options.allow_cram, fasta: None };
        let mut files = Vec::new();
        let mut by_sample: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (line, text) in (1..).zip(text.lines()) {
            let (sample, path) = match text.split_once('\t') {
                Some((sample, path)) => (Some(sample.to_owned()), PathBuf::from(path)),
                None => (None, PathBuf::from(text)),
            };
            let file = AlignmentFile::open(&path, &alignment).map_err(|e| anyhow!("{list}: line {line}: {e}"))?;
            let sample = sample.or_else(|| file.header().read_groups.first().and_then(|g| g.sample.clone()));
            by_sample.entry(sample.unwrap_or_default()).or_default().push(files.len());
            files.push((line, path, file));
        }
        let references =
            files.first().map(|f| f.2.header().references.clone()).ok_or_else(|| anyhow!("{list}: empty"))?;
        let (samples, of) = by_sample.into_iter().unzip();
        Ok(Self { list, samples, files, of, references })
    }

    pub fn samples(&self) -> &[String] {
        &self.samples
    }

    pub fn n_files(&self) -> usize {
        self.files.len()
    }

    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    pub fn messages(&self) -> Vec<String> {
        Vec::new()
    }

    pub fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    pub fn list_name(&self) -> String {
        self.list.clone()
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, path, _)| std::fs::metadata(path).map_or(0, |m| m.len())).sum()
    }

    pub fn samples_with_files(&self) -> Vec<Vec<SampleFile<'_>>> {
        let file = |&idx: &usize| SampleFile { line: self.files[idx].0, alignment: &self.files[idx].2 };
        self.of.iter().map(|files| files.iter().map(file).collect()).collect()
    }

    pub fn stamp(&self, hasher: &mut Sha256) -> Result<()> {
        for (_, path, _) in &self.files {
            let m = std::fs::metadata(path)?;
            hasher.update(path.as_os_str().as_encoded_bytes());
            hasher.update(m.len().to_le_bytes());
            hasher.update(m.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_le_bytes());
        }
        Ok(())
    }
}
