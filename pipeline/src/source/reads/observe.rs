//! The bases of one read at sites, by its CIGAR.

use crate::format::alignment::{AlignmentRecord, NO_QUALITY};

/// Mapping quality that is not known.
const UNKNOWN_MAPQ: u8 = 255;
/// A base that may be any.
const N: u8 = 15;

/// A base of a read, or of a pair of mates, at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Base {
    /// Number of the site.
    pub(super) site: u32,
    /// The base as a set of A (1), C (2), G (4), T (8); 0 is "as the reference".
    pub(super) code: u8,
    /// As the sequencer says.
    pub(super) stated: u8,
    /// Capped by the mapping quality.
    pub(super) quality: u8,
}

impl Base {
    /// Whether it is one base, and not one of several.
    fn is_clear(self) -> bool {
        self.code != N && self.code.count_ones() <= 1
    }

    /// Takes in the mate's base at the same site. Where they agree, the better quality stands for both, since the two are
    /// copies of one molecule; where not, the better base with what its quality has over the other.
    pub(super) fn join(&mut self, mate: Self, mate_is_first: bool) {
        let takes_mate = if self.code == mate.code {
            self.quality = self.quality.max(mate.quality);
            return;
        } else if self.is_clear() != mate.is_clear() {
            if mate.is_clear() {
                (self.code, self.quality) = (mate.code, mate.quality);
            }
            return;
        } else {
            mate.quality > self.quality || (mate.quality == self.quality && mate_is_first)
        };
        self.quality = self.quality.abs_diff(mate.quality);
        if takes_mate {
            self.code = mate.code;
        }
    }
}

/// Appends to `bases` those of `record` at the sites `from..` (whose positions, from 0, ascend and are not before the
/// record's start). Gives how many sites fall on a deletion or a skip.
pub(super) fn bases_at(record: &AlignmentRecord, positions: &[u32], from: usize, bases: &mut Vec<Base>) -> u64 {
    let cap = if record.mapq == UNKNOWN_MAPQ { NO_QUALITY } else { record.mapq };
    let (mut at, mut read_at) = (record.start, 0);
    let mut site = from;
    let mut n_without = 0;
    for (kind, len) in record.cigar() {
        let end = at.saturating_add(len);
        if kind.takes_reference() {
            while let Some(&position) = positions.get(site).filter(|&&p| p < end) {
                let i = read_at + (position - at) as usize;
                if kind.is_aligned() && i < record.read_len() {
                    let stated = record.quality(i);
                    let quality = stated.min(cap);
                    bases.push(Base { site: site as u32, code: record.base(i), stated, quality });
                } else {
                    n_without += 1;
                }
                site += 1;
            }
            at = end;
            if site == positions.len() {
                break;
            }
        }
        if kind.takes_read() {
            read_at += len as usize;
        }
    }
    n_without
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(code: u8, quality: u8) -> Base {
        Base { site: 0, code, stated: quality, quality }
    }

    fn joined(a: Base, b: Base, second_is_first: bool) -> (u8, u8) {
        let mut joined = a;
        joined.join(b, second_is_first);
        (joined.code, joined.quality)
    }

    #[test]
    fn mates_are_joined_whichever_comes_first() {
        for (a, b, want) in [
            (base(1, 30), base(1, 20), (1, 30)),
            (base(1, 30), base(2, 20), (1, 10)),
            (base(1, 20), base(2, 20), (1, 0)),
            (base(15, 40), base(2, 20), (2, 20)),
            (base(15, 2), base(15, 3), (15, 3)),
            (base(0, 30), base(4, 35), (4, 5)),
        ] {
            assert_eq!(joined(a, b, false), want, "{a:?} {b:?}");
            assert_eq!(joined(b, a, true), want, "{b:?} {a:?}");
        }
    }
}
