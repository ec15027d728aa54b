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

/// Reads what [`encode_rows`] wrote into `batch`, whose matrices are left alone.
///
/// # Errors
/// [`DecodeError`] where lengths or text do not hold; nothing is allocated beyond the size of `bytes`.
pub fn decode_rows(bytes: &[u8], batch: &mut RowBatch) -> Result<(), DecodeError> {
    let r = &mut Cursor::new(bytes);
    // A variant takes 61 bytes or more.
    let n_variants = r.count(61)?;
    batch.variants.resize_with(n_variants, VariantRow::default);
    for v in &mut batch.variants {
        for text in [&mut v.chrom, &mut v.id, &mut v.reference, &mut v.alternate] {
            text.clear();
            text.push_str(r.text()?);
        }
        v.pos = r.u32()?;
        v.a1_freq = r.f64()?;
        v.n = r.u32()?;
        v.mac = r.f64()?;
        v.missing = r.u32()?;
        v.status = r.u8()?;
    }
    list(r, 4, &mut batch.full_rows, Cursor::u32)?;
    for counts in [&mut batch.n_missing, &mut batch.covariates_lost] {
        list(r, 12, counts, |r| Ok((r.u32()?, r.u32()?, r.u32()?)))?;
    }
    list(r, 9, &mut batch.statuses, |r| Ok((r.u32()?, r.u32()?, r.u8()?)))?;
    list(r, 36, &mut batch.hits, |r| {
        let [variant_idx, trait_idx, n_observed] = [r.u32()?, r.u32()?, r.u32()?];
        Ok(HitRow { variant_idx, trait_idx, n_observed, beta: r.f64()?, se: r.f64()?, log10p: r.f64()? })
    })?;
    list(r, 16, &mut batch.exact, |r| {
        Ok(ExactRow { variant_idx: r.u32()?, trait_idx: r.u32()?, beta: r.f32()?, se: r.f32()? })
    })
}

/// Items of at least `min_len` bytes after their count, in the place of those of `out`.
fn list<'a, T>(
    cursor: &mut Cursor<'a>,
    min_len: usize,
    out: &mut Vec<T>,
    mut item: impl FnMut(&mut Cursor<'a>) -> Result<T, DecodeError>,
) -> Result<(), DecodeError> {
    out.clear();
    for _ in 0..cursor.count(min_len)? {
        out.push(item(cursor)?);
    }
    Ok(())
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
        let mut decoded = RowBatch::default();
        decode_rows(&bytes, &mut decoded).unwrap();
        assert_eq!(decoded, batch());
    }

    #[test]
    fn truncated_rows_are_refused_at_every_length() {
        let mut bytes = Vec::new();
        encode_rows(&batch(), &mut bytes);
        for len in 0..bytes.len() {
            assert_eq!(decode_rows(&bytes[..len], &mut batch()), Err(DecodeError), "length {len}");
        }
    }
}
