//! From scores to β and SE, eight traits at a time. What is out of the ordinary is flagged and left to the caller.

use super::lanes::{LANES, Lanes, sum_as_dot};

/// A trait of which dropping the variant's missing samples has left less than this share of ỹᵀỹ is fitted exactly.
pub(crate) const LITTLE_LEFT: f64 = 1.0 / 16.0;
/// Above this r² the residual sum of squares cancels.
pub(crate) const HIGH_R2: f64 = 0.9;
/// A score's rounding, a share of about 2⁻²⁵ of √(gᵀg·ỹᵀỹ), moves SE by at most this many times that share.
pub(crate) const AMPLIFIED: f64 = 32.0;
/// Just inside of the normal f32.
const STORABLE: (f64, f64) = (1.176e-38, 3.402e38);
/// Below a threshold by more than any rounding of the comparison.
const SURELY_BELOW: f64 = 1.0 - 1e-6;

/// What the fits of consecutive traits need of them, [trait]; each slice has eight values more than the traits.
#[derive(Debug, Clone)]
pub(crate) struct PairModels {
    /// Distance between two covariates' rows of `rounding`.
    pub(crate) stride: usize,
    /// [covariate][stride]: Q_mᵀ(ỹ + dither − hi).
    pub(crate) rounding: Vec<f64>,
    /// ỹᵀỹ; 0 for a trait that cannot be tested.
    pub(crate) yy: Vec<f64>,
    /// Stored residual × `unit` = residual in the trait's unit.
    pub(crate) unit: Vec<f64>,
}

/// What dropping the variant's missing samples changes.
#[derive(Clone, Copy)]
pub(crate) struct Dropped<'a> {
    /// [covariate of the full basis][stride]: Q_Mᵀỹ_M.
    pub(crate) projections: &'a [f64],
    /// [trait]: ỹ_Mᵀỹ_M.
    pub(crate) squares: &'a [f64],
    /// Pᵀ, k × k_all: from the full basis to the mask's; `None` is the identity.
    pub(crate) to_mask: Option<&'a [f64]>,
    /// Covariates of the full basis.
    pub(crate) k_all: usize,
    /// L, k × k.
    pub(crate) factor: &'a [f64],
    /// L⁻¹z.
    pub(crate) w: &'a [f64],
}

/// What the variant's missing genotypes change in the scores and in ỹᵀỹ.
#[derive(Clone, Copy)]
pub(crate) enum Missing<'a> {
    /// None is missing.
    Nothing,
    /// Left out.
    Dropped(Dropped<'a>),
    /// Filled in: the value, and Σ ỹ over the missing by trait.
    Filled(f64, &'a [f64]),
}

/// One variant and consecutive traits of one mask.
#[derive(Clone, Copy)]
pub(crate) struct PairTile<'a> {
    /// First trait.
    pub(crate) first: usize,
    /// Traits.
    pub(crate) n: usize,
    /// All traits' models.
    pub(crate) models: &'a PairModels,
    /// Scores by trait, and eight values more.
    pub(crate) scores: &'a [f64],
    /// Qᵀg in the mask's basis.
    pub(crate) z: &'a [f64],
    /// Taken off every score.
    pub(crate) dither: f64,
    /// g̃ᵀg̃.
    pub(crate) d: f64,
    /// See [`frailty`].
    pub(crate) frailty: f64,
    /// Degrees of freedom.
    pub(crate) df: f64,
    /// t² from which a pair may be a hit.
    pub(crate) hit_t2: f64,
    /// What is missing.
    pub(crate) missing: Missing<'a>,
}

/// Times ỹᵀỹ before any sample is dropped and s²/d, what the square of the residual sum of squares must exceed: the
/// relative error of SE is that of s²/d over RSS, and s is right to a share of √(gᵀg·ỹᵀỹ).
pub(crate) fn frailty(gg: f64, d: f64) -> f64 {
    gg / d / (AMPLIFIED * AMPLIFIED)
}

/// The fits, counted from the first trait of the tile; rounded up to a multiple of eight.
#[derive(Debug, Clone)]
pub(crate) struct PairColumns {
    /// Score, in the scaled unit of the stored residuals.
    pub(crate) score: Vec<f64>,
    /// ỹᵀỹ over the samples used, likewise.
    pub(crate) yy: Vec<f64>,
    /// Effect, in the trait's unit.
    pub(crate) beta: Vec<f32>,
    /// Its standard error.
    pub(crate) se: Vec<f32>,
    /// A byte for eight traits, a bit each: β and SE may not stand as they are, or the pair may be a hit.
    pub(crate) special: Vec<u8>,
    /// L⁻¹Q_Mᵀỹ_M of eight traits, [covariate][8].
    u: Vec<f64>,
}

impl PairColumns {
    /// Memory for `n_traits` traits and `k` covariates.
    pub(crate) fn new(n_traits: usize, k: usize) -> Self {
        let padded = n_traits.next_multiple_of(LANES);
        Self {
            score: vec![0.0; padded],
            yy: vec![0.0; padded],
            beta: vec![0.0; padded],
            se: vec![0.0; padded],
            special: vec![0; padded / LANES],
            u: vec![0.0; k * LANES],
        }
    }
}

/// See [`PairTile`].
#[inline(always)]
pub(super) fn fit_pairs_body<L: Lanes>(tile: &PairTile<'_>, out: &mut PairColumns) {
    let (models, k) = (tile.models, tile.z.len());
    let (d, d_df, dither) = (L::splat(tile.d), L::splat(tile.d * tile.df), L::splat(tile.dither));
    let (frailty, hit_t2) = (L::splat(tile.frailty), L::splat(tile.hit_t2 * SURELY_BELOW));
    for at in (0..tile.n).step_by(LANES) {
        let t = tile.first + at;
        let rounding = sum_as_dot(k, |i| L::splat(tile.z[i]).mul(L::load(&models.rounding[i * models.stride + t..])));
        let mut s = L::load(&tile.scores[t..]).sub(dither).add(rounding);
        let all_yy = L::load(&models.yy[t..]);
        let mut yy = all_yy;
        match tile.missing {
            Missing::Nothing => {}
            Missing::Filled(fill, sums) => s = s.add(L::splat(fill).mul(L::load(&sums[t..]))),
            Missing::Dropped(dropped) => {
                set_u::<L>(&dropped, models.stride, t, &mut out.u[..k * LANES]);
                let u = |i: usize| L::load(&out.u[i * LANES..]);
                s = s.add(sum_as_dot(k, |i| L::splat(dropped.w[i]).mul(u(i))));
                yy = yy.sub(L::load(&dropped.squares[t..]).add(sum_as_dot(k, |i| u(i).mul(u(i)))));
            }
        }
        let explained = s.mul(s).div(d);
        let rss = yy.sub(explained);
        let (beta, se) = (s.div(d), rss.div(d_df).sqrt());
        let unit = L::load(&models.unit[t..]);
        let (beta_unit, se_unit) = (beta.mul(unit), se.mul(unit));
        let good = !yy.le(L::splat(LITTLE_LEFT).mul(all_yy))
            & explained.le(L::splat(HIGH_R2).mul(yy))
            & frailty.mul(explained).mul(all_yy).le(rss.mul(rss));
        let storable = se_unit.ge(L::splat(STORABLE.0))
            & se_unit.le(L::splat(STORABLE.1))
            & beta_unit.le(L::splat(STORABLE.1))
            & beta_unit.ge(L::splat(-STORABLE.1));
        let hit = beta.mul(beta).ge(hit_t2.mul(se.mul(se)));
        out.special[at / LANES] = !(good & storable) | hit;
        s.store(&mut out.score[at..]);
        yy.store(&mut out.yy[at..]);
        beta_unit.store_f32(&mut out.beta[at..]);
        se_unit.store_f32(&mut out.se[at..]);
    }
}

/// L⁻¹PᵀQ_Mᵀỹ_M of eight traits.
#[inline(always)]
fn set_u<L: Lanes>(dropped: &Dropped<'_>, stride: usize, t: usize, u: &mut [f64]) {
    let k = u.len() / LANES;
    let projection = |j: usize| L::load(&dropped.projections[j * stride + t..]);
    for i in 0..k {
        let x = match dropped.to_mask {
            None => projection(i),
            Some(p) => sum_as_dot(dropped.k_all, |j| L::splat(p[i * dropped.k_all + j]).mul(projection(j))),
        };
        let l = &dropped.factor[i * k..=i * k + i];
        let sum = sum_as_dot(i, |j| L::splat(l[j]).mul(L::load(&u[j * LANES..])));
        x.sub(sum).div(L::splat(l[i])).store(&mut u[i * LANES..]);
    }
}
