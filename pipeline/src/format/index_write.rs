//! Making the index of a sorted file of one-base records while it is written: TBI for VCF, CSI for BCF, both with bins of
//! 2¹⁴ bases at depth 5 (tabix and CSIv1 specifications).

use super::bgzf::VirtualOffset;

const WINDOW_SHIFT: u32 = 14;
const FIRST_LEAF_BIN: u32 = 4681;
/// Holds the place and the number of a reference's records.
const PSEUDO_BIN: u32 = 37450;

/// An index in the making.
#[derive(Debug, Clone, Default)]
pub struct IndexBuilder {
    references: Vec<Reference>,
}

#[derive(Debug, Clone, Default)]
struct Reference {
    /// Windows that have records, ascending, each with the place of its first and the end of its last record.
    windows: Vec<(u32, VirtualOffset, VirtualOffset)>,
    n_records: u64,
}

impl IndexBuilder {
    /// For a file of `n_references` contigs.
    pub fn new(n_references: usize) -> Self {
        Self { references: vec![Reference::default(); n_references] }
    }

    /// Takes note of a record at 1-based `pos`, at most 2²⁹, that lies from `start` to `end`.
    pub fn push(&mut self, reference_idx: usize, pos: u32, start: VirtualOffset, end: VirtualOffset) {
        let reference = &mut self.references[reference_idx];
        let window = (pos - 1) >> WINDOW_SHIFT;
        reference.n_records += 1;
        match reference.windows.last_mut() {
            Some(last) if last.0 == window => last.2 = end,
            _ => reference.windows.push((window, start, end)),
        }
    }

    /// The bytes of a TBI of a VCF with these contigs, not yet compressed.
    pub fn to_tbi(&self, names: &[&str]) -> Vec<u8> {
        let mut out = b"TBI\x01".to_vec();
        push_u32(self.references.len() as u32, &mut out);
        // VCF; columns of the name and of the start; no column of the end; '#'; no line skipped.
        [2, 1, 2, 0, u32::from(b'#'), 0].iter().for_each(|&n| push_u32(n, &mut out));
        push_u32(names.iter().map(|name| name.len() as u32 + 1).sum(), &mut out);
        for name in names {
            out.extend(name.as_bytes());
            out.push(0);
        }
        for reference in &self.references {
            reference.push_bins(false, &mut out);
            reference.push_linear(&mut out);
        }
        push_u64(0, &mut out);
        out
    }

    /// The bytes of a CSI of a BCF, not yet compressed.
    pub fn to_csi(&self) -> Vec<u8> {
        let mut out = b"CSI\x01".to_vec();
        [WINDOW_SHIFT, 5, 0, self.references.len() as u32].iter().for_each(|&n| push_u32(n, &mut out));
        for reference in &self.references {
            reference.push_bins(true, &mut out);
        }
        push_u64(0, &mut out);
        out
    }
}

impl Reference {
    fn push_bins(&self, with_first: bool, out: &mut Vec<u8>) {
        let (Some(first), Some(last)) = (self.windows.first(), self.windows.last()) else {
            push_u32(0, out);
            return;
        };
        push_u32(self.windows.len() as u32 + 1, out);
        for (window, start, end) in &self.windows {
            push_u32(FIRST_LEAF_BIN + window, out);
            if with_first {
                push_u64(start.0, out);
            }
            push_u32(1, out);
            push_u64(start.0, out);
            push_u64(end.0, out);
        }
        push_u32(PSEUDO_BIN, out);
        if with_first {
            push_u64(0, out);
        }
        push_u32(2, out);
        [first.1.0, last.2.0, self.n_records, 0].iter().for_each(|&n| push_u64(n, out));
    }

    /// The first record at or after each window's start; a window without records has that of the window before.
    fn push_linear(&self, out: &mut Vec<u8>) {
        let n = self.windows.last().map_or(0, |last| last.0 + 1);
        push_u32(n, out);
        let mut at = 0;
        let mut offset = self.windows.first().map_or(0, |first| first.1.0);
        for window in 0..n {
            if self.windows[at].0 == window {
                offset = self.windows[at].1.0;
                at += 1;
            }
            push_u64(offset, out);
        }
    }
}

fn push_u32(value: u32, out: &mut Vec<u8>) {
    out.extend(value.to_le_bytes());
}

fn push_u64(value: u64, out: &mut Vec<u8>) {
    out.extend(value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::index::VariantIndex;
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut builder = IndexBuilder::new(2);
        let v = VirtualOffset;
        for (i, pos) in [1, 16_384, 16_385, 100_000, 1 << 29].into_iter().enumerate() {
            let at = 100 * i as u64;
            builder.push(1, pos, v(at), v(at + 100));
        }
        for bytes in [builder.to_csi(), builder.to_tbi(&["1", "chr2"])] {
            let index = VariantIndex::parse(&bytes).unwrap();
            assert_eq!(index.n_records(), Some(5));
            assert_eq!(index.query(1, 1, 16_384), [(v(0), v(200))]);
            assert_eq!(index.query(1, 16_385, 20_000), [(v(200), v(300))]);
            assert_eq!(index.query(1, 99_990, 536_870_912), [(v(300), v(500))]);
            assert!(index.query(0, 1, 1000).is_empty());
        }
    }
}
