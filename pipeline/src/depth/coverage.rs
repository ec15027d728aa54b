//! From reads to depths along a stretch of a chromosome: what of a read counts, and mates' overlap once.
//!
//! The rules are mosdepth's (Pedersen & Quinlan 2018): bases of the read that stand on bases of the reference count,
//! deletions and introns do not; where both mates of a proper pair cover a base it counts once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use norna_kernels::depth::{cover, depths_of, uncover};

use crate::format::alignment::{AlignmentRecord, PROPER_PAIR, SUPPLEMENTARY};

/// Which reads count, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadRules {
    /// Reads with any of these flags do not.
    pub exclude_flags: u16,
    /// Reads with a lower mapping quality do not.
    pub min_mapq: u8,
    /// A read counts from its first to its last base, whatever is in between, and both mates do.
    pub fast: bool,
}

/// What came of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It counts.
    Used,
    /// Its flags leave it out.
    Flags,
    /// Its mapping quality does.
    Mapq,
}

impl ReadRules {
    /// What comes of a read.
    pub fn fate(&self, record: &AlignmentRecord) -> Fate {
        if record.flags & self.exclude_flags != 0 {
            Fate::Flags
        } else if record.mapq < self.min_mapq {
            Fate::Mapq
        } else {
            Fate::Used
        }
    }
}

/// A stretch of a chromosome that reads are laid on.
#[derive(Debug, Default)]
pub struct Stretch {
    /// One for each position and one behind them.
    differences: Vec<u32>,
    range: Range<u32>,
    is_touched: bool,
    mates: Mates,
    runs: Vec<Range<u32>>,
    mate_runs: Vec<Range<u32>>,
}

impl Stretch {
    /// Starts on a stretch without reads.
    pub fn begin(&mut self, range: Range<u32>) {
        if self.is_touched || self.differences.len() != range.len() + 1 {
            self.differences.clear();
            self.differences.resize(range.len() + 1, 0);
        }
        self.is_touched = false;
        self.range = range;
        self.mates.clear();
    }

    /// Starts on another file: mates are never in two.
    pub fn next_file(&mut self) {
        self.mates.clear();
    }

    /// Lays on a read that counts. Reads come by position; what lies outside of the stretch is passed over.
    pub fn add(&mut self, record: &AlignmentRecord, rules: &ReadRules) {
        if rules.fast {
            self.cover(&(record.start..record.end));
            return;
        }
        let mut runs = std::mem::take(&mut self.runs);
        aligned_runs(record, &mut runs);
        let is_pair = record.flags & (PROPER_PAIR | SUPPLEMENTARY) == PROPER_PAIR;
        if is_pair && record.reference_idx == record.mate_reference_idx {
            self.meet_mate(record, &runs);
        }
        runs.iter().for_each(|run| self.cover(run));
        self.runs = runs;
    }

    fn meet_mate(&mut self, record: &AlignmentRecord, runs: &[Range<u32>]) {
        let (start, mate_start) = (record.start, record.mate_start);
        if start > mate_start || (start == mate_start && self.mates.is_waited_for(start, record.name())) {
            let mut mate_runs = std::mem::take(&mut self.mate_runs);
            if self.mates.take(start, record.name(), &mut mate_runs) {
                for_each_shared(runs, &mate_runs, |run| self.uncover(&run));
            }
            self.mate_runs = mate_runs;
        } else if record.end > mate_start {
            self.mates.wait(mate_start, record.name(), runs);
        }
    }

    /// Where a run lies in the stretch.
    fn inside(&self, run: &Range<u32>) -> Option<Range<usize>> {
        let (from, to) = (run.start.max(self.range.start), run.end.min(self.range.end));
        (from < to).then(|| (from - self.range.start) as usize..(to - self.range.start) as usize)
    }

    fn cover(&mut self, run: &Range<u32>) {
        if let Some(run) = self.inside(run) {
            self.is_touched = true;
            cover(&mut self.differences, run);
        }
    }

    fn uncover(&mut self, run: &Range<u32>) {
        if let Some(run) = self.inside(run) {
            uncover(&mut self.differences, run);
        }
    }

    /// Depth of each position; none where no read counted. Nothing can be laid on afterwards.
    pub fn depths(&mut self) -> Option<&[u32]> {
        if !self.is_touched {
            return None;
        }
        depths_of(&mut self.differences);
        Some(&self.differences[..self.range.len()])
    }
}

/// Stretches of the reference on which bases of the read stand, those that touch as one.
fn aligned_runs(record: &AlignmentRecord, runs: &mut Vec<Range<u32>>) {
    runs.clear();
    let mut at = record.start;
    for (kind, length) in record.cigar() {
        if !kind.takes_reference() {
            continue;
        }
        let end = at.saturating_add(length);
        if kind.is_aligned() && at < end {
            match runs.last_mut() {
                Some(run) if run.end == at => run.end = end,
                _ => runs.push(at..end),
            }
        }
        at = end;
    }
}

/// What two lists of rising runs share.
fn for_each_shared(a: &[Range<u32>], b: &[Range<u32>], mut each: impl FnMut(Range<u32>)) {
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let (start, end) = (x.start.max(y.start), x.end.min(y.end));
        if start < end {
            each(start..end);
        }
        if x.end < y.end { i += 1 } else { j += 1 }
    }
}

/// Reads whose mates are expected to overlap them and have not come yet, by where they should and their name.
#[derive(Debug, Default)]
struct Mates {
    waiting: HashMap<u64, Waiting, BuildHasherDefault<KeyHasher>>,
    /// Those of which another one has the same key.
    others: Vec<Waiting>,
    spare: Vec<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    start: u32,
    name: Vec<u8>,
    runs: Vec<Range<u32>>,
}

impl Waiting {
    fn is(&self, start: u32, name: &[u8]) -> bool {
        self.start == start && self.name == name
    }
}

impl Mates {
    fn clear(&mut self) {
        self.spare.extend(self.waiting.drain().map(|(_, waiting)| waiting));
        self.spare.append(&mut self.others);
    }

    /// Waits for the mate of this name at `start`, and no longer for an earlier one of this name.
    fn wait(&mut self, start: u32, name: &[u8], runs: &[Range<u32>]) {
        let mut new = self.spare.pop().unwrap_or_default();
        new.start = start;
        new.name.clear();
        new.name.extend_from_slice(name);
        new.runs.clear();
        new.runs.extend_from_slice(runs);
        if let Some(there) = self.others.iter_mut().find(|there| there.is(start, name)) {
            *there = new;
            return;
        }
        match self.waiting.entry(key(start, name)) {
            std::collections::hash_map::Entry::Vacant(entry) => drop(entry.insert(new)),
            std::collections::hash_map::Entry::Occupied(mut entry) if entry.get().is(start, name) => {
                entry.insert(new);
            }
            std::collections::hash_map::Entry::Occupied(_) => self.others.push(new),
        }
    }

    fn is_waited_for(&self, start: u32, name: &[u8]) -> bool {
        let nobody = self.waiting.is_empty() && self.others.is_empty();
        !nobody
            && (self.waiting.get(&key(start, name)).is_some_and(|there| there.is(start, name))
                || self.others.iter().any(|there| there.is(start, name)))
    }

    /// Whether the read of this name at `start` was waited for; its mate's runs then.
    fn take(&mut self, start: u32, name: &[u8], runs: &mut Vec<Range<u32>>) -> bool {
        if self.waiting.is_empty() && self.others.is_empty() {
            return false;
        }
        let key = key(start, name);
        let found = match self.waiting.get(&key) {
            Some(there) if there.is(start, name) => self.waiting.remove(&key),
            _ => {
                let at = self.others.iter().position(|there| there.is(start, name));
                at.map(|at| self.others.swap_remove(at))
            }
        };
        let Some(mut found) = found else { return false };
        std::mem::swap(&mut found.runs, runs);
        self.spare.push(found);
        true
    }
}

/// Of eight bytes at a time; what it collides on is told apart by the name itself.
fn key(start: u32, name: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = u64::from(start).wrapping_mul(MULTIPLIER);
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(MULTIPLIER);
    }
    let last = rest.iter().fold(rest.len() as u64, |last, &byte| last << 8 | u64::from(byte));
    let hash = (hash.rotate_left(23) ^ last).wrapping_mul(MULTIPLIER);
    hash ^ hash >> 29
}

/// Keys are mixed already.
#[derive(Debug, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.0 = self.0.rotate_left(8) ^ u64::from(byte));
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "lists of runs that have one")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn union(cuts: &[u32]) -> Vec<Range<u32>> {
        let mut cuts = cuts.to_vec();
        cuts.sort_unstable();
        cuts.dedup();
        cuts.as_chunks::<2>().0.iter().map(|&[from, to]| from..to).collect()
    }

    proptest! {
        #[test]
        fn prop_what_runs_share_is_what_both_hold(
            a in prop::collection::vec(0_u32..60, 0..12),
            b in prop::collection::vec(0_u32..60, 0..12),
        ) {
            let (a, b) = (union(&a), union(&b));
            let mut found = Vec::new();
            for_each_shared(&a, &b, |run| found.extend(run));
            let holds = |runs: &[Range<u32>], at: u32| runs.iter().any(|run| run.contains(&at));
            let expected: Vec<u32> = (0..60).filter(|&at| holds(&a, at) && holds(&b, at)).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn mates_are_found_by_name_and_place_even_where_keys_collide() {
        let mut mates = Mates::default();
        let mut runs = Vec::new();
        assert!(!mates.take(5, b"a", &mut runs));
        mates.wait(5, b"a", &[1..9]);
        mates.wait(5, b"b", &[2..9]);
        assert!(mates.is_waited_for(5, b"a") && !mates.is_waited_for(6, b"a"));
        assert!(!mates.take(5, b"c", &mut runs) && !mates.take(4, b"a", &mut runs));
        assert!(mates.take(5, b"a", &mut runs) && runs == [1..9]);
        assert!(!mates.take(5, b"a", &mut runs));
        // Two whose keys collide, as it were.
        let taken = Waiting { start: 7, name: b"y".to_vec(), runs: vec![7..8] };
        mates.waiting.insert(key(7, b"x"), taken);
        mates.wait(7, b"x", &[3..9]);
        assert!(mates.is_waited_for(7, b"x"));
        assert!(mates.take(7, b"x", &mut runs) && runs == [3..9] && mates.others.is_empty());
        mates.clear();
        assert!(!mates.take(5, b"b", &mut runs));
    }
}
