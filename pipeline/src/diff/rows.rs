//! /variants of two files, counted.

use std::fmt::Write as _;

use serde::Serialize;

use crate::sink::rows::VariantRow;

/// How two files' variants compare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VariantCounts {
    /// Of both.
    pub shared: u64,
    /// Of the first file alone, and of the second.
    pub only_in_a: u64,
    /// Of the second alone.
    pub only_in_b: u64,
    /// The first of each of these, as CHROM:POS:REF:ALT.
    pub first_only_in_a: Option<String>,
    /// See `first_only_in_a`.
    pub first_only_in_b: Option<String>,
    /// Shared ones with another ID.
    pub other_id: u64,
    /// Shared ones with another frequency, count or status.
    pub other_counts: u64,
    /// The first of these.
    pub first_other_counts: Option<String>,
}

/// CHROM:POS:REF:ALT.
pub(super) fn name_of(variant: &VariantRow) -> String {
    let VariantRow { chrom, pos, reference, alternate, .. } = variant;
    let cut = |allele: &str| {
        if allele.len() > 20 {
            format!("{}...", allele.chars().take(20).collect::<String>())
        } else {
            allele.to_owned()
        }
    };
    format!("{chrom}:{pos}:{}:{}", cut(reference), cut(alternate))
}

impl VariantCounts {
    /// Whether there is any difference.
    pub fn differ(&self) -> bool {
        self.only_in_a + self.only_in_b + self.other_id + self.other_counts > 0
    }

    pub(super) fn add_shared(&mut self, a: &VariantRow, b: &VariantRow) {
        self.shared += 1;
        self.other_id += u64::from(a.id != b.id);
        let bits = |row: &VariantRow| {
            let freq = if row.a1_freq.is_nan() { f64::NAN } else { row.a1_freq };
            (freq.to_bits(), row.n, row.mac.to_bits(), row.missing, row.status)
        };
        if bits(a) != bits(b) {
            self.other_counts += 1;
            self.first_other_counts.get_or_insert_with(|| name_of(a));
        }
    }

    pub(super) fn add_lone(&mut self, which: usize, variant: &VariantRow) {
        let (n, first) = match which {
            0 => (&mut self.only_in_a, &mut self.first_only_in_a),
            _ => (&mut self.only_in_b, &mut self.first_only_in_b),
        };
        *n += 1;
        first.get_or_insert_with(|| name_of(variant));
    }

    pub(super) fn text(&self, text: &mut String) {
        let first = |name: &Option<String>| name.as_ref().map_or_else(String::new, |name| format!(" (first {name})"));
        let _ = writeln!(
            text,
            "variants: {} shared, {} only in a{}, {} only in b{}",
            self.shared,
            self.only_in_a,
            first(&self.first_only_in_a),
            self.only_in_b,
            first(&self.first_only_in_b)
        );
        if self.other_id + self.other_counts > 0 {
            let _ = writeln!(
                text,
                "variants: {} shared with another ID, {} with another frequency, count or status{}",
                self.other_id,
                self.other_counts,
                first(&self.first_other_counts)
            );
        }
    }
}
