//! Who computes which shard: ranks claim one shard at a time, so that a slow rank holds nobody up.
//!
//! Each rank's main thread runs [`deal`]: rank 0's answers everybody, the others' carry their workers' claims there.
//! Workers only see a [`Claimer`]. A failure anywhere stops every rank at its next block; a request to stop anywhere lets every
//! rank's shards in hand end, for as long as it has patience.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::copies::Copies;
use super::stop::Stop;
use crate::comm::{Communicator, Message, POLL_INTERVAL, Tag};
use crate::source::RawBatch;

/// How long rank 0's loop sleeps at most while other ranks compute. It starts at [`POLL_INTERVAL`] after each message and
/// doubles from look to look: looking all the time would take a tenth of the core that a worker computes on.
const PATIENCE: Duration = Duration::from_millis(1);

/// How long rank 0's loop sleeps where nobody but its own workers can wake it.
const IDLE: Duration = Duration::from_millis(50);

/// How long another rank's loop sleeps between looks for a stop message while its workers compute.
const GLANCE: Duration = Duration::from_millis(2);

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
            Root::new(comm, shared, queue, self.n_workers).run(&self.events, progress)
        } else {
            Leaf::new(comm, shared, self.n_workers).run(&self.events)
        }
    }
}

/// Messages of other ranks to rank 0, and back: a kind, then a number or bytes.
mod wire {
    use std::time::Duration;

    pub(super) const CLAIM: u8 = 0;
    pub(super) const FAILED: u8 = 1;
    pub(super) const FINISHED: u8 = 2;
    pub(super) const SHARD: u8 = 3;
    pub(super) const BATCH: u8 = 4;
    pub(super) const NO_MORE: u8 = 5;
    pub(super) const STOP: u8 = 6;
    pub(super) const BYE: u8 = 7;
    /// A request to stop, either way: patience in milliseconds, reason.
    pub(super) const DRAIN: u8 = 8;
    /// Nothing that somebody is through with.
    const NONE: u64 = u64::MAX;

    /// Rows done and the key of what a worker is through with.
    pub(super) fn claim(rows: u64, done: Option<u64>) -> Vec<u8> {
        let mut bytes = with_u64(CLAIM, rows);
        bytes.extend_from_slice(&done.unwrap_or(NONE).to_le_bytes());
        bytes
    }

    pub(super) fn done_of(rest: &[u8]) -> Option<u64> {
        Some(rest.get(8..).map_or(NONE, u64_of)).filter(|&key| key != NONE)
    }

    pub(super) fn with_u64(kind: u8, value: u64) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&value.to_le_bytes());
        bytes
    }

    pub(super) fn with_bytes(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + payload.len());
        bytes.push(kind);
        bytes.extend_from_slice(payload);
        bytes
    }

    pub(super) fn drain(reason: &str, patience: Duration) -> Vec<u8> {
        let mut bytes = with_u64(DRAIN, patience.as_millis() as u64);
        bytes.extend_from_slice(reason.as_bytes());
        bytes
    }

    pub(super) fn of_drain(rest: &[u8]) -> (String, Duration) {
        let reason = String::from_utf8_lossy(rest.get(8..).unwrap_or_default()).into_owned();
        (reason, Duration::from_millis(u64_of(rest)))
    }

    pub(super) fn split(bytes: &[u8]) -> (u8, &[u8]) {
        bytes.split_first().map_or((STOP, &[]), |(kind, rest)| (*kind, rest))
    }

    pub(super) fn u64_of(bytes: &[u8]) -> u64 {
        bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b))
    }
}

enum Claimant {
    Worker(Sender<Option<Work>>),
    Rank(usize),
}

struct Root<'a> {
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
    fn new(comm: &'a dyn Communicator, shared: &'a Shared, queue: &'a mut dyn WorkQueue, n_workers: usize) -> Self {
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

    fn run(mut self, events: &Receiver<Event>, progress: &mut dyn FnMut(u64)) -> Result<(), String> {
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

struct Leaf<'a> {
    comm: &'a dyn Communicator,
    shared: &'a Shared,
    workers_left: usize,
    waiting: VecDeque<Sender<Option<Work>>>,
    failure: Option<String>,
    /// Rank 0 knows of the request to stop.
    drain_told: bool,
}

impl<'a> Leaf<'a> {
    fn new(comm: &'a dyn Communicator, shared: &'a Shared, n_workers: usize) -> Self {
        Self { comm, shared, workers_left: n_workers, waiting: VecDeque::new(), failure: None, drain_told: false }
    }

    fn run(mut self, events: &Receiver<Event>) -> Result<(), String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Messages that wait for one rank, with their tags.
    type Inbox = Mutex<VecDeque<(i32, Message)>>;

    /// Ranks as threads of one process.
    struct Threads {
        rank: usize,
        boxes: std::sync::Arc<Vec<Inbox>>,
    }

    impl Communicator for Threads {
        fn rank(&self) -> usize {
            self.rank
        }
        fn size(&self) -> usize {
            self.boxes.len()
        }
        fn send(&self, to: usize, tag: Tag, bytes: &[u8]) {
            let message = Message { from: self.rank, bytes: bytes.to_vec() };
            self.boxes[to].lock().unwrap().push_back((tag as i32, message));
        }
        fn poll(&self, tag: Tag) -> Option<Message> {
            let mut inbox = self.boxes[self.rank].lock().unwrap();
            let at = inbox.iter().position(|(t, _)| *t == tag as i32)?;
            inbox.remove(at).map(|(_, message)| message)
        }
        fn describe(&self) -> String {
            "threads".into()
        }
    }

    struct Countdown(usize);

    impl WorkQueue for Countdown {
        fn next(&mut self) -> Next {
            match self.0.checked_sub(1) {
                Some(left) => {
                    self.0 = left;
                    Next::Work(Work::Shard(left))
                }
                None => Next::Done,
            }
        }
    }

    fn ranks(n: usize, bad: Option<usize>) -> (Vec<Result<(), String>>, Vec<usize>) {
        let boxes = std::sync::Arc::new((0..n).map(|_| Inbox::default()).collect::<Vec<_>>());
        let done = Mutex::new(Vec::new());
        let results = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..n)
                .map(|rank| {
                    let (comm, done) = (Threads { rank, boxes: boxes.clone() }, &done);
                    scope.spawn(move || {
                        let (shared, mut dealer) = (Shared::new(Stop::new()), Dealer::new());
                        let claimers = [dealer.claimer(), dealer.claimer()];
                        std::thread::scope(|inner| {
                            for claimer in claimers {
                                inner.spawn(|| {
                                    let mut result = Ok(());
                                    let mut last = None;
                                    while let Some(Work::Shard(idx)) = claimer.claim(last) {
                                        last = Some(idx as u64);
                                        if Some(idx) == bad {
                                            result = Err("bad shard".to_owned());
                                            break;
                                        }
                                        done.lock().unwrap().push(idx);
                                    }
                                    claimer.end(result);
                                });
                            }
                            dealer.deal(&comm, &shared, &mut Countdown(500), &mut |_| {})
                        })
                    })
                })
                .collect();
            handles.into_iter().map(|h| h.join().unwrap()).collect()
        });
        let mut done = done.into_inner().unwrap();
        done.sort_unstable();
        (results, done)
    }

    #[test]
    fn every_shard_is_given_exactly_once() {
        for n in [1, 2, 5] {
            let (results, done) = ranks(n, None);
            assert!(results.iter().all(Result::is_ok));
            assert_eq!(done, (0..500).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_failed_shard_ends_every_rank() {
        for n in [1, 3] {
            let (results, done) = ranks(n, Some(400));
            assert_eq!(results[0], Err("bad shard".to_owned()));
            assert!(done.len() < 499);
        }
    }
}
