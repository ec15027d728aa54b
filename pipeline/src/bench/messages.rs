//! Latency and bandwidth between rank 0 and every other rank, through the messages that a run sends.

use std::collections::BTreeSet;
use std::time::Instant;

use super::card::Messages;
use crate::comm::{Communicator, Message, Tag, gather};

/// First bytes of what rank 0 sends: what is to be done with it.
mod wire {
    /// Sent back as it is.
    pub(super) const ECHO: u8 = 0;
    /// Answered by one byte.
    pub(super) const TAKE: u8 = 1;
    /// From now on this rank looks for messages all the time.
    pub(super) const AWAKE: u8 = 2;
    /// From now on it sleeps between looks, as in a run.
    pub(super) const SLEEPY: u8 = 3;
    /// The end.
    pub(super) const END: u8 = 4;
}

/// Bytes of a claim.
const CLAIM: usize = 9;

/// Serves rank 0's measurements on another rank, until rank 0 calls [`measure`] or [`end`].
pub fn serve(comm: &dyn Communicator) {
    gather(comm, hostname().as_bytes());
    let mut awake = false;
    loop {
        let message = if awake { receive_awake(comm, Tag::Grant) } else { comm.receive(Tag::Grant) };
        match message.bytes.first() {
            Some(&wire::ECHO) => comm.send(0, Tag::Claim, &message.bytes),
            Some(&wire::TAKE) => comm.send(0, Tag::Claim, &[wire::TAKE]),
            Some(&wire::AWAKE) => awake = true,
            Some(&wire::SLEEPY) => awake = false,
            _ => return,
        }
    }
}

/// Lets the ranks that [`serve`] go without measuring.
pub fn end(comm: &dyn Communicator) {
    gather(comm, hostname().as_bytes());
    (1..comm.size()).for_each(|rank| comm.send(rank, Tag::Grant, &[wire::END]));
}

/// Measures at rank 0 while the others [`serve`], one after the other; none where there is no other. `quick`: fewer and
/// smaller messages.
pub fn measure(comm: &dyn Communicator, quick: bool) -> Option<Messages> {
    let hosts = gather(comm, hostname().as_bytes()).into_iter().collect::<BTreeSet<_>>().len();
    let (rounds, bytes) = if quick { (50, 1 << 20) } else { (500, 16 << 20) };
    let (mut latencies, mut claims, mut bandwidths) = (Vec::new(), Vec::new(), Vec::new());
    for rank in 1..comm.size() {
        claims.push(median((0..rounds / 5).map(|_| echo(comm, rank, false)).collect()));
        comm.send(rank, Tag::Grant, &[wire::AWAKE]);
        let there_and_back = median((0..rounds).map(|_| echo(comm, rank, true)).collect());
        latencies.push(there_and_back / 2.0);
        let large = vec![wire::TAKE; bytes];
        let best = (0..5).map(|_| take(comm, rank, &large)).fold(f64::INFINITY, f64::min);
        bandwidths.push(bytes as f64 / (best - there_and_back / 2.0).max(1e-9));
        comm.send(rank, Tag::Grant, &[wire::SLEEPY]);
    }
    (1..comm.size()).for_each(|rank| comm.send(rank, Tag::Grant, &[wire::END]));
    (!latencies.is_empty()).then(|| Messages {
        ranks: comm.size(),
        hosts,
        latency_range: range(&latencies),
        latency: median(latencies),
        claim: median(claims),
        bandwidth_range: range(&bandwidths),
        bandwidth: median(bandwidths),
    })
}

/// Seconds of a small message there and back.
fn echo(comm: &dyn Communicator, rank: usize, awake: bool) -> f64 {
    let start = Instant::now();
    comm.send(rank, Tag::Grant, &[wire::ECHO; CLAIM]);
    if awake {
        receive_awake(comm, Tag::Claim)
    } else {
        comm.receive(Tag::Claim)
    };
    start.elapsed().as_secs_f64()
}

/// Seconds of a large message and its answer.
fn take(comm: &dyn Communicator, rank: usize, large: &[u8]) -> f64 {
    let start = Instant::now();
    comm.send(rank, Tag::Grant, large);
    receive_awake(comm, Tag::Claim);
    start.elapsed().as_secs_f64()
}

/// Looks all the time, but leaves the core to another rank that shares it.
fn receive_awake(comm: &dyn Communicator, tag: Tag) -> Message {
    loop {
        if let Some(message) = comm.poll(tag) {
            return message;
        }
        std::thread::yield_now();
    }
}

/// Counted, never told.
fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn range(values: &[f64]) -> (f64, f64) {
    (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::SingleProcess;
    use std::collections::VecDeque;
    use std::sync::Mutex;

    /// Messages that wait for one rank, with their tags.
    type Inbox = Mutex<VecDeque<(i32, Message)>>;

    /// Ranks as threads.
    struct Threads<'a> {
        rank: usize,
        inboxes: &'a [Inbox],
    }

    impl Communicator for Threads<'_> {
        fn rank(&self) -> usize {
            self.rank
        }
        fn size(&self) -> usize {
            self.inboxes.len()
        }
        fn send(&self, to: usize, tag: Tag, bytes: &[u8]) {
            let message = Message { from: self.rank, bytes: bytes.to_vec() };
            self.inboxes[to].lock().unwrap().push_back((tag as i32, message));
        }
        fn poll(&self, tag: Tag) -> Option<Message> {
            let mut inbox = self.inboxes[self.rank].lock().unwrap();
            let at = inbox.iter().position(|(t, _)| *t == tag as i32)?;
            inbox.remove(at).map(|(_, message)| message)
        }
        fn describe(&self) -> String {
            "threads".into()
        }
    }

    fn at_root(n: usize, call: impl Fn(&dyn Communicator) -> Option<Messages>) -> Option<Messages> {
        let inboxes: Vec<Inbox> = (0..n).map(|_| Inbox::default()).collect();
        std::thread::scope(|scope| {
            for rank in 1..n {
                let comm = Threads { rank, inboxes: &inboxes };
                scope.spawn(move || serve(&comm));
            }
            call(&Threads { rank: 0, inboxes: &inboxes })
        })
    }

    #[test]
    fn every_rank_is_measured_and_let_go() {
        let messages = at_root(4, |comm| measure(comm, true)).unwrap();
        assert_eq!((messages.ranks, messages.hosts), (4, 1));
        let (least, most) = messages.latency_range;
        assert!(least > 0.0 && least <= messages.latency && messages.latency <= most, "{messages:?}");
        assert!(messages.claim > messages.latency && messages.bandwidth > 0.0, "{messages:?}");
        assert!(
            at_root(3, |comm| {
                end(comm);
                None
            })
            .is_none()
        );
    }

    #[test]
    fn one_rank_has_nobody_to_talk_to() {
        assert!(measure(&SingleProcess, true).is_none());
    }
}
