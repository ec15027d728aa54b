//! Rank 0's supply of work: the planned shards, largest first, then batches of streams as their reader delivers them.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use super::schedule::{Next, Waker, Work, WorkQueue};
use crate::shard::ShardPlan;
use crate::source::{Input, RawBatch};

/// Batches that wait to be claimed, at most.
pub const BATCHES_AHEAD: usize = 4;

/// Shards and batches, each given once.
pub struct Supply {
    shards: std::vec::IntoIter<usize>,
    batches: Option<Receiver<Result<RawBatch, String>>>,
    /// Pieces given so far.
    pub n_given: usize,
}

impl Supply {
    /// The planned shards, without streams.
    pub fn new(plan: &ShardPlan) -> Self {
        let mut order: Vec<usize> = (0..plan.shards.len()).collect();
        order.sort_by_key(|&idx| std::cmp::Reverse(plan.shards[idx].bytes));
        Self { shards: order.into_iter(), batches: None, n_given: 0 }
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

impl WorkQueue for Supply {
    fn next(&mut self) -> Next {
        let work = match self.shards.next() {
            Some(idx) => Work::Shard(idx),
            None => match self.batches.as_ref().map(Receiver::try_recv) {
                Some(Ok(Ok(batch))) => Work::Batch(batch),
                Some(Ok(Err(message))) => return Next::Failed(message),
                Some(Err(TryRecvError::Empty)) => return Next::Wait,
                None | Some(Err(TryRecvError::Disconnected)) => return Next::Done,
            },
        };
        self.n_given += 1;
        Next::Work(work)
    }
}
