//! Passes over one site's genotype likelihoods, compiled for each instruction set. Weights are kept eight samples at a time, sums
//! in eight lanes (sample i in lane i mod 8) that are added in order, so that no width changes a bit.

use super::Isa;
#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2Lanes, Avx512Lanes};
use super::lanes::{LANES, Lanes};

/// Samples of a group.
pub(crate) const GROUP: usize = LANES;

/// Weights of a group of samples, P(reads | g) over the largest of the three: [g][sample].
pub(crate) type Group = [[f64; GROUP]; 3];

/// Groups, prior, means and variances to be filled; their sums.
type Posterior = fn(&[Group], [f64; 3], &mut [f32], &mut [f32]) -> (f64, f64);

/// ln-likelihoods this far under the largest are taken as this far: e⁻⁷⁰⁰ is still a normal f64.
const LEAST: f64 = -700.0;

/// The passes of one instruction set.
pub(crate) struct LikelihoodScans {
    /// Weights of ln-likelihoods; the last group is filled up with samples that are surely 0. Returns how many samples have
    /// reads: those whose three differ.
    pub(crate) weights: fn(&[[f32; 3]], &mut [Group]) -> usize,
    /// Σ E\[g] and Σ Var(g) under a prior of three.
    pub(crate) moments: fn(&[Group], [f64; 3]) -> (f64, f64),
    /// E\[g] and Var(g) by sample under a prior of three, and their sums before rounding.
    pub(crate) posterior: Posterior,
}

static PORTABLE: LikelihoodScans = LikelihoodScans {
    weights: weights_body,
    moments: moments_body::<[f64; LANES]>,
    posterior: posterior_body::<[f64; LANES]>,
};

impl LikelihoodScans {
    /// The passes of `isa`; the portable ones where the CPU lacks it.
    pub(crate) fn of(isa: Isa) -> &'static Self {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 if isa.is_supported() => &AVX512,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 if isa.is_supported() => &AVX2,
            _ => &PORTABLE,
        }
    }
}

#[cfg(target_arch = "x86_64")]
macro_rules! compiled_for {
    ($features:literal, $lanes:ty, $scans:ident, $module:ident) => {
        mod $module {
            use super::*;

            #[target_feature(enable = $features)]
            pub(super) fn weights(ln: &[[f32; 3]], out: &mut [Group]) -> usize {
                weights_body(ln, out)
            }

            #[target_feature(enable = $features)]
            pub(super) fn moments(groups: &[Group], prior: [f64; 3]) -> (f64, f64) {
                moments_body::<$lanes>(groups, prior)
            }

            #[target_feature(enable = $features)]
            pub(super) fn posterior(
                groups: &[Group],
                prior: [f64; 3],
                mean: &mut [f32],
                variance: &mut [f32],
            ) -> (f64, f64) {
                posterior_body::<$lanes>(groups, prior, mean, variance)
            }
        }

        static $scans: LikelihoodScans = LikelihoodScans {
            // SAFETY: `LikelihoodScans::of` alone gives these, after asking the CPU for the instruction set.
            weights: |ln, out| unsafe { $module::weights(ln, out) },
            // SAFETY: as above.
            moments: |groups, prior| unsafe { $module::moments(groups, prior) },
            // SAFETY: as above.
            posterior: |groups, prior, mean, variance| unsafe { $module::posterior(groups, prior, mean, variance) },
        };
    };
}

#[cfg(target_arch = "x86_64")]
compiled_for!("avx2", Avx2Lanes, AVX2, avx2);
#[cfg(target_arch = "x86_64")]
compiled_for!("avx512f", Avx512Lanes, AVX512, avx512);

#[inline(always)]
fn weights_body(ln: &[[f32; 3]], out: &mut [Group]) -> usize {
    let (groups, rest) = ln.as_chunks::<GROUP>();
    let mut n_with_reads = 0;
    for (ln, out) in groups.iter().zip(&mut *out) {
        n_with_reads += group_weights(ln, out);
    }
    if let Some(out) = out.get_mut(groups.len()).filter(|_| !rest.is_empty()) {
        let mut last = [[0f32; 3]; GROUP];
        last[..rest.len()].copy_from_slice(rest);
        n_with_reads += group_weights(&last, out);
        for (out, nobody) in out.iter_mut().zip([1.0, 0.0, 0.0]) {
            out[rest.len()..].fill(nobody);
        }
    }
    n_with_reads
}

/// Weights of eight samples; returns how many have reads.
#[inline(always)]
fn group_weights(ln: &[[f32; 3]; GROUP], out: &mut Group) -> usize {
    let mut by_genotype = [[0f32; GROUP]; 3];
    for (l, ln) in ln.iter().enumerate() {
        for g in 0..3 {
            by_genotype[g][l] = ln[g];
        }
    }
    let [a, b, c] = by_genotype;
    let mut n_with_reads = 0;
    let mut largest = [0f64; GROUP];
    for l in 0..GROUP {
        n_with_reads += u32::from((a[l] != b[l]) | (b[l] != c[l]));
        let x = if a[l] > b[l] { a[l] } else { b[l] };
        let x = if x > c[l] { x } else { c[l] };
        // Where all are impossible, all are alike.
        largest[l] = f64::from(if x > f32::MIN { x } else { f32::MIN });
    }
    for g in 0..3 {
        for l in 0..GROUP {
            out[g][l] = exp(f64::from(by_genotype[g][l]) - largest[l]);
        }
    }
    n_with_reads as usize
}

/// e^x of x ≤ 0, to about 1e-14: x = k·ln 2 + r, and Taylor's polynomial of r within ±½ ln 2 (its rest is under r¹³/13!).
#[inline(always)]
fn exp(x: f64) -> f64 {
    /// 1.5·2⁵²: adding it leaves a whole number in the low bits.
    const WHOLE: f64 = 6_755_399_441_055_744.0;
    /// ln 2 in two parts, the first with zeros at its end.
    const LN_2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
    const INVERSE_FACTORIALS: [f64; 12] = [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
    ];
    let x = if x > LEAST { x } else { LEAST };
    let shifted = x * std::f64::consts::LOG2_E + WHOLE;
    let k = shifted - WHOLE;
    let r = (x - k * LN_2[0]) - k * LN_2[1];
    let mut sum = INVERSE_FACTORIALS[0];
    for &factor in &INVERSE_FACTORIALS[1..] {
        sum = sum * r + factor;
    }
    sum = sum * r + 1.0;
    f64::from_bits(sum.to_bits().wrapping_add(shifted.to_bits() << 52))
}

/// (E\[g], Var(g)) of a group's samples. Every term is positive, so nothing cancels.
#[inline(always)]
fn posterior_of<L: Lanes>(weights: &Group, prior: [L; 3]) -> (L, L) {
    let joint = |g: usize| L::load(&weights[g]).mul(prior[g]);
    let (a, b, c) = (joint(0), joint(1), joint(2));
    let inverse = L::splat(1.0).div(a.add(b).add(c));
    let (a, b, c) = (a.mul(inverse), b.mul(inverse), c.mul(inverse));
    (b.add(c).add(c), a.mul(b).add(b.mul(c)).add(L::splat(4.0).mul(a.mul(c))))
}

#[inline(always)]
fn sum<L: Lanes>(lanes: L) -> f64 {
    let mut values = [0f64; GROUP];
    lanes.store(&mut values);
    values.iter().sum()
}

#[inline(always)]
fn moments_body<L: Lanes>(groups: &[Group], prior: [f64; 3]) -> (f64, f64) {
    let (prior, mut means, mut variances) = (prior.map(L::splat), L::splat(0.0), L::splat(0.0));
    for group in groups {
        let (mean, variance) = posterior_of(group, prior);
        (means, variances) = (means.add(mean), variances.add(variance));
    }
    (sum(means), sum(variances))
}

#[inline(always)]
fn posterior_body<L: Lanes>(
    groups: &[Group],
    prior: [f64; 3],
    mean_out: &mut [f32],
    variance_out: &mut [f32],
) -> (f64, f64) {
    let (prior, mut means, mut variances) = (prior.map(L::splat), L::splat(0.0), L::splat(0.0));
    let outputs = mean_out.chunks_mut(GROUP).zip(variance_out.chunks_mut(GROUP));
    for (group, (mean_out, variance_out)) in groups.iter().zip(outputs) {
        let (mean, variance) = posterior_of(group, prior);
        (means, variances) = (means.add(mean), variances.add(variance));
        let (mut rounded, n) = ([[0f32; GROUP]; 2], mean_out.len());
        mean.store_f32(&mut rounded[0]);
        variance.store_f32(&mut rounded[1]);
        mean_out.copy_from_slice(&rounded[0][..n]);
        variance_out.copy_from_slice(&rounded[1][..n]);
    }
    (sum(means), sum(variances))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_right_to_1e_14() {
        for i in 0..200_000 {
            let x = -f64::from(i) * 3.5e-3;
            let (found, expected) = (exp(x), libm::exp(x.max(LEAST)));
            assert!((found / expected - 1.0).abs() < 2e-14, "{x}: {found:e} not {expected:e}");
        }
        assert_eq!((exp(0.0), exp(f64::NEG_INFINITY)), (1.0, exp(LEAST)));
    }

    #[test]
    fn instruction_sets_give_equal_bits() {
        let ln: Vec<[f32; 3]> =
            (0..203).map(|i| [0.0, -0.37 * (i % 29) as f32, -1.9 * (i % 31) as f32 - 0.3 * (i % 7) as f32]).collect();
        let of = |isa: Isa| {
            let scans = LikelihoodScans::of(isa);
            let mut groups = vec![[[0f64; GROUP]; 3]; ln.len().div_ceil(GROUP)];
            let n = (scans.weights)(&ln, &mut groups);
            let prior = [0.49, 0.42, 0.09];
            let (mut mean, mut variance) = (vec![0f32; ln.len()], vec![0f32; ln.len()]);
            let sums = (scans.posterior)(&groups, prior, &mut mean, &mut variance);
            assert_eq!(sums, (scans.moments)(&groups, prior));
            let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            (n, sums.0.to_bits(), sums.1.to_bits(), bits(&mean), bits(&variance))
        };
        for isa in [Isa::Avx2, Isa::Avx512] {
            assert_eq!(of(isa), of(Isa::Scalar));
        }
        assert_eq!(of(Isa::Scalar).0, 203 - 1);
    }
}
