//! What reads show at sites, as payloads of cells and back.

use std::ops::Range;

use crate::sink::bytes::{Cursor, DecodeError, put_f32, put_u32};
use crate::source::reads::SiteReads;

/// What the reads of a sample show at a site.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shown {
    /// Bases that passed the filters.
    pub depth: u16,
    /// Those that agree with REF and with ALT.
    pub allele_depths: [u16; 2],
    /// ln P(reads | g) less the largest of the three.
    pub likelihoods: [f32; 3],
}

/// Appends `sites` of a batch: sites, samples, the depths; then, where there is a base, all else.
pub fn encode(reads: &SiteReads, sites: Range<usize>, out: &mut Vec<u8>) {
    let n = reads.n_samples;
    put_u32(out, sites.len() as u32);
    put_u32(out, n as u32);
    let all = sites.start * n..sites.end * n;
    all.clone().for_each(|at| out.extend(reads.depth[at].to_le_bytes()));
    for at in all.filter(|&at| reads.depth[at] > 0) {
        out.extend(reads.ref_depth[at].to_le_bytes());
        out.extend(reads.alt_depth[at].to_le_bytes());
        reads.likelihoods[at].iter().for_each(|&likelihood| put_f32(out, likelihood));
    }
}

/// Hands every sample with a base to `each`, as (site, sample, what is shown), both counted within the payload.
///
/// # Errors
/// [`DecodeError`] where the payload is not of `n_sites` × `n_samples`.
pub fn decode(
    payload: &[u8],
    (n_sites, n_samples): (usize, usize),
    mut each: impl FnMut(usize, usize, Shown),
) -> Result<(), DecodeError> {
    let mut r = Cursor::new(payload);
    if (r.u32()? as usize, r.u32()? as usize) != (n_sites, n_samples) {
        return Err(DecodeError);
    }
    let rest = r.rest();
    let (depths, shown) = rest.split_at_checked(2 * n_sites * n_samples).ok_or(DecodeError)?;
    let mut r = Cursor::new(shown);
    for (at, depth) in depths.as_chunks::<2>().0.iter().enumerate() {
        let depth = u16::from_le_bytes(*depth);
        if depth > 0 {
            let both = r.u32()?;
            let allele_depths = [both as u16, (both >> 16) as u16];
            let likelihoods = [r.f32()?, r.f32()?, r.f32()?];
            each(at / n_samples, at % n_samples, Shown { depth, allele_depths, likelihoods });
        }
    }
    if r.rest().is_empty() { Ok(()) } else { Err(DecodeError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_comes_back_and_damage_does_not() {
        let reads = SiteReads {
            n_samples: 2,
            depth: vec![0, 3, 1, 0],
            ref_depth: vec![0, 2, 0, 0],
            alt_depth: vec![0, 1, 1, 0],
            likelihoods: vec![[0.0; 3], [-1.0, 0.0, -5.0], [-7.0, -0.7, 0.0], [0.0; 3]],
            ..Default::default()
        };
        let mut payload = Vec::new();
        encode(&reads, 0..2, &mut payload);
        let mut found = Vec::new();
        decode(&payload, (2, 2), |site, sample, shown| found.push((site, sample, shown))).unwrap();
        let first = Shown { depth: 3, allele_depths: [2, 1], likelihoods: [-1.0, 0.0, -5.0] };
        let second = Shown { depth: 1, allele_depths: [0, 1], likelihoods: [-7.0, -0.7, 0.0] };
        assert_eq!(found, [(0, 1, first), (1, 0, second)]);
        for len in 0..payload.len() {
            assert_eq!(decode(&payload[..len], (2, 2), |_, _, _| ()), Err(DecodeError));
        }
        assert_eq!(decode(&payload, (1, 4), |_, _, _| ()), Err(DecodeError));
    }
}
