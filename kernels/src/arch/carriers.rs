//! Sums over the samples whose genotype is not 0 (after the shift). Adding 0·y changes no sum, so that these are the bits
//! of the dense tiles: the same samples in the same order, in the same blocks of [`SUM_BLOCK`].

use super::lanes::{LANES, Lanes};
use super::{Matrix, SUM_BLOCK};

/// Which samples of a variant are listed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallList {
    /// Calls looked for.
    pub(crate) values: [u8; 2],
    /// Whether samples with one of them are listed, or those with another.
    pub(crate) equal: bool,
    /// The number of the first sample given.
    pub(crate) first: u32,
}

/// Ends each variant's list of samples.
pub(crate) const END: u32 = u32::MAX;

/// Carriers of some variants over a strip of samples that starts at a multiple of [`SUM_BLOCK`].
#[derive(Clone, Copy)]
pub(crate) struct Carriers<'a> {
    /// Samples of the strip, ascending within a variant, each variant's list followed by [`END`].
    pub(crate) samples: &'a [u32],
    /// Their genotypes; anything at [`END`].
    pub(crate) values: &'a [f32],
    /// Where each variant's list starts.
    pub(crate) starts: &'a [u32],
}

/// Carriers × `width` traits.
#[derive(Clone, Copy)]
pub(crate) struct CarrierTile<'a> {
    /// A row of the output each.
    pub(crate) carriers: Carriers<'a>,
    /// Traits over the strip, [sample][width].
    pub(crate) y: &'a [f32],
    /// Traits of the panel: 8, 16 or 32.
    pub(crate) width: usize,
    /// Distance between two variants' rows of the output.
    pub(crate) stride: usize,
    /// As [`super::GemmTile::fused`].
    pub(crate) fused: bool,
}

/// The last sample of the block that `sample` is in.
#[inline(always)]
pub(super) fn last_of_block(sample: u32) -> u32 {
    sample | (SUM_BLOCK as u32 - 1)
}

/// See [`super::Kernels::project_carriers`].
#[inline(always)]
pub(super) fn project_carriers_body<L: Lanes>(
    carriers: Carriers<'_>,
    (q, width): Matrix<'_>,
    x: &mut [f64],
    gg: &mut [f64],
) {
    for ((&start, x), gg) in carriers.starts.iter().zip(x.chunks_exact_mut(width)).zip(gg) {
        let (samples, values) = (&carriers.samples[start as usize..], &carriers.values[start as usize..]);
        if samples[0] == END {
            continue;
        }
        let mut column = 0;
        while column + 2 * LANES <= width {
            project_columns::<L, 2>(samples, values, &q[column..], width, &mut x[column..]);
            column += 2 * LANES;
        }
        if column < width {
            project_columns::<L, 1>(samples, values, &q[column..], width, &mut x[column..]);
        }
        let mut at = 0;
        while samples[at] != END {
            let (last, mut square) = (last_of_block(samples[at]), 0f64);
            while samples[at] <= last {
                square += f64::from(values[at]) * f64::from(values[at]);
                at += 1;
            }
            *gg += square;
        }
    }
}

#[inline(always)]
fn project_columns<L: Lanes, const N: usize>(samples: &[u32], values: &[f32], q: &[f64], width: usize, x: &mut [f64]) {
    let mut totals = [L::splat(0.0); N];
    for (c, total) in totals.iter_mut().enumerate() {
        *total = L::load(&x[c * LANES..]);
    }
    let mut at = 0;
    while samples[at] != END {
        let (last, mut sums) = (last_of_block(samples[at]), [L::splat(0.0); N]);
        while samples[at] <= last {
            let q = &q[samples[at] as usize * width..][..N * LANES];
            let g = L::splat(f64::from(values[at]));
            for c in 0..N {
                sums[c] = sums[c].add(g.mul(L::load(&q[c * LANES..])));
            }
            at += 1;
        }
        for c in 0..N {
            totals[c] = totals[c].add(sums[c]);
        }
    }
    for c in 0..N {
        totals[c].store(&mut x[c * LANES..]);
    }
}
