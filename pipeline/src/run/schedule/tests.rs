use std::collections::VecDeque;

use super::*;
use crate::comm::{Message, Tag};
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
