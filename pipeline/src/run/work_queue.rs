//! Rank 0's supply of work: the planned shards, largest first, then batches of streams as their reader delivers them; without
//! what is finished already.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use super::schedule::{Next, Waker, Work, WorkQueue};
use super::worker::FailedShard;
use crate::shard::{ShardId, ShardPlan};
use crate::sink::index::Finished;
use crate::source::{Input, RawBatch};

/// Batches that wait to be claimed, at most.
pub const BATCHES_AHEAD: usize = 4;

/// Shards and batches, each given once.
pub struct Supply {
    shards: std::vec::IntoIter<usize>,
    batches: Option<Receiver<Result<RawBatch, String>>>,
    /// CRC-32 of the finished batches of streams, by shard id; those of other shards are of no use.
    done: BTreeMap<u64, u32>,
    /// Pieces that there are: given or finished before.
    pub n_pieces: usize,
}

impl Supply {
    /// The planned shards that are not `finished`, without streams.
    pub fn new(plan: &ShardPlan, finished: &Finished) -> Self {
        let done: BTreeMap<u64, u32> = finished.shards().iter().map(|(&id, shard)| (id, shard.batch_crc)).collect();
        let order: Vec<usize> =
            largest_first(plan).into_iter().filter(|&idx| !done.contains_key(&plan.shards[idx].id.0)).collect();
        let n_pieces = plan.shards.len() - order.len();
        Self { shards: order.into_iter(), batches: None, done, n_pieces }
    }

    /// The same without shards that have failed in this process.
    pub fn without(mut self, failed: &[FailedShard], plan: &ShardPlan) -> Self {
        let is_sound = |idx: &usize| !failed.iter().any(|shard| shard.id == plan.shards[*idx].id.0);
        self.shards = self.shards.filter(is_sound).collect::<Vec<_>>().into_iter();
        self
    }

    /// Starts a thread in `scope` that reads the plan's streams, if there are any, and wakes `waker` after each batch.
    pub fn read_streams<'scope, 'env: 'scope>(
        &mut self,
        scope: &'scope std::thread::Scope<'scope, 'env>,
        input: &'env Input,
        plan: &'env ShardPlan,
        batch_bytes: u64,
        waker: Waker,
    ) {
        if plan.streams.is_empty() {
            return;
        }
        let (sender, receiver) = sync_channel(BATCHES_AHEAD);
        self.batches = Some(receiver);
        scope.spawn(move || {
            let deliver = |sender: &SyncSender<_>, item: Result<RawBatch, String>| {
                // The receiver is gone once a rank has failed.
                let goes_on = item.is_ok() & sender.send(item).is_ok();
                waker.wake();
                goes_on
            };
            for &file_idx in &plan.streams {
                let mut stream = match input.stream(file_idx) {
                    Ok(stream) => stream,
                    Err(e) => {
                        deliver(&sender, Err(e.to_string()));
                        return;
                    }
                };
                loop {
                    let item = match stream.next_batch(batch_bytes) {
                        Ok(None) => break,
                        Ok(Some(batch)) => Ok(batch),
                        Err(e) => Err(e.to_string()),
                    };
                    if !deliver(&sender, item) {
                        return;
                    }
                }
            }
            drop(sender);
            waker.wake();
        });
    }

    /// Lets the reader thread end: nobody claims its batches any more.
    pub fn stop_reading(&mut self) {
        self.batches = None;
    }
}

/// Places in the plan.
pub fn largest_first(plan: &ShardPlan) -> Vec<usize> {
    let mut order: Vec<usize> = (0..plan.shards.len()).collect();
    order.sort_by_key(|&idx| std::cmp::Reverse(plan.shards[idx].bytes));
    order
}

impl Supply {
    /// Whether a batch is finished.
    ///
    /// # Errors
    /// It is, but it was another one then.
    fn is_done(&self, batch: &RawBatch) -> Result<bool, String> {
        match self.done.get(&ShardId::new(batch.file_idx, batch.seq).0) {
            None => Ok(false),
            Some(&crc) if crc == crc32fast::hash(&batch.bytes) => Ok(true),
            Some(_) => Err(format!(
                "the records after number {} are not those that finished shards were computed from; give the same input, or \
                 --fresh to start over",
                batch.n_before
            )),
        }
    }
}

impl WorkQueue for Supply {
    fn next(&mut self) -> Next {
        let work = match self.shards.next() {
            Some(idx) => Work::Shard(idx),
            None => match self.batches.as_ref().map(Receiver::try_recv) {
                Some(Ok(Ok(batch))) => match self.is_done(&batch) {
                    Ok(false) => Work::Batch(batch),
                    Ok(true) => {
                        self.n_pieces += 1;
                        return self.next();
                    }
                    Err(message) => return Next::Failed(message),
                },
                Some(Ok(Err(message))) => return Next::Failed(message),
                Some(Err(TryRecvError::Empty)) => return Next::Wait,
                None | Some(Err(TryRecvError::Disconnected)) => return Next::Done,
            },
        };
        self.n_pieces += 1;
        Next::Work(work)
    }
}
