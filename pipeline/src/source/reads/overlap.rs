//! Mates whose alignments overlap: the bases of the first are kept in mind until the second comes.

use std::collections::HashMap;
use std::ops::Range;

use crate::format::alignment::{AlignmentRecord, FIRST, MATE_UNMAPPED, PAIRED, SECOND};

/// Reads kept in mind before those whose mates did not come are forgotten.
const MANY: usize = 4096;

/// A read whose mate is still to come.
#[derive(Debug, Clone)]
struct Waiting {
    start: u32,
    mate_start: u32,
    /// First or second of the pair.
    part: u16,
    /// Its bases among those of the file.
    bases: Range<usize>,
}

/// Reads whose mates are still to come, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct WaitingMates {
    by_name: HashMap<Vec<u8>, Waiting>,
    forget_at: usize,
}

impl WaitingMates {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.by_name.clear();
        self.forget_at = MANY;
    }

    /// Where the bases of the mate of `record` are, if it came and overlaps.
    pub(super) fn take_mate(&mut self, record: &AlignmentRecord) -> Option<Range<usize>> {
        if !may_overlap(record) || record.mate_start > record.start || self.by_name.is_empty() {
            return None;
        }
        let waiting = self.by_name.get(record.name())?;
        let is_mate = waiting.start == record.mate_start
            && waiting.mate_start == record.start
            && waiting.part != record.flags & (FIRST | SECOND);
        if !is_mate {
            return None;
        }
        self.by_name.remove(record.name()).map(|w| w.bases)
    }

    /// Keeps `record` in mind, whose bases are those, if its mate may come and overlap.
    pub(super) fn wait(&mut self, record: &AlignmentRecord, bases: Range<usize>) {
        let overlaps = (record.start..record.end).contains(&record.mate_start);
        if !may_overlap(record) || !overlaps || bases.is_empty() {
            return;
        }
        if self.by_name.len() >= self.forget_at {
            self.by_name.retain(|_, waiting| waiting.mate_start >= record.start);
            self.forget_at = (2 * self.by_name.len()).max(MANY);
        }
        let part = record.flags & (FIRST | SECOND);
        let waiting = Waiting { start: record.start, mate_start: record.mate_start, part, bases };
        self.by_name.insert(record.name().to_vec(), waiting);
    }
}

/// Whether a read is one of two on the same reference.
fn may_overlap(record: &AlignmentRecord) -> bool {
    record.flags & (PAIRED | MATE_UNMAPPED) == PAIRED && record.mate_reference_idx == record.reference_idx
}
