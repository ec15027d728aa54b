//! Histograms on their way to the store: counts of many bins a trait, most of them 0, as gaps and counts.

use super::bytes::{Cursor, DecodeError, put_varint};

/// Appends rows of `n_bins` counts each: for every count that is not 0 the bins since the last one (from 1) and the count,
/// then 0 for the end of the row.
pub fn encode_tally<T: Copy + Into<u64>>(counts: &[T], n_bins: usize, out: &mut Vec<u8>) {
    for row in counts.chunks(n_bins.max(1)) {
        let mut gap = 1;
        for &count in row {
            let count: u64 = count.into();
            if count == 0 {
                gap += 1;
                continue;
            }
            put_varint(out, gap);
            put_varint(out, count);
            gap = 1;
        }
        put_varint(out, 0);
    }
}

/// Adds what [`encode_tally`] wrote to `sums`, rows of `n_bins`.
///
/// # Errors
/// [`DecodeError`] where there are not as many rows, a bin is none of them or a sum leaves 64 bits.
pub fn add_tally(bytes: &[u8], n_bins: usize, sums: &mut [u64]) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(bytes);
    for row in sums.chunks_mut(n_bins.max(1)) {
        let mut next = 0;
        loop {
            let gap = usize::try_from(cursor.varint()?).map_err(|_| DecodeError)?;
            if gap == 0 {
                break;
            }
            let bin = gap.checked_add(next).ok_or(DecodeError)? - 1;
            let sum = row.get_mut(bin).ok_or(DecodeError)?;
            *sum = sum.checked_add(cursor.varint()?).ok_or(DecodeError)?;
            next = bin + 1;
        }
    }
    if cursor.rest().is_empty() { Ok(()) } else { Err(DecodeError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up_and_damage_is_refused() {
        let counts = [0u32, 3, 0, 0, 500, 0, 0, 0, 0, 0, 1, 1, 1, 1, u32::MAX];
        let mut bytes = Vec::new();
        encode_tally(&counts, 5, &mut bytes);
        let mut sums = vec![1; 15];
        add_tally(&bytes, 5, &mut sums).unwrap();
        add_tally(&bytes, 5, &mut sums).unwrap();
        assert!(sums.iter().zip(counts).all(|(&sum, count)| sum == 1 + 2 * u64::from(count)));
        for end in 0..bytes.len() {
            assert!(add_tally(&bytes[..end], 5, &mut [0; 15]).is_err(), "{end}");
        }
        assert!(add_tally(&bytes, 4, &mut [0; 12]).is_err() && add_tally(&bytes, 5, &mut [0; 10]).is_err());
        assert!(add_tally(&bytes, 5, &mut [u64::MAX; 15]).is_err());
    }
}
