//! The bin of −log10 p of a pair by its t², without computing p: the bins' edges are turned into t² once for each number of degrees of
//! freedom.

use std::sync::OnceLock;

use norna_kernels::student;

use super::manhattan::LOG10P_BINS;

/// Cells of t² of the table of first guesses: each power of two from 2^LOWEST on is cut into 8.
const CELLS: usize = 8 * 18;
const LOWEST: u32 = 127 - 8;

/// Edges of the bins in t² for some degrees of freedom.
pub(super) struct Edges {
    /// Lower edges, and the floor.
    t2: [f64; LOG10P_BINS + 1],
    /// For a cell of t²: the bin of its lower end.
    guesses: [u8; CELLS],
}

impl Edges {
    fn new(df: f64, floor: f64) -> Self {
        let mut t2 = [0.0; LOG10P_BINS + 1];
        for (bin, edge) in t2.iter_mut().enumerate().skip(1) {
            let t = student::t_for_log10_p(floor * bin as f64 / LOG10P_BINS as f64, df);
            *edge = t * t;
        }
        let mut guesses = [0; CELLS];
        for (cell, guess) in guesses.iter_mut().enumerate().skip(1) {
            let low = f64::from(f32::from_bits((LOWEST << 23) + ((cell as u32) << 20)));
            *guess = (t2.partition_point(|&edge| edge <= low) - 1) as u8;
        }
        Self { t2, guesses }
    }

    /// The bin of a pair, from 0; [`LOG10P_BINS`] at or above the floor. `t2` is a number.
    pub(super) fn bin(&self, t2: f64) -> usize {
        let bits = (t2 as f32).to_bits().saturating_sub(LOWEST << 23) >> 20;
        // Rounding to f32 may lead a cell too far.
        let mut bin = usize::from(self.guesses[(bits.saturating_sub(1) as usize).min(CELLS - 1)]);
        while bin < LOG10P_BINS && t2 >= self.t2[bin + 1] {
            bin += 1;
        }
        bin
    }
}

/// [`Edges`] by degrees of freedom, made when they are first asked for; any number of threads may ask.
pub(super) struct EdgeTables {
    floor: f64,
    /// By whole degrees of freedom; the last is of the normal distribution.
    tables: Vec<OnceLock<Box<Edges>>>,
}

impl EdgeTables {
    /// Of at most `n_samples` degrees of freedom. `floor`: −log10 p above the bins.
    pub(super) fn new(n_samples: u32, floor: f64) -> Self {
        let tables = (0..n_samples as usize + 2).map(|_| OnceLock::new()).collect();
        Self { floor, tables }
    }

    /// Edges for some degrees of freedom, a whole number or infinite; `None` where there is no test.
    pub(super) fn get(&self, df: f64) -> Option<&Edges> {
        if df.is_nan() || df < 1.0 {
            return None;
        }
        let place = if df.is_infinite() { self.tables.len() - 1 } else { df as usize };
        self.tables.get(place).map(|table| &**table.get_or_init(|| Box::new(Edges::new(df, self.floor))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_those_of_p() {
        let tables = EdgeTables::new(1_000_000, 4.0);
        for df in [1.0, 2.0, 7.0, 353.0, 9_000.0, 1e6, f64::INFINITY] {
            let edges = tables.get(df).unwrap();
            for i in 0..20_000 {
                let t = f64::from(i) * f64::from(i) * 4e-7 * if df < 3.0 { 100.0 } else { 1.0 };
                let log10p = student::log10_p(t, df);
                let bin = ((log10p * 8.0) as usize).min(LOG10P_BINS);
                let near = (log10p * 8.0 - (log10p * 8.0).round()).abs() < 1e-9;
                assert!(edges.bin(t * t) == bin || near, "{df} {t} {log10p}");
            }
            assert_eq!(edges.bin(f64::INFINITY), LOG10P_BINS);
        }
        assert!(tables.get(0.0).is_none() && tables.get(-3.0).is_none() && tables.get(f64::NAN).is_none());
    }
}
