//! The header of a BCF: VCF text, and the two dictionaries by which records name contigs and keys.
//!
//! BCF specification (VCFv4.5, section 6.2): FILTER, INFO and FORMAT share one dictionary, where PASS is 0 even if no line
//! says so and an ID counts once; `IDX=` overrides the order of the lines.

use std::collections::HashMap;

use super::bgzf_source::{ByteSource, MAX_RECORD_LEN, too_long};
use super::vcf_header::{HeaderError, VcfHeader};

/// Highest IDX that is taken for real.
const MAX_IDX: usize = 1 << 24;

/// A BCF's header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BcfHeader {
    /// The text's content.
    pub vcf: VcfHeader,
    contigs: Vec<Option<String>>,
    keys: HashMap<String, i32>,
}

/// The bytes that begin a BCF of a version that is read.
pub fn is_bcf(head: &[u8]) -> bool {
    head.starts_with(b"BCF")
}

impl BcfHeader {
    /// Reads the header at the start of `source`, which is left at the first record. Also gives the text.
    pub fn read(source: &mut ByteSource) -> Result<(Self, Vec<u8>), HeaderError> {
        let mut head = Vec::new();
        source.read_exactly(9, &mut head)?;
        match head.get(3..5) {
            Some([2, 1 | 2]) => {}
            Some([4, ..]) => return Err(HeaderError::Bcf("BCF1 is not read; convert with bcftools view -Ob".into())),
            _ => return Err(HeaderError::Bcf("BCF of a version other than 2.1 and 2.2".into())),
        }
        let len = u32::from_le_bytes([head[5], head[6], head[7], head[8]]) as usize;
        if len > MAX_RECORD_LEN {
            return Err(too_long("header").into());
        }
        let mut text = Vec::new();
        if !source.read_exactly(len, &mut text)? {
            return Err(HeaderError::Empty);
        }
        Ok((Self::parse(&text)?, text))
    }

    /// Takes the text apart and builds the dictionaries.
    pub fn parse(text: &[u8]) -> Result<Self, HeaderError> {
        let end = memchr::memchr(0, text).unwrap_or(text.len());
        let vcf = VcfHeader::parse(&text[..end])?;
        let mut contigs: Vec<Option<String>> = Vec::new();
        for contig in &vcf.contigs {
            let idx = checked(contig.idx.unwrap_or(contigs.len()))?;
            if contigs.len() <= idx {
                contigs.resize(idx + 1, None);
            }
            contigs[idx].get_or_insert_with(|| contig.id.clone());
        }
        let mut keys = HashMap::from([("PASS".to_owned(), 0)]);
        let mut next = 1;
        for definition in &vcf.definitions {
            if keys.contains_key(&definition.id) {
                continue;
            }
            let idx = checked(definition.idx.unwrap_or(next))?;
            next = next.max(idx + 1);
            keys.insert(definition.id.clone(), i32::try_from(idx).unwrap_or(i32::MAX));
        }
        Ok(Self { vcf, contigs, keys })
    }

    /// Name of a contig by its number.
    pub fn contig(&self, idx: i32) -> Option<&str> {
        self.contigs.get(usize::try_from(idx).ok()?)?.as_deref()
    }

    /// Contigs by number.
    pub fn contigs(&self) -> &[Option<String>] {
        &self.contigs
    }

    /// Number of a FILTER, INFO or FORMAT key.
    pub fn key(&self, id: &str) -> Option<i32> {
        self.keys.get(id).copied()
    }
}

fn checked(idx: usize) -> Result<usize, HeaderError> {
    if idx <= MAX_IDX { Ok(idx) } else { Err(HeaderError::Bcf(format!("header: IDX={idx} is out of bounds"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionary_follows_order_and_idx() {
        let text = concat!(
            "##fileformat=VCFv4.3\n##INFO=<ID=AF,Number=A>\n##FORMAT=<ID=GT,Number=1>\n##FORMAT=<ID=AF,Number=A>\n",
            "##FORMAT=<ID=DS,Number=A,IDX=7>\n##FORMAT=<ID=GP>\n##contig=<ID=1>\n##contig=<ID=X,IDX=4>\n##contig=<ID=Y>\n",
            "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n\0"
        );
        let header = BcfHeader::parse(text.as_bytes()).unwrap();
        let keys = ["PASS", "AF", "GT", "DS", "GP"].map(|k| header.key(k));
        assert_eq!(keys, [0, 1, 2, 7, 8].map(Some));
        assert_eq!([0, 1, 4, 5, -1].map(|i| header.contig(i)), [Some("1"), None, Some("X"), Some("Y"), None]);
    }
}
