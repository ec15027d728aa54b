//! Eight f64 lanes, so that a kernel is written once and compiled for every instruction set. No method fuses or reorders:
//! a kernel over lanes gives the bits of the same kernel over [`[f64; 8]`].

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256d, __m512d, _CMP_GE_OQ, _CMP_LE_OQ, _mm_loadu_ps, _mm_storeu_ps, _mm256_add_pd, _mm256_and_pd,
    _mm256_and_si256, _mm256_castsi256_pd, _mm256_cmp_pd, _mm256_cmpeq_epi64, _mm256_cvtpd_ps, _mm256_cvtps_pd,
    _mm256_div_pd, _mm256_loadu_pd, _mm256_loadu_ps, _mm256_max_pd, _mm256_movemask_pd, _mm256_mul_pd,
    _mm256_set1_epi64x, _mm256_set1_pd, _mm256_setr_epi64x, _mm256_sqrt_pd, _mm256_storeu_pd, _mm256_storeu_ps,
    _mm256_sub_pd, _mm512_add_pd, _mm512_cmp_pd_mask, _mm512_cvtpd_ps, _mm512_cvtps_pd, _mm512_div_pd, _mm512_loadu_pd,
    _mm512_maskz_mov_pd, _mm512_max_pd, _mm512_mul_pd, _mm512_set1_pd, _mm512_sqrt_pd, _mm512_storeu_pd, _mm512_sub_pd,
};

/// Lanes of [`Lanes`].
pub(crate) const LANES: usize = 8;

/// Eight f64.
///
/// # Safety
/// A type whose methods need an instruction set is used by functions that enable it alone: those behind
/// [`super::Kernels::new`].
pub(crate) unsafe trait Lanes: Copy {
    fn splat(x: f64) -> Self;
    /// The first eight values.
    fn load(x: &[f64]) -> Self;
    /// The first eight values, widened.
    fn load_f32(x: &[f32]) -> Self;
    fn store(self, x: &mut [f64]);
    /// Rounded to f32.
    fn store_f32(self, x: &mut [f32]);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    fn sqrt(self) -> Self;
    /// The larger; `other` where either is NaN or both are 0.
    fn max(self, other: Self) -> Self;
    /// A bit a lane: self ≤ other, false where either is NaN.
    fn le(self, other: Self) -> u8;
    /// As [`Self::le`], self ≥ other.
    fn ge(self, other: Self) -> u8;
    /// 0 in the lanes whose bit is not set.
    fn keep(self, bits: u8) -> Self;
}

#[inline(always)]
fn each(a: [f64; LANES], b: [f64; LANES], f: impl Fn(f64, f64) -> f64) -> [f64; LANES] {
    std::array::from_fn(|l| f(a[l], b[l]))
}

#[inline(always)]
fn bits(a: [f64; LANES], b: [f64; LANES], holds: impl Fn(&f64, &f64) -> bool) -> u8 {
    (0..LANES).fold(0, |bits, l| bits | u8::from(holds(&a[l], &b[l])) << l)
}

// SAFETY: needs no instruction set.
unsafe impl Lanes for [f64; LANES] {
    #[inline(always)]
    fn splat(x: f64) -> Self {
        [x; LANES]
    }
    #[inline(always)]
    fn load(x: &[f64]) -> Self {
        let x = &x[..LANES];
        std::array::from_fn(|l| x[l])
    }
    #[inline(always)]
    fn load_f32(x: &[f32]) -> Self {
        let x = &x[..LANES];
        std::array::from_fn(|l| f64::from(x[l]))
    }
    #[inline(always)]
    fn store(self, x: &mut [f64]) {
        x[..LANES].copy_from_slice(&self);
    }
    #[inline(always)]
    fn store_f32(self, x: &mut [f32]) {
        x[..LANES].iter_mut().zip(self).for_each(|(x, value)| *x = value as f32);
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        each(self, other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        each(self, other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        each(self, other, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        each(self, other, |a, b| a / b)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(f64::sqrt)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        each(self, other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn le(self, other: Self) -> u8 {
        bits(self, other, f64::le)
    }
    #[inline(always)]
    fn ge(self, other: Self) -> u8 {
        bits(self, other, f64::ge)
    }
    #[inline(always)]
    fn keep(self, bits: u8) -> Self {
        std::array::from_fn(|l| if bits >> l & 1 == 1 { self[l] } else { 0.0 })
    }
}

/// Eight f64 in two AVX registers.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx2Lanes(__m256d, __m256d);

/// Applies an intrinsic to both halves.
#[cfg(target_arch = "x86_64")]
macro_rules! halves {
    ($op:ident, $($x:expr),+) => {{
        // SAFETY: these lanes are used by functions that enable AVX2 alone (see `Lanes`).
        let low = unsafe { $op($($x.0),+) };
        // SAFETY: as above.
        let high = unsafe { $op($($x.1),+) };
        Avx2Lanes(low, high)
    }};
}

#[cfg(target_arch = "x86_64")]
// SAFETY: used by the functions of `avx2` alone, which enable AVX2.
unsafe impl Lanes for Avx2Lanes {
    #[inline(always)]
    fn splat(x: f64) -> Self {
        // SAFETY: AVX2 is enabled (see the impl).
        let half = unsafe { _mm256_set1_pd(x) };
        Self(half, half)
    }
    #[inline(always)]
    fn load(x: &[f64]) -> Self {
        let x = x[..LANES].as_ptr();
        // SAFETY: eight values lie at `x` (sliced above); AVX2 is enabled.
        let low = unsafe { _mm256_loadu_pd(x) };
        // SAFETY: as above.
        let high = unsafe { _mm256_loadu_pd(x.add(4)) };
        Self(low, high)
    }
    #[inline(always)]
    fn load_f32(x: &[f32]) -> Self {
        let x = x[..LANES].as_ptr();
        // SAFETY: eight values lie at `x` (sliced above); AVX2 is enabled.
        let low = unsafe { _mm256_cvtps_pd(_mm_loadu_ps(x)) };
        // SAFETY: as above.
        let high = unsafe { _mm256_cvtps_pd(_mm_loadu_ps(x.add(4))) };
        Self(low, high)
    }
    #[inline(always)]
    fn store(self, x: &mut [f64]) {
        let x = x[..LANES].as_mut_ptr();
        // SAFETY: eight values lie at `x` (sliced above); AVX2 is enabled.
        unsafe { _mm256_storeu_pd(x, self.0) };
        // SAFETY: as above.
        unsafe { _mm256_storeu_pd(x.add(4), self.1) };
    }
    #[inline(always)]
    fn store_f32(self, x: &mut [f32]) {
        let x = x[..LANES].as_mut_ptr();
        // SAFETY: eight values lie at `x` (sliced above); AVX2 is enabled.
        unsafe { _mm_storeu_ps(x, _mm256_cvtpd_ps(self.0)) };
        // SAFETY: as above.
        unsafe { _mm_storeu_ps(x.add(4), _mm256_cvtpd_ps(self.1)) };
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        halves!(_mm256_add_pd, self, other)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        halves!(_mm256_sub_pd, self, other)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        halves!(_mm256_mul_pd, self, other)
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        halves!(_mm256_div_pd, self, other)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        halves!(_mm256_sqrt_pd, self)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        halves!(_mm256_max_pd, self, other)
    }
    #[inline(always)]
    fn le(self, other: Self) -> u8 {
        // SAFETY: AVX2 is enabled (see the impl).
        let low = unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LE_OQ>(self.0, other.0)) };
        // SAFETY: as above.
        let high = unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LE_OQ>(self.1, other.1)) };
        (low | high << 4) as u8
    }
    #[inline(always)]
    fn ge(self, other: Self) -> u8 {
        // SAFETY: AVX2 is enabled (see the impl).
        let low = unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_GE_OQ>(self.0, other.0)) };
        // SAFETY: as above.
        let high = unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_GE_OQ>(self.1, other.1)) };
        (low | high << 4) as u8
    }
    #[inline(always)]
    fn keep(self, bits: u8) -> Self {
        let half = |x: __m256d, bits: u8| {
            // SAFETY: AVX2 is enabled (see the impl).
            unsafe {
                let each = _mm256_setr_epi64x(1, 2, 4, 8);
                let set = _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x(i64::from(bits)), each), each);
                _mm256_and_pd(x, _mm256_castsi256_pd(set))
            }
        };
        Self(half(self.0, bits), half(self.1, bits >> 4))
    }
}

/// Eight f64 in an AVX-512 register.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx512Lanes(__m512d);

#[cfg(target_arch = "x86_64")]
// SAFETY: used by the functions of `avx512` alone, which enable AVX-512F.
unsafe impl Lanes for Avx512Lanes {
    #[inline(always)]
    fn splat(x: f64) -> Self {
        // SAFETY: AVX-512F is enabled (see the impl).
        Self(unsafe { _mm512_set1_pd(x) })
    }
    #[inline(always)]
    fn load(x: &[f64]) -> Self {
        // SAFETY: eight values lie there (sliced); AVX-512F is enabled.
        Self(unsafe { _mm512_loadu_pd(x[..LANES].as_ptr()) })
    }
    #[inline(always)]
    fn load_f32(x: &[f32]) -> Self {
        // SAFETY: eight values lie there (sliced); AVX-512F is enabled.
        Self(unsafe { _mm512_cvtps_pd(_mm256_loadu_ps(x[..LANES].as_ptr())) })
    }
    #[inline(always)]
    fn store(self, x: &mut [f64]) {
        // SAFETY: eight values lie there (sliced); AVX-512F is enabled.
        unsafe { _mm512_storeu_pd(x[..LANES].as_mut_ptr(), self.0) }
    }
    #[inline(always)]
    fn store_f32(self, x: &mut [f32]) {
        // SAFETY: eight values lie there (sliced); AVX-512F is enabled.
        unsafe { _mm256_storeu_ps(x[..LANES].as_mut_ptr(), _mm512_cvtpd_ps(self.0)) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: AVX-512F is enabled (see the impl).
        Self(unsafe { _mm512_add_pd(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: AVX-512F is enabled (see the impl).
        Self(unsafe { _mm512_sub_pd(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: AVX-512F is enabled (see the impl).
        Self(unsafe { _mm512_mul_pd(self.0, other.0) })
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        // SAFETY: AVX-512F is enabled (see the impl).
        Self(unsafe { _mm512_div_pd(self.0, other.0) })
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        // SAFETY: AVX-512F is enabled (see the impl).
        Self(unsafe { _mm512_sqrt_pd(self.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: AVX-512F is enabled (see the impl).
        Self(unsafe { _mm512_max_pd(self.0, other.0) })
    }
    #[inline(always)]
    fn le(self, other: Self) -> u8 {
        // SAFETY: AVX-512F is enabled (see the impl).
        unsafe { _mm512_cmp_pd_mask::<_CMP_LE_OQ>(self.0, other.0) }
    }
    #[inline(always)]
    fn ge(self, other: Self) -> u8 {
        // SAFETY: AVX-512F is enabled (see the impl).
        unsafe { _mm512_cmp_pd_mask::<_CMP_GE_OQ>(self.0, other.0) }
    }
    #[inline(always)]
    fn keep(self, bits: u8) -> Self {
        // SAFETY: AVX-512F is enabled (see the impl).
        Self(unsafe { _mm512_maskz_mov_pd(bits, self.0) })
    }
}

/// Σ of `term(i)` for i under `n`, in the order of [`crate::small_matrix::dot`]: eight partial sums by i mod 8, the last
/// n mod 8 terms first.
#[inline(always)]
pub(super) fn sum_as_dot<L: Lanes>(n: usize, term: impl Fn(usize) -> L) -> L {
    let (whole, rest) = (n - n % LANES, n % LANES);
    let mut total = L::splat(0.0);
    for l in 0..LANES {
        let mut sum = if l < rest { term(whole + l) } else { L::splat(0.0) };
        for start in (0..whole).step_by(LANES) {
            sum = sum.add(term(start + l));
        }
        total = if l == 0 { sum } else { total.add(sum) };
    }
    total
}
