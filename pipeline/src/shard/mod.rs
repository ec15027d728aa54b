//! Cuts input files into shards: a pure function of their layout and a target size, which never sees the number of ranks.
//!
//! Results do not depend on where the cuts fall, because every record belongs to exactly one shard by the rule of
//! [`Cut`], and a shard's rows depend on its records alone.

use crate::format::bgzf::VirtualOffset;

/// Most shards that the target may make of one file (each of its ranges has one at least): a plan is held in memory by
/// every rank.
pub const MAX_SHARDS: u64 = 1 << 16;

/// Bytes of a shard for an input of so many, unless chosen otherwise: some five hundred shards, within what is worth a claim and what a thread can hold. Never from the number of ranks.
pub fn default_shard_bytes(input_bytes: u64) -> u64 {
    (input_bytes / 512).clamp(512 << 10, 8 << 20)
}

/// The bit of cells.
const CELL: u64 = 1 << 63;

/// A shard's identity and order: file in the upper 24 bits, number within the file in the lower 40.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u64);

impl ShardId {
    /// The shard `seq` of a file.
    pub fn new(file_idx: usize, seq: u64) -> Self {
        Self(((file_idx as u64) << 40) | seq)
    }

    /// A cell of a run's grid number `grid` (0 to 7): a chunk of sites or of the genome × a batch of files. Never the id of a
    /// shard.
    pub fn cell(grid: usize, chunk: usize, batch: usize) -> Self {
        Self(CELL | ((grid as u64) << 60) | ((batch as u64) << 40) | chunk as u64)
    }

    /// Of a cell: which grid's.
    pub fn grid(self) -> usize {
        ((self.0 & !CELL) >> 60) as usize
    }

    /// Whether it is a cell's.
    pub fn is_cell(self) -> bool {
        self.0 & CELL != 0
    }

    /// Which file of the input.
    pub fn file_idx(self) -> usize {
        (self.0 >> 40) as usize
    }

    /// Number within the file.
    pub fn seq(self) -> u64 {
        self.0 & ((1 << 40) - 1)
    }
}

/// A border between shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Where a record starts.
    Record(VirtualOffset),
    /// Any byte of the file, between lines of text: a line belongs to the side on which the block (in an uncompressed file:
    /// the byte) that holds the `\n` before it begins.
    Byte(u64),
}

impl Cut {
    /// File offset, for sizes.
    pub fn offset(self) -> u64 {
        match self {
            Self::Record(at) => at.compressed(),
            Self::Byte(at) => at,
        }
    }
}

/// A run of records of one file, read by one rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Identity and order.
    pub id: ShardId,
    /// Which file of the input.
    pub file_idx: usize,
    /// Where it begins.
    pub start: Cut,
    /// Where it ends.
    pub end: Cut,
    /// Bytes of the file between the two.
    pub bytes: u64,
}

/// How a file can be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Ranges of lines, at any byte.
    Lines(Vec<(Cut, Cut)>),
    /// Ranges of records, at these places (ascending).
    Records(Vec<(Cut, Cut)>, Vec<VirtualOffset>),
    /// Not at all: one rank reads it and deals its records out.
    Stream,
}

impl Layout {
    /// Bytes of the file within its ranges.
    fn span(&self) -> u64 {
        let (Self::Lines(ranges) | Self::Records(ranges, _)) = self else { return 0 };
        ranges.iter().map(|(start, end)| end.offset().saturating_sub(start.offset())).sum()
    }
}

/// The shards of an input, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShardPlan {
    /// Shards of the files that can be cut.
    pub shards: Vec<Shard>,
    /// Files that are read as streams.
    pub streams: Vec<usize>,
}

impl ShardPlan {
    /// Shards of about `target_bytes` (in the file, compressed) each, or more where a file would have more than
    /// [`MAX_SHARDS`].
    pub fn new(layouts: &[Layout], target_bytes: u64) -> Self {
        let mut plan = Self::default();
        for (file_idx, layout) in layouts.iter().enumerate() {
            let target = target_bytes.max(layout.span().div_ceil(MAX_SHARDS)).max(1);
            let mut seq = 0;
            let mut push = |start: Cut, end: Cut| {
                let bytes = end.offset().saturating_sub(start.offset());
                plan.shards.push(Shard { id: ShardId::new(file_idx, seq), file_idx, start, end, bytes });
                seq += 1;
            };
            match layout {
                Layout::Stream => plan.streams.push(file_idx),
                Layout::Lines(ranges) => ranges.iter().for_each(|&range| cut_lines(range, target, &mut push)),
                Layout::Records(ranges, starts) => {
                    ranges.iter().for_each(|&range| cut_records(range, starts, target, &mut push));
                }
            }
        }
        plan
    }
}

fn cut_lines((start, end): (Cut, Cut), target: u64, push: &mut impl FnMut(Cut, Cut)) {
    let mut from = start;
    // Multiples of the target within the file, so that shards of one file line up whatever its ranges are.
    let mut at = (start.offset() / target + 1).saturating_mul(target);
    while at < end.offset() {
        push(from, Cut::Byte(at));
        from = Cut::Byte(at);
        at = at.saturating_add(target);
    }
    push(from, end);
}

fn cut_records((start, end): (Cut, Cut), starts: &[VirtualOffset], target: u64, push: &mut impl FnMut(Cut, Cut)) {
    let mut from = start;
    for &at in starts {
        let inside = match (start, end) {
            (Cut::Record(s), Cut::Record(e)) => s < at && at < e,
            (Cut::Record(s), Cut::Byte(e)) => s < at && at.compressed() < e,
            _ => false,
        };
        if inside && at.compressed().saturating_sub(from.offset()) >= target {
            push(from, Cut::Record(at));
            from = Cut::Record(at);
        }
    }
    push(from, end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiny_targets_make_a_bounded_number_of_shards() {
        let end = 1 << 40;
        let layout = Layout::Lines(vec![(Cut::Byte(7), Cut::Byte(end))]);
        let n = ShardPlan::new(&[layout], 1).shards.len() as u64;
        assert!(n > MAX_SHARDS / 2 && n <= MAX_SHARDS + 1, "{n}");
    }

    #[test]
    fn shards_join_up_and_keep_their_order() {
        let record = |c, u| VirtualOffset::new(c, u);
        let starts: Vec<_> = (0..50).map(|i| record(i * 7, (i % 3) as u16)).collect();
        let layouts = [
            Layout::Lines(vec![(Cut::Record(record(13, 4)), Cut::Byte(301))]),
            Layout::Stream,
            Layout::Records(vec![(Cut::Record(record(3, 1)), Cut::Byte(400))], starts),
        ];
        for target in [1, 2, 10, 64, 1000, u64::MAX] {
            let plan = ShardPlan::new(&layouts, target);
            assert_eq!(plan.streams, [1]);
            assert!(plan.shards.is_sorted_by_key(|s| s.id));
            for file_idx in [0, 2] {
                let shards: Vec<_> = plan.shards.iter().filter(|s| s.file_idx == file_idx).collect();
                assert!(shards.windows(2).all(|w| w[0].end == w[1].start));
                assert_eq!(shards[0].start.offset(), if file_idx == 0 { 13 } else { 3 });
                assert_eq!(shards[shards.len() - 1].end.offset(), if file_idx == 0 { 301 } else { 400 });
            }
        }
    }
}
