//! Writing BCF 2.2: the records of [`super::vcf_write`] as typed values (VCFv4.5 specification, section 6).

use super::bcf_values::{
    FLOAT_END, FLOAT_MISSING, TYPE_FLOAT, TYPE_INT8, TYPE_INT32, TYPE_TEXT, push_descriptor, push_int8,
};
use super::vcf_write::{FormatKey, HeaderView, InfoValue, MISSING, RecordView, header_text};

/// The bytes that begin a file: magic, and the header's text.
pub fn header_bytes(header: &HeaderView<'_>) -> Vec<u8> {
    let text = header_text(header);
    let mut bytes = b"BCF\x02\x02".to_vec();
    bytes.extend((text.len() as u32 + 1).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.push(0);
    bytes
}

/// Writes records by one header's dictionary.
pub struct BcfEncoder {
    info: Vec<&'static str>,
    n_info: usize,
    /// 0 to 2 in thousandths.
    thousandths: Vec<[u8; 4]>,
}

impl BcfEncoder {
    /// `info`: the header's INFO IDs in order. PASS is 0 in the dictionary, then come INFO and FORMAT.
    pub fn new(info: &[&'static str]) -> Self {
        let thousandths = (0..=2000_u16).map(|k| (f32::from(k) / 1000.0).to_le_bytes()).collect();
        Self { info: info.to_vec(), n_info: info.len(), thousandths }
    }

    /// Adds `record` to `out`.
    pub fn encode(&self, record: &RecordView<'_>, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend([0; 8]);
        self.encode_site(record, out);
        let shared = out.len() - start - 8;
        for (key_idx, key) in record.keys.iter().enumerate() {
            push_int8(1 + (self.n_info + key_idx) as u8, out);
            match key {
                FormatKey::Gt => push_calls(record.calls, out),
                FormatKey::Ds => self.push_dosages(record, out),
                FormatKey::Gp => self.push_probabilities(record, out),
            }
        }
        let individual = out.len() - start - 8 - shared;
        out[start..start + 4].copy_from_slice(&(shared as u32).to_le_bytes());
        out[start + 4..start + 8].copy_from_slice(&(individual as u32).to_le_bytes());
    }

    fn encode_site(&self, record: &RecordView<'_>, out: &mut Vec<u8>) {
        out.extend((record.contig_idx as u32).to_le_bytes());
        out.extend((record.pos - 1).to_le_bytes());
        out.extend(1_u32.to_le_bytes());
        out.extend(FLOAT_MISSING.to_le_bytes());
        out.extend((2 << 16 | record.info.len() as u32).to_le_bytes());
        out.extend(((record.keys.len() as u32) << 24 | record.calls.len() as u32).to_le_bytes());
        push_descriptor(TYPE_TEXT, record.id.len(), out);
        out.extend(record.id.as_bytes());
        for allele in [record.reference, record.alternate] {
            push_descriptor(TYPE_TEXT, 1, out);
            out.push(allele);
        }
        push_int8(0, out);
        for (name, value) in record.info {
            let idx = self.info.iter().position(|known| known == name).unwrap_or(0);
            push_int8(1 + idx as u8, out);
            match value {
                InfoValue::Integer(value) => {
                    push_descriptor(TYPE_INT32, 1, out);
                    out.extend(value.to_le_bytes());
                }
                InfoValue::Float(value) => {
                    push_descriptor(TYPE_FLOAT, 1, out);
                    out.extend(value.to_le_bytes());
                }
            }
        }
    }

    fn push_dosages(&self, record: &RecordView<'_>, out: &mut Vec<u8>) {
        push_descriptor(TYPE_FLOAT, 1, out);
        for (&dosage, &call) in record.dosages.iter().zip(record.calls) {
            out.extend(if call >= MISSING {
                FLOAT_MISSING.to_le_bytes()
            } else {
                self.thousandths[usize::from(dosage)]
            });
        }
    }

    fn push_probabilities(&self, record: &RecordView<'_>, out: &mut Vec<u8>) {
        push_descriptor(TYPE_FLOAT, 3, out);
        for (probabilities, &call) in record.probabilities.iter().zip(record.calls) {
            if call >= MISSING {
                [FLOAT_MISSING, FLOAT_END, FLOAT_END].iter().for_each(|end| out.extend(end.to_le_bytes()));
            } else {
                probabilities.iter().for_each(|&p| out.extend(self.thousandths[usize::from(p)]));
            }
        }
    }
}

/// (allele + 1) << 1, with the phase in the lowest bit of the second; 0 is a missing allele.
fn push_calls(calls: &[u8], out: &mut Vec<u8>) {
    const CELLS: [[u8; 2]; 5] = [[2, 3], [4, 3], [2, 5], [4, 5], [0, 0]];
    push_descriptor(TYPE_INT8, 2, out);
    let start = out.len();
    out.resize(start + 2 * calls.len(), 0);
    for (cell, &call) in out[start..].chunks_exact_mut(2).zip(calls) {
        cell.copy_from_slice(&CELLS[usize::from(call.min(MISSING))]);
    }
}
