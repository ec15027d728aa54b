//! Exact test of Hardy–Weinberg equilibrium: the sum of the probabilities of all heterozygote counts that are no likelier
//! than the observed one, given the allele counts. Wigginton, Cutler and Abecasis 2005, AJHG 76:887.

/// Counts whose probabilities agree to this share are ties, and counted.
const TIE: f64 = 1.0 + 1.5e-11;
/// Terms below this share of a sum no longer change it.
const NEGLIGIBLE: f64 = 1e-18;
const OVERFLOW: f64 = 1e300;

/// Exact two-sided p (no mid-p correction), as plink2's `--hardy`; 1 without calls. Probabilities are taken relative to
/// the observed count's by recurrence, outwards until they vanish: at most O(heterozygotes) steps, about the width of
/// the distribution in practice. A p below 1e-300 is 0.
#[must_use]
pub fn hwe_exact_p(hom_ref: u32, het: u32, hom_alt: u32) -> f64 {
    let rare = f64::from(hom_ref.min(hom_alt));
    let common = f64::from(hom_ref.max(hom_alt));
    let het = f64::from(het);
    let up = walk(common, rare, het, Direction::MoreHets);
    let down = walk(common, rare, het, Direction::FewerHets);
    let tail = 1.0 + up.tail + down.tail;
    let total = tail + up.centre + down.centre;
    if total >= OVERFLOW { 0.0 } else { (tail / total).min(1.0) }
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    MoreHets,
    FewerHets,
}

/// Sums of the probabilities on one side of the observed count, relative to its own.
#[derive(Default)]
struct Side {
    /// Of counts no likelier than the observed one.
    tail: f64,
    /// Of likelier ones.
    centre: f64,
}

/// P(h+2)/P(h) = 4·aa·bb / ((h+2)(h+1)).
fn walk(mut aa: f64, mut bb: f64, mut h: f64, direction: Direction) -> Side {
    let (mut side, mut p) = (Side::default(), 1.0);
    loop {
        if direction == Direction::MoreHets {
            if bb < 1.0 {
                return side;
            }
            p *= 4.0 * aa * bb / ((h + 2.0) * (h + 1.0));
            (aa, bb, h) = (aa - 1.0, bb - 1.0, h + 2.0);
        } else {
            if h < 2.0 {
                return side;
            }
            p *= h * (h - 1.0) / (4.0 * (aa + 1.0) * (bb + 1.0));
            (aa, bb, h) = (aa + 1.0, bb + 1.0, h - 2.0);
        }
        if p <= TIE {
            side.tail += p;
            if p < NEGLIGIBLE * side.tail || p < NEGLIGIBLE {
                return side;
            }
        } else {
            side.centre += p;
            if side.centre > OVERFLOW {
                return side;
            }
        }
    }
}
