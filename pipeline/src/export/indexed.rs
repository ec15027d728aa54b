//! A table compressed by bgzip with tabix's index beside it, made while it is written.
//!
//! Text is gathered into parts of [`PART`] bytes that are compressed side by side; where parts end hangs on the table alone.
//! Memory: two parts a thread.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::ExportError;
use super::order::Order;
use super::output::{hidden_name, target};
use super::replace::Replace;
use super::text::{Formatted, Mark};
use crate::format::bgzf::VirtualOffset;
use crate::format::bgzip::{BgzipPart, BgzipWriter, compress_part};
use crate::format::index_write::{IndexBuilder, IndexedText};

/// Bytes of text that are compressed together.
const PART: usize = 1 << 20;
/// bgzip's own level.
const LEVEL: u8 = 6;
/// Greatest position of a TBI.
const MAX_TBI: u32 = 1 << 29;

/// A table in the making; dropped without [`finish`](Self::finish), it leaves no file.
pub struct IndexedTable {
    path: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    /// Bytes written.
    at: u64,
    parts: Vec<Formatted>,
    order: Order,
    builder: IndexBuilder,
    chroms: Vec<String>,
    last: VirtualOffset,
    greatest: u32,
    is_whole: bool,
}

/// Where the index of a table lies, if it is a TBI or a CSI.
fn index_paths(path: &Path) -> [PathBuf; 2] {
    ["tbi", "csi"].map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(end);
        PathBuf::from(name)
    })
}

impl IndexedTable {
    /// Begins a table at `path`; it and its index are refused where they exist, unless they may be replaced.
    pub fn create(path: &Path, replace: Replace) -> Result<Self, ExportError> {
        let path = target(path)?;
        if path.exists() {
            replace.allow(&path)?;
        }
        for index in index_paths(&path).iter().filter(|index| index.exists()) {
            replace.allow_index(index)?;
        }
        let temporary = hidden_name(&path)?;
        let file = File::create(&temporary).map_err(|error| ExportError::write(&path, error))?;
        Ok(Self {
            path,
            temporary,
            file: BufWriter::with_capacity(1 << 16, file),
            at: 0,
            parts: Vec::new(),
            order: Order::default(),
            builder: IndexBuilder::new(0),
            chroms: Vec::new(),
            last: VirtualOffset(0),
            greatest: 0,
            is_whole: false,
        })
    }

    /// Takes text and where the lines of its variants end.
    pub fn push(&mut self, made: Formatted) -> Result<(), ExportError> {
        if self.at == 0 && self.parts.is_empty() && made.marks.is_empty() {
            // The header: the first record begins behind it, in the first block.
            self.last = VirtualOffset(made.text.len() as u64);
        }
        match self.parts.last_mut().filter(|part| part.text.len() < PART) {
            Some(part) => {
                let before = part.text.len();
                part.text.extend_from_slice(&made.text);
                part.marks.extend(made.marks.into_iter().map(|mark| Mark { end: mark.end + before, ..mark }));
            }
            None => self.parts.push(made),
        }
        if self.parts.len() > 2 * rayon::current_num_threads() {
            let last = self.parts.pop();
            self.compress()?;
            self.parts.extend(last);
        }
        Ok(())
    }

    fn compress(&mut self) -> Result<(), ExportError> {
        let parts = std::mem::take(&mut self.parts);
        let compressed: Vec<_> = parts
            .par_iter()
            .map(|part| {
                let ends: Vec<usize> = part.marks.iter().map(|mark| mark.end).collect();
                compress_part(&part.text, &ends, LEVEL)
            })
            .collect();
        for (part, compressed) in parts.into_iter().zip(compressed) {
            let compressed = compressed.map_err(|error| ExportError::write(&self.path, error))?;
            self.index(&part, &compressed);
            self.file.write_all(&compressed.bytes).map_err(|error| ExportError::write(&self.path, error))?;
            self.at += compressed.bytes.len() as u64;
        }
        Ok(())
    }

    fn index(&mut self, part: &Formatted, compressed: &BgzipPart) {
        for (mark, end) in part.marks.iter().zip(&compressed.ends) {
            let end = VirtualOffset(end.0 + (self.at << 16));
            if let Some(chrom) = mark.chrom.as_ref().filter(|chrom| self.chroms.last() != Some(chrom)) {
                self.chroms.push(chrom.clone());
                self.builder.add_reference();
            }
            if let Some(chrom) = self.chroms.last() {
                self.order.push(chrom, mark.pos);
                if self.order.broken().is_none() {
                    self.builder.push(self.chroms.len() - 1, mark.pos.max(1), self.last, end);
                }
            }
            self.greatest = self.greatest.max(mark.pos);
            self.last = end;
        }
    }

    /// Gives the table and its index their names; where there can be no index, says why.
    pub fn finish(mut self) -> Result<Option<String>, ExportError> {
        self.compress()?;
        let path = self.path.clone();
        let failed = |error| ExportError::write(&path, error);
        let end = BgzipWriter::new(Vec::new()).finish().map_err(failed)?;
        self.file.write_all(&end).and_then(|()| self.file.flush()).map_err(failed)?;
        let [tbi, csi] = index_paths(&self.path);
        for old in [&tbi, &csi] {
            match fs::remove_file(old) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        crate::store::publish(&self.temporary, &self.path)?;
        self.is_whole = true;
        if let Some(why) = self.order.broken() {
            return Ok(Some(why.to_owned()));
        }
        let names: Vec<&str> = self.chroms.iter().map(String::as_str).collect();
        let (bytes, index) = match self.greatest > MAX_TBI {
            true => (self.builder.to_table_csi(&names), csi),
            false => (self.builder.to_tbi(IndexedText::Table, &names), tbi),
        };
        let mut writer = BgzipWriter::new(Vec::new());
        let compressed = writer.write_all(&bytes).and_then(|()| writer.finish()).map_err(failed)?;
        let temporary = hidden_name(&index)?;
        fs::write(&temporary, compressed).map_err(|error| ExportError::write(&index, error))?;
        crate::store::publish(&temporary, &index)?;
        Ok(None)
    }
}

impl Drop for IndexedTable {
    fn drop(&mut self) {
        if !self.is_whole {
            // Nothing to do if it is gone already.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
