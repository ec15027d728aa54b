//! An even choice from a list whose length is not known beforehand, in bounded memory.

/// Keeps every k-th of what is pushed, k being a power of two that grows so that at most twice the wanted number is held.
#[derive(Debug)]
pub(super) struct Decimator<T> {
    wanted: usize,
    stride: u64,
    n_pushed: u64,
    held: Vec<T>,
}

impl<T> Decimator<T> {
    pub(super) fn new(wanted: usize) -> Self {
        Self { wanted: wanted.max(1), stride: 1, n_pushed: 0, held: Vec::new() }
    }

    /// Takes the next one; `make` is called only if it is kept for now.
    pub(super) fn push(&mut self, make: impl FnOnce() -> T) {
        if self.n_pushed.is_multiple_of(self.stride) {
            self.held.push(make());
        }
        self.n_pushed += 1;
        if self.held.len() > 2 * self.wanted {
            let mut idx = 0;
            self.held.retain(|_| {
                idx += 1;
                idx % 2 == 1
            });
            self.stride *= 2;
        }
    }

    /// How many were pushed.
    pub(super) fn n_pushed(&self) -> u64 {
        self.n_pushed
    }

    /// The wanted number, evenly; all where there are fewer.
    pub(super) fn finish(self) -> Vec<T> {
        let (n, wanted) = (self.held.len(), self.wanted);
        if n <= wanted {
            return self.held;
        }
        let mut next = 0;
        let keep = |i: usize| {
            let is_kept = i == next * n / wanted;
            next += usize::from(is_kept);
            is_kept
        };
        let mut keep = keep;
        self.held.into_iter().enumerate().filter(|&(i, _)| keep(i)).map(|(_, item)| item).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(n: u64, wanted: usize) -> Vec<u64> {
        let mut decimator = Decimator::new(wanted);
        for i in 0..n {
            decimator.push(|| i);
        }
        assert_eq!(decimator.n_pushed(), n);
        decimator.finish()
    }

    #[test]
    fn the_choice_is_even_and_of_the_wanted_size() {
        assert_eq!(chosen(0, 5), [] as [u64; 0]);
        assert_eq!(chosen(5, 5), [0, 1, 2, 3, 4]);
        for n in [11, 100, 1_000, 12_345] {
            let chosen = chosen(n, 10);
            assert_eq!(chosen.len(), 10, "{n}");
            let gaps: Vec<u64> = chosen.windows(2).map(|w| w[1] - w[0]).collect();
            let (least, most) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
            assert!(most <= &(2 * least), "{n}: {chosen:?}");
            assert!(chosen[9] + 2 * most >= n, "{n}: {chosen:?}");
        }
    }
}
