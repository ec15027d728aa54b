//! The end of a run: results.h5 of what is finished, and what is cleared up after it.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Incomplete;
use super::compute::{Computed, Run};
use super::finalise::{self, Finalised, Plan, Root};
use super::genotypes::Genotypes;
use super::stop::Phase;
use super::study::Study;
use super::summary;
use super::workdir::{self, Workdir};
use super::worker::FailedShard;
use crate::comm::{broadcast, consensus, gather, gather_each};
use crate::qtl::Annotator;
use crate::sink::index::Finished;
use crate::sink::spool_index::SpoolIndex;
use crate::store::{Layout, Qc};

impl Run<'_> {
    /// Makes results.h5 of `finished` (rank 0's), all ranks together.
    pub(super) fn finish(
        &self,
        study: &Study,
        (finished, spools): (&Finished, &[String]),
        (computed, failed): (&Computed, &[FailedShard]),
        workdir: &mut Option<Workdir>,
    ) -> Result<()> {
        let (config, session) = (self.config, self.session);
        let comm = session.comm;
        let reports = &computed.reports;
        for (rank, report) in reports.iter().enumerate() {
            log::debug!(
                "rank {rank}: {} shards, {} variants in {:.1} s, {:.1} s CPU",
                report.shards,
                report.rows,
                report.compute_seconds,
                report.resources.cpu_seconds
            );
        }
        log::info!("writing results");
        let writing = Instant::now();
        let (dir, ranks) = (workdir::folder_of(&config.run.out), (comm.rank(), comm.size()));
        let threads = session.pool.current_num_threads();
        let index = broadcast(comm, finished.index());
        let index = consensus(comm, SpoolIndex::open(&dir, spools, &index))?;
        let share = consensus(comm, finalise::sum_share(&index, ranks.0, ranks.1, self.header.traits.len()))?;
        let mut sums = finalise::no_sums(self.header.traits.len());
        let added = gather_each(comm, &share.to_bytes(), |share| sums.add(share));
        drop(share);
        consensus(comm, added)?;
        let n_shards = computed.n_pieces - failed.len();
        let root = workdir.as_ref().map(|workdir| {
            let mut root = Root::begin(workdir, (finished, sums), n_shards, self.header, study.models.base())?;
            root.annotate(self.annotator(study)?)?;
            Ok::<_, anyhow::Error>(root)
        });
        let mut root = consensus(comm, root.transpose())?;
        let layout = broadcast(comm, root.as_ref().map_or_else(Vec::new, Root::layout));
        let layout = consensus(comm, Layout::from_bytes(&layout))?;
        let plan = Plan { index, layout };
        let path = workdir::unfinished_in(&dir);
        let written = match &mut root {
            None => finalise::write(&plan, &path, ranks, threads, None),
            Some(root) => {
                let ledger = summary::ledger(study, root.ledger());
                let failed_regions = failed.iter().map(|shard| shard.region.clone()).collect();
                let qc = Qc {
                    ledger,
                    eigenvalues: study.eigenvalues.clone(),
                    case_counts: study.case_counts(),
                    failed_regions,
                };
                finalise::write(&plan, &path, ranks, threads, Some((root, self.bins, &qc)))
            }
        };
        let sums = gather(comm, &consensus(comm, written)?);
        // Ranks other than 0 wait here, so that a failure to publish is everybody's.
        let provenance = || {
            let computing = reports.iter().map(|rank| rank.compute_seconds).fold(0.0, f64::max);
            let common = session.provenance(Duration::from_secs_f64(computing), writing)?;
            let of_run = (&reports[..], self.orders, n_shards, &**session.stop);
            Ok::<_, anyhow::Error>(summary::provenance(config, study, of_run, common, session.start.elapsed()))
        };
        let published = root.map(|root| {
            workdir.as_ref().map_or(Ok(()), |workdir| workdir.check_still_free(&self.orders.digest))?;
            Ok::<_, anyhow::Error>(root.publish(&sums, &provenance()?)?)
        });
        let finalised: Option<Finalised> = consensus(comm, published.transpose())?;
        session.stop.enter(Phase::Done);
        log::debug!("results written in {:.2} s", writing.elapsed().as_secs_f64());
        if let Some(finalised) = finalised {
            summary::log(config, study, &finalised, reports, session.start.elapsed());
        }
        Ok(())
    }

    /// What looks up consequences of proteins' hits, where the genotype files tell of them.
    fn annotator(&self, study: &Study) -> Result<Option<Annotator>> {
        if study.cohort.proteins.is_empty() || !matches!(study.genotypes, Genotypes::Files(_)) {
            return Ok(None);
        }
        let (annotator, warnings) = Annotator::open(&self.config.input.paths)?;
        warnings.iter().for_each(|warning| log::warn!("{warning}"));
        Ok(annotator)
    }

    /// Clears up after results were written, and says which shards are not among them.
    pub(super) fn conclude(&self, failed: &[FailedShard], workdir: &mut Option<Workdir>) -> Result<()> {
        let n_failed = broadcast(self.session.comm, (failed.len() as u64).to_le_bytes().to_vec());
        if n_failed == 0u64.to_le_bytes() {
            if let Some(workdir) = workdir {
                workdir.remove();
            }
            return Ok(());
        }
        for shard in failed {
            log::error!("a shard ended in a panic: {}: {}; this is a defect of norna", shard.region, shard.cause);
        }
        log::warn!(
            "{} not in the results; the others are kept: the same command with --force tries again what failed",
            if failed.len() == 1 { "1 shard is".to_owned() } else { format!("{} shards are", failed.len()) }
        );
        Err(Incomplete.into())
    }
}
