//! Genotypes as an imputation server gives them, from the true ones.
//!
//! A haplotype's dose a, the probability that it carries ALT, is drawn so that it is calibrated: if doses are Beta(α, β)
//! and P(ALT | a) = a, then given the truth they are Beta(α + 1, β) or Beta(α, β + 1), and r² between dose and truth is
//! 1/(α + β + 1). Doses lie on a grid of thousandths, as Minimac and Beagle write them; a variant's α and β come from its
//! frequency and its quality, which is lower where the variant is rare.

use super::random::Stream;

/// Points of the grid: 0 to 1 in thousandths.
const N_GRID: usize = 1001;

/// Genotypes of one variant. Calls: bit 0 is the first haplotype, bit 1 the second, 4 missing.
#[derive(Debug, Clone, Default)]
pub struct ImputedRow {
    /// Best guesses.
    pub calls: Vec<u8>,
    /// DS in thousandths, 0 to 2000.
    pub dosages: Vec<u16>,
    /// GP in thousandths; sums to 1000 and agrees with DS.
    pub probabilities: Vec<[u16; 3]>,
    /// Estimated r², var(a) / (ā(1 − ā)), as Minimac's R2; 0 without variation.
    pub r2: f64,
    /// Mean dose.
    pub frequency: f64,
}

/// Draws doses of one variant at a time.
pub struct Imputer {
    log_grid: Vec<f64>,
    carrier: Table,
    other: Table,
}

impl Default for Imputer {
    fn default() -> Self {
        let log_grid = (0..N_GRID).map(|k| libm::log(k as f64 / 1000.0)).collect();
        Self { log_grid, carrier: Table::default(), other: Table::default() }
    }
}

impl Imputer {
    /// Imputes the variant whose true calls (as in [`ImputedRow`]) are `truth` and whose ALT frequency is `frequency`.
    pub fn impute(&mut self, truth: &[u8], frequency: f64, stream: &mut Stream, out: &mut ImputedRow) {
        let maf = frequency.min(1.0 - frequency);
        let quality = (maf / (maf + 0.005) * (0.85 + 0.145 * stream.uniform())).clamp(0.05, 0.99);
        self.prepare(frequency, 1.0 / quality - 1.0);
        out.calls.clear();
        out.dosages.clear();
        out.probabilities.clear();
        let (mut sum, mut squares) = (0_u64, 0_u64);
        for &call in truth {
            let mut dose = |carries: bool| {
                let table = if carries { &self.carrier } else { &self.other };
                table.draw(stream.bits32())
            };
            let (a, b) = (dose(call & 1 == 1), dose(call & 2 == 2));
            sum += u64::from(a) + u64::from(b);
            squares += u64::from(a) * u64::from(a) + u64::from(b) * u64::from(b);
            let both = (u32::from(a) * u32::from(b) + 500) / 1000;
            let dosage = a + b;
            let p2 = both as u16;
            let p1 = dosage - 2 * p2;
            let p0 = 1000 - p1 - p2;
            out.dosages.push(dosage);
            out.probabilities.push([p0, p1, p2]);
            out.calls.push(match (p0 >= p1 && p0 >= p2, p1 >= p2, a >= b) {
                (true, _, _) => 0,
                (_, false, _) => 3,
                (_, _, true) => 1,
                _ => 2,
            });
        }
        let n = 2.0 * truth.len() as f64;
        let mean = sum as f64 / (1000.0 * n);
        let variance = squares as f64 / (1e6 * n) - mean * mean;
        out.frequency = mean;
        out.r2 = if mean > 0.0 && mean < 1.0 { (variance / (mean * (1.0 - mean))).clamp(0.0, 1.0) } else { 0.0 };
    }

    fn prepare(&mut self, frequency: f64, sum: f64) {
        let (alpha, beta) = (frequency * sum, (1.0 - frequency) * sum);
        let mut mass = vec![0.0; N_GRID];
        for (k, mass) in mass.iter_mut().enumerate().take(N_GRID - 1).skip(1) {
            let log = (alpha - 1.0) * self.log_grid[k] + (beta - 1.0) * self.log_grid[1000 - k];
            *mass = 1e-3 * libm::exp(log);
        }
        // The density may be infinite at the ends: its integral over half a step.
        mass[0] = libm::pow(5e-4, alpha) / alpha;
        mass[N_GRID - 1] = libm::pow(5e-4, beta) / beta;
        self.carrier.fill(mass.iter().enumerate().map(|(k, m)| m * k as f64));
        self.other.fill(mass.iter().enumerate().map(|(k, m)| m * (1000 - k) as f64));
    }
}

/// A distribution on the grid, drawn from in constant time (Walker's aliases, 1977; Vose 1991).
#[derive(Debug, Default)]
struct Table {
    thresholds: Vec<u32>,
    aliases: Vec<u16>,
    shares: Vec<f64>,
    small: Vec<u16>,
    large: Vec<u16>,
}

/// Cells of a table: a power of two, so that ten bits choose one.
const N_CELLS: usize = 1024;

impl Table {
    fn fill(&mut self, weights: impl Iterator<Item = f64>) {
        self.shares.clear();
        self.shares.extend(weights);
        self.shares.resize(N_CELLS, 0.0);
        let scale = N_CELLS as f64 / self.shares.iter().sum::<f64>();
        self.shares.iter_mut().for_each(|share| *share *= scale);
        self.thresholds.clear();
        self.thresholds.resize(N_CELLS, u32::MAX);
        self.aliases.clear();
        self.aliases.extend(0..N_CELLS as u16);
        self.small.clear();
        self.large.clear();
        for (k, &share) in self.shares.iter().enumerate() {
            if share < 1.0 { self.small.push(k as u16) } else { self.large.push(k as u16) }
        }
        while let (Some(small), Some(&large)) = (self.small.pop(), self.large.last()) {
            let share = self.shares[small as usize];
            self.thresholds[small as usize] = (share * f64::from(1 << 22)) as u32;
            self.aliases[small as usize] = large;
            let left = &mut self.shares[large as usize];
            *left -= 1.0 - share;
            if *left < 1.0 {
                self.large.pop();
                self.small.push(large);
            }
        }
    }

    /// A thousandth for 32 random bits.
    fn draw(&self, bits: u32) -> u16 {
        let cell = bits as usize % N_CELLS;
        if bits >> 10 < self.thresholds[cell] { cell as u16 } else { self.aliases[cell] }
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::Purpose;
    use super::*;

    #[test]
    fn doses_are_calibrated_and_consistent() {
        let mut stream = Stream::new(3, Purpose::Imputation, 0, 0);
        for frequency in [0.002, 0.05, 0.4, 0.9] {
            let truth: Vec<u8> = (0..50_000)
                .map(|_| u8::from(stream.uniform() < frequency) + 2 * u8::from(stream.uniform() < frequency))
                .collect();
            let mut row = ImputedRow::default();
            Imputer::default().impute(&truth, frequency, &mut stream, &mut row);
            let (mut high, mut carried, mut doses) = (0.0, 0.0, 0.0);
            for ((&call, &dosage), [p0, p1, p2]) in truth.iter().zip(&row.dosages).zip(&row.probabilities) {
                assert_eq!(p0 + p1 + p2, 1000);
                assert_eq!(p1 + 2 * p2, dosage);
                if dosage > 200 {
                    high += 1.0;
                    carried += f64::from(call.count_ones());
                    doses += f64::from(dosage) / 1000.0;
                }
            }
            assert!((carried - doses).abs() < 5.0 * f64::sqrt(high) + 0.02 * doses, "{frequency}: {carried} {doses}");
            assert!(row.r2 > 0.1 && row.r2 <= 1.0, "{frequency}: {}", row.r2);
            for (call, p) in row.calls.iter().zip(&row.probabilities) {
                assert_eq!(p[call.count_ones() as usize], *p.iter().max().unwrap());
            }
        }
    }
}
