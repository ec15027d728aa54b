//! What the records at single positions say of consequences: INFO/CSQ or ANN of indexed files, looked up again for the few
//! variants that are hits. Memory: one record.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::format::bgzf::{Compression, VirtualOffset};
use crate::format::consequence::ConsequenceLayout;
use crate::format::index::VariantIndex;
use crate::format::vcf_site::{RecordError, RecordPlace, RecordReader, Site};

use super::error::SourceError;
use super::file::InputFile;

/// A record at a position.
pub struct ConsequenceRecord<'a> {
    /// Its fixed columns.
    pub site: &'a Site,
    /// How `value` is laid out.
    pub layout: &'a ConsequenceLayout,
    /// The value of the INFO key.
    pub value: &'a [u8],
}

/// Files whose records tell consequences.
pub struct ConsequenceFiles {
    files: Vec<AnnotatedFile>,
}

struct AnnotatedFile {
    input: InputFile,
    layout: ConsequenceLayout,
    index: Arc<VariantIndex>,
    /// References of the index, by their names as written in the records.
    references: HashMap<String, usize>,
    /// A reader that stands on a record of a reference, and its position.
    at: Option<(Box<dyn RecordReader>, usize, u32)>,
}

impl ConsequenceFiles {
    /// Opens those of the files whose header declares CSQ or ANN; none where no header does. Also gives what keeps files from
    /// being looked into, for the log.
    pub fn open(paths: &[PathBuf]) -> Result<(Option<Self>, Vec<String>), SourceError> {
        let (mut files, mut warnings) = (Vec::new(), Vec::new());
        for path in paths {
            if path.as_os_str() == "-" {
                continue;
            }
            let mut input = InputFile::open_for_records(path)?;
            let header = input.header.vcf();
            let Some(layout) = header.consequences.clone() else {
                if header.has_info("CSQ") {
                    let why = "INFO/CSQ is declared without the order of its fields (Format: Allele|Consequence|...)";
                    warnings.push(format!("{}: {why}: consequences are not looked up", path.display()));
                }
                continue;
            };
            match input.require_index()? {
                Some(index) if input.compression == Compression::Bgzf => {
                    let names = input.index_names(&index).into_iter().zip(0..);
                    let references = names.filter_map(|(name, idx)| Some((name?, idx))).collect();
                    files.push(AnnotatedFile { input, layout, index, references, at: None });
                }
                _ => {
                    let why =
                        format!("consequences (INFO/{}) are looked up by an index, and there is none", layout.key);
                    warnings.push(format!("{}: {why}: bcftools index makes one", path.display()));
                }
            }
        }
        Ok((Some(Self { files }).filter(|found| !found.files.is_empty()), warnings))
    }

    /// The files' INFO keys, each once.
    pub fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = self.files.iter().map(|file| file.layout.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Gives the records that start at a position and have a value. `chrom`: as written in the file. Cheap where positions rise.
    pub fn at(
        &mut self,
        chrom: &str,
        pos: u32,
        mut each: impl FnMut(ConsequenceRecord<'_>),
    ) -> Result<(), SourceError> {
        for file in &mut self.files {
            if let Some(&reference_idx) = file.references.get(chrom) {
                file.records((chrom, reference_idx), pos, &mut each)?;
            }
        }
        Ok(())
    }
}

impl AnnotatedFile {
    fn records(
        &mut self,
        (chrom, reference_idx): (&str, usize),
        pos: u32,
        each: &mut impl FnMut(ConsequenceRecord<'_>),
    ) -> Result<(), SourceError> {
        let path = self.input.path.clone();
        let mut reader = match self.at.take() {
            Some((reader, on, at)) if on == reference_idx && at <= pos && !self.leads_ahead(&*reader, on, pos) => {
                reader
            }
            _ => match self.start(reference_idx, pos)? {
                Some(reader) => reader,
                None => return Ok(()),
            },
        };
        let mut is_there = false;
        loop {
            let site = reader.site();
            let (is_on, at) = (site.chrom == chrom, site.pos);
            if is_on && at == pos {
                // One of another type is as broken as an empty one.
                let value = reader.info_text(&self.layout.key).unwrap_or(Some(b""));
                if let Some(value) = value {
                    each(ConsequenceRecord { site, layout: &self.layout, value });
                }
            }
            if is_there && !is_on {
                return Ok(());
            }
            is_there |= is_on;
            if is_there && at > pos {
                self.at = Some((reader, reference_idx, at));
                return Ok(());
            }
            if !advance(&path, &mut *reader)? {
                return Ok(());
            }
        }
    }

    /// Whether the index knows a place behind the reader's from which on `pos` is found.
    fn leads_ahead(&self, reader: &dyn RecordReader, reference_idx: usize, pos: u32) -> bool {
        match reader.place() {
            RecordPlace::At(here) => self.lowest(reference_idx, pos) > here,
            _ => true,
        }
    }

    fn lowest(&self, reference_idx: usize, pos: u32) -> VirtualOffset {
        self.index.lowest(reference_idx, pos.saturating_sub(1)).max(self.input.data_start())
    }

    /// A reader that stands on a record before or at the position.
    fn start(&self, reference_idx: usize, pos: u32) -> Result<Option<Box<dyn RecordReader>>, SourceError> {
        let mut reader = self.input.records_from(self.lowest(reference_idx, pos))?;
        Ok(advance(&self.input.path, &mut *reader)?.then_some(reader))
    }
}

fn advance(path: &Path, reader: &mut dyn RecordReader) -> Result<bool, SourceError> {
    reader.advance().map_err(|e| match e {
        RecordError::Io(source) => SourceError::io(path, source),
        RecordError::Field(e) => refuse(path, reader, format!("{}: {}", e.field, e.problem)),
    })
}

fn refuse(path: &Path, reader: &dyn RecordReader, problem: String) -> SourceError {
    let site = reader.site();
    SourceError::Record {
        path: path.display().to_string(),
        place: format!("a record ({}:{})", site.chrom, site.pos),
        field: "INFO".to_owned(),
        problem,
    }
}
