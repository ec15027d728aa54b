//! Jobs side by side without MPI: each takes groups of shards by making a claim file, which the file system lets only one do.
//! A group of a job that has stopped, or gives no sign of life for a lease, is taken over by the next generation of its
//! claim. Two jobs that both believe in a group compute the same rows, so that a mistake costs time only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::schedule::{Next, Work, WorkQueue};
use super::work_queue::largest_first;
use crate::shard::ShardPlan;
use crate::sink::scan::{Depth, ends_with_stop, scan};
use crate::sink::spool::{SpoolError, SpoolWriter, Writer, spool_names};

/// Groups at most: each is one claim file.
const MAX_GROUPS: usize = 256;
/// Jobs at most: each has one spool.
const MAX_JOBS: usize = 512;
/// Without a sign of life for so long a job is taken for dead.
pub const LEASE: Duration = Duration::from_secs(120);
/// Time between two looks at claims while there is nothing to take.
const LOOK: Duration = Duration::from_millis(500);
/// What the job claims that writes the results.
const FINAL: &str = "final";

/// A job cannot work beside others.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// More jobs than spools.
    #[error(
        "{0}: {MAX_JOBS} jobs have worked here already; norna merge writes what is finished, one job computes the rest"
    )]
    TooMany(PathBuf),
    /// The folder cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The folder or a claim.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A spool cannot be.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// Opens the first spool that nobody has.
///
/// # Errors
/// [`JoinError`].
pub fn open_spool(dir: &Path, writer: &Writer) -> Result<(SpoolWriter, String), JoinError> {
    for number in 0..MAX_JOBS {
        let name = format!("job-{number:04}.spool");
        if let Some(spool) = SpoolWriter::create(dir, &name, writer)? {
            return Ok((spool, name));
        }
    }
    Err(JoinError::TooMany(dir.to_owned()))
}

/// Whether a job lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Alive,
    Gone,
    /// Not yet watched for long enough.
    Unknown,
}

#[derive(Debug)]
struct Watched {
    len: u64,
    since: Instant,
    has_grown: bool,
}

/// The claims in a folder, as one job sees them.
#[derive(Debug)]
pub struct Claims {
    dir: PathBuf,
    /// The name of this job's spool.
    me: String,
    lease: Duration,
    watched: BTreeMap<String, Watched>,
}

impl Claims {
    /// For the job whose spool is `me`.
    pub fn new(dir: &Path, me: &str, lease: Duration) -> Self {
        Self { dir: dir.to_owned(), me: me.to_owned(), lease, watched: BTreeMap::new() }
    }

    fn io(path: &Path) -> impl FnOnce(io::Error) -> JoinError + use<> {
        let path = path.to_owned();
        move |source| JoinError::Io { path, source }
    }

    /// Makes a claim; false where somebody has made it.
    fn take(&self, what: &str, generation: u32) -> Result<bool, JoinError> {
        let path = self.dir.join(format!("claim-{what}.{generation}"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => file.write_all(self.me.as_bytes()).map(|()| true).map_err(Self::io(&path)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(Self::io(&path)(e)),
        }
    }

    /// The latest generation of each claim.
    fn all(&self) -> Result<BTreeMap<String, u32>, JoinError> {
        let mut claims: BTreeMap<String, u32> = BTreeMap::new();
        for entry in fs::read_dir(&self.dir).map_err(Self::io(&self.dir))? {
            let name = entry.map_err(Self::io(&self.dir))?.file_name().into_string().unwrap_or_default();
            let claim = name.strip_prefix("claim-").and_then(|rest| rest.split_once('.'));
            if let Some((what, Ok(generation))) = claim.map(|(what, generation)| (what, generation.parse())) {
                let latest = claims.entry(what.to_owned()).or_insert(generation);
                *latest = (*latest).max(generation);
            }
        }
        Ok(claims)
    }

    /// Who made a claim; empty while its maker has not yet written its name.
    fn holder(&self, what: &str, generation: u32) -> String {
        fs::read_to_string(self.dir.join(format!("claim-{what}.{generation}"))).unwrap_or_default()
    }

    fn look_at(&mut self, holder: &str) -> Life {
        let path = self.dir.join(holder);
        let len = if holder.is_empty() { 0 } else { fs::metadata(&path).map_or(0, |meta| meta.len()) };
        let first = Watched { len, since: Instant::now(), has_grown: false };
        let watched = self.watched.entry(holder.to_owned()).or_insert(first);
        if watched.len != len {
            *watched = Watched { len, since: Instant::now(), has_grown: true };
        }
        let has_stopped = !holder.is_empty() && ends_with_stop(&path);
        if has_stopped || watched.since.elapsed() >= self.lease {
            Life::Gone
        } else if watched.has_grown {
            Life::Alive
        } else {
            Life::Unknown
        }
    }

    /// Claims the writing of the results, unless a living job has done so: waits until that is certain.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn take_final(&mut self) -> Result<bool, JoinError> {
        loop {
            let generation = match self.all()?.get(FINAL) {
                None => 0,
                Some(&generation) => match self.look_at(&self.holder(FINAL, generation)) {
                    Life::Alive => return Ok(false),
                    Life::Gone => generation + 1,
                    Life::Unknown => {
                        std::thread::sleep(LOOK);
                        continue;
                    }
                },
            };
            if self.take(FINAL, generation)? {
                return Ok(true);
            }
        }
    }
}

/// Ids of the shards that the spools of `dir` hold, going by headers.
///
/// # Errors
/// [`JoinError`].
pub fn finished_ids(dir: &Path) -> Result<BTreeSet<u64>, JoinError> {
    let mut ids = BTreeSet::new();
    for name in spool_names(dir).map_err(Claims::io(dir))? {
        ids.extend(scan(&dir.join(name), 0, Depth::Headers)?.shards.keys());
    }
    Ok(ids)
}

/// The shards that this job gets hold of.
pub struct JoinQueue<'a> {
    plan: &'a ShardPlan,
    claims: &'a mut Claims,
    /// Shards of each group, by place in the plan.
    groups: Vec<Vec<usize>>,
    /// Groups that are this job's or finished.
    settled: Vec<bool>,
    finished: BTreeSet<u64>,
    current: std::vec::IntoIter<usize>,
    next_look: Instant,
    has_told: bool,
}

impl<'a> JoinQueue<'a> {
    /// Every job makes the same groups of the same plan.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn new(plan: &'a ShardPlan, claims: &'a mut Claims) -> Result<Self, JoinError> {
        let order = largest_first(plan);
        let n_groups = order.len().min(MAX_GROUPS);
        let groups: Vec<Vec<usize>> =
            (0..n_groups).map(|group| order[group..].iter().copied().step_by(n_groups).collect()).collect();
        let finished = finished_ids(&claims.dir)?;
        let settled = vec![false; n_groups];
        Ok(Self {
            plan,
            claims,
            groups,
            settled,
            finished,
            current: Vec::new().into_iter(),
            next_look: Instant::now(),
            has_told: false,
        })
    }

    fn unfinished(&self, group: usize) -> Vec<usize> {
        let is_open = |idx: &usize| !self.finished.contains(&self.plan.shards[*idx].id.0);
        self.groups[group].iter().copied().filter(is_open).collect()
    }

    /// The unfinished shards of a group that this job got hold of; `Err(true)` if there may be one later.
    fn claim_group(&mut self) -> Result<Result<Vec<usize>, bool>, JoinError> {
        let claims = self.claims.all()?;
        let mut may_come = false;
        let mut is_fresh = false;
        // Groups that nobody has first.
        for taken in [false, true] {
            for group in 0..self.groups.len() {
                let what = format!("{group:03}");
                let claim = claims.get(&what);
                if self.settled[group] || claim.is_some() != taken {
                    continue;
                }
                let generation = match claim {
                    None => 0,
                    Some(&generation) => match self.claims.look_at(&self.claims.holder(&what, generation)) {
                        Life::Alive => continue,
                        Life::Unknown => {
                            may_come = true;
                            continue;
                        }
                        Life::Gone => {
                            if !is_fresh {
                                self.finished = finished_ids(&self.claims.dir)?;
                                is_fresh = true;
                            }
                            generation + 1
                        }
                    },
                };
                let shards = self.unfinished(group);
                if shards.is_empty() {
                    self.settled[group] = true;
                } else if self.claims.take(&what, generation)? {
                    self.settled[group] = true;
                    return Ok(Ok(shards));
                } else {
                    may_come = true;
                }
            }
        }
        Ok(Err(may_come))
    }
}

impl WorkQueue for JoinQueue<'_> {
    fn next(&mut self) -> Next {
        if let Some(idx) = self.current.next() {
            return Next::Work(Work::Shard(idx));
        }
        if Instant::now() < self.next_look {
            return Next::Wait;
        }
        match self.claim_group() {
            Ok(Ok(shards)) => {
                self.current = shards.into_iter();
                self.next()
            }
            Ok(Err(true)) => {
                if !self.has_told {
                    log::info!(
                        "nothing is left to claim; looking for up to {} s whether the jobs that have the rest are alive",
                        self.claims.lease.as_secs()
                    );
                    self.has_told = true;
                }
                self.next_look = Instant::now() + LOOK;
                Next::Wait
            }
            Ok(Err(false)) => Next::Done,
            Err(e) => Next::Failed(e.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::{Cut, Layout};

    fn plan(n: u64) -> ShardPlan {
        ShardPlan::new(&[Layout::Lines(vec![(Cut::Byte(0), Cut::Byte(10 * n))])], 10)
    }

    fn job(dir: &Path) -> (SpoolWriter, String) {
        let writer = Writer { stamp: 1, attempt: 0, rank: 0, n_ranks: 1, threads: 1, began: 0.0, job: String::new() };
        open_spool(dir, &writer).unwrap()
    }

    fn drain(queue: &mut JoinQueue<'_>, most: usize) -> Vec<usize> {
        let mut got = Vec::new();
        while got.len() < most {
            match queue.next() {
                Next::Work(Work::Shard(idx)) => got.push(idx),
                Next::Wait => std::thread::sleep(Duration::from_millis(5)),
                Next::Done => break,
                other => panic!("{other:?}"),
            }
        }
        got
    }

    #[test]
    fn two_jobs_never_get_the_same_group_and_a_dead_ones_are_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(300);
        let ((_first, a), (mut second, b)) = (job(dir.path()), job(dir.path()));
        assert_eq!((&a[..], &b[..]), ("job-0000.spool", "job-0001.spool"));
        let lease = Duration::from_millis(300);
        let mut of_a = Claims::new(dir.path(), &a, lease);
        let mut of_b = Claims::new(dir.path(), &b, lease);
        let mut queue = JoinQueue::new(&plan, &mut of_a).unwrap();
        let taken = drain(&mut queue, 40);
        // The first job is heard of no more: its groups come to the second once the lease is over.
        let mut queue = JoinQueue::new(&plan, &mut of_b).unwrap();
        let begin = Instant::now();
        let mut rest = drain(&mut queue, usize::MAX);
        assert!(begin.elapsed() >= lease && !taken.is_empty());
        rest.sort_unstable();
        assert_eq!(rest, (0..300).collect::<Vec<_>>(), "nothing of the first was finished");
        assert!(fs::read_dir(dir.path()).unwrap().count() < 300, "few files");
        // Whoever comes later finds a job that has stopped, and nothing to do for one that is alive.
        second.stop("done").unwrap();
        let (_third, c) = job(dir.path());
        let mut of_c = Claims::new(dir.path(), &c, Duration::from_secs(60));
        assert_eq!(drain(&mut JoinQueue::new(&plan, &mut of_c).unwrap(), usize::MAX).len(), 300);
    }

    #[test]
    fn a_living_job_keeps_its_groups() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(3);
        let ((mut first, a), (_second, b)) = (job(dir.path()), job(dir.path()));
        let mut of_a = Claims::new(dir.path(), &a, LEASE);
        let mut of_b = Claims::new(dir.path(), &b, LEASE);
        assert_eq!(drain(&mut JoinQueue::new(&plan, &mut of_a).unwrap(), usize::MAX).len(), 3);
        let mut queue = JoinQueue::new(&plan, &mut of_b).unwrap();
        assert!(matches!(queue.next(), Next::Wait), "nobody knows yet whether the first lives");
        first.beat().unwrap();
        std::thread::sleep(LOOK);
        assert!(matches!(queue.next(), Next::Done));
        assert!(of_a.take_final().unwrap() && !of_b.take_final().unwrap());
    }
}
