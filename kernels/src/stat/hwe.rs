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

#[cfg(test)]
mod tests {
    use super::*;

    /// P of plink2 a3.5 `--hardy` on these counts (six digits).
    #[rustfmt::skip]
    const PLINK2: &[(u32, u32, u32, f64)] = &[
        (0, 0, 0, 1.0), (10, 0, 0, 1.0), (1, 0, 1, 0.333333), (5, 10, 5, 1.0), (3, 1, 3, 0.118881),
        (57, 14, 50, 5.56205e-19), (100, 1, 0, 1.0), (200, 30, 5, 0.0161801), (1469, 138, 5, 0.382519),
        (298, 489, 213, 0.655663), (0, 20, 0, 8.94714e-06), (30, 0, 30, 1.22408e-18), (500, 400, 100, 0.132425),
        (995, 5, 0, 1.0), (700, 10, 20, 2.16982e-30), (490, 20, 490, 4.54029e-260), (1, 998, 1, 1.37258e-294),
        (0, 3, 997, 1.0), (400, 0, 3, 2.89699e-08), (250, 500, 250, 1.0),
    ];

    /// By mpmath: all probabilities from lgamma with 50 digits.
    #[rustfmt::skip]
    const EXACT: &[(u32, u32, u32, f64)] = &[
        (57, 14, 50, 5.562_047_311_095_335e-19), (298, 489, 213, 0.655_663_488_562_094_9),
        (250_000, 1000, 5, 0.003_799_646_418_873_001), (4900, 4100, 1000, 0.001_041_408_117_701_106_5),
        (9000, 950, 50, 3.206_276_025_037_735e-5), (490_000, 9900, 100, 7.146_816_081_685_598e-10),
        (2450, 5300, 2250, 1.698_795_443_168_041e-9), (20_000, 100, 100, 7.232_013_017_875_484e-193),
    ];

    #[test]
    fn hwe_equals_plink2() {
        for &(hom_ref, het, hom_alt, p) in PLINK2 {
            let found = hwe_exact_p(hom_ref, het, hom_alt);
            assert!((found - p).abs() <= 6e-6 * p, "{hom_ref} {het} {hom_alt}: {found:e} not {p:e}");
            assert_eq!(found, hwe_exact_p(hom_alt, het, hom_ref));
        }
    }

    #[test]
    fn hwe_is_exact_and_fast_for_large_cohorts() {
        for &(hom_ref, het, hom_alt, p) in EXACT {
            let found = hwe_exact_p(hom_ref, het, hom_alt);
            assert!((found / p - 1.0).abs() < 1e-11, "{hom_ref} {het} {hom_alt}: {found:e} not {p:e}");
        }
        assert_eq!(hwe_exact_p(250_000, 0, 250_000), 0.0);
        assert_eq!(hwe_exact_p(0, 500_000, 0), 0.0);
        assert!((hwe_exact_p(125_000, 250_000, 125_000) - 1.0).abs() < 1e-12);
    }
}
