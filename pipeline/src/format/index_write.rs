//! Making the index of a sorted file of one-base records while it is written: TBI for VCF and tables, CSI for BCF, with bins
//! of 2¹⁴ bases at depth 5, or CSI for tables with positions beyond 2²⁹, at depth 6 (tabix and CSIv1 specifications).

use super::bgzf::VirtualOffset;

const WINDOW_SHIFT: u32 = 14;
/// Levels of bins below the whole: positions to 2²⁹.
const DEPTH: u32 = 5;
/// Positions to 2³².
const DEEPER: u32 = 6;

/// First bin of the lowest of `depth` levels.
fn first_leaf_bin(depth: u32) -> u32 {
    ((1 << (3 * depth)) - 1) / 7
}

/// Holds the place and the number of a reference's records.
fn pseudo_bin(depth: u32) -> u32 {
    first_leaf_bin(depth + 1) + 1
}

/// What kind of text is indexed: tabix's format code, then the columns of the name and of the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexedText {
    /// VCF.
    Vcf,
    /// A table with chromosome and position in front; lines with `#` are comments.
    Table,
}

impl IndexedText {
    /// tabix's header: format, columns of name, start and end, comments' first byte, lines skipped; then the names.
    fn push_header(self, names: &[&str], out: &mut Vec<u8>) {
        let (format, end) = match self {
            Self::Vcf => (2, 0),
            Self::Table => (0, 2),
        };
        [format, 1, 2, end, u32::from(b'#'), 0].iter().for_each(|&n| push_u32(n, out));
        push_u32(names.iter().map(|name| name.len() as u32 + 1).sum(), out);
        for name in names {
            out.extend(name.as_bytes());
            out.push(0);
        }
    }
}

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

    /// Adds a contig and gives its place.
    pub fn add_reference(&mut self) -> usize {
        self.references.push(Reference::default());
        self.references.len() - 1
    }

    /// Takes note of a record at 1-based `pos`, at most 2²⁹ but for [`to_table_csi`](Self::to_table_csi), that lies from `start` to `end`.
    pub fn push(&mut self, reference_idx: usize, pos: u32, start: VirtualOffset, end: VirtualOffset) {
        let reference = &mut self.references[reference_idx];
        let window = (pos - 1) >> WINDOW_SHIFT;
        reference.n_records += 1;
        match reference.windows.last_mut() {
            Some(last) if last.0 == window => last.2 = end,
            _ => reference.windows.push((window, start, end)),
        }
    }

    /// The bytes of a TBI with these contigs, not yet compressed.
    pub fn to_tbi(&self, text: IndexedText, names: &[&str]) -> Vec<u8> {
        let mut out = b"TBI\x01".to_vec();
        push_u32(self.references.len() as u32, &mut out);
        text.push_header(names, &mut out);
        for reference in &self.references {
            reference.push_bins(DEPTH, false, &mut out);
            reference.push_linear(&mut out);
        }
        push_u64(0, &mut out);
        out
    }

    /// The bytes of a CSI of a table with these contigs and positions to 2³², not yet compressed.
    pub fn to_table_csi(&self, names: &[&str]) -> Vec<u8> {
        let mut header = Vec::new();
        IndexedText::Table.push_header(names, &mut header);
        let mut out = b"CSI\x01".to_vec();
        [WINDOW_SHIFT, DEEPER, header.len() as u32].iter().for_each(|&n| push_u32(n, &mut out));
        out.extend(header);
        push_u32(self.references.len() as u32, &mut out);
        for reference in &self.references {
            reference.push_bins(DEEPER, true, &mut out);
        }
        push_u64(0, &mut out);
        out
    }

    /// The bytes of a CSI of a BCF, not yet compressed.
    pub fn to_csi(&self) -> Vec<u8> {
        let mut out = b"CSI\x01".to_vec();
        [WINDOW_SHIFT, DEPTH, 0, self.references.len() as u32].iter().for_each(|&n| push_u32(n, &mut out));
        for reference in &self.references {
            reference.push_bins(DEPTH, true, &mut out);
        }
        push_u64(0, &mut out);
        out
    }
}

impl Reference {
    fn push_bins(&self, depth: u32, with_first: bool, out: &mut Vec<u8>) {
        let (Some(first), Some(last)) = (self.windows.first(), self.windows.last()) else {
            push_u32(0, out);
            return;
        };
        push_u32(self.windows.len() as u32 + 1, out);
        for (window, start, end) in &self.windows {
            push_u32(first_leaf_bin(depth) + window, out);
            if with_first {
                push_u64(start.0, out);
            }
            push_u32(1, out);
            push_u64(start.0, out);
            push_u64(end.0, out);
        }
        push_u32(pseudo_bin(depth), out);
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
    fn bins_are_those_of_the_specification() {
        assert_eq!((first_leaf_bin(5), pseudo_bin(5)), (4681, 37450));
        assert_eq!((first_leaf_bin(6), pseudo_bin(6)), (37449, 299_594));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut builder = IndexBuilder::new(2);
        let v = VirtualOffset;
        for (i, pos) in [1, 16_384, 16_385, 100_000, 1 << 29].into_iter().enumerate() {
            let at = 100 * i as u64;
            builder.push(1, pos, v(at), v(at + 100));
        }
        for bytes in [builder.to_csi(), builder.to_tbi(IndexedText::Vcf, &["1", "chr2"])] {
            let index = VariantIndex::parse(&bytes).unwrap();
            assert_eq!(index.n_records(), Some(5));
            assert_eq!(index.query(1, 1, 16_384), [(v(0), v(200))]);
            assert_eq!(index.query(1, 16_385, 20_000), [(v(200), v(300))]);
            assert_eq!(index.query(1, 99_990, 536_870_912), [(v(300), v(500))]);
            assert!(index.query(0, 1, 1000).is_empty());
        }
    }
}
