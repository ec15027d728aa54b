//! The rows of two files side by side: in the order of the files, by chromosome, position, alleles and ID.

use std::collections::HashMap;
use std::collections::VecDeque;

use crate::sink::rows::VariantRow;
use crate::store::{ResultsReader, StoreError};

/// Rows read at once.
const ROWS: usize = 1 << 13;
/// Rows of one position that are matched together at most.
const MAX_GROUP: usize = 1 << 16;

/// Rows of a position: those of both, of the first file alone, of the second alone.
#[derive(Debug, Default)]
pub(super) struct Position {
    pub(super) shared: Vec<((usize, VariantRow), (usize, VariantRow))>,
    pub(super) lone: [Vec<VariantRow>; 2],
}

/// Walks two files.
pub(super) struct Merge<'a> {
    streams: [Stream<'a>; 2],
    /// Places of chromosomes in each file.
    orders: [HashMap<String, usize>; 2],
}

struct Stream<'a> {
    reader: &'a ResultsReader,
    next: usize,
    rows: VecDeque<(usize, VariantRow)>,
}

impl Stream<'_> {
    fn peek(&mut self) -> Result<Option<&VariantRow>, StoreError> {
        if self.rows.is_empty() && self.next < self.reader.n_variants() {
            let rows = self.next..self.reader.n_variants().min(self.next + ROWS);
            self.rows.extend(rows.clone().zip(self.reader.variants(rows.clone())?));
            self.next = rows.end;
        }
        Ok(self.rows.front().map(|(_, row)| row))
    }

    /// The rows from here on that lie at the position of the next one.
    fn position(&mut self) -> Result<Vec<(usize, VariantRow)>, StoreError> {
        let mut taken: Vec<(usize, VariantRow)> = Vec::new();
        while let Some(row) = self.peek()? {
            let is_here = taken.first().is_none_or(|(_, first)| first.pos == row.pos && first.chrom == row.chrom);
            if !is_here || taken.len() == MAX_GROUP {
                break;
            }
            taken.extend(self.rows.pop_front());
        }
        Ok(taken)
    }
}

impl<'a> Merge<'a> {
    pub(super) fn new(readers: [&'a ResultsReader; 2]) -> Result<Self, StoreError> {
        let order = |reader: &ResultsReader| -> Result<HashMap<String, usize>, StoreError> {
            Ok(reader.chromosomes()?.into_iter().enumerate().map(|(place, name)| (name, place)).collect())
        };
        let orders = [order(readers[0])?, order(readers[1])?];
        let stream = |reader| Stream { reader, next: 0, rows: VecDeque::new() };
        Ok(Self { streams: readers.map(stream), orders })
    }

    /// The next position of either file; `None` at the end of both.
    pub(super) fn next(&mut self) -> Result<Option<Position>, StoreError> {
        let [a, b] = &mut self.streams;
        let mut position = Position::default();
        let which = match (a.peek()?, b.peek()?) {
            (None, None) => return Ok(None),
            (Some(_), None) => Some(0),
            (None, Some(_)) => Some(1),
            (Some(a), Some(b)) => first_of(&self.orders, a, b),
        };
        match which {
            Some(which) => {
                position.lone[which] = self.streams[which].position()?.into_iter().map(|(_, row)| row).collect();
            }
            None => {
                let [a, b] = &mut self.streams;
                position.pair(a.position()?, b.position()?);
            }
        }
        Ok(Some(position))
    }
}

/// Which file's row comes first; `None` where both lie at one position.
fn first_of([of_a, of_b]: &[HashMap<String, usize>; 2], a: &VariantRow, b: &VariantRow) -> Option<usize> {
    if a.chrom == b.chrom {
        return match a.pos.cmp(&b.pos) {
            std::cmp::Ordering::Less => Some(0),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(1),
        };
    }
    // The chromosome that the other file does not have, or has behind it, goes first.
    Some(match (of_b.get(&a.chrom), of_a.get(&b.chrom)) {
        (None, _) => 0,
        (_, None) => 1,
        (Some(a_in_b), Some(_)) => usize::from(of_b.get(&b.chrom).is_some_and(|b_in_b| b_in_b < a_in_b)),
    })
}

impl Position {
    /// Matches rows by alleles and ID, then by alleles alone, in their order.
    fn pair(&mut self, a: Vec<(usize, VariantRow)>, b: Vec<(usize, VariantRow)>) {
        let mut left: Vec<Option<(usize, VariantRow)>> = b.into_iter().map(Some).collect();
        let mut waiting = Vec::new();
        let mut match_up = |(i, row): (usize, VariantRow), with_id: bool| {
            let fits = |other: &Option<(usize, VariantRow)>| {
                other.as_ref().is_some_and(|(_, other)| {
                    other.reference == row.reference
                        && other.alternate == row.alternate
                        && (!with_id || other.id == row.id)
                })
            };
            match left.iter().position(fits).and_then(|at| left[at].take()) {
                Some(other) => {
                    self.shared.push(((i, row), other));
                    None
                }
                None => Some((i, row)),
            }
        };
        waiting.extend(a.into_iter().filter_map(|row| match_up(row, true)));
        let alone = waiting.into_iter().filter_map(|row| match_up(row, false)).map(|(_, row)| row).collect();
        self.lone = [alone, left.into_iter().flatten().map(|(_, row)| row).collect()];
        self.shared.sort_by_key(|((i, _), _)| *i);
    }
}
