//! What a cell of a search says of its phenotypes, as bytes and back.

use crate::qtl::{CisPhenotype, CisStatus, Lead, Permuted, Signal, VariantKey};
use crate::sink::bytes::{Cursor, DecodeError, put_f32, put_f64, put_text, put_u32, put_u64};

/// Pairs of a part at most: 32 MiB.
pub(super) const PAIRS_AT_ONCE: usize = 1 << 22;
/// Variants of a part at most.
pub(super) const VARIANTS_AT_ONCE: usize = 1 << 16;

/// What a part holds.
pub(super) enum Part {
    /// Phenotypes; the first part of a cell.
    Phenotypes(Vec<CisPhenotype>),
    /// Variants of the cell's own stretch of file `file_idx`, and their frequencies, from number `first` of those that the cell
    /// read of it: earlier cells own those before.
    Variants { file_idx: u32, first: u64, variants: Vec<(VariantKey, f64)> },
    /// Pairs of a phenotype with variants of file `file_idx`, from number `first` of those that the cell read of it.
    Pairs { phenotype_idx: u32, file_idx: u32, first: u64, pairs: Vec<(f32, f32)> },
    /// Independent signals.
    Signals(Vec<Signal>),
}

impl Part {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Phenotypes(phenotypes) => {
                out.push(0);
                put_u64(&mut out, phenotypes.len() as u64);
                phenotypes.iter().for_each(|phenotype| put_phenotype(&mut out, phenotype));
            }
            Self::Variants { file_idx, first, variants } => {
                out.push(1);
                put_u32(&mut out, *file_idx);
                put_u64(&mut out, *first);
                put_u64(&mut out, variants.len() as u64);
                for (variant, a1_freq) in variants {
                    put_variant(&mut out, variant);
                    put_f64(&mut out, *a1_freq);
                }
            }
            Self::Pairs { phenotype_idx, file_idx, first, pairs } => {
                out.push(2);
                put_u32(&mut out, *phenotype_idx);
                put_u32(&mut out, *file_idx);
                put_u64(&mut out, *first);
                put_u64(&mut out, pairs.len() as u64);
                for &(beta, se) in pairs {
                    put_f32(&mut out, beta);
                    put_f32(&mut out, se);
                }
            }
            Self::Signals(signals) => {
                out.push(3);
                put_u64(&mut out, signals.len() as u64);
                for signal in signals {
                    put_u32(&mut out, signal.phenotype_idx);
                    put_u32(&mut out, signal.rank);
                    put_lead(&mut out, &signal.lead);
                    put_permuted(&mut out, &signal.permuted);
                }
            }
        }
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Cursor::new(bytes);
        let part = match r.u8()? {
            0 => Self::Phenotypes((0..r.count(16)?).map(|_| phenotype(&mut r)).collect::<Result<_, _>>()?),
            1 => Self::Variants {
                file_idx: r.u32()?,
                first: r.u64()?,
                variants: (0..r.count(44)?).map(|_| Ok((variant(&mut r)?, r.f64()?))).collect::<Result<_, _>>()?,
            },
            2 => Self::Pairs {
                phenotype_idx: r.u32()?,
                file_idx: r.u32()?,
                first: r.u64()?,
                pairs: (0..r.count(8)?).map(|_| Ok((r.f32()?, r.f32()?))).collect::<Result<_, _>>()?,
            },
            3 => Self::Signals((0..r.count(64)?).map(|_| signal(&mut r)).collect::<Result<_, _>>()?),
            _ => return Err(DecodeError),
        };
        if r.rest().is_empty() { Ok(part) } else { Err(DecodeError) }
    }
}

fn put_phenotype(out: &mut Vec<u8>, phenotype: &CisPhenotype) {
    let CisPhenotype { phenotype_idx, status, n, n_covariates, n_variants, lead, permuted } = phenotype;
    out.push(*status as u8);
    [phenotype_idx, n, n_covariates, n_variants].into_iter().for_each(|&number| put_u32(out, number));
    out.push(u8::from(lead.is_some()));
    lead.iter().for_each(|lead| put_lead(out, lead));
    out.push(u8::from(permuted.is_some()));
    permuted.iter().for_each(|permuted| put_permuted(out, permuted));
}

fn phenotype(r: &mut Cursor<'_>) -> Result<CisPhenotype, DecodeError> {
    let status = CisStatus::from_code(r.u8()?).ok_or(DecodeError)?;
    Ok(CisPhenotype {
        status,
        phenotype_idx: r.u32()?,
        n: r.u32()?,
        n_covariates: r.u32()?,
        n_variants: r.u32()?,
        lead: if r.u8()? == 1 { Some(lead(r)?) } else { None },
        permuted: if r.u8()? == 1 { Some(permuted(r)?) } else { None },
    })
}

fn put_variant(out: &mut Vec<u8>, variant: &VariantKey) {
    put_u32(out, variant.pos);
    [&variant.chrom, &variant.id, &variant.reference, &variant.alternate]
        .into_iter()
        .for_each(|text| put_text(out, text));
}

fn variant(r: &mut Cursor<'_>) -> Result<VariantKey, DecodeError> {
    Ok(VariantKey {
        pos: r.u32()?,
        chrom: r.text()?.to_owned(),
        id: r.text()?.to_owned(),
        reference: r.text()?.to_owned(),
        alternate: r.text()?.to_owned(),
    })
}

fn put_lead(out: &mut Vec<u8>, lead: &Lead) {
    put_variant(out, &lead.variant);
    put_u64(out, lead.tss_distance as u64);
    put_u32(out, lead.n_tied);
    [lead.a1_freq, lead.beta, lead.se, lead.log10p].into_iter().for_each(|number| put_f64(out, number));
}

fn lead(r: &mut Cursor<'_>) -> Result<Lead, DecodeError> {
    Ok(Lead {
        variant: variant(r)?,
        tss_distance: r.u64()? as i64,
        n_tied: r.u32()?,
        a1_freq: r.f64()?,
        beta: r.f64()?,
        se: r.f64()?,
        log10p: r.f64()?,
    })
}

fn put_permuted(out: &mut Vec<u8>, permuted: &Permuted) {
    let Permuted { n, p_perm, df, shape1, shape2, log10p_beta } = *permuted;
    put_u32(out, n);
    [p_perm, df, shape1, shape2, log10p_beta].into_iter().for_each(|number| put_f64(out, number));
}

fn permuted(r: &mut Cursor<'_>) -> Result<Permuted, DecodeError> {
    Ok(Permuted {
        n: r.u32()?,
        p_perm: r.f64()?,
        df: r.f64()?,
        shape1: r.f64()?,
        shape2: r.f64()?,
        log10p_beta: r.f64()?,
    })
}

fn signal(r: &mut Cursor<'_>) -> Result<Signal, DecodeError> {
    Ok(Signal { phenotype_idx: r.u32()?, rank: r.u32()?, lead: lead(r)?, permuted: permuted(r)? })
}
