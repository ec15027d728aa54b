//! Values below the limit of detection (LOD): their share by protein, and what becomes of them.
//!
//! NPX are logarithms to the base 2 of amounts up to a constant, and so is their LOD: the customary LOD/√2 of amounts is
//! log2(2^LOD/√2) = LOD − 1/2 there (Hornung and Reed 1990). LOD/√2 of the NPX itself would mean nothing, and would raise a
//! negative LOD.

use super::cut;
use super::error::ProteinsError;
use super::options::LodRule;
use super::raw::{RawTable, Scale, flag};
use super::step::Step;

/// Replaces values below the LOD and drops proteins with too many of them; the share of each protein that stays, of its
/// values whose limit is known (NaN where none is).
///
/// # Errors
/// A replacement that needs a number, or a unit, that the file does not have.
pub fn apply(table: &mut RawTable, rule: LodRule, max_below: Option<f64>) -> Result<(Step, Vec<f32>), ProteinsError> {
    let n = table.measurements.len();
    let bits = table.flags.as_ref().filter(|flags| flags.iter().any(|bits| bits & flag::BELOW_LOD != 0));
    let is_known = table.lod.is_some() || bits.is_some();
    let mut step = Step::new("lod", name(rule));
    if !is_known {
        let has_asked = rule != LodRule::Keep || max_below.is_some();
        step.notes.extend(has_asked.then(|| "the file has no limits of detection: nothing was done".to_owned()));
        step.count("values with a limit", 0);
        return Ok((step, vec![f32::NAN; table.proteins.len()]));
    }
    check_scale(table.scale, rule)?;
    let (mut n_known, mut n_below, mut n_without_number) = (0, 0, 0);
    let mut shares = Vec::with_capacity(table.proteins.len());
    for row in 0..table.proteins.len() {
        let (mut known, mut below) = (0_usize, 0_usize);
        for at in row * n..(row + 1) * n {
            let value = table.values[at];
            let lod = table.lod.as_ref().map_or(f32::NAN, |lod| lod[at]);
            let is_flagged = bits.is_some_and(|bits| bits[at] & flag::BELOW_LOD != 0);
            if value.is_nan() || (lod.is_nan() && bits.is_none()) {
                continue;
            }
            known += 1;
            // As f32 both: a value that equals its limit in the file must not lie below it by rounding.
            if !is_flagged && (value as f32 >= lod || lod.is_nan()) {
                continue;
            }
            below += 1;
            match rule {
                LodRule::Keep => {}
                LodRule::Nan => table.values[at] = f64::NAN,
                LodRule::Sqrt2 if lod.is_nan() => n_without_number += 1,
                LodRule::Sqrt2 => table.values[at] = replaced(f64::from(lod), table.scale),
            }
        }
        n_known += known;
        n_below += below;
        shares.push(if known == 0 { f32::NAN } else { (below as f64 / known as f64) as f32 });
    }
    if n_without_number > 0 {
        return Err(ProteinsError::Refused(format!(
            "--lod sqrt2: {n_without_number} values are marked as below the limit of detection without a number for it; \
             use --lod nan or keep"
        )));
    }
    step.count("values with a limit", n_known);
    step.count("values below it", n_below);
    step.count(
        if rule == LodRule::Keep { "values changed" } else { "values replaced" },
        match rule {
            LodRule::Keep => 0,
            _ => n_below,
        },
    );
    if let Some(max) = max_below {
        let keep: Vec<bool> = shares.iter().map(|&share| share.is_nan() || f64::from(share) <= max).collect();
        step.count("proteins", keep.len());
        step.count(
            format!("proteins dropped with more than {max} below it"),
            keep.iter().filter(|&&kept| !kept).count(),
        );
        let ids = table.proteins.iter().zip(&keep).filter(|(_, kept)| !**kept).map(|(protein, _)| protein.id.clone());
        step.lists.push(("dropped", ids.collect()));
        cut::proteins(table, &keep);
        cut::keep_items(&mut shares, &keep);
    }
    Ok((step, shares))
}

fn check_scale(scale: Scale, rule: LodRule) -> Result<(), ProteinsError> {
    if rule == LodRule::Sqrt2 && scale == Scale::Unknown {
        let problem = "--lod sqrt2: nobody says whether these values are logarithms; use --lod nan or keep";
        return Err(ProteinsError::Refused(problem.to_owned()));
    }
    Ok(())
}

fn replaced(lod: f64, scale: Scale) -> f64 {
    if scale == Scale::Log2 { lod - 0.5 } else { lod / std::f64::consts::SQRT_2 }
}

fn name(rule: LodRule) -> &'static str {
    match rule {
        LodRule::Keep => "keep",
        LodRule::Nan => "nan",
        LodRule::Sqrt2 => "sqrt2",
    }
}
