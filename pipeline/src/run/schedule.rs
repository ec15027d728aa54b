//! Who computes which shard: ranks claim one shard at a time, so that a slow rank holds nobody up.
//!
//! Each rank's main thread runs [`deal`]: rank 0's answers everybody, the others' carry their workers' claims there.
//! Workers only see a [`Claimer`]. A failure anywhere stops every rank at its next block; a request to stop anywhere lets every
//! rank's shards in hand end, for as long as it has patience.

mod leaf;
mod root;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::stop::Stop;
use crate::comm::Communicator;
use crate::source::RawBatch;

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A shard of the plan, by its place there.
    Shard(usize),
    /// A batch of raw records, dealt out by the rank that reads them.
    Batch(RawBatch),
}

/// The bit of keys of batches.
const BATCH_KEY: u64 = 1 << 63;

impl Work {
    /// Tells pieces apart.
    pub fn key(&self) -> u64 {
        match self {
            Self::Shard(idx) => *idx as u64,
            Self::Batch(batch) => BATCH_KEY | (batch.file_idx as u64) << 40 | batch.seq,
        }
    }

    /// The shard of a key, if it is one's.
    pub fn shard_of_key(key: u64) -> Option<Self> {
        (key & BATCH_KEY == 0).then_some(Self::Shard(key as usize))
    }
}

/// What rank 0's queue has to give.
#[derive(Debug)]
pub enum Next {
    /// Here is work.
    Work(Work),
    /// The reader of a stream is not yet that far.
    Wait,
    /// All has been given.
    Done,
    /// The reader failed.
    Failed(String),
}

/// Rank 0's supply of work.
pub trait WorkQueue {
    /// The next piece, without waiting.
    fn next(&mut self) -> Next;
}

/// What threads of one rank share.
#[derive(Debug)]
pub struct Shared {
    /// Set when any rank has failed, or when every shard is done and only copies of late ones are in hand: workers stop at the
    /// next block.
    ended: AtomicBool,
    /// Requests to stop.
    pub stop: Arc<Stop>,
    /// Rows done by this rank.
    pub rows: AtomicU64,
}

impl Shared {
    /// Nothing done yet.
    pub fn new(stop: Arc<Stop>) -> Self {
        Self { ended: AtomicBool::new(false), stop, rows: AtomicU64::new(0) }
    }

    /// Whether shards in hand are to be dropped.
    pub fn must_drop(&self) -> bool {
        self.ended.load(Ordering::Relaxed) || self.stop.is_dropping()
    }
}

enum Event {
    Wake,
    /// Who claims, and the key of what it is through with.
    Claim(Sender<Option<Work>>, Option<u64>),
    Ended(Result<(), String>),
}

/// A worker's side: asks for work, says how it ended.
pub struct Claimer {
    events: Sender<Event>,
    reply: (Sender<Option<Work>>, Receiver<Option<Work>>),
}

impl Claimer {
    /// Waits for a piece of work; `None` when there is no more. `done`: the key of what this worker is through with.
    pub fn claim(&self, done: Option<u64>) -> Option<Work> {
        self.events.send(Event::Claim(self.reply.0.clone(), done)).ok()?;
        self.reply.1.recv().ok().flatten()
    }

    /// Says how this worker ended; it claims no more.
    pub fn end(self, result: Result<(), String>) {
        let _ = self.events.send(Event::Ended(result));
    }
}

/// Tells rank 0's loop that its queue may have more to give.
pub struct Waker(Sender<Event>);

impl Waker {
    /// Makes it look.
    pub fn wake(&self) {
        let _ = self.0.send(Event::Wake);
    }
}

/// A rank's side of the scheduler; made before the workers start.
pub struct Dealer {
    events: Receiver<Event>,
    sender: Sender<Event>,
    n_workers: usize,
}

impl Dealer {
    /// A dealer for a rank with no workers yet.
    #[allow(clippy::new_without_default, reason = "a dealer without claimers is of no use")]
    pub fn new() -> Self {
        let (sender, events) = channel();
        Self { events, sender, n_workers: 0 }
    }

    /// The claimer of one more worker.
    pub fn claimer(&mut self) -> Claimer {
        self.n_workers += 1;
        Claimer { events: self.sender.clone(), reply: channel() }
    }

    /// A waker for what fills the queue.
    pub fn waker(&self) -> Waker {
        Waker(self.sender.clone())
    }

    /// Runs until every worker of this rank (at rank 0: of every rank) has ended. `progress` is called at rank 0 now
    /// and then with the rows done by all ranks.
    ///
    /// # Errors
    /// The first failure that this rank saw, one line.
    pub fn deal(
        self,
        comm: &dyn Communicator,
        shared: &Shared,
        queue: &mut dyn WorkQueue,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), String> {
        if comm.rank() == 0 {
            root::Root::new(comm, shared, queue, self.n_workers).run(&self.events, progress)
        } else {
            leaf::Leaf::new(comm, shared, self.n_workers).run(&self.events)
        }
    }
}

#[cfg(test)]
mod tests;
