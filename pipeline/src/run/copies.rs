//! What is in threads' hands, and which shards of slow ones are given a second time, to threads that have nothing left to do: of two copies the first counts,
//! and all are equal.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::schedule::Work;

/// A shard is late once it takes this many times the mean of those that are done.
const LATE: u32 = 2;
/// And not before.
const NOT_BEFORE: Duration = Duration::from_millis(500);

/// Pieces of work that were given and are not done, by [`Work::key`].
#[derive(Debug, Default)]
pub struct Copies {
    given: BTreeMap<u64, Given>,
    n_done: u32,
    total: Duration,
}

#[derive(Debug)]
struct Given {
    at: Instant,
    is_copied: bool,
}

impl Copies {
    /// A piece goes to a thread.
    pub fn give(&mut self, work: &Work) {
        self.given.entry(work.key()).or_insert(Given { at: Instant::now(), is_copied: false });
    }

    /// A thread is through with a piece, or with a copy of it.
    pub fn end(&mut self, key: u64) {
        if let Some(given) = self.given.remove(&key) {
            self.n_done += 1;
            self.total += given.at.elapsed();
        }
    }

    /// Whether nothing is in anybody's hands.
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// The shard that has been late for longest and has no copy yet.
    pub fn copy(&mut self) -> Option<Work> {
        let late = NOT_BEFORE.max(self.total.checked_div(self.n_done)? * LATE);
        let waiting = self.given.iter_mut().filter(|(_, given)| !given.is_copied && given.at.elapsed() > late);
        let waiting = waiting.filter_map(|(&key, given)| Some((Work::shard_of_key(key)?, given)));
        let (work, given) = waiting.min_by_key(|(_, given)| given.at)?;
        given.is_copied = true;
        Some(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::RawBatch;

    #[test]
    fn a_late_shard_is_given_once_more() {
        let mut copies = Copies::default();
        for shard in [0, 1, 2].map(Work::Shard) {
            copies.give(&shard);
        }
        let batch = Work::Batch(RawBatch { file_idx: 0, seq: 1, n_before: 0, bytes: Vec::new() });
        copies.give(&batch);
        assert_eq!(copies.copy(), None, "nobody knows what a shard takes");
        copies.end(1);
        assert_eq!(copies.copy(), None, "none is late");
        std::thread::sleep(NOT_BEFORE + Duration::from_millis(50));
        assert_eq!([copies.copy(), copies.copy(), copies.copy()], [Some(Work::Shard(0)), Some(Work::Shard(2)), None]);
        [0, 0, 2].into_iter().for_each(|shard| copies.end(shard));
        assert!(!copies.is_empty(), "the batch is in somebody's hands");
        copies.end(batch.key());
        assert!(copies.is_empty());
    }
}
