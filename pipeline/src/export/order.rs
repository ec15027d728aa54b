//! Whether rows come in the order that an index, or a format, wants.

use std::collections::BTreeSet;

use super::rows::Piece;
use crate::format::chromosome::canonical;

/// The order of variants so far.
#[derive(Debug, Clone, Default)]
pub struct Order {
    last: Option<(String, u32)>,
    seen: BTreeSet<String>,
    last_number: u8,
    broken: Option<String>,
    by_number_broken: bool,
    numbers: BTreeSet<u8>,
}

impl Order {
    /// Takes note of the variants of a piece that have pairs.
    pub fn push_piece(&mut self, piece: &Piece) {
        for of_variant in piece.pairs.chunk_by(|a, b| a.row == b.row) {
            let variant = &piece.variants[of_variant[0].row as usize];
            self.push(&variant.chrom, variant.pos);
        }
    }

    /// Takes note of a variant.
    pub fn push(&mut self, chrom: &str, pos: u32) {
        match &mut self.last {
            Some((name, last)) if name == chrom => {
                if pos < *last && self.broken.is_none() {
                    self.broken = Some(format!("{chrom}:{pos} comes after {chrom}:{last}"));
                }
                *last = pos;
            }
            last => {
                if !self.seen.insert(chrom.to_owned()) && self.broken.is_none() {
                    self.broken = Some(format!("{chrom} comes again at {chrom}:{pos}"));
                }
                let number = number(chrom).unwrap_or(u8::MAX);
                self.by_number_broken |= number < self.last_number;
                self.last_number = number;
                self.numbers.insert(number);
                *last = Some((chrom.to_owned(), pos));
            }
        }
    }

    /// As if both were broken where either is.
    pub fn join(&mut self, other: Self) {
        self.broken = self.broken.take().or(other.broken);
        self.by_number_broken |= other.by_number_broken;
        self.numbers.extend(other.numbers);
    }

    /// What stands against an index: chromosomes in pieces, or positions that go back; `None` where nothing does.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Whether chromosomes ascend by their numbers, and positions in each.
    pub fn is_by_number(&self) -> bool {
        self.broken.is_none() && !self.by_number_broken
    }

    /// Autosomes that no variant was on.
    pub fn missing_autosomes(&self) -> Vec<u8> {
        (1..=22).filter(|number| !self.numbers.contains(number)).collect()
    }
}

/// A chromosome as GWAS-SSF numbers them: 1 to 22, X 23, Y 24, MT 25; `None` for others.
pub fn number(chrom: &str) -> Option<u8> {
    match canonical(chrom).as_str() {
        "X" | "XY" | "PAR1" | "PAR2" => Some(23),
        "Y" => Some(24),
        "MT" => Some(25),
        name => name.parse().ok().filter(|n| (1..=22).contains(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(variants: &[(&str, u32)]) -> Order {
        let mut order = Order::default();
        variants.iter().for_each(|(chrom, pos)| order.push(chrom, *pos));
        order
    }

    #[test]
    fn what_breaks_an_order_is_told() {
        let good = order(&[("1", 5), ("1", 5), ("2", 1), ("X", 3)]);
        assert!(good.broken().is_none() && good.is_by_number());
        assert_eq!(good.missing_autosomes().len(), 20);
        let back = order(&[("2", 1), ("1", 5)]);
        assert!(back.broken().is_none() && !back.is_by_number());
        assert_eq!(order(&[("1", 5), ("1", 4)]).broken(), Some("1:4 comes after 1:5"));
        assert_eq!(order(&[("1", 5), ("2", 4), ("1", 9)]).broken(), Some("1 comes again at 1:9"));
        assert_eq!((number("chrX"), number("25"), number("MT"), number("GL1")), (Some(23), Some(23), Some(25), None));
    }
}
