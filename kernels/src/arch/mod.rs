//! Instruction sets: chosen once per process, forced by `NORNA_ISA`. All give the same bits, because vector lanes lie
//! along traits or covariates and never along samples, so that the width of a register never changes a sum.
#![allow(unsafe_code)]

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod portable;
pub(crate) mod scan;

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
            Isa::Avx512 => is_x86_feature_detected!("avx512f") && Isa::Avx2.is_supported(),
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
}

impl Kernels {
    /// The kernels of `isa`; `None` where the CPU lacks it.
    pub(crate) fn new(isa: Isa) -> Option<Self> {
        if !isa.is_supported() {
            return None;
        }
        Some(match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Self { isa, tile: avx512::TILE, gemm: avx512::gemm, project: avx512::project },
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Self { isa, tile: avx2::TILE, gemm: avx2::gemm, project: avx2::project },
            _ => Self::portable(),
        })
    }

    /// The portable kernels, which every CPU runs.
    pub(crate) fn portable() -> Self {
        Self { isa: Isa::Scalar, tile: portable::TILE, gemm: portable::gemm, project: portable::project }
    }
}

#[cfg(test)]
mod tests;
