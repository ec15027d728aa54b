//! GWAS-SSF 1.0, the GWAS Catalog's format of summary statistics (Hayhurst et al., Cell Genomics 2023): its columns in
//! their order. What the format has no room for is left out and counted.

use super::layout::{Front, Layout};
use super::number::push_p;
use super::order::number;
use super::pair::push_real;
use super::rows::Pair;
use crate::sink::rows::VariantRow;

/// Rows that its validator wants at least.
pub const MIN_ROWS: u64 = 100_000;
const COLUMNS: [&str; 7] = [
    "chromosome",
    "base_pair_location",
    "effect_allele",
    "other_allele",
    "beta",
    "standard_error",
    "effect_allele_frequency",
];
const MORE_COLUMNS: [&str; 4] = ["variant_id", "rsid", "ref_allele", "n"];
const UNFIT: [&str; 4] = ["no_number", "alleles_not_acgt", "chromosome_not_1_to_25", "masked"];

/// The layout.
#[derive(Debug, Clone, Copy, Default)]
pub struct GwasSsf {
    /// `neg_log_10_p_value` instead of `p_value`.
    pub neg_log10: bool,
}

impl Layout for GwasSsf {
    fn header(&self) -> Vec<u8> {
        let p = if self.neg_log10 { "neg_log_10_p_value" } else { "p_value" };
        let columns: Vec<&str> = COLUMNS.into_iter().chain([p]).chain(MORE_COLUMNS).collect();
        (columns.join("\t") + "\n").into_bytes()
    }

    fn unfit_reasons(&self) -> &'static [&'static str] {
        &UNFIT
    }

    fn variant(&self, variant: &VariantRow, front: &mut Front) -> Result<(), usize> {
        let number = number(&variant.chrom).ok_or(2_usize)?;
        let (reference, alternate) = (variant.reference.as_bytes(), variant.alternate.as_bytes());
        if [reference, alternate].iter().any(|allele| allele.is_empty() || !allele.iter().all(|b| is_base(*b))) {
            return Err(1);
        }
        let (mut integers, mut others) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (chrom, pos) = (integers.format(number).as_bytes(), others.format(variant.pos).as_bytes());
        join(&mut front.start, &[chrom, pos, alternate, reference], b'\t');
        front.start.push(b'\t');
        push_real(&mut front.freq, variant.a1_freq as f32);
        join(&mut front.rest, &[chrom, pos, reference, alternate], b'_');
        front.rest.push(b'\t');
        let digits = variant.id.strip_prefix("rs").filter(|digits| !digits.is_empty());
        let is_rsid = digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        front.rest.extend_from_slice(if is_rsid { variant.id.as_bytes() } else { b"#NA" });
        front.rest.extend_from_slice(b"\tOA\t");
        if variant.a1_freq.is_nan() { Err(0) } else { Ok(()) }
    }

    fn pair(&self, line: &mut Vec<u8>, front: &Front, _: &VariantRow, _: usize, pair: &Pair) -> Result<(), usize> {
        let stats = &pair.stats;
        if pair.masked {
            return Err(3);
        }
        if stats.log10p.is_nan() || stats.log10p.is_infinite() || stats.beta.is_nan() || stats.se.is_nan() {
            return Err(0);
        }
        line.extend_from_slice(&front.start);
        push_real(line, stats.beta);
        line.push(b'\t');
        push_real(line, stats.se);
        line.push(b'\t');
        line.extend_from_slice(&front.freq);
        line.push(b'\t');
        match self.neg_log10 {
            true => push_real(line, stats.log10p as f32),
            false => push_p(line, stats.log10p),
        }
        line.push(b'\t');
        line.extend_from_slice(&front.rest);
        line.extend_from_slice(itoa::Buffer::new().format(stats.n_observed).as_bytes());
        line.push(b'\n');
        Ok(())
    }
}

fn is_base(byte: u8) -> bool {
    matches!(byte.to_ascii_uppercase(), b'A' | b'C' | b'G' | b'T')
}

fn join(text: &mut Vec<u8>, parts: &[&[u8]], between: u8) {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            text.push(between);
        }
        text.extend_from_slice(part);
    }
}
