//! Passes over a variant's dosages: plain Rust, compiled for each instruction set. Values of a strip are worked out first
//! and summed in order afterwards, so that what is worked out can go several at a time.

use super::Isa;

/// Samples of a strip. A multiple of the lanes that sums are kept in.
const STRIP: usize = 64;

/// What most of a variant's dosages may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Common {
    /// No two called dosages differ.
    pub(crate) constant: bool,
    /// The value of more than half of the called samples, if there is one; of another, or none, otherwise.
    pub(crate) candidate: f32,
}

/// Sums of squares over called samples, sample i in lane i mod 8, lanes added in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// About the mean, in f64.
    pub(crate) centred: f64,
    /// About the shift, subtracted in f32.
    pub(crate) shifted: f64,
    /// Samples at the shift.
    pub(crate) n_at_shift: usize,
}

/// The passes of one instruction set.
pub(crate) struct DosageScans {
    /// Looks for the value of more than half.
    pub(crate) common: fn(&[f32]) -> Common,
    /// Dosages, mean, shift.
    pub(crate) spread: fn(&[f32], f64, f32) -> Spread,
    /// Appends the samples, numbered from 0, that are called and not at the shift, and their dosages less the shift.
    pub(crate) list: fn(&[f32], f32, &mut Vec<u32>, &mut Vec<f32>),
}

static PORTABLE: DosageScans = DosageScans { common: common_body, spread: spread_body, list: list_body };

impl DosageScans {
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
            pub(super) fn common(dosages: &[f32]) -> Common {
                common_body(dosages)
            }

            #[target_feature(enable = $features)]
            pub(super) fn spread(dosages: &[f32], mean: f64, shift: f32) -> Spread {
                spread_body(dosages, mean, shift)
            }

            #[target_feature(enable = $features)]
            pub(super) fn list(dosages: &[f32], shift: f32, samples: &mut Vec<u32>, values: &mut Vec<f32>) {
                list_body(dosages, shift, samples, values);
            }
        }

        static $scans: DosageScans = DosageScans {
            // SAFETY: `DosageScans::of` alone gives these, after asking the CPU for the instruction set.
            common: |dosages| unsafe { $module::common(dosages) },
            // SAFETY: as above.
            spread: |dosages, mean, shift| unsafe { $module::spread(dosages, mean, shift) },
            // SAFETY: as above.
            list: |dosages, shift, samples, values| unsafe { $module::list(dosages, shift, samples, values) },
        };
    };
}

#[cfg(target_arch = "x86_64")]
compiled_for!("avx2,fma", AVX2, avx2);
#[cfg(target_arch = "x86_64")]
compiled_for!("avx512f,avx2,fma,popcnt", AVX512, avx512);

/// All strips, the last one filled up with NaN in `last`.
#[inline(always)]
fn strips<'a>(dosages: &'a [f32], last: &'a mut [f32; STRIP]) -> impl Iterator<Item = &'a [f32; STRIP]> {
    let (whole, rest) = dosages.as_chunks();
    last.fill(f32::NAN);
    last[..rest.len()].copy_from_slice(rest);
    whole.iter().chain((!rest.is_empty()).then_some(&*last))
}

/// Boyer and Moore's vote (1981) in each of many lanes. What cancels out are pairs of unlike values, so that a value of more
/// than half is more than half of what is left in all lanes too, and wins a vote among them.
#[inline(always)]
fn common_body(dosages: &[f32]) -> Common {
    let (mut candidates, mut votes) = ([0f32; STRIP], [0u32; STRIP]);
    let (mut least, mut most) = ([f32::INFINITY; STRIP], [f32::NEG_INFINITY; STRIP]);
    let mut last = [0f32; STRIP];
    for strip in strips(dosages, &mut last) {
        for l in 0..STRIP {
            let (g, candidate, n) = (strip[l], candidates[l], votes[l]);
            let called = !g.is_nan();
            let open = n == 0;
            least[l] = if g < least[l] { g } else { least[l] };
            most[l] = if g > most[l] { g } else { most[l] };
            candidates[l] = if called & open { g } else { candidate };
            let step = if open | (g == candidate) { 1 } else { u32::MAX };
            votes[l] = n.wrapping_add(if called { step } else { 0 });
        }
    }
    let (mut candidate, mut left) = (f32::NAN, 0u64);
    for (&value, &votes) in candidates.iter().zip(&votes) {
        let votes = u64::from(votes);
        if value == candidate {
            left += votes;
        } else if votes > left {
            (candidate, left) = (value, votes - left);
        } else {
            left -= votes;
        }
    }
    let least = least.iter().fold(f32::INFINITY, |a, &b| a.min(b));
    let most = most.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
    Common { constant: least >= most, candidate }
}

#[inline(always)]
fn spread_body(dosages: &[f32], mean: f64, shift: f32) -> Spread {
    let mut lanes = [[0f64; 8]; 2];
    let mut n_at_shift = 0;
    let (mut centred, mut shifted) = ([0f64; STRIP], [0f64; STRIP]);
    let mut last = [0f32; STRIP];
    for strip in strips(dosages, &mut last) {
        let mut n = 0u32;
        for l in 0..STRIP {
            let g = strip[l];
            let called = !g.is_nan();
            let (about_mean, about_shift) = (f64::from(g) - mean, f64::from(g - shift));
            // 0 changes no sum of squares.
            centred[l] = if called { about_mean * about_mean } else { 0.0 };
            shifted[l] = if called { about_shift * about_shift } else { 0.0 };
            n += u32::from(g == shift);
        }
        n_at_shift += n as usize;
        for (centred, shifted) in centred.as_chunks::<8>().0.iter().zip(shifted.as_chunks::<8>().0) {
            for l in 0..8 {
                lanes[0][l] += centred[l];
                lanes[1][l] += shifted[l];
            }
        }
    }
    let [centred, shifted] = lanes.map(|lanes| lanes.iter().sum());
    Spread { centred, shifted, n_at_shift }
}

#[inline(always)]
fn list_body(dosages: &[f32], shift: f32, samples: &mut Vec<u32>, values: &mut Vec<f32>) {
    let (mut listed, mut listed_values) = ([0u32; STRIP], [0f32; STRIP]);
    let mut first = 0;
    let mut last = [0f32; STRIP];
    for strip in strips(dosages, &mut last) {
        let mut others = 0u32;
        for &g in strip {
            others += u32::from((g - shift != 0.0) & !g.is_nan());
        }
        if others > 0 {
            // Each is written, and stays if the next is written after it.
            let mut n = 0;
            for (i, &g) in (first..).zip(strip) {
                let g = g - shift;
                (listed[n], listed_values[n]) = (i, g);
                n = (n + usize::from((g != 0.0) & !g.is_nan())).min(STRIP - 1);
            }
            samples.extend_from_slice(&listed[..others as usize]);
            values.extend_from_slice(&listed_values[..others as usize]);
        }
        first += STRIP as u32;
    }
}

#[cfg(test)]
mod tests;
