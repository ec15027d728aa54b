//! The two courses of a run: alone over all ranks, or as one of several jobs side by side.

use std::sync::PoisonError;

use anyhow::Result;

use super::Stopped;
use super::begin::Begun;
use super::compute::{Computed, Queue, Run};
use super::estimate::Estimate;
use super::genotypes::Genotypes;
use super::grid::{self, Cells};
use super::join::{self, Claims, JoinQueue};
use super::reads::{LikelihoodJob, PILING_UP};
use super::stop::Phase;
use super::study::Study;
use super::work_queue::Supply;
use super::workdir::{self, Workdir};
use crate::comm::{consensus, gather_each};
use crate::report::words::count;
use crate::sink::index::Finished;

impl Run<'_> {
    /// One run over all ranks: goes on from what is finished, computes the rest, makes results.h5.
    pub(super) fn alone(
        &self,
        mut study: Study,
        begun: Begun,
        estimate: &Estimate,
        workdir: &mut Option<Workdir>,
    ) -> Result<()> {
        let mut finished =
            if self.orders.goes_on { self.finished_before(&self.orders.spools)? } else { Finished::default() };
        let cells = self.pile_up(&study, &begun, finished.take_cells())?;
        let supply = Supply::new(&study.plan, &finished);
        let queue = Queue::Supply(supply);
        let computed = self.compute(&study, &begun, queue, estimate, (&finished, cells.as_ref()))?;
        let added = gather_each(self.session.comm, &computed.finished.to_bytes(), |bytes| finished.add_bytes(bytes));
        consensus(self.session.comm, added)?;
        if let Some(why) = &computed.stopped {
            self.end_spool(&begun, why)?;
            let (n, of) = (finished.n_shards(), computed.n_pieces.max(study.plan.shards.len()));
            log::warn!(
                "{why}: {n} of {} are finished and kept; the same command goes on from there",
                count(of as u64, "shard")
            );
            return Err(Stopped.into());
        }
        self.session.stop.enter(Phase::Writing);
        consensus(self.session.comm, study.end_solving())?;
        let failed = computed.failed();
        self.finish(&study, (&finished, &self.orders.spools), (&computed, &failed), workdir)?;
        drop(begun);
        self.conclude(&failed, workdir)
    }

    /// One of several jobs that share a folder: computes what it gets hold of, and makes results.h5 if it is the last.
    pub(super) fn side_by_side(
        &self,
        mut study: Study,
        begun: Begun,
        estimate: &Estimate,
        workdir: &mut Option<Workdir>,
    ) -> Result<()> {
        let dir = workdir::folder_of(&self.config.run.out);
        let mut claims = Claims::new(&dir, &begun.spool_name, self.config.lease);
        let mut failed = Vec::new();
        if !self.config.merge_only {
            let queue = JoinQueue::new(&study.plan, &mut claims)?;
            let computed = self.compute(&study, &begun, Queue::Join(queue), estimate, (&Finished::default(), None))?;
            failed = computed.failed();
            if let Some(why) = &computed.stopped {
                self.end_spool(&begun, why)?;
                log::warn!("{why}: finished shards are kept; any job that joins goes on from there");
                return Err(Stopped.into());
            }
        }
        let there = join::finished_ids(&dir)?;
        let is_open = |id: u64| !there.contains(&id) && !failed.iter().any(|shard| shard.id == id);
        let n_open = study.plan.shards.iter().filter(|shard| is_open(shard.id.0)).count();
        if n_open > 0 {
            self.end_spool(&begun, "nothing left to claim")?;
            let of = count(study.plan.shards.len() as u64, "shard");
            if self.config.merge_only {
                log::warn!("{n_open} of {of} are not finished: norna assoc --join with the same flags computes them");
                return Err(Stopped.into());
            }
            log::info!("{n_open} of {of} are in the hands of other jobs; the last of them writes the results");
            return Ok(());
        }
        if !claims.take_final()? {
            log::info!("another job writes the results");
            return Ok(());
        }
        let spools = crate::sink::spool::spool_names(&dir)?;
        let finished = self.finished_before(&spools)?;
        let supply = Supply::new(&study.plan, &finished).without(&failed, &study.plan);
        let begun_here = begun.renumbered(&spools);
        let again = self.compute(&study, &begun_here, Queue::Supply(supply), estimate, (&finished, None))?;
        let mut all = finished;
        all.add_bytes(&again.finished.to_bytes())?;
        if let Some(why) = &again.stopped {
            self.end_spool(&begun, why)?;
            return Err(Stopped.into());
        }
        failed.extend(again.failed());
        self.session.stop.enter(Phase::Writing);
        study.end_solving()?;
        let computed = Computed { n_pieces: study.plan.shards.len(), ..again };
        self.finish(&study, (&all, &spools), (&computed, &failed), workdir)?;
        drop(begun);
        self.conclude(&failed, workdir)
    }

    /// Where genotypes come from reads: what these show at every site, without what is there `before` (rank 0's).
    fn pile_up(&self, study: &Study, begun: &Begun, before: Finished) -> Result<Option<Cells>> {
        let Genotypes::Reads(reads) = &study.genotypes else { return Ok(None) };
        let job = LikelihoodJob {
            reads: &reads.reads,
            sites: &reads.sites,
            plan: &study.plan,
            batch: reads.batch,
            piece: reads.piece,
        };
        let cells = grid::compute(self.session, begun, &job, PILING_UP, before)?;
        job.log(&cells);
        Ok(Some(cells))
    }

    /// What the spools hold that were there before, at rank 0.
    fn finished_before(&self, spools: &[String]) -> Result<Finished> {
        grid::finished_before(self.session, spools, self.header.matrix_shapes().len())
    }

    fn end_spool(&self, begun: &Begun, why: &str) -> Result<()> {
        Ok(consensus(self.session.comm, begun.spool.lock().unwrap_or_else(PoisonError::into_inner).stop(why))?)
    }
}
