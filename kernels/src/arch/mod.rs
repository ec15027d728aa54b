//! Instruction sets: chosen once per process, forced by `NORNA_ISA`. All give the same bits, because vector lanes lie
//! along traits or covariates and never along samples, so that the width of a register never changes a sum.
#![allow(unsafe_code)]

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod carriers;
pub(crate) mod covariates;
pub(crate) mod dosages;
mod lanes;
pub(crate) mod likelihoods;
pub(crate) mod pairs;
pub(crate) mod permuted;
pub(crate) mod portable;
pub(crate) mod scan;
mod traits;

use carriers::{CallList, CarrierTile, Carriers};
use covariates::{MissingTile, TakeOff};
use pairs::{PairColumns, PairTile};
use permuted::RaiseTile;

/// Samples that are summed in f32 before the sum is folded into f64. Part of every result's definition.
pub(crate) const SUM_BLOCK: usize = 256;

/// An instruction set that the kernels are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Portable Rust: the oracle, and what other CPUs run.
    Scalar,
    /// AVX2 with FMA.
    Avx2,
    /// AVX-512F.
    Avx512,
}

impl Isa {
    /// The name that `NORNA_ISA` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
        }
    }

    /// Whether this CPU has it.
    #[must_use]
    pub fn is_supported(self) -> bool {
        match self {
            Isa::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("popcnt") && Isa::Avx2.is_supported()
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }
}

/// The instruction set of this process: the best that the CPU has, or the one that `NORNA_ISA` names where that is
/// supported (see [`isa_checked`] for the complaint where it is not).
#[must_use]
pub fn isa() -> Isa {
    static CHOSEN: OnceLock<Isa> = OnceLock::new();
    *CHOSEN.get_or_init(|| isa_checked().unwrap_or_else(|_| best()))
}

/// As [`isa`], read anew, with an unknown or unsupported `NORNA_ISA` as an error to show.
pub fn isa_checked() -> Result<Isa, String> {
    match std::env::var_os("NORNA_ISA") {
        None => Ok(best()),
        Some(value) => parse_isa(&value.to_string_lossy()),
    }
}

fn parse_isa(value: &str) -> Result<Isa, String> {
    let found = [Isa::Scalar, Isa::Avx2, Isa::Avx512].into_iter().find(|isa| isa.name() == value);
    match found {
        Some(isa) if isa.is_supported() => Ok(isa),
        Some(_) => Err(format!("NORNA_ISA={value}: this cpu lacks {value}; unset it or take scalar")),
        None => Err(format!("NORNA_ISA={value}: unknown; take scalar, avx2 or avx512")),
    }
}

fn best() -> Isa {
    [Isa::Avx512, Isa::Avx2].into_iter().find(|isa| isa.is_supported()).unwrap_or(Isa::Scalar)
}

/// One tile of the score product: `tile` variants × `width` traits over consecutive samples.
#[derive(Clone, Copy)]
pub(crate) struct GemmTile<'a> {
    /// Genotypes, [sample][tile].
    pub(crate) g: &'a [f32],
    /// Traits, [sample][width].
    pub(crate) y: &'a [f32],
    /// Traits of the panel: 8, 16 or 32.
    pub(crate) width: usize,
    /// Distance between two variants' rows of the output.
    pub(crate) stride: usize,
    /// Whether products round (dosages), so that portable code must fuse as the others do.
    pub(crate) fused: bool,
}

/// One tile of the projection on the covariates: `tile` variants × `width` covariates.
#[derive(Clone, Copy)]
pub(crate) struct ProjectTile<'a> {
    /// Genotypes, [sample][tile].
    pub(crate) g: &'a [f32],
    /// Orthonormal covariates, [sample][width], width a multiple of 8.
    pub(crate) q: &'a [f64],
    /// Padded number of covariates.
    pub(crate) width: usize,
}

/// Calls of up to a tile of variants over the same samples, to be packed for the score product.
#[derive(Clone, Copy)]
pub(crate) struct PackTile<'a> {
    /// A row a variant.
    pub(crate) calls: &'a [&'a [u8]],
    /// What is subtracted from each variant's calls.
    pub(crate) shifts: &'a [f32],
}

/// A matrix, row by row, and the distance between its rows.
pub(crate) type Matrix<'a> = (&'a [f64], usize);

/// The kernels of one instruction set. Only [`Kernels::new`] makes one, after asking the CPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernels {
    /// Which one.
    pub(crate) isa: Isa,
    /// Variants in a tile.
    pub(crate) tile: usize,
    /// Adds G·Y to [tile][stride] f64: f32 FMA along samples within blocks of [`SUM_BLOCK`], blocks folded in order.
    /// The samples given start at a multiple of [`SUM_BLOCK`].
    pub(crate) gemm: fn(GemmTile<'_>, &mut [f64]),
    /// Adds G·Q to x [tile][width] and Σg² to gg [tile], in f64, unfused, in the same blocks.
    pub(crate) project: fn(ProjectTile<'_>, &mut [f64], &mut [f64]),
    /// Writes calls less shift as [sample][tile], 0 where missing or where there is no variant. The output is
    /// n_samples × tile values and [`PACK_SLACK`] more, which may be overwritten.
    pub(crate) pack_calls: fn(PackTile<'_>, &mut [f32]),
    /// Appends to a list the samples whose call is (or is not) one of two values, ascending.
    pub(crate) list_calls: fn(&[u8], CallList, &mut Vec<u32>),
    /// What `gemm` does, from the carriers alone: the same bits.
    pub(crate) gemm_carriers: fn(CarrierTile<'_>, &mut [f64]),
    /// What `project` does, from the carriers alone: the same bits. Rows q as [`ProjectTile::q`], their width.
    pub(crate) project_carriers: fn(Carriers<'_>, Matrix<'_>, &mut [f64], &mut [f64]),
    /// out[c] = [`crate::small_matrix::dot`] of x and column c of a matrix [x.len()][stride]; out: a multiple of 8.
    pub(crate) dot_columns: fn(&[f64], Matrix<'_>, &mut [f64]),
    /// Σ xᵢxᵢᵀ over listed rows of a matrix [sample][width], width a multiple of 8, into [width][width].
    pub(crate) gram: fn(&[u32], Matrix<'_>, &mut [f64]),
    /// See [`MissingTile`].
    pub(crate) missing_sums: fn(MissingTile<'_>, &mut [f64], &mut [f64]),
    /// See [`TakeOff`].
    pub(crate) take_off: fn(TakeOff<'_>, &mut [f64]),
    /// See [`PairTile`].
    pub(crate) fit_pairs: fn(&PairTile<'_>, &mut PairColumns),
    /// Qᵀy of eight traits [sample][8] into [covariate][8], samples in order. Q and its width as [`ProjectTile::q`].
    pub(crate) project_traits: fn(&[f64], Matrix<'_>, &mut [f64]),
    /// y − Q·coefficients of eight traits, [sample][8] and [covariate][8]; 0 where a trait's bit of the sample is not set.
    pub(crate) residuals: fn(&mut [f64], &[u8], Matrix<'_>, &[f64]),
    /// Σ y² of eight traits [sample][8], each in the order of [`crate::small_matrix::dot`].
    pub(crate) square_traits: fn(&[f64], &mut [f64]),
    /// Raises best [width] to score²/d, as (score·score)·(1/d), of every variant of a [`RaiseTile`].
    pub(crate) raise: fn(RaiseTile<'_>, &mut [f64]),
}

/// Values that [`Kernels::pack_calls`] may write past a tile's end.
pub(crate) const PACK_SLACK: usize = 16;

/// The generic kernels, compiled for an instruction set.
macro_rules! stamp {
    ($features:literal, $lanes:ty) => {
        stamp! { @ $features, $lanes,
            project_carriers(carriers: Carriers<'_>, q: Matrix<'_>, x: &mut [f64], gg: &mut [f64]) = project_carriers_body;
            dot_columns(x: &[f64], m: Matrix<'_>, out: &mut [f64]) = dot_columns_body;
            gram(rows: &[u32], m: Matrix<'_>, out: &mut [f64]) = gram_body;
            missing_sums(tile: MissingTile<'_>, projections: &mut [f64], squares: &mut [f64]) = missing_sums_body;
            take_off(tile: TakeOff<'_>, sums: &mut [f64]) = take_off_body;
            fit_pairs(tile: &PairTile<'_>, out: &mut PairColumns) = fit_pairs_body;
            project_traits(y: &[f64], q: Matrix<'_>, out: &mut [f64]) = project_traits_body;
            residuals(y: &mut [f64], observed: &[u8], q: Matrix<'_>, coefficients: &[f64]) = residuals_body;
            square_traits(y: &[f64], out: &mut [f64]) = square_traits_body;
            raise(tile: RaiseTile<'_>, best: &mut [f64]) = raise_body;
        }
    };
    (@ $features:literal, $lanes:ty, $($name:ident($($arg:ident: $type:ty),*) = $body:ident;)*) => {
        $(pub(crate) fn $name($($arg: $type),*) {
            #[target_feature(enable = $features)]
            fn stamped($($arg: $type),*) {
                $body::<$lanes>($($arg),*);
            }
            // SAFETY: reached through `Kernels::new` alone, which has asked the CPU for these features.
            unsafe { stamped($($arg),*) }
        })*
    };
}
#[cfg(target_arch = "x86_64")]
use stamp;

impl Kernels {
    /// The kernels of `isa`; `None` where the CPU lacks it.
    pub(crate) fn new(isa: Isa) -> Option<Self> {
        if !isa.is_supported() {
            return None;
        }
        Some(match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Self {
                isa,
                tile: avx512::TILE,
                gemm: avx512::gemm,
                project: avx512::project,
                pack_calls: avx512::pack_calls,
                list_calls: avx512::list_calls,
                gemm_carriers: avx512::gemm_carriers,
                project_carriers: avx512::project_carriers,
                dot_columns: avx512::dot_columns,
                gram: avx512::gram,
                missing_sums: avx512::missing_sums,
                take_off: avx512::take_off,
                fit_pairs: avx512::fit_pairs,
                project_traits: avx512::project_traits,
                residuals: avx512::residuals,
                square_traits: avx512::square_traits,
                raise: avx512::raise,
            },
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Self {
                isa,
                tile: avx2::TILE,
                gemm: avx2::gemm,
                project: avx2::project,
                pack_calls: avx2::pack_calls,
                list_calls: avx2::list_calls,
                gemm_carriers: avx2::gemm_carriers,
                project_carriers: avx2::project_carriers,
                dot_columns: avx2::dot_columns,
                gram: avx2::gram,
                missing_sums: avx2::missing_sums,
                take_off: avx2::take_off,
                fit_pairs: avx2::fit_pairs,
                project_traits: avx2::project_traits,
                residuals: avx2::residuals,
                square_traits: avx2::square_traits,
                raise: avx2::raise,
            },
            _ => Self::portable(),
        })
    }

    /// The portable kernels, which every CPU runs.
    pub(crate) fn portable() -> Self {
        Self {
            isa: Isa::Scalar,
            tile: portable::TILE,
            gemm: portable::gemm,
            project: portable::project,
            pack_calls: portable::pack_calls,
            list_calls: portable::list_calls,
            gemm_carriers: portable::gemm_carriers,
            project_carriers: portable::project_carriers,
            dot_columns: portable::dot_columns,
            gram: portable::gram,
            missing_sums: portable::missing_sums,
            take_off: portable::take_off,
            fit_pairs: portable::fit_pairs,
            project_traits: portable::project_traits,
            residuals: portable::residuals,
            square_traits: portable::square_traits,
            raise: portable::raise,
        }
    }
}

#[cfg(test)]
mod tests;
