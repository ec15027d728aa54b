//! Linkage of two variants: r² over the samples that have a genotype of both, as plink takes it. Of hard calls by whole numbers, so
//! that no order of sums matters; bits lie in planes, since counts are then ANDs and population counts.

use crate::MISSING_CALL;

/// The hard calls of a variant in planes of one bit a sample.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallPlanes {
    one: Vec<u64>,
    two: Vec<u64>,
    known: Vec<u64>,
    n_samples: usize,
    n_known: u64,
}

impl CallPlanes {
    /// Of calls 0, 1, 2 or [`MISSING_CALL`].
    #[must_use]
    pub fn new(calls: &[u8]) -> Self {
        let n_words = calls.len().div_ceil(64);
        let mut planes = Self { n_samples: calls.len(), ..Self::default() };
        for plane in [&mut planes.one, &mut planes.two, &mut planes.known] {
            plane.reserve_exact(n_words);
        }
        for calls in calls.chunks(64) {
            let bits =
                |wanted: fn(u8) -> bool| calls.iter().rev().fold(0, |word, &call| word << 1 | u64::from(wanted(call)));
            planes.one.push(bits(|call| call == 1));
            planes.two.push(bits(|call| call == 2));
            planes.known.push(bits(|call| call != MISSING_CALL));
        }
        planes.n_known = planes.known.iter().map(|word| u64::from(word.count_ones())).sum();
        planes
    }

    /// Samples by their copies of the one ALT (rows) and the other, of those that have both calls. Both are of the same samples.
    #[must_use]
    pub fn table(&self, other: &Self) -> [[u64; 3]; 3] {
        let both =
            |a: &[u64], b: &[u64]| -> u64 { a.iter().zip(b).map(|(a, b)| u64::from((a & b).count_ones())).sum() };
        let all = |planes: &Self| planes.n_known == planes.n_samples as u64;
        let count = |plane: &[u64]| -> u64 { plane.iter().map(|word| u64::from(word.count_ones())).sum() };
        // Where nobody is missing, the margins are those of the variants.
        let margin = |plane: &[u64], of: &Self| if all(of) { count(plane) } else { both(plane, &of.known) };
        let mut table = [[0; 3]; 3];
        for (row, plane) in [(1, &self.one), (2, &self.two)] {
            table[row][1] = both(plane, &other.one);
            table[row][2] = both(plane, &other.two);
            table[row][0] = margin(plane, other) - table[row][1] - table[row][2];
        }
        table[0][1] = margin(&other.one, self) - table[1][1] - table[2][1];
        table[0][2] = margin(&other.two, self) - table[1][2] - table[2][2];
        let n = match (all(self), all(other)) {
            (true, _) => other.n_known,
            (false, true) => self.n_known,
            (false, false) => both(&self.known, &other.known),
        };
        table[0][0] = n - table.iter().flatten().sum::<u64>();
        table
    }
}

/// Squared correlation of the copies of a [`CallPlanes::table`]: plink's `--r2` without phase. NaN where one does not vary.
#[must_use]
pub fn r2_of_genotypes(table: &[[u64; 3]; 3]) -> f64 {
    let mut sums = [0i128; 6];
    for (x, row) in (0..).zip(table) {
        for (y, &n) in (0..).zip(row) {
            let n = i128::from(n);
            for (sum, term) in sums.iter_mut().zip([n, n * x, n * y, n * x * x, n * y * y, n * x * y]) {
                *sum += term;
            }
        }
    }
    let [n, x, y, xx, yy, xy] = sums;
    let (of_x, of_y, of_both) = (n * xx - x * x, n * yy - y * y, n * xy - x * y);
    if of_x <= 0 || of_y <= 0 {
        return f64::NAN;
    }
    let of_both = of_both as f64;
    (of_both / of_x as f64) * (of_both / of_y as f64)
}

/// Squared correlation of dosages (ALT copies, NaN missing) over the samples that have both; NaN where one does not vary.
#[must_use]
pub fn r2_of_dosages(a: &[f32], b: &[f32]) -> f64 {
    let pairs =
        || a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan()).map(|(&a, &b)| (f64::from(a), f64::from(b)));
    let (mut n, mut sum_a, mut sum_b) = (0.0, 0.0, 0.0);
    for (a, b) in pairs() {
        (n, sum_a, sum_b) = (n + 1.0, sum_a + a, sum_b + b);
    }
    let (mean_a, mean_b) = (sum_a / n, sum_b / n);
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (a, b) in pairs() {
        let (a, b) = (a - mean_a, b - mean_b);
        (aa, bb, ab) = (aa + a * a, bb + b * b, ab + a * b);
    }
    // Dosages are f32: what a constant leaves is rounding.
    let varies = |square: f64, mean: f64| square > 1e-12 * n * (1.0 + mean * mean);
    if varies(aa, mean_a) && varies(bb, mean_b) { (ab / aa) * (ab / bb) } else { f64::NAN }
}

/// r² of the two variants' alleles by the haplotype frequencies of greatest likelihood: the frequency of ALT with ALT solves a cubic
/// equation (Hill 1974), since only samples with one copy of both leave the phase open. NaN where one does not vary.
#[must_use]
pub fn r2_of_haplotypes(table: &[[u64; 3]; 3]) -> f64 {
    let count = |row: usize, column: usize| table[row][column] as f64;
    let n: f64 = 2.0 * table.iter().flatten().map(|&n| n as f64).sum::<f64>();
    let open = count(1, 1) / n;
    let fixed = [
        (2.0 * count(2, 2) + count(2, 1) + count(1, 2)) / n,
        (2.0 * count(2, 0) + count(2, 1) + count(1, 0)) / n,
        (2.0 * count(0, 2) + count(1, 2) + count(0, 1)) / n,
        (2.0 * count(0, 0) + count(1, 0) + count(0, 1)) / n,
    ];
    let (a, b) = (fixed[0] + fixed[1] + open, fixed[0] + fixed[2] + open);
    let variance = a * (1.0 - a) * b * (1.0 - b);
    if variance.is_nan() || variance <= 0.0 {
        return f64::NAN;
    }
    let d = likeliest(&fixed, open, (a, b)) - a * b;
    d * d / variance
}

/// The frequency of ALT with ALT, by haplotypes whose phase is known (`fixed`) and those that are `open`.
fn likeliest(fixed: &[f64; 4], open: f64, (a, b): (f64, f64)) -> f64 {
    if open <= 0.0 {
        return fixed[0];
    }
    let k = 1.0 - a - b;
    // (x − f)(x(x + k) + (a − x)(b − x)) = open·x(x + k), as x³ + p x² + q x + r = 0.
    let f = fixed[0];
    let p = (k - a - b - 2.0 * f - open) / 2.0;
    let q = (a * b - f * (k - a - b) - open * k) / 2.0;
    let r = -f * a * b / 2.0;
    let term = |count: f64, share: f64| if count > 0.0 { count * libm::log(share.max(f64::MIN_POSITIVE)) } else { 0.0 };
    let likelihood = |x: f64| {
        let shares = [x, a - x, b - x, x + k];
        let of_fixed: f64 = fixed.iter().zip(shares).map(|(&count, share)| term(count, share)).sum();
        of_fixed + term(open, shares[0] * shares[3] + shares[1] * shares[2])
    };
    let inside = |x: f64| x.clamp(f, f + open);
    let mut best = (f64::NEG_INFINITY, a * b);
    for x in cubic_roots(p, q, r).into_iter().flatten() {
        // Roots outside of what the counts allow are not meant; rounding may put one on the border's far side.
        if x < f - 1e-9 || x > f + open + 1e-9 {
            continue;
        }
        let likelihood = likelihood(inside(x));
        if likelihood > best.0 {
            best = (likelihood, inside(x));
        }
    }
    best.1
}

/// Real roots of x³ + p x² + q x + r.
fn cubic_roots(p: f64, q: f64, r: f64) -> [Option<f64>; 3] {
    let shift = p / 3.0;
    let (u, v) = (q - p * shift, shift * (2.0 * shift * shift - q) + r);
    let discriminant = v * v / 4.0 + u * u * u / 27.0;
    let polished = |root: f64| {
        let mut x = root - shift;
        for _ in 0..3 {
            let slope = (3.0 * x + 2.0 * p) * x + q;
            let step = (((x + p) * x + q) * x + r) / slope;
            if step.is_finite() && step.abs() < 1e-3 {
                x -= step;
            }
        }
        Some(x)
    };
    if discriminant > 0.0 {
        let root = discriminant.sqrt();
        let sum = libm::cbrt(-v / 2.0 + root) + libm::cbrt(-v / 2.0 - root);
        return [polished(sum), None, None];
    }
    let radius = 2.0 * (-u / 3.0).max(0.0).sqrt();
    if radius == 0.0 {
        return [polished(0.0), None, None];
    }
    let angle = libm::acos((3.0 * v / (u * radius)).clamp(-1.0, 1.0)) / 3.0;
    let third = 2.0 * std::f64::consts::PI / 3.0;
    [0.0, 1.0, 2.0].map(|i| polished(radius * libm::cos(angle - third * i)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(seed: u64, n: usize, missing: u64) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        (0..n)
            .map(|_| if next() % 100 < missing { MISSING_CALL } else { [0, 0, 0, 1, 1, 2][(next() % 6) as usize] })
            .collect()
    }

    #[test]
    fn tables_count_samples_that_have_both() {
        for (n, missing) in [(1, 0), (64, 0), (200, 0), (333, 10), (1000, 40)] {
            for (a, b) in [(calls(1, n, missing), calls(2, n, 0)), (calls(3, n, missing), calls(4, n, missing))] {
                let mut expected = [[0; 3]; 3];
                for (&a, &b) in a.iter().zip(&b).filter(|&(&a, &b)| a != MISSING_CALL && b != MISSING_CALL) {
                    expected[usize::from(a)][usize::from(b)] += 1;
                }
                let (a, b) = (CallPlanes::new(&a), CallPlanes::new(&b));
                assert_eq!(a.table(&b), expected);
                assert_eq!(r2_of_genotypes(&a.table(&b)).to_bits(), r2_of_genotypes(&b.table(&a)).to_bits());
            }
        }
    }

    #[test]
    fn dosages_of_calls_have_the_calls_r2() {
        for missing in [0, 20] {
            let (a, b) = (calls(5, 500, missing), calls(6, 500, missing));
            let b: Vec<u8> = a.iter().zip(b).map(|(&a, b)| if b == 1 { b } else { a }).collect();
            let dosages = |calls: &[u8]| -> Vec<f32> {
                calls.iter().map(|&call| if call == MISSING_CALL { f32::NAN } else { call.into() }).collect()
            };
            let of_calls = r2_of_genotypes(&CallPlanes::new(&a).table(&CallPlanes::new(&b)));
            assert!((r2_of_dosages(&dosages(&a), &dosages(&b)) - of_calls).abs() < 1e-12, "{of_calls}");
            assert!(of_calls > 0.05);
        }
        assert!(r2_of_dosages(&[0.1; 9], &[0.0, 1.0, 2.0, 1.0, 0.5, 1.0, 2.0, 0.0, 1.0]).is_nan());
        assert!(r2_of_genotypes(&[[3, 4, 5], [0; 3], [0; 3]]).is_nan());
        assert!(r2_of_genotypes(&[[0; 3]; 3]).is_nan() && r2_of_haplotypes(&[[0; 3]; 3]).is_nan());
    }

    #[test]
    fn haplotypes_are_those_that_iterating_finds() {
        for seed in 0..300 {
            let n = 20 + seed as usize * 3;
            let (a, noise) = (calls(seed, n, 3), calls(seed + 1000, n, 0));
            let keep = (seed % 3) as u8;
            let b: Vec<u8> = a.iter().zip(noise).map(|(&a, b)| if b == keep { b } else { a }).collect();
            let table = CallPlanes::new(&a).table(&CallPlanes::new(&b));
            let (found, expected) = (r2_of_haplotypes(&table), iterated(&table));
            assert!(found.is_nan() == expected.is_nan(), "{table:?}");
            assert!(found.is_nan() || (found - expected).abs() < 1e-6, "{table:?}: {found} {expected}");
        }
    }

    /// By expectation and maximisation, from linkage equilibrium.
    fn iterated(table: &[[u64; 3]; 3]) -> f64 {
        let mut known = [[0.0; 2]; 2];
        let (mut open, mut total) = (0.0, 0.0);
        for (x, row) in table.iter().enumerate() {
            for (y, &n) in row.iter().enumerate() {
                let n = n as f64;
                total += 2.0 * n;
                match (x, y) {
                    (1, 1) => open += n,
                    (1, _) => (0..2).for_each(|i| known[i][y / 2] += n),
                    (_, 1) => (0..2).for_each(|i| known[x / 2][i] += n),
                    _ => known[x / 2][y / 2] += 2.0 * n,
                }
            }
        }
        let (a, b) = ((known[1][0] + known[1][1] + open) / total, (known[0][1] + known[1][1] + open) / total);
        let mut x = a * b;
        for _ in 0..100_000 {
            let (same, other) = (x * (1.0 - a - b + x), (a - x) * (b - x));
            let share = if same + other > 0.0 { same / (same + other) } else { 0.5 };
            x = (known[1][1] + open * share) / total;
        }
        let d = x - a * b;
        d * d / (a * (1.0 - a) * b * (1.0 - b))
    }
}
