//! What a cell gives: for each sample and part of a chromosome, sums over positions and over the windows that it meets. Whole
//! numbers, which add up to those of windows that lie in several cells.

use norna_kernels::depth::DepthStats;

use crate::sink::bytes::{Cursor, DecodeError, put_u32, put_u64};

/// Payloads grow no larger than this by a record more; one record is at most some 2²⁰ windows.
const PAYLOAD: usize = 8 << 20;
/// Windows of a record.
pub(super) const RECORD_WINDOWS: usize = 1 << 16;

/// One sample on one part of a chromosome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Partial {
    /// Its number in the batch.
    pub(super) sample: u32,
    /// Number of the part in the chunk.
    pub(super) interval: u32,
    /// Over the part's positions.
    pub(super) positions: DepthStats,
    /// Over the positions of its windows, those that overlap as often as they do.
    pub(super) windows: DepthStats,
    /// Row of the first window.
    pub(super) first: u64,
    /// Sums of depths, a window each.
    pub(super) sums: Vec<u64>,
    /// Positions that are deep enough, thresholds fastest.
    pub(super) at_least: Vec<u32>,
}

impl Partial {
    /// Makes it one of `n` windows from row `first` on, of which nothing is known.
    pub(super) fn reset(&mut self, (sample, interval): (u32, u32), (first, n): (usize, usize), n_thresholds: usize) {
        (self.sample, self.interval, self.first) = (sample, interval, first as u64);
        (self.positions, self.windows) = (DepthStats::default(), DepthStats::default());
        self.sums.clear();
        self.sums.resize(n, 0);
        self.at_least.clear();
        self.at_least.resize(n * n_thresholds, 0);
    }
}

/// Appends records; `full` is handed payloads with the windows in them.
#[derive(Debug, Default)]
pub(super) struct PartialWriter {
    bytes: Vec<u8>,
    n_windows: u32,
}

impl PartialWriter {
    /// Appends a record, in pieces if it has many windows.
    pub(super) fn put<E>(
        &mut self,
        partial: &Partial,
        n_thresholds: usize,
        mut full: impl FnMut(&[u8], u32) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut stats = (partial.positions, partial.windows);
        let n = partial.sums.len();
        for start in (0..n.max(1)).step_by(RECORD_WINDOWS) {
            let rows = start..n.min(start + RECORD_WINDOWS);
            put_u32(&mut self.bytes, partial.sample);
            put_u32(&mut self.bytes, partial.interval);
            for stats in [stats.0, stats.1] {
                put_u64(&mut self.bytes, stats.bases);
                put_u32(&mut self.bytes, stats.min);
                put_u32(&mut self.bytes, stats.max);
            }
            stats = Default::default();
            put_u64(&mut self.bytes, partial.first + start as u64);
            put_u32(&mut self.bytes, rows.len() as u32);
            self.put_sums(&partial.sums[rows.clone()]);
            let counts = &partial.at_least[rows.start * n_thresholds..rows.end * n_thresholds];
            counts.iter().for_each(|&count| put_u32(&mut self.bytes, count));
            self.n_windows += rows.len() as u32;
            if self.bytes.len() > PAYLOAD {
                self.flush(&mut full)?;
            }
        }
        Ok(())
    }

    /// Sums, of four bytes each where that is enough.
    fn put_sums(&mut self, sums: &[u64]) {
        let are_small = sums.iter().all(|&sum| u32::try_from(sum).is_ok());
        put_u32(&mut self.bytes, u32::from(are_small));
        for &sum in sums {
            if are_small {
                put_u32(&mut self.bytes, sum as u32);
            } else {
                put_u64(&mut self.bytes, sum);
            }
        }
    }

    /// Hands over what there is.
    pub(super) fn flush<E>(&mut self, mut full: impl FnMut(&[u8], u32) -> Result<(), E>) -> Result<(), E> {
        let done = if self.bytes.is_empty() { Ok(()) } else { full(&self.bytes, self.n_windows) };
        self.clear();
        done
    }

    /// Forgets what there is.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.n_windows = 0;
    }
}

/// Reads the records of a payload one by one into `partial`.
pub(super) fn for_each<E: From<DecodeError>>(
    payload: &[u8],
    n_thresholds: usize,
    partial: &mut Partial,
    mut each: impl FnMut(&Partial) -> Result<(), E>,
) -> Result<(), E> {
    let mut rest = payload;
    while !rest.is_empty() {
        let mut cursor = Cursor::new(rest);
        read(&mut cursor, n_thresholds, partial)?;
        rest = cursor.rest();
        each(partial)?;
    }
    Ok(())
}

fn read(cursor: &mut Cursor<'_>, n_thresholds: usize, partial: &mut Partial) -> Result<(), DecodeError> {
    partial.sample = cursor.u32()?;
    partial.interval = cursor.u32()?;
    for stats in [&mut partial.positions, &mut partial.windows] {
        *stats = DepthStats { bases: cursor.u64()?, min: cursor.u32()?, max: cursor.u32()? };
    }
    partial.first = cursor.u64()?;
    let n = cursor.u32()? as usize;
    let are_small = cursor.u32()? != 0;
    if n > RECORD_WINDOWS {
        return Err(DecodeError);
    }
    partial.sums.clear();
    if are_small {
        let sums = cursor.take(4 * n)?.as_chunks().0.iter();
        partial.sums.extend(sums.map(|bytes| u64::from(u32::from_le_bytes(*bytes))));
    } else {
        partial.sums.extend(cursor.take(8 * n)?.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)));
    }
    let counts = cursor.take(4 * n * n_thresholds)?.as_chunks().0.iter();
    partial.at_least.clear();
    partial.at_least.extend(counts.map(|bytes| u32::from_le_bytes(*bytes)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_in_pieces_that_add_up() {
        let n = RECORD_WINDOWS + 3;
        let stats = |bases| DepthStats { bases, min: 1, max: 9 };
        let many = Partial {
            sample: 3,
            interval: 1,
            positions: stats(10),
            windows: stats(20),
            first: 7,
            sums: (0..n as u64).map(|i| if i == 5 { u64::MAX } else { i }).collect(),
            at_least: (0..2 * n as u32).collect(),
        };
        let none = Partial { sample: 4, positions: stats(30), ..Partial::default() };
        let mut writer = PartialWriter::default();
        let mut payloads: Vec<(Vec<u8>, u32)> = Vec::new();
        let mut full = |bytes: &[u8], rows: u32| {
            payloads.push((bytes.to_vec(), rows));
            Ok::<_, DecodeError>(())
        };
        for _ in 0..20 {
            writer.put(&many, 2, &mut full).unwrap();
        }
        writer.put(&none, 2, &mut full).unwrap();
        writer.flush(&mut full).unwrap();
        writer.flush(&mut full).unwrap();
        assert!(payloads.len() > 1 && payloads.iter().all(|(bytes, _)| bytes.len() < 16 << 20));
        assert_eq!(payloads.iter().map(|&(_, rows)| rows as usize).sum::<usize>(), 20 * n);
        let mut found: Vec<Partial> = Vec::new();
        for (payload, _) in &payloads {
            let each = |partial: &Partial| {
                found.push(partial.clone());
                Ok::<_, DecodeError>(())
            };
            for_each(payload, 2, &mut Partial::default(), each).unwrap();
        }
        assert_eq!(found.len(), 41);
        assert_eq!((found[0].positions, found[1].positions), (many.positions, DepthStats::default()));
        assert_eq!((found[1].first, found[1].sums.len()), (7 + RECORD_WINDOWS as u64, 3));
        assert_eq!([&found[0].sums[..], &found[1].sums[..]].concat(), many.sums);
        assert_eq!([&found[0].at_least[..], &found[1].at_least[..]].concat(), many.at_least);
        assert_eq!(found[40], none);
        let short = &payloads[0].0[..payloads[0].0.len() - 1];
        assert!(for_each(short, 2, &mut Partial::default(), |_| Ok::<_, DecodeError>(())).is_err());
    }
}
