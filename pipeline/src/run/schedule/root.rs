//! Rank 0's side: answers every claim, its own workers' too, and ends all ranks together.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use super::{Event, Next, Shared, Work, WorkQueue, wire};
use crate::comm::{Communicator, Message, POLL_INTERVAL, Tag};
use crate::run::copies::Copies;

/// How long rank 0's loop sleeps at most while other ranks compute. It starts at [`POLL_INTERVAL`] after each message and
/// doubles from look to look: looking all the time would take a tenth of the core that a worker computes on.
const PATIENCE: Duration = Duration::from_millis(1);

/// How long rank 0's loop sleeps where nobody but its own workers can wake it.
const IDLE: Duration = Duration::from_millis(50);

enum Claimant {
    Worker(Sender<Option<Work>>),
    Rank(usize),
}

pub(super) struct Root<'a> {
    comm: &'a dyn Communicator,
    shared: &'a Shared,
    queue: &'a mut dyn WorkQueue,
    workers_left: usize,
    ranks_left: usize,
    rank_rows: Vec<u64>,
    pending: VecDeque<Claimant>,
    failure: Option<String>,
    /// Every rank knows of the request to stop.
    drain_told: bool,
    copies: Copies,
}

impl<'a> Root<'a> {
    pub(super) fn new(
        comm: &'a dyn Communicator,
        shared: &'a Shared,
        queue: &'a mut dyn WorkQueue,
        n_workers: usize,
    ) -> Self {
        Self {
            comm,
            shared,
            queue,
            workers_left: n_workers,
            ranks_left: comm.size() - 1,
            rank_rows: vec![0; comm.size()],
            pending: VecDeque::new(),
            failure: None,
            drain_told: false,
            copies: Copies::default(),
        }
    }

    pub(super) fn run(mut self, events: &Receiver<Event>, progress: &mut dyn FnMut(u64)) -> Result<(), String> {
        let mut patience = POLL_INTERVAL;
        while self.workers_left > 0 || self.ranks_left > 0 {
            patience = PATIENCE.min(patience * 2);
            while let Some(message) = self.poll_rank() {
                patience = POLL_INTERVAL;
                self.on_message(&message);
            }
            let pause = if self.ranks_left > 0 { patience } else { IDLE };
            match events.recv_timeout(pause) {
                Ok(Event::Claim(reply, done)) => {
                    done.into_iter().for_each(|key| self.copies.end(key));
                    self.pending.push_back(Claimant::Worker(reply));
                }
                Ok(Event::Ended(result)) => {
                    self.workers_left -= 1;
                    if let Err(message) = result {
                        self.fail(message);
                    }
                }
                Ok(Event::Wake) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            self.tell_drain();
            self.serve();
            self.rank_rows[0] = self.shared.rows.load(Ordering::Relaxed);
            progress(self.rank_rows.iter().sum());
        }
        for rank in 1..self.comm.size() {
            self.comm.send(rank, Tag::Grant, &[wire::BYE]);
        }
        self.failure.map_or(Ok(()), Err)
    }

    fn poll_rank(&self) -> Option<Message> {
        if self.ranks_left > 0 { self.comm.poll(Tag::Claim) } else { None }
    }

    fn on_message(&mut self, message: &Message) {
        let (kind, rest) = wire::split(&message.bytes);
        match kind {
            wire::CLAIM => {
                self.rank_rows[message.from] = wire::u64_of(rest);
                wire::done_of(rest).into_iter().for_each(|key| self.copies.end(key));
                self.pending.push_back(Claimant::Rank(message.from));
            }
            wire::FINISHED => {
                self.rank_rows[message.from] = wire::u64_of(rest);
                self.ranks_left -= 1;
            }
            wire::DRAIN => {
                let (reason, patience) = wire::of_drain(rest);
                self.shared.stop.request(&reason, patience);
            }
            _ => self.fail(String::from_utf8_lossy(rest).into_owned()),
        }
    }

    fn tell_drain(&mut self) {
        if self.drain_told {
            return;
        }
        let Some((reason, patience)) = self.shared.stop.reason() else { return };
        self.drain_told = true;
        for rank in 1..self.comm.size() {
            self.comm.send(rank, Tag::Grant, &wire::drain(&reason, patience));
        }
    }

    fn fail(&mut self, message: String) {
        if self.failure.is_some() {
            return;
        }
        self.failure = Some(message);
        self.end_shards();
    }

    /// Makes every worker drop what it has in hand.
    fn end_shards(&self) {
        if !self.shared.ended.swap(true, Ordering::Relaxed) {
            for rank in 1..self.comm.size() {
                self.comm.send(rank, Tag::Grant, &[wire::STOP]);
            }
        }
    }

    /// What a claimant gets once everything was given: a copy of a late shard, nothing, or (`None`) that it has to wait.
    fn late_work(&mut self) -> Option<Option<Work>> {
        if self.copies.is_empty() {
            // Somebody may still compute a copy.
            self.end_shards();
            return Some(None);
        }
        self.copies.copy().map(Some)
    }

    fn serve(&mut self) {
        while let Some(claimant) = self.pending.pop_front() {
            if self.failure.is_some() || self.shared.stop.is_draining() {
                self.answer(&claimant, None);
                continue;
            }
            match self.queue.next() {
                Next::Work(work) => {
                    self.copies.give(&work);
                    self.answer(&claimant, Some(work));
                }
                Next::Done => match self.late_work() {
                    Some(work) => self.answer(&claimant, work),
                    None => {
                        self.pending.push_front(claimant);
                        return;
                    }
                },
                Next::Wait => {
                    self.pending.push_front(claimant);
                    return;
                }
                Next::Failed(message) => {
                    self.fail(message);
                    self.answer(&claimant, None);
                }
            }
        }
    }

    fn answer(&self, claimant: &Claimant, work: Option<Work>) {
        match claimant {
            Claimant::Worker(reply) => drop(reply.send(work)),
            Claimant::Rank(rank) => {
                let bytes = match work {
                    None => vec![wire::NO_MORE],
                    Some(Work::Shard(idx)) => wire::with_u64(wire::SHARD, idx as u64),
                    Some(Work::Batch(batch)) => wire::with_bytes(wire::BATCH, &batch.to_bytes()),
                };
                self.comm.send(*rank, Tag::Grant, &bytes);
            }
        }
    }
}
