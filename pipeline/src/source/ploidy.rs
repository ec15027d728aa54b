//! The policy that turns a file's calls into ALT copies: half calls, haploid and polyploid calls, X, Y and MT.
//!
//! docs/formats.md has it as a table.

use norna_kernels::MISSING_CALL;

use crate::format::vcf_call::Call;

use super::ledger::{Note, VariantLedger};
use super::options::HalfCall;
use crate::format::sex::Sex;

/// What a record's chromosome and position mean for ploidy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locus {
    /// Autosomes and pseudo-autosomal regions.
    Diploid,
    /// X outside the pseudo-autosomal regions.
    X,
    /// Y.
    Y,
    /// MT.
    Mt,
}

/// How many alleles one sample has at a locus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copies {
    Two,
    TwoOrOne,
    One,
    None,
}

/// Two alleles that count, or [`Pair::MISSING`] twice. A haploid call's allele stands twice.
pub(crate) type Pair = [u16; 2];

/// A missing genotype.
pub(crate) const MISSING_PAIR: Pair = [u16::MAX; 2];

fn copies(locus: Locus, sexes: Option<&[Sex]>, idx: usize) -> Copies {
    match (locus, sexes.map(|s| s[idx])) {
        (Locus::Diploid, _) => Copies::Two,
        (Locus::X, None) => Copies::TwoOrOne,
        (Locus::X, Some(Sex::Male)) => Copies::One,
        (Locus::X, Some(_)) => Copies::Two,
        (Locus::Y, Some(Sex::Female)) => Copies::None,
        (Locus::Y | Locus::Mt, _) => Copies::One,
    }
}

/// Applies the policy to the calls of one record. An error names the output index of a half call that is refused.
pub(crate) fn resolve(
    calls: &[Call],
    locus: Locus,
    sexes: Option<&[Sex]>,
    half_call: HalfCall,
    out: &mut [Pair],
    ledger: &mut VariantLedger,
) -> Result<(), usize> {
    for (idx, (&call, out)) in calls.iter().zip(out).enumerate() {
        let copies = copies(locus, sexes, idx);
        let (pair, note) = resolve_one(call, copies, locus, half_call).ok_or(idx)?;
        *out = pair;
        for note in note.into_iter().flatten() {
            ledger.add_note(note, 1);
        }
    }
    Ok(())
}

/// The pair of one call and what is to be noted; none where a half call is an error.
fn resolve_one(call: Call, copies: Copies, locus: Locus, half_call: HalfCall) -> Option<(Pair, [Option<Note>; 2])> {
    if call == Call::NONE || (call.a == Call::MISSING && call.b == Call::ABSENT) {
        return Some((MISSING_PAIR, [None; 2]));
    }
    if copies == Copies::None {
        return Some((MISSING_PAIR, [Some(Note::FemaleYCalls), None]));
    }
    if call == Call::POLYPLOID {
        return Some((MISSING_PAIR, [Some(Note::PolyploidCalls), None]));
    }
    let (mut a, mut b, mut half) = (call.a, call.b, None);
    if a == Call::MISSING || b == Call::MISSING {
        half = Some(Note::HalfCalls);
        let known = a.min(b);
        (a, b) = match half_call {
            HalfCall::Missing => return Some((MISSING_PAIR, [half, None])),
            HalfCall::Reference => (known, 0),
            HalfCall::Haploid => (known, Call::ABSENT),
            HalfCall::Error => return None,
        };
    }
    if b == Call::ABSENT {
        let note = match copies {
            Copies::Two if half.is_none() => Some(Note::HaploidAsDiploid),
            Copies::TwoOrOne if half.is_none() => Some(Note::HaploidXWithoutSex),
            _ => None,
        };
        return Some(([a, a], [half, note]));
    }
    if a != b && copies == Copies::One {
        let note = if locus == Locus::X { Note::MaleXHets } else { Note::HaploidHets };
        return Some((MISSING_PAIR, [half, Some(note)]));
    }
    Some(([a, b], [half, None]))
}

/// ALT copies of each pair: 0, 1, 2 or [`MISSING_CALL`].
pub(crate) fn copies_of(alt: u16, pairs: &[Pair], out: &mut [u8]) {
    for (pair, out) in pairs.iter().zip(out) {
        let copies = u8::from(pair[0] == alt) + u8::from(pair[1] == alt);
        *out = if *pair == MISSING_PAIR { MISSING_CALL } else { copies };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HET: Call = Call { a: 0, b: 1 };
    const HAPLOID: Call = Call { a: 1, b: Call::ABSENT };
    const HALF: Call = Call { a: Call::MISSING, b: 1 };
    const HOM: Call = Call { a: 1, b: 1 };

    fn coded(call: Call, locus: Locus, sex: Option<Sex>, half_call: HalfCall) -> (u8, Vec<Note>) {
        let mut ledger = VariantLedger::default();
        let mut pair = [MISSING_PAIR];
        let sexes = sex.map(|s| [s]);
        resolve(&[call], locus, sexes.as_ref().map(|s| &s[..]), half_call, &mut pair, &mut ledger).unwrap();
        let mut code = [0];
        copies_of(1, &pair, &mut code);
        (code[0], Note::ALL.into_iter().filter(|&n| ledger.note(n) > 0).collect())
    }

    #[test]
    fn autosomes() {
        let at = |call, half| coded(call, Locus::Diploid, Some(Sex::Male), half);
        assert_eq!(at(HET, HalfCall::Missing), (1, vec![]));
        assert_eq!(at(HAPLOID, HalfCall::Missing), (2, vec![Note::HaploidAsDiploid]));
        assert_eq!(at(HALF, HalfCall::Missing), (255, vec![Note::HalfCalls]));
        assert_eq!(at(HALF, HalfCall::Reference), (1, vec![Note::HalfCalls]));
        assert_eq!(at(HALF, HalfCall::Haploid), (2, vec![Note::HalfCalls]));
        assert_eq!(at(Call::POLYPLOID, HalfCall::Missing), (255, vec![Note::PolyploidCalls]));
        assert_eq!(at(Call::NONE, HalfCall::Error), (255, vec![]));
        let mut out = [MISSING_PAIR; 2];
        let got = resolve(&[HET, HALF], Locus::Mt, None, HalfCall::Error, &mut out, &mut VariantLedger::default());
        assert_eq!(got, Err(1));
    }

    #[test]
    fn sex_chromosomes_and_mt() {
        let at = |call, locus, sex| coded(call, locus, sex, HalfCall::Missing);
        assert_eq!(at(HET, Locus::X, Some(Sex::Male)), (255, vec![Note::MaleXHets]));
        assert_eq!(at(HAPLOID, Locus::X, Some(Sex::Male)), (2, vec![]));
        assert_eq!(at(HOM, Locus::X, Some(Sex::Male)), (2, vec![]));
        assert_eq!(at(HET, Locus::X, Some(Sex::Female)), (1, vec![]));
        assert_eq!(at(HAPLOID, Locus::X, Some(Sex::Unknown)), (2, vec![Note::HaploidAsDiploid]));
        assert_eq!(at(HAPLOID, Locus::X, None), (2, vec![Note::HaploidXWithoutSex]));
        assert_eq!(at(HET, Locus::X, None), (1, vec![]));
        assert_eq!(at(HAPLOID, Locus::Y, Some(Sex::Male)), (2, vec![]));
        assert_eq!(at(HAPLOID, Locus::Y, Some(Sex::Female)), (255, vec![Note::FemaleYCalls]));
        assert_eq!(at(Call::NONE, Locus::Y, Some(Sex::Female)), (255, vec![]));
        assert_eq!(at(HET, Locus::Y, None), (255, vec![Note::HaploidHets]));
        assert_eq!(at(HET, Locus::Mt, Some(Sex::Female)), (255, vec![Note::HaploidHets]));
        assert_eq!(at(HOM, Locus::Mt, None), (2, vec![]));
    }
}
