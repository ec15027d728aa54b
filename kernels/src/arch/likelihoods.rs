//! Passes over one site's genotype likelihoods: plain Rust, compiled for each instruction set. Weights are kept eight samples
//! at a time, sums in eight lanes (sample i in lane i mod 8) that are added in order, so that no width changes a bit.

use super::Isa;

/// Samples of a group.
pub(crate) const GROUP: usize = 8;

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

static PORTABLE: LikelihoodScans =
    LikelihoodScans { weights: weights_body, moments: moments_body, posterior: posterior_body };

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
    ($features:literal, $scans:ident, $module:ident) => {
        mod $module {
            use super::*;

            #[target_feature(enable = $features)]
            pub(super) fn weights(ln: &[[f32; 3]], out: &mut [Group]) -> usize {
                weights_body(ln, out)
            }

            #[target_feature(enable = $features)]
            pub(super) fn moments(groups: &[Group], prior: [f64; 3]) -> (f64, f64) {
                moments_body(groups, prior)
            }

            #[target_feature(enable = $features)]
            pub(super) fn posterior(
                groups: &[Group],
                prior: [f64; 3],
                mean: &mut [f32],
                variance: &mut [f32],
            ) -> (f64, f64) {
                posterior_body(groups, prior, mean, variance)
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
compiled_for!("avx2", AVX2, avx2);
#[cfg(target_arch = "x86_64")]
compiled_for!("avx512f", AVX512, avx512);

#[inline(always)]
fn weights_body(ln: &[[f32; 3]], out: &mut [Group]) -> usize {
    let mut n_with_reads = 0;
    for (ln, out) in ln.chunks(GROUP).zip(out) {
        let mut x = [[0f64; GROUP]; 3];
        (x[1], x[2]) = ([f64::NEG_INFINITY; GROUP], [f64::NEG_INFINITY; GROUP]);
        for (l, ln) in ln.iter().enumerate() {
            let largest = ln[0].max(ln[1]).max(ln[2]);
            n_with_reads += usize::from(ln[0] != ln[1] || ln[1] != ln[2]);
            for g in 0..3 {
                x[g][l] = if largest.is_finite() { f64::from(ln[g]) - f64::from(largest) } else { 0.0 };
            }
        }
        for g in 0..3 {
            for l in 0..GROUP {
                out[g][l] = exp(x[g][l]);
            }
        }
        for (out, nobody) in out.iter_mut().zip([1.0, 0.0, 0.0]) {
            out[ln.len()..].fill(nobody);
        }
    }
    n_with_reads
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

/// (E\[g], Var(g)) of one sample: joint a, b, c of g = 0, 1, 2. Every term is positive, so nothing cancels.
#[inline(always)]
fn posterior_of(a: f64, b: f64, c: f64) -> (f64, f64) {
    let inverse = 1.0 / (a + b + c);
    ((b + 2.0 * c) * inverse, (a * b + b * c + 4.0 * (a * c)) * inverse * inverse)
}

#[inline(always)]
fn moments_body(groups: &[Group], prior: [f64; 3]) -> (f64, f64) {
    let (mut means, mut variances) = ([0f64; GROUP], [0f64; GROUP]);
    for [w0, w1, w2] in groups {
        for l in 0..GROUP {
            let (mean, variance) = posterior_of(w0[l] * prior[0], w1[l] * prior[1], w2[l] * prior[2]);
            means[l] += mean;
            variances[l] += variance;
        }
    }
    (means.iter().sum(), variances.iter().sum())
}

#[inline(always)]
fn posterior_body(groups: &[Group], prior: [f64; 3], mean: &mut [f32], variance: &mut [f32]) -> (f64, f64) {
    let (mut means, mut variances) = ([0f64; GROUP], [0f64; GROUP]);
    let outputs = mean.chunks_mut(GROUP).zip(variance.chunks_mut(GROUP));
    for ([w0, w1, w2], (mean_out, variance_out)) in groups.iter().zip(outputs) {
        let (mut mean, mut variance) = ([0f64; GROUP], [0f64; GROUP]);
        for l in 0..GROUP {
            (mean[l], variance[l]) = posterior_of(w0[l] * prior[0], w1[l] * prior[1], w2[l] * prior[2]);
            means[l] += mean[l];
            variances[l] += variance[l];
        }
        mean_out.iter_mut().zip(mean).for_each(|(out, x)| *out = x as f32);
        variance_out.iter_mut().zip(variance).for_each(|(out, x)| *out = x as f32);
    }
    (means.iter().sum(), variances.iter().sum())
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
