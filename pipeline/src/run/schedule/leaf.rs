//! The side of other ranks: carries workers' claims to rank 0 and its answers back.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use super::{Event, Shared, Work, wire};
use crate::comm::{Communicator, Message, POLL_INTERVAL, Tag};
use crate::source::RawBatch;

/// How long another rank's loop sleeps between looks for a stop message while its workers compute.
const GLANCE: Duration = Duration::from_millis(2);

pub(super) struct Leaf<'a> {
    comm: &'a dyn Communicator,
    shared: &'a Shared,
    workers_left: usize,
    waiting: VecDeque<Sender<Option<Work>>>,
    failure: Option<String>,
    /// Rank 0 knows of the request to stop.
    drain_told: bool,
}

impl<'a> Leaf<'a> {
    pub(super) fn new(comm: &'a dyn Communicator, shared: &'a Shared, n_workers: usize) -> Self {
        Self { comm, shared, workers_left: n_workers, waiting: VecDeque::new(), failure: None, drain_told: false }
    }

    pub(super) fn run(mut self, events: &Receiver<Event>) -> Result<(), String> {
        while self.workers_left > 0 {
            while let Some(message) = self.comm.poll(Tag::Grant) {
                self.on_grant(&message);
            }
            self.tell_drain();
            let pause = if self.waiting.is_empty() { GLANCE } else { POLL_INTERVAL };
            match events.recv_timeout(pause) {
                Ok(Event::Claim(reply, done)) => {
                    self.waiting.push_back(reply);
                    self.comm.send(0, Tag::Claim, &wire::claim(self.rows(), done));
                }
                Ok(Event::Ended(result)) => {
                    self.workers_left -= 1;
                    if let Err(message) = result {
                        self.fail(message);
                    }
                }
                Ok(Event::Wake) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
        self.comm.send(0, Tag::Claim, &wire::with_u64(wire::FINISHED, self.rows()));
        while self.comm.receive(Tag::Grant).bytes != [wire::BYE] {}
        self.failure.map_or(Ok(()), Err)
    }

    fn tell_drain(&mut self) {
        if self.drain_told {
            return;
        }
        let Some((reason, patience)) = self.shared.stop.reason() else { return };
        self.drain_told = true;
        self.comm.send(0, Tag::Claim, &wire::drain(&reason, patience));
    }

    fn rows(&self) -> u64 {
        self.shared.rows.load(Ordering::Relaxed)
    }

    fn fail(&mut self, message: String) {
        self.shared.ended.store(true, Ordering::Relaxed);
        if self.failure.is_none() {
            self.comm.send(0, Tag::Claim, &wire::with_bytes(wire::FAILED, message.as_bytes()));
            self.failure = Some(message);
        }
    }

    fn on_grant(&mut self, message: &Message) {
        let (kind, rest) = wire::split(&message.bytes);
        let work = match kind {
            wire::SHARD => Some(Work::Shard(wire::u64_of(rest) as usize)),
            wire::BATCH => match RawBatch::from_bytes(rest) {
                Some(batch) => Some(Work::Batch(batch)),
                None => {
                    self.fail("a batch of records arrived cut short".to_owned());
                    None
                }
            },
            wire::NO_MORE => None,
            wire::DRAIN => {
                let (reason, patience) = wire::of_drain(rest);
                self.shared.stop.request(&reason, patience);
                self.drain_told = true;
                return;
            }
            _ => {
                self.shared.ended.store(true, Ordering::Relaxed);
                return;
            }
        };
        if let Some(reply) = self.waiting.pop_front() {
            let _ = reply.send(work);
        }
    }
}
