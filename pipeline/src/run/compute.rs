//! Computing: every rank's workers claim shards until rank 0 has none left, or until somebody asks for a stop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;

use super::assoc::AssocConfig;
use super::begin::{Begun, Orders};
use super::estimate::Estimate;
use super::grid::Cells;
use super::join::JoinQueue;
use super::rows::Keeper;
use super::schedule::{Dealer, Shared};
use super::session::Session;
use super::stop::Phase;
use super::study::Study;
use super::summary::RankReport;
use super::tester::{Method, Tester};
use super::work_queue::Supply;
use super::worker::{FailedShard, Job};
use crate::comm::{broadcast, consensus, gather};
use crate::qtl::CisPairs;
use crate::report::progress::Progress;
use crate::report::resources::Resources;
use crate::sink::index::Finished;
use crate::store::{Bins, ResultsHeader};

/// What came of computing, on every rank.
pub(super) struct Computed {
    /// Every rank's account, at rank 0.
    pub(super) reports: Vec<RankReport>,
    /// Finished shards of this rank.
    pub(super) finished: Finished,
    /// Pieces of work that there are; rank 0 only.
    pub(super) n_pieces: usize,
    /// Why all ranks were asked to stop.
    pub(super) stopped: Option<String>,
}

/// Where work comes from.
pub(super) enum Queue<'a> {
    Supply(Supply),
    Join(JoinQueue<'a>),
}

/// What a run has at hand on a rank.
pub(super) struct Run<'a> {
    pub(super) config: &'a AssocConfig,
    pub(super) session: &'a Session<'a>,
    pub(super) header: &'a ResultsHeader,
    pub(super) bins: &'a Bins,
    pub(super) orders: &'a Orders,
}

impl Computed {
    /// Shards of all ranks that ended in a panic, in order; at rank 0.
    pub(super) fn failed(&self) -> Vec<FailedShard> {
        let mut failed: Vec<FailedShard> = self.reports.iter().flat_map(|report| report.failed.clone()).collect();
        failed.sort_by_key(|shard| shard.id);
        failed.dedup_by_key(|shard| shard.id);
        failed
    }
}

impl Run<'_> {
    /// Computes what `queue` of rank 0 has to give.
    pub(super) fn compute(
        &self,
        study: &Study,
        begun: &Begun,
        queue: Queue<'_>,
        estimate: &Estimate,
        (before, cells): (&Finished, Option<&Cells>),
    ) -> Result<Computed> {
        let (config, session) = (self.config, self.session);
        let comm = session.comm;
        let keeper = Keeper::new(self.header, config.missing);
        let method = Method {
            missing: config.missing,
            hit_log10p: config.hit_log10p,
            with_scores: keeper.wants_scores(),
            reads: config.reads.as_ref().map(|reads| reads.method),
        };
        let left_out = config.trans.map(|trans| CisPairs::new(&study.cohort.proteins, trans.window));
        let (finished, failed) = (Mutex::default(), Mutex::default());
        let (shared, shards_done) = (Shared::new(Arc::clone(session.stop)), AtomicU64::new(0));
        let job = Job {
            genotypes: &study.genotypes,
            cells,
            plan: &study.plan,
            models: &study.models,
            base_test: match study.models.logistic() {
                Some(null) => Tester::logistic(null, method),
                None => Tester::new(study.models.base(), method),
            },
            method,
            left_out: left_out.as_ref(),
            keeper: &keeper,
            bins: self.bins,
            spool: (&begun.spool, begun.spool_number, self.orders.stamp),
            shared: &shared,
            finished: &finished,
            failed: &failed,
            shards_done: &shards_done,
        };
        let start = Instant::now();
        let expected = estimate.rows.map(|rows| rows.saturating_sub(before.n_rows().all));
        let mut progress = Progress::start(("testing", "variants"), expected, !session.shows_progress());
        session.stop.enter(Phase::Computing);
        let n_threads = session.pool.current_num_threads();
        let mut queue = queue;
        let dealt = std::thread::scope(|readers| {
            let mut dealer = Dealer::new();
            if let (0, Queue::Supply(supply)) = (comm.rank(), &mut queue) {
                supply.read_streams(readers, study.genotypes.input(), &study.plan, study.batch_bytes, dealer.waker());
            }
            let claimers: Vec<_> = (0..n_threads).map(|_| dealer.claimer()).collect();
            let dealt = session.pool.in_place_scope(|scope| {
                for claimer in claimers {
                    let job = &job;
                    scope.spawn(move |_| job.work(claimer));
                }
                let mut report = |rows| progress.update(rows);
                match &mut queue {
                    Queue::Supply(supply) => dealer.deal(comm, &shared, supply, &mut report),
                    Queue::Join(claims) => dealer.deal(comm, &shared, claims, &mut report),
                }
            });
            if let Queue::Supply(supply) = &mut queue {
                supply.stop_reading();
            }
            dealt
        });
        progress.finish();
        consensus(comm, dealt)?;
        let stopped = session.stop.reason().map_or_else(String::new, |(why, _)| why);
        let stopped = String::from_utf8_lossy(&broadcast(comm, stopped.into_bytes())).into_owned();
        let report = RankReport {
            shards: shards_done.load(Ordering::Relaxed),
            rows: shared.rows.load(Ordering::Relaxed),
            failed: into_inner(failed),
            threads: n_threads as u64,
            compute_seconds: start.elapsed().as_secs_f64(),
            resources: Resources::now(),
        };
        let reports: Result<_, _> =
            gather(comm, &report.to_bytes()).iter().map(|bytes| RankReport::from_bytes(bytes)).collect();
        Ok(Computed {
            reports: consensus(comm, reports)?,
            finished: into_inner(finished),
            n_pieces: if let Queue::Supply(supply) = &queue { supply.n_pieces } else { study.plan.shards.len() },
            stopped: (!stopped.is_empty()).then_some(stopped),
        })
    }
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}
