//! Writing VCF 4.2 text: the header, and records of two alleles with GT, DS and GP.

use std::io::Write;

/// Fields that a record can have, in the order of its FORMAT column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatKey {
    /// Phased calls.
    Gt,
    /// ALT dosage.
    Ds,
    /// Genotype probabilities.
    Gp,
}

/// A value in INFO.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum InfoValue {
    /// Type=Integer, Number=1 or A.
    Integer(i32),
    /// Type=Float, Number=1 or A.
    Float(f32),
}

/// A record to write. `keys` are those of the header.
#[derive(Debug, Clone, Copy)]
pub struct RecordView<'a> {
    /// Number of the contig in the header.
    pub contig_idx: usize,
    /// Name of the contig.
    pub chrom: &'a str,
    /// 1-based.
    pub pos: u32,
    /// ID.
    pub id: &'a str,
    /// REF, one base.
    pub reference: u8,
    /// ALT, one base.
    pub alternate: u8,
    /// INFO.
    pub info: &'a [(&'static str, InfoValue)],
    /// FORMAT.
    pub keys: &'a [FormatKey],
    /// n_samples: bit 0 is ALT on the first haplotype, bit 1 on the second; 4: missing, as are the fields below then.
    pub calls: &'a [u8],
    /// n_samples, in thousandths; empty without DS.
    pub dosages: &'a [u16],
    /// n_samples, in thousandths; empty without GP.
    pub probabilities: &'a [[u16; 3]],
}

/// The code of a missing call.
pub const MISSING: u8 = 4;

/// What a header says.
#[derive(Debug, Clone, Copy)]
pub struct HeaderView<'a> {
    /// Lines after ##fileformat without `##`, such as `source=x`.
    pub lines: &'a [String],
    /// Contigs and their lengths.
    pub contigs: &'a [(&'a str, u32)],
    /// INFO: ID, Number, Type, Description.
    pub info: &'a [[&'a str; 4]],
    /// FORMAT.
    pub keys: &'a [FormatKey],
    /// Samples; without any, records have no `keys`.
    pub samples: &'a [String],
}

/// The header as text, with the column line.
pub fn header_text(header: &HeaderView<'_>) -> String {
    let mut text = String::from("##fileformat=VCFv4.2\n##FILTER=<ID=PASS,Description=\"All filters passed\">\n");
    let mut line = |line: &str| {
        text.push_str("##");
        text.push_str(line);
        text.push('\n');
    };
    header.lines.iter().for_each(|given| line(given));
    for (name, length) in header.contigs {
        line(&format!("contig=<ID={name},length={length}>"));
    }
    for [id, number, kind, description] in header.info {
        line(&format!("INFO=<ID={id},Number={number},Type={kind},Description=\"{description}\">"));
    }
    for key in header.keys {
        line(match key {
            FormatKey::Gt => "FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">",
            FormatKey::Ds => "FORMAT=<ID=DS,Number=A,Type=Float,Description=\"ALT dosage\">",
            FormatKey::Gp => "FORMAT=<ID=GP,Number=G,Type=Float,Description=\"Genotype probabilities\">",
        });
    }
    text.push_str("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO");
    if !header.samples.is_empty() {
        text.push_str("\tFORMAT");
    }
    for sample in header.samples {
        text.push('\t');
        text.push_str(sample);
    }
    text.push('\n');
    text
}

/// Writes records as lines.
pub struct VcfEncoder {
    /// 0 to 2 in thousandths, as short as can be.
    thousandths: Vec<String>,
}

impl Default for VcfEncoder {
    fn default() -> Self {
        let text = |k: u32| {
            let text = format!("{}.{:03}", k / 1000, k % 1000);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        Self { thousandths: (0..=2000).map(text).collect() }
    }
}

impl VcfEncoder {
    /// Adds the line of `record` to `out`.
    pub fn encode(&self, record: &RecordView<'_>, out: &mut Vec<u8>) {
        self.encode_site(record, out);
        if record.keys == [FormatKey::Gt] {
            const CELLS: [[u8; 4]; 5] = [*b"\t0|0", *b"\t1|0", *b"\t0|1", *b"\t1|1", *b"\t./."];
            let start = out.len();
            out.resize(start + 4 * record.calls.len(), 0);
            for (cell, &call) in out[start..].chunks_exact_mut(4).zip(record.calls) {
                cell.copy_from_slice(&CELLS[usize::from(call.min(MISSING))]);
            }
        } else {
            (0..record.calls.len()).for_each(|sample_idx| self.encode_sample(record, sample_idx, out));
        }
        out.push(b'\n');
    }

    fn encode_site(&self, record: &RecordView<'_>, out: &mut Vec<u8>) {
        let alleles = [record.reference, record.alternate].map(char::from);
        // Writing to memory cannot fail.
        let _ =
            write!(out, "{}\t{}\t{}\t{}\t{}\t.\tPASS\t", record.chrom, record.pos, record.id, alleles[0], alleles[1]);
        for (i, (name, value)) in record.info.iter().enumerate() {
            let end = if i == 0 { "" } else { ";" };
            let _ = match value {
                InfoValue::Integer(value) => write!(out, "{end}{name}={value}"),
                InfoValue::Float(value) => write!(out, "{end}{name}={value}"),
            };
        }
        if record.info.is_empty() {
            out.push(b'.');
        }
        for (i, key) in record.keys.iter().enumerate() {
            out.push(if i == 0 { b'\t' } else { b':' });
            out.extend_from_slice(match key {
                FormatKey::Gt => b"GT",
                FormatKey::Ds => b"DS",
                FormatKey::Gp => b"GP",
            });
        }
    }

    fn encode_sample(&self, record: &RecordView<'_>, sample_idx: usize, out: &mut Vec<u8>) {
        let call = record.calls[sample_idx];
        for (i, key) in record.keys.iter().enumerate() {
            out.push(if i == 0 { b'\t' } else { b':' });
            match (key, call) {
                (FormatKey::Gt, MISSING..) => out.extend_from_slice(b"./."),
                (FormatKey::Gt, _) => out.extend([b'0' + (call & 1), b'|', b'0' + (call >> 1)]),
                (_, MISSING..) => out.push(b'.'),
                (FormatKey::Ds, _) => self.push_thousandths(record.dosages[sample_idx], out),
                (FormatKey::Gp, _) => {
                    for (i, &p) in record.probabilities[sample_idx].iter().enumerate() {
                        if i > 0 {
                            out.push(b',');
                        }
                        self.push_thousandths(p, out);
                    }
                }
            }
        }
    }

    fn push_thousandths(&self, k: u16, out: &mut Vec<u8>) {
        out.extend_from_slice(self.thousandths[usize::from(k)].as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_the_specification_has_them() {
        let record = RecordView {
            contig_idx: 0,
            chrom: "22",
            pos: 17,
            id: "sim1",
            reference: b'A',
            alternate: b'G',
            info: &[("AC", InfoValue::Integer(3)), ("R2", InfoValue::Float(0.25))],
            keys: &[FormatKey::Gt, FormatKey::Ds, FormatKey::Gp],
            calls: &[0, 1, 2, 3, 4],
            dosages: &[0, 1010, 999, 2000, 7],
            probabilities: &[[1000, 0, 0], [0, 990, 10], [1, 999, 0], [0, 0, 1000], [993, 7, 0]],
        };
        let mut line = Vec::new();
        VcfEncoder::default().encode(&record, &mut line);
        let cells = "0|0:0:1,0,0\t1|0:1.01:0,0.99,0.01\t0|1:0.999:0.001,0.999,0\t1|1:2:0,0,1\t./.:.:.";
        let want = format!("22\t17\tsim1\tA\tG\t.\tPASS\tAC=3;R2=0.25\tGT:DS:GP\t{cells}\n");
        assert_eq!(String::from_utf8(line.clone()).unwrap(), want);
        line.clear();
        VcfEncoder::default().encode(&RecordView { keys: &[FormatKey::Gt], info: &[], ..record }, &mut line);
        let want = "22\t17\tsim1\tA\tG\t.\tPASS\t.\tGT\t0|0\t1|0\t0|1\t1|1\t./.\n";
        assert_eq!(String::from_utf8(line).unwrap(), want);
    }
}
