//! The pairs of some traits over a piece of the file's rows: what is known of a variant that may join a clump.

use std::collections::HashMap;
use std::ops::Range;

use crate::report::export_pair::{Missing, PairStats};
use crate::sink::rows::VariantRow;
use crate::store::{ResultsReader, StoreError};

/// Rows of a piece at most, but for those at one position.
const ROWS_AT_ONCE: usize = 1 << 14;

/// Rows with the variants and the pairs of traits.
pub(super) struct Piece<'a> {
    reader: &'a ResultsReader,
    pub(super) rows: Range<usize>,
    pub(super) variants: Vec<VariantRow>,
    pairs: Pairs,
}

enum Pairs {
    Columns(HashMap<usize, Column>),
    /// −log10 p by (row, trait).
    Hits(HashMap<(u64, u32), f64>),
}

struct Column {
    beta: Vec<f32>,
    se: Vec<f32>,
    n_missing: Option<Vec<u32>>,
    covariates_lost: Option<Vec<u16>>,
}

impl<'a> Piece<'a> {
    /// Reads rows and the pairs of `traits`.
    pub(super) fn read(reader: &'a ResultsReader, rows: Range<usize>, traits: &[usize]) -> Result<Self, StoreError> {
        let variants = reader.variants(rows.clone())?;
        let pairs = match reader.has_every_pair() {
            true => {
                let column = |&trait_idx: &usize| Ok((trait_idx, Column::read(reader, &rows, trait_idx)?));
                Pairs::Columns(traits.iter().map(column).collect::<Result<_, StoreError>>()?)
            }
            false => {
                let hits = reader.hits_of_variants(rows.clone())?.into_iter();
                let wanted = hits.filter(|hit| traits.contains(&(hit.trait_idx as usize)));
                Pairs::Hits(wanted.map(|hit| ((hit.variant, hit.trait_idx), hit.log10p)).collect())
            }
        };
        Ok(Self { reader, rows, variants, pairs })
    }

    /// −log10 p of a row of the file and a trait; NaN where the file has none.
    pub(super) fn log10p(&self, row: usize, trait_idx: usize) -> f64 {
        match &self.pairs {
            Pairs::Hits(hits) => hits.get(&(row as u64, trait_idx as u32)).copied().unwrap_or(f64::NAN),
            Pairs::Columns(columns) => {
                let info = &self.reader.header().traits[trait_idx];
                let at = row - self.rows.start;
                columns.get(&trait_idx).map_or(f64::NAN, |column| {
                    PairStats::new(info, column.missing(at), column.beta[at], column.se[at]).log10p
                })
            }
        }
    }
}

impl Column {
    fn read(reader: &ResultsReader, rows: &Range<usize>, trait_idx: usize) -> Result<Self, StoreError> {
        let (beta, se) = reader.trait_column(trait_idx, rows.clone())?;
        let mask = reader.header().traits[trait_idx].mask as usize;
        let n_missing = reader.n_missing(rows.clone(), mask..mask + 1)?;
        let covariates_lost = reader.covariates_lost(rows.clone(), mask..mask + 1)?;
        Ok(Self { beta, se, n_missing, covariates_lost })
    }

    fn missing(&self, at: usize) -> Missing {
        Missing {
            n: self.n_missing.as_ref().map_or(0, |counts| counts[at]),
            covariates: self.covariates_lost.as_ref().map_or(0, |counts| counts[at]),
        }
    }
}

/// Cuts rows into pieces such that rows at one position stay together.
pub(super) fn pieces(reader: &ResultsReader, rows: Range<usize>) -> Result<Vec<Range<usize>>, StoreError> {
    let mut pieces = Vec::new();
    let mut start = rows.start;
    while start < rows.end {
        let mut end = (start + ROWS_AT_ONCE).min(rows.end);
        if end < rows.end {
            let pos = reader.positions(end - 1..end)?;
            while end < rows.end {
                let next = reader.positions(end..rows.end.min(end + 64))?;
                let same = next.iter().take_while(|&&other| Some(&other) == pos.first()).count();
                end += same;
                if same < next.len() {
                    break;
                }
            }
        }
        pieces.push(start..end);
        start = end;
    }
    Ok(pieces)
}
