//! Rows as bytes and back: the payload of a frame.

use super::rows::{HitRow, RowBatch, VariantRow};

/// The bytes are not what was written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a frame's payload does not decode")]
pub struct DecodeError;

/// Appends `batch` to `out`.
pub fn encode_rows(batch: &RowBatch, out: &mut Vec<u8>) {
    put_u64(out, batch.n_traits as u64);
    put_u64(out, batch.variants.len() as u64);
    for v in &batch.variants {
        for text in [&v.chrom, &v.id, &v.reference, &v.alternate] {
            put_u64(out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
        put_u32(out, v.pos);
        put_f64(out, v.a1_freq);
        put_u32(out, v.n);
        put_f64(out, v.mac);
        put_u32(out, v.missing);
        out.push(v.status);
    }
    for matrix in [&batch.beta, &batch.se] {
        out.reserve(4 * matrix.len());
        for value in matrix.iter() {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
    for counts in [&batch.n_missing, &batch.covariates_lost] {
        put_u64(out, counts.len() as u64);
        for &(row, mask, n) in counts {
            for value in [row, mask, n] {
                put_u32(out, value);
            }
        }
    }
    put_u64(out, batch.statuses.len() as u64);
    for &(row, trait_idx, code) in &batch.statuses {
        put_u32(out, row);
        put_u32(out, trait_idx);
        out.push(code);
    }
    put_u64(out, batch.hits.len() as u64);
    for hit in &batch.hits {
        put_u32(out, hit.variant_idx);
        put_u32(out, hit.trait_idx);
        for value in [hit.beta, hit.se, hit.log10p] {
            put_f64(out, value);
        }
    }
}

/// Reads what [`encode_rows`] wrote.
///
/// # Errors
/// [`DecodeError`] where lengths or text do not hold; nothing is allocated beyond the size of `bytes`.
pub fn decode_rows(bytes: &[u8]) -> Result<RowBatch, DecodeError> {
    let mut r = Cursor { bytes };
    let n_traits = r.u64()? as usize;
    let n_variants = r.count(1)?;
    let mut variants = Vec::with_capacity(n_variants);
    for _ in 0..n_variants {
        let [chrom, id, reference, alternate] = [r.text()?, r.text()?, r.text()?, r.text()?];
        variants.push(VariantRow {
            chrom,
            id,
            reference,
            alternate,
            pos: r.u32()?,
            a1_freq: r.f64()?,
            n: r.u32()?,
            mac: r.f64()?,
            missing: r.u32()?,
            status: r.u8()?,
        });
    }
    let cells = n_variants.checked_mul(n_traits).ok_or(DecodeError)?;
    let [beta, se] = [r.f32s(cells)?, r.f32s(cells)?];
    let [n_missing, covariates_lost] = [r.counts()?, r.counts()?];
    let n = r.count(9)?;
    let statuses = (0..n).map(|_| Ok((r.u32()?, r.u32()?, r.u8()?))).collect::<Result<_, _>>()?;
    let n = r.count(32)?;
    let hits = (0..n)
        .map(|_| {
            Ok(HitRow { variant_idx: r.u32()?, trait_idx: r.u32()?, beta: r.f64()?, se: r.f64()?, log10p: r.f64()? })
        })
        .collect::<Result<_, _>>()?;
    Ok(RowBatch { n_traits, variants, beta, se, n_missing, covariates_lost, statuses, hits })
}

/// Appends counts, for an end frame.
pub fn encode_counts(counts: &[u64], out: &mut Vec<u8>) {
    for &count in counts {
        put_u64(out, count);
    }
}

/// Reads what [`encode_counts`] wrote.
///
/// # Errors
/// [`DecodeError`] where the length is no multiple of 8.
pub fn decode_counts(bytes: &[u8]) -> Result<Vec<u64>, DecodeError> {
    let mut r = Cursor { bytes };
    if !bytes.len().is_multiple_of(8) {
        return Err(DecodeError);
    }
    (0..bytes.len() / 8).map(|_| r.u64()).collect()
}

fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_f64(out: &mut Vec<u8>, value: f64) {
    put_u64(out, value.to_bits());
}

struct Cursor<'a> {
    bytes: &'a [u8],
}

impl Cursor<'_> {
    fn take(&mut self, n: usize) -> Result<&[u8], DecodeError> {
        let (head, tail) = self.bytes.split_at_checked(n).ok_or(DecodeError)?;
        self.bytes = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.take(N)?.try_into().map_err(|_| DecodeError)
    }

    fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[b]| b)
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    fn f64(&mut self) -> Result<f64, DecodeError> {
        self.u64().map(f64::from_bits)
    }

    /// A count of items of at least `min_len` bytes each, which must fit in what is left.
    fn count(&mut self, min_len: usize) -> Result<usize, DecodeError> {
        let n = usize::try_from(self.u64()?).map_err(|_| DecodeError)?;
        if n.checked_mul(min_len).is_none_or(|len| len > self.bytes.len()) {
            return Err(DecodeError);
        }
        Ok(n)
    }

    /// (row, mask, n) each.
    fn counts(&mut self) -> Result<Vec<(u32, u32, u32)>, DecodeError> {
        (0..self.count(12)?).map(|_| Ok((self.u32()?, self.u32()?, self.u32()?))).collect()
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        let n = self.count(1)?;
        String::from_utf8(self.take(n)?.to_vec()).map_err(|_| DecodeError)
    }

    fn f32s(&mut self, n: usize) -> Result<Vec<f32>, DecodeError> {
        let raw = self.take(n.checked_mul(4).ok_or(DecodeError)?)?;
        Ok(raw.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> RowBatch {
        RowBatch {
            n_traits: 2,
            variants: vec![VariantRow {
                chrom: "chr22".into(),
                pos: 17,
                id: ".".into(),
                reference: "A".into(),
                alternate: "<DEL>".into(),
                a1_freq: 0.25,
                n: 8,
                mac: 4.0,
                missing: 1,
                status: 0,
            }],
            beta: vec![1.5, f32::INFINITY],
            se: vec![0.5, 2.0],
            n_missing: vec![(0, 1, 1)],
            covariates_lost: vec![(0, 0, 2), (0, 1, 1)],
            statuses: vec![(0, 1, 3)],
            hits: vec![HitRow { variant_idx: 0, trait_idx: 0, beta: 1.5, se: 0.5, log10p: 9.0 }],
        }
    }

    #[test]
    fn rows_survive_the_round_trip() {
        let mut bytes = Vec::new();
        encode_rows(&batch(), &mut bytes);
        assert_eq!(decode_rows(&bytes).unwrap(), batch());
    }

    #[test]
    fn truncated_rows_are_refused_at_every_length() {
        let mut bytes = Vec::new();
        encode_rows(&batch(), &mut bytes);
        for len in 0..bytes.len() {
            assert_eq!(decode_rows(&bytes[..len]), Err(DecodeError), "length {len}");
        }
    }
}
