//! Weights of which one changes at a time and one is drawn in proportion: a Fenwick tree (Fenwick 1994).

/// Sums over powers of two of weights.
#[derive(Debug, Clone)]
pub struct PrefixSums {
    sums: Vec<f64>,
    values: Vec<f64>,
}

impl PrefixSums {
    /// Of `values`, none negative.
    pub fn new(values: Vec<f64>) -> Self {
        let mut sums = values.clone();
        for i in 1..=sums.len() {
            let above = i + (i & i.wrapping_neg());
            if above <= sums.len() {
                sums[above - 1] += sums[i - 1];
            }
        }
        Self { sums, values }
    }

    /// The weight of an entry.
    pub fn value(&self, idx: usize) -> f64 {
        self.values[idx]
    }

    /// Changes a weight.
    pub fn set(&mut self, idx: usize, value: f64) {
        let change = value - self.values[idx];
        self.values[idx] = value;
        let mut i = idx + 1;
        while i <= self.sums.len() {
            self.sums[i - 1] += change;
            i += i & i.wrapping_neg();
        }
    }

    /// The sum of all weights.
    pub fn total(&self) -> f64 {
        let mut sum = 0.0;
        let mut i = self.sums.len();
        while i > 0 {
            sum += self.sums[i - 1];
            i &= i - 1;
        }
        sum
    }

    /// The entry within whose share `at`, from 0 to the total, lies.
    pub fn find(&self, mut at: f64) -> usize {
        let n = self.sums.len();
        let mut found = 0;
        let mut step = (n + 1).next_power_of_two() >> 1;
        while step > 0 {
            let next = found + step;
            if next <= n && self.sums[next - 1] <= at {
                found = next;
                at -= self.sums[next - 1];
            }
            step >>= 1;
        }
        found.min(n - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_plain_sum_finds() {
        for n in [1, 2, 3, 7, 8, 9] {
            let mut sums = PrefixSums::new((0..n).map(|i| f64::from(i + 1)).collect());
            sums.set(0, 5.0);
            assert_eq!(sums.total(), f64::from(n * (n + 1) / 2 + 4));
            let mut before = 0.0;
            for i in 0..n as usize {
                assert_eq!(sums.find(before), i);
                before += sums.value(i);
                assert_eq!(sums.find(before - 0.5), i);
            }
            assert_eq!(sums.find(before + 1.0), n as usize - 1);
        }
    }
}
