//! The largest r² of permuted traits over variants, from their scores.

use super::lanes::{LANES, Lanes};

/// Scores of some variants with a panel of traits of norm 1.
#[derive(Clone, Copy)]
pub(crate) struct RaiseTile<'a> {
    /// [variant][width].
    pub(crate) scores: &'a [f64],
    /// [variant]: 1/d; 0 for one that never wins.
    pub(crate) inverse: &'a [f64],
    /// Traits of the panel: 8, 16 or 32.
    pub(crate) width: usize,
}

/// See [`super::Kernels::raise`].
#[inline(always)]
pub(super) fn raise_body<L: Lanes>(tile: RaiseTile<'_>, best: &mut [f64]) {
    match tile.width {
        32 => raise_columns::<L, 4>(tile, best),
        16 => raise_columns::<L, 2>(tile, best),
        _ => raise_columns::<L, 1>(tile, best),
    }
}

#[inline(always)]
fn raise_columns<L: Lanes, const N: usize>(tile: RaiseTile<'_>, best: &mut [f64]) {
    let mut largest = [L::splat(0.0); N];
    for (c, largest) in largest.iter_mut().enumerate() {
        *largest = L::load(&best[c * LANES..]);
    }
    for (scores, &inverse) in tile.scores.chunks_exact(N * LANES).zip(tile.inverse) {
        let inverse = L::splat(inverse);
        for c in 0..N {
            let score = L::load(&scores[c * LANES..]);
            largest[c] = score.mul(score).mul(inverse).max(largest[c]);
        }
    }
    for (c, largest) in largest.into_iter().enumerate() {
        largest.store(&mut best[c * LANES..]);
    }
}
