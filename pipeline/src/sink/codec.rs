//! Rows as bytes and back: the payloads of frames.

use super::bytes::{Cursor, DecodeError, put_f32, put_f64, put_text, put_u32, put_u64};
use super::rows::{ExactRow, HitRow, RowBatch, VariantRow};

/// Appends all of `batch` but its matrices.
pub fn encode_rows(batch: &RowBatch, out: &mut Vec<u8>) {
    put_u64(out, batch.variants.len() as u64);
    for v in &batch.variants {
        for text in [&v.chrom, &v.id, &v.reference, &v.alternate] {
            put_text(out, text);
        }
        put_u32(out, v.pos);
        put_f64(out, v.a1_freq);
        put_u32(out, v.n);
        put_f64(out, v.mac);
        put_u32(out, v.missing);
        out.push(v.status);
    }
    put_u64(out, batch.full_rows.len() as u64);
    batch.full_rows.iter().for_each(|&row| put_u32(out, row));
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
        for value in [hit.variant_idx, hit.trait_idx, hit.n_observed] {
            put_u32(out, value);
        }
        for value in [hit.beta, hit.se, hit.log10p] {
            put_f64(out, value);
        }
    }
    put_u64(out, batch.exact.len() as u64);
    for exact in &batch.exact {
        put_u32(out, exact.variant_idx);
        put_u32(out, exact.trait_idx);
        put_f32(out, exact.beta);
        put_f32(out, exact.se);
    }
}

/// Reads what [`encode_rows`] wrote; the matrices are empty.
///
/// # Errors
/// [`DecodeError`] where lengths or text do not hold; nothing is allocated beyond the size of `bytes`.
pub fn decode_rows(bytes: &[u8]) -> Result<RowBatch, DecodeError> {
    let r = &mut Cursor::new(bytes);
    let n_variants = r.count(1)?;
    // A variant takes 61 bytes or more: no more room is made than the bytes can fill.
    let mut variants = Vec::with_capacity(n_variants.min(bytes.len() / 61));
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
    let full_rows = list(r, 4, Cursor::u32)?;
    let triple = |r: &mut Cursor<'_>| Ok((r.u32()?, r.u32()?, r.u32()?));
    let [n_missing, covariates_lost] = [list(r, 12, triple)?, list(r, 12, triple)?];
    let statuses = list(r, 9, |r| Ok((r.u32()?, r.u32()?, r.u8()?)))?;
    let hits = list(r, 36, |r| {
        let [variant_idx, trait_idx, n_observed] = [r.u32()?, r.u32()?, r.u32()?];
        Ok(HitRow { variant_idx, trait_idx, n_observed, beta: r.f64()?, se: r.f64()?, log10p: r.f64()? })
    })?;
    let exact =
        list(r, 16, |r| Ok(ExactRow { variant_idx: r.u32()?, trait_idx: r.u32()?, beta: r.f32()?, se: r.f32()? }))?;
    let matrices = Default::default();
    Ok(RowBatch { variants, full_rows, matrices, n_missing, covariates_lost, statuses, hits, exact })
}

/// Items of at least `min_len` bytes after their count.
fn list<'a, T>(
    cursor: &mut Cursor<'a>,
    min_len: usize,
    mut item: impl FnMut(&mut Cursor<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    (0..cursor.count(min_len)?).map(|_| item(cursor)).collect()
}

/// Appends cells of a matrix: 4 bytes each, little-endian.
pub fn encode_cells(cells: &[f32], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + 4 * cells.len(), 0);
    for (bytes, value) in out[start..].as_chunks_mut().0.iter_mut().zip(cells) {
        *bytes = value.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> RowBatch {
        RowBatch {
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
            full_rows: vec![0],
            matrices: Default::default(),
            n_missing: vec![(0, 1, 1)],
            covariates_lost: vec![(0, 0, 2), (0, 1, 1)],
            statuses: vec![(0, 1, 3)],
            hits: vec![HitRow { variant_idx: 0, trait_idx: 0, beta: 1.5, se: 0.5, log10p: 9.0, n_observed: 7 }],
            exact: vec![ExactRow { variant_idx: 0, trait_idx: 1, beta: 2.5, se: 0.25 }],
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
