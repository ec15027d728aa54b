//! One file a trait: traits go out in batches along the chunks' width, so that thousands of them need neither thousands
//! of open files nor a reading of the matrices each.
//!
//! Memory: what a stream of [`BATCH`] traits takes, and a file's buffers for each (64 KiB; about 1 MiB where compressed).

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use md5::{Digest, Md5};
use rayon::prelude::*;

use super::gate::Gate;
use super::layout::Layout;
use super::order::Order;
use super::rows::Rows;
use super::text::format_by_trait;
use super::{ExportError, ExportPlan};
use crate::format::bgzip::BgzipWriter;
use crate::store::ResultsReader;

/// Traits of a batch at most: two chunks' width.
pub const BATCH: usize = 64;

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraitFile {
    /// Row of /traits.
    pub trait_idx: usize,
    /// Name in the folder.
    pub file: String,
    /// Lines behind the header.
    pub n_rows: u64,
    /// Pairs that the format cannot hold, by [`Layout::unfit_reasons`].
    pub unfit: Vec<u64>,
    /// MD5 of its bytes, in hexadecimal; empty unless asked for.
    pub md5: String,
}

/// How files are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileOptions {
    /// Compressed by bgzip.
    pub compress: bool,
    /// With an MD5.
    pub md5: bool,
}

/// Writes a file for each of the plan's traits into `folder`, named by `files`, and tells what they are and in what order.
pub fn write_by_trait(
    (reader, plan): (&ResultsReader, &ExportPlan),
    layout: &impl Layout,
    gate: &mut Gate<'_>,
    folder: &Path,
    files: &[String],
    options: FileOptions,
) -> Result<(Vec<TraitFile>, Order), ExportError> {
    let mut order = Order::default();
    let mut done = Vec::with_capacity(plan.traits.len());
    let n_batches = plan.traits.len().div_ceil(BATCH);
    let mut progress = Rows::progress(reader, n_batches, false);
    let n_before = if reader.has_every_pair() { reader.n_variants() } else { reader.n_hits() };
    for (batch, (traits, files)) in plan.traits.chunks(BATCH).zip(files.chunks(BATCH)).enumerate() {
        let mut open = Vec::with_capacity(traits.len());
        for (&trait_idx, file) in traits.iter().zip(files) {
            open.push(OpenFile::create(folder, trait_idx, file, layout, options)?);
        }
        let rows = Rows { reader, plan, traits, before: (batch * n_before) as u64 };
        let mut of_batch = Order::default();
        rows.stream(gate, &mut progress, &mut |pieces| {
            pieces.iter().for_each(|piece| of_batch.push_piece(piece));
            let made = format_by_trait(layout, traits, pieces);
            open.par_iter_mut().enumerate().try_for_each(|(column, file)| {
                made.iter().try_for_each(|piece| {
                    file.about.n_rows += piece.n_rows[column];
                    file.about.unfit.iter_mut().zip(&piece.unfit[column]).for_each(|(sum, n)| *sum += n);
                    file.write(&piece.texts[column])
                })
            })
        })?;
        let closed: Result<Vec<TraitFile>, ExportError> = open.into_par_iter().map(OpenFile::close).collect();
        done.extend(closed?);
        order.join(of_batch);
    }
    progress.finish();
    Ok((done, order))
}

struct OpenFile {
    about: TraitFile,
    path: std::path::PathBuf,
    sink: Sink,
}

enum Sink {
    Plain(BufWriter<Hashed>),
    Bgzip(BgzipWriter<BufWriter<Hashed>>),
}

struct Hashed {
    file: File,
    md5: Option<Md5>,
}

impl OpenFile {
    fn create(
        folder: &Path,
        trait_idx: usize,
        file: &str,
        layout: &impl Layout,
        options: FileOptions,
    ) -> Result<Self, ExportError> {
        let path = folder.join(file);
        let opened = File::create_new(&path).map_err(|error| ExportError::write(&path, error))?;
        let hashed = Hashed { file: opened, md5: options.md5.then(Md5::new) };
        let buffered = BufWriter::with_capacity(1 << 16, hashed);
        let sink = if options.compress { Sink::Bgzip(BgzipWriter::new(buffered)) } else { Sink::Plain(buffered) };
        let unfit = vec![0; layout.unfit_reasons().len()];
        let about = TraitFile { trait_idx, file: file.to_owned(), n_rows: 0, unfit, md5: String::new() };
        let mut open = Self { about, path, sink };
        open.write(&layout.header())?;
        Ok(open)
    }

    fn write(&mut self, text: &[u8]) -> Result<(), ExportError> {
        let written = match &mut self.sink {
            Sink::Plain(sink) => sink.write_all(text),
            Sink::Bgzip(sink) => sink.write_all(text),
        };
        written.map_err(|error| ExportError::write(&self.path, error))
    }

    fn close(self) -> Result<TraitFile, ExportError> {
        let failed = |error| ExportError::write(&self.path, error);
        let sink = match self.sink {
            Sink::Plain(sink) => sink,
            Sink::Bgzip(sink) => sink.finish().map_err(failed)?,
        };
        let hashed = sink.into_inner().map_err(|error| failed(error.into_error()))?;
        hashed.file.sync_all().map_err(failed)?;
        let md5 = hashed.md5.map(|md5| md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        Ok(TraitFile { md5: md5.unwrap_or_default(), ..self.about })
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        if let Some(md5) = &mut self.md5 {
            md5.update(&bytes[..n]);
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
