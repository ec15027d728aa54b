//! Jobs without MPI that claim groups of shards from one folder (`--join`), start when they start and die when they die.

use std::collections::{BTreeMap, VecDeque};

use super::random::Random;

/// How shards are put into groups, one claim a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// Groups of the same number of shards.
    Equal(usize),
    /// Each group smaller than the one before, in a straight line down to one shard (trapezoid self-scheduling, Tzen and
    /// Ni 1993).
    Falling(usize),
}

impl Grouping {
    /// Borders between the groups of `n` shards, in the order of claims.
    fn borders(self, n: usize) -> Vec<usize> {
        match self {
            Self::Equal(groups) => (0..=groups).map(|g| n * g / groups.max(1)).collect(),
            Self::Falling(groups) => {
                let all = (groups * (groups + 1) / 2).max(1) as f64;
                let before = |g: usize| (g * groups) as f64 - (g * g.saturating_sub(1) / 2) as f64;
                (0..=groups).map(|g| (n as f64 * before(g) / all).round() as usize).collect()
            }
        }
    }
}

/// A job.
#[derive(Debug, Clone, Copy)]
pub struct JobShape {
    /// Threads.
    pub threads: usize,
    /// Of full speed.
    pub speed: f64,
    /// When it has opened its inputs, seconds.
    pub ready: f64,
    /// When it dies, seconds.
    pub dies: Option<f64>,
}

/// What a job does for which no group is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// It waits for one.
    Waits,
    /// It computes shards that are in no spool yet, last ones first; a copy of a shard is as good as the first.
    Helps,
}

enum Event {
    /// A thread (job, thread) has finished what it had.
    Free(usize, usize),
    /// A job ends.
    Dies(usize),
    /// The lease of a dead job's group has run out.
    Returned(Vec<usize>),
}

#[derive(Default)]
struct Running {
    dead: bool,
    /// Shards of its groups that no thread has taken, last first.
    left: Vec<usize>,
    /// What each thread computes.
    in_hand: Vec<Option<usize>>,
}

/// When the last shard of `shards` (seconds at full speed, in the order of claims) is finished; infinite where all jobs die
/// first. A dead job's group goes to another one `lease` seconds later, less the shards that were finished.
pub fn join(shards: &[f64], (grouping, idling): (Grouping, Idle), jobs: &[JobShape], lease: f64) -> f64 {
    let borders = grouping.borders(shards.len());
    let group = |w: &[usize]| (w[0]..w[1]).rev().collect();
    let mut groups: VecDeque<Vec<usize>> = borders.windows(2).filter(|w| w[0] < w[1]).map(group).collect();
    let mut running: Vec<Running> =
        jobs.iter().map(|job| Running { in_hand: vec![None; job.threads], ..Running::default() }).collect();
    let (mut events, mut helped) = (Events::default(), vec![false; shards.len()]);
    for (idx, job) in jobs.iter().enumerate() {
        (0..job.threads).for_each(|thread| events.push(job.ready, Event::Free(idx, thread)));
        if let Some(dies) = job.dies {
            events.push(dies, Event::Dies(idx));
        }
    }
    let (mut finished, mut unfinished, mut idle) = (vec![false; shards.len()], shards.len(), Vec::new());
    while let Some((now, event)) = events.pop() {
        match event {
            Event::Free(job, _) if running[job].dead => {}
            Event::Free(idx, thread) => {
                let done = running[idx].in_hand[thread].take();
                unfinished -= done.map_or(0, |shard| usize::from(!std::mem::replace(&mut finished[shard], true)));
                if unfinished == 0 {
                    return now;
                }
                if running[idx].left.is_empty() {
                    running[idx].left = groups.pop_front().unwrap_or_default();
                }
                let mut shard = running[idx].left.pop();
                if shard.is_none() && idling == Idle::Helps {
                    shard = to_help_with(&mut running, &mut helped, &finished);
                }
                running[idx].in_hand[thread] = shard;
                match shard {
                    Some(shard) => events.push(now + shards[shard] / jobs[idx].speed, Event::Free(idx, thread)),
                    None => idle.push((idx, thread)),
                }
            }
            Event::Dies(idx) => {
                let job = &mut running[idx];
                job.dead = true;
                let lost: Vec<usize> = job.left.drain(..).chain(job.in_hand.drain(..).flatten()).collect();
                events.push(now + lease, Event::Returned(lost));
            }
            Event::Returned(shards) => {
                groups.push_back(shards);
                idle.drain(..).for_each(|(job, thread)| events.push(now, Event::Free(job, thread)));
            }
        }
    }
    f64::INFINITY
}

/// A shard of another job: the last of the most that one has left, or one that a thread computes, once each.
fn to_help_with(running: &mut [Running], helped: &mut [bool], finished: &[bool]) -> Option<usize> {
    let most = running.iter_mut().filter(|job| !job.dead).max_by_key(|job| job.left.len())?;
    if !most.left.is_empty() {
        return Some(most.left.remove(0));
    }
    let in_hand = running.iter().flat_map(|job| &job.in_hand).flatten();
    let shard = *in_hand.min_by_key(|&&shard| (finished[shard], helped[shard], shard))?;
    let worth = !finished[shard] && !helped[shard];
    helped[shard] = true;
    worth.then_some(shard)
}

/// Events by time; those of one time in the order in which they came.
#[derive(Default)]
struct Events {
    queue: BTreeMap<(u64, u64), Event>,
    n: u64,
}

impl Events {
    fn push(&mut self, at: f64, event: Event) {
        // The bits of numbers from 0 up are in the order of the numbers.
        self.queue.insert((at.max(0.0).to_bits(), self.n), event);
        self.n += 1;
    }

    fn pop(&mut self) -> Option<(f64, Event)> {
        self.queue.pop_first().map(|((at, _), event)| (f64::from_bits(at), event))
    }
}

/// `n` jobs of one shape of which a share is `speed` times as fast, started within `spread` seconds.
pub fn jobs(n: usize, threads: usize, slow: (f64, f64), spread: f64, open: f64, random: &mut Random) -> Vec<JobShape> {
    let shape = |_| {
        let speed = if random.uniform() < slow.0 { slow.1 } else { 1.0 };
        JobShape { threads, speed, ready: random.uniform() * spread + open / speed, dies: None }
    };
    (0..n).map(shape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: JobShape = JobShape { threads: 1, speed: 1.0, ready: 0.0, dies: None };

    #[test]
    fn groups_hold_every_shard_once() {
        for grouping in [Grouping::Equal(7), Grouping::Falling(7), Grouping::Falling(128)] {
            for n in [1, 6, 100, 17_000] {
                let borders = grouping.borders(n);
                assert!(borders.is_sorted() && borders[0] == 0 && borders[borders.len() - 1] == n, "{grouping:?} {n}");
            }
        }
    }

    #[test]
    fn jobs_share_the_work() {
        assert!((join(&[1.0; 16], (Grouping::Equal(4), Idle::Waits), &[JOB; 2], 1.0) - 8.0).abs() < 1e-9);
        let two = JobShape { threads: 2, ..JOB };
        assert!((join(&[1.0; 16], (Grouping::Equal(4), Idle::Waits), &[two; 2], 1.0) - 4.0).abs() < 1e-9);
        let late = JobShape { ready: 100.0, ..JOB };
        assert!((join(&[1.0; 16], (Grouping::Equal(4), Idle::Waits), &[JOB, late], 1.0) - 16.0).abs() < 1e-9);
    }

    #[test]
    fn a_dead_jobs_group_comes_back_after_the_lease() {
        let dies = JobShape { dies: Some(2.5), ..JOB };
        // Two groups of eight: the dead job has finished two, so that six come back at 12.5.
        assert!((join(&[1.0; 16], (Grouping::Equal(2), Idle::Waits), &[JOB, dies], 10.0) - 18.5).abs() < 1e-9);
        assert!(join(&[1.0; 16], (Grouping::Equal(2), Idle::Waits), &[dies], 10.0).is_infinite());
    }

    #[test]
    fn helpers_end_the_wait_for_a_slow_job() {
        let slow = JobShape { speed: 0.1, ..JOB };
        assert!((join(&[1.0; 16], (Grouping::Equal(4), Idle::Waits), &[JOB, slow], 1.0) - 40.0).abs() < 1e-9);
        assert!(join(&[1.0; 16], (Grouping::Equal(4), Idle::Helps), &[JOB, slow], 1.0) < 17.0);
    }
}
