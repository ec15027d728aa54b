//! Work over many alignment files: a grid of chunks (of sites, of the genome) × batches (of samples, of files), whose cells are
//! claimed, spooled and gone on with as the shards of variants are.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Result, anyhow};

use super::Stopped;
use super::begin::{Begun, begin};
use super::finalise::scan_share;
use super::run_record::RunRecord;
use super::schedule::{Claimer, Dealer, Next, Shared, Work, WorkQueue};
use super::session::Session;
use super::stop::Phase;
use super::workdir::{self, Workdir};
use super::worker::claim_all;
use crate::comm::{broadcast, consensus, gather, gather_each};
use crate::report::progress::Progress;
use crate::report::words::count;
use crate::shard::ShardId;
use crate::sink::frame::{FrameKind, HEADER_LEN};
use crate::sink::index::{EndFrame, Finished, FinishedShard, Part};
use crate::sink::rows::RowCounts;
use crate::sink::spool::{Frames, ShardEnd, SpoolError, unix_seconds};
use crate::sink::spool_reader::SpoolReader;

/// Takes a payload of a cell with the rows that it stands for.
pub type Out<'a> = dyn FnMut(&[u8], u32) -> Result<(), String> + 'a;

/// What is computed cell by cell. A cell's payloads depend on the cell alone.
pub trait GridJob: Sync {
    /// Memory of a thread.
    type Scratch;

    /// Chunks and batches.
    fn shape(&self) -> (usize, usize);

    /// Which of the run's grids it is, where there are several: 0 to 7.
    fn grid(&self) -> usize {
        0
    }

    /// About the bytes to be read: the largest are computed first.
    fn weight(&self, chunk: usize, batch: usize) -> u64;

    /// What a message calls the cell; no sample IDs.
    fn name(&self, chunk: usize, batch: usize) -> String;

    /// Memory for a thread.
    fn scratch(&self) -> Self::Scratch;

    /// Computes a cell, (chunk, batch). `out` takes payloads of at most 64 MiB with the rows that they stand for. Returns
    /// counts, each of a fixed meaning, that are kept with the cell.
    ///
    /// # Errors
    /// One line; the run fails then.
    fn compute(
        &self,
        cell: (usize, usize),
        scratch: &mut Self::Scratch,
        out: &mut Out<'_>,
        must_drop: &dyn Fn() -> bool,
    ) -> Result<Vec<u64>, String>;
}

/// The finished cells of a grid, to be read on any rank.
#[derive(Debug)]
pub struct Cells {
    grid: usize,
    spools: SpoolReader,
    finished: Finished,
}

impl Cells {
    /// What was counted in a cell; nothing of a cell that is not there.
    pub fn counts(&self, chunk: usize, batch: usize) -> &[u64] {
        self.cell(chunk, batch).map_or(&[], FinishedShard::counts)
    }

    /// Part `part` of a cell, read into `payload`.
    ///
    /// # Errors
    /// [`SpoolError::Read`] where it is not there or does not verify.
    pub fn part<'p>(
        &self,
        cell: (usize, usize),
        part: usize,
        payload: &'p mut Vec<u8>,
    ) -> Result<&'p [u8], SpoolError> {
        let found = self.cell(cell.0, cell.1).and_then(|cell| cell.parts().get(part));
        let found = found.ok_or_else(|| self.error(cell, part, &"it is missing"))?;
        let len = self.spools.read_frame((found.spool, found.offset), FrameKind::Rows, payload)?;
        Ok(&payload[..len])
    }

    /// Why a part cannot be used.
    pub fn error(&self, cell: (usize, usize), part: usize, what: &dyn std::fmt::Display) -> SpoolError {
        let found = self.cell(cell.0, cell.1).and_then(|cell| cell.parts().get(part));
        self.spools.error(found.map_or((0, 0), |part| (part.spool, part.offset)), what)
    }

    /// Hands the payloads of a cell to `each` in order. `payload`: scratch.
    ///
    /// # Errors
    /// What `each` returns, or [`SpoolError::Read`] for a frame that does not verify.
    pub fn for_each_part<E: From<SpoolError>>(
        &self,
        (chunk, batch): (usize, usize),
        payload: &mut Vec<u8>,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for part in self.cell(chunk, batch).into_iter().flat_map(FinishedShard::parts) {
            let len = self.spools.read_frame((part.spool, part.offset), FrameKind::Rows, payload)?;
            each(&payload[..len])?;
        }
        Ok(())
    }

    /// Cells.
    pub fn n_cells(&self) -> usize {
        self.finished.n_shards()
    }

    fn cell(&self, chunk: usize, batch: usize) -> Option<&FinishedShard> {
        self.finished.shards().get(&ShardId::cell(self.grid, chunk, batch).0)
    }
}

/// A run whose work is one grid, begun and computed.
pub(super) struct GridRun {
    /// The cells, on every rank.
    pub(super) cells: Cells,
    /// The run; holds its spool.
    pub(super) begun: Begun,
}

/// Begins a run whose work is one grid (or goes on with it), and computes all of it. `label`: what is done, and what rows are.
/// The working folder stays; who has written the output removes it.
///
/// # Errors
/// One line, the same on every rank; [`Stopped`].
pub(super) fn run<J: GridJob>(
    session: &Session<'_>,
    workdir: &mut Option<Workdir>,
    record: impl FnOnce() -> Result<RunRecord>,
    job: &J,
    label: (&'static str, &'static str),
) -> Result<GridRun> {
    let begun = begin(session, workdir.as_mut(), record)?;
    let begun = begun.ok_or_else(|| anyhow!("{}: exists", session.options.out.display()))?;
    let before =
        if begun.orders.goes_on { finished_before(session, &begun.orders.spools, 0)? } else { Finished::default() };
    let cells = compute(session, &begun, job, label, before)?;
    Ok(GridRun { cells, begun })
}

/// What the spools hold that were there before, at rank 0. `n_matrices`: of the parts of shards.
pub(super) fn finished_before(session: &Session<'_>, spools: &[String], n_matrices: usize) -> Result<Finished> {
    let comm = session.comm;
    let (dir, ranks) = (workdir::folder_of(&session.options.out), (comm.rank(), comm.size()));
    log::info!("verifying what is finished ({})", count(spools.len() as u64, "spool"));
    let scanned = session.pool.install(|| scan_share(&dir, spools, ranks, n_matrices));
    let scanned = consensus(comm, scanned)?;
    let mut finished = Finished::default();
    let added = gather_each(comm, &scanned.finished.to_bytes(), |share| finished.add_bytes(share));
    consensus(comm, added)?;
    let damaged = gather(comm, &scanned.n_damaged.to_le_bytes());
    let n_damaged: u64 = damaged.iter().filter_map(|b| b.first_chunk()).map(|b| u64::from_le_bytes(*b)).sum();
    if n_damaged > 0 {
        log::warn!(
            "{} of the spools are torn or damaged: shards without a sound copy are computed again",
            count(n_damaged, "stretch")
        );
    }
    if session.is_root() {
        log::info!("going on from {}", count(finished.n_shards() as u64, "finished shard"));
    }
    Ok(finished)
}

/// Computes the cells that are not among `before` (rank 0's); all of them, on every rank.
///
/// # Errors
/// One line, the same on every rank; [`Stopped`].
pub(super) fn compute<J: GridJob>(
    session: &Session<'_>,
    begun: &Begun,
    job: &J,
    label: (&'static str, &'static str),
    before: Finished,
) -> Result<Cells> {
    let comm = session.comm;
    let worker = Worker {
        job,
        begun,
        shared: Shared::new(Arc::clone(session.stop)),
        finished: Mutex::default(),
        failed: Mutex::default(),
    };
    let (n_chunks, n_batches) = job.shape();
    let n_cells = n_chunks * n_batches;
    let mut queue = if session.is_root() { CellQueue::new(job, &before) } else { CellQueue::default() };
    let mut progress = Progress::start(label, None, !session.shows_progress());
    session.stop.enter(Phase::Computing);
    let mut dealer = Dealer::new();
    let claimers: Vec<_> = (0..session.threads()).map(|_| dealer.claimer()).collect();
    let dealt = session.pool.in_place_scope(|scope| {
        for claimer in claimers {
            let worker = &worker;
            scope.spawn(move |_| worker.work(claimer));
        }
        dealer.deal(comm, &worker.shared, &mut queue, &mut |rows| progress.update(rows))
    });
    progress.finish();
    consensus(comm, dealt)?;
    let mut finished = before;
    let mine = worker.finished.into_inner().unwrap_or_else(PoisonError::into_inner);
    let added = gather_each(comm, &mine.to_bytes(), |bytes| finished.add_bytes(bytes));
    consensus(comm, added)?;
    let stopped = session.stop.reason().map_or_else(String::new, |(why, _)| why);
    let stopped = String::from_utf8_lossy(&broadcast(comm, stopped.into_bytes())).into_owned();
    if !stopped.is_empty() {
        let spool = &mut *begun.spool.lock().unwrap_or_else(PoisonError::into_inner);
        consensus(comm, spool.stop(&stopped))?;
        let done =
            finished.shards().keys().filter(|&&id| ShardId(id).is_cell() && ShardId(id).grid() == job.grid()).count();
        log::warn!(
            "{stopped}: {done} of {} are finished and kept; the same command goes on from there",
            count(n_cells as u64, "shard")
        );
        return Err(Stopped.into());
    }
    let failed = worker.failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    consensus(comm, failed.into_iter().next().map_or(Ok(()), Err))?;
    let finished = broadcast(comm, if session.is_root() { finished.to_bytes() } else { Vec::new() });
    let mut all = Finished::default();
    consensus(comm, all.add_bytes(&finished))?;
    let finished = all.take_grids(job.grid());
    let missing = (finished.n_shards() != n_cells)
        .then(|| anyhow!("{} of {n_cells} shards are there: this is a defect of norna", finished.n_shards()));
    consensus(comm, missing.map_or(Ok(()), Err))?;
    let spools = SpoolReader::new(&workdir::folder_of(&session.options.out), &begun.orders.spools);
    Ok(Cells { grid: job.grid(), spools, finished })
}

/// What the workers of a rank share.
struct Worker<'a, J> {
    job: &'a J,
    begun: &'a Begun,
    shared: Shared,
    finished: Mutex<Finished>,
    /// What panics said.
    failed: Mutex<Vec<String>>,
}

impl<J: GridJob> Worker<'_, J> {
    fn work(&self, claimer: Claimer) {
        claim_all(
            claimer,
            &mut None,
            |work| self.cell(work),
            |scratch: &mut Option<(J::Scratch, Frames)>, work| {
                let cell = self.cell(&work);
                self.compute(cell, scratch.get_or_insert_with(|| (self.job.scratch(), Frames::default())))
            },
            |scratch, (chunk, batch), panic| {
                *scratch = None;
                let name = self.job.name(chunk, batch);
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.push(format!("a shard ended in a panic: {name}: {panic}; this is a defect of norna"));
            },
        );
    }

    fn cell(&self, work: &Work) -> (usize, usize) {
        let (_, n_batches) = self.job.shape();
        match work {
            Work::Shard(idx) => (idx / n_batches, idx % n_batches),
            Work::Batch(batch) => (batch.seq as usize, 0),
        }
    }

    fn compute(&self, cell: (usize, usize), (scratch, frames): &mut (J::Scratch, Frames)) -> Result<(), String> {
        let (start, id) = (Instant::now(), ShardId::cell(self.job.grid(), cell.0, cell.1).0);
        let spool = |bytes: &[u8]| {
            let mut spool = self.begun.spool.lock().unwrap_or_else(PoisonError::into_inner);
            spool.append(bytes).map_err(|e| e.to_string())
        };
        let mut parts: Vec<Part> = Vec::new();
        let mut out = |payload: &[u8], rows: u32| {
            let offset = spool(frames.payload(id, parts.len() as u32, payload))?;
            let rows = RowCounts { all: rows, full: 0 };
            parts.push(Part { spool: self.begun.spool_number, offset, rows_len: payload.len() as u64, rows });
            self.shared.rows.fetch_add(u64::from(rows.all), Ordering::Relaxed);
            Ok(())
        };
        let must_drop = || self.shared.must_drop();
        let counts = self.job.compute(cell, scratch, &mut out, &must_drop)?;
        if must_drop() {
            return Ok(());
        }
        let (seconds, rows) = (start.elapsed().as_secs_f64(), parts.iter().map(|part| part.rows).collect());
        let told = ShardEnd {
            stamp: self.begun.orders.stamp,
            seconds,
            ended: unix_seconds(),
            batch_crc: 0,
            parts: rows,
            counts,
        };
        let bytes = frames.end(id, &told, &[], |_| ());
        let len = (bytes.len() - HEADER_LEN) as u64;
        let end = EndFrame { spool: self.begun.spool_number, offset: spool(bytes)?, len };
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        finished.add(id, FinishedShard::new(parts, end, told));
        self.shared.stop.note_shard(seconds);
        Ok(())
    }
}

/// Rank 0's cells, heaviest first.
#[derive(Default)]
struct CellQueue {
    cells: std::vec::IntoIter<usize>,
}

impl CellQueue {
    fn new<J: GridJob>(job: &J, before: &Finished) -> Self {
        let (n_chunks, n_batches) = job.shape();
        let mut by_weight: BTreeMap<(std::cmp::Reverse<u64>, usize), usize> = BTreeMap::new();
        for chunk in 0..n_chunks {
            for batch in 0..n_batches {
                if !before.shards().contains_key(&ShardId::cell(job.grid(), chunk, batch).0) {
                    let idx = chunk * n_batches + batch;
                    by_weight.insert((std::cmp::Reverse(job.weight(chunk, batch)), idx), idx);
                }
            }
        }
        Self { cells: by_weight.into_values().collect::<Vec<_>>().into_iter() }
    }
}

impl WorkQueue for CellQueue {
    fn next(&mut self) -> Next {
        self.cells.next().map_or(Next::Done, |idx| Next::Work(Work::Shard(idx)))
    }
}
