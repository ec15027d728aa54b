//! Writing genotype likelihoods as BCF 2.2: PL, GP, DS, AD and DP of every sample, as GLIMPSE2 and Beagle take them (VCFv4.5
//! specification, sections 1.6.2 and 6).

use super::bcf_values::{FLOAT_MISSING, TYPE_FLOAT, push_descriptor, push_int8, push_integers, push_text};

/// The line that marks a file as made by norna, and as one of single people's data.
pub const MARK: &str = "##norna_class=individual-level data";

/// Highest PL that is written, as bcftools mpileup's.
pub const MAX_PL: f64 = 255.0;

/// A field of the header.
struct Field {
    id: &'static str,
    number: &'static str,
    kind: &'static str,
    what: &'static str,
}

/// Fields of a site: 1, 2 and 3 in the dictionary, where PASS is 0.
const INFO: [Field; 3] = [
    Field { id: "DP", number: "1", kind: "Integer", what: "Bases that passed the filters, of all samples" },
    Field { id: "NS", number: "1", kind: "Integer", what: "Samples with a base" },
    Field {
        id: "AF",
        number: "A",
        kind: "Float",
        what: "ALT frequency of greatest likelihood under Hardy-Weinberg proportions",
    },
];
/// Fields of a sample. DP is the name of a site's too, so that it is 1; the others follow those of sites.
const FORMAT: [Field; 5] = [
    Field {
        id: "PL",
        number: "G",
        kind: "Integer",
        what: "Phred-scaled likelihoods of REF/REF, REF/ALT, ALT/ALT less the smallest, at most 255",
    },
    Field {
        id: "GP",
        number: "G",
        kind: "Float",
        what: "Posterior probabilities, Hardy-Weinberg at AF before the reads",
    },
    Field { id: "DS", number: "1", kind: "Float", what: "Expected ALT copies" },
    Field { id: "AD", number: "R", kind: "Integer", what: "Bases that agree with REF and with ALT" },
    Field { id: "DP", number: "1", kind: "Integer", what: "Bases that passed the filters" },
];
const KEY_DP: u8 = 1;
const KEY_NS: u8 = 2;
const KEY_AF: u8 = 3;
const KEY_PL: u8 = 4;
const KEY_GP: u8 = 5;
const KEY_DS: u8 = 6;
const KEY_AD: u8 = 7;

/// The bytes that begin a file. `contigs`: names and lengths. `source`: how the file was made; no path.
pub fn header_bytes(contigs: &[(String, u32)], samples: &[String], source: &str) -> Vec<u8> {
    let mut text = String::from("##fileformat=VCFv4.3\n##FILTER=<ID=PASS,Description=\"All filters passed\">\n");
    text.push_str(&format!("##source=norna {source}\n{MARK}\n"));
    for (kind, fields) in [("INFO", &INFO[..]), ("FORMAT", &FORMAT[..])] {
        for field in fields {
            let Field { id, number, kind: value, what } = field;
            text.push_str(&format!("##{kind}=<ID={id},Number={number},Type={value},Description=\"{what}\">\n"));
        }
    }
    for (name, length) in contigs {
        text.push_str(&format!("##contig=<ID={name},length={length}>\n"));
    }
    text.push_str("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT");
    for sample in samples {
        text.push('\t');
        text.push_str(sample);
    }
    text.push('\n');
    let mut bytes = b"BCF\x02\x02".to_vec();
    bytes.extend((text.len() as u32 + 1).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.push(0);
    bytes
}

/// One site. Slices are by sample.
#[derive(Debug, Clone, Copy)]
pub struct LikelihoodRecord<'a> {
    /// Place in the header's list of contigs.
    pub contig_idx: u32,
    /// POS, 1-based.
    pub pos: u32,
    /// ID; "." for none.
    pub id: &'a str,
    /// REF, ALT.
    pub alleles: [u8; 2],
    /// ALT frequency; NaN for none.
    pub a1_freq: f64,
    /// ln P(reads | g) less the largest of the three.
    pub likelihoods: &'a [[f32; 3]],
    /// P(g | reads).
    pub posteriors: &'a [[f32; 3]],
    /// Bases that agree with REF and with ALT.
    pub allele_depths: &'a [[u16; 2]],
    /// Bases that passed the filters.
    pub depths: &'a [u16],
}

/// PL of likelihoods less their largest, in nats.
fn phred(likelihood: f32) -> i32 {
    (f64::from(likelihood) * (-10.0 / std::f64::consts::LN_10)).min(MAX_PL).round() as i32
}

impl LikelihoodRecord<'_> {
    /// Adds the record to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend([0; 8]);
        self.encode_site(out);
        let shared = out.len() - start - 8;
        push_int8(KEY_PL, out);
        push_integers(3, self.likelihoods.iter().flatten().map(|&l| phred(l)), out);
        push_int8(KEY_GP, out);
        push_descriptor(TYPE_FLOAT, 3, out);
        self.posteriors.iter().flatten().for_each(|p| out.extend(p.to_le_bytes()));
        push_int8(KEY_DS, out);
        push_descriptor(TYPE_FLOAT, 1, out);
        self.posteriors.iter().for_each(|p| out.extend((p[1] + 2.0 * p[2]).to_le_bytes()));
        push_int8(KEY_AD, out);
        push_integers(2, self.allele_depths.iter().flatten().map(|&n| i32::from(n)), out);
        push_int8(KEY_DP, out);
        push_integers(1, self.depths.iter().map(|&n| i32::from(n)), out);
        let individual = out.len() - start - 8 - shared;
        out[start..start + 4].copy_from_slice(&(shared as u32).to_le_bytes());
        out[start + 4..start + 8].copy_from_slice(&(individual as u32).to_le_bytes());
    }

    fn encode_site(&self, out: &mut Vec<u8>) {
        out.extend(self.contig_idx.to_le_bytes());
        out.extend((self.pos - 1).to_le_bytes());
        out.extend(1_u32.to_le_bytes());
        out.extend(FLOAT_MISSING.to_le_bytes());
        out.extend((2 << 16 | INFO.len() as u32).to_le_bytes());
        out.extend(((FORMAT.len() as u32) << 24 | self.depths.len() as u32).to_le_bytes());
        push_text(self.id.as_bytes(), out);
        self.alleles.iter().for_each(|&allele| push_text(&[allele], out));
        push_int8(0, out);
        let depth: u64 = self.depths.iter().map(|&n| u64::from(n)).sum();
        let n_samples = self.depths.iter().filter(|&&n| n > 0).count();
        push_int8(KEY_DP, out);
        push_integers(1, std::iter::once(i32::try_from(depth).unwrap_or(i32::MAX)), out);
        push_int8(KEY_NS, out);
        push_integers(1, std::iter::once(n_samples as i32), out);
        push_int8(KEY_AF, out);
        push_descriptor(TYPE_FLOAT, 1, out);
        let frequency = if self.a1_freq.is_nan() { FLOAT_MISSING } else { (self.a1_freq as f32).to_bits() };
        out.extend(frequency.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likelihoods_are_phred_scaled_and_bounded() {
        assert_eq!([0.0, -std::f32::consts::LN_10, -1e6, f32::NEG_INFINITY].map(phred), [0, 10, 255, 255]);
    }
}
