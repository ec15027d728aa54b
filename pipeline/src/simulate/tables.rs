//! The tables beside the genotypes as text: traits, covariates, and what was planted.

use std::fmt::Write as _;

use super::config::Contig;
use super::effects::{Planted, TraitId};
use super::traits::TraitBlock;

/// Rows of a table of traits and of a table of covariates.
#[derive(Debug, Clone, Default)]
pub struct TableRows {
    /// Traits.
    pub traits: Vec<u8>,
    /// Covariates; empty without any.
    pub covariates: Vec<u8>,
    /// Of each trait, what there is: bit 0 a control, bit 1 a case; 0 for quantitative ones.
    pub seen: Vec<u8>,
}

/// The name of sample `sample_idx`.
pub fn sample_name(sample_idx: usize) -> String {
    format!("S{}", sample_idx + 1)
}

/// The ID of a variant.
pub fn variant_id(variant_idx: u64) -> String {
    format!("sim{}", variant_idx + 1)
}

/// The line of column names.
pub fn header(mark: &str, names: impl Iterator<Item = String>) -> String {
    let mut text = format!("##{mark}\n#IID");
    names.for_each(|name| text.extend(["\t", &name]));
    text.push('\n');
    text
}

/// The rows of a block.
pub fn rows(block: &TraitBlock, ids: &[TraitId]) -> TableRows {
    let mut rows = TableRows::default();
    let mut number = itoa::Buffer::new();
    let whole: Vec<bool> = ids.iter().map(|id| id.family == super::effects::Family::Binary).collect();
    let bit = |&value: &f64| if value.is_nan() { 0 } else { value as u8 };
    let seen = |values: &[f64]| values.iter().map(bit).fold(0, |all, one| all | one);
    let columns = block.values.chunks_exact(block.len).zip(&whole);
    rows.seen = columns.map(|(values, &whole)| if whole { seen(values) } else { 0 }).collect();
    for i in 0..block.len {
        let name = sample_name(block.first + i);
        rows.traits.extend_from_slice(name.as_bytes());
        for (column, &whole) in block.values.chunks_exact(block.len).zip(&whole) {
            rows.traits.push(b'\t');
            push_value(column[i], whole, &mut number, &mut rows.traits);
        }
        rows.traits.push(b'\n');
        if !block.covariates.is_empty() {
            rows.covariates.extend_from_slice(name.as_bytes());
            for (idx, column) in block.covariates.chunks_exact(block.len).enumerate() {
                rows.covariates.push(b'\t');
                push_value(column[i], idx == 0, &mut number, &mut rows.covariates);
            }
            rows.covariates.push(b'\n');
        }
    }
    rows
}

/// NA, a whole number, or six decimals.
fn push_value(value: f64, whole: bool, number: &mut itoa::Buffer, out: &mut Vec<u8>) {
    if value.is_nan() {
        out.extend_from_slice(b"NA");
        return;
    }
    if whole {
        out.extend_from_slice(number.format(value as i64).as_bytes());
        return;
    }
    let millionths = (value * 1e6).round() as i64;
    if millionths < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(number.format(millionths.unsigned_abs() / 1_000_000).as_bytes());
    out.push(b'.');
    let decimals = 1_000_000 + millionths.unsigned_abs() % 1_000_000;
    out.extend_from_slice(&number.format(decimals).as_bytes()[1..]);
}

/// Every planted effect.
pub fn truth(mark: &str, planted: &[Planted], ids: &[TraitId], contigs: &[Contig]) -> String {
    let mut text = format!("##{mark}\n#TRAIT\tCHROM\tPOS\tID\tREF\tALT\tA1\tA1_FREQ\tBETA\tVAR_EXPLAINED\n");
    for effect in planted {
        let site = &effect.site;
        let (reference, alternate) = (char::from(site.reference), char::from(site.alternate));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}\t{}\t{}\t{}\t{reference}\t{alternate}\t{alternate}\t{}\t{}\t{}",
            ids[effect.trait_idx].name(),
            contigs[site.contig_idx].name,
            site.pos,
            variant_id(site.variant_idx),
            effect.frequency as f32,
            effect.beta as f32,
            effect.explained as f32
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_six_decimals() {
        let cases = [(0.0, "0.000000"), (-0.5, "-0.500000"), (12.000_000_4, "12.000000"), (-3.25, "-3.250000")];
        for (value, want) in cases {
            let mut out = Vec::new();
            push_value(value, false, &mut itoa::Buffer::new(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }
}
