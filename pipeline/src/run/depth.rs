//! `norna depth`: alignment files → cells of depths → depth.h5.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Instant, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::begin::input_stamps;
use super::grid::{self, Cells, GridRun};
use super::options::RunOptions;
use super::run_record::{PlanStamp, RunRecord};
use super::session::{self, Session};
use super::stop::Phase;
use super::workdir::Workdir;
use crate::comm::consensus;
use crate::depth::{
    Chromosome, Cuts, DepthJob, ReadCounts, ReadRules, SampleFile, Summaries, TableError, TableMaker, Windows,
};
use crate::format::bam_list::BamList;
use crate::format::chromosome::canonical;
use crate::report::resources::{Resources, human_bytes};
use crate::report::words::count;
use crate::sink::spool::SpoolError;
use crate::source::reads::{ReadFile, ReadInput, ReadsOptions};
use crate::store::{DepthHeader, DepthWindow, DepthWriter, StoreError, publish};

/// What the rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// Windows of so many bases.
    Width(u32),
    /// The regions of a BED file.
    Bed(PathBuf),
}

/// A validated run.
#[derive(Debug)]
pub struct DepthConfig {
    /// How the run is conducted.
    pub run: RunOptions,
    /// The alignment files.
    pub input: ReadsOptions,
    /// The rows.
    pub by: By,
    /// Canonical names of the chromosomes to look at; all where there are none.
    pub chroms: BTreeSet<String>,
    /// For which positions at least so deep are counted: rising.
    pub thresholds: Vec<u32>,
    /// Which reads count.
    pub rules: ReadRules,
    /// Positions counted at once.
    pub stretch: u32,
    /// Tell in JSON on standard output what was done.
    pub json: bool,
}

/// Why the table cannot be made.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs the command.
///
/// # Errors
/// As [`session::run`].
pub fn run(config: &DepthConfig) -> Result<()> {
    session::run(&config.run, |session, workdir| run_rank(config, session, workdir))
}

fn run_rank(config: &DepthConfig, session: &Session<'_>, workdir: &mut Option<Workdir>) -> Result<()> {
    workdir.iter().for_each(Workdir::make_private);
    let comm = session.comm;
    let input = consensus(comm, ReadInput::open(&config.input))?;
    input.messages().iter().for_each(|message| log::info!("{message}"));
    input.warnings().iter().for_each(|message| log::warn!("{message}"));
    let work = consensus(comm, Work::plan(config, &input))?;
    let header = work.header(config, &input);
    log::info!(
        "depth of {} in {} on {}, {}",
        count(header.samples.len() as u64, "sample"),
        count(header.n_windows as u64, "window"),
        count(work.chromosomes.len() as u64, "chromosome"),
        count((work.cuts.chunks.len() * work.cuts.batches.len()) as u64, "shard")
    );
    let job = DepthJob {
        chromosomes: &work.chromosomes,
        windows: &work.windows,
        thresholds: &config.thresholds,
        rules: config.rules,
        cuts: &work.cuts,
        samples: SampleFile::of(&input),
        stretch: config.stretch,
    };
    let record = || record(config, &work);
    let GridRun { cells, begun } = grid::run(session, workdir, record, &job, ("counting", "windows"))?;
    session.stop.enter(Phase::Writing);
    let digest = &begun.orders.digest;
    let written = workdir.as_ref().map(|workdir| write(session, workdir, (&job, header, &cells, digest)));
    let written = consensus(comm, written.transpose())?;
    session.stop.enter(Phase::Done);
    drop(begun);
    if let Some(reads) = written {
        tell(config, &work, (input.samples().len(), input.n_files()), &reads, session)?;
    }
    if let Some(workdir) = workdir {
        workdir.remove();
    }
    Ok(())
}

/// What is to be done.
struct Work {
    chromosomes: Vec<Chromosome>,
    windows: Windows,
    cuts: Cuts,
}

impl Work {
    fn plan(config: &DepthConfig, input: &ReadInput) -> Result<Self> {
        let (chromosomes, others) = chosen(input, &config.chroms)?;
        let windows = match &config.by {
            By::Width(width) => Windows::every(*width, &chromosomes)?,
            By::Bed(path) => Windows::from_bed(path, &chromosomes, &others)?,
        };
        let block = DepthHeader {
            samples: input.samples().to_vec(),
            chromosomes: Vec::new(),
            n_windows: windows.len(),
            has_names: false,
            thresholds: Vec::new(),
        };
        let cuts = Cuts::new(&chromosomes, &windows, (input.samples().len(), block.block_width()), bytes_of(input));
        Ok(Self { chromosomes, windows, cuts })
    }

    fn header(&self, config: &DepthConfig, input: &ReadInput) -> DepthHeader {
        DepthHeader {
            samples: input.samples().to_vec(),
            chromosomes: self.chromosomes.iter().map(|c| (c.name.clone(), c.length)).collect(),
            n_windows: self.windows.len(),
            has_names: self.windows.has_names(),
            thresholds: config.thresholds.clone(),
        }
    }
}

/// Compressed bytes of all reads that have a place.
fn bytes_of(input: &ReadInput) -> u64 {
    let lengths = || input.references().iter().map(|reference| reference.length).enumerate();
    let of = |file: &ReadFile| -> u64 { lengths().map(|(idx, n)| file.alignment.reference_bytes(idx, 0..n)).sum() };
    input.files().iter().map(of).sum()
}

/// The chromosomes that were asked for, and the others.
fn chosen(input: &ReadInput, asked: &BTreeSet<String>) -> Result<(Vec<Chromosome>, Vec<Chromosome>)> {
    let named = input.references().iter().enumerate().map(|(reference_idx, reference)| Chromosome {
        reference_idx,
        name: reference.name.clone(),
        length: reference.length,
    });
    if asked.is_empty() {
        return Ok((named.collect(), Vec::new()));
    }
    let (chosen, others): (Vec<_>, Vec<_>) = named.partition(|c| asked.contains(&canonical(&c.name)));
    let found: Vec<String> = chosen.iter().map(|c| canonical(&c.name)).collect();
    match asked.iter().find(|name| !found.contains(name)) {
        Some(missing) => Err(anyhow!("--chr: {missing} is not in the header of the alignment files")),
        None => Ok((chosen, others)),
    }
}

/// What makes this run the one that it is: flags, the list, the files that it names, how the work is cut.
fn record(config: &DepthConfig, work: &Work) -> Result<RunRecord> {
    let mut hasher = Sha256::new();
    for entry in BamList::open(&config.input.list)?.entries {
        // Not by name: the run's record says no more than it must of whose files these are.
        let metadata =
            fs::metadata(&entry.path).map_err(|error| anyhow!("line {} of the list: {error}", entry.line))?;
        hasher.update(entry.path.as_os_str().as_encoded_bytes());
        hasher.update(metadata.len().to_le_bytes());
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        hasher.update(modified.unwrap_or_default().as_nanos().to_le_bytes());
    }
    for part in work.cuts.chunks.iter().flatten() {
        hasher.update((part.chromosome as u64).to_le_bytes());
        hasher.update(part.range.start.to_le_bytes());
        hasher.update(part.range.end.to_le_bytes());
    }
    work.cuts.batches.iter().for_each(|batch| hasher.update((batch.end as u64).to_le_bytes()));
    let sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let n_shards = work.cuts.chunks.len() * work.cuts.batches.len();
    let plan = PlanStamp { n_shards, n_streams: 0, batch_bytes: 0, sha256 };
    Ok(RunRecord::new(&config.run.resolved, input_stamps(&config.run.files)?, plan))
}

/// Makes depth.h5 of the cells, on rank 0.
fn write(
    session: &Session<'_>,
    workdir: &Workdir,
    (job, header, cells, digest): (&DepthJob<'_>, DepthHeader, &Cells, &str),
) -> Result<ReadCounts> {
    let (n_samples, began) = (header.samples.len(), Instant::now());
    let writer = DepthWriter::create(&workdir.unfinished_output(), header, rows_of(job))?;
    let mut summaries = Summaries::new(job.chromosomes, job.windows, n_samples);
    let mut reads = ReadCounts::default();
    let mut payload = Vec::new();
    for (batch, columns) in job.cuts.batches.iter().enumerate() {
        let mut table = TableMaker::new(job, &writer, &mut summaries, columns.clone());
        for chunk in 0..job.cuts.chunks.len() {
            let take = |payload: &[u8]| Ok::<_, WriteError>(table.take(chunk, payload)?);
            cells.for_each_part((chunk, batch), &mut payload, take)?;
            table.end_chunk(chunk)?;
            reads.add(&ReadCounts::from_cell(cells.counts(chunk, batch)));
        }
    }
    writer.write_summaries(&summaries.finish())?;
    let mut provenance = session.provenance(began.duration_since(session.start), began)?;
    provenance.insert("reads".to_owned(), reads_in_json(&reads));
    provenance.insert("run_digest".to_owned(), json!(digest));
    provenance.insert("ranks".to_owned(), json!(session.comm.size()));
    provenance.insert("threads_per_rank".to_owned(), json!(session.threads()));
    workdir.check_still_free(digest)?;
    writer.seal(&provenance.into())?;
    publish(&workdir.unfinished_output(), workdir.out())?;
    Ok(reads)
}

fn rows_of<'a>(job: &DepthJob<'a>) -> impl Iterator<Item = DepthWindow<'a>> {
    let (chromosomes, windows) = (job.chromosomes, job.windows);
    (0..chromosomes.len()).flat_map(move |c| {
        windows.of(c).map(move |row| {
            let span = windows.span(c, row);
            DepthWindow { chrom: &chromosomes[c].name, start: span.start, end: span.end, name: windows.name(row) }
        })
    })
}

fn reads_in_json(reads: &ReadCounts) -> serde_json::Value {
    json!({
        "read": reads.read,
        "used": reads.used,
        "dropped_flags": reads.flags,
        "dropped_mapq": reads.mapq,
        "dropped_no_sample": reads.no_sample,
    })
}

/// The last lines of the log, and what a machine reads.
fn tell(
    config: &DepthConfig,
    work: &Work,
    (n_samples, n_files): (usize, usize),
    reads: &ReadCounts,
    session: &Session<'_>,
) -> Result<()> {
    log::info!(
        "reads: {} on these chromosomes = {} used + {} left out by flags + {} by mapping quality + {} of no sample",
        reads.read,
        reads.used,
        reads.flags,
        reads.mapq,
        reads.no_sample
    );
    if reads.no_sample > 0 {
        log::warn!(
            "{} of files of several samples {} left out: no read group, or one whose @RG line names no sample (SM)",
            count(reads.no_sample, "read"),
            if reads.no_sample == 1 { "was" } else { "were" }
        );
    }
    if reads.used == 0 {
        log::warn!("no read counts: every depth is 0");
    }
    let out = &config.run.out;
    let bytes = fs::metadata(out).map_or(0, |metadata| metadata.len());
    log::info!(
        "written: {} ({} × {}, {})",
        out.display(),
        count(work.windows.len() as u64, "window"),
        count(n_samples as u64, "sample"),
        human_bytes(bytes)
    );
    let used = Resources::now();
    log::info!(
        "used: {:.1} s wall, {:.1} s CPU, {} peak memory (rank 0)",
        session.start.elapsed().as_secs_f64(),
        used.cpu_seconds,
        human_bytes(used.peak_memory)
    );
    if config.json {
        let told = json!({
            "out": out,
            "bytes": bytes,
            "samples": n_samples,
            "files": n_files,
            "chromosomes": work.chromosomes.len(),
            "windows": work.windows.len(),
            "thresholds": config.thresholds,
            "reads": reads_in_json(reads),
            "wall_seconds": session.start.elapsed().as_secs_f64(),
        });
        crate::report::stdout::print(&format!("{told:#}\n"))?;
    }
    Ok(())
}
